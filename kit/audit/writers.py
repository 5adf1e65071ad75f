"""Verification of writers: does one belong to the deployment, does it write only what it may, did it sign
its chain's end (L2.5)?
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from kit.audit.calls import Facts, began
from kit.audit.examination import Finding
from kit.audit.sources import Source, sealed_object
from lambdas.common.audit.chain import hour_prefix, parse_line
from lambdas.common.audit.introduction import Introduced, NotIntroduced, WriterKeys, read_introduction
from lambdas.common.audit.manifest import HOUR, first_of, hour_of

# Who may say of a call that it began, and that it ended. Every other kind stands for itself.
_MAY_SAY: Mapping[str, frozenset[str]] = {
    "intent": frozenset({"gateway"}),
    "outcome": frozenset({"gateway", "sweeper"}),
}
_SAID = {"intent": 0, "outcome": 2}  # where a call of `Facts` has what a record of the kind says


class Writers:
    """The writers seen so far.

    `demanded` says whether writers that begin now must introduce themselves, which is not the case in hours
    sealed before introductions existed. Without `keys` introductions cannot be verified.
    """

    def __init__(self, source: Source, keys: WriterKeys | None, *, demanded: bool) -> None:
        self._source = source
        self._keys = keys
        self.demanded = demanded
        self._known: dict[str, Introduced | None] = {}  # None: exempt, or reported
        self._heads: dict[str, tuple[str, bytes]] = {}  # by writer: key and last line of its newest object

    def take(
        self, writer: str, key: str, first: Mapping[str, Any] | None, head: tuple[str, bytes]
    ) -> Iterator[Finding]:
        """Add the next object, or objects, of a writer: key and first record of the first, key and last
        line of the last.

        Return what is wrong with their author.
        """
        if writer not in self._known:
            yield from self._meet(writer, key, first)
        if self._known[writer] is not None:
            self._heads[writer] = head

    def process(self, writer: str) -> str:
        """Return the public key of the process behind a writer; empty if it has none that is trusted."""
        known = self._known.get(writer)
        return known.public_key if known else ""

    def overstepping(self, writer: str, key: str, facts: Facts) -> Iterator[Finding]:
        """Yield records of a kind that this writer may not write."""
        known = self._known.get(writer)
        if known is None:
            return
        for kind, place in _SAID.items():
            if known.name not in _MAY_SAY[kind]:
                for request_id, call in facts.calls.items():
                    if call[place] is not None:
                        yield Finding("record-unauthorised", key, f"{writer} wrote {kind} {request_id}")

    def unsigned_heads(self) -> Iterator[Finding]:
        """Yield writers whose chain does not end with their own signature."""
        for writer, (key, line) in self._heads.items():
            known = self._known[writer]
            if known is not None and not known.signed(line):
                yield Finding(
                    "head-unsigned", key, f"the end of {writer} is not signed by it: its tail was rewritten"
                )
        self._heads.clear()

    def _meet(self, writer: str, key: str, record: Mapping[str, Any] | None) -> Iterator[Finding]:
        self._known[writer] = None
        if self._keys is None or not self.demanded:
            return
        first = first_of(key)
        if first:
            record = self._first_record(writer)
        if record is None and first:
            yield Finding(
                "writer-unknown", key, f"the beginning of {writer} is not there, so nobody vouches for it"
            )
            return
        try:
            self._known[writer] = read_introduction(record or {}, writer, self._keys)
        except NotIntroduced as error:
            yield Finding("writer-unknown", key, f"{writer}: {error}")

    def _first_record(self, writer: str) -> dict[str, Any] | None:
        """Return the first record of a writer that began before the span."""
        made = began(writer.rpartition("-")[2])
        if made.year < 2000:
            return None
        for hour in (hour_of(made), hour_of(made + timedelta(minutes=1)), hour_of(made) + HOUR):
            key = f"{hour_prefix(hour)}{writer}/{0:012d}.jsonl"
            data = self._source.get(key) or sealed_object(self._source, key)
            if data:
                return parse_line(data.split(b"\n", 1)[0])
        return None

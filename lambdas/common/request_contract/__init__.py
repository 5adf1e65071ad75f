"""The request contract: every field, tool, block and beta that a call may use (L1.10, G.9).

`contract.json` is shipped. For each field and tool it says who may use it (`needs`: a permission of the
department), how it is inspected and priced, and which parameters it has. Between versions of the kit, an
organisation can allow an `Addition`: stored with its approver as `policy/request-contract.json` in the
governance bucket, it takes effect within 15 seconds (`kit contract allow`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast, get_args

ADDITIONS_KEY = "policy/request-contract.json"
Kind = Literal["field", "tool", "block", "beta"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_FILE = Path(__file__).with_name("contract.json")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a request may use. `needs` is a permission; empty: none needed. `needs_of` are
    permissions for single values. `parameters` are all that it may have; empty: not restricted.
    """

    name: str
    says: str = ""
    needs: str = ""
    needs_of: Mapping[str, str] | None = None
    inspected: str = ""
    priced: str = ""
    parameters: frozenset[str] = frozenset()
    edits: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Addition:
    """Something that an organisation allows beyond the shipped contract."""

    kind: Kind
    name: str
    approved_by: str
    reason: str
    at: str


@dataclass(frozen=True, slots=True)
class RequestContract:
    """The contract in force."""

    version: str
    sdk: str
    claude_code: str
    fields: Mapping[str, Entry]
    tools: Mapping[str, Entry]
    blocks: frozenset[str]
    betas: Mapping[str, Entry]

    def permissions(self) -> list[str]:
        """Return every permission that an entry needs."""
        entries = [*self.fields.values(), *self.tools.values(), *self.betas.values()]
        return sorted(
            {one.needs for one in entries if one.needs}
            | {need for one in entries for need in (one.needs_of or {}).values()}
            | {"skills"}
        )

    def with_additions(self, additions: tuple[Addition, ...]) -> "RequestContract":
        """Return the contract extended by what the organisation allows."""
        added: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
        for one in additions:
            added[one.kind][one.name] = Entry(one.name, says=f"allowed by {one.approved_by}")
        return RequestContract(
            self.version,
            self.sdk,
            self.claude_code,
            {**added["field"], **self.fields},
            {**added["tool"], **self.tools},
            self.blocks | added["block"].keys(),
            {**added["beta"], **self.betas},
        )


@cache
def shipped() -> RequestContract:
    """Return the contract shipped with this version of the kit."""
    raw = json.loads(_FILE.read_text("utf-8"))
    return RequestContract(
        raw["version"],
        raw["sdk"],
        raw["claude_code"],
        _entries(raw["fields"]),
        _entries(raw["tools"]),
        frozenset(raw["blocks"]),
        _entries(raw["betas"]),
    )


def _entries(raw: Mapping[str, Any]) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for name, one in raw.items():
        needs = one.get("needs", "")
        entries[name] = Entry(
            name,
            one.get("says", ""),
            needs if isinstance(needs, str) else "",
            cast("dict[str, str]", needs) if isinstance(needs, dict) else None,
            one.get("inspected", ""),
            one.get("priced", ""),
            frozenset(one.get("parameters", ())),
            frozenset(one.get("edits", ())),
        )
    return entries


def parse_additions(document: bytes) -> tuple[Addition, ...]:
    """Parse the additions in a document. Raises `ValueError` for anything else, so that nothing is allowed
    by mistake.
    """
    try:
        raw = json.loads(document)["additions"]
        additions = tuple(Addition(**one) for one in raw)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"no additions to the request contract: {error}") from None
    for one in additions:
        if one.kind not in KINDS or not all(isinstance(text, str) and text for text in _texts(one)):
            raise ValueError(f"no addition to the request contract: {one}")
    return additions


def _texts(one: Addition) -> tuple[Any, ...]:  # as the document has them
    return one.name, one.approved_by, one.reason, one.at

"""One writer's chain over a store that may fail: a failed put does not advance the chain (L2.5).

If a caller has learned that a record is not durable, the chain says so as soon as it continues: an
`unconfirmed` record names the requests whose records failed and where they may exist nevertheless. So an
intent without an outcome always has a recorded reason while the process lives; after that the sweeper
records one.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.common.audit.chain import Chain, Draft, begin, hour_prefix, make_tail
from lambdas.common.audit.introduction import Identity, Introducer
from lambdas.common.audit.store import LoopObjectStore, NotWritten, ObjectStore, Occupied, Unsure
from lambdas.common.clock import Clock, utc_now
from lambdas.common.ids import new_id

CONTENT_TYPE = "application/x-ndjson"
INTENT = "intent"
_MOST_NAMED = 20_000  # maximum number of failures in one record

_Put = Callable[..., Awaitable[None]]
_Identify = Callable[[str], Awaitable[Identity]]


class AuditUnavailable(Exception):
    """The record is not durable, so the action it stands for must not proceed."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """A record that failed. If an intent failed, the call was never sent, so it need not be named."""

    kind: str
    request_id: str | None
    reason: str


class _Chained:
    """Behaviour common to both journals, independent of how objects are put."""

    def __init__(self, name: str, clock: Clock) -> None:
        self._name = name
        self._clock = clock
        self._chain: Chain | None = None
        self._hour = ""  # of the chain's newest object
        self._identity: Identity | None = None
        self._failures: deque[_Failure] = deque()
        self._in_doubt: list[dict[str, Any]] = []

    def failed(self, kind: str, request_id: str | None, reason: str) -> None:
        """Note a record that is not durable, which the chain will report. Does not block."""
        if len(self._failures) < _MOST_NAMED:
            self._failures.append(_Failure(kind, request_id, reason))

    async def _write(self, drafts: Sequence[Draft], put: _Put, identify: _Identify | None) -> str:
        try:
            if identify and self._identity is None:
                self._identity = await self._introduced(identify)
            try:
                return await self._put(drafts, put)
            except Occupied:  # another process has our name: a copy of this one
                self._chain = None
                return await self._put(drafts, put)
        except NotWritten as error:
            self._all_failed(drafts, error.reason)
            raise AuditUnavailable(error.reason) from None
        except asyncio.CancelledError:
            self._all_failed(drafts, "cancelled")
            raise

    async def _introduced(self, identify: _Identify) -> Identity:
        try:
            return await identify(self._name)
        except (BotoCoreError, ClientError) as error:  # the writer cannot be authenticated
            raise NotWritten(f"introduction:{type(error).__name__}") from None

    def _all_failed(self, drafts: Sequence[Draft], reason: str) -> None:
        for draft in drafts:
            self.failed(draft.kind, draft.request_id, reason)

    async def _put(self, drafts: Sequence[Draft], put: _Put) -> str:
        now = self._clock()
        if hour_prefix(now) < self._hour:  # the clock was set back, and hours are read in order
            self._chain = None
        chain = self._chain or begin(f"{self._name}-{new_id(clock=self._clock)}")
        failures = list(self._failures)
        unconfirmed = [self._unconfirmed(failures, now)] if failures else []
        identity = self._identity
        first = [_introduction(identity, now)] if identity and chain.sequence == 0 else []
        batch = chain.extend([*first, *unconfirmed, *drafts], identity.sign if identity else None)
        try:
            await put(batch.key(now), batch.data, batch.object_metadata(), CONTENT_TYPE)
        except (Unsure, asyncio.CancelledError):
            self._in_doubt.append({"writer": chain.writer, "from_sequence": chain.sequence})
            self._chain = None
            raise
        self._chain, self._hour = batch.after, hour_prefix(now)
        self._in_doubt.clear()
        for _ in failures:
            self._failures.popleft()
        return chain.writer

    def _unconfirmed(self, failures: Sequence[_Failure], now: datetime) -> Draft:
        named = dict.fromkeys(one.request_id for one in failures if one.request_id and one.kind != INTENT)
        record = {
            "kind": "unconfirmed",
            "reason": ",".join(sorted({one.reason for one in failures})),
            "records": len(failures),
            "requests": list(named),
            "in_doubt": list(self._in_doubt),
        }
        return _draft(record, now)


def _introduction(identity: Identity, now: datetime) -> Draft:
    return _draft(identity.introduction, now)


def _draft(record: Mapping[str, Any], now: datetime) -> Draft:
    """Return the draft of a record of the chain itself, which has no bodies and no copy."""
    record_id = new_id("rec_", clock=lambda: now)
    return Draft(record_id, record["kind"], None, make_tail(record_id, now, record, b"{}"), {})


class Journal(_Chained):
    """Writes drafts as objects, one after the other. `name` is the function's, from which writers are
    named.

    A writer is named at its first write and not at process start, so that processes restored from one
    snapshot get distinct names. If the end of a chain is in doubt, the chain is abandoned and a new one
    begins.
    """

    def __init__(
        self, name: str, store: ObjectStore, introducer: Introducer | None = None, *, clock: Clock = utc_now
    ) -> None:
        super().__init__(name, clock)
        self._store = store
        self._introducer = introducer
        self._lock = Lock()

    def write(self, drafts: Sequence[Draft]) -> str:
        """Put the drafts as one object and return the writer's name. Blocks. Raises `AuditUnavailable`."""

        async def put(*arguments: Any) -> None:
            self._store.put(*arguments)

        introducer = self._introducer

        async def identify(name: str) -> Identity:
            assert introducer is not None
            return introducer.identity(name)

        with self._lock:
            try:
                self._write(drafts, put, identify if introducer else None).send(None)
            except StopIteration as done:  # completes immediately, because nothing in it waits
                return done.value
        raise RuntimeError("a put that blocks cannot be waited for")


class LoopJournal(_Chained):
    """A `Journal` for an event loop."""

    def __init__(
        self,
        name: str,
        store: LoopObjectStore,
        introducer: Introducer | None = None,
        *,
        clock: Clock = utc_now,
    ) -> None:
        super().__init__(name, clock)
        self._store = store
        self._introducer = introducer

    async def write(self, drafts: Sequence[Draft]) -> str:
        """Put the drafts as one object and return the writer's name.

        Calls must not overlap. Raises `AuditUnavailable`.
        """
        introducer = self._introducer

        async def identify(name: str) -> Identity:
            assert introducer is not None
            return await asyncio.to_thread(introducer.identity, name)

        return await self._write(drafts, self._store.put, identify if introducer else None)

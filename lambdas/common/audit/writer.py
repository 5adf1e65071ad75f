"""The group-commit writer of a process: concurrent records are written together (L2.5)."""

import asyncio
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lambdas.common.audit.bodies import seal
from lambdas.common.audit.chain import Draft, make_tail
from lambdas.common.audit.journal import AuditUnavailable, Journal, LoopJournal
from lambdas.common.audit.metadata import MetadataCopies
from lambdas.common.clock import Clock, utc_now
from lambdas.common.ids import new_id
from lambdas.common.subject_keys import SubjectErased, SubjectKey, SubjectKeys

_INLINE_BYTES = 64 * 1024  # larger bodies are encrypted in a thread
_OBJECT_BYTES = 4 * 1024 * 1024  # maximum size after which an object takes no further record
_OBJECT_RECORDS = 1_000

_Waiting = tuple[Draft, "asyncio.Future[None]"]


class AuditWriter:
    """Appends records to one chain. A record is durable once the call returns, and not if it raises.

    A record needs a `kind`; with bodies it also needs `department`, and `subject` or `principal`, whose
    bodies they are. `append` is for event loops and never blocks them: records that arrive during a put are
    written together with the next. With a `LoopJournal` it puts on the loop itself, with a `Journal` in a
    thread of `pool`. `append_now` is for handler-style functions, needs a `Journal`, and blocks. A process
    uses one of the two.
    """

    def __init__(
        self,
        journal: Journal | LoopJournal,
        *,
        keys: SubjectKeys | None,
        pool: ThreadPoolExecutor,
        copies: MetadataCopies | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._journal = journal
        self._keys = keys
        self._pool = pool
        self._copies = copies
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._putting: asyncio.Task[None] | None = None
        self._loading: dict[tuple[str, str], asyncio.Task[SubjectKey]] = {}

    async def append(self, record: Mapping[str, Any], *, bodies: Mapping[str, bytes]) -> None:
        """Append one record.

        Raises:
            AuditUnavailable: the store refused or did not answer.
            SubjectErased: the bodies belong to a subject whose data were erased. The record was not
            written; it
                can be written without them.
            ValueError: the record lacks a field, or has one reserved for the chain.
        """
        given = {field: body for field, body in bodies.items() if body}
        key = await self._key(record) if given else None
        if sum(map(len, given.values())) > _INLINE_BYTES:
            draft = await self._in_thread(self._draft, record, key, given)
        else:
            draft = self._draft(record, key, given)
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((draft, durable))
        if self._putting is None:  # starts in the loop's next turn, to share a put
            self._putting = asyncio.create_task(self._put_what_waits())
        await durable

    def append_now(self, record: Mapping[str, Any], *, bodies: Mapping[str, bytes]) -> str:
        """Append one record, blocking, and return its record id. Raises as `append` does."""
        journal = self._journal
        if isinstance(journal, LoopJournal):
            raise TypeError("a journal of an event loop does not block")
        given = {field: body for field, body in bodies.items() if body}
        department, subject = _owner(record) if given else ("", "")
        try:
            key = self._known_keys().load(department, subject) if given else None
        except SubjectErased:  # a decision, not a failure of the store: nothing is left unconfirmed
            raise
        except Exception as error:
            self._journal.failed(record["kind"], record.get("request_id"), type(error).__name__)
            raise
        draft = self._draft(record, key, given)
        self._copy(journal.write([draft]), [draft])
        return draft.record_id

    def close(self) -> None:
        """Send pending metadata copies. Records need no closing: each is durable or was refused."""
        if self._copies is not None:
            self._copies.close()

    async def _put_what_waits(self) -> None:
        """Put objects until nothing is pending. A separate task, because a caller may be cancelled."""
        try:
            while self._waiting:
                await self._put_some()
        finally:
            self._putting = None

    async def _put_some(self) -> None:
        taken = self._take()
        drafts = [draft for draft, _ in taken]
        failure: AuditUnavailable | None = AuditUnavailable("cancelled")
        try:
            self._copy(await self._write(drafts), drafts)
            failure = None
        except Exception as error:  # whatever it is, the waiting callers must learn of it
            failure = AuditUnavailable(str(error))
        finally:
            _tell([durable for _, durable in taken], failure)

    async def _write(self, drafts: list[Draft]) -> str:
        if isinstance(self._journal, LoopJournal):
            return await self._journal.write(drafts)
        return await self._in_thread(self._journal.write, drafts)

    def _take(self) -> list[_Waiting]:
        """Remove and return the oldest pending records that fit into one object."""
        taken = [self._waiting.popleft()]
        size = len(taken[0][0].tail)
        while self._waiting and size <= _OBJECT_BYTES and len(taken) < _OBJECT_RECORDS:
            taken.append(self._waiting.popleft())
            size += len(taken[-1][0].tail)
        return taken

    def _copy(self, writer: str, drafts: list[Draft]) -> None:
        if self._copies is not None:
            for draft in drafts:
                self._copies.offer({**draft.metadata, "writer": writer})

    def _draft(self, record: Mapping[str, Any], key: SubjectKey | None, bodies: Mapping[str, bytes]) -> Draft:
        now = self._clock()
        record_id = new_id("rec_", clock=lambda: now)
        sealed = seal(key, record_id, bodies) if key else b"{}"
        tail = make_tail(record_id, now, record, sealed)
        metadata: dict[str, Any] = {}
        if self._copies is not None:
            metadata = {**record, "record_id": record_id, "at": now.isoformat(timespec="milliseconds")}
        return Draft(record_id, record["kind"], record.get("request_id"), tail, metadata)

    async def _key(self, record: Mapping[str, Any]) -> SubjectKey:
        keys, place = self._known_keys(), _owner(record)
        key = keys.cached(*place)
        if key is not None:
            return key
        loading = self._loading.get(place)
        if loading is None:
            loading = asyncio.create_task(self._in_thread(keys.load, *place))
            self._loading[place] = loading
            loading.add_done_callback(lambda _: self._loading.pop(place, None))
        try:
            return await asyncio.shield(loading)
        except SubjectErased:  # as in `append_now`
            raise
        except Exception as error:
            self._journal.failed(record["kind"], record.get("request_id"), type(error).__name__)
            raise

    def _known_keys(self) -> SubjectKeys:
        if self._keys is None:
            raise ValueError("this writer has no subject keys, so its records carry no bodies")
        return self._keys

    async def _in_thread(self, call: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._pool, call, *arguments)


def _tell(waiters: list["asyncio.Future[None]"], failure: AuditUnavailable | None) -> None:
    for durable in waiters:
        if durable.done():
            continue
        if failure is None:
            durable.set_result(None)
        else:
            durable.set_exception(failure)


def _owner(record: Mapping[str, Any]) -> tuple[str, str]:
    department, subject = record.get("department"), record.get("subject") or record.get("principal")
    if not department or not subject:
        raise ValueError("a record with bodies names department, and subject or principal")
    return department, subject

"""The door through which a process appends its records: together what waits together (L2.5)."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from lambdas.common.audit.bodies import seal
from lambdas.common.audit.chain import Draft, make_tail
from lambdas.common.audit.journal import AuditUnavailable, Journal
from lambdas.common.audit.metadata import MetadataCopies
from lambdas.common.clock import Clock, utc_now
from lambdas.common.ids import new_id
from lambdas.common.subject_keys import SubjectKey, SubjectKeys

_INLINE_BYTES = 64 * 1024  # bodies over this are sealed in a thread
_OBJECT_BYTES = 4 * 1024 * 1024  # an object takes no further record once it is over this
_OBJECT_RECORDS = 1_000

_Waiting = tuple[Draft, "asyncio.Future[None]"]


class AuditWriter:
    """Appends records to one chain. Returning means durable; anything raised means not.

    A record needs a `kind`; with bodies it also needs `department`, and `subject` or `principal`: whose the
    bodies are. `append` is for event loops and never blocks them: a thread of the writer's own puts, and what
    waits while a put is under way goes together into the next. `append_now` is for handler-style functions
    and blocks. One process uses either.
    """

    def __init__(
        self,
        journal: Journal,
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
        self._gathered: list[_Waiting] = []  # in this turn of the loop
        self._waiting: SimpleQueue[_Waiting] = SimpleQueue()
        self._thread: Thread | None = None
        self._loading: dict[tuple[str, str], asyncio.Task[SubjectKey]] = {}

    async def append(self, record: Mapping[str, Any], *, bodies: Mapping[str, bytes]) -> None:
        """Append one record.

        Raises:
            AuditUnavailable: the store refused or did not answer.
            SubjectErased: the bodies belong to somebody whose data were erased.
            ValueError: the record says too little, or what only the chain may say.
        """
        given = {field: body for field, body in bodies.items() if body}
        key = await self._key(record) if given else None
        if sum(map(len, given.values())) > _INLINE_BYTES:
            draft = await self._in_thread(self._draft, record, key, given)
        else:
            draft = self._draft(record, key, given)
        loop = asyncio.get_running_loop()
        durable: asyncio.Future[None] = loop.create_future()
        if not self._gathered:
            loop.call_soon(self._hand_over)
        self._gathered.append((draft, durable))
        await durable

    def append_now(self, record: Mapping[str, Any], *, bodies: Mapping[str, bytes]) -> str:
        """Append one record, blocking; its record id. Raises as `append` does."""
        given = {field: body for field, body in bodies.items() if body}
        department, subject = _owner(record) if given else ("", "")
        try:
            key = self._known_keys().load(department, subject) if given else None
        except Exception as error:
            self._journal.failed(record["kind"], record.get("request_id"), type(error).__name__)
            raise
        draft = self._draft(record, key, given)
        self._copy(self._journal.write([draft]), [draft])
        return draft.record_id

    def close(self) -> None:
        """Send the metadata copies that wait. Records need no closing: each is durable or was refused."""
        if self._copies is not None:
            self._copies.close()

    def _hand_over(self) -> None:
        """Give the thread what was gathered: those who were told together ask together, and share a put."""
        gathered, self._gathered = self._gathered, []
        for one in gathered:
            self._waiting.put(one)
        if self._thread is None:  # not before the first record: a snapshot of the process holds no thread
            self._thread = Thread(target=self._put_what_waits, name="audit-writer", daemon=True)
            self._thread.start()

    def _put_what_waits(self) -> None:
        """The writer's thread. A pool would cost two locks, a task and three turns of the loop per put."""
        while True:
            taken = self._take()
            drafts = [draft for draft, _ in taken]
            failure: AuditUnavailable | None = None
            try:
                self._copy(self._journal.write(drafts), drafts)
            except Exception as error:  # whatever it is, those who wait must hear of it
                failure = AuditUnavailable(str(error))
            for loop, waiters in groupby((durable for _, durable in taken), asyncio.Future.get_loop):
                try:
                    loop.call_soon_threadsafe(_tell, list(waiters), failure)
                except RuntimeError:  # the loop is closed: nobody waits there any more
                    continue

    def _take(self) -> list[_Waiting]:
        """The oldest that wait, as many as go into one object. Blocks until there is one."""
        taken = [self._waiting.get()]
        size = len(taken[0][0].tail)
        while size <= _OBJECT_BYTES and len(taken) < _OBJECT_RECORDS:
            try:
                taken.append(self._waiting.get_nowait())
            except Empty:
                break
            size += len(taken[-1][0].tail)
        return taken

    def _copy(self, writer: str, drafts: list[Draft]) -> None:
        if self._copies is not None:
            for draft in drafts:
                self._copies.offer({**draft.metadata, "writer": writer})

    def _draft(self, record: Mapping[str, Any], key: SubjectKey | None, bodies: Mapping[str, bytes]) -> Draft:
        now = self._clock()
        record_id = new_id("rec_", clock=lambda: now)
        plain = dict(record)
        sealed = seal(key, record_id, bodies) if key else b"{}"
        metadata = {**plain, "record_id": record_id, "at": now.isoformat(timespec="milliseconds")}
        return Draft(
            record_id,
            plain["kind"],
            plain.get("request_id"),
            make_tail(record_id, now, plain, sealed),
            metadata if self._copies else {},
        )

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
    """Runs in the loop of those who wait."""
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

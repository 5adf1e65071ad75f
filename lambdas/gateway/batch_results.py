"""Results of a batch, whatever their size: read, settled, recorded and delivered in chunks (L1.1, L1.6).

A chunk is a few lines, about a megabyte; at most two are in memory. Before a chunk is delivered its cost is
noted on the batch's item and its lines are recorded; the last chunk is delivered once the whole batch is
settled. A read that is interrupted, for whatever reason, resumes where it was: what was noted is not
charged or recorded again, and a client can ask for the lines after those it has (`?after_line=`).

If a line cannot be read, or has no usage, its cost is unknown, and the batch costs what was reserved.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.common.identities import Principal
from lambdas.common.json_text import json_bytes
from lambdas.common.ledger import Reservation
from lambdas.common.ledger.items import Cancelled, Change, Key, Store
from lambdas.gateway import errors
from lambdas.gateway.access_log import AccessEntry
from lambdas.gateway.answer_filter import AnswerFilter
from lambdas.gateway.belongings import Belongings, Owner
from lambdas.gateway.errors import ApiError
from lambdas.gateway.made import made_by
from lambdas.gateway.providers.transport import Response, TransportError
from lambdas.gateway.record import Recorder
from lambdas.gateway.settle import Cost, Settler

PART_BYTES = 1 << 20
LONGEST_LINE = 16 << 20  # of one result; a message of 300,000 tokens has about 2 MB
_SHORT_LINE_BYTES = 2 * 1024  # filtered in less time than a thread switch takes
_WITHOUT_CLASS = "internal"  # for batches created before their class was stored
_WITHOUT_MESSAGE = frozenset(("errored", "canceled", "expired"))

Deliver = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Progress:
    """Number of settled lines of a batch, and their cost. `certain` is 0 once a line had no credible
    figures.
    """

    lines: int = 0
    microusd: int = 0
    certain: int = 1

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> "Progress":
        """Return the progress in the batch's item."""
        return cls(item.get("read_lines", 0), item.get("read_microusd", 0), item.get("read_certain", 1))

    @property
    def attributes(self) -> dict[str, int]:
        """Return the attributes of the item."""
        return {"read_lines": self.lines, "read_microusd": self.microusd, "read_certain": self.certain}


@dataclass(slots=True)
class OwnBatch:
    """A batch of the caller, with its current item in the ledger's table."""

    principal: Principal
    id: str
    key: Key
    item: dict[str, Any]

    @property
    def owner(self) -> Owner:
        """Return the owner of files and containers in its results."""
        item = self.item
        data_class = item.get("data_class", _WITHOUT_CLASS)
        return Owner(
            item["principal"], self.principal.department, item["provider"], item["request_id"], data_class
        )

    @property
    def open(self) -> bool:
        """Return whether its reservation is unsettled."""
        return self.item["state"] == "open"


@dataclass(frozen=True, slots=True)
class BatchResults:
    """Reads results. `idle` is the maximum silence of a provider in seconds."""

    recorder: Recorder
    settler: Settler
    store: Store
    belongings: Belongings
    idle: float

    async def read(
        self,
        entry: AccessEntry,
        batch: OwnBatch,
        response: Response,
        deliver: Deliver | None,
        make_filter: Callable[[], AnswerFilter | None],
        after_line: int = 0,
    ) -> None:
        """Settle and record what is new, and pass what follows `after_line` to `deliver`.

        Raises `ApiError` 502 if the results are interrupted or incomplete, 503 if they cannot be recorded
        or settled. Everything delivered before was recorded.
        """
        number = 0
        part: list[bytes] = []
        size = 0
        try:
            async for line in _lines(response, self.idle):
                part.append(line)
                size += len(line)
                if size >= PART_BYTES:
                    await self._note(entry, batch, number, part)
                    await _give(part, max(0, after_line - number), deliver, make_filter)
                    number += len(part)
                    part, size = [], 0
        except TransportError:
            response.abort()
            raise ApiError(
                502, errors.API, "The results of the batch broke off.", reason="upstream_broke_off"
            ) from None
        await self._note(entry, batch, number, part)
        await self._end(batch, number + len(part))
        await _give(part, max(0, after_line - number), deliver, make_filter)

    async def _note(self, entry: AccessEntry, batch: OwnBatch, number: int, part: Sequence[bytes]) -> None:
        """Record and note new lines of a chunk, which begins after line `number`."""
        progress = Progress.of(batch.item)
        fresh = part[max(0, progress.lines - number) :]
        if not batch.open or not fresh:
            return
        for line in fresh:
            if made := made_by((_result(line) or {}).get("message")):
                await self.belongings.keep(batch.owner, made)
        used = [one for one in map(_used, fresh) if one is not None]
        cost = self.settler.batch_cost(batch.item["model"], used)
        await self.recorder.batch_results(
            entry.request_id,
            batch.principal,
            batch.item["request_id"],
            batch.id,
            cost,
            b"".join(fresh),
            after_line=progress.lines,
            provider=batch.item["provider"],
            model=batch.item["model"],
            booked_month=json.loads(batch.item["reservation"])["month"],
        )
        news = Progress(
            progress.lines + len(fresh),
            progress.microusd + cost.microusd,
            int(bool(progress.certain) and not cost.estimated),
        )
        before = progress.attributes if progress.lines else {}
        try:
            await self.store.apply(Change(batch.key, news.attributes, {"state": "open", **before}))
        except Cancelled:  # a concurrent request reads the same results; what it noted is not noted twice
            raise errors.control_busy("ledger") from None
        except Exception:  # whatever the store raises
            raise errors.control_unavailable("ledger") from None
        batch.item.update(news.attributes)
        entry.recorded = True
        entry.cost_microusd += cost.microusd
        entry.input_tokens += cost.input_tokens
        entry.output_tokens += cost.output_tokens

    async def _end(self, batch: OwnBatch, lines: int) -> None:
        """Settle the whole batch. Raises `ApiError`."""
        if not batch.open:
            return
        if lines < batch.item.get("requests", 0):
            raise ApiError(
                502,
                errors.API,
                "The results of the batch are not all there yet; try again in a moment.",
                reason="upstream_broke_off",
            )
        reservation = Reservation(**json.loads(batch.item["reservation"]))
        progress = Progress.of(batch.item)
        microusd = progress.microusd if progress.certain else max(progress.microusd, reservation.microusd)
        try:
            await self.settler.settle_held(reservation, batch.key, Cost(microusd, 0, 0))
        except Exception:  # whatever the store raises: the money stays reserved
            raise errors.control_unavailable("ledger") from None
        batch.item["state"] = "settled"


async def _lines(response: Response, idle: float) -> AsyncIterator[bytes]:
    """Yield the lines as they arrive, each with its line end. Raises `TransportError`."""
    rest = bytearray()
    while data := await response.read(idle):
        looked = len(rest)
        rest += data
        start = 0
        while (end := rest.find(b"\n", max(start, looked))) >= 0:
            if line := bytes(rest[start:end]).strip():
                yield line + b"\n"
            start = end + 1
        del rest[:start]
        if len(rest) > LONGEST_LINE:
            raise TransportError("a line has no end", response_started=True)
    if line := bytes(rest).strip():
        yield line + b"\n"


async def _give(
    part: Sequence[bytes],
    skipped: int,
    deliver: Deliver | None,
    make_filter: Callable[[], AnswerFilter | None],
) -> None:
    """Deliver a chunk without its first lines, withholding what cannot be read."""
    if deliver is None or len(part) <= skipped:
        return
    passed: list[bytes] = []
    for line in part[skipped:]:
        answer_filter = make_filter()
        if len(line) <= _SHORT_LINE_BYTES:
            passed.append(_released(line, answer_filter))
        else:
            passed.append(await asyncio.to_thread(_released, line, answer_filter))
    await deliver(b"".join(passed))


def _used(line: bytes) -> tuple[dict[str, Any], str | None] | None:
    """Return the usage of a result and the model it names.

    None if it cost nothing; an empty usage if it is missing but should be there.
    """
    result = _result(line) or {}
    message = result.get("message")
    if message is None and result.get("type") in _WITHOUT_MESSAGE:
        return None
    said = message if isinstance(message, dict) else {}
    usage, model = said.get("usage"), said.get("model")
    return usage if isinstance(usage, dict) else {}, model if isinstance(model, str) else None


def _result(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    result = entry.get("result") if isinstance(entry, dict) else None
    return result if isinstance(result, dict) else None


def _released(line: bytes, answer_filter: AnswerFilter | None) -> bytes:
    """Return the line to release: filtered, or an error with its id in place of one that cannot be read."""
    result = _result(line)
    if result is None or not isinstance(result.get("type"), str):
        return _unreadable(line)
    if answer_filter is None:
        return line
    entry = json.loads(line)
    message = result.get("message")
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        text = json.dumps(result, ensure_ascii=False)
        shown = json.dumps({"content": [{"type": "text", "text": text}]}).encode()
        clean = answer_filter.whole(shown) == shown
        return line if clean else _unreadable(line)
    given = json.dumps(message).encode()
    filtered = answer_filter.whole(given)
    if filtered == given:
        return line
    entry["result"]["message"] = json.loads(filtered)
    return json_bytes(entry) + b"\n"


def _unreadable(line: bytes) -> bytes:
    try:
        entry = json.loads(line)
        custom_id = entry["custom_id"] if isinstance(entry["custom_id"], str) else ""
    except (ValueError, KeyError, TypeError, RecursionError):
        custom_id = ""
    error = {"type": errors.API, "message": "This result cannot be read, so it is not given out."}
    result = {"type": "errored", "error": {"type": "error", "error": error}}
    return json.dumps({"custom_id": custom_id[:64], "result": result}).encode() + b"\n"

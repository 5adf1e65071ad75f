"""Copies of records without their bodies, for analytics (L1.4, L5.1).

A copy is a row: the columns below, and `details`, the JSON of all other fields of the record. Copies go to
a Firehose stream from a separate thread, best effort: losses are counted, and the record in the bucket
remains authoritative.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.common.log import Level, log

# Columns of the table `records` and their types; `components/api/analytics.py` adds each Glue type.
COLUMNS: Mapping[str, type] = {
    "record_id": str, "kind": str, "at": str, "writer": str, "request_id": str, "call": str, "principal": str,
    "principal_kind": str, "department": str, "use_case": str, "prompt": str, "prompt_version": int,
    "data_class": str, "requires_review": bool, "alias": str, "model": str, "stream": bool, "provider": str,
    "result": str, "status": int, "reason": str, "stop_reason": str, "upstream_request_id": str,
    "attempts": int, "input_tokens": int, "output_tokens": int, "cache_read_input_tokens": int,
    "cache_creation_input_tokens": int, "reserved_microusd": int, "cost_microusd": int,
    "cost_estimated": bool, "material_decision": bool, "batch_id": str, "decisions": str,
    "answer_filter": str, "useful": bool, "minutes_saved": int, "edited": bool, "rejected": bool,
    "decision": str, "trainer": str, "booked_month": str, "after_line": int,
    "synthetic": bool, "details": str,
}  # fmt: skip
_AS_JSON = ("decisions", "answer_filter")
_OF_USAGE = ("cache_read_input_tokens", "cache_creation_input_tokens")
_OF_THE_CHAIN = frozenset({"bodies", "previous", "sequence", "usage", "v"})

_BATCH = 400  # of at most 500 records per call
_BATCH_BYTES = 3_500_000  # of at most 4 MiB per call
_WAITS_SECONDS = (0.1, 0.4, 1.6)  # before rows that the stream refused are sent again


def row_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a record.

    Columns without a value are omitted. A value of a type other than its column's goes to `details`, so
    that one record cannot break a query over all.
    """
    known = {name: value for name, value in record.items() if value is not None}
    usage = known.get("usage")
    if isinstance(usage, dict):
        known |= {name: usage[name] for name in _OF_USAGE if name in usage}
    if isinstance(known.get("attempts"), list):
        known["attempts"] = len(known["attempts"])
    known |= {name: _json(known[name]) for name in _AS_JSON if name in known}
    row = {name: known[name] for name, kind in COLUMNS.items() if type(known.get(name)) is kind}
    details = {name: value for name, value in known.items() if name not in row and name not in _OF_THE_CHAIN}
    return row | ({"details": _json(details)} if details else {})


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


class MetadataCopies:
    """Sends rows to the stream. `client` is a botocore Firehose client; `lost` is called with the number of
    lost rows and the reason.
    """

    def __init__(
        self,
        client: Any,
        stream: str,
        *,
        lost: Callable[[int, str], None] | None = None,
        capacity: int = 20_000,
        waits: Sequence[float] = _WAITS_SECONDS,
    ) -> None:
        self._client = client
        self._stream = stream
        self._lost = lost or _say_lost
        self._waiting: Queue[dict[str, Any] | None] = Queue(capacity)
        self._thread: Thread | None = None
        self._waits = waits
        self._closing = Event()

    def offer(self, record: dict[str, Any]) -> None:
        """Queue a durable record for copying. Never blocks, never raises."""
        if self._thread is None:  # not before the first record: snapshots hold no thread
            self._thread = Thread(target=self._run, name="metadata-copies", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait(record)
        except Full:
            self._lost(1, "full")

    def close(self, timeout: float = 5.0) -> None:
        """Send pending rows, within `timeout` seconds."""
        if self._thread is not None:
            self._closing.set()
            self._waiting.put(None)
            self._thread.join(timeout)

    def _run(self) -> None:
        held: bytes | None = None
        while True:
            first = held or self._next(wait=True)
            if first is None:
                return
            batch, size, held = [first], len(first), None
            while len(batch) < _BATCH and (row := self._next(wait=False)) is not None:
                if size + len(row) > _BATCH_BYTES:
                    held = row
                    break
                batch.append(row)
                size += len(row)
            self._send(batch)

    def _next(self, *, wait: bool) -> bytes | None:
        """Return the next row as a line, or None if there is none; after `close`, always None."""
        try:
            record = self._waiting.get(block=wait)
        except Empty:
            return None
        if record is None:
            self._waiting.put(None)  # wakes the loop if this ended a batch
            return None
        return _json(row_of(record)).encode() + b"\n"

    def _send(self, batch: list[bytes]) -> None:
        """Send rows. Those that the stream refuses, which under load are some of a batch, are sent again."""
        for wait in (*self._waits, None):
            try:
                answer = self._client.put_record_batch(
                    DeliveryStreamName=self._stream, Records=[{"Data": line} for line in batch]
                )
            except (BotoCoreError, ClientError) as error:
                self._lost(len(batch), type(error).__name__)
                return
            if not answer.get("FailedPutCount"):
                return
            batch = [
                line
                for line, result in zip(batch, answer["RequestResponses"], strict=True)
                if "ErrorCode" in result
            ]
            if wait is not None:
                self._closing.wait(wait)  # at the end the tries follow each other at once
        self._lost(len(batch), "refused")


def _say_lost(count: int, reason: str) -> None:
    """Log the number of lost rows with its metric, and nothing of the records."""
    log("metadata_lost", level=Level.WARNING, count=count, reason=reason)

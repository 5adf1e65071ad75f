"""Copies of records without their bodies, for questions over many calls (L1.4, L5.1).

A copy is a row: the columns below, and `details`, the JSON of whatever else a record says. Copies go to a
Firehose stream from a thread of their own, best effort: what is lost is counted, and the record in the bucket
stays the truth.
"""

import json
import sys
from collections.abc import Callable
from queue import Empty, Full, Queue
from threading import Thread
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

# Columns of the table `records`, in its order; `components/api/analytics.py` gives each its type.
COLUMNS = (
    "record_id", "kind", "at", "writer", "request_id", "call", "principal", "principal_kind", "department",
    "use_case", "prompt", "prompt_version", "data_class", "requires_review", "alias", "model", "stream",
    "provider", "result", "status", "reason", "stop_reason", "upstream_request_id", "attempts",
    "input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
    "reserved_microusd", "cost_microusd", "cost_estimated", "latency_ms", "material_decision", "batch_id",
    "decisions", "answer_filter", "details",
)  # fmt: skip
_AS_JSON = ("decisions", "answer_filter")
_OF_USAGE = ("cache_read_input_tokens", "cache_creation_input_tokens")
_NO_DETAIL = frozenset({*COLUMNS, "bodies", "previous", "sequence", "usage", "v"})

_BATCH = 400  # of the 500 records that a call may carry
_BATCH_BYTES = 3_500_000  # of its 4 MiB


def row_of(record: dict[str, Any]) -> dict[str, Any]:
    """The row of a record. Columns without a value are left out."""
    row = {name: record[name] for name in COLUMNS if record.get(name) is not None}
    usage = record.get("usage")
    if isinstance(usage, dict):
        row |= {name: usage[name] for name in _OF_USAGE if isinstance(usage.get(name), int)}
    if isinstance(record.get("attempts"), list):
        row["attempts"] = len(record["attempts"])
    row |= {name: _json(record[name]) for name in _AS_JSON if record.get(name)}
    details = {name: value for name, value in record.items() if name not in _NO_DETAIL}
    return row | ({"details": _json(details)} if details else {})


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


class MetadataCopies:
    """Sends rows to the stream. `client` is a botocore Firehose client; `lost` gets the number of lost rows
    and why.
    """

    def __init__(
        self,
        client: Any,
        stream: str,
        *,
        lost: Callable[[int, str], None] | None = None,
        capacity: int = 20_000,
    ) -> None:
        self._client = client
        self._stream = stream
        self._lost = lost or _say_lost
        self._waiting: Queue[dict[str, Any] | None] = Queue(capacity)
        self._thread: Thread | None = None

    def offer(self, record: dict[str, Any]) -> None:
        """Take a durable record for copying. Never blocks, never raises."""
        if self._thread is None:  # not before the first record: a snapshot of the process holds no thread
            self._thread = Thread(target=self._run, name="metadata-copies", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait(record)
        except Full:
            self._lost(1, "full")

    def close(self, timeout: float = 5.0) -> None:
        """Send what waits, within `timeout` seconds."""
        if self._thread is not None:
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
        """The next row as a line; None when there is none, and, after `close`, never again one."""
        try:
            record = self._waiting.get(block=wait)
        except Empty:
            return None
        if record is None:
            self._waiting.put(None)  # for the loop, should this have been the end of a batch
            return None
        return _json(row_of(record)).encode() + b"\n"

    def _send(self, batch: list[bytes]) -> None:
        try:
            answer = self._client.put_record_batch(
                DeliveryStreamName=self._stream, Records=[{"Data": line} for line in batch]
            )
        except (BotoCoreError, ClientError) as error:
            self._lost(len(batch), type(error).__name__)
            return
        if answer.get("FailedPutCount"):
            self._lost(answer["FailedPutCount"], "refused")


def _say_lost(count: int, reason: str) -> None:
    """A line for the log and its metric: the number only, nothing of the records."""
    line = {"type": "metadata_lost", "count": count, "reason": reason}
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")

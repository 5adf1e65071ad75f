"""What audit records cost: `python -m bench.audit`. Everything is in memory; the bucket answers after 0 or
20 ms.

Prints the median of an append, records per second with many callers, sealing of small and large bodies, and
the speed of `kit audit verify`.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from statistics import median

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kit.audit.sources import Entry
from kit.audit.verification import Trust, span_of, verify
from lambdas.common.audit import AuditWriter, LoopJournal
from lambdas.common.audit.bodies import seal
from lambdas.common.ids import new_id
from lambdas.common.subject_keys import SubjectKey

_BODY = b'{"messages": [{"role": "user", "content": "%b"}]}' % (b"x" * 800)


class _Bucket:
    """Objects in a dictionary; a put takes `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.objects: dict[str, bytes] = {}

    async def put(self, key: str, data: bytes, metadata: Mapping[str, str], content_type: str) -> None:
        if self.seconds:
            await asyncio.sleep(self.seconds)
        self.objects[key] = data

    def folders(self, prefix: str) -> list[str]:
        depth = prefix.count("/") + 1
        found = {"/".join(key.split("/")[:depth]) + "/" for key in self.objects if key.startswith(prefix)}
        return sorted(found)

    def entries(self, prefix: str) -> list[Entry]:
        return [Entry(key, len(data)) for key, data in sorted(self.objects.items()) if key.startswith(prefix)]

    def get(self, key: str) -> bytes | None:
        return self.objects.get(key)


class _Keys:
    """The same key for everybody."""

    key = SubjectKey("sk_bench", AESGCM(AESGCM.generate_key(256)))

    def cached(self, department: str, subject: str) -> SubjectKey:
        return self.key


def _writer(bucket: _Bucket) -> AuditWriter:
    return AuditWriter(LoopJournal("bench", bucket), keys=_Keys(), pool=ThreadPoolExecutor(4))  # type: ignore[arg-type]


def _record(request_id: str, kind: str) -> dict[str, object]:
    return {
        "kind": kind,
        "request_id": request_id,
        "principal": "ada",
        "principal_kind": "person",
        "department": "marketing",
        "model": "claude-haiku-5-5",
        "decisions": [{"step": "inspection", "class": "internal"}],
    }


async def _append_median(bucket: _Bucket, count: int) -> float:
    writer, times = _writer(bucket), []
    for _ in range(count):
        started = time.perf_counter()
        await writer.append(_record("req_1", "use"), bodies={"request": _BODY})
        times.append(time.perf_counter() - started)
    return median(times)


async def _together(bucket: _Bucket, callers: int, calls: int) -> float:
    writer = _writer(bucket)

    async def caller() -> None:
        for _ in range(calls):
            request_id = new_id("req_")
            await writer.append(_record(request_id, "intent"), bodies={"request": _BODY})
            await writer.append(_record(request_id, "outcome"), bodies={"response": _BODY})

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return callers * calls * 2 / (time.perf_counter() - started)


def _sealing(size: int) -> float:
    body, times = b"x" * size, []
    for _ in range(200):
        started = time.perf_counter()
        seal(_Keys.key, "rec_1", {"request": body})
        times.append(time.perf_counter() - started)
    return median(times)


def _verifying(bucket: _Bucket) -> tuple[int, float]:
    span = span_of(bucket, None, None, now=datetime.now(UTC))
    assert span is not None
    started = time.perf_counter()
    report = verify(bucket, Trust(lambda _: [], None), span, [])
    assert not report.findings
    return report.records, report.records / (time.perf_counter() - started)


def main() -> None:
    """Measure and print."""
    print(
        f"append, bucket in memory, median      {asyncio.run(_append_median(_Bucket(0), 3000)) * 1e6:8.0f} µs"
    )
    filled = _Bucket(0)
    figures: list[tuple[str, Callable[[], float]]] = [
        ("records/s, 64 callers, bucket 0 ms ", lambda: asyncio.run(_together(filled, 64, 400))),
        ("records/s, 64 callers, bucket 20 ms", lambda: asyncio.run(_together(_Bucket(0.02), 64, 40))),
        ("records/s, 512 callers, bucket 20 ms", lambda: asyncio.run(_together(_Bucket(0.02), 512, 20))),
    ]
    for label, measure in figures:
        print(f"{label:<37} {measure():8.0f}")
    for size in (1_000, 76_000, 1_000_000):
        print(f"sealing {size:>9,} bytes, median       {_sealing(size) * 1e6:8.0f} µs")
    records, speed = _verifying(filled)
    print(f"verify, records/s over {records:,}         {speed:8.0f}")


if __name__ == "__main__":
    main()

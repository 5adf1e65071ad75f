"""A new dictionary is in force within 15 seconds, and a broken one never opens anything (L2.3)."""

import asyncio
import json

import pytest

from lambdas.common.documents import Document
from lambdas.gateway.dictionary import DictionaryUnavailable, DictionaryWatch


def document(*terms: str) -> bytes:
    entries = [{"id": str(n), "term": term, "level": "confidential"} for n, term in enumerate(terms)]
    return json.dumps({"terms": entries}).encode()


class Store:
    def __init__(self) -> None:
        self.body: bytes | None = document("Silverfin")
        self.reads = 0

    async def fetch(self, etag: str | None) -> Document | None:
        self.reads += 1
        if self.body is None:
            raise OSError("gone")
        current = str(hash(self.body))
        return None if etag == current else Document(current, self.body)


class Hands:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def watch() -> tuple[Store, Hands, list[str], DictionaryWatch]:
    store, hands, reports = Store(), Hands(), []
    return store, hands, reports, DictionaryWatch(store, clock=hands, report=reports.append)


def test_a_new_version_is_in_force_after_fifteen_seconds_and_reads_are_shared() -> None:
    async def scenario() -> None:
        store, hands, _, watching = watch()
        first, *_ = await asyncio.gather(*(watching.current() for _ in range(20)))
        assert store.reads == 1
        assert first.find("silverfin", "silverfin")
        store.body = document("Bluegrass")
        hands.now = 14.9
        assert await watching.current() is first
        hands.now = 15.0
        second = await watching.current()
        assert second.find("bluegrass", "bluegrass")
        assert not second.find("silverfin", "silverfin")

    asyncio.run(scenario())


@pytest.mark.parametrize("broken", [None, b"{", b'{"terms": [{"id": "9", "term": "Bluegrass"}]}'])
def test_a_broken_version_keeps_the_last_good_one_for_five_minutes_then_nothing_passes(
    broken: bytes | None,
) -> None:
    async def scenario() -> None:
        store, hands, reports, watching = watch()
        first = await watching.current()
        store.body = broken
        hands.now = 299.0
        assert await watching.current() is first
        assert reports
        assert "Bluegrass" not in reports[0]
        hands.now = 316.0
        with pytest.raises(DictionaryUnavailable):
            await watching.current()

    asyncio.run(scenario())

"""An approved dictionary is in force at once, and nothing else ever is (L2.3)."""

import asyncio
import hashlib
import json

import pytest

from lambdas.common.policy import ApprovedDictionary
from lambdas.gateway.dictionary import DictionaryUnavailable, DictionaryWatch


def document(*terms: str) -> bytes:
    entries = [{"id": str(n), "term": term, "level": "confidential"} for n, term in enumerate(terms)]
    return json.dumps({"terms": entries}).encode()


class Bucket:
    """What is stored, and which document the policy approves."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.approved: ApprovedDictionary | None = None
        self.reads = 0
        self.now = 0.0
        self.reports: list[str] = []
        self.watching = DictionaryWatch(
            lambda: self.approved, self.read, clock=lambda: self.now, report=self.reports.append
        )

    def approve(self, body: bytes, stored: bytes | None = None) -> None:
        """`stored` is what lies under the key of `body`; None: nothing does."""
        self.approved = ApprovedDictionary(
            version=1, sha256=hashlib.sha256(body).hexdigest(), approved_by="Ana Owner"
        )
        if stored is not None:
            self.objects[self.approved.object_key] = stored

    async def read(self, key: str) -> bytes:
        self.reads += 1
        if key not in self.objects:
            raise OSError("gone")
        return self.objects[key]


def test_what_the_policy_approves_is_in_force_with_the_next_call_and_read_once() -> None:
    async def scenario() -> None:
        bucket = Bucket()
        assert not len(await bucket.watching.current())
        bucket.approve(document("Silverfin"), document("Silverfin"))
        first, *_ = await asyncio.gather(*(bucket.watching.current() for _ in range(20)))
        assert bucket.reads == 1
        assert first.find("silverfin", "silverfin")
        bucket.approve(document("Bluegrass"), document("Bluegrass"))
        second = await bucket.watching.current()
        assert second.find("bluegrass", "bluegrass")
        assert not second.find("silverfin", "silverfin")
        bucket.approved = None
        assert not len(await bucket.watching.current())

    asyncio.run(scenario())


BROKEN = b'{"terms": [{"id": "9", "term": "Bluegrass"}]}'


@pytest.mark.parametrize(
    ("approved", "stored"),
    [(document("Bluegrass"), None), (document("Bluegrass"), document("Other")), (BROKEN, BROKEN)],
    ids=["missing", "not the approved one", "not a dictionary"],
)
def test_another_than_the_approved_one_is_refused_and_after_five_minutes_nothing_passes(
    approved: bytes, stored: bytes | None
) -> None:
    async def scenario() -> None:
        bucket = Bucket()
        bucket.approve(document("Silverfin"), document("Silverfin"))
        first = await bucket.watching.current()
        bucket.now = 1_000.0
        bucket.approve(approved, stored)
        assert await bucket.watching.current() is first
        assert bucket.reports
        assert "Bluegrass" not in bucket.reports[0]
        bucket.now = 1_299.0
        assert await bucket.watching.current() is first
        bucket.now = 1_316.0
        with pytest.raises(DictionaryUnavailable):
            await bucket.watching.current()

    asyncio.run(scenario())


def test_without_the_approved_one_nothing_passes_and_it_is_tried_every_fifteen_seconds() -> None:
    async def scenario() -> None:
        bucket = Bucket()
        bucket.approve(document("Silverfin"), document("Other"))
        for _ in range(3):
            with pytest.raises(DictionaryUnavailable):
                await bucket.watching.current()
        assert bucket.reads == 1
        bucket.approve(document("Silverfin"), document("Silverfin"))
        bucket.now = 15.0
        assert (await bucket.watching.current()).find("silverfin", "silverfin")

    asyncio.run(scenario())

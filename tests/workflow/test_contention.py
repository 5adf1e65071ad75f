"""Reviews over a DynamoDB that conflicts, fails and loses answers after the write (L3.4, Z.3)."""

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import pytest

from kit.embedded import Emulator
from lambdas.common.ids import new_id
from lambdas.workflow.reviews import DECISIONS, RELEASABLE, Review, ReviewConflict, Reviews
from tests.support.conflicting_proxy import conflicting, hazards

pytestmark = pytest.mark.emulator
_REVIEWS = 20


def _client(emulator: Emulator, url: str) -> Any:
    return boto3.client(
        "dynamodb", endpoint_url=url, region_name=emulator.region,
        aws_access_key_id=emulator.access_key_id, aws_secret_access_key=emulator.secret_access_key,
        config=botocore.config.Config(retries={"total_max_attempts": 1}, max_pool_connections=20),
    )  # fmt: skip


def _until_answered(call: Callable[[], Any]) -> Any:
    """As Step Functions and a person's browser do: what failed is sent again, whatever came of it."""
    for _ in range(40):
        try:
            return call()
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError):
            time.sleep(random.uniform(0, 0.02))
    raise AssertionError("no answer after 40 tries")


def test_a_review_has_one_decision_and_only_what_a_person_allowed_is_released(emulated_aws: Emulator) -> None:
    """Two reviewers, the clock and the releaser at once, each sending again what failed."""
    table, what = new_id("reviews-"), hazards()
    keys = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
    _client(emulated_aws, emulated_aws.endpoint_url).create_table(
        TableName=table, BillingMode="PAY_PER_REQUEST", AttributeDefinitions=keys,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )  # fmt: skip
    confirmed: list[tuple[str, str, str]] = []  # request, decision, who got it as an answer
    released: Counter[str] = Counter()
    with conflicting(emulated_aws.endpoint_url, what) as url:
        reviews = Reviews(_client(emulated_aws, url), table)
        requests = [f"req_{number}" for number in range(_REVIEWS)]
        for one in requests:
            made = Review(
                department="legal", request=one, state="waiting", workflow="letters", call="c",
                draft_sha256="d", requested_by="asker", opened_at="2026-11-30T09:00:00+00:00",
            )  # fmt: skip
            assert _until_answered(lambda made=made: reviews.open(made)).waiting

        def decide(request: str, decision: str, who: str) -> None:
            try:
                _until_answered(
                    lambda: reviews.decide("legal", request, decision, by=who, reason="read", release_key="k")
                )
            except ReviewConflict:
                return
            confirmed.append((request, decision, who))

        def release(request: str) -> None:
            try:
                _until_answered(lambda: reviews.begin_release("legal", request))
            except ReviewConflict:
                return
            _until_answered(lambda: reviews.end_release("legal", request, "k"))
            released[request] += 1

        def expire(request: str) -> None:
            _until_answered(lambda: reviews.expire("legal", request))

        steps: list[Callable[[], Any]] = []
        for number, one in enumerate(requests):
            decisions = list(DECISIONS)
            steps += [
                lambda one=one, said=decisions[number % 3]: decide(one, said, "ada"),
                lambda one=one, said=decisions[(number + 1) % 3]: decide(one, said, "bob"),
                lambda one=one: release(one),
                *([lambda one=one: expire(one)] if number % 4 == 0 else []),
            ]
        random.Random(13).shuffle(steps)
        with ThreadPoolExecutor(12) as pool:
            list(pool.map(lambda step: step(), steps))
        for one in requests:
            release(one)
    quiet = Reviews(_client(emulated_aws, emulated_aws.endpoint_url), table)
    for one in requests:
        review = quiet.get("legal", one)
        believed = [(said, who) for request, said, who in confirmed if request == one]
        assert len(believed) <= 1, "two people had their decision confirmed"
        if review.state == "expired":
            assert (believed, review.decision) == ([], "")
            continue
        assert believed == [(review.decision, review.decided_by)]
        allowed = DECISIONS[review.decision] in RELEASABLE
        assert review.state == ("released" if allowed else "rejected")
        assert bool(released[one]) == allowed
    assert what.seen["lost"] + what.seen["failed after"] + what.seen["failed before"] > 3

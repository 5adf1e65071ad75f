"""POST /v1/feedback through the gateway: what an answer was worth, once, by those who got it (L5.2, L5.3)."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import ANY

import anthropic
import pytest

from lambdas.common.audit.metadata import row_of
from lambdas.measurement.events import read_event
from tests.gateway.harness import FINANCE_KEY, KEY, Harness, chat, make
from tests.gateway.upstream import FakeUpstream


@pytest.fixture(scope="module")
def _running() -> Iterator[Harness]:
    upstream = FakeUpstream().start()
    harness = make([upstream])
    yield harness
    harness.stop()
    upstream.stop()


@pytest.fixture
def gateway(_running: Harness) -> Harness:
    _running.reset()
    return _running


def _answered(gateway: Harness) -> str:
    return gateway.post("/v1/messages", chat()).header("request-id") or ""


def test_feedback_given_with_the_official_sdk_becomes_an_event_of_measurement(gateway: Harness) -> None:
    client = anthropic.Anthropic(base_url=gateway.url, api_key=KEY, max_retries=0)
    message = client.messages.with_raw_response.create(
        model="fast", max_tokens=16, messages=[{"role": "user", "content": "Hello"}]
    )
    said = {"useful": True, "minutes_saved": 25, "edited": True, "use_case": "campaign-copy"}
    body = {"request_id": message.headers["request-id"], **said}
    answer = client.post("/v1/feedback", body=body, cast_to=object)
    assert answer == {"type": "feedback", "id": ANY, "request_id": body["request_id"]}
    (record,) = [one for one in gateway.audit.records if one["kind"] == "feedback"]
    event = read_event(row_of({**record, "record_id": "rec_1", "at": "2026-11-10T09:00:00.000+00:00"}))
    assert event is not None
    assert (event.useful, event.minutes, event.edited, event.rejected) == (True, 25, True, False)
    assert (event.use_case, event.department) == ("campaign-copy", "marketing")
    assert record["bodies"] == {}


def test_feedback_on_an_answer_counts_once(gateway: Harness) -> None:
    body = {"request_id": _answered(gateway), "useful": True, "minutes_saved": 30}
    assert gateway.post("/v1/feedback", body).status == 201
    second = gateway.post("/v1/feedback", body)
    assert (second.status, second.header("x-should-retry")) == (409, "false")
    assert len([one for one in gateway.audit.records if one["kind"] == "feedback"]) == 1


def test_another_departments_answer_cannot_be_judged(gateway: Harness) -> None:
    body = {"request_id": _answered(gateway), "useful": True}
    assert gateway.post("/v1/feedback", body, key=FINANCE_KEY).status == 404
    assert gateway.post("/v1/feedback", body, key=None).status == 401


def test_feedback_that_is_no_record_is_not_taken_and_can_be_given_again(gateway: Harness) -> None:
    body = {"request_id": _answered(gateway), "useful": False, "rejected": True}
    gateway.audit.refuse = OSError("refused")
    assert gateway.post("/v1/feedback", body).status == 503
    gateway.audit.refuse = None
    assert gateway.post("/v1/feedback", body).status == 201


@pytest.mark.parametrize(
    "fields",
    [
        {"useful": "yes"},
        {"useful": True, "minutes_saved": 481},
        {"useful": True, "minutes_saved": -1},
        {"useful": True, "minutes_saved": True},
        {"useful": True, "rejected": True},
        {"useful": False, "rejected": True, "minutes_saved": 5},
        {"useful": True, "comment": "free text"},
        {"useful": True, "use_case": "Ada Lovelace <ada@example.com>"},
        {"useful": True, "request_id": 5},
        {"useful": True, "request_id": "req_unknown"},
    ],
)
def test_wrong_feedback_is_refused_and_leaves_no_record(gateway: Harness, fields: dict[str, Any]) -> None:
    answer = gateway.post("/v1/feedback", {"request_id": _answered(gateway), **fields})
    assert answer.status in {400, 404}
    assert answer.json()["type"] == "error"
    assert not [one for one in gateway.audit.records if one["kind"] == "feedback"]

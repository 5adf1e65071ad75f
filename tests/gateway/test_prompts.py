"""Registered prompts through the gateway: checked, inspected, recorded, only for whom they are (L2.1,
L2.2, L2.3, L3.1).
"""

from collections.abc import Iterator

import pytest
from anthropic import Anthropic, Stream
from anthropic.types import Message, RawMessageStreamEvent

from .harness import FINANCE_KEY, KEY, Harness, department, make
from .upstream import FakeUpstream, stream_events, stream_reply

VARIABLES = {
    "product": "A water bottle",
    "audience": "Hikers in the Alps",
    "channel": "email",
    "brief": "It keeps water cold for a day.",
    "variants": 2,
}
PATH = "/v1/prompts/campaign-copy/messages"


@pytest.fixture(scope="module")
def _registered(provider_servers: list[FakeUpstream]) -> Iterator[Harness]:
    rights = {"models": ["fast", "balanced", "best"], "registered_prompts_only": True}
    harness = make(
        provider_servers[:1], departments=[department("marketing", **rights), department("finance")]
    )
    yield harness
    harness.stop()


@pytest.fixture
def registered(_registered: Harness) -> Harness:
    """A gateway whose marketing department uses registered prompts only."""
    _registered.reset()
    return _registered


def test_a_department_of_registered_prompts_only_can_use_nothing_else(registered: Harness) -> None:
    body = {"model": "fast", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}
    answer = registered.post("/v1/messages", body)
    assert answer.status == 451
    assert "registered prompts only" in answer.json()["error"]["message"]
    batch = {"requests": [{"custom_id": "a", "params": body}]}
    assert registered.post("/v1/messages/batches", batch).status == 451
    assert not registered.upstream.received
    assert registered.post(PATH, {"variables": VARIABLES}).status == 200


def test_the_prompt_is_filled_sent_as_a_message_and_named_in_the_records(registered: Harness) -> None:
    answer = registered.post(PATH, {"variables": VARIABLES, "version": 1})
    assert answer.status == 200
    assert answer.json()["content"][0]["text"] == "Hello."
    sent = registered.upstream.received[-1]
    assert sent.target == "/v1/messages"
    assert sent.header("anthropic-version")
    assert "Hikers in the Alps" in sent.json()["messages"][0]["content"]
    for record in registered.audit.of(answer.header("request-id")):
        assert (record["prompt"], record["prompt_version"]) == ("campaign-copy", 1)
        assert record["use_case"]


def test_the_sdk_streams_a_prompt_like_any_message(registered: Harness) -> None:
    registered.upstream.script = lambda _: stream_reply(stream_events(["Fresh", " water."]))
    client = Anthropic(base_url=registered.url, api_key=KEY, max_retries=0)
    body = {"variables": VARIABLES, "stream": True}
    events = client.post(
        PATH, body=body, cast_to=Message, stream=True, stream_cls=Stream[RawMessageStreamEvent]
    )
    texts = [event.delta.text for event in events if event.type == "content_block_delta"]  # type: ignore[union-attr]
    assert "".join(texts) == "Fresh water."


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({}, "variables.product: required"),
        ({**VARIABLES, "colour": "x"}, "variables.colour: no such variable"),
        ({**VARIABLES, "channel": "smoke signals"}, "variables.channel: must be one of"),
        ({**VARIABLES, "product": 7}, "variables.product: must be a string"),
    ],
)
def test_variables_that_do_not_fit_are_refused_by_name(
    registered: Harness, variables: dict, named: str
) -> None:
    answer = registered.post(PATH, {"variables": variables})
    assert answer.status == 400
    assert named in answer.json()["error"]["message"]
    assert not registered.upstream.received


def test_what_a_variable_brings_is_inspected(registered: Harness) -> None:
    variables = {**VARIABLES, "brief": "Social security number 536-22-8723 of our customer"}
    answer = registered.post(PATH, {"variables": variables})
    assert answer.status == 451
    assert answer.header("x-should-retry") == "false"
    assert not registered.upstream.received


def test_an_alias_or_a_number_chooses_the_version_and_others_are_not_found(registered: Harness) -> None:
    for version, number in (("draft", 2), ("current", 2), (1, 1)):
        assert registered.post(PATH, {"variables": VARIABLES, "version": version}).status == 200
        assert registered.audit.records[-1]["prompt_version"] == number
    for version in (99, "beta", "stable"):  # no model has proven it yet
        answer = registered.post(PATH, {"variables": VARIABLES, "version": version})
        assert answer.status == 404
    assert registered.post("/v1/prompts/nothing/messages", {"variables": {}}).status == 404


def test_a_version_that_is_not_what_was_published_is_never_used(provider_servers: list[FakeUpstream]) -> None:
    rights = department("marketing", models=["fast", "balanced", "best"])
    harness = make(provider_servers[:1], departments=[rights])
    try:
        harness.reset()
        for key in harness.prompts.objects:
            harness.prompts.objects[key] = harness.prompts.objects[key].replace(b"house", b"other")
        answer = harness.post(PATH, {"variables": VARIABLES})
        assert (answer.status, answer.header("x-should-retry")) == (503, "false")
        assert not harness.upstream.received
    finally:
        harness.stop()


def test_a_prompt_of_another_department_is_refused(registered: Harness) -> None:
    answer = registered.post(PATH, {"variables": VARIABLES}, key=FINANCE_KEY)
    assert answer.status == 451
    assert "not for your department" in answer.json()["error"]["message"]


def test_only_prompts_that_the_callers_models_can_answer_are_listed(registered: Harness) -> None:
    every = {one["name"] for one in registered.request("GET", "/v1/prompts").json()["data"]}
    assert "campaign-copy" in every
    for key in (KEY, FINANCE_KEY):
        listed = registered.request("GET", "/v1/prompts", key=key).json()["data"]
        granted = registered.request("GET", "/v1/me", key=key).json()["models"]
        assert listed
        assert {one["model"] for one in listed} <= set(granted)
    offered = {one["model"] for one in listed}
    assert "best" not in offered  # finance has prompts for it, and no such model


def test_a_refusal_names_its_reason_for_programs(registered: Harness) -> None:
    answer = registered.post(PATH, {"variables": VARIABLES}, key=FINANCE_KEY)
    assert answer.header("x-kit-reason") == "prompt_not_granted"


def test_answers_of_a_prompt_that_needs_review_say_so(registered: Harness) -> None:
    answer = registered.post(PATH, {"variables": VARIABLES})
    assert answer.header("x-human-review") == "required"

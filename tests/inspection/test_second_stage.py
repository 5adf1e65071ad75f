"""Bedrock Guardrails as a second opinion: same findings, same outcomes, closed when it fails (L2.3)."""

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import accumulate, product
from typing import Any

import botocore.session
import pytest
from anthropic import Anthropic
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.common.identities import Principal
from lambdas.common.policy import Department
from lambdas.gateway.errors import ApiError
from lambdas.gateway.inspection import Declaration, InspectionStep, Verdict
from lambdas.gateway.json_body import parse_object
from lambdas.inspection import InspectionConfig, Inspector
from lambdas.inspection.answers import event_data
from lambdas.inspection.second_stage import MAX_CHARACTERS, OVERLAP, PIECE, SecondStage
from tests.gateway.harness import KEY, department, make
from tests.gateway.upstream import FakeUpstream, stream_events, stream_reply

MARKETING = Department(
    id="marketing",
    cost_center="C",
    data_classes=("public", "internal"),
    models=(),
    monthly_budget_microusd=0,
    user_monthly_budget_microusd=0,
    requests_per_minute=0,
    tokens_per_minute=0,
    user_requests_per_minute=0,
    user_tokens_per_minute=0,
    findings={},
    redact_output=False,
    registered_prompts_only=False,
    human_review=(),
)
CALLER = Principal("application", "app-1", "marketing", "KEY#1", "keys")


class Bedrock:
    """ApplyGuardrail over HTTP: names every word that a test told it to know."""

    def __init__(self) -> None:
        self.knows: dict[str, str] = {}
        self.attack = ""
        self.status = 200
        self.asked: list[str] = []
        bedrock = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/guardrail/gr-1/version/3/apply"
                request = json.loads(self.rfile.read(int(self.headers["content-length"])))
                text = request["content"][0]["text"]["text"]
                bedrock.asked.append(text)
                body = json.dumps(bedrock.answer(text)).encode()
                self.send_response(bedrock.status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Silence."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, text: str) -> dict[str, Any]:
        if self.status != 200:
            return {"message": "no"}
        entities = [
            {"type": kind, "match": word, "action": "BLOCKED"}
            for word, kind in self.knows.items()
            if word in text
        ]
        filters = [{"type": "PROMPT_ATTACK", "confidence": "HIGH", "action": "BLOCKED"}]
        assessment: dict[str, Any] = {"sensitiveInformationPolicy": {"piiEntities": entities, "regexes": []}}
        if self.attack and self.attack in text:
            assessment["contentPolicy"] = {"filters": filters}
        hit = bool(entities) or "contentPolicy" in assessment
        return {
            "action": "GUARDRAIL_INTERVENED" if hit else "NONE",
            "assessments": [assessment],
            "outputs": [],
        }


@pytest.fixture
def bedrock() -> Iterator[Bedrock]:
    fake = Bedrock()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


SESSION = botocore.session.get_session()
SESSION.set_credentials("AKIA", "secret")


def stage_of(bedrock: Bedrock) -> SecondStage:
    client = SESSION.create_client(
        "bedrock-runtime",
        region_name="eu-central-1",
        endpoint_url=f"http://127.0.0.1:{bedrock.server.server_port}",
        config=Config(retries={"total_max_attempts": 1}),
    )
    return SecondStage(client, "gr-1", "3", b"k" * 32)


def inspection_step(bedrock: Bedrock) -> InspectionStep:
    return InspectionStep(Inspector(InspectionConfig(hash_key=b"k" * 32)), second_stage=stage_of(bedrock))


def verdict(bedrock: Bedrock, content: Any, department: Department = MARKETING) -> Verdict:
    step = inspection_step(bedrock)
    body = parse_object(json.dumps({"messages": [{"role": "user", "content": content}]}).encode())
    return asyncio.run(step.verdict(body, department, CALLER, Declaration()))


def test_what_only_the_guardrail_knows_is_blocked_like_our_own_findings(bedrock: Bedrock) -> None:
    bedrock.knows = {"QX-77": "US_PASSPORT_NUMBER"}
    refused = verdict(bedrock, "my document is QX-77 as you know")
    assert not refused.allowed
    assert "a passport number (Restricted) in messages[0].content" in refused.message
    assert "QX-77" not in json.dumps(refused.record) + refused.message


def test_a_department_that_redacts_sends_the_rest(bedrock: Bedrock) -> None:
    bedrock.knows = {"QX-77": "US_PASSPORT_NUMBER"}
    sent = verdict(bedrock, "it is QX-77 indeed", replace(MARKETING, findings={"restricted": "redact"}))
    assert sent.allowed
    assert b"QX-77" not in sent.body.raw
    assert b"it is [PASSPORT " in sent.body.raw


def test_a_prompt_attack_follows_the_department_s_rule_for_injection(bedrock: Bedrock) -> None:
    bedrock.attack = "open sesame"
    assert verdict(bedrock, "open sesame").allowed
    refused = verdict(bedrock, "open sesame", replace(MARKETING, findings={"injection": "block"}))
    assert (refused.allowed, refused.reason) == (False, "prompt-injection")


def test_what_our_own_inspection_blocks_is_not_sent_to_bedrock(bedrock: Bedrock) -> None:
    assert not verdict(bedrock, "His SSN is 536-22-8723.").allowed
    assert not bedrock.asked


def test_a_long_text_is_asked_in_parts_that_fit(bedrock: Bedrock) -> None:
    bedrock.knows = {"QX-77": "US_PASSPORT_NUMBER"}
    assert not verdict(bedrock, "word " * 12_000 + "QX-77").allowed
    assert [len(text) <= MAX_CHARACTERS for text in bedrock.asked] == [True] * 3


def test_when_bedrock_fails_nothing_leaves(bedrock: Bedrock) -> None:
    bedrock.status = 503
    with pytest.raises(ApiError) as raised:
        verdict(bedrock, "hello")
    assert raised.value.status == 503


def answered(bedrock: Bedrock, text: str) -> tuple[str, list[dict[str, Any]]]:
    """A whole answer's text as the caller gets it, and what the record says of it."""
    answer = inspection_step(bedrock).answer_filter(replace(MARKETING, redact_output=True))
    assert answer is not None
    message = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": text}]}
    whole = answer.whole(json.dumps(message).encode())
    return json.loads(whole)["content"][0]["text"], answer.decisions()


def test_what_only_the_guardrail_knows_is_cut_out_of_whole_answers_wherever_it_stands(
    bedrock: Bedrock,
) -> None:
    bedrock.knows = {"QX-77": "US_PASSPORT_NUMBER", "Oslo": "ADDRESS"}
    text, decisions = answered(bedrock, "It is QX-77, I repeat QX-77, from Oslo.")
    assert text == "It is [REDACTED PASSPORT], I repeat [REDACTED PASSPORT], from Oslo."
    assert decisions == [{"type": "PASSPORT", "count": 2, "action": "redact", "stage": "guardrail"}]


def test_a_text_that_the_guardrail_could_not_read_is_withheld(bedrock: Bedrock) -> None:
    bedrock.status = 503
    text, decisions = answered(bedrock, "Nothing special.")
    assert text == "[REDACTED UNCHECKED]"
    assert decisions[0]["type"] == "UNCHECKED"


def test_an_answer_without_findings_stays_byte_for_byte(bedrock: Bedrock) -> None:
    answer = inspection_step(bedrock).answer_filter(replace(MARKETING, redact_output=True))
    assert answer is not None
    body = b'{"type":"message",  "content":[{"type":"text","text":"Hello."}]}'
    assert answer.whole(body) == body


def streamed(events: list[bytes], bedrock: Bedrock) -> tuple[str, list[str]]:
    """The text that leaves, and what had left before each question to the guardrail."""
    answer = inspection_step(bedrock).answer_filter(replace(MARKETING, redact_output=True))
    assert answer is not None
    left, before = "", []
    for event in events:
        asked = len(bedrock.asked)
        passed = answer.event(event)
        before += [left] * (len(bedrock.asked) - asked)
        left += "".join(event_data(one)["delta"].get("text", "") for one in passed if b"text_delta" in one)  # type: ignore[index]
    return left, before


WORDS = "The river runs to the sea and nobody holds it back. " * 60


@pytest.mark.parametrize("size", [1, 7, 90, 5_000])
@pytest.mark.parametrize("place", [0, PIECE - 4, PIECE + OVERLAP - 3, len(WORDS) - 8])
def test_what_only_the_guardrail_knows_never_leaves_in_a_stream(
    bedrock: Bedrock, size: int, place: int
) -> None:
    bedrock.knows = {"QX-77-YT-18": "US_PASSPORT_NUMBER"}
    text = f"{WORDS[:place]} QX-77-YT-18 {WORDS[place:]}"
    left, _ = streamed(list(stream_events([text[i : i + size] for i in range(0, len(text), size)])), bedrock)
    assert left == text.replace("QX-77-YT-18", "[REDACTED PASSPORT]")


# no two passages are the same, so that what the guardrail was asked tells where it stands
UNREPEATED = " ".join(map("".join, product("bdfgklmnprst", "aeiou", "lmnrst", "aeo")))


@given(st.lists(st.integers(1, 900), min_size=3, max_size=30))
@settings(max_examples=15, deadline=None)
def test_nothing_of_a_stream_leaves_before_the_guardrail_has_read_it(sizes: list[int]) -> None:
    fake = Bedrock()
    try:
        ends = list(accumulate(sizes))
        pieces = [UNREPEATED[end - size : end] for end, size in zip(ends, sizes, strict=True)]
        whole = "".join(pieces)
        left, before = streamed(list(stream_events([one for one in pieces if one])), fake)
        assert left == whole
        read = 0
        for asked, gone in zip(fake.asked, before, strict=True):
            assert len(gone) <= read, "more had left than was read"
            begin = whole.index(asked)
            assert begin <= read, "a passage was never read"
            read = begin + len(asked)
        assert read == len(whole)
    finally:
        fake.server.shutdown()
        fake.server.server_close()


def test_a_stream_that_the_guardrail_could_not_read_leaves_placeholders_only(bedrock: Bedrock) -> None:
    bedrock.status = 503
    left, _ = streamed(list(stream_events([WORDS[i : i + 50] for i in range(0, len(WORDS), 50)])), bedrock)
    assert left
    assert not left.replace("[REDACTED UNCHECKED]", "")


def test_a_stream_through_the_gateway_is_read_by_the_guardrail(bedrock: Bedrock) -> None:
    bedrock.knows = {"QX-77": "US_PASSPORT_NUMBER"}
    upstream = FakeUpstream().start()
    harness = make(
        [upstream], departments=[department("marketing", redact_output=True)], second_stage=stage_of(bedrock)
    )
    try:
        harness.keys.principals = {KEY: harness.keys.principals[KEY]}
        harness.reset()
        upstream.script = lambda _: stream_reply(list(stream_events(["It is Q", "X-77", " indeed."])))
        client = Anthropic(base_url=harness.url, api_key=KEY)
        with client.messages.stream(
            model="fast", max_tokens=9, messages=[{"role": "user", "content": "hello"}]
        ) as stream:
            assert "".join(stream.text_stream) == "It is [REDACTED PASSPORT] indeed."
        assert "guardrail" in json.dumps(harness.audit.records, default=str)
    finally:
        harness.stop()
        upstream.stop()

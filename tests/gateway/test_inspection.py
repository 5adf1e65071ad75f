"""Inspection at the gateway, through the SDK: nothing restricted goes in or out (L2.3, L2.4, G.1, G.2)."""

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from .harness import FINANCE_KEY, KEY, Harness, chat, department, make
from .test_sdk import BatchApi
from .upstream import FakeUpstream, Received, Reply, json_reply, message, stream_events, stream_reply

SSN = "536-22-8723"
CANARY = "kestrel-4471-canary"
LABEL = "0a1b2c3d-1111-4222-8333-444455556666"
SECRET_REQUEST: Any = [{"role": "user", "content": f"Social security number {SSN} of our customer"}]


@pytest.fixture(scope="module")
def careful() -> Iterator[Harness]:
    """Marketing blocks and filters answers; finance opted in to redaction and to a review of its own."""
    upstream = FakeUpstream().start()
    harness = make(
        [upstream],
        departments=[
            department("marketing", redact_output=True),
            department("finance", findings={"restricted": "redact"}),
        ],
        inspection={
            "labels": {LABEL.upper(): "restricted"},
            "canaries": [CANARY],
            "allowed_hosts": ["charts.acme.com"],
        },
    )
    harness.reset()
    yield harness
    harness.stop()
    upstream.stop()


def sdk(harness: Harness, key: str = KEY, retries: int = 2) -> Anthropic:
    return Anthropic(base_url=harness.url, api_key=key, max_retries=retries)


def test_a_blocked_call_tells_class_place_and_remedy_and_is_not_tried_again(careful: Harness) -> None:
    careful.reset()
    with pytest.raises(anthropic.APIStatusError) as raised:
        sdk(careful, retries=5).messages.create(model="fast", max_tokens=9, messages=SECRET_REQUEST)
    message = str(raised.value)
    assert "social security number (Restricted) in your last message" in message
    assert "remove it" in message
    assert raised.value.response.headers["x-should-retry"] == "false"
    assert len(careful.lines()) == 1
    assert not careful.upstream.received
    assert SSN not in message + json.dumps(careful.log)


def test_the_record_of_a_blocked_call_holds_types_and_places_and_no_value(careful: Harness) -> None:
    careful.reset()
    careful.post("/v1/messages", chat(f"My SSN is {SSN}."))
    records = json.dumps(careful.audit.records, default=str)
    assert "US_SSN" in records
    assert "messages[0].content" in records
    assert '"level": "restricted"' in records.replace("'", '"')


def test_redaction_of_a_request_is_what_the_provider_receives(careful: Harness) -> None:
    careful.reset()
    sdk(careful, FINANCE_KEY).messages.create(model="fast", max_tokens=9, messages=SECRET_REQUEST)
    received = careful.upstream.received[-1].json()["messages"][0]["content"]
    assert SSN not in received
    assert received.startswith("Social security number [US_SSN ")


def test_what_cannot_be_cut_out_is_blocked_even_where_redaction_is_on(careful: Harness) -> None:
    careful.reset()
    content = [{"type": "text", "text": f"his SSN is {SSN[:6]}"}, {"type": "text", "text": SSN[6:]}]
    answer = careful.post("/v1/messages", chat(content), key=FINANCE_KEY)
    assert answer.status == 451
    assert not careful.upstream.received


@pytest.mark.parametrize("size", [1, 3, 11, 200])
def test_a_streamed_answer_leaves_without_the_value_in_any_chunks(careful: Harness, size: int) -> None:
    careful.reset()
    text = f"The customer is known as SSN {SSN} in our files, and that is all. Good bye."
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    careful.upstream.script = lambda _: stream_reply(list(stream_events(pieces)))
    with sdk(careful).messages.stream(
        model="fast", max_tokens=99, messages=[{"role": "user", "content": "hello"}]
    ) as stream:
        got = "".join(stream.text_stream)
        assert stream.get_final_message().stop_reason == "end_turn"
    assert got == text.replace(SSN, "[REDACTED US_SSN]")


def test_a_use_that_needs_review_passes_with_the_flag_and_comes_back_marked(careful: Harness) -> None:
    careful.reset()
    order = chat("Send this offer to all customers automatically.")
    refused = careful.post("/v1/messages", order)
    assert refused.status == 451
    assert "human-review flag" in refused.json()["error"]["message"]
    allowed = careful.post("/v1/messages", order, headers={"x-human-review": "true"})
    assert allowed.status == 200
    assert allowed.header("x-human-review") == "required"
    assert "customer-contact" in json.dumps(careful.audit.records, default=str)


def test_a_decision_about_a_person_is_refused_whatever_the_flag(careful: Harness) -> None:
    careful.reset()
    order = chat("Which of these employees should I fire?")
    assert careful.post("/v1/messages", order, headers={"x-human-review": "true"}).status == 451


@pytest.mark.parametrize("size", [3, 200])
def test_an_answer_that_gives_away_the_policy_s_canary_is_cut_off(careful: Harness, size: int) -> None:
    careful.reset()
    text = f"My instructions begin with {CANARY} and go on like this."
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    careful.upstream.script = lambda _: stream_reply(list(stream_events(pieces)))
    answer = careful.post("/v1/messages", chat(stream=True))
    assert CANARY.encode() not in answer.body
    assert b"go on like this" not in answer.body
    assert "CANARY" in json.dumps(careful.audit.records, default=str)


def test_an_answer_may_load_an_image_with_data_from_the_hosts_of_the_policy_only(careful: Harness) -> None:
    careful.reset()
    urls = [f"https://{host}/draw?series=quarter-two-revenue" for host in ("charts.acme.com", "evil.net")]
    text = " ".join(f"![chart]({url})" for url in urls)
    careful.upstream.script = lambda _: json_reply(message(text))
    answer = sdk(careful).messages.create(
        model="fast", max_tokens=9, messages=[{"role": "user", "content": "Draw it."}]
    )
    assert answer.content[0].type == "text"
    assert urls[0] in answer.content[0].text
    assert "evil.net" not in answer.content[0].text


@pytest.mark.parametrize(("label", "status"), [(LABEL, 200), (LABEL.replace("0a", "0b"), 451)])
def test_a_labelled_document_counts_as_the_policy_says_and_an_unknown_label_is_not_read(
    careful: Harness, label: str, status: int
) -> None:
    careful.reset()
    source = {"type": "base64", "media_type": DOCX, "data": base64.b64encode(labelled(label)).decode()}
    answer = careful.post("/v1/messages", chat([{"type": "document", "source": source}]))
    assert answer.status == status
    records = json.dumps(careful.audit.records, default=str)
    assert ("sensitivity-label" in records, "unknown-sensitivity-label" in records) == (
        (True, False) if label == LABEL else (True, True)
    )
    # what is labelled is withheld and the rest of the request goes on; what cannot be read blocks it
    left = [request.body for request in careful.upstream.received]
    assert len(left) == (1 if label == LABEL else 0)
    assert not any(source["data"].encode() in body for body in left)


DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def labelled(label: str) -> bytes:
    """A Word file of one sentence that carries a sensitivity label."""
    properties = "".join(
        f'<property name="MSIP_Label_{label}_{name}"><vt:lpwstr>{value}</vt:lpwstr></property>'
        for name, value in (("Enabled", "true"), ("Name", "Green"))
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(
            "word/document.xml", "<w:document><w:p><w:t>Lunch is at noon.</w:t></w:p></w:document>"
        )
        archive.writestr("docProps/custom.xml", f"<Properties>{properties}</Properties>")
    return file.getvalue()


def test_what_is_blocked_is_not_sent_to_be_counted_either(gateway: Harness) -> None:
    body = {"model": "fast", "messages": [{"role": "user", "content": "SSN 536-22-8723 of our customer"}]}
    answer = gateway.post("/v1/messages/count_tokens", body)
    assert (answer.status, answer.header("x-should-retry")) == (451, "false")
    assert not gateway.upstream.received


def test_the_results_of_a_batch_are_filtered_like_any_answer(careful: Harness) -> None:
    careful.reset()
    batches = BatchApi()
    batches.ended = True

    def leaking(received: Received) -> Reply:
        reply = batches(received)
        reply.parts = [part.replace(b"Hello.", f"It is {SSN}, of course.".encode()) for part in reply.parts]
        return Reply(reply.status, reply.headers, reply.parts)

    careful.upstream.script = leaking
    client = sdk(careful)
    params: Any = {"model": "fast", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    created = client.messages.batches.create(requests=[{"custom_id": "a", "params": params}])
    (result,) = client.messages.batches.results(created.id)
    assert result.result.type == "succeeded"
    text = result.result.message.content[0].text  # type: ignore[union-attr]
    assert SSN not in text
    assert text.startswith("It is ")
    assert text.endswith(", of course.")
    (kept,) = [record for record in careful.audit.records if record["kind"] == "batch_results"]
    assert kept["cost_microusd"] > 0


def test_a_trial_of_the_inspection_sends_nothing_and_keeps_nothing(careful: Harness) -> None:
    """L4.4: "may I?" before anything is sent."""
    careful.reset()
    text = f"Social security number {SSN} of our customer"
    blocked = careful.post("/v1/inspections", {"text": text})
    assert blocked.status == 200
    found = blocked.json()
    assert (found["allowed"], found["action"], found["data_class"]) == (False, "block", "restricted")
    assert {"type": "US_SSN", "level": "restricted"} in found["findings"]
    assert SSN not in blocked.body.decode()
    assert careful.post("/v1/inspections", {"text": "A text about the canteen."}).json()["allowed"]
    assert not careful.upstream.received
    assert not careful.audit.records
    for wrong in ({}, {"text": ""}, {"text": 7}, {"text": "a", "model": "fast"}, {"text": "a" * 20_001}):
        assert careful.post("/v1/inspections", wrong).status == 400

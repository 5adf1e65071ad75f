"""Requests: every field is read, what cannot be read is named, and what follows is the department's policy
(L2.3, G.1, G.2).
"""

import base64
import io
import json
import random
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from lambdas.inspection import (
    Action,
    DataClass,
    InspectionConfig,
    Inspector,
    decide,
    parse_dictionary,
    redact_request,
)
from lambdas.inspection import inspector as inspector_module
from lambdas.inspection.redaction import RedactionError

from .made_up import email, ssn

SSN = ssn(random.Random(11))
INSPECTOR = Inspector(InspectionConfig(hash_key=b"k" * 32))


@dataclass(frozen=True)
class Rules:
    data_classes: Sequence[str] = ("public", "internal")
    findings: Mapping[str, str] = field(default_factory=dict)
    human_review: Sequence[str] = ()


def ask(content: Any, **more: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": content}], **more}


TEXT = f"His SSN is {SSN}."
PLACES = {
    "system": ask("hi", system=TEXT),
    "system block": ask("hi", system=[{"type": "text", "text": TEXT}]),
    "message": ask(TEXT),
    "second block": ask([{"type": "text", "text": "hi"}, {"type": "text", "text": TEXT}]),
    "tool input value": ask([{"type": "tool_use", "id": "t", "name": "n", "input": {"ssn": SSN}}]),
    "tool input key": ask([{"type": "tool_use", "id": "t", "name": "n", "input": {TEXT: 1}}]),
    "tool result": ask([{"type": "tool_result", "tool_use_id": "t", "content": TEXT}]),
    "nested tool result": ask(
        [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": TEXT}]}]
    ),
    "text document": ask([{"type": "document", "source": {"type": "text", "data": TEXT}}]),
    "document context": ask(
        [{"type": "document", "context": TEXT, "source": {"type": "text", "data": "hello"}}]
    ),
    "tool description": ask("hi", tools=[{"name": "n", "description": TEXT, "input_schema": {}}]),
    "tool schema": ask("hi", tools=[{"name": "n", "input_schema": {"properties": {"a": {"enum": [TEXT]}}}}]),
    "metadata": ask("hi", metadata={"user_id": TEXT}),
    "stop sequence": ask("hi", stop_sequences=[TEXT]),
    "unknown field": ask("hi", something_new={"deep": [{"er": TEXT}]}),
    "over two blocks": ask([{"type": "text", "text": f"SSN {SSN[:6]}"}, {"type": "text", "text": SSN[6:]}]),
    "batch": {"requests": [{"custom_id": "1", "params": ask(TEXT)}]},
}


@pytest.mark.parametrize("place", PLACES)
def test_a_value_is_found_wherever_it_stands(place: str) -> None:
    inspection = INSPECTOR.inspect_request(PLACES[place])
    assert "US_SSN" in {one.type for one in inspection.findings}, place
    assert decide(inspection, Rules()).action in (Action.WITHHOLD, Action.BLOCK)


# Published test numbers and made-up values, each with the words that announce it.
SPLIT = {
    "CREDIT_CARD": ("the card ", "4539 5787 6362 1486", " today"),
    "IBAN": ("auf IBAN ", "DE89 3704 0044 0532 0130 00", " bitte"),
    "EMAIL": ("write to ", "jo.li@ab-werke.de", " soon"),
    "DE_TAX_ID": ("Steuer-ID ", "86095742719", " des Kunden"),
    "PHONE": ("call ", "+49 171 2345678", " please"),
}


@pytest.mark.parametrize("kind", SPLIT)
@pytest.mark.parametrize("between", ["blocks", "messages"])
def test_a_value_is_found_wherever_it_is_cut_in_two(kind: str, between: str) -> None:
    """At every character, also where the halves lost the space between them."""
    before, value, after = SPLIT[kind]
    missed = []
    for cut in range(1, len(value)):
        first, second = (before + value[:cut]).rstrip(), (value[cut:] + after).lstrip()
        if between == "blocks":
            body = ask([{"type": "text", "text": one} for one in (first, second)])
        else:
            body = ask("") | {"messages": [{"role": "user", "content": one} for one in (first, second)]}
        if kind not in {one.type for one in INSPECTOR.inspect_request(body).findings}:
            missed.append(cut)
    assert not missed


def test_nothing_that_is_kept_shows_the_value() -> None:
    for body in PLACES.values():
        inspection = INSPECTOR.inspect_request(body)
        assert SSN not in repr(inspection)
        assert SSN not in decide(inspection, Rules()).message


UNREADABLE = {
    "url": {"type": "document", "source": {"type": "url", "url": "https://x.test/a.pdf"}},
    "file": {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
    "broken-archive": {
        "type": "document",
        "source": {"type": "base64", "data": base64.b64encode(b"PK\x03\x04nonsense").decode()},
    },
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_read_is_named_and_blocked_unless_the_department_allows_it(kind: str) -> None:
    inspection = INSPECTOR.inspect_request(ask([UNREADABLE[kind]]))
    assert kind in {one.kind for one in inspection.uninspectable}
    decision = decide(inspection, Rules())
    assert (decision.action, decision.reason) == (Action.BLOCK, "uninspectable")
    assert "messages[0].content[0]" in decision.message
    assert decide(inspection, Rules(findings={"uninspectable": "allow"})).action is Action.ALLOW


def office(text: str, custom: str = "") -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", f"<w:document><w:p><w:t>{text}</w:t></w:p></w:document>")
        if custom:
            archive.writestr("docProps/custom.xml", custom)
    return base64.b64encode(packed.getvalue()).decode()


def pdf(text: str) -> str:
    stream = f"BT /F1 12 Tf 50 700 Td ({text}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%b\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%b\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % table
    return base64.b64encode(out).decode()


def attached(data: str) -> dict[str, Any]:
    return ask(
        [{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": data}}]
    )


@pytest.mark.parametrize("data", [office(TEXT), pdf(TEXT)], ids=["office", "pdf"])
def test_files_are_read(data: str) -> None:
    inspection = INSPECTOR.inspect_request(attached(data))
    assert not inspection.uninspectable
    assert "US_SSN" in {one.type for one in inspection.findings}


GUID = "11112222-3333-4444-5555-666677778888"
LABELLED = office(
    "A plan.",
    f'<Properties><property name="MSIP_Label_{GUID}_Enabled"><vt:lpwstr>true</vt:lpwstr></property>'
    f'<property name="MSIP_Label_{GUID}_Name"><vt:lpwstr>Green</vt:lpwstr></property></Properties>',
)


def test_a_sensitivity_label_counts_by_its_id_and_an_unknown_one_is_uninspectable() -> None:
    mapped = Inspector(InspectionConfig(labels={GUID: DataClass.CONFIDENTIAL}))
    assert mapped.inspect_request(attached(LABELLED)).level is DataClass.CONFIDENTIAL
    unmapped = Inspector(InspectionConfig(labels={"other": DataClass.INTERNAL}))
    kinds = {one.kind for one in unmapped.inspect_request(attached(LABELLED)).uninspectable}
    assert kinds == {"unknown-sensitivity-label"}


def test_a_declared_class_may_only_raise() -> None:
    assert INSPECTOR.inspect_request(ask("hello"), "confidential").level is DataClass.CONFIDENTIAL
    assert INSPECTOR.inspect_request(ask(TEXT), "public").level is DataClass.RESTRICTED


def test_a_defect_or_a_lack_of_time_or_size_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    hasty = Inspector(InspectionConfig(deadline_seconds=-1.0))
    assert hasty.inspect_request(ask("hello")).failure == "timeout"
    small = Inspector(InspectionConfig(max_characters=10))
    assert small.inspect_request(ask("hello " * 10)).failure == "too-large"

    def stumble(*_: Any) -> None:
        raise RuntimeError(SSN)

    monkeypatch.setattr(inspector_module.personal_data, "detect", stumble)
    broken = Inspector(InspectionConfig()).inspect_request(ask(TEXT))
    assert broken.failure == "error"
    for inspection in (hasty.inspect_request(ask("hello")), small.inspect_request(ask("x" * 99)), broken):
        kinds: tuple[str, ...] = ("restricted", "confidential", "injection", "uninspectable")
        everything: dict[str, str] = dict.fromkeys(kinds, "allow")
        decision = decide(inspection, Rules(findings=everything))
        assert decision.action is Action.BLOCK
        assert SSN not in repr((inspection, decision))


@pytest.mark.parametrize("action", ["allow", "flag", "redact", "block"])
def test_each_department_decides_about_restricted_data(action: str) -> None:
    inspection = INSPECTOR.inspect_request(ask(TEXT))
    decision = decide(inspection, Rules(findings={"restricted": action}))
    assert decision.action.value == action
    if action == "redact":
        sent = redact_request(ask(TEXT), inspection)
        assert SSN not in json.dumps(sent)
        assert "[US_SSN " in sent["messages"][0]["content"]


def test_internal_data_needs_a_department_that_is_cleared() -> None:
    inspection = INSPECTOR.inspect_request(ask(f"Write to {email(random.Random(1))} about lunch."))
    assert inspection.level is DataClass.INTERNAL
    assert decide(inspection, Rules()).action is Action.ALLOW
    assert decide(inspection, Rules(data_classes=("public",))).action is Action.BLOCK


def test_what_stands_in_a_key_or_a_file_cannot_be_cut_out() -> None:
    for body in (PLACES["tool input key"], attached(office(TEXT)), PLACES["over two blocks"]):
        with pytest.raises(RedactionError) as raised:
            redact_request(body, INSPECTOR.inspect_request(body))
        assert SSN not in str(raised.value)


def test_the_message_of_a_block_tells_class_place_and_remedy() -> None:
    message = decide(INSPECTOR.inspect_request(ask(TEXT)), Rules()).message
    assert "social security number (Restricted) in messages[0].content" in message
    assert "never goes to Claude" in message
    assert "remove it" in message


def test_uses_that_need_review_pass_with_the_flag_and_stay_recorded() -> None:
    inspection = INSPECTOR.inspect_request(ask("Send this offer to all customers automatically."))
    refused = decide(inspection, Rules())
    assert (refused.action, refused.reason) == (Action.BLOCK, "use-customer-contact")
    assert "human-review flag" in refused.message
    reviewed = decide(inspection, Rules(), human_review=True)
    assert (reviewed.action, reviewed.requires_review) == (Action.FLAG, True)
    assert inspection.violations


def test_decisions_about_people_are_blocked_even_with_the_flag() -> None:
    inspection = INSPECTOR.inspect_request(ask("Which of these employees should I fire?"))
    assert decide(inspection, Rules(), human_review=True).action is Action.BLOCK


def test_a_hundred_thousand_terms_compile_once_and_cost_microseconds() -> None:
    terms = [
        {"id": f"t{n}", "term": f"Codename {n:x}q{n % 97}", "level": "confidential"} for n in range(100_000)
    ]
    started = time.process_time()
    dictionary = parse_dictionary({"terms": terms})
    compiled = time.process_time() - started
    text = "The ordinary report says nothing of note about anything. " * 70
    started = time.process_time()
    for _ in range(20):
        assert not dictionary.find(text, text.lower())
    looked = (time.process_time() - started) / 20
    assert compiled < 20
    assert looked < 0.005
    found = dictionary.find("see codename-fq15", "see codename-fq15")
    assert [span.rule for span, _ in found] == ["dictionary:t15"]


def test_a_wrong_dictionary_is_refused_by_entry_and_never_by_term() -> None:
    from lambdas.inspection import DictionaryError

    for entry in ({"id": "a", "term": "Silverfin"}, {"id": "a", "term": "Silverfin", "level": "top"}):
        with pytest.raises(DictionaryError) as raised:
            parse_dictionary({"terms": [entry]})
        assert "terms[0].level" in str(raised.value)
        assert "Silverfin" not in str(raised.value)

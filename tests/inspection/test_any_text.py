"""No text makes the inspection or the filter of answers fail, and a value is found in any script's sentence
(L2.3, L2.4).
"""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.inspection import AnswerFilter, InspectionConfig, Inspector, parse_dictionary

INSPECTOR = Inspector(InspectionConfig(hash_key=b"k" * 32, cache_entries=0))

# sign-in forms as they are translated; what stands there is no ASCII and may be tried as base64
FORMS = (
    '<label for="password">Contraseña</label>',
    "<label for='password'>Kennwörter</label>",
    '<label for="password">パスワード</label>',
    '<a href="/forgot-password">¿Olvidaste tu contraseña?</a>',
    "<passwort>Grüße</passwort>",
    "password: Größeñ=",
    "Authorization: Basic größe",
)
# words after which detectors look closer, so that chance finds the way in
_STARTS = st.sampled_from(
    (
        "password: ",
        '<password">',
        "Authorization: Basic ",
        "token=",
        "IBAN ",
        "ssn ",
        "-----BEGIN PRIVATE KEY",
    )
)
_ANY_TEXT = st.text(st.characters(), max_size=60)  # with halves of surrogate pairs
TEXTS = st.lists(st.one_of(_STARTS, _ANY_TEXT, st.sampled_from(FORMS)), max_size=6).map("".join)


def _failure(text: str) -> str:
    return INSPECTOR.inspect_request({"messages": [{"role": "user", "content": text}]}).failure


@pytest.mark.parametrize("text", FORMS)
def test_a_translated_form_is_inspected_and_answered(text: str) -> None:
    assert _failure(text) == ""
    body = json.dumps({"content": [{"type": "text", "text": text}]}).encode()
    assert AnswerFilter(INSPECTOR).whole(body) == body


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_no_text_makes_inspection_or_filter_fail(text: str) -> None:
    assert _failure(text) == ""
    message = {"content": [{"type": "text", "text": text}, {"type": "tool_use", "input": {text[:20]: text}}]}
    json.loads(AnswerFilter(INSPECTOR).whole(json.dumps(message).encode()))
    answer = AnswerFilter(INSPECTOR)
    for event in (
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        {"type": "content_block_stop", "index": 0},
    ):
        answer.event(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())


# published test numbers and documentation values of other bodies
VALUES = {
    "CREDIT_CARD": "4000 0566 5566 5556",
    "IBAN": "DE89370400440532013000",
    "US_SSN": "536-22-8145",
    "EMAIL": "taro.yamada@nihon-shoji.co.jp",
    "IP_ADDRESS": "83.12.44.19",
}
SENTENCES = (
    "番号は{}です",  # Japanese
    "号码{}有效",  # Chinese
    "번호는{}입니다",  # Korean
    "เลข{}ครับ",  # Thai
    "الرقم{}صحيح",  # Arabic
    "מספר{}נכון",  # Hebrew
    "संख्या{}है",  # Hindi
)


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize("kind", VALUES)
def test_a_value_is_found_beside_letters_of_any_script(sentence: str, kind: str) -> None:
    text = sentence.format(VALUES[kind])
    found = [one for one in INSPECTOR.inspect_text(text).findings if one.type == kind]
    assert [text[one.start : one.end] for one in found] == [VALUES[kind]]
    if kind not in ("EMAIL", "IP_ADDRESS"):
        assert AnswerFilter(INSPECTOR).text(text) == sentence.format(f"[REDACTED {kind}]")


@pytest.mark.parametrize("text", ["パスワードはHx7!kd92Qです", "密码是Hx7!kd92Q。", "비밀번호: Hx7!kd92Q"])
def test_a_password_is_found_behind_its_name_in_any_script(text: str) -> None:
    assert [one.type for one in INSPECTOR.inspect_text(text).findings if one.level == "restricted"] == [
        "SECRET"
    ]


@pytest.mark.parametrize("text", ["Проект Сокол", "Falconプロジェクト", "計画青い鳥を進める"])
def test_a_protected_term_is_found_in_any_script(text: str) -> None:
    entries = [
        {"id": str(place), "term": term, "level": "confidential"}
        for place, term in enumerate(("Сокол", "Falcon", "青い鳥"))
    ]
    inspector = Inspector(InspectionConfig(dictionary=parse_dictionary({"terms": entries})))
    assert [one.type for one in inspector.inspect_text(text).findings if one.type == "DICTIONARY"]


def test_marks_drawn_through_each_digit_hide_nothing() -> None:
    text = "pay with " + "".join(f"{digit}\u0336" for digit in "4000056655665556")
    assert "CREDIT_CARD" in {one.type for one in INSPECTOR.inspect_text(text).findings}

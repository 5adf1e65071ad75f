"""Values in disguise: as a person or a program writes what no expression is meant to find (L2.3)."""

import base64
from collections.abc import Callable
from urllib.parse import quote

import pytest

from lambdas.inspection import InspectionConfig, Inspector
from lambdas.inspection.inspector import SCANNER

SCANNER.warm(wait=True)
INSPECTOR = Inspector(InspectionConfig(hash_key=b"k" * 32, cache_entries=0, names=False))
# published examples of other bodies, and tokens of nobody
VALUES = (
    ("CREDIT_CARD", "4000 0566 5566 5556"),
    ("CREDIT_CARD", "4000056655665556"),
    ("IBAN", "DE89370400440532013000"),
    ("IBAN", "GB29NWBK60161331926819"),
    ("US_SSN", "536-22-8145"),
    ("EMAIL", "anna.becker@firma-nord.de"),
    ("IP_ADDRESS", "83.12.44.19"),
    ("SECRET", "AKIA" + "Q3EGTZ5WJ7N2XK4B"),
)
_WORDS = dict(
    zip(
        "0123456789-.",
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "dash", "dot"],
        strict=True,
    )
)


def _halves(join: str) -> Callable[[str], str]:
    return lambda value: value[: len(value) // 2] + join + value[len(value) // 2 :]


def _each(form: str) -> Callable[[str], str]:
    return lambda value: "".join(form % ord(one) for one in value)


def _b64(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


DISGUISES: dict[str, Callable[[str], str]] = {
    "zero width": "\u200b".join,
    "soft hyphen": "\u00ad".join,
    "word joiner": "\u2060".join,
    "variation selector": "\ufe0f".join,
    "Hangul filler": "\u3164".join,
    "grapheme joiner": "\u034f".join,
    "drawn through": lambda value: "".join(f"{one}\u0336" for one in value),
    "full width": lambda value: "".join(chr(ord(one) + 0xFEE0) if one != " " else one for one in value),
    "Arabic digits": lambda value: value.translate({48 + n: 0x660 + n for n in range(10)}),
    "Devanagari digits": lambda value: value.translate({48 + n: 0x966 + n for n in range(10)}),
    "mathematical digits": lambda value: value.translate({48 + n: 0x1D7CE + n for n in range(10)}),
    "superscript digits": lambda value: value.translate(
        dict(zip(range(48, 58), map(ord, "⁰¹²³⁴⁵⁶⁷⁸⁹"), strict=True))
    ),
    "Japanese around": lambda value: f"番号は{value}です",
    "Korean around": lambda value: f"번호는{value}입니다",
    "Thai around": lambda value: f"เลข{value}ครับ",
    "underscores": lambda value: f"_{value}_",
    "a new line": _halves("\n"),
    "bold": _halves("**"),
    "bold half": lambda value: f"**{value[:5]}**{value[5:]}",
    "an element": _halves("<b></b>"),
    "two strings": lambda value: '"' + _halves('" + "')(value) + '"',
    "octal": _each("\\%03o"),
    "hexadecimal escapes": _each("\\x%02x"),
    "Unicode escapes": _each("\\u%04x"),
    "HTML": _each("&#%d;"),
    "URL": lambda value: quote(value, safe="") if value.isalnum() else _each("%%%02X")(value),
    "base64": _b64,
    "base64 twice": lambda value: _b64(_b64(value)),
    "base32": lambda value: base64.b32encode(value.encode()).decode(),
    "hexadecimal": lambda value: value.encode().hex(),
}
DIGITS: dict[str, Callable[[str], str]] = {
    "spaced": " ".join,
    "spelled": lambda value: " ".join(_WORDS[one] for one in value if one != " "),
}


def _missed(disguise: Callable[[str], str], kinds: set[str]) -> list[str]:
    chosen = [(kind, value) for kind, value in VALUES if kind in kinds]
    return [
        f"{kind} {value}"
        for kind, value in chosen
        if kind
        not in {one.type for one in INSPECTOR.inspect_text(f"Please use {disguise(value)} for it.").findings}
    ]


@pytest.mark.parametrize("name", DISGUISES)
def test_a_disguise_hides_no_value(name: str) -> None:
    assert not _missed(DISGUISES[name], {kind for kind, _ in VALUES})


@pytest.mark.parametrize("name", DIGITS)
def test_digits_apart_or_in_words_are_read(name: str) -> None:
    assert not _missed(DIGITS[name], {"CREDIT_CARD", "US_SSN", "IP_ADDRESS"})

"""What a draft must hold before a person reads it: schema, citations, figures that add up (G.6, L5.3).

Findings name the check and the place, and quote nothing, because they travel further than the draft does.
A finding never throws a draft away: it makes a person look.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

_NUMBER = r"\d[\d,]*(?:\.\d+)?"
_SUM = re.compile(rf"({_NUMBER}(?:\s*[x×*/+-]\s*{_NUMBER})+)\s*=\s*({_NUMBER})")
_TERM = re.compile(rf"([x×*/+-])?\s*({_NUMBER})")
_TIME = re.compile(r"\b(?:[01]?\d|2[0-3]):[0-5]\d\b")
_CITED = re.compile(r"\[([^\][]{3,200})\]")
_SOURCE_LINE = re.compile(r"^source:\s*(\S.*)$", re.IGNORECASE | re.MULTILINE)
_FENCE = re.compile(r"^```(?:json)?\s*(.*?)\s*```$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Draft:
    """What is checked: the text, what it was made from by name, the prompt's output schema if any."""

    text: str
    sources: Mapping[str, str]
    output_schema: Mapping[str, Any] | None = None


Check = Callable[..., list[str]]  # the draft, and the check's parameters by name
_MOST_FINDINGS, _LONGEST_FINDING = 100, 200  # they travel in an execution's state, which holds 256 KiB


def findings(checks: Sequence[str | Mapping[str, Any]], draft: Draft) -> list[dict[str, str]]:
    """The findings of the checks, the first hundred: {"check", "finding"}.

    A check is its kind, or a mapping with its `kind` and its parameters. Raises KeyError for one there is
    not.
    """
    found: list[dict[str, str]] = []
    for each in checks:
        given = {"kind": each} if isinstance(each, str) else dict(each)
        kind = given.pop("kind")
        found += [
            {"check": kind, "finding": text[:_LONGEST_FINDING]} for text in CHECKS[kind](draft, **given)
        ]
    if len(found) > _MOST_FINDINGS:
        more = len(found) - _MOST_FINDINGS + 1
        found = [*found[: _MOST_FINDINGS - 1], {"check": "complete", "finding": f"{more} findings more"}]
    return found


_COUNTED = re.compile(r"^(time|calculation|citation|quotation|source) (\d+) ")


def place_of(finding: str, text: str) -> list[tuple[int, int]]:
    """Where in a draft a finding lies, as offsets; empty for one that is about the whole."""
    counted = _COUNTED.match(finding)
    if counted is None:
        return []
    kind, number = counted.group(1), int(counted.group(2))
    if kind == "time":
        times = list(dict.fromkeys(_clock(one) for one in _TIME.findall(text)))
        wanted = times[number - 1 : number]
        return [one.span() for one in _TIME.finditer(text) if _clock(one.group()) in wanted]
    if kind == "quotation":
        document = _parsed(text)
        quoted = list(_values(document, "quotation")) if document is not None else []
        written = json.dumps(quoted[number - 1], ensure_ascii=False) if number <= len(quoted) else ""
        at = text.find(written) if written else -1
        return [(at, at + len(written))] if at >= 0 else []
    pattern = {"calculation": _SUM, "citation": _CITED, "source": _SOURCE_LINE}[kind]
    return [one.span() for place, one in enumerate(pattern.finditer(text), start=1) if place == number]


def _complete(draft: Draft) -> list[str]:
    return [] if draft.text.strip() else ["the draft is empty"]


def _schema(draft: Draft) -> list[str]:
    document = _parsed(draft.text)
    if document is None:
        return ["the draft is not one JSON document"]
    return misfits(document, draft.output_schema or {}, "$")


def _sums(draft: Draft, tolerance_percent: float = 0.5) -> list[str]:
    """Every written calculation `a x b / c = d` is right, but for rounding."""
    wrong, tolerance = [], Decimal(str(tolerance_percent)) / 100
    for number, found in enumerate(_SUM.finditer(draft.text), start=1):
        value = _calculated(found.group(1))
        stated = _decimal(found.group(2))
        if value is None or stated is None or abs(value - stated) > max(abs(value) * tolerance, tolerance):
            wrong.append(f"calculation {number} does not add up")
    return wrong


def _quotations(draft: Draft) -> list[str]:
    """Every quotation of the document stands in a source, word for word but for spaces and case."""
    known = _plain(" ".join(draft.sources.values()))
    document = _parsed(draft.text)
    quoted = list(_values(document, "quotation")) if document is not None else []
    return [
        f"quotation {number} is in no source"
        for number, text in enumerate(quoted, start=1)
        if isinstance(text, str) and _plain(text) not in known
    ]


def _citations(draft: Draft, least: int = 1) -> list[str]:
    """Each bracketed source is one that was given, and there are enough of them."""
    known = _plain(" ".join(draft.sources.values())) + " our offer"
    cited = _CITED.findall(draft.text)
    few = [f"{len(cited) or 'no'} source is cited" if len(cited) < 2 else f"{len(cited)} sources are cited"]
    return [
        *(few if len(cited) < least else []),
        *_unknown_sources(cited, known),
    ]


def _unknown_sources(cited: list[str], known: str) -> list[str]:
    return [
        f"citation {number} names no source that was given"
        for number, text in enumerate(cited, start=1)
        if _plain(text) not in known
    ]


def _claims(draft: Draft, heading: str = "claims to check") -> list[str]:
    return [] if _plain(heading) in _plain(draft.text) else ["the claims to check are not listed"]


def _review_line(draft: Draft, says: str = "draft for review") -> list[str]:
    last = draft.text.strip().rsplit("\n", 1)[-1]
    return [] if _plain(says) in _plain(last) else ["the draft does not say that it is one"]


def _length(draft: Draft, least_words: int = 1, most_words: int = 100_000) -> list[str]:
    words = len(draft.text.split())
    if least_words <= words <= most_words:
        return []
    return [f"the draft has {words} words, not {least_words} to {most_words}"]


def _contains(draft: Draft, texts: Sequence[str]) -> list[str]:
    text = _plain(draft.text)
    missing = [number for number, each in enumerate(texts, start=1) if _plain(each) not in text]
    return [f"required text {number} is missing" for number in missing]


def _avoids(draft: Draft, texts: Sequence[str]) -> list[str]:
    text = _plain(draft.text)
    there = [number for number, each in enumerate(texts, start=1) if _plain(each) in text]
    return [f"text {number} of those to avoid is in the draft" for number in there]


def _times(draft: Draft) -> list[str]:
    """Every clock time of the draft stands in a source: no event is invented."""
    known = {_clock(one) for text in draft.sources.values() for one in _TIME.findall(text)}
    written = dict.fromkeys(_clock(one) for one in _TIME.findall(draft.text))
    return [
        f"time {number} is in no source" for number, one in enumerate(written, start=1) if one not in known
    ]


def _policy_source(draft: Draft) -> list[str]:
    """The answer names a heading of the policy, or hands the question to a person."""
    if "for a person to decide" in draft.text.casefold():
        return []
    named = _SOURCE_LINE.findall(draft.text)
    if not named:
        return ["no heading of the policy is named"]
    headings = {
        _plain(line.strip("# "))
        for text in draft.sources.values()
        for line in text.splitlines()
        if not line.casefold().startswith("source:")
    }
    return [
        f"source {number} is not a heading of the policy"
        for number, text in enumerate(named, start=1)
        if _plain(text.strip("# .\"'")) not in headings
    ]


def _clock(text: str) -> tuple[int, int]:
    hour, minute = text.split(":")
    return int(hour), int(minute)


CHECKS: Mapping[str, Check] = {
    "avoids": _avoids,
    "citations": _citations,
    "claims": _claims,
    "complete": _complete,
    "contains": _contains,
    "length": _length,
    "policy-source": _policy_source,
    "quotations": _quotations,
    "review-line": _review_line,
    "schema": _schema,
    "sums": _sums,
    "times": _times,
}


def misfits(value: Any, schema: Mapping[str, Any], where: str) -> list[str]:
    """How a value differs from a JSON Schema, by place.

    Knows the keywords that the prompts' schemas use (type, enum, required, properties, items, minItems,
    maxItems). Raises ValueError for another one, so that a schema is never believed to be checked when it is
    not.
    """
    unknown = schema.keys() - _KEYWORDS
    if unknown:
        raise ValueError(f"schema keywords that are not checked: {sorted(unknown)}")
    wrong = []
    if "type" in schema and not _has_type(value, schema["type"]):
        return [f"{where}: is not of type {schema['type']}"]
    if "enum" in schema and value not in schema["enum"]:
        wrong.append(f"{where}: is none of the allowed values")
    if isinstance(value, Mapping):
        wrong += [f"{where}.{name}: missing" for name in schema.get("required", ()) if name not in value]
        for name, part in schema.get("properties", {}).items():
            if name in value:
                wrong += misfits(value[name], part, f"{where}.{name}")
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            wrong.append(f"{where}: has {len(value)} entries")
        for position, one in enumerate(value):
            wrong += misfits(one, schema.get("items", {}), f"{where}[{position}]")
    return wrong


_KEYWORDS = {"type", "enum", "required", "properties", "items", "minItems", "maxItems", "description"}
_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, Mapping),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: (
        not isinstance(value, bool)
        and (isinstance(value, int) or (isinstance(value, float) and value.is_integer()))
    ),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}


def _has_type(value: Any, wanted: str | Sequence[str]) -> bool:
    return any(_TYPES[name](value) for name in ([wanted] if isinstance(wanted, str) else wanted))


def _parsed(text: str) -> Any:
    fenced = _FENCE.match(text.strip())
    try:
        return json.loads(fenced.group(1) if fenced else text)
    except ValueError:
        return None


def _values(document: Any, name: str) -> list[Any]:
    if isinstance(document, Mapping):
        own = [value for key, value in document.items() if key == name]
        return own + [found for value in document.values() for found in _values(value, name)]
    if isinstance(document, list):
        return [found for value in document for found in _values(value, name)]
    return []


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None


def _calculated(text: str) -> Decimal | None:
    """The value of `a x b / c + d`: products and quotients first, then sums, from left to right."""
    total, product, sign = Decimal(0), Decimal(0), 1
    for operator, number in _TERM.findall(text):
        value = _decimal(number)
        if value is None:
            return None
        if operator in ("x", "×", "*"):
            product *= value
        elif operator == "/":
            if value == 0:
                return None
            product /= value
        else:
            total, product, sign = total + sign * product, value, -1 if operator == "-" else 1
    return total + sign * product

"""Inspection of texts and requests: normalise, detect, resolve overlaps, locate, classify (L2.3, G.1).

Deterministic: the same text, configuration and `INSPECTION_VERSION` give the same findings.
"""

import hashlib
import os
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Any

from lambdas.inspection import (
    acceptable_use,
    contacts,
    credentials,
    examples,
    injection,
    linear,
    markings,
    meaning,
    names,
    personal_data,
    token_shapes,
    views,
)
from lambdas.inspection.candidates import Candidates, Scanner
from lambdas.inspection.context import (
    PROGRAMS,
    TECHNICAL,
    Kind,
    lists_authors,
    recognise,
    without_line_numbers,
)
from lambdas.inspection.detectors import identity
from lambdas.inspection.dictionaries import EMPTY, Dictionary
from lambdas.inspection.expressions import Expression, places
from lambdas.inspection.fields import Label, TextField, extract
from lambdas.inspection.findings import (
    Channel,
    DataClass,
    Finding,
    Inspection,
    Span,
    Uninspectable,
    Violation,
    highest,
    value_hash,
)
from lambdas.inspection.leniency import of_public_origin
from lambdas.inspection.merge import settle
from lambdas.inspection.normalise import MappedText, latin_only, normalise, without_emphasis
from lambdas.inspection.policy import level_of

# raised with every change of what is found; records carry it so that a finding can be explained later
INSPECTION_VERSION = "2026.12.2"

DETECTORS: tuple[str, ...] = (
    *personal_data.DETECTORS,
    *credentials.DETECTORS,
    "decoded-views",
    "rearranged-views",
    "dictionary",
    "markings",
    "names",
    "meaning",
    "injection",
    "acceptable-use",
    "contact-list",
    "identity-numbers",
)

LEVELS: Mapping[str, DataClass] = {
    **identity.LEVELS,
    **personal_data.LEVELS,
    "SECRET": DataClass.RESTRICTED,
    "PERSON": DataClass.INTERNAL,
    "ADDRESS": DataClass.INTERNAL,
    "CUSTOMER_LIST": DataClass.RESTRICTED,
    **meaning.LEVELS,
    "PROMPT_INJECTION": DataClass.PUBLIC,
}
SCANNER = Scanner(
    {
        "keywords": personal_data.LITERALS,
        "identity": identity.LITERALS,
        "tokens": credentials.LITERALS,
        "gates": [(gate, gate) for gate in sorted({*injection.GATES, *meaning.GATES, *acceptable_use.GATES})],
    },
    {**personal_data.HINTS, **token_shapes.HINTS, **views.HINTS, **markings.HINTS},
    {**personal_data.PLACES, **views.PLACES, **markings.PLACES},
    words=("keywords", "identity"),
)
_CHUNK = 32_768
_OVERLAP = 512


@dataclass(frozen=True, slots=True)
class InspectionConfig:
    """Configuration. `hash_key` keys the hashes of values (32 random bytes of the client; by default
    random, so that hashes can be compared only within this process).

    `contact_limit`: more distinct e-mail addresses or telephone numbers are a customer list (Restricted).
    `identity_regions`: whose identity numbers are detected (`de`, `us`; `eu` for all of it), by default
    all. `labels` maps ids of sensitivity labels to classes. `names` detects people's names and addresses
    everywhere, not only where they raise the class. `deadline_seconds` limits one request, after which the
    inspection has failed. `disabled` switches off detectors by name (for tests of each one's effect).
    """

    hash_key: bytes = b""
    dictionary: Dictionary = EMPTY
    contact_limit: int = 5
    name_limit: int = 25
    labels: Mapping[str, DataClass] = field(default_factory=dict)
    identity_regions: frozenset[str] = frozenset()
    names: bool = True
    deadline_seconds: float = 20.0
    max_characters: int = 6_000_000
    cache_entries: int = 2_048
    disabled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Placed:
    """A span in the original text, with its level and the hash of its value."""

    span: Span
    level: DataClass
    value_hash: str


@dataclass(frozen=True, slots=True)
class _TextResult:
    """Findings in one text, independent of its path: the unit of caching."""

    placed: tuple[_Placed, ...]
    violations: tuple[tuple[str, int, int], ...]
    injection_score: float


def warm_up(*, wait: bool = False) -> None:
    """Load what all inspectors share; `wait` also for background compilation."""
    linear.read_shipped()
    SCANNER.warm(wait=wait)


class InspectionTimeout(Exception):
    """The deadline of an inspection has passed."""


class Inspector:
    """Inspects texts and requests. Create once per configuration; safe to share between requests."""

    def __init__(self, config: InspectionConfig):
        unknown = config.disabled - set(DETECTORS)
        if unknown:
            raise ValueError(f"disabled: unknown detectors {', '.join(sorted(unknown))}")
        self.config = config
        self._regions = identity.countries(config.identity_regions)
        self._key = config.hash_key or os.urandom(32)
        warm_up()  # at start, not in a call
        self._cache: OrderedDict[bytes, _TextResult] = OrderedDict()

    # --- whole requests -----------------------------------------------------------------------------------

    def inspect_request(
        self,
        body: Mapping[str, Any],
        declared: DataClass | str | None = None,
        *,
        seconds: float | None = None,
    ) -> Inspection:
        """Inspect a Messages, count_tokens or batch request within `seconds` (default: the configured
        deadline).

        Never raises: an error is in `failure`.
        """
        deadline = monotonic() + (self.config.deadline_seconds if seconds is None else seconds)
        try:
            return self._inspect_request(body, DataClass(declared) if declared else None, deadline)
        except InspectionTimeout:
            return self._failed("timeout")
        except RecursionError:
            return self._failed("too-large")
        except Exception:  # fail closed: whatever the detectors stumble over must not open the gate
            return self._failed("error")

    def _failed(self, failure: str) -> Inspection:
        return Inspection(
            INSPECTION_VERSION,
            DataClass.CONFIDENTIAL,
            failure=failure,
            dictionary_version=self.config.dictionary.version,
        )

    def _inspect_request(
        self, body: Mapping[str, Any], declared: DataClass | None, deadline: float
    ) -> Inspection:
        findings: list[Finding] = []
        violations: list[Violation] = []
        uninspectable: list[Uninspectable] = []
        characters = 0
        score = 0.0
        groups: dict[str, list[Finding]] = {}  # what is judged together as a list of contacts
        for item in extract(body):
            if isinstance(item, Uninspectable):
                uninspectable.append(item)
            elif isinstance(item, Label):
                self._label(item, findings, uninspectable, groups)
            else:
                characters += len(item.text) if not item.joint else 0
                if characters > self.config.max_characters:
                    return self._failed("too-large")
                result = (
                    self._text(item.text, item.channel, deadline)
                    if not item.joint
                    else self._kept(
                        f"joint {item.channel}\0{item.text}", lambda item=item: self._inspect_joint(item)
                    )
                )
                found = _in_field(item, result)
                if item.published:
                    found = of_public_origin(found)
                findings.extend(found)
                groups.setdefault(_block_of(item), []).extend(found)
                if not item.joint:
                    violations.extend(_violations_in(item, result))
                    score = max(score, result.injection_score)
        inspection = self._inspection(
            findings, violations, uninspectable, score, declared, characters, groups.values()
        )
        return replace(inspection, others=frozenset(groups) - {""}, last_turn=_last_turn(body))

    def _label(
        self,
        label: Label,
        findings: list[Finding],
        uninspectable: list[Uninspectable],
        groups: dict[str, list[Finding]],
    ) -> None:
        """Return what a label says about its document: the class, or that it was published."""
        level = self.config.labels.get(label.id) or self.config.labels.get(label.id.lower())
        if level is None and not self.config.labels:
            level = markings.named_level(label.name)
        if level is None:
            uninspectable.append(Uninspectable("unknown-sensitivity-label", label.path))
        elif level is not DataClass.PUBLIC:
            findings.append(Finding("LABEL", level, 1.0, label.path, 0, 0, "sensitivity-label", ""))
        elif self.config.labels:  # not because a name sounds like it
            for group in (findings, *groups.values()):
                group[:] = [
                    next(iter(of_public_origin([one]))) if one.field.startswith(f"{label.path}.") else one
                    for one in group
                ]

    def _inspection(
        self,
        findings: list[Finding],
        violations: list[Violation],
        uninspectable: list[Uninspectable],
        score: float,
        declared: DataClass | None,
        characters: int,
        groups: Iterable[Sequence[Finding]],
    ) -> Inspection:
        if "contact-list" not in self.config.disabled:
            for group in groups:
                findings.extend(contacts.lists(group, self.config.contact_limit, self.config.name_limit))
        if (
            declared
            and declared.rank > highest(one.level for one in findings).rank
            and declared is not DataClass.PUBLIC
        ):
            findings.append(Finding("DECLARED", declared, 1.0, "the request", 0, 0, "declared-class", ""))
        counts: dict[str, int] = {}
        for finding in findings:
            counts[finding.type] = counts.get(finding.type, 0) + 1
        return Inspection(
            version=INSPECTION_VERSION,
            level=level_of(findings, declared),
            findings=tuple(findings),
            uninspectable=tuple(uninspectable),
            violations=tuple(violations),
            injection_score=round(score, 4),
            dictionary_version=self.config.dictionary.version,
            characters=characters,
            counts=counts,
        )

    # --- single texts -------------------------------------------------------------------------------------

    def inspect_text(
        self, text: str, channel: Channel = Channel.TRUSTED, *, field_path: str = "text"
    ) -> Inspection:
        """Inspect one text with the same detectors as a request. Raises only `InspectionTimeout`."""
        item = TextField(field_path, text, channel)
        result = self._text(text, channel, monotonic() + self.config.deadline_seconds)
        found = _in_field(item, result)
        violations = _violations_in(item, result)
        return self._inspection(
            found, violations, [], result.injection_score, None, len(text), [tuple(found)]
        )

    def values_in(self, text: str) -> list[Finding]:
        """Return the values in a text that Claude wrote for a tool or for itself, without names and
        matters.
        """
        mapped = normalise(text)
        plain = mapped.text
        kind = recognise(plain)
        lower = _lower(plain)
        spans = [
            *((span, LEVELS[span.type]) for span in self.value_spans(mapped, lower)),
            *self.config.dictionary.find(plain, lower),
        ]
        return [
            Finding(span.type, level, span.score, "", span.start, span.end, span.rule, placed.value_hash)
            for span, level in spans
            if kind not in TECHNICAL or examples.counts(span, plain, kind)
            for placed in (self._place(span, level, mapped, plain),)
        ]

    def _text(self, text: str, channel: Channel, deadline: float) -> _TextResult:
        return self._kept(f"{channel}\0{text}", lambda: self._inspect_long(text, channel, deadline))

    def _kept(self, name: str, inspect: Callable[[], _TextResult]) -> _TextResult:
        key = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=20).digest()
        cached = self._cache.get(key)
        if cached is not None:
            self._cache.move_to_end(key)
            return cached
        result = inspect()
        self._cache[key] = result
        while len(self._cache) > self.config.cache_entries:
            self._cache.popitem(last=False)
        return result

    def _inspect_long(self, text: str, channel: Channel, deadline: float) -> _TextResult:
        if len(text) <= _CHUNK + _OVERLAP:
            return self._inspect_chunk(text, channel, deadline)
        placed: dict[tuple[str, int, int], _Placed] = {}
        violations: dict[tuple[str, int, int], None] = {}
        score = 0.0
        position = 0
        while position < len(text):
            end = min(len(text), position + _CHUNK + _OVERLAP)
            part = self._inspect_chunk(text[position:end], channel, deadline)
            for one in part.placed:
                span = one.span
                moved = replace(span, start=span.start + position, end=span.end + position)
                placed.setdefault((span.type, moved.start, moved.end), replace(one, span=moved))
            violations.update(((rule, a + position, b + position), None) for rule, a, b in part.violations)
            score = max(score, part.injection_score)
            position += _CHUNK
        kept: list[_Placed] = []
        for one in sorted(placed.values(), key=lambda p: (p.span.start, -p.span.end)):
            # the overlap of two chunks may give a shortened copy of one finding
            if not (kept and kept[-1].span.type == one.span.type and one.span.end <= kept[-1].span.end):
                kept.append(one)
        return _TextResult(tuple(kept), tuple(violations), score)

    def _inspect_joint(self, item: TextField) -> _TextResult:
        """Inspect a joint for what can be split between texts: values and protected terms."""
        mapped = normalise(item.text)
        plain = mapped.text
        lower = _lower(plain)
        spans = self._value_spans(mapped, SCANNER.read(plain, lower), lower)
        levels = {}
        if "dictionary" not in self.config.disabled:
            levels = dict(self.config.dictionary.find(plain, lower))
            spans = settle([*spans, *levels]) if levels else spans
        if item.channel is Channel.UNTRUSTED:  # most are ends of files
            spans = [span for span in spans if examples.counts(span, plain, Kind.CODE)]
        placed = [self._place(span, levels.get(span) or LEVELS[span.type], mapped, plain) for span in spans]
        return _TextResult(tuple(placed), (), 0.0)

    def _inspect_chunk(self, text: str, channel: Channel, deadline: float) -> _TextResult:
        off = self.config.disabled
        mapped = without_line_numbers(normalise(text))
        plain = mapped.text
        kind = _kind(plain, channel)
        lower = _lower(plain)
        candidates = SCANNER.read(plain, lower)
        spans = self._value_spans(mapped, candidates, lower, program=kind in PROGRAMS)
        if kind in TECHNICAL:
            spans = [span for span in spans if examples.counts(span, plain, kind)]
        spans = list(contacts.marked(spans, plain, kind))
        _check(deadline)
        levels: dict[Span, DataClass] = {}
        extra: list[Span] = []
        if "dictionary" not in off:
            for span, level in self.config.dictionary.find(plain, lower):
                levels[span] = level
                extra.append(span)
        spans = settle([*spans, *extra]) if extra else spans
        if "names" not in off and self.config.names and kind not in TECHNICAL:
            spans = settle([*spans, *names.find(plain)])
            _check(deadline)
        whole: list[Span] = []
        if "markings" not in off:
            for span, level in markings.find(plain, candidates):
                levels[span] = level
                whole.append(span)
        gates = places(candidates.literals["gates"])
        if "meaning" not in off and kind not in PROGRAMS:
            whole.extend(meaning.find(plain, lower, spans, gates, channel, kind))
            _check(deadline)
        score = 0.0
        if "injection" not in off:
            found, score = injection.find(text, plain, lower, gates, channel, kind)
            whole.extend(found)
        violations: list[tuple[str, int, int]] = []
        if "acceptable-use" not in off and channel is not Channel.UNTRUSTED and kind not in PROGRAMS:
            violations = [
                (rule, *mapped.origin(start, end))
                for rule, start, end in acceptable_use.find(plain, [*spans, *whole], gates)
            ]
        _check(deadline)
        placed = [
            self._place(span, levels.get(span) or LEVELS[span.type], mapped, plain)
            for span in [*spans, *whole]
        ]
        return _TextResult(
            tuple(sorted(placed, key=lambda p: (p.span.start, p.span.end, p.span.type))),
            tuple(violations),
            score,
        )

    def _place(self, span: Span, level: DataClass, mapped: MappedText, plain: str) -> _Placed:
        start, end = mapped.origin(span.start, span.end)
        hashed = ""
        if span.type in meaning.LEVELS:
            hashed = value_hash(self._key, span.type, plain, folded=False)  # it is about the whole text
        elif span.type not in _NO_VALUES:
            hashed = value_hash(self._key, span.type, plain[span.start : span.end])
        return _Placed(replace(span, start=start, end=end), level, hashed)

    def value_spans(self, mapped: MappedText, lower: str) -> list[Span]:
        """Return structured personal data and secrets in the text and its other views; offsets are those of
        `mapped.text`.
        """
        return self._value_spans(mapped, SCANNER.read(mapped.text, lower), lower)

    def _value_spans(
        self,
        mapped: MappedText,
        candidates: Candidates,
        lower: str,
        *,
        program: bool = False,
    ) -> list[Span]:
        off = self.config.disabled
        plain = latin_only(mapped.text, credentials.OTHER_SCRIPTS)
        plain = plain if program else without_emphasis(plain)
        clear = settle(_values(plain, lower, candidates, off, self._regions))
        if "rearranged-views" not in off:
            clear = self._with_views(clear, views.rearranged(plain, candidates, program=program), 0)
        if "decoded-views" not in off:
            clear = self._with_views(clear, views.decoded(plain, candidates), 0)
        return clear

    def _with_views(self, spans: list[Span], readings: Any, depth: int) -> list[Span]:
        off = self.config.disabled
        added: list[Span] = []
        for view in readings:
            text = view.mapped.text
            inner = normalise(text) if view.name == "encoded" else MappedText(text, None, len(text))
            low = _lower(inner.text)
            latin = latin_only(inner.text, credentials.OTHER_SCRIPTS)
            candidates = SCANNER.read(latin, low)
            found = _values(latin, low, candidates, off, self._regions)
            if view.name == "encoded":
                found = [*found, *(span for span, _ in self.config.dictionary.find(inner.text, low))]
                if depth + 1 < views.MAX_DEPTH:
                    found = self._with_views(
                        found, views.decoded(inner.text, candidates, depth + 1), depth + 1
                    )
            for span in found:
                if span.type in _ONLY_CLEAR or not view.crosses(span.start, span.end):
                    continue
                begin, end = inner.origin(span.start, span.end)
                start, stop = view.mapped.origin(begin, end)
                if view.name == "encoded":
                    start, stop = view.mapped.origin(0, len(text))
                added.append(Span(span.type, start, stop, min(span.score, 0.9), f"{view.name}:{span.rule}"))
        if not added:
            return spans
        fresh = [
            one
            for one in added
            if not any(o.start <= one.start and one.end <= o.end and o.score >= 0.85 for o in spans)
        ]
        return settle([*spans, *fresh])


_NO_VALUES = frozenset(("PROMPT_INJECTION", "LABEL", "CUSTOMER_LIST"))
_OF_WHOLE_TEXTS = frozenset((*_NO_VALUES, *meaning.LEVELS))
# types whose evidence is too weak to be believed in a rearranged reading
_ONLY_CLEAR = frozenset(("USERNAME", "EMPLOYEE_ID", "CVV", "CARD_EXPIRY", "LICENSE_PLATE", "ICD10",
    "BANK_ACCOUNT", "INSURANCE_ID",
                         "TAX_ID", "MRN"))  # fmt: skip


def _values(
    text: str, lower: str, candidates: Candidates, off: frozenset[str], regions: frozenset[str]
) -> list[Span]:
    literals = candidates.literals
    return [
        *personal_data.detect(text, lower, candidates, off),
        *credentials.detect(text, lower, literals["tokens"], candidates.hints, off),
        *(() if "identity-numbers" in off else identity.detect(text, lower, literals["identity"], regions)),
    ]


def _lower(text: str) -> str:
    """Return the text in lower case with the same length, so that offsets stay valid."""
    lower = text.lower()
    return (
        lower if len(lower) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    )


_BLOCK = Expression(r"(?:requests\[\d+\]\.params\.)?messages\[\d+\]\.content\[\d+\](?:\.content\[\d+\])*")


def _last_turn(body: Mapping[str, Any]) -> int:
    """Return the index of the last user message, or 0."""
    messages = body.get("messages")
    for number, message in reversed(list(enumerate(messages if isinstance(messages, list) else ()))):
        if isinstance(message, Mapping) and message.get("role") == "user":
            return number
    return 0


def _block_of(item: TextField) -> str:
    """Return the block of a text by others; empty for the caller's own texts."""
    match = _BLOCK.match(item.path) if item.channel is Channel.UNTRUSTED else None
    return match.group() if match else ""


_FEWEST_LINES = 12  # of what a person types: a shorter piece of a program may hold a real password


def _kind(text: str, channel: Channel) -> Kind:
    """Return the kind of a text; a person's few lines and instructions count as prose."""
    if channel in (Channel.INSTRUCTIONS, Channel.DEFINITIONS):
        return Kind.PROSE
    if channel is Channel.TRUSTED and text.count("\n") < _FEWEST_LINES:
        return Kind.PROSE
    if channel is Channel.UNTRUSTED and lists_authors(text):
        return Kind.VERSIONS
    return recognise(text)


def _check(deadline: float) -> None:
    if monotonic() > deadline:
        raise InspectionTimeout


def _in_field(item: TextField, result: _TextResult) -> list[Finding]:
    found: list[Finding] = []
    for one in result.placed:
        span = one.span
        if item.joint and (not span.start < item.joint < span.end or span.type in _OF_WHOLE_TEXTS):
            continue
        if span.end <= item.lead:
            continue
        start, end = max(0, span.start - item.lead), span.end - item.lead
        found.append(
            Finding(
                span.type, one.level, round(span.score, 3), item.path, start, end, span.rule, one.value_hash
            )
        )
    return found


def _violations_in(item: TextField, result: _TextResult) -> list[Violation]:
    return [
        Violation(rule, item.path, max(0, start - item.lead), max(0, end - item.lead))
        for rule, start, end in result.violations
    ]

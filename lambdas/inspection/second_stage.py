"""Bedrock Guardrails as an optional second check, off by default and never the only one (L2.3).

`ApplyGuardrail` reads the texts that our own inspection passes; what it names becomes findings of our own
types and levels, so that the department's policy applies in the same way. The returned values are hashed
and dropped. Callers must treat any failure with a request as a failed inspection: nothing is sent unread.

Of answers it reads the texts, whole or streamed; what it could not read is withheld. In a stream, text is
held back until the guardrail has read it, in pieces: the last characters of a piece wait for the next one,
so that a value is read whole before its beginning is released. Bedrock may judge pieces differently from a
whole text.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from lambdas.common.json_text import json_bytes
from lambdas.inspection.answers import (
    AnswerFilter,
    AnswerPolicy,
    Held,
    Removal,
    apply_removals,
    event_data,
    rendered,
)
from lambdas.inspection.fields import TextField, extract
from lambdas.inspection.findings import Channel, DataClass, Finding, Inspection, highest, value_hash
from lambdas.inspection.inspector import LEVELS

# one call reads at most 25 text units of 1,000 characters
MAX_CHARACTERS = 25_000
# of a stream the guardrail reads pieces of a text unit and more; of each the end is read again with the next
PIECE = 1_000
OVERLAP = 200
_TYPES = {
    "ADDRESS": "ADDRESS", "NAME": "PERSON", "EMAIL": "EMAIL", "PHONE": "PHONE", "USERNAME": "USERNAME",
    "IP_ADDRESS": "IP_ADDRESS", "MAC_ADDRESS": "MAC_ADDRESS", "LICENSE_PLATE": "LICENSE_PLATE",
    "VEHICLE_IDENTIFICATION_NUMBER": "VIN", "DRIVER_ID": "DRIVER_LICENSE", "PASSWORD": "SECRET", "PIN":
        "SECRET",
    "AWS_ACCESS_KEY": "SECRET", "AWS_SECRET_KEY": "SECRET", "CREDIT_DEBIT_CARD_NUMBER": "CREDIT_CARD",
    "CREDIT_DEBIT_CARD_CVV": "CVV", "CREDIT_DEBIT_CARD_EXPIRY": "CARD_EXPIRY",
    "INTERNATIONAL_BANK_ACCOUNT_NUMBER": "IBAN", "US_BANK_ACCOUNT_NUMBER": "BANK_ACCOUNT",
    "US_BANK_ROUTING_NUMBER": "US_ROUTING", "US_SOCIAL_SECURITY_NUMBER": "US_SSN",
    "US_INDIVIDUAL_TAX_IDENTIFICATION_NUMBER": "TAX_ID", "US_PASSPORT_NUMBER": "PASSPORT",
    "CA_SOCIAL_INSURANCE_NUMBER": "CA_SIN", "CA_HEALTH_NUMBER": "INSURANCE_ID",
    "UK_NATIONAL_INSURANCE_NUMBER": "UK_NINO", "UK_NATIONAL_HEALTH_SERVICE_NUMBER": "UK_NHS",
    "UK_UNIQUE_TAXPAYER_REFERENCE_NUMBER": "TAX_ID",
}  # fmt: skip
_CONFIDENCE = {"LOW": 0.6, "MEDIUM": 0.8, "HIGH": 0.95}


class SecondStage:
    """Asks one version of one guardrail. `client` is a botocore client of `bedrock-runtime`; its calls
    block.
    """

    def __init__(self, client: Any, guardrail: str, version: str, hash_key: bytes) -> None:
        self._client = client
        self._guardrail = guardrail
        self._version = version
        self._key = hash_key

    def inspect(self, body: Mapping[str, Any], first: Inspection) -> Inspection:
        """Return the first inspection with what the guardrail adds. Raises botocore's errors."""
        known = {(one.type, one.field, one.start) for one in first.findings}
        added = [
            finding
            for item in extract(body)
            if isinstance(item, TextField) and not item.joint
            for start in range(0, len(item.text), MAX_CHARACTERS)
            for finding in self._ask(item, start, "INPUT")
            if (finding.type, finding.field, finding.start) not in known
        ]
        if not added:
            return first
        counts = dict(first.counts)
        for finding in added:
            counts[finding.type] = counts.get(finding.type, 0) + 1
        return replace(
            first,
            findings=(*first.findings, *added),
            level=highest([first.level, *(one.level for one in added)]),
            counts=counts,
            injection_score=max(
                [first.injection_score, *(one.score for one in added if one.type == "PROMPT_INJECTION")]
            ),
        )

    def inspect_answer(self, text: str) -> list[Finding]:
        """Return what the guardrail finds in a text of an answer. Raises botocore's errors."""
        item = TextField("content", text, Channel.TRUSTED)
        return [
            finding
            for start in range(0, len(text), MAX_CHARACTERS)
            for finding in self._ask(item, start, "OUTPUT")
        ]

    def _ask(self, item: TextField, start: int, source: Literal["INPUT", "OUTPUT"]) -> Iterator[Finding]:
        text = item.text[start : start + MAX_CHARACTERS]
        answer = self._client.apply_guardrail(
            guardrailIdentifier=self._guardrail,
            guardrailVersion=self._version,
            source=source,
            content=[{"text": {"text": text}}],
        )
        if answer.get("action") != "GUARDRAIL_INTERVENED":
            return
        for assessment in answer.get("assessments", ()):
            sensitive = assessment.get("sensitiveInformationPolicy", {})
            for entity in sensitive.get("piiEntities", ()):
                yield from self._values(item, start, text, _TYPES.get(entity["type"], "SECRET"), entity)
            for entity in sensitive.get("regexes", ()):
                yield from self._values(item, start, text, "DICTIONARY", entity)
            for entity in assessment.get("contentPolicy", {}).get("filters", ()):
                if entity["type"] == "PROMPT_ATTACK":
                    score = _CONFIDENCE.get(entity.get("confidence", ""), 0.6)
                    yield self._whole(item, "PROMPT_INJECTION", DataClass.PUBLIC, score, "prompt-attack")
            for _ in assessment.get("topicPolicy", {}).get("topics", ()):
                yield self._whole(item, "LABEL", DataClass.RESTRICTED, 0.8, "topic")

    def _values(
        self, item: TextField, start: int, text: str, kind: str, entity: Mapping[str, Any]
    ) -> Iterator[Finding]:
        value = str(entity.get("match", ""))
        level = LEVELS.get(kind, DataClass.RESTRICTED)
        hashed = value_hash(self._key, kind, value)
        # named once, it may stand there more than once; where it is not found as named, the place is unknown
        places = [match.start() for match in re.finditer(re.escape(value), text)] if value else []
        for place in places or [0]:
            first = max(0, start + place - item.lead)
            last = max(first, start + place + len(value) - item.lead)
            yield Finding(kind, level, 0.8, item.path, first, last, "guardrail", hashed)

    def _whole(self, item: TextField, kind: str, level: DataClass, score: float, rule: str) -> Finding:
        length = max(0, len(item.text) - item.lead)
        return Finding(kind, level, score, item.path, 0, length, f"guardrail-{rule}", "")


@dataclass(slots=True)
class _StreamedText:
    """A text block in progress: what arrived, what the guardrail read, what was released."""

    text: str = ""
    read: int = 0
    released: int = 0
    removals: list[Removal] = field(default_factory=list)
    waiting: list[Held] = field(default_factory=list)


class SecondStageFilter:
    """A filter of one answer: our own, followed by the guardrail. Its calls block: use it in a thread.

    A text that the guardrail could not read is withheld; the call is settled and recorded nevertheless.
    """

    def __init__(self, first: AnswerFilter, stage: SecondStage, policy: AnswerPolicy) -> None:
        self._first = first
        self._stage = stage
        self._policy = policy
        self._blocks: dict[int, _StreamedText] = {}
        self._removed: dict[str, int] = {}

    def event(self, event: bytes) -> list[bytes]:
        """Return the events that can be released, whose text both have read. Blocks while the guardrail
        reads.
        """
        return [leaving for passed in self._first.event(event) for leaving in self._screened(passed)]

    def _screened(self, event: bytes) -> list[bytes]:
        data = event_data(event) or {}
        kind, index = data.get("type"), data.get("index", 0)
        if kind in ("message_delta", "message_stop"):
            return [*(one for index in sorted(self._blocks) for one in self._finish(index)), event]
        if kind == "content_block_stop":
            return [*self._finish(index), event]
        if kind == "error":
            self._blocks.clear()  # the stream broke: what was not read does not leave
            return [event]
        text = _text_of(data)
        if text:
            block = self._blocks.setdefault(index, _StreamedText())
            start = len(block.text)
            block.text += text
            block.waiting.append(Held(event, data, start, len(block.text)))
            return self._read(block) if len(block.text) - block.read >= PIECE else []
        block = self._blocks.get(index)
        if kind != "content_block_delta" or block is None or not block.waiting:
            return [event]
        # what stands between two texts of a block, such as a citation, keeps its place
        block.waiting.append(Held(event, None, len(block.text), len(block.text)))
        return []

    def _finish(self, index: int) -> list[bytes]:
        block = self._blocks.pop(index, None)
        return self._read(block, last=True) if block and block.waiting else []

    def _read(self, block: _StreamedText, *, last: bool = False) -> list[bytes]:
        """Let the guardrail read what arrived, and release what no later text can make part of a value."""
        begin = max(0, block.released - OVERLAP)
        size = len(block.text)
        safe = size if last else size - OVERLAP
        for removal in self._removals(block.text[begin:]):
            start, end = max(removal.start + begin, block.released), removal.end + begin
            moved = Removal(start, end, removal.type)
            if start < end and moved not in block.removals:
                block.removals.append(moved)
                self._count(moved.type)
            if removal.start == 0 and end == size:
                safe = size  # the whole piece: nothing of it is worth waiting for
            elif end > safe:
                safe = min(safe, start)  # it may go on
        block.removals.sort(key=lambda one: (one.start, -one.end))
        block.read = len(block.text)
        block.released = max(block.released, safe)
        leaving = [held for held in block.waiting if held.end <= block.released]
        del block.waiting[: len(leaving)]
        return [event for held in leaving if (event := rendered(held, block.removals))]

    def whole(self, body: bytes) -> bytes:
        """Return a whole Message, filtered by both; the identical bytes if there was nothing to remove.
        Blocks.
        """
        body = self._first.whole(body)
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            return body
        blocks = message.get("content") if isinstance(message, dict) else None
        if not isinstance(blocks, list):
            return body
        content = [self._clean(block) for block in blocks]
        if content == blocks:
            return body
        return json_bytes({**message, "content": content})

    def decisions(self) -> list[dict[str, Any]]:
        """Return what both removed, by type and number."""
        return [
            *self._first.decisions(),
            *(
                {"type": kind, "count": number, "action": "redact", "stage": "guardrail"}
                for kind, number in sorted(self._removed.items())
            ),
        ]

    def _clean(self, block: Any) -> Any:
        if not isinstance(block, dict) or block.get("type") != "text" or not block.get("text"):
            return block
        text = str(block["text"])
        removals = self._removals(text)
        for removal in removals:
            self._count(removal.type)
        return {**block, "text": apply_removals(text, removals)} if removals else block

    def _removals(self, text: str) -> list[Removal]:
        """Return what to remove from the text: all of it if the guardrail could not read it."""
        try:
            found = self._stage.inspect_answer(text)
        except Exception:  # whatever Bedrock or the network raises: unread is not sent
            return [Removal(0, len(text), _UNCHECKED)]
        return [
            Removal(one.start, one.end, one.type)
            for one in sorted(found, key=lambda one: (one.start, -one.end))
            if one.level.rank >= self._policy.redact_from.rank and one.end > one.start
        ]

    def _count(self, kind: str) -> None:
        self._removed[kind] = self._removed.get(kind, 0) + 1


_UNCHECKED = "UNCHECKED"


def _text_of(data: Mapping[str, Any]) -> str:
    """Return the text that an event adds to its block."""
    part = data.get("delta") if data.get("type") == "content_block_delta" else data.get("content_block")
    if not isinstance(part, Mapping) or part.get("type") not in ("text", "text_delta"):
        return ""
    text = part.get("text")
    return text if isinstance(text, str) else ""

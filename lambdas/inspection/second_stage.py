"""Bedrock Guardrails as an optional second opinion, off by default and never the only one (L2.3).

`ApplyGuardrail` reads the texts that our own inspection let pass; what it names becomes findings of our own
types and levels, so that the department's policy decides the same way. The values it returns are hashed and
dropped. Any failure is the caller's to treat as a failed inspection: nothing leaves unread.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from lambdas.inspection.fields import TextField, extract
from lambdas.inspection.findings import DataClass, Finding, Inspection, highest, value_hash
from lambdas.inspection.inspector import LEVELS

# one call reads at most 25 text units of 1,000 characters
MAX_CHARACTERS = 25_000
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
        """The first inspection with what the guardrail adds. Raises botocore's errors."""
        known = {(one.type, one.field, one.start) for one in first.findings}
        added = [
            finding
            for item in extract(body)
            if isinstance(item, TextField) and not item.joint
            for start in range(0, len(item.text), MAX_CHARACTERS)
            for finding in self._ask(item, start)
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

    def _ask(self, item: TextField, start: int) -> Iterator[Finding]:
        text = item.text[start : start + MAX_CHARACTERS]
        answer = self._client.apply_guardrail(
            guardrailIdentifier=self._guardrail,
            guardrailVersion=self._version,
            source="INPUT",
            content=[{"text": {"text": text}}],
        )
        if answer.get("action") != "GUARDRAIL_INTERVENED":
            return
        for assessment in answer.get("assessments", ()):
            sensitive = assessment.get("sensitiveInformationPolicy", {})
            for entity in sensitive.get("piiEntities", ()):
                yield self._value(item, start, text, _TYPES.get(entity["type"], "SECRET"), entity)
            for entity in sensitive.get("regexes", ()):
                yield self._value(item, start, text, "DICTIONARY", entity)
            for entity in assessment.get("contentPolicy", {}).get("filters", ()):
                if entity["type"] == "PROMPT_ATTACK":
                    score = _CONFIDENCE.get(entity.get("confidence", ""), 0.6)
                    yield self._whole(item, "PROMPT_INJECTION", DataClass.PUBLIC, score, "prompt-attack")
            for _ in assessment.get("topicPolicy", {}).get("topics", ()):
                yield self._whole(item, "LABEL", DataClass.RESTRICTED, 0.8, "topic")

    def _value(self, item: TextField, start: int, text: str, kind: str, entity: Mapping[str, Any]) -> Finding:
        value = str(entity.get("match", ""))
        place = start + max(0, text.find(value)) - item.lead
        level = LEVELS.get(kind, DataClass.RESTRICTED)
        hashed = value_hash(self._key, kind, value)
        first = max(0, place)
        return Finding(
            kind, level, 0.8, item.path, first, max(first, place + len(value)), "guardrail", hashed
        )

    def _whole(self, item: TextField, kind: str, level: DataClass, score: float, rule: str) -> Finding:
        length = max(0, len(item.text) - item.lead)
        return Finding(kind, level, score, item.path, 0, length, f"guardrail-{rule}", "")

"""The optional guardrail: encrypted, versioned, and only what the gateway needs to ask it (L2.3)."""

import pytest

from components.base import ArgumentsError, Names
from components.governance.guardrail import Guardrail, GuardrailArgs
from kit.evaluation.graph import Resource
from tests.support.stages import plan_of_program


def _plan(**changes: object) -> list[Resource]:
    names = Names(client="acme", environment="production", account="123456789012", region="eu-central-1")

    def program() -> None:
        Guardrail("guardrail", GuardrailArgs(names, "arn:aws:kms:eu-central-1:123456789012:key/k", **changes))  # type: ignore[arg-type]

    return list(plan_of_program(program))


def test_it_is_encrypted_named_and_asks_for_prompt_attacks() -> None:
    (guardrail,) = [one for one in _plan() if one.type.endswith(":Guardrail") and one.custom]
    assert guardrail.inputs["kmsKeyArn"].endswith("key/k")
    assert guardrail.inputs["name"] == "acme-production-inspection"
    filters = guardrail.inputs["contentPolicyConfig"]["filtersConfigs"]
    assert [(one["type"], one["inputStrength"]) for one in filters] == [("PROMPT_ATTACK", "HIGH")]


def test_a_version_outlives_its_rules() -> None:
    (version,) = [one for one in _plan() if one.type.endswith(":GuardrailVersion")]
    assert version.inputs["skipDestroy"] is True


def test_a_strength_that_bedrock_does_not_know_is_refused_with_its_key() -> None:
    with pytest.raises((ArgumentsError, Exception), match="prompt_attack_strength"):
        _plan(prompt_attack_strength="EXTREME")

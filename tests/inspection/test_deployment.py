"""What the inspection needs travels with the function (L2.3)."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lambdas.inspection
from components.layers import source_files
from components.permissions import canonical_json
from kit.evaluation.stages import evaluate_stages, stack_configuration
from lambdas.common.policy import parse_policy
from stacks.gateway_policy import gateway_policy
from stacks.settings import Settings
from stacks.settings.loading import RawConfig, SettingsError, read_settings
from tests.support.stages import plan_of

PACKAGE = Path(lambdas.inspection.__file__).parent


def test_the_functions_archive_carries_every_model() -> None:
    carried = set(source_files(["inspection"]))
    models = [path for path in (PACKAGE / "models").iterdir() if path.is_file()]
    assert len(models) == 3
    for model in models:
        assert f"lambdas/inspection/models/{model.name}" in carried


def test_importing_the_inspection_compiles_no_expression_that_may_never_be_tried() -> None:
    """A cold start pays for what it imports: most expressions are compiled when a text needs them."""
    program = (
        "import re, sys\n"
        "made, compile = [], re.compile\n"
        "def count(*given):\n"
        "    if '/inspection/' in sys._getframe(1).f_code.co_filename: made.append(given[0])\n"
        "    return compile(*given)\n"
        "re.compile = count\n"
        "import lambdas.inspection\n"
        "print(len(made), 'importlib.metadata' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    compiled, reads_metadata = ran.stdout.split()
    assert int(compiled) <= 20
    assert reads_metadata == "False"


def configured(**changes: Any) -> Settings:
    """The example client's settings, with changes."""
    plain = {key.partition(":")[2]: value for key, value in stack_configuration("integration").items()}
    chosen = {key: json.dumps(value) for key, value in changes.items()}
    return read_settings(RawConfig({**plain, **chosen}, frozenset()))


def test_the_plan_shows_which_dictionary_is_in_force_and_who_approved_it() -> None:
    approved = {"version": 3, "sha256": "0123456789abcdef" * 4, "approved_by": "Ana Owner"}
    settings = configured(dictionary=approved)
    policy = gateway_policy(settings)
    assert policy["dictionary"] == approved
    parsed = parse_policy(canonical_json(policy).encode()).dictionary
    assert parsed is not None
    assert (parsed.sha256, parsed.approved_by) == (approved["sha256"], "Ana Owner")


@pytest.mark.parametrize("change", [{"sha256": "0123"}, {"version": 0}, {"terms": ["Silverfin"]}])
def test_a_configuration_that_names_no_document_or_carries_terms_is_refused(change: dict[str, Any]) -> None:
    given = {"version": 3, "sha256": "0123456789abcdef" * 4, "approved_by": "Ana Owner", **change}
    with pytest.raises(SettingsError) as raised:
        configured(dictionary=given)
    assert f"dictionary.{next(iter(change))}" in str(raised.value)
    assert "Silverfin" not in str(raised.value)


def test_a_configured_guardrail_is_asked_by_the_gateway_and_by_nothing_else() -> None:
    plan = evaluate_stages(
        ("foundation", "integration"),
        size="small",
        config={"guardrail": {"prompt_attack_strength": "MEDIUM"}},
        assume_gates=True,
    )["integration"]
    (guardrail,) = plan.of_type("aws:bedrock/guardrail:Guardrail")
    assert guardrail.inputs["contentPolicyConfig"]["filtersConfigs"][0]["inputStrength"] == "MEDIUM"
    told = [
        one.name
        for one in plan.of_type("aws:lambda/function:Function")
        if "GUARDRAIL_ID" in one.inputs["environment"]["variables"]
    ]
    asking = [
        one.name
        for one in plan.of_type("aws:iam/rolePolicy:RolePolicy")
        if "bedrock:ApplyGuardrail" in str(one.inputs["policy"])
    ]
    assert len(told) == len(asking) == 1
    assert told[0].startswith("gateway-")
    assert asking[0].startswith("gateway-")


def test_nothing_asks_a_guardrail_unless_it_is_configured() -> None:
    assert not plan_of("integration").of_type("aws:bedrock/guardrail:Guardrail")

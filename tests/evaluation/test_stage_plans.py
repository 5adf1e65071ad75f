"""What holds of every stage at every size."""

import pytest

from kit.errors import ExitCode, KitError
from kit.evaluation.archives import marked_hash
from kit.evaluation.engine import PROJECT_ROOT
from kit.evaluation.input_check import wrong_inputs
from kit.evaluation.stages import evaluate_stage, evaluate_stages
from tests.support.stages import SIZES, STAGES, plan_of, plan_of_program, plans_of


@pytest.mark.parametrize("size", SIZES)
def test_preview_and_update_register_the_same_resources(size: str) -> None:
    """A resource made inside an apply would be missing from the preview and shown as deleted."""
    for stage in STAGES:
        assert set(plan_of(stage, size, preview=True).resources) == set(plan_of(stage, size).resources)


@pytest.mark.parametrize("size", SIZES)
def test_every_input_is_one_that_the_provider_s_types_know(size: str) -> None:
    for stage in STAGES:
        assert list(wrong_inputs(plan_of(stage, size))) == []


@pytest.mark.parametrize("size", SIZES)
def test_stages_are_chained_by_their_contracts(size: str) -> None:
    from stacks.contracts import CONTRACTS

    for stage, graph in plans_of(size).items():
        promised = {name for name, export in CONTRACTS[stage].items() if export.required}  # type: ignore[index]
        assert promised <= set(graph.exports), stage
        assert not [name for name, value in graph.exports.items() if isinstance(value, dict)], (
            "no secret, no object"
        )
    reads = [resource.name for resource in plan_of("rollout", size) if resource.read]
    assert reads == [f"organization/claude-enterprise-kit/{stage}" for stage in ("foundation", "integration")]


def test_a_stage_without_the_one_before_says_which_to_run() -> None:
    with pytest.raises(KitError, match="foundation") as caught:
        evaluate_stage("integration", assume_gates=True, stack_outputs={"foundation": {}})
    assert caught.value.exit_code == ExitCode.USAGE
    assert "pulumi up -s foundation" in caught.value.message


def test_a_closed_gate_closes_the_evaluation() -> None:
    with pytest.raises(KitError, match="gate to stage integration is closed") as caught:
        evaluate_stages()
    assert caught.value.exit_code == ExitCode.GATE_CLOSED


def test_a_wrong_configuration_names_every_key_at_once() -> None:
    with pytest.raises(KitError) as caught:
        evaluate_stage("foundation", config={"regoin": "eu-central-1", "audit": {"mode": "SOFT"}})
    assert caught.value.exit_code == ExitCode.USAGE
    assert "regoin" in caught.value.message
    assert "audit.mode" in caught.value.message


@pytest.mark.parametrize("size", SIZES)
def test_no_plan_holds_a_secret_value_or_an_unreadable_policy(size: str) -> None:
    for stage in STAGES:
        for resource in plan_of(stage, size):
            assert "secretString" not in resource.inputs, resource.urn
            assert not isinstance(resource.inputs.get("policy"), dict), resource.urn


def test_code_of_functions_is_named_file_by_file_without_caches() -> None:
    functions = [
        r for size in SIZES for s in STAGES for r in plan_of(s, size).of_type("aws:lambda/function:Function")
    ]
    assert functions
    for function in functions:
        archive = function.inputs["code"]
        names = archive["$archive"].get("assets", {})
        assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
        if names:
            assert marked_hash(archive, PROJECT_ROOT) is not None


def test_wrong_inputs_are_found_at_any_depth() -> None:
    def program() -> None:
        import pulumi_aws as aws
        import pulumi_kubernetes as kubernetes

        aws.s3.BucketServerSideEncryptionConfiguration("sse", bucket="b", rules=[{"aply_default": 1}])  # type: ignore[list-item]
        aws.lambda_.Function("f", role="r", memory_size="big", timeout=True)  # type: ignore[arg-type]
        kubernetes.core.v1.ConfigMap("m", metadata={"nmae": "x"})  # type: ignore[arg-type]
        kubernetes.apiextensions.CustomResource(
            "n", "karpenter.sh/v1", "NodePool", {"limits": {"cpu": "4"}}, {"nmae": "x"}
        )

    found = {
        (urn.rsplit("::", 1)[1], text.split(":")[0]) for urn, text in wrong_inputs(plan_of_program(program))
    }
    assert found == {
        ("sse", "rules[0].aply_default"),
        ("f", "memorySize"),
        ("f", "timeout"),
        ("m", "metadata.nmae"),
        ("n", "metadata.nmae"),
    }


def test_a_custom_resource_that_nobody_declared_is_no_known_type() -> None:
    def program() -> None:
        import pulumi_kubernetes as kubernetes

        kubernetes.apiextensions.CustomResource("n", "karpenter.sh/v1", "NodePol", {}, {"name": "x"})

    with pytest.raises(LookupError, match=r"kubernetes:karpenter\.sh/v1:NodePol"):
        list(wrong_inputs(plan_of_program(program)))

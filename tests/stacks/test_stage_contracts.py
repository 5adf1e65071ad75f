"""Contracts between stages: what is promised is exported, and what is missing is reported with a hint."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.errors import ExitCode, KitError
from kit.evaluation.stages import evaluate_stage
from stacks.contracts import CONTRACT_VERSION, CONTRACTS, ContractError, check
from stacks.settings import CONFIG_FOLDER
from stacks.settings.credentials import looks_secret

EXPECTED = {
    "client": "example",
    "environment": "production",
    "account": "111122223333",
    "region": "eu-central-1",
}


def kept(stage: Any, **changes: Any) -> dict[str, Any]:
    """Exports that keep a stage's contract, with changes; None leaves a name out."""
    values: dict[str, Any] = {name: f"a {name}" for name in CONTRACTS[stage]}
    values |= {"contract_version": CONTRACT_VERSION, **EXPECTED, **changes}
    return {name: each for name, each in values.items() if each is not None}


@pytest.mark.parametrize("stage", ["foundation", "integration", "rollout"])
def test_a_kept_contract_is_read_by_its_names(stage: Any) -> None:
    read = check(stage, stage, kept(stage), EXPECTED)
    assert read.keys() == CONTRACTS[stage].keys()
    assert read["client"] == "example"


def test_an_optional_export_may_be_absent() -> None:
    read = check("foundation", "foundation", kept("foundation", audit_replica_bucket_arn=None), EXPECTED)
    assert read["audit_replica_bucket_arn"] is None


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, ["foundation has not been deployed", "run: pulumi up -s foundation.acme"]),
        (kept("foundation", contract_version=CONTRACT_VERSION - 1), ["this kit needs", "run: pulumi up -s"]),
        (kept("foundation", contract_version=CONTRACT_VERSION + 1), ["newer kit", "update the kit"]),
        (kept("foundation", audit_bucket_name=None), ["lacks audit_bucket_name", "run: pulumi up -s"]),
        (kept("foundation", audit_bucket_name=7), ["audit_bucket_name is int, not str", "run: pulumi up -s"]),
        (kept("foundation", client="other"), ["another deployment", "'other' there and 'example' here"]),
        (kept("foundation", contract_version="one"), ["contract_version"]),
    ],
)
def test_what_is_missing_old_or_foreign_names_the_stage_to_run(
    values: dict[str, Any], says: list[str]
) -> None:
    with pytest.raises(ContractError) as caught:
        check("foundation", "foundation.acme", values, EXPECTED)
    assert all(each in str(caught.value) for each in says), str(caught.value)


def refused(stage: str, outputs: Mapping[str, Mapping[str, Any]]) -> KitError:
    with pytest.raises(KitError) as caught:
        evaluate_stage(stage, assume_gates=True, stack_outputs=outputs)
    return caught.value


def test_integration_refuses_a_foundation_that_was_never_deployed() -> None:
    error = refused("integration", {"foundation": {}})
    assert error.exit_code == ExitCode.USAGE
    assert "run: pulumi up -s foundation" in error.message


def test_integration_refuses_a_foundation_of_an_older_kit() -> None:
    error = refused("integration", {"foundation": kept("foundation", contract_version=0)})
    assert "was deployed with contract 0" in error.message


def test_rollout_refuses_an_integration_that_lacks_an_export() -> None:
    outputs = {"foundation": kept("foundation"), "integration": kept("integration", gateway_url=None)}
    assert "lacks gateway_url; run: pulumi up -s integration" in refused("rollout", outputs).message


@pytest.fixture(scope="module")
def chain() -> dict[str, dict[str, Any]]:
    """The exports of all stages, each reading those before it."""
    exports: dict[str, dict[str, Any]] = {}
    for stage in ("foundation", "integration", "rollout"):
        graph = evaluate_stage(stage, assume_gates=True, stack_outputs=exports)
        exports = {**exports, graph.stack: graph.exports}
    return exports


@pytest.mark.parametrize("stage", ["foundation", "integration", "rollout"])
def test_every_stage_keeps_its_contract_in_a_chain_of_three(
    chain: dict[str, dict[str, Any]], stage: Any
) -> None:
    assert check(stage, stage, chain[stage], EXPECTED)["gate_record_key"] == f"gates/{stage}.json"


def test_no_stage_exports_a_secret_or_a_structure(chain: dict[str, dict[str, Any]]) -> None:
    for exports in chain.values():
        for name, each in exports.items():
            assert isinstance(each, str | int), name
            assert not looks_secret(str(each)), name


def test_a_named_client_reads_the_stacks_of_its_own_name(tmp_path: Path) -> None:
    """`integration.acme` reads `foundation.acme`, and no other."""
    text = (CONFIG_FOLDER / "clients" / "example.yaml").read_text().replace("client: example", "client: acme")
    (tmp_path / "clients").mkdir()
    (tmp_path / "clients" / "acme.yaml").write_text(text)
    assert yaml.safe_load(text)["client"] == "acme"
    outputs = {"foundation.acme": kept("foundation", client="acme")}

    graph = evaluate_stage(
        "integration",
        client="acme",
        config={"config_folder": str(tmp_path)},
        assume_gates=True,
        stack_outputs=outputs,
    )

    references = [each for each in graph.resources.values() if each.type == "pulumi:pulumi:StackReference"]
    assert [each.name for each in references] == ["organization/claude-enterprise-kit/foundation.acme"]

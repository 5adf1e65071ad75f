"""What AWS takes no more of: names, zones, and which kind of zone (S.1, Z.1)."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components.base import Names
from kit.errors import KitError
from kit.evaluation.engine import PROJECT_ROOT
from kit.evaluation.stages import evaluate_stages
from stacks import pods
from stacks.settings import Settings, SettingsError
from stacks.settings.consistency import LONGEST_BUCKET
from stacks.settings.loading import RawConfig, as_config, read_settings
from tests.plans.made import made, of_type
from tests.support.stages import plans_of

pytestmark = pytest.mark.timeout(600)  # each test makes a plan of its own
# Characters of a name, from each service's page of quotas, November 2026.
CHARACTERS = {
    "aws:athena/workgroup": 128,
    "aws:budgets/budget": 100,
    "aws:cloudtrail/trail": 128,
    "aws:cloudwatch/eventRule": 64,
    "aws:cloudwatch/logGroup": 512,
    "aws:cloudwatch/metricAlarm": 255,
    "aws:cognito/userPool": 128,
    "aws:dynamodb/table": 255,
    "aws:glue/catalogDatabase": 255,
    "aws:iam/policy": 128,
    "aws:iam/role": 64,
    "aws:kinesis/firehoseDeliveryStream": 64,
    "aws:lambda/function": 64,
    "aws:s3/bucket": 63,
    "aws:sfn/stateMachine": 80,
    "aws:sns/topic": 256,
    "aws:sqs/queue": 80,
    "aws:wafv2/webAcl": 128,
}
_LONGEST: Mapping[str, Any] = {
    "client": "c" * 14,
    "departments": [
        {
            "id": "d" * 17,
            "name": "One",
            "cost_center": "CC-1",
            "pilot": True,
            "models": ["fast"],
            "monthly_budget_usd": 100,
            "workflows": ["competitive-analysis"],
        }
    ],
    "identity": {
        "kind": "oidc",
        "issuer": "https://login.example.com",
        "client_id": "claude-gateway",
        "email_domains": ["example.com"],
    },
}
_CERTIFICATE = "arn:aws:acm:eu-central-1:111122223333:certificate/0a1b2c3d-1111-2222-3333-444455556666"
US_WEST_1 = {
    "region": "us-west-1",
    "replica_region": "us-west-2",
    "data_residency": "us",
    "portal": {
        "custom_domain": {
            "name": "claude.example.com",
            "certificate_arn": _CERTIFICATE.replace("eu-central-1", "us-west-1"),
        }
    },
    "claude": {
        "outbound_identity": "existing",
        "models": {
            alias: {"display_name": alias, "model": "claude-sonnet-5-5"}
            for alias in ("fast", "balanced", "best", "early")
        },
        "providers": [{"kind": "bedrock", "region": "us-west-2"}],
    },
}


def _file(folder: Path, **changes: Any) -> str:
    """The example client with other values, as a file."""
    example = yaml.safe_load((PROJECT_ROOT / "stacks/config/clients/example.yaml").read_text("utf-8"))
    file = folder / "client.yaml"
    file.write_text(yaml.safe_dump({**example, **changes}), "utf-8")
    return str(file)


def test_the_longest_client_that_is_let_in_has_names_that_aws_takes(tmp_path: Path) -> None:
    """In production, in a region with a long name, with the longest department that can be written."""
    for environment, region, most in (("production", "ap-southeast-1", 12), ("sandbox", "eu-central-1", 17)):
        long = _file(tmp_path, client="c" * (most + 1), environment=environment, region=region)
        with pytest.raises(SettingsError, match=f"{most} characters at most"):
            read_settings(RawConfig(as_config({"stage": "foundation", "client_file": long})))
    longest = _file(tmp_path, **_LONGEST)
    graphs = evaluate_stages(size="large", config={"client_file": longest}, assume_gates=True)
    checked: Counter[str] = Counter()
    for one in (one for graph in graphs.values() for one in graph):
        kind = one.type.rpartition(":")[0]
        if kind in CHARACTERS:
            checked[kind] += 1
            name = one.inputs["bucket" if kind == "aws:s3/bucket" else "name"]
            assert len(name) <= CHARACTERS[kind], name
    assert set(checked) == set(CHARACTERS)
    inline: Counter[str] = Counter()
    for one in (one for graph in graphs.values() for one in graph if one.type.endswith(":RolePolicy")):
        inline[one.inputs["role"]] += len(one.inputs["policy"])
    assert max(inline.values()) <= 10_240, inline.most_common(1)


@pytest.mark.parametrize("client", ["lawson", "amazonia", "sg", "sg-bank", "acme"])
def test_no_name_holds_a_word_that_aws_keeps_for_itself(client: str) -> None:
    """Cognito's reserved words and the beginning of ids of security groups (each API's own reference)."""
    names = Names(client, "production", "111122223333", "eu-central-1")
    assert not re.search("aws|amazon|cognito", names.sign_in())
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9\-]{0,61}[a-z0-9])?", names.sign_in())
    assert not names.group("functions").startswith("sg-")
    assert (
        Names("acme", "production", "111122223333", "eu-central-1").sign_in()
        == "acme-production-111122223333"
    )


def test_no_bucket_of_every_deployment_has_a_longer_name_than_was_checked() -> None:
    parts = [
        one.inputs["bucket"].removeprefix("example-production-").partition("-111122223333-")[0]
        for one in of_type(made("enterprise", "direct door"), "aws:s3/bucket")
    ]
    everywhere = [part for part in parts if not part.startswith("data-")]
    assert max(everywhere, key=len) == LONGEST_BUCKET


# What AWS's table of VPC links leaves out of the zones that its regions have.
_WITHOUT_VPC_LINK = {"apne1-az3", "apne2-az4", "cac1-az4", "euw3-az2", "use1-az3", "usw1-az2"}


def test_a_network_is_in_zones_of_the_region_itself_and_where_pods_can_be_reached() -> None:
    asked: list[Any] = []
    for graph in plans_of("enterprise").values():
        asked += [one["args"] for one in graph.invokes if "getAvailabilityZones" in one["token"]]
    assert asked
    for each in asked:
        assert {"name": "opt-in-status", "values": ["opt-in-not-required"]} in each["filters"], (
            "a local zone of the account comes first in the alphabet: us-west-2-lax-1a"
        )
        assert {"cac1-az3", *_WITHOUT_VPC_LINK} <= set(each["excludeZoneIds"])


def test_names_that_an_allowed_name_leads_to_are_resolved() -> None:
    """Identity providers lead to names of their networks (login.microsoftonline.com to akadns.net)."""
    rules = {
        one.inputs["action"]: one.inputs
        for one in of_type(made("enterprise", "direct door"), "aws:route53/resolverFirewallRule")
    }
    assert rules["ALLOW"]["firewallDomainRedirectionAction"] == "TRUST_REDIRECTION_DOMAIN"
    assert rules["ALLOW"]["priority"] < rules["BLOCK"]["priority"]


def test_a_region_with_too_few_zones_is_refused_with_what_to_set() -> None:
    with pytest.raises(KitError, match="has 2 zones for this account, size large asks for 3"):
        evaluate_stages(size="large", config=US_WEST_1, assume_gates=True)


_CERTIFIED = {
    "name": "pods.example.com",
    "certificate_arn": _CERTIFICATE,
}


def _settings(**changes: Any) -> Settings:
    return read_settings(RawConfig(as_config({"stage": "integration", "client": "example", **changes})))


def test_a_size_made_for_pods_says_what_it_lacks_to_have_them(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    for chosen in (
        {"size": "large"},
        {"size": "enterprise", "cluster": {"certified": _CERTIFIED}},
        {"size": "enterprise", "sizing": {"capacity": {"runtime": "lambda"}}},
    ):
        pods.warn_without_a_certified_name(_settings(**chosen))
    assert said == []
    pods.warn_without_a_certified_name(_settings(size="enterprise"))
    assert "cluster.certified" in said[0]
    assert "sizing.capacity.runtime: lambda" in said[0]
    with pytest.raises(SettingsError, match=r"runtime.*needs a certified name"):
        _settings(size="medium", sizing={"capacity": {"runtime": "kubernetes"}})

"""What a function calls it can resolve, wherever it lies (L1.7); the DNS firewall answers NXDOMAIN for the
rest.
"""

import fnmatch
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.plans.made import REGION, Made, made, of_type
from tests.plans.policies import allows
from tests.plans.variants import VARIANTS

FOR_PEOPLE = {"PORTAL_URL"}  # where people's browsers are sent; no function calls it


def _allowed(plan: tuple[Made, ...]) -> list[str]:
    lists = of_type(plan, "aws:route53/resolverFirewallDomainList")
    return [name for one in lists if "allowed" in one.name for name in one.inputs["domains"]]


def _called(plan: tuple[Made, ...]) -> Iterator[tuple[str, str]]:
    """Who calls which host: providers and key sets of the gateway's policy, URLs in environments."""
    for one in of_type(plan, "aws:s3/bucketObjectv2"):
        if one.inputs["key"] == "policy/gateway.json":
            policy = json.loads(one.inputs["content"])
            for provider in policy["providers"]:
                yield f"provider {provider['name']}", provider["base_url"]
            for issuer in policy["issuers"]:
                yield "issuer", issuer["jwks_uri"]
    for one in of_type(plan, "aws:lambda/function"):
        if "vpcConfig" not in one.inputs:
            continue  # outside the network every name resolves
        for variable, value in one.inputs.get("environment", {}).get("variables", {}).items():
            if str(value).startswith("https://") and variable not in FOR_PEOPLE:
                yield f"{one.name} {variable}", value


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_host_that_a_function_calls_is_one_that_it_can_resolve(variant: str) -> None:
    plan = made("medium", variant)
    names = _allowed(plan)
    calls = list(_called(plan))
    assert len(calls) >= 5
    unknown = [
        (who, url)
        for who, url in calls
        if not any(fnmatch.fnmatchcase(urlsplit(url).hostname or "", name) for name in names)
    ]
    assert unknown == []


def test_nodes_of_a_cluster_resolve_their_api_server_and_get_their_images() -> None:
    plan = made("enterprise", "direct door")
    names = _allowed(plan)
    for host in (
        f"0123456789ABCDEF.gr7.{REGION}.eks.amazonaws.com",
        f"111122223333.dkr.ecr.{REGION}.amazonaws.com",
        f"eks-auth.{REGION}.api.aws",
    ):
        assert any(fnmatch.fnmatchcase(host, name) for name in names), host
    (s3,) = [one for one in of_type(plan, "aws:ec2/vpcEndpoint") if one.name == "network-s3"]
    layer = f"arn:aws:s3:::prod-{REGION}-starport-layer-bucket/sha256"
    context = {"aws:SecureTransport": "true", "aws:PrincipalAccount": "999999999999"}
    assert allows(s3.inputs["policy"], "s3:GetObject", principal="anyone", resource=layer, context=context)
    theirs = "arn:aws:s3:::somebody-elses-bucket/stolen"
    assert not allows(
        s3.inputs["policy"], "s3:PutObject", principal="anyone", resource=theirs, context=context
    )

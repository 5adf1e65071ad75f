"""Whatever a function needs to start is there before its version is published (S.2): Lambda starts a version
with a snapshot or provisioned concurrency when it is made, and a start that fails stays failed.
"""

import pytest

from tests.plans.made import Made, made, of_type
from tests.support.stages import SIZES

FUNCTION = "aws:lambda/function"
# What traffic of a function inside a VPC passes, or what lets it pass.
WAYS = (
    "aws:ec2/natGateway",
    "aws:ec2/routeTableAssociation",
    "aws:ec2/vpcEndpoint",
    "aws:route53/resolverFirewallConfig",
    "aws:route53/resolverFirewallRule",
    "aws:route53/resolverFirewallRuleGroupAssociation",
    "aws:vpc/securityGroupEgressRule",
    "aws:vpc/securityGroupIngressRule",
)


def _waited_for(plan: tuple[Made, ...], one: Made) -> set[str]:
    """The URNs that are done before `one` is begun: what it depends on, the children of components that it
    depends on, and so on.
    """
    by_urn = {each.resource.urn: each.resource for each in plan}
    children: dict[str, list[str]] = {}
    for each in plan:
        children.setdefault(each.resource.parent or "", []).append(each.resource.urn)
    found: set[str] = set()
    todo = [urn for urn in one.resource.depends_on() if urn != one.resource.parent]
    while todo:
        urn = todo.pop()
        if urn in found or urn not in by_urn:
            continue
        found.add(urn)
        resource = by_urn[urn]
        todo += [each for each in resource.depends_on() if each != resource.parent]
        if not resource.custom:
            todo += children.get(urn, [])
    return found


@pytest.mark.parametrize("size", SIZES)
def test_a_function_in_a_network_waits_for_its_ways_out_its_endpoints_and_its_names(size: str) -> None:
    plan = made(size)
    for function in of_type(plan, FUNCTION):
        if "vpcConfig" not in function.inputs:
            continue
        waited = _waited_for(plan, function)
        ways = {
            each.resource.urn
            for each in of_type(plan, *WAYS)
            if each.stage == function.stage and "cluster" not in each.name
        }
        assert ways or function.stage == "rollout", "the rollout's functions run where integration's do"
        assert ways <= waited, sorted(urn.rpartition("::")[2] for urn in ways - waited)


@pytest.mark.parametrize("size", SIZES)
def test_a_function_waits_for_its_own_permissions_and_its_log_group(size: str) -> None:
    plan = made(size)
    policies = {each.resource.parent: each for each in of_type(plan, "aws:iam/rolePolicy")}
    for function in of_type(plan, FUNCTION):
        waited = _waited_for(plan, function)
        assert policies[function.resource.parent].resource.urn in waited


@pytest.mark.parametrize("size", SIZES)
def test_whatever_starts_when_it_is_published_does_not_need_a_secret_for_it(size: str) -> None:
    """Snapshots are taken without one (tests/gateway/test_snapshot.py); provisioned concurrency starts for
    good, so its stage must not be the one that makes the secret.
    """
    plan = made(size)
    secrets = {each.inputs["name"]: each.stage for each in of_type(plan, "aws:secretsmanager/secret")}
    for config in of_type(plan, "aws:lambda/provisionedConcurrencyConfig"):
        (function,) = [
            each for each in of_type(plan, FUNCTION) if each.inputs["name"] == config.inputs["functionName"]
        ]
        for arn in function.inputs["environment"]["variables"].values():
            if ":secretsmanager:" in str(arn):
                name = next(name for name in secrets if f":secret:{name}" in str(arn))
                assert secrets[name] == "foundation"

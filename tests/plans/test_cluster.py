"""Pods of the `enterprise` size can be scheduled, start, reach AWS and be reached (Z.1): what EKS Auto Mode
demands, held against the plan.
"""

from typing import Any

from tests.plans.made import Made, made, of_type

# EKS Auto Mode, "Create a node pool": both built-in pools and their limits.
BUILT_IN = {"general-purpose": {"amd64"}, "system": {"amd64", "arm64"}}


def _manifest(kind: str) -> dict[str, Any]:
    (found,) = [
        one
        for one in made("enterprise", "direct door")
        if one.resource.type.endswith(f":{kind}") and one.name.startswith("kub")
    ]
    return dict(found.inputs)


def _pod() -> dict[str, Any]:
    return _manifest("Deployment")["spec"]["template"]["spec"]


def test_there_are_nodes_of_the_architecture_that_pods_ask_for() -> None:
    wanted = _pod()["nodeSelector"]
    pools = {
        one.inputs["metadata"]["name"]: {
            each["key"]: set(each["values"])
            for each in one.inputs["spec"]["template"]["spec"]["requirements"]
        }
        for one in made("enterprise", "direct door")
        if one.inputs.get("kind") == "NodePool"
    }
    assert wanted["karpenter.sh/nodepool"] in pools
    assert wanted["karpenter.sh/nodepool"] not in BUILT_IN
    assert wanted["kubernetes.io/arch"] in pools[wanted["karpenter.sh/nodepool"]]["kubernetes.io/arch"]


def test_a_lost_zone_keeps_no_pod_from_running_elsewhere() -> None:
    zones = [
        one
        for one in _pod()["topologySpreadConstraints"]
        if one["topologyKey"] == "topology.kubernetes.io/zone"
    ]
    assert [one["whenUnsatisfiable"] for one in zones] == ["ScheduleAnyway"]


def test_a_pod_has_time_to_start_before_it_is_asked_whether_it_lives() -> None:
    probe = _pod()["containers"][0]["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 120


def test_pods_reach_the_endpoints_that_names_of_aws_resolve_to() -> None:
    plan = made("enterprise", "direct door")
    (cluster,) = of_type(plan, "aws:eks/cluster")
    own = cluster.state.outputs["vpcConfig"]["clusterSecurityGroupId"]
    assert own
    groups = {
        group
        for one in of_type(plan, "aws:ec2/vpcEndpoint")
        for group in one.inputs.get("securityGroupIds", ())
    }
    opened = [
        one.inputs
        for one in of_type(plan, "aws:vpc/securityGroupIngressRule")
        if one.inputs.get("referencedSecurityGroupId") == own
    ]
    assert {one["securityGroupId"] for one in opened} == groups
    assert {(one["fromPort"], one["toPort"]) for one in opened} == {(443, 443)}


def _tagged(plan: tuple[Made, ...], role: str) -> int:
    return sum(one.inputs.get("tags", {}).get(role) == "1" for one in of_type(plan, "aws:ec2/subnet"))


def test_load_balancers_find_their_subnets() -> None:
    plan = made("enterprise", "direct door")
    assert _tagged(plan, "kubernetes.io/role/elb") >= 2
    assert _tagged(plan, "kubernetes.io/role/internal-elb") >= 2


def test_the_autoscaler_has_numbers_and_pods_logs_are_kept() -> None:
    addons = {one.inputs["addonName"] for one in of_type(made("enterprise", "direct door"), "aws:eks/addon")}
    assert addons == {"amazon-cloudwatch-observability", "metrics-server"}

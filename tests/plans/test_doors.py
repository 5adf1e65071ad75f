"""One front door at every size, and a direct one with the same controls where it is asked for (L1.1, L1.7).

The list is AWS's documentation of API Gateway's private integrations, of load balancers and of WAF, held
against the plan; what the pods make of a request is in tests/gateway/test_doors.py.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from components.api.rest_api import ACCESS_LOG_FIELDS, PODS_BODY_LIMIT
from lambdas.gateway.settings import OPEN_BODY_LIMIT
from tests.plans.made import Made, made, of_type
from tests.plans.variants import VARIANTS
from tests.support.stages import SIZES

INTEGRATION, RULE = "aws:apigateway/integration", "aws:vpc/securityGroup{}Rule"
DOORS = ("api", "direct")
Plan = tuple[Made, ...]


def _plan() -> Plan:
    return made("enterprise", "direct door")


def _one(plan: Plan, kind: str, name: str) -> Made:
    (found,) = [one for one in of_type(plan, kind) if one.name == name]
    return found


def _routes(plan: Plan) -> dict[str, Mapping[str, Any]]:
    """Integrations of the gateway's API, by route: root, any, iam, scim."""
    return {
        one.name.removeprefix("api-").removesuffix("-integration"): one.inputs
        for one in of_type(plan, INTEGRATION)
        if one.name.startswith("api-")
    }


@pytest.mark.parametrize(
    ("size", "variant"),
    [*((size, "plain") for size in SIZES), *((size, "direct door") for size in SIZES[1:])],
)
def test_api_gateway_is_the_front_door_at_every_size(size: str, variant: str) -> None:
    """Authorizer, access log and SCIM do not depend on what is behind it."""
    plan = made(size, variant)
    routes = _routes(plan)
    assert set(routes) == {"root", "any", "iam", "scim"}
    behind = "HTTP_PROXY" if variant == "direct door" else "AWS_PROXY"
    assert {routes[part]["type"] for part in ("root", "any", "iam")} == {behind}
    assert routes["scim"]["type"] == "AWS_PROXY", "leavers reach the directory whatever serves the API"
    assert {one["responseTransferMode"] for one in routes.values()} == {"STREAM"}
    methods = {one.name: one.inputs["authorization"] for one in of_type(plan, "aws:apigateway/method")}
    assert methods["api-any-method"] == methods["api-root-method"] == "CUSTOM"
    assert methods["api-iam-method"] == "AWS_IAM"
    stage = _one(plan, "aws:apigateway/stage", "api-stage").inputs
    assert json.loads(stage["accessLogSettings"]["format"]) == dict(ACCESS_LOG_FIELDS)


def test_pods_are_called_by_a_name_that_their_certificate_is_for() -> None:
    """Private integrations speak plain HTTP unless the URI has a certified name; the load balancer's ARN, not
    the URI, says where requests go, and the response may take 15 minutes.
    """
    plan = _plan()
    listener = _one(plan, "aws:lb/listener", "api-load-balancer-listener").inputs
    domain = _one(plan, "aws:apigateway/domainName", "api-domain").inputs
    assert listener["certificateArn"] == domain["regionalCertificateArn"]
    balancer = _one(plan, "aws:lb/loadBalancer", "api-load-balancer-balancer")
    for part in ("root", "any", "iam"):
        route = _routes(plan)[part]
        assert route["uri"] == f"https://{domain['domainName']}:443"
        assert route["connectionType"] == "VPC_LINK"
        assert route["integrationTarget"] == balancer.state.outputs["arn"]
        assert route["timeoutMilliseconds"] == 900_000


def test_api_gateway_says_who_called_and_overwrites_what_a_caller_wrote() -> None:
    """Each header is given a value on each route, else a caller's own would be passed on."""
    routes = _routes(_plan())
    said = {part: routes[part]["requestParameters"] for part in ("root", "any", "iam")}
    arn = "integration.request.header.x-kit-edge-user-arn"
    assert {tuple(sorted(one)) for one in said.values()} == {
        (
            "integration.request.header.x-kit-edge-request-id",
            "integration.request.header.x-kit-edge-source-ip",
            arn,
        )
    }
    assert said["iam"][arn] == "context.identity.userArn"
    assert said["root"][arn] == said["any"][arn] == "'-'", "a static value: nobody has been authenticated"


def _ingress(plan: Plan, group: str) -> list[Mapping[str, Any]]:
    """Rules into a security group, given by its id."""
    rules = of_type(plan, RULE.format("Ingress"))
    return [one.inputs for one in rules if one.inputs["securityGroupId"] == group]


def _group(plan: Plan, name: str) -> str:
    return _one(plan, "aws:ec2/securityGroup", name).state.id or ""


def test_a_port_of_the_pods_is_reached_by_its_own_load_balancer_alone() -> None:
    """What comes in at the API's port is believed to be API Gateway's word."""
    plan = _plan()
    (cluster,) = of_type(plan, "aws:eks/cluster")
    pods = cluster.state.outputs["vpcConfig"]["clusterSecurityGroupId"]
    into = {
        (one["referencedSecurityGroupId"], one["fromPort"], one["toPort"]) for one in _ingress(plan, pods)
    }
    front, direct = (_group(plan, f"{door}-load-balancer-group") for door in DOORS)
    assert into == {(front, 8080, 8080), (direct, 8081, 8081)}
    (rule,) = _ingress(plan, front)
    assert rule["referencedSecurityGroupId"] == _group(plan, "api-load-balancer-link-group")
    assert _one(plan, "aws:lb/loadBalancer", "api-load-balancer-balancer").inputs["internal"] is True
    (policy,) = [one.inputs for one in plan if one.name == "kubernetes-gateway-traffic"]
    (inward,) = policy["spec"]["ingress"]
    public = {one.inputs["cidrBlock"] for one in of_type(plan, "aws:ec2/subnet") if "public" in one.name}
    assert {one["ipBlock"]["cidr"] for one in inward["from"]} == public, "no pod and no node lies there"
    assert {one["port"] for one in inward["ports"]} == {8080, 8081}


def test_target_groups_are_filled_by_the_cluster() -> None:
    """EKS Auto Mode registers targets only in groups that carry its cluster's name."""
    plan = _plan()
    (cluster,) = of_type(plan, "aws:eks/cluster")
    groups = {one.state.id: one.inputs for one in of_type(plan, "aws:lb/targetGroup")}
    bindings = [one.inputs for one in plan if one.inputs.get("kind") == "TargetGroupBinding"]
    (service,) = [one.inputs for one in plan if one.name == "kubernetes-gateway-service"]
    ports = {one["name"]: one["targetPort"] for one in service["spec"]["ports"]}
    assert {one["spec"]["targetGroupARN"] for one in bindings} == set(groups)
    for one in bindings:
        group = groups[one["spec"]["targetGroupARN"]]
        assert group["tags"]["eks:eks-cluster-name"] == cluster.inputs["name"]
        assert group["targetType"] == one["spec"]["targetType"] == "ip"
        assert group["port"] == ports[one["spec"]["serviceRef"]["port"]]
        assert group["healthCheck"]["path"] == "/readyz"
        assert group["deregistrationDelay"] == 900


# -- one list, held at both doors


def _resource(plan: Plan, door: str) -> str:
    """The ARN that a web ACL stands in front of."""
    if door == "api":
        return _one(plan, "aws:apigateway/stage", "api-stage").state.outputs["arn"]
    return _one(plan, "aws:lb/loadBalancer", "direct-load-balancer-balancer").state.outputs["arn"]


def _web_acl(plan: Plan, door: str) -> Made:
    (bound,) = [
        one.inputs
        for one in of_type(plan, "aws:wafv2/webAclAssociation")
        if one.inputs["resourceArn"] == _resource(plan, door)
    ]
    (acl,) = [
        one for one in of_type(plan, "aws:wafv2/webAcl") if one.state.outputs["arn"] == bound["webAclArn"]
    ]
    return acl


def _a_firewall_with_the_same_rules(plan: Plan, door: str) -> None:
    rules = {one["name"]: one for one in _web_acl(plan, door).inputs["rules"]}
    assert set(rules) == {one["name"] for one in _web_acl(plan, "api").inputs["rules"]}
    assert "per-address" in rules


def _what_is_too_large_is_answered_in_claudes_shape(plan: Plan, door: str) -> None:
    limit = {"api": PODS_BODY_LIMIT, "direct": OPEN_BODY_LIMIT}[door]
    said = {one["key"]: one["content"] for one in _web_acl(plan, door).inputs["customResponseBodies"]}
    assert str(limit) in json.loads(said["too-large"])["error"]["message"]


def _every_request_is_logged_without_credentials(plan: Plan, door: str) -> None:
    (log,) = [
        one.inputs
        for one in of_type(plan, "aws:wafv2/webAclLoggingConfiguration")
        if one.inputs["resourceArn"] == _web_acl(plan, door).state.outputs["arn"]
    ]
    blinded = {one["singleHeader"]["name"] for one in log["redactedFields"] if "singleHeader" in one}
    assert {"authorization", "x-api-key"} <= blinded
    assert "loggingFilter" not in log


def _nothing_older_than_tls_1_2(plan: Plan, door: str) -> None:
    if door == "api":
        assert (
            _one(plan, "aws:apigateway/domainName", "api-domain")
            .inputs["securityPolicy"]
            .startswith("SecurityPolicy_TLS13_1_2")
        )
    for one in of_type(plan, "aws:lb/listener"):
        assert one.inputs["protocol"] == "HTTPS"
        assert one.inputs["sslPolicy"].startswith("ELBSecurityPolicy-TLS13-1-2")


def _a_silent_stream_lives_five_minutes(plan: Plan, door: str) -> None:
    balancer = _one(plan, "aws:lb/loadBalancer", f"{door}-load-balancer-balancer").inputs
    assert balancer["idleTimeout"] == 300
    assert balancer["dropInvalidHeaderFields"] is True
    assert balancer["enableWafFailOpen"] is False


def _the_same_pods_with_the_same_environment(plan: Plan, door: str) -> None:
    (pods,) = [one.inputs for one in plan if one.name == "kubernetes-gateway-deployment"]
    (container,) = pods["spec"]["template"]["spec"]["containers"]
    ports = {one["name"]: str(one["containerPort"]) for one in container["ports"]}
    variables = {one["name"]: one["value"] for one in container["env"]}
    assert variables[f"GATEWAY_{door.upper()}_PORT"] == ports[door]


CONTROLS: tuple[Callable[[Plan, str], None], ...] = (
    _a_firewall_with_the_same_rules,
    _what_is_too_large_is_answered_in_claudes_shape,
    _every_request_is_logged_without_credentials,
    _nothing_older_than_tls_1_2,
    _a_silent_stream_lives_five_minutes,
    _the_same_pods_with_the_same_environment,
)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("door", DOORS)
def test_a_control_stands_at_both_doors(door: str, control: Callable[[Plan, str], None]) -> None:
    control(_plan(), door)


def test_the_direct_door_serves_the_api_and_nothing_else() -> None:
    plan = _plan()
    (action,) = _one(plan, "aws:lb/listener", "direct-load-balancer-listener").inputs["defaultActions"]
    assert action["fixedResponse"]["statusCode"] == "404"
    (rule,) = of_type(plan, "aws:lb/listenerRule")
    assert rule.inputs["conditions"] == [
        {"hostHeader": {"values": ["direct.example.com"]}},
        {"pathPattern": {"values": ["/v1/*"]}},
    ]


def test_client_certificates_are_asked_for_at_both_doors() -> None:
    plan = made("large", "mutual TLS at both doors")
    assert "mutualTlsAuthentication" in _one(plan, "aws:apigateway/domainName", "api-domain").inputs
    direct = _one(plan, "aws:lb/listener", "direct-load-balancer-listener").inputs
    assert direct["mutualAuthentication"]["mode"] == "verify"
    front = _one(plan, "aws:lb/listener", "api-load-balancer-listener").inputs
    assert "mutualAuthentication" not in front, "API Gateway has checked it, and shows none itself"


def test_only_the_cluster_stands_until_its_workloads_can() -> None:
    """The first phase: everything that AWS makes, nothing that needs the API server or an image, and the
    gateway's function answers.
    """
    plan = made("large", "cluster first")
    assert of_type(plan, "aws:eks/cluster", "aws:ecr/repository", "aws:signer/signingProfile")
    assert not [one for one in plan if one.resource.type.startswith("kubernetes:")]
    assert {_routes(plan)[part]["type"] for part in ("root", "any", "iam")} == {"AWS_PROXY"}
    whole = made("large", "direct door")
    cluster = {one.resource.urn for one in plan if "cluster" in one.name or "load-balancer" in one.name}
    assert cluster <= {one.resource.urn for one in whole}, "the second phase replaces nothing"


def test_the_api_calls_pods_only_once_they_are_ready() -> None:
    plan = _plan()
    for part in ("root", "any", "iam"):
        needed = _one(plan, INTEGRATION, f"api-{part}-integration").resource.depends_on()
        assert {urn.rpartition("::")[2] for urn in needed} >= {
            "kubernetes-gateway-deployment",
            "kubernetes-gateway-binding-api",
        }


def test_pods_run_the_image_that_the_plan_names_by_its_digest() -> None:
    (pods,) = [one.inputs for one in _plan() if one.name == "kubernetes-gateway-deployment"]
    (container,) = pods["spec"]["template"]["spec"]["containers"]
    assert container["image"].partition("@sha256:")[2].isalnum()


def test_every_variant_of_pods_is_one_that_is_planned() -> None:
    assert {"direct door", "cluster first", "mutual TLS at both doors"} <= set(VARIANTS)

"""What the resources of an evaluated plan cost while nobody calls: a rule for each type, or a statement
that the type is free or paid per use.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from kit.cost.price_file import PriceFile
from kit.evaluation.graph import Graph, Resource

# (name of the price, monthly quantity) of one resource
Priced = list[tuple[str, Decimal]]
VCPU_PER_REPLICA = Decimal("0.5")  # what a replica of the gateway requests


def _each(price: str) -> Callable[[Mapping[str, Any], int], Priced]:
    return lambda _inputs, _hours: [(price, Decimal(1))]


def _hourly(price: str) -> Callable[[Mapping[str, Any], int], Priced]:
    return lambda _inputs, hours: [(price, Decimal(hours))]


def _endpoint(inputs: Mapping[str, Any], hours: int) -> Priced:
    if inputs.get("vpcEndpointType", "Gateway") != "Interface":
        return []
    return [("ec2.endpoint_hour", Decimal(hours * max(1, len(inputs.get("subnetIds", ())))))]


def _alarm(inputs: Mapping[str, Any], _hours: int) -> Priced:
    watched = sum("metric" in query for query in inputs.get("metricQueries", ())) or 1
    return [("cloudwatch.alarm_month", Decimal(watched))]


def _web_acl(inputs: Mapping[str, Any], _hours: int) -> Priced:
    return [("waf.acl_month", Decimal(1)), ("waf.rule_month", Decimal(len(inputs.get("rules", ()))))]


def _domains(inputs: Mapping[str, Any], _hours: int) -> Priced:
    return [("route53.firewall_domain_month", Decimal(len(inputs.get("domains", ()))))]


def _warm(inputs: Mapping[str, Any], hours: int) -> Priced:
    count = int(inputs.get("provisionedConcurrentExecutions", 0))
    return [("lambda.provisioned_gb_second", Decimal(count * hours * 3600))]


def _replicas(inputs: Mapping[str, Any], hours: int) -> Priced:
    minimum = int(inputs.get("spec", {}).get("minReplicas", 1))
    return [("ec2.vcpu_hour", minimum * VCPU_PER_REPLICA * hours)]


_STANDING: Mapping[str, Callable[[Mapping[str, Any], int], Priced]] = {
    "aws:kms/key:Key": _each("kms.key_month"),
    "aws:kms/replicaKey:ReplicaKey": _each("kms.key_month"),
    "aws:secretsmanager/secret:Secret": _each("secretsmanager.secret_month"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": _each("cloudwatch.composite_month"),
    "aws:cloudwatch/dashboard:Dashboard": _each("cloudwatch.dashboard_month"),
    "aws:wafv2/webAcl:WebAcl": _web_acl,
    "aws:ec2/natGateway:NatGateway": _hourly("ec2.nat_hour"),
    "aws:ec2/eip:Eip": _hourly("ec2.address_hour"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList": _domains,
    "aws:eks/cluster:Cluster": _hourly("eks.cluster_hour"),
    "aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig": _warm,
    "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": _replicas,
    "aws:lb/loadBalancer:LoadBalancer": _hourly("elb.hour"),
}
# Families of types that cost nothing while nobody calls; the cost of calls is in kit/cost/model.py.
_BY_USE = (
    "aws:apigateway/", "aws:athena/", "aws:budgets/", "aws:cloudtrail/", "aws:cognito/", "aws:costexplorer/",
    "aws:dynamodb/", "aws:ecr/", "aws:glue/", "aws:iam/", "aws:kinesis/firehose", "aws:kms/", "aws:lambda/",
    "aws:s3/", "aws:s3control/", "aws:scheduler/", "aws:secretsmanager/", "aws:sfn/", "aws:sns/", "aws:sqs/",
    "aws:cloudwatch/", "aws:ec2/", "aws:vpc/", "aws:route53/", "aws:wafv2/", "aws:eks/", "aws:acm/",
    "aws:lb/", "aws:apigatewayv2/", "aws:signer/",
    "aws:pipes/", "aws:schemas/", "aws:ssm/", "aws:resourcegroups/", "aws:bedrock/", "aws:accessanalyzer/",
    "kubernetes:", "pulumi:",
)  # fmt: skip
# Types of those families that cost something while idle and for which there is no rule above.
_DEAR = ("aws:ec2/instance:", "aws:ec2/vpnConnection:", "aws:eks/nodeGroup:", "aws:ec2/transit")


def standing_costs(graphs: Iterable[Graph], prices: PriceFile) -> tuple[Counter[str], list[str]]:
    """Return monthly quantities by name of price, and the types without a price."""
    quantities: Counter[str] = Counter()
    unpriced: set[str] = set()
    for resource in (one for graph in graphs for one in graph if one.custom and not one.read):
        rule = _STANDING.get(resource.type)
        if rule is None:
            if not _free_while_idle(resource):
                unpriced.add(resource.type)
            continue
        for price, quantity in rule(resource.inputs, prices.hours_per_month):
            quantities[price] += quantity  # type: ignore[assignment]
    return quantities, sorted(unpriced)


def _free_while_idle(resource: Resource) -> bool:
    return resource.type.startswith(_BY_USE) and not resource.type.startswith(_DEAR)

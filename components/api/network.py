"""A VPC for the functions, with VPC endpoints to AWS and an allow-list for everything else. Only this
module imports ec2.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, ec2, iam, route53, vpc

from components.base import KitComponent, Names, refuse
from components.foundation.boundary import ACTIONS
from components.permissions import Statement, document, trusted

# Services that functions call: name of the endpoint, and service prefix of the actions.
INTERFACES = {
    "bedrock-runtime": "bedrock",
    "kinesis-firehose": "firehose",
    "kms": "kms",
    "secretsmanager": "secretsmanager",
    "sts": "sts",
}
GATEWAYS = ("dynamodb", "s3")
# AWS buckets that hold the layers of images that cluster nodes pull.
_IMAGE_LAYERS = "prod-{region}-starport-layer-bucket"


@dataclass(frozen=True)
class NetworkArgs:
    """`zones` are availability zones. `domains` are the only names that functions can resolve; a `*.`
    prefix stands for all names below. `cidr` is a private range of /16 to /22.
    """

    names: Names
    zones: Sequence[pulumi.Input[str]]
    cidr: str
    domains: Sequence[str]
    logs_key_arn: pulumi.Input[str]
    log_retention_days: int
    boundary_arn: pulumi.Input[str]
    private_api: bool = False
    anchor_bucket: str = ""  # in a second account
    images: bool = False  # cluster nodes run here, which pull images and call their API server


class Network(KitComponent):
    """A VPC for the functions (L1.7).

    Creates: a VPC, a private and a public subnet, NAT gateway and route table per zone, gateway endpoints
    for S3 and DynamoDB, interface endpoints for KMS, Secrets Manager, STS, Firehose and Bedrock (for a
    private API also execute-api), two security groups, a DNS firewall with an allow-list, flow logs.
    Default posture: nothing comes in; HTTPS only goes out; endpoints serve this account's principals and,
    for S3 and DynamoDB, this account's resources, so that data cannot be taken to somebody else's bucket;
    every name that is not on the list fails to resolve, and resolving fails when the firewall does. A DNS
    firewall does not stop a connection to a bare address: the functions have no code that makes one, and
    flow logs show it.
    Replaced when changed: the range, the number of zones.
    """

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        block = ipaddress.ip_network(args.cidr)
        refuse(
            f"Network {name}",
            [
                (
                    block.is_private and 16 <= block.prefixlen <= 22,
                    f"cidr: {args.cidr} is not a private network of /16 to /22",
                ),
                (2 <= len(args.zones) <= 6, f"zones: {len(args.zones)} is not in 2..6"),
                (bool(args.domains), "domains: none, so Claude could not be reached"),
            ],
        )
        super().__init__(name, opts)
        self._name, self._args = name, args
        self.vpc = ec2.Vpc(
            f"{name}-vpc",
            cidr_block=args.cidr,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags={"Name": args.names.of("network")},
            opts=self.child(),
        )
        ec2.DefaultSecurityGroup(f"{name}-default-group", vpc_id=self.vpc.id, opts=self.child())
        subnets = list(block.subnets(new_prefix=block.prefixlen + 4))
        self._internet = ec2.InternetGateway(f"{name}-internet", vpc_id=self.vpc.id, opts=self.child())
        self.route_tables: list[ec2.RouteTable] = []
        self._public: list[ec2.Subnet] = []
        self.subnets = [
            self._zone(number, zone, str(subnets[number]), str(subnets[8 + number]))
            for number, zone in enumerate(args.zones)
        ]
        self.functions_group, self.endpoints_group = self._groups()
        self._endpoints()
        self.api_endpoint = self._api_endpoint() if args.private_api else None
        self._allow_list()
        self._flow_logs()
        self.subnet_ids = [subnet.id for subnet in self.subnets]
        self.public_subnet_ids = [subnet.id for subnet in self._public]
        self.public_cidrs = [str(subnets[8 + number]) for number, _ in enumerate(args.zones)]
        self.register_outputs({"vpcId": self.vpc.id, "subnetIds": self.subnet_ids})

    def _zone(self, number: int, zone: pulumi.Input[str], private: str, public: str) -> ec2.Subnet:
        name = f"{self._name}-{number}"
        outside = ec2.Subnet(
            f"{name}-public",
            vpc_id=self.vpc.id,
            availability_zone=zone,
            cidr_block=public,
            map_public_ip_on_launch=False,
            tags={"kubernetes.io/role/elb": "1"} if self._args.images else None,
            opts=self.child(),
        )
        self._public.append(outside)
        to_internet = ec2.RouteTable(
            f"{name}-public-routes",
            vpc_id=self.vpc.id,
            routes=[{"cidr_block": "0.0.0.0/0", "gateway_id": self._internet.id}],
            opts=self.child(),
        )
        ec2.RouteTableAssociation(
            f"{name}-public-association",
            subnet_id=outside.id,
            route_table_id=to_internet.id,
            opts=self.child(),
        )
        address = ec2.Eip(f"{name}-address", domain="vpc", opts=self.child(depends_on=[self._internet]))
        nat = ec2.NatGateway(
            f"{name}-nat", subnet_id=outside.id, allocation_id=address.allocation_id, opts=self.child()
        )
        inside = ec2.Subnet(
            f"{name}-private",
            vpc_id=self.vpc.id,
            availability_zone=zone,
            cidr_block=private,
            map_public_ip_on_launch=False,
            tags={"kubernetes.io/role/internal-elb": "1"} if self._args.images else None,
            opts=self.child(),
        )
        through_nat = ec2.RouteTable(
            f"{name}-private-routes",
            vpc_id=self.vpc.id,
            routes=[{"cidr_block": "0.0.0.0/0", "nat_gateway_id": nat.id}],
            opts=self.child(),
        )
        ec2.RouteTableAssociation(
            f"{name}-private-association",
            subnet_id=inside.id,
            route_table_id=through_nat.id,
            opts=self.child(),
        )
        self.route_tables.append(through_nat)
        return inside

    def _groups(self) -> tuple[ec2.SecurityGroup, ec2.SecurityGroup]:
        functions, endpoints = (
            ec2.SecurityGroup(
                f"{self._name}-{what}-group",
                name=self._args.names.group(what),
                description=description,
                vpc_id=self.vpc.id,
                opts=self.child(),
            )
            for what, description in (
                ("functions", "Functions: HTTPS out, nothing in"),
                ("endpoints", "Endpoints: HTTPS from the functions"),
            )
        )
        https = {"ip_protocol": "tcp", "from_port": 443, "to_port": 443}
        vpc.SecurityGroupEgressRule(
            f"{self._name}-functions-https",
            security_group_id=functions.id,
            cidr_ipv4="0.0.0.0/0",
            description="HTTPS; which names exist is decided by the DNS firewall",
            opts=self.child(),
            **https,
        )
        vpc.SecurityGroupIngressRule(
            f"{self._name}-endpoints-https",
            security_group_id=endpoints.id,
            referenced_security_group_id=functions.id,
            description="HTTPS from the functions",
            opts=self.child(),
            **https,
        )
        return functions, endpoints

    def _endpoints(self) -> None:
        names = self._args.names
        for service in GATEWAYS:
            ec2.VpcEndpoint(
                f"{self._name}-{service}",
                vpc_id=self.vpc.id,
                vpc_endpoint_type="Gateway",
                service_name=f"com.amazonaws.{names.region}.{service}",
                route_table_ids=[table.id for table in self.route_tables],
                policy=document(self._gateway_statements(service)),
                opts=self.child(),
            )
        for endpoint, service in INTERFACES.items():
            ec2.VpcEndpoint(
                f"{self._name}-{endpoint}",
                vpc_id=self.vpc.id,
                vpc_endpoint_type="Interface",
                service_name=f"com.amazonaws.{names.region}.{endpoint}",
                subnet_ids=[subnet.id for subnet in self.subnets],
                security_group_ids=[self.endpoints_group.id],
                private_dns_enabled=True,
                policy=document([self._own(service, own_resources=False)]),
                opts=self.child(),
            )

    def _gateway_statements(self, service: str) -> list[Statement]:
        own = self._own(service, own_resources=True)
        if service != "s3":
            return [own]
        return [*self._image_layers(), *self._anchors(), own]

    def _image_layers(self) -> list[Statement]:
        if not self._args.images:
            return []
        # nodes ask ECR and get layers from an AWS bucket, with an AWS signature
        bucket = _IMAGE_LAYERS.format(region=self._args.names.region)
        layers = Statement(
            "ImageLayers",
            ["s3:GetObject"],
            [f"arn:{self._args.names.partition}:s3:::{bucket}/*"],
            principals="*",
            conditions={"Bool": {"aws:SecureTransport": "true"}},
        )
        return [layers]

    def _anchors(self) -> list[Statement]:
        """Return permission to write anchors of the evidence to the bucket in a second account."""
        names, bucket = self._args.names, self._args.anchor_bucket
        if not bucket:
            return []
        return [
            Statement(
                "AnchorEvidence",
                ["s3:PutObject"],
                [f"arn:{names.partition}:s3:::{bucket}/*"],
                principals="*",
                conditions={"StringEquals": {"aws:PrincipalAccount": names.account}},
            )
        ]

    def _own(self, service: str, *, own_resources: bool) -> Statement:
        account = self._args.names.account
        tests = {"aws:PrincipalAccount": account}
        if own_resources:
            tests["aws:ResourceAccount"] = account
        actions = [f"{service}:{action}" for action in ACTIONS[service]]
        return Statement("OwnAccount", actions, ["*"], principals="*", conditions={"StringEquals": tests})

    def _api_endpoint(self) -> ec2.VpcEndpoint:
        names = self._args.names
        anyone_inside = Statement(
            "OwnApis",
            ["execute-api:Invoke"],
            [names.arn("execute-api", "*")],
            principals="*",
            conditions={"StringEquals": {"aws:SourceVpc": self.vpc.id}},
        )
        return ec2.VpcEndpoint(
            f"{self._name}-execute-api",
            vpc_id=self.vpc.id,
            vpc_endpoint_type="Interface",
            service_name=f"com.amazonaws.{names.region}.execute-api",
            subnet_ids=[subnet.id for subnet in self.subnets],
            security_group_ids=[self.endpoints_group.id],
            private_dns_enabled=True,
            policy=document([anyone_inside]),
            opts=self.child(),
        )

    def _allow_list(self) -> None:
        names, name = self._args.names, self._name
        own = [f"*.{names.region}.amazonaws.com", f"*.{names.region}.api.aws", "*.s3.amazonaws.com"]
        if self._args.images:
            own.append(f"*.{names.region}.eks.amazonaws.com")
        allowed, rest = (
            route53.ResolverFirewallDomainList(
                f"{name}-{what}", name=names.of(f"dns-{what}"), domains=domains, opts=self.child()
            )
            for what, domains in (
                ("allowed", sorted({*self._args.domains, *own})),
                ("rest", ["*"]),
            )
        )
        group = route53.ResolverFirewallRuleGroup(
            f"{name}-dns-rules", name=names.of("dns"), opts=self.child()
        )
        route53.ResolverFirewallRule(
            f"{name}-dns-allow",
            name="allow",
            action="ALLOW",
            priority=10,
            firewall_domain_list_id=allowed.id,
            # an identity provider's name resolves through CNAMEs in its own network, which cannot be listed
            firewall_domain_redirection_action="TRUST_REDIRECTION_DOMAIN",
            firewall_rule_group_id=group.id,
            opts=self.child(),
        )
        route53.ResolverFirewallRule(
            f"{name}-dns-block",
            name="block",
            action="BLOCK",
            block_response="NXDOMAIN",
            priority=20,
            firewall_domain_list_id=rest.id,
            firewall_rule_group_id=group.id,
            opts=self.child(),
        )
        route53.ResolverFirewallRuleGroupAssociation(
            f"{name}-dns-association",
            name=names.of("dns"),
            firewall_rule_group_id=group.id,
            vpc_id=self.vpc.id,
            priority=101,
            opts=self.child(),
        )
        route53.ResolverFirewallConfig(
            f"{name}-dns-closed", resource_id=self.vpc.id, firewall_fail_open="DISABLED", opts=self.child()
        )

    def _flow_logs(self) -> None:
        names, name = self._args.names, self._name
        group = cloudwatch.LogGroup(
            f"{name}-flow-logs",
            name=f"/kit/{names.of('flows')}",
            retention_in_days=self._args.log_retention_days,
            kms_key_id=self._args.logs_key_arn,
            opts=self.kept(),
        )
        role = iam.Role(
            f"{name}-flow-role",
            name=names.of("flows"),
            description="Writes the flow logs of the VPC",
            assume_role_policy=trusted(
                "vpc-flow-logs.amazonaws.com", {"StringEquals": {"aws:SourceAccount": names.account}}
            ),
            permissions_boundary=self._args.boundary_arn,
            opts=self.child(),
        )
        permissions = iam.RolePolicy(
            f"{name}-flow-permissions",
            name="permissions",
            role=role.name,
            policy=document(
                [
                    Statement(
                        "WriteFlows",
                        ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
                        [group.arn.apply("{}:*".format)],
                    ),
                ]
            ),
            opts=self.child(),
        )
        ec2.FlowLog(
            f"{name}-flows",
            vpc_id=self.vpc.id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=60,
            opts=self.child(depends_on=[permissions]),
        )

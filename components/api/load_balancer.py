"""Load balancers in front of the gateway's pods, one per entry point. Only this module imports lb and
apigatewayv2, which are slow to load.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import apigatewayv2, ec2, lb, vpc

from components.base import KitComponent, Names, refuse

# Longer than a stream is ever silent; API Gateway waits equally long.
IDLE_SECONDS = 300
# A pod that shuts down gets as long as a stream may run.
DRAIN_SECONDS = 900
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
_HTTPS: dict[str, Any] = {"ip_protocol": "tcp", "from_port": 443, "to_port": 443}


@dataclass(frozen=True)
class Trust:
    """Trust store for client certificates: bucket, key and version of a bundle in S3."""

    bucket: str
    key: str
    version: str | None = None


@dataclass(frozen=True)
class LoadBalancerArgs:
    """`what` is the entry point's part of the physical name. `subnet_ids` are in two or more zones; pods
    listen on `port` and have the security group `pods_group_id`. `api`: API Gateway's load balancer,
    reached through a VPC link from `link_subnet_ids`. Any other serves callers in `from_cidrs` and
    forwards only `paths`.
    """

    names: Names
    what: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    certificate_arn: str
    port: int
    pods_group_id: pulumi.Input[str]
    cluster_name: str
    link_subnet_ids: Sequence[pulumi.Input[str]] = ()
    internal: bool = True
    from_cidrs: Sequence[str] = ()
    host: str = ""
    paths: Sequence[str] = ()
    trust: Trust | None = None


class LoadBalancer(KitComponent):
    """An application load balancer whose targets are pods (L1.1, L1.7, Z.1).

    Creates: the load balancer with its security group, an HTTPS listener, a target group of addresses that a
    TargetGroupBinding fills, and the rules that let it reach the pods' port and nothing else; for API Gateway
    a VPC link with a group of its own; for callers a rule for the paths that are served, and with mutual TLS
    a trust store.
    Default posture: TLS 1.3 policy; for API Gateway internal, open to the VPC link alone; headers that are
    not valid are dropped; a path that is not served is answered 404 by the load balancer; closed when the
    web ACL does not answer; idle for 300 seconds at most; deletion protection.
    Replaced when changed: client, environment, `what`, the subnets' VPC.
    """

    def __init__(self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(
            f"LoadBalancer {name}",
            [
                (len(args.subnet_ids) >= 2, "subnet_ids: two zones or more are needed"),
                (
                    bool(args.link_subnet_ids) != bool(args.paths),
                    "link_subnet_ids and paths: one of them, for API Gateway or for callers",
                ),
                (
                    bool(args.paths) == bool(args.from_cidrs) == bool(args.host),
                    "host, from_cidrs: go with paths",
                ),
                (args.internal or not args.link_subnet_ids, "internal: API Gateway's is internal"),
                (not (args.trust and args.link_subnet_ids), "trust: API Gateway checks certificates itself"),
            ],
        )
        super().__init__(name, opts)
        self._name, self._args = name, args
        self._group = self._security_group("", f"Load balancer {args.what}, HTTPS in, pods out")
        self.link = self._link() if args.link_subnet_ids else None
        for cidr in args.from_cidrs:
            self._inward(cidr.replace("/", "-"), cidr_ipv4=cidr)
        self._to_pods()
        self.balancer = lb.LoadBalancer(
            f"{name}-balancer",
            name=args.names.brief(args.what),
            load_balancer_type="application",
            internal=args.internal,
            subnets=list(args.subnet_ids),
            security_groups=[self._group.id],
            idle_timeout=IDLE_SECONDS,
            client_keep_alive=3600,
            drop_invalid_header_fields=True,
            desync_mitigation_mode="strictest",
            enable_waf_fail_open=False,
            enable_deletion_protection=True,
            enable_zonal_shift=True,
            preserve_host_header=True,
            opts=self.kept(),
        )
        self.target_group = self._targets()
        self._listener()
        self.arn, self.target_group_arn = self.balancer.arn, self.target_group.arn
        self.register_outputs({"arn": self.arn, "targetGroupArn": self.target_group_arn})

    def record(self, domain: str, hosted_zone_id: str) -> None:
        """Create the DNS record that points to the load balancer."""
        from pulumi_aws import route53  # slow to import, so only where needed

        route53.Record(
            f"{self._name}-record",
            zone_id=hosted_zone_id,
            name=domain,
            type="A",
            aliases=[
                {
                    "name": self.balancer.dns_name,
                    "zone_id": self.balancer.zone_id,
                    "evaluate_target_health": True,
                }
            ],
            opts=self.child(),
        )

    def _security_group(self, suffix: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            f"{self._name}{suffix}-group",
            name=self._args.names.group(f"{self._args.what}{suffix}"),
            description=description,
            vpc_id=self._args.vpc_id,
            opts=self.child(),
        )

    def _inward(self, what: str, **source: Any) -> None:
        vpc.SecurityGroupIngressRule(
            f"{self._name}-from-{what}",
            security_group_id=self._group.id,
            description=f"HTTPS from {what}",
            opts=self.child(),
            **source,
            **_HTTPS,
        )

    def _link(self) -> apigatewayv2.VpcLink:
        group = self._security_group("-link", "Way in of API Gateway, HTTPS to the load balancer")
        vpc.SecurityGroupEgressRule(
            f"{self._name}-link-out",
            security_group_id=group.id,
            referenced_security_group_id=self._group.id,
            description="HTTPS to the load balancer",
            opts=self.child(),
            **_HTTPS,
        )
        self._inward("link", referenced_security_group_id=group.id)
        return apigatewayv2.VpcLink(
            f"{self._name}-link",
            name=self._args.names.of(self._args.what),
            subnet_ids=list(self._args.link_subnet_ids),
            security_group_ids=[group.id],
            opts=self.child(),
        )

    def _to_pods(self) -> None:
        port: dict[str, Any] = {
            "ip_protocol": "tcp",
            "from_port": self._args.port,
            "to_port": self._args.port,
        }
        vpc.SecurityGroupEgressRule(
            f"{self._name}-to-pods",
            security_group_id=self._group.id,
            referenced_security_group_id=self._args.pods_group_id,
            description="To the pods",
            opts=self.child(),
            **port,
        )
        vpc.SecurityGroupIngressRule(
            f"{self._name}-into-pods",
            security_group_id=self._args.pods_group_id,
            referenced_security_group_id=self._group.id,
            description=f"From the load balancer {self._args.what}",
            opts=self.child(),
            **port,
        )

    def _targets(self) -> lb.TargetGroup:
        return lb.TargetGroup(
            f"{self._name}-targets",
            name=self._args.names.brief(self._args.what),
            target_type="ip",
            protocol="HTTP",
            port=self._args.port,
            vpc_id=self._args.vpc_id,
            deregistration_delay=DRAIN_SECONDS,
            load_balancing_algorithm_type="least_outstanding_requests",
            health_check={
                "path": "/readyz",
                "matcher": "200",
                "interval": 10,
                "timeout": 5,
                "healthy_threshold": 2,
                "unhealthy_threshold": 2,
            },
            # EKS Auto Mode may register targets only in groups tagged with the cluster's name.
            tags={"eks:eks-cluster-name": self._args.cluster_name},
            opts=self.child(),
        )

    def _listener(self) -> None:
        args = self._args
        mutual: Any = None
        if args.trust:
            store = lb.TrustStore(
                f"{self._name}-trust",
                name=args.names.brief(args.what),
                ca_certificates_bundle_s3_bucket=args.trust.bucket,
                ca_certificates_bundle_s3_key=args.trust.key,
                ca_certificates_bundle_s3_object_version=args.trust.version,
                opts=self.child(),
            )
            mutual = {"mode": "verify", "trust_store_arn": store.arn}
        forward: Any = {"type": "forward", "target_group_arn": self.target_group.arn}
        listener = lb.Listener(
            f"{self._name}-listener",
            load_balancer_arn=self.balancer.arn,
            port=443,
            protocol="HTTPS",
            ssl_policy=TLS_POLICY,
            certificate_arn=args.certificate_arn,
            default_actions=[_not_found() if args.paths else forward],
            mutual_authentication=mutual,
            opts=self.child(),
        )
        if args.paths:
            lb.ListenerRule(
                f"{self._name}-paths",
                listener_arn=listener.arn,
                priority=10,
                conditions=[
                    {"host_header": {"values": [args.host]}},
                    {"path_pattern": {"values": list(args.paths)}},
                ],
                actions=[forward],
                opts=self.child(),
            )


def _not_found() -> Any:
    error = {"type": "not_found_error", "message": "Not found."}
    return {
        "type": "fixed-response",
        "fixed_response": {
            "content_type": "application/json",
            "status_code": "404",
            "message_body": json.dumps({"type": "error", "error": error}),
        },
    }

"""The gateway on Kubernetes: the same app, with the permissions of the Lambda function."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import eks, iam
from pulumi_kubernetes import apps, autoscaling, core, networking, policy
from pulumi_kubernetes.apiextensions import CustomResource

from components.api.cluster import Cluster
from components.api.gateway import GatewayArgs, gateway_environment, gateway_statements
from components.api.rest_api import STAGE
from components.base import KitComponent, refuse
from components.permissions import canonical_json, document

NAMESPACE = "claude"
_APP = "gateway"
API_PORT, DIRECT_PORT = 8080, 8081
_LABELS = {"app.kubernetes.io/name": _APP, "app.kubernetes.io/part-of": "claude-enterprise-kit"}


@dataclass(frozen=True)
class PodsDoor:
    """An entry point to the pods: `api` or `direct`, its container port, and its target group."""

    name: str
    port: int
    target_group_arn: pulumi.Input[str]


@dataclass(frozen=True)
class KubernetesGatewayArgs:
    """`image` is the full image name with digest. `doors` are the load balancers that pods are registered
    with, including the API's. Only `load_balancer_cidrs` can reach the pods.
    """

    gateway: GatewayArgs
    cluster: Cluster
    image: pulumi.Input[str]
    doors: Sequence[PodsDoor]
    load_balancer_cidrs: Sequence[str]
    replicas_minimum: int
    replicas_maximum: int


class KubernetesGateway(KitComponent):
    """The gateway as a Kubernetes workload (L1.1, L1.8, Z.1).

    Creates: a role for the pods with the function's statements and its pod identity association; namespace,
    service account, a pool of arm64 nodes, deployment, service, autoscaler, disruption budget, network
    policies (deny all, then the gateway's), and a binding to the target group of each door.
    Default posture: non-root, read-only file system, no privilege escalation, no service-account token;
    spread over zones; at most one pod in ten may be away at once; in come only load balancers, each at the
    port of its door, out goes only DNS, HTTPS and the pod identity agent; the image is named by its digest.
    Replaced when changed: the namespace's and the role's names.
    """

    def __init__(
        self, name: str, args: KubernetesGatewayArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        refuse(
            f"KubernetesGateway {name}",
            [
                (
                    2 <= args.replicas_minimum <= args.replicas_maximum,
                    "replicas: two at least, and not over the maximum",
                ),
                (
                    [door.name for door in args.doors] in (["api"], ["api", "direct"]),
                    "doors: api, and at most direct as well",
                ),
                (bool(args.load_balancer_cidrs), "load_balancer_cidrs: none, so nothing reaches the pods"),
            ],
        )
        super().__init__(name, opts)
        self._name, self._args = name, args
        self._on_cluster = self.child(provider=args.cluster.provider)
        self.role = self._pod_role()
        self.namespace = core.v1.Namespace(
            f"{name}-namespace",
            metadata={
                "name": NAMESPACE,
                "labels": {**_LABELS, "pod-security.kubernetes.io/enforce": "restricted"},
            },
            opts=self._on_cluster,
        )
        account = core.v1.ServiceAccount(
            f"{name}-account",
            metadata=self._metadata(),
            automount_service_account_token=False,
            opts=self._on_cluster,
        )
        eks.PodIdentityAssociation(
            f"{name}-identity",
            cluster_name=args.cluster.cluster.name,
            namespace=NAMESPACE,
            service_account=_APP,
            role_arn=self.role.arn,
            opts=self.child(depends_on=[account]),
        )
        self._nodes()
        self.deployment = self._deployment()
        self.service = core.v1.Service(
            f"{name}-service",
            metadata=self._metadata(),
            spec={
                "selector": _LABELS,
                "ports": [
                    {"name": door.name, "port": door.port, "target_port": door.port} for door in args.doors
                ],
            },
            opts=self._on_cluster,
        )
        self._scaling()
        self._network_policies()
        self.bindings = [self._bind(door) for door in args.doors]
        self.register_outputs({"roleArn": self.role.arn, "namespace": NAMESPACE})

    def _metadata(self, suffix: str = "") -> Any:
        return {"name": f"{_APP}{suffix}", "namespace": NAMESPACE, "labels": _LABELS}

    def _pod_role(self) -> iam.Role:
        context = self._args.gateway.context
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "PodsOfThisAccount",
                    "Effect": "Allow",
                    "Action": ["sts:AssumeRole", "sts:TagSession"],
                    "Principal": {"Service": "pods.eks.amazonaws.com"},
                    "Condition": {"StringEquals": {"aws:SourceAccount": context.names.account}},
                }
            ],
        }
        role = iam.Role(
            f"{self._name}-role",
            name=context.names.of("gateway-pods"),
            description="The gateway on Kubernetes",
            assume_role_policy=canonical_json(trust),
            permissions_boundary=context.boundary_arn,
            opts=self.child(),
        )
        iam.RolePolicy(
            f"{self._name}-permissions",
            name="permissions",
            role=role.name,
            policy=document(gateway_statements(self._args.gateway)),
            opts=self.child(),
        )
        return role

    def _nodes(self) -> None:
        """Create the kit's own node pool: the built-in pools have no arm64, or accept no workloads."""
        requirements = {
            "kubernetes.io/arch": ["arm64"],
            "karpenter.sh/capacity-type": ["on-demand"],
            "eks.amazonaws.com/instance-category": ["c", "m"],
        }
        CustomResource(
            f"{self._name}-nodes",
            api_version="karpenter.sh/v1",
            kind="NodePool",
            metadata={"name": _APP},
            spec={
                "template": {
                    "spec": {
                        "nodeClassRef": {
                            "group": "eks.amazonaws.com",
                            "kind": "NodeClass",
                            "name": "default",
                        },
                        "requirements": [
                            {"key": key, "operator": "In", "values": values}
                            for key, values in requirements.items()
                        ],
                    }
                },
                # remove empty nodes only, so that no stream is interrupted
                "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "10m"},
                "limits": {"cpu": str(self._args.replicas_maximum)},
            },
            opts=self._on_cluster,
        )

    def _deployment(self) -> apps.v1.Deployment:
        args = self._args
        environment = {
            **gateway_environment(args.gateway),
            "AWS_REGION": args.gateway.context.names.region,
            "GATEWAY_API_STAGE": STAGE,
            **{f"GATEWAY_{door.name.upper()}_PORT": str(door.port) for door in args.doors},
        }
        container: Any = {
            "name": _APP,
            "image": args.image,
            "command": ["python3", "-m", "lambdas.gateway.serve"],
            "ports": [{"name": door.name, "container_port": door.port} for door in args.doors],
            "env": [{"name": key, "value": value} for key, value in sorted(environment.items())],
            "resources": {
                "requests": {"cpu": "500m", "memory": "512Mi"},
                "limits": {"memory": "1Gi"},
            },
            "readiness_probe": _probe("/readyz", period=5),
            # two minutes to start before liveness is checked
            "startup_probe": _probe("/healthz", period=5, failures=24),
            "liveness_probe": _probe("/healthz", period=10),
            # Time for the load balancer to deregister the pod before the app stops accepting requests.
            "lifecycle": {"pre_stop": {"sleep": {"seconds": 15}}},
            "security_context": {
                "allow_privilege_escalation": False,
                "read_only_root_filesystem": True,
                "capabilities": {"drop": ["ALL"]},
            },
        }
        return apps.v1.Deployment(
            f"{self._name}-deployment",
            metadata=self._metadata(),
            spec={
                "selector": {"match_labels": _LABELS},
                "strategy": {"rolling_update": {"max_surge": "25%", "max_unavailable": 0}},
                "template": {
                    "metadata": {"labels": _LABELS},
                    "spec": {
                        "service_account_name": _APP,
                        "automount_service_account_token": False,
                        "node_selector": {"karpenter.sh/nodepool": _APP, "kubernetes.io/arch": "arm64"},
                        # A stream may run for 15 minutes and must end before the pod does.
                        "termination_grace_period_seconds": 930,
                        "security_context": {
                            "run_as_non_root": True,
                            "run_as_user": 65532,
                            "seccomp_profile": {"type": "RuntimeDefault"},
                        },
                        "topology_spread_constraints": [
                            {
                                "max_skew": 1,
                                "topology_key": "topology.kubernetes.io/zone",
                                # if a zone fails, its pods must be able to run elsewhere
                                "when_unsatisfiable": "ScheduleAnyway",
                                "label_selector": {"match_labels": _LABELS},
                            }
                        ],
                        "containers": [container],
                    },
                },
            },
            # The autoscaler owns the number of replicas.
            opts=self.child(provider=args.cluster.provider, ignore_changes=["spec.replicas"]),
        )

    def _scaling(self) -> None:
        args = self._args
        autoscaling.v2.HorizontalPodAutoscaler(
            f"{self._name}-scaling",
            metadata=self._metadata(),
            spec={
                "scale_target_ref": {"api_version": "apps/v1", "kind": "Deployment", "name": _APP},
                "min_replicas": args.replicas_minimum,
                "max_replicas": args.replicas_maximum,
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {
                            "name": "cpu",
                            "target": {"type": "Utilization", "average_utilization": 60},
                        },
                    }
                ],
                # Streams are long, so scale down slowly.
                "behavior": {"scale_down": {"stabilization_window_seconds": 600}},
            },
            opts=self._on_cluster,
        )
        policy.v1.PodDisruptionBudget(
            f"{self._name}-disruption",
            metadata=self._metadata(),
            spec={"max_unavailable": "10%", "selector": {"match_labels": _LABELS}},
            opts=self._on_cluster,
        )

    def _network_policies(self) -> None:
        # Auto Mode enforces network policies only with this setting.
        core.v1.ConfigMap(
            f"{self._name}-enforcement",
            metadata={"name": "amazon-vpc-cni", "namespace": "kube-system"},
            data={"enable-network-policy-controller": "true"},
            opts=self._on_cluster,
        )
        networking.v1.NetworkPolicy(
            f"{self._name}-deny-all",
            metadata=self._metadata("-deny-all"),
            spec={"pod_selector": {}, "policy_types": ["Egress", "Ingress"]},
            opts=self._on_cluster,
        )
        out: Any = [
            {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]},
            {"ports": [{"protocol": "TCP", "port": 443}]},
            # the pod identity agent on the node
            {"to": [{"ip_block": {"cidr": "169.254.170.23/32"}}], "ports": [{"protocol": "TCP", "port": 80}]},
        ]
        into: Any = {
            "ports": [{"protocol": "TCP", "port": door.port} for door in self._args.doors],
            "from": [{"ip_block": {"cidr": cidr}} for cidr in self._args.load_balancer_cidrs],
        }
        networking.v1.NetworkPolicy(
            f"{self._name}-traffic",
            metadata=self._metadata(),
            spec={
                "pod_selector": {"match_labels": _LABELS},
                "policy_types": ["Egress", "Ingress"],
                "ingress": [into],
                "egress": out,
            },
            opts=self._on_cluster,
        )

    def _bind(self, door: PodsDoor) -> CustomResource:
        """Register the pods with an entry point's load balancer, which is outside the cluster."""
        return CustomResource(
            f"{self._name}-binding-{door.name}",
            api_version="eks.amazonaws.com/v1",
            kind="TargetGroupBinding",
            metadata=self._metadata(f"-{door.name}"),
            spec={
                "serviceRef": {"name": _APP, "port": door.name},
                "targetGroupARN": door.target_group_arn,
                "targetType": "ip",
            },
            opts=pulumi.ResourceOptions.merge(
                self._on_cluster, pulumi.ResourceOptions(depends_on=[self.service])
            ),
        )


def _probe(path: str, *, period: int, failures: int = 3) -> dict[str, Any]:
    return {
        "http_get": {"path": path, "port": API_PORT},
        "period_seconds": period,
        "failure_threshold": failures,
    }

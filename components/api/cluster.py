"""The EKS cluster of size `enterprise`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_aws import cloudwatch, ecr, eks, iam, signer

from components.base import KitComponent, Names, refuse

_CLUSTER_POLICIES = (
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSClusterPolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
)
_NODE_POLICIES = ("AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodeMinimalPolicy")
KUBERNETES_VERSION = "1.35"
# Add-ons that Auto Mode does not include: metrics for the autoscaler, and pod logs and metrics in
# CloudWatch.
_ADDONS = ("amazon-cloudwatch-observability", "metrics-server")


@dataclass(frozen=True)
class ClusterArgs:
    """Private subnets in two or more zones. `key_arn` encrypts Kubernetes secrets, images and logs.
    `reached_from` are address ranges from which the API server is reachable over the internet; empty:
    only from inside the network. `administrators` are roles that may use kubectl, in addition to the
    deploying role.
    """

    names: Names
    subnet_ids: Sequence[pulumi.Input[str]]
    key_arn: pulumi.Input[str]
    logs_key_arn: pulumi.Input[str]
    log_retention_days: int
    administrators: Sequence[str] = ()
    reached_from: Sequence[str] = ()
    endpoints_group_id: pulumi.Input[str] | None = None  # of the VPC endpoints through which pods call AWS


class Cluster(KitComponent):
    """An EKS cluster in Auto Mode, and where its images come from (Z.1).

    Creates: the cluster and its role, the role of its nodes, a log group for the control plane, access
    entries of the administrators, the add-ons for metrics and logs, an image repository with the profile that
    signs its images, and a Kubernetes provider for the workloads.
    Default posture: the API server has no public endpoint unless ranges are named, so workloads are deployed
    from inside the network; secrets are encrypted with a customer-managed key, all control-plane logs are
    kept, deletion protection is on; image tags are immutable, scanned and signed. Protected.
    Replaced when changed: client, environment, the key.
    """

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(
            f"Cluster {name}",
            [(len(args.subnet_ids) >= 2, "subnet_ids: two zones or more are needed")],
        )
        super().__init__(name, opts)
        self._name, self._args = name, args
        physical = args.names.of("gateway")
        logs = cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/eks/{physical}/cluster",
            retention_in_days=args.log_retention_days,
            kms_key_id=args.logs_key_arn,
            opts=self.kept(),
        )
        cluster_role = self._role(
            "cluster", "eks.amazonaws.com", ["sts:AssumeRole", "sts:TagSession"], _CLUSTER_POLICIES
        )
        node_role = self._role("nodes", "ec2.amazonaws.com", ["sts:AssumeRole"], _NODE_POLICIES)
        self.name = physical
        self.cluster = self._cluster(physical, cluster_role, node_role, logs)
        self.security_group_id = self.cluster.vpc_config.apply(
            lambda found: found.cluster_security_group_id or ""
        )
        for number, administrator in enumerate(args.administrators):
            self._administrator(number, administrator)
        for addon in _ADDONS:
            eks.Addon(f"{name}-{addon}", cluster_name=self.cluster.name, addon_name=addon, opts=self.child())
        if args.endpoints_group_id is not None:
            self._reach_endpoints(args.endpoints_group_id)
        self.repository = ecr.Repository(
            f"{name}-images",
            name=physical,
            image_tag_mutability="IMMUTABLE",
            image_scanning_configuration={"scan_on_push": True},
            encryption_configurations=[{"encryption_type": "KMS", "kms_key": args.key_arn}],
            opts=self.kept(),
        )
        self.signing_profile = signer.SigningProfile(
            f"{name}-signer",
            name=f"{args.names.client}_{args.names.environment}_gateway".replace("-", "_"),
            platform_id="Notation-OCI-SHA384-ECDSA",
            signature_validity_period={"type": "MONTHS", "value": 135},
            opts=self.kept(),
        )
        self.image_repository = f"{args.names.account}.dkr.ecr.{args.names.region}.amazonaws.com/{physical}"
        self.provider = kubernetes.Provider(
            f"{name}-kubernetes", kubeconfig=self._kubeconfig(), opts=self.child()
        )
        self.register_outputs({"name": self.cluster.name, "imageRepository": self.image_repository})

    def _role(self, what: str, service: str, actions: Sequence[str], policies: Sequence[str]) -> iam.Role:
        names = self._args.names
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "Service",
                    "Effect": "Allow",
                    "Action": list(actions),
                    "Principal": {"Service": service},
                }
            ],
        }
        # These two roles belong to AWS controllers, which need more than the kit's boundary and use AWS
        # managed policies.
        role = iam.Role(
            f"{self._name}-{what}-role",
            name=names.of(f"eks-{what}"),
            description=f"EKS {what}",
            assume_role_policy=json.dumps(trust, sort_keys=True),
            opts=self.child(),
        )
        for policy in policies:
            iam.RolePolicyAttachment(
                f"{self._name}-{what}-{policy}",
                role=role.name,
                policy_arn=f"arn:{names.partition}:iam::aws:policy/{policy}",
                opts=self.child(),
            )
        return role

    def _cluster(
        self, physical: str, cluster_role: iam.Role, node_role: iam.Role, logs: cloudwatch.LogGroup
    ) -> eks.Cluster:
        return eks.Cluster(
            f"{self._name}-cluster",
            name=physical,
            version=KUBERNETES_VERSION,
            role_arn=cluster_role.arn,
            vpc_config={
                "subnet_ids": list(self._args.subnet_ids),
                "endpoint_private_access": True,
                "endpoint_public_access": bool(self._args.reached_from),
                "public_access_cidrs": list(self._args.reached_from) or None,
            },
            # Auto Mode: these three can only be enabled together.
            compute_config={
                "enabled": True,
                "node_pools": ["general-purpose", "system"],
                "node_role_arn": node_role.arn,
            },
            kubernetes_network_config={"elastic_load_balancing": {"enabled": True}},
            storage_config={"block_storage": {"enabled": True}},
            bootstrap_self_managed_addons=False,
            access_config={"authentication_mode": "API"},
            encryption_config={"provider": {"key_arn": self._args.key_arn}, "resources": ["secrets"]},
            enabled_cluster_log_types=["api", "audit", "authenticator", "controllerManager", "scheduler"],
            upgrade_policy={"support_type": "STANDARD"},
            zonal_shift_config={"enabled": True},
            deletion_protection=True,
            opts=self.kept(depends_on=[logs]),
        )

    def _reach_endpoints(self, group_id: pulumi.Input[str]) -> None:
        """Allow nodes and pods, which have the cluster's security group, to reach the VPC endpoints."""
        from pulumi_aws import vpc

        vpc.SecurityGroupIngressRule(
            f"{self._name}-endpoints-https",
            security_group_id=group_id,
            referenced_security_group_id=self.security_group_id,
            description="HTTPS from nodes and pods",
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            opts=self.child(),
        )

    def _administrator(self, number: int, principal: str) -> None:
        entry = eks.AccessEntry(
            f"{self._name}-administrator-{number}",
            cluster_name=self.cluster.name,
            principal_arn=principal,
            opts=self.child(),
        )
        eks.AccessPolicyAssociation(
            f"{self._name}-administrator-{number}-policy",
            cluster_name=self.cluster.name,
            principal_arn=entry.principal_arn,
            policy_arn=f"arn:{self._args.names.partition}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
            access_scope={"type": "cluster"},
            opts=self.child(),
        )

    def _kubeconfig(self) -> pulumi.Output[str]:
        region = self._args.names.region

        def render(values: Mapping[str, str]) -> str:
            login = {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": "aws",
                "args": ["eks", "get-token", "--cluster-name", values["name"], "--region", region],
                "interactiveMode": "Never",
            }
            config = {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "kit",
                "clusters": [
                    {
                        "name": "kit",
                        "cluster": {
                            "server": values["endpoint"],
                            "certificate-authority-data": values["authority"],
                        },
                    }
                ],
                "contexts": [{"name": "kit", "context": {"cluster": "kit", "user": "kit"}}],
                "users": [{"name": "kit", "user": {"exec": login}}],
            }
            return json.dumps(config, sort_keys=True)

        authority = self.cluster.certificate_authority.apply(
            lambda found: (found.data if found else "") or ""
        )
        return pulumi.Output.all(
            name=self.cluster.name, endpoint=self.cluster.endpoint, authority=authority
        ).apply(render)

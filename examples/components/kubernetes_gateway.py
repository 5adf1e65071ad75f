"""The gateway of a deployment in pods, on a cluster in two subnets, behind a load balancer that is there."""

import pulumi

from components.api.claude_access import ClaudeAccess
from components.api.cluster import Cluster, ClusterArgs
from components.api.gateway import GatewayArgs
from components.api.kubernetes_gateway import API_PORT, KubernetesGateway, KubernetesGatewayArgs, PodsDoor
from components.layers import DependencyLayer
from examples.components.deployed import deployed

BALANCER = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/api-pods/0a1b2c3d4e5f6071"
DIGEST = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"  # `kit image` prints it

kit = deployed()
gateway = GatewayArgs(
    kit.context,
    kit.stores,
    claude=ClaudeAccess(bedrock_regions=["eu-central-1"]),
    policy_object_key="policy/gateway.json",
    layer_arn=DependencyLayer("gateway-layer", kit.names, "gateway", kit.options).arn,
    memory=1769,
    start="on-demand",
)
cluster = Cluster(
    "cluster",
    ClusterArgs(
        kit.names,
        subnet_ids=["subnet-0a1b2c3d4e5f60718", "subnet-0b2c3d4e5f6071829"],
        key_arn=kit.exports["functions_key_arn"],
        logs_key_arn=kit.exports["logs_key_arn"],
        log_retention_days=90,
    ),
    kit.options,
)

KubernetesGateway(
    "kubernetes-gateway",
    KubernetesGatewayArgs(
        gateway,
        cluster,
        image=pulumi.Output.concat(cluster.image_repository, "@", DIGEST),
        doors=[PodsDoor("api", API_PORT, BALANCER)],
        load_balancer_cidrs=["10.40.0.0/20"],
        replicas_minimum=2,
        replicas_maximum=10,
    ),
    kit.options,
)

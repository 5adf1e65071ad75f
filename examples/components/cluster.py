"""A cluster in two private subnets that are there already; its API server is reached from inside only."""

import pulumi

from components.api.cluster import Cluster, ClusterArgs
from components.base import Names, aws_provider
from components.foundation.keys import KeyRing, KeyRingArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)

Cluster(
    "cluster",
    ClusterArgs(
        names,
        subnet_ids=["subnet-0a1b2c3d4e5f60718", "subnet-0b2c3d4e5f6071829"],
        key_arn=keys.arns["functions"],
        logs_key_arn=keys.arns["logs"],
        log_retention_days=90,
    ),
    options,
)

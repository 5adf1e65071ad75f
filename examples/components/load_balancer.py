"""A door for callers inside the company's network, in a VPC that is there already."""

import pulumi

from components.api.load_balancer import LoadBalancer, LoadBalancerArgs
from components.base import Names, aws_provider

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])

LoadBalancer(
    "direct-load-balancer",
    LoadBalancerArgs(
        names,
        what="direct-pods",
        vpc_id="vpc-0a1b2c3d4e5f60718",
        subnet_ids=["subnet-0a1b2c3d4e5f60718", "subnet-0b2c3d4e5f6071829"],
        certificate_arn=names.arn("acm", "certificate/0a1b2c3d-1111-2222-3333-444455556666"),
        port=8081,
        pods_group_id="sg-0a1b2c3d4e5f60718",
        cluster_name="acme-sandbox-cluster",
        from_cidrs=["10.0.0.0/8"],
        host="claude.acme.example",
        paths=["/v1/*"],
    ),
    options,
)

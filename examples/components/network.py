"""A VPC in two zones from which functions reach AWS and the Claude API, and no other name."""

import pulumi

from components.api.network import Network, NetworkArgs
from components.base import Names, aws_provider
from components.foundation.boundary import Boundary, BoundaryArgs
from components.foundation.keys import KeyRing, KeyRingArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)
boundary = Boundary("boundary", BoundaryArgs(names, ["eu-central-1"]), options)

Network(
    "network",
    NetworkArgs(
        names,
        zones=["eu-central-1a", "eu-central-1b"],
        cidr="10.40.0.0/20",
        domains=["api.anthropic.com"],
        logs_key_arn=keys.arns["logs"],
        log_retention_days=90,
        boundary_arn=boundary.arn,
    ),
    options,
)

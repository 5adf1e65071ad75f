"""No role of the kit acts outside these two regions, whatever its own policy says."""

import pulumi

from components.base import Names, aws_provider
from components.foundation.boundary import Boundary, BoundaryArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])

Boundary("boundary", BoundaryArgs(names, regions=["eu-central-1", "eu-west-1"]), options)

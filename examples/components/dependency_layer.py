"""The packages of the functions that run by the clock; `kit build` makes the archive."""

import pulumi

from components.base import Names, aws_provider
from components.layers import DependencyLayer

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])

DependencyLayer("scheduled-layer", names, family="scheduled", opts=options)

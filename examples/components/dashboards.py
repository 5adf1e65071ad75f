"""Dashboards for those who operate the gateway and for those who answer for it."""

import pulumi

from components.base import Names, aws_provider
from components.measurement.dashboards import Dashboards, DashboardsArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])

Dashboards(
    "dashboards", DashboardsArgs(names, ["finance", "marketing"], ["operations", "executive"]), options
)

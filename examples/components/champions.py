"""A programme for twenty champions in two departments."""

import pulumi

from components.adoption.champions import Champions, ChampionsArgs
from components.base import Names, aws_provider
from components.foundation.boundary import Boundary, BoundaryArgs
from components.foundation.governance_store import GovernanceStore, GovernanceStoreArgs
from components.foundation.keys import KeyRing, KeyRingArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)
boundary = Boundary("boundary", BoundaryArgs(names, ["eu-central-1"]), options)
governance = GovernanceStore("governance", GovernanceStoreArgs(names, keys.arns["governance"]), options)

Champions(
    "champions",
    ChampionsArgs(
        names,
        wanted=20,
        departments=["finance", "marketing"],
        messages_key_arn=keys.arns["messages"],
        governance_bucket_name=governance.bucket_name,
        governance_key_arn=keys.arns["governance"],
        boundary_arn=boundary.arn,
    ),
    options,
)

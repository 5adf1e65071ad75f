"""The governance bucket with the kit's own documents."""

import pulumi

from components.base import Names, aws_provider
from components.foundation.governance_store import GovernanceStore, GovernanceStoreArgs
from components.foundation.keys import KeyRing, KeyRingArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)

GovernanceStore("governance", GovernanceStoreArgs(names, keys.arns["governance"]), options)

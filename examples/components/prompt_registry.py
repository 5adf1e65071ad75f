"""The kit's approved prompts in a governance bucket."""

import pulumi

from components.base import Names, aws_provider
from components.foundation.governance_store import GovernanceStore, GovernanceStoreArgs
from components.foundation.keys import KeyRing, KeyRingArgs
from components.governance.prompt_registry import PromptRegistry, PromptRegistryArgs
from components.layers import ROOT

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)
governance = GovernanceStore("governance", GovernanceStoreArgs(names, keys.arns["governance"]), options)

PromptRegistry(
    "prompts",
    PromptRegistryArgs([ROOT / "prompts"], governance.bucket_name, keys.arns["governance"]),
    options,
)

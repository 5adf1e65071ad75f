"""One text of your own beside the kit's documents."""

import pulumi

from components.base import Names, aws_provider
from components.foundation.governance_store import (
    GovernanceStore,
    GovernanceStoreArgs,
    PublishedText,
    PublishedTextArgs,
)
from components.foundation.keys import KeyRing, KeyRingArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)
governance = GovernanceStore("governance", GovernanceStoreArgs(names, keys.arns["governance"]), options)

PublishedText(
    "contacts",
    PublishedTextArgs(
        governance.bucket_name,
        keys.arns["governance"],
        key="notes/contacts.json",
        content='{"privacy": "privacy@acme.example"}',
    ),
    options,
)

"""A store for a sandbox: its records can be cleared by who may lift their lock, and are kept for a day.

In production leave `mode` and `retention_days` out: nobody lifts COMPLIANCE, for seven years.
"""

import pulumi

from components.base import Names, aws_provider
from components.foundation.audit_store import AuditStore, AuditStoreArgs
from components.foundation.boundary import Boundary, BoundaryArgs
from components.foundation.keys import KeyRing, KeyRingArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)
boundary = Boundary("boundary", BoundaryArgs(names, ["eu-central-1"]), options)

AuditStore(
    "audit",
    AuditStoreArgs(
        names, keys.arns["audit"], boundary.arn, production=False, mode="GOVERNANCE", retention_days=1
    ),
    options,
)

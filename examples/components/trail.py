"""A trail for a sandbox over one bucket; its log files can be cleared by who may lift their lock.

In production leave `mode` and `retention_days` out: nobody lifts COMPLIANCE, for seven years.
"""

import pulumi

from components.base import Names, aws_provider
from components.foundation.keys import KeyRing, KeyRingArgs
from components.foundation.trail import Trail, TrailArgs
from components.storage import PrivateBucket, PrivateBucketArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)
reports = PrivateBucket("reports", PrivateBucketArgs(names, "reports", keys.arns["analytics"]), options)

Trail(
    "trail", TrailArgs(names, keys.arns["trail"], [reports.arn], mode="GOVERNANCE", retention_days=1), options
)

"""A private bucket whose objects go after a year."""

import pulumi

from components.base import Names, aws_provider
from components.foundation.keys import KeyRing, KeyRingArgs
from components.storage import Lifecycle, PrivateBucket, PrivateBucketArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)

PrivateBucket(
    "reports",
    PrivateBucketArgs(names, "reports", keys.arns["analytics"], Lifecycle(expire_after_days=365)),
    options,
)

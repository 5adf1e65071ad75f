"""The kit's keys: `keys.arns["audit"]` and so on, one for each purpose."""

import pulumi

from components.base import Names, aws_provider
from components.foundation.keys import KeyRing, KeyRingArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])

keys = KeyRing("keys", KeyRingArgs(names), options)

"""The kit's secrets, without values: runbooks/rotate-a-secret.md says how they are filled."""

import pulumi

from components.base import Names, aws_provider
from components.foundation.keys import KeyRing, KeyRingArgs
from components.foundation.secrets import Secrets, SecretsArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)

Secrets("secrets", SecretsArgs(names, keys.arns["secrets"], recovery_days=7), options)

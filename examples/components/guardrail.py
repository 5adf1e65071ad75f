"""A guardrail; `Gateway` takes its `environment` and its `statements`."""

import pulumi

from components.base import Names, aws_provider
from components.foundation.keys import KeyRing, KeyRingArgs
from components.governance.guardrail import Guardrail, GuardrailArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)

Guardrail("guardrail", GuardrailArgs(names, keys.arns["governance"]), options)

"""Identity tokens of this account; the federation rule at Anthropic names the issuer that is exported."""

import pulumi

from components.base import Names, aws_provider
from components.foundation.outbound_identity import OutboundIdentity

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
outbound = OutboundIdentity("outbound-identity", options)

pulumi.export("issuer", outbound.issuer)

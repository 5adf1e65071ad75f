"""Outbound identity federation: tokens, issued by AWS to roles of this account, that identify the gateway
to Anthropic.
"""

import pulumi
from pulumi_aws import iam

from components.base import KitComponent


class OutboundIdentity(KitComponent):
    """Lets roles of the account prove to the Anthropic API who they are, without a key (L1.3, L1.7).

    Creates: the account's outbound web identity federation. AWS has one in an account, with one issuer.
    Default posture: it only makes tokens possible; which role gets one, and for which audience, its own
    permissions say. Protected and retained, because deleting it ends such tokens for the whole account.
    Where the account has it already, set `claude.outbound_identity: existing`, or import it by the account's
    number.
    Replaced when changed: nothing.
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.federation = iam.OutboundWebIdentityFederation(f"{name}-federation", opts=self.kept())
        self.issuer = self.federation.issuer_identifier
        self.register_outputs({"issuer": self.issuer})

"""Secrets that people and `kit deploy` fill in. Their values never pass through Pulumi.

Secrets Manager rotates none of them: each has a counterpart that must get the new value, or dies with the
old one (docs/deploy.md). `kit doctor` reports the ones that are due.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import secretsmanager

from components.base import KitComponent, Names, refuse
from components.permissions import Statement, document

PURPOSES: Mapping[str, str] = {
    "key-pepper": "Keys the hash of virtual keys and tokens; 32 random bytes, base64",
    "scim-token": "Bearer token that the identity provider presents to the SCIM endpoint",
    "anthropic-api-key": "Fallback key of the Claude API, only where workload identity cannot be used",
}
EMBEDDINGS_KEY = "embeddings-api-key"
_WHERE_CONFIGURED: Mapping[str, str] = {
    EMBEDDINGS_KEY: "Key of the provider that makes embeddings, where that is not Amazon Bedrock",
}


@dataclass(frozen=True)
class SecretsArgs:
    """`recovery_days` is the recovery window of a deleted secret (7-30). `embeddings`: whether a provider
    of embeddings needs a key.
    """

    names: Names
    key_arn: pulumi.Input[str]
    recovery_days: int = 30
    embeddings: bool = False


class Secrets(KitComponent):
    """The kit's secrets, created empty (L1.3, L1.7).

    Creates: one Secrets Manager secret per purpose and a policy that denies reading to other accounts and
    deletion without the recovery window.
    Default posture: customer-managed key, 30 days to restore, no value in the plan or the state; protected
    and retained.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: SecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(
            f"Secrets {name}",
            [(7 <= args.recovery_days <= 30, f"recovery_days: {args.recovery_days} is not in 7..30")],
        )
        super().__init__(name, opts)
        purposes = {**PURPOSES, **(_WHERE_CONFIGURED if args.embeddings else {})}
        self.secrets = {what: self._secret(name, what, says, args) for what, says in purposes.items()}
        self.arns = {what: secret.arn for what, secret in self.secrets.items()}
        self.register_outputs({"arns": self.arns})

    def _secret(self, name: str, what: str, says: str, args: SecretsArgs) -> secretsmanager.Secret:
        secret = secretsmanager.Secret(
            f"{name}-{what}",
            name=args.names.of(what),
            description=says,
            kms_key_id=args.key_arn,
            recovery_window_in_days=args.recovery_days,
            opts=self.kept(),
        )
        secretsmanager.SecretPolicy(
            f"{name}-{what}-policy",
            secret_arn=secret.arn,
            block_public_policy=True,
            policy=document(
                [
                    Statement(
                        "DenyOtherAccounts",
                        ["secretsmanager:GetSecretValue"],
                        ["*"],
                        effect="Deny",
                        principals="*",
                        conditions={"StringNotEquals": {"aws:PrincipalAccount": args.names.account}},
                    ),
                    Statement(
                        "DenyDeletionWithoutRecovery",
                        ["secretsmanager:DeleteSecret"],
                        ["*"],
                        effect="Deny",
                        principals="*",
                        conditions={"Bool": {"secretsmanager:ForceDeleteWithoutRecovery": "true"}},
                    ),
                ]
            ),
            opts=self.kept(),
        )
        return secret

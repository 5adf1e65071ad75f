"""Bedrock Guardrails as the optional second stage of the inspection (L2.3)."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.base import KitComponent, Names, refuse
from components.permissions import Statement, via

# what the kit's own inspection detects least well (names, addresses), and the rest as a second check
PII_TYPES = (
    "ADDRESS", "AWS_ACCESS_KEY", "AWS_SECRET_KEY", "CREDIT_DEBIT_CARD_NUMBER", "DRIVER_ID", "EMAIL",
    "INTERNATIONAL_BANK_ACCOUNT_NUMBER", "NAME", "PASSWORD", "PHONE", "UK_NATIONAL_HEALTH_SERVICE_NUMBER",
    "UK_NATIONAL_INSURANCE_NUMBER", "US_BANK_ACCOUNT_NUMBER", "US_PASSPORT_NUMBER",
        "US_SOCIAL_SECURITY_NUMBER",
)  # fmt: skip
STRENGTHS = ("LOW", "MEDIUM", "HIGH")
_MESSAGE = "Stopped by the inspection."


@dataclass(frozen=True)
class GuardrailArgs:
    """The guardrail's key, what it detects, and the sensitivity of its prompt attack filter."""

    names: Names
    key_arn: pulumi.Input[str]
    pii_types: Sequence[str] = PII_TYPES
    prompt_attack_strength: str = "HIGH"


class Guardrail(KitComponent):
    """A guardrail and an immutable version of it, which the gateway asks after its own inspection.

    Creates: a Bedrock guardrail (sensitive information, prompt attacks) and a numbered version.
    Default posture: encrypted with a customer-managed key; it only reports (`BLOCK` means: named in the
    answer of ApplyGuardrail), the department's policy decides; nothing uses it unless the client's
    configuration has `guardrail:`. A change of the rules is a new version beside the old one, which is
    retained.
    Replaced when changed: client, environment.

    `environment` is what the gateway's function receives, `statements` is what its role needs.
    """

    guardrail_id: pulumi.Output[str]
    version: pulumi.Output[str]

    def __init__(self, name: str, args: GuardrailArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(
            "Guardrail",
            [
                (bool(args.pii_types), "pii_types: none"),
                (
                    args.prompt_attack_strength in STRENGTHS,
                    f"prompt_attack_strength: {args.prompt_attack_strength}; one of {', '.join(STRENGTHS)}",
                ),
            ],
        )
        super().__init__(name, opts)
        guardrail = aws.bedrock.Guardrail(
            f"{name}-guardrail",
            name=args.names.of("inspection"),
            description="Second stage of the inspection of requests to Claude",
            blocked_input_messaging=_MESSAGE,
            blocked_outputs_messaging=_MESSAGE,
            kms_key_arn=args.key_arn,
            sensitive_information_policy_config={
                "pii_entities_configs": [
                    {"type": kind, "action": "BLOCK"} for kind in sorted(set(args.pii_types))
                ]
            },
            content_policy_config={
                "filters_configs": [
                    {
                        "type": "PROMPT_ATTACK",
                        "input_strength": args.prompt_attack_strength,
                        "output_strength": "NONE",
                    }
                ]
            },
            opts=self.child(),
        )
        version = aws.bedrock.GuardrailVersion(
            f"{name}-version",
            guardrail_arn=guardrail.guardrail_arn,
            description=f"{len(set(args.pii_types))} kinds, prompt attacks {args.prompt_attack_strength}",
            skip_destroy=True,
            opts=self.child(),
        )
        self.guardrail_id = guardrail.guardrail_id
        self.version = version.version
        self.environment: dict[str, pulumi.Input[str]] = {
            "GUARDRAIL_ID": self.guardrail_id,
            "GUARDRAIL_VERSION": self.version,
        }
        self.statements = [
            Statement("AskGuardrail", ["bedrock:ApplyGuardrail"], [guardrail.guardrail_arn]),
            Statement(
                "DecryptGuardrail",
                ["kms:Decrypt"],
                [args.key_arn],
                conditions=via("bedrock", args.names.region),
            ),
        ]
        self.register_outputs({"guardrailId": self.guardrail_id, "version": self.version})

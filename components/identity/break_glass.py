"""Emergency access: the one function that may write its requests, and who may invoke it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.api.gateway import Stores
from components.base import KitComponent
from components.foundation.roles import session_beginnings
from components.functions import Function, FunctionArgs, FunctionContext
from components.permissions import Statement, append_records, via

PACKAGES = ("break_glass", "common", "workflow")
WHAT = "break-glass"


@dataclass(frozen=True)
class BreakGlassArgs:
    """`layer_arn` contains botocore and cryptography; `policy_object_key` lists the current departments."""

    context: FunctionContext
    stores: Stores
    policy_object_key: str
    layer_arn: pulumi.Input[str]
    memory: int = 512


class BreakGlass(KitComponent):
    """Emergency access that two others must approve (G.4).

    Creates: the function `break-glass`, which checks who signed a request, records and tells each step, and
    makes the key that ends by itself.
    Default posture: only the roles of the Center of Excellence may invoke it, and none of them may write what
    it writes; it makes and revokes keys, and reads no person's record.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: BreakGlassArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        names = args.context.names
        self.function = Function(
            f"{name}-function",
            FunctionArgs(
                context=args.context,
                what=WHAT,
                description="Emergency access: asked for, approved by two others, opened, ended",
                packages=PACKAGES,
                handler="lambdas.break_glass.handler.handler",
                statements=_statements(args),
                environment={
                    "LEDGER_TABLE": args.stores.ledger_table_name,
                    "ACCESS_TABLE": args.stores.access_table_name,
                    "KEY_PEPPER_SECRET_ARN": args.stores.key_pepper_secret_arn,
                    "GOVERNANCE_BUCKET": args.stores.governance_bucket_name,
                    "POLICY_OBJECT_KEY": args.policy_object_key,
                    "ALARM_TOPIC_ARN": args.context.alarm_topic_arn,
                    "AUDIT_BUCKET": args.stores.audit_bucket_name,
                    "AUDIT_KEY_ARN": args.stores.audit_key_arn,
                    "WRITER_KEY_ARN": args.stores.writer_key_arn,
                    "KIT_ENVIRONMENT": names.environment,
                    "PEOPLE_ROLES": ",".join(session_beginnings(names)),
                },
                layers=[args.layer_arn],
                memory=args.memory,
                timeout=30,
            ),
            self.child(),
        )
        self.register_outputs({"functionArn": self.function.arn})


def _statements(args: BreakGlassArgs) -> Sequence[Statement]:
    context, stores = args.context, args.stores

    return [
        Statement(
            "KeepRequests",
            ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
            [stores.ledger_table_arn],
            conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["BREAK-GLASS"]}},
        ),
        Statement(
            "MakeKeys",
            ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
            [stores.access_table_arn],
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["KEY#*", "KEYS"]}},
        ),
        Statement("ReadPepper", ["secretsmanager:GetSecretValue"], [stores.key_pepper_secret_arn]),
        Statement(
            "DecryptPepper",
            ["kms:Decrypt"],
            [stores.secrets_key_arn],
            conditions=via("secretsmanager", context.names.region),
        ),
        Statement(
            "ReadPolicy",
            ["s3:GetObject"],
            [pulumi.Output.concat(stores.governance_bucket_arn, f"/{args.policy_object_key}")],
        ),
        Statement(
            "DecryptPolicy",
            ["kms:Decrypt"],
            [stores.governance_key_arn],
            conditions=via("s3", context.names.region),
        ),
        *append_records(
            stores.audit_bucket_arn, stores.audit_key_arn, stores.writer_key_arn, context.names.region
        ),
        Statement("Tell", ["sns:Publish"], [context.alarm_topic_arn]),
        Statement(
            "EncryptMessages",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            [context.messages_key_arn],
            conditions=via("sns", context.names.region),
        ),
    ]

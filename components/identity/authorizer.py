"""The Lambda authorizer that decides whether a request reaches the gateway."""

from dataclasses import dataclass

import pulumi

from components.api.gateway import Stores
from components.base import KitComponent
from components.functions import Function, FunctionArgs, FunctionContext
from components.permissions import Statement, via

# It decides with the gateway's own code.
PACKAGES = ("authorizer", "common", "gateway")


@dataclass(frozen=True)
class AuthorizerArgs:
    """Locations of access records, policy and pepper. Memory in MB."""

    context: FunctionContext
    stores: Stores
    policy_object_key: str
    layer_arn: pulumi.Input[str]
    memory: int = 1024  # enough CPU to verify a signature in a millisecond


class Authorizer(KitComponent):
    """Keeps the unauthenticated away from the function that holds provider access (L1.3, L1.7).

    Creates: a `Function` with `lambdas/authorizer`.
    Default posture: reads access records, the gateway policy and the pepper, and nothing else; it cannot
    reach Claude, a ledger or a record.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: AuthorizerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        stores = args.stores
        self.function = Function(
            f"{name}-edge",
            FunctionArgs(
                context=args.context,
                what="authorizer",
                description="Lets requests with a valid credential through to the gateway",
                packages=PACKAGES,
                handler="lambdas.authorizer.handler.handler",
                statements=_statements(args),
                environment={
                    "ACCESS_TABLE": stores.access_table_name,
                    "GOVERNANCE_BUCKET": stores.governance_bucket_name,
                    "POLICY_OBJECT_KEY": args.policy_object_key,
                    "KEY_PEPPER_SECRET_ARN": stores.key_pepper_secret_arn,
                },
                layers=[args.layer_arn],
                memory=args.memory,
                timeout=10,
            ),
            self.child(),
        )
        self.register_outputs({"arn": self.function.arn})


def _statements(args: AuthorizerArgs) -> list[Statement]:
    stores, region = args.stores, args.context.names.region

    policy = pulumi.Output.concat(stores.governance_bucket_arn, f"/{args.policy_object_key}")
    return [
        Statement("ReadAccess", ["dynamodb:GetItem"], [stores.access_table_arn]),
        Statement("ReadPolicy", ["s3:GetObject"], [policy]),
        Statement(
            "DecryptPolicy", ["kms:Decrypt"], [stores.governance_key_arn], conditions=via("s3", region)
        ),
        Statement("ReadPepper", ["secretsmanager:GetSecretValue"], [stores.key_pepper_secret_arn]),
        Statement(
            "DecryptPepper",
            ["kms:Decrypt"],
            [stores.secrets_key_arn],
            conditions=via("secretsmanager", region),
        ),
    ]

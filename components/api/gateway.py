"""The gateway's function, its permissions and its environment."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pulumi

from components.api.claude_access import ClaudeAccess, model_statements
from components.base import KitComponent, Names
from components.functions import Function, FunctionArgs, FunctionContext, Start, Web
from components.permissions import Statement, append_records, put_copies, via
from components.storage import Lifecycle, PrivateBucket, PrivateBucketArgs
from lambdas.common.bindings import ATTRIBUTES as BINDING_ATTRIBUTES

GATEWAY_PACKAGES = ("common", "gateway", "inspection")


@dataclass(frozen=True)
class Stores:
    """Stores that the gateway reads and writes, created elsewhere."""

    ledger_table_name: pulumi.Input[str]
    ledger_table_arn: pulumi.Input[str]
    access_table_name: pulumi.Input[str]
    access_table_arn: pulumi.Input[str]
    subject_keys_table_name: pulumi.Input[str]
    subject_keys_table_arn: pulumi.Input[str]
    subject_key_arn: pulumi.Input[str]
    audit_bucket_name: pulumi.Input[str]
    audit_bucket_arn: pulumi.Input[str]
    audit_key_arn: pulumi.Input[str]
    writer_key_arn: pulumi.Input[str]
    governance_bucket_name: pulumi.Input[str]
    governance_bucket_arn: pulumi.Input[str]
    governance_key_arn: pulumi.Input[str]
    key_pepper_secret_arn: pulumi.Input[str]
    secrets_key_arn: pulumi.Input[str]
    analytics_stream_name: pulumi.Input[str]
    analytics_stream_arn: pulumi.Input[str]
    analytics_key_arn: pulumi.Input[str]


@dataclass(frozen=True)
class GatewayArgs:
    """Arguments of the gateway, including its capacity."""

    context: FunctionContext
    stores: Stores
    claude: ClaudeAccess
    policy_object_key: str
    layer_arn: pulumi.Input[str]
    memory: int
    start: Start
    provisioned: int = 0
    reserved_concurrency: int | None = None
    timeout: int = 900
    quarantine: PrivateBucket | None = None  # for files above API Gateway's body limit
    environment: dict[str, pulumi.Input[str]] = field(default_factory=dict)
    statements: Sequence[Statement] = ()  # permissions that `environment` additionally requires


class Gateway(KitComponent):
    """The Claude API of the organisation as a web function (L1.1-L1.6, L2.3-L2.5).

    Creates: a `Function` with the ASGI app `lambdas/gateway`.
    Default posture: may append audit records but neither read nor delete them; checks the access table but
    cannot write it; wraps and unwraps subject keys under one key; reads the governance bucket; reaches
    Claude only in the configured ways, models on AWS only through a role session of the caller.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: GatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.function = Function(
            f"{name}-api",
            FunctionArgs(
                context=args.context,
                what="gateway",
                description="The Claude API of the organisation",
                packages=GATEWAY_PACKAGES,
                handler="lambdas.gateway.app:create_app",
                statements=gateway_statements(args),
                environment=gateway_environment(args),
                layers=[args.layer_arn],
                memory=args.memory,
                timeout=args.timeout,
                reserved_concurrency=args.reserved_concurrency,
                web=_web(args),
            ),
            self.child(),
        )
        self.role = self.function.role
        self.register_outputs({"arn": self.function.arn, "roleArn": self.role.arn})


def _web(args: GatewayArgs) -> Web:
    snapstart = args.start == "snapstart"
    return Web(
        start=args.start,
        provisioned=args.provisioned,
        readiness_path="/healthz",
        after_restore_path="/.lambda/after-restore" if snapstart else "",
    )


def gateway_environment(args: GatewayArgs) -> dict[str, pulumi.Input[str]]:
    """Return the environment variables that the app reads at start, on Lambda and Kubernetes alike."""
    stores = args.stores
    variables: dict[str, pulumi.Input[str]] = {
        "KIT_ENVIRONMENT": args.context.names.environment,
        "LEDGER_TABLE": stores.ledger_table_name,
        "ACCESS_TABLE": stores.access_table_name,
        "SUBJECT_KEYS_TABLE": stores.subject_keys_table_name,
        "SUBJECT_KEY_ARN": stores.subject_key_arn,
        "AUDIT_BUCKET": stores.audit_bucket_name,
        "AUDIT_KEY_ARN": stores.audit_key_arn,
        "WRITER_KEY_ARN": stores.writer_key_arn,
        "GOVERNANCE_BUCKET": stores.governance_bucket_name,
        "POLICY_OBJECT_KEY": args.policy_object_key,
        "ANALYTICS_STREAM": stores.analytics_stream_name,
        "KEY_PEPPER_SECRET_ARN": stores.key_pepper_secret_arn,
        **args.environment,
    }
    if args.claude.api_key_secret_arn is not None:
        variables["ANTHROPIC_API_KEY_SECRET_ARN"] = args.claude.api_key_secret_arn
    if args.quarantine is not None:
        variables["QUARANTINE_BUCKET"] = args.quarantine.name
    if args.claude.embeddings_key_secret_arn is not None:
        variables["EMBEDDINGS_API_KEY_SECRET_ARN"] = args.claude.embeddings_key_secret_arn
    if caller_role := args.claude.caller_role_arn(args.context.names):
        variables["CLAUDE_CALLER_ROLE_ARN"] = caller_role
    return variables


def gateway_statements(args: GatewayArgs) -> list[Statement]:
    """Return the gateway's permissions, on Lambda and Kubernetes alike."""
    return [
        *_store_statements(args),
        *_quarantine_statements(args),
        *_claude_statements(args),
        *args.statements,
    ]


def quarantine_args(names: Names, subject_key_arn: pulumi.Input[str]) -> PrivateBucketArgs:
    """Return the bucket where large uploads wait for inspection.

    Objects expire after a day. They are encrypted under the key that wraps personal data keys, which the
    gateway may already use.
    """
    lifecycle = Lifecycle(expire_after_days=1, expire_noncurrent_after_days=1)
    return PrivateBucketArgs(names=names, what="quarantine", key_arn=subject_key_arn, lifecycle=lifecycle)


def _quarantine_statements(args: GatewayArgs) -> list[Statement]:
    """Return the permissions behind presigned URLs, which act as the gateway, for one object and a limited
    time.
    """
    if args.quarantine is None:
        return []
    uploads = pulumi.Output.concat(args.quarantine.arn, "/uploads/*")
    return [Statement("TakeUploads", ["s3:GetObject", "s3:PutObject"], [uploads])]


def _store_statements(args: GatewayArgs) -> list[Statement]:
    stores, names = args.stores, args.context.names

    def objects(bucket_arn: pulumi.Input[str], prefix: str) -> pulumi.Output[str]:
        return pulumi.Output.concat(bucket_arn, f"/{prefix}/*")

    secrets: list[pulumi.Input[str]] = [stores.key_pepper_secret_arn]
    if args.claude.api_key_secret_arn is not None:
        secrets.append(args.claude.api_key_secret_arn)
    if args.claude.embeddings_key_secret_arn is not None:
        secrets.append(args.claude.embeddings_key_secret_arn)
    return [
        Statement(
            "ReserveAndSettle",
            [
                "dynamodb:BatchGetItem",
                "dynamodb:DeleteItem",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:Query",
                "dynamodb:UpdateItem",
            ],
            [stores.ledger_table_arn],
        ),
        Statement("CheckAccess", ["dynamodb:BatchGetItem", "dynamodb:GetItem"], [stores.access_table_arn]),
        # first call of a person named directly by an issuer; none of the attributes is a right
        Statement(
            "BindAccount",
            ["dynamodb:PutItem"],
            [stores.access_table_arn],
            conditions={
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["SUBJECT#*", "USER#*"]},
                "ForAllValues:StringEquals": {"dynamodb:Attributes": list(BINDING_ATTRIBUTES)},
            },
        ),
        Statement(
            "KeepSubjectKeys", ["dynamodb:GetItem", "dynamodb:PutItem"], [stores.subject_keys_table_arn]
        ),
        Statement(
            "WrapSubjectKeys",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            [stores.subject_key_arn],
        ),
        *append_records(stores.audit_bucket_arn, stores.audit_key_arn, stores.writer_key_arn, names.region),
        Statement(
            "ReadGovernance",
            ["s3:GetObject"],
            [
                objects(stores.governance_bucket_arn, prefix)
                for prefix in ("dictionaries", "policy", "prompts")
            ],
        ),
        Statement(
            "DecryptGovernance",
            ["kms:Decrypt"],
            [stores.governance_key_arn],
            conditions=via("s3", names.region),
        ),
        Statement("ReadSecrets", ["secretsmanager:GetSecretValue"], secrets),
        Statement(
            "DecryptSecrets",
            ["kms:Decrypt"],
            [stores.secrets_key_arn],
            conditions=via("secretsmanager", names.region),
        ),
        *put_copies(stores.analytics_stream_arn, stores.analytics_key_arn, names.region),
    ]


def _claude_statements(args: GatewayArgs) -> list[Statement]:
    claude, names = args.claude, args.context.names
    statements: list[Statement] = []
    if claude.audiences:
        # STS defines no resource for web identity tokens; the audience restricts the permission.
        statements.append(
            Statement(
                "ProveIdentity",
                ["sts:GetWebIdentityToken"],
                ["*"],
                conditions={
                    "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": list(claude.audiences)},
                    "Null": {"sts:IdentityTokenAudience": "false"},
                },
            )
        )
    caller_role = claude.caller_role_arn(names)
    if caller_role:
        statements.append(Statement("CallInCallersName", ["sts:AssumeRole", "sts:TagSession"], [caller_role]))
    else:
        statements += model_statements(claude, names)
    return statements

"""Access to Claude through each provider, and the role that calls models in each caller's name."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import iam

from components.base import KitComponent, Names, refuse
from components.functions import FunctionContext
from components.permissions import Statement, canonical_json, document
from contract.client import AnthropicProvider, BedrockProvider, Claude, ClaudePlatformProvider

_CALLER = "claude-caller"
# Session tags that are required to assume the role; the gateway sets them (`user_sessions`).
SESSION_TAGS = ("kit:cost-center", "kit:department")


@dataclass(frozen=True)
class ClaudeAccess:
    """Providers in the configuration. Each adds exactly the permissions it needs.

    `audiences` are those of workload identity federation tokens. `bedrock_regions` and
    `platform_workspaces` (region, workspace id) limit where models are called. `in_callers_names`: models
    on AWS are called in a role session of each caller.
    """

    audiences: Sequence[str] = ()
    api_key_secret_arn: pulumi.Input[str] | None = None
    bedrock_regions: Sequence[str] = ()
    platform_workspaces: Sequence[tuple[str, str]] = ()
    embeddings_model: str = ""  # for Bedrock
    embeddings_key_secret_arn: pulumi.Input[str] | None = None
    in_callers_names: bool = True

    @classmethod
    def of(
        cls,
        claude: Claude,
        api_key_secret_arn: pulumi.Input[str],
        embeddings_key_secret_arn: pulumi.Input[str] | None = None,
    ) -> "ClaudeAccess":
        """Return the access that a client file's providers need, counting a secret if any provider has a
        key.
        """
        providers = claude.providers
        auths = [one.auth for one in providers if isinstance(one, AnthropicProvider)]
        platform = [one for one in providers if isinstance(one, ClaudePlatformProvider)]
        return cls(
            audiences=sorted({one.audience for one in auths if one.kind == "workload-identity"}),
            api_key_secret_arn=api_key_secret_arn if any(one.kind == "secret" for one in auths) else None,
            bedrock_regions=sorted({one.region for one in providers if isinstance(one, BedrockProvider)}),
            platform_workspaces=sorted({(one.region, one.workspace_id) for one in platform}),
            embeddings_model="" if claude.embeddings_url else claude.embeddings_model,
            embeddings_key_secret_arn=embeddings_key_secret_arn if claude.embeddings_url else None,
            in_callers_names=claude.in_callers_names,
        )

    def caller_role_arn(self, names: Names) -> str:
        """Return the ARN of the role that the gateway assumes to call models on AWS in callers' names, or
        an empty text.

        It is derived from names, because the gateway's role and this role refer to each other.
        """
        on_aws = self.bedrock_regions or self.platform_workspaces or self.embeddings_model
        if not (on_aws and self.in_callers_names):
            return ""
        return names.arn("iam", f"role/{names.of(_CALLER)}", regional=False)


def model_statements(claude: ClaudeAccess, names: Names) -> list[Statement]:
    """Return the permissions to call the configured models on AWS."""
    statements: list[Statement] = []
    if claude.platform_workspaces:
        statements.append(
            Statement(
                "CallClaudePlatform",
                [
                    "aws-external-anthropic:CountTokens",
                    "aws-external-anthropic:CreateBatchInference",
                    "aws-external-anthropic:CreateFile",
                    "aws-external-anthropic:CreateInference",
                    "aws-external-anthropic:DeleteFile",
                    "aws-external-anthropic:GetBatchInference",
                    "aws-external-anthropic:GetFile",
                    "aws-external-anthropic:GetSkill",
                    "aws-external-anthropic:ListSkills",
                ],
                [
                    f"arn:{names.partition}:aws-external-anthropic:{region}:{names.account}:workspace/{workspace}"
                    for region, workspace in claude.platform_workspaces
                ],
            )
        )
    if claude.bedrock_regions:
        statements.append(
            Statement(
                "CallBedrock",
                ["bedrock-mantle:CreateInference"],
                [
                    f"arn:{names.partition}:bedrock-mantle:{region}:{names.account}:project/*"
                    for region in claude.bedrock_regions
                ],
            )
        )
    if claude.embeddings_model:
        statements.append(
            Statement(
                "Embed",
                ["bedrock:InvokeModel"],
                [f"arn:{names.partition}:bedrock:{names.region}::foundation-model/{claude.embeddings_model}"],
            )
        )
    return statements


@dataclass(frozen=True)
class ClaudeCallerArgs:
    """`gateway_role_arns` are the gateway's roles on Lambda and Kubernetes."""

    context: FunctionContext
    claude: ClaudeAccess
    gateway_role_arns: Sequence[pulumi.Input[str]]


class ClaudeCaller(KitComponent):
    """The role that calls models on AWS, in sessions named after the callers (L1.6, L1.7, C.2, G.4).

    Creates: one role with exactly the permissions of the configured models.
    Default posture: only the gateway can assume it, and only with the tags of department and cost centre, so
    that CloudTrail and cost reports name somebody for every call; permissions boundary, sessions of an hour.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: ClaudeCallerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        names = args.context.names
        refuse(
            f"ClaudeCaller {name}",
            [
                (bool(args.gateway_role_arns), "gateway_role_arns: none"),
                (bool(args.claude.caller_role_arn(names)), "claude: calls no model on AWS in callers' names"),
            ],
        )
        super().__init__(name, opts)
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "GatewayInACallersName",
                    "Effect": "Allow",
                    "Action": ["sts:AssumeRole", "sts:TagSession"],
                    "Principal": {"AWS": list(args.gateway_role_arns)},
                    "Condition": {"StringLike": {f"aws:RequestTag/{tag}": "?*" for tag in SESSION_TAGS}},
                }
            ],
        }
        self.role = iam.Role(
            f"{name}-role",
            name=names.of(_CALLER),
            description="Calls models on AWS in the name of the person who asked the gateway",
            assume_role_policy=pulumi.Output.from_input(trust).apply(canonical_json),
            max_session_duration=3600,
            permissions_boundary=args.context.boundary_arn,
            opts=self.child(),
        )
        self.permissions = iam.RolePolicy(
            f"{name}-permissions",
            name="permissions",
            role=self.role.name,
            policy=document(model_statements(args.claude, names)),
            opts=self.child(),
        )
        self.register_outputs({"arn": self.role.arn})

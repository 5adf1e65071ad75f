"""Provisioning: the directory of people, the SCIM service in front of it and the worker behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import dynamodb

from components.api.gateway import Stores
from components.api.scheduled import ScheduleArgs, ScheduledFunction
from components.base import KitComponent
from components.foundation.governance_store import PublishedText, PublishedTextArgs
from components.foundation.roles import ROLES
from components.functions import Function, FunctionArgs, FunctionContext, Web, log_alarm
from components.permissions import Statement, append_records, canonical_json, via
from contract.client import Department, GroupRule, SignIn
from contract.sizes import Sizing

PACKAGES = ("common", "scim")
RULES_OBJECT_KEY = "policy/scim.json"
# Alarms within five minutes: name, metric, description, tolerated number per minute.
_ALARMS = (
    (
        "leaver-refused",
        "ScimLeaversRefused",
        "A request to put somebody out was refused; the person is out, the rest was not taken: look why",
        0,
    ),
    ("refusals", "ScimRefused", "The identity provider's requests are refused again and again", 10),
    (
        "access-differences",
        "AccessDifferences",
        "What somebody may do does not follow from the directory, or a key is new: see docs/rights.md",
        0,
    ),
    (
        "silent",
        "ProvisioningSilent",
        "The identity provider has not asked for a day: leavers are not put out",
        0,
    ),
)


@dataclass(frozen=True)
class ScimArgs:
    """`identity` configures what groups grant. `table_key_arn` encrypts the directory; `plan` sets its
    retention. `user_pool` is the id and ARN of the Cognito pool whose sessions are revoked, if there is
    one. Memory in MB.
    """

    context: FunctionContext
    stores: Stores
    token_secret_arn: pulumi.Input[str]
    table_key_arn: pulumi.Input[str]
    layer_arn: pulumi.Input[str]
    departments: Sequence[Department]
    identity: SignIn
    plan: Sizing
    memory: int = 1024
    user_pool: tuple[pulumi.Input[str], pulumi.Input[str]] | None = None


class Scim(KitComponent):
    """People come, move and leave as the identity provider says (G.4, L1.3, C.1).

    Creates: the table `directory` (string keys `pk`, `sk`), the placement rules `policy/scim.json` in the
    governance bucket, the web function `scim` with the ASGI app `lambdas/scim`, and the function
    `provisioning` that completes the consequences every minute.
    Default posture: on demand, customer-managed key, 35 days of point-in-time recovery, deletion protection;
    the directory is protected and retained, and no other function may list it. The service may write access
    records but no audit record; the worker appends audit records, and may neither read nor delete them.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: ScimArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self.directory = self._directory(name)
        stores = args.stores
        self.rules = PublishedText(
            f"{name}-rules",
            PublishedTextArgs(
                stores.governance_bucket_name, stores.governance_key_arn, RULES_OBJECT_KEY, self._document()
            ),
            self.child(),
        )
        self.function = Function(f"{name}-service", self._service(), self.child(depends_on=[self.rules]))
        self.worker = ScheduledFunction(
            f"{name}-worker",
            ScheduleArgs(self._worker(), "rate(1 minute)"),
            self.child(depends_on=[self.rules]),
        )
        self.reconciliation = ScheduledFunction(
            f"{name}-reconciliation",
            ScheduleArgs(self._reconciliation(), "cron(0 3 * * ? *)"),
            self.child(depends_on=[self.rules]),
        )
        if args.identity.groups_claim:
            Function(f"{name}-enrolment", self._enrolment(), self.child(depends_on=[self.rules]))
        for what, metric, description, threshold in _ALARMS:
            log_alarm(self, f"{name}-{what}", args.context, f"scim-{what}", metric, description, threshold)
        self.register_outputs({"directory": self.directory.name, "arn": self.function.arn})

    def _directory(self, name: str) -> dynamodb.Table:
        args = self._args
        return dynamodb.Table(
            f"{name}-directory",
            name=args.context.names.of("directory"),
            billing_mode="PAY_PER_REQUEST",
            hash_key="pk",
            range_key="sk",
            attributes=[{"name": "pk", "type": "S"}, {"name": "sk", "type": "S"}],
            server_side_encryption={"enabled": True, "kms_key_arn": args.table_key_arn},
            point_in_time_recovery={
                "enabled": True,
                "recovery_period_in_days": args.plan.retention.table_recovery_days,
            },
            deletion_protection_enabled=args.plan.redundancy.table_deletion_protection,
            opts=self.kept(),
        )

    def _document(self) -> str:
        """Return the placement rules. After a change, everybody is placed again within two minutes."""
        args = self._args
        return canonical_json(
            {
                "version": 1,
                "groups": [_rule(each) for each in args.identity.groups],
                "departments": [
                    {"id": one.id, "name": one.name}
                    for one in sorted(args.departments, key=lambda one: one.id)
                ],
                "onboarding_required": args.identity.onboarding_required,
            }
        )

    def _service(self) -> FunctionArgs:
        args = self._args
        return FunctionArgs(
            context=args.context,
            what="scim",
            description="SCIM 2.0: people and groups from the identity provider",
            packages=PACKAGES,
            handler="lambdas.scim.app:create_app",
            statements=[
                *self._directory_statements("dynamodb:DeleteItem"),
                self._counts(),
                Statement(
                    "SayWhenATokenWasUsed",
                    ["dynamodb:UpdateItem"],
                    [self.directory.arn],
                    conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["TOKENS"]}},
                ),
                Statement("ReadToken", ["secretsmanager:GetSecretValue"], [args.token_secret_arn]),
                Statement(
                    "DecryptToken",
                    ["kms:Decrypt"],
                    [args.stores.secrets_key_arn],
                    conditions=via("secretsmanager", self._args.context.names.region),
                ),
            ],
            environment={**self._environment(), "SCIM_TOKEN_SECRET_ARN": args.token_secret_arn},
            layers=[args.layer_arn],
            memory=args.memory,
            timeout=90,
            web=Web(readiness_path="/healthz"),
        )

    def _enrolment(self) -> FunctionArgs:
        args = self._args
        return FunctionArgs(
            context=args.context,
            what="enrolment",
            description="Lets the directory follow what a sign-in says of a person's groups",
            packages=PACKAGES,
            handler="lambdas.scim.enrolment.handler",
            statements=[*self._directory_statements("dynamodb:DeleteItem"), self._counts()],
            environment={
                **self._environment(),
                "PEOPLE_FROM_CLAIMS": "true" if args.identity.people_from_claims else "false",
            },
            layers=[args.layer_arn],
            memory=1769,  # one vCPU: the sign-in waits for it, at most five seconds
            timeout=5,
        )

    def _worker(self) -> FunctionArgs:
        args, stores = self._args, self._args.stores
        statements = [
            *self._directory_statements(),
            self._counts(),  # of what an earlier version listed elsewhere
            Statement(
                "KeepPlaceInRules",
                ["dynamodb:UpdateItem"],
                [self.directory.arn],
                conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["RULES"]}},
            ),
            *append_records(
                stores.audit_bucket_arn,
                stores.audit_key_arn,
                stores.writer_key_arn,
                args.context.names.region,
            ),
        ]
        environment = {
            **self._environment(),
            "AUDIT_BUCKET": stores.audit_bucket_name,
            "AUDIT_KEY_ARN": stores.audit_key_arn,
            "WRITER_KEY_ARN": stores.writer_key_arn,
        }
        if args.user_pool:
            pool_id, pool_arn = args.user_pool
            environment["USER_POOL_ID"] = pool_id
            statements.append(
                Statement(
                    "EndSessions",
                    [
                        "cognito-idp:AdminDisableUser",
                        "cognito-idp:AdminEnableUser",
                        "cognito-idp:AdminUserGlobalSignOut",
                        "cognito-idp:ListUsers",
                    ],
                    [pool_arn],
                )
            )
        return FunctionArgs(
            context=args.context,
            what="provisioning",
            description="Completes what follows from joining, moving and leaving",
            packages=PACKAGES,
            handler="lambdas.scim.worker.handler",
            statements=statements,
            environment=environment,
            layers=[args.layer_arn],
            memory=args.memory,
            timeout=600,
            reserved_concurrency=1,
        )

    def _reconciliation(self) -> FunctionArgs:
        args, stores = self._args, self._args.stores
        names = args.context.names
        roles = [*map(names.of, ROLES), *(f"AWSReservedSSO_{names.brief(one)}_*" for one in ROLES)]
        pool: list[Statement] = []
        environment: dict[str, pulumi.Input[str]] = {"COE_ROLES": ",".join(roles)}
        if args.user_pool:
            environment["USER_POOL_ID"], pool_arn = args.user_pool
            pool.append(Statement("ReadAccounts", ["cognito-idp:ListUsers"], [pool_arn]))
        return FunctionArgs(
            context=args.context,
            what="reconciliation",
            description="Holds what people may do against the directory",
            packages=PACKAGES,
            handler="lambdas.scim.nightly.handler",
            statements=[
                Statement(
                    "ReadDirectory",
                    ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"],
                    [self.directory.arn],
                ),
                Statement(
                    "RememberKeys",
                    ["dynamodb:PutItem"],
                    [self.directory.arn],
                    conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["RECONCILED"]}},
                ),
                Statement("ReadAccess", ["dynamodb:GetItem", "dynamodb:Scan"], [stores.access_table_arn]),
                *self._rules_statements(),
                *pool,
                # CloudTrail defines no resource for LookupEvents
                Statement(
                    "ReadSessions",
                    ["cloudtrail:LookupEvents"],
                    ["*"],
                    conditions={"StringEquals": {"aws:RequestedRegion": names.region}},
                ),
                Statement(
                    "ListRecordsOfOperators",
                    ["s3:ListBucket"],
                    [stores.audit_bucket_arn],
                    conditions={"StringLike": {"s3:prefix": ["records/dt=*/hour=*/operator-*"]}},
                ),
                Statement(
                    "ReadRecordsOfOperators",
                    ["s3:GetObject"],
                    [pulumi.Output.concat(stores.audit_bucket_arn, "/records/dt=*/hour=*/operator-*")],
                ),
                Statement(
                    "AppendRecords",
                    ["s3:PutObject"],
                    [pulumi.Output.concat(stores.audit_bucket_arn, "/records/*")],
                ),
                Statement(
                    "UseRecords",
                    ["kms:Decrypt", "kms:GenerateDataKey"],
                    [stores.audit_key_arn],
                    conditions=via("s3", self._args.context.names.region),
                ),
                Statement("Introduce", ["kms:Sign"], [stores.writer_key_arn]),
            ],
            environment={
                **self._environment(),
                **environment,
                "AUDIT_BUCKET": stores.audit_bucket_name,
                "AUDIT_KEY_ARN": stores.audit_key_arn,
                "WRITER_KEY_ARN": stores.writer_key_arn,
            },
            layers=[args.layer_arn],
            memory=args.memory,
            timeout=900,
            reserved_concurrency=1,
        )

    def _environment(self) -> dict[str, pulumi.Input[str]]:
        args = self._args
        return {
            "KIT_ENVIRONMENT": args.context.names.environment,
            "DIRECTORY_TABLE": self.directory.name,
            "ACCESS_TABLE": args.stores.access_table_name,
            "GOVERNANCE_BUCKET": args.stores.governance_bucket_name,
            "SCIM_RULES_OBJECT_KEY": RULES_OBJECT_KEY,
        }

    def _directory_statements(self, *names: str) -> list[Statement]:
        """Return the permissions common to service and worker; `names` are the actions on entries of unique
        names.
        """
        stores = self._args.stores
        return [
            Statement(
                "KeepDirectory",
                [
                    "dynamodb:BatchGetItem",
                    "dynamodb:ConditionCheckItem",
                    "dynamodb:DeleteItem",
                    "dynamodb:GetItem",
                    "dynamodb:PutItem",
                    "dynamodb:Query",
                ],
                [self.directory.arn],
            ),
            Statement(
                "WriteAccess",
                ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem", *names],
                [stores.access_table_arn],
            ),
            *self._rules_statements(),
        ]

    def _counts(self) -> Statement:
        """Return permission to update the counts of people and groups."""
        return Statement(
            "CountPeopleAndGroups",
            ["dynamodb:UpdateItem"],
            [self.directory.arn],
            conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["COUNT#User", "COUNT#Group"]}},
        )

    def _rules_statements(self) -> list[Statement]:
        stores = self._args.stores
        return [
            Statement(
                "ReadRules",
                ["s3:GetObject"],
                [pulumi.Output.concat(stores.governance_bucket_arn, f"/{RULES_OBJECT_KEY}")],
            ),
            Statement(
                "DecryptRules",
                ["kms:Decrypt"],
                [stores.governance_key_arn],
                conditions=via("s3", self._args.context.names.region),
            ),
        ]


def _rule(given: GroupRule) -> dict[str, Any]:
    """Return the rule as `lambdas/scim/placement.py` reads it."""
    narrowed = {} if given.data_classes is None else {"data_classes": list(given.data_classes)}
    department = {} if given.department is None else {"department": given.department}
    return {"group": given.group, "roles": list(given.roles), **department, **narrowed}

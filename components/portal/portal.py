"""The portal's functions, table and app client."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi_aws import dynamodb, sns

from components.api.gateway import Stores
from components.api.scheduled import ScheduleArgs, ScheduledFunction
from components.base import KitComponent
from components.foundation.governance_store import PublishedText, PublishedTextArgs
from components.functions import Function, FunctionArgs, FunctionContext, Web
from components.identity.people import PROVIDER, People
from components.permissions import Statement, append_records, canonical_json, put_copies, via
from components.portal.content import content_text, history_days
from components.portal.deputy import Deputy, DeputyArgs
from components.topics import ChatChannel, deliver_to_chat, topic_of_own_roles
from lambdas.common.refusal_counts import ANY_MONTH
from lambdas.portal.figures import FIGURES_KEY

CONTENT_KEY = "portal/content.json"
_PAGES = ("common", "gateway", "portal")
_REGISTRAR = ("common", "portal", "registrar", "workflow")


@dataclass(frozen=True)
class PortalArgs:
    """Arguments of the portal.

    `client_id` is its app client. `url` is its public URL including the path. `table_key_arn` encrypts the
    table; `layer_arn` contains the packages of the pages, `registrar_layer_arn` those of the registrar.
    `client_folder` overrides documents and courses. `questions_chat` are Slack and Teams channels that are
    notified of each question; `early_access` the display names of models that champions may use first. After
    `case_after_refusals` refusals of a person in a month, a case is opened for the governance lead; None:
    refusals are not counted. Memory in MB; `reserved_concurrency` keeps pages from starving the gateway.
    """

    context: FunctionContext
    stores: Stores
    people: People
    client_id: pulumi.Input[str]
    url: str
    gateway_url: pulumi.Input[str]
    organization: str
    table_key_arn: pulumi.Input[str]
    layer_arn: pulumi.Input[str]
    registrar_layer_arn: pulumi.Input[str]
    deputy: DeputyArgs
    client_folder: Path | None = None
    questions_chat: Sequence[ChatChannel] = ()
    early_access: Sequence[str] = ()
    case_after_refusals: int | None = None
    memory: int = 512
    reserved_concurrency: int | None = None
    recovery_days: int = 35
    deletion_protection: bool = True


class Portal(KitComponent):
    """A place for people: library, courses, guidelines, support (L4.1-L4.6, L2.1, G.1, G.2).

    Creates: the table `portal` with the index `queue`, the content `portal/content.json` in the governance
    bucket, the web function `portal`, the functions `registrar` and `onboarding`, and the deputy; where
    questions are delivered to a chat, the topic `questions`.
    Default posture: the portal's function holds no right on audit or ledger, and reads of the access table
    only who visits: what people do is done with their own token. Only where conversations are kept for days
    may it use the data keys of people, and make none. The registrar alone appends acceptances and passes, and
    ends an onboarding, and closes cases; `onboarding`, once a day, ends the right of those whose pass or
    acceptance ran out, and opens cases of repeated refusals where the client has them.
    Table on demand, customer-managed key, point-in-time recovery, deletion protection, protected, retained.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: PortalArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._args = args
        self.table = self._table(name)
        self.content = PublishedText(
            f"{name}-content",
            PublishedTextArgs(
                args.stores.governance_bucket_name,
                args.stores.governance_key_arn,
                CONTENT_KEY,
                content_text(client=args.client_folder),
            ),
            self.child(),
        )
        after_content = self.child(depends_on=[self.content])
        self.registrar = Function(f"{name}-registrar", self._registrar(), after_content)
        self.daily = ScheduledFunction(
            f"{name}-daily", ScheduleArgs(self._daily(), "cron(0 4 * * ? *)"), after_content
        )
        self._questions = self._questions_topic(name)
        self.deputy = Deputy(f"{name}-deputy", args.deputy, self.child())
        self.function = Function(f"{name}-pages", self._pages(), after_content)
        self.register_outputs({"table": self.table.name, "arn": self.function.arn})

    def _table(self, name: str) -> dynamodb.Table:
        args = self._args
        return dynamodb.Table(
            f"{name}-table",
            name=args.context.names.of("portal"),
            billing_mode="PAY_PER_REQUEST",
            hash_key="pk",
            range_key="sk",
            attributes=[{"name": each, "type": "S"} for each in ("at", "pk", "queue", "sk")],
            global_secondary_indexes=[
                {"name": "queue", "hash_key": "queue", "range_key": "at", "projection_type": "ALL"}
            ],
            ttl={"attribute_name": "expires", "enabled": True},
            server_side_encryption={"enabled": True, "kms_key_arn": args.table_key_arn},
            point_in_time_recovery={"enabled": True, "recovery_period_in_days": args.recovery_days},
            deletion_protection_enabled=args.deletion_protection,
            opts=self.kept(),
        )

    def _pages(self) -> FunctionArgs:
        args, stores = self._args, self._args.stores
        days = history_days(client=args.client_folder)
        return FunctionArgs(
            context=args.context,
            what="portal",
            description="The people's web application",
            packages=_PAGES,
            handler="lambdas.portal.app:create_app",
            statements=[
                Statement(
                    "KeepRows",
                    ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
                    [self.table.arn, pulumi.Output.concat(self.table.arn, "/index/queue")],
                ),
                Statement("ReadVisitor", ["dynamodb:GetItem"], [stores.access_table_arn]),
                *self._read_content(),
                Statement(
                    "ReadFigures",
                    ["s3:GetObject"],
                    [pulumi.Output.concat(stores.governance_bucket_arn, f"/{FIGURES_KEY}")],
                ),
                Statement(
                    "AskDelegates",
                    ["lambda:InvokeFunction"],
                    [self.registrar.alias.arn, self.deputy.function.alias.arn],
                ),
                *(self._use_subject_keys() if days else ()),
                *(self._notify_of_questions(self._questions) if self._questions is not None else ()),
            ],
            environment={
                "KIT_ENVIRONMENT": args.context.names.environment,
                "ORGANIZATION_NAME": args.organization,
                "PORTAL_TABLE": self.table.name,
                "ACCESS_TABLE": stores.access_table_name,
                "GOVERNANCE_BUCKET": stores.governance_bucket_name,
                "PORTAL_CONTENT_KEY": CONTENT_KEY,
                "GATEWAY_URL": args.gateway_url,
                "PORTAL_URL": args.url,
                "SIGN_IN_URL": args.people.sign_in_url,
                "SIGN_IN_CLIENT_ID": args.client_id,
                "DEVICE_CLIENT_ID": args.people.client.id,
                "SIGN_IN_PROVIDER": PROVIDER,
                "SIGN_IN_ISSUER": args.people.issuer,
                "REGISTRAR_FUNCTION": self.registrar.alias.arn,
                "DEPUTY_FUNCTION": self.deputy.function.alias.arn,
                **(self._history_environment(days) if days else {}),
                **({"EARLY_ACCESS": canonical_json(list(args.early_access))} if args.early_access else {}),
                **({"QUESTIONS_TOPIC": self._questions.arn} if self._questions is not None else {}),
            },
            layers=[args.layer_arn],
            memory=args.memory,
            timeout=900,  # an answer streams as long as the gateway's
            reserved_concurrency=args.reserved_concurrency,
            web=Web(readiness_path="/healthz"),
        )

    def _questions_topic(self, name: str) -> sns.Topic | None:
        """Create the topic that takes notices of questions to a chat."""
        args, context = self._args, self._args.context
        if not args.questions_chat:
            return None
        names = context.names
        made = topic_of_own_roles(
            self, f"{name}-questions", names.of("questions"), context.messages_key_arn, names
        )
        deliver_to_chat(
            self, f"{name}-questions", names, context.boundary_arn, made, "questions", args.questions_chat
        )
        return made

    def _notify_of_questions(self, topic: sns.Topic) -> list[Statement]:
        context = self._args.context
        return [
            Statement("NotifyOfQuestions", ["sns:Publish"], [topic.arn]),
            Statement(
                "EncryptNotices",
                ["kms:Decrypt", "kms:GenerateDataKey"],
                [context.messages_key_arn],
                conditions=via("sns", context.names.region),
            ),
        ]

    def _use_subject_keys(self) -> list[Statement]:
        stores = self._args.stores
        return [
            Statement("FindSubjectKeys", ["dynamodb:GetItem"], [stores.subject_keys_table_arn]),
            Statement("UnwrapSubjectKeys", ["kms:Decrypt"], [stores.subject_key_arn]),
        ]

    def _history_environment(self, days: int) -> dict[str, pulumi.Input[str]]:
        stores = self._args.stores
        return {
            "HISTORY_DAYS": str(days),
            "SUBJECT_KEYS_TABLE": stores.subject_keys_table_name,
            "SUBJECT_KEY_ARN": stores.subject_key_arn,
        }

    def _registrar(self) -> FunctionArgs:
        args, stores = self._args, self._args.stores
        via_s3 = via("s3", self._args.context.names.region)
        return FunctionArgs(
            context=args.context,
            what="registrar",
            description="Writes down what people accepted and passed, and ends onboardings",
            packages=_REGISTRAR,
            handler="lambdas.registrar.handler.handler",
            statements=[
                Statement(
                    "KeepEvidence",
                    ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
                    [self.table.arn],
                ),
                Statement(
                    "EndOnboarding", ["dynamodb:GetItem", "dynamodb:PutItem"], [stores.access_table_arn]
                ),
                *self._read_content(),
                Statement(
                    "KeepCompletions",
                    ["s3:PutObject"],
                    [pulumi.Output.concat(stores.governance_bucket_arn, "/training/*")],
                ),
                Statement(
                    "EncryptCompletions",
                    ["kms:GenerateDataKey"],
                    [stores.governance_key_arn],
                    conditions=via_s3,
                ),
                *self._append_records(),
            ],
            environment={
                **self._record_environment(),
                "SIGN_IN_URL": args.people.sign_in_url,
                "GOVERNANCE_KEY_ARN": stores.governance_key_arn,
            },
            layers=[args.registrar_layer_arn],
            memory=args.memory,
            timeout=30,
        )

    def _daily(self) -> FunctionArgs:
        args, stores = self._args, self._args.stores
        return FunctionArgs(
            context=args.context,
            what="onboarding",
            description="Ends the right of people whose pass or acceptance ran out",
            packages=_REGISTRAR,
            handler="lambdas.registrar.daily.handler",
            statements=[
                Statement(
                    "KeepStandings",
                    ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
                    [self.table.arn],
                ),
                Statement(
                    "EndAccess",
                    ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Scan"],
                    [stores.access_table_arn],
                ),
                *self._read_content(),
                *self._append_records(),
                *(self._read_refusals() if args.case_after_refusals else ()),
            ],
            environment={**self._record_environment(), **self._case_environment()},
            layers=[args.registrar_layer_arn],
            memory=args.memory,
            timeout=900,
        )

    def _read_refusals(self) -> list[Statement]:
        """Return permission to read number, person and reason of refusals, and nothing else in the ledger."""
        only = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [ANY_MONTH]}}
        return [
            Statement(
                "ReadRefusals", ["dynamodb:Query"], [self._args.stores.ledger_table_arn], conditions=only
            )
        ]

    def _case_environment(self) -> dict[str, pulumi.Input[str]]:
        least = self._args.case_after_refusals
        ledger = self._args.stores.ledger_table_name
        return {"CASE_AFTER_REFUSALS": str(least), "LEDGER_TABLE": ledger} if least else {}

    def _append_records(self) -> list[Statement]:
        stores, region = self._args.stores, self._args.context.names.region
        return [
            *append_records(stores.audit_bucket_arn, stores.audit_key_arn, stores.writer_key_arn, region),
            *put_copies(stores.analytics_stream_arn, stores.analytics_key_arn, region),
        ]

    def _record_environment(self) -> dict[str, pulumi.Input[str]]:
        """Return the environment of both functions that record what people did."""
        args, stores = self._args, self._args.stores
        return {
            "KIT_ENVIRONMENT": args.context.names.environment,
            "ACCESS_TABLE": stores.access_table_name,
            "PORTAL_TABLE": self.table.name,
            "GOVERNANCE_BUCKET": stores.governance_bucket_name,
            "PORTAL_CONTENT_KEY": CONTENT_KEY,
            "AUDIT_BUCKET": stores.audit_bucket_name,
            "AUDIT_KEY_ARN": stores.audit_key_arn,
            "WRITER_KEY_ARN": stores.writer_key_arn,
            "ANALYTICS_STREAM": stores.analytics_stream_name,
        }

    def _read_content(self) -> list[Statement]:
        stores = self._args.stores
        return [
            Statement(
                "ReadContent",
                ["s3:GetObject"],
                [pulumi.Output.concat(stores.governance_bucket_arn, f"/{CONTENT_KEY}")],
            ),
            Statement(
                "DecryptContent",
                ["kms:Decrypt"],
                [stores.governance_key_arn],
                conditions=via("s3", self._args.context.names.region),
            ),
        ]

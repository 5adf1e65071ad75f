"""The state machines of one department, and the two functions that do their work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, iam, sfn

from components.base import KitComponent, refuse
from components.functions import Function, FunctionArgs, FunctionContext
from components.permissions import (
    Statement,
    append_records,
    canonical_json,
    document,
    put_copies,
    trusted,
    via,
)
from components.workflow.definition import Planned, Steps, definition
from components.workflow.department import Department, area_statements

PACKAGES = ("common", "workflow")


@dataclass(frozen=True)
class Training:
    """Location of completed courses."""

    bucket_name: pulumi.Input[str]
    bucket_arn: pulumi.Input[str]
    key_arn: pulumi.Input[str]


@dataclass(frozen=True)
class DepartmentWorkflowsArgs:
    """`desk_arn` is the live alias of the review desk's function. `copies_stream` takes the copies of audit
    records, under `copies_key_arn`. `training` is None if no course is required. The access table holds
    a person's id and roles.
    """

    context: FunctionContext
    id: str
    department: Department
    workflows: Sequence[Planned]
    gateway_url: pulumi.Input[str]
    secrets_key_arn: pulumi.Input[str]
    reviews_table_name: pulumi.Input[str]
    reviews_table_arn: pulumi.Input[str]
    desk_arn: pulumi.Input[str]
    layer_arn: pulumi.Input[str]
    memory: int
    audit_bucket_name: pulumi.Input[str]
    audit_bucket_arn: pulumi.Input[str]
    audit_key_arn: pulumi.Input[str]
    writer_key_arn: pulumi.Input[str]
    copies_stream: str
    copies_key_arn: pulumi.Input[str]
    access_table_name: pulumi.Input[str]
    access_table_arn: pulumi.Input[str]
    training: Training | None = None


class DepartmentWorkflows(KitComponent):
    """A department's workflows: from a request to a released text, with a person in between (L3.1, L3.4).

    Creates: functions `<id>-drafter` and `<id>-releaser`, a role and a log group of the state machines, one
    standard state machine `<id>-<workflow>` per workflow and an alarm on its failures.
    Default posture: the drafter may read sources and write drafts, only the releaser may write released
    texts, and neither reaches another department; the state machine may call its three functions; logs hold
    no execution data.
    Replaced when changed: client, environment, the department's id, a workflow's name.
    """

    def __init__(
        self, name: str, args: DepartmentWorkflowsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        refuse(f"DepartmentWorkflows {name}", [(bool(args.workflows), "workflows: none")])
        super().__init__(name, opts)
        self._args = args
        self.drafter = self._function(
            name, "drafter", "Drafts with Claude and checks drafts", "drafting", self._drafting(), 900
        )
        self.releaser = self._function(
            name, "releaser", "Releases what a person has approved", "release", self._releasing(), 120
        )
        self.role = self._role(name)
        log_group = self._log_group(name)
        self.machines = {each.name: self._machine(name, each, log_group) for each in args.workflows}
        self.register_outputs({workflow: machine.arn for workflow, machine in self.machines.items()})

    def _function(
        self, name: str, step: str, description: str, module: str, statements: list[Statement], timeout: int
    ) -> Function:
        args, department = self._args, self._args.department
        environment: dict[str, pulumi.Input[str]] = {
            "DATA_BUCKET": department.area.bucket.id,
            "DATA_KEY_ARN": department.key.arn,
            "GATEWAY_CREDENTIAL_SECRET_ARN": department.credential.arn,
            "GATEWAY_URL": args.gateway_url,
            "KIT_ENVIRONMENT": args.context.names.environment,
            "PEOPLE_ROLE": _sessions_of(args, "reviewer" if step == "releaser" else "member"),
        }
        if step == "releaser":
            environment |= {
                "REVIEWS_TABLE": args.reviews_table_name,
                "AUDIT_BUCKET": args.audit_bucket_name,
                "AUDIT_KEY_ARN": args.audit_key_arn,
                "WRITER_KEY_ARN": args.writer_key_arn,
                "ANALYTICS_STREAM": args.copies_stream,
                "ACCESS_TABLE": args.access_table_name,
            }
        elif args.training is not None:
            environment |= {
                "GOVERNANCE_BUCKET": args.training.bucket_name,
                "GOVERNANCE_KEY_ARN": args.training.key_arn,
                "ACCESS_TABLE": args.access_table_name,
            }
        return Function(
            f"{name}-{step}",
            FunctionArgs(
                context=args.context,
                what=f"{args.id}-{step}",
                description=f"{args.id}: {description}",
                packages=PACKAGES,
                handler=f"lambdas.workflow.{module}.handler",
                statements=[*statements, *self._call_gateway()],
                environment=environment,
                layers=[args.layer_arn],
                memory=args.memory,
                timeout=timeout,
            ),
            self.child(),
        )

    def _drafting(self) -> list[Statement]:
        area = area_statements(
            self._args.department, read=("drafts", "requests", "sources"), write=("drafts",)
        )
        return [*area, *self._reading_completions()]

    def _reading_completions(self) -> list[Statement]:
        """Return permission to look up whether the requester has completed the workflow's course (L3.5)."""
        training, region = self._args.training, self._args.context.names.region
        if training is None:
            return []
        return [
            Statement(
                "ListCompletions",
                ["s3:ListBucket"],
                [training.bucket_arn],
                conditions={"StringLike": {"s3:prefix": ["training/*"]}},
            ),
            Statement(
                "ReadCompletions",
                ["s3:GetObject"],
                [pulumi.Output.concat(training.bucket_arn, "/training/*")],
            ),
            Statement(
                "DecryptCompletions",
                ["kms:Decrypt"],
                [training.key_arn],
                conditions=via("s3", region),
            ),
            self._finding_people(),
        ]

    def _finding_people(self) -> Statement:
        """Return permission to look up a person's id and roles."""
        return Statement(
            "FindPerson",
            ["dynamodb:GetItem"],
            [self._args.access_table_arn],
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["NAME#user-name#*", "USER#*"]}},
        )

    def _releasing(self) -> list[Statement]:
        args = self._args
        return [
            *area_statements(
                args.department,
                read=("decisions", "drafts", "edits", "released"),
                write=("edits", "released"),
            ),
            Statement(
                "ReadReview",
                ["dynamodb:GetItem", "dynamodb:UpdateItem"],
                [args.reviews_table_arn],
                conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [f"DEPT#{args.id}"]}},
            ),
            self._finding_people(),
            *self._recording(),
        ]

    def _recording(self) -> list[Statement]:
        """Return permission to append records of decisions to the audit store and to copy their metadata."""
        args, names = self._args, self._args.context.names
        stream = names.arn("firehose", f"deliverystream/{args.copies_stream}")
        return [
            *append_records(args.audit_bucket_arn, args.audit_key_arn, args.writer_key_arn, names.region),
            *put_copies(stream, args.copies_key_arn, names.region),
        ]

    def _call_gateway(self) -> list[Statement]:
        args = self._args
        return [
            Statement("ReadCredential", ["secretsmanager:GetSecretValue"], [args.department.credential.arn]),
            Statement(
                "DecryptCredential",
                ["kms:Decrypt"],
                [args.secrets_key_arn],
                conditions=via("secretsmanager", args.context.names.region),
            ),
        ]

    def _role(self, name: str) -> iam.Role:
        args, names = self._args, self._args.context.names
        machines = names.arn("states", f"stateMachine:{names.of(f'{args.id}-*')}")
        role = iam.Role(
            f"{name}-role",
            name=names.of(f"{args.id}-workflows"),
            description=f"State machines of {args.id}",
            assume_role_policy=trusted(
                "states.amazonaws.com",
                {
                    "ArnLike": {"aws:SourceArn": machines},
                    "StringEquals": {"aws:SourceAccount": names.account},
                },
            ),
            permissions_boundary=args.context.boundary_arn,
            opts=self.child(),
        )
        here = {"StringEquals": {"aws:RequestedRegion": names.region}}
        iam.RolePolicy(
            f"{name}-permissions",
            name="permissions",
            role=role.name,
            policy=document(
                [
                    Statement(
                        "DoTheSteps",
                        ["lambda:InvokeFunction"],
                        [self.drafter.alias.arn, self.releaser.alias.arn, args.desk_arn],
                    ),
                    Statement(
                        "WriteTraces",
                        ["xray:PutTelemetryRecords", "xray:PutTraceSegments"],
                        ["*"],
                        conditions=here,
                    ),
                    # AWS supports no narrower resource for log delivery
                    Statement("DeliverLogs", LOG_DELIVERY, ["*"], conditions=here),
                ]
            ),
            opts=self.child(),
        )
        return role

    def _log_group(self, name: str) -> cloudwatch.LogGroup:
        context = self._args.context
        return cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/vendedlogs/states/{context.names.of(f'{self._args.id}-workflows')}",
            retention_in_days=context.log_retention_days,
            kms_key_id=context.logs_key_arn,
            opts=self.kept(),
        )

    def _machine(self, name: str, planned: Planned, log_group: cloudwatch.LogGroup) -> sfn.StateMachine:
        args, context = self._args, self._args.context
        physical = context.names.of(f"{args.id}-{planned.name}")

        def text(arns: Mapping[str, str]) -> str:
            steps = Steps(**arns, partition=context.names.partition)
            return canonical_json(definition(planned, args.id, steps))

        arns = {
            "draft": self.drafter.alias.arn,
            "desk": args.desk_arn,
            "release": self.releaser.alias.arn,
        }
        machine = sfn.StateMachine(
            f"{name}-{planned.name}",
            name=physical,
            type="STANDARD",
            role_arn=self.role.arn,
            definition=pulumi.Output.from_input(arns).apply(text),
            logging_configuration={
                "include_execution_data": False,
                "level": "ERROR",
                "log_destination": log_group.arn.apply("{}:*".format),
            },
            tracing_configuration={"enabled": True},
            opts=self.child(),
        )
        cloudwatch.MetricAlarm(
            f"{name}-{planned.name}-failures",
            name=f"{physical}-failures",
            alarm_description=f"An execution of {physical} failed",
            namespace="AWS/States",
            metric_name="ExecutionsFailed",
            dimensions={"StateMachineArn": machine.arn},
            statistic="Sum",
            comparison_operator="GreaterThanThreshold",
            threshold=0,
            period=300,
            evaluation_periods=1,
            treat_missing_data="notBreaching",
            alarm_actions=[context.alarm_topic_arn],
            ok_actions=[context.alarm_topic_arn],
            opts=self.child(),
        )
        return machine


def _sessions_of(args: DepartmentWorkflowsArgs, part: str) -> str:
    """Return the ARN prefix of sessions of the department's people."""
    names = args.context.names
    return names.arn("sts", f"assumed-role/{names.of(f'{args.id}-{part}')}/", regional=False)


LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
)

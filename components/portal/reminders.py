"""Email reminders of courses and policies that people have yet to complete."""

from dataclasses import dataclass

import pulumi

from components.api.scheduled import ScheduleArgs, ScheduledFunction
from components.base import KitComponent
from components.functions import FunctionArgs, FunctionContext
from components.permissions import Statement

_PACKAGES = ("common", "portal", "reminders")


@dataclass(frozen=True)
class RemindersArgs:
    """`sender` is the sender address, `identity_arn` the verified SES identity of that address. A person
    gets at most one reminder in `every_days`; at most `most_a_day` are sent per day.
    """

    context: FunctionContext
    portal_table_name: pulumi.Input[str]
    portal_table_arn: pulumi.Input[str]
    directory_table_name: pulumi.Input[str]
    directory_table_arn: pulumi.Input[str]
    sender: str
    identity_arn: str
    every_days: int
    most_a_day: int
    url: str
    organization: str
    layer_arn: pulumi.Input[str]


class Reminders(KitComponent):
    """Mail to people who have something left to do (L3.5, L4.1).

    Creates: the function `reminders` and its schedule, daily at 07:00 UTC; it is silent on weekends.
    Default posture: it sends from one address of one identity, plain text without names of courses; it reads
    the directory person by person, never as a list, and writes only when somebody was reminded.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: RemindersArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        function = FunctionArgs(
            context=args.context,
            what="reminders",
            description="Reminds people by mail of what they have left to accept or learn",
            packages=_PACKAGES,
            handler="lambdas.reminders.handler.handler",
            statements=[
                Statement("KeepReminders", ["dynamodb:PutItem", "dynamodb:Query"], [args.portal_table_arn]),
                Statement(
                    "ReadAddress",
                    ["dynamodb:GetItem"],
                    [args.directory_table_arn],
                    conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["USER#*"]}},
                ),
                Statement(
                    "SendMail",
                    ["ses:SendEmail"],
                    [args.identity_arn],
                    conditions={"StringEquals": {"ses:FromAddress": args.sender}},
                ),
            ],
            environment={
                "PORTAL_TABLE": args.portal_table_name,
                "DIRECTORY_TABLE": args.directory_table_name,
                "MAIL_SENDER": args.sender,
                "EVERY_DAYS": str(args.every_days),
                "MOST_A_DAY": str(args.most_a_day),
                "PORTAL_URL": args.url,
                "ORGANIZATION_NAME": args.organization,
            },
            layers=[args.layer_arn],
            timeout=900,
        )
        self.daily = ScheduledFunction(
            f"{name}-daily", ScheduleArgs(function, "cron(0 7 * * ? *)"), self.child()
        )
        self.register_outputs({"arn": self.daily.function.arn})

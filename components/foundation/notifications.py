"""The topic for alarms and budget notifications."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import sns

from components.base import KitComponent, Names, refuse
from components.permissions import Statement, document
from components.topics import subscribe_by_mail

_PUBLISHERS = (
    "budgets.amazonaws.com",
    "cloudwatch.amazonaws.com",
    "costalerts.amazonaws.com",
    "events.amazonaws.com",
)


@dataclass(frozen=True)
class NotificationsArgs:
    """`emails` are subscribed; each address must confirm once through the link that AWS sends."""

    names: Names
    key_arn: pulumi.Input[str]
    emails: Sequence[str] = ()


class Notifications(KitComponent):
    """The alarm topic (L1.8, L1.6).

    Creates: one SNS topic, its policy, a subscription per address.
    Default posture: customer-managed key, TLS only, published to by this account's alarms, budgets, cost
    anomalies and events only.
    Replaced when changed: client, environment; a subscription when its address changes.
    """

    def __init__(
        self, name: str, args: NotificationsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        wrong = [email for email in args.emails if "@" not in email]
        refuse(f"Notifications {name}", [(not wrong, f"emails: {wrong} are not addresses")])
        super().__init__(name, opts)
        self.topic = sns.Topic(
            f"{name}-topic", name=args.names.of("alarms"), kms_master_key_id=args.key_arn, opts=self.child()
        )
        this_account = {"StringEquals": {"aws:SourceAccount": args.names.account}}
        sns.TopicPolicy(
            f"{name}-policy",
            arn=self.topic.arn,
            policy=document(
                [
                    Statement(
                        "OwnServicesPublish",
                        ["sns:Publish"],
                        [self.topic.arn],
                        principals={"Service": _PUBLISHERS},
                        conditions=this_account,
                    ),
                    Statement(
                        "OwnRolesPublish",
                        ["sns:Publish"],
                        [self.topic.arn],
                        principals={"AWS": [args.names.root_principal]},
                    ),
                    Statement(
                        "DenyPlainHttp",
                        ["sns:Publish"],
                        [self.topic.arn],
                        effect="Deny",
                        principals="*",
                        conditions={"Bool": {"aws:SecureTransport": "false"}},
                    ),
                ]
            ),
            opts=self.child(),
        )
        subscribe_by_mail(self, name, self.topic, args.emails)
        self.topic_arn = self.topic.arn
        self.register_outputs({"topicArn": self.topic_arn})

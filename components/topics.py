"""Topics that people read: by mail, and in a Slack or Teams channel by Amazon Q Developer in chat
applications (formerly AWS Chatbot).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import chatbot, iam, sns

from components.base import KitComponent, Names
from components.permissions import Statement, document, trusted

# People who write to the application in the channel may do nothing in the account.
_NOTHING = "arn:aws:iam::aws:policy/AWSDenyAll"


@dataclass(frozen=True)
class SlackChannel:
    """A channel of a workspace that somebody authorized in the AWS console."""

    workspace_id: str
    channel_id: str


@dataclass(frozen=True)
class TeamsChannel:
    """A channel of a team that somebody authorized in the AWS console; `channel_id` is URL-encoded."""

    tenant_id: str
    team_id: str
    channel_id: str


ChatChannel = SlackChannel | TeamsChannel


def topic_of_own_roles(
    component: KitComponent, name: str, topic_name: str, key_arn: pulumi.Input[str], names: Names
) -> sns.Topic:
    """Create an encrypted topic, TLS only, to which only this account's roles publish."""
    topic = sns.Topic(name, name=topic_name, kms_master_key_id=key_arn, opts=component.child())
    sns.TopicPolicy(
        f"{name}-policy",
        arn=topic.arn,
        policy=document(
            [
                Statement(
                    "OwnRolesPublish",
                    ["sns:Publish"],
                    [topic.arn],
                    principals={"AWS": [names.root_principal]},
                ),
                Statement(
                    "DenyPlainHttp",
                    ["sns:Publish"],
                    [topic.arn],
                    effect="Deny",
                    principals="*",
                    conditions={"Bool": {"aws:SecureTransport": "false"}},
                ),
            ]
        ),
        opts=component.child(),
    )
    return topic


def subscribe_by_mail(component: KitComponent, name: str, topic: sns.Topic, emails: Sequence[str]) -> None:
    """Subscribe each address to the topic; each must confirm once through the link that AWS sends."""
    for number, email in enumerate(emails):
        sns.TopicSubscription(
            f"{name}-email-{number}",
            topic=topic.arn,
            protocol="email",
            endpoint=email,
            opts=component.child(),
        )


def deliver_to_chat(
    component: KitComponent,
    name: str,
    names: Names,
    boundary_arn: pulumi.Input[str],
    topic: sns.Topic,
    what: str,
    channels: Sequence[ChatChannel],
) -> None:
    """Deliver the notifications of `topic` to each channel, under a role that may do nothing.

    `what` names the role and the configurations within the deployment.
    """
    if not channels:
        return
    own_account = {"StringEquals": {"aws:SourceAccount": names.account}}
    role = iam.Role(
        f"{name}-chat",
        name=names.of(f"{what}-chat"),
        description=f"Delivers notices ({what}) to a chat channel, with no permission in the account",
        assume_role_policy=trusted("chatbot.amazonaws.com", own_account),
        permissions_boundary=boundary_arn,
        opts=component.child(),
    )
    for channel in channels:
        if isinstance(channel, SlackChannel):
            chatbot.SlackChannelConfiguration(
                f"{name}-slack",
                configuration_name=names.of(f"{what}-slack"),
                slack_team_id=channel.workspace_id,
                slack_channel_id=channel.channel_id,
                iam_role_arn=role.arn,
                guardrail_policy_arns=[_NOTHING],
                sns_topic_arns=[topic.arn],
                logging_level="ERROR",
                opts=component.child(),
            )
        else:
            chatbot.TeamsChannelConfiguration(
                f"{name}-teams",
                configuration_name=names.of(f"{what}-teams"),
                tenant_id=channel.tenant_id,
                team_id=channel.team_id,
                channel_id=channel.channel_id,
                iam_role_arn=role.arn,
                guardrail_policy_arns=[_NOTHING],
                sns_topic_arns=[topic.arn],
                logging_level="ERROR",
                opts=component.child(),
            )

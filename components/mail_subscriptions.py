"""Subscriptions of people to a topic by mail."""

from collections.abc import Sequence

from pulumi_aws import sns

from components.base import KitComponent


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

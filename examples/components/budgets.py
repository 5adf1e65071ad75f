"""Budgets for Claude and for the infrastructure, and mail to the people who pay."""

import pulumi

from components.base import Names, aws_provider
from components.foundation.budgets import Budgets, BudgetsArgs
from components.foundation.keys import KeyRing, KeyRingArgs
from components.foundation.notifications import Notifications, NotificationsArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)
topic = Notifications("notifications", NotificationsArgs(names, keys.arns["messages"]), options)

Budgets(
    "budgets",
    BudgetsArgs(
        names,
        topic.topic_arn,
        claude_microusd=5_000_000_000,  # 5,000 dollars a month
        infrastructure_microusd=800_000_000,  # 800 dollars a month
        emails=["finance@acme.example"],
    ),
    options,
)

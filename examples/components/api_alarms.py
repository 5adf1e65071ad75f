"""The alarms of an API that exists, with the thresholds of a small organisation."""

import pulumi

from components.api.alarms import ApiAlarms, ApiAlarmsArgs
from components.base import Names, aws_provider
from components.foundation.keys import KeyRing, KeyRingArgs
from components.foundation.notifications import Notifications, NotificationsArgs
from contract.sizes import sizing

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)
topic = Notifications(
    "notifications", NotificationsArgs(names, keys.arns["messages"], ["ops@acme.example"]), options
)

ApiAlarms(
    "api-alarms",
    ApiAlarmsArgs(
        names,
        topic_arn=topic.topic_arn,
        api_name="acme-sandbox-api",
        alarms=sizing("small").alarms,
        monthly_budget_microusd=5_000_000_000,  # 5,000 dollars
    ),
    options,
)

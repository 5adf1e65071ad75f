"""Mail when somebody touches trail, keys or buckets, or the root user does something."""

import pulumi

from components.base import Names, aws_provider
from components.foundation.keys import KeyRing, KeyRingArgs
from components.foundation.notifications import Notifications, NotificationsArgs
from components.foundation.tampering import Tampering, TamperingArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)
topic = Notifications(
    "notifications", NotificationsArgs(names, keys.arns["messages"], ["ops@acme.example"]), options
)

Tampering("tampering", TamperingArgs(names, topic.topic_arn), options)

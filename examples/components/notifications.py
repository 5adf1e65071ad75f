"""The alarm topic, and one address that gets what comes there."""

import pulumi

from components.base import Names, aws_provider
from components.foundation.keys import KeyRing, KeyRingArgs
from components.foundation.notifications import Notifications, NotificationsArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)

Notifications("notifications", NotificationsArgs(names, keys.arns["messages"], ["ops@acme.example"]), options)

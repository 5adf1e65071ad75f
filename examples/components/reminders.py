"""Reminders by mail for the people of a deployment, from a domain that SES has verified."""

from components.portal.reminders import Reminders, RemindersArgs
from examples.components.deployed import deployed

kit = deployed()

Reminders(
    "reminders",
    RemindersArgs(
        kit.context,
        portal_table_name=kit.exports["portal_table_name"],
        portal_table_arn=kit.exports["portal_table_arn"],
        directory_table_name=kit.exports["directory_table_name"],
        directory_table_arn=kit.exports["directory_table_arn"],
        sender="claude@example.com",
        identity_arn="arn:aws:ses:eu-central-1:111122223333:identity/example.com",
        every_days=7,
        most_a_day=1_000,
        url="https://claude.example.com/portal",
        organization="Example Corporation",
        layer_arn=kit.exports["scheduled_layer_arn"],
    ),
    kit.options,
)

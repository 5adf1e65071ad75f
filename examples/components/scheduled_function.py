"""The sweeper of a deployment, every five minutes."""

from components.api.scheduled import MaintenanceArgs, ScheduledFunction, sweeper
from examples.components.deployed import deployed

kit = deployed()
maintenance = MaintenanceArgs(
    kit.context,
    kit.stores,
    signing_key_arn=kit.exports["signing_key_arn"],
    layer_arn=kit.exports["scheduled_layer_arn"],
    memory=512,
)

ScheduledFunction("sweeper", sweeper(maintenance), kit.options)

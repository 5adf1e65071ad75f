"""The sweeper of a deployment, every five minutes."""

from components.api.scheduled import KeeperArgs, ScheduledFunction, sweeper
from examples.components.deployed import deployed

kit = deployed()
keeper = KeeperArgs(
    kit.surroundings,
    kit.stores,
    signing_key_arn=kit.exports["signing_key_arn"],
    layer_arn=kit.exports["scheduled_layer_arn"],
    memory=512,
)

ScheduledFunction("sweeper", sweeper(keeper), kit.options)

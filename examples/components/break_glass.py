"""Emergency access for a deployment."""

from components.identity.break_glass import BreakGlass, BreakGlassArgs
from examples.components.deployed import deployed

kit = deployed()

BreakGlass(
    "break-glass",
    BreakGlassArgs(
        kit.context,
        kit.stores,
        policy_object_key="policy/gateway.json",
        layer_arn=kit.exports["scheduled_layer_arn"],
    ),
    kit.options,
)

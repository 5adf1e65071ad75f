"""The gateway's function, which calls Claude on Amazon Bedrock; `RestApi` puts an API in front of it."""

from components.api.claude_access import ClaudeAccess
from components.api.gateway import Gateway, GatewayArgs
from components.layers import DependencyLayer
from examples.components.deployed import deployed

kit = deployed()
layer = DependencyLayer("gateway-layer", kit.names, "gateway", kit.options)

Gateway(
    "gateway",
    GatewayArgs(
        kit.context,
        kit.stores,
        claude=ClaudeAccess(bedrock_regions=["eu-central-1"]),
        policy_object_key="policy/gateway.json",
        layer_arn=layer.arn,
        memory=1769,
        start="on-demand",
    ),
    kit.options,
)

"""An API in front of a gateway of one's own; without an authorizer every request reaches the function."""

from components.api.claude_access import ClaudeAccess
from components.api.gateway import Gateway, GatewayArgs
from components.api.rest_api import RestApi, RestApiArgs
from components.layers import DependencyLayer
from examples.components.deployed import deployed

kit = deployed()
gateway = Gateway(
    "gateway",
    GatewayArgs(
        kit.context,
        kit.stores,
        claude=ClaudeAccess(bedrock_regions=["eu-central-1"]),
        policy_object_key="policy/gateway.json",
        layer_arn=DependencyLayer("gateway-layer", kit.names, "gateway", kit.options).arn,
        memory=1769,
        start="on-demand",
    ),
    kit.options,
)
access_log = f"deliverystream/amazon-apigateway-{kit.names.of('access')}"

RestApi(
    "api",
    RestApiArgs(
        kit.names,
        gateway.function,
        access_log_arn=kit.names.arn("firehose", access_log),
        rate_limit=50,
        burst_limit=100,
    ),
    kit.options,
)

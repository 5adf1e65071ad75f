"""The authorizer of a deployment: hand its `function` to `RestApi`."""

from components.identity.authorizer import Authorizer, AuthorizerArgs
from components.layers import DependencyLayer
from examples.components.deployed import deployed

kit = deployed()
layer = DependencyLayer("gateway-layer", kit.names, "gateway", kit.options)

Authorizer(
    "authorizer", AuthorizerArgs(kit.context, kit.stores, "policy/gateway.json", layer.arn), kit.options
)

"""The role under which the gateway of a deployment calls Claude on Amazon Bedrock."""

from components.api.claude_access import ClaudeAccess, ClaudeCaller, ClaudeCallerArgs
from examples.components.deployed import deployed

kit = deployed()
claude = ClaudeAccess(bedrock_regions=["eu-central-1"])

ClaudeCaller(
    "claude-caller",
    ClaudeCallerArgs(kit.context, claude, [kit.exports["gateway_role_arn"]]),
    kit.options,
)

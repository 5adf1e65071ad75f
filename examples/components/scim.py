"""Provisioning for one department, whose people are in a group of the identity provider."""

from components.identity.scim import Scim, ScimArgs
from components.layers import DependencyLayer
from contract.client import Department, GroupRule, OidcIdentity
from contract.sizes import sizing
from examples.components.deployed import deployed

kit = deployed()
marketing = Department(
    id="marketing",
    name="Marketing",
    cost_center="CC-100",
    models=("fast", "balanced"),
    monthly_budget_microusd=1_000_000_000,  # 1,000 dollars
    user_monthly_budget_microusd=50_000_000,  # 50 dollars
    requests_per_minute=300,
    tokens_per_minute=500_000,
    user_requests_per_minute=30,
    user_tokens_per_minute=100_000,
)

Scim(
    "scim",
    ScimArgs(
        kit.context,
        kit.stores,
        token_secret_arn=kit.exports["scim_token_secret_arn"],
        table_key_arn=kit.exports["ledger_key_arn"],
        layer_arn=DependencyLayer("scim-layer", kit.names, "scim", kit.options).arn,
        departments=[marketing],
        identity=OidcIdentity(
            kind="oidc",
            issuer="https://login.example.com",
            client_id="claude-gateway",
            groups=(GroupRule(group="Claude Marketing", department="marketing"),),
        ),
        plan=sizing("small"),
    ),
    kit.options,
)

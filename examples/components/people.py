"""Sign-in for the people of a deployment, by OpenID Connect."""

from components.identity.people import People, PeopleArgs
from contract.client import OidcIdentity
from examples.components.deployed import deployed

kit = deployed()

People(
    "people",
    PeopleArgs(
        kit.context,
        OidcIdentity(kind="oidc", issuer="https://login.example.com", client_id="claude-gateway"),
        access_table_name=kit.exports["access_table_name"],
        access_table_arn=kit.exports["access_table_arn"],
        directory_table=kit.names.of("directory"),
        layer_arn=kit.exports["scheduled_layer_arn"],
    ),
    kit.options,
)

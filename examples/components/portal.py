"""The portal's functions, and the sign-in that they need; `RestApi` puts an API in front of them."""

from components.identity.people import People, PeopleArgs
from components.layers import DependencyLayer
from components.portal.deputy import DeputyArgs
from components.portal.portal import Portal, PortalArgs
from contract.client import OidcIdentity
from examples.components.deployed import deployed
from stacks.contracts import taken

URL = "https://claude.example.com/portal"

kit = deployed()
events = kit.exports["scheduled_layer_arn"]
people = People(
    "people",
    taken(
        PeopleArgs,
        kit.exports,
        context=kit.context,
        identity=OidcIdentity(kind="oidc", issuer="https://login.example.com", client_id="claude-gateway"),
        directory_table=kit.names.of("directory"),
        layer_arn=events,
        portal_url=URL,
    ),
    kit.options,
)
assert people.portal_client, "there is one where the portal has an address"

Portal(
    "portal",
    PortalArgs(
        kit.context,
        kit.stores,
        people,
        client_id=people.portal_client.id,
        url=URL,
        gateway_url=kit.exports["gateway_url"],
        organization="Example Corporation",
        table_key_arn=kit.exports["ledger_key_arn"],
        layer_arn=DependencyLayer("portal-layer", kit.names, "portal", kit.options).arn,
        registrar_layer_arn=events,
        deputy=taken(
            DeputyArgs,
            {**kit.exports, "sign_in_url": people.sign_in_url},
            context=kit.context,
            stores=kit.stores,
            departments=["finance", "marketing"],
            people_tag="department",
            layer_arn=events,
        ),
    ),
    kit.options,
)

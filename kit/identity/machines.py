"""Machines with a client of their own in the user pool: found by their configured name (L1.3)."""

from dataclasses import dataclass, field
from typing import Any

from kit.identity.operator import usage
from kit.target import Target

SCOPE = "claude/messages"


@dataclass(frozen=True)
class MachineClient:
    """What a machine needs to get tokens (OAuth 2.0 client credentials), and how the gateway knows it."""

    issuer: str
    client_id: str
    token_url: str
    client_secret: str = field(repr=False)
    scope: str = SCOPE

    def as_document(self) -> dict[str, Any]:
        """For the machine's configuration; holds its secret."""
        return {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "token_url": self.token_url,
            "scope": self.scope,
        }


def machine_client(target: Target, machine: str) -> MachineClient:
    """The app client of a machine of `identity.machine_clients`. Raises KitError where there is none."""
    cognito, pool = target.client("cognito-idp"), target.require("user_pool_id")
    pages = cognito.get_paginator("list_user_pool_clients").paginate(UserPoolId=pool)
    apps = {one["ClientName"]: one["ClientId"] for page in pages for one in page["UserPoolClients"]}
    app = apps.get(f"machine-{machine}")
    if app is None:
        raise usage(
            f"there is no machine {machine}", "add it to identity.machine_clients, deploy integration"
        )
    described = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=app)["UserPoolClient"]
    address = target.endpoint_url if target.local else target.require("sign_in_url")
    return MachineClient(
        issuer=f"https://cognito-idp.{target.region}.amazonaws.com/{pool}",
        client_id=app,
        token_url=f"{str(address).rstrip('/')}/oauth2/token",
        client_secret=described["ClientSecret"],
    )

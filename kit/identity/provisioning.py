"""Tokens of identity providers for provisioning: created, listed and revoked by the operator (G.4)."""

import ipaddress
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from kit.identity.operator import plain, record_event, usage
from kit.target import Target
from lambdas.scim.credentials import DEFAULT, NamedToken, NamedTokens, digest_of, new_secret
from lambdas.scim.store import DirectoryStore

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def named_tokens(target: Target) -> NamedTokens:
    """Return the tokens of a deployment."""
    return NamedTokens(DirectoryStore(target.client("dynamodb"), target.require("directory_table_name")))


def create_token(
    target: Target, name: str, owner: str, days: int, networks: Sequence[str]
) -> tuple[NamedToken, str]:
    """Create a named token and return its secret, which is not stored. Raises KitError."""
    if not _NAME.fullmatch(name) or name in {DEFAULT, "oauth"}:
        raise usage(f"{name} is not a name for a token", "lower case letters, digits and -: okta-production")
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise usage(f"{network} is not a network", "write it as a CIDR block: 10.1.0.0/16") from None
    now, secret = datetime.now(UTC).replace(microsecond=0), new_secret()
    made = NamedToken(
        name=name,
        digest=digest_of(secret),
        owner=plain(owner, "--owner", most=100),
        created_at=now,
        expires_at=now + timedelta(days=days),
        networks=tuple(networks),
    )
    event = {"kind": "scim", "event": "token-created", "token": name, "owner": made.owner}
    record_event(target, {**event, "expires_at": str(made.expires_at), "networks": list(networks)})
    named_tokens(target).create(made)
    return made, secret


def revoke_token(target: Target, name: str) -> None:
    """Revoke a named token. Raises KitError if there is none."""
    tokens = named_tokens(target)
    if name not in {one.name for one in tokens.every()}:
        raise usage(f"there is no token {name}", "kit scim token list")
    record_event(target, {"kind": "scim", "event": "token-revoked", "token": name})
    tokens.revoke(name)

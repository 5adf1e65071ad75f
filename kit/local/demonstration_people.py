"""The people of a demonstration: provisioned through SCIM, known to the identity provider's stand-in (G.4,
L4.1).
"""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kit.errors import ExitCode, KitError
from kit.home import Home, write_private
from kit.identity.federation import PROVIDER
from kit.local.identity_stand_in import Person
from kit.target import Target
from stacks.settings import Settings

_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_NAMES = ("Ada", "Grace", "Lin", "Noor", "Robin", "Kim")


@dataclass(frozen=True)
class Demonstrated:
    """A person with what provisioning provides: a department and groups."""

    person: Person
    department: str
    groups: tuple[str, ...]


def demonstrated(settings: Settings) -> list[Demonstrated]:
    """Return one person for each of the first departments; the last two also have the roles that groups
    give.
    """
    departments = [one.id for one in [*settings.pilots, *settings.followers]]
    groups = [one.group for one in settings.identity.groups if one.roles]
    reviewing = tuple(one.group for one in settings.identity.groups if "reviewer" in one.roles)
    found: list[Demonstrated] = []
    for place, name in enumerate(_NAMES):
        department = departments[place % len(departments)]
        mine = tuple(groups) if place == len(_NAMES) - 1 else tuple(groups[:1]) if place == 0 else ()
        about = ", ".join([department, *mine])
        found.append(
            Demonstrated(
                Person(name.lower(), name, f"{name.lower()}@{_domain(settings)}", about), department, mine
            )
        )
    if reviewing:  # two colleagues of the first person, who can decide on that person's drafts
        about = f"{departments[0]}, {', '.join(reviewing)}"
        for name in ("Mira", "Omar"):
            person = Person(name.lower(), name, f"{name.lower()}@{_domain(settings)}", about)
            found.append(Demonstrated(person, departments[0], reviewing))
    return found


def _domain(settings: Settings) -> str:
    return next(iter(settings.identity.email_domains), "example.com")


def write_people(home: Home, people: Sequence[Demonstrated]) -> str:
    """Write the file that the stand-in reads and return its path."""
    path = home.path / "people.json"
    write_private(path, json.dumps([asdict(one.person) for one in people], indent=1) + "\n")
    return str(path)


def provision(scim_url: str, token: str, people: Sequence[Demonstrated]) -> None:
    """Provision everyone through SCIM, as an identity provider would. Idempotent. Raises KitError."""
    ids = {one.person.login: _person(scim_url, token, one) for one in people}
    for group in sorted({group for one in people for group in one.groups}):
        members = [{"value": ids[one.person.login]} for one in people if group in one.groups]
        body = {"schemas": [_GROUP], "displayName": group, "members": members}
        _ask(scim_url, token, "POST", "/Groups", body)


def _person(scim_url: str, token: str, one: Demonstrated) -> str:
    mail = one.person.email
    body = {
        "schemas": [_USER, _ENTERPRISE],
        "userName": mail,
        "externalId": one.person.login,
        "displayName": one.person.name,
        "emails": [{"value": mail, "primary": True}],
        "active": True,
        _ENTERPRISE: {"department": one.department},
    }
    made = _ask(scim_url, token, "POST", "/Users", body)
    if made is None:  # already exists
        made = _ask(scim_url, token, "GET", f'/Users?filter=userName%20eq%20"{mail}"'.replace('"', "%22"))
        return str((made or {})["Resources"][0]["id"])
    return str(made["id"])


def federate(target: Target, stand_in_url: str, client_secret: str) -> None:
    """Point the pool's identity provider at the stand-in, as `kit connect-provider` does with a real one."""
    names = {"UserPoolId": target.require("user_pool_id"), "ProviderName": PROVIDER}
    cognito = target.client("cognito-idp")
    known = cognito.describe_identity_provider(**names)["IdentityProvider"]
    if known["ProviderType"] != "OIDC":
        return
    details = {
        "oidc_issuer": stand_in_url,
        "authorize_url": f"{stand_in_url}/auth",
        "token_url": f"{stand_in_url}/token",
        "jwks_uri": f"{stand_in_url}/jwks",
        "attributes_url": f"{stand_in_url}/me",
        "client_secret": client_secret,
    }
    cognito.update_identity_provider(**names, ProviderDetails={**known["ProviderDetails"], **details})


def _ask(
    scim_url: str, token: str, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any] | None:
    """Return SCIM's answer, or None if the resource already exists. Raises KitError."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/scim+json"}
    request = urllib.request.Request(scim_url + path, data, headers, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        if error.code == 409:
            return None
        raise KitError(
            "the demonstration's people could not be provisioned: "
            f"{method} {path.split('?')[0]} was answered with {error.code}",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None

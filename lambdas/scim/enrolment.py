"""People by their sign-in, where no identity provider provisions: groups from claims, and people who are let
in by rule (G.4, C.1).

The trigger of the user pool asks this function at each sign-in, never at a renewal. What it does goes through
the directory as a provider's requests do: the same rules, access records, events and consequences, in the
name of `sign-in`. It lets nobody in whom an operator or a provider has put out, and nobody without an address
that is verified, because that becomes the person's name here.

Environment: that of the SCIM service; `PEOPLE_FROM_CLAIMS` (`true`: people are let in).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.session
from scim2_models import UniquenessException

from lambdas.common.access import NameKind
from lambdas.scim.acting import acting
from lambdas.scim.resources import EnterpriseUser, UserResource
from lambdas.scim.settings import Directory, open_directory, read_settings

_MOST_GROUPS = 200
USER, ENTERPRISE = str(UserResource.__schema__), str(EnterpriseUser.__schema__)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a sign-in says. `person` is the id where the account is bound, `address` only a verified one,
    `external_id` the directory's id of the account.
    """

    person: str
    external_id: str
    address: str
    name: str
    groups: tuple[str, ...]

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Enrolment":
        """The enrolment of an event."""
        texts = {name: str(event.get(name) or "") for name in ("person", "external_id", "address", "name")}
        groups = tuple(str(one) for one in event.get("groups") or ())
        return cls(**texts, groups=groups[:_MOST_GROUPS])


def enrol(directory: Directory, asked: Enrolment, *, lets_in: bool) -> str:
    """Let the groups of a person whose account is bound follow the claims; of somebody new make a person
    where a rule gives a department. The person's id, empty for nobody. Idempotent. Raises
    `DirectoryUnavailable`.

    Somebody who is known and has no account yet stays as they are: this account may be refused as another's.
    """
    with acting("sign-in"):
        person = asked.person
        if not person:
            known = _known(directory, asked)
            if known or not (lets_in and asked.address and _placed(directory, asked)):
                return known
            person = _made(directory, asked)
        if person:
            directory.groups.follow(person, asked.groups)
        return person


def _known(directory: Directory, asked: Enrolment) -> str:
    names: tuple[tuple[NameKind, str], ...] = (
        ("external-id", asked.external_id),
        ("user-name", asked.address),
    )
    for kind, name in names:
        found = directory.people.ids_by_name(kind, name) if name else []
        if found:
            return found[0]
    return ""


def _placed(directory: Directory, asked: Enrolment) -> bool:
    """Whether the groups alone give a department."""
    return bool(directory.rules().place([(one, one) for one in asked.groups], "").department)


def _made(directory: Directory, asked: Enrolment) -> str:
    resource = UserResource.model_validate(
        {
            "schemas": [USER, ENTERPRISE],
            "userName": asked.address,
            "externalId": asked.external_id or None,
            "displayName": asked.name or None,
            "active": True,
            "emails": [{"value": asked.address, "primary": True}],
        }
    )
    try:
        return directory.people.create(resource).id
    except UniquenessException:  # two sign-ins at once, or a name that somebody has: the next one decides
        return ""


@cache
def _directory() -> Directory:
    return open_directory(read_settings(), botocore.session.get_session())


def handler(event: Mapping[str, Any], context: Any) -> dict[str, str]:
    """Asked by the trigger. Raises where a store does not answer: then nobody signs in."""
    del context
    lets_in = os.environ.get("PEOPLE_FROM_CLAIMS") == "true"
    return {"person": enrol(_directory(), Enrolment.of(event), lets_in=lets_in)}

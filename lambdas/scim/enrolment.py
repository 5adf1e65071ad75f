"""People created and updated by sign-ins, if no identity provider provisions: groups from claims, and
just-in-time people by rule (G.4, C.1).

The user pool's trigger invokes this function at each sign-in, never at a refresh. Its changes go through
the directory like a provider's requests: the same rules, access records, events and consequences, in the
name of `sign-in`. It never reactivates anybody deactivated by an operator or a provider, and never creates
anybody without a verified address, which becomes the person's name.

Environment: that of the SCIM service; `PEOPLE_FROM_CLAIMS` (`true`: people are created).
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
    """What a sign-in asserts. `person` is the id if the account is bound, `address` only a verified one,
    `external_id` the directory's id of the account.
    """

    person: str
    external_id: str
    address: str
    name: str
    groups: tuple[str, ...]

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Enrolment":
        """Return the enrolment of an event."""
        texts = {name: str(event.get(name) or "") for name in ("person", "external_id", "address", "name")}
        groups = tuple(str(one) for one in event.get("groups") or ())
        return cls(**texts, groups=groups[:_MOST_GROUPS])


def enrol(directory: Directory, asked: Enrolment, *, lets_in: bool) -> str:
    """Update the groups of a bound person from the claims, or create a new person if a rule grants a
    department.

    Return the person's id, or an empty text. Idempotent. Raises `DirectoryUnavailable`. A known person
    without an account is not changed: this account may be rejected as another person's.
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
    """Return whether the groups alone grant a department."""
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
    """Serve the trigger. Raises if a store does not answer; nobody then signs in."""
    del context
    lets_in = os.environ.get("PEOPLE_FROM_CLAIMS") == "true"
    return {"person": enrol(_directory(), Enrolment.of(event), lets_in=lets_in)}

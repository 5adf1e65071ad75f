"""Adds to a person's tokens who they are to us, and refuses tokens to who has no access (G.4, L1.3).

Cognito knows people by ids of its own. This trigger (pre token generation, version 2) finds the access record
that provisioning made, by the name that the identity provider gives, and adds `kit_person` (the id by which
the gateway finds the record), `kit_department`, `kit_roles` and `kit_data_classes`. The gateway goes by the
record alone; the other claims are for applications that show them.

Who is waiting for onboarding only gets a token without the scope to call Claude, so that the portal can show
the first steps; the gateway refuses it by the record as well. Anybody else without an active record gets no
token: Cognito shows the message. It is asked again at each refresh, so a
leaver's session ends with the access token in hand, which the gateway refuses anyway.

Environment: `ACCESS_TABLE`; `EMAIL_DOMAINS`, separated by commas: people whose address is in none of them get
no token.
"""

import os
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config

from lambdas.common.access import AccessRecord, AccessRecords
from lambdas.common.clock import utc_now

_CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2, "mode": "standard"})
# Which attributes hold the name that SCIM calls userName: the first that is there decides. They come from the
# identity provider at each sign-in. Were the address asked for where the name finds nobody, somebody without
# access could write a colleague's address into their own profile there and be that colleague here.
_NAMES = ("preferred_username", "email")


CALL_SCOPE = "claude/messages"


class NoAccess(Exception):
    """This person gets no token. Cognito shows the text to them."""


def claims_of(
    records: AccessRecords, attributes: Mapping[str, str], email_domains: Collection[str] = ()
) -> dict[str, Any]:
    """The claims for whom these attributes describe. Raises `NoAccess`."""
    domain = attributes.get("email", "").rpartition("@")[2].lower()
    if email_domains and domain not in email_domains:
        raise NoAccess("Your e-mail address is not of this organization. Ask your Center of Excellence.")
    record = _record(records, attributes)
    if record is None:
        raise NoAccess("You have no access to Claude here. Ask your Center of Excellence.")
    if not record.active_at(utc_now()) and not record.awaits_onboarding:
        raise NoAccess("Your access to Claude is not active. Ask your Center of Excellence.")
    claims: dict[str, Any] = {
        **({"kit_onboarding": "pending"} if record.awaits_onboarding else {}),
        "kit_person": record.subject,
        "kit_department": record.department,
        "kit_roles": list(record.roles),
    }
    if record.data_classes is not None:
        claims["kit_data_classes"] = list(record.data_classes)
    return claims


def _record(records: AccessRecords, attributes: Mapping[str, str]) -> AccessRecord | None:
    name = next((attributes[one] for one in _NAMES if attributes.get(one)), None)
    return records.find_person(name) if name is not None else None


@cache
def _records() -> AccessRecords:
    client = botocore.session.get_session().create_client(
        "dynamodb",
        region_name=os.environ.get("AWS_REGION"),
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL"),
        config=_CONFIG,
    )
    return AccessRecords(client, os.environ["ACCESS_TABLE"])


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Cognito's entry: answers the event with claims added. Raises `NoAccess`."""
    del context
    domains = [one for one in os.environ.get("EMAIL_DOMAINS", "").split(",") if one]
    claims = claims_of(_records(), event["request"].get("userAttributes") or {}, domains)
    access: dict[str, Any] = {"claimsToAddOrOverride": claims}
    if "kit_onboarding" in claims:
        access["scopesToSuppress"] = [CALL_SCOPE]
    event["response"]["claimsAndScopeOverrideDetails"] = {
        "idTokenGeneration": {"claimsToAddOrOverride": claims},
        "accessTokenGeneration": access,
    }
    return event

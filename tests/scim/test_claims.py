"""People and groups by their sign-in, where no identity provider provisions (G.4, C.1, L1.3)."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from lambdas.common.bindings import Bindings
from lambdas.pretoken.handler import NoAccess, Rules, SignIn, Trigger
from lambdas.scim.enrolment import Enrolment, enrol

from .harness import Scim

pytestmark = pytest.mark.emulator


@dataclass
class Door:
    """The trigger of the user pool over the directory of a SCIM service."""

    scim: Scim
    lets_in: bool = True
    refused: list[Any] = field(default_factory=list)

    def sign_in(
        self, address: str, groups: str, *, subject: str = "", refresh: bool = False, **more: str
    ) -> dict[str, Any]:
        """The claims of a sign-in. Raises NoAccess."""
        access = self.scim.directory.access
        trigger = Trigger(
            access,
            Bindings(access.client, access.table),
            Rules("https://accounts.google.com"),
            self.scim.tenant.settings.directory_table,
            self.refused.append,
            enrol=self._enrol,
        )
        attributes = {"email": address, "email_verified": "true", "custom:groups": groups, **more}
        subject = subject or f"google-{address}"
        return trigger.claims(SignIn(subject, f"organization_{subject}", attributes, refresh))

    def _enrol(self, asked: Any) -> None:
        enrol(self.scim.directory, Enrolment.of(asked), lets_in=self.lets_in)


@pytest.fixture
def door(scim: Scim) -> Door:
    return Door(scim)


@pytest.fixture
def address() -> str:
    return f"{uuid.uuid4().hex}@example.com"


MARKETING = '["Claude Marketing","Everybody at Example"]'


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(NoAccess) as error:
        call()
    return error.value.reason


def test_a_first_sign_in_with_a_group_of_a_rule_makes_a_person_who_is_found_as_any_other(door, address):
    claims = door.sign_in(address, MARKETING, name="Ada")
    assert claims["kit_department"] == "marketing"
    person = door.scim.find("Users", f'userName eq "{address}"')["Resources"][0]
    assert person["id"] == claims["kit_person"]
    assert [one["display"] for one in person["groups"]] == ["Claude Marketing"], "of no rule: not kept"
    assert person["externalId"] == f"google-{address}"
    again = door.sign_in(address, MARKETING)
    assert again["kit_person"] == claims["kit_person"]


@pytest.mark.parametrize(
    ("groups", "department", "roles"),
    [
        ('["claude finance", "Claude Champions"]', "finance", ["champion"]),
        ("[Claude Finance, Claude Champions]", "finance", ["champion"]),  # SAML's several values
        ("Claude Finance", "finance", []),
    ],
)
def test_each_sign_in_moves_a_person_and_a_renewal_does_not(door, address, groups, department, roles):
    person = door.sign_in(address, MARKETING)["kit_person"]
    assert door.sign_in(address, groups, refresh=True)["kit_department"] == "marketing"
    claims = door.sign_in(address, groups)
    assert (claims["kit_person"], claims["kit_department"], claims["kit_roles"]) == (
        person,
        department,
        roles,
    )


def test_who_has_no_group_any_more_is_out_at_once_and_comes_back_with_one(door, address):
    person = door.sign_in(address, MARKETING)["kit_person"]
    assert refused(lambda: door.sign_in(address, "[]")) == "inactive"
    assert door.scim.access(person).active is False
    assert refused(lambda: door.sign_in(address, MARKETING, refresh=True)) == "inactive"
    assert door.sign_in(address, MARKETING)["kit_person"] == person


def test_nobody_comes_in_without_a_rule_a_verified_address_or_the_setting(door, address):
    assert refused(lambda: door.sign_in(address, '["Everybody"]')) == "unknown"
    assert refused(lambda: door.sign_in(address, MARKETING, email_verified="false")) == "unknown"
    assert refused(lambda: door.sign_in("", MARKETING, subject="x")) == "unknown"
    door.lets_in = False
    assert refused(lambda: door.sign_in(address, MARKETING)) == "unknown"
    assert door.scim.find("Users", f'userName eq "{address}"')["totalResults"] == 0


def test_who_was_put_out_stays_out_whatever_the_claims_say(door, address):
    person = door.sign_in(address, MARKETING)["kit_person"]
    door.scim.patch(f"/Users/{person}", {"op": "replace", "path": "active", "value": False})
    assert refused(lambda: door.sign_in(address, MARKETING)) == "inactive"
    assert refused(lambda: door.sign_in(address, MARKETING, refresh=True)) == "inactive"


def test_a_foreign_account_changes_nothing_of_the_colleague_whose_name_it_has(door, address):
    person = door.sign_in(address, MARKETING)["kit_person"]
    mallory = f"mallory-{uuid.uuid4().hex}"
    assert refused(lambda: door.sign_in(address, '["Claude Finance"]', subject=mallory)) == "foreign_subject"
    assert door.scim.access(person).department == "marketing"


def test_groups_of_a_provisioned_person_follow_the_claims_once_the_account_is_bound(door, address):
    person = door.scim.user(address, active=True)["id"]
    door.scim.group(f"Claude Marketing {uuid.uuid4().hex}", person)
    assert refused(lambda: door.sign_in(address, MARKETING)) == "inactive"  # no department, so no account yet
    extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    value = {"op": "replace", "path": f"{extension}:department", "value": "finance"}
    door.scim.patch(f"/Users/{person}", value)
    assert door.sign_in(address, MARKETING)["kit_department"] == "marketing"

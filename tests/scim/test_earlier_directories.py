"""A directory that an earlier version filled is whole under this one, at once and after the worker's run.

`earlier/directory.json` holds what the tables of commit 47d2c3a had after one person and one group were
provisioned by its own service (G.4).
"""

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pytest

from lambdas.scim.worker import Worker

from .harness import Scim

pytestmark = pytest.mark.emulator
EARLIER: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "earlier" / "directory.json").read_text("utf-8")
)
ADA = next(one["sk"]["S"] for one in EARLIER["directory"] if one["pk"]["S"] == "LIST#User")


class Records:
    """Audit records, kept."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def append_now(self, record: dict[str, Any], *, bodies: dict[str, bytes]) -> str:
        self.events.append(record["event"])
        return ""


def identifiers(number: int) -> list[str]:
    """Ids as the service makes them, most of which have the first byte of their hash in common."""
    letters, chance = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", random.Random(14)
    found: list[str] = []
    while len(found) < number:
        one = "01" + "".join(chance.choices(letters, k=24))
        if hashlib.sha256(one.encode()).hexdigest().startswith("5a") or len(found) % 10 == 9:
            found.append(one)
    return found


@pytest.fixture
def filled(own_scim: Scim) -> tuple[Scim, list[str]]:
    """A directory of then with a person and a group, and 19 people who are in it without names."""
    client, settings = own_scim.tenant.client("dynamodb"), own_scim.tenant.settings
    for table, items in (
        (settings.directory_table, EARLIER["directory"]),
        (settings.access_table, EARLIER["access"]),
    ):
        for item in items:
            client.put_item(TableName=table, Item=item)
    ada = next(one for one in EARLIER["directory"] if one["pk"]["S"] == f"USER#{ADA}")
    others = identifiers(19)
    for other in others:
        body = {**json.loads(ada["body"]["S"]), "userName": f"{other}@example.com", "emails": []}
        del body["externalId"]
        changed = {"pk": {"S": f"USER#{other}"}, "groups": {"L": []}, "body": {"S": json.dumps(body)}}
        client.put_item(TableName=settings.directory_table, Item={**ada, **changed})
        client.put_item(
            TableName=settings.directory_table, Item={"pk": {"S": "LIST#User"}, "sk": {"S": other}}
        )
    return own_scim, [ADA, *others]


def listed(scim: Scim, kind: str = "Users") -> list[str]:
    """Everybody, in pages of 15. The total is the same in each."""
    ids: list[str] = []
    while True:
        page = scim.http.get(f"/{kind}", params={"startIndex": len(ids) + 1, "count": 15}).json()
        ids += [one["id"] for one in page.get("Resources", [])]
        if len(ids) >= page["totalResults"] or not page.get("Resources"):
            assert page["totalResults"] == len(ids)
            return ids


def test_everybody_is_listed_once_before_during_and_after_the_lists_are_moved(
    filled: tuple[Scim, list[str]],
) -> None:
    scim, people = filled
    listing, store = scim.directory.people.listing, scim.directory.store
    assert sorted(listed(scim)) == sorted(people)
    group = scim.find("Groups", 'displayName eq "Claude Marketing"')["Resources"][0]
    assert listed(scim, "Groups") == [group["id"]]
    newcomer = scim.user(active=True)["id"]
    ghost = _counted_off(scim, people)

    moves = iter([True, False])
    assert 0 < listing.adopt(lambda: next(moves)) < len(people)
    unmoved = [one for one in store.names_under("LIST#User") if one not in {ADA, ghost}]
    moved = next(one for one in people if one not in store.names_under("LIST#User"))
    for leaver in (moved, unmoved[0]):  # counted, and not counted
        assert scim.request("DELETE", f"/Users/{leaver}").status_code == 204
        people.remove(leaver)

    def deletes_one_meanwhile() -> bool:
        if unmoved[-1] in people:
            scim.directory.people.delete(unmoved[-1])
            people.remove(unmoved[-1])
        return True

    listing.adopt(deletes_one_meanwhile)
    records = Records()
    done = Worker(scim.directory, records, None).run(lambda: True)
    assert done["placed"] == len(people) + 1, "rules reach everybody"
    assert {scim.access(one).department for one in people if one != ADA} == {"finance"}
    assert store.names_under("LIST#User") == store.names_under("LIST#Group") == []
    assert sorted(listed(scim)) == sorted([*people, newcomer])
    assert listed(scim, "Groups") == [group["id"]]
    assert {"joiner", "mover"} <= set(records.events), "what the earlier version left to do is done"
    scim.patch(f"/Users/{ADA}", {"op": "replace", "path": "active", "value": False})
    assert scim.access(ADA).active is False


def _counted_off(scim: Scim, people: list[str]) -> str:
    """Somebody whom a version in between deleted: counted off, and still on the old list."""
    gone = people.pop()
    scim.directory.store.remove(f"USER#{gone}", "RESOURCE")
    part = hashlib.sha256(gone.encode()).hexdigest()[:2]
    scim.directory.store.write("COUNT#User", part, {"n": {"N": "-1"}})
    return gone

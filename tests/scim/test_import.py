"""A whole organisation is imported at once, with several clients, and pages through (G.4)."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from .harness import Scim

pytestmark = pytest.mark.emulator
PEOPLE = 300  # `bench/scim.py` imports 5,000 and more


def test_everybody_is_imported_once_found_placed_and_counted(own_scim: Scim):
    names = [f"person{number}@example.com" for number in range(PEOPLE)]
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda name: own_scim.user(name, active=True, externalId=name)["id"], names))
        twice = pool.map(lambda name: own_scim.request("POST", "/Users", {"userName": name}), names[:50])
        assert {answer.status_code for answer in twice} == {409}
    group = own_scim.group("Claude Marketing", *ids)
    assert len(group["members"]) == PEOPLE
    seen: Counter[str] = Counter()
    for start in range(1, PEOPLE + 1, 200):
        page = own_scim.http.get("/Users", params={"startIndex": start, "count": 200}).json()
        assert page["totalResults"] == PEOPLE
        seen.update(one["id"] for one in page["Resources"])
    assert seen == Counter(ids)
    assert own_scim.find("Users", 'userName eq "PERSON299@example.com"')["totalResults"] == 1
    assert all(own_scim.access(one).department == "marketing" for one in ids[::50])

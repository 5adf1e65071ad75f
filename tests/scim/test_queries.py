"""Filters, sorting and pages of the SCIM service (G.4): grammar, indexes, injection."""

import json
import re
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scim2_models import ScimFilter, SearchRequest, TooManyException

from lambdas.scim import groups as stored_groups
from lambdas.scim.resources import UserResource
from lambdas.scim.search import Search

from .harness import Scim

pytestmark = pytest.mark.emulator
PEOPLE = [
    {"userName": "ada", "title": "Dr", "active": True, "emails": [{"value": "ada@x.org", "type": "work"}]},
    {"userName": "Bob", "title": "dr", "active": False, "name": {"familyName": "Ray", "givenName": "B"}},
    {"userName": "cy", "active": True, "emails": [{"value": "cy@home.org", "type": "home", "primary": True}]},
    {"userName": "dee", "title": 'say "hi" \\o/', "name": {"familyName": "O'Neil"}, "active": True},
    {"userName": "éva", "title": "a and b or not (c)", "nickName": "Eve"},
]

# -- the grammar, against an evaluator that knows nothing of the library ------------------------------------


def values_at(person: Any, path: str) -> list[Any]:
    """The values under an attribute path, lists taken apart."""
    found = [person]
    for name in path.split("."):
        found = [
            one
            for value in found
            if isinstance(value, dict) and value.get(name) is not None
            for one in (value[name] if isinstance(value[name], list) else [value[name]])
        ]
    return found


def plainly(node: tuple[Any, ...], person: Any) -> bool:
    """What RFC 7644 says of a filter, said again in the plainest way."""
    match node:
        case ("and", left, right):
            return plainly(left, person) and plainly(right, person)
        case ("or", left, right):
            return plainly(left, person) or plainly(right, person)
        case ("not", inner):
            return not plainly(inner, person)
        case ("pr", path):
            return bool(values_at(person, path))
        case ("ne", path, value):
            return not plainly(("eq", path, value), person)
        case (operator, path, bool() as value):
            return operator == "eq" and value in values_at(person, path)
        case (operator, path, value):
            wanted = value.casefold()
            tests = {
                "eq": lambda text: text == wanted,
                "co": lambda text: wanted in text,
                "sw": lambda text: text.startswith(wanted),
                "ew": lambda text: text.endswith(wanted),
                "gt": lambda text: text > wanted,
                "ge": lambda text: text >= wanted,
                "lt": lambda text: text < wanted,
                "le": lambda text: text <= wanted,
            }
            return any(tests[operator](text.casefold()) for text in values_at(person, path))
    raise AssertionError(node)


def written(node: tuple[Any, ...]) -> str:
    """The filter as a client writes it."""
    match node:
        case ("and" | "or" as word, left, right):
            return f"({written(left)}) {word} ({written(right)})"
        case ("not", inner):
            return f"not ({written(inner)})"
        case ("pr", path):
            return f"{path} pr"
        case (operator, path, value):
            return f"{path} {operator} {json.dumps(value)}"
    raise AssertionError(node)


TEXTS = ["userName", "title", "nickName", "name.familyName", "emails.type"]
WORDS = st.sampled_from(["ada", "dr", "o", "ray", "work", "x.org", 'say "hi" \\o/', "a and b", "é", "z"])
LEAVES = st.one_of(
    st.tuples(
        st.sampled_from(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]), st.sampled_from(TEXTS), WORDS
    ),
    # an address is compared whole with addresses only, in part with anything
    st.tuples(st.sampled_from(["co", "sw", "ew"]), st.just("emails.value"), WORDS),
    st.tuples(
        st.sampled_from(["eq", "ne"]), st.just("emails.value"), st.sampled_from(["ADA@x.org", "no@x.org"])
    ),
    st.tuples(st.just("pr"), st.sampled_from([*TEXTS, "active", "name", "emails"])),
    st.tuples(st.sampled_from(["eq", "ne"]), st.just("active"), st.booleans()),
)
FILTERS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["and", "or"]), inner, inner), st.tuples(st.just("not"), inner)
    ),
    max_leaves=6,
)


@given(FILTERS)
@settings(max_examples=200, deadline=None)
def test_a_filter_means_what_the_rfc_says(node):
    models = [UserResource.model_validate(person) for person in PEOPLE]
    condition = ScimFilter[UserResource](written(node))
    assert [condition.match(model) for model in models] == [plainly(node, person) for person in PEOPLE]


@pytest.fixture(scope="module")
def peopled(emulated_aws):
    """A service that holds exactly `PEOPLE`."""
    from .harness import Tenant

    scim = Scim(Tenant.make(emulated_aws))
    for person in PEOPLE:
        scim.user(person["userName"], **{name: one for name, one in person.items() if name != "userName"})
    yield scim
    scim.stop()


@given(FILTERS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_service_answers_a_filter_with_exactly_those_who_match(peopled: Scim, node):
    found = {one["userName"] for one in peopled.find("Users", written(node))["Resources"]}
    assert found == {person["userName"] for person in PEOPLE if plainly(node, {"active": True, **person})}


ODD = [
    "STRA\u1e9eE",
    "stra\xdfe",
    "strasse",
    "\u017ftop",
    "STOP",
    "\u212aim",
    "kim",
    'a "b" \\ c',
    "A/B",
    "\xc9VA",
]


def test_titles_in_any_letters_are_found_as_the_library_compares_them(own_scim: Scim):
    """People whose stored text cannot hold the value are not read; nobody who matches may be among them."""
    made = {title: own_scim.user(title=title)["id"] for title in ODD}
    models = {title: UserResource.model_validate({"userName": "x", "title": title}) for title in ODD}
    for value in ODD:
        for spelt in (value, value.lower(), value.upper()):
            for operator in ("eq", "co", "sw", "ew"):
                written_so = f"title {operator} {ScimFilter.quote(spelt)} and userName pr"
                condition = ScimFilter[UserResource](written_so)
                found = {one["id"] for one in own_scim.find("Users", written_so)["Resources"]}
                assert found == {made[one] for one in ODD if condition.match(models[one])}, written_so


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ('userName eq "ADA"', {"ada"}),
        ('USERNAME Eq "ada"', {"ada"}),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "bob"', {"Bob"}),
        ('emails[type eq "work" and value co "@x"]', {"ada"}),
        ('emails eq "cy@home.org"', {"cy"}),
        ('userName eq "ada" and active eq false', set()),
        ('not (userName eq "ada") and title pr', {"Bob", "dee", "éva"}),
        ('userName eq "ada" or userName eq "cy" and active eq false', {"ada"}),
        ('(userName eq "ada" or userName eq "cy") and active eq true', {"ada", "cy"}),
        ('title eq "say \\"hi\\" \\\\o/"', {"dee"}),
        ('userName eq "\\u00e9va"', {"éva"}),
    ],
)
def test_precedence_quoting_and_case_are_those_of_the_grammar(peopled: Scim, condition, names):
    assert {one["userName"] for one in peopled.find("Users", condition)["Resources"]} == names


@pytest.mark.parametrize(
    "condition",
    [
        "userName",
        "userName eq",
        'userName eq "ada',
        'userName like "ada"',
        'userName eq "ada" and',
        '(userName eq "ada"',
        "active gt true",
        'nosuch eq "x"',
        'emails[type eq "work"',
        "userName eq ada",
        '"ada" eq userName',
        'userName eq "ada"; drop',
        "(" * 3000 + 'userName eq "a"' + ")" * 3000,
        "not " * 800 + '(userName eq "a")',
        'userName eq "' + "x" * 5000 + '"',
    ],
    ids=lambda condition: condition[:24],
)
def test_a_filter_that_is_none_is_refused_as_the_rfc_asks(peopled: Scim, condition):
    answer = peopled.http.get("/Users", params={"filter": condition})
    assert answer.status_code == 400, answer.text
    assert answer.json()["scimType"] in {"invalidFilter", "invalidPath", "invalidValue", "invalidSyntax"}


@pytest.mark.parametrize(
    "hostile",
    [
        'x" or userName pr or userName eq "x',
        "x' OR '1'='1",
        "#pk = :pk",
        "USER#*",
        'ada") or (userName pr',
        "\\",
        "\u0000",
        "ada\nuserName pr",
        "{$ne: null}",
        "*",
        "a" * 3000,
    ],
)
def test_what_is_injected_into_a_value_stays_a_value(peopled: Scim, hostile):
    asked = [("Users", name) for name in ("userName", "externalId", "id", "emails.value", "title")]
    asked += [("Groups", name) for name in ("displayName", "externalId", "id", "members.value")]
    for kind, attribute in asked:
        condition = f"{attribute} eq {ScimFilter.quote(hostile)}"
        answer = peopled.http.get(f"/{kind}", params={"filter": condition})
        assert answer.json()["totalResults"] == 0


# -- pages, order, projections -------------------------------------------------------------------------------


def test_pages_cover_everybody_once_and_in_the_same_order(peopled: Scim):
    names, start = [], 1
    while True:
        page = peopled.http.get("/Users", params={"startIndex": start, "count": 2}).json()
        assert page["totalResults"] == len(PEOPLE)
        assert page["startIndex"] == start
        assert page["itemsPerPage"] == len(page["Resources"])
        if not page["Resources"]:
            break
        names += [one["userName"] for one in page["Resources"]]
        start += page["itemsPerPage"]
    assert sorted(names) == sorted(person["userName"] for person in PEOPLE)
    again = peopled.http.get("/Users").json()["Resources"]
    assert names == [one["userName"] for one in again]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"startIndex": 0, "count": 1}, 1),
        ({"startIndex": -5, "count": 1}, 1),
        ({"count": 0}, 0),
        ({"count": -1}, 0),
        ({"startIndex": 1000}, 0),
        ({"count": 100_000}, len(PEOPLE)),
    ],
)
def test_odd_page_bounds_are_read_as_the_rfc_asks(peopled: Scim, query, expected):
    page = peopled.http.get("/Users", params=query).json()
    assert page["totalResults"] == len(PEOPLE)
    assert len(page["Resources"]) == expected


@pytest.mark.parametrize(
    "query", [{"startIndex": "one"}, {"count": "1e3x"}, {"sortBy": "name"}, {"sortOrder": "up"}]
)
def test_a_query_that_is_none_is_refused(peopled: Scim, query):
    answer = peopled.http.get("/Users", params=query)
    assert answer.status_code == 400
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


def test_sorting_ignores_case_puts_the_missing_last_and_turns_round(peopled: Scim):
    ascending = peopled.http.get("/Users", params={"sortBy": "title"}).json()["Resources"]
    assert [one["userName"] for one in ascending] == ["éva", "ada", "Bob", "dee", "cy"]
    descending = peopled.http.get(
        "/Users", params={"sortBy": "userName", "sortOrder": "descending", "count": 2}
    ).json()["Resources"]
    assert [one["userName"] for one in descending] == ["éva", "dee"]


def test_search_by_post_answers_what_get_answers(peopled: Scim):
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "title pr",
        "attributes": ["userName"],
        "sortBy": "userName",
        "startIndex": 2,
        "count": 2,
    }
    found = peopled.request("POST", "/Users/.search", body).json()
    assert found["totalResults"] == 4
    assert [sorted(one) for one in found["Resources"]] == [["id", "schemas", "userName"]] * 2
    assert [one["userName"] for one in found["Resources"]] == ["Bob", "dee"]


def test_a_search_at_the_root_goes_over_people_and_groups(own_scim: Scim):
    own_scim.user("ada")
    own_scim.group("Ada's friends")
    found = own_scim.request("POST", "/.search", {"filter": 'userName sw "a" or displayName sw "a"'}).json()
    assert {one["meta"]["resourceType"] for one in found["Resources"]} == {"User", "Group"}


def test_attributes_choose_what_is_shown(scim: Scim):
    user = scim.user(title="Dr", nickName="Ada")
    path = f"/Users/{user['id']}"
    assert set(scim.http.get(path, params={"attributes": "title"}).json()) == {"schemas", "id", "title"}
    without = scim.http.get(path, params={"excludedAttributes": "title,meta,id"}).json()
    assert "title" not in without
    assert "meta" not in without
    assert without["id"] == user["id"]


# -- no scans ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "condition",
    [
        'userName eq "{name}"',
        'externalId eq "{name}"',
        'emails.value eq "{name}"',
        'id eq "{id}"',
        'active eq true and userName eq "{name}"',
        'emails[type eq "work"].value eq "{name}"',
        'urn:ietf:params:scim:schemas:core:2.0:User:EMAILS[value eq "{name}" and type eq "work"]',
        'userName eq "{name}" or externalId eq "{name}" or emails.value eq "{name}"',
        '(userName eq "nobody" or userName eq "{name}") and title pr',
    ],
)
def test_a_lookup_reads_a_few_items_whatever_the_size(own_scim: Scim, condition):
    users = [
        own_scim.user(name, externalId=name, title="Dr", emails=[{"value": name, "type": "work"}])
        for name in (f"{uuid.uuid4().hex}@example.com" for _ in range(30))
    ]
    reads: list[str] = []
    client = own_scim.directory.store._client
    for operation in ("GetItem", "BatchGetItem", "Query", "Scan"):
        client.meta.events.register(
            f"provide-client-params.dynamodb.{operation}",
            lambda params, model, **_: reads.append(f"{model.name} {json.dumps(params, default=str)}"),
        )
    user = users[17]
    found = own_scim.find("Users", condition.format(name=user["userName"], id=user["id"]))
    assert [one["id"] for one in found["Resources"]] == [user["id"]]
    assert len(reads) <= 8
    assert not any(re.search(r"^Scan|LIST#", read) for read in reads)


def test_a_page_in_the_middle_reads_its_own_people_alone_and_pages_hold_everybody_once(own_scim: Scim):
    users = {own_scim.user()["id"] for _ in range(40)}
    for gone in sorted(users)[::4]:
        own_scim.request("DELETE", f"/Users/{gone}")
        users.remove(gone)
    pages = [
        own_scim.http.get("/Users", params={"startIndex": start, "count": 7}).json()
        for start in range(1, 31, 7)
    ]
    assert [page["totalResults"] for page in pages] == [30] * 5
    shown = [one["id"] for page in pages for one in page["Resources"]]
    assert (len(shown), set(shown)) == (30, users)
    read: list[int] = []
    own_scim.directory.store._client.meta.events.register(
        "after-call.dynamodb.Query", lambda parsed, **_: read.append(len(parsed["Items"]))
    )
    assert len(own_scim.http.get("/Users", params={"startIndex": 15, "count": 1}).json()["Resources"]) == 1
    counts, unmoved, part = read
    assert unmoved == 0
    assert part < 5 < counts  # of 30 people only those who share the page's part


def test_looking_at_everybody_for_too_long_is_refused_and_says_what_to_ask(own_scim: Scim):
    own_scim.user("ada", title="Dr")
    search = Search(own_scim.directory.people, own_scim.directory.groups, seconds=-1)
    for query in ({"filter": 'title co "D"'}, {"sort_by": "title"}, {"filter": 'not (userName eq "x")'}):
        with pytest.raises(TooManyException, match="userName") as refusal:
            search.page(["User"], SearchRequest[UserResource].model_validate(query), "")
        assert (refusal.value.status, refusal.value.scim_type) == (400, "tooMany")
    named = SearchRequest[UserResource].model_validate({"filter": 'userName eq "ada"'})
    assert search.page(["User"], named, "").total == 1


def test_whether_somebody_is_a_member_is_asked_without_reading_all_groups(own_scim: Scim):
    users = [own_scim.user() for _ in range(3)]
    groups = [own_scim.group(f"g{number}", users[number]["id"]) for number in range(3)]
    found = own_scim.find(
        "Groups", f'id eq "{groups[1]["id"]}" and members eq "{users[1]["id"]}"', excludedAttributes="members"
    )
    assert [one["id"] for one in found["Resources"]] == [groups[1]["id"]]
    assert "members" not in found["Resources"][0]
    assert own_scim.find("Groups", f'members.value eq "{users[2]["id"]}"')["totalResults"] == 1
    other = own_scim.find("Groups", f'id eq "{groups[0]["id"]}" and members eq "{users[1]["id"]}"')
    assert other["totalResults"] == 0


def test_a_filter_on_members_reads_the_members_that_it_names(own_scim: Scim, monkeypatch: pytest.MonkeyPatch):
    a, b, c = (own_scim.user()["id"] for _ in range(3))
    inner = own_scim.group("inner", a)["id"]
    everybody = own_scim.group("everybody", a, b, c, inner)["id"]
    monkeypatch.setattr(stored_groups, "SHOWN_MEMBERS", 2)
    for query, expected in (
        (f'members.value eq "{a}"', {inner, everybody}),
        (f'members eq "{b}"', {everybody}),
        (f'members[value eq "{a}" and type eq "User"] and displayName eq "everybody"', {everybody}),
        (f'members[type eq "Group" and value eq "{a}"]', set()),
        (f'members[value eq "{b}" or value eq "{c}"]', {everybody}),
        (f'members.value eq "{a}" and members.value eq "{b}"', {everybody}),
        (f'members.value eq "{inner}"', {everybody}),
        (f'not (members.value eq "{b}")', {inner}),
        ('members.value eq "nobody"', set()),
    ):
        found = own_scim.find("Groups", query, excludedAttributes="members")
        assert {one["id"] for one in found["Resources"]} == expected, query
    for query in (
        "members pr",
        'members.type eq "Group"',
        'members[type eq "User"]',
        f'members.value co "{a}"',
    ):
        refused = own_scim.http.get("/Groups", params={"filter": query, "excludedAttributes": "members"})
        assert (refused.status_code, refused.json()["scimType"]) == (400, "tooMany"), query
        assert "members.value eq" in refused.json()["detail"]
    monkeypatch.undo()
    for query, expected in (("members pr", {inner, everybody}), ('members.type eq "Group"', {everybody})):
        found = own_scim.find("Groups", query)
        assert {one["id"] for one in found["Resources"]} == expected, query

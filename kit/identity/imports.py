"""Import of people from a list if no identity provider provisions (G.4, C.1): a plan for review, then the
same plan applied. A complete list deactivates everybody who is not on it.
"""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Literal

from kit.identity.operator import usage
from kit.identity.scim_client import ENTERPRISE, GROUP, PATCH, USER, Refusal, ScimClient
from lambdas.common.access import folded_name

COLUMNS = ("user_name", "email", "name", "department", "external_id", "groups", "active")
_YES, _NO = frozenset({"", "true", "yes", "1"}), frozenset({"false", "no", "0"})
_MOST = 100_000
_THREADS = 8


@dataclass(frozen=True)
class Listed:
    """A person on the list."""

    user_name: str
    email: str = ""
    name: str = ""
    department: str = ""
    external_id: str = ""
    groups: tuple[str, ...] = ()
    active: bool = True

    def resource(self) -> dict[str, Any]:
        """Return the person as a SCIM resource."""
        body: dict[str, Any] = {
            "schemas": [USER, ENTERPRISE],
            "userName": self.user_name,
            "active": self.active,
            "emails": [{"value": self.email or self.user_name, "primary": True}],
        }
        if self.name:
            body["displayName"] = self.name
        if self.external_id:
            body["externalId"] = self.external_id
        if self.department:
            body[ENTERPRISE] = {"department": self.department}
        return body


@dataclass(frozen=True)
class Step:
    """One change. `person` is empty for somebody new; `joins` and `leaves` are names of groups."""

    what: Literal["create", "change", "put out"]
    user_name: str
    person: str = ""
    changes: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A plan. `sha256` is of exactly this plan, which is what somebody approves."""

    steps: tuple[Step, ...]
    unchanged: int
    groups: Mapping[str, str]  # id by name, as they are
    people: Mapping[str, Listed]  # by folded name

    @property
    def sha256(self) -> str:
        """Return the hash of every step."""
        content = [asdict(one) for one in self.steps]
        listed = [
            asdict(self.people[folded_name(one.user_name)]) for one in self.steps if one.what != "put out"
        ]
        text = json.dumps([content, listed], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def count(self, what: str) -> int:
        """Return the number of steps of a kind."""
        return sum(one.what == what for one in self.steps)


def read_list(text: str) -> list[Listed]:
    """Parse the people of a CSV file with a header. Raises KitError naming every invalid line."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
    unknown = sorted(set(names) - set(COLUMNS))
    if "user_name" not in names or unknown:
        wrong = f"unknown columns: {', '.join(unknown)}" if unknown else "there is no column user_name"
        raise usage(wrong, f"columns are {', '.join(COLUMNS)}; user_name is required")
    reader.fieldnames = names
    found: list[Listed] = []
    seen: dict[str, int] = {}
    problems: list[str] = []
    for row in reader:
        line = reader.line_num
        values = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
        if None in row or not values["user_name"] or values.get("active", "").lower() not in _YES | _NO:
            problems.append(
                f"line {line}: needs a user_name, active true or false, and no more cells than columns"
            )
            continue
        folded = folded_name(values["user_name"])
        if folded in seen:
            problems.append(f"line {line}: {values['user_name']} is on line {seen[folded]} already")
            continue
        seen[folded] = line
        found.append(_listed(values))
    if not found and not problems:
        problems.append("nobody is on the list")
    if len(found) > _MOST:
        problems.append(f"more than {_MOST:,} people: provision by SCIM")
    if problems:
        raise usage("; ".join(problems[:10]), f"fix the file; {len(problems)} problems in all")
    return found


def _listed(values: Mapping[str, str]) -> Listed:
    groups = tuple(dict.fromkeys(one.strip() for one in values.get("groups", "").split(";") if one.strip()))
    return Listed(
        user_name=values["user_name"],
        email=values.get("email", ""),
        name=values.get("name", ""),
        department=values.get("department", ""),
        external_id=values.get("external_id", ""),
        groups=groups,
        active=values.get("active", "").lower() in _YES,
    )


def plan(
    scim: ScimClient,
    listed: Sequence[Listed],
    *,
    complete: bool,
    advance: Callable[[int], None] = lambda _: None,
) -> Plan:
    """Return what the list would change; with `complete`, everybody else is deactivated. Raises KitError,
    Refusal.
    """
    groups = {
        str(one["displayName"]): str(one["id"]) for one in scim.every("Groups", excludedAttributes="members")
    }
    wanted = {folded_name(one.user_name): one for one in listed}
    steps: list[Step] = []
    known: set[str] = set()
    unchanged = 0
    for user in scim.every("Users"):
        advance(1)
        folded = folded_name(str(user["userName"]))
        known.add(folded)
        one = wanted.get(folded)
        if one is None:
            if complete and user.get("active"):
                steps.append(Step("put out", user["userName"], user["id"]))
            continue
        step = _difference(one, user)
        if step is None:
            unchanged += 1
        else:
            steps.append(step)
    new = [one for folded, one in wanted.items() if folded not in known]
    steps += [Step("create", one.user_name, joins=one.groups) for one in new]
    return Plan(tuple(sorted(steps, key=lambda one: (one.what, one.user_name))), unchanged, groups, wanted)


def _difference(one: Listed, user: Mapping[str, Any]) -> Step | None:
    """Return what a person on the list lacks; what the list does not state stays unchanged."""
    extension = user.get(ENTERPRISE) or {}
    addresses = {str(each.get("value", "")).casefold() for each in user.get("emails") or ()}
    changes = [
        name
        for name, differs in (
            ("active", bool(user.get("active")) != one.active),
            ("displayName", bool(one.name) and user.get("displayName") != one.name),
            ("externalId", bool(one.external_id) and user.get("externalId") != one.external_id),
            ("department", bool(one.department) and extension.get("department") != one.department),
            ("emails", bool(one.email) and one.email.casefold() not in addresses),
        )
        if differs
    ]
    member_of = {str(each.get("display", "")) for each in user.get("groups") or ()}
    joins = tuple(name for name in one.groups if name not in member_of)
    leaves = tuple(sorted(member_of - set(one.groups))) if one.groups else ()
    if not (changes or joins or leaves):
        return None
    return Step("change", str(user["userName"]), str(user["id"]), tuple(changes), joins, leaves)


@dataclass(frozen=True)
class Failure:
    """A step that the service refused."""

    user_name: str
    reason: str


def apply(scim: ScimClient, planned: Plan, advance: Callable[[int], None] = lambda _: None) -> list[Failure]:
    """Apply a plan, people first, then groups. Return what was refused. A repetition does the rest."""
    ids: dict[str, str] = {}
    failures: list[Failure] = []

    def one(step: Step) -> tuple[Step, str, str]:
        try:
            return step, _person(scim, planned, step), ""
        except Refusal as refusal:
            return step, "", str(refusal)

    leavers_first = sorted(planned.steps, key=lambda step: step.what != "put out")
    pool = ThreadPoolExecutor(_THREADS)
    try:
        for step, person, reason in pool.map(one, leavers_first):
            advance(1)
            if reason:
                failures.append(Failure(step.user_name, reason))
            else:
                ids[step.user_name] = person
    finally:  # at Ctrl-C what is under way is finished, and nothing more is begun
        pool.shutdown(cancel_futures=True)
    return [*failures, *_memberships(scim, planned, ids)]


def _person(scim: ScimClient, planned: Plan, step: Step) -> str:
    if step.what == "put out":
        put_out(scim, step.person)
        return step.person
    one = planned.people[folded_name(step.user_name)]
    if step.what == "create":
        return str(scim.ask("POST", "/Users", one.resource())["id"])
    body = one.resource()
    values = {
        "active": body["active"],
        "displayName": body.get("displayName"),
        "externalId": body.get("externalId"),
        f"{ENTERPRISE}:department": one.department,
        "emails": body["emails"],
    }
    names = {"department": f"{ENTERPRISE}:department"}
    operations = [
        {"op": "replace", "path": names.get(name, name), "value": values[names.get(name, name)]}
        for name in step.changes
    ]
    if operations:
        scim.ask("PATCH", f"/Users/{step.person}", {"schemas": [PATCH], "Operations": operations})
    return step.person


def put_out(scim: ScimClient, person: str) -> None:
    """Deactivate a person: the next call is refused, sessions and keys end."""
    operation = {"op": "replace", "path": "active", "value": False}
    scim.ask("PATCH", f"/Users/{person}", {"schemas": [PATCH], "Operations": [operation]})


def _memberships(scim: ScimClient, planned: Plan, ids: Mapping[str, str]) -> Iterator[Failure]:
    """Add and remove members group by group, in one request each."""
    joins: dict[str, list[str]] = {}
    leaves: dict[str, list[str]] = {}
    for step in planned.steps:
        if step.user_name in ids:
            for name in step.joins:
                joins.setdefault(name, []).append(ids[step.user_name])
            for name in step.leaves:
                leaves.setdefault(name, []).append(ids[step.user_name])
    for name in sorted(joins.keys() | leaves.keys()):
        members = [{"value": one} for one in joins.get(name, ())]
        try:
            if name not in planned.groups:
                scim.ask("POST", "/Groups", {"schemas": [GROUP], "displayName": name, "members": members})
                continue
            operations: list[dict[str, Any]] = []
            if members:
                operations.append({"op": "add", "path": "members", "value": members})
            operations += [
                {"op": "remove", "path": f'members[value eq "{one}"]'} for one in leaves.get(name, ())
            ]
            body = {"schemas": [PATCH], "Operations": operations}
            scim.ask("PATCH", f"/Groups/{planned.groups[name]}", body)
        except Refusal as refusal:
            yield Failure(f"group {name}", str(refusal))

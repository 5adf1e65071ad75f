"""Joiners, movers and leavers: access follows at once, consequences for certain (G.4, L1.3, L4.1, C.1)."""

import asyncio
import hashlib
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.common.access import AccessRecord, virtual_key_key
from lambdas.common.bindings import Binding, Bindings, subject_hash
from lambdas.common.identities import Principal
from lambdas.common.identity_events import OUTBOX
from lambdas.common.ids import new_id
from lambdas.common.ledger import Ask, Ledger, Refused
from lambdas.common.ledger.dynamo_store import DynamoStore
from lambdas.scim import groups
from lambdas.scim.events import MembershipEvent, membership_events, put_event, read_event
from lambdas.scim.sessions import Sessions
from lambdas.scim.settings import open_directory
from lambdas.scim.store import Write
from lambdas.scim.worker import ConsequencesFailed, Worker
from tests.records.ledger_fixtures import department, organization

from .group_of_everybody import Everybody, Placed
from .harness import ENTERPRISE_SCHEMA, RULES, Scim, session_of

pytestmark = pytest.mark.emulator
OFF = {"op": "replace", "value": {"active": False}}
ON = {"op": "replace", "value": {"active": True}}


class Audit:
    """Keeps records; refuses while told to."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.refuses = False

    def append_now(self, record: dict[str, Any], *, bodies: dict[str, bytes]) -> str:
        if self.refuses:
            raise OSError("the audit store does not answer")
        self.records.append(record)
        return new_id("rec_")


class Pool:
    """A Cognito user pool that remembers what was done."""

    def __init__(self, **users: str) -> None:
        self.users, self.done = users, []

    def list_users(self, *, UserPoolId: str, Filter: str, Limit: int) -> dict[str, Any]:  # noqa: N803
        attribute, _, wanted = Filter.partition(" = ")
        matches = [
            one
            for one, mail in self.users.items()
            if wanted == f'"{one if attribute == "username" else mail}"'
        ]
        return {"Users": [{"Username": one} for one in matches]}

    def __getattr__(self, name: str) -> Any:
        return lambda **arguments: self.done.append((name, arguments["Username"]))


def worker_of(
    scim: Scim, *, audit: Audit | None = None, pool: Any = None, later: timedelta = timedelta()
) -> Worker:
    sessions = Sessions(pool, "pool") if pool else None
    return Worker(scim.directory, audit or Audit(), sessions, lambda: datetime.now(UTC) + later)


def run(worker: Worker) -> dict[str, int]:
    return worker.run(lambda: True)


def moves(audit: Audit) -> list[tuple[str, str, str]]:
    return [
        (one["event"], one["department_before"], one["department_after"])
        for one in audit.records
        if one["kind"] == "scim"
    ]


def reserve(scim: Scim, person: str, name: str) -> None:
    """A gateway call of the person, as far as the ledger. Raises `Refused`."""
    settings = scim.tenant.settings
    store = DynamoStore(
        scim.tenant.client("dynamodb"),
        ledger_table=settings.access_table,  # of the same shape; its keys do not meet those of access
        access_table=settings.access_table,
        pool=ThreadPoolExecutor(4),
    )
    ask = Ask(
        reservation_id=new_id("req_"),
        principal=Principal("person", person, name, f"USER#{person}", "https://login.example.com"),
        department=department(id=name),
        organization=organization(),
        model="claude-haiku-5-5",
        microusd=1_000,
        tokens=100,
        expires_at=datetime.now(UTC) + timedelta(minutes=5),
    )
    asyncio.run(Ledger(store).reserve(ask))


@pytest.fixture
def marketing(own_scim: Scim) -> tuple[Scim, str, str]:
    """A service, somebody in marketing, and the group that puts them there."""
    person = own_scim.user(f"{uuid.uuid4().hex}@example.com", active=True)["id"]
    return own_scim, person, own_scim.group("Claude Marketing", person)["id"]


# -- access, at once -----------------------------------------------------------------------------------------


def test_a_leavers_next_call_is_refused(marketing):
    scim, person, _ = marketing
    reserve(scim, person, "marketing")
    assert scim.patch(f"/Users/{person}", OFF).status_code == 200
    with pytest.raises(Refused) as refused:
        reserve(scim, person, "marketing")
    assert refused.value.kind == "access"


@pytest.mark.parametrize(
    "how", ["deactivated", "put", "deleted", "leaves the group", "group deleted", "group renamed"]
)
def test_whoever_loses_access_loses_it_before_the_provider_has_its_answer(marketing, how):
    scim, person, group = marketing
    user = scim.http.get(f"/Users/{person}").json()
    assert scim.access(person).active
    match how:
        case "deactivated":
            scim.patch(f"/Users/{person}", OFF)
        case "put":
            scim.request("PUT", f"/Users/{person}", {**user, "active": False})
        case "deleted":
            scim.request("DELETE", f"/Users/{person}")
        case "leaves the group":
            scim.patch(f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{person}"]'})
        case "group deleted":
            scim.request("DELETE", f"/Groups/{group}")
        case "group renamed":
            scim.patch(f"/Groups/{group}", {"op": "replace", "path": "displayName", "value": "Something"})
    assert not scim.access(person).active


def test_a_mover_is_paid_for_by_the_new_department_from_the_next_call_on(marketing):
    scim, person, group = marketing
    finance = scim.group("claude FINANCE", person)["id"]
    assert scim.access(person).department == "marketing"  # the first rule decides
    scim.patch(f"/Groups/{group}", {"op": "remove", "path": "members"})
    record = scim.access(person)
    assert (record.department, record.data_classes) == ("finance", ("public",))
    reserve(scim, person, "finance")
    with pytest.raises(Refused):
        reserve(scim, person, "marketing")
    assert finance


def test_roles_of_all_groups_add_up_and_a_group_without_a_rule_gives_nothing(marketing):
    scim, person, _ = marketing
    scim.group("Claude Champions", person)
    scim.group("Canteen", person)
    assert scim.access(person).roles == ("champion",)
    other = scim.user(active=True)["id"]
    scim.group("Canteen 2", other)
    assert not scim.access(other).active


def test_without_a_group_the_department_attribute_decides(own_scim: Scim):
    user = own_scim.user(None, active=True, **{ENTERPRISE_SCHEMA: {"department": "FINANCE"}})["id"]
    assert own_scim.access(user).department == "finance"
    own_scim.patch(
        f"/Users/{user}", {"op": "replace", "path": f"{ENTERPRISE_SCHEMA}:department", "value": "Astrology"}
    )
    assert not own_scim.access(user).active


def test_a_leavers_virtual_keys_stop_with_the_leaver(marketing):
    scim, person, _ = marketing
    access = scim.directory.access
    keys = [key_of(person, number) for number in range(60)]
    for key in keys:
        access.create(key)
    access.create(replace(key_of("somebody-else", 99)))
    scim.patch(f"/Users/{person}", OFF)
    stopped = [key for key in access.virtual_keys(person) if not key.active]
    assert len(stopped) >= 40  # with the leaver
    run(worker_of(scim))
    assert not any(key.active for key in access.virtual_keys(person))
    assert all(key.active for key in access.virtual_keys("somebody-else"))


def key_of(owner: str, number: int, at: datetime | None = None) -> AccessRecord:
    return AccessRecord(
        key=virtual_key_key(f"{number:064x}"),
        subject=f"app-{number}",
        active=True,
        department="marketing",
        owner=owner,
        created_at=at,
    )


def test_who_was_deleted_is_never_anybody_again(marketing):
    scim, person, _ = marketing
    user = scim.http.get(f"/Users/{person}").json()
    scim.request("DELETE", f"/Users/{person}")
    again = scim.user(user["userName"], active=True)
    assert again["id"] != person
    assert scim.access(person).department == ""
    assert scim.directory.access.find_person(user["userName"]).subject == again["id"]


def test_changes_at_the_same_time_leave_the_access_that_follows_from_the_end(own_scim: Scim):
    person = own_scim.user(active=True)["id"]
    groups = [own_scim.group(name)["id"] for name in ("Claude Marketing", "Claude Champions", "Canteen")]
    join = {"op": "add", "path": "members", "value": [{"value": person}]}
    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(own_scim.patch, f"/Groups/{group}", join) for group in groups]
        jobs += [pool.submit(own_scim.patch, f"/Users/{person}", one) for one in (OFF, ON, OFF)]
        assert {job.result().status_code for job in jobs} <= {200, 204}
    own_scim.patch(f"/Users/{person}", ON)
    record = own_scim.access(person)
    assert (record.active, record.department, record.roles) == (True, "marketing", ("champion",))
    shown = own_scim.http.get(f"/Users/{person}").json()["groups"]
    assert {one["value"] for one in shown} == set(groups)


# -- consequences, for certain -------------------------------------------------------------------------------


def test_each_move_is_recorded_once_with_where_from_and_where_to(marketing):
    scim, person, group = marketing
    scim.group("Claude Finance", person)
    scim.patch(f"/Groups/{group}", {"op": "remove", "path": "members"})
    scim.patch(f"/Users/{person}", {"op": "add", "path": "title", "value": "no move"})
    scim.patch(f"/Users/{person}", OFF)
    audit = Audit()
    done = {"created": 1, "changed": 1, "joiner": 1, "mover": 2, "leaver": 1, "placed": 1}
    assert run(worker_of(scim, audit=audit)) == done
    assert moves(audit) == [
        ("joiner", "", "marketing"),
        ("mover", "marketing", "marketing"),  # whose data classes finance's rule narrows
        ("mover", "marketing", "finance"),
        ("leaver", "finance", "finance"),
    ]
    assert {record["subject"] for record in audit.records} == {person}
    assert "@" not in str(audit.records)
    run(worker_of(scim, audit=audit))
    assert len(audit.records) == 6
    assert scim.directory.store.under(OUTBOX) == []


def test_a_consequence_that_fails_stays_until_it_is_done_and_keeps_nobody_waiting(marketing):
    scim, person, _ = marketing
    audit = Audit()
    audit.refuses = True
    with pytest.raises(ConsequencesFailed):
        run(worker_of(scim, audit=audit))
    assert len(scim.directory.store.under(OUTBOX)) == 2  # somebody was made, and joined
    assert scim.access(person).active  # access itself waits for nothing
    audit.refuses = False
    run(worker_of(scim, audit=audit))
    assert moves(audit) == [("joiner", "", "marketing")]


def test_an_event_that_nobody_can_read_keeps_nobody_waiting(marketing):
    scim, _, _ = marketing
    store, audit = scim.directory.store, Audit()
    store.write(OUTBOX, "0", {"event": {"S": "no event"}})
    with pytest.raises(ConsequencesFailed):
        run(worker_of(scim, audit=audit))
    assert moves(audit) == [("joiner", "", "marketing")]
    assert [one["sk"]["S"] for one in store.under(OUTBOX)] == ["0"]
    store.remove(OUTBOX, "0")


def test_a_leaver_is_signed_out_and_shut_out_and_let_in_again_as_a_joiner(marketing):
    scim, person, _ = marketing
    name = scim.http.get(f"/Users/{person}").json()["userName"]
    pool = Pool(**{"Corp_1": name, "Corp_2": "other@example.com"})
    run(worker_of(scim, pool=pool))
    pool.done.clear()
    scim.patch(f"/Users/{person}", OFF)
    run(worker_of(scim, pool=pool))
    assert pool.done == [("admin_disable_user", "Corp_1"), ("admin_user_global_sign_out", "Corp_1")]
    pool.done.clear()
    scim.patch(f"/Users/{person}", ON)
    run(worker_of(scim, pool=pool))
    assert pool.done == [("admin_enable_user", "Corp_1")]


def test_somebody_who_is_back_is_not_shut_out_by_the_late_end_of_a_departure(marketing):
    scim, person, _ = marketing
    name = scim.http.get(f"/Users/{person}").json()["userName"]
    scim.patch(f"/Users/{person}", OFF)
    scim.patch(f"/Users/{person}", ON)
    scim.directory.access.create(key_of(person, 1, datetime.now(UTC) + timedelta(minutes=1)))
    pool = Pool(Corp_1=name)
    run(worker_of(scim, pool=pool))
    assert ("admin_disable_user", "Corp_1") not in pool.done
    assert all(key.active for key in scim.directory.access.virtual_keys(person))


def bound(scim: Scim, person: str, username: str) -> Binding:
    binding = Binding(
        person,
        subject_hash("https://login.example.com", username),
        username,
        "address",
        datetime(2026, 11, 1, tzinfo=UTC),
    )
    Bindings(scim.tenant.client("dynamodb"), scim.tenant.settings.access_table).bind(binding)
    return binding


def test_who_is_called_otherwise_signs_in_again_and_no_session_goes_with_the_name(marketing):
    scim, person, _ = marketing
    name = scim.http.get(f"/Users/{person}").json()["userName"]
    bound(scim, person, "Corp_17")
    pool = Pool(Corp_17="a name of long ago")
    run(worker_of(scim, pool=pool))
    rename = {"op": "replace", "path": "userName", "value": f"{uuid.uuid4().hex}@example.com"}
    before = datetime.now(UTC).replace(microsecond=0)
    assert scim.patch(f"/Users/{person}", rename).status_code == 200
    assert scim.access(person).signed_out_at >= before
    assert scim.access(person).active
    audit = Audit()
    pool.done.clear()
    run(worker_of(scim, audit=audit, pool=pool))
    assert pool.done == [("admin_user_global_sign_out", "Corp_17")]
    (record,) = [one for one in audit.records if one["kind"] == "identity"]
    assert (record["event"], set(record["before"]), set(record["after"])) == (
        "changed",
        {"userName"},
        {"userName"},
    )
    assert record["before"]["userName"] == hashlib.sha256(name.encode()).hexdigest()
    heir = scim.user(name, active=True)["id"]
    assert scim.directory.access.find_person(name).subject == heir != person
    # a change of case is not a new name
    signed_out = scim.access(person).signed_out_at
    scim.patch(f"/Users/{person}", {**rename, "value": rename["value"].upper()})
    assert scim.access(person).signed_out_at == signed_out


def test_a_deleted_persons_account_is_free_and_its_sessions_are_ended_by_what_the_pool_calls_it(marketing):
    scim, person, _ = marketing
    binding = bound(scim, person, "Corp_17")
    run(worker_of(scim, pool=Pool()))
    assert scim.request("DELETE", f"/Users/{person}").status_code == 204
    bindings = Bindings(scim.tenant.client("dynamodb"), scim.tenant.settings.access_table)
    assert (bindings.of(person), bindings.person_of(binding.subject)) == (None, None)
    pool = Pool(Corp_17="a name of long ago")
    run(worker_of(scim, pool=pool))
    assert pool.done == [("admin_disable_user", "Corp_17"), ("admin_user_global_sign_out", "Corp_17")]


def test_names_are_quoted_in_what_cognito_is_asked():
    asked: list[str] = []

    class Listening(Pool):
        def list_users(self, *, UserPoolId: str, Filter: str, Limit: int) -> dict[str, Any]:  # noqa: N803
            asked.append(Filter)
            return {"Users": []}

    Sessions(Listening(), "pool").end(['x" or email ^= "', "back\\slash"], disable=True)
    assert asked == [
        f'{attribute} = "{quoted}"'
        for quoted in ('x\\" or email ^= \\"', "back\\\\slash")
        for attribute in ("preferred_username", "username")
    ]


def test_onboarding_starts_with_a_joiner_and_access_waits_for_its_end_where_that_is_required(own_scim: Scim):
    own_scim.tenant.publish({**RULES, "onboarding_required": True})
    scim = Scim(own_scim.tenant)
    person = scim.user(active=True)["id"]
    scim.group("Claude Marketing", person)
    assert (scim.access(person).active, scim.access(person).onboarding) == (False, "pending")
    run(worker_of(scim))
    started = scim.directory.store.get(f"USER#{person}", "ONBOARDING")
    assert started is not None
    assert started["state"]["S"] == "pending"
    scim.directory.access.complete_onboarding(person)
    assert scim.access(person).active
    for operation in (OFF, ON):
        scim.patch(f"/Users/{person}", operation)
    assert (scim.access(person).active, scim.access(person).onboarding) == (True, "done")
    scim.stop()


def test_a_change_of_the_rules_places_everybody_again(marketing):
    scim, person, _ = marketing
    run(worker_of(scim))
    moved = {"group": "Claude Marketing", "department": "finance"}
    scim.tenant.publish({**RULES, "groups": [moved]})
    directory = open_directory(scim.tenant.settings, session_of(scim.tenant.emulator))
    worker = replace(worker_of(scim), directory=directory)
    assert run(worker) == {"placed": 1}
    assert scim.access(person).department == "finance"
    assert run(worker) == {"mover": 1, "placed": 1}  # once more, because a service may have lagged behind
    assert run(worker) == {}


def test_rules_that_cannot_be_read_keep_the_last_good_ones(marketing):
    scim, person, _ = marketing
    scim.tenant.client("s3").put_object(
        Bucket=scim.tenant.settings.governance_bucket, Key=scim.tenant.settings.rules_object_key, Body=b"{"
    )
    scim.directory.rules._read_at = float("-inf")
    assert scim.patch(f"/Users/{person}", OFF).status_code == 200
    assert not scim.access(person).active


# -- what a crash leaves -------------------------------------------------------------------------------------


def test_what_a_crash_left_of_a_change_of_a_group_is_finished(own_scim: Scim):
    people = [own_scim.user(active=True)["id"] for _ in range(3)]
    group, inner = own_scim.group("Claude Marketing"), own_scim.group("Canteen")["id"]
    store = own_scim.directory.store
    (event,) = membership_events("join", group["id"], 1, [*people, inner], datetime.now(UTC))
    store.transact([Write(put_event(store, event))])
    assert run(worker_of(own_scim)) == {"created": 3, "placed": 3}  # its request may still be at it
    assert not own_scim.access(people[0]).active
    run(worker_of(own_scim, later=timedelta(minutes=3)))
    assert all(own_scim.access(person).active for person in people)
    members = own_scim.http.get(f"/Groups/{group['id']}").json()["members"]
    expected = dict.fromkeys(people, "User") | {inner: "Group"}
    assert {one["value"]: one["type"] for one in members} == expected


@pytest.mark.parametrize("change", ["renamed", "deleted"])
def test_what_all_members_are_to_hear_of_is_finished_by_runs_that_each_have_little_time(
    own_scim: Scim, monkeypatch: pytest.MonkeyPatch, change: str
):
    """The request has no time at all, each run that for one part; meanwhile somebody joins (G.4)."""
    people = [own_scim.user(active=True)["id"] for _ in range(5)]
    group = own_scim.group("Claude Marketing", *people)["id"]
    run(worker_of(own_scim))
    monkeypatch.setattr(groups, "_REQUEST_SECONDS", -1.0)
    monkeypatch.setattr(groups, "_PART", 2)
    if change == "renamed":
        rename = {"op": "replace", "path": "displayName", "value": "Claude Finance"}
        assert own_scim.patch(f"/Groups/{group}", rename).status_code in (200, 204)
        late = own_scim.user(active=True)["id"]
        join = {"op": "add", "path": "members", "value": [{"value": late}]}
        assert own_scim.patch(f"/Groups/{group}", join).status_code in (200, 204)
        people.append(late)
    else:
        assert own_scim.http.delete(f"/Groups/{group}").status_code == 204
    expected = "finance" if change == "renamed" else ""
    changed = []
    for _ in range(5):
        looks = iter([True, True, False])  # the event, its first part, and no more
        worker_of(own_scim, later=timedelta(minutes=3)).run(lambda looks=looks: next(looks, False))
        changed.append(sum(own_scim.access(one).department == expected for one in people))
    assert changed == sorted(changed)
    assert 0 < changed[0] < len(people), "one part a run"
    assert changed[-1] == len(people)
    left = [read_event(item) for item in own_scim.directory.store.under(OUTBOX)]
    assert not [one for one in left if isinstance(one, MembershipEvent)]


def test_a_request_on_everybody_is_one_small_transaction_and_bounded_in_time(
    monkeypatch: pytest.MonkeyPatch,
):
    """A group of 500,000 in memory: renamed and deleted in the seconds of a request (G.4, Z.3)."""
    store = Everybody(500_000)
    people = Placed()
    changed = groups.Groups(store, people, lambda: store, lambda: datetime.now(UTC))  # type: ignore[arg-type]
    monkeypatch.setattr(groups, "_REQUEST_SECONDS", 0.2)
    for number, request in enumerate(
        (
            lambda: changed.update(
                store.id, lambda resource: groups.Edit(resource.model_copy(update={"display_name": "Other"}))
            ),
            lambda: changed.delete(store.id),
        )
    ):
        started = time.monotonic()
        request()
        assert time.monotonic() - started < 2.0
        assert store.largest < 10_000, "bytes of the transaction, of 4 MB"
        (left,) = [one for one in store.events.values() if one.everyone]
        assert changed.finish(left, lambda: True)
        assert people.done.count(number) >= 500_000
        store.events.clear()


def test_what_a_crash_left_is_not_done_when_the_group_was_changed_since(own_scim: Scim):
    person = own_scim.user(active=True)["id"]
    group = own_scim.group("Claude Marketing")
    store = own_scim.directory.store
    (event,) = membership_events("join", group["id"], 1, [person], datetime.now(UTC))
    store.transact([Write(put_event(store, event))])
    own_scim.patch(f"/Groups/{group['id']}", {"op": "replace", "path": "externalId", "value": "newer"})
    run(worker_of(own_scim, later=timedelta(minutes=3)))
    assert not own_scim.access(person).active
    assert store.under(OUTBOX) == []


def test_a_group_whose_change_breaks_off_leaves_word_of_what_is_missing(own_scim: Scim, monkeypatch):
    people = [own_scim.user(active=True)["id"] for _ in range(3)]
    group = own_scim.group("Claude Marketing")

    def crash(*_: Any, **__: Any) -> None:
        raise RuntimeError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(own_scim.directory.people, "join", crash)
        value = [{"value": person} for person in people]
        answer = own_scim.patch(f"/Groups/{group['id']}", {"op": "add", "path": "members", "value": value})
        assert answer.status_code == 500
    left = [read_event(item) for item in own_scim.directory.store.under(OUTBOX)]
    (event,) = [one for one in left if isinstance(one, MembershipEvent)]
    assert set(event.members) == set(people)
    run(worker_of(own_scim, later=timedelta(minutes=3)))
    assert all(own_scim.access(person).active for person in people)


def test_a_leaver_loses_the_session_in_a_real_pool(marketing):
    """The emulated Cognito, which keeps users and their state."""
    scim, person, _ = marketing
    name = scim.http.get(f"/Users/{person}").json()["userName"]
    cognito = scim.tenant.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName=uuid.uuid4().hex)["UserPool"]["Id"]
    attributes = [{"Name": "email", "Value": name}, {"Name": "preferred_username", "Value": name}]
    cognito.admin_create_user(UserPoolId=pool, Username="Corp_1", UserAttributes=attributes)
    cognito.admin_create_user(UserPoolId=pool, Username="Corp_2")
    worker = replace(worker_of(scim), sessions=Sessions(cognito, pool))
    run(worker)
    scim.patch(f"/Users/{person}", OFF)
    run(worker)
    enabled = {one["Username"]: one["Enabled"] for one in cognito.list_users(UserPoolId=pool)["Users"]}
    assert enabled == {"Corp_1": False, "Corp_2": True}
    scim.patch(f"/Users/{person}", ON)
    run(worker)
    assert cognito.admin_get_user(UserPoolId=pool, Username="Corp_1")["Enabled"]

"""The access review: who has which access, since when, by which group or rule, and when it was last used
(G.4, C.1).

Read from the tables themselves, so that it includes anything written without the functions. A review names
people; what is kept of a signed-off one contains only ids.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from botocore.exceptions import ClientError

from kit.errors import ExitCode, KitError
from kit.evidence.pack import as_csv
from kit.governance.objects import put_object
from kit.identity.operator import access_records, caller_arn, record_event
from kit.target import Target
from lambdas.common.access import AccessRecord
from lambdas.common.clock import utc_now
from lambdas.common.dynamodb import MOST_KEYS, Unprocessed, batch_get
from lambdas.scim.placement import Rules, read_rules

COLUMNS = (
    "kind", "id", "name", "state", "department", "roles", "data_classes", "models", "granted_by", "since",
    "last_used", "expires_at", "remarks",
)  # fmt: skip
FOLDER = "access-reviews/"  # in the governance bucket: what was signed off
RULES_OBJECT_KEY = "policy/scim.json"
UNUSED_MONTHS = 3  # this calendar month and the two before
_THREADS = 8
_PATIENCE_SECONDS = 30.0  # while a table answers with none of the items it is asked for
_GIVEN = ("state", "department", "roles", "data_classes", "models", "granted_by", "expires_at")

Kind = Literal["person", "key", "provisioning-token", "console-role"]
Advance = Callable[[str, int], None]


@dataclass(frozen=True)
class Entry:
    """Access of one person, key, token or role. Times are ISO 8601 in UTC; `last_used` is to the minute, or
    empty without any use. `data_classes` and `models` restrict the department's; empty: no restriction.
    """

    kind: Kind
    id: str
    name: str
    state: str  # active, waits for onboarding, expired, inactive
    department: str = ""
    roles: tuple[str, ...] = ()
    data_classes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    granted_by: tuple[str, ...] = ()
    since: str = ""
    last_used: str = ""
    expires_at: str = ""
    remarks: tuple[str, ...] = ()

    def given(self) -> dict[str, Any]:
        """Return what is signed off: the rights, without names and usage."""
        return {"kind": self.kind, "id": self.id, **{name: getattr(self, name) for name in _GIVEN}}


@dataclass(frozen=True)
class SignOff:
    """A signed-off review. `entries` is what `Entry.given` returned then, by kind and id."""

    at: str
    by: str
    sha256: str
    department: str
    note: str
    entries: Mapping[str, Mapping[str, Any]]

    def as_document(self) -> dict[str, Any]:
        """Return it without the entries."""
        values = asdict(self)
        del values["entries"]
        return values


@dataclass(frozen=True)
class AccessReview:
    """A review as of `at`; `department` limits it. `last` is the latest sign-off of the same scope."""

    client: str
    environment: str
    at: str
    department: str
    entries: tuple[Entry, ...]
    last: SignOff | None = None

    @property
    def sha256(self) -> str:
        """Return the hash of the reviewed rights, without names and usage."""
        return hashlib.sha256(_canonical([one.given() for one in self.entries])).hexdigest()

    def changes(self) -> dict[str, tuple[str, ...]]:
        """Return what is new, changed and gone since the last sign-off, each as `kind id`."""
        before = self.last.entries if self.last else {}
        now = {_name(one): json.loads(_canonical(one.given())) for one in self.entries}
        return {
            "new": tuple(one for one in now if one not in before),
            "changed": tuple(one for one in now if one in before and now[one] != before[one]),
            "gone": tuple(one for one in before if one not in now),
        }

    def as_document(self) -> dict[str, Any]:
        """Return it as one JSON document."""
        return {
            "client": self.client,
            "environment": self.environment,
            "at": self.at,
            "department": self.department or None,
            "sha256": self.sha256,
            "last_sign_off": self.last.as_document() if self.last else None,
            "since_last_sign_off": {name: list(ids) for name, ids in self.changes().items()},
            "entries": [asdict(one) for one in self.entries],
        }

    def as_csv(self) -> str:
        """Return one line per entry; no cell is a formula to a spreadsheet."""
        rows = ({name: _cell(value) for name, value in asdict(one).items()} for one in self.entries)
        return as_csv(COLUMNS, rows).decode()


def access_review(
    target: Target,
    *,
    department: str = "",
    everybody: bool = False,
    now: datetime | None = None,
    advance: Advance = lambda *_: None,
) -> AccessReview:
    """Return current access; with `everybody` also what has ended.

    `advance` is called with what was read and how much of it. Raises KitError and AWS errors.
    """
    at = now or utc_now()
    entries = [
        *_people_and_keys(target, at, advance),
        *_provisioning_tokens(target, at),
        *_console_roles(target),
    ]
    kept = [
        one
        for one in entries
        if (everybody or one.state not in {"inactive", "expired"})
        and (not department or one.department == department)
    ]
    if department and not kept:
        raise KitError(
            f"nobody has access in {department}",
            hint="give the id of a department of the configuration",
            exit_code=ExitCode.USAGE,
        )
    return AccessReview(
        target.outputs.get("client", ""),
        target.outputs.get("environment", ""),
        at.isoformat(timespec="seconds"),
        department,
        tuple(sorted(kept, key=lambda one: (one.kind, one.department, one.name, one.id))),
        _last_sign_off(target, department),
    )


def sign_off(target: Target, review: AccessReview, note: str) -> SignOff:
    """Record that the caller reviewed exactly this, and store it. Raises KitError."""
    entries = {_name(one): one.given() for one in review.entries}
    made = SignOff(review.at, caller_arn(target), review.sha256, review.department, note, entries)
    people = sum(one.kind == "person" for one in review.entries)
    record_event(
        target,
        {
            "kind": "access-review",
            "event": "signed-off",
            "sha256": made.sha256,
            "department": review.department or None,
            "people": people,
            "others": len(review.entries) - people,
            "note": note,
        },
    )
    put_object(target, f"{_scope(review.department)}{review.at}.json", _canonical(asdict(made)))
    return made


# -- reading -----------------------------------------------------------------------------------------------


def _people_and_keys(target: Target, now: datetime, advance: Advance) -> Iterator[Entry]:
    records = []
    for record in access_records(target).every():
        records.append(record)
        if len(records) % 1000 == 0:
            advance("access records", 1000)
    people = [one for one in records if one.kind == "person"]
    keys = [one for one in records if one.kind == "application"]
    known = _directory(target, [one.subject for one in people], advance)
    groups = _group_names(target, {group for _, found in known.values() for group in found})
    rules = _rules(target)
    used = _last_uses(target, [one.subject for one in (*people, *keys)], now, advance)
    for record in people:
        yield _person(record, known.get(record.subject), groups, rules, used, now)
    active = {one.subject for one in people if one.active}
    for record in keys:
        yield _key(record, active, used, now)


def _person(
    record: AccessRecord,
    known: tuple[Mapping[str, Any], Sequence[str]] | None,
    groups: Mapping[str, tuple[str, str]],
    rules: Rules,
    used: Mapping[str, str],
    now: datetime,
) -> Entry:
    body, member_of = known or ({}, ())
    extension = body.get("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User") or {}
    granted = rules.grounds(
        [groups.get(one, ("", "")) for one in member_of], extension.get("department") or ""
    )
    entry = _entry("person", record, now)
    remarks = [*entry.remarks]
    if known is None and record.active:
        remarks.append("not in the directory")
    if not granted and record.active:
        remarks.append("no group or attribute gives it")
    name = str(body.get("userName") or "")
    return _with_use(replace(entry, name=name, granted_by=granted, remarks=tuple(remarks)), used, now)


def _key(
    record: AccessRecord, active: frozenset[str] | set[str], used: Mapping[str, str], now: datetime
) -> Entry:
    entry = _entry("key", record, now)
    remarks = [*entry.remarks]
    owner = record.owner
    if owner and not owner.startswith("department:") and owner not in active:
        remarks.append("its owner is out")
    if record.expires_at is None:
        remarks.append("has no end")
    granted = (f"owner {owner}",) if owner else ()
    return _with_use(replace(entry, name=record.label, granted_by=granted, remarks=tuple(remarks)), used, now)


def _entry(kind: Kind, record: AccessRecord, now: datetime) -> Entry:
    state = "active"
    remarks: tuple[str, ...] = ()
    if record.awaits_onboarding:
        state = "waits for onboarding"
    elif record.is_shut_out:
        state = "inactive"
        remarks = ("an operator made this person inactive, whatever the directory says",)
    elif not record.active:
        state = "inactive"
    elif not record.active_at(now):
        state = "expired"
    since = record.since or record.created_at
    return Entry(
        kind=kind,
        id=record.subject,
        name="",
        state=state,
        department=record.department,
        roles=record.roles,
        data_classes=record.data_classes or (),
        models=record.models or (),
        since=since.isoformat() if since else "",
        expires_at=record.expires_at.isoformat() if record.expires_at else "",
        remarks=remarks,
    )


def _with_use(entry: Entry, used: Mapping[str, str], now: datetime) -> Entry:
    last = used.get(entry.id, "")
    fresh = entry.since >= (now - timedelta(days=30)).isoformat()
    if not last and entry.state == "active" and not fresh:
        entry = replace(entry, remarks=(*entry.remarks, f"not used in {UNUSED_MONTHS} months"))
    return replace(entry, last_used=last)


def _directory(
    target: Target, ids: Sequence[str], advance: Advance
) -> dict[str, tuple[Mapping[str, Any], Sequence[str]]]:
    """Return what the identity provider sent, and the groups, by id."""
    table = target.require("directory_table_name")
    keys = [(f"USER#{one}", "RESOURCE") for one in ids]
    found: dict[str, tuple[Mapping[str, Any], Sequence[str]]] = {}
    for item in _items(target, table, keys, lambda count: advance("people", count)):
        groups = [one["S"] for one in item["groups"]["L"]]
        found[item["pk"]["S"].removeprefix("USER#")] = json.loads(item["body"]["S"]), groups
    return found


def _group_names(target: Target, ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    table = target.require("directory_table_name")
    keys = [(f"GROUP#{one}", "RESOURCE") for one in sorted(ids)]
    names: dict[str, tuple[str, str]] = {}
    for item in _items(target, table, keys, lambda _: None):
        body = json.loads(item["body"]["S"])
        identifier = item["pk"]["S"].removeprefix("GROUP#")
        names[identifier] = (str(body.get("displayName") or ""), str(body.get("externalId") or ""))
    return names


def _last_uses(target: Target, ids: Sequence[str], now: datetime, advance: Advance) -> dict[str, str]:
    """Return the minute of each one's last call according to the ledger: this month, or the two before."""
    table, month, waiting = target.require("ledger_table_name"), now, list(ids)
    used: dict[str, str] = {}
    for _ in range(UNUSED_MONTHS):
        keys = [(f"USER#{one}", f"{month:%Y-%m}") for one in waiting]
        for item in _items(target, table, keys, lambda count: advance("uses", count)):
            minute = item.get("window", {}).get("S", "")
            used[item["pk"]["S"].removeprefix("USER#")] = f"{minute}:00+00:00" if minute else ""
        waiting = [one for one in waiting if not used.get(one)]
        month = month.replace(day=1) - timedelta(days=1)
    return used


def _items(
    target: Target, table: str, keys: Sequence[tuple[str, str]], advance: Callable[[int], None]
) -> Iterator[Mapping[str, Any]]:
    client = target.client("dynamodb")

    def batch(part: Sequence[tuple[str, str]]) -> Sequence[Mapping[str, Any]]:
        try:
            return batch_get(client.batch_get_item, table, part, consistent=False, within=_PATIENCE_SECONDS)
        except Unprocessed:
            raise KitError(
                f"DynamoDB has no capacity to read {table}",
                hint="run the command again in some minutes; it only reads",
            ) from None

    parts = [keys[start : start + MOST_KEYS] for start in range(0, len(keys), MOST_KEYS)]
    with ThreadPoolExecutor(_THREADS) as pool:
        for part, found in zip(parts, pool.map(batch, parts), strict=True):
            advance(len(part))
            yield from found


def _rules(target: Target) -> Rules:
    place = {"Bucket": target.require("governance_bucket_name"), "Key": RULES_OBJECT_KEY}
    return read_rules(target.client("s3").get_object(**place)["Body"].read())


def _provisioning_tokens(target: Target, now: datetime) -> Iterator[Entry]:
    from lambdas.scim.credentials import NamedTokens
    from lambdas.scim.store import DirectoryStore

    store = DirectoryStore(target.client("dynamodb"), target.require("directory_table_name"))
    for one in NamedTokens(store).every():
        yield Entry(
            kind="provisioning-token",
            id=one.name,
            name=one.name,
            state="active" if one.good_at(now) else "expired",
            roles=("provision people and groups",),
            granted_by=(f"owner {one.owner}",) if one.owner else (),
            since=one.created_at.isoformat() if one.created_at else "",
            last_used=one.last_used_at.isoformat() if one.last_used_at else "",
            expires_at=one.expires_at.isoformat() if one.expires_at else "",
            remarks=() if one.expires_at else ("has no end",),
        )


def _console_roles(target: Target) -> Iterator[Entry]:
    """Yield the roles of the Center of Excellence: trusted principals, and last use."""
    from components.foundation.roles import ROLES

    iam = target.client("iam")
    for role in ROLES:
        name = f"{target.require('client')}-{target.require('environment')}-{role}"
        try:
            found = iam.get_role(RoleName=name)["Role"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchEntity":
                raise
            continue
        taken = found.get("RoleLastUsed", {}).get("LastUsedDate")
        yield Entry(
            kind="console-role",
            id=name,
            name=role,
            state="active",
            roles=(role,),
            granted_by=tuple(sorted(set(_trusted(found["AssumeRolePolicyDocument"])))),
            since=found["CreateDate"].astimezone(UTC).isoformat(timespec="seconds"),
            last_used=taken.astimezone(UTC).isoformat(timespec="seconds") if taken else "",
        )


def _trusted(document: Mapping[str, Any]) -> Iterator[str]:
    for statement in document["Statement"]:
        for patterns in statement.get("Condition", {}).get("ArnLike", {}).values():
            yield from [patterns] if isinstance(patterns, str) else patterns
        for kind, who in statement["Principal"].items():
            if kind == "Federated" or "ArnLike" not in statement.get("Condition", {}):
                yield from [who] if isinstance(who, str) else who


def _last_sign_off(target: Target, department: str) -> SignOff | None:
    s3, bucket = target.client("s3"), target.require("governance_bucket_name")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=_scope(department))
    keys = [one["Key"] for page in pages for one in page.get("Contents", ())]
    if not keys:
        return None
    return SignOff(**json.loads(s3.get_object(Bucket=bucket, Key=max(keys))["Body"].read()))


def _scope(department: str) -> str:
    return f"{FOLDER}{f'department/{department}' if department else 'everybody'}/"


def _name(entry: Entry) -> str:
    return f"{entry.kind} {entry.id}"


def _cell(value: Any) -> str:
    return "; ".join(value) if isinstance(value, tuple | list) else str(value)


def _canonical(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()

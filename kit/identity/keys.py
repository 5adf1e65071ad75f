"""Virtual keys and workloads: created, listed and revoked by the operator (L1.3)."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from kit.errors import ExitCode, KitError
from kit.identity.operator import access_records, pepper, plain, policy, record_event, usage
from kit.target import Target
from lambdas.common.access import AccessConflict, AccessRecord
from lambdas.common.identities import KeyLimits
from lambdas.common.ids import new_id
from lambdas.common.ledger.ledger import COMMITTED
from lambdas.common.policy import DATA_CLASSES, EMBEDDINGS, GatewayPolicy
from lambdas.common.virtual_keys import key_record_pk, new_virtual_key, workload_record_pk

IAM_ISSUER = "aws:iam"
HOP_ROLE = "identity-hop"
MOST_DAYS = 366


@dataclass(frozen=True)
class Scope:
    """What an application may do. `models` and `data_classes` restrict the department's; None: no
    restriction.
    """

    label: str
    department: str
    models: Sequence[str] | None = None
    data_classes: Sequence[str] | None = None
    networks: Sequence[str] = ()
    expires_at: datetime | None = None
    identity_hop: bool = False
    limits: KeyLimits | None = None
    use_case: str = ""
    owner: str = ""  # user name of the person whose key it is; empty: the department's


@dataclass(frozen=True)
class MadeKey:
    """A key just created. `key` is empty for a workload, which has none."""

    key: str
    record: AccessRecord


def create_key(target: Target, scope: Scope) -> MadeKey:
    """Create a virtual key. Raises KitError if the scope names what the policy does not know."""
    key = new_virtual_key()
    return MadeKey(key, _create(target, scope, key_record_pk(key, pepper(target))))


def create_workload(target: Target, scope: Scope, issuer: str, subject: str) -> MadeKey:
    """Grant access to a workload that authenticates with a token of `issuer` or, for `aws:iam`, as a role
    with SigV4.

    `issuer` is a rule's name, or the issuer itself if it has one rule. A revoked or expired workload gets
    access again.
    """
    identity = issuer if issuer == IAM_ISSUER else _identity_of(policy(target), issuer)
    return MadeKey("", _create(target, scope, workload_record_pk(identity, subject, pepper(target))))


def _identity_of(policy: GatewayPolicy, issuer: str) -> str:
    """Return the identity of a rule's workloads. Raises KitError unless exactly one rule matches."""
    applications = [one for one in policy.issuers if one.principal == "application"]
    rules = [one for one in applications if issuer in (one.name, one.issuer)]
    identities = {one.identity: one for one in rules}
    if not identities:
        raise usage(f"{issuer} is not a trusted issuer here", "add it to trusted_issuers, deploy")
    if len(identities) > 1:
        names = ", ".join(sorted(one.name for one in rules if one.name))
        raise usage(f"{issuer} has several rules", f"name one: --issuer with one of {names}")
    return next(iter(identities))


def _create(target: Target, scope: Scope, pk: str) -> AccessRecord:
    record = _record(target, scope, pk)
    records = access_records(target)
    before = records.get(pk)
    if before is not None and before.active_at(datetime.now(UTC)):
        hint = f"kit key renew {before.subject}, or kit key revoke it first"
        raise usage(f"this workload is let in already, as {before.subject}", hint)
    record_event(target, _event("created", record))
    try:
        if before is None:
            records.create(record)
        else:
            records.replace_key(before, record)
    except AccessConflict:
        raise usage("somebody else has changed this workload at the same time", "kit key list") from None
    return record


def _record(target: Target, scope: Scope, pk: str) -> AccessRecord:
    _check(policy(target), scope)
    check_limits(scope.limits)
    now = datetime.now(UTC)
    return AccessRecord(
        key=pk,
        subject=new_id("key_"),
        active=True,
        department=scope.department,
        roles=(HOP_ROLE,) if scope.identity_hop else (),
        models=tuple(scope.models) if scope.models else None,
        data_classes=tuple(scope.data_classes) if scope.data_classes else None,
        expires_at=scope.expires_at,
        networks=tuple(scope.networks),
        owner=_owner(target, scope),
        label=plain(scope.label, "--name", most=100),
        created_at=now,
        limits=scope.limits,
        use_case=scope.use_case,
    )


def _check(policy: GatewayPolicy, scope: Scope) -> None:
    department = policy.departments.get(scope.department)
    if department is None:
        raise usage(f"there is no department {scope.department}", f"one of: {', '.join(policy.departments)}")
    models = (*department.models, EMBEDDINGS) if department.embeddings else department.models
    for model in scope.models or ():
        if model not in models:
            raise usage(f"{scope.department} may not use {model}", f"one of: {', '.join(models)}")
    for data_class in scope.data_classes or ():
        if data_class not in DATA_CLASSES or data_class not in department.data_classes:
            names = ", ".join(department.data_classes)
            raise usage(f"{scope.department} has no data class {data_class}", f"one of: {names}")
    for network in scope.networks:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise usage(f"{network} is not a network", "write it as a CIDR block: 10.1.0.0/16") from None
    if scope.expires_at is not None and scope.expires_at <= datetime.now(UTC):
        raise usage("the key would have expired already", "give --days or a later --expires")


def expiry(days: int | None) -> datetime | None:
    """Return when a key created now for `days` days expires."""
    if days is None:
        return None
    if not 1 <= days <= MOST_DAYS:
        raise usage(f"--days {days}: not in 1..{MOST_DAYS}", "renew the key before it expires")
    return (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)


def _owner(target: Target, scope: Scope) -> str:
    if not scope.owner:
        return f"department:{scope.department}"
    person = access_records(target).find_person(scope.owner)
    if person is None or not person.active:
        raise usage(
            f"{scope.owner} is nobody who may use Claude", "give the user name of a provisioned person"
        )
    if person.department != scope.department:
        raise usage(f"{scope.owner} belongs to {person.department}", f"--department {person.department}")
    return person.subject


def check_limits(limits: KeyLimits | None) -> None:
    """Raise KitError for a limit that allows nothing."""
    for one in fields(KeyLimits):
        value = getattr(limits, one.name) if limits else None
        if value is not None and value < 1:
            raise usage(f"{one.name}: {value} lets nothing pass", "revoke the key instead: kit key revoke")


def find_key(target: Target, key_id: str) -> AccessRecord:
    """Return the key with this id (`key_…`). Raises KitError."""
    for record in list_keys(target):
        if record.subject == key_id:
            return record
    raise KitError(f"there is no key {key_id}", hint="kit key list", exit_code=ExitCode.USAGE)


def limit_key(target: Target, key_id: str, limits: KeyLimits) -> AccessRecord:
    """Set limits of a key; None leaves one unchanged.

    Effective at once for new calls, within seconds where its record is cached. Raises KitError.
    """
    check_limits(limits)
    record = find_key(target, key_id)
    before = record.limits or KeyLimits()
    given = {one.name: getattr(limits, one.name) for one in fields(KeyLimits)}
    return _change(target, "limited", record, limits=replace(before, **_set(given)))


def renew_key(target: Target, key_id: str, days: int) -> AccessRecord:
    """Extend a key to `days` days from now. Raises KitError for a revoked one."""
    record = find_key(target, key_id)
    if not record.active:
        raise usage(f"{key_id} is revoked", "make a new one: kit key create")
    return _change(target, "renewed", record, expires_at=expiry(days))


def _set(given: Mapping[str, int | None]) -> dict[str, int]:
    return {name: value for name, value in given.items() if value is not None}


def _change(target: Target, what: str, record: AccessRecord, **values: Any) -> AccessRecord:
    record_event(target, _event(what, replace(record, **values)))
    try:
        return access_records(target).change(record, **values)
    except AccessConflict:
        raise KitError("somebody changed the key meanwhile", hint="run the command again") from None


def list_keys(target: Target) -> list[AccessRecord]:
    """Return every key and workload, including revoked ones, oldest first."""
    return sorted(access_records(target).virtual_keys(), key=lambda record: record.subject)


def revoke_key(target: Target, key_id: str) -> bool:
    """Revoke a key by its id (`key_…`); it is refused at the next call. Idempotent. Return False if it
    already was.
    """
    record = find_key(target, key_id)
    if record.active:
        record_event(target, _event("revoked", record))
        access_records(target).revoke(record.key)
    return record.active


def _event(what: str, record: AccessRecord) -> dict[str, object]:
    return {
        "kind": "key",
        "event": what,
        "subject": record.subject,
        "department": record.department,
        "models": list(record.models) if record.models else None,
        "data_classes": list(record.data_classes) if record.data_classes else None,
        "networks": list(record.networks),
        "roles": list(record.roles),
        "expires_at": record.expires_at.isoformat() if record.expires_at else None,
        "owner": record.owner,
        "use_case": record.use_case,
        "limits": asdict(record.limits) if record.limits else None,
    }


def spent_microusd(target: Target, record: AccessRecord) -> int:
    """Return what a key has committed this month: spent, and reserved for calls in progress."""
    item = (
        target.client("dynamodb")
        .get_item(
            TableName=target.require("ledger_table_name"),
            Key={"pk": {"S": f"USER#{record.subject}"}, "sk": {"S": f"{datetime.now(UTC):%Y-%m}"}},
        )
        .get("Item", {})
    )
    return int(item.get(COMMITTED, {"N": "0"})["N"])

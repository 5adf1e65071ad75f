"""Virtual keys and workloads: made, listed and revoked by the operator (L1.3)."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from kit.errors import ExitCode, KitError
from kit.identity.operator import access_records, pepper, plain, policy, record_event, usage
from kit.target import Target
from lambdas.common.access import AccessConflict, AccessRecord
from lambdas.common.ids import new_id
from lambdas.common.policy import DATA_CLASSES, EMBEDDINGS, GatewayPolicy
from lambdas.common.virtual_keys import key_record_pk, new_virtual_key, workload_record_pk

IAM_ISSUER = "aws:iam"
HOP_ROLE = "identity-hop"
MOST_DAYS = 366


@dataclass(frozen=True)
class Scope:
    """What an application may do. `models` and `data_classes` narrow the department's; None does not."""

    label: str
    department: str
    models: Sequence[str] | None = None
    data_classes: Sequence[str] | None = None
    networks: Sequence[str] = ()
    expires_at: datetime | None = None
    identity_hop: bool = False


@dataclass(frozen=True)
class MadeKey:
    """A key just made. `key` is empty for a workload, which has none."""

    key: str
    record: AccessRecord


def create_key(target: Target, scope: Scope) -> MadeKey:
    """Make a virtual key. Raises KitError where the scope names what the policy does not know."""
    key = new_virtual_key()
    return MadeKey(key, _create(target, scope, key_record_pk(key, pepper(target))))


def create_workload(target: Target, scope: Scope, issuer: str, subject: str) -> MadeKey:
    """Let in a workload that proves itself: by a token of `issuer`, or (`aws:iam`) as a role by SigV4."""
    if issuer != IAM_ISSUER and issuer not in {one.issuer for one in policy(target).issuers}:
        raise usage(f"{issuer} is no trusted issuer of this deployment", "add it to trusted_issuers, deploy")
    return MadeKey("", _create(target, scope, workload_record_pk(issuer, subject, pepper(target))))


def _create(target: Target, scope: Scope, pk: str) -> AccessRecord:
    _check(policy(target), scope)
    now = datetime.now(UTC)
    record = AccessRecord(
        key=pk,
        subject=new_id("key_"),
        active=True,
        department=scope.department,
        roles=(HOP_ROLE,) if scope.identity_hop else (),
        models=tuple(scope.models) if scope.models else None,
        data_classes=tuple(scope.data_classes) if scope.data_classes else None,
        expires_at=scope.expires_at,
        networks=tuple(scope.networks),
        owner=f"department:{scope.department}",
        label=plain(scope.label, "--name", most=100),
        created_at=now,
    )
    record_event(target, _event("created", record))
    try:
        access_records(target).create(record)
    except AccessConflict:
        raise usage("this workload has a record already", "kit key list shows it; revoke it first") from None
    return record


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
            raise usage(f"{network} is no network", "write it as a CIDR block: 10.1.0.0/16") from None
    if scope.expires_at is not None and scope.expires_at <= datetime.now(UTC):
        raise usage("the key would have expired already", "give --days or a later --expires")


def expiry(days: int | None) -> datetime | None:
    """When a key made now for `days` days expires."""
    if days is None:
        return None
    if not 1 <= days <= MOST_DAYS:
        raise usage(f"--days {days}: not in 1..{MOST_DAYS}", "renew the key before it expires")
    return (datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0)


def list_keys(target: Target) -> list[AccessRecord]:
    """Every key and workload, revoked ones too, the oldest first."""
    return sorted(access_records(target).virtual_keys(), key=lambda record: record.subject)


def revoke_key(target: Target, key_id: str) -> bool:
    """Revoke a key by its id (`key_…`); it is refused at the next call. Idempotent. False: it was already."""
    found = [record for record in list_keys(target) if record.subject == key_id]
    if not found:
        raise KitError(f"there is no key {key_id}", way_out="kit key list", exit_code=ExitCode.USAGE)
    active = [record for record in found if record.active]
    for record in active:
        record_event(target, _event("revoked", record))
        access_records(target).revoke(record.key)
    return bool(active)


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
    }

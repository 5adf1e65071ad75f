"""People as an operator sees them: their account at the identity provider, bound and released (G.4)."""

from dataclasses import dataclass
from datetime import UTC, datetime

from kit.identity.operator import record_event, usage
from kit.identity.subjects import person as find_person
from kit.target import Target
from lambdas.common.bindings import AlreadyBound, Binding, Bindings, subject_hash


@dataclass(frozen=True)
class Bound:
    """A person and the hash of their account; empty where there is none."""

    person: str
    account: str


def bind(target: Target, given: str, subject: str, issuer: str) -> Bound:
    """Bind an account to a person whom no externalId and no verified address names. Raises KitError."""
    who, bindings = find_person(target, given), _bindings(target)
    account = subject_hash(issuer, subject)
    record_event(
        target, {"kind": "identity", "event": "bound", "subject": who.id, "after": {"account": account}}
    )
    try:
        bindings.bind(Binding(who.id, account, "", "operator", datetime.now(UTC)))
    except AlreadyBound:
        raise usage(
            f"{given} or this account is bound already", f"kit people unbind {who.id} first"
        ) from None
    return Bound(who.id, account)


def unbind(target: Target, given: str) -> Bound:
    """Release a person's account: their next sign-in binds one again. Raises KitError where there is none."""
    who, bindings = find_person(target, given), _bindings(target)
    binding = bindings.of(who.id)
    if binding is None:
        raise usage(f"{given} has not signed in yet", "there is nothing to release")
    event = {"kind": "identity", "event": "released", "subject": who.id}
    record_event(target, {**event, "before": {"account": binding.subject}})
    entries = bindings.releasing(binding, datetime.now(UTC))
    target.client("dynamodb").transact_write_items(TransactItems=entries)
    return Bound(who.id, "")


def _bindings(target: Target) -> Bindings:
    return Bindings(target.client("dynamodb"), target.require("access_table_name"))

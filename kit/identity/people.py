"""Accounts of people at the identity provider, bound and released by an operator (G.4)."""

from dataclasses import dataclass
from datetime import UTC, datetime

from kit.identity.operator import policy, record_event, usage
from kit.identity.subjects import person as find_person
from kit.target import Target
from lambdas.common.bindings import AlreadyBound, Binding, Bindings, place_of, subject_hash
from lambdas.common.dynamodb import transact


@dataclass(frozen=True)
class Bound:
    """A person and the hash of their account, or an empty text."""

    person: str
    account: str


def bind(target: Target, given: str, subject: str, issuer: str) -> Bound:
    """Bind an account to a person whom no externalId and no verified address identifies. Raises KitError."""
    who, bindings = find_person(target, given), _bindings(target)
    account = subject_hash(issuer, subject)
    record_event(
        target, {"kind": "identity", "event": "bound", "subject": who.id, "after": {"account": account}}
    )
    try:
        bindings.bind(Binding(who.id, account, "", "operator", datetime.now(UTC), _place(target, issuer)))
    except AlreadyBound:
        raise usage(
            f"{given} or this account is bound already", f"kit people unbind {who.id} first"
        ) from None
    return Bound(who.id, account)


def unbind(target: Target, given: str) -> Bound:
    """Release a person's accounts: the next sign-in binds one. Raises KitError if there is none."""
    who, bindings = find_person(target, given), _bindings(target)
    accounts = bindings.every(who.id)
    if not accounts:
        raise usage(f"{given} has not signed in yet", "there is nothing to release")
    event = {"kind": "identity", "event": "released", "subject": who.id}
    record_event(target, {**event, "before": {"accounts": [one.subject for one in accounts]}})
    entries = [entry for one in accounts for entry in bindings.releasing(one, datetime.now(UTC))]
    transact(target.client("dynamodb"), entries)
    return Bound(who.id, "")


def _place(target: Target, issuer: str) -> str:
    """Return the sign-in place: empty for the user pool; an issuer whose tokens people use directly has its
    own.
    """
    direct = {
        one.issuer
        for one in policy(target).issuers
        if one.principal == "person" and {"user_name", "external_id"} & one.claims.keys()
    }
    return place_of(issuer) if issuer in direct else ""


def _bindings(target: Target) -> Bindings:
    return Bindings(target.client("dynamodb"), target.require("access_table_name"))

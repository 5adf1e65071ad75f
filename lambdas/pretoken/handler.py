"""Adds to a person's tokens who they are to us, and refuses tokens to who has no access (G.4, L1.3).

The trigger (pre token generation, version 2) runs at each sign-in and each refresh. Who somebody is, is
decided by the account at the identity provider (issuer and subject), which the first sign-in binds to the
person that SCIM or an operator made:

* by the directory's own id (`externalId`) where that is the account's,
* else by an address that the identity provider has verified, in an allowed domain, if it is a user name,
* else by an operator (`kit people bind`).

Bound once, neither a name nor an address says anything any more: a name that changes hands takes no session
along, and another account with a colleague's name or address is refused and reported. A refresh binds nobody.

Who is waiting for onboarding only gets a token without the scope to call Claude, so that the portal can show
the first steps; the gateway refuses it by the record as well. Anybody else without an active record gets
none: Cognito shows the message.

The claims are `kit_person` (the id by which the gateway finds the live record, and by which alone it goes),
`kit_amr` and `kit_acr` (how the person signed in), and `kit_department`, `kit_roles`, `kit_data_classes` for
applications that show them.

Environment: `ACCESS_TABLE`, `DIRECTORY_TABLE`, `IDENTITY_ISSUER`, `EMAIL_DOMAINS` (separated by commas;
empty: any), `ENROLMENT_FUNCTION` (asked at each sign-in where people or groups come from claims),
`ADDRESSES_VERIFIED` (`true`: the identity provider asserts verified addresses only),
`EXTERNAL_ID` (the attribute that holds the directory's id; empty: the subject itself).
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.common.access import AccessRecord, AccessRecords, user_key
from lambdas.common.bindings import AlreadyBound, Binding, Bindings, How, subject_hash
from lambdas.common.clock import Clock, utc_now
from lambdas.common.identity_events import event_item, identity_event
from lambdas.common.log import log, metrics

_CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 2, "mode": "standard"})
_SIGN_INS = frozenset({"TokenGeneration_HostedAuth", "TokenGeneration_Authentication"})
_NO_ACCESS = "You have no access to Claude here. Ask your Center of Excellence."
_ENDED = "Your access to Claude is not active. Ask your Center of Excellence."
_AGAIN = "Your session has ended. Sign in again."
_LATER = "Your groups cannot be looked up now. Sign in again in a minute."
_FOREIGN = "This account is not the one that your access to Claude belongs to. Ask your Center of Excellence."


CALL_SCOPE = "claude/messages"


class NoAccess(Exception):
    """This person gets no token. Cognito shows the text to them; `reason` is a fixed word, for logs."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Rules:
    """What is asked of an account. An empty `external_id` stands for the subject itself."""

    issuer: str
    domains: frozenset[str] = frozenset()
    addresses_verified: bool = False
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class SignIn:
    """What the user pool says: the account's `subject`, the pool's own `username`, its attributes."""

    subject: str
    username: str
    attributes: Mapping[str, str]
    is_refresh: bool

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "SignIn":
        """The sign-in in an event of Cognito."""
        attributes = event["request"].get("userAttributes") or {}
        username = str(event.get("userName") or "")
        return cls(
            _account(attributes.get("identities"), username),
            username,
            attributes,
            event.get("triggerSource") not in _SIGN_INS,
        )

    @property
    def address(self) -> str:
        """The e-mail address, as sent."""
        return self.attributes.get("email", "").strip()


class Trigger:
    """Decides who a sign-in is. `put_event` keeps an event that no change goes with."""

    def __init__(
        self,
        records: AccessRecords,
        bindings: Bindings,
        rules: Rules,
        directory_table: str,
        put_event: Callable[[Mapping[str, Any]], None],
        clock: Clock = utc_now,
        environment: str = "local",
        enrol: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> None:
        self._enrol = enrol
        self._environment = environment
        self._records = records
        self._bindings = bindings
        self._rules = rules
        self._directory_table = directory_table
        self._put_event = put_event
        self._clock = clock

    def claims(self, sign_in: SignIn) -> dict[str, Any]:
        """The claims of the tokens. Raises `NoAccess`."""
        if not sign_in.subject:
            raise NoAccess(_NO_ACCESS, "no_subject")
        if not self._domain_allowed(sign_in.address):
            raise NoAccess(_NO_ACCESS, "domain")
        subject = subject_hash(self._rules.issuer, sign_in.subject)
        person = self._bindings.person_of(subject)
        if person is None and sign_in.is_refresh:
            raise NoAccess(_AGAIN, "not_bound")
        self._follow(sign_in, person or "")
        record = self._records.get(user_key(person)) if person else self._bound_now(sign_in, subject)
        if record is not None and person is None:
            self._follow(sign_in, record.subject)  # now that it is certain whose account it is
            record = self._records.get(record.key)
        if record is None or not self._may_sign_in(record):
            raise NoAccess(_ENDED, "inactive")
        return _claims(record, sign_in.attributes)

    def _follow(self, sign_in: SignIn, person: str) -> None:
        """Let the directory follow a sign-in, where people or groups come from claims. A renewal says what
        the sign-in said.
        """
        if self._enrol is None or sign_in.is_refresh:
            return
        self._enrol(
            {
                "person": person,
                "external_id": self._external_id(sign_in),
                "address": sign_in.address if self._is_verified(sign_in) else "",
                "name": sign_in.attributes.get("name", ""),
                "groups": _names(sign_in.attributes.get("custom:groups", "")),
            }
        )

    def _external_id(self, sign_in: SignIn) -> str:
        attribute = self._rules.external_id
        return sign_in.attributes.get(attribute, "") if attribute else sign_in.subject

    def _is_verified(self, sign_in: SignIn) -> bool:
        """Whether there is an address that the identity provider answers for."""
        verified = sign_in.attributes.get("email_verified", "").casefold() == "true"
        return bool(sign_in.address) and (self._rules.addresses_verified or verified)

    def _may_sign_in(self, record: AccessRecord) -> bool:
        """Whether a token is to be had: who waits for onboarding gets one that cannot call Claude."""
        return record.active_at(self._clock()) or record.awaits_onboarding

    def _bound_now(self, sign_in: SignIn, subject: str) -> AccessRecord:
        """The person whom this first sign-in is, bound to the account. Raises `NoAccess`."""
        record, how = self._found(sign_in)
        if record is None:
            raise NoAccess(_NO_ACCESS, "unknown")
        if not self._may_sign_in(record):
            raise NoAccess(_ENDED, "inactive")
        now = self._clock()
        binding = Binding(record.subject, subject, sign_in.username, how, now)
        try:
            self._bindings.bind(binding, [self._event_entry(binding, now)])
        except AlreadyBound:
            if self._bindings.person_of(subject) == record.subject:
                return record  # the same sign-in, twice at once
            self._report(record.subject, subject, how, now)
            raise NoAccess(_FOREIGN, "foreign_subject") from None
        return record

    def _found(self, sign_in: SignIn) -> tuple[AccessRecord | None, How]:
        external_id = self._external_id(sign_in)
        record = self._records.find_person(external_id, "external-id") if external_id else None
        if record is not None:
            return record, "external-id"
        if not self._is_verified(sign_in):
            return None, "address"
        return self._records.find_person(sign_in.address), "address"

    def _domain_allowed(self, address: str) -> bool:
        return not self._rules.domains or address.rpartition("@")[2].casefold() in self._rules.domains

    def _event_entry(self, binding: Binding, now: datetime) -> dict[str, Any]:
        event = identity_event(
            "bound", binding.person, "sign-in", now, after={"account": binding.subject, "by": binding.how}
        )
        return {"Put": {"TableName": self._directory_table, "Item": event_item(event)}}

    def _report(self, person: str, subject: str, how: How, now: datetime) -> None:
        """Another account claims to be somebody: in the log, which alarms, and in the records."""
        log("sign_in", reason="foreign_subject", person=person, **_foreign(self._environment))
        event = identity_event("refused", person, "sign-in", now, after={"account": subject, "by": how})
        self._put_event(event_item(event))


def _account(identities: str | None, username: str) -> str:
    """The subject of the account: as the pool keeps it, else from the name that it makes of it."""
    try:
        known = json.loads(identities or "[]")
        if known:
            return str(known[0]["userId"])
    except (ValueError, KeyError, TypeError, IndexError):
        return ""
    return username.partition("_")[2]


def _claims(record: AccessRecord, attributes: Mapping[str, str]) -> dict[str, Any]:
    claims: dict[str, Any] = {
        **({"kit_onboarding": "pending"} if record.awaits_onboarding else {}),
        "kit_person": record.subject,
        "kit_department": record.department,
        "kit_roles": list(record.roles),
    }
    if record.data_classes is not None:
        claims["kit_data_classes"] = list(record.data_classes)
    methods = _texts(attributes.get("custom:amr", ""))
    if methods:
        claims["kit_amr"] = methods
    if attributes.get("custom:acr"):
        claims["kit_acr"] = attributes["custom:acr"]
    return claims


def _names(value: str) -> list[str]:
    """The names of a claim that was a list: as JSON, or as SAML's several values. Names have spaces."""
    known = _as_list(value)
    if known is not None:
        return known
    return [
        one.strip() for one in value.strip().removeprefix("[").removesuffix("]").split(",") if one.strip()
    ]


def _texts(value: str) -> list[str]:
    """The texts of an attribute that was a list: the pool keeps it as JSON, or separated by commas."""
    known = _as_list(value)
    return [one for one in value.strip("[] ").replace(",", " ").split() if one] if known is None else known


def _as_list(value: str) -> list[str] | None:
    try:
        parsed = json.loads(value)
    except ValueError:
        return None
    return [str(one) for one in parsed] if isinstance(parsed, list) else None


def _foreign(environment: str) -> dict[str, Any]:
    """The metric of it, as CloudWatch reads it out of a line."""
    return {"environment": environment, **metrics({"ForeignSubjects": 1})}


@cache
def _trigger() -> Trigger:
    client = botocore.session.get_session().create_client(
        "dynamodb",
        region_name=os.environ.get("AWS_REGION"),
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL"),
        config=_CONFIG,
    )
    table, directory = os.environ["ACCESS_TABLE"], os.environ["DIRECTORY_TABLE"]
    domains = os.environ.get("EMAIL_DOMAINS", "")
    rules = Rules(
        os.environ["IDENTITY_ISSUER"],
        frozenset(one.casefold() for one in domains.split(",") if one),
        os.environ.get("ADDRESSES_VERIFIED") == "true",
        os.environ.get("EXTERNAL_ID", ""),
    )
    return Trigger(
        AccessRecords(client, table),
        Bindings(client, table),
        rules,
        directory,
        lambda item: client.put_item(TableName=directory, Item=item),
        environment=os.environ.get("KIT_ENVIRONMENT", "local"),
        enrol=_enrolment(os.environ.get("ENROLMENT_FUNCTION", "")),
    )


def _enrolment(function: str) -> Callable[[Mapping[str, Any]], None] | None:
    """Asks the function for people by their sign-in; None where there is none. Raises `NoAccess`."""
    if not function:
        return None
    client = botocore.session.get_session().create_client(
        "lambda",
        region_name=os.environ.get("AWS_REGION"),
        endpoint_url=os.environ.get("AWS_ENDPOINT_URL"),
        config=Config(connect_timeout=1, read_timeout=4, retries={"total_max_attempts": 1}),
    )

    def enrol(asked: Mapping[str, Any]) -> None:
        try:
            answer = client.invoke(FunctionName=function, Payload=json.dumps(asked).encode())
        except (BotoCoreError, ClientError):
            raise NoAccess(_LATER, "enrolment") from None
        if answer.get("FunctionError"):
            raise NoAccess(_LATER, "enrolment")

    return enrol


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Cognito's entry: answers the event with claims added. Raises `NoAccess`."""
    del context
    try:
        claims = _trigger().claims(SignIn.of(event))
    except NoAccess as refused:
        if refused.reason != "foreign_subject":
            log("sign_in", reason=refused.reason)
        raise
    access: dict[str, Any] = {"claimsToAddOrOverride": claims}
    if "kit_onboarding" in claims:
        access["scopesToSuppress"] = [CALL_SCOPE]
    event["response"]["claimsAndScopeOverrideDetails"] = {
        "idTokenGeneration": {"claimsToAddOrOverride": claims},
        "accessTokenGeneration": access,
    }
    return event

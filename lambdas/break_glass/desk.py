"""Break-glass: emergency access when people cannot sign in, which two others must approve (G.4).

A request names a department, a reason and a duration of at most four hours. Two people other than the
requester approve it. Then the requester opens it once and gets a virtual key that expires by itself. Each
step is recorded in the audit store before it takes effect, and sent to everybody on the alarm topic.

Only this function may write requests, and AWS proves who asks: see `handler`.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from botocore.exceptions import ClientError

from lambdas.common.access import AccessRecord, AccessRecords
from lambdas.common.clock import Clock, utc_now
from lambdas.common.dynamodb import reasons, transact
from lambdas.common.ids import new_id
from lambdas.common.virtual_keys import key_record_pk, new_virtual_key

APPROVERS = 2
LEAST_MINUTES, MOST_MINUTES = 5, 240
OPEN_WITHIN = timedelta(hours=1)  # an approval that nobody uses is worth nothing later
_MOST_REASON = 300
_PK = "BREAK-GLASS"


class Refused(Exception):
    """The step is refused; `kind` is `usage` or `approvals`. Text and hint are for people."""

    def __init__(self, message: str, hint: str, kind: str = "usage") -> None:
        super().__init__(message)
        self.hint = hint
        self.kind = kind


class Audit(Protocol):
    """Destination of records, which are durable on return."""

    def append_now(self, record: dict[str, Any], *, bodies: dict[str, bytes]) -> str: ...


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as stored in the ledger's table. `state` is requested, opened or ended."""

    id: str
    state: str
    department: str
    minutes: int
    reason: str
    requester: str
    approvers: tuple[str, ...]
    requested_at: datetime
    key_id: str = ""

    def as_document(self) -> dict[str, Any]:
        """Return it for answers, with JSON types only."""
        return {
            **asdict(self),
            "approvers": list(self.approvers),
            "requested_at": self.requested_at.isoformat(),
            "key_id": self.key_id or None,
        }


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """The steps. `dynamodb` is a botocore client; `departments` returns the ids in the current policy;
    `tell` sends a subject and a message to everybody.
    """

    dynamodb: Any
    ledger_table: str
    access: AccessRecords
    pepper: Callable[[], bytes]
    departments: Callable[[], frozenset[str]]
    audit: Audit
    tell: Callable[[str, str], None]
    clock: Clock = utc_now

    def request(self, who: str, department: str, minutes: int, reason: str) -> Request:
        """Create a request. Nothing is open yet. Raises `Refused`."""
        if department not in self.departments():
            raise Refused(f"there is no department {department}", "kit status lists them")
        if not LEAST_MINUTES <= minutes <= MOST_MINUTES:
            raise Refused(
                f"{minutes} minutes are not in {LEAST_MINUTES}..{MOST_MINUTES}",
                "ask again when it is not enough",
            )
        if not reason.strip() or len(reason) > _MOST_REASON or not reason.isprintable():
            raise Refused("the reason is not a line of text", f"1 to {_MOST_REASON} characters")
        now = self.clock().replace(microsecond=0)
        made = Request(new_id("bg_"), "requested", department, minutes, reason, who, (), now)
        self._record("requested", made, who)
        self._write(
            {
                "Put": {
                    "TableName": self.ledger_table,
                    "Item": {
                        **_key(made.id),
                        "state": {"S": made.state},
                        "department": {"S": made.department},
                        "minutes": {"N": str(made.minutes)},
                        "reason": {"S": made.reason},
                        "requester": {"S": made.requester},
                        "requested_at": {"N": str(int(now.timestamp()))},
                    },
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            }
        )
        return made

    def approve(self, who: str, request_id: str) -> Request:
        """Approve a request. Idempotent per person. Raises `Refused`, for the requester too."""
        found = self.read(request_id)
        self._must_be(found, "requested")
        if _same(who, found.requester):
            raise Refused("nobody approves a request of their own", "ask two others")
        if any(_same(who, one) for one in found.approvers):
            return found
        self._record("approved", found, who)
        self._change(
            request_id, "ADD approvers :who", "#s = :requested AND requester <> :one",
            {":who": {"SS": [who]}, ":one": {"S": who}, ":requested": {"S": "requested"}},
        )  # fmt: skip
        return self.read(request_id)

    def open(self, who: str, request_id: str) -> tuple[Request, str]:
        """Return the request and its key, once. Raises `Refused` unless two others approved within the
        hour.
        """
        found = self.read(request_id)
        self._must_be(found, "requested")
        if not _same(who, found.requester):
            raise Refused("only who asked may open it", f"that was {found.requester}")
        given = len(found.approvers)
        if given < APPROVERS:
            hint = f"others run: kit break-glass approve {request_id}"
            raise Refused(f"{given} of {APPROVERS} approvals are there", hint, "approvals")
        self._record("opened", found, who)
        self._change(
            request_id, "SET #s = :opened", "#s = :requested AND size(approvers) >= :enough",
            {
                ":opened": {"S": "opened"},
                ":requested": {"S": "requested"},
                ":enough": {"N": str(APPROVERS)},
            },
        )  # fmt: skip
        key, record = self._new_key(found)
        self._change(
            request_id, "SET key_id = :key", "#s = :opened",
            {":key": {"S": record.subject}, ":opened": {"S": "opened"}},
        )  # fmt: skip
        return self.read(request_id), key

    def end(self, who: str, request_id: str) -> Request:
        """End it, for anybody who asks; its key is refused at the next call. Idempotent."""
        found = self.read(request_id)
        if found.state == "ended":
            return found
        self._record("ended", found, who)
        for record in self.access.virtual_keys(_owner(found)) if found.key_id else ():
            if record.subject == found.key_id:
                self.access.revoke(record.key)
        self._change(request_id, "SET #s = :ended", "attribute_exists(pk)", {":ended": {"S": "ended"}})
        return self.read(request_id)

    def read(self, request_id: str) -> Request:
        """Return one request. Raises `Refused` if there is none."""
        answer = self.dynamodb.get_item(
            TableName=self.ledger_table, Key=_key(request_id), ConsistentRead=True
        )
        item = answer.get("Item")
        if item is None:
            raise Refused(f"there is no request {request_id}", "kit break-glass request")
        return Request(
            id=request_id,
            state=item["state"]["S"],
            department=item["department"]["S"],
            minutes=int(item["minutes"]["N"]),
            reason=item["reason"]["S"],
            requester=item["requester"]["S"],
            approvers=tuple(sorted(item.get("approvers", {}).get("SS", ()))),
            requested_at=datetime.fromtimestamp(int(item["requested_at"]["N"]), UTC),
            key_id=item.get("key_id", {}).get("S", ""),
        )

    def _new_key(self, found: Request) -> tuple[str, AccessRecord]:
        now, key = self.clock().replace(microsecond=0), new_virtual_key()
        record = AccessRecord(
            key=key_record_pk(key, self.pepper()),
            subject=new_id("key_"),
            active=True,
            department=found.department,
            expires_at=now + timedelta(minutes=found.minutes),
            owner=_owner(found),
            label=f"break-glass {found.id}",
            created_at=now,
        )
        self._append({"kind": "key", "event": "created", "subject": record.subject, "break_glass": found.id,
                      "department": found.department, "expires_at": str(record.expires_at)})  # fmt: skip
        self.access.create(record)
        return key, record

    def _must_be(self, found: Request, state: str) -> None:
        again = "make a new one: kit break-glass request"
        if found.state != state:
            raise Refused(f"request {found.id} is {found.state}", again)
        if self.clock() - found.requested_at > OPEN_WITHIN:
            raise Refused(f"request {found.id} is older than an hour", again)

    def _record(self, step: str, found: Request, who: str) -> None:
        """Record the step, then notify everybody. Raises if either fails; the step is then not taken."""
        event: dict[str, Any] = {
            "kind": "break-glass",
            "event": step,
            "break_glass": found.id,
            "department": found.department,
            "minutes": found.minutes,
            "reason": found.reason,
            "by": who,
        }
        self._append(event)
        message = json.dumps(event, indent=2, sort_keys=True)
        self.tell(f"BREAK-GLASS {step}: {found.department}"[:100], message)

    def _append(self, record: dict[str, Any]) -> None:
        self.audit.append_now(record, bodies={})

    def _change(self, request_id: str, change: str, condition: str, values: Mapping[str, Any]) -> None:
        names = {"ExpressionAttributeNames": {"#s": "state"}} if "#s" in change + condition else {}
        self._write(
            {
                "Update": {
                    "TableName": self.ledger_table,
                    "Key": _key(request_id),
                    "UpdateExpression": change,
                    "ConditionExpression": condition,
                    "ExpressionAttributeValues": dict(values),
                    **names,
                }
            }
        )

    def _write(self, entry: Mapping[str, Any]) -> None:
        try:
            transact(self.dynamodb, [entry])
        except ClientError as error:
            if "ConditionalCheckFailed" not in reasons(error):
                raise
            raise Refused(
                "the request has changed in the meantime", "look again: kit break-glass show"
            ) from None


def _owner(found: Request) -> str:
    return f"department:{found.department}"


def _key(request_id: str) -> dict[str, Any]:
    return {"pk": {"S": _PK}, "sk": {"S": request_id}}


def _same(one: str, other: str) -> bool:
    """Return whether two identities are one person, ignoring case."""
    return one.casefold() == other.casefold()

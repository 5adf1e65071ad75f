"""Break-glass: access in an emergency, when people cannot sign in, by a path that two others must open (G.4).

A request names a department, a reason and how long, at most four hours. Two people who are not the requester
approve it, each under their own AWS identity. Then the requester opens it once and gets a virtual key that
expires by itself. Each step is recorded in the audit store before it takes effect, and told to everybody on
the alarm topic.

The identities are AWS's word on who runs the command. Sessions of one role count as one person unless their
names come from IAM Identity Center, which puts the person's own name there.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from kit.errors import ExitCode, KitError
from kit.identity.keys import MadeKey, Scope, create_key, revoke_key
from kit.identity.operator import caller_arn, plain, policy, record_event, usage
from kit.target import Target
from lambdas.common.ids import new_id

APPROVERS = 2
MOST_MINUTES = 240
OPEN_WITHIN = timedelta(hours=1)  # an approval that nobody uses is worth nothing later
_PK = "BREAK-GLASS"


@dataclass(frozen=True)
class Request:
    """One request, as the ledger's table keeps it. `state` is requested, opened or ended."""

    id: str
    state: str
    department: str
    minutes: int
    reason: str
    requester: str
    approvers: tuple[str, ...]
    requested_at: datetime
    key_id: str = ""

    @property
    def approved(self) -> bool:
        """Whether enough people have said yes."""
        return len(self.approvers) >= APPROVERS


def identity(target: Target, by: str | None) -> str:
    """Who runs the command. On an emulated deployment, where everybody is root, `by` names the person."""
    if target.local:
        if not by:
            raise usage("on an emulated deployment say who you are", "add --by NAME")
        return f"demonstration:{plain(by, '--by')}"
    if by:
        raise usage("--by is for emulated deployments only", "AWS says who you are")
    return person_of(caller_arn(target))


def person_of(arn: str) -> str:
    """The person behind a caller: sessions of a plain role have names of their callers' choice."""
    head, _, rest = arn.partition(":assumed-role/")
    role, _, _ = rest.partition("/")
    return arn if not rest or role.startswith("AWSReservedSSO_") else f"{head}:assumed-role/{role}"


def request(target: Target, department: str, minutes: int, reason: str, by: str | None) -> Request:
    """Ask. Nothing is open yet."""
    if department not in policy(target).departments:
        raise usage(
            f"there is no department {department}", f"one of: {', '.join(policy(target).departments)}"
        )
    if not 5 <= minutes <= MOST_MINUTES:
        raise usage(f"--minutes {minutes}: not in 5..{MOST_MINUTES}", "ask again when it is not enough")
    made = Request(
        new_id("bg_"), "requested", department, minutes, plain(reason, "--reason", most=300),
        identity(target, by), (), datetime.now(UTC).replace(microsecond=0),
    )  # fmt: skip
    _tell(target, "requested", made, made.requester)
    _write(
        target,
        lambda table: {
            "Put": {
                "TableName": table,
                "Item": {
                    **_key(made.id),
                    "state": {"S": made.state},
                    "department": {"S": made.department},
                    "minutes": {"N": str(made.minutes)},
                    "reason": {"S": made.reason},
                    "requester": {"S": made.requester},
                    "requested_at": {"N": str(int(made.requested_at.timestamp()))},
                },
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        },
    )
    return made


def approve(target: Target, request_id: str, by: str | None) -> Request:
    """Say yes. Idempotent for one person. Raises KitError for the requester."""
    found, who = read(target, request_id), identity(target, by)
    _must_be(found, "requested")
    if who == found.requester:
        raise usage("nobody approves a request of their own", "ask two others")
    if who in found.approvers:
        return found
    _tell(target, "approved", found, who)
    _write(
        target,
        lambda table: _update(
            table, request_id, "ADD approvers :who", "#s = :requested AND requester <> :one",
            {":who": {"SS": [who]}, ":one": {"S": who}, ":requested": {"S": "requested"}},
        ),
    )  # fmt: skip
    return read(target, request_id)


def open_(target: Target, request_id: str, by: str | None) -> tuple[Request, MadeKey]:
    """Get the key, once. Raises KitError unless two others approved within the hour."""
    found, who = read(target, request_id), identity(target, by)
    _must_be(found, "requested")
    if who != found.requester:
        raise usage("only who asked may open it", f"that was {found.requester}")
    if not found.approved:
        given = len(found.approvers)
        raise KitError(
            f"{given} of {APPROVERS} approvals are there",
            way_out=f"two others run: kit break-glass approve {request_id}",
            exit_code=ExitCode.GATE_CLOSED,
        )
    _tell(target, "opened", found, who)
    _write(
        target,
        lambda table: _update(
            table, request_id, "SET #s = :opened", "#s = :requested AND size(approvers) >= :enough",
            {
                ":opened": {"S": "opened"},
                ":requested": {"S": "requested"},
                ":enough": {"N": str(APPROVERS)},
            },
        ),
    )  # fmt: skip
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=found.minutes)
    made = create_key(target, Scope(f"break-glass {request_id}", found.department, expires_at=ends))
    _write(
        target,
        lambda table: _update(
            table, request_id, "SET key_id = :key", "#s = :opened",
            {":key": {"S": made.record.subject}, ":opened": {"S": "opened"}},
        ),
    )  # fmt: skip
    return read(target, request_id), made


def end(target: Target, request_id: str, by: str | None) -> Request:
    """Close it, whoever asks; its key is refused at the next call. Idempotent."""
    found, who = read(target, request_id), identity(target, by)
    if found.state == "ended":
        return found
    _tell(target, "ended", found, who)
    if found.key_id:
        revoke_key(target, found.key_id)
    _write(
        target,
        lambda table: _update(
            table, request_id, "SET #s = :ended", "attribute_exists(pk)", {":ended": {"S": "ended"}}
        ),
    )
    return read(target, request_id)


def read(target: Target, request_id: str) -> Request:
    """One request. Raises KitError where there is none."""
    answer = target.client("dynamodb").get_item(
        TableName=target.require("ledger_table_name"), Key=_key(request_id), ConsistentRead=True
    )
    item = answer.get("Item")
    if item is None:
        raise usage(f"there is no request {request_id}", "kit break-glass request")
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


def _must_be(found: Request, state: str) -> None:
    if found.state != state:
        raise usage(f"request {found.id} is {found.state}", "make a new one: kit break-glass request")
    if datetime.now(UTC) - found.requested_at > OPEN_WITHIN:
        raise usage(f"request {found.id} is older than an hour", "make a new one: kit break-glass request")


def _key(request_id: str) -> dict[str, Any]:
    return {"pk": {"S": _PK}, "sk": {"S": request_id}}


def _update(
    table: str, request_id: str, change: str, condition: str, values: dict[str, Any]
) -> dict[str, Any]:
    names = {"ExpressionAttributeNames": {"#s": "state"}} if "#s" in change + condition else {}
    return {
        "Update": {
            "TableName": table,
            "Key": _key(request_id),
            "UpdateExpression": change,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
            **names,
        }
    }


def _write(target: Target, entry: Callable[[str], dict[str, Any]]) -> None:
    try:
        target.client("dynamodb").transact_write_items(
            TransactItems=[entry(target.require("ledger_table_name"))]
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "TransactionCanceledException":
            raise
        raise usage("the request has changed in the meantime", "look again: kit break-glass show") from None


def _tell(target: Target, step: str, found: Request, who: str) -> None:
    """Record the step, then tell everybody. Raises KitError when it cannot be recorded or told."""
    event = {
        "kind": "break-glass",
        "event": step,
        "break_glass": found.id,
        "department": found.department,
        "minutes": found.minutes,
        "reason": found.reason,
        "by": who,
    }
    record_event(target, event)
    target.client("sns").publish(
        TopicArn=target.require("alarm_topic_arn"),
        Subject=f"BREAK-GLASS {step}: {found.department}"[:100],
        Message=json.dumps(event, indent=2, sort_keys=True),
    )

"""Reviews: what waits for a person, what was decided; nothing is released twice or without one (L3.4).

One item per request: `pk = DEPT#<department>`, `sk = REVIEW#<request>`. `state` moves by conditional writes
only:

    waiting ──approve──> approved ──┐
       │  └──edit──────> edited  ───┼──> releasing ──> released
       │  └──reject────> rejected   │
       └──nobody───────> expired    │
    not-demanded ───────────────────┘

`queue` is there while a person is waited for (index `queue`). An item holds ids, hashes and findings; the
draft itself lies in the department's own data area, and so do decisions, each with the proof of who made it.
Where several people must approve, each approval before the last is kept in `approvals` and the review waits
on; they count together only for one text, so an edit begins the count again.
Only the workflow's own functions write here: a decision counts once the releaser has seen its proof. It is
written before the execution is notified of it: if the process dies in between, it stands and is found by the
next look.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import botocore.exceptions

from lambdas.common.clock import Clock, utc_now

QUEUE_INDEX = "queue"
DECISIONS: Mapping[str, str] = {"approve": "approved", "edit": "edited", "reject": "rejected"}
DECIDED = ("approved", "edited", "rejected")
RELEASABLE = ("approved", "edited", "not-demanded")


class ReviewConflict(Exception):
    """The review is not in the state that the step needs; the text says in which it is."""


class UnknownReview(Exception):
    """There is no such review in this department."""


@dataclass(frozen=True, slots=True)
class Review:
    """One review. `because` says why a person is asked; `roles` are those whose decision counts, every
    reviewer's if empty; `people` is how many must approve the same text, `approvals` who has so far: `by`,
    `at`, `decision`, `reason`, `key` of the decision, `release_key`, `release_sha256`.
    `release_sha256` is what may be released; `refused_key` is the newest decision that
    does not count, `refused_because` says why; `refused_keys` are all of them.
    """

    department: str
    request: str
    state: str
    workflow: str
    call: str
    draft_sha256: str
    requested_by: str
    opened_at: str
    because: tuple[str, ...] = ()
    findings: tuple[Mapping[str, str], ...] = ()
    roles: tuple[str, ...] = ()
    people: int = 1
    approvals: tuple[Mapping[str, str], ...] = ()
    escalated_at: str = ""
    token: str = ""
    decision: str = ""
    decided_by: str = ""
    decided_at: str = ""
    reason: str = ""
    release_key: str = ""
    release_sha256: str = ""
    released_key: str = ""
    recorded: bool = False
    decision_record: str = ""
    refused_key: str = ""
    refused_because: str = ""
    refused_keys: tuple[str, ...] = ()

    @property
    def waiting(self) -> bool:
        """Whether a person still has to decide."""
        return self.state == "waiting"

    @property
    def proposed_sha256(self) -> str:
        """What a reviewer approves: the newest edit that waits for others, else the draft."""
        return self.approvals[-1]["release_sha256"] if self.approvals else self.draft_sha256

    @property
    def edited(self) -> bool:
        """Whether a reviewer's edit waits for others to approve it."""
        return self.waiting and self.proposed_sha256 != self.draft_sha256

    def approvers(self, sha256: str) -> list[str]:
        """Who has approved a text."""
        return [one["by"] for one in self.approvals if one["release_sha256"] == sha256]

    def ends_with(self, decision: str) -> bool:
        """Return whether one more decision, of somebody who has not approved yet, ends the review."""
        if decision == "reject" or self.people < 2:
            return True
        return decision == "approve" and len(self.approvers(self.proposed_sha256)) + 1 >= self.people

    def as_document(self) -> dict[str, Any]:
        """Plain data without the task token, which is a credential."""
        return {
            name: [dict(one) for one in value] if name in ("approvals", "findings") else
            list(value) if isinstance(value, tuple) else value
            for name in self.__dataclass_fields__
            if name != "token" and (value := getattr(self, name)) not in ("", ())
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reviews:
    """The table of reviews. `dynamodb` is a botocore client."""

    dynamodb: Any
    table: str
    clock: Clock = field(default=utc_now)

    def get(self, department: str, request: str) -> Review:
        """Raises `UnknownReview`."""
        found = self.dynamodb.get_item(
            TableName=self.table, Key=_key(department, request), ConsistentRead=True
        )
        if "Item" not in found:
            raise UnknownReview(request)
        return _review(found["Item"])

    def open(self, review: Review) -> Review:
        """Open a review once; what is there already stays as it is and is returned."""
        item = _item(review)
        if review.waiting:
            item["queue"] = {"S": review.department}
        try:
            self.dynamodb.put_item(
                TableName=self.table, Item=item, ConditionExpression="attribute_not_exists(pk)"
            )
        except botocore.exceptions.ClientError as error:
            if not _is_condition(error):
                raise
        return self.get(review.department, review.request)

    def wait(self, department: str, request: str, token: str) -> Review:
        """Keep the token of the execution that waits. A decision that is there already comes back with it."""
        self._update(department, request, "SET #token = :token", {":token": token}, names={"#token": "token"})
        return self.get(department, request)

    def escalate(self, department: str, request: str) -> bool:
        """Note that nobody decided in time; whether a person is still waited for."""
        return self._moves(
            department, request, "SET escalated_at = :now", {":now": self._now()}, states=("waiting",)
        )

    def expire(self, department: str, request: str) -> Review:
        """Close a review that nobody decided. One that was decided meanwhile stays decided."""
        self._moves(
            department,
            request,
            "SET #state = :to, decided_at = :now REMOVE #queue, #token",
            {":to": "expired", ":now": self._now()},
            states=("waiting",),
        )
        return self.get(department, request)

    def decide(
        self,
        department: str,
        request: str,
        decision: str,
        *,
        by: str,
        reason: str,
        release_key: str = "",
        release_sha256: str = "",
    ) -> Review:
        """Write a person's decision: `approve`, `edit` or `reject`, each with its reason.

        The same decision of the same person again changes nothing. Anyone who asked for the draft does not
        decide about it.

        Raises:
            ReviewConflict: decided otherwise, expired, or by the person who asked for it.
            UnknownReview: there is no such review.
            ValueError: no reason, no person, or no such decision.
        """
        if decision not in DECISIONS or not by.strip() or not reason.strip():
            raise ValueError("a decision, a person and a reason are required")
        current = self.get(department, request)
        if same_person(by, current.requested_by):
            raise ReviewConflict("the person who asked for it may not decide on it")
        values = {
            ":to": DECISIONS[decision],
            ":by": by.strip(),
            ":reason": reason.strip(),
            ":now": self._now(),
            ":decision": decision,
        }
        sets = "SET #state = :to, decision = :decision, decided_by = :by, reason = :reason, decided_at = :now"
        if decision != "reject":
            values |= {":key": release_key, ":sha": release_sha256 or current.draft_sha256}
            sets += ", release_key = :key, release_sha256 = :sha"
        moved = self._moves(department, request, f"{sets} REMOVE #queue", values, states=("waiting",))
        decided = self.get(department, request)
        if not moved and (decided.decision, decided.decided_by) != (decision, by.strip()):
            raise ReviewConflict(f"it is {decided.state} already")
        return decided

    def approve(self, review: Review, approval: Mapping[str, str]) -> Review:
        """Add an approval that is not the last one needed; the review waits on. Nothing changes where the
        approvals are no longer those of `review`, or it does not wait.
        """
        values = {":after": (*review.approvals, approval), ":waiting": "waiting", ":before": review.approvals}
        condition = "#state = :waiting AND " + (
            "approvals = :before" if review.approvals else "attribute_not_exists(approvals)"
        )
        try:
            self._update(
                review.department, review.request, "SET approvals = :after",
                {name: one for name, one in values.items() if one != ()},
                names={"#state": "state"}, condition=condition,
            )  # fmt: skip
        except botocore.exceptions.ClientError as error:
            if not _is_condition(error):
                raise
        return self.get(review.department, review.request)

    def refuse(self, department: str, request: str, key: str, because: str) -> None:
        """Note why the decision stored under `key` does not count; the review stays as it is."""
        update = (
            "SET refused_key = :key, refused_because = :because,"
            " refused_keys = list_append(if_not_exists(refused_keys, :none), :one)"
        )
        values = {":key": key, ":because": because, ":none": (), ":one": (key,)}
        self._update(department, request, update, values)

    def begin_release(self, department: str, request: str) -> Review:
        """Take the right to release: only from a state that allows it, or on from where a crash stopped.

        Raises:
            ReviewConflict: not reviewed, rejected or expired.
        """
        self._moves(
            department,
            request,
            "SET #state = :to, releasing_since = :now",
            {":to": "releasing", ":now": self._now()},
            states=RELEASABLE,
        )
        review = self.get(department, request)
        if review.state not in ("releasing", "released"):
            raise ReviewConflict(f"it is {review.state}")
        return review

    def end_release(self, department: str, request: str, key: str) -> None:
        """Note where the released text lies."""
        self._moves(
            department,
            request,
            "SET #state = :to, released_key = :key, released_at = :now REMOVE #token",
            {":to": "released", ":key": key, ":now": self._now()},
            states=("releasing",),
        )

    def decision_recorded(self, department: str, request: str, record_id: str) -> None:
        """Note which audit record holds the decision."""
        self._update(department, request, "SET decision_record = :id", {":id": record_id})

    def recorded(self, department: str, request: str) -> None:
        """Note that the audit store knows what came of it."""
        self._update(department, request, "SET recorded = :yes", {":yes": True})

    def queued(self, departments: Sequence[str]) -> Iterator[Review]:
        """What waits for a person, oldest first within each department."""
        for department in departments:
            yield from self._query(
                IndexName=QUEUE_INDEX,
                KeyConditionExpression="#queue = :department",
                ExpressionAttributeNames={"#queue": "queue"},
                ExpressionAttributeValues={":department": {"S": department}},
            )

    def of(self, department: str) -> Iterator[Review]:
        """Every review of a department, oldest first (request ids sort by time)."""
        yield from self._query(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={":pk": {"S": f"DEPT#{department}"}, ":prefix": {"S": "REVIEW#"}},
        )

    def _query(self, **query: Any) -> Iterator[Review]:
        start: dict[str, Any] = {}
        while True:
            page = self.dynamodb.query(TableName=self.table, **query, **start)
            yield from (_review(item) for item in page["Items"])
            if not page.get("LastEvaluatedKey"):
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _moves(
        self, department: str, request: str, update: str, values: Mapping[str, Any], *, states: Sequence[str]
    ) -> bool:
        """Change a review if it is in one of the states; whether it was."""
        allowed = {f":from{number}": state for number, state in enumerate(states)}
        names = {"#state": "state"} | {name: name[1:] for name in ("#queue", "#token") if name in update}
        try:
            self._update(
                department, request, update, {**values, **allowed},
                names=names, condition=f"#state IN ({', '.join(allowed)})",
            )  # fmt: skip
        except botocore.exceptions.ClientError as error:
            if not _is_condition(error):
                raise
            return False
        return True

    def _update(
        self,
        department: str,
        request: str,
        update: str,
        values: Mapping[str, Any],
        *,
        names: Mapping[str, str] | None = None,
        condition: str = "attribute_exists(pk)",
    ) -> None:
        used = {name: one for name, one in (names or {}).items() if name in update or name in condition}
        self.dynamodb.update_item(
            TableName=self.table,
            Key=_key(department, request),
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues={name: _value(one) for name, one in values.items()},
            **({"ExpressionAttributeNames": used} if used else {}),
        )

    def _now(self) -> str:
        return self.clock().isoformat(timespec="seconds")


def folded(name: str) -> str:
    """A name as names are compared."""
    return name.strip().casefold()


def same_person(one: str, other: str) -> bool:
    """Whether two identities are one: case and surrounding spaces tell nobody apart."""
    return folded(one) == folded(other)


def deliver(states: Any, review: Review) -> bool:
    """Tell the waiting execution that there is a decision; False when nobody waits for this token any more.

    `states` is a Step Functions client. Which decision it is the execution finds out by itself, as one does
    that waited too long.
    """
    if not review.token:
        return False
    try:
        states.send_task_success(taskToken=review.token, output='{"state":"notified"}')
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("TaskTimedOut", "TaskDoesNotExist", "InvalidToken"):
            return False
        raise
    return True


def _key(department: str, request: str) -> dict[str, Any]:
    return {"pk": {"S": f"DEPT#{department}"}, "sk": {"S": f"REVIEW#{request}"}}


def _item(review: Review) -> dict[str, Any]:
    fields = {name: getattr(review, name) for name in review.__dataclass_fields__}
    return _key(review.department, review.request) | {
        name: _value(value) for name, value in fields.items() if value not in ("", ())
    }


_VALUES: tuple[tuple[type, Callable[[Any], dict[str, Any]]], ...] = (
    (bool, lambda value: {"BOOL": value}),
    (int, lambda value: {"N": str(value)}),
    (str, lambda value: {"S": value}),
    (Mapping, lambda value: {"M": {name: _value(one) for name, one in value.items()}}),
    (tuple, lambda value: {"L": [_value(one) for one in value]}),
)


def _value(value: Any) -> dict[str, Any]:
    return next(write(value) for kind, write in _VALUES if isinstance(value, kind))


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, held),) = value.items()
    if kind == "M":
        return {name: _plain(one) for name, one in held.items()}
    if kind == "L":
        return tuple(_plain(one) for one in held)
    return int(held) if kind == "N" else held


def _review(item: Mapping[str, Any]) -> Review:
    known = Review.__dataclass_fields__
    return Review(**{name: _plain(value) for name, value in item.items() if name in known})


def _is_condition(error: botocore.exceptions.ClientError) -> bool:
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"

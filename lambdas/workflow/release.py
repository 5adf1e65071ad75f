"""Steps `decide`, `release` and `record` of a department's workflow (L3.4, G.2, G.3).

Event: {"step": "decide" | "release" | "record", "department", "request", "workflow", "material_decision",
"use_case", "roles", "people"}. This is the only role that may write released texts, and it
writes only what its review allows: the very bytes whose hash the reviewers have approved. A decision counts
when AWS confirms whose session signed it, and is in the audit store before anything is released.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from lambdas.common.access import AccessRecord, AccessRecords, user_key
from lambdas.common.audit import open_writer
from lambdas.common.clock import Clock, utc_now
from lambdas.workflow.area import DepartmentArea, decisions_of, draft_key, edit_key, encoded, released_key
from lambdas.workflow.aws import client, prover
from lambdas.workflow.gateway_client import GatewayClient, Refused
from lambdas.workflow.proof import UNVERIFIED, NotProved, Prover
from lambdas.workflow.reviews import DECISIONS, Review, ReviewConflict, Reviews, folded, same_person


class NotWhatWasApproved(Exception):
    """The text differs from the one that was reviewed: nothing is released."""


@dataclass(frozen=True, slots=True)
class Release:
    """The three steps over one department's data area. `append` makes an audit record durable and returns its
    id, or raises; `prover` knows the reviewers' role, `people` who a name is and which roles that person has:
    without it names are compared as they are, and no workflow may name roles.
    """

    reviews: Reviews
    area: DepartmentArea
    prover: Prover
    gateway: GatewayClient
    append: Callable[[Mapping[str, Any]], str]
    people: AccessRecords | None = None
    clock: Clock = utc_now

    def decide(
        self, department: str, request: str, roles: Sequence[str] = (), people: int = 1
    ) -> dict[str, Any]:
        """Take the first decision that counts: proved, about this draft, of another person than asked for it,
        who by the access record is of the department and has one of the roles where any are named. Why one
        does not count is noted in the review, and it never counts afterwards, whatever changes. A text
        is approved once `people` of them have approved it.

        Returns {"state"}: still `waiting` where there is none. Raises `ProofUnavailable`.
        """
        review = self.reviews.get(department, request)
        for key in self.area.keys(decisions_of(request)) if review.waiting else ():
            if key in review.refused_keys or any(one["key"] == key for one in review.approvals):
                continue  # it has been refused or counted
            given = self.area.document(key)
            try:
                person = self.prover.person(given)
                self._require_reviewer(person, department, roles)
                review = self._take(review, key, given, person, people)
            except ReviewConflict as why:
                self.reviews.refuse(department, request, key, str(why))
                continue  # it counts for nothing, and the next may
            except (NotProved, ValueError):
                continue
            if not review.waiting:
                break
        return {"state": review.state}

    def _require_reviewer(self, person: str, department: str, roles: Sequence[str]) -> None:
        """A session's tags are as old as its sign-in; a person's access record is what holds.

        Raises ReviewConflict for somebody who has no record (a deleted person's session lives on for hours),
        who by the record is out or in another department, or has none of the roles. A name typed for a trial,
        which AWS never confirms, has no record and decides where no role is named.
        """
        found = self._record_of(person)
        if found is None and self.people is not None and not person.endswith(UNVERIFIED):
            raise ReviewConflict(
                f"no access record knows {person}: have the person provisioned under this name"
            )
        if found is not None and not found.active:
            raise ReviewConflict("the reviewer's access is not active")
        if found is not None and found.department != department:
            raise ReviewConflict(
                f"the reviewer's session is of {department}, but the access record says"
                f" {found.department or 'no department'}: sign in again, or have the directory corrected"
            )
        if roles and (found is None or not set(roles) & set(found.roles)):
            raise ReviewConflict("the reviewer has none of the roles whose decision counts")

    def _record_of(self, name: str) -> AccessRecord | None:
        """The record of a person, whose session may bear a user name or an id."""
        if self.people is None or not name:
            return None
        return self.people.find_person(name) or self.people.get(user_key(name))

    def _id_of(self, name: str) -> str:
        """One name for one person, whichever way in they took; the name itself for somebody unknown."""
        found = self._record_of(name)
        return found.subject if found is not None else name

    def _take(
        self, review: Review, decision_key: str, given: Mapping[str, Any], person: str, people: int
    ) -> Review:
        about = (given.get("department"), given.get("request"), given.get("draft_sha256"))
        if about != (review.department, review.request, review.draft_sha256):
            raise ReviewConflict("it is about another draft")
        if same_person(self._id_of(person), self._id_of(review.requested_by)):
            raise ReviewConflict("the person who asked for it may not decide on it")
        decision = str(given.get("decision"))
        reason = str(given.get("reason", ""))
        key, sha256 = "", ""
        if decision == "approve":
            key, sha256 = self._proposed(review, str(given.get("text_sha256") or review.draft_sha256))
        if decision == "edit":
            key = edit_key(review.request)
            self.area.put(key, encoded({"by": person, "request": review.request, "text": str(given["text"])}))
            sha256 = self.area.read(key).sha256
        approvers = self._approvers(review, sha256) | {folded(self._id_of(person))}
        if decision != "reject" and len(approvers) < people:
            return self._approve(review, decision_key, decision, person, reason, key, sha256)
        return self.reviews.decide(
            review.department,
            review.request,
            decision,
            by=person,
            reason=reason,
            release_key=key,
            release_sha256=sha256,
        )

    def _proposed(self, review: Review, read: str) -> tuple[str, str]:
        """Key and hash of the text that an approval is about: what was read must be what is proposed."""
        if read != review.proposed_sha256:
            raise ReviewConflict("it is about another text than the one that waits now")
        return (edit_key if review.edited else draft_key)(review.request), read

    def _approvers(self, review: Review, sha256: str) -> set[str]:
        return {folded(self._id_of(one)) for one in review.approvers(sha256)}

    def _approve(
        self,
        review: Review,
        decision_key: str,
        decision: str,
        person: str,
        reason: str,
        key: str,
        sha256: str,
    ) -> Review:
        """Keep an approval that needs another's beside it."""
        if folded(self._id_of(person)) in self._approvers(review, sha256):
            raise ReviewConflict("the same person has approved it already, and others must as well")
        if decision not in DECISIONS or not reason.strip():
            raise ValueError("a decision and a reason are required")
        approval = {
            "at": self.clock().isoformat(timespec="seconds"), "by": person.strip(), "decision": decision,
            "key": decision_key, "reason": reason.strip(), "release_key": key, "release_sha256": sha256,
        }  # fmt: skip
        return self.reviews.approve(review, approval)

    def release(self, department: str, workflow: str, request: str, use_case: str) -> dict[str, Any]:
        """Release the approved text, once. Returns {"released_key"}.

        Raises:
            ReviewConflict: no review allows it, or the reviewer is the person who asked.
            NotWhatWasApproved: the bytes are others than those approved.
            AuditUnavailable: the decision could not be recorded.
        """
        review = self.reviews.begin_release(department, request)
        if review.decision and same_person(self._id_of(review.decided_by), self._id_of(review.requested_by)):
            raise ReviewConflict("the person who asked for it has already decided on it")
        self._record_decision(review, use_case)
        key = released_key(workflow, request)
        if review.state != "released":
            approved = self.area.read(review.release_key)
            if approved.sha256 != review.release_sha256:
                raise NotWhatWasApproved(request)
            # A second attempt finds the first one's object and leaves it.
            self.area.put_once(key, approved.body)
            if self.area.read(key).sha256 != review.release_sha256:
                raise NotWhatWasApproved(request)
            self.reviews.end_release(department, request, key)
        return {"released_key": key}

    def _record_decision(self, review: Review, use_case: str) -> None:
        """Append each person's decision; once, unless a crash comes between."""
        if review.decision and not review.decision_record:
            for one in review.approvals:
                self.append(_decision(_as_of(review, one), use_case))
            record_id = self.append(_decision(review, use_case))
            self.reviews.decision_recorded(review.department, review.request, record_id)

    def record(
        self, department: str, request: str, use_case: str, *, material_decision: bool
    ) -> dict[str, Any]:
        """Append to the call's audit records what came of the draft; once, unless a crash comes between."""
        review = self.reviews.get(department, request)
        self._record_decision(review, use_case)
        if not review.recorded:
            try:
                self.gateway.record_outcome(review.call, _outcome(review, material_decision))
            except Refused as refused:
                return {"recorded": False, "reason": str(refused)}
            self.reviews.recorded(department, request)
        return {"recorded": True}


def _as_of(review: Review, approval: Mapping[str, str]) -> Review:
    """The review as one approval saw it."""
    return replace(
        review,
        decision=approval["decision"],
        decided_by=approval["by"],
        decided_at=approval["at"],
        release_sha256=approval["release_sha256"],
    )


def _decision(review: Review, use_case: str) -> dict[str, Any]:
    """The audit record of a decision: ids, hashes and times; reason and text are in the call's own record."""
    return {
        "kind": "review",
        "request_id": review.call,
        "department": review.department,
        "principal": review.decided_by,
        "principal_kind": "person",
        "use_case": use_case,
        "decision": review.decision,
        "workflow": review.workflow,
        "workflow_request": review.request,
        "requested_by": review.requested_by,
        "because": list(review.because),
        "findings": len(review.findings),
        "draft_sha256": review.draft_sha256,
        "release_sha256": review.release_sha256,
        "opened_at": review.opened_at,
        "decided_at": review.decided_at,
    }


def _outcome(review: Review, material_decision: bool) -> dict[str, Any]:
    said = f"{review.state}" + (f" after {', '.join(review.because)}" if review.because else "")
    result = {"result": review.reason} if review.reason else {}
    reviewers = [*review.approvers(review.release_sha256), review.decided_by] if review.decided_by else []
    reviewer = {"reviewed_by": ", ".join(reviewers)} if reviewers else {}
    use = f"workflow {review.workflow}, request {review.request}: {said}"
    return {"use": use, "material_decision": material_decision, **result, **reviewer}


@cache
def _release() -> Release:
    area = DepartmentArea(client("s3"), os.environ["DATA_BUCKET"], os.environ["DATA_KEY_ARN"])
    gateway = GatewayClient(
        os.environ["GATEWAY_URL"], os.environ["GATEWAY_CREDENTIAL_SECRET_ARN"], client("secretsmanager")
    )
    dynamodb, access = client("dynamodb"), os.environ.get("ACCESS_TABLE")
    people = AccessRecords(dynamodb, access) if access else None
    return Release(Reviews(dynamodb, os.environ["REVIEWS_TABLE"]), area, prover(), gateway, _append, people)


def _append(record: Mapping[str, Any]) -> str:
    """One writer a record: decisions are rare, and its copy must have left before the function sleeps."""
    writer = open_writer("releaser")
    try:
        return writer.append_now(record, bodies={})
    finally:
        writer.close()


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry."""
    del context
    department, request = event["department"], event["request"]
    use_case = event["use_case"]
    if event["step"] == "decide":
        return _release().decide(department, request, event.get("roles") or (), event.get("people") or 1)
    if event["step"] == "release":
        return _release().release(department, event["workflow"], request, use_case)
    return _release().record(department, request, use_case, material_decision=event["material_decision"])

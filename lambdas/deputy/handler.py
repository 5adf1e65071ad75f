"""Takes a department's roles for one of its people who has no AWS session: the portal asks it (L3.1, L3.4).

The portal hands over a person's access token. The deputy has the pool vouch for it, reads the person's live
access record, and opens a session that bears the person's id and, as tags, what the record says: department,
person, reviewer. With that session it takes the department's role, whose trust policy asks for exactly these
tags, as it does of a session that an identity provider opened (docs/reviewers.md). What the person writes is
signed by that role session, so the workflow's functions have AWS say who it was, as for the command. The
portal holds no right on reviews or data of departments, and the deputy's own role none but to open sessions.

Events carry `token` and `action`:
    workflows, queue
    start   workflow, variables, documents: [{"name", "text"}], name
    status  workflow, request
    review  request
    decide  request, decision, reason, read_sha256 (of the draft or edit that was read), text (for `edit`)
Answers: see each method; {"refused": "<fixed word>"} where it is not taken.

Environment: `SIGN_IN_URL`, `ACCESS_TABLE`, `GOVERNANCE_BUCKET`, `GOVERNANCE_KEY_ARN`, `PEOPLE_SESSION_ROLE`
(ARN), `DEPARTMENT_ROLE` (ARN with `{department}` and `{part}`), `DATA_BUCKETS` (JSON: department to bucket),
`DATA_KEY` (alias ARN with `{department}`), `STATE_MACHINE` (ARN with `{department}` and `{workflow}`),
`PEOPLE_TAG`, `REVIEWS_TABLE`.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.config
import botocore.session
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from lambdas.common.access import AccessRecord, AccessRecords, user_key
from lambdas.common.ids import new_id
from lambdas.common.pool_tokens import Refused, genuine_claims
from lambdas.common.tokens import emulated_sign_in_url
from lambdas.workflow.area import (
    REQUEST_ID,
    DepartmentArea,
    NotThere,
    decisions_of,
    draft_key,
    edit_key,
    encoded,
    released_key,
    request_key,
)
from lambdas.workflow.proof import session_of, signed
from lambdas.workflow.reviews import DECISIONS, Review, Reviews, UnknownReview, deliver, same_person
from lambdas.workflow.validation import place_of

REVIEWER = "reviewer"
LONGEST_REASON, LONGEST_TEXT = 1_000, 200_000
_DOCUMENTS, _DOCUMENT_CHARACTERS = 10, 200_000
_SOURCE_CHARACTERS = 400_000  # of all sources of a review together: an answer of Lambda has 6 MB
_NAME = re.compile(r"[\w][\w .,()+-]{0,120}")
_WORKFLOW = re.compile(r"[a-z][a-z0-9-]{0,60}")
_CONFIG = {"connect_timeout": 3, "read_timeout": 15, "retries": {"total_max_attempts": 3, "mode": "standard"}}


@dataclass(frozen=True, slots=True)
class Place:
    """A department under one of its roles, in a session named after the person's id."""

    credentials: Mapping[str, str]
    region: str
    area: DepartmentArea
    person: str

    def client(self, service: str) -> Any:
        """Return a client that acts under the role."""
        return _client(service, self.credentials)

    def signed(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """Return a document with the proof that this session wrote it."""
        given = self.credentials
        credentials = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        return signed(document, credentials, _client("sts").meta.endpoint_url, self.region)


@dataclass(frozen=True, slots=True)
class Deputy:
    """What the actions work with. `environ` is the function's environment."""

    environ: Mapping[str, str]
    records: AccessRecords

    def person(self, token: str) -> AccessRecord:
        """Return the record of the token's owner if it is active. Raises `Refused`."""
        sign_in = emulated_sign_in_url(self.environ["SIGN_IN_URL"], self.environ.get("AWS_ENDPOINT_URL"))
        person = genuine_claims(token, f"{sign_in}/oauth2/userInfo").get("kit_person")
        record = self.records.get(user_key(person)) if isinstance(person, str) and person else None
        if record is None or not record.active:
            raise Refused("person")
        return record

    def place(self, record: AccessRecord, part: str) -> Place:
        """Return the person's department under `member` or `reviewer`. Raises `Refused`."""
        if part == REVIEWER and REVIEWER not in record.roles:
            raise Refused("reviewer")
        session, department = session_of(record.subject), record.department
        tags = {self.environ["PEOPLE_TAG"]: department, "kit-person": session}
        if part == REVIEWER:
            tags["kit-reviewer"] = "true"
        opened = _client("sts").assume_role(
            RoleArn=self.environ["PEOPLE_SESSION_ROLE"],
            RoleSessionName=session,
            Tags=[{"Key": key, "Value": value} for key, value in sorted(tags.items())],
        )["Credentials"]
        role = self.environ["DEPARTMENT_ROLE"].format(department=department, part=part)
        try:
            given = _client("sts", opened).assume_role(RoleArn=role, RoleSessionName=session)["Credentials"]
        except ClientError:
            raise Refused("department") from None
        buckets = json.loads(self.environ["DATA_BUCKETS"])
        if department not in buckets:
            raise Refused("department")
        area = DepartmentArea(
            _client("s3", given), buckets[department], self.environ["DATA_KEY"].format(department=department)
        )
        return Place(given, self.environ["AWS_REGION"], area, session)

    # -- a person's own work -------------------------------------------------------------------------------

    def workflows(self, record: AccessRecord, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return {"workflows": [{"name", "prompt", "demanded_by"}]} of the person's department."""
        del event
        bucket = self.environ["GOVERNANCE_BUCKET"]
        key = f"departments/{record.department}.json"
        try:
            body = _client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404", "AccessDenied"}:
                return {"workflows": []}
            raise
        return {"workflows": json.loads(body).get("workflows") or []}

    def start(self, record: AccessRecord, event: Mapping[str, Any]) -> dict[str, Any]:
        """Store documents, sign the request, start the workflow. Return {"request"}."""
        workflow, variables = event.get("workflow"), event.get("variables")
        known = {one["name"] for one in self.workflows(record, event)["workflows"]}
        if workflow not in known or not isinstance(variables, dict):
            raise Refused("workflow")
        documents = event.get("documents") or []
        if not isinstance(documents, list) or len(documents) > _DOCUMENTS or not all(map(_fits, documents)):
            raise Refused("documents")
        where, request = self.place(record, "member"), new_id("wf_")
        for one in documents:
            where.area.put(f"sources/{request}/{one['name']}", one["text"].encode())
        asked = {
            "by": where.person,  # for the status before AWS has said so to the workflow
            "documents": [f"{request}/{one['name']}" for one in documents],
            "name": str(event.get("name", ""))[:80],
            "request": request,
            "variables": variables,
            "workflow": workflow,
        }
        where.area.put(request_key(request), encoded(where.signed(asked)))
        machine = self._machine(record.department, str(workflow))
        where.client("stepfunctions").start_execution(
            stateMachineArn=machine, name=request, input=json.dumps({"request": request})
        )
        return {"request": request}

    def status(self, record: AccessRecord, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return {"state", "reason", "text"}: running, waiting for a review, rejected, failed or released.

        Raises `Refused` for somebody else's request.
        """
        request, workflow = _request(event), str(event.get("workflow", ""))
        if not _WORKFLOW.fullmatch(workflow):
            raise Refused("workflow")
        where = self.place(record, "member")
        try:
            asked = where.area.document(request_key(request))
        except NotThere:
            raise Refused("request") from None
        review = self._review(record.department, request)
        asker = review.requested_by if review is not None else str(asked.get("by", ""))
        if not same_person(asker, where.person):
            raise Refused("request")
        machine = self._machine(record.department, workflow)
        execution = f"{machine.replace(':stateMachine:', ':execution:')}:{request}"
        try:
            found = where.client("stepfunctions").describe_execution(executionArn=execution)
        except ClientError:
            raise Refused("request") from None
        state = found["status"].lower()
        if state == "succeeded" and review is not None:
            return self._collected(where, workflow, review)
        if state == "running" and review is not None and review.waiting:
            return {"state": "waiting", "reason": "; ".join(review.because), "since": review.opened_at}
        failed = {"reason": str(found.get("cause") or found.get("error") or "")[:500]}
        return {"state": state, **(failed if state not in {"running", "succeeded"} else {})}

    def _collected(self, where: Place, workflow: str, review: Review) -> dict[str, Any]:
        if review.state == "rejected" or review.decision == "reject":
            return {"state": "rejected", "reason": review.reason}
        try:
            document = where.area.document(released_key(workflow, review.request))
        except NotThere:
            return {"state": "succeeded"}
        return {"state": "released", "text": document["text"], "reason": review.reason}

    # -- the desk ------------------------------------------------------------------------------------------

    def queue(self, record: AccessRecord, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return {"reviews": [...]} pending in the person's department, oldest first."""
        del event
        where = self.place(record, REVIEWER)
        waiting = self._reviews(where).queued([record.department])
        ordered = sorted(waiting, key=lambda one: (one.opened_at, one.request))
        return {"reviews": [{**one.as_document(), "mine": self._mine(one, where)} for one in ordered]}

    def review(self, record: AccessRecord, event: Mapping[str, Any]) -> dict[str, Any]:
        """{"review", "text", "marks": [[start, end, number of the finding]], "sources": [{"name", "text",
        "left_out"}], "asked_by", "mine", "proposed": {"sha256", "text", "by"}, "approved"}. Raises `Refused`.

        `proposed` is what an approval is about: the draft, or a reviewer's edit with its author; `approved`
        is whether this person has approved it already.
        """
        where = self.place(record, REVIEWER)
        review = self._wanted(where, record, event)
        stored = where.area.read(draft_key(review.request))
        if stored.sha256 != review.draft_sha256:
            raise Refused("changed")
        draft = stored.document()
        asked = where.area.document(request_key(review.request))
        sources = [
            *({"name": name, "text": str(value)} for name, value in draft["variables"].items()),
            *(self._source(where, one["key"]) for one in draft["sources"]),
        ]
        return {
            "review": review.as_document(),
            "text": draft["text"],
            "marks": [
                [start, end, number]
                for number, one in enumerate(review.findings, start=1)
                for start, end in place_of(one["finding"], draft["text"])
            ],
            "sources": _shortened(sources),
            "asked_by": str(asked.get("name", "")),
            "mine": self._mine(review, where),
            "proposed": self._proposed(review, where, draft["text"]),
            "approved": where.person in review.approvers(review.proposed_sha256),
        }

    def decide(self, record: AccessRecord, event: Mapping[str, Any]) -> dict[str, Any]:
        """Write the person's decision, signed by the role session, and notify the workflow. Return
        {"state"}.

        Raises `Refused` if it is about another draft, the person's own, without a reason, or already
        decided.
        """
        where = self.place(record, REVIEWER)
        review = self._wanted(where, record, event)
        decision, reason = str(event.get("decision", "")), str(event.get("reason", "")).strip()
        text = event.get("text")
        if decision not in DECISIONS or not 0 < len(reason) <= LONGEST_REASON:
            raise Refused("reason")
        edits = isinstance(text, str) and len(text.strip()) > 0 and len(text) <= LONGEST_TEXT
        if decision == "edit" and not edits:
            raise Refused("text")
        if event.get("read_sha256") != review.proposed_sha256:
            raise Refused("changed")
        if self._mine(review, where):
            raise Refused("own")
        if not review.waiting:
            raise Refused("decided")
        if decision == "approve" and where.person in review.approvers(review.proposed_sha256):
            raise Refused("approved")
        document = {
            "decision": decision,
            "department": record.department,
            "draft_sha256": review.draft_sha256,
            "reason": reason,
            "request": review.request,
            **({"text": text} if decision == "edit" else {}),
            **({"text_sha256": review.proposed_sha256} if review.edited else {}),
        }
        key = f"{decisions_of(review.request)}{new_id('dec_')}.json"
        where.area.put_once(key, encoded(where.signed(document)))
        delivered = deliver(where.client("stepfunctions"), review)
        state = DECISIONS[decision] if review.ends_with(decision) else "approving"
        return {"state": state, "delivered": delivered}

    # -- parts ---------------------------------------------------------------------------------------------

    def _wanted(self, where: Place, record: AccessRecord, event: Mapping[str, Any]) -> Review:
        try:
            return self._reviews(where).get(record.department, _request(event))
        except UnknownReview:
            raise Refused("request") from None

    def _mine(self, review: Review, where: Place) -> bool:
        """Return whether the person requested it, under the id or under the user name of another way in."""
        if same_person(review.requested_by, where.person):
            return True
        asked = self.records.find_person(review.requested_by)
        return asked is not None and session_of(asked.subject) == where.person

    def _proposed(self, review: Review, where: Place, draft: str) -> dict[str, str]:
        if not review.edited:
            return {"sha256": review.proposed_sha256, "text": draft, "by": ""}
        edit = where.area.read(edit_key(review.request))
        if edit.sha256 != review.proposed_sha256:
            raise Refused("changed")
        return {"sha256": edit.sha256, **{name: edit.document()[name] for name in ("text", "by")}}

    def _review(self, department: str, request: str) -> Review | None:
        try:
            return Reviews(_client("dynamodb"), self.environ["REVIEWS_TABLE"]).get(department, request)
        except UnknownReview:
            return None

    def _reviews(self, where: Place) -> Reviews:
        return Reviews(where.client("dynamodb"), self.environ["REVIEWS_TABLE"])

    def _source(self, where: Place, key: str) -> dict[str, str]:
        try:
            text = where.area.read(key).body.decode("utf-8", "replace")
        except NotThere:
            text = ""
        return {"name": key.rsplit("/", 1)[-1], "text": text}

    def _machine(self, department: str, workflow: str) -> str:
        return self.environ["STATE_MACHINE"].format(department=department, workflow=workflow)


def _fits(one: Any) -> bool:
    return (
        isinstance(one, dict)
        and isinstance(one.get("name"), str)
        and _NAME.fullmatch(one["name"]) is not None
        and isinstance(one.get("text"), str)
        and len(one["text"]) <= _DOCUMENT_CHARACTERS
    )


def _shortened(sources: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return sources up to what one answer can carry, with the length of what is left out."""
    left, kept = _SOURCE_CHARACTERS, []
    for one in sources:
        kept.append({**one, "text": one["text"][:left], "left_out": max(0, len(one["text"]) - left)})
        left = max(0, left - len(one["text"]))
    return kept


def _request(event: Mapping[str, Any]) -> str:
    request = str(event.get("request", ""))
    if not REQUEST_ID.match(request):
        raise Refused("request")
    return request


def _client(service: str, given: Mapping[str, str] | None = None) -> Any:
    """Return a client of the function's own, or of a session that it opened."""
    return _own_client(service) if given is None else _made(service, given)


@cache
def _own_client(service: str) -> Any:
    return _made(service, {})


def _made(service: str, given: Mapping[str, str]) -> Any:
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    path_style = {"s3": {"addressing_style": "path"}} if endpoint else {}
    return botocore.session.get_session().create_client(
        service,
        region_name=os.environ["AWS_REGION"],
        endpoint_url=endpoint,
        config=botocore.config.Config(**_CONFIG, **path_style),
        aws_access_key_id=given.get("AccessKeyId"),
        aws_secret_access_key=given.get("SecretAccessKey"),
        aws_session_token=given.get("SessionToken"),
    )


ACTIONS = ("workflows", "start", "status", "queue", "review", "decide")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Serve Lambda. See the module for events and answers."""
    del context
    deputy = Deputy(os.environ, AccessRecords(_client("dynamodb"), os.environ["ACCESS_TABLE"]))
    try:
        if event.get("action") not in ACTIONS:
            raise Refused("action")
        record = deputy.person(str(event.get("token", "")))
        return getattr(deputy, event["action"])(record, event)
    except Refused as refused:
        return {"refused": str(refused)}

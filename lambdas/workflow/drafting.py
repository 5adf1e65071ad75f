"""Steps `draft` and `validate` of a department's workflow (L3.1, G.6).

Event: {"step": "draft" | "validate", "workflow": {…the fields of `Workflow`}, "request": "wf_…"}. A step that
runs again after a crash finds what it has written and goes on from there; it never asks Claude twice for a
draft that lies there. What it returns holds ids and findings, never a text.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from lambdas.common.access import AccessRecords
from lambdas.common.clock import Clock, utc_now
from lambdas.workflow.area import DepartmentArea, NotThere, draft_key, encoded, request_key
from lambdas.workflow.aws import client, prover
from lambdas.workflow.courses import Courses
from lambdas.workflow.gateway_client import GatewayClient, Refused
from lambdas.workflow.proof import NotProved, Prover
from lambdas.workflow.validation import Draft, findings

_SOURCES = "sources/"
_MOST_DOCUMENTS = 20


@dataclass(frozen=True, slots=True)
class Workflow:
    """What the definition says about a workflow, in plain data.

    `documents_as` is the prompt's variable that takes the documents; `checks` are kinds of
    `validation.CHECKS`, with their parameters where they have any; `course` is what the requester must have
    completed, empty for nothing.
    """

    name: str
    prompt: str
    version: str
    documents_as: str
    checks: tuple[str | Mapping[str, Any], ...]
    output_schema: Mapping[str, Any] | None = None
    reviewed: bool = True
    course: str = ""


@dataclass(frozen=True, slots=True)
class Drafting:
    """The two steps over one department's data area. `prover` knows the members' role: who asks is whose
    session signed the request.
    """

    area: DepartmentArea
    prover: Prover
    gateway: GatewayClient
    courses: Courses | None = None
    clock: Clock = utc_now

    def draft(self, workflow: Workflow, request: str) -> dict[str, Any]:
        """Have Claude write the draft, once.

        Return {"status": "drafted", "call", "draft_sha256", "requested_by", "reason": ""}, or these fields
        empty with {"status": "refused", "reason"} if a retry would not help. Raises `GatewayUnavailable`.
        """
        try:
            asked = self.area.document(request_key(request))
        except NotThere:
            return _refused("there is no such request")
        if (asked.get("workflow"), asked.get("request")) != (workflow.name, request):
            return _refused("the request is for another workflow, or of another")
        try:
            stored = self.area.read(draft_key(request))
        except NotThere:
            refusal = self._write_draft(workflow, request, asked)
            if refusal:
                return _refused(refusal)
            stored = self.area.read(draft_key(request))
        draft = self.area.document(draft_key(request))
        return {
            "status": "drafted",
            "call": draft["call"],
            "draft_sha256": stored.sha256,
            "requested_by": draft["requested_by"],
            "reason": "",
        }

    def _write_draft(self, workflow: Workflow, request: str, asked: Mapping[str, Any]) -> str:
        """Ask Claude and store the answer. Return a text if that is refused."""
        try:
            person = self.prover.person(asked)
        except NotProved as refused:
            return f"nobody is known to have asked: {refused}"
        if workflow.course and not self._trained(workflow.course, person):
            return f"the requester must complete a course first: kit training show {workflow.course}"
        names = asked.get("documents") or []
        if len(names) > _MOST_DOCUMENTS:
            return f"more than {_MOST_DOCUMENTS} documents"
        try:
            sources = [self.area.read(_SOURCES + name) for name in names]
        except NotThere:
            return "a document of the request is not there"
        texts = [f"Source: {name}\n{one.body.decode('utf-8', 'replace')}" for name, one in
                 zip(names, sources, strict=True)]  # fmt: skip
        variables = dict(asked.get("variables") or {})
        if texts:
            given = variables.get(workflow.documents_as)
            variables[workflow.documents_as] = "\n\n".join([*([str(given)] if given else []), *texts])
        try:
            answer = self.gateway.message(
                workflow.prompt, workflow.version, variables, reviewed=workflow.reviewed
            )
        except Refused as refused:
            return f"the gateway refuses: {refused}"
        document = {
            "call": answer.request_id,
            "created_at": self.clock().isoformat(timespec="seconds"),
            "prompt": workflow.prompt,
            "request": request,
            "requested_by": person,
            "sources": [
                {"key": one.key, "sha256": one.sha256, "version_id": one.version_id} for one in sources
            ],
            "stop_reason": answer.stop_reason,
            "text": answer.text,
            "variables": variables,
            "workflow": workflow.name,
        }
        self.area.put_once(draft_key(request), encoded(document))
        return ""

    def _trained(self, course: str, person: str) -> bool:
        return self.courses is not None and self.courses.has_completed(person, course)

    def validate(self, workflow: Workflow, request: str) -> dict[str, Any]:
        """Check the draft. Return {"findings": [{"check", "finding"}]}."""
        draft = self.area.document(draft_key(request))
        sources = {name: str(value) for name, value in draft["variables"].items()}
        checked = Draft(draft["text"], sources, workflow.output_schema)
        found = findings(("complete", *workflow.checks), checked)
        if draft.get("stop_reason") == "max_tokens":
            found.append({"check": "complete", "finding": "the draft was cut off at its longest"})
        return {"findings": found}


def _refused(reason: str) -> dict[str, Any]:
    return {"status": "refused", "call": "", "draft_sha256": "", "requested_by": "", "reason": reason}


@cache
def _drafting() -> Drafting:
    area = DepartmentArea(client("s3"), os.environ["DATA_BUCKET"], os.environ["DATA_KEY_ARN"])
    gateway = GatewayClient(
        os.environ["GATEWAY_URL"], os.environ["GATEWAY_CREDENTIAL_SECRET_ARN"], client("secretsmanager")
    )
    return Drafting(area, prover(), gateway, _courses())


def _courses() -> Courses | None:
    """Return completed courses; None in a department that requires none."""
    bucket = os.environ.get("GOVERNANCE_BUCKET")
    if bucket is None:
        return None
    governance = DepartmentArea(client("s3"), bucket, os.environ["GOVERNANCE_KEY_ARN"])
    return Courses(governance, AccessRecords(client("dynamodb"), os.environ["ACCESS_TABLE"]))


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Serve Lambda."""
    del context
    known = {field.name for field in fields(Workflow)}
    given = {name: value for name, value in event["workflow"].items() if name in known}
    workflow = Workflow(**{**given, "checks": tuple(given["checks"])})
    step = {"draft": _drafting().draft, "validate": _drafting().validate}[event["step"]]
    return step(workflow, event["request"])

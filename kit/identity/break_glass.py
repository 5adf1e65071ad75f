"""Client of emergency access: signs each step with the caller's own AWS session and sends it (G.4).

The steps are in `lambdas/break_glass`, where AWS proves who asks.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kit.errors import ExitCode, KitError
from kit.identity.operator import plain, usage
from kit.target import Target
from lambdas.break_glass.desk import APPROVERS
from lambdas.workflow.proof import signed

__all__ = ["APPROVERS", "Opened", "approve", "end", "open_", "read", "request"]


@dataclass(frozen=True)
class Opened:
    """A request and, if it was just opened, its key."""

    document: dict[str, Any]
    key: str = ""


def request(target: Target, department: str, minutes: int, reason: str, by: str | None) -> Opened:
    """Create a request. Nothing is open yet."""
    fields = {
        "department": department,
        "minutes": minutes,
        "reason": plain(reason, "--reason", most=300),
    }
    return _ask(target, "request", fields, by)


def approve(target: Target, request_id: str, by: str | None) -> Opened:
    """Approve a request. Idempotent per person. Raises KitError for the requester."""
    return _ask(target, "approve", {"id": request_id}, by)


def open_(target: Target, request_id: str, by: str | None) -> Opened:
    """Get the key, once. Raises KitError unless two others approved within the hour."""
    return _ask(target, "open", {"id": request_id}, by)


def end(target: Target, request_id: str, by: str | None) -> Opened:
    """End it, for anybody who asks; its key is refused at the next call. Idempotent."""
    return _ask(target, "end", {"id": request_id}, by)


def read(target: Target, request_id: str) -> Opened:
    """Return one request. Raises KitError if there is none."""
    return _ask(target, "show", {"id": request_id}, "somebody" if target.local else None)


def _ask(target: Target, action: str, fields: dict[str, Any], by: str | None) -> Opened:
    if by and not target.local:
        raise usage("--by is for emulated deployments only", "AWS says who you are")
    at = datetime.now(UTC).isoformat(timespec="seconds")
    document: dict[str, Any] = {"action": action, "fields": fields, "at": at}
    if by:
        document["by"] = plain(by, "--by")
    credentials = target.session.get_credentials()
    if credentials is None:
        raise KitError("there are no AWS credentials", hint="aws sso login", exit_code=ExitCode.USAGE)
    sts = target.client("sts")
    proved = signed(document, credentials.get_frozen_credentials(), sts.meta.endpoint_url, target.region)
    answer = target.client("lambda").invoke(
        FunctionName=target.require("break_glass_function_arn"), Qualifier="live", Payload=json.dumps(proved)
    )
    content = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise KitError(
            "the function for emergency access failed",
            hint="its log says why; until then the account's administrator decides",
            exit_code=ExitCode.ENVIRONMENT,
        )
    refused = content.get("refused")
    if refused:
        missing = refused["kind"] == "approvals"
        code = ExitCode.GATE_CLOSED if missing else ExitCode.USAGE
        raise KitError(refused["message"], hint=refused["hint"], exit_code=code)
    return Opened(content["request"], content.get("key", ""))

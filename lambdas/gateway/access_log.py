"""Access log: one structured line per request, which also carries its CloudWatch metrics (embedded metric
format). Nothing personal is in it.

`kit audit verify` compares these lines with the records: every line with `recorded` true must have its
intent and its outcome.
"""

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lambdas.common.log import Level, encode, metrics, write_line

_UNITS = {"Latency": "Milliseconds", "CostMicroUSD": "None"}
# Per minute and therefore never per department: a quiet minute would reveal what one person does.
# Departments are measured per day, in groups (lambdas/measurement).
_DIMENSIONS = [["environment"], ["environment", "model"], ["environment", "provider"]]
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_FINDING_DIMENSIONS = [["environment"], ["environment", "kind"]]


@dataclass(slots=True)
class AccessEntry:
    """Log entry of one request. Every field is a name from configuration, a number or a code."""

    request_id: str
    method: str
    edge_id: str = ""  # API Gateway's request id; empty without API Gateway
    route: str = "unknown"
    department: str = "none"
    model: str = "none"
    provider: str = "none"
    stream: bool = False
    reason: str = ""  # why it was refused or failed; empty for a served call
    cause: str = ""  # of an internal or AWS error: `cause_of`
    recorded: bool = False
    input_tokens: int = 0
    output_tokens: int = 0
    cost_microusd: int = 0
    attempts: list[str] = field(default_factory=list)


class AccessLog:
    """Writes entries as lines of JSON."""

    def __init__(self, environment: str, write: Callable[[str], None] = write_line) -> None:
        self.environment = environment
        self._write = write

    def request(
        self,
        entry: AccessEntry,
        *,
        status: int,
        seconds: float,
        bytes_in: int,
        bytes_out: int,
        client_gone: bool,
    ) -> None:
        """Log a completed request."""
        line: dict[str, Any] = {
            "type": "access",
            "level": Level.ERROR if status >= 500 else Level.INFO,
            "environment": self.environment,
            "request_id": entry.request_id,
            "edge_id": entry.edge_id,
            "method": entry.method,
            "route": entry.route,
            "department": entry.department,
            "model": entry.model,
            "provider": entry.provider,
            "stream": entry.stream,
            "status": status,
            "reason": entry.reason,
            "cause": entry.cause,
            "recorded": entry.recorded,
            "client_gone": client_gone,
            "bytes_in": bytes_in,
            "bytes_out": bytes_out,
            "attempts": entry.attempts,
            **metrics(
                {
                    "Requests": 1,
                    "Errors": int(status >= 500),
                    "Refusals": int(400 <= status < 500),
                    "Latency": round(seconds * 1000, 2),
                    "InputTokens": entry.input_tokens,
                    "OutputTokens": entry.output_tokens,
                    "CostMicroUSD": entry.cost_microusd,
                },
                _DIMENSIONS,
                units=_UNITS,
            ),
        }
        self._write(encode(line))

    def foreign_subject(self) -> None:
        """Log, with an alarm, that an account claims to be a person who has another account."""
        line: dict[str, Any] = {
            "type": "sign_in",
            "level": Level.WARNING,
            "reason": "foreign_subject",
            "environment": self.environment,
            **metrics({"ForeignSubjects": 1}),
        }
        self._write(encode(line))

    def finding(self, department: str, kind: str, action: str) -> None:
        """Count what inspection found in one request: department, kind of finding or acceptable-use rule,
        and action.

        The caller is in the record, never in a metric.
        """
        line: dict[str, Any] = {
            "type": "finding",
            "level": Level.INFO,
            "environment": self.environment,
            "department": department,
            "kind": kind,
            "action": action,
            **metrics({"Findings": 1, "Blocked": int(action == "block")}, _FINDING_DIMENSIONS),
        }
        self._write(encode(line))

    def unlisted(self, department: str, kind: str, name: str, action: str) -> None:
        """Count something that the request contract does not list, with the command that allows it, for the
        alarm.
        """
        line: dict[str, Any] = {
            "type": "unlisted",
            "level": Level.WARNING,
            "environment": self.environment,
            "department": department,
            "kind": kind,
            "name": name[:100] if _NAME.fullmatch(name[:100]) else "not a name",
            "action": action,
            **metrics({"Unlisted": 1}, [["environment"], ["environment", "department"]]),
        }
        line["allow"] = f"kit contract allow {kind} {line['name']} --approved-by NAME --reason WHY"
        self._write(encode(line))

    def tools_called(self, kind: str, number: int) -> None:
        """Count the tools an answer calls: the caller's `own`, the `provider`'s, those of `mcp` servers.

        Their names are in the record.
        """
        line: dict[str, Any] = {
            "type": "tools",
            "level": Level.INFO,
            "environment": self.environment,
            "kind": kind,
            **metrics({"ToolCalls": number}, [["environment"], ["environment", "kind"]]),
        }
        self._write(encode(line))

    def audit_failure(self) -> None:
        """Count a record that could not be made durable; its call was refused or cut off."""
        line: dict[str, Any] = {
            "type": "audit-failure",
            "level": Level.ERROR,
            "environment": self.environment,
            **metrics({"AuditFailures": 1}),
        }
        self._write(encode(line))

    def event(self, kind: str, *, level: Level = Level.INFO, **fields: str | int) -> None:
        """Log an event of the gateway itself: a policy read failure, a defect, a shutdown."""
        self._write(encode({"type": kind, "level": level, "environment": self.environment, **fields}))

    def defect(self, request_id: str, error: BaseException) -> None:
        """Log a defect of the gateway: type and place of the error, never its message or data."""
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else "unknown"
        self.event(
            "defect", level=Level.ERROR, request_id=request_id, error=type(error).__name__, place=place
        )

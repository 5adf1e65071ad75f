"""The log of deployed functions: one JSON line per event on standard output, where Lambda, Kubernetes and
`kit up` collect it.

A line may contain metrics (CloudWatch embedded metric format). It contains nothing personal and no error
messages: names from configuration, ids, numbers and codes. Why this is not a library:
docs/decisions/logging.md.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from time import gmtime, strftime, time
from typing import Any

from botocore.exceptions import ClientError

NAMESPACE = "ClaudeEnterpriseKit"
encode = json.JSONEncoder(separators=(",", ":")).encode
_FARTHEST = 4  # maximum depth of causes


class Level(StrEnum):
    """Severity for operators."""

    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


def write_line(text: str) -> None:
    """Write one line immediately, so that it survives a killed process."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def log(kind: str, /, *, level: Level = Level.INFO, **fields: Any) -> None:
    """Log an event; `fields` must be JSON-ready."""
    at = strftime("%Y-%m-%dT%H:%M:%SZ", gmtime())
    write_line(encode({"at": at, "level": level, "type": kind, **fields}))


def metrics(
    values: Mapping[str, float],
    dimensions: Sequence[Sequence[str]] = (("environment",),),
    *,
    units: Mapping[str, str] | None = None,
    milliseconds: int | None = None,
) -> dict[str, Any]:
    """Return fields from which CloudWatch extracts `values` as metrics; the line must contain every
    dimension.

    The unit is Count unless `units` names another; `milliseconds` since the epoch defaults to now.
    """
    listed = [{"Name": name, "Unit": (units or {}).get(name, "Count")} for name in values]
    declared = {"Namespace": NAMESPACE, "Dimensions": [list(one) for one in dimensions], "Metrics": listed}
    at = int(time() * 1000) if milliseconds is None else milliseconds
    return {"_aws": {"Timestamp": at, "CloudWatchMetrics": [declared]}, **values}


def cause_of(error: BaseException) -> str:
    """Return the types of an error's causes, nearest first, with AWS's error code, for operators to look
    up.

    Example: `LedgerUnavailable < ClientError:ThrottlingException`; empty if there is no cause.
    """
    kinds: list[str] = []
    behind = error.__cause__ or error.__context__
    while behind is not None and len(kinds) < _FARTHEST:
        code = f":{behind.response['Error']['Code']}" if isinstance(behind, ClientError) else ""
        kinds.append(type(behind).__name__ + code)
        behind = behind.__cause__ or behind.__context__
    return " < ".join(kinds)

"""The log of deployed functions: one JSON line an event, to standard output, where Lambda, Kubernetes and
`kit up` collect it. A line may carry metrics (CloudWatch's embedded metric format). Nothing personal and no
text of an error is in it: names from configuration, ids, numbers and codes.

Own lines instead of a library: docs/decisions/logging.md.
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
_FARTHEST = 4  # causes of a cause


class Level(StrEnum):
    """How much an operator should care."""

    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


def write_line(text: str) -> None:
    """One line, at once: a process that is killed has said it."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def log(kind: str, /, *, level: Level = Level.INFO, **fields: Any) -> None:
    """Write the line of an event; `fields` must be JSON-ready."""
    at = strftime("%Y-%m-%dT%H:%M:%SZ", gmtime())
    write_line(encode({"at": at, "level": level, "type": kind, **fields}))


def metrics(
    values: Mapping[str, float],
    dimensions: Sequence[Sequence[str]] = (("environment",),),
    *,
    units: Mapping[str, str] | None = None,
    milliseconds: int | None = None,
) -> dict[str, Any]:
    """Fields by which CloudWatch reads `values` as metrics out of a line that also has every dimension.

    The unit is Count where `units` names no other; `milliseconds` since the epoch is now if left out.
    """
    listed = [{"Name": name, "Unit": (units or {}).get(name, "Count")} for name in values]
    declared = {"Namespace": NAMESPACE, "Dimensions": [list(one) for one in dimensions], "Metrics": listed}
    at = int(time() * 1000) if milliseconds is None else milliseconds
    return {"_aws": {"Timestamp": at, "CloudWatchMetrics": [declared]}, **values}


def cause_of(error: BaseException) -> str:
    """The kinds of error behind an error, nearest first, with AWS's code: what an operator looks up.

    Shape: `LedgerUnavailable < ClientError:ThrottlingException`; empty where nothing is behind it.
    """
    kinds: list[str] = []
    behind = error.__cause__ or error.__context__
    while behind is not None and len(kinds) < _FARTHEST:
        code = f":{behind.response['Error']['Code']}" if isinstance(behind, ClientError) else ""
        kinds.append(type(behind).__name__ + code)
        behind = behind.__cause__ or behind.__context__
    return " < ".join(kinds)

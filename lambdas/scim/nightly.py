"""The nightly reconciliation as a function: each difference is recorded, and counted for an alarm (G.4).

Environment: that of the provisioning worker.
"""

import json
import sys
import time
from typing import Any

import botocore.session

from lambdas.common.audit import open_writer
from lambdas.common.clock import utc_now
from lambdas.scim.reconciliation import Difference, differences
from lambdas.scim.settings import open_directory, read_settings

_METRICS = "ClaudeEnterpriseKit"


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Run once. Raises where a store does not answer: the run is tried again, then alarmed."""
    del event, context
    settings, session = read_settings(), botocore.session.get_session()
    found = list(differences(open_directory(settings, session), utc_now()))
    if found:
        writer = open_writer("reconciliation", session=session)
        for one in found:
            writer.append_now(_record(one), bodies={})
    _log(settings.environment, found)
    return {"differences": len(found)}


def _record(one: Difference) -> dict[str, Any]:
    return {"kind": "access-difference", "event": one.what, **one.as_document()}


def _log(environment: str, found: list[Difference]) -> None:
    metric = {
        "Namespace": _METRICS,
        "Dimensions": [["environment"]],
        "Metrics": [{"Name": "AccessDifferences", "Unit": "Count"}],
    }
    line = {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metric]},
        "type": "reconciliation",
        "environment": environment,
        "AccessDifferences": len(found),
        "kinds": sorted({one.what for one in found}),
    }
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()

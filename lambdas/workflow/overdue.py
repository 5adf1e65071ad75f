"""Daily count of overdue register entries, as metrics of the governance dashboard (G.3, G.5)."""

import json
import os
from collections import Counter
from datetime import datetime
from typing import Any

from lambdas.common.log import log, metrics
from lambdas.common.registers import FOLDER, REGISTERS, entry_of

METRIC = "OverdueEntries"


def report_overdue(s3: Any, bucket: str, now: datetime) -> None:
    """Log the number of overdue entries of each register, zero included. Raises botocore's errors."""
    found = overdue(s3, bucket, now)
    for register in REGISTERS:
        log(
            "registers",
            environment=os.environ["KIT_ENVIRONMENT"],
            register=register,
            **metrics({METRIC: found[register]}, [["environment", "register"]]),
        )


def overdue(s3: Any, bucket: str, now: datetime) -> Counter[str]:
    """Return the number of overdue entries by register. `s3` is a botocore client; it blocks."""
    found: Counter[str] = Counter()
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{FOLDER}/"):
        for one in page.get("Contents", ()):
            entry = entry_of(json.loads(s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()))
            found[entry.register] += bool(entry.overdue(now))
    return found

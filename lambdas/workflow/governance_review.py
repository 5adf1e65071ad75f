"""Collects the evidence of the quarterly governance review (L5.5, G.3).

Event: {} for the last quarter that has ended, or {"quarter": "2026Q4"}. The evidence is
`governance-reviews/<quarter>.json`: decisions about drafts by department, contributions of champions (by
id, unranked), and the documents, gate records, policies and prompts that changed in the quarter, each by
its version. It counts and names, and quotes nothing; it is written once and never rewritten. Each run also
reports overdue register entries.
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lambdas.common.clock import Clock, utc_now
from lambdas.measurement.aggregates import Aggregate, merged
from lambdas.measurement.source import BucketSource
from lambdas.workflow.area import DepartmentArea, encoded
from lambdas.workflow.aws import client
from lambdas.workflow.overdue import report_overdue
from lambdas.workflow.recognition import Recognition
from lambdas.workflow.reviews import Reviews

FOLDER = "governance-reviews"
_WATCHED = ("adoption", "departments", "documents", "gates", "policy", "prompts")
_QUARTER = re.compile(r"^(\d{4})Q([1-4])$")


@dataclass(frozen=True, slots=True)
class Quarter:
    """A quarter of a year in UTC: from `start`, before `end`."""

    name: str
    start: datetime
    end: datetime

    def holds(self, moment: str) -> bool:
        """Return whether a moment (ISO text with an offset) is in it."""
        return self.start <= datetime.fromisoformat(moment) < self.end


def quarter_named(name: str) -> Quarter:
    """Return the quarter named `2026Q4`. Raises ValueError."""
    found = _QUARTER.match(name)
    if not found:
        raise ValueError(f"{name!r} is not a quarter such as 2026Q4")
    year, number = int(found.group(1)), int(found.group(2))
    start = datetime(year, 3 * number - 2, 1, tzinfo=UTC)
    end = datetime(year + number // 4, 3 * (number % 4) + 1, 1, tzinfo=UTC)
    return Quarter(name, start, end)


def quarter_before(now: datetime) -> Quarter:
    """Return the last quarter that has ended."""
    this = (now.month - 1) // 3 + 1
    return quarter_named(f"{now.year}Q{this - 1}" if this > 1 else f"{now.year - 1}Q4")


@dataclass(frozen=True, slots=True)
class GovernanceReview:
    """`store` is the governance bucket, `s3` its client; `use` returns a quarter's aggregates."""

    reviews: Reviews
    recognition: Recognition
    use: Callable[[Quarter], Aggregate]
    store: DepartmentArea
    s3: Any
    clock: Clock = utc_now

    def collect(self, quarter: Quarter, departments: Sequence[str]) -> dict[str, Any]:
        """Write the evidence of a quarter, once. Return {"key", "written"}."""
        evidence = {
            "champions": [
                one.as_document()
                for one in self.recognition.contributions(quarter, departments, self.use(quarter))
            ],
            "changes": list(self._changes(quarter)),
            "collected_at": self.clock().isoformat(timespec="seconds"),
            "departments": {each: self._decisions(each, quarter) for each in departments},
            "quarter": quarter.name,
            "version": 1,
        }
        key = f"{FOLDER}/{quarter.name}.json"
        return {"key": key, "written": self.store.put_once(key, encoded(evidence))}

    def _decisions(self, department: str, quarter: Quarter) -> dict[str, Any]:
        opened = [one for one in self.reviews.of(department) if quarter.holds(one.opened_at)]
        found = Counter(each["check"] for one in opened for each in one.findings)
        return {
            "escalated": sum(bool(one.escalated_at) for one in opened),
            "findings": dict(sorted(found.items())),
            "opened": len(opened),
            "outcomes_not_recorded": sum(one.state in ("released", "rejected") and not one.recorded
                                         for one in opened),
            "states": dict(sorted(Counter(one.state for one in opened).items())),
        }  # fmt: skip

    def _changes(self, quarter: Quarter) -> Iterator[dict[str, str]]:
        for folder in _WATCHED:
            pages = self.s3.get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self.store.bucket, Prefix=f"{folder}/"):
                for one in page.get("Versions", ()):
                    if quarter.start <= one["LastModified"] < quarter.end:
                        yield {
                            "at": one["LastModified"].isoformat(timespec="seconds"),
                            "key": one["Key"],
                            "version_id": one["VersionId"],
                        }


def _use(source: BucketSource, quarter: Quarter) -> Aggregate:
    """Return the aggregates of a quarter, of the days that have one."""
    days = (
        (quarter.start + timedelta(days=number)).date()
        for number in range((quarter.end - quarter.start).days)
    )
    texts = (source.aggregate(day.isoformat()) for day in days)
    return merged(Aggregate.from_json(text) for text in texts if text is not None)


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Serve Lambda."""
    del context
    s3, dynamodb = client("s3"), client("dynamodb")
    bucket = os.environ["GOVERNANCE_BUCKET"]
    store = DepartmentArea(s3, bucket, os.environ["GOVERNANCE_KEY_ARN"])
    reviews = Reviews(dynamodb, os.environ["REVIEWS_TABLE"])
    recognition = Recognition(
        dynamodb, os.environ["ACCESS_TABLE"], s3, bucket, reviews, os.environ["KIT_DEPLOYMENT"]
    )
    aggregates = BucketSource(s3, os.environ["ANALYTICS_BUCKET"])
    review = GovernanceReview(reviews, recognition, lambda quarter: _use(aggregates, quarter), store, s3)
    report_overdue(s3, bucket, utc_now())
    quarter = quarter_named(event["quarter"]) if "quarter" in event else quarter_before(utc_now())
    return review.collect(quarter, os.environ["DEPARTMENTS"].split(","))

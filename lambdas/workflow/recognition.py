"""Who of the champions contributed what in a quarter (L4.6): prompts approved, reviews done, people trained,
answers rated. Computed from evidence, in the order of ids: nobody is ranked.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from lambdas.common.access import AccessRecords
from lambdas.measurement.aggregates import Aggregate, DepartmentAggregate, digest, digest_key
from lambdas.workflow.reviews import Reviews

CHAMPIONS = "champions"  # the role that the identity provider's group gives
VERSIONS = "prompts/"


class Span(Protocol):
    """A stretch of time that says which moments (ISO text) lie in it."""

    def holds(self, moment: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Champion:
    """An active person with the role. `person` is the id of the access record."""

    person: str
    department: str


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one champion gave. `people_trained` counts each person once; `known_as` is the name under which
    approvals and reviews speak of the person, empty where they do not.
    """

    person: str
    department: str
    known_as: str
    prompts_approved: int
    reviews: int
    people_trained: int
    feedback: int

    def as_document(self) -> dict[str, Any]:
        """Plain data without the name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "known_as"}


@dataclass(frozen=True, slots=True)
class Recognition:
    """The sources of recognition. `dynamodb` and `s3` are botocore clients; `deployment` is
    `<client>-<environment>`, which keys the digests of people in aggregates.
    """

    dynamodb: Any
    access_table: str
    s3: Any
    governance_bucket: str
    reviews: Reviews
    deployment: str

    def champions(self) -> list[Champion]:
        """Active people with the role, in the order of their ids."""
        pages = self.dynamodb.get_paginator("scan").paginate(
            TableName=self.access_table,
            FilterExpression="begins_with(pk, :person) AND active = :yes AND contains(#roles, :champion)",
            ExpressionAttributeNames={"#roles": "roles"},
            ExpressionAttributeValues={
                ":person": {"S": "USER#"},
                ":yes": {"BOOL": True},
                ":champion": {"S": CHAMPIONS},
            },
            ProjectionExpression="pk, department",
        )
        found = (
            Champion(item["pk"]["S"].removeprefix("USER#"), item.get("department", {}).get("S", ""))
            for page in pages
            for item in page["Items"]
        )
        return sorted(found, key=lambda one: one.person)

    def contributions(self, span: Span, departments: Sequence[str], use: Aggregate) -> list[Contribution]:
        """Of every champion. `use` holds the aggregates of the span."""
        champions = self.champions()
        if not champions:
            return []
        approvals, decisions = Counter(self._approvals(span)), Counter(self._decisions(span, departments))
        ids = {name: self._id_of(name) for name in sorted(approvals | decisions)}
        names = {id_: name for name, id_ in ids.items()}
        approved, reviewed = _by_id(approvals, ids), _by_id(decisions, ids)
        key = digest_key(self.deployment)
        whole = DepartmentAggregate()
        for one in use.departments.values():
            whole.add(one)
        return [
            Contribution(
                one.person,
                one.department,
                names.get(one.person, ""),
                approved[one.person],
                reviewed[one.person],
                len(whole.taught.get(digest(key, one.person), ())),
                whole.responses[digest(key, one.person)],
            )
            for one in champions
        ]

    def _id_of(self, name: str) -> str:
        """The id of the person who goes by a user name; the name itself where nobody does."""
        found = AccessRecords(self.dynamodb, self.access_table).find_person(name)
        return found.subject if found else name

    def _approvals(self, span: Span) -> Iterator[str]:
        """Who approved each prompt version that was published in the span."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.governance_bucket, Prefix=VERSIONS
        )
        for page in pages:
            for entry in page.get("Contents", ()):
                body = self.s3.get_object(Bucket=self.governance_bucket, Key=entry["Key"])["Body"].read()
                version: Mapping[str, Any] = json.loads(body)
                if "approval" in version and _within(span, version.get("published_at")):
                    yield str(version["approval"].get("by", ""))

    def _decisions(self, span: Span, departments: Sequence[str]) -> Iterator[str]:
        for department in departments:
            for review in self.reviews.of(department):
                if review.decided_by and review.decided_at and span.holds(review.decided_at):
                    yield review.decided_by


def _by_id(names: Mapping[str, int], ids: Mapping[str, str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for name, count in names.items():
        found[ids[name]] += count
    return found


def _within(span: Span, moment: object) -> bool:
    if not isinstance(moment, str):
        return False
    try:
        datetime.fromisoformat(moment)
    except ValueError:
        return False
    return span.holds(moment)

"""Aggregates of a day, and of any days together: adoption, productivity, quality, cost (L5.1-L5.4).

Every number is a sum and every group of people a set, so that aggregates of distinct days or departments are
merged by adding them, in any order. An aggregate knows people by a keyed digest of their id only; it is a
working copy, and what is shown to anyone passes `lambdas/measurement/privacy.py`.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from lambdas.measurement.events import Event
from lambdas.measurement.seen import Seen

VERSION = 1
OTHER = "other"  # calls that name no use case, and use cases beyond the limit
_NAMES_LIMIT = 200  # use cases, models and reasons of a department; callers name them, so they are bounded

# What the counts of a cell mean. Money in micro-dollars; minutes are minutes saved as people say.
COUNTS: Mapping[str, str] = {
    "calls": "calls that ended in any way",
    "application_calls": "of these, calls of applications",
    "completed": "of these, with a complete answer",
    "registered": "of these, made from an approved prompt",
    "refused": "requests that inspection blocked",
    "input_tokens": "tokens of prompts",
    "output_tokens": "tokens of answers",
    "cost_microusd": "price of all calls and batches",
    "application_cost_microusd": "of these, of applications",
    "rated": "answers that somebody gave feedback on",
    "useful": "of these, useful",
    "edited": "of these, used after a change",
    "rejected": "of these, not used",
    "minutes": "minutes saved, as people say",
    "minutes_squared": "sum of the squares, for the error of the mean",
    "review_needed": "answers that need a person's review",
    "reviewed": "answers that a reviewer decided on",
    "review_approved": "of these, released as they were",
    "review_edited": "of these, released after a change",
    "review_rejected": "of these, not released",
    "validated": "answers with feedback or a review",
    "material": "statements that an answer served a material decision",
    "synthetic": "events of a demonstration",
}


@dataclass
class Cell:
    """Counts, and the people behind them by digest with their number of calls."""

    counts: Counter[str] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Cell") -> None:
        """Take in another cell."""
        self.counts.update(other.counts)
        self.people.update(other.people)

    def as_document(self) -> dict[str, Any]:
        """Plain data, sorted."""
        return {"counts": _sorted(self.counts), "people": _sorted(self.people)}


@dataclass
class DepartmentAggregate:
    """One department: all of it, and by use case, model (without people), reason of refusal; who was
    trained. `behind` is every person behind a figure, also who was only refused or only gave feedback: what
    privacy goes by. `taught` is who was trained by whom, `responses` how much feedback each person gave: both
    are for the recognition of champions (L4.6).
    """

    total: Cell = field(default_factory=Cell)
    use_cases: dict[str, Cell] = field(default_factory=dict)
    models: dict[str, Cell] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    trained: set[str] = field(default_factory=set)
    behind: set[str] = field(default_factory=set)
    taught: dict[str, set[str]] = field(default_factory=dict)
    responses: Counter[str] = field(default_factory=Counter)

    def add(self, other: "DepartmentAggregate") -> None:
        """Take in another aggregate of the same department."""
        self.total.add(other.total)
        for mine, theirs in ((self.use_cases, other.use_cases), (self.models, other.models)):
            for name, cell in theirs.items():
                mine.setdefault(name, Cell()).add(cell)
        self.reasons.update(other.reasons)
        self.trained |= other.trained
        self.behind |= other.behind
        for trainer, people in other.taught.items():
            self.taught.setdefault(trainer, set()).update(people)
        self.responses.update(other.responses)


@dataclass
class Aggregate:
    """Departments by id over one day or several."""

    departments: dict[str, DepartmentAggregate] = field(default_factory=dict)

    def add(self, other: "Aggregate") -> "Aggregate":
        """Take in another aggregate of other events; returns itself."""
        for name, theirs in other.departments.items():
            self.departments.setdefault(name, DepartmentAggregate()).add(theirs)
        return self

    def total(self) -> Cell:
        """The organisation."""
        whole = Cell()
        for department in self.departments.values():
            whole.add(department.total)
        return whole

    def to_json(self) -> str:
        """Canonical JSON: the same events give the same bytes, in whatever order they came."""
        document = {
            "version": VERSION,
            "departments": {
                name: {
                    "total": one.total.as_document(),
                    "use_cases": {key: cell.as_document() for key, cell in sorted(one.use_cases.items())},
                    "models": {key: cell.as_document() for key, cell in sorted(one.models.items())},
                    "reasons": _sorted(one.reasons),
                    "trained": sorted(one.trained),
                    "behind": sorted(one.behind),
                    "taught": {trainer: sorted(people) for trainer, people in sorted(one.taught.items())},
                    "responses": _sorted(one.responses),
                }
                for name, one in sorted(self.departments.items())
            },
        }
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> "Aggregate":
        """What `to_json` wrote. Raises ValueError on another version."""
        document = json.loads(text)
        if document.get("version") != VERSION:
            raise ValueError(f"aggregate of version {document.get('version')}, not {VERSION}")
        return cls(
            {
                name: DepartmentAggregate(
                    _cell(one["total"]),
                    {key: _cell(cell) for key, cell in one["use_cases"].items()},
                    {key: _cell(cell) for key, cell in one["models"].items()},
                    Counter(one["reasons"]),
                    set(one["trained"]),
                    set(one.get("behind", one["total"]["people"])),
                    {trainer: set(people) for trainer, people in one.get("taught", {}).items()},
                    Counter(one.get("responses", {})),
                )
                for name, one in document["departments"].items()
            }
        )


class Aggregator:
    """Counts events by day, each record id once. `deployment` keys the digests of people.

    Memory is bounded by people, departments and use cases, not by events. One feedback and one review of an
    answer count a day; the gateway takes feedback on an answer once. A call has one outcome: the sweeper may
    have said `expired` of one that ended after all, in whatever order they came; what truly came of it
    counts. Of two days given to one aggregator, that of the true end has it; the hourly function computes
    each day alone, and there each day has one.
    """

    def __init__(self, deployment: str, seen: Seen) -> None:
        self._days: dict[str, Aggregate] = {}
        self._key = digest_key(deployment)
        self._seen = seen
        self._expired: dict[str, Event] = {}  # by request; held until all is known

    def count(self, events: Iterable[Event]) -> int:
        """Count events; returns how many were not known yet."""
        counted = 0
        for event in events:
            if self._seen.first_time(_once(event)):
                self._count_or_hold(event)
                counted += 1
        return counted

    def finish(self) -> dict[str, Aggregate]:
        """The days, once every event was given: calls of which nothing but `expired` is known count now."""
        for request_id, event in sorted(self._expired.items()):
            if self._seen.first_time(f"ended {request_id}"):  # no true end came
                self._count(event)
        self._expired.clear()
        return self._days

    def _count_or_hold(self, event: Event) -> None:
        if event.kind == "outcome" and event.request_id and event.result == "expired":
            held = self._expired.setdefault(event.request_id, event)
            if event.record_id < held.record_id:
                self._expired[event.request_id] = event
            return
        self._count(event)

    def person(self, principal: str) -> str:
        """The digest that stands for a person."""
        return digest(self._key, principal)

    def _count(self, event: Event) -> None:
        day = self._days.setdefault(event.day, Aggregate())
        department = day.departments.setdefault(event.department, DepartmentAggregate())
        if event.kind == "training":
            if event.principal:
                self._train(department, event)
            return
        counts = self._counts(event)
        cells = [department.total, _named(department.use_cases, event.use_case or OTHER)]
        if event.person:
            department.behind.add(self.person(event.principal))
        if event.person and event.kind == "outcome":
            who = self.person(event.principal)
            for cell in cells:
                cell.people[who] += 1
        if event.model:
            cells.append(_named(department.models, event.model))
        for cell in cells:
            for name, count in counts.items():
                cell.counts[name] += count
        if event.kind == "feedback" and event.person and counts.get("rated"):
            department.responses[self.person(event.principal)] += 1
        if event.kind == "refusal":
            known = department.reasons
            reason = event.reason or OTHER
            known[reason if reason in known or len(known) < _NAMES_LIMIT else OTHER] += 1

    def _train(self, department: DepartmentAggregate, event: Event) -> None:
        who = self.person(event.principal)
        department.trained.add(who)
        if event.trainer:
            department.taught.setdefault(self.person(event.trainer), set()).add(who)

    def _counts(self, event: Event) -> dict[str, int]:
        counts: dict[str, int] = {"synthetic": 1} if event.synthetic else {}
        match event.kind:
            case "outcome" | "batch_results":
                counts |= self._of_call(event)
            case "refusal":
                counts["refused"] = 1
            case "use":
                counts["material"] = int(event.material)
            case "feedback":
                if self._first_of_day(event, "feedback"):
                    counts |= _of_feedback(event) | self._validation(event)
            case "review":
                if event.decision and self._first_of_day(event, "review"):
                    counts |= {"reviewed": 1, f"review_{event.decision}": 1} | self._validation(event)
        return {name: count for name, count in counts.items() if count}

    @staticmethod
    def _of_call(event: Event) -> dict[str, int]:
        outcome = event.kind == "outcome"
        completed = outcome and event.result == "completed"
        return {
            "calls": int(outcome),
            "application_calls": int(outcome and not event.person),
            "completed": int(completed),
            "registered": int(completed and event.registered),
            "review_needed": int(completed and event.review_needed),
            "input_tokens": event.input_tokens,
            "output_tokens": event.output_tokens,
            "cost_microusd": event.cost_microusd,
            "application_cost_microusd": 0 if event.person else event.cost_microusd,
        }

    def _validation(self, event: Event) -> dict[str, int]:
        return {"validated": int(self._first_of_day(event, "validated"))}

    def _first_of_day(self, event: Event, what: str) -> bool:
        return not event.request_id or self._seen.first_time(f"{what} {event.day} {event.request_id}")


def _once(event: Event) -> str:
    """What is counted once: the true end of a call, or a record. One id an event keeps `Seen` small."""
    ended = event.kind == "outcome" and event.request_id and event.result != "expired"
    return f"ended {event.request_id}" if ended else event.record_id


def _of_feedback(event: Event) -> dict[str, int]:
    return {
        "rated": 1,
        "useful": int(event.useful),
        "edited": int(event.edited and not event.rejected),
        "rejected": int(event.rejected),
        "minutes": event.minutes,
        "minutes_squared": event.minutes**2,
    }


def digest_key(deployment: str) -> bytes:
    """What keys the digests of people of a deployment (`<client>-<environment>`)."""
    return blake2b(deployment.encode(), digest_size=32).digest()


def digest(key: bytes, principal: str) -> str:
    """The digest that stands for a person in every aggregate of a deployment."""
    return blake2b(principal.encode(), key=key, digest_size=8).hexdigest()


def merged(aggregates: Iterable[Aggregate]) -> Aggregate:
    """One aggregate of several that share no event."""
    whole = Aggregate()
    for one in aggregates:
        whole.add(one)
    return whole


def _named(cells: dict[str, Cell], name: str) -> Cell:
    if name not in cells and len(cells) >= _NAMES_LIMIT:
        name = OTHER
    return cells.setdefault(name, Cell())


def _cell(document: Mapping[str, Any]) -> Cell:
    return Cell(Counter(document["counts"]), Counter(document["people"]))


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))

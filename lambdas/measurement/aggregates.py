"""Aggregates of one or several days: adoption, productivity, quality, cost (L5.1-L5.4).

Every number is a sum and every group of people a set, so that aggregates of distinct days or departments
are merged by adding them in any order. An aggregate identifies people only by a keyed digest of their id;
it is a working copy, and whatever is shown passes `lambdas/measurement/privacy.py`.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from typing import Any

from lambdas.measurement.events import Event
from lambdas.measurement.seen import Over, Seen

VERSION = 2
OTHER = "other"  # calls that name no use case, and use cases beyond the limit
NAMES_LIMIT = 200  # use cases, models and reasons of a department; callers name them, so they are bounded

# What the counts of a cell mean. Money in micro-dollars; minutes are minutes saved as people say.
COUNTS: Mapping[str, str] = {
    "calls": "calls that ended in any way",
    "application_calls": "of these, calls of applications",
    "completed": "of these, with a complete answer",
    "failed": "calls that no provider answered, or whose process died",
    "provider_failed": "calls that a provider refused as overloaded or with an error, or broke off",
    "answers": "complete answers that people could use: no embeddings, none without a review it needs",
    "registered": "of these, made from an approved prompt",
    "refused": "requests that inspection blocked",
    "input_tokens": "tokens of prompts",
    "output_tokens": "tokens of answers",
    "cost_microusd": "price of all calls and batches",
    "application_cost_microusd": "of these, of applications",
    "rated": "answers that the person who asked gave feedback on",
    "useful": "of these, useful",
    "edited": "of these, used after a change",
    "rejected": "of these, not used",
    "minutes": "minutes saved, as people say of useful answers",
    "unmatched": "feedback and reviews of answers that lie in another period",
    "review_needed": "answers that need a person's review",
    "reviewed": "answers that needed a review and on which a reviewer decided",
    "review_approved": "of these, released as they were",
    "review_edited": "of these, released after a change",
    "review_rejected": "of these, not released",
    "validated": "answers with feedback or a review",
    "material": "statements that an answer served a material decision",
    "synthetic": "events of a demonstration",
}


@dataclass
class Cell:
    """Counts, and the people behind them by digest.

    `behind`: anyone who is behind any of the counts, also who was only refused, failed or gave feedback;
    privacy goes by it. `people`: active people, who got a complete answer or made a batch, with how many.
    `ratings` and `minutes_of`: who rated usable answers, how many, and the minutes that they stated; the
    error of a mean is one of people, not of answers.
    """

    counts: Counter[str] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)
    ratings: Counter[str] = field(default_factory=Counter)
    minutes_of: Counter[str] = field(default_factory=Counter)
    behind: set[str] = field(default_factory=set)

    def add(self, other: "Cell") -> None:
        """Add another cell."""
        self.counts.update(other.counts)
        self.people.update(other.people)
        self.ratings.update(other.ratings)
        self.minutes_of.update(other.minutes_of)
        self.behind |= other.behind

    def as_document(self) -> dict[str, Any]:
        """Return plain data, sorted."""
        return {
            "counts": _sorted(self.counts),
            "people": _sorted(self.people),
            "ratings": _sorted(self.ratings),
            "minutes_of": _sorted(self.minutes_of),
            "behind": sorted(self.behind),
        }


@dataclass
class DepartmentAggregate:
    """One department: all of it, and by use case, model, reason of refusal; who was trained. `taught` is who
    was trained by whom, `responses` how much feedback each person gave: both are for the recognition of
    champions (L4.6).
    """

    total: Cell = field(default_factory=Cell)
    use_cases: dict[str, Cell] = field(default_factory=dict)
    models: dict[str, Cell] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    trained: set[str] = field(default_factory=set)
    taught: dict[str, set[str]] = field(default_factory=dict)
    responses: Counter[str] = field(default_factory=Counter)

    @property
    def behind(self) -> set[str]:
        """Return everybody behind any figure of the department."""
        return self.total.behind

    def add(self, other: "DepartmentAggregate") -> None:
        """Add another aggregate of the same department."""
        self.total.add(other.total)
        for mine, theirs in ((self.use_cases, other.use_cases), (self.models, other.models)):
            for name, cell in theirs.items():
                mine.setdefault(name, Cell()).add(cell)
        self.reasons.update(other.reasons)
        self.trained |= other.trained
        for trainer, people in other.taught.items():
            self.taught.setdefault(trainer, set()).update(people)
        self.responses.update(other.responses)


@dataclass
class Aggregate:
    """Departments by id over one day or several."""

    departments: dict[str, DepartmentAggregate] = field(default_factory=dict)

    def add(self, other: "Aggregate") -> "Aggregate":
        """Add another aggregate of other events. Return itself."""
        for name, theirs in other.departments.items():
            self.departments.setdefault(name, DepartmentAggregate()).add(theirs)
        return self

    def total(self) -> Cell:
        """Return the organisation's total."""
        whole = Cell()
        for department in self.departments.values():
            whole.add(department.total)
        return whole

    def to_json(self) -> str:
        """Return canonical JSON: the same events give the same bytes in any order."""
        return json.dumps(self.as_document(), sort_keys=True, separators=(",", ":"))

    def as_document(self) -> dict[str, Any]:
        """Return plain data, sorted."""
        return {
            "version": VERSION,
            "departments": {
                name: {
                    "total": one.total.as_document(),
                    "use_cases": {key: cell.as_document() for key, cell in sorted(one.use_cases.items())},
                    "models": {key: cell.as_document() for key, cell in sorted(one.models.items())},
                    "reasons": _sorted(one.reasons),
                    "trained": sorted(one.trained),
                    "taught": {trainer: sorted(people) for trainer, people in sorted(one.taught.items())},
                    "responses": _sorted(one.responses),
                }
                for name, one in sorted(self.departments.items())
            },
        }

    @classmethod
    def from_json(cls, text: str | bytes) -> "Aggregate":
        """Parse what `to_json` wrote, now or before ratings were stored by person. Raises ValueError for
        another version.
        """
        return cls.from_document(json.loads(text))

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Aggregate":
        """Parse what `as_document` returned. Raises ValueError for another version."""
        if document.get("version") not in (1, VERSION):
            raise ValueError(f"aggregate of version {document.get('version')}, not {VERSION}")
        return cls(
            {
                name: DepartmentAggregate(
                    _cell(one["total"], one.get("behind")),
                    {key: _cell(cell) for key, cell in one["use_cases"].items()},
                    {key: _cell(cell) for key, cell in one["models"].items()},
                    Counter(one["reasons"]),
                    set(one["trained"]),
                    {trainer: set(people) for trainer, people in one.get("taught", {}).items()},
                    Counter(one.get("responses", {})),
                )
                for name, one in document["departments"].items()
            }
        )


class Aggregator:
    """Counts events, each record id once. `deployment` keys the digests of people.

    Feedback and reviews count with the answer that they are about, on its day and under its use case, once an
    answer. `whole`: all events of a period are given, with those that came later; feedback on an answer that
    is not among them belongs to another period and is `unmatched`. Otherwise (the hourly function, which
    knows a day) it counts on the day it was given.

    Memory is bounded by people, departments, use cases and feedback, not by calls. A call has one outcome:
    the sweeper may have said `expired` of one that ended after all, in whatever order they came; what truly
    came of it counts.
    """

    def __init__(self, deployment: str, seen: Seen, *, whole: bool = False) -> None:
        self._days: dict[str, Aggregate] = {}
        self._key = digest_key(deployment)
        self._seen = seen
        self._whole = whole
        # Held until all is known, with the digest of the person in the person's place: by request; and
        # feedback and reviews, whose answers may come after them.
        self._expired: dict[str, Event] = {}
        self._judgements: list[Event] = []

    def count(self, events: Iterable[Event]) -> int:
        """Count events. Return how many were new."""
        counted = 0
        for event in events:
            if self._seen.first_time(_once(event), _note(event, self.person(event.principal))):
                self._count_or_hold(event)
                counted += 1
        return counted

    def count_group(
        self,
        day: str,
        department: str,
        *,
        use_case: str,
        model: str,
        reason: str,
        principal: str | None,
        active: int,
        counts: Mapping[str, int],
    ) -> None:
        """Count events that were summed elsewhere, each once: of one person (None: nobody's), use case, model
        and reason of refusal. `active` of them were answers or batches.
        """
        one = self._department(day, department)
        cells = [one.total, _named(one.use_cases, use_case)]
        if model:
            cells.append(_named(one.models, model))
        if principal is not None:
            who = self.person(principal)
            _stand_behind(cells, who)
            for cell in cells if active else ():
                cell.people[who] += active
        _add(cells, counts)
        if reason:
            _refuse(one, reason, counts["refused"])

    def know(self, outcome: Event) -> None:
        """Note a call that `count_group` counts, for later ratings of its answer."""
        self._seen.first_time(f"ended {outcome.request_id}", _note(outcome, self.person(outcome.principal)))

    def finish(self) -> dict[str, Aggregate]:
        """Return the days, once every event was given: calls known only as `expired` count now, then
        ratings of answers.
        """
        for request_id, event in sorted(self._expired.items()):
            if self._seen.first_time(
                f"ended {request_id}", _note(event, event.principal)
            ):  # no true end came
                self._count(event, event.principal)
        self._expired.clear()
        for event in sorted(self._judgements, key=_reviews_first):
            self._judge(event)
        self._judgements.clear()
        return self._days

    def so_far(self) -> dict[str, Aggregate]:
        """Return what `finish` would return now; more may follow."""
        one = Aggregator("", Over(self._seen), whole=self._whole)
        one._days = {day: Aggregate().add(each) for day, each in self._days.items()}
        one._expired, one._judgements = dict(self._expired), list(self._judgements)
        return one.finish()

    def state(self) -> dict[str, Any]:
        """Return plain data from which `resumed` continues; the caller stores what was seen."""
        return {
            "days": {day: one.as_document() for day, one in self._days.items()},
            "expired": [asdict(event) for event in self._expired.values()],
            "judgements": [asdict(event) for event in self._judgements],
        }

    @classmethod
    def resumed(cls, deployment: str, seen: Seen, state: Mapping[str, Any]) -> "Aggregator":
        """Return an aggregator that continues from `state`. Raises ValueError for another version."""
        one = cls(deployment, seen)
        one._days = {day: Aggregate.from_document(each) for day, each in state["days"].items()}
        one._expired = {each["request_id"]: Event(**each) for each in state["expired"]}
        one._judgements = [Event(**each) for each in state["judgements"]]
        return one

    def _count_or_hold(self, event: Event) -> None:
        who = self.person(event.principal)
        if event.kind in ("feedback", "review"):
            self._judgements.append(replace(event, principal=who))
        elif event.kind == "outcome" and event.request_id and event.result == "expired":
            held = self._expired.get(event.request_id)
            if held is None or event.record_id < held.record_id:
                self._expired[event.request_id] = replace(event, principal=who)
        else:
            self._count(event, who)

    def person(self, principal: str) -> str:
        """Return the digest that stands for a person."""
        return digest(self._key, principal)

    def _department(self, day: str, name: str) -> DepartmentAggregate:
        return self._days.setdefault(day, Aggregate()).departments.setdefault(name, DepartmentAggregate())

    def _count(self, event: Event, who: str) -> None:
        department = self._department(event.day, event.department)
        if event.kind == "training":
            if event.principal:
                self._train(department, event, who)
            return
        cells = [department.total, _named(department.use_cases, event.use_case or OTHER)]
        if event.model:
            cells.append(_named(department.models, event.model))
        if event.person:
            _stand_behind(cells, who)
        active = event.kind == "batch_results" or (event.kind == "outcome" and event.result == "completed")
        if event.person and active:
            for cell in cells:
                cell.people[who] += 1
        _add(cells, _counts_of(event))
        if event.kind == "refusal":
            _refuse(department, event.reason or OTHER, 1)

    def _train(self, department: DepartmentAggregate, event: Event, who: str) -> None:
        department.trained.add(who)
        if event.trainer:
            department.taught.setdefault(self.person(event.trainer), set()).add(who)
        _stand_behind([department.total], who)

    def _judge(self, event: Event) -> None:
        """Count feedback or a review, once per answer."""
        if event.kind == "review" and not event.decision:
            return
        answer = _noted(self._seen.note(f"ended {event.request_id}")) if event.request_id else None
        if answer is not None and event.kind == "feedback" and answer.who != event.principal:
            return  # what somebody else thinks of an answer is on record; it saved this person no time
        if event.request_id and not self._seen.first_time(f"{event.kind} {event.request_id}"):
            return
        if answer is None and self._whole:
            _add([self._department(event.day, event.department).total], {"unmatched": 1})
            return
        if answer is None:
            answer = _Answer(event.day, event.department, event.use_case, needed=True, usable=True)
        department = self._department(answer.day, answer.department)
        cells = [department.total, _named(department.use_cases, answer.use_case or event.use_case or OTHER)]
        if event.person:
            _stand_behind(cells, event.principal)
        if event.kind == "review":
            self._review(event, answer, cells)
        elif event.person:
            department.responses[event.principal] += 1
            self._rate(event, answer, cells)

    def _review(self, event: Event, answer: "_Answer", cells: Sequence[Cell]) -> None:
        counts = {"validated": self._validation(event), "synthetic": int(event.synthetic)}
        released = event.decision != "rejected"
        if answer.needed:
            counts |= {"reviewed": 1, f"review_{event.decision}": 1}
        if answer.usable and answer.known and released == answer.needed:
            counts["answers"] = 1 if released else -1  # released at last, or taken back
        self._seen.first_time(f"decided {event.request_id}", event.decision)
        _add(cells, counts)

    def _rate(self, event: Event, answer: "_Answer", cells: Sequence[Cell]) -> None:
        worth = event.useful and not event.rejected
        _add(cells, {
            "rated": 1,
            "useful": int(event.useful),
            "edited": int(event.edited and not event.rejected),
            "rejected": int(event.rejected),
            "validated": self._validation(event),
            "synthetic": int(event.synthetic),
        })  # fmt: skip
        decided = self._seen.note(f"decided {event.request_id}")
        if not answer.usable or decided == "rejected" or (answer.known and answer.needed and decided is None):
            return
        minutes, who = event.minutes if worth else 0, event.principal
        _add(cells, {"minutes": minutes})
        for cell in cells:
            cell.ratings[who] += 1
            cell.minutes_of[who] += minutes

    def _validation(self, event: Event) -> int:
        return int(not event.request_id or self._seen.first_time(f"validated {event.request_id}"))


@dataclass(frozen=True, slots=True)
class _Answer:
    """What feedback and reviews need of the answer they are about. `usable`: a person's complete answer.
    `who`: the digest of the person who asked.
    `known`: read from its call's record; otherwise only guessed from the feedback.
    """

    day: str
    department: str
    use_case: str
    needed: bool
    usable: bool
    who: str = ""
    known: bool = False


def _reviews_first(event: Event) -> tuple[bool, str, str]:
    """Whether an answer was released is known before what it was worth is counted."""
    return event.kind != "review", event.at, event.record_id


def _note(event: Event, who: str) -> str:
    """What is kept of a call for what is said of its answer later; `who` is the digest of its person."""
    if event.kind != "outcome":
        return ""
    needed = event.review_needed and event.result == "completed"
    return "\n".join((event.day, event.department, event.use_case, f"{int(needed)}{int(event.answer)}", who))


def _noted(note: str | None) -> _Answer | None:
    if not note:
        return None
    day, department, use_case, flags, who = note.split("\n")
    return _Answer(day, department, use_case, flags[0] == "1", flags[1] == "1", who, known=True)


def _refuse(department: DepartmentAggregate, reason: str, times: int) -> None:
    known = department.reasons
    known[reason if reason in known or len(known) < NAMES_LIMIT else OTHER] += times


def _stand_behind(cells: Iterable[Cell], who: str) -> None:
    for cell in cells:
        cell.behind.add(who)


def _add(cells: Iterable[Cell], counts: Mapping[str, int]) -> None:
    for cell in cells:
        for name, count in counts.items():
            if count:
                cell.counts[name] += count


def _counts_of(event: Event) -> dict[str, int]:
    counts: dict[str, int] = {"synthetic": int(event.synthetic)}
    match event.kind:
        case "outcome" | "batch_results":
            counts |= _of_call(event)
        case "refusal":
            counts["refused"] = 1
        case "use":
            counts["material"] = int(event.material)
    return counts


def _of_call(event: Event) -> dict[str, int]:
    outcome = event.kind == "outcome"
    completed = outcome and event.result == "completed"
    return {
        "calls": int(outcome),
        "application_calls": int(outcome and not event.person),
        "completed": int(completed),
        "failed": int(event.gateway_failed),
        "provider_failed": int(event.provider_failed),
        "answers": int(event.answer and not event.review_needed),
        "registered": int(completed and event.registered),
        "review_needed": int(completed and event.review_needed),
        "input_tokens": event.input_tokens,
        "output_tokens": event.output_tokens,
        "cost_microusd": event.cost_microusd,
        "application_cost_microusd": 0 if event.person else event.cost_microusd,
    }


def _once(event: Event) -> str:
    """What is counted once: the true end of a call, a part of a batch (recorded again where a process died
    after its record), or a record. One id an event keeps `Seen` small.
    """
    if event.kind == "batch_results" and event.request_id and event.after_line >= 0:
        return f"results {event.request_id} {event.after_line}"
    ended = event.kind == "outcome" and event.request_id and event.result != "expired"
    return f"ended {event.request_id}" if ended else event.record_id


def digest_key(deployment: str) -> bytes:
    """Return the key for digests of people of a deployment (`<client>-<environment>`)."""
    return blake2b(deployment.encode(), digest_size=32).digest()


def digest(key: bytes, principal: str) -> str:
    """Return the digest that stands for a person in every aggregate of a deployment."""
    return blake2b(principal.encode(), key=key, digest_size=8).hexdigest()


def merged(aggregates: Iterable[Aggregate]) -> Aggregate:
    """Return one aggregate of several that share no event."""
    whole = Aggregate()
    for one in aggregates:
        whole.add(one)
    return whole


def _named(cells: dict[str, Cell], name: str) -> Cell:
    if name not in cells and len(cells) >= NAMES_LIMIT:
        name = OTHER
    return cells.setdefault(name, Cell())


def _cell(document: Mapping[str, Any], behind: Sequence[str] | None = None) -> Cell:
    return Cell(
        Counter(document["counts"]),
        Counter(document["people"]),
        Counter(document.get("ratings", {})),
        Counter(document.get("minutes_of", {})),
        set(document.get("behind", behind or document["people"])),
    )


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))

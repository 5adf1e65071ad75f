"""Generates twelve weeks of synthetic use: plausible, deterministic for a seed, and labelled in every row
(S.3).
"""

import gzip
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from kit.measurement.baselines import Baseline
from lambdas.common.prices import PriceList, load_prices

WEEKS = 12
LABEL = "kit demo"
_USE_CASES = {
    "marketing": (("campaign-copy", 55, 90), ("customer-feedback-themes", 35, 120)),
    "finance": (("variance-commentary", 40, 75), ("scenario-model", 60, 180)),
    "legal": (("contract-review", 70, 150),),
    "executive": (("decision-brief", 65, 160),),
    "operations": (("incident-lessons", 35, 60),),
    "product": (("competitor-comparison", 50, 110),),
    "people": (("policy-answer", 15, 30),),
}
_OTHERS = (("document-analysis", 30, 60),)
_HOURLY_USD = {"executive": 140, "legal": 110, "finance": 80}
_REASONS = ("restricted", "confidential", "uninspectable", "personnel-decision")


@dataclass(frozen=True)
class Team:
    """A department of the demonstration. `starts` is the week (1 to 12) in which it starts."""

    department: str
    people: int
    starts: int
    models: tuple[str, ...]


@dataclass(frozen=True)
class Demonstration:
    """Rows by day, and what the ledger would have settled: micro-dollars by month and department."""

    rows: dict[str, list[dict[str, Any]]]
    settled: Counter[tuple[str, str]]
    baselines: tuple[Baseline, ...]

    def objects(self) -> Iterator[tuple[str, bytes]]:
        """Yield keys in the analytics bucket and their content, byte-identical on each run."""
        for day, rows in sorted(self.rows.items()):
            text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
            yield f"records/dt={day}/demonstration.json.gz", gzip.compress(text.encode(), mtime=0)


def teams(departments: Sequence[tuple[str, bool, tuple[str, ...]]], live_people: int) -> list[Team]:
    """Return teams with `live_people` people in total: pilots from week 5 (a few people earlier), the rest
    from week 9.
    """
    count = len(departments)
    made = []
    for number, (name, pilot, models) in enumerate(departments):
        share = live_people // count + (1 if number < live_people % count else 0)
        made.append(Team(name, max(3, share), 5 if pilot else 9, models))
    return made


def demonstrate(members: Sequence[Team], last: date, seed: int) -> Demonstration:
    """Generate the twelve weeks that end on `last`."""
    maker = _Maker(random.Random(seed), load_prices(), last - timedelta(days=7 * WEEKS - 1))  # noqa: S311
    for team in members:
        maker.team(team)
    baselines = tuple(_baseline(team.department, maker.first_day - timedelta(days=14)) for team in members)
    return Demonstration(maker.rows, maker.settled, baselines)


def _baseline(department: str, dated: date) -> Baseline:
    _, _, minutes = _USE_CASES.get(department, _OTHERS)[0]
    return Baseline(
        department=department,
        use_case="*",
        minutes_per_task=minutes,
        tasks_per_month=600,
        rework_percent=25,
        hourly_cost_usd=Decimal(_HOURLY_USD.get(department, 60)),
        dated=dated,
        by="made up by kit demo",
        demonstration=True,
    )


class _Maker:
    def __init__(self, choose: random.Random, prices: PriceList, first_day: date) -> None:
        self.first_day = first_day
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.settled: Counter[tuple[str, str]] = Counter()
        self._choose, self._prices = choose, prices
        self._number = 0

    def team(self, team: Team) -> None:
        """Generate all weeks of one department: each week more people, each with slightly more use."""
        for member in range(team.people):
            joins = team.starts + int(self._choose.triangular(0, 3.9, 0.5))
            if team.starts == 5 and member < 5:
                joins = self._choose.choice((2, 3))  # the first trials of a pilot
            keen = self._choose.lognormvariate(0, 0.6)
            person = f"demo-{team.department}-{member:03d}"
            for week in range(joins, WEEKS + 1):
                if week == joins:
                    self._row(team, person, self._when(week), "training", details={"course": "onboarding"})
                for _ in range(min(40, int(self._choose.expovariate(1 / (3.5 * keen))))):
                    self._call(team, person, week)
        if team.starts == 5:  # pilots also have an application
            for week in range(7, WEEKS + 1):
                for _ in range(40):
                    self._call(team, f"demo-application-{team.department}", week, application=True)

    def _call(self, team: Team, person: str, week: int, *, application: bool = False) -> None:
        choose, at = self._choose, self._when(week)
        case, minutes, _ = choose.choice(_USE_CASES.get(team.department, _OTHERS))
        if choose.random() < 0.015:
            self._row(team, person, at, "refusal", application=application, reason=choose.choice(_REASONS))
            return
        registered = choose.random() < min(0.9, 0.35 + 0.06 * week)
        name = f"{team.department}/{case}" if registered else None
        model = choose.choices(team.models, weights=range(len(team.models), 0, -1))[0]
        usage: dict[str, Any] = {
            "input_tokens": int(choose.lognormvariate(7.4, 0.7)),
            "output_tokens": int(choose.lognormvariate(6.2, 0.6)),
        }
        completed = choose.random() > 0.01
        cost = self._prices.cost(model, usage) if completed else 0
        needs_review = completed and registered and choose.random() < 0.25
        request_id = self._row(
            team, person, at, "outcome", application=application,
            call="messages", use_case=name, prompt=name, model=model, provider="anthropic",
            result="completed" if completed else "upstream_error", status=200 if completed else 529,
            data_class="internal", requires_review=needs_review, cost_microusd=cost, **usage,
        )  # fmt: skip
        self.settled[at.strftime("%Y-%m"), team.department] += cost
        if not completed:
            return
        later = min(at + timedelta(minutes=choose.randint(3, 90)), at.replace(hour=23, minute=59))
        if needs_review and choose.random() < 0.97:
            decision = choose.choices(("approve", "edit", "reject"), weights=(70, 22, 8))[0]
            reviewer = f"demo-reviewer-{team.department}"
            self._row(team, reviewer, later, "review", request_id, use_case=name, decision=decision)
        elif not application and choose.random() < 0.3:
            useful = choose.random() < 0.62 + 0.02 * week
            said = {
                "useful": useful,
                "minutes_saved": max(0, int(choose.gauss(minutes * 0.5, minutes * 0.25))) if useful else 0,
                "edited": useful and choose.random() < 0.4,
                "rejected": not useful and choose.random() < 0.5,
            }
            self._row(team, person, later, "feedback", request_id, use_case=name, **said)

    def _when(self, week: int) -> datetime:
        """Return a time in office hours of a weekday of a week (1 to 12), more often early in the week."""
        first = self.first_day + timedelta(days=7 * (week - 1))
        weekdays = [first + timedelta(days=offset) for offset in range(7)]
        day = self._choose.choice([one for one in weekdays if one.weekday() < 5])
        hour = int(self._choose.triangular(7, 18, 10))
        return datetime(day.year, day.month, day.day, hour, self._choose.randrange(60), tzinfo=UTC)

    def _row(
        self,
        team: Team,
        person: str,
        at: datetime,
        kind: str,
        request_id: str | None = None,
        *,
        application: bool = False,
        **fields: Any,
    ) -> str:
        self._number += 1
        request_id = request_id or f"req_demonstration_{self._number:08d}"
        row = {
            "record_id": f"rec_demonstration_{self._number:08d}",
            "kind": kind,
            "at": at.isoformat(timespec="milliseconds"),
            "writer": "demonstration",
            "request_id": request_id,
            "principal": person,
            "principal_kind": "application" if application else "person",
            "department": team.department,
            **{name: value for name, value in fields.items() if value is not None},
            "synthetic": True,
            "details": json.dumps({"label": LABEL}),
        }
        self.rows.setdefault(at.date().isoformat(), []).append(row)
        return request_id

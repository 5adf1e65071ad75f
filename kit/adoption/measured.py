"""Measured exit criteria, computed from a deployment (S.2, S.3).

Each value has its query and the numbers it was computed from. Counts come from the aggregates of
`lambdas/measurement`, so that gates, dashboards and reports agree.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from kit.measurement.period import Period
from kit.measurement.use import Use
from kit.measurement.value import ENOUGH_RATED, value_of_departments
from lambdas.measurement.aggregates import Aggregate, DepartmentAggregate, merged
from lambdas.measurement.privacy import coarse
from lambdas.measurement.source import events
from lambdas.workflow.recognition import CHAMPIONS

if TYPE_CHECKING:
    from kit.measurement.reading import Reading
    from stacks.settings import Settings

WEEK_DAYS = 7
MONTH_DAYS = 28
_MOST_DAYS = 400
_DEFAULT_WEEKS = 12


@dataclass(frozen=True)
class Measured:
    """One value. `figures` are whole numbers, money in micro-dollars."""

    criterion: str
    value: int
    query: str
    figures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """Inputs of the criteria: the client, where to read, and usage since the rollout began."""

    settings: "Settings"
    reading: "Reading"
    use: Use

    @property
    def today(self) -> date:
        """Return the last day that is counted."""
        return self.use.period.last

    def window(self, days: int) -> tuple[Aggregate, str]:
        """Return the last days together, and their dates for the query."""
        first = max(self.use.period.first, self.today - timedelta(days=days - 1))
        chosen = (one for day, one in self.use.days.items() if first.isoformat() <= day)
        return merged(chosen), f"{first} to {self.today}"


def read_facts(reading: "Reading", *, progress: bool = False) -> Facts:
    """Read usage from the first day of the rollout until today, from the records themselves."""
    settings, today = reading.settings, reading.today
    started = settings.rollout_started or today - timedelta(weeks=_DEFAULT_WEEKS)
    first = min(max(started, today - timedelta(days=_MOST_DAYS)), today)
    period = Period("the rollout", first, today)
    return Facts(settings, reading, reading.whole(period, progress=progress))


def applications_integrated(facts: Facts) -> Measured:
    """Count applications of the organisation that got a complete answer."""
    source, found = facts.reading.evidence(), set[str]()
    first = (facts.today - timedelta(days=MONTH_DAYS - 1)).isoformat()
    for day in source.days():
        if day >= first:
            found |= {
                one.principal
                for one in events(source, day)
                if one.kind == "outcome" and not one.person and one.result == "completed"
            }
    query = f"distinct applications with a complete answer, {first} to {facts.today}"
    return Measured("applications-integrated", len(found), query, {"applications": len(found)})


def pilots_live(facts: Facts) -> Measured:
    """Count pilots in which a person got a complete answer this week."""
    week, dates = facts.window(WEEK_DAYS)
    answers = {one: _counts(week, one)["completed"] for one in _pilots(facts)}
    people = {one: len(_of(week, one).total.people) for one in answers}
    live = sum(1 for one in answers if answers[one] and people[one])
    query = f"pilots with people and complete answers, {dates}"
    figures = {f"answers {one}": count for one, count in answers.items()}
    figures |= {f"people {one}, in fives": coarse(count) for one, count in people.items()}
    return Measured("pilots-live", live, query, figures)


def pilot_outputs(facts: Facts) -> Measured:
    """Count complete answers of all pilots this week."""
    week, dates = facts.window(WEEK_DAYS)
    answers = {f"answers {one}": _counts(week, one)["completed"] for one in _pilots(facts)}
    return Measured("pilot-outputs", sum(answers.values()), f"complete answers of pilots, {dates}", answers)


def pilot_teams_trained(facts: Facts) -> Measured:
    """Return the lowest share of trained people among a pilot's active ones, in percent rounded down."""
    month, dates = facts.window(MONTH_DAYS)
    figures: dict[str, int] = {}
    shares = []
    for one in _pilots(facts):
        active = set(_of(month, one).total.people)
        known = _of(facts.use.whole, one).trained | facts.use.trained_before.get(one, frozenset())
        trained = len(active & known)
        figures |= {
            f"active {one}, in fives": coarse(len(active)),
            f"trained {one}, in fives": coarse(trained),
        }
        shares.append(100 * trained // len(active) if active else 0)
    query = f"least share over the pilots: people active {dates} with a training record, of all active"
    return Measured("pilot-teams-trained", min(shares, default=0), query, figures)


def people_live(facts: Facts) -> Measured:
    """Count distinct people of the organisation who called this month."""
    month, dates = facts.window(MONTH_DAYS)
    people = len(month.total().people)
    return Measured("people-live", people, f"distinct people with calls, {dates}", {"people": people})


def roi_measured(facts: Facts) -> Measured:
    """Count departments with enough feedback and a baseline whose stated minutes have a positive value."""
    use, baselines = facts.use, [one for one in facts.reading.baselines() if not one.demonstration]
    first_use = use.first_use
    values = value_of_departments(use.whole.departments, baselines, use.period.length, first_use)
    priced = {
        name: one
        for name, one in values.items()
        if one.microusd is not None and one.microusd.low > 0 and one.rated >= ENOUGH_RATED
    }
    figures = {"cost_microusd": use.whole.total().counts["cost_microusd"]}
    for name, one in priced.items():
        if one.microusd is not None:
            figures |= {
                f"value_low_microusd {name}": int(one.microusd.low),
                f"value_high_microusd {name}": int(one.microusd.high),
                f"rated {name}": one.rated,
            }
    query = (
        f"departments with a baseline and {ENOUGH_RATED} rated answers, {use.period.first} to {facts.today}"
    )
    return Measured("roi-measured", len(priced), query, figures)


def champions_active(facts: Facts) -> Measured:
    """Count active people with the champion role."""
    target = facts.reading.target
    if target is None:
        return Measured("champions-active", 0, "no deployment was given: roles are in its access table")
    from kit.adoption.recognition import recognition

    query = f"active people of the access table with the role {CHAMPIONS}"
    found = len(recognition(target).champions())
    return Measured("champions-active", found, query, {"champions": found})


def records_complete(facts: Facts) -> Measured:
    """Return the share of calls with all their records, in percent; 100 only if `kit audit verify` finds
    nothing.
    """
    from kit.adoption.records import verified_week

    target = facts.reading.target
    if target is None:
        return Measured("records-complete", 0, "no deployment was given: kit audit verify needs its keys")
    calls, findings = verified_week(target)
    share = 0 if not calls else 100 if not findings else min(99, max(0, 100 * (calls - findings) // calls))
    return Measured(
        "records-complete",
        share,
        "kit audit verify over the last seven days",
        {"calls": calls, "findings": findings},
    )


MEASURES: Mapping[str, Callable[[Facts], Measured]] = {
    "applications-integrated": applications_integrated,
    "pilots-live": pilots_live,
    "pilot-outputs": pilot_outputs,
    "records-complete": records_complete,
    "pilot-teams-trained": pilot_teams_trained,
    "people-live": people_live,
    "champions-active": champions_active,
    "roi-measured": roi_measured,
}


def _pilots(facts: Facts) -> Iterable[str]:
    return [one.id for one in facts.settings.departments if one.pilot]


def _of(use: Aggregate, department: str) -> DepartmentAggregate:
    return use.departments.get(department, DepartmentAggregate())


def _counts(use: Aggregate, department: str) -> Mapping[str, int]:
    return _of(use, department).total.counts

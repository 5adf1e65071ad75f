"""The value of time saved, as a range with its method and never as a single figure (L3.3, L5.2).

Only answers that people could use count: complete, their own, and released where a review was required.
`low`: only the minutes that people reported for such answers. `central`: answers without feedback saved
half of the reported mean. `high`: they saved the upper end of the mean's 95 % confidence interval. The
interval is clustered by person, with Student's t, because answers of one person are alike. With fewer than
`ENOUGH_RATERS` people nothing is assumed about answers without feedback. Raters may be those who benefited:
`low` is what holds if nobody else did.

Minutes saved never exceed the baseline's minutes per task, and tasks never exceed the baseline's tasks,
once for all use cases that a baseline covers. Money is time at the baseline's hourly cost; without a
baseline there is no amount of money.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import sqrt

from kit.measurement.baselines import Baseline, baseline_for
from lambdas.measurement.aggregates import Cell, DepartmentAggregate

UNRATED_SHARE = Decimal("0.5")  # what an answer without feedback is worth in the central value
ENOUGH_RATED = 30  # below this a mean is uncertain
ENOUGH_RATERS = 5  # below this number of people there is no interval
_DAYS_A_MONTH = Decimal("30.4375")


@dataclass(frozen=True)
class Range:
    """Low, central and high of one quantity."""

    low: Decimal = Decimal(0)
    central: Decimal = Decimal(0)
    high: Decimal = Decimal(0)

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.central + other.central, self.high + other.high)

    def times(self, factor: Decimal) -> "Range":
        """Multiply each of the three by a factor."""
        return Range(self.low * factor, self.central * factor, self.high * factor)


@dataclass(frozen=True)
class Value:
    """Time and money of one use case or department. `microusd` is None if no baseline prices the time;
    `rated` and `raters` are accepted answers with feedback and the people who gave it; `answers` are all
    that people could use.
    """

    minutes: Range
    microusd: Range | None
    rated: int
    raters: int
    answers: int
    doubts: tuple[str, ...]


def value_of_use_case(cell: Cell, baseline: Baseline | None, days: int, first_use: str | None) -> Value:
    """Return the value of all answers that one baseline covers, over `days` days."""
    rated, answers = cell.ratings.total(), cell.counts["answers"]
    mean, upper = mean_and_upper(cell.ratings, cell.minutes_of)
    stated, unrated = Decimal(cell.minutes_of.total()), Decimal(max(0, answers - rated))
    doubts = _doubts_of_ratings(rated, len(cell.ratings))
    if baseline is None:
        minutes = Range(stated, stated + UNRATED_SHARE * unrated * mean, stated + unrated * upper)
        return Value(minutes, None, rated, len(cell.ratings), answers, (*doubts, _UNPRICED))
    most = Decimal(baseline.minutes_per_task)
    tasks = Decimal(baseline.tasks_per_month) * days / _DAYS_A_MONTH
    unrated = max(Decimal(0), min(unrated, tasks - rated))
    stated, mean, upper = min(stated, min(Decimal(rated), tasks) * most), min(mean, most), min(upper, most)
    if first_use is not None and baseline.dated.isoformat() > first_use:
        doubts.append("the baseline was recorded after the first use")
    if baseline.demonstration:
        doubts.append("the baseline is made up")
    minutes = Range(stated, stated + UNRATED_SHARE * unrated * mean, stated + unrated * upper)
    money = minutes.times(baseline.hourly_cost_usd * 1_000_000 / 60)
    return Value(minutes, money, rated, len(cell.ratings), answers, tuple(doubts))


def value_of_departments(
    departments: Mapping[str, DepartmentAggregate],
    baselines: Sequence[Baseline],
    days: int,
    first_use: Mapping[str, str],
) -> dict[str, Value]:
    """Return the value of each department: the sum over its baselines, each with the use cases that it
    covers.
    """
    found: dict[str, Value] = {}
    for name, department in sorted(departments.items()):
        covered: dict[str | None, tuple[Baseline | None, Cell]] = {}
        for case, cell in sorted(department.use_cases.items()):
            baseline = baseline_for(baselines, name, case)
            key = None if baseline is None else baseline.use_case
            covered.setdefault(key, (baseline, Cell()))[1].add(cell)
        parts = [
            value_of_use_case(cell, baseline, days, first_use.get(name))
            for baseline, cell in covered.values()
        ]
        found[name] = _sum([one for one in parts if one.answers or one.rated])
    return found


def mean_and_upper(ratings: Mapping[str, int], minutes: Mapping[str, int]) -> tuple[Decimal, Decimal]:
    """Return the mean of the reported minutes and the upper end of its 95 % confidence interval, clustered
    by person; zeros with fewer than `ENOUGH_RATERS` people.
    """
    people, count = len(ratings), sum(ratings.values())
    if people < ENOUGH_RATERS:
        return Decimal(0), Decimal(0)
    mean = sum(minutes.values()) / count
    residuals = (minutes.get(who, 0) - rated * mean for who, rated in ratings.items())
    error = sqrt(people / (people - 1) * sum(one**2 for one in residuals)) / count
    return Decimal(str(round(mean, 6))), Decimal(str(round(mean + student_t(people - 1) * error, 6)))


def student_t(freedom: int) -> float:
    """Return the 97.5 % quantile of Student's t by the Cornish-Fisher expansion; within 0.01 from 4 degrees
    of freedom.
    """
    z, n = 1.959963985, float(freedom)
    return (
        z
        + (z**3 + z) / (4 * n)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    )


_UNPRICED = "no baseline: time is not priced"
_OF_RATINGS = ("only ", "no range:")


def _doubts_of_ratings(rated: int, raters: int) -> list[str]:
    doubts = [] if rated >= ENOUGH_RATED else [f"only {rated} answers have feedback"]
    if rated and raters < ENOUGH_RATERS:
        doubts.append(f"no range: fewer than {ENOUGH_RATERS} people gave feedback")
    return doubts


def _sum(parts: Sequence[Value]) -> Value:
    minutes, money, priced = Range(), Range(), False
    doubts: dict[str, None] = {}
    rated, answers = sum(one.rated for one in parts), sum(one.answers for one in parts)
    raters = max((one.raters for one in parts), default=0)
    for one in parts:
        minutes += one.minutes
        if one.microusd is not None:
            money, priced = money + one.microusd, True
        doubts |= dict.fromkeys(doubt for doubt in one.doubts if not doubt.startswith(_OF_RATINGS))
    doubts |= dict.fromkeys(_doubts_of_ratings(rated, raters))
    return Value(minutes, money if priced else None, rated, raters, answers, tuple(doubts))

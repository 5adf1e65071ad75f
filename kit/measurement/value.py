"""What time saved is worth: a range with its method, never a single figure (L3.3, L5.2).

`low`: only minutes that people stated in feedback. `central`: answers without feedback saved half of the
stated mean. `high`: they saved the mean and its 95 % error. A minute saved is never more than the baseline's
minutes of a task, and tasks never more than the baseline's tasks. Money is time at the baseline's hourly
cost; without a baseline there is no money.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import sqrt

from kit.measurement.baselines import Baseline, baseline_for
from lambdas.measurement.aggregates import Aggregate, Cell

UNRATED_SHARE = Decimal("0.5")  # what an answer without feedback is worth in the central value
ENOUGH_RATED = 30  # fewer make a mean uncertain
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
        """Each of the three times a factor."""
        return Range(self.low * factor, self.central * factor, self.high * factor)


@dataclass(frozen=True)
class Value:
    """Time and money of one use case or department. `microusd` is None where no baseline prices the time."""

    minutes: Range
    microusd: Range | None
    rated: int
    completed: int
    doubts: tuple[str, ...]


def value_of_use_case(cell: Cell, baseline: Baseline | None, days: int, first_use: str | None) -> Value:
    """The value of one use case over `days` days."""
    rated, completed = cell.counts["rated"], cell.counts["completed"]
    doubts: list[str] = []
    if rated < ENOUGH_RATED:
        doubts.append(f"only {rated} answers have feedback")
    stated = Decimal(cell.counts["minutes"])
    mean, error = _mean(cell)
    unrated = Decimal(max(0, completed - rated))
    if baseline is None:
        doubts.append("no baseline: time is not priced")
    else:
        most = Decimal(baseline.minutes_per_task)
        tasks = Decimal(baseline.tasks_per_month) * days / _DAYS_A_MONTH
        unrated = max(Decimal(0), min(unrated, tasks - rated))
        stated, mean, upper = min(stated, rated * most), min(mean, most), min(mean + error, most)
        if first_use is not None and baseline.dated.isoformat() > first_use:
            doubts.append("the baseline was recorded after the first use")
        if baseline.demonstration:
            doubts.append("the baseline is made up")
        minutes = Range(stated, stated + UNRATED_SHARE * unrated * mean, stated + unrated * upper)
        money = minutes.times(baseline.hourly_cost_usd * 1_000_000 / 60)
        return Value(minutes, money, rated, completed, tuple(doubts))
    minutes = Range(stated, stated + UNRATED_SHARE * unrated * mean, stated + unrated * (mean + error))
    return Value(minutes, None, rated, completed, tuple(doubts))


def value_of_departments(
    whole: Aggregate, baselines: Sequence[Baseline], days: int, first_use: Mapping[str, str]
) -> dict[str, Value]:
    """The value of each department: the sum over its use cases."""
    found: dict[str, Value] = {}
    for name, department in sorted(whole.departments.items()):
        parts = [
            value_of_use_case(cell, baseline_for(baselines, name, case), days, first_use.get(name))
            for case, cell in sorted(department.use_cases.items())
            if cell.counts["completed"]
        ]
        found[name] = _sum(parts)
    return found


def _sum(parts: Sequence[Value]) -> Value:
    minutes, money, priced = Range(), Range(), False
    doubts: dict[str, None] = {}
    rated, completed = sum(one.rated for one in parts), sum(one.completed for one in parts)
    for one in parts:
        minutes += one.minutes
        if one.microusd is not None:
            money, priced = money + one.microusd, True
        doubts |= dict.fromkeys(doubt for doubt in one.doubts if not doubt.startswith("only "))
    if rated < ENOUGH_RATED:
        doubts[f"only {rated} answers have feedback"] = None
    return Value(minutes, money if priced else None, rated, completed, tuple(doubts))


def _mean(cell: Cell) -> tuple[Decimal, Decimal]:
    """Mean of the stated minutes, and 1.96 standard errors of it."""
    count = cell.counts["rated"]
    if count == 0:
        return Decimal(0), Decimal(0)
    mean = cell.counts["minutes"] / count
    variance = max(0.0, cell.counts["minutes_squared"] / count - mean**2)
    return Decimal(str(round(mean, 6))), Decimal(str(round(1.96 * sqrt(variance / count), 6)))

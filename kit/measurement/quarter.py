"""The data from which the quarterly report and the maturity levels are computed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from kit.measurement.allocation import shared
from kit.measurement.baselines import ANY, Baseline, baseline_for, baselines_until
from kit.measurement.maturity import Maturity, all_maturity
from kit.measurement.use import Use
from kit.measurement.value import Range, Value, value_of_departments
from lambdas.measurement.aggregates import DepartmentAggregate

if TYPE_CHECKING:
    from kit.cost.model import CostModel
    from stacks.settings import Settings

_DAYS_A_YEAR = Decimal(365)
_SET_UP_YEARS = 3  # the period over which one-off platform costs are spread
API = "Claude API, as recorded"
INFRASTRUCTURE = "infrastructure, from the model"
CENTER = "Center of Excellence, from the model"
TRAINING = "training of the people trained, with their time"
SET_UP = f"set-up, spread over {_SET_UP_YEARS} years"
Verdict = Literal["above", "undecided", "below", "unpriced"]


@dataclass(frozen=True)
class Quarter:
    """Use, baselines and cost of a period, and the period before if it had use. Amounts are in
    micro-dollars.

    Every figure covers only groups that may be disclosed (`Use.disclosed`); costs start with the programme.
    """

    settings: "Settings"
    use: Use
    all_baselines: Sequence[Baseline]
    cost: "CostModel"
    earlier: "Quarter | None" = None

    @cached_property
    def baselines(self) -> list[Baseline]:
        """The applicable baselines: those measured before the period ended."""
        return baselines_until(self.all_baselines, self.use.period.last)

    @cached_property
    def begun(self) -> date | None:
        """The first day of the programme: as configured, or the day of the first call; None if neither
        exists.
        """
        first = min(self.use.first_use.values(), default=None)
        configured = self.settings.rollout_started
        known = [one for one in (configured, date.fromisoformat(first) if first else None) if one]
        return min(known, default=None)

    @cached_property
    def days(self) -> int:
        """Number of completed days in the period since the programme started."""
        if self.begun is None:
            return 0
        return max(0, (self.use.last_whole - max(self.use.period.first, self.begun)).days + 1)

    @property
    def over(self) -> bool:
        """Whether the period has ended."""
        return self.use.last_whole == self.use.period.last and self.use.today > self.use.period.last

    @cached_property
    def departments(self) -> dict[str, DepartmentAggregate]:
        """Departments that may be disclosed."""
        return dict(sorted(self.use.disclosed.departments.items()))

    @cached_property
    def values(self) -> dict[str, Value]:
        """Value by department that may be disclosed: computed from whole atoms, with the use cases that
        priced them.
        """
        return value_of_departments(
            _with_use_cases(self.use, self.departments), self.baselines, self.days, self.use.first_use
        )

    @cached_property
    def value(self) -> Range:
        """Value of all departments whose time has a price."""
        total = Range()
        for one in self.values.values():
            total += one.microusd or Range()
        return total

    @cached_property
    def costs(self) -> dict[str, int]:
        """Full cost for the programme's days in the period: the API as recorded and the rest from the cost
        model; training where people were trained, set-up spread over three years.
        """
        share = Decimal(self.days) / _DAYS_A_YEAR
        return {
            API: self.use.total.total.counts["cost_microusd"],
            INFRASTRUCTURE: int(12 * self.cost.total("infrastructure", "monthly") * share),
            CENTER: int(self.cost.total("organisation", "yearly") * share),
            TRAINING: sum(self._training.values()),
            SET_UP: int(self.cost.total("infrastructure", "once") * share / _SET_UP_YEARS),
        }

    @cached_property
    def full_costs(self) -> dict[str, int]:
        """Full cost by department that may be disclosed: its own calls and training, infrastructure and
        set-up by its share of calls, the Center of Excellence by its share of active people. Small
        groups together bear their own part, so the sum never exceeds that of `costs`.
        """
        rest = self.use.rest
        calls = {name: one.total.counts["calls"] for name, one in self.departments.items()}
        people = {name: len(one.total.people) for name, one in self.departments.items()}
        platform = shared(
            self.costs[INFRASTRUCTURE] + self.costs[SET_UP], {**calls, _REST: rest.total.counts["calls"]}
        )
        center = shared(self.costs[CENTER], {**people, _REST: len(rest.total.people)})
        return {
            name: one.total.counts["cost_microusd"] + platform[name] + center[name] + self._training[name]
            for name, one in self.departments.items()
        }

    def verdict(self, department: str) -> Verdict:
        """Value compared with full cost: above it at the low end, below it at the high end, or undecided."""
        value = self.values[department].microusd
        if value is None:
            return "unpriced"
        cost = self.full_costs[department]
        return "above" if value.low >= cost else "below" if value.high < cost else "undecided"

    @cached_property
    def stop_rule(self) -> dict[str, tuple[Verdict, Verdict | None]]:
        """By department: the verdict of this period and of the one before, if it was measured."""
        before = self.earlier
        return {
            name: (self.verdict(name), before.verdict(name) if before and name in before.values else None)
            for name in self.values
        }

    @cached_property
    def _training(self) -> dict[str, int]:
        """Cost of training the people of a department who were trained in the period."""
        assumed = self.cost.assumptions
        material, hours = assumed["training_usd_per_person"].value, assumed["training_hours_per_person"].value
        return {
            name: int(len(one.trained) * (material + hours * self._hourly(name)) * 1_000_000)
            for name, one in self.departments.items()
        }

    def _hourly(self, department: str) -> Decimal:
        baseline = baseline_for(self.baselines, department, ANY) or next(
            (one for one in self.baselines if one.department == department), None
        )
        return baseline.hourly_cost_usd if baseline else Decimal(0)

    @property
    def maturity(self) -> list[Maturity]:
        """Maturity of every configured department that may be disclosed."""
        names = [one.id for one in self.settings.departments if one.id in self.departments]
        return all_maturity(names, self._trained(), self.values, self.baselines, self._weeks())

    def _trained(self) -> Mapping[str, DepartmentAggregate]:
        """Departments with everyone who is trained, including those trained before the period."""
        found = {}
        for name, one in self.departments.items():
            joined = DepartmentAggregate(trained=set(self.use.trained_before.get(name, ())))
            joined.add(one)
            found[name] = joined
        return found

    def _weeks(self) -> dict[str, tuple[int, int]]:
        """By department: whole weeks with use, and whole weeks since its first use."""
        used: Counter[str] = Counter()
        of: Counter[str] = Counter()
        for week, aggregate in self.use.weeks.items():
            last = (date.fromisoformat(week) + timedelta(days=6)).isoformat()
            if not self.use.whole_week(week):
                continue
            for name in self.departments:
                if self.use.first_use.get(name, "9999") <= last:
                    of[name] += 1
                    one = aggregate.departments.get(name)
                    used[name] += int(one is not None and one.total.counts["calls"] > 0)
        return {name: (used[name], of[name]) for name in self.departments}


_REST = "\0rest"


def _with_use_cases(
    use: Use, departments: Mapping[str, DepartmentAggregate]
) -> dict[str, DepartmentAggregate]:
    """Split departments by use case from their atoms: use cases are priced separately and disclosed only
    together.
    """
    found: dict[str, DepartmentAggregate] = {}
    for shown in use.shown.values():
        for name, atom in shown.items():
            if name in departments:
                found.setdefault(name, DepartmentAggregate()).add(atom)
    return found

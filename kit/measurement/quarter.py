"""All that the quarterly report and the maturity levels are computed from."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from kit.measurement.baselines import Baseline
from kit.measurement.maturity import Maturity, all_maturity
from kit.measurement.use import Use
from kit.measurement.value import Range, Value, value_of_departments

if TYPE_CHECKING:
    from kit.cost.model import CostModel
    from stacks.settings import Settings

_DAYS_A_YEAR = Decimal(365)


@dataclass(frozen=True)
class Quarter:
    """Use, baselines and cost of a period. Amounts are micro-dollars."""

    settings: "Settings"
    use: Use
    baselines: Sequence[Baseline]
    cost: "CostModel"

    @cached_property
    def first_use(self) -> dict[str, str]:
        """The first day with a call, by department."""
        found: dict[str, str] = {}
        for day, aggregate in sorted(self.use.days.items()):
            for name, department in aggregate.departments.items():
                if department.total.counts["calls"]:
                    found.setdefault(name, day)
        return found

    @cached_property
    def values(self) -> dict[str, Value]:
        """By department."""
        return value_of_departments(self.use.whole, self.baselines, self.use.period.length, self.first_use)

    @cached_property
    def value(self) -> Range:
        """Of all departments whose time has a price."""
        total = Range()
        for one in self.values.values():
            total += one.microusd or Range()
        return total

    @cached_property
    def costs(self) -> dict[str, int]:
        """API as recorded; infrastructure and Center of Excellence from the model, for the days of the
        period. What is paid once is not spread here.
        """
        share = Decimal(self.use.period.length) / _DAYS_A_YEAR
        return {
            "Claude API, as recorded": self.use.whole.total().counts["cost_microusd"],
            "infrastructure, from the model": int(12 * self.cost.total("infrastructure", "monthly") * share),
            "Center of Excellence, from the model": int(self.cost.total("organisation", "yearly") * share),
        }

    @property
    def maturity(self) -> list[Maturity]:
        """Of every configured department."""
        active: Counter[str] = Counter()
        for week in self.use.weeks.values():
            active.update(name for name, one in week.departments.items() if one.total.counts["calls"])
        names = [one.id for one in self.settings.departments]
        return all_maturity(
            names, self.use.whole.departments, self.values, self.baselines, active, len(self.use.weeks)
        )

"""Maturity of each department, 1 to 4, computed from evidence and never entered by hand (C.3).

1: ad hoc pilots. 2: approved use cases with governance. 3: integrated workflows with measured ROI. 4:
strategic advantage. A department has a level if it meets all conditions of that level and of those below.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kit.measurement.baselines import Baseline
from kit.measurement.value import ENOUGH_RATED, Value
from lambdas.measurement.aggregates import OTHER, DepartmentAggregate

TITLES = {
    0: "not begun",
    1: "ad-hoc pilots",
    2: "approved use cases with governance",
    3: "integrated workflows with measured ROI",
    4: "strategic advantage",
}
_PER_CENT = 100


@dataclass(frozen=True)
class Condition:
    """What a level requires, and what was found."""

    level: int
    says: str
    holds: bool
    found: str


@dataclass(frozen=True)
class Maturity:
    """A department's level and every condition."""

    department: str
    level: int
    conditions: tuple[Condition, ...]

    @property
    def missing(self) -> tuple[Condition, ...]:
        """The unmet conditions of the next level."""
        return tuple(one for one in self.conditions if one.level == self.level + 1 and not one.holds)

    def as_document(self) -> dict[str, Any]:
        """Return the level and conditions as plain data."""
        return {
            "department": self.department,
            "level": self.level,
            "title": TITLES[self.level],
            "missing_for_next": [f"{one.says} (found: {one.found})" for one in self.missing],
            "conditions": [
                {"level": one.level, "says": one.says, "holds": one.holds, "found": one.found}
                for one in self.conditions
            ],
        }


def maturity_of(
    name: str,
    use: DepartmentAggregate,
    value: Value | None,
    baselines: Sequence[Baseline],
    weeks_active: int,
    weeks: int,
) -> Maturity:
    """Return the level of one department that was active in `weeks_active` of the `weeks` whole weeks since
    its first call. `use.trained` counts everyone trained up to the end of the period.
    """
    counts, trained = use.total.counts, len(use.trained & use.total.people.keys())
    completed, people = counts["completed"], len(use.total.people)
    cases = [
        case for case, cell in use.use_cases.items() if case != OTHER and cell.counts["registered"] >= 10
    ]
    needed, reviewed = counts["review_needed"], counts["reviewed"]
    own = [one for one in baselines if one.department == name]
    spent = counts["cost_microusd"]
    low = value.microusd.low if value is not None and value.microusd is not None else None
    worth = (
        "no value in money"
        if low is None
        else f"at least {low / 1_000_000:,.0f} USD for {spent / 1e6:,.2f} USD"
    )
    redone = counts["edited"] + counts["rejected"] + counts["review_edited"] + counts["review_rejected"]
    judged = counts["rated"] + reviewed
    conditions = (
        Condition(1, "at least one complete answer", completed > 0, f"{completed:,}"),
        Condition(
            2, "half of the answers come from approved prompts", 2 * counts["registered"] >= completed > 0,
            _share(counts["registered"], completed),
        ),
        Condition(
            2, "90 % of the answers that need a review got one", 10 * reviewed >= 9 * needed,
            f"{reviewed:,} of {needed:,}",
        ),
        Condition(
            2, "80 % of the active people are trained", _PER_CENT * trained >= 80 * people > 0,
            _share(trained, people),
        ),
        Condition(3, "a baseline was recorded", bool(own), f"{len(own)}"),
        Condition(
            3, f"{ENOUGH_RATED} answers have feedback", counts["rated"] >= ENOUGH_RATED,
            f"{counts['rated']:,}",
        ),
        Condition(
            3, "the stated value is above the cost of the calls", low is not None and low > spent, worth
        ),
        Condition(
            3, "an application or a workflow calls as well", counts["application_calls"] > 0,
            f"{counts['application_calls']:,} calls",
        ),
        Condition(4, "three approved use cases are in use", len(cases) >= 3, f"{len(cases)}"),
        Condition(
            4, "use in every whole week since the first call", 0 < weeks <= weeks_active,
            f"{weeks_active} of {weeks}",
        ),
        Condition(
            4, "less than a fifth of the judged answers are redone", judged > 0 and 5 * redone < judged,
            _share(redone, judged),
        ),
        Condition(
            4, "a third of the answers are validated", 3 * counts["validated"] >= completed > 0,
            _share(counts["validated"], completed),
        ),
    )  # fmt: skip
    level = 0
    while level < 4 and all(one.holds for one in conditions if one.level == level + 1):
        level += 1
    return Maturity(name, level, conditions)


def all_maturity(
    departments: Sequence[str],
    use: Mapping[str, DepartmentAggregate],
    values: Mapping[str, Value],
    baselines: Sequence[Baseline],
    weeks: Mapping[str, tuple[int, int]],
) -> list[Maturity]:
    """Return the level of each named department, in order. `weeks`: active weeks, and all weeks since the
    first.
    """
    return [
        maturity_of(
            name,
            use.get(name, DepartmentAggregate()),
            values.get(name),
            baselines,
            *weeks.get(name, (0, 0)),
        )
        for name in departments
    ]


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,}" + (f", {_PER_CENT * part / whole:.0f} %" if whole else "")

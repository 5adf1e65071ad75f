"""Monthly statements per department under the configured budget model (C.2, L5.4).

`per-call`: a department pays the price of its calls. `per-user-month`: calls by people are pooled and
divided by seats, one seat per active person, split across departments by that person's answers in each;
calls by applications are charged to their department. `central`: the Center of Excellence pays for
everything.

A statement holds only what may be disclosed for a month (`lambdas/measurement/privacy.py`): whole atoms of
each department, the rest of all departments as a separate line, models as rounded shares. Under each model
the charges add up to the disclosed total, to the micro-dollar. The comparison with the ledger uses the
exact sums.
"""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from contract.kinds import BudgetModel
from kit.measurement.allocation import shared
from lambdas.measurement.aggregates import Aggregate, DepartmentAggregate
from lambdas.measurement.privacy import Released, coarse

CENTRAL = "center-of-excellence"
REST = "of small groups together"


@dataclass(frozen=True)
class Statement:
    """One line of a month. Amounts are in micro-dollars; `people` is in steps of five while the month is
    running.
    """

    department: str
    cost_center: str
    calls: int
    people: int
    input_tokens: int
    output_tokens: int
    used_microusd: int
    charged_microusd: int
    models: tuple[tuple[str, int], ...]  # model, percentage of the department's use

    def as_document(self) -> dict[str, Any]:
        """Return the statement as plain data."""
        return {
            "department": self.department,
            "cost_center": self.cost_center,
            "calls": self.calls,
            "active_people": self.people,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "used_microusd": self.used_microusd,
            "charged_microusd": self.charged_microusd,
            "models": [{"model": model, "percent": percent} for model, percent in self.models],
        }


@dataclass(frozen=True)
class Comparison:
    """The exact sums of a department's records and of the ledger. `uncertain_microusd` is what the provider
    may not have charged. Only whether the two agree is ever shown.
    """

    department: str
    records_microusd: int
    ledger_microusd: int
    uncertain_microusd: int = 0

    @property
    def difference_microusd(self) -> int:
        """The ledger minus the records."""
        return self.ledger_microusd - self.records_microusd

    @property
    def agrees(self) -> bool:
        """Whether ledger and records agree, apart from what is uncertain: a process that died while taking
        its reservation leaves too much in the records; one that died while settling leaves too much in
        the ledger.
        """
        return abs(self.difference_microusd) <= self.uncertain_microusd


def comparisons(
    whole: Aggregate, ledger: Mapping[str, int], uncertain: Mapping[str, int] | None = None
) -> list[Comparison]:
    """Compare every department that has records or a ledger entry. `whole` is exact."""
    names = sorted(set(whole.departments) | set(ledger))
    return [
        Comparison(
            name,
            whole.departments.get(name, DepartmentAggregate()).total.counts["cost_microusd"],
            ledger.get(name, 0),
            (uncertain or {}).get(name, 0),
        )
        for name in names
    ]


def statements(disclosed: Released, model: BudgetModel, cost_centers: Mapping[str, str]) -> list[Statement]:
    """Return one line for each department that may be disclosed, one for the rest, and under the central
    model one for the Center of Excellence.
    """
    cells = {name: one for name, one in disclosed.departments.items() if one.total.counts or one.total.behind}
    if disclosed.rest is not None and disclosed.rest.total.counts:
        cells[REST] = disclosed.rest
    used = {name: cell.total.counts["cost_microusd"] for name, cell in cells.items()}
    charged = _charges(model, cells, used)
    made = [
        Statement(
            department=name,
            cost_center=cost_centers.get(name, "none"),
            calls=cell.total.counts["calls"],
            people=len(cell.total.people) if disclosed.over else coarse(len(cell.total.people)),
            input_tokens=cell.total.counts["input_tokens"],
            output_tokens=cell.total.counts["output_tokens"],
            used_microusd=used[name],
            charged_microusd=charged.get(name, 0),
            models=_shares(cell),
        )
        for name, cell in cells.items()
    ]
    if model == "central":
        made.append(Statement(CENTRAL, "central", 0, 0, 0, 0, 0, charged[CENTRAL], ()))
    return made


def _shares(department: DepartmentAggregate) -> tuple[tuple[str, int], ...]:
    costs = {name: cell.counts["cost_microusd"] for name, cell in sorted(department.models.items())}
    whole = sum(costs.values())
    return tuple((name, round(100 * cost / whole)) for name, cost in costs.items()) if whole else ()


def _charges(
    model: BudgetModel, cells: Mapping[str, DepartmentAggregate], used: Mapping[str, int]
) -> dict[str, int]:
    match model:
        case "per-call":
            return dict(used)
        case "central":
            return {CENTRAL: sum(used.values())}
        case "per-user-month":
            own = {name: cell.total.counts["application_cost_microusd"] for name, cell in cells.items()}
            seats = _seats(cells)
            if not any(seats.values()):
                return dict(used)
            shares = shared(sum(used.values()) - sum(own.values()), seats)
            return {name: own[name] + shares[name] for name in cells}


def _seats(cells: Mapping[str, DepartmentAggregate]) -> dict[str, Fraction]:
    """Return seats by department: one per person, split for those who changed department."""
    answers: Counter[str] = Counter()
    for cell in cells.values():
        answers.update(cell.total.people)
    return {
        name: sum((Fraction(count, answers[who]) for who, count in cell.total.people.items()), Fraction(0))
        for name, cell in cells.items()
    }


def as_csv(month: str, made: Sequence[Statement]) -> str:
    """Return one CSV line per statement; amounts in micro-dollars and in USD with six decimals. Months are
    UTC.
    """
    out = io.StringIO()
    names: tuple[str, ...] = (
        "month_utc", "department", "cost_center", "calls", "active_people", "input_tokens", "output_tokens",
        "used_microusd", "charged_microusd", "charged_usd",
    )  # fmt: skip
    writer: csv.DictWriter[str] = csv.DictWriter(out, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for one in made:
        charged = f"{one.charged_microusd // 10**6}.{one.charged_microusd % 10**6:06d}"
        writer.writerow({"month_utc": month, **one.as_document(), "charged_usd": charged})
    return out.getvalue()

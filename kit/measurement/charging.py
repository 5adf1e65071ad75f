"""The monthly statement of each department, under the budget model of the configuration (C.2, L5.4).

`per-call`: a department pays the price of its calls. `per-user-month`: calls of people are pooled and shared
by active people, calls of applications are paid by their department. `central`: the Center of Excellence pays
for all; statements show what was used. Under each model the charges add up to the price of all calls, to the
micro-dollar, and that is held against the ledger.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contract.kinds import BudgetModel
from lambdas.measurement.aggregates import Aggregate, DepartmentAggregate
from lambdas.measurement.privacy import SMALLEST_GROUP

CENTRAL = "center-of-excellence"


@dataclass(frozen=True)
class Statement:
    """One department's month. Amounts in micro-dollars; `ledger_microusd` is what the ledger settled, and
    `uncertain_microusd` that part of it which the provider may not have charged.
    """

    department: str
    cost_center: str
    calls: int
    active_people: int
    input_tokens: int
    output_tokens: int
    used_microusd: int
    charged_microusd: int
    ledger_microusd: int | None
    models: tuple[tuple[str, int, int], ...]  # model, calls, micro-dollars
    uncertain_microusd: int = 0

    @property
    def agrees(self) -> bool:
        """Whether ledger and records say the same, but for what is uncertain: a process that died while it
        was taking its reservation leaves too much in the records, one that died while it was counting its
        cost too much in the ledger.
        """
        return abs(self.difference_microusd) <= self.uncertain_microusd

    @property
    def difference_microusd(self) -> int:
        """Ledger less records; 0 where the ledger was not asked."""
        return 0 if self.ledger_microusd is None else self.ledger_microusd - self.used_microusd

    def as_document(self) -> dict[str, Any]:
        """Plain data. A small group's number of people is not shown."""
        return {
            "department": self.department,
            "cost_center": self.cost_center,
            "calls": self.calls,
            "active_people": self.active_people if self.active_people >= SMALLEST_GROUP else None,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "used_microusd": self.used_microusd,
            "charged_microusd": self.charged_microusd,
            "ledger_microusd": self.ledger_microusd,
            "difference_microusd": self.difference_microusd,
            "uncertain_microusd": self.uncertain_microusd,
            "models": [
                {"model": model, "calls": calls, "microusd": microusd}
                for model, calls, microusd in self.models
            ],
        }


def statements(
    use: Aggregate,
    model: BudgetModel,
    cost_centers: Mapping[str, str],
    ledger: Mapping[str, int] | None,
    uncertain: Mapping[str, int] | None = None,
) -> list[Statement]:
    """One statement for each department that is configured, used Claude or is in the ledger, and under the
    central model one for the Center of Excellence.
    """
    names: list[str] = sorted(set(cost_centers) | set(use.departments) | set(ledger or {}))
    cells = {name: use.departments.get(name, DepartmentAggregate()) for name in names}
    used = {name: cell.total.counts["cost_microusd"] for name, cell in cells.items()}
    charged = _charges(model, cells, used)
    made = [
        Statement(
            department=name,
            cost_center=cost_centers.get(name, "none"),
            calls=cells[name].total.counts["calls"],
            active_people=len(cells[name].total.people),
            input_tokens=cells[name].total.counts["input_tokens"],
            output_tokens=cells[name].total.counts["output_tokens"],
            used_microusd=used[name],
            charged_microusd=charged.get(name, 0),
            ledger_microusd=None if ledger is None else ledger.get(name, 0),
            models=tuple(
                (key, cell.counts["calls"], cell.counts["cost_microusd"])
                for key, cell in sorted(cells[name].models.items())
            ),
            uncertain_microusd=(uncertain or {}).get(name, 0),
        )
        for name in names
    ]
    if model == "central":
        total = charged[CENTRAL]
        made.append(
            Statement(CENTRAL, "central", 0, 0, 0, 0, 0, total, 0 if ledger is not None else None, ())
        )
    return made


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
            people = {name: len(cell.total.people) for name, cell in cells.items()}
            pool = sum(used.values()) - sum(own.values())
            if not any(people.values()):
                return dict(used)
            shares = _shared(pool, people)
            return {name: own[name] + shares[name] for name in cells}


def _shared(amount: int, weights: Mapping[str, int]) -> dict[str, int]:
    """An amount by weights, exact: what does not divide goes to the largest remainders, then by name."""
    whole = sum(weights.values())
    shares = {name: amount * weight // whole for name, weight in weights.items()}
    rest = amount - sum(shares.values())
    order = sorted(weights, key=lambda name: (-(amount * weights[name] % whole), name))
    for name in order[:rest]:
        shares[name] += 1
    return shares


def as_csv(month: str, made: Sequence[Statement]) -> str:
    """One line for each statement; amounts in micro-dollars and in USD with six places."""
    out = io.StringIO()
    names: tuple[str, ...] = (
        "month", "department", "cost_center", "calls", "active_people", "input_tokens", "output_tokens",
        "used_microusd", "charged_microusd", "charged_usd", "ledger_microusd", "difference_microusd",
        "uncertain_microusd",
    )  # fmt: skip
    writer: csv.DictWriter[str] = csv.DictWriter(out, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for one in made:
        document = one.as_document()
        document["active_people"] = "" if document["active_people"] is None else document["active_people"]
        document["charged_usd"] = f"{one.charged_microusd // 10**6}.{one.charged_microusd % 10**6:06d}"
        writer.writerow({"month": month, **document})
    return out.getvalue()

"""Figures of a quarter for the portal: computed where records and cost are readable, then published (L5.5).

They hold only groups that may be disclosed, and no individual.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from kit.governance.objects import put_object
from kit.measurement import period
from kit.measurement.executive import Standing, behind, decisions, risks
from kit.measurement.report import as_document, headline
from lambdas.portal.figures import FIGURES_KEY

if TYPE_CHECKING:
    from kit.target import Target


def figures_document(standing: Standing, now: datetime) -> dict[str, Any]:
    """Return the document that `lambdas/portal/figures.py` reads. Amounts are in micro-dollars."""
    quarter = standing.quarter
    reported: Any = as_document(quarter)
    maturity = {one.department: one for one in quarter.maturity}
    due = f"{period.quarter(quarter.use.period.name).last}"
    return {
        "quarter": quarter.use.period.name,
        "made_at": now.isoformat(timespec="seconds"),
        "made_up": quarter.use.synthetic,
        "headline": headline(quarter),
        "departments": {
            name: {
                "value": one["value_microusd"],
                "cost": one["full_cost_microusd"],
                "verdict": one["verdict"],
                "doubts": one["uncertain_because"],
                "level": maturity[name].level,
                "title": maturity[name].as_document()["title"],
                "missing": maturity[name].as_document()["missing_for_next"],
                "owner": f"head of {name}",
                "due": due,
            }
            for name, one in reported["departments"].items()
        },
        "risks": risks(standing),
        "behind": behind(standing),
        "decisions": decisions(standing),
    }


def publish(target: "Target", document: dict[str, Any]) -> str:
    """Write the document where the portal reads it and return the object's key."""
    put_object(target, FIGURES_KEY, document)
    return FIGURES_KEY

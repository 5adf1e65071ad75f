"""What a person has completed, read from the person's rows."""

from collections.abc import Iterable
from datetime import date

from lambdas.common.access import AccessRecord
from lambdas.common.learning import Evidence
from lambdas.portal.table import Row


def read_evidence(rows: Iterable[Row], record: AccessRecord, today: date) -> Evidence:
    """Return acceptances, passes and the current state. Duties begin with the record unless one began
    later.
    """
    accepted: dict[str, int] = {}
    passed: dict[str, tuple[int, date]] = {}
    began = record.created_at.date() if record.created_at is not None else today
    completed, signed_in = record.onboarding == "done", False
    asked: dict[str, date] = {}
    for row in rows:
        kind, _, rest = row.sk.partition("#")
        match kind:
            case "ACCEPT":
                accepted[rest] = row.data["version"]
            case "COURSE":
                passed[rest] = (row.data["version"], date.fromisoformat(row.data["valid_until"]))
            case "STATE":
                began = date.fromisoformat(row.data["began"])
                completed = completed or bool(row.data["completed"])
                signed_in = True
                asked = {duty: date.fromisoformat(on) for duty, on in row.data.get("asked", {}).items()}
    return Evidence(began, accepted, passed, completed, signed_in, asked)

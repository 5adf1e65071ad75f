"""Entries of the governance registers, and what of them is overdue (G.3, G.5, G.7).

An entry is a JSON object in the governance bucket, `registers/<register>/<id>.json`, whose versions are
kept. `kit` writes entries; the daily governance run counts the overdue ones for the dashboard.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

Register = Literal["incidents", "exceptions", "inventory", "drills"]
State = Literal["draft", "open", "closed"]
REGISTERS: tuple[Register, ...] = ("incidents", "exceptions", "inventory", "drills")
FOLDER = "registers"
# Fields with a date after which an entry is overdue.
DUE_DATES: Mapping[str, str] = {
    "expires": "expired on",
    "next_review": "review was due on",
    "next_due": "the next was due on",
}
MINUTES = ("minutes", "objective_minutes")


@dataclass(frozen=True)
class Entry:
    """One entry.

    `due` has for each clock when a decision must be made (ISO 8601, UTC); `decided` for each clock what was
    decided, when and by whom, even if nobody is to be notified.
    """

    id: str
    register: Register
    title: str
    owner: str
    state: State
    opened_at: str
    opened_by: str
    fields: Mapping[str, str] = field(default_factory=dict[str, str])
    due: Mapping[str, str] = field(default_factory=dict[str, str])
    decided: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    closed_at: str = ""
    cause: str = ""

    def as_document(self) -> dict[str, Any]:
        """Return plain data."""
        return asdict(self)

    def overdue(self, now: datetime) -> list[str]:
        """Return what is overdue.

        These are clocks without a decision, exceptions and reviews past their date, missed objectives, and
        drafts that nobody classified within a day.
        """
        if self.state == "closed":
            return []
        stamp = now.isoformat(timespec="seconds")
        found = [
            f"{clock}: due {due}"
            for clock, due in self.due.items()
            if due < stamp and clock not in self.decided
        ]
        for name, words in DUE_DATES.items():
            if self.fields.get(name, "9999") < stamp[:10]:
                found.append(f"{words} {self.fields[name]}")
        if self.fields.get("result") == "missed":
            taken, objective = (self.fields.get(name, "?") for name in MINUTES)
            found.append(f"took {taken} minutes, the objective is {objective}")
        if self.state == "draft" and datetime.fromisoformat(self.opened_at) < now - timedelta(days=1):
            found.append(f"a draft since {self.opened_at[:10]}: nobody classified it")
        return found


def entry_of(document: Mapping[str, Any]) -> Entry:
    """Return a stored entry."""
    return Entry(**document)

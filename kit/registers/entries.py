"""Entries of the registers, their clocks, and what is overdue (G.3, G.5, G.7).

An entry is a JSON object of the governance bucket, `registers/<register>/<id>.json`, whose versions are kept;
each change of it is an audit record as well, with who made it. Nothing is deleted: an entry ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from kit.errors import ExitCode, KitError

Register = Literal["incidents", "exceptions", "inventory", "drills"]
State = Literal["draft", "open", "closed"]
REGISTERS: tuple[Register, ...] = ("incidents", "exceptions", "inventory", "drills")

# What an incident of a class starts: name of the clock and hours from when the organisation became aware.
# GDPR Art. 33(1); Regulation (EU) 2024/1689 Art. 73(2)-(4).
CLOCKS: Mapping[str, Mapping[str, int]] = {
    "privacy": {"supervisory authority (GDPR Art. 33)": 72},
    "serious": {"market surveillance authority (AI Act Art. 73(2))": 15 * 24},
    "death": {"market surveillance authority (AI Act Art. 73(4))": 10 * 24},
    "widespread": {"market surveillance authority (AI Act Art. 73(3))": 2 * 24},
    "security": {},
    "harmful-output": {},
    "availability": {},
    "misuse": {},
}
# What an entry of a register must say before it is open, beside its title and owner.
REQUIRED: Mapping[Register, Sequence[str]] = {
    "incidents": ("class", "severity"),
    "exceptions": ("control", "reason", "approver", "expires"),
    "inventory": ("purpose", "department", "role", "risk_class", "decided_by", "next_review"),
    "drills": ("what", "done_on", "minutes", "objective_minutes", "result", "next_due"),
}
_CHOICES: Mapping[str, Sequence[str]] = {
    "class": tuple(CLOCKS),
    "severity": ("low", "medium", "high", "critical"),
    "role": ("deployer", "provider"),
    "risk_class": ("minimal", "limited", "high", "prohibited"),
    "what": ("restore", "region", "rotation", "break-glass", "kill-switch", "incident", "leave"),
    "result": ("met", "missed"),
}
# What is overdue once its day is past; `done_on` is a day as well, which never is.
_DATES: Mapping[str, str] = {
    "expires": "expired on",
    "next_review": "review was due on",
    "next_due": "the next was due on",
}
_MINUTES = ("minutes", "objective_minutes")


@dataclass(frozen=True)
class Entry:
    """One entry. `due`: by clock, when a decision must be made (ISO 8601, UTC); `decided`: by clock, what was
    decided, when and by whom, also that nobody is notified.
    """

    id: str
    register: Register
    title: str
    owner: str
    state: State
    opened_at: str
    opened_by: str
    fields: Mapping[str, str] = field(default_factory=dict)
    due: Mapping[str, str] = field(default_factory=dict)
    decided: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    closed_at: str = ""
    cause: str = ""

    def as_document(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def overdue(self, now: datetime) -> list[str]:
        """What should have happened by now: clocks without a decision, an exception or review out of date, a
        draft that nobody took up within a day.
        """
        if self.state == "closed":
            return []
        stamp = now.isoformat(timespec="seconds")
        found = [
            f"{clock}: due {due}"
            for clock, due in self.due.items()
            if due < stamp and clock not in self.decided
        ]
        for name, words in _DATES.items():
            if self.fields.get(name, "9999") < stamp[:10]:
                found.append(f"{words} {self.fields[name]}")
        if self.fields.get("result") == "missed":
            taken, objective = (self.fields.get(name, "?") for name in _MINUTES)
            found.append(f"took {taken} minutes, the objective is {objective}")
        if self.state == "draft" and datetime.fromisoformat(self.opened_at) < now - timedelta(days=1):
            found.append(f"a draft since {self.opened_at[:10]}: nobody classified it")
        return found


def entry_of(document: Mapping[str, Any]) -> Entry:
    """An entry as it was stored."""
    return Entry(**document)


def checked(register: Register, title: str, owner: str, fields: Mapping[str, str]) -> list[str]:
    """What keeps an entry from being open. Raises KitError on a value that no entry may have."""
    for name, value in fields.items():
        if name in _CHOICES and value not in _CHOICES[name]:
            raise KitError(
                f'{name} "{value}" is not known', hint=f"one of: {', '.join(_CHOICES[name])}",
                exit_code=ExitCode.USAGE,
            )  # fmt: skip
        if name in _DATES or name == "done_on":
            _date(name, value)
        if name in _MINUTES and not (value.isascii() and value.isdecimal() and int(value) > 0):
            raise KitError(
                f'{name} "{value}" is not a number of minutes', hint="write it as 45",
                exit_code=ExitCode.USAGE,
            )  # fmt: skip
    given = {**fields, "title": title.strip(), "owner": owner.strip()}
    return [name for name in ("title", "owner", *REQUIRED[register]) if not given.get(name, "").strip()]


def opened(entry: Entry, aware: datetime) -> Entry:
    """The entry with its clocks running from when the organisation became aware."""
    clocks = CLOCKS.get(entry.fields.get("class", ""), {})
    due = {
        name: (aware + timedelta(hours=hours)).isoformat(timespec="seconds") for name, hours in clocks.items()
    }
    return replace(entry, state="open", due={**entry.due, **due})


def _date(name: str, value: str) -> None:
    try:
        datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise KitError(
            f'{name} "{value}" is not a date', hint="write it as 2027-03-31", exit_code=ExitCode.USAGE
        ) from None

"""What a register entry must contain, and the deadlines that an incident starts (G.3, G.5, G.7).

Each change of an entry is also an audit record with its actor. Nothing is deleted; entries are closed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from kit.errors import ExitCode, KitError
from lambdas.common.registers import DUE_DATES, MINUTES, Entry, Register

# The deadlines that an incident of a class starts: name, and hours from when the organisation became aware.
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
# What an entry needs before it can be open, beside its title and owner.
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


def checked(register: Register, title: str, owner: str, fields: Mapping[str, str]) -> list[str]:
    """Return what an entry lacks before it can be open. Raises KitError on an invalid value."""
    for name, value in fields.items():
        if name in _CHOICES and value not in _CHOICES[name]:
            raise KitError(
                f'{name} "{value}" is not known', hint=f"one of: {', '.join(_CHOICES[name])}",
                exit_code=ExitCode.USAGE,
            )  # fmt: skip
        if name in DUE_DATES or name == "done_on":
            _date(name, value)
        if name in MINUTES and not (value.isascii() and value.isdecimal() and int(value) > 0):
            raise KitError(
                f'{name} "{value}" is not a number of minutes', hint="write it as 45",
                exit_code=ExitCode.USAGE,
            )  # fmt: skip
    given = {**fields, "title": title.strip(), "owner": owner.strip()}
    return [name for name in ("title", "owner", *REQUIRED[register]) if not given.get(name, "").strip()]


def opened(entry: Entry, aware: datetime) -> Entry:
    """Return the entry with its deadlines counted from when the organisation became aware."""
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

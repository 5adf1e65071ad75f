"""What goes into a pack: records of governance, who holds keys, who learned what, gates, the verification
(G.7).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import yaml

from kit.evidence.pack import About, as_csv, as_json, as_lines
from lambdas.common.access import AccessRecord

CONTROLS = Path(__file__).parent / "controls.yaml"
PAGE = Path(__file__).parent / "page.html"
# Of a call: counted by day and department. All other kinds are there one by one.
_OF_CALLS = frozenset({"intent", "outcome", "feedback", "unconfirmed", "expired"})
_LEARNING = (
    "at",
    "kind",
    "principal",
    "department",
    "course",
    "document",
    "version",
    "completed_on",
    "percent",
)
_KEYS = ("key", "owner", "department", "label", "created_at", "expires_at", "active")


@dataclass(frozen=True)
class Control:
    """A group of the kit's controls, and the frameworks' controls that it supports."""

    id: str
    title: str
    requirements: tuple[str, ...]
    supports: Mapping[str, tuple[str, ...]]
    kinds: tuple[str, ...]
    people: str


@dataclass(frozen=True)
class Collected:
    """What was read from the deployment. `records` have no bodies; `gates` are documents by their key."""

    records: Sequence[Mapping[str, Any]]
    keys: Sequence[AccessRecord]
    gates: Mapping[str, Any]
    verification: Mapping[str, Any]


def read_controls(frameworks: Sequence[str] = ()) -> list[Control]:
    """The mapping, narrowed to `frameworks` where any are given. Raises `ValueError` naming an unknown
    one.
    """
    given = yaml.safe_load(CONTROLS.read_text(encoding="utf-8"))
    known = sorted({name for one in given for name in one["supports"]})
    for name in frameworks:
        if name not in known:
            raise ValueError(f"{name}: is none of {', '.join(known)}")
    return [
        Control(
            one["id"],
            one["title"],
            tuple(one["requirements"]),
            {
                name: tuple(map(str, controls))
                for name, controls in one["supports"].items()
                if not frameworks or name in frameworks
            },
            tuple(one["kinds"]),
            one["people"],
        )
        for one in given
    ]


def files_of(
    about: About, collected: Collected, controls: Sequence[Control], now: datetime
) -> dict[str, bytes]:
    """Every file of the pack but the manifest and what verifies it."""
    governance = [one for one in collected.records if one.get("kind") not in _OF_CALLS]
    states = [state_of(control, governance, collected.verification) for control in controls]
    learning = [one for one in governance if one.get("kind") in {"acceptance", "training", "onboarding"}]
    return {
        "index.html": page(about, states).encode(),
        "controls.json": as_json(states),
        "records.jsonl": as_lines(governance),
        "calls.csv": as_csv(("day", "department", "kind", "count"), calls_by_day(collected.records)),
        "learning.csv": as_csv(_LEARNING, learning),
        "keys.csv": as_csv(_KEYS, (key_row(one, now) for one in collected.keys)),
        "gates.json": as_json(collected.gates),
        "verification.json": as_json(collected.verification),
    }


def state_of(
    control: Control, records: Iterable[Mapping[str, Any]], verification: Mapping[str, Any]
) -> dict[str, Any]:
    """A control over the period: how often something of its kinds was recorded, and what stands out.

    `attention` where the verification found something, `recorded` where there is evidence, `quiet` where
    nothing of the kind happened: quiet is not proof that a control works.
    """
    counts = Counter(str(one.get("kind")) for one in records if one.get("kind") in control.kinds)
    if control.id == "audit":
        found = len(verification.get("findings") or ())
        state = "attention" if found or not verification.get("records") else "recorded"
        counts = Counter({"findings of the verification": found, "records": verification.get("records") or 0})
    else:
        state = "recorded" if counts else "quiet"
    return {
        "id": control.id,
        "title": control.title,
        "state": state,
        "evidence": dict(sorted(counts.items())),
        "requirements": list(control.requirements),
        "supports": {name: list(controls) for name, controls in control.supports.items()},
        "people": control.people,
    }


def calls_by_day(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How many intents and outcomes there are, by day and department."""
    counts = Counter(
        (str(one.get("at"))[:10], str(one.get("department", "")), str(one.get("kind")))
        for one in records
        if one.get("kind") in _OF_CALLS
    )
    return [
        {"day": day, "department": department, "kind": kind, "count": count}
        for (day, department, kind), count in sorted(counts.items())
    ]


def key_row(one: AccessRecord, now: datetime) -> dict[str, Any]:
    """A virtual key, without what would let anybody use it."""
    return {
        "key": one.subject,
        "owner": one.owner,
        "department": one.department,
        "label": one.label,
        "created_at": one.created_at.isoformat() if one.created_at else "",
        "expires_at": one.expires_at.isoformat() if one.expires_at else "",
        "active": one.active_at(now),
    }


def page(about: About, states: Sequence[Mapping[str, Any]]) -> str:
    """The page to read first."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(PAGE.read_text(encoding="utf-8")).render(about=about, states=states)

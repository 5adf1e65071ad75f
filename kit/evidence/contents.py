"""Content of a pack: governance records, key holders, training, gates, the verification (G.7)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import yaml

from kit.evidence import oscal
from kit.evidence.pack import About, as_csv, as_json, as_lines
from lambdas.common.access import AccessRecord
from lambdas.common.registers import REGISTERS, Entry

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
_ACCESS = (
    "kind", "id", "state", "department", "roles", "data_classes", "models", "granted_by", "since",
    "last_used", "expires_at",
)  # fmt: skip
_PEOPLE = ("subject", "event", "department", "happened_at", "at", "calls_after", "seconds_to_deny")
_CHANGES = ("at", "operator", "stack", "digest", "commit", "overridden")
_SWITCHES = ("at", "kind", "operator", "event", "scope", "subject", "state", "reason")
_ERASURES = ("at", "kind", "operator", "by", "subject", "stage", "what", "reason")
_REVIEWS = (
    "at", "principal", "department", "request_id", "workflow", "decision", "opened_at", "decided_at",
    "because", "draft_sha256", "release_sha256",
)  # fmt: skip
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
    """What was read from the deployment. `records` have no bodies; `gates` are documents by their key;
    `access` is the review of now, without names; `registers` are the entries; `alarms` those that rang;
    `retention` what the account answers on locks and lifecycles; `sample` the inclusion proofs that the
    auditor's seed chose, by file name, and why one is missing; `settings` are those in force, by their key.
    """

    records: Sequence[Mapping[str, Any]]
    keys: Sequence[AccessRecord]
    gates: Mapping[str, Any]
    verification: Mapping[str, Any]
    access: Sequence[Mapping[str, Any]] = ()
    registers: Sequence[Entry] = ()
    alarms: Sequence[Mapping[str, Any]] = ()
    retention: Mapping[str, Any] = field(default_factory=dict)
    budgets: Mapping[str, Any] = field(default_factory=dict)
    sample: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


def read_controls(frameworks: Sequence[str] = ()) -> list[Control]:
    """Return the mapping, limited to `frameworks` if any are given. Raises `ValueError` naming an unknown
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
    """Return every file of the pack except the manifest and what verifies it."""
    governance = [one for one in collected.records if one.get("kind") not in _OF_CALLS]
    people = leavers(collected.records)
    states = [state_of(control, governance, collected, people, about.last) for control in controls]
    learning = [one for one in governance if one.get("kind") in {"acceptance", "training", "onboarding"}]
    return {
        "index.html": page(about, states).encode(),
        "controls.json": as_json(states),
        "records.jsonl": as_lines(governance),
        "calls.csv": as_csv(("day", "department", "kind", "count"), calls_by_day(collected.records)),
        "learning.csv": as_csv(_LEARNING, learning),
        "keys.csv": as_csv(_KEYS, (key_row(one, now) for one in collected.keys)),
        "gates.json": as_json(collected.gates),
        "settings.json": as_json(collected.settings),
        "verification.json": as_json(collected.verification),
        "access.csv": as_csv(_ACCESS, collected.access),
        "people.csv": as_csv(_PEOPLE, people),
        "changes.csv": as_csv(_CHANGES, _of_kind(governance, "change-review")),
        "switches.csv": as_csv(_SWITCHES, _of_kind(governance, "switch", "break-glass")),
        "erasures.csv": as_csv(_ERASURES, _of_kind(governance, "erasure", "disclosure")),
        "reviews.csv": as_csv(_REVIEWS, _of_kind(governance, "review")),
        "alarms.csv": as_csv(("alarm", "at", "why"), collected.alarms),
        **{
            f"registers/{name}.json": as_json(rows)
            for name, rows in _registers(collected, about.last).items()
        },
        "retention.json": as_json(collected.retention),
        "budgets.json": as_json(collected.budgets),
        "mapping.csv": as_csv(("control", "requirement", "framework", "supports", "people"), _flat(controls)),
        **{f"sample/{name}": as_json(proof) for name, proof in collected.sample.items()},
        **{name: as_json(document) for name, document in oscal.documents(about, states).items()},
    }


def _of_kind(records: Sequence[Mapping[str, Any]], *kinds: str) -> list[Mapping[str, Any]]:
    return [one for one in records if one.get("kind") in kinds]


def _registers(collected: Collected, at: datetime) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {register: [] for register in REGISTERS}
    for one in collected.registers:
        found[one.register].append(one.as_document() | {"overdue": one.overdue(at)})
    return found


def _flat(controls: Sequence[Control]) -> Iterable[dict[str, Any]]:
    """Yield the mapping, one line per control of a framework."""
    for one in controls:
        for framework, supported in one.supports.items():
            for name in supported:
                yield {
                    "control": one.id, "requirement": " ".join(one.requirements), "framework": framework,
                    "supports": name, "people": one.people,
                }  # fmt: skip


def leavers(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return joiners, movers and leavers; for leavers, how long until they were refused.

    That is the last call that began after they had left, in seconds; 0 if there was none.
    """
    known = list(records)
    calls: dict[str, list[datetime]] = {}
    for one in known:
        if one.get("kind") == "intent" and one.get("principal"):
            calls.setdefault(str(one["principal"]), []).append(datetime.fromisoformat(str(one["at"])))
    rows = []
    for one in known:
        if one.get("kind") != "scim" or not one.get("subject"):
            continue
        left = datetime.fromisoformat(str(one.get("happened_at") or one["at"]))
        after = [(at - left).total_seconds() for at in calls.get(str(one["subject"]), ()) if at > left]
        late = {"calls_after": len(after), "seconds_to_deny": max(after, default=0)}
        rows.append({**one, **(late if one.get("event") == "leaver" else {})})
    return rows


def state_of(
    control: Control,
    records: Iterable[Mapping[str, Any]],
    collected: Collected,
    people: Sequence[Mapping[str, Any]],
    at: datetime,
) -> dict[str, Any]:
    """A control over the period: how often something of its kinds was recorded, by month, and what stands
    out.

    `attention` where something speaks against the control, and `why` says what; `recorded` where there is
    evidence, `quiet` where nothing of the kind happened: quiet is not proof that a control works.
    """
    mine = [one for one in records if one.get("kind") in control.kinds]
    counts = Counter(str(one.get("kind")) for one in mine)
    why = _against(control.id, collected, people, at)
    if control.id == "audit":
        found = len(collected.verification.get("findings") or ())
        counts = Counter(
            {"findings of the verification": found, "records": collected.verification.get("records") or 0}
        )
    return {
        "id": control.id,
        "title": control.title,
        "state": "attention" if why else "recorded" if counts else "quiet",
        "why": "; ".join(why),
        "evidence": dict(sorted(counts.items())),
        "by_month": dict(sorted(Counter(str(one.get("at"))[:7] for one in mine).items())),
        "requirements": list(control.requirements),
        "supports": {name: list(controls) for name, controls in control.supports.items()},
        "people": control.people,
    }


def _against(
    control: str, collected: Collected, people: Sequence[Mapping[str, Any]], at: datetime
) -> list[str]:
    """Return what is evidence against a control, in sentences."""
    match control:
        case "audit":
            found = collected.verification.get("findings") or ()
            codes = Counter(str(one.get("code", "finding")) for one in found if isinstance(one, Mapping))
            said = [f"the verification found {code} ({count})" for code, count in sorted(codes.items())]
            if found and not said:
                said = [f"the verification found {len(found)} things"]
            return said if collected.verification.get("records") else [*said, "there is no record to verify"]
        case "access":
            late = [one for one in people if one.get("calls_after")]
            return [f"{len(late)} leavers were served after they had left"] if late else []
        case "registers":
            overdue = [one for one in collected.registers if one.overdue(at)]
            return [f"{one.register} {one.id}: {'; '.join(one.overdue(at))}" for one in overdue]
        case _:
            return []


def calls_by_day(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the number of intents and outcomes by day and department."""
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
    """Return a virtual key, without anything that would let somebody use it."""
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
    """Return the page to read first."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(PAGE.read_text(encoding="utf-8")).render(about=about, states=states)

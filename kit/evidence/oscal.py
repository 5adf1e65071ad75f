"""The pack's controls as OSCAL: component definition, mapping and assessment results (NIST OSCAL 1.2.1).

Plain JSON objects, the same for the same pack: identifiers are UUIDs of version 5 from stable names. A
control of which nothing was recorded has no finding: OSCAL knows satisfied and not-satisfied only, and quiet
is neither.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kit.evidence.pack import About

OSCAL = "1.2.1"
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://claude-enterprise-kit.example/oscal")
_CATALOG = "catalog.json"
States = Sequence[Mapping[str, Any]]


def documents(about: About, states: States) -> dict[str, dict[str, Any]]:
    """Return every document by its file name."""
    return {
        "oscal/catalog.json": {"catalog": _catalog(about, states)},
        "oscal/component-definition.json": {"component-definition": _component(about, states)},
        "oscal/assessment-results.json": {"assessment-results": _results(about, states)},
        "oscal/mapping.json": {"mapping-collection": _mapping(about, states)},
    }


def _id(about: About, *names: str) -> str:
    return str(uuid.uuid5(_SPACE, "|".join((about.client, about.environment, *names))))


def _metadata(about: About, title: str) -> dict[str, Any]:
    return {
        "title": f"{title}: {about.client}, {about.environment}",
        "last-modified": _time(about.made_at),
        "version": f"{about.first:%Y-%m-%d}/{about.last:%Y-%m-%d}",
        "oscal-version": OSCAL,
    }


def _time(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _catalog(about: About, states: States) -> dict[str, Any]:
    return {
        "uuid": _id(about, "catalog"),
        "metadata": _metadata(about, "Controls of the kit"),
        "controls": [
            {
                "id": one["id"],
                "title": one["title"],
                "parts": [{"id": f"{one['id']}_smt", "name": "statement", "prose": one["title"]}],
            }
            for one in states
        ],
    }


def _component(about: About, states: States) -> dict[str, Any]:
    requirements = [
        {
            "uuid": _id(about, "requirement", one["id"]),
            "control-id": one["id"],
            "description": f"{one['title']}. Remains for people: {one['people']}",
        }
        for one in states
    ]
    return {
        "uuid": _id(about, "component-definition"),
        "metadata": _metadata(about, "What the kit implements"),
        "components": [
            {
                "uuid": _id(about, "component"),
                "type": "service",
                "title": "Gateway to Claude with its records",
                "description": "All use of Claude passes it: authenticated, inspected, budgeted, recorded.",
                "control-implementations": [
                    {
                        "uuid": _id(about, "implementation"),
                        "source": _CATALOG,
                        "description": "Controls that the kit implements.",
                        "implemented-requirements": requirements,
                    }
                ],
            }
        ],
    }


def _results(about: About, states: States) -> dict[str, Any]:
    judged = [one for one in states if one["state"] != "quiet"]
    quiet = [one["id"] for one in states if one["state"] == "quiet"]
    return {
        "uuid": _id(about, "results", _time(about.made_at)),
        "metadata": _metadata(about, "Assessment results"),
        "import-ap": {"href": "#", "remarks": "The checks are those of the kit, without a plan."},
        "results": [
            {
                "uuid": _id(about, "result", _time(about.made_at)),
                "title": f"{about.first:%Y-%m-%d} to {about.last:%Y-%m-%d}",
                "description": "Computed from the records of the period.",
                "start": _time(about.first),
                "end": _time(about.last),
                "reviewed-controls": {
                    "control-selections": [
                        {"include-controls": [{"control-id": one["id"]} for one in states]}
                    ]
                },
                "observations": [_observation(about, one) for one in judged],
                "findings": [_finding(about, one) for one in judged],
                **({"remarks": f"Nothing was recorded of: {', '.join(quiet)}."} if quiet else {}),
            }
        ],
    }  # fmt: skip


def _observation(about: About, state: Mapping[str, Any]) -> dict[str, Any]:
    counts = ", ".join(f"{name}: {count}" for name, count in state["evidence"].items())
    return {
        "uuid": _id(about, "observation", state["id"], _time(about.made_at)),
        "description": counts or "No record.",
        "methods": ["TEST"],
        "collected": _time(about.made_at),
        "relevant-evidence": [{"href": "../controls.json", "description": "controls.json of the pack"}],
    }


def _finding(about: About, state: Mapping[str, Any]) -> dict[str, Any]:
    satisfied = state["state"] == "recorded"
    return {
        "uuid": _id(about, "finding", state["id"], _time(about.made_at)),
        "title": state["title"],
        "description": state.get("why") or ("Evidence was recorded." if satisfied else "Needs attention."),
        "target": {
            "type": "statement-id",
            "target-id": f"{state['id']}_smt",
            "status": {"state": "satisfied" if satisfied else "not-satisfied"},
        },
        "related-observations": [
            {"observation-uuid": _id(about, "observation", state["id"], _time(about.made_at))}
        ],
    }


def _mapping(about: About, states: States) -> dict[str, Any]:
    frameworks = sorted({name for one in states for name in one["supports"]})
    return {
        "uuid": _id(about, "mapping"),
        "metadata": _metadata(about, "What supports which framework"),
        "provenance": {
            "method": "human",
            "matching-rationale": "semantic",
            "status": "complete",
            "mapping-description": "Own reading. Supports means: part of the evidence for the control.",
        },
        "mappings": [_to(about, framework, states) for framework in frameworks],
    }


def _to(about: About, framework: str, states: States) -> dict[str, Any]:
    maps = [
        {
            "uuid": _id(about, "map", framework, one["id"]),
            "relationship": "intersects-with",
            "sources": [{"type": "control", "id-ref": one["id"]}],
            "targets": [{"type": "control", "id-ref": _token(name)} for name in one["supports"][framework]],
        }
        for one in states
        if one["supports"].get(framework)
    ]
    return {
        "uuid": _id(about, "to", framework),
        "source-resource": {"type": "catalog", "href": _CATALOG},
        "target-resource": {"type": "catalog", "href": f"urn:framework:{framework}"},
        "maps": maps,
    }


def _token(name: str) -> str:
    """Return a framework's identifier as an OSCAL token: `Art. 12` becomes `art-12`."""
    return "-".join(
        "".join(one if one.isalnum() or one in ".-_" else " " for one in name.lower()).split()
    ).replace(".-", "-")

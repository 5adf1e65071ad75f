"""Completions as xAPI 1.0.3 statements, as JSON lines, for a learning record store (L4.1, L4.5)."""

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

_VERB = {"id": "http://adlnet.gov/expapi/verbs/passed", "display": {"en-US": "passed"}}
_COURSE = "http://adlnet.gov/expapi/activities/course"
_NAMES = uuid.UUID("6f2f1c53-3f0b-4f0e-9d0a-5a4f3f2c9a10")  # the same pass is the same statement again


def statement(
    portal_url: str, person: str, course: str, title: Mapping[str, str], passed: Mapping[str, Any]
) -> dict[str, Any]:
    """Return one pass. The actor is the opaque id of provisioning, never a name or an address."""
    activity = f"{portal_url}/learn/{course}"
    key = f"{person}|{course}|{passed['version']}|{passed['passed_on']}"
    return {
        "id": str(uuid.uuid5(_NAMES, key)),
        "actor": {"objectType": "Agent", "account": {"homePage": portal_url, "name": person}},
        "verb": _VERB,
        "object": {
            "objectType": "Activity",
            "id": f"{activity}/{passed['version']}",
            "definition": {"type": _COURSE, "name": dict(title)},
        },
        "result": {
            "score": {"scaled": round(int(passed["percent"]) / 100, 2)},
            "success": True,
            "completion": True,
        },
        "timestamp": f"{passed['passed_on']}T00:00:00Z",
        "version": "1.0.3",
    }


def lines(statements: Iterable[Mapping[str, Any]]) -> str:
    """Return JSON lines."""
    return "".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n" for one in statements)

"""Drift from what was deployed, and its severity."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Weight = Literal["evidence", "access", "other"]
# Whose change can hide what happened, or let somebody in: looked at first.
_EVIDENCE = ("aws:cloudtrail/", "aws:kms/", "aws:s3/", "aws:secretsmanager/")
_ACCESS = ("aws:apigateway/", "aws:cognito/", "aws:iam/", "aws:lambda/permission", "aws:vpc/", "aws:wafv2/")
_SAME = {"same", "read", "refresh"}


@dataclass(frozen=True)
class Drift:
    """One drifted resource: `changed` names the properties, `gone` that it no longer exists."""

    urn: str
    type: str
    name: str
    gone: bool
    changed: tuple[str, ...]
    weight: Weight

    def to_dict(self) -> dict[str, Any]:
        return {
            "urn": self.urn,
            "type": self.type,
            "name": self.name,
            "gone": self.gone,
            "changed": list(self.changed),
            "weight": self.weight,
        }


def drifted(steps: Iterable[Mapping[str, Any]]) -> list[Drift]:
    """Return the drift in the steps of a refresh (`pulumi refresh --preview-only --json`), most severe
    first.
    """
    found = []
    for step in steps:
        changed = tuple(sorted(step.get("detailedDiff") or step.get("diffReasons") or ()))
        gone = step["op"] == "delete"
        if (step["op"] in _SAME and not changed) or step["urn"].endswith("::" + _stack(step["urn"])):
            continue
        kind, _, name = step["urn"].partition("::")[2].partition("::")[2].partition("::")
        kind = kind.rpartition("$")[2]
        found.append(Drift(step["urn"], kind, name, gone, changed, _weight(kind)))
    order = {"evidence": 0, "access": 1, "other": 2}
    return sorted(found, key=lambda one: (order[one.weight], one.urn))


def _stack(urn: str) -> str:
    """Return the name of the stack's own resource, which is not an AWS resource."""
    stack, project = urn.split("::")[0].rpartition(":")[2], urn.split("::")[1]
    return f"{project}-{stack}"


def _weight(kind: str) -> Weight:
    if kind.startswith(_EVIDENCE):
        return "evidence"
    return "access" if kind.startswith(_ACCESS) else "other"

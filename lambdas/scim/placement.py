"""Placement of a person: from groups of the identity provider to a department and roles (G.4, C.1)."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.common.access import Onboarding, folded_name


@dataclass(frozen=True, slots=True)
class GroupRule:
    """What membership in a group grants. `group` is its display name, in any case, or its external id.

    `data_classes` restrict what the department may use; None: no restriction. Several restrictions
    intersect.
    """

    group: str
    department: str | None = None
    roles: tuple[str, ...] = ()
    data_classes: tuple[str, ...] | None = None

    def names(self, display_name: str, external_id: str) -> bool:
        """Return whether the rule is about this group."""
        return folded_name(self.group) == folded_name(display_name) or self.group == external_id


@dataclass(frozen=True, slots=True)
class Placement:
    """A person's placement. An empty `department` means no access."""

    department: str
    roles: tuple[str, ...]
    data_classes: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Rules:
    """The configured rules in order: the first that grants a department decides.

    If none does, the person's attribute `department` counts if it is the id or the name of a department.
    `departments` are id and name. `onboarding_required`: access requires completed onboarding (L4.1).
    """

    groups: tuple[GroupRule, ...]
    departments: Mapping[str, str]
    onboarding_required: bool
    digest: str = ""

    def mention(self, display_name: str, external_id: str) -> bool:
        """Return whether any rule is about this group."""
        return any(rule.names(display_name, external_id) for rule in self.groups)

    def place(self, groups: Iterable[tuple[str, str]], attribute: str) -> Placement:
        """Return the placement of a member of `groups` (display name, external id) with this attribute."""
        members = list(groups)
        applying = [rule for rule in self.groups if any(rule.names(*group) for group in members)]
        department = next((rule.department for rule in applying if rule.department), None)
        narrowed = [rule.data_classes for rule in applying if rule.data_classes is not None]
        return Placement(
            department or self._by_attribute(attribute),
            _distinct(role for rule in applying for role in rule.roles),
            _common(narrowed) if narrowed else None,
        )

    def grounds(self, groups: Iterable[tuple[str, str]], attribute: str) -> tuple[str, ...]:
        """Return in words the groups or attribute behind what `place` grants, for a review."""
        members = list(groups)
        found: list[str] = []
        placed = False
        for rule in self.groups:
            if not any(rule.names(*group) for group in members):
                continue
            gives = [f"role {role}" for role in rule.roles]
            if rule.department and not placed:
                gives.insert(0, f"department {rule.department}")
                placed = True
            if rule.data_classes is not None:
                gives.append(f"no data beyond {', '.join(rule.data_classes) or 'none'}")
            if gives:
                found.append(f"group {rule.group}: {', '.join(gives)}")
        by_attribute = "" if placed else self._by_attribute(attribute)
        return (*found, f"attribute department: department {by_attribute}") if by_attribute else tuple(found)

    def onboarding(self, before: Onboarding | None, *, was_in: bool) -> Onboarding:
        """Return the state of onboarding of an active person, given the previous one.

        People who were active when the requirement was introduced stay active.
        """
        if before == "done":
            return "done"
        if not self.onboarding_required or (before == "not-required" and was_in):
            return "not-required"
        return "pending"

    def _by_attribute(self, attribute: str) -> str:
        wanted = attribute.strip().casefold()
        names = (
            identifier
            for identifier, name in self.departments.items()
            if wanted in {identifier.casefold(), name.casefold()}
        )
        return next(names, "") if wanted else ""


def read_rules(document: bytes) -> Rules:
    """Parse the rules in `policy/scim.json`. Raises ValueError if it is not version 1."""
    content: dict[str, Any] = json.loads(document)
    if content.get("version") != 1:
        raise ValueError("not a document of version 1")
    return Rules(
        groups=tuple(
            GroupRule(
                group=rule["group"],
                department=rule.get("department"),
                roles=tuple(rule.get("roles", ())),
                data_classes=_optional(rule.get("data_classes")),
            )
            for rule in content["groups"]
        ),
        departments={one["id"]: one["name"] for one in content["departments"]},
        onboarding_required=bool(content["onboarding_required"]),
        digest=hashlib.sha256(document).hexdigest(),
    )


def _optional(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _common(several: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return what is in all of them, in the order of the first."""
    return _distinct(one for one in several[0] if all(one in others for others in several))


def _distinct(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))

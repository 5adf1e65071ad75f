"""AI uses that the deployment knows of, and the inventory entries that they open (G.3, C.3)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kit.identity.operator import access_records
from kit.registers.store import Registers
from kit.reviews.places import workflows_of
from kit.target import Target
from lambdas.common.clock import utc_now
from lambdas.common.registers import Entry

_IN_USE = frozenset({"pilot", "live"})  # states of ideas that are in use
_SOURCES = ("idea-", "workflow-", "key-")


@dataclass(frozen=True)
class Use:
    """One use. `entry_id` is stable across runs; `fields` is what the source says about it."""

    entry_id: str
    title: str
    owner: str
    fields: Mapping[str, str]


def uses(target: Target) -> list[Use]:
    """Return ideas in pilot or live, departments' workflows and active application keys. Raises botocore's
    errors.
    """
    return [*_ideas(target), *_workflows(target), *_keys(target)]


def open_uses(registers: Registers, found: Iterable[Use]) -> list[Entry]:
    """Open a draft for each use without an entry; a person classifies it legally."""
    known = {one.id for one in registers.entries("inventory")}
    return [
        registers.open("inventory", one.title, one.owner, one.fields, source=one.entry_id)
        for one in found
        if one.entry_id not in known
    ]


def ended_uses(registers: Registers, found: Iterable[Use]) -> list[Entry]:
    """Return open entries whose use no longer exists in the deployment."""
    there = {one.entry_id for one in found}
    return [
        one
        for one in registers.entries("inventory")
        if one.id.startswith(_SOURCES) and one.id not in there and one.state != "closed"
    ]


def _ideas(target: Target) -> Iterable[Use]:
    table = target.outputs.get("portal_table_name")
    if not table:
        return
    from lambdas.portal.pages.ideas import IDEA
    from lambdas.portal.table import PortalTable

    for row in PortalTable(target.client("dynamodb"), str(table)).rows(IDEA):
        idea = row.data
        if idea["state"] in _IN_USE:
            fields = {
                "purpose": str(idea["problem"]),
                "department": str(idea["department"]),
                "decided_by": str(idea.get("decided_by", "")),
                "risks": ", ".join(idea.get("risks") or ()) or "none named",
                "source": f"use-case intake, {idea['state']}",
            }
            yield Use(f"idea-{row.sk}", str(idea["title"]), str(idea.get("owner", "")), fields)


def _workflows(target: Target) -> Iterable[Use]:
    for department, names in workflows_of(target).items():
        for name in names:
            fields = {"purpose": f"the workflow {name}", "department": department, "source": "workflows"}
            yield Use(f"workflow-{department}-{name}", f"{name} of {department}", "", fields)


def _keys(target: Target) -> Iterable[Use]:
    now = utc_now()
    for one in access_records(target).virtual_keys():
        if one.active_at(now):
            fields = {"department": one.department, "application": one.owner or "", "source": "keys"}
            title = f"application {one.label or one.subject}"
            yield Use(f"key-{one.subject}", title, "", fields)

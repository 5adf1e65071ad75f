"""Tickets: what people ask, dispute and propose (L4.3)."""

from collections.abc import Mapping
from typing import Any

from lambdas.common.ids import new_id
from lambdas.portal.portal import Portal, Visitor
from lambdas.portal.table import Row


def open_ticket(portal: Portal, visitor: Visitor, kind: str, facts: Mapping[str, Any]) -> str:
    """Open a ticket with `facts` and return its id. Blocks."""
    now, identifier = portal.now(), new_id("tic_")
    at, department = int(now.timestamp()), visitor.record.department
    head = {
        "kind": kind, "person": visitor.person, "name": visitor.name, "department": department,
        "at": at, "state": "open", **facts,
    }  # fmt: skip
    key = f"TICKET#{identifier}"
    portal.table.create(Row(key, "HEAD", head, queue="open", at=now.isoformat()))
    portal.table.write(Row(f"PERSON#{visitor.person}", key, {"at": at, "kind": kind}))
    if portal.notices is not None:
        portal.notices.ticket(kind, department, f"{portal.settings.portal_url}/support/tickets/{identifier}")
    return identifier

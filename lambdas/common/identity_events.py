"""What changed of somebody's identity, and who changed it: kept until the audit store has the record (G.4).

An event goes into the outbox of the directory (`pk` OUTBOX) in the transaction of the change itself, or
before the answer that it explains; the provisioning worker makes the record. Values that name a person are
there as hashes only.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from lambdas.common.ids import new_id

OUTBOX = "OUTBOX"


@dataclass(frozen=True, slots=True)
class IdentityEvent:
    """One change, or a sign-in that was refused. `actor` is a token, an operator or the sign-in itself;
    `before` and `after` have the attributes that differ.
    """

    id: str
    identity: str  # what happened: created, changed, deleted, bound, refused
    at: str
    person: str
    actor: str
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


def identity_event(
    what: str,
    person: str,
    actor: str,
    now: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> IdentityEvent:
    """An event of now."""
    at = now.isoformat(timespec="milliseconds")
    return IdentityEvent(new_id(clock=lambda: now), what, at, person, actor, before or {}, after or {})


def event_item(event: IdentityEvent) -> dict[str, Any]:
    """The item of the directory's table that keeps an event."""
    return {"pk": {"S": OUTBOX}, "sk": {"S": event.id}, "event": {"S": json.dumps(asdict(event))}}

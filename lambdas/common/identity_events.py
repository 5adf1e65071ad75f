"""Identity changes with their actor, kept until the audit store has the record (G.4).

An event is written to the directory's outbox (`pk` OUTBOX) in the transaction of the change itself, or
before the answer that it explains; the provisioning worker turns it into a record. Values that identify a
person are hashed.
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
    """A change, or a rejected sign-in. `actor` is a token, an operator or the sign-in itself; `before` and
    `after` hold the attributes that differ.
    """

    id: str
    identity: str  # what happened: created, changed, deleted, bound, refused
    at: str
    person: str
    actor: str
    before: Mapping[str, Any] = field(default_factory=dict[str, Any])
    after: Mapping[str, Any] = field(default_factory=dict[str, Any])


def identity_event(
    what: str,
    person: str,
    actor: str,
    now: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> IdentityEvent:
    """Return an event with the current time."""
    at = now.isoformat(timespec="milliseconds")
    return IdentityEvent(new_id(clock=lambda: now), what, at, person, actor, before or {}, after or {})


def event_item(event: IdentityEvent) -> dict[str, Any]:
    """Return the item of the directory table that holds an event."""
    return {"pk": {"S": OUTBOX}, "sk": {"S": event.id}, "event": {"S": json.dumps(asdict(event))}}

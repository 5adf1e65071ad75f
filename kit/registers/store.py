"""Stores registers in the governance bucket, with an audit record of each change."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from kit.errors import ExitCode, KitError
from kit.governance.objects import put_object
from kit.identity.operator import caller_arn, record_event
from kit.registers.entries import checked, opened
from kit.target import Target
from lambdas.common.clock import utc_now
from lambdas.common.ids import new_id
from lambdas.common.registers import FOLDER, REGISTERS, Entry, Register, entry_of

PREFIX = f"{FOLDER}/"


@dataclass(frozen=True)
class Registers:
    """A deployment's registers. Each change is recorded before it is made; without its record there is no
    change.
    """

    target: Target

    def entries(self, register: Register) -> list[Entry]:
        """Return all entries of a register, oldest first. Raises botocore's errors."""
        s3, bucket = self.target.client("s3"), self.target.require("governance_bucket_name")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{PREFIX}{register}/")
        keys = sorted(one["Key"] for page in pages for one in page.get("Contents", ()))
        return [entry_of(json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())) for key in keys]

    def everything(self) -> list[Entry]:
        """Return all entries of all registers."""
        return [entry for register in REGISTERS for entry in self.entries(register)]

    def overdue(self, now: datetime) -> list[str]:
        """Return what is overdue, one line each. Raises botocore's errors."""
        return [
            f"{one.register} {one.id} ({one.owner or 'nobody'}): {said}"
            for one in self.everything()
            for said in one.overdue(now)
        ]

    def entry(self, register: Register, entry_id: str) -> Entry:
        """Return one entry. Raises KitError if it does not exist."""
        found = next((one for one in self.entries(register) if one.id == entry_id), None)
        if found is None:
            raise KitError(
                f"{register} has no entry {entry_id}", hint="list them with --json", exit_code=ExitCode.USAGE
            )
        return found

    def open(
        self,
        register: Register,
        title: str,
        owner: str,
        fields: Mapping[str, str],
        *,
        aware: datetime | None = None,
        source: str = "",
    ) -> Entry:
        """Open an entry if it contains all that its register requires; otherwise store it as a draft for a
        person.
        """
        now = utc_now()
        missing = checked(register, title, owner, fields)
        made = Entry(
            id=source or new_id("reg"),
            register=register,
            title=title.strip(),
            owner=owner.strip(),
            state="draft",
            opened_at=now.isoformat(timespec="seconds"),
            opened_by=caller_arn(self.target),
            fields=dict(fields),
        )
        return self._keep("opened", made if missing else opened(made, aware or now))

    def update(
        self, entry: Entry, owner: str, fields: Mapping[str, str], *, aware: datetime | None = None
    ) -> Entry:
        """Add fields. A draft that becomes complete is opened, with its deadlines counted from when the
        organisation became aware.
        """
        merged = {**entry.fields, **fields}
        changed = replace(entry, owner=owner.strip() or entry.owner, fields=merged)
        missing = checked(entry.register, changed.title, changed.owner, merged)
        if entry.state == "draft" and not missing:
            changed = opened(changed, aware or datetime.fromisoformat(entry.opened_at))
        return self._keep("updated", changed)

    def decide(self, entry: Entry, clock: str, decision: str) -> Entry:
        """Record the decision on a deadline: notified, or not and why. Raises KitError if the entry has no
        such deadline.
        """
        if clock not in entry.due:
            raise KitError(
                f'"{clock}" is not a clock of {entry.id}',
                hint=f"its clocks: {', '.join(entry.due) or 'none'}",
                exit_code=ExitCode.USAGE,
            )
        made = {"decision": decision, "at": _stamp(), "by": caller_arn(self.target)}
        return self._keep("decided", replace(entry, decided={**entry.decided, clock: made}))

    def close(self, entry: Entry, cause: str) -> Entry:
        """Close an entry with its cause and lessons. Raises KitError while a deadline is undecided."""
        left = [clock for clock in entry.due if clock not in entry.decided]
        if left:
            raise KitError(
                f"{entry.id} cannot end: nothing was decided on {', '.join(left)}",
                hint="record the decision, also the one not to notify",
                exit_code=ExitCode.USAGE,
            )
        return self._keep("closed", replace(entry, state="closed", closed_at=_stamp(), cause=cause.strip()))

    def _keep(self, event: str, entry: Entry) -> Entry:
        document = entry.as_document()
        record_event(self.target, {"kind": "register", "event": event, **_recorded(document)})
        put_object(self.target, f"{PREFIX}{entry.register}/{entry.id}.json", document)
        return entry


def _recorded(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry as an audit record stores it, under names that no record column has."""
    return {
        "entry": document["id"],
        "register": document["register"],
        "state": document["state"],
        "content": document,
    }


def _stamp() -> str:
    return utc_now().astimezone(UTC).isoformat(timespec="seconds")

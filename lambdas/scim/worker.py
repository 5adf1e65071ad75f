"""Consequences of joining, moving and leaving, processed every minute until complete (G.4, L4.1, L2.5).

The change of access itself is not made here: it was written together with the change of the person. Here
are the consequences that may take a moment: the audit record, onboarding, virtual keys, sessions. Each is
idempotent; an event leaves the outbox only when all of them are complete. An event that fails stays; the
run fails after trying the others, and the function's alarm is raised.

Money needs no step: what was spent stays with the department that spent it, and because the ledger checks
the department of the live access record, a mover's next call is paid by the new one.

The worker also places everybody again after the rules have changed, completes what a crashed request left
of a group change, and migrates the lists of an earlier version.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Protocol

import botocore.session

from lambdas.common.access import AccessRecord, user_key
from lambdas.common.audit import open_writer
from lambdas.common.clock import Clock, utc_now
from lambdas.common.identity_events import OUTBOX, IdentityEvent
from lambdas.common.log import Level, log, metrics
from lambdas.scim.credentials import NamedTokens
from lambdas.scim.events import Event, MembershipEvent, PersonEvent, read_event
from lambdas.scim.people import GroupNames
from lambdas.scim.sessions import Sessions
from lambdas.scim.settings import Directory, aws_client, open_directory, read_settings

_SPARE_SECONDS = 30
SILENT_AFTER = timedelta(hours=24)  # Okta, Entra and the others ask at least every hour
# A request has this long before the worker takes over what it began; the service's timeout is shorter.
_TAKE_OVER = timedelta(minutes=2)
_RULES = ("RULES", "DIGEST")
HasTime = Callable[[], bool]


class Audit(Protocol):
    """Destination of records, which are durable on return."""

    def append_now(self, record: dict[str, Any], *, bodies: dict[str, bytes]) -> str: ...


class ConsequencesFailed(Exception):
    """Some events are incomplete and will be retried at the next run."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Completes events. `sessions` is None if people do not sign in through Cognito."""

    directory: Directory
    audit: Audit
    sessions: Sessions | None
    clock: Clock = utc_now
    environment: str = "local"

    def run(self, has_time: HasTime) -> dict[str, int]:
        """Complete what can be completed. Return counts by kind of event. Raises `ConsequencesFailed` at
        the end.
        """
        done: dict[str, int] = {}
        failed = 0
        for item in self.directory.store.under(OUTBOX):
            if not has_time():
                break
            try:
                event = read_event(item)
                complete = self._complete(event, has_time)
            except Exception as error:  # one event must not keep the others waiting
                failed += 1
                log("event_failed", event=item["sk"]["S"], error=type(error).__name__)
                continue
            if complete:
                self.directory.store.remove(OUTBOX, event.id)
                done[_kind(event)] = done.get(_kind(event), 0) + 1
        listings = (self.directory.people.listing, self.directory.groups.listing)
        adopted = sum(one.adopt(has_time) for one in listings)
        placed = self._follow_rules(has_time)
        self._watch_tokens()
        if failed:
            raise ConsequencesFailed(f"{failed} events are not complete")
        followed = {"adopted": adopted, "placed": placed}
        return {**done, **{what: number for what, number in followed.items() if number}}

    def _watch_tokens(self) -> None:
        """Report whether provisioning has gone silent: nothing for a day, after earlier activity."""
        tokens = NamedTokens(self.directory.store, clock=self.clock)
        tokens.forget_grants()
        last = tokens.last_used()
        silent = last is not None and self.clock() - last > SILENT_AFTER
        log("provisioning_heard", **_silence(self.environment, silent))

    def _complete(self, event: Event, has_time: HasTime) -> bool:
        """Carry out all consequences. Return False if it is another's turn, or the next run's."""
        if isinstance(event, MembershipEvent):
            if datetime.fromisoformat(event.at) + _TAKE_OVER > self.clock():
                return False
            return self.directory.groups.finish(event, has_time)
        if isinstance(event, IdentityEvent):
            self.audit.append_now(_identity_record(event), bodies={})
            return True
        now = self.directory.access.get(user_key(event.person))
        if event.kind == "joiner":
            self._onboard(event, now)
        if event.kind == "leaver":
            self._revoke_keys(event)
        self._sessions_of(event, now)
        self.audit.append_now(_record(event), bodies={})
        return True

    def _onboard(self, event: PersonEvent, now: AccessRecord | None) -> None:
        """Start onboarding, once per joining; it is completed elsewhere (L4.1)."""
        state = now.onboarding if now is not None else event.onboarding
        self.directory.store.write(
            user_key(event.person),
            "ONBOARDING",
            {
                "event": {"S": event.id},
                "started": {"S": event.at},
                "department": {"S": event.department_after},
                "state": {"S": state},
            },
        )

    def _revoke_keys(self, event: PersonEvent) -> None:
        """Revoke every key that the person had at the time, not those of somebody who has returned since."""
        left_at = datetime.fromisoformat(event.at)
        for key in self.directory.access.virtual_keys(event.person):
            if key.active and (key.created_at is None or key.created_at <= left_at):
                self.directory.access.revoke(key.key)

    def _sessions_of(self, event: PersonEvent, now: AccessRecord | None) -> None:
        """Sign out leavers and movers; enable joiners again. A later event for the same person wins."""
        if self.sessions is None:
            return
        is_in = now is not None and now.provisioned and bool(now.department)
        if event.kind == "joiner":
            if is_in:
                self.sessions.allow(event.sign_in_names)
            return
        self.sessions.end(event.sign_in_names, disable=event.kind == "leaver" and not is_in)

    def _follow_rules(self, has_time: HasTime) -> int:
        """Place everybody again if the rules have changed. Return how many people were examined.

        This happens in two runs, because the service may use the old rules for some more seconds.
        """
        rules, store = self.directory.rules(), self.directory.store
        known = store.get(*_RULES)
        times = int(known["times"]["N"]) if known and known.get("digest", {}).get("S") == rules.digest else 0
        if times == 2:
            return 0
        names: GroupNames = {}
        begun = known is not None and known.get("placing", {}).get("S") == f"{rules.digest} {times}"
        after = known["after"]["S"] if known and begun else ""
        people = self.directory.people.listing.ids(after)
        for looked_at, part in _parts(people, 500):
            if not has_time():
                log("rules_unfinished", looked_at=looked_at, people=len(people))
                return looked_at
            for _ in store.pool.map(lambda person: self.directory.people.settle(person, names), part):
                pass
            store.set(*_RULES, "placing", {"S": f"{rules.digest} {times}"})
            store.set(*_RULES, "after", {"S": part[-1]})
        store.write(*_RULES, {"digest": {"S": rules.digest}, "times": {"N": str(times + 1)}})
        return len(people)


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Run once. Raises if something is incomplete: the run is retried, then an alarm is raised."""
    del event
    result = _worker().run(lambda: context.get_remaining_time_in_millis() > _SPARE_SECONDS * 1000)
    log("provisioning", level=Level.INFO, **result)
    return result


@cache
def _worker() -> Worker:
    settings = read_settings()
    session = botocore.session.get_session()
    pool = settings.user_pool_id
    return Worker(
        open_directory(settings, session),
        open_writer("provisioning", session=session),
        Sessions(aws_client(session, "cognito-idp", settings), pool) if pool else None,
        environment=settings.environment,
    )


def _kind(event: Event) -> str:
    return event.identity if isinstance(event, IdentityEvent) else event.kind


def _identity_record(event: IdentityEvent) -> dict[str, Any]:
    """Return the audit record of an identity change: actor, change, before and after; names as hashes."""
    return {
        "kind": "identity",
        "event_id": event.id,
        "event": event.identity,
        "happened_at": event.at,
        "subject": event.person,
        "actor": event.actor,
        "before": dict(event.before),
        "after": dict(event.after),
    }


def _record(event: PersonEvent) -> dict[str, Any]:
    """Return the audit record of an event: our own ids and names, nothing personal."""
    return {
        "kind": "scim",
        "event_id": event.id,
        "event": event.kind,
        "happened_at": event.at,
        "subject": event.person,
        "actor": event.actor,
        "department": event.department_after or event.department_before,
        "department_before": event.department_before,
        "department_after": event.department_after,
        "roles_before": list(event.roles_before),
        "roles_after": list(event.roles_after),
        "onboarding": event.onboarding,
    }


def _parts(values: list[str], size: int) -> Iterable[tuple[int, list[str]]]:
    for start in range(0, len(values), size):
        yield start, values[start : start + size]


def _silence(environment: str, silent: bool) -> dict[str, Any]:
    return {"environment": environment, **metrics({"ProvisioningSilent": int(silent)})}

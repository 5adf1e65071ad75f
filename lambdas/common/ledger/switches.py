"""Kill switches: what is off, for whom, until an operator turns it on again. Effective at the next call
(G.4).

Each switch is a separate item, so turning it is one write that nothing can conflict with. Every call reads
the four switches that concern it with strong consistency, and reads neither wait for writes nor delay them.
One item serves 3,000 such reads per second.

    SWITCH#<scope>#<subject>   SWITCH   off: true while it is off
    SWITCHES                   NAMES    every subject ever switched, for listing; decides nothing
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.common.ledger.items import Key

Scope = Literal["organization", "department", "model", "principal"]
SCOPES: tuple[Scope, ...] = ("organization", "department", "model", "principal")
OFF = "off"
_NAMES = Key("ledger", "SWITCHES", "NAMES")
_TRIES = 8
_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 2.0
_FINAL = frozenset({"AccessDeniedException", "ResourceNotFoundException", "ValidationException"})


@dataclass(frozen=True, slots=True)
class Switch:
    """Something that is off. `subject` is a department, model or principal; empty for the organisation."""

    scope: Scope
    subject: str = ""

    @property
    def key(self) -> Key:
        """Return the key of its item."""
        return Key("ledger", f"SWITCH#{self.scope}#{self.subject}", "SWITCH")

    def __str__(self) -> str:
        return f"{self.scope} {self.subject}".rstrip()


def concerning(*, department: str, model: str, principal: str) -> tuple[Switch, ...]:
    """Return the switches that can refuse a call, the widest scope first."""
    return (
        Switch("organization"),
        Switch("department", department),
        Switch("model", model),
        Switch("principal", principal),
    )


def first_off(switches: Sequence[Switch], items: Sequence[dict[str, Any] | None]) -> Switch | None:
    """Return the first of `switches` that is off, given their items."""
    return next((one for one, item in zip(switches, items, strict=True) if item and item.get(OFF)), None)


class Switches:
    """Turns switches, for operators. `client` is a botocore DynamoDB client. Blocks; idempotent.

    Transient errors of DynamoDB (throttling, internal errors, lost connections) are retried for some
    seconds; then botocore's error is raised.
    """

    def __init__(
        self, client: Any, *, ledger_table: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._table = ledger_table
        self._sleep = sleep

    def turn(self, switch: Switch, *, off: bool) -> bool:
        """Turn something off, or on again. Return whether it is off now, according to a strongly consistent
        read.
        """
        if off:  # named first, so that everything off is always listed
            self._call(
                self._client.update_item,
                Key=_wire(_NAMES),
                UpdateExpression="ADD #n :v",
                ExpressionAttributeNames={"#n": switch.scope},
                ExpressionAttributeValues={":v": {"SS": [switch.subject or "-"]}},
            )
        self._call(
            self._client.update_item,
            Key=_wire(switch.key),
            UpdateExpression="SET #off = :v" if off else "REMOVE #off",
            ExpressionAttributeNames={"#off": OFF},
            **({"ExpressionAttributeValues": {":v": {"BOOL": True}}} if off else {}),
        )
        return self.is_off(switch)

    def is_off(self, switch: Switch) -> bool:
        """Return whether it is off now."""
        return self._item(switch.key).get(OFF, {}).get("BOOL", False)

    def list(self) -> list[Switch]:
        """Return everything that is off now, the widest scope first."""
        names = self._item(_NAMES)
        switched = [
            Switch(scope, "" if scope == "organization" else subject)
            for scope in SCOPES
            for subject in sorted(names.get(scope, {}).get("SS", ()))
        ]
        return [one for one in switched if self.is_off(one)]

    def _item(self, key: Key) -> dict[str, Any]:
        return self._call(self._client.get_item, Key=_wire(key), ConsistentRead=True).get("Item", {})

    def _call(self, call: Callable[..., Any], **arguments: Any) -> Any:
        wait = _FIRST_WAIT_SECONDS
        for left in range(_TRIES - 1, -1, -1):
            try:
                return call(TableName=self._table, **arguments)
            except (ClientError, BotoCoreError) as error:
                if left == 0 or _is_final(error):
                    raise
            self._sleep(random.uniform(wait / 2, wait))  # noqa: S311 - jitter, not a secret
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
        raise AssertionError("unreachable")


def _is_final(error: ClientError | BotoCoreError) -> bool:
    return isinstance(error, ClientError) and error.response["Error"]["Code"] in _FINAL


def _wire(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}

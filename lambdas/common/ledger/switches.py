"""Kill switches: what is off, for whom, until somebody turns it on again. They bite at the next call (G.4).

A switch is kept beside every shard of the organisation's budget, so that reading it costs no hot item of its
own. Operators turn it; the gateway only checks it inside its transaction.
"""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from lambdas.common.ledger.items import Key, RequireUnswitched

Scope = Literal["organization", "department", "model", "principal"]
SCOPES: tuple[Scope, ...] = ("organization", "department", "model", "principal")
SWITCH = "SWITCH"
# The most shards that a size may have: switches are on all of them, so that growing loses none.
MOST_SHARDS = 64
_SETS: dict[Scope, str] = {"department": "departments", "model": "models", "principal": "principals"}


@dataclass(frozen=True, slots=True)
class Switch:
    """Something that is off. `subject` is a department, model or principal; empty for the organisation."""

    scope: Scope
    subject: str = ""


def switch_key(shard: int) -> Key:
    """Where the switches of a shard are."""
    return Key("ledger", f"ORG#{shard}", SWITCH)


def unswitched(shard: int, *, department: str, model: str, principal: str) -> RequireUnswitched:
    """The check that none of the switches that concern a call is set."""
    return RequireUnswitched(
        switch_key(shard),
        absent=("organization",),
        without={"departments": department, "models": model, "principals": principal},
    )


def which_is_off(item: dict[str, Any] | None, *, department: str, model: str, principal: str) -> Switch:
    """The switch that refuses a call, the widest first. `item` was read after the refusal."""
    values = item or {}
    if "organization" in values:
        return Switch("organization")
    subjects: tuple[tuple[Scope, str], ...] = (
        ("department", department),
        ("model", model),
        ("principal", principal),
    )
    for scope, subject in subjects:
        if subject in values.get(_SETS[scope], ()):
            return Switch(scope, subject)
    return Switch("organization")


class Switches:
    """Turns switches, for operators. Idempotent. Raises botocore's errors."""

    def __init__(self, client: Any, *, ledger_table: str, pool: ThreadPoolExecutor) -> None:
        self._client = client
        self._table = ledger_table
        self._pool = pool

    async def set(self, switch: Switch) -> None:
        """Turn something off."""
        await self._update("ADD", "SET", switch)

    async def clear(self, switch: Switch) -> None:
        """Turn it on again."""
        await self._update("DELETE", "REMOVE", switch)

    async def list(self) -> list[Switch]:
        """All that is off now."""
        key = switch_key(0)
        answer = await self._call(
            self._client.get_item,
            TableName=self._table,
            Key={"pk": {"S": key.pk}, "sk": {"S": key.sk}},
            ConsistentRead=True,
        )
        item = answer.get("Item", {})
        found = [Switch("organization")] if "organization" in item else []
        for scope, name in _SETS.items():
            found += [Switch(scope, subject) for subject in sorted(item.get(name, {}).get("SS", ()))]
        return found

    async def _update(self, set_verb: str, flag_verb: str, switch: Switch) -> None:
        updates = [{"Update": self._one(shard, set_verb, flag_verb, switch)} for shard in range(MOST_SHARDS)]
        await self._call(self._client.transact_write_items, TransactItems=updates)

    def _one(self, shard: int, set_verb: str, flag_verb: str, switch: Switch) -> dict[str, Any]:
        key = switch_key(shard)
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": {"pk": {"S": key.pk}, "sk": {"S": key.sk}},
            "ExpressionAttributeNames": {"#n": _SETS.get(switch.scope, "organization")},
        }
        if switch.scope == "organization":
            update["UpdateExpression"] = f"{flag_verb} #n" + (" = :v" if flag_verb == "SET" else "")
            if flag_verb == "SET":
                update["ExpressionAttributeValues"] = {":v": {"BOOL": True}}
        else:
            update["UpdateExpression"] = f"{set_verb} #n :v"
            update["ExpressionAttributeValues"] = {":v": {"SS": [switch.subject]}}
        return update

    async def _call(self, call: Callable[..., Any], **arguments: Any) -> Any:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, functools.partial(call, **arguments))

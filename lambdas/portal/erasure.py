"""Erasure of a person from the portal's table (G.2): own rows are deleted, shared ones lose their author."""

import contextlib

from lambdas.portal.history import partition
from lambdas.portal.table import CASE, REMINDED, TO_NOTIFY, PortalTable, Row, RowConflict

ERASED = "erased"
_SAID = ("author", "name", "text", "example", "result")


def erase(table: PortalTable, person: str) -> int:
    """Delete or anonymise everything of a person. Return the number of rows. Idempotent. Blocks."""
    own = table.rows(f"PERSON#{person}")
    changed = 0
    for row in own:
        if row.sk.startswith("TICKET#"):
            changed += _without_author(table, row.sk)
    for place in ("HOURS", "STORY", "IDEA", "ANSWER"):
        for row in table.rows(place):
            changed += _without(table, row, person)
    for place in ("CHAMPION", "PEOPLE", REMINDED):
        if table.get(place, person) is not None:
            table.delete(place, person)
            changed += 1
    for row in [*table.rows("PASSED"), *table.rows(CASE)]:
        if row.sk.partition("#")[2] == person:
            table.delete(row.pk, row.sk)
            changed += 1
        elif person in row.data.get(TO_NOTIFY, ()):
            rest = [one for one in row.data[TO_NOTIFY] if one != person]
            changed += _changed(table, row, {**row.data, TO_NOTIFY: rest})
    changed += table.delete_partition(partition(person))
    return changed + table.delete_partition(f"PERSON#{person}")


def _without_author(table: PortalTable, ticket: str) -> int:
    """Anonymise a ticket, which remains for those who answered it, without author and their texts."""
    changed = 0
    for row in table.rows(ticket):
        if row.sk == "HEAD" or row.data.get("by") == "author":
            facts = {**row.data, **{name: "" for name in _SAID if name in row.data}}
            changed += _changed(table, row, {**facts, "person": ERASED})
    return changed


def _without(table: PortalTable, row: Row, person: str) -> int:
    """Remove the person from a shared row: return a seat, remove an author."""
    if person in row.data.get("people", ()):
        people = [one for one in row.data["people"] if one != person]
        return _changed(table, row, {**row.data, "people": people})
    if row.data.get("person") == person:
        return _changed(table, row, {**row.data, "person": ERASED, "author": "", "name": ""})
    return 0


def _changed(table: PortalTable, row: Row, facts: dict[str, object]) -> int:
    with contextlib.suppress(RowConflict):
        table.change(row, data=facts)
        return 1
    return _changed(table, fresh, facts) if (fresh := table.get(row.pk, row.sk)) is not None else 0

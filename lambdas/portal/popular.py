"""What a department uses most: counts of runs, shown once they are about enough people (L4.2, G.2)."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.portal.table import PortalTable, Row, RowConflict

ENOUGH_PEOPLE = 5  # people below which no figure about a group is shown
_KEPT_SECONDS = 180 * 24 * 3600
_TRIES = 4


def note_use(table: PortalTable, department: str, prompt: str, person: str, now: int) -> None:
    """Count a run. Only a few shortened hashes of people are stored, until there are enough of them.
    Blocks.
    """
    mark = hashlib.sha256(f"{department}|{person}".encode()).hexdigest()[:12]

    def counted(before: Mapping[str, Any]) -> dict[str, Any]:
        people = before["people"]
        if len(people) < ENOUGH_PEOPLE:
            people = sorted({*people, mark})
        return {**before, "runs": before["runs"] + 1, "people": people}

    _change(table, department, prompt, counted, now)


def note_verdict(
    table: PortalTable, department: str, prompt: str, verdict: str, minutes: int, now: int
) -> None:
    """Count a rating: `useful`, `edited` or `rejected`, and minutes saved. Blocks."""

    def counted(before: Mapping[str, Any]) -> dict[str, Any]:
        said = {verdict: before.get(verdict, 0) + 1, "minutes": before.get("minutes", 0) + minutes}
        return {**before, **said}

    _change(table, department, prompt, counted, now)


@dataclass(frozen=True, slots=True)
class Worth:
    """Ratings of a prompt by people of a department. `hours` are as stated by people."""

    prompt: str
    runs: int
    rated: int
    useful_percent: int
    hours: float


def worth(rows: Iterable[Row]) -> list[Worth]:
    """Return the ratings of prompts that at least five people of a department have run, most runs first."""
    found = []
    for row in rows:
        if len(row.data["people"]) < ENOUGH_PEOPLE:
            continue
        good = row.data.get("useful", 0) + row.data.get("edited", 0)
        rated = good + row.data.get("rejected", 0)
        percent = 100 * good // rated if rated else 0
        found.append(Worth(row.sk, row.data["runs"], rated, percent, row.data.get("minutes", 0) / 60))
    return sorted(found, key=lambda one: (-one.runs, one.prompt))


def _change(
    table: PortalTable,
    department: str,
    prompt: str,
    counted: Callable[[Mapping[str, Any]], dict[str, Any]],
    now: int,
) -> None:
    """Change a department's counts of a prompt, retrying a few times on concurrent changes."""
    pk, expires = f"USED#{department}", now + _KEPT_SECONDS
    for _ in range(_TRIES):
        row = table.get(pk, prompt)
        facts = counted(row.data if row is not None else {"runs": 0, "people": []})
        try:
            if row is None:
                table.create(Row(pk, prompt, facts, expires=expires))
            else:
                table.change(row, data=facts, expires=expires)
        except RowConflict:
            continue
        return


def most_used(rows: Iterable[Row]) -> list[str]:
    """Return the prompts that at least five people of a department have run, most runs first."""
    enough = [row for row in rows if len(row.data["people"]) >= ENOUGH_PEOPLE]
    return [row.sk for row in sorted(enough, key=lambda row: (-row.data["runs"], row.sk))]

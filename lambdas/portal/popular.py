"""What a department uses most: counts of runs, shown once enough people stand behind them (L4.2, G.2)."""

import hashlib
from collections.abc import Iterable

from lambdas.portal.table import PortalTable, Row, RowConflict

ENOUGH_PEOPLE = 5  # people below which no figure about a group is shown
_KEPT_SECONDS = 180 * 24 * 3600
_TRIES = 4


def note_use(table: PortalTable, department: str, prompt: str, person: str, now: int) -> None:
    """Count a run. Of people only a few shortened hashes are kept, until there are enough of them. Blocks."""
    pk, mark = f"USED#{department}", hashlib.sha256(f"{department}|{person}".encode()).hexdigest()[:12]
    for _ in range(_TRIES):
        row = table.get(pk, prompt)
        before = row.data if row is not None else {"runs": 0, "people": []}
        people = before["people"]
        if len(people) < ENOUGH_PEOPLE:
            people = sorted({*people, mark})
        facts, expires = {"runs": before["runs"] + 1, "people": people}, now + _KEPT_SECONDS
        try:
            if row is None:
                table.create(Row(pk, prompt, facts, expires=expires))
            else:
                table.change(row, data=facts, expires=expires)
        except RowConflict:
            continue
        return


def most_used(rows: Iterable[Row]) -> list[str]:
    """The prompts that at least five people of a department have run, most runs first."""
    enough = [row for row in rows if len(row.data["people"]) >= ENOUGH_PEOPLE]
    return [row.sk for row in sorted(enough, key=lambda row: (-row.data["runs"], row.sk))]

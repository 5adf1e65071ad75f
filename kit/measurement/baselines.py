"""Baselines: how long a task took, how often it was done and how often it was redone before Claude (L5.2).

    baselines:
    - department: marketing
      use_case: campaign-copy
      minutes_per_task: 90
      tasks_per_month: 120
      rework_percent: 25
      hourly_cost_usd: "65"
      dated: 2026-10-20
      by: Ada Lovelace, head of marketing

Entries are appended, never rewritten. For a use case the entry with the latest `dated` applies; of several
with the same date, the last one entered. A report uses only entries dated before the end of its period, so
a later measurement never changes it. `use_case: "*"` applies to all use cases without an entry of their
own.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kit.errors import ExitCode, KitError

ANY = "*"
_HEADER = (
    "# Baselines, written by kit baseline and read by the reports. The latest entry of a use case counts.\n"
)


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    department: str = Field(min_length=1, max_length=40)
    use_case: str = Field(min_length=1, max_length=64)
    minutes_per_task: int = Field(ge=1, le=10_000)
    tasks_per_month: int = Field(ge=1, le=10_000_000)
    rework_percent: int = Field(ge=0, le=100)
    hourly_cost_usd: Decimal = Field(gt=0, le=10_000)
    dated: date
    by: str = Field(min_length=3, max_length=200)
    demonstration: bool = False


@dataclass(frozen=True)
class Baseline:
    """One measurement of how work was done before Claude."""

    department: str
    use_case: str
    minutes_per_task: int
    tasks_per_month: int
    rework_percent: int
    hourly_cost_usd: Decimal
    dated: date
    by: str
    demonstration: bool = False

    def as_document(self) -> dict[str, Any]:
        """Return the baseline as plain data."""
        document = asdict(self) | {
            "hourly_cost_usd": str(self.hourly_cost_usd),
            "dated": self.dated.isoformat(),
        }
        return document if self.demonstration else {k: v for k, v in document.items() if k != "demonstration"}


def baselines_file(folder: Path, client: str) -> Path:
    """Return the path of a client's baselines, next to its other configuration."""
    return folder / "baselines" / f"{client}.yaml"


def read_baselines(path: Path) -> tuple[Baseline, ...]:
    """Return all entries; none if there is no file. Raises KitError if the file is invalid."""
    if not path.exists():
        return ()
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
        entries = document["baselines"] if isinstance(document, dict) else None
        if not isinstance(entries, list):
            raise yaml.YAMLError("a list under baselines: is missing")
        return tuple(baseline_of_document(entry) for entry in entries)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise KitError(f"{path}: {place}: {first['msg']}", exit_code=ExitCode.USAGE) from None
    except (OSError, ValueError, KeyError, yaml.YAMLError) as error:
        raise KitError(f"{path}: cannot be read: {error}", exit_code=ExitCode.USAGE) from None


def append_baseline(path: Path, entry: Baseline) -> bool:
    """Append an entry. Returns False if it already exists. Raises KitError if the entry or the file is
    invalid.
    """
    try:
        baseline_of_document(entry.as_document())
    except ValidationError as error:
        first = error.errors()[0]
        raise KitError(f"{first['loc'][0]}: {first['msg']}", exit_code=ExitCode.USAGE) from None
    known = read_baselines(path)
    if entry in known:
        return False
    write_baselines(path, [*known, entry])
    return True


def write_baselines(path: Path, entries: Sequence[Baseline]) -> None:
    """Replace the file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(
        {"baselines": [one.as_document() for one in entries]}, sort_keys=False, allow_unicode=True
    )
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(_HEADER + text, encoding="utf-8")
    partial.replace(path)


def baseline_for(entries: Sequence[Baseline], department: str, use_case: str) -> Baseline | None:
    """Return the baseline that applies to a use case: its own, or the department's `*`."""
    for name in (use_case, ANY):
        found = [one for one in entries if (one.department, one.use_case) == (department, name)]
        if found:
            return max(enumerate(found), key=_standing)[1]
    return None


def _standing(entry: tuple[int, Baseline]) -> tuple[bool, date, int]:
    """Sort key: a client's measurements take precedence over a demonstration's."""
    number, one = entry
    return not one.demonstration, one.dated, number


def baselines_until(entries: Sequence[Baseline], last: date) -> list[Baseline]:
    """Return the baselines measured on or before `last`."""
    return [one for one in entries if one.dated <= last]


def baseline_of_document(document: Any) -> Baseline:
    """Parse one entry of a file. Raises ValidationError."""
    return Baseline(**_Entry.model_validate(document).model_dump())

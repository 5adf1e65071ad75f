"""Closed periods: their figures and baselines, frozen with a hash (L5.5, C.2).

A quarter or month is closed once, after it ends, into `closed/<client>/<period>.json` next to the client's
configuration, so it is reviewed like any other change. From then on its report uses the baselines of that
day. Anything computed differently later is listed as a correction next to the closed figures, which never
change.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from kit.errors import ExitCode, KitError
from kit.measurement.baselines import Baseline


@dataclass(frozen=True)
class Closed:
    """A closed period. `sha256` covers its figures and baselines as stored in the file."""

    period: str
    closed_at: str
    figures: Mapping[str, Any]
    baselines: Sequence[Mapping[str, Any]]
    sha256: str


@dataclass(frozen=True)
class Correction:
    """A figure that is computed differently today. `place` is its path in the document."""

    place: str
    closed: Any
    now: Any


def closed_file(folder: Path, client: str, period: str) -> Path:
    """Return the path of a client's closed period."""
    return folder / "closed" / client / f"{period}.json"


def close(
    path: Path, period: str, figures: Mapping[str, Any], baselines: Sequence[Baseline], now: datetime
) -> Closed:
    """Freeze a period. Raises KitError if it is already closed."""
    if path.exists():
        raise KitError(
            f"{period} is closed already, in {path}",
            hint="what is computed differently now is listed as a correction by the report",
            exit_code=ExitCode.USAGE,
        )
    entries = [one.as_document() for one in baselines]
    stamp = now.isoformat(timespec="seconds")
    made = Closed(period, stamp, figures, entries, _digest(period, stamp, figures, entries))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(vars(made), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)
    return made


def read_closed(path: Path) -> Closed | None:
    """Return the closed period, or None if it is open. Raises KitError if the file was altered."""
    if not path.exists():
        return None
    try:
        document = json.loads(path.read_text("utf-8"))
        made = Closed(**document)
        digest = _digest(made.period, made.closed_at, made.figures, made.baselines)
    except (ValueError, TypeError) as error:
        raise KitError(f"{path}: cannot be read: {error}", exit_code=ExitCode.USAGE) from None
    if digest != made.sha256:
        raise KitError(
            f"{path}: altered after it was closed: its hash is not that of its content",
            hint="restore the file from the history of the repository",
            exit_code=ExitCode.VERIFICATION_FAILED,
        )
    return made


def corrections(closed: Closed, figures: Mapping[str, Any]) -> list[Correction]:
    """Return every figure that differs from the closed one."""
    before, now = dict(_leaves("", closed.figures)), dict(_leaves("", json.loads(json.dumps(figures))))
    return [
        Correction(place, before.get(place), now.get(place))
        for place in sorted(before.keys() | now.keys())
        if before.get(place) != now.get(place)
    ]


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _leaves(f"{place}.{name}" if place else str(name), one)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            name = one.get("department", number) if isinstance(one, Mapping) else number
            yield from _leaves(f"{place}[{name}]", one)
    else:
        yield place, value


def _digest(
    period: str, closed_at: str, figures: Mapping[str, Any], baselines: Sequence[Mapping[str, Any]]
) -> str:
    document = {"period": period, "closed_at": closed_at, "figures": figures, "baselines": baselines}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return sha256(text.encode()).hexdigest()

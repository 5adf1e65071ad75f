"""Value and cost of a quarter, as written by `kit executive --publish` for the portal (L5.5, C.3).

The portal reads only this object, and neither records nor the ledger. It contains only groups of five
people or more, because the underlying report discloses no others.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

FIGURES_KEY = "portal/figures.json"
_FRESH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class DepartmentWorth:
    """A department's quarter in micro-dollars: `value` is low, central and high, or None if no baseline
    prices the time.

    `missing` keeps it from the next level of maturity: `owner` is to have it by `due`.
    """

    value: tuple[int, int, int] | None
    cost: int
    verdict: str
    doubts: tuple[str, ...]
    level: int
    title: str
    missing: tuple[str, ...]
    owner: str
    due: str


@dataclass(frozen=True, slots=True)
class Figures:
    """A quarter. `risks` are (risk, state), `behind` (what, state, owner, date), `decisions` (decision, by,
    until); `made_up` if the usage is a demonstration's.
    """

    quarter: str
    made_at: str
    made_up: bool
    headline: str
    departments: Mapping[str, DepartmentWorth]
    risks: tuple[tuple[str, str], ...]
    behind: tuple[tuple[str, str, str, str], ...]
    decisions: tuple[tuple[str, str, str], ...]


def read_figures(document: bytes) -> Figures:
    """Parse the figures in a document. Raises ValueError, KeyError or TypeError if it is invalid."""
    found: dict[str, Any] = json.loads(document)
    departments = {
        name: DepartmentWorth(
            value=None if one["value"] is None else _three(one["value"]),
            cost=int(one["cost"]),
            verdict=str(one["verdict"]),
            doubts=tuple(map(str, one["doubts"])),
            level=int(one["level"]),
            title=str(one["title"]),
            missing=tuple(map(str, one["missing"])),
            owner=str(one["owner"]),
            due=str(one["due"]),
        )
        for name, one in found["departments"].items()
    }
    return Figures(
        quarter=str(found["quarter"]),
        made_at=str(found["made_at"]),
        made_up=bool(found["made_up"]),
        headline=str(found["headline"]),
        departments=departments,
        risks=tuple((str(name), str(state)) for name, state in found["risks"]),
        behind=tuple((str(a), str(b), str(c), str(d)) for a, b, c, d in found["behind"]),
        decisions=tuple((str(a), str(b), str(c)) for a, b, c in found["decisions"]),
    )


def _three(value: Any) -> tuple[int, int, int]:
    low, central, high = value
    return int(low), int(central), int(high)


class FiguresSource:
    """The published figures, polled every minute. `client` is S3's; its calls block."""

    def __init__(self, client: Any, bucket: str, *, clock: Callable[[], float] = monotonic) -> None:
        self._client = client
        self._bucket = bucket
        self._clock = clock
        self._figures: Figures | None = None
        self._read_at: float | None = None
        self._lock = threading.Lock()

    def current(self) -> Figures | None:
        """Return the figures, or None if nobody has published any or they cannot be read."""
        with self._lock:
            if self._read_at is None or self._clock() - self._read_at > _FRESH_SECONDS:
                self._read_at = self._clock()
                self._figures = self._read()
            return self._figures

    def _read(self) -> Figures | None:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=FIGURES_KEY)
            return read_figures(answer["Body"].read())
        except (BotoCoreError, ClientError, ValueError, KeyError, TypeError, AttributeError):
            return None

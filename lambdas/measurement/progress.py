"""Progress of the counting: objects read, their content, and events seen.

One object of the analytics bucket, written atomically: a zip of `progress.json` and the digests of each
day's events (12 bytes per event). Every object of rows is read once; a run that dies changes nothing, and
the next one starts where the last saved one ended.
"""

import json
import zipfile
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, timedelta
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Any, Self

from lambdas.measurement.aggregates import Aggregate, Aggregator
from lambdas.measurement.seen import Seen
from lambdas.measurement.source import BucketSource, events_of

KEY = "aggregates/progress.zip"
VERSION = 1
_MOST_DAYS = 14  # an outage that is caught up with


class Progress:
    """Aggregators of the days that may still change, and the names of the objects they have counted."""

    def __init__(self, deployment: str, today: date) -> None:
        self._deployment, self._today = deployment, today
        self._open = ExitStack()
        self._days: dict[str, Aggregator] = {}
        self._seen: dict[str, Seen] = {}
        self._read: dict[str, set[str]] = {}  # by day of delivery
        self._asked: dict[str, tuple[str, int]] = {}  # by day: what queries said, as JSON, and of how many

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def days(self) -> list[str]:
        """Return the counted days: yesterday and today, and earlier ones that an outage left open."""
        return sorted(self._days)

    def resume(self, s3: Any, bucket: str) -> None:
        """Load what the last run saved; start from nothing if this version cannot read it."""
        first = self._today - timedelta(days=1)
        try:
            body = s3.get_object(Bucket=bucket, Key=KEY)["Body"]
        except s3.exceptions.NoSuchKey:
            pass
        else:
            with TemporaryFile() as file:
                for chunk in iter(lambda: body.read(1 << 20), b""):
                    file.write(chunk)
                first = min(first, self._load(file) or first)
        first = max(first, self._today - timedelta(days=_MOST_DAYS))
        for number in range((self._today - first).days + 1):
            day = (first + timedelta(days=number)).isoformat()
            self._read.setdefault(day, set())
            if day not in self._days:
                self._days[day] = Aggregator(self._deployment, self._seen_of(day))

    def read_on(self, source: BucketSource, enough: Callable[[], bool]) -> bool:
        """Count every unread object. Return False if `enough` stopped it before the last."""
        for filed in self.days:
            for name in source.names(filed):
                if name in self._read[filed]:
                    continue
                if enough():
                    return False
                for event in events_of(source.read(name)):
                    if event.day in self._days:
                        self._days[event.day].count((event,))
                self._read[filed].add(name)
        return True

    def aggregate(self, day: str) -> tuple[Aggregate, int]:
        """Return the aggregate of a day so far, and its number of events."""
        return self._days[day].so_far().get(day, Aggregate()), self._seen[day].count

    def note_asked(self, day: str, aggregate: Aggregate, events: int) -> None:
        """Store the query results of a day, for runs after Athena was given up in the middle of it."""
        self._asked[day] = aggregate.to_json(), events

    def asked(self, day: str) -> tuple[Aggregate, int]:
        """Return the last query results of a day."""
        text, events = self._asked.get(day, ("", 0))
        return Aggregate.from_json(text) if text else Aggregate(), events

    def save(self, s3: Any, bucket: str, *, complete: bool) -> None:
        """Store what the next run continues from. `complete`: days before yesterday are finished."""
        keep = [day for day in self.days if not complete or day >= str(self._today - timedelta(days=1))]
        with TemporaryFile() as file:
            with zipfile.ZipFile(file, "w") as archive:
                document = {
                    "version": VERSION,
                    "read": {day: sorted(self._read[day]) for day in keep},
                    "days": {day: self._days[day].state() for day in keep},
                    "asked": {day: self._asked[day] for day in keep if day in self._asked},
                }
                archive.writestr("progress.json", json.dumps(document), zipfile.ZIP_DEFLATED)
                for day in keep:
                    with archive.open(f"seen/{day}", "w", force_zip64=True) as entry:
                        self._seen[day].save(entry)
            file.seek(0)
            s3.put_object(Bucket=bucket, Key=KEY, Body=file)

    def _load(self, file: IO[bytes]) -> date | None:
        """Return the first day that was loaded; None if nothing could be."""
        try:
            archive = self._open.enter_context(zipfile.ZipFile(file))
            document = json.loads(archive.read("progress.json"))
        except (zipfile.BadZipFile, KeyError, ValueError):
            return None
        if document.get("version") != VERSION:
            return None
        for day, state in document["days"].items():
            with archive.open(f"seen/{day}") as entry:
                self._seen_of(day).load(entry)
            self._days[day] = Aggregator.resumed(self._deployment, self._seen[day], state)
            self._read[day] = set(document["read"][day])
        self._asked = {day: (text, events) for day, (text, events) in document.get("asked", {}).items()}
        return date.fromisoformat(min(document["days"])) if document["days"] else None

    def _seen_of(self, day: str) -> Seen:
        self._seen[day] = self._open.enter_context(Seen())
        return self._seen[day]

"""What the measurement commands read: a deployment, or a local copy of its analytics bucket."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kit.measurement.baselines import Baseline, baselines_file, read_baselines
from kit.measurement.period import Period
from kit.measurement.use import Use, read_days, read_whole, source_of
from lambdas.common.audit.metadata import row_of
from lambdas.common.clock import utc_now
from lambdas.measurement.source import BucketSource, Source

if TYPE_CHECKING:
    from kit.measurement.ledger import LedgerMonth
    from kit.target import Target
    from stacks.settings import Settings

DEMONSTRATION_BASELINES = "demonstration/baselines.yaml"


@dataclass(frozen=True)
class Reading:
    """A source of events, and the ledger if there is a deployment."""

    settings: "Settings"
    source: Source
    target: "Target | None"
    records: Path | None
    today: date

    def daily(self, period: Period, *, progress: bool = False) -> Use:
        """Return daily use from the copies, for dashboards, with a progress bar on a terminal."""
        return self._read(read_days, self.source, period, progress=progress)

    def whole(self, period: Period, *, progress: bool = False) -> Use:
        """Return the use of a period from the records themselves, for everything that is reported."""
        return self._read(read_whole, self.evidence(), period, progress=progress)

    def _read(self, read: Callable[..., Use], source: Source, period: Period, *, progress: bool) -> Use:
        deployment = f"{self.settings.client}-{self.settings.environment}"
        if not progress:
            return read(source, deployment, period, self.today)
        from rich.progress import Progress

        from kit.terminal import notes

        with Progress(console=notes(), transient=True) as bar:
            task = bar.add_task(f"reading {period.name}", total=period.length)
            return read(
                source,
                deployment,
                period,
                self.today,
                lambda done, total: bar.update(task, completed=done, total=total),
            )

    def evidence(self) -> Source:
        """Return every record in the bucket of record together with the copies, some of which may have been
        lost.
        """
        if self.target is None:
            return self.source
        return Evidence(self.source, self.target.client("s3"), self.target.require("audit_bucket_name"))

    def ledger(self, month: str) -> "LedgerMonth | None":
        """Return the ledger's amounts by department; None without a deployment."""
        if self.target is None:
            return None
        from kit.measurement.ledger import read_ledger

        return read_ledger(self.target, month)

    def baselines(self) -> Sequence[Baseline]:
        """Return the client's baselines, and those of a demonstration if there is one."""
        from stacks.settings import CONFIG_FOLDER

        own = read_baselines(baselines_file(CONFIG_FOLDER, self.settings.client))
        if self.records is not None:
            return [*read_baselines(self.records / DEMONSTRATION_BASELINES), *own]
        if self.target is not None and self.target.local:
            from kit.home import find_home

            return [*read_baselines(find_home().path / DEMONSTRATION_BASELINES), *own]
        return own


class Evidence:
    """Copies, and rows derived from the records themselves. What occurs in both is counted once."""

    def __init__(self, copies: Source, s3: Any, bucket: str) -> None:
        self._copies, self._s3, self._bucket = copies, s3, bucket
        self._records = BucketSource(s3, bucket)

    def days(self) -> list[str]:
        """Return every day that has copies or records."""
        return sorted({*self._copies.days(), *self._records.days()})

    def lines(self, day: str) -> Iterator[bytes]:
        """Yield the copies of a day, then the rows of its records."""
        yield from self._copies.lines(day)
        for line in self._records.lines(day):
            yield json.dumps(row_of(json.loads(line))).encode()

    def aggregate(self, day: str) -> bytes | None:
        """Return the aggregate of the copies: sufficient to know on which day a department started."""
        return self._copies.aggregate(day)


def reading(settings: "Settings", records: Path | None, client: str | None) -> Reading:
    """Return what to read: the folder if given, otherwise the deployment. Raises KitError if there is
    neither.
    """
    target = None
    if records is None:
        from kit.target import find_target, require_client

        target = find_target(client)
        require_client(target, settings.client)
    return Reading(settings, source_of(records, target), target, records, utc_now().date())

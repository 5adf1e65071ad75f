"""Incremental exports, each continuing where the previous one ended, for a SIEM to read continuously (G.3).

The end of an export is in the name of its file, so there is no other state that could disagree.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from kit.errors import ExitCode, KitError

SETTLED = timedelta(minutes=5)  # a record is durable within seconds of its time
_FORMAT = "%Y%m%dT%H%M%S"
_STEP = timedelta(milliseconds=1)  # what records' times are counted in


def next_increment(folder: Path, begin: datetime, end: datetime) -> tuple[Path, datetime, datetime]:
    """Return the next file of a folder, and its first and last millisecond. `begin` is for an empty folder.

    Raises:
        KitError: the folder cannot be created, or the newest file ends after `end`.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KitError(
            f"{folder} is not a folder: {type(error).__name__}",
            hint="name a folder that holds nothing but exports",
            exit_code=ExitCode.USAGE,
        ) from None
    ended = max((_end_of(one) for one in folder.glob("*--*.jsonl")), default=None)
    begin, end = (ended or begin).replace(microsecond=0), end.replace(microsecond=0)
    if begin >= end:
        raise KitError(
            f"{folder} has everything until {begin:%Y-%m-%d %H:%M:%S} UTC",
            hint=f"run it again in some minutes: records settle for {SETTLED.seconds // 60}",
            exit_code=ExitCode.USAGE,
        )
    return folder / f"{begin:{_FORMAT}}--{end:{_FORMAT}}.jsonl", begin, end - _STEP


def _end_of(file: Path) -> datetime:
    try:
        return datetime.strptime(file.stem.partition("--")[2], _FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise KitError(
            f"{file} is not named as an export is",
            hint="name a folder that holds nothing but exports",
            exit_code=ExitCode.USAGE,
        ) from None

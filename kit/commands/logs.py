"""`kit logs`: what a process or a function of the embedded deployment wrote."""

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.errors import ExitCode, KitError

if TYPE_CHECKING:
    from kit.home import Home


def logs(
    name: Annotated[
        str | None, typer.Argument(help="A process or an event function; the list of both if left out.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 200,
) -> None:
    """Show the last lines of one log.

    Processes (the gateway, the emulator, …) write files; event functions write to the CloudWatch Logs of the
    emulated AWS.

    Exit codes: 0 done; 2 there is no such log; 4 nothing is up.
    """
    from kit.home import find_home

    home = find_home()
    files = sorted(path.stem for path in (home.path / "logs").glob("*.log"))
    functions = _event_functions(home)
    if name is None:
        for one in sorted({*files, *functions}):
            print(one)
        return
    if name in files:
        _show(_lines_of_file(home.log(name)), lines, follow=follow)
    elif name in functions:
        _show(_lines_of_function(functions[name]), lines, follow=follow)
    else:
        known = ", ".join(sorted({*files, *functions})) or "none: run `kit up`"
        raise KitError(f"there is no log {name!r}", hint=f"use one of: {known}", exit_code=ExitCode.USAGE)


def _show(read: Callable[[], Iterator[str]], count: int, *, follow: bool) -> None:
    """Print what `read` yields: the lines that are new since its last call."""
    for line in list(read())[-count:]:
        print(line)
    while follow:
        sys.stdout.flush()
        try:
            time.sleep(0.5)
        except KeyboardInterrupt:
            return
        for line in read():
            print(line)


def _lines_of_file(path: Path) -> Callable[[], Iterator[str]]:
    handle = path.open("r", encoding="utf-8", errors="replace")

    def read() -> Iterator[str]:
        for line in handle:
            yield line.rstrip("\n")

    return read


def _event_functions(home: "Home") -> dict[str, str]:
    """Return the log group, by short name, of every function that runs in the emulator."""
    from kit.local.processes import recorded
    from kit.local.state import StackState

    served = {process.function for process in recorded(home)}
    found = {}
    for path in (home.path / "state").glob("*.json"):
        state = StackState(path, look_only=True)
        prefix = f"{state.exports.get('client')}-{state.exports.get('environment')}-"
        for entry in state:
            if entry.type == "aws:lambda/function:Function" and entry.id not in served:
                found[entry.id.removeprefix(prefix)] = f"/aws/lambda/{entry.id}"
    return found


def _lines_of_function(group: str) -> Callable[[], Iterator[str]]:
    from kit.target import find_target

    client = find_target().client("logs")
    since = datetime.now(UTC) - timedelta(days=7)
    seen: set[str] = set()

    def read() -> Iterator[str]:
        pages = client.get_paginator("filter_log_events").paginate(
            logGroupName=group, startTime=int(since.timestamp() * 1000)
        )
        for page in pages:
            for event in page["events"]:
                # the emulated AWS assigns ids to some events only
                id_ = event.get("eventId") or repr(sorted(event.items()))
                if id_ not in seen:
                    seen.add(id_)
                    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                    yield f"{at:%Y-%m-%dT%H:%M:%SZ} {event['message'].rstrip()}"

    return read

"""`kit status`: which parts of the embedded deployment are up, and where."""

from typing import TYPE_CHECKING, Any

import typer

from kit.commands.options import Json
from kit.commands.output import print_json
from kit.errors import ExitCode

if TYPE_CHECKING:
    from kit.home import Home


def status(
    as_json: Json = False,
) -> None:
    """Show every process with its address and health, and what each stack contains.

    Exit codes: 0 everything is up; 4 something, or everything, is down.
    """
    from kit.home import find_home

    document = _document(find_home())
    if as_json:
        print_json(document)
    else:
        _show(document)
    if not document["up"]:
        raise typer.Exit(ExitCode.ENVIRONMENT)


def _document(home: "Home") -> dict[str, Any]:
    from kit import embedded
    from kit.embedded import read_access
    from kit.local.processes import restarts, states
    from kit.local.state import StackState

    again = restarts(home)
    running, access = embedded.remembered(home), read_access(home)
    processes = [
        {
            "name": state.process.name,
            "title": state.process.title,
            "url": state.process.url,
            "health": state.health,
            "pid": state.process.pid,
            "log": str(state.log),
            "restarts": [at.isoformat() for at in again.get(state.process.name, ())],
        }
        for state in states(home)
    ]
    if running:
        processes.append(
            {
                "name": "emulator",
                "title": "emulated AWS",
                "url": running.endpoint_url,
                "health": "up" if embedded.answers(running) else "down",
                "pid": running.pid,
                "log": str(home.log("emulator")),
                "restarts": [],
            }
        )
    stacks = {}
    for path in sorted((home.path / "state").glob("*.json")):
        state = StackState(path, look_only=True)
        stacks[path.stem] = {
            "emulated": sum(entry.live for entry in state),
            "recorded": sum(not entry.live for entry in state),
        }
    return {
        "schema": "kit-status/1",
        "up": bool(processes) and all(process["health"] == "up" for process in processes),
        "state": str(home.path),
        "gateway_url": access.gateway_url if access else None,
        "scim_url": (access.scim_url or None) if access else None,
        "portal_url": (access.portal_url or None) if access else None,
        "processes": processes,
        "stacks": stacks,
    }


def _show(document: dict[str, Any]) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    if not document["processes"]:
        console.print("nothing is up; run `kit up`")
    for process in document["processes"]:
        colour = "green" if process["health"] == "up" else "red"
        console.print(
            f"[{colour}]{process['health']:<9}[/]{process['name']:<18}{process['url']:<24}{process['title']}",
            soft_wrap=True,
        )
    for process in document["processes"]:
        if process["restarts"]:
            console.print(
                f"[yellow]{process['name']} had died and was started again[/] "
                f"{len(process['restarts'])} times, last {process['restarts'][-1]}; "
                f"why: kit logs {process['name']}",
                soft_wrap=True,
            )
    for name, held in document["stacks"].items():
        console.print(
            f"{name}: {held['emulated']} resources in the emulated AWS, {held['recorded']} recorded only",
            soft_wrap=True,
        )

"""`kit down`: stop the embedded deployment and remove its state."""

import json
from typing import Annotated

import typer

from kit.commands.options import Json


def down(
    keep: Annotated[
        bool, typer.Option("--keep", help="Only stop; the state stays for the next `kit up`.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Stop every process of the embedded deployment and remove its state, locked records included.

    Downloads (the emulator's packages) are kept. Idempotent.

    Exit codes: 0 done; 4 another run is in progress, or the state cannot be removed.
    """
    from kit import embedded
    from kit.home import find_home
    from kit.local.deployment import stop_everything
    from kit.local.processes import recorded

    home = find_home()
    was_there = home.path.is_dir() and (embedded.remembered(home) is not None or bool(recorded(home)))
    if home.path.is_dir():
        with home.locked():
            stop_everything(home)
            if not keep:
                home.remove_state()
    if as_json:
        print(json.dumps({"was_there": was_there, "state_kept": keep, "state": str(home.path)}))
    elif not was_there:
        print("nothing was up")
    else:
        print("stopped; the state stays" if keep else "stopped and removed")

"""The types of resources that exist for real in the emulated AWS; all others are recorded in the plan only.

A type is here when one of our functions, or a person at the emulator, needs it to be there.

To add a type: write `kit/local/resources/<file>.py` with three functions per type (`handler.py` says what
they get and return) and a `HANDLERS` of its own, and name the file below. The key is the type's token
(`aws:<module>/<type>:<Type>`, as `kit preview --json` shows it); inputs have the plan's names (camelCase).
`ensure` creates, adopts what an interrupted run left behind, or updates when it is given an id; it returns
the id and the outputs that the program reads (`arn`, …). What it does not return has the input's value.

Functions run as they do on AWS: event functions in the emulator, started by its schedules, rules, queues and
state machines, under their own role (`functions.py`); web functions as processes (`kit/local/functions.py`).
"""

from collections.abc import Mapping

from kit.local.resources import (
    catalog,
    events,
    functions,
    identity,
    keys,
    messages,
    permissions,
    statemachines,
    storage,
    tables,
)
from kit.local.resources.handler import Handler

HANDLERS: Mapping[str, Handler] = {
    **catalog.HANDLERS,
    **events.HANDLERS,
    **functions.HANDLERS,
    **identity.HANDLERS,
    **keys.HANDLERS,
    **messages.HANDLERS,
    **permissions.HANDLERS,
    **statemachines.HANDLERS,
    **storage.HANDLERS,
    **tables.HANDLERS,
}

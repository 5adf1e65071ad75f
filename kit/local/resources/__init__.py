"""The types of resources that exist for real in the emulated AWS; all others are recorded in the plan only.

A type is here when one of our functions, or a person at the emulator, needs it to be there.
"""

from collections.abc import Mapping

from kit.local.resources import keys, messages, permissions, storage, tables
from kit.local.resources.handler import Handler

HANDLERS: Mapping[str, Handler] = {
    **keys.HANDLERS,
    **messages.HANDLERS,
    **permissions.HANDLERS,
    **storage.HANDLERS,
    **tables.HANDLERS,
}

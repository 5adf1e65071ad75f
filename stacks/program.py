"""What every stack of the project does first: read its settings, hold its gate, run its stage (S.1-S.3)."""

import importlib

import pulumi

from stacks.contracts import ContractError, stack_named
from stacks.gates import GateClosed
from stacks.settings import SettingsError, load_settings


def run() -> None:
    """Evaluate the stage that config `stage` names.

    Raises:
        pulumi.RunError: the configuration is wrong, a gate is closed or a contract is missing; the message
        says
            what and a hint, and Pulumi prints it without a traceback.
    """
    try:
        settings = load_settings()
        stack_named(settings.stage, settings.stage)
        importlib.import_module(f"stacks.{settings.stage}").main(settings)
    except (SettingsError, GateClosed, ContractError) as error:
        raise pulumi.RunError(str(error)) from error

"""Entry point of every stack: read the settings, enforce the gate, run the stage (S.1-S.3)."""

import importlib

import pulumi

from stacks.contracts import ContractError, stack_named
from stacks.gates import GateClosed
from stacks.settings import SettingsError, load_settings


def run() -> None:
    """Evaluate the stage named by the config key `stage`.

    Raises:
        pulumi.RunError: the configuration is invalid, a gate is closed, or a contract is not met. The
        message
            says what and how to fix it; Pulumi prints it without a traceback.
    """
    try:
        settings = load_settings()
        stack_named(settings.stage, settings.stage)
        importlib.import_module(f"stacks.{settings.stage}").main(settings)
    except (SettingsError, GateClosed, ContractError) as error:
        raise pulumi.RunError(str(error)) from error

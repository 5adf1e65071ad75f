"""Configuration of a deployment: the client file and the stack's overrides, validated once at the edge."""

from contract.client import Department
from contract.kinds import STAGES, Stage
from stacks.settings.loading import (
    CONFIG_FOLDER,
    RawConfig,
    SettingsError,
    load_settings,
    parse_settings,
    read_settings,
)
from stacks.settings.settings import Settings

__all__ = [
    "CONFIG_FOLDER",
    "STAGES",
    "Department",
    "RawConfig",
    "Settings",
    "SettingsError",
    "Stage",
    "load_settings",
    "parse_settings",
    "read_settings",
]

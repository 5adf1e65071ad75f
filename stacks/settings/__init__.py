"""The whole configuration of a deployment: one client's file and the stack's overrides, validated once, at
the edge.
"""

from stacks.settings.loading import (
    CONFIG_FOLDER,
    RawConfig,
    SettingsError,
    load_settings,
    parse_settings,
    read_settings,
)
from stacks.settings.models import STAGES, Department, Settings, Stage

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

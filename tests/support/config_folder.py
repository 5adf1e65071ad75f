"""A configuration folder of one's own: the example client's, to be changed at will."""

import shutil
from pathlib import Path

from stacks.settings import CONFIG_FOLDER


def own_config_folder(parent: Path) -> Path:
    """A copy of the shipped configuration under `parent`, without evidence."""
    copy = parent / "config"
    shutil.copytree(CONFIG_FOLDER, copy)
    shutil.rmtree(copy / "evidence", ignore_errors=True)
    return copy

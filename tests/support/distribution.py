"""Which process of `pytest -n` runs which files, and when: what takes longest starts first."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

_ROOT = Path(__file__).resolve().parent.parent.parent
# Fixtures of a session that take long to stand up: the name, and the folder whose tests have it.
_SHARED = (("local_kit", "tests"), ("stage", "tests/workflow"), ("deployed", "tests/identity"))
_ONE_OF_ITS_OWN = "local_deployment"
_EMULATOR = "emulated_aws"


class SharedDeployments(LoadFileScheduling):
    """Each file to one process, and all files that use the same deployment: it stands up once."""

    def __init__(self, config: pytest.Config, log: object) -> None:
        config.option.loadscopereorder = False  # `longest_first` has ordered them
        super().__init__(config, log)  # type: ignore[arg-type]

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return _shared(file) or file


def longest_first(items: list[pytest.Item]) -> None:
    """Order the files: those with a deployment, those with an emulator, then those with most tests."""
    counts = Counter(_file(item) for item in items)
    items.sort(key=lambda item: (_rank(_file(item)), -counts[_file(item)]))


def _file(item: pytest.Item) -> str:
    return item.nodeid.split("::", 1)[0]


def _rank(file: str) -> int:
    if _shared(file) or _ONE_OF_ITS_OWN in _text(file):
        return 0
    return 1 if _EMULATOR in _text(file) else 2


@cache
def _shared(file: str) -> str | None:
    """The shared deployment that a file uses; a name in a dotted path is a module's."""
    for name, folder in _SHARED:
        if file.startswith(f"{folder}/") and re.search(rf"(?<!\.)\b{name}\b(?!\.)", _text(file)):
            return name
    return None


@cache
def _text(file: str) -> str:
    return (_ROOT / file).read_text(encoding="utf-8")

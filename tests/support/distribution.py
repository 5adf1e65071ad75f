"""Which process of `pytest -n` runs which files, and when: what takes longest starts first."""

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from xdist.scheduler import LoadFileScheduling

_ROOT = Path(__file__).resolve().parent.parent.parent
_THE_SHARED_ONE = re.compile(r"(?<!\.)\blocal_kit\b(?!\.)")  # the fixture, not the module of its class
_ONE_OF_ITS_OWN = "local_deployment"
_EMULATOR = "emulated_aws"


class OneDeployment(LoadFileScheduling):
    """Each file to one process, and all files that use `local_kit` to the same one: it stands up once."""

    def __init__(self, config: pytest.Config, log: object) -> None:
        config.option.loadscopereorder = False  # `longest_first` has ordered them
        super().__init__(config, log)  # type: ignore[arg-type]

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "local_kit" if _THE_SHARED_ONE.search(_text(file)) else file


def longest_first(items: list[pytest.Item]) -> None:
    """Order the files: those with a deployment, those with an emulator, then those with most tests."""
    counts = Counter(_file(item) for item in items)
    items.sort(key=lambda item: (_rank(_file(item)), -counts[_file(item)]))


def _file(item: pytest.Item) -> str:
    return item.nodeid.split("::", 1)[0]


def _rank(file: str) -> int:
    text = _text(file)
    if _ONE_OF_ITS_OWN in text or _THE_SHARED_ONE.search(text):
        return 0
    return 1 if _EMULATOR in text else 2


@cache
def _text(file: str) -> str:
    return (_ROOT / file).read_text(encoding="utf-8")

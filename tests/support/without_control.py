"""A pytest plugin that imports one module as it would be without a control. No file is changed.

`-p tests.support.without_control`; the variable `WITHOUT_CONTROL` is JSON of `module`, `text` and `instead`.
"""

import importlib.abc
import importlib.machinery
import json
import os
import sys
from collections.abc import Sequence
from types import CodeType, ModuleType

import pytest


class _Altered(importlib.machinery.SourceFileLoader):
    """Loads a module from its source with one passage replaced. Raises ImportError where it is not there."""

    def __init__(self, fullname: str, path: str, text: str, instead: str) -> None:
        super().__init__(fullname, path)
        self._text, self._instead = text, instead

    def get_code(self, fullname: str) -> CodeType:
        source = self.get_data(self.path).decode("utf-8")
        if source.count(self._text) != 1:
            raise ImportError(f"{fullname} has this {source.count(self._text)} times: {self._text}")
        return compile(source.replace(self._text, self._instead), self.path, "exec")


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, module: str, text: str, instead: str) -> None:
        self._module, self._text, self._instead = module, text, instead

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """The altered module; nothing for any other."""
        if fullname != self._module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin is None:
            raise ImportError(fullname)
        spec.loader = _Altered(fullname, spec.origin, self._text, self._instead)
        return spec


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Before conftest.py and all that it imports."""
    control = json.loads(os.environ["WITHOUT_CONTROL"])
    if control["module"] in sys.modules:
        raise ImportError(f"{control['module']} was imported before it could be altered")
    sys.meta_path.insert(0, _Finder(**control))

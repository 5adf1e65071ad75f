"""The AWS provider's package, loaded no further than a plan needs it: to load all took half of a plan's time.

`pulumi_aws` is generated: 250 services, their modules up to 3 MB, with the types of all that they take.
Three things are left for later, or away; each module is otherwise the one that lies there:

* Annotations are kept as text until somebody asks for them (the SDK does, of the classes that are used). So
  does Python itself from 3.14 on.
* Docstrings are not loaded.
* A service's package loads the module of a class when the class is asked for, not all of its modules at
  first. It is found by its name (`SecurityGroup` in `security_group`); where that fails, all are loaded.

The byte code is kept beside Python's own, under another name. That plans stay the same is tested against a
child process that loads everything.
"""

import __future__

import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import cache_from_source
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

_PACKAGE = "pulumi_aws"
_DEFERRED = __future__.annotations.compiler_flag if sys.version_info < (3, 14) else 0
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def load_by_need() -> None:
    """From now on, in this process; what is loaded already stays as it is."""
    if not any(finder is _Finder for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder)


class _Finder:
    """Finds modules as Python does, and has those of the provider loaded as this module says."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(f"{_PACKAGE}."):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            if spec.submodule_search_locations:
                spec.loader = _ServiceLoader(spec.loader.name, spec.loader.path)
            elif _can_be_kept(spec.loader.path):
                spec.loader = _ModuleLoader(spec.loader.name, spec.loader.path)
        return spec


class _ModuleLoader(SourceFileLoader):
    """A module without docstrings, its annotations as text."""

    def source_to_code(self, data: Any, path: Any, *, _optimize: int = 2) -> CodeType:  # type: ignore[override]
        return compile(data, path, "exec", flags=_DEFERRED, dont_inherit=True, optimize=2)

    def get_data(self, path: str) -> bytes:
        return super().get_data(_kept_under(path))

    def set_data(self, path: str, data: Any, **options: Any) -> None:  # type: ignore[override]
        super().set_data(_kept_under(path), data, **options)


class _ServiceLoader(_ModuleLoader):
    """A service's package, whose modules are loaded when something of them is asked for."""

    def exec_module(self, module: ModuleType) -> None:
        def by_need(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
            found = _from_its_module(module, name)
            if found is None:
                super(_ServiceLoader, self).exec_module(module)
                if name not in vars(module):
                    raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
                found = vars(module)[name]
            setattr(module, name, found)
            return found

        module.__getattr__ = by_need  # type: ignore[method-assign]


def _from_its_module(package: ModuleType, name: str) -> Any:
    """What the package has under this name, if its module is the one of that name; otherwise None."""
    folder = Path(package.__path__[0])
    own = _WORD.sub("_", name).lower()
    for candidate in (own, own.removesuffix("_args"), own.removesuffix("_args_dict"), "_inputs", "_enums"):
        if (folder / f"{candidate}.py").is_file():
            module = import_module(f"{package.__name__}.{candidate}")
            if candidate == name:  # a function, such as get_policy_document, or a module, such as outputs
                return getattr(module, name, module)
            if name in getattr(module, "__all__", ()):
                return getattr(module, name)
    return None


def _can_be_kept(source: str) -> bool:
    """Whether byte code of ours is there or can be written; to compile each time would be slower by far."""
    kept = Path(_kept_under(cache_from_source(source)))
    if kept.exists():
        return True
    folder = kept.parent if kept.parent.exists() else Path(source).parent
    return not sys.dont_write_bytecode and os.access(folder, os.W_OK)


def _kept_under(path: str) -> str:
    """Another name for byte code: Python's own stays as it is."""
    return f"{path.removesuffix('.pyc')}.by-need.pyc" if path.endswith(".pyc") else path

"""What the stages before one export, kept between runs of `kit preview --stage`.

They are evaluated only for their (made-up) exports. These are kept in `.kit/plans`, a file per stack, with a
digest of all that they follow from: every file of the program and of the kit, the SDK's and Python's
versions, the configuration, and every file that the configuration names. Anything else than the same digest
evaluates again.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from contract.kinds import STAGES
from kit.errors import KitError
from kit.evaluation.engine import PROJECT, PROJECT_ROOT
from kit.evaluation.stages import evaluate_stages, read_yaml, stack_configuration, stack_name

_PROGRAM = ("__main__.py", "Pulumi.yaml", "pyproject.toml", "uv.lock", "contract", "stacks", "components",
            "lambdas", "clients", "workflows", "documents", "prompts", "policy", "kit")  # fmt: skip
_PACKAGES = ("pulumi", "pulumi-aws", "pulumi-kubernetes", "pydantic", "protobuf")


def earlier_exports(
    stage: str,
    *,
    client: str | None = None,
    size: str | None = None,
    config: Mapping[str, Any] | None = None,
    root: Path = PROJECT_ROOT,
    kept: Path | None = None,
) -> dict[str, Mapping[str, Any]]:
    """Exports of the stages before `stage`, by stack, their gates assumed to be open. `kept` is the folder of
    what is kept, `.kit/plans` if it is left out.

    Raises KitError as `evaluate_stages` does.
    """
    before = STAGES[: STAGES.index(stage)]
    if not before:
        return {}
    chosen: dict[str, Any] = {"client": client, "size": size, "config": config, "root": root}
    configurations = {each: stack_configuration(each, **chosen) for each in before}
    digest = _digest(configurations, root)
    file = (kept or root / ".kit" / "plans") / f"before-{stack_name(stage, client)}.json"
    with suppress(OSError, ValueError, KeyError, TypeError):  # not there, or not whole: evaluated again
        found = json.loads(file.read_bytes())
        if found["digest"] == digest:
            return found["exports"]
    graphs = evaluate_stages(before, assume_gates=True, **chosen)
    exports: dict[str, Mapping[str, Any]] = {graph.stack: graph.exports for graph in graphs.values()}
    with suppress(OSError):  # a folder that cannot be written costs time, nothing else
        _write(file, {"digest": digest, "exports": exports})
    return exports


def _digest(configurations: Mapping[str, Mapping[str, str]], root: Path) -> str:
    """Of everything that the exports follow from."""
    versions = [sys.version, *(version(package) for package in _PACKAGES)]
    digest = hashlib.sha256(json.dumps([versions, str(root), configurations], sort_keys=True).encode())
    files = {file for name in _PROGRAM for file in _files(root / name)}
    for configuration in configurations.values():
        files |= set(_named(list(configuration.values()), root))
        files |= set(_files(root / configuration.get(f"{PROJECT}:config_folder", "stacks/config")))
    config = root / "stacks" / "config"
    for file in [one for one in files if one.is_relative_to(config) or not one.is_relative_to(root)]:
        if file.suffix in (".yaml", ".yml"):
            with suppress(KitError):  # not YAML: the reader of it says so
                files |= set(_named(_texts(read_yaml(file)), root))
    for file in sorted(files):
        with suppress(FileNotFoundError):  # an editor's, gone in the meantime
            content = file.read_bytes()
            digest.update(f"{file}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()


def _named(texts: list[str], root: Path) -> Iterator[Path]:
    """Every file that one of the texts names. Not what lies in folders: a text may be `/`."""
    for text in texts:
        if 0 < len(text) < 500 and "\0" not in text:
            with suppress(OSError):
                if (root / text).is_file():
                    yield root / text


def _texts(value: Any) -> list[str]:
    """Every text in a document."""
    if isinstance(value, Mapping):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [value] if isinstance(value, str) else []


def _files(path: Path) -> Iterator[Path]:
    """The file, or every file below the folder but for byte code."""
    if path.is_file():
        yield path
    for folder, names, files in os.walk(path):
        names[:] = [name for name in names if name not in ("__pycache__", ".git", ".venv", ".kit")]
        yield from (Path(folder, file) for file in files)


def _write(file: Path, content: Mapping[str, Any]) -> None:
    """Whole or not at all, also beside another run."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    partial.write_text(json.dumps(content), encoding="utf-8")
    partial.replace(file)

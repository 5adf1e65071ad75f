"""Cached exports of earlier stages for `kit preview --stage`.

Earlier stages are evaluated only for their (predicted) exports. These are cached in `.kit/plans`, a file
per stack, with a digest of all their inputs: every file of the program and of the kit, the SDK's and
Python's versions, the configuration, and every file that the configuration names. If the digest differs,
they are evaluated again.
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
    """Return the exports of the stages before `stage`, by stack, assuming open gates.

    `kept` is the cache folder, by default `.kit/plans`. Raises KitError as `evaluate_stages` does.
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
    """Return a digest of all inputs of the exports."""
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
    """Yield every file named by one of the texts, but not the content of folders: a text may be `/`."""
    for text in texts:
        if 0 < len(text) < 500 and "\0" not in text:
            with suppress(OSError):
                if (root / text).is_file():
                    yield root / text


def _texts(value: Any) -> list[str]:
    """Return every text in a document."""
    if isinstance(value, Mapping):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [value] if isinstance(value, str) else []


def _files(path: Path) -> Iterator[Path]:
    """Yield the file, or every file below the folder except bytecode."""
    if path.is_file():
        yield path
    for folder, names, files in os.walk(path):
        names[:] = [name for name in names if name not in ("__pycache__", ".git", ".venv", ".kit")]
        yield from (Path(folder, file) for file in files)


def _write(file: Path, content: Mapping[str, Any]) -> None:
    """Write atomically, even beside a concurrent run."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    partial.write_text(json.dumps(content), encoding="utf-8")
    partial.replace(file)

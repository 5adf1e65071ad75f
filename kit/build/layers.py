"""Dependency layers from the lock file: wheels for Python 3.13 on arm64, verified by hash and zipped
reproducibly.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.layers import PLATFORM, PYTHON_VERSION, SERVE_SCRIPT, archive_path, group_name
from kit.errors import ExitCode, KitError

if TYPE_CHECKING:
    from lambdas.inspection.candidates import Scanner

ROOT = Path(__file__).resolve().parent.parent.parent
INSPECTING = "gateway"  # the family that carries the compiled automaton of the inspection
UNZIPPED_LIMIT = 250 * 1024**2  # Lambda: a function and all its layers, unpacked
UPLOAD_LIMIT = 50 * 1024**2  # Lambda: an archive that is uploaded with the request
_EPOCH = (1980, 1, 1, 0, 0, 0)
_EXECUTABLE, _READABLE = 0o100755, 0o100644
# Left out: entry points that nothing starts on Lambda, bytecode that differs between machines, and what uv
# leaves behind.
_UNWANTED_PARTS = {"__pycache__", "bin"}
_UNWANTED_NAMES = {".lock", "RECORD", "REQUESTED", "INSTALLER", "direct_url.json", "uv_cache.json"}


@dataclass(frozen=True)
class BuiltLayer:
    """One archive. Sizes in bytes; `fresh` if it was built by this call."""

    family: str
    path: str
    zipped: int
    unzipped: int
    packages: int
    fresh: bool


def families(root: Path = ROOT) -> list[str]:
    """Return the function families: dependency groups `function-<family>` of pyproject.toml."""
    groups = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    prefix = group_name("")
    return sorted(name.removeprefix(prefix) for name in groups if name.startswith(prefix))


def build(family: str, *, root: Path = ROOT, output: Path | None = None, force: bool = False) -> BuiltLayer:
    """Build one layer, unless its archive exists (its name contains the digest of the lock file).

    `output` is the folder to build into instead of the project's. The archive is written atomically.

    Raises:
        KitError: unknown family, uv is missing, a package has no wheel for the platform or does not match
        its
            hash, or the layer exceeds Lambda's limits.
    """
    if family not in (known := families(root)):
        raise KitError(
            f"there is no function family {family!r}",
            hint=f"use one of: {', '.join(known)}",
            exit_code=ExitCode.USAGE,
        )
    relative = archive_path(family)
    target = (output / Path(relative).name) if output else root / relative
    if target.is_file() and not force and _is_complete(family, target):
        return _measured(family, target, root, fresh=False)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{family}-") as folder:
        staging = Path(folder)
        install(family, staging / "tree", root, PLATFORM)
        (staging / "tree" / "serve").write_text(SERVE_SCRIPT, encoding="utf-8", newline="\n")
        if family == INSPECTING:
            _candidates().write(staging / "tree" / "python")
        partial = staging / "layer.zip"
        _zip(staging / "tree", partial)
        layer = _measured(family, partial, root, fresh=True)
        _check_limits(layer)
        partial.replace(target)
    return _measured(family, target, root, fresh=True)


def _is_complete(family: str, archive: Path) -> bool:
    """Return whether the archive contains the compiled patterns of the current detectors, if its family
    needs them.
    """
    if family != INSPECTING:
        return True
    with zipfile.ZipFile(archive) as opened:
        return f"python/{_candidates().file_name()}" in opened.namelist()


def _candidates() -> "Scanner":
    # here, so that commands that build nothing do not load the inspection
    from lambdas.inspection.inspector import SCANNER

    return SCANNER


def install(family: str, folder: Path, root: Path, platform: str) -> None:
    """Install the locked packages of a function family into `folder`/python: wheels for a platform,
    verified by hash. Raises KitError if uv or a wheel is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        requirements = Path(temporary) / "requirements.txt"
        exported = ["--frozen", "--no-emit-project", "--no-header", "--only-group", group_name(family)]
        _uv(["export", "--quiet", *exported, "--output-file", str(requirements)], root)
        target = ["--target", str(folder / "python"), "--python", sys.executable]
        chosen = ["--python-version", PYTHON_VERSION, "--python-platform", platform]
        pinned = ["--requirements", str(requirements), "--require-hashes", "--only-binary", ":all:"]
        stable = ["--no-deps", "--link-mode", "copy", "--no-compile-bytecode"]
        _uv(["pip", "install", "--quiet", *pinned, *target, *chosen, *stable], root)


def _uv(arguments: Sequence[str], root: Path) -> None:
    uv = shutil.which("uv") or str(root / ".kit" / "uv" / "bin" / "uv")
    environment = {
        key: value for key, value in os.environ.items() if key not in ("UV_COMPILE_BYTECODE", "VIRTUAL_ENV")
    }
    try:
        done = subprocess.run(
            [uv, *arguments], cwd=root, env=environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise KitError(
            "uv is not installed, and it reads the lock file",
            hint="run `make setup`, or install uv",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None
    if done.returncode:
        raise KitError(
            f"uv {arguments[0]} failed: {done.stderr.strip()}",
            hint="check the network and that each package has a wheel for "
            f"python{PYTHON_VERSION} on {PLATFORM}",
            exit_code=ExitCode.ENVIRONMENT,
        )


def _files(tree: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of the archive in byte order of their names."""
    found: dict[str, Path] = {}
    for path in tree.rglob("*"):
        parts = path.relative_to(tree).parts
        if path.is_file() and not _UNWANTED_PARTS.intersection(parts) and path.name not in _UNWANTED_NAMES:
            found["/".join(parts)] = path
    for name in sorted(found, key=os.fsencode):
        yield name, found[name]


def _zip(tree: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in _files(tree):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # Unix, wherever it is built, so that the mode below counts
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (_EXECUTABLE if name == "serve" else _READABLE) << 16
            archive.writestr(entry, path.read_bytes(), compresslevel=9)


def _measured(family: str, archive: Path, root: Path, *, fresh: bool) -> BuiltLayer:
    with zipfile.ZipFile(archive) as opened:
        entries = opened.infolist()
    packages = {entry.filename.split("/")[1] for entry in entries if ".dist-info/" in entry.filename}
    shown = archive.relative_to(root).as_posix() if archive.is_relative_to(root) else str(archive)
    return BuiltLayer(
        family=family,
        path=shown,
        zipped=archive.stat().st_size,
        unzipped=sum(entry.file_size for entry in entries),
        packages=len(packages),
        fresh=fresh,
    )


def _check_limits(layer: BuiltLayer) -> None:
    for size, limit, what in (
        (layer.unzipped, UNZIPPED_LIMIT, "unpacked"),
        (layer.zipped, UPLOAD_LIMIT, "packed"),
    ):
        if size > limit:
            raise KitError(
                f"the layer of {layer.family} has {size / 1024**2:.0f} MB {what}, "
                f"over Lambda's {limit // 1024**2} MB",
                hint=f"take packages out of the group {group_name(layer.family)} in pyproject.toml",
            )

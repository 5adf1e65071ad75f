"""Dependency layers of the functions: packages, names, and the hash of the lock file behind them.

`kit build` creates the archives; the plan only names them. The name contains a digest of what the lock file
pins for the group, so a changed dependency appears in the plan as a different archive on any machine,
whether built or not.
"""

import hashlib
import os
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import settings
from pulumi.runtime.proto import resource_pb2_grpc
from pulumi_aws import lambda_

from components.base import KitComponent, Names
from components.permissions import canonical_json

ROOT = Path(__file__).resolve().parent.parent
LAYER_FOLDER = "build/layers"
PYTHON_VERSION = "3.13"
PLATFORM = "aarch64-manylinux_2_28"
_DEPLOYED_SUFFIXES = (
    ".py",
    ".html",
    ".css",
    ".js",
    ".svg",
    ".json",
    ".yaml",
    ".toml",
    ".txt",
    ".csv",
    ".gz",
    ".linear",
    ".crfsuite",
)
# What `kit build` adds to packages. A change must change the archive's name.
SERVE_SCRIPT = """#!/bin/sh
# Starts the ASGI app that the function's handler names. Lambda Web Adapter forwards to it.
export PYTHONPATH="${LAMBDA_TASK_ROOT}:/opt/python:${LAMBDA_RUNTIME_DIR}"
exec python3 -m uvicorn --factory "${_HANDLER}" --host 127.0.0.1 --port "${AWS_LWA_PORT}" \\
  --workers 1 --no-access-log --log-level warning --timeout-keep-alive 60 --no-proxy-headers
"""
# limits connections of a server that callers reach directly; for functions, API Gateway does
HTTP_PROTOCOL = "lambdas.common.http_protocol:BoundedConnection"


def group_name(family: str) -> str:
    """Return the dependency group of a function family in pyproject.toml."""
    return f"function-{family}"


@cache
def _lock(path: Path) -> dict[str, str]:
    """Return the entry of each package as text: a plan needs a few, and parsing all takes a tenth of its
    time.
    """
    start = "[[package]]\n"
    entries = path.read_text(encoding="utf-8").split(start)[1:]
    return {entry.split('"', 2)[1]: start + entry for entry in entries}  # name = "..." comes first


@cache
def lock_digest(family: str, lock_file: Path = ROOT / "uv.lock") -> str:
    """Return twelve hex digits over everything pinned for a function family, and over how the layer is
    built.

    Raises KeyError if pyproject.toml, beside the lock file, has no group for the family.
    """
    packages = _lock(lock_file)
    project = tomllib.loads(lock_file.with_name("pyproject.toml").read_text(encoding="utf-8"))
    waiting: list[dict[str, Any]] = [
        {"name": name} for name in project["dependency-groups"][group_name(family)]
    ]
    pinned: dict[str, object] = {}
    while waiting:
        entry = waiting.pop()
        package = tomllib.loads(packages[entry["name"]])["package"][0]
        for extra in entry.get("extra", ()):
            waiting += package["optional-dependencies"][extra]
        if package["name"] not in pinned:
            wheels = sorted(wheel["hash"] for wheel in package.get("wheels", ()))
            pinned[package["name"]] = [package["version"], wheels]
            waiting += package.get("dependencies", ())
    recipe = {"packages": pinned, "platform": PLATFORM, "python": PYTHON_VERSION, "serve": SERVE_SCRIPT}
    return hashlib.sha256(canonical_json(recipe).encode()).hexdigest()[:12]


def archive_path(family: str) -> str:
    """Return the path of the layer's archive relative to the project's root."""
    return f"{LAYER_FOLDER}/{family}-{lock_digest(family)}.zip"


def source_files(packages: Sequence[str], root: Path = ROOT) -> list[str]:
    """Return every file to bundle with a function that uses these packages, relative to the root, sorted.

    Only sources and data: no bytecode, hidden files or tests, so that what other tools leave behind never
    changes the archive.
    """
    found = {"lambdas/__init__.py"}
    folders = [root / "lambdas" / package for package in packages]
    if "common" in packages:  # it reads the contract's declarations
        folders.append(root / "contract")
    for folder in folders:
        for place, inner, names in os.walk(folder):
            inner[:] = [name for name in inner if name not in ("__pycache__", "tests") and name[0] != "."]
            below = Path(place).relative_to(root).as_posix()
            found.update(
                f"{below}/{name}" for name in names if name[0] != "." and name.endswith(_DEPLOYED_SUFFIXES)
            )
    return sorted(found)


CONTAINERFILE = "lambdas/gateway/Containerfile"


def image_tag(family: str, packages: Sequence[str], root: Path = ROOT) -> str:
    """Return the tag of a container image: a digest of sources, recipe and locked dependencies."""
    digest = hashlib.sha256(lock_digest(family).encode())
    digest.update((root / CONTAINERFILE).read_bytes())
    for path in source_files(packages, root):
        digest.update(f"{path}\0".encode() + (root / path).read_bytes())
    return digest.hexdigest()[:16]


class LayerNotBuiltError(Exception):
    """The engine is about to upload a layer that has not been built."""


def _require_built(path: str) -> None:
    """Stop a deployment whose layer is missing.

    Only a Pulumi engine, reached over gRPC, reads the archive; the kit's in-process evaluation has a
    monitor object of its own and needs only the name. KIT_UNBUILT_LAYERS=allow skips the check for an
    evaluation over gRPC that deploys nothing.
    """
    by_engine = isinstance(settings.get_monitor(), resource_pb2_grpc.ResourceMonitorStub)
    if by_engine and os.environ.get("KIT_UNBUILT_LAYERS") != "allow" and not (ROOT / path).is_file():
        raise LayerNotBuiltError(f"{path} is not there: run `kit build`, then try again")


class DependencyLayer(KitComponent):
    """The packages of one function family for python3.13 on arm64.

    Creates: one Lambda layer version from `build/layers/<family>-<digest of the lock>.zip`.
    Default posture: only wheels with hashes from the lock file; older versions stay, so that an alias can
    go back.
    Replaced when changed: the lock file's pins of the family.
    """

    def __init__(
        self, name: str, names: Names, family: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        path = archive_path(family)
        _require_built(path)
        super().__init__(name, opts)
        self.version = lambda_.LayerVersion(
            f"{name}-version",
            layer_name=names.of(f"{family}-packages"),
            description=f"Packages of {family}, lock {lock_digest(family)}",
            code=pulumi.FileArchive(path),
            compatible_architectures=["arm64"],
            compatible_runtimes=[f"python{PYTHON_VERSION}"],
            skip_destroy=True,
            opts=self.child(),
        )
        self.arn = self.version.arn
        self.register_outputs({"arn": self.arn})

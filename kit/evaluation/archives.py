"""Content hashes of files and archives, computed as the Pulumi engine does.

A folder is hashed as an uncompressed tar of its files in byte order of their names, mode 0600, without
owner and time: only names and contents count. An archive given as a file is hashed as its bytes.
"""

import hashlib
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

_PACKED = (".zip", ".jar", ".tar", ".tgz", ".tar.gz")


def folder_hash(folder: Path) -> str:
    """Return the SHA-256 that the engine computes for a `FileArchive` of this folder."""
    return _tar_hash((path.relative_to(folder).as_posix(), path.read_bytes()) for path in _walk(folder))


def assets_hash(assets: Mapping[str, Any], root: Path) -> str:
    """Return the SHA-256 that the engine computes for an `AssetArchive`; values as in
    `kit.evaluation.graph`, sorted by name.
    """
    return _tar_hash(_members(assets, root, ""))


def marked_hash(marked: Mapping[str, Any], root: Path) -> str | None:
    """Return the SHA-256 of an `{"$asset": …}` or `{"$archive": …}`; None if it cannot be read here (a URI,
    or not built).
    """
    try:
        if "$asset" in marked:
            return hashlib.sha256(_asset_bytes(marked["$asset"], root)).hexdigest()
        body = marked["$archive"]
        if "assets" in body:
            return assets_hash(body["assets"], root)
        path = root / body["path"]
        return folder_hash(path) if path.is_dir() else _file_hash(path)
    except (KeyError, FileNotFoundError):
        return None


def _members(assets: Mapping[str, Any], root: Path, prefix: str) -> Iterator[tuple[str, bytes]]:
    for name in sorted(assets, key=os.fsencode):
        value = assets[name]
        if "$asset" in value:
            yield prefix + name, _asset_bytes(value["$asset"], root)
            continue
        body = value["$archive"]
        if "assets" in body:
            yield from _members(body["assets"], root, f"{prefix}{name}/")
            continue
        folder = root / body["path"]
        for path in _walk(folder):
            yield f"{prefix}{name}/{path.relative_to(folder).as_posix()}", path.read_bytes()


def _asset_bytes(asset: Mapping[str, Any], root: Path) -> bytes:
    if "text" in asset:
        return str(asset["text"]).encode()
    return (root / asset["path"]).read_bytes()


def _file_hash(path: Path) -> str:
    status = path.stat()
    return _hash_of_file(str(path), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=256)
def _hash_of_file(path: str, modified: int, size: int) -> str:  # noqa: ARG001 - part of the cache's key
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _walk(folder: Path) -> Iterator[Path]:
    """Yield every file, each folder's entries in byte order and folders descended in place, as Go's
    filepath.Walk.
    """
    for path in sorted(folder.iterdir(), key=lambda entry: os.fsencode(entry.name)):
        if path.name == ".pulumi":
            continue
        if not path.is_dir():
            yield path
        elif not path.is_symlink():
            yield from _walk(path)


def _tar_hash(members: Iterable[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, content in members:
        digest.update(_header(name, len(content)))
        digest.update(content)
        digest.update(b"\0" * (-len(content) % 512))
    digest.update(b"\0" * 1024)
    return digest.hexdigest()


def _header(path: str, size: int) -> bytes:
    """Return a USTAR header as written by Go's archive/tar: Python's leaves device numbers empty and splits
    long names elsewhere.
    """
    prefix, name = _split(path)
    info = tarfile.TarInfo(name)
    info.mode, info.size = 0o600, size
    header = bytearray(info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict"))
    header[329:344] = b"0000000\0" + b"0000000"
    header[345 : 345 + len(prefix)] = prefix.encode()
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    return bytes(header)


def _split(path: str) -> tuple[str, str]:
    if not path.isascii():
        raise ValueError(f"{path}: names in an archive must be ASCII")
    if len(path) <= 100:
        return "", path
    prefix, slash, name = path[:156].rpartition("/")
    name += path[156:]
    if not slash or not prefix or not 0 < len(name) <= 100 or len(prefix) > 155:
        raise ValueError(f"{path}: too long a name for an archive")
    return prefix, name

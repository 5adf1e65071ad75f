"""Content hashes are the engine's, and depend on names and contents only."""

import hashlib
import os
from pathlib import Path

import pytest

from kit.evaluation.archives import assets_hash, folder_hash, marked_hash


def _folder(path: Path) -> Path:
    (path / "sub").mkdir(parents=True)
    (path / "handler.py").write_bytes(b"x = 1\n")
    (path / "sub" / "data.txt").write_bytes(b"")
    return path


def _by_hand(name: bytes, content: bytes) -> bytes:
    """A USTAR record as Go writes it: fields at their offsets, nothing else."""
    header = bytearray(512)
    for offset, value in (
        (0, name),
        (100, b"0000600\0"),
        (108, b"0000000\0"),
        (116, b"0000000\0"),
        (124, b"%011o\0" % len(content)),
        (136, b"%011o\0" % 0),
        (148, b" " * 8),
        (156, b"0"),
        (257, b"ustar\x0000"),
        (329, b"0000000\0"),
        (337, b"0000000\0"),
    ):
        header[offset : offset + len(value)] = value
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + content + b"\0" * (-len(content) % 512)


def test_a_folder_is_hashed_as_the_tar_that_the_engine_makes(tmp_path: Path) -> None:
    records = _by_hand(b"handler.py", b"x = 1\n") + _by_hand(b"sub/data.txt", b"")
    assert folder_hash(_folder(tmp_path / "a")) == hashlib.sha256(records + b"\0" * 1024).hexdigest()


def test_times_modes_and_the_folder_s_own_place_do_not_count(tmp_path: Path) -> None:
    first, second = _folder(tmp_path / "a"), _folder(tmp_path / "elsewhere" / "b")
    os.utime(second / "handler.py", (1, 1))
    (second / "handler.py").chmod(0o755)
    assert folder_hash(first) == folder_hash(second)
    (second / "handler.py").write_bytes(b"x = 2\n")
    assert folder_hash(first) != folder_hash(second)


def test_listed_assets_hash_as_the_folder_that_they_list(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "a")
    assets = {
        "sub": {"$archive": {"assets": {"data.txt": {"$asset": {"text": ""}}}}},
        "handler.py": {"$asset": {"path": "a/handler.py"}},
    }
    assert assets_hash(assets, tmp_path) == folder_hash(folder)


def test_a_packed_archive_is_hashed_as_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "layer.zip").write_bytes(b"PK")
    assert marked_hash({"$archive": {"path": "layer.zip"}}, tmp_path) == hashlib.sha256(b"PK").hexdigest()
    assert marked_hash({"$archive": {"path": "not-built.zip"}}, tmp_path) is None


def test_long_names_are_split_where_go_splits_them(tmp_path: Path) -> None:
    name = f"{'d' * 90}/{'e' * 40}/f.py"
    assets = {name: {"$asset": {"text": "1"}}}
    prefix, _, last = name.rpartition("/")
    record = bytearray(_by_hand(last.encode(), b"1"))
    record[345 : 345 + len(prefix)] = prefix.encode()
    record[148:156] = b" " * 8
    record[148:156] = b"%06o\0 " % sum(record[:512])
    assert assets_hash(assets, tmp_path) == hashlib.sha256(bytes(record) + b"\0" * 1024).hexdigest()
    with pytest.raises(ValueError, match="ASCII"):
        assets_hash({"ä.py": {"$asset": {"text": "1"}}}, tmp_path)

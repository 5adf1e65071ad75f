"""A release can be checked by a stranger, and nothing in it is under a licence that a client may not ship."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from release.licences import problems, refused

ROOT = Path(__file__).resolve().parents[2]


def test_every_dependency_is_permissive() -> None:
    assert list(problems()) == []


@pytest.mark.parametrize(
    ("licence", "shipped", "is_refused"),
    [
        ("MIT", True, False),
        ("Apache-2.0 OR BSD-3-Clause", True, False),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True, False),
        ("GNU Lesser General Public License v2 or later (LGPLv2+)", True, True),
        ("GNU Lesser General Public License v2 or later (LGPLv2+)", False, False),
        ("GPL-3.0-only", False, True),
        ("AGPL-3.0", False, True),
        ("Commercial", True, True),
        ("not stated", True, True),
    ],
)
def test_a_licence_is_judged_by_where_it_is_used(licence: str, shipped: bool, is_refused: bool) -> None:
    assert refused(licence, shipped=shipped) is is_refused


def test_a_release_is_verified_with_the_signers_key_alone(tmp_path: Path) -> None:
    """The recipe of `make release`, on a commit of its own."""
    key, checkout = tmp_path / "key", tmp_path / "checkout"
    run(tmp_path, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    checkout.mkdir()
    for name in ("Makefile", "VERSION", "pyproject.toml", "uv.lock", ".gitignore"):
        shutil.copy(ROOT / name, checkout / name)
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / ".synced").touch()
    run(checkout, "git", "init", "-q")
    run(checkout, "git", "add", "-A")
    run(checkout, "git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "Release")
    run(checkout, "make", "release", f"SIGNING_KEY={key}")

    signers = tmp_path / "signers"
    signers.write_text(f"releases@example.org {key.with_suffix('.pub').read_text('utf-8')}", "utf-8")
    folder = checkout / "dist"
    verify = ("ssh-keygen", "-Y", "verify", "-n", "file", "-f", str(signers), "-I", "releases@example.org")
    sums = (folder / "SHA256SUMS").read_bytes()
    run(folder, *verify, "-s", "SHA256SUMS.sig", given=sums)
    run(folder, "sha256sum", "-c", "SHA256SUMS")
    with pytest.raises(subprocess.CalledProcessError):
        run(folder, *verify, "-s", "SHA256SUMS.sig", given=sums.replace(b"a", b"b", 1))

    (materials,) = folder.glob("*.cdx.json")
    listed = {one["name"] for one in json.loads(materials.read_text("utf-8"))["components"]}
    assert {"pulumi", "cryptography", "starlette"} <= listed
    assert "pytest" not in listed


def run(folder: Path, *command: str, given: bytes | None = None) -> None:
    subprocess.run(command, cwd=folder, input=given, check=True, capture_output=True, timeout=120)

"""A pack of evidence is verified by openssl and by Python alone, and every planted change is found (G.7)."""

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kit.audit.sources import FolderSource
from kit.evidence.contents import Collected, files_of, read_controls
from kit.evidence.pack import About, as_archive, as_csv, write_pack
from kit.evidence.sample import proofs
from lambdas.common.registers import Entry
from tests.support.local_kit import LocalKit

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
ABOUT = About("acme", "production", datetime(2026, 10, 1, tzinfo=UTC), NOW, NOW)


class _Key:
    """A key of P-256 in this process."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def sign(self, digest: bytes) -> bytes:
        return self._key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))

    def public_key(self) -> bytes:
        return self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


RECORDS = [
    {"at": "2026-11-01T10:00:00+00:00", "kind": "intent", "department": "finance"},
    {"at": "2026-11-01T10:00:01+00:00", "kind": "outcome", "department": "finance"},
    {
        "at": "2026-11-02T10:00:00+00:00",
        "kind": "acceptance",
        "principal": "usr_1",
        "document": "acceptable-use",
    },
    {"at": "2026-11-03T10:00:00+00:00", "kind": "switch", "reason": "=cmd|' /C calc'!A0"},
]
VERIFIED = {"records": 4, "findings": []}


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    folder = tmp_path / "pack"
    collected = Collected(RECORDS, (), {"gates/foundation.json": {"open": True}}, VERIFIED)
    write_pack(folder, ABOUT, files_of(ABOUT, collected, read_controls(), NOW), _Key())
    return folder


def _verified(folder: Path, *key: str) -> tuple[int, int]:
    """Exit codes of both verifiers, run elsewhere with nothing of the kit."""
    elsewhere = folder.parent / "elsewhere"
    shutil.rmtree(elsewhere, ignore_errors=True)
    shutil.copytree(folder, elsewhere)
    by_shell = subprocess.run(["sh", "verify.sh", *key], cwd=elsewhere, capture_output=True)
    by_python = subprocess.run([sys.executable, "-I", "verify.py", *key], cwd=elsewhere, capture_output=True)
    return by_shell.returncode, by_python.returncode


def test_a_pack_holds_for_openssl_and_for_python_alone(pack: Path) -> None:
    assert _verified(pack) == (0, 0)


def _edit(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + content[-1:])

    return change


def _other_key(folder: Path) -> None:
    other = folder.parent / "other"
    write_pack(other, ABOUT, {"records.jsonl": b"{}\n"}, _Key())
    shutil.copy(other / "public.pem", folder / "public.pem")


def _other_statement(folder: Path) -> None:
    """Signed by the same key, about another manifest."""
    document = json.loads((folder / "statement.dsse.json").read_text())
    payload = base64.b64decode(document["payload"]).replace(b'"sha256":"', b'"sha256":"0')
    document["payload"] = base64.b64encode(payload).decode()
    (folder / "statement.dsse.json").write_text(json.dumps(document, indent=1))


def _summed_again(folder: Path) -> None:
    """Anyone who edits a file also edits the sums beside it."""
    (folder / "records.jsonl").write_bytes(b"")
    done = subprocess.run(["sha256sum", "records.jsonl"], cwd=folder, capture_output=True, text=True)
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    kept = [line for line in lines if not line.endswith("  records.jsonl")]
    (folder / "SHA256SUMS").write_text("\n".join([*kept, done.stdout.strip()]) + "\n")


@pytest.mark.parametrize(
    "plant",
    [
        _edit("records.jsonl"),
        _edit("keys.csv"),
        _edit("controls.json"),
        _edit("manifest.json"),
        _edit("manifest.sig"),
        lambda folder: (folder / "gates.json").unlink(),
        _other_key,
        _summed_again,
        _other_statement,
        lambda folder: (folder / "oscal" / "later.json").write_text("{}"),
        lambda folder: (folder / "SHA256SUMS").write_text(""),
        _edit("oscal/assessment-results.json"),
    ],
    ids=[
        "record",
        "key",
        "control",
        "manifest",
        "signature",
        "file gone",
        "another key",
        "sums made again",
        "statement of another pack",
        "file added",
        "sums emptied",
        "results",
    ],
)
def test_a_planted_change_is_found_by_both(pack: Path, plant: Callable[[Path], None]) -> None:
    plant(pack)
    by_shell, by_python = _verified(pack)
    assert by_shell != 0
    assert by_python != 0


def test_a_pack_of_somebody_else_is_told_by_the_fingerprint(pack: Path) -> None:
    assert _verified(pack, "0" * 64) == (1, 1)


def test_a_pack_never_replaces_another(pack: Path) -> None:
    with pytest.raises(FileExistsError):
        write_pack(pack, ABOUT, {}, _Key())
    assert _verified(pack) == (0, 0)


def test_a_pack_is_one_file_that_unpacks_to_what_was_signed(pack: Path, tmp_path: Path) -> None:
    as_archive(pack, tmp_path / "pack.zip")
    assert not pack.exists()
    shutil.unpack_archive(tmp_path / "pack.zip", tmp_path / "unpacked")
    assert _verified(tmp_path / "unpacked" / "pack") == (0, 0)


def test_a_leaver_who_was_served_and_an_overdue_entry_ask_for_attention_and_say_why() -> None:
    left = {"kind": "scim", "event": "leaver", "subject": "usr_9", "happened_at": "2026-11-05T10:00:00+00:00"}
    records = [
        {**left, "at": "2026-11-05T10:00:02+00:00"},
        {"kind": "intent", "principal": "usr_9", "at": "2026-11-05T10:00:45+00:00", "department": "legal"},
    ]
    late = Entry(
        "reg_1", "incidents", "lost laptop", "", "open", "2026-11-01T00:00:00+00:00", "ada",
        due={"supervisory authority (GDPR Art. 33)": "2026-11-04T00:00:00+00:00"},
    )  # fmt: skip
    files = files_of(ABOUT, Collected(records, (), {}, VERIFIED, registers=[late]), read_controls(), NOW)
    states = {one["id"]: one for one in json.loads(files["controls.json"])}
    assert (states["access"]["state"], states["registers"]["state"]) == ("attention", "attention")
    assert "1 leavers were served" in states["access"]["why"]
    assert "GDPR Art. 33" in states["registers"]["why"]
    assert b"usr_9,leaver,,2026-11-05T10:00:00+00:00,2026-11-05T10:00:02+00:00,1,45.0" in files["people.csv"]


def test_the_auditors_seed_chooses_the_sample_and_nothing_else_does() -> None:
    records = [
        {"record_id": f"rec_{n}", "kind": "outcome", "at": "2026-11-05T10:00:00+00:00"} for n in range(50)
    ]
    empty = FolderSource(None, None)
    first, second, other = (
        proofs(empty, some, 5, seed)["sample.json"]
        for some, seed in ((records, "a"), (records[::-1], "a"), (records, "b"))
    )
    assert first["chosen"] == second["chosen"] != other["chosen"]
    assert first["population"] == 50
    assert set(first["without_proof"]) == set(first["chosen"]), "what is not sealed yet is named"


def test_a_spreadsheet_runs_nothing_of_a_table() -> None:
    assert as_csv(("a",), [{"a": "=1+1"}, {"a": "-2"}]) == b"a\r\n'=1+1\r\n'-2\r\n"


def test_quiet_is_told_apart_from_recorded_and_a_finding_asks_for_attention() -> None:
    collected = Collected(RECORDS, (), {}, {"records": 4, "findings": [{"code": "chain-broken"}]})
    files = files_of(ABOUT, collected, read_controls(["soc2"]), NOW)
    states = {one["id"]: one for one in json.loads(files["controls.json"])}
    assert states["literacy"]["state"] == "recorded"
    assert states["erasure"]["state"] == "quiet"
    assert states["audit"]["state"] == "attention"
    assert set(states["literacy"]["supports"]) == {"soc2"}


def test_an_unknown_framework_is_named() -> None:
    with pytest.raises(ValueError, match="sox: is none of"):
        read_controls(["sox"])


def test_the_pack_of_a_deployment_verifies(local_kit: LocalKit, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    done = local_kit.run("evidence", "export", "--output", str(folder), "--json")
    assert done.returncode == 0, done.stderr
    assert _verified(folder, json.loads(done.stdout)["key_sha256"]) == (0, 0)
    assert json.loads((folder / "verification.json").read_text())["records"] > 0

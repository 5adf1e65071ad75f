"""A file of anchors carries timestamps that openssl verifies without the kit (L2.5).

The authority is `openssl ts` behind a server on the loopback, and so is the judge.
"""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kit.cli import app
from kit.errors import KitError
from tests.records.audit_fixtures import Organisation, busy_hours

CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = Authority
[root]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[stamping]
basicConstraints = critical,CA:false
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa]
default_tsa = tsa1
[tsa1]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
certs = root.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


def openssl(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, check=False)


@dataclass
class Authority:
    """A timestamp authority. `change` is done to each answer, `swap` to each query."""

    folder: Path
    url: str = ""
    asked: int = 0
    change: Callable[[bytes], bytes] = field(default=lambda answer: answer)
    swap: Callable[[bytes], bytes] = field(default=lambda query: query)

    def reply(self, query: bytes) -> bytes:
        self.asked += 1
        (self.folder / "query.tsq").write_bytes(self.swap(query))
        made = openssl(
            self.folder,
            "ts",
            "-reply",
            "-config",
            "openssl.cnf",
            "-queryfile",
            "query.tsq",
            "-out",
            "reply.tsr",
        )
        assert made.returncode == 0, made.stderr
        return self.change((self.folder / "reply.tsr").read_bytes())


def new_chain(folder: Path) -> Path:
    """A root and the certificate that stamps; the root's path."""
    folder.mkdir()
    (folder / "openssl.cnf").write_text(CONFIG)
    (folder / "serial").write_text("01\n")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", "openssl.cnf")
    for arguments in (
        ("req", "-x509", *key, "-keyout", "root.key", "-out", "root.pem", "-extensions", "root"),
        ("req", *key, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=Stamps"),
        ("x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
         "-extfile", "openssl.cnf", "-extensions", "stamping", "-out", "tsa.pem"),
    ):  # fmt: skip
        made = openssl(folder, *arguments)
        assert made.returncode == 0, made.stderr
    return folder / "root.pem"


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    folder = tmp_path_factory.mktemp("authority") / "chain"
    new_chain(folder)
    authority = Authority(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["content-type"] == "application/timestamp-query"
            answer = authority.reply(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200 if answer else 503)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    authority.url = f"http://127.0.0.1:{server.server_port}/tsa"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield authority
    server.shutdown()
    server.server_close()


@pytest.fixture
def authority(serving: Authority) -> Authority:
    serving.asked, serving.change, serving.swap = 0, lambda answer: answer, lambda query: query
    return serving


@pytest.fixture(scope="module")
def organisation() -> Organisation:
    return busy_hours()


@dataclass(frozen=True)
class Auditor:
    """Keeps a file of anchors of a copy."""

    file: Path
    copy: tuple[str, ...]

    def anchor(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, ["audit", "anchor", "--file", str(self.file), *self.copy, *arguments])

    def verify(self) -> Result:
        return CliRunner().invoke(app, ["audit", "verify", "--anchor", str(self.file), *self.copy])

    def tokens(self) -> list[str]:
        return sorted(path.name for path in self.file.parent.glob("*.tsr"))


@pytest.fixture
def auditor(organisation: Organisation, tmp_path: Path) -> Auditor:
    organisation.bucket.write_to(tmp_path / "store")
    keys = tmp_path / "keys.pem"
    keys.write_bytes(organisation.signing.pem())
    folders = (f"--{name}={tmp_path / 'store' / name}" for name in ("records", "manifests"))
    return Auditor(tmp_path / "anchors.jsonl", (*folders, f"--public-key={keys}"))


def refusal(result: Result) -> KitError:
    assert isinstance(result.exception, KitError), result.output
    return result.exception


def holds_by_openssl(auditor: Auditor, token: str, lines: int, root: Path) -> bool:
    stamped = b"".join(auditor.file.read_bytes().splitlines(keepends=True)[:lines])
    (auditor.file.parent / "stamped").write_bytes(stamped)
    return (
        openssl(auditor.file.parent, "ts", "-verify", "-in", token, "-data", "stamped", "-CAfile", str(root))
        .returncode == 0
    )  # fmt: skip


def test_openssl_verifies_the_timestamp_of_each_state_of_the_file(
    authority: Authority, auditor: Auditor
) -> None:
    root = authority.folder / "root.pem"
    stamp = ("--timestamp", authority.url, "--timestamp-ca", str(root), "--json")
    first = auditor.anchor(*stamp)
    assert first.exit_code == 0, first.output
    assert json.loads(first.stdout)["timestamp"].endswith("anchors.jsonl.3.tsr")
    assert holds_by_openssl(auditor, "anchors.jsonl.3.tsr", 3, root)
    assert not holds_by_openssl(auditor, "anchors.jsonl.3.tsr", 2, root)
    # nothing new: the token is not taken twice
    assert auditor.anchor(*stamp).exit_code == 0
    assert (authority.asked, auditor.tokens()) == (1, ["anchors.jsonl.3.tsr"])
    # the file grows: each token holds of the lines that it stamped
    two = auditor.file.read_text().splitlines(keepends=True)[:2]
    auditor.file.write_text("".join(two))
    (auditor.file.parent / "anchors.jsonl.3.tsr").unlink()
    query = openssl(auditor.file.parent, "ts", "-query", "-data", "anchors.jsonl", "-sha256", "-cert")
    (auditor.file.parent / "anchors.jsonl.2.tsr").write_bytes(authority.reply(query.stdout))
    assert auditor.anchor(*stamp).exit_code == 0
    assert auditor.tokens() == ["anchors.jsonl.2.tsr", "anchors.jsonl.3.tsr"]
    for lines in (2, 3):
        assert holds_by_openssl(auditor, f"anchors.jsonl.{lines}.tsr", lines, root)


def test_lines_that_were_changed_after_their_timestamp_are_refused(
    authority: Authority, auditor: Auditor
) -> None:
    assert auditor.anchor("--timestamp", authority.url).exit_code == 0
    assert not refused(auditor.verify())
    written = auditor.file.read_bytes()
    lines = written.splitlines(keepends=True)
    for changed in (
        b"".join(lines[:2]),
        b"".join(reversed(lines)),
        written.replace(b"T10", b"T12"),
        written.replace(b"}", b" }", 1),
        b"",
    ):
        auditor.file.write_bytes(changed)
        for result in (auditor.verify(), auditor.anchor("--timestamp", authority.url)):
            assert "anchors.jsonl.3.tsr is not a timestamp of the first 3 lines" in refusal(result).message
            assert refusal(result).exit_code == 5
    auditor.file.write_bytes(written)
    (auditor.file.parent / "anchors.jsonl.3.tsr").write_bytes(b"no token")
    assert "is not the answer of a timestamp authority" in refusal(auditor.verify()).message


def test_a_last_line_that_an_editor_left_open_is_ended_before_more_is_noted(
    authority: Authority, auditor: Auditor
) -> None:
    assert auditor.anchor().exit_code == 0
    written = auditor.file.read_bytes()
    two = b"".join(written.splitlines(keepends=True)[:2])
    for left in (written.rstrip(b"\n"), two.rstrip(b"\n"), two, b""):
        auditor.file.write_bytes(left)
        assert auditor.anchor("--timestamp", authority.url).exit_code == 0
        assert auditor.file.read_bytes() == written
        (auditor.file.parent / "anchors.jsonl.3.tsr").unlink()


def refused(result: Result) -> bool:
    return isinstance(result.exception, KitError)


def _of_other_bytes(query: bytes) -> bytes:
    """The digest is the last string of 32 bytes of a query."""
    at = query.index(b"\x04\x20") + 2
    return query[:at] + bytes(32) + query[at + 32 :]


@pytest.mark.parametrize(
    ("change", "swap", "said"),
    [
        pytest.param(lambda _: b"", None, "answers 503", id="an error"),
        pytest.param(lambda _: b"<html>", None, "holds no timestamp", id="a page"),
        pytest.param(lambda answer: answer[:-40], None, "holds no timestamp", id="cut"),
        pytest.param(lambda _: bytes.fromhex("30053003020102"), None, "holds no timestamp", id="a rejection"),
        pytest.param(None, _of_other_bytes, "not of what it was asked", id="of other bytes"),
        pytest.param(
            lambda answer: answer[:-8] + bytes(8), None, "does not hold by", id="a signature that was changed"
        ),
    ],
)
def test_an_answer_that_proves_nothing_is_not_kept_and_what_was_noted_stays(
    authority: Authority,
    auditor: Auditor,
    change: Callable[[bytes], bytes] | None,
    swap: Callable[[bytes], bytes] | None,
    said: str,
) -> None:
    stamp = ("--timestamp", authority.url, "--timestamp-ca", str(authority.folder / "root.pem"))
    authority.change, authority.swap = change or authority.change, swap or authority.swap
    error = refusal(auditor.anchor(*stamp))
    assert said in error.message
    assert error.message.startswith("3 hours were noted, but not stamped")
    assert error.exit_code == 4
    assert (len(auditor.file.read_text().splitlines()), auditor.tokens()) == (3, [])
    authority.change, authority.swap = lambda answer: answer, lambda query: query
    assert auditor.anchor(*stamp).exit_code == 0
    assert auditor.tokens() == ["anchors.jsonl.3.tsr"]


def test_a_replayed_answer_is_refused_by_its_nonce(authority: Authority, auditor: Auditor) -> None:
    assert auditor.anchor("--timestamp", authority.url).exit_code == 0
    earlier = (auditor.file.parent / "anchors.jsonl.3.tsr").read_bytes()
    (auditor.file.parent / "anchors.jsonl.3.tsr").unlink()
    authority.change = lambda _: earlier
    assert "not of what it was asked" in refusal(auditor.anchor("--timestamp", authority.url)).message


def test_arguments_that_lead_nowhere_are_named(
    authority: Authority, auditor: Auditor, tmp_path: Path
) -> None:
    other = new_chain(tmp_path / "other")
    empty = tmp_path / "empty.pem"
    empty.touch()
    for arguments, said in (
        (("--timestamp", "ftp://tsa.example"), "not the http or https address"),
        (("--timestamp", "tsa.example"), "not the http or https address"),
        (("--timestamp", authority.url, "--timestamp-ca", str(empty)), "holds no certificate"),
        (("--timestamp", authority.url, "--timestamp-ca", str(tmp_path / "none.pem")), "none.pem"),
        (("--timestamp", authority.url, "--timestamp-ca", str(other)), "does not hold by"),
        (("--timestamp", "http://127.0.0.1:9/"), "127.0.0.1 does not answer"),
        (("--timestamp-ca", str(other)), "--timestamp-ca goes with --timestamp"),
    ):
        assert said in refusal(auditor.anchor(*arguments)).message
        assert auditor.tokens() == []

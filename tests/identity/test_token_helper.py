"""The token helper alone, as a laptop without the project has it (L1.1, L1.3)."""

import io
import json
import os
import subprocess
import sys
import threading
import time
import tomllib
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from claude_kit_token import cli
from claude_kit_token.config import configured
from claude_kit_token.errors import TokenError
from claude_kit_token.session import Session, forget, load, save
from kit.home import PROJECT_ROOT

PACKAGE = PROJECT_ROOT / "claude_kit_token"
SESSION = Session("https://gw.example.com", "https://in.example.com", "app", "a.e30.c", "r" * 2000, 0)


class CredentialManager:
    """Refuses what Windows refuses: more than 2,560 bytes of UTF-16 in one entry."""

    priority = 5

    def __init__(self) -> None:
        self.entries: dict[str, str] = {}

    def get_keyring(self) -> "CredentialManager":
        return self

    def get_password(self, service: str, name: str) -> str | None:
        return self.entries.get(name)

    def set_password(self, service: str, name: str, text: str) -> None:
        if len(text.encode("utf-16-le")) > 2560:
            raise OSError(1783, "CredWrite", "The stub received bad data")
        self.entries[name] = text

    def delete_password(self, service: str, name: str) -> None:
        del self.entries[name]


def test_a_session_of_any_length_fits_into_the_key_store_of_windows(monkeypatch):
    store = CredentialManager()
    monkeypatch.delenv("KIT_SESSION_FILE", raising=False)
    monkeypatch.setitem(sys.modules, "keyring", store)
    for length in (2000, 1, 9000):
        saved = Session(**{**SESSION.__dict__, "refresh_token": "r" * length})
        save(saved)
        assert load() == saved
    assert len(store.entries) == 1 + -(-len(json.dumps(SESSION.__dict__) + "r" * 7000) // 1000)
    forget()
    forget()
    assert store.entries == {}
    with pytest.raises(TokenError, match="nobody is signed in"):
        load()


def test_it_starts_with_nothing_but_pythons_own_library(tmp_path: Path) -> None:
    """Without site-packages; what it would install is the whole folder."""
    (tmp_path / "claude_kit_token").symlink_to(PACKAGE)
    environment = {
        "PYTHONPATH": str(tmp_path),
        "KIT_SESSION_FILE": str(tmp_path / "s.json"),
        "HOME": "/nowhere",
    }
    command = [sys.executable, "-S", "-B", "-m", "claude_kit_token"]
    helped = subprocess.run(
        [*command, "--help"], env=environment, capture_output=True, text=True, cwd=tmp_path
    )
    assert helped.returncode == 0, helped.stderr
    assert "apiKeyHelper" in helped.stdout
    nobody = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert (nobody.returncode, nobody.stdout) == (2, "")
    assert "Traceback" not in nobody.stderr
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text("utf-8"))
    packed = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert sorted(packed) == sorted(one.name for one in PACKAGE.glob("*.py"))


def test_a_good_token_is_printed_and_nothing_else(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KIT_SESSION_FILE", str(tmp_path / "session.json"))
    save(Session(**{**SESSION.__dict__, "expires_at": time.time() + 3600}))
    assert cli.main([]) == 0
    assert capsys.readouterr().out == "a.e30.c\n"
    assert cli.main(["status"]) == 0
    assert "https://gw.example.com" in capsys.readouterr().out
    monkeypatch.setenv("KIT_SESSION_FILE", "/proc/nowhere/session.json")
    with pytest.raises(TokenError, match="cannot be written"):
        save(SESSION)


def test_a_machine_knows_where_its_people_sign_in(tmp_path, monkeypatch, capsys):
    for name in [one for one in os.environ if one.startswith("KIT_")]:
        monkeypatch.delenv(name)
    file = tmp_path / "config.json"
    monkeypatch.setenv("KIT_TOKEN_CONFIG", str(file))
    assert cli.main(["login"]) == 2
    said = capsys.readouterr().err
    assert "--gateway-url, --sign-in-url, --client-id" in said
    assert str(file) in said
    addresses = {"gateway_url": "https://gw/", "sign_in_url": "https://in", "client_id": "app"}
    file.write_text(json.dumps(addresses))
    assert configured()["gateway_url"] == "https://gw"
    monkeypatch.setenv("KIT_CLIENT_ID", "from-environment")
    assert configured(sign_in_url="https://given")["client_id"] == "from-environment"
    for damaged in ("{", "[]", '{"client_id": 1}'):
        file.write_text(damaged)
        assert cli.main(["login"]) == 2


class Me(BaseHTTPRequestHandler):
    """`GET /v1/me` of a gateway; `document` is what it answers."""

    document: ClassVar[bytes] = b""
    sessions: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        self.sessions.append(self.headers["x-claude-code-session-id"])
        self.send_response(200 if self.path == "/v1/me" and self.document else 503)
        self.send_header("content-length", str(len(self.document)))
        self.end_headers()
        self.wfile.write(self.document)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def me(month: int, session: int | None = None, ceiling: int | None = 50_000_000) -> bytes:
    """What a month and a session have used, in percent."""
    budget = {
        "monthly_microusd": ceiling,
        "committed_microusd": month * 500_000,
        "resets_at": "2026-12-01T00:00:00Z",
    }
    own = None if session is None else {"spent_microusd": session * 250_000, "budget_microusd": 25_000_000}
    return json.dumps({"budget": budget, "session": own}).encode()


def test_a_budget_that_comes_to_its_end_is_said_in_claude_code_once_a_level(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setenv("KIT_SESSION_FILE", str(tmp_path / "session.json"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Me)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    save(replace(SESSION, gateway_url=address, expires_at=time.time() + 3_000))

    def said(document: bytes, hook: str = '{"session_id": "s-1", "hook_event_name": "Stop"}') -> str:
        Me.document = document
        monkeypatch.setattr("sys.stdin", io.StringIO(hook))
        assert cli.main(["warn"]) == 0, "a hook that fails would hold a person up"
        printed = capsys.readouterr()
        assert not printed.err
        return json.loads(printed.out)["systemMessage"] if printed.out else ""

    try:
        assert said(me(74)) == ""
        assert "76 % (38.00 of 50.00 USD) of this month's budget" in said(me(76))
        assert said(me(80)) == ""
        assert "91 %" in said(me(91))
        assert said(me(99)) == ""
        assert "This session has used 92 %" in said(me(99, session=92))
        assert said(me(99, session=100)) == ""
        assert "This session" in said(me(99, session=75), '{"session_id": "s-2"}')
        assert Me.sessions[-1] == "s-2"
        for hook in ("", "no JSON", "[]", '{"session_id": "a\\r\\nx: y"}'):
            assert said(me(10), hook) == ""
            assert Me.sessions[-1] is None
        for document in (b"", b"no JSON", b"[]", b'{"budget": 5}', me(99, ceiling=None), me(99, ceiling=0)):
            assert said(document) == ""
        (tmp_path / "warnings.json").write_text("[1]")
        assert "99 %" in said(me(99)), "what cannot be read is as if nothing had been said"
    finally:
        server.shutdown()
        server.server_close()
    forget()
    assert said(me(99)) == "", "that nobody is signed in is reported by the token"


PERMITTED = ["https://mcp.acme.com", "https://tools.acme.com#search", "https://tools.acme.com#read.all"]


@pytest.fixture
def refused_tool(tmp_path, monkeypatch, capsys):
    """Calls `claude-kit-token tools` as Claude Code does; whether it stops the call, and why."""
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "own"))
    monkeypatch.delenv("CLAUDE_PROJECT_DIR", raising=False)
    (tmp_path / "own").mkdir()
    (tmp_path / "work" / "src").mkdir(parents=True)

    def call(hook: object, permitted: list[str] = PERMITTED) -> str:
        given = hook if isinstance(hook, bytes) else json.dumps(hook).encode()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given)))
        code = cli.main(["tools", *permitted])
        printed = capsys.readouterr()
        assert not printed.out
        assert code == (2 if printed.err else 0), "Claude Code stops a call at 2 only"
        return printed.err

    return call


def _serves(file: Path, **servers: object) -> None:
    file.write_text(
        json.dumps({"mcpServers": {name.replace("_", " "): one for name, one in servers.items()}})
    )


def test_claude_code_calls_only_the_listed_tools_of_a_server_whatever_it_is_called(tmp_path, refused_tool):
    work, own = tmp_path / "work", tmp_path / "own" / ".claude.json"

    def refused(tool: str) -> str:
        return refused_tool({"tool_name": tool, "cwd": str(work / "src"), "tool_input": {}})

    assert "says where the server" in refused("mcp__mine__search"), "a server from nowhere"
    _serves(work / ".mcp.json", mine={"type": "http", "url": "https://TOOLS.acme.com:443/mcp?x=1"})
    _serves(own, all={"url": "https://mcp.acme.com/"}, my_tools={"url": "https://tools.acme.com/@a/mcp"})
    for tool in ("mine__search", "my_tools__search", "my_tools__read_all", "all__anything"):
        assert refused(f"mcp__{tool}") == "", tool
    for tool in ("mine__delete", "my_tools__searching", "my_tools__", "other__search", "all", "mine_search"):
        assert refused(f"mcp__{tool}"), tool
    assert refused("Bash") == ""
    # the name means another server somewhere else: every one of them must be permitted
    content = {"projects": {"/p": {"mcpServers": {"mine": {"url": "https://elsewhere.com"}}}}}
    own.write_text(json.dumps(content))
    assert "elsewhere.com" in refused("mcp__mine__search")
    _serves(own, mine={"command": "npx", "args": ["x"]})
    assert "a local server" in refused("mcp__mine__search")


def test_an_address_that_only_looks_permitted_is_refused(tmp_path, refused_tool):
    for address in (
        "http://mcp.acme.com",
        "https://mcp.acme.com:8443",
        "https://mcp.acme.com.evil.com",
        "https://mcp.acme.com@evil.com",
        "https://evil.com\\@mcp.acme.com",
        "https://u:${P}@mcp.acme.com",
        "https://mcp.acme.com:${P}",
        "https://mcp.acme .com",
        "mcp.acme.com",
        "https://[",
        "",
    ):
        _serves(tmp_path / "own" / ".claude.json", mine={"url": address})
        assert refused_tool({"tool_name": "mcp__mine__search"}), address


def test_a_call_that_cannot_be_checked_is_stopped(tmp_path, refused_tool):
    for hook in (b"", b"no JSON", b"[]", b"{}", b'{"tool_name": 5}', b"\xff", b"[" * 100_000):
        assert "could not be checked" in refused_tool(hook), hook[:10]
    _serves(tmp_path / "work" / ".mcp.json", mine={"url": "https://mcp.acme.com"})
    call = {"tool_name": "mcp__mine__search", "cwd": str(tmp_path / "work")}
    assert refused_tool(call) == ""
    assert refused_tool(call, []), "nothing is permitted"
    (tmp_path / "own" / ".claude.json").write_text("{")
    assert "could not be checked" in refused_tool(call), "a file may say where the name leads"

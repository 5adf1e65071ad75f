"""A person's session on their machine: signing in without a browser, tokens that renew themselves, signing
out (L1.3, G.4). The sign-in service is a small one over HTTP that keeps to PKCE and rotates refresh tokens.
"""

import base64
import hashlib
import http.server
import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from claude_kit_token.errors import TokenError
from claude_kit_token.session import Session, ask_for_tokens
from kit.home import PROJECT_ROOT
from kit.identity.session import fresh, load, save
from tests.support.local_kit import KIT

from .commands import invoke

APP = "app-of-people"


def _token(number: int) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"kit_person": "ada", "n": number}).encode())
    return f"e30.{claims.decode().rstrip('=')}.signature-{number}"


@dataclass
class SignIn:
    """What the user pool's endpoints do. `challenges` by code; only the last refresh token is good."""

    challenges: dict[str, str] = field(default_factory=dict)
    refresh_token: str = "refresh-0"
    refreshed: int = 0
    revoked: list[str] = field(default_factory=list)
    signed_out: list[str] = field(default_factory=list)  # what the gateway was told, which is here too
    down: bool = False
    redirect: str = ""
    elsewhere: int = 0
    url: str = ""

    def authorize(self, address: str) -> str:
        """Where the browser ends when a person signs in at this address."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["client_id"] == APP
        assert query["code_challenge_method"] == "S256"
        code = self.grant(query["code_challenge"])
        return f"{query['redirect_uri']}?code={code}&state={query['state']}"

    def grant(self, challenge: str) -> str:
        """A code for anyone who can prove this challenge."""
        code = f"code-{len(self.challenges)}"
        self.challenges[code] = challenge
        return code

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        if self.down:
            return 503, {"error": "down"}
        if path == "/oauth2/revoke":
            self.revoked.append(form["token"])
            return 200, {}
        if form.get("client_id") != APP or not self._proved(form):
            return 400, {"error": "invalid_grant"}
        self.refreshed += form["grant_type"] == "refresh_token"
        self.refresh_token = f"refresh-{self.refreshed}"
        tokens = {"access_token": _token(self.refreshed), "refresh_token": self.refresh_token}
        return 200, {**tokens, "expires_in": 3600}

    def _proved(self, form: dict[str, str]) -> bool:
        if form["grant_type"] == "refresh_token":
            return form["refresh_token"] == self.refresh_token and form["refresh_token"] not in self.revoked
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = self.challenges.pop(form["code"], None)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=") == challenge


@pytest.fixture
def sign_in() -> Iterator[SignIn]:
    service = SignIn()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """The identity provider's page, filled in."""
            if self.path == "/elsewhere":
                service.elsewhere += 1
                self.send_error(404)
                return
            code = service.grant(parse_qs(urlsplit(self.path).query)["challenge"][0]).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(code)))
            self.end_headers()
            self.wfile.write(code)

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"])).decode()
            if service.redirect:
                self.send_response(302)
                self.send_header("location", service.redirect)
                self.send_header("content-length", "0")
                self.end_headers()
                return
            form = {name: values[0] for name, values in parse_qs(raw).items()}
            if self.path == "/v1/sign-out" and not service.down:
                service.signed_out.append(self.headers["authorization"])
                status, answer = 200, {"type": "signed_out"}
            else:
                status, answer = service.answer(self.path, form)
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield service
    server.shutdown()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "own" / "session.json"
    monkeypatch.setenv("KIT_SESSION_FILE", str(path))
    return path


@pytest.fixture
def session(sign_in: SignIn, file: Path) -> Session:
    """Somebody who is signed in, with a token that is good for an hour."""
    del file
    signed_in = Session(sign_in.url, sign_in.url, APP, _token(0), "refresh-0", time.time() + 3600)
    save(signed_in)
    return signed_in


# -- signing in ----------------------------------------------------------------------------------------------


def _login(sign_in: SignIn, file: Path, paste: str | None = None) -> tuple[int, str]:
    """`kit login --no-browser`, the address opened on another device; exit code and all that was printed."""
    addresses = ["--gateway-url", "https://claude.example.com", "--sign-in-url", sign_in.url]
    process = subprocess.Popen(
        [*KIT, "login", "--no-browser", *addresses, "--client-id", APP],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "KIT_SESSION_FILE": str(file), "PYTHONPATH": str(PROJECT_ROOT)},
        start_new_session=True,  # no terminal: what is pasted comes by standard input
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    answer = sign_in.authorize(first.split(": ", 1)[1].strip())
    said, _ = process.communicate((paste or answer) + "\n", timeout=60)
    assert "Traceback" not in said
    return process.returncode, first + said


def test_a_person_signs_in_on_another_device_and_pastes_the_address(sign_in: SignIn, file: Path) -> None:
    code, said = _login(sign_in, file)
    assert code == 0, said
    assert _token(0) not in said
    assert "code-0" not in said
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert invoke({}, "token").stdout.strip() == _token(0)
    shown = invoke({}, "whoami")
    assert "refresh-0" not in shown.stdout + shown.stderr


@pytest.mark.parametrize(
    "pasted",
    [
        "http://localhost:8976/callback?code=code-0&state=of-somebody-else",
        "http://localhost:8976/callback?code=code-0",
        "no address at all",
    ],
)
def test_an_answer_of_another_sign_in_is_refused(sign_in: SignIn, file: Path, pasted: str) -> None:
    code, said = _login(sign_in, file, pasted)
    assert code != 0
    assert "does not belong to this sign-in" in said
    assert not file.exists()


BROWSER = """
import socket, sys, urllib.error, urllib.parse, urllib.request
address = sys.argv[1]
query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
sign_in = address.split("/oauth2/")[0]


def go(more):
    url = query["redirect_uri"] + "?" + urllib.parse.urlencode(more)
    try:
        with urllib.request.urlopen(url) as page:
            return page.read().decode()
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read().decode()}"


back = urllib.parse.urlsplit(query["redirect_uri"])
idle = socket.create_connection(("127.0.0.1", back.port))  # as browsers do, and say nothing on it
print(go({"code": "of-somebody-else", "state": "guess"}))
print(go({"code": "without"}))
if OUTCOME == "refused":
    print(go({"error": "access_denied", "error_description": "Ask your centre", "state": query["state"]}))
else:
    with urllib.request.urlopen(f"{sign_in}/authorized?challenge={query['code_challenge']}") as answer:
        code = answer.read().decode()
    print(go({"code": code, "state": query["state"]}))
idle.close()
"""


def _login_by_browser(sign_in: SignIn, file: Path, outcome: str) -> tuple[int, str, str]:
    """`kit login` with a script as browser; exit code, what was printed, what the browser was shown."""
    script, shown = file.parent / "browser.py", file.parent / "shown"
    file.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(BROWSER.replace("OUTCOME", repr(outcome)))
    addresses = ["--gateway-url", "https://claude.example.com", "--sign-in-url", sign_in.url]
    done = subprocess.run(
        [*KIT, "login", *addresses, "--client-id", APP, "--wait", "30"],
        capture_output=True,
        text=True,
        timeout=60,
        env={
            **os.environ,
            "KIT_SESSION_FILE": str(file),
            "PYTHONPATH": str(PROJECT_ROOT),
            "BROWSER": f"sh -c '{sys.executable} {script} \"$1\" > {shown}' browser %s",
        },
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr, shown.read_text()


def test_a_person_signs_in_with_the_browser_whoever_else_knocks(sign_in: SignIn, file: Path) -> None:
    code, said, shown = _login_by_browser(sign_in, file, "granted")
    assert code == 0, said
    assert shown.splitlines()[0].startswith("400 ")
    assert shown.splitlines()[1].startswith("400 ")
    assert "go back to the terminal" in shown.splitlines()[2]
    assert _token(0) not in said
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert invoke({}, "token").stdout == _token(0) + "\n"


def test_a_refusal_of_the_identity_provider_is_told_in_the_terminal_and_on_the_page(
    sign_in: SignIn, file: Path
) -> None:
    code, said, shown = _login_by_browser(sign_in, file, "refused")
    assert code == 2
    assert "sign-in was refused: Ask your centre" in said
    assert "Sign-in was refused" in shown
    assert not file.exists()


def test_a_code_without_its_verifier_is_worth_nothing(sign_in: SignIn, session: Session) -> None:
    sign_in.challenges["code-x"] = "challenge-of-the-owner"
    with pytest.raises(TokenError, match="invalid_grant"):
        ask_for_tokens(session, grant_type="authorization_code", code="code-x", code_verifier="guess")


def test_no_token_follows_a_redirect(sign_in: SignIn, session: Session) -> None:
    sign_in.redirect = f"{sign_in.url}/elsewhere"
    with pytest.raises(TokenError):
        ask_for_tokens(session, grant_type="refresh_token", refresh_token="refresh-0")
    assert invoke({}, "logout").code == 0
    assert sign_in.elsewhere == 0


def test_tokens_are_asked_for_over_https_only(session: Session) -> None:
    plain = replace(session, sign_in_url="http://sign-in.example.com")
    with pytest.raises(TokenError, match="not reached over https"):
        ask_for_tokens(plain, grant_type="refresh_token", refresh_token="secret")


# -- renewal -------------------------------------------------------------------------------------------------


def test_a_good_token_is_given_as_it_is(sign_in: SignIn, session: Session) -> None:
    assert invoke({}, "token").stdout == session.access_token + "\n"
    assert sign_in.refreshed == 0


def test_a_token_about_to_expire_is_renewed_once_however_many_ask(sign_in: SignIn, session: Session) -> None:
    save(replace(session, expires_at=time.time() + 60))
    with ThreadPoolExecutor(8) as pool:
        tokens = {one.access_token for one in pool.map(lambda _: fresh(), range(8))}
    assert tokens == {_token(1)}
    assert sign_in.refreshed == 1
    assert load().refresh_token == "refresh-1"
    assert invoke({}, "token").stdout.strip() == _token(1)


def test_a_session_that_was_ended_elsewhere_asks_to_sign_in_again(sign_in: SignIn, session: Session) -> None:
    save(replace(session, expires_at=0))
    sign_in.revoked.append("refresh-0")
    done = invoke({}, "token")
    assert done.code == 2
    assert done.stdout == ""
    assert "kit login" in done.stderr
    assert "refresh-0" not in done.stderr


def test_an_unreachable_service_is_said_to_be_one(session: Session) -> None:
    save(replace(session, expires_at=0, sign_in_url="http://127.0.0.1:9"))
    done = invoke({}, "token")
    assert (done.code, done.stdout) == (4, "")
    assert "does not answer" in done.stderr


def test_a_token_that_is_good_for_a_while_still_is_used_when_the_service_is_away(
    sign_in: SignIn, session: Session
) -> None:
    save(replace(session, expires_at=time.time() + 100))
    sign_in.down = True
    done = invoke({}, "token")
    assert (done.code, done.stdout.strip()) == (0, session.access_token)
    save(replace(session, expires_at=time.time() + 100, sign_in_url="http://127.0.0.1:9"))
    assert invoke({}, "token").stdout.strip() == session.access_token
    save(replace(session, expires_at=time.time() + 2))
    assert invoke({}, "token").code == 4


class LockedStore:
    """A key store as a desktop has it before anybody has unlocked it."""

    priority = 5

    def refuse(self, *_: str) -> None:
        raise RuntimeError("Failed to unlock the collection!")

    get_password = set_password = delete_password = refuse

    def get_keyring(self) -> "LockedStore":
        return self


@pytest.mark.parametrize("command", ["token", "logout", "whoami"])
def test_a_locked_key_store_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.delenv("KIT_SESSION_FILE", raising=False)
    monkeypatch.setitem(sys.modules, "keyring", LockedStore())
    done = invoke({}, command)
    assert done.code == 4
    assert "key store" in done.stderr
    assert "KIT_SESSION_FILE" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_helper_starts_where_there_is_no_fcntl() -> None:
    """As on Windows, whose Python has no such module."""
    code = "import sys; sys.modules['fcntl'] = None; import claude_kit_token.cli"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# -- signing out ---------------------------------------------------------------------------------------------


def test_signing_out_makes_the_tokens_worthless_and_forgets_them(
    sign_in: SignIn, session: Session, file: Path
) -> None:
    done = invoke({}, "logout")
    assert (done.code, done.stderr) == (0, "signed out\n")
    assert sign_in.revoked == [session.refresh_token]
    assert sign_in.signed_out == [f"Bearer {session.access_token}"]
    assert not file.exists()
    assert invoke({}, "token").code == 2
    again = invoke({}, "logout")
    assert again.code == 0
    assert "nobody was signed in" in again.stderr
    save(replace(session, expires_at=0))
    assert invoke({}, "token").code == 2, "a copy of the session is of no use"


def test_signing_out_forgets_also_when_the_service_is_away(
    sign_in: SignIn, session: Session, file: Path
) -> None:
    sign_in.down = True
    done = invoke({}, "logout")
    assert done.code == 0
    assert "the sign-in service and the gateway could not be notified" in done.stderr
    assert session.access_token not in done.stderr
    assert not file.exists()


def test_signing_out_tells_the_gateway_nothing_of_a_token_that_has_expired(
    sign_in: SignIn, session: Session
) -> None:
    save(replace(session, expires_at=time.time() - 1))
    assert invoke({}, "logout").stderr == "signed out\n"
    assert sign_in.signed_out == []


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"access_token": 1}'])
def test_a_damaged_session_is_nobody_signed_in(file: Path, damage: str) -> None:
    file.parent.mkdir()
    file.write_text(damage)
    assert invoke({}, "token").code == 2
    assert invoke({}, "logout").code == 0

"""A stand-in for the organisation's identity provider: OpenID Connect for the demonstration's people (G.4).

`kit up` federates the emulated user pool with it, so that a browser can sign in at the portal and at `kit
login`. Anyone who reaches this loopback address may be anybody in its list: it proves the way, not who
somebody is.

    python -m kit.local.identity_stand_in --port 8793 --people people.json --emulator http://127.0.0.1:8790

`people.json`: [{"login": "ada", "name": "Ada", "email": "ada@example.com", "about": "Marketing"}]
"""

import argparse
import html
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

_CODE_SECONDS = 300
_TOKEN_SECONDS = 3600
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Demonstration sign-in</title>
<style>body{{font:1.1rem/1.5 system-ui;max-width:32rem;margin:3rem auto;padding:0 1rem}}button{{font:inherit;
display:block;width:100%;text-align:left;padding:.8rem 1rem;margin:.6rem 0;cursor:pointer}}</style>
<h1>Demonstration sign-in</h1>
<p>This stands in for your identity provider on this machine only. Nobody is checked here.</p>
<form method="post" action="/auth?{query}">{people}</form>"""


@dataclass(frozen=True, slots=True)
class Person:
    """A person of the demonstration."""

    login: str
    name: str
    email: str
    about: str


@dataclass(slots=True)
class Provider:
    """Issued codes that are not yet exchanged, and the signing key. `callback` is the emulator's."""

    issuer: str
    callback: str
    people: Mapping[str, Person]
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": secrets.token_hex(8)}))
    codes: dict[str, tuple[str, str, float]] = field(default_factory=dict)

    def page(self, query: str) -> str:
        """Return the page of people to choose from."""
        buttons = "".join(
            f'<button name="login" value="{html.escape(one.login)}">{html.escape(one.name)}, '
            f"{html.escape(one.about)}</button>"
            for one in self.people.values()
        )
        return _PAGE.format(query=html.escape(query), people=buttons)

    def chosen(self, login: str, query: Mapping[str, list[str]]) -> str | None:
        """Return the redirect with a code, or None for an unknown person."""
        if login not in self.people:
            return None
        code = secrets.token_urlsafe(24)
        client = (query.get("client_id") or [""])[0]
        self.codes[code] = (login, client, time.monotonic() + _CODE_SECONDS)
        return f"{self.callback}?{urlencode({'code': code, 'state': (query.get('state') or [''])[0]})}"

    def exchange(self, form: Mapping[str, list[str]]) -> dict[str, Any] | None:
        """Return tokens for a code, once; None for an unknown one."""
        login, client, until = self.codes.pop((form.get("code") or [""])[0], ("", "", 0.0))
        if time.monotonic() > until:
            return None
        now, who = int(time.time()), self.people[login]
        claims = {
            "iss": self.issuer,
            "aud": client,
            "sub": who.login,
            "iat": now,
            "exp": now + _TOKEN_SECONDS,
            **_profile(who),
        }
        token = jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)
        return {
            "access_token": token,
            "id_token": token,
            "token_type": "Bearer",
            "expires_in": _TOKEN_SECONDS,
        }

    def described(self) -> dict[str, Any]:
        """Return the provider's metadata."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/me",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def who(self, authorization: str) -> dict[str, Any] | None:
        """Return the profile of a token's owner, or None for a token that is not ours."""
        try:
            claims = jwt.decode(authorization.removeprefix("Bearer "), self.key, ["RS256"]).claims
        except ValueError:
            return None
        person = self.people.get(claims["sub"])
        return {"sub": person.login, **_profile(person)} if person else None


def _profile(who: Person) -> dict[str, Any]:
    return {
        "email": who.email,
        "email_verified": True,
        "preferred_username": who.email,
        "name": who.name,
    }


class _Handler(BaseHTTPRequestHandler):
    @property
    def _provider(self) -> Provider:
        if not isinstance(self.server, _Server):
            raise TypeError("this handler belongs to the stand-in's server")
        return self.server.provider

    def do_GET(self) -> None:
        path, provider = urlsplit(self.path), self._provider
        match path.path:
            case "/auth":
                self._answer(200, provider.page(path.query), "text/html; charset=utf-8")
            case "/jwks":
                self._json({"keys": [provider.key.as_dict(private=False, alg="RS256", use="sig")]})
            case "/.well-known/openid-configuration":
                self._json(provider.described())
            case "/healthz":
                self._json({"status": "ok"})
            case "/me":
                self._json(provider.who(self.headers.get("authorization", "")), missing=401)
            case _:
                self._answer(404, "", "text/plain")

    def do_POST(self) -> None:
        path, provider = urlsplit(self.path), self._provider
        size = int(self.headers.get("content-length") or 0)
        form = parse_qs(self.rfile.read(min(size, 65_536)).decode())
        if path.path == "/token":
            self._json(provider.exchange(form), missing=400)
            return
        target = provider.chosen((form.get("login") or [""])[0], parse_qs(path.query))
        if path.path != "/auth" or target is None:
            self._answer(404, "", "text/plain")
            return
        self.send_response(303)
        self.send_header("location", quote(target, safe=":/?&=%-_.~"))
        self.send_header("content-length", "0")
        self.end_headers()

    def _json(self, content: Mapping[str, Any] | None, *, missing: int = 404) -> None:
        body = json.dumps(content if content is not None else {"error": "invalid_grant"})
        self._answer(200 if content is not None else missing, body, "application/json")

    def _answer(self, status: int, text: str, media_type: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing: addresses contain codes."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, provider: Provider) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.provider = provider


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description="A stand-in for an identity provider, for demonstrations.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--people", type=Path, required=True)
    parser.add_argument("--emulator", required=True)
    given = parser.parse_args()
    people = [Person(**one) for one in json.loads(given.people.read_text(encoding="utf-8"))]
    issuer = f"http://127.0.0.1:{given.port}"
    callback = f"{given.emulator}/oauth2/idpresponse"
    provider = Provider(issuer, callback, {one.login: one for one in people})
    _Server(given.port, provider).serve_forever()


if __name__ == "__main__":
    main()

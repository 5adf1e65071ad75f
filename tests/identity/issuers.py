"""An identity provider that a test scripts: signs what it is told to, serves its keys over HTTP."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from lambdas.common.policy import Issuer

# Made once: a fresh pair for each test would take longer than all the tests.
KEYS = [RSAKey.generate_key(2048) for _ in range(3)]
AUDIENCE = "claude-gateway"
NOW = 1_800_000_000


class Provider:
    """Keys, tokens, and a count of how often the keys were read. `headers` and `status` change its answer."""

    def __init__(self) -> None:
        self.issuer = "https://login.example.com"
        self.keys = {"first": KEYS[0]}
        self.reads = 0
        self.status = 200
        self.headers: dict[str, str] = {}
        self.document: bytes | None = None
        self.url = ""

    def claims(self, **changes: Any) -> dict[str, Any]:
        claims = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": "person-1",
            "iat": NOW - 10,
            "exp": NOW + 600,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, kid: str = "first", *, algorithm: str = "RS256", **changes: Any) -> str:
        header = {"alg": algorithm, "kid": kid}
        return jwt.encode(header, self.claims(**changes), self.keys[kid], algorithms=[algorithm])

    def public(self) -> bytes:
        if self.document is not None:
            return self.document
        keys = [{**key.as_dict(private=False), "kid": kid, "use": "sig"} for kid, key in self.keys.items()]
        return json.dumps({"keys": keys}).encode()

    def configured(self, **changes: Any) -> Issuer:
        values: dict[str, Any] = {
            "issuer": self.issuer,
            "audience": AUDIENCE,
            "algorithms": ("RS256",),
            "jwks_uri": self.url,
            "principal": "person",
            "claims": {"person": "sub"},
            **changes,
        }
        return Issuer(**values)


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    """A token as an attacker writes it."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in (header, claims)
    ]
    return ".".join([*parts, signature])


def signed_with_secret(claims: dict[str, Any], secret: bytes, kid: str = "first") -> str:
    """A token under HMAC with any bytes as the secret, which no library signs with."""
    token = unsigned({"alg": "HS256", "kid": kid}, claims).removesuffix(".")
    digest = hmac.digest(secret, token.encode(), hashlib.sha256)
    return f"{token}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


@contextmanager
def serving(provider: Provider) -> Iterator[Provider]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.reads += 1
            body = provider.public()
            self.send_response(provider.status)
            for name, value in provider.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    provider.url = f"http://127.0.0.1:{server.server_address[1]}/jwks"
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()

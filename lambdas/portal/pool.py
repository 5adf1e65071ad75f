"""Client of the user pool: the authorization code flow with PKCE, refresh and revocation (G.4)."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from lambdas.common.clock import Clock, utc_now
from lambdas.common.policy import Issuer
from lambdas.common.tokens import KeysUnavailable, TokenRefused, TokenVerifier
from lambdas.gateway.providers.transport import HttpTransport, TransportError
from lambdas.portal.sessions import Tokens

SCOPES = "openid email claude/messages"
_SECONDS = 8.0


class SignInFailed(Exception):
    """The sign-in cannot be completed. The text is a fixed word for the log."""


class SignInRefused(SignInFailed):
    """The pool refused the person, e.g. because access has ended. `message` is the pool's, for the person."""

    def __init__(self, message: str) -> None:
        super().__init__("refused")
        self.message = message


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in in progress. It travels in a cookie; `verifier` never leaves the portal and that cookie."""

    state: str
    verifier: str
    nonce: str
    next: str

    @classmethod
    def begin(cls, next_path: str) -> "Attempt":
        """Return a new attempt that ends at `next_path`."""
        return cls(secrets.token_urlsafe(24), secrets.token_urlsafe(48), secrets.token_urlsafe(24), next_path)

    def to_cookie(self) -> str:
        """Return the attempt as text for a cookie."""
        fields = [self.state, self.verifier, self.nonce, self.next]
        return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")

    @classmethod
    def from_cookie(cls, text: str) -> "Attempt | None":
        """Return the attempt in a cookie, or None."""
        try:
            fields = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        except ValueError:
            return None
        if (
            not isinstance(fields, list)
            or len(fields) != 4
            or not all(isinstance(one, str) for one in fields)
        ):
            return None
        return cls(*fields)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who signed in. `person` is the id of provisioning, `name` the name at the identity provider."""

    person: str
    name: str
    tokens: Tokens


@dataclass(frozen=True, slots=True)
class UserPool:
    """The pool's endpoints.

    `provider` is the name of the identity provider behind it, `issuer` describes its ID tokens,
    `redirect_uri` is the portal's callback.
    """

    transport: HttpTransport
    verifier: TokenVerifier
    sign_in_url: str
    client_id: str
    provider: str
    issuer: Issuer
    redirect_uri: str
    clock: Clock = utc_now

    def authorize_url(self, attempt: Attempt) -> str:
        """Return where the browser goes: directly to the identity provider behind the pool."""
        challenge = hashlib.sha256(attempt.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": SCOPES,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            "identity_provider": self.provider,
        }
        return f"{self.sign_in_url}/oauth2/authorize?{urlencode(query)}"

    async def complete(self, attempt: Attempt, code: str) -> SignedIn:
        """Exchange the code. Raises `SignInFailed`, `SignInRefused`."""
        answer = await self.exchange(code, attempt.verifier)
        tokens = self._tokens(answer, "")
        claims = await self._claims(tokens.identity)
        if not secrets.compare_digest(str(claims.get("nonce", "")), attempt.nonce):
            raise SignInFailed("nonce")
        person = claims.get("kit_person")
        if not isinstance(person, str) or not person:
            raise SignInFailed("no_person")
        name = claims.get("name") or claims.get("email") or claims.get("preferred_username") or person
        return SignedIn(person, str(name), tokens)

    async def exchange(self, code: str, verifier: str) -> dict[str, Any]:
        """Return the token endpoint's answer to a code. Raises `SignInFailed`, `SignInRefused`."""
        return await self._post(
            "token",
            grant_type="authorization_code",
            code=code,
            redirect_uri=self.redirect_uri,
            code_verifier=verifier,
        )

    async def refresh(self, tokens: Tokens) -> Tokens:
        """Return new tokens. Raises `SignInRefused` once the pool issues none, `SignInFailed` if it is
        unreachable.
        """
        answer = await self._post("token", grant_type="refresh_token", refresh_token=tokens.refresh)
        return self._tokens(answer, tokens.refresh)

    async def revoke(self, tokens: Tokens) -> None:
        """Revoke the refresh token. Raises `SignInFailed` if the pool is unreachable."""
        await self._post("revoke", token=tokens.refresh)

    async def _claims(self, identity_token: str) -> Mapping[str, Any]:
        try:
            return (await self.verifier.verify(identity_token, [self.issuer])).claims
        except TokenRefused as error:
            raise SignInFailed(f"token_{error.reason}") from None
        except KeysUnavailable:
            raise SignInFailed("keys_unavailable") from None

    def _tokens(self, answer: Mapping[str, Any], refresh: str) -> Tokens:
        try:
            expires_at = int(self.clock().timestamp()) + int(answer["expires_in"])
            return Tokens(
                answer["access_token"], answer["id_token"], answer.get("refresh_token") or refresh, expires_at
            )
        except (KeyError, TypeError, ValueError):
            raise SignInFailed("answer") from None

    async def _post(self, endpoint: str, **form: str) -> dict[str, Any]:
        headers = [(b"content-type", b"application/x-www-form-urlencoded")]
        body = urlencode({**form, "client_id": self.client_id}).encode()
        url = f"{self.sign_in_url}/oauth2/{endpoint}"
        try:
            response = await self.transport.send("POST", url, headers, body, first_byte_seconds=_SECONDS)
            text = b""
            while piece := await response.read(_SECONDS):
                text += piece
        except TransportError:
            raise SignInFailed("unavailable") from None
        return _answer(response.status, text)


def _answer(status: int, text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text or b"{}")
    except ValueError:
        answer = None
    if status == 400 and isinstance(answer, dict) and answer.get("error") == "invalid_grant":
        raise SignInRefused(str(answer.get("error_description", ""))[:300])
    if status != 200 or not isinstance(answer, dict):
        raise SignInFailed(f"status_{status}")
    return answer

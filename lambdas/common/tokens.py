"""Verification of tokens from configured issuers: genuine, current, and intended for us (L1.3, G.4).

A token is accepted if all of this holds: its issuer is configured; its algorithm is on that issuer's list,
which contains asymmetric ones only; a key of that issuer's key set with the token's `kid`, made for that
algorithm, verifies the signature; the audience is ours; it has an `exp`, neither that nor `nbf` or `iat` is
off by more than a minute, and its lifetime is within the limit; one of the rules for that issuer and
audience matches, with every claim and scope that it requires. Everything else is rejected, with a reason
that is a fixed word and never a part of the token.
"""

import asyncio
import base64
import json
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, cast
from urllib.parse import urlsplit

from lambdas.common.claim_rules import hold
from lambdas.common.clock import Clock, utc_now
from lambdas.common.policy import Issuer

LONGEST_TOKEN = 16 * 1024
LARGEST_KEY_SET = 256 * 1024
LEEWAY_SECONDS = 60
FETCH_SECONDS = 5.0
FRESH_SECONDS = 600.0  # age at which a key set is read again
STALE_SECONDS = 3600.0  # maximum age of a key set that cannot be read again
ASK_AGAIN_SECONDS = 30.0  # minimum interval of reads because of an unknown `kid`
TRY_AGAIN_SECONDS = 5.0  # interval after a failed read
_MOST_KEYS = 100
_LEAST_RSA_BITS = 2048

# None of these uses a shared secret, so no public key can be mistaken for one.
ASYMMETRIC = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
_TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})


class TokenRefused(Exception):
    """The token is rejected. `reason` is a fixed word, for logs."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class KeysUnavailable(Exception):
    """The issuer's keys are unavailable, so the token can be neither accepted nor rejected."""


@dataclass(frozen=True, slots=True)
class Verified:
    """An accepted token. `expires_at` in seconds since the epoch, without the leeway."""

    issuer: Issuer
    claims: Mapping[str, Any]
    expires_at: float


Fetch = Callable[[str], Awaitable[bytes]]


class TokenVerifier:
    """Verifies tokens. One per process; caches key sets, and nothing of any token."""

    def __init__(self, key_sets: "KeySets", *, clock: Clock = utc_now) -> None:
        self._key_sets = key_sets
        self._clock = clock

    async def verify(self, token: str, issuers: Sequence[Issuer]) -> Verified:
        """Return what the token says. Raises `TokenRefused`, or `KeysUnavailable`."""
        header, claims = _unverified(token)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ASYMMETRIC:
            raise TokenRefused("algorithm")
        if "crit" in header or "b64" in header:
            raise TokenRefused("header")  # extensions that change the meaning of a signature
        if str(header.get("typ", "")).lower() not in _TYPES:
            raise TokenRefused("type")
        rules = _candidates(claims, algorithm, issuers)
        kid = header.get("kid")
        key = await self._key_sets.find(rules[0].jwks_uri, kid if isinstance(kid, str) else None, algorithm)
        if key is None:
            raise TokenRefused("key")
        _check_signature(token, key, algorithm)
        expires_at = self._check_times(claims)
        rule = _first_that_holds(rules, claims)
        lifetime = _lifetime(claims, expires_at, self._clock().timestamp())
        if lifetime > rule.max_lifetime_minutes * 60 + LEEWAY_SECONDS:
            raise TokenRefused("lifetime")
        return Verified(rule, claims, expires_at)

    def _check_times(self, claims: Mapping[str, Any]) -> float:
        now = self._clock().timestamp()
        expires_at = _seconds(claims, "exp")
        if expires_at is None:
            raise TokenRefused("no_expiry")
        if now >= expires_at + LEEWAY_SECONDS:
            raise TokenRefused("expired")
        for name in ("nbf", "iat"):
            at = _seconds(claims, name)
            if at is not None and at > now + LEEWAY_SECONDS:
                raise TokenRefused("not_yet")
        return expires_at


def _unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims as sent: enough to select the key, and not to be trusted."""
    if len(token) > LONGEST_TOKEN:
        raise TokenRefused("too_long")
    parts = token.split(".")
    if len(parts) != 3 or not all(parts):
        raise TokenRefused("shape")
    return _json_object(parts[0]), _json_object(parts[1])


def _json_object(part: str) -> dict[str, Any]:
    try:
        data = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        value = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise TokenRefused("shape") from None
    if not isinstance(value, dict):
        raise TokenRefused("shape")
    return cast("dict[str, Any]", value)


def _no_constant(name: str) -> float:
    raise ValueError(name)  # NaN and infinities are not JSON, and compare with nothing


def _candidates(claims: Mapping[str, Any], algorithm: str, issuers: Sequence[Issuer]) -> list[Issuer]:
    """Return the rules that may apply to the token, in order: of its issuer, and for one of its audiences.

    The configuration ensures that they share one key set.
    """
    own = [one for one in issuers if one.issuer == claims.get("iss")]
    if not own:
        raise TokenRefused("issuer")
    allowed = [one for one in own if algorithm in one.algorithms]
    if not allowed:
        raise TokenRefused("algorithm")
    audiences = _audiences(claims)
    meant = [one for one in allowed if one.audience in audiences]
    meant = [one for one in meant if one.jwks_uri == meant[0].jwks_uri]
    if not meant:
        raise TokenRefused("audience")
    return meant


def _first_that_holds(rules: Sequence[Issuer], claims: Mapping[str, Any]) -> Issuer:
    """Return the first rule whose claims and scopes the token has."""
    scopes, holding = _scopes(claims), [one for one in rules if hold(one.required_claims, claims)]
    if not holding:
        raise TokenRefused("claim_rule")
    for rule in holding:
        if set(rule.required_scopes) <= scopes:
            return rule
    raise TokenRefused("scope")


def _lifetime(claims: Mapping[str, Any], expires_at: float, now: float) -> float:
    """Return the token's lifetime in seconds; without `iat`, its remaining lifetime."""
    issued_at = _seconds(claims, "iat")
    return expires_at - (now if issued_at is None else issued_at)


def _audiences(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the token's audiences. Cognito access tokens have no `aud`; their audience is the app client."""
    audience = claims.get("aud")
    if audience is None and claims.get("token_use") == "access":
        audience = claims.get("client_id")
    several = cast("list[Any]", audience) if isinstance(audience, list) else [audience]
    return tuple(one for one in several if isinstance(one, str))


def began_at(claims: Mapping[str, Any]) -> float:
    """Return when the bearer signed in, according to the token, or 0: a refreshed token was issued later."""
    for name in ("auth_time", "iat"):
        at = claims.get(name)
        if isinstance(at, int | float) and not isinstance(at, bool):
            return float(at)
    return 0.0


def _scopes(claims: Mapping[str, Any]) -> set[str]:
    """Return the token's scopes: `scope` (RFC 9068), or `scp`, a list in Okta and a text in Entra ID."""
    found: set[str] = set()
    for name in ("scope", "scp"):
        value = claims.get(name)
        given = value.split(" ") if isinstance(value, str) else value
        texts = cast("list[Any]", given) if isinstance(given, list) else ()
        found |= {one for one in texts if isinstance(one, str) and one}
    return found


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e11:
        raise TokenRefused("times")
    return float(value)


def _check_signature(token: str, key: Any, algorithm: str) -> None:
    from joserfc import jws  # takes 70 ms, so it is imported with the first token and not at start
    from joserfc.errors import JoseError

    try:
        jws.deserialize_compact(token, key, algorithms=[algorithm])
    except (JoseError, ValueError, TypeError):
        raise TokenRefused("signature") from None


@dataclass(slots=True)
class _KeySet:
    keys: dict[str | None, list[Any]] = field(default_factory=dict[str | None, list[Any]])
    read_at: float | None = None
    tried_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class KeySets:
    """Public keys of issuers, by the URL of their key set. At most one concurrent read per URL."""

    def __init__(self, fetch: Fetch | None = None, *, clock: Callable[[], float] = monotonic) -> None:
        self._fetch = fetch or fetch_key_set
        self._clock = clock
        self._sets: dict[str, _KeySet] = {}

    async def find(self, url: str, kid: str | None, algorithm: str) -> Any | None:
        """Return the key for a token's header, or None if the issuer has none. Raises `KeysUnavailable`."""
        known = self._sets.setdefault(url, _KeySet())
        if known.read_at is None or self._clock() - known.read_at > FRESH_SECONDS:
            await self._read(url, known, TRY_AGAIN_SECONDS)
        if known.read_at is None or self._clock() - known.read_at > STALE_SECONDS:
            raise KeysUnavailable(urlsplit(url).hostname or "")
        key = _fitting(known, kid, algorithm)
        if key is None and kid is not None and kid not in known.keys:
            await self._read(url, known, ASK_AGAIN_SECONDS)
            key = _fitting(known, kid, algorithm)
        return key

    async def _read(self, url: str, known: _KeySet, pause: float) -> None:
        """Read the set, unless that was tried within `pause` seconds. A failure leaves the known keys."""
        async with known.lock:
            if self._clock() - known.tried_at < pause:
                return
            known.tried_at = self._clock()
            try:
                async with asyncio.timeout(FETCH_SECONDS):  # a response that trickles in blocks nobody
                    document = await self._fetch(url)
                known.keys = parse_key_set(document)
            except Exception:  # whatever the network or the issuer does: `find` decides by what is known
                return
            known.read_at = self._clock()


def parse_key_set(document: bytes) -> dict[str | None, list[Any]]:
    """Return the usable keys of a JWKS document by `kid`: public, asymmetric, for signatures, long enough.

    Raises `ValueError`.
    """
    from joserfc.errors import JoseError
    from joserfc.jwk import import_key

    if len(document) > LARGEST_KEY_SET:
        raise ValueError("the key set is too large")
    entries = json.loads(document).get("keys", [])[:_MOST_KEYS]
    found: dict[str | None, list[Any]] = {}
    for entry in entries:
        if entry.get("kty") not in {"RSA", "EC", "OKP"} or entry.get("use", "sig") != "sig":
            continue
        if "verify" not in entry.get("key_ops", ["verify"]):
            continue
        try:
            key = import_key({name: value for name, value in entry.items() if name not in {"key_ops", "use"}})
        except (JoseError, ValueError, TypeError, KeyError):
            continue  # an unreadable key hides no other
        if entry["kty"] == "RSA" and key.raw_value.key_size < _LEAST_RSA_BITS:  # type: ignore[union-attr]
            continue
        found.setdefault(entry.get("kid"), []).append(key)
    return found


def _fitting(known: _KeySet, kid: str | None, algorithm: str) -> Any | None:
    """Return the one key with this `kid` for `algorithm`; without a `kid`, the only one for it."""
    keys = (
        known.keys.get(kid, []) if kid is not None else [key for some in known.keys.values() for key in some]
    )
    fitting = [key for key in keys if _made_for(key, algorithm)]
    return fitting[0] if len(fitting) == 1 else None


_CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


def _made_for(key: Any, algorithm: str) -> bool:
    declared = key.get("alg")
    if declared is not None and declared != algorithm:
        return False
    if algorithm in _CURVES:
        return key.key_type == "EC" and key.get("crv") == _CURVES[algorithm]
    if algorithm in {"EdDSA", "Ed25519"}:
        return key.key_type == "OKP" and key.get("crv") == "Ed25519"
    return key.key_type == "RSA"


async def fetch_key_set(url: str) -> bytes:
    """Return the document at `url`. Raises `OSError` or `ValueError`: https only, except on loopback; no
    redirects.
    """
    return await asyncio.to_thread(_fetch_blocking, url)


def _fetch_blocking(url: str) -> bytes:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
    ):
        raise ValueError("key sets are read over https only")
    request = urllib.request.Request(url, headers={"accept": "application/json"})  # noqa: S310 - checked above
    with _OPENER.open(request, timeout=FETCH_SECONDS) as answer:
        return answer.read(LARGEST_KEY_SET + 1)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Rejects redirects, which would let anyone who answers once choose the source of our keys."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        del newurl
        raise urllib.error.HTTPError(req.full_url, code, f"{msg}: not followed", headers, fp)


_OPENER = urllib.request.build_opener(_NoRedirects)


def emulated_key_set_url(url: str, endpoint_url: str | None) -> str:
    """Return the URL of a user pool's key set: on AWS its own, on an emulated AWS the emulator's."""
    host = urlsplit(url).hostname or ""
    if endpoint_url and host.startswith("cognito-idp.") and host.endswith(".amazonaws.com"):
        return endpoint_url.rstrip("/") + urlsplit(url).path
    return url


def emulated_sign_in_url(url: str, endpoint_url: str | None) -> str:
    """Return the URL of a user pool's sign-in pages: on AWS its domain, on an emulated AWS the emulator's."""
    host = urlsplit(url).hostname or ""
    return endpoint_url.rstrip("/") if endpoint_url and host.endswith(".amazoncognito.com") else url

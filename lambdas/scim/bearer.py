"""Bearer tokens of the identity provider, two of which are valid during a rotation.

The token is a secret of Secrets Manager. After a rotation the previous one (AWSPREVIOUS) stays valid for
`overlap`, so that provisioning continues until somebody has entered the new one at the identity provider.
"""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from time import monotonic
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.common.clock import Clock, utc_now

OVERLAP = timedelta(days=7)
_FRESH_SECONDS = 15.0
# An unknown token may have been created a moment ago: look again at once, but not for each guess.
_LOOK_AGAIN_SECONDS = 5.0
_LONGEST_TOKEN = 4_096
_NOBODY = b"\0" * 32


def new_token() -> str:
    """Return a new token of 256 random bits."""
    return secrets.token_urlsafe(32)


class TokensUnavailable(Exception):
    """The secret cannot be read, so all requests are denied."""


@dataclass(frozen=True, slots=True)
class _Known:
    """Digests of the valid tokens, when they were read, and when the previous one expires."""

    current: bytes
    previous: bytes
    previous_until: datetime
    read_at: float


class BearerTokens:
    """Verifies tokens. `client` is a botocore Secrets Manager client, created once; calls block."""

    def __init__(
        self,
        client: Any,
        secret_id: str,
        *,
        overlap: timedelta = OVERLAP,
        clock: Clock = utc_now,
        stopwatch: Callable[[], float] = monotonic,
    ) -> None:
        self._client = client
        self._secret_id = secret_id
        self._overlap = overlap
        self._clock = clock
        self._stopwatch = stopwatch
        self._known: _Known | None = None
        self._looked_again = -inf
        self._lock = threading.Lock()

    def accepts(self, token: str) -> bool:
        """Return whether `token` is valid. Raises `TokensUnavailable`.

        Digests are compared, both each time and in constant time, so that timing reveals nothing.
        """
        if not token or len(token) > _LONGEST_TOKEN:
            return False
        given = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
        return self._matches(given, self._tokens()) or self._matches(given, self._look_again())

    def _matches(self, given: bytes, known: _Known) -> bool:
        is_current = hmac.compare_digest(given, known.current)
        is_previous = hmac.compare_digest(given, known.previous)
        return is_current or (is_previous and self._clock() < known.previous_until)

    def _tokens(self) -> _Known:
        with self._lock:
            if self._known is None or self._stopwatch() - self._known.read_at > _FRESH_SECONDS:
                self._known = self._read()
            return self._known

    def _look_again(self) -> _Known:
        with self._lock:
            if self._known is None or self._stopwatch() - self._looked_again > _LOOK_AGAIN_SECONDS:
                self._known = self._read()
                self._looked_again = self._known.read_at
            return self._known

    def _read(self) -> _Known:
        current, since = self._version("AWSCURRENT")
        if current is None or since is None:
            raise TokensUnavailable("the secret has no value")
        previous, _ = self._version("AWSPREVIOUS")
        return _Known(current, previous or _NOBODY, since + self._overlap, self._stopwatch())

    def _version(self, stage: str) -> tuple[bytes | None, datetime | None]:
        try:
            answer = self._client.get_secret_value(SecretId=self._secret_id, VersionStage=stage)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None, None
            raise TokensUnavailable(error.response["Error"]["Code"]) from None
        except BotoCoreError as error:
            raise TokensUnavailable(type(error).__name__) from None
        token = answer.get("SecretString")  # a secret that was never filled has a version without one
        return (hashlib.sha256(token.encode()).digest() if token else None), answer["CreatedDate"]

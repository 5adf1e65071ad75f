"""Smoke test of a deployment, as its callers will use it: with either header, streamed, with text that must
not pass.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep

import anthropic
import urllib3
from botocore.exceptions import ClientError

from kit.identity.keys import Scope, create_key, revoke_key
from kit.target import Target

_PATIENCE_SECONDS = 180
_UNAUTHORIZED = 401
_RESTRICTED = "The card is 4111 1111 1111 1111, CVC 123."
_HELLO = "Answer with one word: hello."


@dataclass(frozen=True)
class Asked:
    """One attempt and its result."""

    what: str
    passed: bool
    detail: str


class MayMakeNoKey(Exception):
    """The caller is not a key operator, as the deploying role is not."""


@contextmanager
def short_lived_key(target: Target, department: str) -> Iterator[str]:
    """Provide an application key that is revoked afterwards, and expires within the hour in any case.

    Raises `MayMakeNoKey`.
    """
    until = datetime.now(UTC) + timedelta(hours=1)
    try:
        made = create_key(target, Scope(label="smoke test", department=department, expires_at=until))
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"AccessDenied", "AccessDeniedException"}:
            raise
        raise MayMakeNoKey from error
    try:
        yield made.key
    finally:
        revoke_key(target, made.record.subject)


def wait_until_ready(url: str) -> bool:
    """Return whether the gateway answers correctly without a credential (401) within three minutes."""
    end = monotonic() + _PATIENCE_SECONDS
    while monotonic() < end:
        if _status_without_credential(url) == _UNAUTHORIZED:
            return True
        sleep(3)
    return False


def ask(url: str, key: str, model: str) -> list[Asked]:
    """Make five requests through the official SDK with an application key."""
    by_key = anthropic.Anthropic(base_url=url, api_key=key, auth_token=None, max_retries=1)
    by_token = anthropic.Anthropic(base_url=url, auth_token=key, api_key=None, max_retries=1)
    return [
        _tried("x-api-key", lambda: _message(by_key, model, _HELLO)),
        _tried("Authorization: Bearer", lambda: _message(by_token, model, _HELLO)),
        _tried("stream", lambda: _stream(by_key, model)),
        _refused("restricted text is blocked", lambda: _message(by_key, model, _RESTRICTED)),
        _nobody(url),
    ]


def _nobody(url: str) -> Asked:
    status = _status_without_credential(url)
    return Asked("no credential is refused", status == _UNAUTHORIZED, str(status))


def _message(client: anthropic.Anthropic, model: str, text: str) -> str:
    messages: list[anthropic.types.MessageParam] = [{"role": "user", "content": text}]
    answer = client.messages.with_raw_response.create(model=model, max_tokens=16, messages=messages)
    return answer.headers.get("request-id", "")


def _stream(client: anthropic.Anthropic, model: str) -> str:
    messages: list[anthropic.types.MessageParam] = [{"role": "user", "content": _HELLO}]
    with client.messages.stream(model=model, max_tokens=16, messages=messages) as stream:
        stream.until_done()
        return stream.request_id or ""


def _status_without_credential(url: str) -> int:
    """Return the status of an anonymous request; 0 if nothing answers."""
    try:
        return urllib3.request("GET", f"{url}/v1/models", timeout=10, retries=False).status
    except urllib3.exceptions.HTTPError:
        return 0


def _tried(what: str, call: Callable[[], str]) -> Asked:
    try:
        return Asked(what, True, call())
    except anthropic.APIError as error:
        return Asked(what, False, f"{type(error).__name__}: {getattr(error, 'status_code', '')}".rstrip(": "))


def _refused(what: str, call: Callable[[], str]) -> Asked:
    try:
        call()
    except anthropic.APIStatusError as error:
        return Asked(what, 400 <= error.status_code < 500, str(error.status_code))
    except anthropic.APIError as error:
        return Asked(what, False, type(error).__name__)
    return Asked(what, False, "it was answered")

"""The client: messages, registered prompts, feedback and outcomes."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import anthropic
from anthropic.types import Message

from claude_client.answers import Answer, Offline, Retry
from claude_client.failure import Failure, failure_of, unreadable

_RETRY, _OFFLINE = Retry(), Offline()
_WHOLE = {"end_turn", "stop_sequence"}  # only a whole answer is kept


class Claude:
    """Calls the gateway. One for a program; threads may share it. Without `sdk` the SDK's own environment
    variables name the gateway and the credential (`kit env` prints them).
    """

    def __init__(
        self,
        sdk: anthropic.Anthropic | None = None,
        *,
        use_case: str = "",
        retry: Retry = _RETRY,
        offline: Offline = _OFFLINE,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sdk = (sdk or anthropic.Anthropic()).with_options(max_retries=0)  # attempts are counted here
        self._headers = {"x-use-case": use_case} if use_case else {}
        self._retry = retry
        self._offline = offline
        self._clock = clock
        self._sleep = sleep
        self._paused_until = float("-inf")

    def ask(
        self,
        text: str,
        *,
        model: str,
        max_tokens: int = 1024,
        system: str = "",
        models: Sequence[str] = (),
        fallback: Callable[[], str] | None = None,
    ) -> Answer:
        """The answer to one text; see `message`."""
        body: dict[str, Any] = {
            "model": model,
            "max_tokens": max_tokens,
            "messages": [{"role": "user", "content": text}],
        }
        if system:
            body["system"] = system
        return self.message(body, models=models, fallback=fallback)

    def message(
        self,
        body: Mapping[str, Any],
        *,
        models: Sequence[str] = (),
        fallback: Callable[[], str] | None = None,
    ) -> Answer:
        """The answer to a body of `POST /v1/messages`. `models` are asked in their order when the body's own
        model does not answer; then comes a kept answer, then `fallback`. Raises Refused at once, and
        Unavailable when nothing is left.
        """
        bodies = [dict(body), *({**body, "model": model} for model in models)]
        return self._answer("/v1/messages", bodies, fallback)

    def prompt(
        self,
        name: str,
        variables: Mapping[str, Any],
        *,
        version: int | str = "current",
        fallback: Callable[[], str] | None = None,
    ) -> Answer:
        """The answer to a registered prompt, whose model is the prompt's own. Raises as `message`."""
        body = {"variables": dict(variables), "version": version}
        return self._answer(f"/v1/prompts/{quote(name, safe='')}/messages", [body], fallback)

    def feedback(
        self,
        request_id: str,
        *,
        useful: bool,
        minutes_saved: int = 0,
        edited: bool = False,
        rejected: bool = False,
        use_case: str | None = None,
    ) -> None:
        """Say once what an answer was worth. Raises Refused (409: it was said before) and Unavailable."""
        said: dict[str, Any] = {
            "request_id": request_id,
            "useful": useful,
            "minutes_saved": minutes_saved,
            "edited": edited,
            "rejected": rejected,
        }
        self._state("/v1/feedback", {**said, "use_case": use_case} if use_case else said, request_id)

    def outcome(
        self,
        request_id: str,
        *,
        use: str,
        result: str = "",
        material_decision: bool = False,
        reviewed_by: str = "",
    ) -> None:
        """Append what came of an answer to its records. Raises Refused and Unavailable."""
        said = {
            "use": use,
            "result": result,
            "material_decision": material_decision,
            "reviewed_by": reviewed_by,
        }
        self._state(f"/v1/records/{quote(request_id, safe='')}/outcome", said, request_id)

    def _answer(
        self, path: str, bodies: Sequence[Mapping[str, Any]], fallback: Callable[[], str] | None
    ) -> Answer:
        if bodies[0].get("stream"):
            raise ValueError("stream: this client gives whole answers; the SDK streams")
        key = _key(path, bodies[0])
        if self._clock() < self._paused_until:
            found = self._without_claude(key, fallback)
            if found is not None:
                return found
        got = self._first_of(path, bodies)
        if isinstance(got, Answer):
            self._keep(key, got)
            return got
        if got.status is None:
            self._paused_until = self._clock() + self._offline.pause_seconds
        found = self._without_claude(key, fallback) if got.is_unavailable else None
        if found is None:
            raise got.error()
        return found

    def _first_of(self, path: str, bodies: Sequence[Mapping[str, Any]]) -> Answer | Failure:
        """The first body's answer that comes. Another model does not help against a refusal, nor where there
        is no gateway.
        """
        ends = self._clock() + self._retry.seconds
        got = self._tried(path, bodies[0], ends, answer_of)
        for body in bodies[1:]:
            if isinstance(got, Answer) or not got.is_unavailable or got.is_unreachable:
                break
            got = self._tried(path, body, ends, answer_of)
        return got

    def _state(self, path: str, said: Mapping[str, Any], request_id: str) -> None:
        """A statement would be recorded twice when repeated after it arrived: that is left to the caller."""

        def taken(answer: object) -> Failure | None:
            return None if getattr(answer, "request_id", None) == request_id else unreadable()

        got = self._tried(path, said, self._clock() + self._retry.seconds, taken, when_arrived=False)
        if got is not None:
            raise got.error()

    def _tried(
        self,
        path: str,
        body: Mapping[str, Any],
        ends: float,
        read: Callable[[object], Any],
        *,
        when_arrived: bool = True,
    ) -> Any:
        """What `read` makes of the answer, or the last Failure, after the attempts that may help."""
        got = self._once(path, body, ends, read)
        for number in range(1, self._retry.attempts):
            if (
                not isinstance(got, Failure)
                or not got.may_repeat
                or (got.may_have_arrived and not when_arrived)
            ):
                break
            wait = self._wait(got, number)
            if self._clock() + wait >= ends:
                break
            self._sleep(wait)
            got = self._once(path, body, ends, read)
        return got

    def _once(self, path: str, body: Mapping[str, Any], ends: float, read: Callable[[object], Any]) -> Any:
        seconds = min(self._retry.attempt_seconds, ends - self._clock())
        if seconds <= 0:
            return Failure("timeout", is_unavailable=True, may_repeat=False)
        try:
            got = self._sdk.post(
                path, body=body, cast_to=Message, options={"headers": self._headers, "timeout": seconds}
            )
        except anthropic.APIError as error:
            return failure_of(error)
        except json.JSONDecodeError:  # it holds the whole text
            return unreadable()
        return read(got)

    def _wait(self, failure: Failure, number: int) -> float:
        if failure.retry_after is not None:
            return failure.retry_after
        spread = random.uniform(0.75, 1.0)  # noqa: S311 - callers must not come back all at once
        return self._retry.first_wait * 2 ** (number - 1) * spread

    def _without_claude(self, key: str, fallback: Callable[[], str] | None) -> Answer | None:
        """A kept answer, or the caller's own. A store that cannot be read has none."""
        if self._offline.kept is not None:
            with contextlib.suppress(OSError):
                text = self._offline.kept.read(key)
                if text is not None:
                    return Answer(text, "kept")
        return None if fallback is None else Answer(fallback(), "caller")

    def _keep(self, key: str, answer: Answer) -> None:
        """An answer is worth more than its being kept: a full disk does not lose it."""
        if self._offline.kept is not None and answer.stop_reason in _WHOLE:
            with contextlib.suppress(OSError):
                self._offline.kept.write(key, answer.text)


def answer_of(message: object) -> Answer | Failure:
    """The answer in what the SDK read, which is no message where something else than the gateway answered."""
    content = getattr(message, "content", None)
    if not isinstance(message, Message) or not isinstance(content, list):
        return unreadable()
    text = "".join(block.text for block in message.content if block.type == "text")
    return Answer(text, "claude", message.model, message._request_id, message.stop_reason)


def _key(path: str, body: Mapping[str, Any]) -> str:
    """Names a request without holding it."""
    asked = json.dumps([path, body], sort_keys=True, default=str)
    return hashlib.sha256(asked.encode()).hexdigest()

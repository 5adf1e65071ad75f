"""What the official SDK does by itself with the gateway's answers: it waits as long as `retry-after` says,
tries again what may be tried again, and nothing else (L1.5, L1.8).
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic

from lambdas.common.ledger import Ask, Granted, Refused

from .harness import KEY, OTHER_KEY, Harness, chat, department, make
from .upstream import FakeUpstream, json_reply, message

ASK: Any = {"model": "fast", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
OWN = ("anthropic-ratelimit-requests-limit", "anthropic-ratelimit-tokens-limit")


def sync_message(url: str, retries: int) -> str:
    client = Anthropic(base_url=url, api_key=KEY, max_retries=retries)
    return client.messages.create(**ASK).content[0].text  # type: ignore[union-attr]


def sync_stream(url: str, retries: int) -> str:
    client = Anthropic(base_url=url, api_key=KEY, max_retries=retries)
    with client.messages.stream(**ASK) as stream:
        return "".join(stream.text_stream)


def async_message(url: str, retries: int) -> str:
    async def ask() -> str:
        async with AsyncAnthropic(base_url=url, api_key=KEY, max_retries=retries) as client:
            return (await client.messages.create(**ASK)).content[0].text  # type: ignore[union-attr]

    return asyncio.run(ask())


def async_stream(url: str, retries: int) -> str:
    async def ask() -> str:
        async with (
            AsyncAnthropic(base_url=url, api_key=KEY, max_retries=retries) as client,
            client.messages.stream(**ASK) as stream,
        ):
            return "".join([text async for text in stream.text_stream])

    return asyncio.run(ask())


WAYS = [sync_message, sync_stream, async_message, async_stream]
Way = Callable[[str, int], str]


def refusing(gateway: Harness, monkeypatch: pytest.MonkeyPatch, *refusals: Callable[[], Refused]) -> None:
    """The ledger refuses so often, then grants."""
    waiting = list(refusals)
    grant = gateway.ledger.reserve

    async def reserve(ask: Ask) -> Granted:
        if waiting:
            raise waiting.pop(0)()
        return await grant(ask)

    monkeypatch.setattr(gateway.ledger, "reserve", reserve)


def statuses(gateway: Harness) -> list[int]:
    return [line["status"] for line in gateway.lines()]


def full(seconds: float) -> Callable[[], Refused]:
    """A window that ends so many seconds after it refused."""
    return lambda: Refused("rate", "you", resets_at=datetime.now(UTC) + timedelta(seconds=seconds))


@pytest.mark.parametrize("ask", WAYS, ids=lambda way: way.__name__)
def test_a_rate_limit_is_waited_for_as_long_as_the_gateway_says(
    gateway: Harness, monkeypatch: pytest.MonkeyPatch, ask: Way
) -> None:
    refusing(gateway, monkeypatch, full(2))
    started = time.monotonic()
    assert ask(gateway.url, 1) == "Hello."
    assert 1.9 <= time.monotonic() - started < 10
    assert statuses(gateway) == [429, 200]
    assert len(gateway.upstream.received) == 1


@pytest.mark.parametrize("ask", WAYS, ids=lambda way: way.__name__)
def test_a_rate_limit_without_retries_is_the_sdks_own_exception(
    gateway: Harness, monkeypatch: pytest.MonkeyPatch, ask: Way
) -> None:
    refusing(gateway, monkeypatch, full(30))
    with pytest.raises(anthropic.RateLimitError) as raised:
        ask(gateway.url, 0)
    headers = raised.value.response.headers
    assert int(headers["retry-after"]) in range(29, 31)
    assert "x-should-retry" not in headers
    assert "try again in" in str(raised.value)


@pytest.mark.parametrize("ask", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize("kind", ["budget", "switch", "access"])
def test_a_refusal_of_policy_is_tried_once_however_many_retries_there_are(
    gateway: Harness, monkeypatch: pytest.MonkeyPatch, ask: Way, kind: Any
) -> None:
    resets = datetime.now(UTC) + timedelta(seconds=2) if kind == "budget" else None
    refusing(gateway, monkeypatch, *[lambda: Refused(kind, "you", resets_at=resets)] * 2)
    started = time.monotonic()
    with pytest.raises(anthropic.APIStatusError) as raised:
        ask(gateway.url, 5)
    assert raised.value.status_code in {402, 403, 451}
    assert time.monotonic() - started < 1.5
    assert statuses(gateway) == [raised.value.status_code]
    assert not gateway.upstream.received


@pytest.mark.parametrize("ask", WAYS, ids=lambda way: way.__name__)
def test_an_outage_is_tried_again_and_then_over(gateway: Harness, ask: Way) -> None:
    script = gateway.upstream.script
    answers = iter([json_reply(b'{"type":"error"}', 529, [("retry-after-ms", "50")])])
    gateway.upstream.script = lambda received: next(answers, None) or script(received)
    assert ask(gateway.url, 2) == "Hello."
    assert statuses(gateway) == [529, 200]


@pytest.fixture(scope="module")
def narrow() -> Iterator[Harness]:
    """A gateway that lets each caller ask three times a minute."""
    upstream = FakeUpstream().start()
    upstream.script = lambda _: json_reply(
        message(), headers=[("anthropic-ratelimit-requests-limit", "4711")]
    )
    harness = make([upstream], departments=[department("marketing", user_requests_per_minute=3)])
    yield harness
    harness.stop()
    upstream.stop()


def test_the_limits_in_the_headers_are_the_callers_own_and_hold(narrow: Harness) -> None:
    """By the ledger itself: three calls, then a wait within the minute; another caller is not held."""
    for key in narrow.keys.principals.values():
        narrow.ledger.admit(key.access_key, key.department)
    left: list[int] = []
    for _ in range(9):  # a minute may end meanwhile, twice at the very most
        answer = narrow.post("/v1/messages", chat())
        if answer.status == 429:
            break
        assert answer.header(OWN[0]) == "3"
        left.append(int(answer.header("anthropic-ratelimit-requests-remaining") or -1))
    else:
        raise AssertionError("the limit does not hold")
    # read beside the ledger's transaction: perhaps one too few, never one too many
    assert all(0 <= said <= truly for said, truly in zip(left[-3:], (2, 1, 0), strict=True))
    assert 1 <= int(answer.header("retry-after") or 0) <= 60
    other = narrow.post("/v1/messages", chat(), key=OTHER_KEY)
    assert other.status == 200
    assert other.header("anthropic-ratelimit-requests-remaining") in {"1", "2"}
    client = Anthropic(base_url=narrow.url, api_key=OTHER_KEY, max_retries=0)
    raw = client.messages.with_raw_response.create(**ASK)
    assert raw.headers[OWN[0]] == "3"
    assert int(raw.headers[OWN[1]]) > 0
    assert "4711" not in str(raw.headers)

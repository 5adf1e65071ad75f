"""The money that is held for a call while it runs (L1.6).

A call whose answer shows all that it costs (a plain stream) holds its input and one step of output. As soon
as the provider says what the input was, that takes the place of the most that it could have been; while the
stream goes on, a further step is taken before the one before is used up. Every other call holds its worst
case from the beginning.

How much has been generated is not said before the end, so it is estimated, and never from below: each delta
is at least a token, text has no more than a token for every third byte, and while nothing is shown the model
may be thinking at full speed. What a provider claims in the end beyond what was held is booked as far as the
ceiling goes, and shown apart beyond it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

from lambdas.common.ledger import Granted, Refused
from lambdas.common.prices import PriceList
from lambdas.gateway.worst_case import WorstCase

STEP_TOKENS = 2_048
MARGIN_TOKENS = 512  # what a model writes while a step is asked for
HIDDEN_TOKENS_A_SECOND = 250  # faster than any published speed of a Claude model without fast mode
_SHOWN_AFTER_SECONDS = 0.5  # a silence longer than this may be thinking that is not shown
_SECONDS_A_TOKEN = 0.1  # slower than any published speed of a Claude model
_EVENT_BYTES = 120  # of a delta event around its text
_BYTES_A_TOKEN = 3
_SETTLES_AFTER_SECONDS = 0.3  # a call that ends sooner needs no correction in between
_ASK_AGAIN_SECONDS = 1.0


class Steps(Protocol):
    """What is needed of the ledger."""

    async def extend(self, granted: Granted, microusd: int) -> None: ...
    async def reduce(self, granted: Granted, microusd: int) -> None: ...


class StepRefused(Exception):
    """No further step is to be had: the stream must end. `refused` says why; None: the ledger is silent."""

    def __init__(self, refused: Refused | None) -> None:
        super().__init__("no further step")
        self.refused = refused


def first_hold(worst: WorstCase, max_tokens: int) -> tuple[int, int]:
    """Micro-dollars to reserve for a call, and for how many tokens of output they are."""
    if not worst.stepwise:
        return worst.microusd, max_tokens
    tokens = min(max_tokens, STEP_TOKENS)
    return worst.input_microusd + worst.output_microusd(tokens), tokens


@dataclass(slots=True)
class Generated:
    """How many tokens a stream may have been generated so far, from what is seen of it."""

    now: Callable[[], float] = monotonic
    _shown: int = 0
    _hidden: float = 0.0
    _counted_until: float | None = None  # of the present silence; ahead of `now` while nothing counts yet

    def heard(self, events: list[bytes]) -> None:
        """Take note of events that came now. What they show explains the time that it took to write; an
        event that shows little, or nothing, explains little, however often it comes.
        """
        self.waited()
        now, shown = self.now(), 0
        for event in events:
            if event.startswith(b"event: content_block_delta") or b"content_block_delta" in event[:80]:
                shown += max(1, (len(event) - _EVENT_BYTES) // _BYTES_A_TOKEN)
        self._shown += shown
        explained = max(now, self._counted_until or now) + shown * _SECONDS_A_TOKEN
        self._counted_until = min(now + _SHOWN_AFTER_SECONDS, explained)

    def waited(self) -> None:
        """Take note that time has passed. A silence counts the same however often it is looked at."""
        now = self.now()
        if self._counted_until is None:
            self._counted_until = now + _SHOWN_AFTER_SECONDS
        elif now > self._counted_until:
            self._hidden += (now - self._counted_until) * HIDDEN_TOKENS_A_SECOND
            self._counted_until = now

    @property
    def tokens(self) -> int:
        """Tokens, rather too many than too few."""
        return self._shown + round(self._hidden)


class Hold:
    """What is held for one call. One task follows the stream; what it asks of the ledger goes on beside
    it.
    """

    def __init__(
        self,
        ledger: Steps,
        prices: PriceList,
        granted: Granted,
        *,
        model: str,
        worst: WorstCase,
        max_tokens: int,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._ledger = ledger
        self._prices = prices
        self._granted = granted
        self._model = model
        self.worst = worst
        self._max_tokens = max_tokens
        self._now = now
        self.microusd, self._tokens = first_hold(worst, max_tokens)
        self.unanswered_microusd = 0  # of what is held: what providers that never answered may have charged
        self._input_microusd = worst.input_microusd
        self._generated = Generated(now)
        self._began_at: float | None = None
        self._asking: asyncio.Task[None] | None = None
        self._asked_at = float("-inf")

    @property
    def attention_seconds(self) -> float | None:
        """After how long a silence the hold wants to be looked at; None: never."""
        if not self.worst.stepwise:
            return None
        if self._began_at is not None:
            return _SETTLES_AFTER_SECONDS
        return (STEP_TOKENS - MARGIN_TOKENS) / HIDDEN_TOKENS_A_SECOND / 2

    def began(self, usage: dict[str, Any]) -> None:
        """The provider has said what the input was, with the beginning of its answer."""
        if not self.worst.stepwise:
            return
        charge = self._prices.charge(self._model, {**usage, "output_tokens": 0}, asked=self.worst.asked)
        if charge.certain and charge.microusd < self._input_microusd:
            self._input_microusd = charge.microusd
            self._began_at = self._now()

    async def follow(self, events: list[bytes]) -> None:
        """See to it that what may have been generated by now is held. Raises `StepRefused`."""
        if not self.worst.stepwise:
            return
        if events:
            self._generated.heard(events)
        else:
            self._generated.waited()
        if self._began_at is not None and self._now() - self._began_at >= _SETTLES_AFTER_SECONDS:
            self._began_at = None
            self._start(self._lower())
        wanted = min(self._generated.tokens + MARGIN_TOKENS, self._max_tokens)
        if wanted > self._tokens:
            await self._extend(wanted)

    async def another_or_none(self) -> bool:
        """Hold the same again, because a provider may have charged what it never answered and another one is
        to be asked. False: there is no room for that.
        """
        microusd = first_hold(self.worst, self._max_tokens)[0]
        try:
            await self._take(microusd)
        except StepRefused:
            return False
        self.unanswered_microusd += microusd
        return True

    async def _extend(self, wanted: int) -> None:
        """Raises `StepRefused` where what may have been generated is more than what is held."""
        if self._now() - self._asked_at < _ASK_AGAIN_SECONDS and self._generated.tokens < self._tokens:
            return
        self._asked_at = self._now()
        tokens = min(self._max_tokens, max(wanted, self._tokens + STEP_TOKENS))
        more = self.worst.output_microusd(tokens) - self.worst.output_microusd(self._tokens)
        try:
            await self._take(more)
        except StepRefused as refused:
            if refused.refused is not None or self._generated.tokens >= self._tokens:
                raise
            return  # busy for a moment: what is held covers what was generated yet
        self._tokens = tokens
        self._asked_at = float("-inf")

    async def _take(self, microusd: int) -> None:
        await self.settled()
        try:
            await self._ledger.extend(self._granted, microusd)
        except Refused as refused:
            raise StepRefused(refused) from None
        except Exception:  # whatever the store raises
            raise StepRefused(None) from None
        self.microusd += microusd

    async def _lower(self) -> None:
        held = self._input_microusd + self.worst.output_microusd(self._tokens) + self.unanswered_microusd
        if held >= self.microusd:
            return
        before, self.microusd = self.microusd, held
        try:
            await self._ledger.reduce(self._granted, held)
        except Exception:  # whatever the store raises: more than needed is held then
            self.microusd = before

    def _start(self, work: Any) -> None:
        self._asking = asyncio.ensure_future(work)

    async def settled(self) -> None:
        """Wait until nothing is asked of the ledger any more."""
        asking, self._asking = self._asking, None
        if asking is not None:
            await asyncio.wait([asking])

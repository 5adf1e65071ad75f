"""The money reserved for a call while it runs (L1.6).

A call whose answer shows all of its cost (a plain stream) reserves its input and one step of output. As
soon as the provider reports the input, that replaces the maximum; while the stream continues, a further
step is reserved before the previous one is used up. Every other call reserves its maximum cost from the
beginning.

The amount generated is not known before the end, so it is estimated, and never too low: each delta is at
least a token, text has at most one token per three bytes, and while nothing is shown the model may be
thinking at full speed. What a provider finally charges beyond the reservation is booked up to the ceiling,
and shown separately beyond it.
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
MARGIN_TOKENS = 512  # what a model writes while a step is being reserved
HIDDEN_TOKENS_A_SECOND = 250  # faster than any published speed of a Claude model without fast mode
_SHOWN_AFTER_SECONDS = 0.5  # a longer silence may be hidden thinking
_SECONDS_A_TOKEN = 0.1  # slower than any published speed of a Claude model
_EVENT_BYTES = 120  # of a delta event around its text
_BYTES_A_TOKEN = 3
_SETTLES_AFTER_SECONDS = 0.3  # a shorter call needs no correction in between
_ASK_AGAIN_SECONDS = 1.0


class Steps(Protocol):
    """The part of the ledger needed here."""

    async def extend(self, granted: Granted, microusd: int) -> None: ...
    async def reduce(self, granted: Granted, microusd: int) -> None: ...


class StepRefused(Exception):
    """No further step can be reserved, so the stream must end. `refused` says why; None: the ledger does
    not respond.
    """

    def __init__(self, refused: Refused | None) -> None:
        super().__init__("no further step")
        self.refused = refused


def first_hold(worst: WorstCase, max_tokens: int) -> tuple[int, int]:
    """Return the micro-dollars to reserve for a call, and the tokens of output that they cover."""
    if not worst.stepwise:
        return worst.microusd, max_tokens
    tokens = min(max_tokens, STEP_TOKENS)
    return worst.input_microusd + worst.output_microusd(tokens), tokens


@dataclass(slots=True)
class Generated:
    """Upper estimate of the tokens generated so far, from what is visible of a stream."""

    now: Callable[[], float] = monotonic
    _shown: int = 0
    _hidden: float = 0.0
    _counted_until: float | None = None  # of the current silence; ahead of `now` while nothing counts yet

    def heard(self, events: list[bytes]) -> None:
        """Account for events that just arrived.

        What they show explains the time it took to write; an event that shows little, or nothing, explains
        little, however often it arrives.
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
        """Account for elapsed time. A silence counts the same however often it is checked."""
        now = self.now()
        if self._counted_until is None:
            self._counted_until = now + _SHOWN_AFTER_SECONDS
        elif now > self._counted_until:
            self._hidden += (now - self._counted_until) * HIDDEN_TOKENS_A_SECOND
            self._counted_until = now

    @property
    def tokens(self) -> int:
        """Return the number of tokens, rather too high than too low."""
        return self._shown + round(self._hidden)


class Hold:
    """The reservation of one call. One task follows the stream; requests to the ledger run beside it."""

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
        """Return the silence after which the hold must be checked, or None for never."""
        if not self.worst.stepwise:
            return None
        if self._began_at is not None:
            return _SETTLES_AFTER_SECONDS
        return (STEP_TOKENS - MARGIN_TOKENS) / HIDDEN_TOKENS_A_SECOND / 2

    def began(self, usage: dict[str, Any]) -> None:
        """Note the input reported by the provider at the start of its answer."""
        if not self.worst.stepwise:
            return
        charge = self._prices.charge(self._model, {**usage, "output_tokens": 0}, asked=self.worst.asked)
        if charge.certain and charge.microusd < self._input_microusd:
            self._input_microusd = charge.microusd
            self._began_at = self._now()

    async def follow(self, events: list[bytes]) -> None:
        """Ensure that what may have been generated is reserved. Raises `StepRefused`."""
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
        """Reserve the same again, because a provider may have charged an unanswered request and another is
        to be asked.

        Return False if there is no room for that.
        """
        microusd = first_hold(self.worst, self._max_tokens)[0]
        try:
            await self._take(microusd)
        except StepRefused:
            return False
        self.unanswered_microusd += microusd
        return True

    async def _extend(self, wanted: int) -> None:
        """Extend the reservation. Raises `StepRefused` if more may have been generated than is reserved."""
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
            return  # busy for a moment: the reservation still covers what was generated
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
        except Exception:  # whatever the store raises: more than needed is then reserved
            self.microusd = before

    def _start(self, work: Any) -> None:
        self._asking = asyncio.ensure_future(work)

    async def settled(self) -> None:
        """Wait until no request to the ledger is pending."""
        asking, self._asking = self._asking, None
        if asking is not None:
            await asyncio.wait([asking])

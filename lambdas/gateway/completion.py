"""Completes a call exactly once, however it ended: records its outcome and settles its cost (L1.6, L2.5).

Both happen concurrently, but the reservation is removed only when the record is durable, because a process
may die in between: the sweeper finds a remaining reservation and records the reason, whereas an intent
without a reservation would stay without an outcome forever.
"""

import asyncio

from lambdas.gateway.belongings import Belongings, Owner
from lambdas.gateway.errors import ApiError
from lambdas.gateway.governed_call import GovernedCall
from lambdas.gateway.outcome import Outcome, failed_outcome
from lambdas.gateway.record import Recorder
from lambdas.gateway.reserve import Reserved
from lambdas.gateway.settle import Cost, Settler


class Completion:
    """The open end of one reserved call."""

    __slots__ = (
        "_belongings",
        "_call",
        "_intended",
        "_recorder",
        "_reserved",
        "_settler",
        "finished",
    )

    def __init__(
        self,
        call: GovernedCall,
        reserved: Reserved,
        settler: Settler,
        recorder: Recorder,
        belongings: Belongings | None = None,
    ) -> None:
        self._call = call
        self._belongings = belongings  # None if an answer leaves nothing at the provider
        self._reserved = reserved
        self._settler = settler
        self._recorder = recorder
        self._intended = False
        self.finished = False

    async def begin(self) -> None:
        """Record the intent, after which the call may be sent. Raises `ApiError` 503."""
        await self._recorder.intent(self._call, self._reserved)
        self._intended = True

    async def finish(self, outcome: Outcome) -> None:
        """Settle and record. Raises `ApiError` 503 if the outcome is not durable; its answer must then not
        be completed.

        A ledger that does not respond does not delay the answer: the record states the cost, the money
        stays reserved, and the settler retries.
        """
        if self.finished:
            return
        self.finished = True
        entry = self._call.entry
        entry.reason = entry.reason or outcome.reason
        entry.attempts = [f"{one.provider}: {one.result}" for one in self._call.attempts]
        cost = self._settler.cost(self._call, self._reserved, outcome)
        entry.input_tokens, entry.output_tokens, entry.cost_microusd = (
            cost.input_tokens,
            cost.output_tokens,
            cost.microusd,
        )
        if self._call.kind == "messages" and outcome.usage is not None and not cost.estimated:
            self._reserved.learn(cost.input_tokens - cost.cached_tokens)
        await asyncio.shield(asyncio.ensure_future(self._close(outcome, cost)))
        entry.recorded = True

    async def _close(self, outcome: Outcome, cost: Cost) -> None:
        keeping = None
        if self._belongings is not None and outcome.made:
            keeping = asyncio.ensure_future(self._belongings.keep(self._owner(), outcome.made))
        recording = asyncio.ensure_future(
            self._recorder.outcome(self._call, outcome, cost, self._reserved.month)
        )
        await self._settler.settle(self._reserved, cost, recording)
        if keeping is not None:
            await keeping
        await recording

    def _owner(self) -> Owner:
        call = self._call
        return Owner(
            call.principal.id,
            call.department.id,
            call.provider or "",
            call.request_id,
            call.verdict.data_class,
        )

    async def accept(self, outcome: Outcome) -> None:
        """Record that the provider accepted work that it charges later, and keep the money reserved."""
        self.finished = True
        await self._recorder.outcome(self._call, outcome, Cost(0, 0, 0), self._reserved.month)
        self._call.entry.recorded = True

    async def abandon(self, error: BaseException) -> None:
        """End a call that failed with `error`: release the reservation and record the intent's outcome.

        Runs to completion even if this task is cancelled; never raises, because `error` is what matters.
        """
        if self.finished:
            return
        reason = error.reason if isinstance(error, ApiError) else type(error).__name__
        ending = asyncio.ensure_future(self._end(failed_outcome(reason, 0)))
        while not ending.done():
            try:
                await asyncio.shield(ending)
            except asyncio.CancelledError:
                continue
            except Exception:
                break

    async def _end(self, outcome: Outcome) -> None:
        if self._intended:
            await self.finish(outcome)
        else:  # nothing was sent and nothing was recorded: only the money is released
            self.finished = True
            await self._settler.release(self._reserved)

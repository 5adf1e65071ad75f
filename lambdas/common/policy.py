"""The gateway policy in force: who may use what, how much of it, and from which provider (L1.2, L1.5, L1.6,
G.1, C.2).

One JSON object, `policy/gateway.json` in the governance bucket, written by the integration stage and read
by `contract.policy.parse_policy`. `PolicyWatch` keeps the parsed policy current: it polls every 15 seconds
and uses the last valid policy for at most 5 minutes if reading fails.
"""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import get_args

from contract.kinds import BudgetModel, CallerKind, DataClass, FindingAction, ProviderKind
from contract.policy import PolicyError, parse_policy
from contract.rights import (
    CONCURRENT_CALLS,
    ApprovedDictionary,
    Department,
    Embeddings,
    GatewayPolicy,
    InspectionRules,
    Issuer,
    Model,
    Organization,
    Rates,
    RoleLimits,
    dictionary_key,
)
from contract.rights import Route as Provider
from lambdas.common.documents import DocumentSource

__all__ = [
    "CONCURRENT_CALLS",
    "ApprovedDictionary",
    "Department",
    "Embeddings",
    "GatewayPolicy",
    "InspectionRules",
    "Issuer",
    "Model",
    "Organization",
    "PolicyError",
    "PolicyUnavailable",
    "PolicyWatch",
    "Provider",
    "Rates",
    "RoleLimits",
    "dictionary_key",
    "parse_policy",
]

DATA_CLASSES = get_args(DataClass)
BUDGET_MODELS = get_args(BudgetModel)
CALLER_KINDS = get_args(CallerKind)
PROVIDER_KINDS = get_args(ProviderKind)
FINDING_ACTIONS = get_args(FindingAction)
EMBEDDINGS = "embeddings"  # name of the embeddings right for a key restricted to models
POLL_SECONDS = 15.0
LAST_GOOD_SECONDS = 300.0


class PolicyUnavailable(Exception):
    """No usable policy: none was read, or the last valid one is older than five minutes."""


class PolicyWatch:
    """The current policy. `current` is a plain read; `run` polls until cancelled.

    A document that does not parse counts as a failed read: the last valid policy stays in force for
    `last_good_seconds`, so a broken upload never silently changes anything, and never goes unnoticed for
    longer than that.
    """

    def __init__(
        self,
        source: DocumentSource,
        *,
        poll_seconds: float = POLL_SECONDS,
        last_good_seconds: float = LAST_GOOD_SECONDS,
        clock: Callable[[], float] = monotonic,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._source = source
        self._poll_seconds = poll_seconds
        self._last_good_seconds = last_good_seconds
        self._clock = clock
        self._report = report
        self._policy: GatewayPolicy | None = None
        self._etag: str | None = None
        self._confirmed_at = 0.0
        self._read_at = 0.0
        self._reading = asyncio.Lock()

    def current(self) -> GatewayPolicy:
        """Return the policy in force. Raises `PolicyUnavailable`."""
        if self._policy is None:
            raise PolicyUnavailable("no gateway policy has been read yet")
        if self._clock() - self._confirmed_at > self._last_good_seconds:
            raise PolicyUnavailable("the gateway policy could not be confirmed for too long")
        return self._policy

    async def refresh(self) -> bool:
        """Read once. Return False if the source failed or the document is not a policy, after reporting
        why.
        """
        self._read_at = self._clock()
        try:
            document = await self._source.fetch(self._etag)
            if document is not None:
                self._policy = parse_policy(document.body)
                self._etag = document.etag
        except PolicyError as error:
            self._report(f"gateway policy refused: {error}")
            return False
        except Exception as error:  # whatever the store raises: the last valid policy stands
            self._report(f"gateway policy not read: {type(error).__name__}")
            return False
        self._confirmed_at = self._clock()
        return True

    @property
    def overdue(self) -> bool:
        """Return whether `run` has missed a poll: Lambda freezes a process between requests."""
        return self._clock() - self._read_at > 2 * self._poll_seconds

    async def catch_up(self) -> None:
        """Read now if overdue. Concurrent calls share one read."""
        async with self._reading:
            if self.overdue:
                await self.refresh()

    async def run(self) -> None:
        """Poll every `poll_seconds` until cancelled."""
        while True:
            await asyncio.sleep(self._poll_seconds)
            await self.refresh()

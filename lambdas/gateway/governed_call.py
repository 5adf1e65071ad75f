"""State of one priced call (a message, a batch, an embedding) while it passes through the steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from lambdas.common.identities import Principal
from lambdas.common.limits import CallerLimits, kind_of, limits_of, monthly_ceiling
from lambdas.common.policy import Department, GatewayPolicy
from lambdas.common.prices import PriceList
from lambdas.gateway.access_log import AccessEntry
from lambdas.gateway.call import Attempt
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.input_estimate import input_tokens_estimate, text_tokens_estimate
from lambdas.gateway.inspection import Verdict
from lambdas.gateway.message_request import RegisteredPrompt
from lambdas.gateway.survey import Survey
from lambdas.gateway.worst_case import WorstCase, worst_case, worst_case_of_batch, worst_case_of_texts


@dataclass(slots=True)
class GovernedCall:
    """One call in progress.

    `model` is the Claude (or embedding) model that is priced, `body` the caller's bytes; `seen` is what
    they name: one for a message, one per request for a batch. `worst` is the maximum cost, once priced.
    """

    exchange: Exchange
    entry: AccessEntry
    policy: GatewayPolicy
    principal: Principal
    department: Department
    kind: Literal["messages", "batch", "embeddings", "count_tokens", "file"]
    alias: str
    model: str
    body: bytes
    max_tokens: int
    stream: bool
    verdict: Verdict
    prompt: RegisteredPrompt | None = None
    use_case: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    provider: str | None = None
    seen: Sequence[Survey] = ()
    rules: Mapping[str, Any] = field(default_factory=dict)  # result of request contract and permissions
    worst: WorstCase | None = None
    added_tokens: int = 0  # that an embedding model adds to the texts
    taken: bool = False  # a provider has begun to answer it, so it is charged
    _limits: CallerLimits | None = field(default=None, init=False, repr=False)

    @property
    def request_id(self) -> str:
        """Return the id that the caller gets as `request-id` and that identifies the records."""
        return self.exchange.request_id

    @property
    def may_be_charged(self) -> bool:
        """Return whether a provider may have charged for it, whatever it answered."""
        return self.taken or any(one.unsure for one in self.attempts)

    @property
    def limits(self) -> CallerLimits:
        """Return the caller's limits."""
        if self._limits is None:
            kind = kind_of(self.principal, self.exchange.headers)
            self._limits = limits_of(self.policy, self.department, self.principal, kind)
        return self._limits

    @property
    def monthly_ceiling(self) -> int | None:
        """Return the caller's own monthly ceiling; None if only its department or organisation has one."""
        return monthly_ceiling(self.policy, self.department, self.limits)

    def priced(self, prices: PriceList) -> WorstCase:
        """Return the maximum cost of the call. Raises `KeyError` for a model without a price."""
        fields = self.verdict.body.fields
        if self.kind == "embeddings":
            self.worst = worst_case_of_texts(prices, self.model, len(self.body) + self.added_tokens)
        elif self.kind == "batch":
            requests = zip((one["params"] for one in fields["requests"]), self.seen, strict=True)
            self.worst = worst_case_of_batch(prices, self.model, requests)
        else:
            (seen,) = self.seen
            self.worst = worst_case(
                prices, self.model, fields, seen, len(self.body), self.max_tokens, stream=self.stream
            )
        return self.worst

    @property
    def probable_input(self) -> int:
        """Return the estimate of input tokens that count towards a rate; a batch has no rate."""
        if self.kind == "batch":
            return 0
        if self.kind == "messages":
            return input_tokens_estimate(self.body, self.verdict.body.fields)
        return text_tokens_estimate(self.body)

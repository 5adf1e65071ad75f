"""What the gateway knows of one priced call (a message, a batch, an embedding) while it passes through the
steps.
"""

from dataclasses import dataclass, field
from typing import Literal

from lambdas.common.identities import Principal
from lambdas.common.policy import Department, GatewayPolicy
from lambdas.gateway.access_log import AccessEntry
from lambdas.gateway.call import Attempt
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.input_bound import input_tokens_bound, web_searches_bound
from lambdas.gateway.inspection import Verdict
from lambdas.gateway.message_request import RegisteredPrompt


@dataclass(slots=True)
class GovernedCall:
    """One call on its way. `model` is the Claude (or embedding) model that is priced, `body` the caller's
    bytes.
    """

    exchange: Exchange
    entry: AccessEntry
    policy: GatewayPolicy
    principal: Principal
    department: Department
    kind: Literal["messages", "batch", "embeddings"]
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

    @property
    def request_id(self) -> str:
        """The id that the caller gets as `request-id` and that names the records."""
        return self.exchange.request_id

    @property
    def dearest_input(self) -> tuple[int, int]:
        """More input tokens than the provider can count, and web searches than it can make."""
        beta = self.exchange.headers.get(b"anthropic-beta", b"")
        size, fields = len(self.body), self.verdict.body.fields
        if self.kind == "embeddings":
            return size, 0
        each = [one["params"] for one in fields["requests"]] if self.kind == "batch" else [fields]
        beyond = sum(input_tokens_bound(0, one, beta) for one in each)
        return size + beyond, sum(web_searches_bound(one) for one in each)

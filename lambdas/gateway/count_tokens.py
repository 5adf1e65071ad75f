"""POST /v1/messages/count_tokens: authorised, inspected and forwarded; never priced, never stopped by a
budget (L1.1).

Without it Claude Code would spend inference to count. The text does leave the account, so whatever stops a
message stops it here too: access, switches, grants, registered prompts, inspection. Nothing is generated,
so there is nothing to settle, and the record says that text was counted but not which.
"""

from dataclasses import dataclass

from lambdas.common.identities import Principal
from lambdas.common.policy import PolicyWatch
from lambdas.gateway.access_log import AccessEntry
from lambdas.gateway.authorise import authorise
from lambdas.gateway.belongings import Belongings
from lambdas.gateway.call import Caller, Calls, Deadlines, UpstreamCall
from lambdas.gateway.deliver import read_answer
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.gate import Gate
from lambdas.gateway.governed_call import GovernedCall
from lambdas.gateway.inspection import InspectionStep, read_declaration, refusal
from lambdas.gateway.message_request import MessageRequest, body_for
from lambdas.gateway.providers.provider import response_headers
from lambdas.gateway.providers.registry import Providers
from lambdas.gateway.providers.transport import CallCancelled
from lambdas.gateway.providers.user_sessions import attribution_of
from lambdas.gateway.record import Recorder
from lambdas.gateway.request_rules import RequestRules
from lambdas.gateway.turns import LIGHT_TO_READ_BYTES

_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class CountTokens:
    """Serves count_tokens."""

    policy: PolicyWatch
    gate: Gate
    rules: RequestRules
    recorder: Recorder
    inspection: InspectionStep
    providers: Providers
    caller: Caller
    calls: Calls
    deadlines: Deadlines
    belongings: Belongings

    async def answer(
        self, exchange: Exchange, entry: AccessEntry, principal: Principal, request: MessageRequest
    ) -> None:
        """Serve one request. Raises `ApiError`."""
        body = request.body
        policy = self.policy.current()
        grant = authorise(policy, principal, request.model, others=request.seen.models)
        await self.gate.admit(principal, exchange.headers, grant.model.model)
        entry.model = grant.model.alias
        rules = await self.inspection.turns.run(
            principal.id,
            len(body.raw),
            self.rules.hold,
            grant.department,
            principal,
            exchange,
            body.fields,
            request.seen,
            light=LIGHT_TO_READ_BYTES,
        )
        declaration = read_declaration(exchange.headers)
        named = await self.belongings.named(principal, grant.department, (request.seen,))
        able = named.among(self.providers.of(policy))
        verdict = await self.inspection.verdict(
            body, grant.department, principal, declaration, files=named.files
        )
        call = GovernedCall(
            exchange, entry, policy, principal, grant.department, "count_tokens", grant.model.alias,
            grant.model.model, body.raw, 0, False, verdict, rules=rules,
        )  # fmt: skip
        await exchange.end_turn()
        if not verdict.allowed:
            await self.recorder.refusal(call)
            raise refusal(verdict, exchange.headers, policy.help_url)
        await self.recorder.counted(call)
        upstream = UpstreamCall(
            "POST",
            exchange.target,
            exchange.raw_headers,
            attribution_of(principal, grant.department),
            lambda provider: body_for(verdict.body, provider.model_name(grant.model.model)),
            _SECONDS,
            exchange.cancellation,
            model=grant.model.model,
        )
        with self.calls.place():
            try:
                answer = await self.caller.call(upstream, able)
                entry.provider = answer.provider.name
                data = await read_answer(answer, self.deadlines, exchange.request_id)
            except CallCancelled:
                entry.reason = "client_gone"
                return
        await exchange.answer(answer.response.status, response_headers(answer.response.headers), data)

"""POST /v1/messages: the one place that shows the steps of a call in order.

    authenticate → authorise → inspect → reserve → record intent → call → filter → settle → record outcome

`authenticate` has happened when `answer` is called, because every route needs it. Whatever fails after the
reservation, it is settled and the intent gets its outcome: `Completion` ensures that, exactly once per
call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from lambdas.common.identities import Principal
from lambdas.common.policy import GatewayPolicy, PolicyWatch
from lambdas.gateway.access_log import AccessEntry
from lambdas.gateway.authorise import Grant, authorise
from lambdas.gateway.belongings import Belongings, Named
from lambdas.gateway.call import Caller, Calls, Deadlines, UpstreamCall
from lambdas.gateway.completion import Completion
from lambdas.gateway.deliver import deliver_stream, deliver_whole
from lambdas.gateway.errors import ApiError, Header
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.governed_call import GovernedCall
from lambdas.gateway.inspection import (
    Declaration,
    InspectionStep,
    Verdict,
    read_declaration,
    refusal,
    review_headers,
)
from lambdas.gateway.message_request import MessageRequest, RegisteredPrompt, body_for
from lambdas.gateway.outcome import client_gone_outcome
from lambdas.gateway.providers.registry import Providers
from lambdas.gateway.providers.transport import CallCancelled, read_on
from lambdas.gateway.providers.user_sessions import attribution_of
from lambdas.gateway.record import Recorder
from lambdas.gateway.request_rules import RequestRules
from lambdas.gateway.reserve import Reserved, Reserver
from lambdas.gateway.session_care import SessionCare
from lambdas.gateway.settle import Settler
from lambdas.gateway.turns import LIGHT_TO_READ_BYTES

_FILES_BETA: Header = (b"anthropic-beta", b"files-api-2025-04-14")


@dataclass(frozen=True, slots=True)
class Messages:
    """Serves Messages calls. Created once; holds no state of a call."""

    policy: PolicyWatch
    rules: RequestRules
    inspection: InspectionStep
    reserver: Reserver
    settler: Settler
    recorder: Recorder
    providers: Providers
    caller: Caller
    calls: Calls
    deadlines: Deadlines
    sessions: SessionCare
    belongings: Belongings

    async def answer(
        self, exchange: Exchange, entry: AccessEntry, principal: Principal, request: MessageRequest
    ) -> None:
        """Take one call through all steps.

        Raises `ApiError` if it is refused or fails before its answer begins.
        """
        policy = self.policy.current()
        grant = authorise(
            policy,
            principal,
            request.model,
            registered_prompt=request.prompt is not None,
            others=request.seen.models,
        )
        entry.model, entry.stream = grant.model.alias, request.stream
        rules = await self.inspection.turns.run(
            principal.id,
            len(request.body.raw),
            self.rules.hold,
            grant.department,
            principal,
            exchange,
            request.body.fields,
            request.seen,
            light=LIGHT_TO_READ_BYTES,
        )
        declaration = declared(exchange.headers, request.prompt)
        named = await self.belongings.named(principal, grant.department, (request.seen,))
        able = named.among(self.providers.of(policy))
        verdict = await self.inspection.verdict(
            request.body, grant.department, principal, declaration, files=named.files
        )
        if request.prompt is not None and request.prompt.human_review:
            verdict = replace(verdict, requires_review=True)
        call = governed_message(exchange, entry, policy, grant, request, verdict)
        call.rules = rules
        await exchange.end_turn()
        if not verdict.allowed:
            await self.recorder.refusal(call)
            raise refusal(verdict, exchange.headers, policy.help_url)
        warnings = await self.sessions.before(call)
        with self.calls.place(principal.id, call.limits.concurrent_calls):
            reservation = await self.reserver.reserve(call)
            completion = Completion(call, reservation, self.settler, self.recorder, self.belongings)
            try:
                await completion.begin()
                answer = await self.caller.call(self._upstream(call, reservation, named), able)
                call.provider = entry.provider = answer.provider.name
                call.taken = answer.response.status < 300
                deliver = deliver_whole
                if request.stream and answer.response.status == 200:
                    longest = policy.inspection.longest_event_kib << 10
                    deliver = partial(deliver_stream, longest_event=longest)
                await deliver(
                    exchange,
                    answer,
                    self.deadlines,
                    self.inspection.answer_filter(grant.department, verdict.restricted),
                    [*reservation.headers, *review_headers(call.verdict), *warnings],
                    completion.finish,
                    reservation.hold,
                )
            except CallCancelled:
                await completion.finish(client_gone_outcome())
            except ApiError as error:
                if exchange.client_gone:  # and the provider was interrupted while it was read on
                    await completion.finish(client_gone_outcome(billable=call.may_be_charged))
                    return
                await completion.abandon(error)
                raise
            except BaseException as error:
                await completion.abandon(error)
                raise
            await self.sessions.after(call)

    def _upstream(self, call: GovernedCall, reserved: Reserved, named: Named) -> UpstreamCall:
        target, headers = call.exchange.target, call.exchange.raw_headers
        if call.exchange.path != "/v1/messages":  # the caller used our route, not the API's
            target, headers = "/v1/messages", with_api_version(headers)
            if named.files:  # which clients of other APIs cannot request
                headers = [*headers, _FILES_BETA]
        return UpstreamCall(
            "POST",
            target,
            headers,
            attribution_of(call.principal, call.department),
            lambda provider: body_for(
                call.verdict.body, provider.model_name(call.model), provider.inference_geo
            ),
            self.deadlines.first_byte_stream if call.stream else self.deadlines.first_byte_whole,
            read_on(call.exchange.cancellation, self.deadlines.read_on),
            call.attempts,
            call.model,
            reserved.hold.another_or_none,
        )


def declared(headers: Mapping[bytes, bytes], prompt: RegisteredPrompt | None) -> Declaration:
    """Return what the caller, or else the prompt, declares about a request. Raises `ApiError` 400.

    A prompt's approval may also say that a person reviews the answers.
    """
    own = read_declaration(headers)
    if prompt is None:
        return own
    return Declaration(own.data_class or prompt.data_class, own.human_review or bool(prompt.human_review))


def with_api_version(headers: Sequence[Header]) -> list[Header]:
    """Return the headers, with the gateway's API version if they name none."""
    if any(name == b"anthropic-version" for name, _ in headers):
        return list(headers)
    return [*headers, (b"anthropic-version", b"2023-06-01")]


def governed_message(
    exchange: Exchange,
    entry: AccessEntry,
    policy: GatewayPolicy,
    grant: Grant,
    request: MessageRequest,
    verdict: Verdict,
) -> GovernedCall:
    """Return the call as the steps after inspection see it."""
    return GovernedCall(
        exchange=exchange,
        entry=entry,
        policy=policy,
        principal=grant.principal,
        department=grant.department,
        kind="messages",
        alias=grant.model.alias,
        model=grant.model.model,
        body=request.body.raw,
        max_tokens=request.max_tokens,
        stream=request.stream,
        verdict=verdict,
        prompt=request.prompt,
        use_case=request.use_case or grant.principal.use_case,
        seen=(request.seen,),
    )

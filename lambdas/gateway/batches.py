"""Message batches: create, list, retrieve, cancel, results (L1.1, L1.6).

A batch is inspected and recorded as a whole, priced with the batch discount, and reserved when it is
created. From then on its own item holds the reservation, which does not expire: the money stays committed
until somebody first sees that the batch has ended, and the usage in its results settles it
(`batch_results`). A batch belongs to its caller and does not exist for anybody else. All its requests name
one model, because its reservation is checked against that model's kill switch.
"""

import asyncio
import json
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qs

from lambdas.common.identities import Principal
from lambdas.common.ledger.items import Key, Remove, Store
from lambdas.common.policy import PolicyWatch
from lambdas.gateway import errors
from lambdas.gateway.access_log import AccessEntry
from lambdas.gateway.authorise import Grant, authorise, department_of
from lambdas.gateway.batch_results import BatchResults, OwnBatch
from lambdas.gateway.belongings import Belongings
from lambdas.gateway.call import Answer, Caller, Calls, Deadlines, UpstreamCall
from lambdas.gateway.completion import Completion
from lambdas.gateway.deliver import read_answer
from lambdas.gateway.errors import ApiError, Header, available, invalid_request, not_found
from lambdas.gateway.exchange import ClientGone, Exchange
from lambdas.gateway.gate import Gate
from lambdas.gateway.governed_call import GovernedCall
from lambdas.gateway.inspection import InspectionStep, read_declaration, refusal
from lambdas.gateway.json_body import JsonBody, parse_object
from lambdas.gateway.message_request import edits, read_use_case
from lambdas.gateway.outcome import Outcome
from lambdas.gateway.pages import page_of
from lambdas.gateway.providers.provider import ClaudeProvider, response_headers
from lambdas.gateway.providers.registry import Providers
from lambdas.gateway.providers.user_sessions import attribution_of
from lambdas.gateway.record import Recorder
from lambdas.gateway.request_rules import RequestRules
from lambdas.gateway.reserve import Reserved, Reserver
from lambdas.gateway.settle import Settler
from lambdas.gateway.survey import Survey, survey
from lambdas.gateway.turns import LIGHT_TO_READ_BYTES

LEAD = "department-lead"  # role that sees the department's batches
_SETTLES_WITHIN_SECONDS = 20.0
_LONGEST_NUMBER = 9
_LARGEST_PAGE = 100
_JSON: list[Header] = [(b"content-type", b"application/json")]


def _key(department: str, batch_id: str) -> Key:
    return Key("ledger", f"BATCHES#{department}", batch_id)


@dataclass(frozen=True, slots=True)
class Batches:
    """Serves the batch routes. `store` is the ledger's."""

    policy: PolicyWatch
    gate: Gate
    rules: RequestRules
    inspection: InspectionStep
    reserver: Reserver
    settler: Settler
    recorder: Recorder
    providers: Providers
    caller: Caller
    calls: Calls
    deadlines: Deadlines
    store: Store
    belongings: Belongings

    async def create(
        self, exchange: Exchange, entry: AccessEntry, principal: Principal, request: "BatchRequest"
    ) -> None:
        """Serve POST /v1/messages/batches. Raises `ApiError`."""
        policy = self.policy.current()
        body, requests, seen = request.body, request.params, request.seen
        grant, rules = await self.inspection.turns.run(
            principal.id,
            len(body.raw),
            self._granted,
            exchange,
            principal,
            requests,
            seen,
            light=LIGHT_TO_READ_BYTES,
        )
        entry.model = grant.model.alias
        named = await self.belongings.named(principal, grant.department, seen)
        able = [one for one in named.among(self.providers.of(policy)) if one.batches]
        verdict = await self.inspection.verdict(
            body, grant.department, principal, read_declaration(exchange.headers), files=named.files
        )
        call = GovernedCall(
            exchange=exchange,
            entry=entry,
            policy=policy,
            principal=principal,
            department=grant.department,
            kind="batch",
            alias=grant.model.alias,
            model=grant.model.model,
            body=body.raw,
            max_tokens=sum(params["max_tokens"] for params in requests),
            stream=False,
            verdict=verdict,
            use_case=read_use_case(exchange.headers),
            seen=seen,
            rules=rules,
        )
        await exchange.end_turn()
        if not verdict.allowed:
            await self.recorder.refusal(call)
            raise refusal(verdict, exchange.headers, policy.help_url)
        if not able:
            raise not_found("No configured provider has message batches.", reason="no_batches")
        with self.calls.place():
            reserved = await self.reserver.reserve(call)
            completion = Completion(call, reserved, self.settler, self.recorder)
            try:
                await completion.begin()
                upstream = UpstreamCall(
                    "POST",
                    exchange.target,
                    exchange.raw_headers,
                    attribution_of(principal, grant.department),
                    lambda provider: _batch_body(verdict.body, provider, grant.model.model),
                    self.deadlines.first_byte_stream,
                )
                answer = await self.caller.call(upstream, able)
                data = await read_answer(answer, self.deadlines, exchange.request_id)
                call.provider = entry.provider = answer.provider.name
                batch = _batch_object(data) if answer.response.status == 200 else None
                if batch is None:
                    outcome = Outcome("upstream_error", answer.response.status, response=data)
                    await completion.finish(outcome)
                else:
                    await self._keep(call, answer.provider, batch["id"], reserved)
                    await completion.accept(Outcome("accepted", 200, response=data))
            except BaseException as error:
                await completion.abandon(error)
                raise
        headers = [*response_headers(answer.response.headers), *reserved.headers]
        await exchange.answer(answer.response.status, headers, _with_own_url(data) if batch else data)

    async def list_own(self, exchange: Exchange, principal: Principal) -> None:
        """Serve GET /v1/messages/batches: the caller's own, newest first.

        For the department's lead, all of the department, with their progress but not their content. Raises
        `ApiError`.
        """
        query = parse_qs(exchange.query.decode("latin-1"))
        department = await self.gate.admit(principal, exchange.headers)
        leads = LEAD in principal.roles
        kept = sorted(
            (
                (batch_id, item)
                for batch_id, item in await available(self.store.under("ledger", f"BATCHES#{department.id}"))
                if leads or item.get("principal") == principal.id
            ),
            key=_newest_first,
        )
        ids = [batch_id for batch_id, _ in kept]
        page = page_of(ids, query, what="batch", largest=_LARGEST_PAGE)
        items = dict(kept)
        batches = await asyncio.gather(
            *(
                self._fetch(exchange, OwnBatch(principal, one, _key(department.id, one), items[one]))
                for one in page.ids
            )
        )
        data = [json.loads(_with_own_url(data)) for answer, data in batches if answer.response.status == 200]
        await exchange.answer(200, _JSON, json.dumps(page.body(data)).encode())

    async def retrieve(
        self, exchange: Exchange, entry: AccessEntry, principal: Principal, batch_id: str
    ) -> None:
        """Serve GET /v1/messages/batches/{id}. Raises `ApiError`."""
        own = await self._owned(exchange, entry, principal, batch_id, "retrieve")
        answer, data = await self._fetch(exchange, own)
        entry.provider = own.item["provider"]
        batch = _batch_object(data)
        if answer.response.status == 200 and batch and batch.get("processing_status") == "ended":
            await self._settled(exchange, entry, own)
        await exchange.answer(
            answer.response.status, response_headers(answer.response.headers), _with_own_url(data)
        )

    async def results(
        self, exchange: Exchange, entry: AccessEntry, principal: Principal, batch_id: str
    ) -> None:
        """Serve GET /v1/messages/batches/{id}/results, settling each line before it is delivered.

        Raises `ApiError` before the first chunk is sent; later the connection is closed, and the client
        asks for the rest.
        """
        after_line = _after_line(exchange)
        batch = await self._owned(exchange, entry, principal, batch_id, "results")
        entry.provider = batch.item["provider"]
        answer = await self._ask(exchange, batch, "/results")
        if answer.response.status != 200:
            data = await read_answer(answer, self.deadlines, exchange.request_id)
            await exchange.answer(answer.response.status, response_headers(answer.response.headers), data)
            return
        exchange.watch_client()
        department = department_of(self.policy.current(), principal)

        async def deliver(part: bytes) -> None:
            if exchange.client_gone:
                raise ClientGone
            if not exchange.started:
                exchange.cut_on_error = True
                await exchange.start(200, response_headers(answer.response.headers))
            await exchange.write(part)

        try:
            async with asyncio.timeout(self.deadlines.total):
                await self._reader().read(
                    entry,
                    batch,
                    answer.response,
                    deliver,
                    lambda: self.inspection.answer_filter(department),
                    after_line,
                )
                if not exchange.started:
                    await exchange.start(200, response_headers(answer.response.headers))
                await exchange.end()
        except TimeoutError:
            raise ApiError(
                504,
                errors.TIMEOUT,
                "The results took longer than the gateway waits; ask for the rest with after_line.",
                reason="total_deadline",
            ) from None
        finally:
            answer.response.abort()

    async def delete(
        self, exchange: Exchange, entry: AccessEntry, principal: Principal, batch_id: str
    ) -> None:
        """Serve DELETE /v1/messages/batches/{id}, once it is settled: its cost would be unknown otherwise.

        Raises `ApiError`.
        """
        batch = await self._owned(exchange, entry, principal, batch_id, "delete")
        entry.provider = batch.item["provider"]
        await self._settled(exchange, entry, batch)
        if batch.open:
            raise invalid_request(
                "The batch has not ended, or its results were not all read yet: get its results first, or "
                "cancel it.",
                reason="batch_open",
            )
        answer, data = await self._fetch(exchange, batch, method="DELETE")
        if answer.response.status in {200, 404}:
            await available(self.store.apply(Remove(batch.key, {"state": "settled"})))
        await exchange.answer(answer.response.status, response_headers(answer.response.headers), data)

    async def cancel(
        self, exchange: Exchange, entry: AccessEntry, principal: Principal, batch_id: str
    ) -> None:
        """Serve POST /v1/messages/batches/{id}/cancel. Raises `ApiError`."""
        batch = await self._owned(exchange, entry, principal, batch_id, "cancel")
        entry.provider = batch.item["provider"]
        answer, data = await self._fetch(exchange, batch, "/cancel", method="POST")
        await exchange.answer(
            answer.response.status, response_headers(answer.response.headers), _with_own_url(data)
        )

    # -- owning ---------------------------------------------------------------------------------------------

    def _granted(
        self,
        exchange: Exchange,
        principal: Principal,
        requests: list[dict[str, Any]],
        seen: list[Survey],
    ) -> tuple[Grant, dict[str, Any]]:
        """Return what the caller may do, and what contract and permissions say about its requests. Raises
        `ApiError`.
        """
        grant = self._grant(principal, requests, seen)
        return grant, self._rules(exchange, grant, requests, seen)

    def _grant(self, principal: Principal, requests: list[dict[str, Any]], seen: list[Survey]) -> Grant:
        policy = self.policy.current()
        grants = [
            authorise(policy, principal, name) for name in dict.fromkeys(one["model"] for one in requests)
        ]
        for params, one in zip(requests, seen, strict=True):
            authorise(policy, principal, params["model"], others=one.models)
        if len({grant.model.model for grant in grants}) > 1:
            raise invalid_request(
                "requests: all requests of a batch must name the same model", reason="mixed_models"
            )
        return grants[0]

    def _rules(
        self, exchange: Exchange, grant: Grant, requests: list[dict[str, Any]], seen: list[Survey]
    ) -> dict[str, Any]:
        """Return what contract and permissions say about all requests together."""
        together: dict[str, Any] = {}
        for number, (params, one) in enumerate(zip(requests, seen, strict=True)):
            said = self.rules.hold(
                grant.department,
                grant.principal,
                exchange,
                params,
                one,
                f"requests[{number}].params.",
            )
            for name, value in said.items():
                kept = together.setdefault(name, value)
                if isinstance(value, list):
                    together[name] = sorted({*kept, *value})[:50]
        return together

    async def _keep(
        self, call: GovernedCall, provider: ClaudeProvider, batch_id: str, reserved: Reserved
    ) -> None:
        item = {
            "provider": provider.name,
            "principal": call.principal.id,
            "model": call.model,
            "request_id": call.request_id,
            "requests": len(call.seen),
            "data_class": call.verdict.data_class,
            "reservation": json.dumps(asdict(reserved.granted.handle.reservation)),
        }
        await available(self.settler.hand_over(reserved, _key(call.department.id, batch_id), item))

    async def _owned(
        self, exchange: Exchange, entry: AccessEntry, principal: Principal, batch_id: str, what: str
    ) -> OwnBatch:
        """Return the caller's own batch, after passing the gate and recording the access."""
        key = _key(principal.department, batch_id)
        (item,) = await available(self.store.get([key]))
        model = item["model"] if item is not None else ""
        await self.gate.admit(principal, exchange.headers, model or "-")
        if item is None or item.get("principal") != principal.id:
            raise not_found("You have no such batch.", reason="unknown_batch")
        await self.recorder.batch_access(exchange.request_id, principal, item["request_id"], batch_id, what)
        entry.recorded = True
        return OwnBatch(principal, batch_id, key, item)

    # -- settling -------------------------------------------------------------------------------------------

    def _reader(self) -> BatchResults:
        return BatchResults(self.recorder, self.settler, self.store, self.belongings, self.deadlines.idle)

    async def _settled(self, exchange: Exchange, entry: AccessEntry, batch: OwnBatch) -> None:
        """Settle an ended batch as far as a few seconds allow; the next request continues."""
        if not batch.open:
            return
        response = (await self._ask(exchange, batch, "/results")).response
        try:
            if response.status == 200:
                async with asyncio.timeout(_SETTLES_WITHIN_SECONDS):
                    await self._reader().read(entry, batch, response, None, lambda: None)
        except TimeoutError:
            return  # what was read is noted
        finally:
            response.abort()

    # -- the provider ---------------------------------------------------------------------------------------

    async def _fetch(
        self, exchange: Exchange, batch: OwnBatch, suffix: str = "", method: str = "GET"
    ) -> tuple[Answer, bytes]:
        answer = await self._ask(exchange, batch, suffix, method)
        return answer, await read_answer(answer, self.deadlines, exchange.request_id)

    async def _ask(self, exchange: Exchange, batch: OwnBatch, suffix: str, method: str = "GET") -> Answer:
        """Return the provider's response about a batch, with its body unread. Raises `ApiError`."""
        policy = self.policy.current()
        provider = [one for one in self.providers.of(policy) if one.name == batch.item["provider"]]
        if not provider:
            raise not_found("The provider of this batch is no longer configured.", reason="provider_gone")
        upstream = UpstreamCall(
            method,
            f"/v1/messages/batches/{batch.id}{suffix}",
            exchange.raw_headers,
            attribution_of(batch.principal, department_of(policy, batch.principal)),
            lambda _: b"",
            self.deadlines.first_byte_stream,
        )
        return await self.caller.call(upstream, provider)


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """The `params` of each request of a batch, and what was `seen` in them."""

    body: JsonBody
    params: list[dict[str, Any]]
    seen: list[Survey]


def read_batch_request(raw: bytes) -> BatchRequest:
    """Parse the request for a batch. Raises `ApiError` 400."""
    body = parse_object(raw)
    params = _read_requests(body)
    seen = [survey(one, f"requests[{number}].params.") for number, one in enumerate(params)]
    return BatchRequest(body, params, seen)


def _read_requests(body: JsonBody) -> list[dict[str, Any]]:
    """Return the `params` of each request. Raises `ApiError` 400 naming the first invalid one."""
    requests = body.fields.get("requests")
    if not isinstance(requests, list) or not requests:
        raise invalid_request("requests: a non-empty list is required")
    found: list[dict[str, Any]] = []
    for number, request in enumerate(requests):
        params = request.get("params") if isinstance(request, dict) else None
        if not isinstance(params, dict) or not isinstance(request.get("custom_id"), str):
            raise invalid_request(f"requests.{number}: custom_id and params are required")
        if not isinstance(params.get("model"), str):
            raise invalid_request(f"requests.{number}.params.model: a string is required")
        tokens = params.get("max_tokens")
        if isinstance(tokens, bool) or not isinstance(tokens, int) or not 0 < tokens < 1 << 31:
            raise invalid_request(f"requests.{number}.params.max_tokens: a positive integer is required")
        if not isinstance(params.get("messages"), list):
            raise invalid_request(f"requests.{number}.params.messages: a list is required")
        found.append(params)
    return found


def _batch_body(body: JsonBody, provider: ClaudeProvider, model: str) -> bytes:
    """Return the caller's bytes with what the provider needs in each request's parameters."""
    name, geo = provider.model_name(model), provider.inference_geo
    every = [body.inner(request["params"]) for request, _ in body.items("requests")]
    return body.replace(edit for spans in every for edit in edits(spans, name, geo))


def _batch_object(data: bytes) -> dict[str, Any] | None:
    try:
        batch = json.loads(data)
    except ValueError:
        return None
    return batch if isinstance(batch, dict) and isinstance(batch.get("id"), str) else None


def _with_own_url(data: bytes) -> bytes:
    """Return the batch with a `results_url` through the gateway, relative so that it is valid under any
    name.
    """
    batch = _batch_object(data)
    url = batch.get("results_url") if batch else None
    if batch is None or not isinstance(url, str):
        return data
    return data.replace(
        json.dumps(url).encode(), json.dumps(f"/v1/messages/batches/{batch['id']}/results").encode()
    )


def _after_line(exchange: Exchange) -> int:
    """Return the number of result lines that the client has. Raises `ApiError` 400."""
    given = parse_qs(exchange.query.decode("latin-1")).get("after_line", ["0"])[0]
    if not given.isdecimal() or len(given) > _LONGEST_NUMBER:
        raise invalid_request("after_line: must be the number of lines that you have")
    return int(given)


def _newest_first(entry: tuple[str, dict[str, Any]]) -> list[int]:
    return [-ord(character) for character in entry[1]["request_id"]]

"""The gateway's ASGI application: routing, and what every answer has in common (L1.1).

This is plain ASGI: routing is a dictionary and a prefix, and a framework would cost more than all controls
together. `create_app()` composes the gateway from the environment; tests and benchmarks pass their own
`Gateway`.
"""

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import perf_counter, time
from typing import TypeVar

from lambdas.common.asgi import Application, Receive, Scope, Send, serve
from lambdas.common.identities import Principal
from lambdas.common.ids import new_id
from lambdas.common.json_text import json_bytes
from lambdas.common.log import cause_of
from lambdas.common.policy import PolicyUnavailable
from lambdas.gateway import errors
from lambdas.gateway.access_log import AccessEntry
from lambdas.gateway.authorise import granted_models
from lambdas.gateway.batches import read_batch_request
from lambdas.gateway.composition import Gateway
from lambdas.gateway.errors import ApiError, Header
from lambdas.gateway.exchange import ClientGone, Exchange
from lambdas.gateway.json_body import JsonBody, parse_object
from lambdas.gateway.message_request import MessageRequest, read_message_request, read_use_case
from lambdas.gateway.models import models_page, one_model
from lambdas.gateway.openai.answer import ChatAnswer
from lambdas.gateway.openai.request import includes_usage, messages_request
from lambdas.gateway.prompts import CURRENT, asked_language, describe, prompts_page, read_prompt_request
from lambdas.gateway.settings import read_settings
from lambdas.gateway.turns import LIGHT_TO_READ_BYTES
from lambdas.inspection import warm_up

JSON: list[Header] = [(b"content-type", b"application/json")]

# how long a thread may keep the loop from all other calls; Python's default is 5 ms
_THREAD_SECONDS = 0.001
Parsed = TypeVar("Parsed")
Handler = Callable[[Exchange, AccessEntry, Principal], Awaitable[None]]


def create_app(gateway: Gateway | None = None) -> Application:
    """Return the application. Without `gateway`, it is composed from the environment at server start (ASGI
    lifespan).
    """
    return _App(gateway)


def _on_aws() -> Callable[[], Gateway]:
    """Return a factory of the gateway on AWS, having done everything that needs no requests.

    The garbage collector is off meanwhile, because it would repeatedly traverse botocore's service models
    while they load (a sixth of the start time); afterwards they are moved to the permanent generation
    (`gc.freeze`).
    """
    gc.disable()
    try:
        from lambdas.gateway.deployment import prepare

        return prepare(read_settings())
    finally:
        gc.freeze()
        gc.enable()


def _to_be_snapshot() -> bool:
    """Return whether Lambda takes a snapshot of this process once it is ready.

    A secret read before the snapshot would stay in it for as long as the version lives, and anything needed
    at start would have to exist when the version is published.
    """
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"


class _App:
    """Routes requests, answers errors, writes the access log."""

    def __init__(self, gateway: Gateway | None) -> None:
        self._gateway = gateway
        self._compose: Callable[[], Gateway] | None = None
        self._composing = asyncio.Lock()
        self._exact: dict[tuple[str, str], tuple[str, Handler]] = {
            ("POST", "/v1/messages"): ("messages", self._messages),
            ("POST", "/v1/messages/count_tokens"): ("count_tokens", self._count_tokens),
            ("POST", "/v1/messages/batches"): ("batches.create", self._create_batch),
            ("GET", "/v1/messages/batches"): ("batches.list", self._list_batches),
            ("GET", "/v1/models"): ("models", self._models),
            ("GET", "/v1/prompts"): ("prompts", self._prompts),
            ("GET", "/v1/me"): ("me", self._me),
            ("POST", "/v1/embeddings"): ("embeddings", self._embeddings),
            ("POST", "/v1/chat/completions"): ("messages", self._chat_completion),
            ("POST", "/v1/budget-requests"): ("budget_requests", self._budget_request),
            ("POST", "/v1/feedback"): ("feedback", self._feedback),
            ("POST", "/v1/files"): ("files", self._files),
            ("GET", "/v1/files"): ("files", self._files),
            ("POST", "/v1/skills"): ("skills", self._skills),
            ("GET", "/v1/skills"): ("skills", self._skills),
            ("POST", "/v1/inspection-mistakes"): ("inspection_mistakes", self._inspection_mistake),
            ("POST", "/v1/inspections"): ("inspections", self._dry_run),
            ("POST", "/v1/sign-out"): ("sign_out", self._sign_out),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await serve(scope, receive, send, http=self._http, running=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        if self._gateway is None:
            self._compose = _on_aws()
        if _to_be_snapshot():
            warm_up(wait=True)
        else:
            await self._stand_up()
        sys.setswitchinterval(_THREAD_SECONDS)
        yield
        if self._gateway is not None:
            await self._gateway.stop()

    async def _stand_up(self) -> None:
        """Read what only this process may hold, once, and start."""
        async with self._composing:
            if self._gateway is None:
                if self._compose is None:
                    raise RuntimeError(
                        "the gateway was not started: run it under a server with ASGI lifespan"
                    )
                self._gateway = await asyncio.to_thread(self._compose)
            await self._gateway.start()

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, receive, send, new_id("req_"))
        if self._gateway is None:
            if exchange.path == "/healthz":  # a snapshot is taken of what can be restored
                await exchange.answer(200, JSON, b'{"status": "ok"}')
                return
            await self._stand_up()
        gateway = self._running()
        entry = AccessEntry(exchange.request_id, exchange.method)
        if gateway.settings.behind_api_gateway:
            entry.edge_id = exchange.edge_id
        started = perf_counter()
        try:
            if not await self._without_credential(exchange, entry):
                await self._dispatch(exchange, entry)
        except ApiError as error:
            entry.reason = entry.reason or error.reason
            if error.status >= 500:
                entry.cause = cause_of(error)
            await exchange.answer_error(error)
        except PolicyUnavailable as error:
            entry.reason, entry.cause = "policy_unavailable", cause_of(error)
            await exchange.answer_error(errors.control_unavailable("policy"))
        except ClientGone:
            entry.reason = "client_gone"
        except asyncio.CancelledError:
            entry.reason = "cancelled"
            raise
        except Exception as error:  # a defect: logged by type and place, hidden from the client
            entry.reason = "defect"
            gateway.access_log.defect(exchange.request_id, error)
            await exchange.answer_error(
                ApiError(500, errors.API, "The gateway failed on this request.", reason="defect", retry=False)
            )
        finally:
            await exchange.end_turn()
            exchange.unwatch_client()
            if entry.route not in {"health", "hello"}:
                gateway.access_log.request(
                    entry,
                    status=exchange.status or (499 if exchange.client_gone else 0),
                    seconds=perf_counter() - started,
                    bytes_in=exchange.bytes_in,
                    bytes_out=exchange.bytes_out,
                    client_gone=exchange.client_gone,
                )

    def _running(self) -> Gateway:
        if self._gateway is None:
            raise RuntimeError("the gateway was not started: run it under a server with ASGI lifespan")
        return self._gateway

    async def _without_credential(self, exchange: Exchange, entry: AccessEntry) -> bool:
        """Answer the few requests that need no credential."""
        path = exchange.path
        if path == "/healthz" and exchange.method in {"GET", "HEAD"}:
            entry.route = "health"
            await exchange.answer(200, JSON, b'{"status": "ok"}')
        elif path == "/readyz" and exchange.method in {"GET", "HEAD"}:
            entry.route = "health"
            missing = self._running().not_ready()
            body = (
                b'{"status": "ready"}'
                if not missing
                else b'{"status": "not ready", "missing": "%b"}' % missing.encode()
            )
            await exchange.answer(503 if missing else 200, JSON, body)
        elif path == "/.lambda/after-restore":  # Lambda Web Adapter's signal that a snapshot was restored
            entry.route = "health"
            await self._running().policy.catch_up()
            await exchange.answer(200, JSON, b"{}")
        elif exchange.method == "HEAD" and path in {"/", "/api/hello"}:
            entry.route = "hello"
            await exchange.answer(200, JSON, b"")
        else:
            return False
        return True

    async def _dispatch(self, exchange: Exchange, entry: AccessEntry) -> None:
        found = self._exact.get((exchange.method, exchange.path)) or self._by_prefix(exchange)
        if found is None:
            raise errors.not_found(
                f"There is no {exchange.method} {exchange.path[:200]} here.", reason="no_route"
            )
        entry.route, handler = found
        gateway = self._running()
        if gateway.policy.overdue:
            await gateway.policy.catch_up()
        await gateway.contract.catch_up()
        await gateway.exceptions.catch_up()
        principal = await gateway.authenticate(exchange)
        try:
            await self._for(principal, handler, exchange, entry)
        except ApiError as error:
            if error.reason != "access":
                raise
            # the ledger has seen a change that is not in the records cached here: a leaver, or a mover,
            # whose call continues as a call of the new department
            moved = await gateway.authenticate(exchange, force_refresh=True)
            if moved == principal:
                raise
            exchange.request_id = entry.request_id = new_id("req_")
            await self._for(moved, handler, exchange, entry)

    async def _for(
        self, principal: Principal, handler: Handler, exchange: Exchange, entry: AccessEntry
    ) -> None:
        entry.department = principal.department
        await handler(exchange, entry, principal)

    def _by_prefix(self, exchange: Exchange) -> tuple[str, Handler] | None:
        """Return the handler of a route with a name or an id in its path."""
        match exchange.method, exchange.path.split("/")[1:]:
            case "GET", ["v1", "models", _]:
                return "model", self._one_model
            case "GET", ["v1", "messages", "batches", _]:
                return "batches.retrieve", self._retrieve_batch
            case "GET", ["v1", "messages", "batches", _, "results"]:
                return "batches.results", self._batch_results
            case "DELETE", ["v1", "messages", "batches", _]:
                return "batches.delete", self._delete_batch
            case "POST", ["v1", "messages", "batches", _, "cancel"]:
                return "batches.cancel", self._cancel_batch
            case _, ["v1", "files", _, *_]:
                return "files", self._files
            case _, ["v1", "skills", _, *_]:
                return "skills", self._skills
            case "GET", ["v1", "prompts", _]:
                return "prompt", self._one_prompt
            case "POST", ["v1", "prompts", _, "messages"]:
                return "messages", self._prompt_messages  # a message like any other
            case "GET", ["v1", "switches", _, *_]:
                return "switches", self._switch_state
            case "GET", ["v1", "records", _]:
                return "record", self._own_record
            case "POST", ["v1", "records", _, "outcome"]:
                return "records.outcome", self._record_use
            case _:
                return None

    # -- handlers --------------------------------------------------------------------------------------------

    async def _messages(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        self._running().gate.attempt(principal, exchange.headers)
        use_case = read_use_case(exchange.headers)
        request = await self._read(
            exchange, principal, lambda raw: read_message_request(parse_object(raw), use_case=use_case)
        )
        exchange.watch_client()
        await self._running().messages.answer(exchange, entry, principal, request)

    async def _prompt_messages(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        self._running().gate.attempt(principal, exchange.headers)
        body = await self._json_body(exchange, principal)
        exchange.watch_client()
        gateway, name = self._running(), exchange.path.split("/")[3]
        request = await read_prompt_request(gateway.prompts, principal, name, body)
        await gateway.messages.answer(exchange, entry, principal, request)

    async def _dry_run(self, exchange: Exchange, _: AccessEntry, principal: Principal) -> None:
        body = await self._json_body(exchange, principal)
        await self._running().dry_run.answer(exchange, principal, body)

    async def _prompts(self, exchange: Exchange, _: AccessEntry, principal: Principal) -> None:
        await self._running().gate.admit(principal, exchange.headers)
        gateway = self._running()
        granted = granted_models(gateway.policy.current(), principal)
        prompts = [
            prompt
            for prompt in await gateway.prompts.current(principal.department)
            if any(model.answers_to(prompt.model) for model in granted)
        ]
        await exchange.answer(200, JSON, prompts_page(prompts, asked_language(exchange.query)))

    async def _one_prompt(self, exchange: Exchange, _: AccessEntry, principal: Principal) -> None:
        await self._running().gate.admit(principal, exchange.headers)
        name = exchange.path.split("/")[3]
        prompt = await self._running().prompts.find(name, CURRENT)
        if not prompt.allows(principal.department):
            raise errors.not_found(f"There is no prompt {name[:100]}.", reason="unknown_prompt")
        await exchange.answer(200, JSON, json_bytes(describe(prompt, asked_language(exchange.query))))

    async def _chat_completion(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        """Answer a chat completion by the equivalent Messages call."""
        if not isinstance(exchange.form, ChatAnswer):
            exchange.form = ChatAnswer(int(time()))
        body = await self._json_body(exchange, principal)
        exchange.watch_client()
        exchange.form.include_usage = includes_usage(body.fields)
        use_case = read_use_case(exchange.headers)

        def translated(_: bytes) -> MessageRequest:
            made = json_bytes(messages_request(body.fields))
            return read_message_request(parse_object(made), use_case=use_case)

        request = await self._read(exchange, principal, translated)
        await self._running().messages.answer(exchange, entry, principal, request)

    async def _json_body(self, exchange: Exchange, principal: Principal) -> JsonBody:
        return await self._read(exchange, principal, parse_object)

    async def _read(
        self, exchange: Exchange, principal: Principal, read: Callable[[bytes], Parsed]
    ) -> Parsed:
        """Return the body parsed by `read`; a long one waits for the caller's turn."""
        gateway = self._running()
        raw = await exchange.body(gateway.settings.body_limit, gateway.settings.body_seconds)
        if len(raw) > LIGHT_TO_READ_BYTES:
            await exchange.take_turn(gateway.long_bodies.turn(principal.id, len(raw)))
        return await gateway.turns.run(principal.id, len(raw), read, raw, light=LIGHT_TO_READ_BYTES)

    async def _models(self, exchange: Exchange, _: AccessEntry, principal: Principal) -> None:
        gateway = self._running()
        await gateway.gate.admit(principal, exchange.headers)
        await exchange.answer(200, JSON, models_page(gateway.policy.current(), principal, exchange.query))

    async def _me(self, exchange: Exchange, _: AccessEntry, principal: Principal) -> None:
        await self._running().gate.admit(principal, exchange.headers)
        await self._running().me.answer(exchange, principal)

    async def _budget_request(self, exchange: Exchange, _: AccessEntry, principal: Principal) -> None:
        body = await self._json_body(exchange, principal)
        await self._running().budget_requests.take(exchange, principal, body)

    async def _one_model(self, exchange: Exchange, _: AccessEntry, principal: Principal) -> None:
        await self._running().gate.admit(principal, exchange.headers)
        model_id = exchange.path.rsplit("/", 1)[1]
        await exchange.answer(200, JSON, one_model(self._running().policy.current(), principal, model_id))

    async def _count_tokens(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        request = await self._read(
            exchange, principal, lambda raw: read_message_request(parse_object(raw), needs_max_tokens=False)
        )
        exchange.watch_client()
        await self._running().count_tokens.answer(exchange, entry, principal, request)

    async def _create_batch(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        self._running().gate.attempt(principal, exchange.headers)
        request = await self._read(exchange, principal, read_batch_request)
        await self._running().batches.create(exchange, entry, principal, request)

    async def _list_batches(self, exchange: Exchange, _: AccessEntry, principal: Principal) -> None:
        await self._running().batches.list_own(exchange, principal)

    async def _retrieve_batch(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        await self._running().batches.retrieve(exchange, entry, principal, exchange.path.split("/")[4])

    async def _batch_results(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        await self._running().batches.results(exchange, entry, principal, exchange.path.split("/")[4])

    async def _cancel_batch(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        await self._running().batches.cancel(exchange, entry, principal, exchange.path.split("/")[4])

    async def _delete_batch(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        await self._running().batches.delete(exchange, entry, principal, exchange.path.split("/")[4])

    async def _embeddings(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        self._running().gate.attempt(principal, exchange.headers)
        body = await self._json_body(exchange, principal)
        await self._running().embeddings.answer(exchange, entry, principal, body)

    async def _files(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        await self._running().files.answer(exchange, entry, principal)

    async def _skills(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        await self._running().skills.answer(exchange, entry, principal)

    async def _feedback(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        await self._running().gate.admit(principal, exchange.headers)
        body = await self._json_body(exchange, principal)
        await self._running().feedback.take(exchange, entry, principal, body)

    async def _inspection_mistake(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        await self._running().gate.admit(principal, exchange.headers)
        body = await self._json_body(exchange, principal)
        await self._running().mistakes.take(exchange, entry, principal, body)

    async def _sign_out(self, exchange: Exchange, _: AccessEntry, principal: Principal) -> None:
        await self._running().sign_out.answer(exchange, principal)

    async def _switch_state(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        del entry, principal
        scope, _, subject = exchange.path.removeprefix("/v1/switches/").partition("/")
        await self._running().switch_state.answer(exchange, scope, subject)

    async def _own_record(self, exchange: Exchange, _: AccessEntry, principal: Principal) -> None:
        await self._running().gate.admit(principal, exchange.headers)
        await self._running().own_records.answer(exchange, principal, exchange.path.split("/")[3])

    async def _record_use(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        await self._running().gate.admit(principal, exchange.headers)
        body = await self._json_body(exchange, principal)
        await self._running().uses.append(exchange, entry, principal, exchange.path.split("/")[3], body)

"""The SCIM service as an ASGI application: authentication, limits, errors and the access log (G.4, L1.7).

Requests under `/scim/v2` require the bearer token, which is verified before anything else is read. The
endpoints block, so each request runs in a thread.
"""

import asyncio
import base64
import json
import os
import traceback
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl, unquote

from scim2_models import Error, InvalidSyntaxException, UnauthorizedException

from lambdas.common.asgi import Application, Receive, Scope, Send, serve
from lambdas.common.ids import new_id
from lambdas.common.json_text import json_bytes
from lambdas.common.log import Level, log, metrics
from lambdas.scim.bearer import BearerTokens, TokensUnavailable
from lambdas.scim.credentials import DEFAULT, NamedTokens
from lambdas.scim.endpoints import Answer, Endpoints, Request, refused
from lambdas.scim.resources import ENDPOINTS
from lambdas.scim.store import DirectoryUnavailable

BASE_PATH = "/scim/v2"
TOKEN_PATH = f"{BASE_PATH}/oauth/token"
_LARGEST_FORM = 16_384
# What the runtimes bear: Lambda takes 6 MB, counted with base 64 around the body.
LAMBDA_BODY_LIMIT = 4_400_000
OPEN_BODY_LIMIT = 32 * 1024 * 1024
_BODY_SECONDS = 30.0
_THREADS = 16
_ROUTES = frozenset({*ENDPOINTS.values(), "ServiceProviderConfig", "ResourceTypes", "Schemas", "Bulk", "Me"})

_NO_REFUSAL = frozenset(
    {404, 412}
)  # what is not there, and what has changed meanwhile, is the protocol's everyday
_WITH_BODY = frozenset({"PATCH", "POST", "PUT"})


@dataclass(frozen=True, slots=True)
class Service:
    """What the application needs. `body_limit` is in bytes."""

    endpoints: Endpoints
    tokens: BearerTokens
    named: NamedTokens
    environment: str
    body_limit: int = OPEN_BODY_LIMIT


def create_app(service: Service | None = None) -> Application:
    """Return the application. Without `service`, it is composed from the environment at server start."""
    return _App(service)


def _compose() -> Service:
    import botocore.session

    from lambdas.scim.settings import aws_client, open_directory, read_settings

    settings = read_settings()
    session = botocore.session.get_session()
    directory = open_directory(settings, session)
    return Service(
        Endpoints(directory.people, directory.groups),
        BearerTokens(aws_client(session, "secretsmanager", settings), settings.token_secret_arn),
        NamedTokens(directory.store),
        settings.environment,
        LAMBDA_BODY_LIMIT if "AWS_LAMBDA_FUNCTION_NAME" in os.environ else OPEN_BODY_LIMIT,
    )


class _App:
    """Reads requests, verifies tokens, writes answers and the access log."""

    def __init__(self, service: Service | None) -> None:
        self._service = service
        self._pool = ThreadPoolExecutor(_THREADS, "requests")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await serve(scope, receive, send, http=self._http, running=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        self._service = self._service or _compose()
        yield
        self._pool.shutdown(wait=True)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/healthz" and scope["method"] in {"GET", "HEAD"}:
            await _send(send, Answer(200, {"status": "ok"}), "")
            return
        service = self._service
        if service is None:
            raise RuntimeError("the service was not started: run it under a server with ASGI lifespan")
        request_id, started = new_id("req_"), perf_counter()
        reason = ""
        try:
            answer = await self._answer(service, scope, receive)
        except (DirectoryUnavailable, TokensUnavailable) as error:
            answer, reason = _unavailable(), f"{type(error).__name__}:{error}"
        except TimeoutError:
            answer = Answer(408, Error(status=408, detail="The body did not arrive in time.").model_dump())
        except _ClientGone:
            return
        except Exception as error:  # a defect of ours: named in the log by type and place only
            answer, reason = _failed(), _place(error)
        await _send(send, answer, request_id, head=scope["method"] == "HEAD")
        log(
            "access",
            level=Level.ERROR if answer.status >= 500 else Level.INFO,
            environment=service.environment,
            request_id=request_id,
            method=scope["method"],
            route=_route(scope["path"]),
            status=answer.status,
            milliseconds=round((perf_counter() - started) * 1000, 1),
            leaver=answer.leaver,
            reason=reason,
            **_metrics(answer),
        )

    async def _answer(self, service: Service, scope: Scope, receive: Receive) -> Answer:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        loop = asyncio.get_running_loop()
        if scope["path"] == TOKEN_PATH:
            return await self._token(service, scope, headers, receive)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        caller = None
        if scheme.casefold() == "bearer":
            address = _source(scope, headers)
            caller = await loop.run_in_executor(self._pool, _caller, service, token.strip(), address)
        if caller is None:
            answer = refused(UnauthorizedException())
            return Answer(answer.status, answer.content, {"www-authenticate": 'Bearer realm="scim"'})
        if not service.named.within_limit(caller):
            return _too_many()
        if scope["method"] in _WITH_BODY and not _is_json(headers.get("content-type", "")):
            error = Error(status=415, detail="A body is application/scim+json or application/json.")
            return Answer(415, error.model_dump())
        body = await _body(receive, service.body_limit)
        if body is None:
            error = Error(status=413, detail=f"A body has at most {service.body_limit} bytes.")
            return Answer(413, error.model_dump())
        request = _request(scope, headers, body, f"token:{caller}")
        if request is None:
            return refused(InvalidSyntaxException(detail="The query is not valid."))
        return await loop.run_in_executor(self._pool, service.endpoints.answer, request)

    async def _token(
        self, service: Service, scope: Scope, headers: dict[str, str], receive: Receive
    ) -> Answer:
        """Serve OAuth 2.0 client credentials (RFC 6749, 4.4): a named token's name and secret, valid for an
        hour.
        """
        if scope["method"] != "POST":
            return Answer(405, {"error": "invalid_request"}, {"allow": "POST"})
        body = await _body(receive, _LARGEST_FORM)
        try:
            form = dict(parse_qsl((body or b"").decode("ascii"), max_num_fields=20))
        except ValueError:
            form = {}
        if form.get("grant_type") != "client_credentials":
            return Answer(400, {"error": "unsupported_grant_type"})
        name, secret = _client(headers, form)
        address = _source(scope, headers)
        granted = None
        if service.named.within_limit("oauth"):
            grant = partial(service.named.grant, name, secret, address)
            granted = await asyncio.get_running_loop().run_in_executor(self._pool, grant)
        if granted is None:
            return Answer(401, {"error": "invalid_client"}, {"www-authenticate": 'Basic realm="scim"'})
        token, seconds = granted
        return Answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": seconds})


def _caller(service: Service, token: str, address: str) -> str | None:
    """Return the name of the token that a request presents, or None if it is invalid. Raises as its stores
    do.
    """
    name = service.named.accepts(token, address)
    if name is None and service.tokens.accepts(token):
        name = DEFAULT
    if name is not None:
        service.named.used(name)
    return name


def _client(headers: dict[str, str], form: dict[str, str]) -> tuple[str, str]:
    """Return the client's name and secret, from the form or from Basic authentication."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.casefold() == "basic":
        try:
            name, _, secret = base64.b64decode(given, validate=True).decode().partition(":")
        except ValueError:
            return "", ""
        return unquote(name), unquote(secret)
    return form.get("client_id", ""), form.get("client_secret", "")


def _source(scope: Scope, headers: dict[str, str]) -> str:
    """Return the source address of a request: as seen by API Gateway, or else of the connection."""
    try:
        context = json.loads(headers.get("x-amzn-request-context", "{}"))
        identity = context.get("identity") if isinstance(context, dict) else None
        seen = identity.get("sourceIp") if isinstance(identity, dict) else None
    except ValueError:
        seen = None
    client = scope.get("client")
    behind_gateway = "AWS_LAMBDA_FUNCTION_NAME" in os.environ
    return str(seen or "") if behind_gateway else str(client[0] if client else "")


class _ClientGone(Exception):
    """The caller disconnected before its request was complete."""


async def _body(receive: Receive, limit: int) -> bytes | None:
    """Return the whole body, or None if it exceeds the limit, at which reading stops."""
    parts, size = [], 0
    async with asyncio.timeout(_BODY_SECONDS):
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientGone
            part = message.get("body", b"")
            size += len(part)
            if size > limit:
                return None
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)


def _is_json(content_type: str) -> bool:
    """Return whether a body may be JSON by its content type; a missing one may be."""
    return content_type.partition(";")[0].strip().lower() in {"", "application/scim+json", "application/json"}


def _request(scope: Scope, headers: dict[str, str], body: bytes, actor: str) -> Request | None:
    path = scope["path"]
    inside = path.removeprefix(BASE_PATH) if path.startswith(BASE_PATH) else "/-"
    try:
        query = dict(parse_qsl(scope.get("query_string", b"").decode(), max_num_fields=50, errors="strict"))
    except ValueError:
        return None
    return Request(
        method="GET" if scope["method"] == "HEAD" else scope["method"],
        parts=tuple(part for part in inside.split("/") if part),
        base_url=_base_url(scope, headers),
        query=query,
        actor=actor,
        if_match=headers.get("if-match", ""),
        if_none_match=headers.get("if-none-match", ""),
        body=body,
    )


def _base_url(scope: Scope, headers: dict[str, str]) -> str:
    """Return the URL under which the caller knows the service, which is shown only to the same caller.

    Behind API Gateway the path begins with the stage, which only the request context names.
    """
    scheme = (headers.get("x-forwarded-proto") or str(scope.get("scheme", "https"))).split(",")[0].strip()
    host = headers.get("host", "localhost")
    stage = ""
    try:
        context = json.loads(headers.get("x-amzn-request-context", "{}"))
        seen = str(context.get("path", "")) if isinstance(context, dict) else ""
    except ValueError:
        seen = ""
    path = unquote(scope["path"])
    if seen and unquote(seen).endswith(path):
        stage = unquote(seen).removesuffix(path)
    return f"{scheme}://{host}{stage}{BASE_PATH}"


async def _send(send: Send, answer: Answer, request_id: str, *, head: bool = False) -> None:
    body = b""
    headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
    if answer.content is not None:
        body = json_bytes(answer.content, compact=True)
        headers.append((b"content-type", b"application/scim+json"))
    if answer.status not in {204, 304}:
        headers.append((b"content-length", str(len(body)).encode()))
    headers += [(b"cache-control", b"no-store"), (b"request-id", request_id.encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body})


def _unavailable() -> Answer:
    error = Error(status=503, detail="The directory does not answer. Try again.")
    return Answer(503, error.model_dump(), {"retry-after": "5"})


def _too_many() -> Answer:
    error = Error(status=429, detail="Too many requests with this token. Send fewer a second.")
    return Answer(429, error.model_dump(), {"retry-after": "1"})


def _failed() -> Answer:
    return Answer(500, Error(status=500, detail="The service failed on this request.").model_dump())


def _route(path: str) -> str:
    """Return the path for the log: our own names, nothing chosen by a caller."""
    if not path.startswith(BASE_PATH):
        return "other"
    parts = [part for part in path.removeprefix(BASE_PATH).split("/") if part]
    if not parts or parts[0] not in _ROUTES:
        return "other"
    rest = [".search" if part == ".search" else "{id}" for part in parts[1:3]]
    return "/".join([parts[0], *rest])


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else "unknown"
    return f"defect:{type(error).__name__}:{place}"


def _metrics(answer: Answer) -> dict[str, Any]:
    """Return what CloudWatch extracts from the line (embedded metric format), by its field `environment`."""
    is_refused = 400 <= answer.status < 500 and answer.status not in _NO_REFUSAL
    counts = {
        "ScimRequests": 1,
        "ScimRefused": int(is_refused),
        "ScimLeaversRefused": int(answer.leaver and answer.status >= 400 and answer.status != 404),
    }
    return metrics(counts)

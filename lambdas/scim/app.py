"""The SCIM service as an ASGI application: authentication, limits, errors and the access log (G.4, L1.7).

Requests under `/scim/v2` need the bearer token; nothing is read of them before it was checked. The endpoints
block, so each request runs in a thread of its own.
"""

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl, unquote

from scim2_models import Error, InvalidSyntaxException, UnauthorizedException

from lambdas.common.ids import new_id
from lambdas.scim.bearer import BearerTokens, TokensUnavailable
from lambdas.scim.endpoints import Answer, Endpoints, Request, refused
from lambdas.scim.resources import ENDPOINTS
from lambdas.scim.store import DirectoryUnavailable

BASE_PATH = "/scim/v2"
# What the runtimes bear: Lambda takes 6 MB, counted with base 64 around the body.
LAMBDA_BODY_LIMIT = 4_400_000
OPEN_BODY_LIMIT = 32 * 1024 * 1024
_BODY_SECONDS = 30.0
_THREADS = 16
_ROUTES = frozenset({*ENDPOINTS.values(), "ServiceProviderConfig", "ResourceTypes", "Schemas", "Bulk", "Me"})

_WITH_BODY = frozenset({"PATCH", "POST", "PUT"})

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Service:
    """What the application answers with. `body_limit` is in bytes."""

    endpoints: Endpoints
    tokens: BearerTokens
    environment: str
    body_limit: int = OPEN_BODY_LIMIT


def create_app(service: Service | None = None) -> Application:
    """The application. Without `service` it is made from the environment when the server starts."""
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
        settings.environment,
        LAMBDA_BODY_LIMIT if "AWS_LAMBDA_FUNCTION_NAME" in os.environ else OPEN_BODY_LIMIT,
    )


class _App:
    """Reads requests, checks tokens, writes answers and the access log."""

    def __init__(self, service: Service | None) -> None:
        self._service = service
        self._pool = ThreadPoolExecutor(_THREADS, "requests")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1003})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self._service = self._service or _compose()
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self._pool.shutdown(wait=True)
        await send({"type": "lifespan.shutdown.complete"})

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
        _log(
            type="access",
            environment=service.environment,
            request_id=request_id,
            method=scope["method"],
            route=_route(scope["path"]),
            status=answer.status,
            milliseconds=round((perf_counter() - started) * 1000, 1),
            leaver=answer.leaver,
            reason=reason,
        )

    async def _answer(self, service: Service, scope: Scope, receive: Receive) -> Answer:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        loop = asyncio.get_running_loop()
        scheme, _, token = headers.get("authorization", "").partition(" ")
        accepted = scheme.casefold() == "bearer" and await loop.run_in_executor(
            self._pool, service.tokens.accepts, token.strip()
        )
        if not accepted:
            answer = refused(UnauthorizedException())
            return Answer(answer.status, answer.content, {"www-authenticate": 'Bearer realm="scim"'})
        if scope["method"] in _WITH_BODY and not _is_json(headers.get("content-type", "")):
            error = Error(status=415, detail="A body is application/scim+json or application/json.")
            return Answer(415, error.model_dump())
        body = await _body(receive, service.body_limit)
        if body is None:
            error = Error(status=413, detail=f"A body has at most {service.body_limit} bytes.")
            return Answer(413, error.model_dump())
        request = _request(scope, headers, body)
        if request is None:
            return refused(InvalidSyntaxException(detail="The query is not valid."))
        return await loop.run_in_executor(self._pool, service.endpoints.answer, request)


class _ClientGone(Exception):
    """The caller left before its request was complete."""


async def _body(receive: Receive, limit: int) -> bytes | None:
    """The whole body; None when it is over the limit, which stops reading."""
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
    """Whether a body may be JSON by its content type; one that says nothing may be."""
    return content_type.partition(";")[0].strip().lower() in {"", "application/scim+json", "application/json"}


def _request(scope: Scope, headers: dict[str, str], body: bytes) -> Request | None:
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
        if_match=headers.get("if-match", ""),
        if_none_match=headers.get("if-none-match", ""),
        body=body,
    )


def _base_url(scope: Scope, headers: dict[str, str]) -> str:
    """The address under which the caller knows the service: it is only told back to the same caller.

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
        body = json.dumps(answer.content, separators=(",", ":"), ensure_ascii=False).encode()
        headers.append((b"content-type", b"application/scim+json"))
    if answer.status not in {204, 304}:
        headers.append((b"content-length", str(len(body)).encode()))
    headers += [(b"cache-control", b"no-store"), (b"request-id", request_id.encode())]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body})


def _unavailable() -> Answer:
    error = Error(status=503, detail="The directory does not answer. Try again.")
    return Answer(503, error.model_dump(), {"retry-after": "5"})


def _failed() -> Answer:
    return Answer(500, Error(status=500, detail="The service failed on this request.").model_dump())


def _route(path: str) -> str:
    """The path as the log shows it: names of ours, nothing that a caller chose."""
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


def _log(**fields: str | int | float) -> None:
    sys.stdout.write(json.dumps(fields, separators=(",", ":")) + "\n")
    sys.stdout.flush()

"""The doors of the gateway's pods, distinguished by the port that a request comes in at (L1.1, L1.3).

Behind API Gateway a request has the stage in front of its path, and API Gateway says in headers what it knows
of the caller: its own id of the request, the caller's address, for a request signed with SigV4 the caller's
ARN. Through the direct door come a load balancer's requests, which says where the caller is. The app behind
reads one form for all homes, the one that Lambda Web Adapter passes on; nothing that a caller wrote in that
form, or in these headers, is passed on. Which process can reach which port is for the network to say
(`components/api/load_balancer.py`).
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]
Header = tuple[bytes, bytes]

REQUEST_ID, SOURCE_IP, USER_ARN = (b"x-kit-edge-request-id", b"x-kit-edge-source-ip", b"x-kit-edge-user-arn")
NOBODY = "-"  # what API Gateway is made to say in place of a caller's ARN where it has authenticated nobody
_SAID = frozenset({REQUEST_ID, SOURCE_IP, USER_ARN})
_CONTEXT = b"x-amzn-request-context"
_FORWARDED = b"x-forwarded-for"
_IAM = "/iam"


class Doors:
    """The app behind its doors. `api_port` is where API Gateway's requests come in, under `stage`; every
    other port is the direct door.
    """

    def __init__(self, app: Application, *, api_port: int, stage: str) -> None:
        self._app = app
        self._api_port = api_port
        self._stage = f"/{stage}"

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            through_api = (scope.get("server") or ("", 0))[1] == self._api_port
            scope = self._from_api(scope) if through_api else _from_load_balancer(scope)
        await self._app(scope, receive, send)

    def _from_api(self, scope: Scope) -> Scope:
        path = _below(self._stage, scope["path"])
        signed = _below(_IAM, path)
        said = _said_once(scope["headers"])
        context: dict[str, Any] = {"identity": {"sourceIp": said.get(SOURCE_IP, "")}}
        if REQUEST_ID in said:
            context["requestId"] = said[REQUEST_ID]
        if signed != path and said.get(USER_ARN, NOBODY) != NOBODY:
            context["identity"]["userArn"] = said[USER_ARN]
        return _passed_on(scope, context, signed)


def _from_load_balancer(scope: Scope) -> Scope:
    """The last address is the one that the load balancer has seen; those before are whatever the caller
    wrote. Where the header comes twice nobody knows which one is the load balancer's.
    """
    written = [value for name, value in scope["headers"] if name == _FORWARDED]
    address = written[0].decode("latin-1").rpartition(",")[2].strip() if len(written) == 1 else ""
    return _passed_on(scope, {"identity": {"sourceIp": address}}, scope["path"])


def _below(root: str, path: str) -> str:
    """The path without `root` in front of it; as it is where that is not its first segment."""
    if path == root:
        return "/"
    return path[len(root) :] if path.startswith(f"{root}/") else path


def _said_once(headers: list[Header]) -> dict[bytes, str]:
    """What API Gateway says. A header that comes twice has been written by somebody else too, so it says
    nothing.
    """
    said: dict[bytes, list[str]] = {}
    for name, value in headers:
        if name in _SAID:
            said.setdefault(name, []).append(value.decode("latin-1"))
    return {name: values[0] for name, values in said.items() if len(values) == 1}


def _passed_on(scope: Scope, context: dict[str, Any], path: str) -> Scope:
    kept = [(name, value) for name, value in scope["headers"] if name not in _SAID and name != _CONTEXT]
    return {**scope, "path": path, "headers": [*kept, (_CONTEXT, json.dumps(context).encode())]}

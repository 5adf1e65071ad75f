"""Entry points of the gateway's pods, distinguished by port (L1.1, L1.3).

Behind API Gateway, a path is prefixed with the stage, and headers set by API Gateway describe the caller:
request id, source address and, for a request signed with SigV4, the caller's ARN. Requests through the
direct entry point come from a load balancer, which reports the source address. The app reads one form in
every environment, the one of Lambda Web Adapter; anything that a caller wrote in that form, or in these
headers, is dropped. The network determines which process can reach which port
(`components/api/load_balancer.py`).
"""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]
Header = tuple[bytes, bytes]

REQUEST_ID, SOURCE_IP, USER_ARN = (b"x-kit-edge-request-id", b"x-kit-edge-source-ip", b"x-kit-edge-user-arn")
NOBODY = "-"  # value that API Gateway sets instead of a caller's ARN if it has authenticated nobody
_SAID = frozenset({REQUEST_ID, SOURCE_IP, USER_ARN})
_CONTEXT = b"x-amzn-request-context"
_FORWARDED = b"x-forwarded-for"
_IAM = "/iam"


class Doors:
    """The app behind its entry points. API Gateway's requests arrive at `api_port`, under `stage`; every
    other port is the direct entry point.
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
    """Return the scope with the address reported by the load balancer.

    The last address is the one the load balancer saw; clients control those before. If the header is
    repeated, its origin is unknown.
    """
    written = [value for name, value in scope["headers"] if name == _FORWARDED]
    address = written[0].decode("latin-1").rpartition(",")[2].strip() if len(written) == 1 else ""
    return _passed_on(scope, {"identity": {"sourceIp": address}}, scope["path"])


def _below(root: str, path: str) -> str:
    """Return the path without the prefix `root`; unchanged if that is not its first segment."""
    if path == root:
        return "/"
    return path[len(root) :] if path.startswith(f"{root}/") else path


def _said_once(headers: list[Header]) -> dict[bytes, str]:
    """Return API Gateway's headers. A repeated header was also written by somebody else and is ignored."""
    said: dict[bytes, list[str]] = {}
    for name, value in headers:
        if name in _SAID:
            said.setdefault(name, []).append(value.decode("latin-1"))
    return {name: values[0] for name, values in said.items() if len(values) == 1}


def _passed_on(scope: Scope, context: dict[str, Any], path: str) -> Scope:
    kept = [(name, value) for name, value in scope["headers"] if name not in _SAID and name != _CONTEXT]
    return {**scope, "path": path, "headers": [*kept, (_CONTEXT, json.dumps(context).encode())]}

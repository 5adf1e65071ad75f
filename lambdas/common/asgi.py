"""What functions that are plain ASGI have in common: which scopes they serve, and the server's lifespan."""

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


async def serve(
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    http: Application,
    running: Callable[[], AbstractAsyncContextManager[None]],
) -> None:
    """Serve one scope: requests by `http`, the server's start and stop by `running`, no WebSocket."""
    if scope["type"] == "http":
        await http(scope, receive, send)
    elif scope["type"] == "lifespan":
        await _lifespan(receive, send, running)
    else:
        await send({"type": "websocket.close", "code": 1003})


async def _lifespan(
    receive: Receive, send: Send, running: Callable[[], AbstractAsyncContextManager[None]]
) -> None:
    """A start that failed is reported to the server, which ends with its message."""
    await receive()
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(running())
        except Exception as error:
            await send({"type": "lifespan.startup.failed", "message": f"{type(error).__name__}: {error}"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})

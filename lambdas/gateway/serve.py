"""The gateway as a container process: one server, a port for each entry point.

    python -m lambdas.gateway.serve

Environment, in addition to the gateway's own: `GATEWAY_API_PORT` and `GATEWAY_API_STAGE` (API Gateway's
requests), `GATEWAY_DIRECT_PORT` (the direct entry point; unset if there is none).
"""

import os
import socket
from collections.abc import Mapping

import uvicorn

from lambdas.common.http_protocol import BoundedConnection
from lambdas.gateway.app import create_app
from lambdas.gateway.doors import Application, Doors

# Longer than a load balancer keeps an idle connection (300 s): otherwise it sends a request into a closed
# one.
_KEEP_ALIVE_SECONDS = 310
# A stream may run for 15 minutes and must end before the pod does.
_GRACE_SECONDS = 900


def main(environ: Mapping[str, str] = os.environ, host: str = "0.0.0.0") -> None:  # noqa: S104 - a container
    """Serve until the process is asked to stop, completing running streams first."""
    server_of(create_app(), environ).run(sockets=[_listening(host, port) for port in ports_of(environ)])


def ports_of(environ: Mapping[str, str]) -> list[int]:
    """Return API Gateway's port, then that of the direct entry point if there is one."""
    return [int(environ[name]) for name in ("GATEWAY_API_PORT", "GATEWAY_DIRECT_PORT") if name in environ]


def server_of(app: Application, environ: Mapping[str, str]) -> uvicorn.Server:
    """Return the server of an app behind its entry points, not started."""
    doors = Doors(app, api_port=ports_of(environ)[0], stage=environ["GATEWAY_API_STAGE"])
    return uvicorn.Server(
        uvicorn.Config(
            doors,
            http=BoundedConnection,
            lifespan="on",
            access_log=False,
            log_level="warning",
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            proxy_headers=False,
        )
    )


def _listening(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound


if __name__ == "__main__":
    main()

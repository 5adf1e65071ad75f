"""A snapshot of the gateway needs nothing that a deployment makes later and holds no secret (L1.3, L1.7):
Lambda takes it when the version is published, and restores it for as long as the version lives.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from lambdas.common.kept_secret import KeptSecret
from lambdas.gateway import app as gateway_app
from lambdas.gateway.app import create_app
from tests.gateway.harness import Harness

NOWHERE = "http://127.0.0.1:9"  # nothing answers: no network, no secret, no policy yet
VARIABLES = {
    "AWS_ENDPOINT_URL": NOWHERE,
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "KIT_ENVIRONMENT": "production",
    "LEDGER_TABLE": "ledger",
    "ACCESS_TABLE": "access",
    "SUBJECT_KEYS_TABLE": "subject-keys",
    "SUBJECT_KEY_ARN": "arn:aws:kms:eu-central-1:111122223333:key/subject",
    "AUDIT_BUCKET": "audit",
    "AUDIT_KEY_ARN": "arn:aws:kms:eu-central-1:111122223333:key/audit",
    "GOVERNANCE_BUCKET": "governance",
    "KEY_PEPPER_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:key-pepper",
}


class _Server:
    """The smallest ASGI server: one lifespan, one request at a time."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.said: list[str] = []
        self._spoke = asyncio.Event()

    async def start(self) -> None:
        async def send(message: dict[str, Any]) -> None:
            self.said.append(message["type"])
            self._spoke.set()

        await self._events.put({"type": "lifespan.startup"})
        self._life = asyncio.create_task(self._app({"type": "lifespan"}, self._events.get, send))
        await self._spoke.wait()

    async def stop(self) -> None:
        await self._events.put({"type": "lifespan.shutdown"})
        await self._life

    async def status(self, method: str, path: str) -> int:
        statuses: list[int] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [],
            "client": ("127.0.0.1", 1),
            "http_version": "1.1",
            "scheme": "http",
        }
        await self._app(scope, receive, send)
        return statuses[0]


@pytest.fixture
def on_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")


@pytest.mark.usefixtures("on_lambda")
def test_a_snapshot_is_ready_where_nothing_can_be_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[bool] = []
    monkeypatch.setattr(gateway_app, "warm_up", lambda *, wait: waited.append(wait))

    async def run() -> None:
        server = _Server(create_app())
        await server.start()
        assert server.said == ["lifespan.startup.complete"]
        assert waited == [True], "the automaton of the inspection is in it"
        assert await server.status("GET", "/healthz") == 200
        with pytest.raises(Exception, match="connect"):  # and a restore gets no 2xx
            await server.status("POST", "/.lambda/after-restore")
        await server.stop()

    asyncio.run(run())


@pytest.mark.usefixtures("on_lambda")
def test_what_is_restored_reads_its_secrets_then_and_answers(
    gateway: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []

    def compose() -> Any:
        made.append(composed := gateway.compose())
        return composed

    async def run() -> None:
        monkeypatch.setattr(gateway_app, "_on_aws", lambda: compose)
        server = _Server(create_app())
        await server.start()
        assert await server.status("GET", "/healthz") == 200
        assert made == [], "nothing of it is in the snapshot"
        assert await server.status("POST", "/.lambda/after-restore") == 200
        assert await server.status("GET", "/readyz") == 200
        assert await server.status("GET", "/v1/models") == 401, "asked who it is"
        assert len(made) == 1
        await server.stop()

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["on-demand", "provisioned-concurrency"])
def test_without_a_snapshot_the_start_itself_fails_where_no_secret_can_be_read(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**VARIABLES, "AWS_LAMBDA_INITIALIZATION_TYPE": kind}.items():
        monkeypatch.setenv(name, value)

    async def run() -> None:
        server = _Server(create_app())
        await server.start()
        assert server.said == ["lifespan.startup.failed"]

    asyncio.run(run())


class _Now(Executor):
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


def test_a_rotated_secret_is_read_again_after_its_lifetime_and_an_unreadable_one_is_kept() -> None:
    now, values = [0.0], ["old"]

    def read() -> str:
        if not values:
            raise OSError
        return values[-1]

    secret = KeptSecret(read, _Now(), lifetime_seconds=300, clock=lambda: now[0])
    assert secret() == "old"
    values.append("new")
    now[0] = 299
    assert secret() == "old"
    now[0] = 301
    secret()
    assert secret() == "new"
    values.clear()
    now[0] = 700
    assert [secret(), secret()] == ["new", "new"]
    values.append("newest")
    secret()
    assert secret() == "newest"

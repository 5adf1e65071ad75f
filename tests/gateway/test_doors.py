"""The two doors of the gateway's pods (L1.1, L1.3): one list of controls, held at both, over real sockets."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lambdas.gateway.app import create_app
from lambdas.gateway.serve import server_of

from .harness import KEY, Harness, chat, make
from .upstream import FakeUpstream

ARN = "arn:aws:sts::111122223333:assumed-role/admin/session"
SECRET = "card 4111 1111 1111 1111, IBAN DE89 3704 0044 0532 0130 00"
DOORS = ("api", "direct")


@dataclass
class Pod:
    """A pod with both doors, and the context that its authenticator was given last."""

    harness: Harness
    ports: dict[str, int]
    contexts: list[dict[str, Any]]

    def call(
        self,
        door: str,
        path: str = "/v1/models",
        body: bytes | None = None,
        *headers: tuple[str, str],
        key: str = KEY,
    ) -> tuple[int, bytes]:
        """A request with these headers, repeated ones too, as the door's neighbour hands it on."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[door], timeout=10)
        connection.putrequest("POST" if body is not None else "GET", path)
        for name, value in [*headers, *([("x-api-key", key)] if key else [])]:
            connection.putheader(name, value)
        connection.putheader("content-length", str(len(body or b"")))
        connection.endheaders(body)
        response = connection.getresponse()
        answer = response.status, response.read()
        connection.close()
        return answer

    def context(self, door: str, path: str, *headers: tuple[str, str]) -> dict[str, Any]:
        """What the authenticator believes that the door's neighbour has said; nothing where it is not
        asked.
        """
        self.contexts.clear()
        self.call(door, path, None, *headers)
        return self.contexts[-1] if self.contexts else {"identity": {"sourceIp": ""}}


@pytest.fixture(scope="module")
def pod() -> Iterator[Pod]:
    upstream = FakeUpstream().start()
    harness = make([upstream])
    harness.stop()
    contexts: list[dict[str, Any]] = []
    authenticate = harness.keys.authenticate

    async def seen(headers: dict[bytes, bytes], *args: Any, **kwargs: Any) -> Any:
        contexts.append(json.loads(headers[b"x-amzn-request-context"]))
        assert not [name for name in headers if name.startswith(b"x-kit-edge")]
        return await authenticate(headers, *args, **kwargs)

    harness.keys.authenticate = seen  # type: ignore[method-assign]
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in DOORS]
    ports: dict[str, int] = {door: each.getsockname()[1] for door, each in zip(DOORS, sockets, strict=True)}
    environ = {f"GATEWAY_{door.upper()}_PORT": str(port) for door, port in ports.items()}
    server = server_of(create_app(harness.compose()), {**environ, "GATEWAY_API_STAGE": "live"})
    thread = threading.Thread(target=server.run, kwargs={"sockets": sockets}, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
        assert thread.is_alive()
    yield Pod(harness, ports, contexts)
    server.should_exit = True
    thread.join(10)
    upstream.stop()


def _answers(pod: Pod, door: str) -> None:
    status, _ = pod.call(door, "/v1/messages", chat("Good morning"))
    assert status == 200
    assert pod.harness.audit.records, "a call leaves a record"
    assert pod.harness.spent() > 0, "and is counted"


def _nobody(pod: Pod, door: str) -> None:
    assert pod.call(door, "/v1/messages", chat("Good morning"), key="")[0] == 401
    assert pod.call(door, "/v1/messages", chat("Good morning"), key="wrong")[0] == 401
    assert not pod.harness.upstream.received


def _inspected(pod: Pod, door: str) -> None:
    assert pod.call(door, "/v1/messages", chat(SECRET))[0] == 451
    assert not pod.harness.upstream.received


def _too_large(pod: Pod, door: str) -> None:
    assert pod.call(door, "/v1/messages", b"x" * (pod.harness.body_limit + 1))[0] == 413


def _forged(pod: Pod, door: str) -> None:
    """A caller's own word about who and where they are."""
    written = json.dumps({"requestId": "forged", "identity": {"userArn": ARN, "sourceIp": "10.0.0.1"}})
    for path in ("/v1/models", "/iam/v1/models", "/live/iam/v1/models"):
        said = pod.context(door, path, ("x-amzn-request-context", written))
        assert "userArn" not in said["identity"]
        assert said["identity"]["sourceIp"] != "10.0.0.1"
        assert said.get("requestId") != "forged"


def _elsewhere(pod: Pod, door: str) -> None:
    for path in ("/scim/v2/Users", "/portal", "/.env", "/live", "/iam"):
        assert pod.call(door, path)[0] == 404, path


CONTROLS = (_answers, _nobody, _inspected, _too_large, _forged, _elsewhere)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("door", DOORS)
def test_a_control_holds_at_both_doors(pod: Pod, door: str, control: Any) -> None:
    pod.harness.reset()
    control(pod, door)


def test_the_direct_door_believes_no_word_of_api_gateway(pod: Pod) -> None:
    """Nobody but its load balancer reaches it, and that passes on whatever a caller wrote."""
    edge = [
        ("x-kit-edge-user-arn", ARN),
        ("x-kit-edge-source-ip", "10.0.0.1"),
        ("x-kit-edge-request-id", "x"),
    ]
    for path in ("/v1/models", "/iam/v1/models", "/live/iam/v1/models"):
        assert pod.context("direct", path, *edge) == {"identity": {"sourceIp": ""}}


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (["203.0.113.9"], "203.0.113.9"),
        (["10.0.0.1, 203.0.113.9"], "203.0.113.9"),
        (["10.0.0.1", "203.0.113.9"], ""),
        ([], ""),
    ],
)
def test_behind_the_direct_door_the_load_balancers_address_counts(
    pod: Pod, forwarded: list[str], address: str
) -> None:
    headers = [("x-forwarded-for", one) for one in forwarded]
    assert pod.context("direct", "/v1/models", *headers)["identity"]["sourceIp"] == address


@pytest.mark.parametrize("stage", ["/live", ""])
def test_api_gateways_word_counts_with_its_stage_and_without(pod: Pod, stage: str) -> None:
    """Under its own address the stage is in front of the path, under the client's name it need not be."""
    edge = [("x-kit-edge-source-ip", "203.0.113.9"), ("x-kit-edge-request-id", "a1-b2")]
    nobody = ("x-kit-edge-user-arn", "-")
    said = pod.context("api", f"{stage}/v1/models", *edge, nobody)
    assert said == {"requestId": "a1-b2", "identity": {"sourceIp": "203.0.113.9"}}
    signed = pod.context("api", f"{stage}/iam/v1/models", *edge, ("x-kit-edge-user-arn", ARN))
    assert signed["identity"]["userArn"] == ARN
    assert pod.call("api", f"{stage}/v1/models")[0] == 200
    assert pod.call("api", f"{stage}/iam/v1/models")[0] == 200


def test_an_arn_counts_only_where_api_gateway_has_authenticated(pod: Pod) -> None:
    """Elsewhere it says that it has authenticated nobody; a header that comes twice says nothing."""
    arn, nobody = ("x-kit-edge-user-arn", ARN), ("x-kit-edge-user-arn", "-")
    for path, headers in {
        "/live/v1/models": [arn],
        "/iam/v1/models": [nobody],
        "/live/iam/v1/models": [arn, nobody],
        "/iam/v1/prompts": [nobody, arn],
        "/iamb/v1/models": [arn],
    }.items():
        assert "userArn" not in pod.context("api", path, *headers)["identity"]

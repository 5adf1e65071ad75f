"""How large a request may be: what each runtime bears is served, one byte more is a 413 in Claude's shape,
and no more than the limit is ever held (L1.1, Z.1).

Lambda takes 6 MB of event, API Gateway 10 MB of request; on Kubernetes and locally the API's own 32 MB hold.
"""

import base64
import json
import socket
import tracemalloc
from collections.abc import Iterator, Mapping
from dataclasses import replace

import anthropic
import pytest

from components.api.rest_api import BODY_LIMIT
from lambdas.gateway.settings import LAMBDA_BODY_LIMIT, OPEN_BODY_LIMIT, read_settings
from tests.plans.made import made
from tests.support.stages import SIZES, plan_of

from .harness import KEY, Harness, chat, department, make
from .upstream import FakeUpstream

LAMBDA_EVENT = 6 * 1024 * 1024  # bytes of an event that Lambda takes
API_GATEWAY_HEADERS = 10_240  # bytes of headers that API Gateway takes
LARGE = 65_536  # a piece of a body


def function_environment(size: str) -> dict[str, str]:
    """Of the gateway's function in the plan, and what Lambda adds."""
    (function,) = [one for one in plan_of("integration", size) if one.name == "gateway-api-function"]
    return {
        **function.inputs["environment"]["variables"],
        "AWS_LAMBDA_FUNCTION_NAME": function.inputs["name"],
    }


def pod_environment() -> dict[str, str]:
    """Of the gateway's pods in the plan."""
    (deployment,) = [
        one
        for one in made("enterprise", "direct door")
        if one.resource.type == "kubernetes:apps/v1:Deployment"
    ]
    (container,) = deployment.inputs["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one["value"] for one in container["env"]}


def local_environment() -> dict[str, str]:
    """Of the process that `kit up` starts: the function's, without Lambda."""
    return {
        name: value for name, value in function_environment("small").items() if "FUNCTION_NAME" not in name
    }


RUNTIMES = {
    "lambda": (lambda: function_environment("small"), 4_400_000),
    "kubernetes": (pod_environment, 32 * 1024 * 1024),
    "local": (local_environment, 32 * 1024 * 1024),
}


@pytest.mark.parametrize("size", SIZES)
def test_the_plan_of_every_size_gives_the_function_what_lambda_bears(size: str) -> None:
    assert read_settings(function_environment(size)).body_limit == LAMBDA_BODY_LIMIT == BODY_LIMIT


@pytest.fixture(scope="module", params=RUNTIMES)
def sized(request: pytest.FixtureRequest) -> Iterator[tuple[Harness, int]]:
    """A gateway with the limit of a runtime in the plan."""
    environment, limit = RUNTIMES[request.param]
    upstream = FakeUpstream().start()
    settings = read_settings({**environment(), "GATEWAY_BODY_SECONDS": "20"})
    assert settings.body_limit == limit
    lenient = department("marketing", findings={"uninspectable": "flag"})
    harness = make([upstream], departments=[lenient])
    harness.stop()
    harness.settings = replace(harness.settings, body_limit=settings.body_limit, body_seconds=20.0)
    harness.start()
    yield harness, limit
    harness.stop()
    upstream.stop()


@pytest.fixture
def runtime(sized: tuple[Harness, int]) -> tuple[Harness, int]:
    sized[0].reset()
    return sized


def image(size: int) -> bytes:
    """A request of exactly `size` bytes whose size is a picture, as in life."""
    source = {"type": "base64", "media_type": "image/png", "data": ""}
    frame = chat([{"type": "image", "source": source}])
    return frame.replace(b'"data": ""', b'"data": "%b"' % (b"A" * (size - len(frame))))


def test_what_the_runtime_bears_is_served_as_it_is(runtime: tuple[Harness, int]) -> None:
    harness, limit = runtime
    body = image(limit)
    assert harness.post("/v1/messages", body).status == 200
    assert harness.upstream.received[-1].body == body


def test_one_byte_more_is_413_in_claudes_shape_and_costs_nothing(runtime: tuple[Harness, int]) -> None:
    harness, limit = runtime
    with pytest.raises(anthropic.APIStatusError) as raised:
        _sdk(harness).post("/v1/messages", cast_to=object, body=json.loads(image(limit + 60)))
    error = raised.value
    assert error.status_code == 413
    assert isinstance(error.body, Mapping)
    assert (error.body["type"], error.body["error"]["type"]) == ("error", "request_too_large")
    assert str(limit) in error.body["error"]["message"]
    assert error.body["request_id"] == error.request_id
    answer = harness.post("/v1/messages", image(limit + 1))
    assert (answer.status, answer.header("x-should-retry")) == (413, "false")
    assert len(harness.lines()) == 2, "the SDK did not try again"
    assert harness.spent() == 0
    assert not harness.upstream.received
    assert not harness.audit.records


def _sdk(harness: Harness) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=harness.url, api_key=KEY, max_retries=3)


def test_a_client_that_asks_first_is_refused_before_it_sends_a_byte(runtime: tuple[Harness, int]) -> None:
    harness, limit = runtime
    with _connected(harness, f"content-length: {limit + 1}\r\nexpect: 100-continue") as connection:
        assert b" 413 " in connection.recv(65536).split(b"\r\n")[0]
    assert harness.lines()[-1]["bytes_in"] == 0


def test_a_length_far_above_the_limit_is_refused_before_a_byte_of_it_came(
    runtime: tuple[Harness, int],
) -> None:
    harness, limit = runtime
    with _connected(harness, f"content-length: {2 * limit + 1}") as connection:
        assert b" 413 " in connection.recv(65536).split(b"\r\n")[0]
    assert harness.lines()[-1]["bytes_in"] == 0


@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_what_is_refused_is_never_held(runtime: tuple[Harness, int], framing: str) -> None:
    """A body that is a half too large, followed to its end so that its client listens."""
    harness, limit = runtime
    piece, number = b"a" * LARGE, limit * 3 // 2 // LARGE
    header = f"content-length: {number * LARGE}" if framing != "chunked" else "transfer-encoding: chunked"
    sent = piece if framing != "chunked" else b"%x\r\n%b\r\n" % (LARGE, piece)
    tracemalloc.start()
    try:
        with _connected(harness, header) as connection:
            for _ in range(number):
                connection.sendall(sent)
            if framing == "chunked":
                connection.sendall(b"0\r\n\r\n")
            assert b" 413 " in connection.recv(65536).split(b"\r\n")[0]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    (line,) = harness.lines()
    assert (line["status"], line["reason"], line["bytes_in"]) == (413, "too_large", number * LARGE)
    assert peak < (2 << 20) + (limit if framing == "chunked" else 0)


def test_a_body_without_end_is_given_up(runtime: tuple[Harness, int]) -> None:
    harness, limit = runtime
    with (
        _connected(harness, "transfer-encoding: chunked") as connection,
        pytest.raises(ConnectionError),
    ):
        _send_without_end(connection)
    assert 2 * limit <= harness.lines()[-1]["bytes_in"] < 2 * limit + 4 * LARGE


def _send_without_end(connection: socket.socket) -> None:
    while True:
        connection.sendall(b"%x\r\n%b\r\n" % (LARGE, b"a" * LARGE))


def _connected(harness: Harness, header: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", harness.port), timeout=10)
    head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\n{header}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


def test_an_event_of_lambda_holds_the_largest_body_and_the_most_headers() -> None:
    """As API Gateway writes it: the body in base 64, each header twice, and the context of the request."""
    value = "x" * (API_GATEWAY_HEADERS - 200)
    headers = {"authorization": "Bearer " + value, "content-type": "application/json"}
    event = {
        "resource": "/{proxy+}",
        "path": "/v1/messages",
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [one] for name, one in headers.items()},
        "queryStringParameters": {"beta": "true"},
        "requestContext": {"authorizer": {"principalId": "x" * 2_048}, "identity": {"userAgent": value}},
        "body": base64.b64encode(b"{" * LAMBDA_BODY_LIMIT).decode(),
        "isBase64Encoded": True,
    }
    assert len(json.dumps(event)) < LAMBDA_EVENT


def test_above_the_limit_the_firewall_answers_what_api_gateway_would_call_its_own_failure() -> None:
    """A body for which Lambda has no room would come back as a 5xx, which clients repeat."""
    assert OPEN_BODY_LIMIT == 32 * 1024 * 1024
    responses = plan_of("integration", "small").of_type("aws:apigateway/response:Response")
    (too_large,) = [
        one.inputs
        for one in responses
        if one.inputs["responseType"] == "REQUEST_TOO_LARGE" and "portal" not in one.name
    ]
    assert too_large["statusCode"] == "413"
    template = too_large["responseTemplates"]["application/json"]
    shown = json.loads(template.replace("$context.error.messageString", '"Request Too Long"'))
    assert shown["error"] == {"type": "request_too_large", "message": "Request Too Long"}
    (acl,) = plan_of("integration", "small").of_type("aws:wafv2/webAcl:WebAcl")
    assert [rule["name"] for rule in acl.inputs["rules"]][-1] == "too-large"

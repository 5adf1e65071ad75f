"""Whatever arrives: an Anthropic-shaped 4xx, never a traceback, and nothing is lost (L1.1, L1.7)."""

import json
import socket
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .harness import KEY, Harness, chat

ROUTES = ["/v1/messages", "/v1/messages/count_tokens", "/v1/messages/batches", "/v1/embeddings",
          "/v1/prompts/campaign-copy/messages", "/v1/records/req_1/outcome", "/v1/chat/completions",
          "/v1/feedback", "/v1/budget-requests", "/v1/inspections", "/v1/inspection-mistakes",
          "/v1/files", "/v1/files/uploads"]  # fmt: skip
TEXT = st.text(st.characters(exclude_categories=()), max_size=20)  # half surrogate pairs too
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.dictionaries(
    st.sampled_from(
        ["model", "max_tokens", "messages", "stream", "system", "tools", "requests", "input", "dimensions",
         "variables", "version", "use", "result", "metadata", "custom_id", "params", "request_id", "useful",
         "minutes_saved", "use_case", "amount_usd", "reason", "text", "filename", "size_bytes", "stop",
         "response_format", "tool_choice"]
    ),
    JSON,
    max_size=8,
)  # fmt: skip
QUIET = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _is_a_clean_refusal(gateway: Harness, status: int, headers: Any, body: bytes) -> None:
    assert 400 <= status < 500, (status, body)
    error = json.loads(body)
    request_id = {name.lower(): value for name, value in headers}["request-id"]
    if "param" in error["error"]:  # as clients of OpenAI read it
        assert error.keys() == {"error"}
        assert request_id
    else:
        assert (error["type"], error["request_id"]) == ("error", request_id)
    assert error["error"]["type"].endswith("_error") or error["error"]["type"] == "request_too_large"
    assert error["error"]["message"]
    assert "Traceback" not in body.decode()
    assert not [line for line in gateway.log if line["type"] == "defect"]


def _post(gateway: Harness, path: str, body: bytes, headers: dict[str, str] | None = None) -> None:
    asked = len(gateway.upstream.received)
    answer = gateway.post(path, body, headers=headers)
    if answer.status == 200 or len(gateway.upstream.received) > asked:  # it happened to be a valid call
        return
    _is_a_clean_refusal(gateway, answer.status, answer.headers, answer.body)


@QUIET
@given(route=st.sampled_from(ROUTES), body=st.binary(max_size=200))
def test_bytes_that_are_no_json(gateway: Harness, route: str, body: bytes) -> None:
    _post(gateway, route, body)


@QUIET
@given(route=st.sampled_from(ROUTES), fields=FIELDS)
def test_fields_of_wrong_types(gateway: Harness, route: str, fields: dict[str, Any]) -> None:
    _post(gateway, route, json.dumps(fields).encode())


@QUIET
@given(content=JSON, extra=FIELDS)
def test_messages_whose_insides_are_anything(gateway: Harness, content: Any, extra: dict[str, Any]) -> None:
    body = {"model": "fast", "max_tokens": 5, "messages": [{"role": "user", "content": content}], **extra}
    _post(gateway, "/v1/messages", json.dumps(body).encode())
    _post(
        gateway,
        "/v1/messages/batches",
        json.dumps({"requests": [{"custom_id": "a", "params": body}]}).encode(),
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"model": "fast"} x',
        b'{"model": "fast", "model": "best", "max_tokens": 5, "messages": []}',
        b'{"model": NaN}',
        b"\xff\xfe{}",
        b'{"a":' * 5_000,
        b"[" * 100_000,
        b'{"model": "fast", "max_tokens": 1e400, "messages": []}',
        b'{"model": "fast", "max_tokens": ' + b"9" * 5_000 + b', "messages": []}',
        b'{"model": "\\ud800", "max_tokens": 5, "messages": []}',
        b'{"model": "fast", "max_tokens": 5, "messages": [{"role": "user", "content": "\\udfff"}]}',
        b'{"filename": "\\udfff", "mime_type": "\\ud800", "size_bytes": 3}',
    ],
)
def test_documents_that_break_parsers(gateway: Harness, body: bytes) -> None:
    for route in ROUTES:
        _post(gateway, route, body)


@QUIET
@given(
    headers=st.dictionaries(
        st.sampled_from(
            ["x-data-class", "x-use-case", "x-human-review", "anthropic-beta", "content-type", "accept"]
        ),
        st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=80),
        max_size=4,
    )
)
def test_headers_with_anything_in_them(gateway: Harness, headers: dict[str, str]) -> None:
    _post(gateway, "/v1/messages", chat(), headers)


@pytest.mark.parametrize("length", ["-1", "x", "99999999999999999999", "5"])
def test_a_content_length_that_lies(gateway: Harness, length: str) -> None:
    answer = _raw(
        gateway,
        f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\ncontent-length: {length}\r\n\r\n{{}}",
    )
    assert answer == b"" or b" 4" in answer.split(b"\r\n")[0]
    assert b"Traceback" not in answer
    assert gateway.post("/v1/messages", chat()).status == 200


def test_a_body_that_comes_too_slowly_is_given_up(gateway: Harness) -> None:
    started = time.monotonic()
    answer = _raw(
        gateway, f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\ncontent-length: 500\r\n\r\n{{"
    )
    assert b" 408 " in answer.split(b"\r\n")[0]
    assert time.monotonic() - started < 5
    body = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert body["type"] == "error"


def test_a_chunked_body_without_end_stops_at_the_limit(gateway: Harness) -> None:
    head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\ntransfer-encoding: chunked\r\n\r\n"
    chunk = "ffff\r\n" + "a" * 0xFFFF + "\r\n"
    assert b" 413 " in _raw(gateway, head + chunk * 5).split(b"\r\n")[0]


def _raw(gateway: Harness, request: str) -> bytes:
    """Send bytes as they are; what comes back until the gateway closes or says no more for 3 seconds."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=3) as connection:
        answer = b""
        try:
            connection.sendall(request.encode("latin-1"))
            while piece := connection.recv(65536):
                answer += piece
                if b"\r\n\r\n" in answer and answer.endswith(b"}"):
                    break
        except (TimeoutError, ConnectionError):
            pass
        return answer


@QUIET
@given(key=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=300))
def test_credentials_that_are_none(gateway: Harness, key: str) -> None:
    for headers in ({"x-api-key": key}, {"authorization": key}, {"authorization": f"Bearer {key}"}):
        answer = gateway.post("/v1/messages", chat(), headers=headers, key=None)
        assert answer.status == 401
        _is_a_clean_refusal(gateway, answer.status, answer.headers, answer.body)
    assert not gateway.upstream.received


@QUIET
@given(path=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#?"), max_size=60))
def test_paths_that_lead_nowhere(gateway: Harness, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = gateway.request(method, "/v1/" + path)
        if answer.status == 200:
            continue
        _is_a_clean_refusal(gateway, answer.status, answer.headers, answer.body)


def test_nothing_is_lost_by_what_was_refused(gateway: Harness) -> None:
    for body in (b"", b"{}", b"{", chat(model="none"), chat(max_tokens=0), chat(stream="yes")):
        gateway.post("/v1/messages", body)
    assert gateway.spent() == 0
    assert not gateway.ledger.open_reservations()
    assert not gateway.audit.records
    assert not gateway.upstream.received


@pytest.mark.parametrize(
    "body",
    [
        b'{"model": "fast", "max_tokens": 5, "messages": [], "model": "balanced"}',
        b'{"model": "fast", "max_tokens": 5, "messages": [{"role": "user", "content": "a", "content": "b"}]}',
        b'{"model": "fast", "max_tokens": 5, "messages": [{"role": "user", "content": "a"}],'
        b' "metadata": {"user_id": "a", "user\\u005fid": "b"}}',
        b'{"model": "fast", "max_tokens": 5, "messages": [{"role": "user", "content": "a"}], "x": [NaN]}',
    ],
)
def test_what_two_readers_could_read_differently_is_refused(gateway: Harness, body: bytes) -> None:
    """What is inspected is what Claude reads: a name that stands twice has no one value (L1.7, L2.3)."""
    answer = gateway.post("/v1/messages", body)
    assert answer.status == 400
    assert "ambiguous" in answer.json()["error"]["message"]
    assert not gateway.upstream.received


@pytest.mark.parametrize(
    "headers",
    [
        ("x-api-key: {key}", "x-api-key: {key}"),
        ("x-api-key: {key}", "x-api-key: other"),
        ("authorization: Bearer {key}", "Authorization: Bearer other"),
        ("x-api-key: {key}", "x-amzn-request-context: {{}}", "x-amzn-request-context: {{}}"),
    ],
)
def test_a_header_that_says_who_is_calling_comes_once(gateway: Harness, headers: tuple[str, ...]) -> None:
    """Two readers on the way might believe two different callers (L1.3)."""
    body = chat().decode()
    lines = "\r\n".join(line.format(key=KEY) for line in headers)
    answer = _raw(
        gateway,
        f"POST /v1/messages HTTP/1.1\r\nhost: x\r\n{lines}\r\ncontent-length: {len(body)}\r\n\r\n{body}",
    )
    assert b" 401 " in answer.split(b"\r\n")[0]
    assert not gateway.upstream.received


def test_a_request_that_says_two_lengths_is_not_served(gateway: Harness) -> None:
    """No second request is hidden in a first one (L1.7)."""
    hidden = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\n\r\n"
    for lengths in (
        "content-length: 2\r\ncontent-length: 60",
        "content-length: 60\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity",
    ):
        head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\n{lengths}\r\n\r\n"
        answer = _raw(gateway, head + "{}" + hidden)
        assert b" 200 " not in answer, lengths
        assert answer.count(b"HTTP/1.1 ") <= 1, lengths
    assert not gateway.upstream.received

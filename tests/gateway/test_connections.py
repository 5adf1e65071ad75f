"""Connections of peers that show no credential are bounded in time and memory (L1.11)."""

import socket
from contextlib import suppress
from http.client import HTTPResponse
from time import monotonic, sleep

import pytest

from .harness import KEY, Harness, chat

HEAD = b"POST /v1/messages HTTP/1.1\r\nhost: gateway\r\n"


def opened(gateway: Harness) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", gateway.port))
    connection.settimeout(2)
    return connection


def closed_within(connection: socket.socket, seconds: float) -> bytes | None:
    """What came before the other side closed; None when it did not close in time."""
    came = b""
    until = monotonic() + seconds
    while monotonic() < until:
        connection.settimeout(max(0.01, until - monotonic()))
        try:
            data = connection.recv(65536)
        except TimeoutError:
            return None
        except ConnectionResetError:
            return came
        if not data:
            return came
        came += data
    return None


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (b"\r\n\r\n", b""),
        (b"P", b"408"),
        (HEAD, b"408"),
        (HEAD + b"x-api-key: ", b"408"),
    ],
    ids=("nothing", "empty lines", "a letter", "half a head", "half a header"),
)
def test_a_connection_without_a_whole_head_is_closed(
    gateway: Harness, monkeypatch: pytest.MonkeyPatch, sent: bytes, answer: bytes
) -> None:
    module = "lambdas.common.http_protocol."
    monkeypatch.setattr(module + "IDLE_SECONDS", 0.2)
    monkeypatch.setattr(module + "HEAD_SECONDS", 0.2)
    with opened(gateway) as connection:
        connection.sendall(sent)
        came = closed_within(connection, 2)
        assert came is not None, "it is still open"
        assert came[9:12] == answer


def test_a_head_that_drips_is_closed_all_the_same(gateway: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lambdas.common.http_protocol.HEAD_SECONDS", 0.3)
    sent = 0
    with opened(gateway) as connection, suppress(OSError):  # closed or reset
        for sent in range(100):
            connection.sendall(HEAD if not sent else b"x-%d: y\r\n" % sent)
            sleep(0.03)
    assert sent < 60


@pytest.mark.parametrize("part", [b"x-big: " + b"y" * 70_000, b"x: y\r\n" * 12_000], ids=("one", "many"))
def test_a_head_without_end_is_refused(gateway: Harness, part: bytes) -> None:
    with opened(gateway) as connection:
        connection.sendall(HEAD)
        sleep(0.02)
        connection.sendall(part)
        came = closed_within(connection, 2)
        assert came is not None
        assert came[9:12] in {b"431", b""}  # reset, where not all was read


def test_a_request_in_time_and_the_next_on_its_connection_are_served(
    gateway: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdas.common.http_protocol.HEAD_SECONDS", 0.6)
    body = chat("hi")
    head = HEAD + b"x-api-key: %b\r\ncontent-length: %d\r\n\r\n" % (KEY.encode(), len(body))
    with opened(gateway) as connection:
        for _ in range(2):
            connection.sendall(head)
            sleep(0.7)  # a body may take longer than a head
            connection.sendall(body)
            answer = HTTPResponse(connection)
            answer.begin()
            assert answer.status == 200
            assert answer.read()

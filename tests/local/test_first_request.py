"""The first request of `kit up` waits for an inspection that a busy machine kept from its end (Z.1, L2.3)."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kit.embedded import Access
from kit.errors import KitError
from kit.local import running
from kit.local.running import first_request
from lambdas.inspection import policy

ANSWER = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "fast", "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": "Here."}],
    "usage": {"input_tokens": 1, "output_tokens": 1},
}  # fmt: skip


class Gateway(ThreadingHTTPServer):
    """Refuses with these messages, one per request, then answers."""

    def __init__(self, refusals: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.refusals = refusals
        self.requests = 0

    @property
    def access(self) -> Access:
        return Access(f"http://127.0.0.1:{self.server_port}", "key", "department", "fast")


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Gateway)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests += 1
        refusal = self.server.refusals.pop(0) if self.server.refusals else None
        error = {"type": "error", "error": {"type": "permission_error", "message": refusal}}
        body = json.dumps(error if refusal else ANSWER).encode()
        self.send_response(403 if refusal else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setattr(running, "_PAUSES", (0.0, 0.0, 0.0))
    with Gateway([]) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("reason", ["timeout", "error"])
def test_an_inspection_that_did_not_end_is_tried_again(gateway: Gateway, reason: str) -> None:
    gateway.refusals = [policy._FAILURES[reason]] * 3
    assert first_request(gateway.access).text == "Here."
    assert gateway.requests == 4


def test_an_inspection_that_never_ends_is_a_refusal(gateway: Gateway) -> None:
    gateway.refusals = [policy._FAILURES["timeout"]] * 4
    with pytest.raises(KitError, match="refused with 403"):
        first_request(gateway.access)


def test_any_other_refusal_is_not_asked_again(gateway: Gateway) -> None:
    gateway.refusals = ["this department may not use this model"] * 2
    with pytest.raises(KitError, match="refused with 403"):
        first_request(gateway.access)
    assert gateway.requests == 1

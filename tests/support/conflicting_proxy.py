"""A DynamoDB that conflicts, in real time: it stands before an emulated AWS and decides what becomes of each
write, as `Hazards` says. All other requests, of whatever service, pass.
"""

import http.client
import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.support.conflicting_dynamodb import Hazards, Where

_WRITES = ("UpdateItem", "PutItem", "DeleteItem", "TransactWriteItems")


@contextmanager
def conflicting(endpoint_url: str, hazards: Hazards) -> Iterator[str]:
    """The address of a proxy before `endpoint_url`, for as long as it is used."""
    address = urlsplit(endpoint_url)
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            del format, args

        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            operation = (self.headers.get("x-amz-target") or "").partition("DynamoDB_20120810.")[2]
            if operation not in _WRITES:
                self._answer(*self._forward(body))
                return
            transaction = operation == "TransactWriteItems"
            with lock:
                verdict, seconds = hazards.write(
                    time.monotonic(), _places(json.loads(body)), transaction=transaction
                )
            if verdict == "conflict" and transaction:
                count = len(json.loads(body)["TransactItems"])
                self._refuse("TransactionCanceledException", ["TransactionConflict"] * count)
            elif verdict == "conflict":
                self._refuse("TransactionConflictException")
            elif verdict == "throttled":
                self._refuse("ThrottlingException")
            elif verdict == "failed before":
                self._refuse("InternalServerError", status=500)
            else:
                answer = self._forward(body)
                time.sleep(seconds)
                if verdict == "failed after":
                    self._refuse("InternalServerError", status=500)
                elif verdict == "lost":
                    self.close_connection = True
                    self.connection.close()
                else:
                    self._answer(*answer)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _any  # noqa: N815 - http.server's names

        def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            there = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
            there.request(self.command, self.path, body, dict(self.headers.items()))
            response = there.getresponse()
            answer = response.status, response.getheaders(), response.read()
            there.close()
            return answer

        def _refuse(self, code: str, reasons: list[str] | None = None, *, status: int = 400) -> None:
            said: dict[str, Any] = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": code}
            if reasons is not None:
                said["CancellationReasons"] = [{"Code": reason} for reason in reasons]
            self._answer(status, [("content-type", "application/x-amz-json-1.0")], json.dumps(said).encode())

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in (
                    "transfer-encoding",
                    "content-length",
                    "connection",
                    "date",
                    "server",
                ):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def hazards(seed: int = 1) -> Hazards:
    """Conflicts as they come, and one write in twenty-five that fails, is lost or is answered too late."""
    return Hazards(random.Random(seed), hold_seconds=(0.01, 0.025), failed=0.03, lost=0.01)


def _places(request: dict[str, Any]) -> list[Where]:
    entries = request.get("TransactItems")
    each = [one for entry in entries for one in entry.values()] if entries else [request]
    found: list[Where] = []
    for one in each:
        pk, sk = (part["S"] for part in _key(one.get("Key") or one["Item"]))
        found.append((one["TableName"], pk, sk))
    return found


def _key(item: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    return item["pk"], item["sk"]

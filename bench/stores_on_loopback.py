"""A stand-in for DynamoDB and S3 that answers at once and stores nothing: the gateway beside it serializes,
signs and sends every request of its stores in their real wire format, so its CPU time is that of a
deployment.

Not modelled: conditions never fail, and no counter is ever found, so each call opens its window.
"""

import asyncio
import json
from typing import Any, cast

import httptools

_OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: %d\r\n\r\n%b"
_WRITTEN = _OK % (2, b"{}")


class Stores(asyncio.Protocol):
    """One connection of the gateway. `records` are the access records by their `pk`."""

    def __init__(self, records: dict[str, dict[str, Any]]) -> None:
        self._records = records

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self._reads = False
        self._body = b""

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"x-amz-target":
            self._reads = value.endswith(b".BatchGetItem")

    def on_body(self, body: bytes) -> None:
        self._body += body if self._reads else b""

    def on_message_complete(self) -> None:
        answer = self._found() if self._reads else _WRITTEN
        self._reads, self._body = False, b""
        self._transport.write(answer)

    def _found(self) -> bytes:
        asked = json.loads(self._body)["RequestItems"]
        found = {
            table: [
                {**key, **self._records[pk]}
                for key in wanted["Keys"]
                if (pk := key["pk"]["S"]) in self._records
            ]
            for table, wanted in asked.items()
        }
        body = json.dumps({"Responses": found}).encode()
        return _OK % (len(body), body)


async def serve_stores(pk: str, department: str) -> None:
    """Serve until stopped; prints the port. `pk` is the caller's access record."""
    record = {"active": {"BOOL": True}, "department": {"S": department}}
    server = await asyncio.get_running_loop().create_server(lambda: Stores({pk: record}), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

"""Calls, gathered from records and access log: does every intent have its end, every answer its records?

Kept in a temporary database, so that a year of calls needs no more memory than an hour.
"""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from kit.audit.access_logs import AccessLine, EdgeLine
from kit.audit.examination import Finding

_CALLS = ("messages", "embeddings", "batches.create")  # routes whose calls have an intent and an outcome
_BUFFERED = 5_000
_EXPIRED = "expired"  # what the sweeper says of a call whose process died
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Calls:
    """Takes records and access lines in any order, then tells what does not fit."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")  # on disk, gone with the connection
        self._database.executescript(
            """
            PRAGMA journal_mode = OFF;
            PRAGMA synchronous = OFF;
            CREATE TABLE calls (
              id TEXT PRIMARY KEY, intent TEXT, writer TEXT, sequence INTEGER, outcome TEXT, excused INTEGER,
              mentioned INTEGER, route TEXT, recorded INTEGER
            ) WITHOUT ROWID;
            CREATE TABLE edge (
              id TEXT PRIMARY KEY, what TEXT, call INTEGER, logged INTEGER, recorded INTEGER
            ) WITHOUT ROWID;
            """
        )
        self._buffer: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
        self._in_doubt: list[tuple[str, int]] = []
        self.access_lines = 0
        self.edge_lines = 0

    def close(self) -> None:
        """Let go of the temporary database."""
        self._database.close()

    def record(self, record: dict[str, Any]) -> None:
        """Take a record. One that was tampered with may hold anything, so nothing is taken for granted."""
        kind, request_id = record.get("kind"), record.get("request_id")
        if kind == "unconfirmed":
            for one in _list(record.get("in_doubt")):
                if isinstance(one, dict) and isinstance(one.get("from_sequence"), int):
                    self._in_doubt.append((str(one.get("writer")), one["from_sequence"]))
            for named in _list(record.get("requests")):
                self._put("excused", (str(named), 1))
            return
        for other in ("statement_id", "exchange_id"):
            if isinstance(record.get(other), str):
                self._put("mentioned", (record[other], 1))
        if isinstance(record.get("edge_id"), str):
            self._put("recorded", (record["edge_id"], 1), table="edge")
        if not isinstance(request_id, str):
            return
        if kind == "intent":
            self._put(
                "intent, writer, sequence",
                (
                    request_id,
                    str(record.get("at")),
                    str(record.get("writer")),
                    _number(record.get("sequence")),
                ),
            )
        elif kind == "outcome":
            self._put("outcome", (request_id, str(record.get("result", ""))))
        else:
            self._put("mentioned", (request_id, 1))

    def access(self, line: AccessLine) -> None:
        """Take a line of the access log."""
        self.access_lines += 1
        if line.edge_id:
            self._put("logged", (line.edge_id, 1), table="edge")
        if line.recorded or (line.route in _CALLS and line.answered):
            self._put("route, recorded", (line.request_id, line.route, int(line.recorded)))

    def edge(self, line: EdgeLine) -> None:
        """Take a line of API Gateway's log."""
        self.edge_lines += 1
        self._put("what, call", (line.edge_id, line.what, int(line.call)), table="edge")

    def findings(self, *, since: datetime, open_until: datetime) -> Iterator[Finding]:
        """What does not fit. Calls that began before `since` may have records that were not read; intents
        after `open_until` may still be under way.
        """
        self._flush()
        yield from self._unrecorded()
        yield from self._unknown_to_the_gateway()
        for request_id, at, writer, sequence in self._select(
            "SELECT id, intent, writer, sequence FROM calls "
            "WHERE intent IS NOT NULL AND outcome IS NULL AND excused IS NULL"
        ):
            doubtful = any(writer == one and sequence >= first for one, first in self._in_doubt)
            if not doubtful and _time(at) <= open_until:
                yield Finding(
                    "call-unended", request_id, f"its intent of {at} has no outcome and no reason why"
                )
        for request_id, outcome in self._select(
            "SELECT id, outcome FROM calls WHERE outcome IS NOT NULL AND intent IS NULL"
        ):
            if outcome != _EXPIRED and began(request_id) >= since:
                yield Finding("call-unannounced", request_id, "its outcome has no intent")

    def count(self) -> int:
        """How many calls have an intent."""
        self._flush()
        return self._database.execute("SELECT count(*) FROM calls WHERE intent IS NOT NULL").fetchone()[0]

    def _unrecorded(self) -> Iterator[Finding]:
        for request_id, route, recorded, intent, outcome, mentioned in self._select(
            "SELECT id, route, recorded, intent, outcome, mentioned FROM calls WHERE route IS NOT NULL"
        ):
            if route in _CALLS:
                absent = [what for what, there in (("intent", intent), ("outcome", outcome)) if there is None]
                if absent:
                    yield Finding(
                        "call-unrecorded",
                        request_id,
                        f"the access log has its answer, the records have no {' and no '.join(absent)}",
                    )
                elif not recorded:
                    yield Finding("call-unrecorded", request_id, "it was answered without being recorded")
            elif mentioned is None:
                yield Finding("call-unrecorded", request_id, f"the access log has {route}, no record does")

    def _unknown_to_the_gateway(self) -> Iterator[Finding]:
        """What API Gateway gave out, and the gateway does not know of."""
        for edge_id, what, call, logged, recorded in self._select(
            "SELECT id, what, call, logged, recorded FROM edge WHERE what IS NOT NULL"
        ):
            if call and recorded is None:
                yield Finding(
                    "call-unrecorded",
                    edge_id,
                    f"API Gateway gave out an answer to {what}, no record names it",
                )
            elif self.access_lines and logged is None and recorded is None:
                yield Finding("call-unlogged", edge_id, f"API Gateway has {what}, the gateway's log does not")

    def _select(self, query: str) -> Iterator[tuple[Any, ...]]:
        yield from self._database.execute(query + " ORDER BY id")

    def _put(self, columns: str, values: tuple[Any, ...], *, table: str = "calls") -> None:
        rows = self._buffer.setdefault((table, columns), [])
        rows.append(values)
        if len(rows) >= _BUFFERED:
            self._flush()

    def _flush(self) -> None:
        for (table, columns), rows in self._buffer.items():
            marks = ", ".join("?" for _ in rows[0])
            updates = ", ".join(f"{name} = excluded.{name}" for name in columns.split(", "))
            insert = f"INSERT INTO {table} (id, {columns}) VALUES ({marks})"  # noqa: S608 - our own columns
            self._database.executemany(f"{insert} ON CONFLICT (id) DO UPDATE SET {updates}", rows)
        self._buffer.clear()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> int:
    return value if isinstance(value, int) and abs(value) < 1 << 62 else -1


def _time(text: str) -> datetime:
    """A time as records write it; the beginning of time for what is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return found if found.utcoffset() is not None else found.replace(tzinfo=UTC)


def began(request_id: str) -> datetime:
    """When a call began, as its id says; the beginning of time for an id that is not ours."""
    value = 0
    for character in request_id.removeprefix("req_")[:10]:
        place = _ALPHABET.find(character)
        if place < 0:
            return datetime.fromtimestamp(0, UTC)
        value = value * 32 + place
    try:
        return datetime.fromtimestamp(value / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)

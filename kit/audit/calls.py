"""Calls, joined from records and access log: does every intent have its outcome, and every answer its
records?

Kept in a temporary database, so that a year of calls needs no more memory than an hour.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from kit.audit.access_logs import AccessLine, EdgeLine
from kit.audit.examination import Finding

_CALLS = ("messages", "embeddings", "batches.create")  # routes whose calls have an intent and an outcome
_BUFFERED = 5_000
_EXPIRED = "expired"  # what the sweeper says of a call whose process died
_LAST_WORDS = timedelta(seconds=10)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Said(msgspec.Struct, gc=False):
    """The fields of a record by which calls and writers are judged. A tampered one may contain anything."""

    kind: Any = None
    request_id: Any = None
    at: Any = None
    sequence: Any = None
    result: Any = ""
    statement_id: Any = None
    exchange_id: Any = None
    edge_id: Any = None
    in_doubt: Any = None
    requests: Any = None


def said_by(record: Mapping[str, Any]) -> Said:
    """Return the fields of a parsed record."""
    return Said(**{name: record[name] for name in Said.__struct_fields__ if name in record})


@dataclass(slots=True)
class Facts:
    """What the records of one writer say about calls.

    `calls` has by request id what intent and outcome say: time and sequence number of the intent, result
    and time of the outcome, None for what was not seen. `newest` is the time of the newest record as
    written.
    """

    calls: dict[str, list[Any]] = field(default_factory=dict)
    edges: list[str] = field(default_factory=list)
    mentioned: list[str] = field(default_factory=list)
    in_doubt: list[tuple[str, int]] = field(default_factory=list)  # writer, and the number from which on
    excused: list[str] = field(default_factory=list)
    newest: str = ""
    seen: str = ""  # the greatest of all that records give as their time, whether it is one or not

    def take(self, said: Said) -> None:
        """Add a record."""
        at = str(said.at)
        if at > self.seen:
            self.seen = at
        if at > self.newest and _is_time(at):
            self.newest = at
        kind, request_id = said.kind, said.request_id
        if kind == "unconfirmed":
            self._unconfirmed(said)
            return
        for other in (said.statement_id, said.exchange_id):
            if isinstance(other, str):
                self.mentioned.append(other)
        if isinstance(said.edge_id, str):
            self.edges.append(said.edge_id)
        if not isinstance(request_id, str):
            return
        if kind == "intent":
            call = self.calls.setdefault(request_id, [None, None, None, None])
            call[0], call[1] = at, _number(said.sequence)
        elif kind == "outcome":
            call = self.calls.setdefault(request_id, [None, None, None, None])
            call[2], call[3] = str(said.result), at
        else:
            self.mentioned.append(request_id)

    def _unconfirmed(self, said: Said) -> None:
        for one in _list(said.in_doubt):
            if isinstance(one, dict) and isinstance(one.get("from_sequence"), int):
                self.in_doubt.append((str(one.get("writer")), one["from_sequence"]))
        self.excused += map(str, _list(said.requests))


class Calls:
    """Collects facts and access lines in any order, then reports what does not match."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")  # on disk, gone with the connection
        self._database.executescript(
            """
            PRAGMA journal_mode = OFF;
            PRAGMA synchronous = OFF;
            CREATE TABLE calls (
              id TEXT PRIMARY KEY, intent TEXT, by INTEGER, sequence INTEGER, outcome TEXT, ended TEXT,
              mentioned INTEGER, route TEXT, recorded INTEGER, logged INTEGER
            ) WITHOUT ROWID;
            CREATE TABLE writers (by INTEGER PRIMARY KEY, writer TEXT, process TEXT);
            CREATE TABLE excuses (id TEXT, process TEXT, PRIMARY KEY (id, process)) WITHOUT ROWID;
            CREATE TABLE edge (
              id TEXT PRIMARY KEY, what TEXT, call INTEGER, logged INTEGER, recorded INTEGER
            ) WITHOUT ROWID;
            """
        )
        self._buffer: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
        self._writers: dict[tuple[str, str], int] = {}
        self._in_doubt: list[tuple[str, str, int]] = []
        self._last: dict[str, str] = {}  # by process: the time of its newest record
        self._log: tuple[datetime, datetime] | None = None  # what the gateway's log covers
        self.access_lines = 0
        self.edge_lines = 0

    def close(self) -> None:
        """Delete the temporary database."""
        self._database.close()

    def take(self, facts: Facts, writer: str, process: str = "") -> None:
        """Add what records of a writer say. `process` is the public key of the process that wrote them, or
        empty.
        """
        self._last[process] = max(self._last.get(process, ""), facts.seen)
        self._in_doubt += [(process, *one) for one in facts.in_doubt]
        by = self._by(writer, process)
        self._put_all(
            "intent, by, sequence, outcome, ended",
            [
                (request_id, at, None if at is None else by, sequence, outcome, ended)
                for request_id, (at, sequence, outcome, ended) in facts.calls.items()
            ],
        )
        self._put_all("process", [(one, process) for one in facts.excused], table="excuses")
        self._put_all("mentioned", [(one, 1) for one in facts.mentioned])
        self._put_all("recorded", [(one, 1) for one in facts.edges], table="edge")

    def _by(self, writer: str, process: str) -> int:
        known = self._writers.get((writer, process))
        if known is None:
            known = self._writers[writer, process] = len(self._writers)
            self._database.execute("INSERT INTO writers VALUES (?, ?, ?)", (known, writer, process))
        return known

    def logged(self, line: AccessLine) -> None:
        """Note that the gateway's log knows a request, whatever became of it."""
        first, last = self._log or (line.at, line.at)
        self._log = min(first, line.at), max(last, line.at)
        self._put("logged", (line.request_id, 1))

    def access(self, line: AccessLine) -> None:
        """Add a line of the access log whose answer must have its records."""
        self.access_lines += 1
        if line.edge_id:
            self._put("logged", (line.edge_id, 1), table="edge")
        if line.recorded or (line.route in _CALLS and line.answered):
            self._put("route, recorded", (line.request_id, line.route, int(line.recorded)))

    def edge(self, line: EdgeLine) -> None:
        """Add a line of API Gateway's log."""
        self.edge_lines += 1
        self._put("what, call", (line.edge_id, line.what, int(line.call)), table="edge")

    def findings(self, *, since: datetime, open_until: datetime) -> Iterator[Finding]:
        """Yield what does not match.

        Calls that began before `since` may have records that were not read; intents after `open_until` may
        still be in progress.
        """
        self._flush()
        yield from self._unrecorded()
        yield from self._unknown_to_the_gateway()
        yield from self._unlogged()
        # A process is believed about its own calls alone: others who say that they failed prove nothing.
        for request_id, at, writer, process, sequence in self._select(
            "SELECT id, intent, writer, process, sequence FROM calls JOIN writers USING (by) "
            "WHERE intent IS NOT NULL AND outcome IS NULL AND NOT EXISTS "
            "(SELECT 1 FROM excuses WHERE excuses.id = calls.id AND excuses.process = writers.process)"
        ):
            doubtful = any(
                process == by and writer == one and sequence >= first for by, one, first in self._in_doubt
            )
            if not doubtful and _time(at) <= open_until:
                yield Finding(
                    "call-unended", request_id, f"its intent of {at} has no outcome and no reason why"
                )
        for request_id, outcome in self._select(
            "SELECT id, outcome FROM calls WHERE outcome IS NOT NULL AND intent IS NULL"
        ):
            if outcome != _EXPIRED and began(request_id) >= since:
                yield Finding("call-unannounced", request_id, "its outcome has no intent")

    def newest_line(self, at: datetime) -> datetime:
        """Return `at`, or the time of the newest line of the gateway's log if that is later."""
        return max(at, self._log[1]) if self._log else at

    def count(self) -> int:
        """Return the number of calls with an intent."""
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

    def _unlogged(self) -> Iterator[Finding]:
        """Yield calls on record that the gateway's log does not know, within the period that the log
        covers.

        A killed process writes no line for what it was about to answer, so its last seconds are excluded.
        """
        if self._log is None:
            return
        first, last = self._log
        for request_id, process, at, ended in self._select(
            "SELECT id, process, intent, ended FROM calls JOIN writers USING (by) WHERE intent IS NOT NULL "
            "AND outcome IS NOT NULL AND outcome <> 'expired' AND logged IS NULL"
        ):
            if not (first <= _time(at) and _time(ended) <= last):
                continue
            if _time(self._last.get(process, "")) - _time(ended) > _LAST_WORDS:
                yield Finding(
                    "call-unlogged", request_id, "the records have this call, the gateway's log does not"
                )

    def _unknown_to_the_gateway(self) -> Iterator[Finding]:
        """Yield what API Gateway delivered without the gateway's knowledge."""
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
        self._put_all(columns, [values], table=table)

    def _put_all(self, columns: str, rows: Sequence[tuple[Any, ...]], *, table: str = "calls") -> None:
        waiting = self._buffer.setdefault((table, columns), [])
        waiting += rows
        if len(waiting) >= _BUFFERED:
            self._flush()

    def _flush(self) -> None:
        """Write pending rows, sorted by id, so that adjacent rows are written together."""
        for (table, columns), rows in self._buffer.items():
            if not rows:
                continue
            marks = ", ".join("?" for _ in rows[0])
            updates = ", ".join(f"{name} = coalesce(excluded.{name}, {name})" for name in columns.split(", "))
            insert = f"INSERT INTO {table} (id, {columns}) VALUES ({marks})"  # noqa: S608 - our own columns
            clash = "DO NOTHING" if table == "excuses" else f"(id) DO UPDATE SET {updates}"
            self._database.executemany(f"{insert} ON CONFLICT {clash}", sorted(rows, key=lambda row: row[0]))
        self._buffer.clear()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> int:
    return value if isinstance(value, int) and abs(value) < 1 << 62 else -1


def _is_time(text: str) -> bool:
    """Return whether this is a time as records write it."""
    try:
        return datetime.fromisoformat(text).utcoffset() is not None
    except ValueError:
        return False


def _time(text: str) -> datetime:
    """Parse a time as records write it; anything else becomes the minimum time."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return found if found.utcoffset() is not None else found.replace(tzinfo=UTC)


def began(request_id: str) -> datetime:
    """Return when a call began, according to its id; the minimum time for a foreign id."""
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

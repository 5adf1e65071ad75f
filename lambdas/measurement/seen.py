"""Which records were already counted, with a note for each: Firehose delivers at least once."""

import json
import sqlite3
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from sys import intern
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import IO

_IN_MEMORY = 400_000  # some 30 MB
_WIDTH = 8  # bytes of a digest


class Seen:
    """Ids with a note each in bounded memory: 8-byte digests, moved to a file beyond `limit`.

    The probability that two of a million ids share a digest is one in thirty million.
    """

    def __init__(self, limit: int = _IN_MEMORY) -> None:
        self._limit = limit
        self._recent: dict[bytes, str] = {}
        self._folder: TemporaryDirectory[str] | None = None
        self._file: sqlite3.Connection | None = None
        self._filed = 0

    def __enter__(self) -> "Seen":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def count(self) -> int:
        """Return the number of ids."""
        return self._filed + len(self._recent)

    def save(self, file: IO[bytes]) -> None:
        """Write everything for `load`: notes by number, then 12 bytes per id."""
        numbers: dict[str, int] = {}
        for _, note in self._items():
            numbers.setdefault(note, len(numbers))
        table = json.dumps(list(numbers)).encode()
        file.write(len(table).to_bytes(_WIDTH, "big") + table)
        for digest, note in self._items():
            file.write(digest + numbers[note].to_bytes(4, "big"))

    def load(self, file: IO[bytes]) -> None:
        """Load what `save` wrote."""
        notes = [intern(one) for one in json.loads(file.read(int.from_bytes(file.read(_WIDTH), "big")))]
        entry = _WIDTH + 4
        while chunk := file.read(entry * self._limit):
            for at in range(0, len(chunk), entry):
                number = int.from_bytes(chunk[at + _WIDTH : at + entry], "big")
                self._recent[chunk[at : at + _WIDTH]] = notes[number]
            if len(self._recent) >= self._limit:
                self._spill()

    def _items(self) -> Iterator[tuple[bytes, str]]:
        if self._file is not None:
            yield from self._file.execute("SELECT id, note FROM seen")
        yield from self._recent.items()

    def first_time(self, record_id: str, note: str = "") -> bool:
        """Return whether this id is new, and store it with the note."""
        digest = _digest(record_id)
        if self._found(digest) is not None:
            return False
        self._recent[digest] = intern(note)  # many ids share a note
        if len(self._recent) >= self._limit:
            self._spill()
        return True

    def note(self, record_id: str) -> str | None:
        """Return the note of an id, or None if it is unknown."""
        return self._found(_digest(record_id))

    def _found(self, digest: bytes) -> str | None:
        if digest in self._recent:
            return self._recent[digest]
        if self._file is None:
            return None
        row = self._file.execute("SELECT note FROM seen WHERE id = ?", (digest,)).fetchone()
        return None if row is None else row[0]

    def _spill(self) -> None:
        if self._file is None:
            self._folder = TemporaryDirectory(prefix="seen-")
            self._file = sqlite3.connect(Path(self._folder.name) / "seen.sqlite")
            self._file.execute("PRAGMA journal_mode = OFF")
            self._file.execute("PRAGMA synchronous = OFF")
            self._file.execute("PRAGMA cache_size = -32768")  # 32 MB
            self._file.execute("CREATE TABLE seen (id BLOB PRIMARY KEY, note TEXT) WITHOUT ROWID")
        self._file.executemany("INSERT INTO seen VALUES (?, ?)", sorted(self._recent.items()))
        self._file.commit()
        self._filed += len(self._recent)
        self._recent.clear()


def _digest(record_id: str) -> bytes:
    return blake2b(record_id.encode(errors="surrogatepass"), digest_size=_WIDTH).digest()


class Over(Seen):
    """A layer over what was seen that can be discarded: nothing is added to `base`."""

    def __init__(self, base: Seen) -> None:
        super().__init__()
        self._base = base

    def first_time(self, record_id: str, note: str = "") -> bool:
        """As in `Seen`, considering what `base` knows."""
        return self._base.note(record_id) is None and super().first_time(record_id, note)

    def note(self, record_id: str) -> str | None:
        """As in `Seen`, from either."""
        known = self._base.note(record_id)
        return super().note(record_id) if known is None else known

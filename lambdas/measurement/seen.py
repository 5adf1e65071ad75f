"""Which records were counted already: Firehose delivers at least once."""

import sqlite3
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

_IN_MEMORY = 400_000  # some 30 MB


class Seen:
    """A set of ids in bounded memory: 8-byte digests, moved to a file beyond `limit`.

    Two of a million ids share a digest with a chance of one in thirty million.
    """

    def __init__(self, limit: int = _IN_MEMORY) -> None:
        self._limit = limit
        self._recent: set[bytes] = set()
        self._folder: TemporaryDirectory[str] | None = None
        self._file: sqlite3.Connection | None = None

    def __enter__(self) -> "Seen":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()
        if self._folder is not None:
            self._folder.cleanup()

    def first_time(self, record_id: str) -> bool:
        """Whether this id was never given before; it is kept."""
        digest = blake2b(record_id.encode(), digest_size=8).digest()
        if digest in self._recent:
            return False
        if self._file is not None and self._known(self._file, digest):
            return False
        self._recent.add(digest)
        if len(self._recent) >= self._limit:
            self._spill()
        return True

    @staticmethod
    def _known(file: sqlite3.Connection, digest: bytes) -> bool:
        return file.execute("SELECT 1 FROM seen WHERE id = ?", (digest,)).fetchone() is not None

    def _spill(self) -> None:
        if self._file is None:
            self._folder = TemporaryDirectory(prefix="seen-")
            self._file = sqlite3.connect(Path(self._folder.name) / "seen.sqlite")
            self._file.execute("PRAGMA journal_mode = OFF")
            self._file.execute("PRAGMA synchronous = OFF")
            self._file.execute("PRAGMA cache_size = -32768")  # 32 MB
            self._file.execute("CREATE TABLE seen (id BLOB PRIMARY KEY) WITHOUT ROWID")
        rows = ((digest,) for digest in sorted(self._recent))
        self._file.executemany("INSERT INTO seen VALUES (?)", rows)
        self._file.commit()
        self._recent.clear()

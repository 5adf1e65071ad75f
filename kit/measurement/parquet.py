"""Reads rows delivered as Parquet through DuckDB: by Athena's queries, or as JSON lines."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lambdas.common.audit.metadata import COLUMNS
from lambdas.measurement.queries import PARQUET_PREFIX, Ask
from lambdas.measurement.source import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

_MEMORY = "1GB"  # beyond it DuckDB spills to a temporary file
_TYPES = {str: "VARCHAR", int: "BIGINT", bool: "BOOLEAN"}


class ParquetRows:
    """Objects under `records-parquet/dt=YYYY-MM-DD/` in a folder, or in a bucket, from which they are
    downloaded.
    """

    def __init__(self, folder: Path | None, s3: Any = None, bucket: str = "") -> None:
        self._folder, self._s3, self._bucket = folder, s3, bucket

    def days(self) -> list[str]:
        """Return every day that has rows, sorted."""
        if self._folder is not None:
            return sorted(
                one.name.removeprefix("dt=") for one in (self._folder / PARQUET_PREFIX).glob("dt=*")
            )
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{PARQUET_PREFIX}/dt=", Delimiter="/"
        )
        found = (entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", ()))
        return sorted(prefix.rstrip("/").rpartition("dt=")[2] for prefix in found)

    def of(self, *days: str) -> Ask:
        """Return a function that answers queries over the rows of some days."""

        def ask(query: str) -> Iterator[Mapping[str, Any]]:
            with self._files(days) as files:
                yield from answers(query, files)

        return ask

    def lines(self, day: str) -> Iterator[bytes]:
        """Yield the rows of a day as JSON lines, without their null columns."""
        for row in self.of(day)("SELECT * FROM records"):
            said = {name: value for name, value in row.items() if value is not None and name != "dt"}
            yield json.dumps(said).encode()

    @contextmanager
    def _files(self, days: "Sequence[str]") -> Iterator[list[Path]]:
        if self._folder is not None:
            yield [
                one for day in days for one in sorted((self._folder / PARQUET_PREFIX / f"dt={day}").glob("*"))
            ]
            return
        with TemporaryDirectory(prefix="records-") as name:
            files: list[Path] = []
            pages = self._s3.get_paginator("list_objects_v2")
            for day in days:
                folder = Path(name) / f"dt={day}"
                folder.mkdir()
                for page in pages.paginate(Bucket=self._bucket, Prefix=f"{PARQUET_PREFIX}/dt={day}/"):
                    for entry in page.get("Contents", ()):
                        files.append(folder / f"{len(files)}.parquet")
                        self._s3.download_file(self._bucket, entry["Key"], str(files[-1]))
            yield files


class WithParquet:
    """A source of JSON lines followed by the rows delivered as Parquet."""

    def __init__(self, copies: Source, parquet: ParquetRows) -> None:
        self._copies, self._parquet = copies, parquet
        self._queried = parquet.days()

    def days(self) -> list[str]:
        """Return every day that has rows of either kind."""
        return sorted({*self._copies.days(), *self._queried})

    def lines(self, day: str) -> Iterator[bytes]:
        """Yield the rows of a day."""
        yield from self._copies.lines(day)
        if day in self._queried:
            yield from self._parquet.lines(day)

    def aggregate(self, day: str) -> bytes | None:
        """Return the aggregate of a day as JSON, if the hourly function has written one."""
        return self._copies.aggregate(day)


def answers(query: str, files: "Sequence[Path]", memory: str = _MEMORY) -> Iterator[dict[str, Any]]:
    """Yield the rows of a query over a table `records` partitioned into `dt=…` folders, by column name.

    `memory` is DuckDB's limit, such as 256MB; beyond it DuckDB spills to a temporary file.
    """
    if not files:
        return
    import duckdb

    with TemporaryDirectory(prefix="query-") as spill, duckdb.connect(":memory:") as database:
        database.execute(f"SET memory_limit = '{memory}'")
        database.execute(f"SET temp_directory = '{spill}'")
        names = ", ".join("'" + str(one).replace("'", "''") + "'" for one in files)
        read = (
            f"SELECT * FROM read_parquet([{names}], union_by_name = true, "  # noqa: S608
            "hive_partitioning = true, hive_types = {'dt': VARCHAR})"
        )
        present = {name for name, *_ in database.execute(f"DESCRIBE {read}").fetchall()}
        # As Athena reads them: a column that is younger than all of the files is null in every row.
        absent = "".join(
            f', NULL::{_TYPES[kind]} AS "{name}"' for name, kind in COLUMNS.items() if name not in present
        )
        database.execute(f"CREATE VIEW records AS SELECT *{absent} FROM ({read})")  # noqa: S608
        found = database.execute(query)
        columns = [one[0] for one in found.description or ()]
        while rows := found.fetchmany(10_000):
            for row in rows:
                yield dict(zip(columns, row, strict=True))

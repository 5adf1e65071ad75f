"""Runs a query in Athena and reads its rows."""

import time
from collections.abc import Callable, Iterator
from typing import Any

_PATIENCE_S = 600.0
_PAUSES_S = (0.2, 0.5, 1.0, 2.0, 5.0)  # between looks at a query; the last one again and again


class QueryFailed(Exception):
    """Athena did not answer a query; the message is Athena's."""


class Athena:
    """Queries of one database in one workgroup. `client` is a botocore Athena client."""

    def __init__(
        self, client: Any, workgroup: str, database: str, *, sleep: Callable[[float], Any] = time.sleep
    ) -> None:
        self._client, self._workgroup, self._database, self._sleep = client, workgroup, database, sleep

    def rows(self, query: str) -> Iterator[dict[str, str | None]]:
        """Yield rows by column name; every value is text. Raises QueryFailed, and what the client raises."""
        execution = self._client.start_query_execution(
            QueryString=query,
            WorkGroup=self._workgroup,
            QueryExecutionContext={"Database": self._database},
        )["QueryExecutionId"]
        self._wait(execution)
        names: list[str] = []
        for page in self._client.get_paginator("get_query_results").paginate(QueryExecutionId=execution):
            rows = page["ResultSet"]["Rows"]
            if not names:  # the first row of the first page is the header
                names = [one["Name"] for one in page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]]
                rows = rows[1:]
            for row in rows:
                yield dict(zip(names, (cell.get("VarCharValue") for cell in row["Data"]), strict=True))

    def _wait(self, execution: str) -> None:
        waited, number = 0.0, 0
        while True:
            found = self._client.get_query_execution(QueryExecutionId=execution)["QueryExecution"]["Status"]
            if found["State"] == "SUCCEEDED":
                return
            if found["State"] in ("FAILED", "CANCELLED"):
                raise QueryFailed(found.get("StateChangeReason", found["State"]))
            if waited >= _PATIENCE_S:
                self._client.stop_query_execution(QueryExecutionId=execution)
                raise QueryFailed(f"no answer within {_PATIENCE_S:.0f} s")
            pause = _PAUSES_S[min(number, len(_PAUSES_S) - 1)]
            self._sleep(pause)
            waited, number = waited + pause, number + 1

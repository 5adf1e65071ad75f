"""Figures by query over Parquet: what the function counts, in SQL that Trino reads (L1.4, L5.1, G.3)."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.api.analytics import COLUMNS, QUERIES
from kit.measurement.parquet import answers
from lambdas.common.audit.metadata import row_of
from lambdas.measurement.aggregates import Aggregate, Aggregator
from lambdas.measurement.events import read_event
from lambdas.measurement.queries import aggregate_by_query, calls_query, last_days, once, statements_query
from lambdas.measurement.seen import Seen

from .trino import objections

_DUCKDB = {"string": "VARCHAR", "int": "INTEGER", "bigint": "BIGINT", "boolean": "BOOLEAN"}
_DAY, _NEXT = "2026-10-31", "2026-11-01"  # over the end of a month, where calls are booked on the first
_TEXTS = st.sampled_from(["", "a", "b", None])
_RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(
                ["outcome", "outcome", "refusal", "feedback", "review", "batch_results", "training",
                 "use", "intent"]
            ),
            "day": st.sampled_from([_DAY, _DAY, _NEXT]),
            "late": st.booleans(),
            "request": st.integers(0, 12),
            "department": st.sampled_from(["marketing", "legal", "", None]),
            "principal": st.sampled_from([f"p{number}" for number in range(5)]),
            "principal_kind": st.sampled_from(["person", "application", None]),
            "use_case": _TEXTS,
            "prompt": _TEXTS,
            "model": _TEXTS,
            "reason": _TEXTS,
            "trainer": _TEXTS,
            "result": st.sampled_from(
                ["completed", "failed", "expired", "upstream_error", "interrupted", "client_gone", None]
            ),
            "status": st.sampled_from([0, 200, 400, 429, 499, 500, 529, None]),
            "decision": st.sampled_from(["approve", "edited", "reject", "later", None]),
            "call": st.sampled_from(["messages", "embeddings", None]),
            "booked_month": st.sampled_from(["2026-10", "2026-11", None, None]),
            "after_line": st.sampled_from([0, 1, None]),
            "cost_microusd": st.one_of(st.none(), st.integers(-5, 10**15)),
            "input_tokens": st.one_of(st.none(), st.integers(0, 10**9)),
            "minutes_saved": st.one_of(st.none(), st.integers(-1, 480), st.just("many"), st.just(1.5)),
            **{
                name: st.one_of(st.none(), st.booleans(), st.just("true"))
                for name in ("useful", "edited", "rejected", "requires_review", "material_decision",
                             "synthetic")
            },
        }
    ),
    max_size=120,
)  # fmt: skip


def _rows(drawn: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Rows with the day of their delivery. One true end a call, as the gateway makes; some come twice."""
    ended: set[str] = set()
    rows = []
    for number, one in enumerate(drawn):
        request = f"req_{one['request']}" if one["request"] else None
        if one["kind"] == "outcome" and one["result"] != "expired" and request:
            if request in ended:
                continue
            ended.add(request)
        record = {name: value for name, value in one.items() if name not in ("day", "late", "request")}
        record |= {
            "record_id": f"rec_{number:04d}",
            "at": f"{one['day']}T09:00:00.000+00:00",
            "request_id": request,
        }
        filed = _NEXT if one["late"] or one["day"] == _NEXT else _DAY
        rows += [(filed, row_of(record))] * (1 + number % 3 % 2)
    return rows


def _parquet(folder: Path, rows: list[tuple[str, dict[str, Any]]]) -> list[Path]:
    """Files as Firehose converts rows: every column of the table, NULL where a row does not say."""
    files = []
    columns = ", ".join(f"\"{name}\": '{_DUCKDB[kind]}'" for name, kind in COLUMNS)
    for day in (_DAY, _NEXT):
        source = folder / f"{day}.json"
        source.write_text("".join(json.dumps(row) + "\n" for filed, row in rows if filed == day))
        target = folder / f"dt={day}" / "part.parquet"
        target.parent.mkdir(exist_ok=True)
        duckdb.sql(
            f"COPY (SELECT * FROM read_json('{source}', columns = {{{columns}}}, "
            f"format = 'newline_delimited')) TO '{target}' (FORMAT parquet)"
        )
        files.append(target)
    return files


def test_files_that_are_older_than_a_column_are_read_with_nothing_in_it(tmp_path: Path) -> None:
    file = tmp_path / f"dt={_DAY}" / "part.parquet"
    file.parent.mkdir()
    duckdb.sql(
        "COPY (SELECT 'rec_1' AS record_id, 'outcome' AS kind, 'req_1' AS request_id, "
        f"'messages' AS \"call\", '{_DAY}T09:00:00.000+00:00' AS \"at\", 'completed' AS result, "
        "7::BIGINT AS cost_microusd) "
        f"TO '{file}' (FORMAT parquet)"
    )
    aggregate, counted = aggregate_by_query(lambda query: answers(query, [file]), _DAY, "test")
    assert (counted, aggregate.total().counts["calls"]) == (1, 1)
    assert next(iter(answers("SELECT status, synthetic FROM records", [file]))) == {
        "status": None, "synthetic": None,
    }  # fmt: skip


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=_RECORDS)
def test_the_query_gives_the_numbers_that_the_function_counts(
    tmp_path: Path, drawn: list[dict[str, Any]]
) -> None:
    rows = _rows(drawn)
    files = _parquet(tmp_path, rows)
    for day in (_DAY, _NEXT, "2026-11-02"):
        with Seen() as seen:
            counting = Aggregator("acme-test", seen)
            events = (read_event(row) for _, row in rows)
            counted = counting.count(one for one in events if one is not None and one.day == day)
            expected = counting.finish().get(day, Aggregate())
        del counted
        asked, _ = aggregate_by_query(lambda query: answers(query, files), day, "acme-test")
        assert asked.to_json() == expected.to_json()


def _every_query() -> dict[str, str]:
    named = {name: query for name, (_, query) in QUERIES.items()}
    return named | {"calls": calls_query(_DAY), "statements": statements_query(_DAY)}


@pytest.mark.parametrize("name", list(_every_query()))
def test_trino_reads_every_query_as_duckdb_does_and_only_the_partitions_it_needs(name: str) -> None:
    assert objections(_every_query()[name], dict(COLUMNS)) == []


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("SELECT department FROM records", "without a filter on dt"),
        ("SELECT department FROM records WHERE substr(dt, 1, 4) = '2026'", "without a filter on dt"),
        (f"SELECT dt FROM {once('kind IS NOT NULL')} WHERE dt >= '2026-11-01'", "without a filter on dt"),
        ("SELECT sum(cost_microusd) / 1000000 AS usd FROM records WHERE dt = '2026-1-1'", "divides"),
        (
            "SELECT CAST(cost_microusd AS decimal(38, 2)) / 100 AS usd FROM records WHERE dt = '2026-1-1'",
            "divides",
        ),
        ("SELECT dt FROM records WHERE dt >= current_date - INTERVAL '7' DAY", "compares text with time"),
        ("SELECT dt FROM records WHERE dt = '2026-1-1' AND at > TIMESTAMP '2026-11-01 00:00:00'", "compares"),
        ("SELECT dt FROM records WHERE dt = '2026-1-1' AND status = '529'", "compares number with text"),
        ("SELECT json_extract_string(details, '$.a') FROM records WHERE dt = '2026-1-1'", "unknown function"),
        ("SELECT nobody FROM records WHERE dt = '2026-1-1'", "not there"),
        ("SELECT dt FROM records WHERE dt = '2026-1-1' QUALIFY row_number() OVER () = 1 ORDER", "grammar"),
    ],
)  # fmt: skip
def test_what_trino_answers_otherwise_is_objected_to(query: str, why: str) -> None:
    assert any(why in one for one in objections(query, dict(COLUMNS))), objections(query, dict(COLUMNS))


def test_duckdb_orders_null_as_trino_does() -> None:
    """Trino's documentation: last, whichever the direction."""
    for direction in ("ASC", "DESC"):
        rows = duckdb.execute(f"SELECT x FROM (VALUES (1), (NULL)) AS t(x) ORDER BY x {direction}").fetchall()
        assert rows == [(1,), (None,)]


def test_a_period_of_days_is_compared_as_text_that_names_a_day() -> None:
    ((found,),) = duckdb.execute(f"SELECT {last_days(7).removeprefix('dt >= ')}").fetchall()
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", found)
    assert (date.today() - date.fromisoformat(found)).days in (6, 7, 8)

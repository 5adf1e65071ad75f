"""SQL over the table `records`, in what Trino (Athena) and DuckDB both read and answer alike (L1.4, L5.1).

Rules, held by tests with Trino's grammar: every read of `records` has a filter on the partition `dt`; a date
is compared with `dt` as text; money is divided as a double, never integer by integer; order says where NULL
goes; no timestamp is parsed from `at`, whose first ten characters are the UTC day.

Rows are filed by the day of their delivery, which is the day they happened or the next.
"""

from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from lambdas.measurement.aggregates import OTHER, Aggregate, Aggregator
from lambdas.measurement.events import ANSWERS, KINDS, read_event
from lambdas.measurement.seen import Seen

PARQUET_PREFIX = "records-parquet"
# Runs one query: rows by column name, values as text or as the engine's own; NULL is None.
Ask = Callable[[str], Iterable[Mapping[str, Any]]]


def last_days(days: int) -> str:
    """Return the partitions of the last days: a constant at planning time, so that others are not read."""
    return f"dt >= CAST(CAST(current_date - INTERVAL '{days}' DAY AS date) AS varchar)"


def once(partitions: str) -> str:
    """Rows of `partitions`, each event once where `copy = 1`.

    Firehose delivers at least once. A call has one outcome: the sweeper may have said `expired` of one that
    ended after all, or said it twice; what truly came of it counts.
    """
    return (
        "(SELECT *, row_number() OVER (\n"
        "  PARTITION BY kind, CASE WHEN kind = 'outcome' THEN request_id ELSE record_id END\n"
        "  ORDER BY CASE WHEN result = 'expired' THEN 1 ELSE 0 END, record_id) AS copy\n"
        f"FROM records WHERE {partitions})"
    )


def calls_query(day: str) -> str:
    """Calls, batches, refusals and uses booked on one UTC day, summed by all that they are counted by."""
    sums = ",\n       ".join(f"sum({counted}) AS {name}" for name, counted in _COUNTED.items())
    return _events(day) + (
        "SELECT department, use_case, model, person,\n"
        "       CASE WHEN person THEN principal ELSE '' END AS principal,\n"
        f"       CASE WHEN kind = 'refusal' THEN reason ELSE '' END AS reason, count(*) AS events,\n"
        f"       {sums}\n"
        "FROM events WHERE kind NOT IN ('feedback', 'review', 'training')\n"
        "GROUP BY department, use_case, model, person, CASE WHEN person THEN principal ELSE '' END,\n"
        "         CASE WHEN kind = 'refusal' THEN reason ELSE '' END"
    )


def statements_query(day: str) -> str:
    """Feedback, reviews and trainings of one UTC day as they are, and the outcomes of the calls that the
    first two are about: few beside the calls, and what one counts follows from the others.
    """
    columns = ", ".join(f'"{name}"' for name in _STATED)
    return _events(day) + (  # noqa: S608 - names of our own
        f"SELECT {columns} FROM events\n"  # noqa: S608 - names of our own
        "WHERE kind IN ('feedback', 'review', 'training')\n"
        "   OR (kind = 'outcome' AND request_id IN (\n"
        "     SELECT request_id FROM events WHERE kind IN ('feedback', 'review') AND request_id <> ''))"
    )


def aggregate_by_query(ask: Ask, day: str, deployment: str) -> tuple[Aggregate, int]:
    """The aggregate of one UTC day, and how many events it holds: what `Aggregator` counts of the same rows.

    Raises what `ask` raises.
    """
    with Seen() as seen:
        aggregator, events = Aggregator(deployment, seen), 0
        for row in sorted(ask(calls_query(day)), key=_biggest_first):
            events += int(row["events"])
            aggregator.count_group(
                day,
                row["department"],
                use_case=row["use_case"] or OTHER,
                model=row["model"],
                reason=row["reason"],
                principal=row["principal"] if _said(row["person"]) else None,
                active=int(row["active"]),
                counts={name: int(row[name]) for name in _COUNTED if name != "active"},
            )
        for row in ask(statements_query(day)):
            event = read_event({name: _value(name, row[name]) for name in _STATED})
            if event is None:
                continue
            if event.kind == "outcome":
                aggregator.know(event)
            else:
                events += aggregator.count((event,))
        return aggregator.finish().get(day, Aggregate()), events


def _biggest_first(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return -int(row["events"]), row["use_case"], row["model"], row["reason"]


def _said(value: Any) -> bool:
    return value is True or value == "true"


def _value(name: str, value: Any) -> Any:
    """Return a value as a row has it: Athena answers in text."""
    if name in _FLAGS:
        return _said(value)
    return int(value) if name in _AMOUNTS and value is not None else value


def _when(condition: str, counted: str = "1") -> str:
    return f"CASE WHEN {condition} THEN {counted} ELSE 0 END"


_FLAGS = ("requires_review", "material_decision", "useful", "edited", "rejected", "synthetic")
_AMOUNTS = ("input_tokens", "output_tokens", "cost_microusd", "minutes_saved")
_STATED = (
    "record_id", "kind", "at", "department", "principal", "principal_kind", "request_id", "use_case",
    "result", "call", "requires_review", "useful", "minutes_saved", "edited", "rejected", "decision",
    "trainer", "booked_month", "synthetic",
)  # fmt: skip
_OUTCOME, _COMPLETED = "kind = 'outcome'", "kind = 'outcome' AND result = 'completed'"
_PAID = "kind IN ('outcome', 'batch_results')"
_ANSWER = f"{_COMPLETED} AND person AND call IN ({', '.join(repr(one) for one in sorted(ANSWERS))})"
_COUNTED: Mapping[str, str] = {
    "active": _when(f"kind = 'batch_results' OR ({_COMPLETED})"),
    "calls": _when(_OUTCOME),
    "application_calls": _when(f"{_OUTCOME} AND NOT person"),
    "completed": _when(_COMPLETED),
    "failed": _when(f"{_OUTCOME} AND result IN ('failed', 'expired')"),
    "provider_failed": _when(
        f"{_OUTCOME} AND (result = 'interrupted'"
        " OR (result = 'upstream_error' AND (status >= 500 OR status = 429)))"
    ),
    "answers": _when(f"{_ANSWER} AND NOT requires_review"),
    "registered": _when(f"{_COMPLETED} AND prompt <> ''"),
    "refused": _when("kind = 'refusal'"),
    "input_tokens": _when(_PAID, "input_tokens"),
    "output_tokens": _when(_PAID, "output_tokens"),
    "cost_microusd": _when(_PAID, "cost_microusd"),
    "application_cost_microusd": _when(f"{_PAID} AND NOT person", "cost_microusd"),
    "review_needed": _when(f"{_COMPLETED} AND requires_review"),
    "material": _when("kind = 'use' AND material_decision"),
    "synthetic": _when("synthetic"),
}


def _booked_on(day: str) -> str:
    """Whether a row is booked on a day: the one in its time, or, of a call that began in the month before,
    the last of that month.
    """
    year, month, number = (int(part) for part in day.split("-"))
    late = "coalesce(booked_month, '') <> '' AND booked_month < substr(\"at\", 1, 7)"
    last = number == monthrange(year, month)[1]
    carried = f" OR ({late} AND booked_month = '{day[:7]}')" if last else ""
    return f"((substr(\"at\", 1, 10) = '{day}' AND NOT ({late})){carried})"


def _events(day: str) -> str:
    """Return SQL for each event of a day once, without NULL."""
    following = date.fromisoformat(day) + timedelta(days=1)
    texts = ("request_id", "principal", "principal_kind", "prompt", "model", "result", "call", "trainer",
             "decision", "booked_month")  # fmt: skip
    columns = ",\n    ".join(
        [
            'record_id, kind, "at", coalesce(after_line, -1) AS after_line',
            "coalesce(principal_kind = 'person', false) AS person",
            *(f"coalesce({name}, '') AS {name}" for name in texts),
            "coalesce(nullif(department, ''), 'none') AS department",
            "coalesce(nullif(use_case, ''), prompt, '') AS use_case",
            f"coalesce(nullif(reason, ''), '{OTHER}') AS reason",
            *(f"coalesce({name}, false) AS {name}" for name in _FLAGS),
            *(f"greatest(coalesce({name}, 0), 0) AS {name}" for name in (*_AMOUNTS, "status")),
        ]
    )
    kinds = ", ".join(f"'{kind}'" for kind in sorted(KINDS))
    return (
        f"WITH filed AS (\n  SELECT {columns}\n"  # noqa: S608 a day and names of our own
        f"  FROM records WHERE dt BETWEEN '{day}' AND '{following}'\n"
        f"    AND {_booked_on(day)} AND record_id IS NOT NULL AND kind IN ({kinds})\n"
        "), copies AS (\n  SELECT *, row_number() OVER (\n"
        "    PARTITION BY CASE\n"
        "      WHEN kind = 'outcome' AND request_id <> '' THEN concat('ended ', request_id)\n"
        "      WHEN kind = 'batch_results' AND request_id <> '' AND after_line >= 0\n"
        "        THEN concat('results ', request_id, ' ', CAST(after_line AS varchar))\n"
        "      ELSE record_id END\n"
        "    ORDER BY CASE WHEN kind = 'outcome' AND result = 'expired' THEN 1 ELSE 0 END, record_id, kind\n"
        "  ) AS copy FROM filed\n"
        "), events AS (\n  SELECT * FROM copies WHERE copy = 1\n"
        ")\n"
    )

"""Daily aggregates against an independent recomputation: sums, sets, duplicates, merging (L5.1-L5.4)."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.measurement.aggregates import Aggregate, Aggregator, merged
from lambdas.measurement.events import read_event
from lambdas.measurement.handler import aggregate_day
from lambdas.measurement.seen import Seen
from lambdas.measurement.source import FolderSource

from .rows import row, write_rows

_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "number": st.integers(0, 60),
            "kind": st.sampled_from(["outcome", "refusal", "feedback", "review", "batch_results", "intent"]),
            "department": st.sampled_from(["marketing", "finance", "legal"]),
            "principal": st.sampled_from([f"p{number}" for number in range(8)]),
            "principal_kind": st.sampled_from(["person", "application"]),
            "use_case": st.sampled_from(["copy", "brief", None]),
            "result": st.sampled_from(["completed", "failed"]),
            "cost_microusd": st.integers(0, 10**9),
            "minutes": st.integers(0, 480),
            "useful": st.booleans(),
            "decision": st.sampled_from(["approve", "edit", "reject"]),
            "day": st.sampled_from(["2026-11-10", "2026-11-11"]),
        }
    ),
    max_size=80,
)


def _rows(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per drawn number: what comes twice comes with the same content, as a duplicate does."""
    rows = {}
    for one in drawn:
        details = {"minutes_saved": one["minutes"], "useful": one["useful"], "decision": one["decision"]}
        rows.setdefault(
            one["number"],
            row(
                one["number"],
                one["kind"],
                at=f"{one['day']}T10:00:00.000+00:00",
                details=details,
                **{
                    name: one[name]
                    for name in (
                        "department", "principal", "principal_kind", "use_case", "result", "cost_microusd",
                    )
                },
            ),
        )  # fmt: skip
    return [rows[one["number"]] for one in drawn]


def _aggregate(rows: list[dict[str, Any]], limit: int = 200_000) -> dict[str, Aggregate]:
    with Seen(limit) as seen:
        aggregator = Aggregator("acme-test", seen)
        aggregator.count(event for one in rows if (event := read_event(one)) is not None)
        return aggregator.finish()


@settings(max_examples=60, deadline=None)
@given(_ROWS)
def test_every_figure_equals_a_plain_recomputation_over_distinct_records(drawn: list[dict[str, Any]]) -> None:
    rows = _rows(drawn)
    distinct = list({one["record_id"]: one for one in rows}.values())
    days = _aggregate(rows)
    for day in ("2026-11-10", "2026-11-11"):
        for department in ("marketing", "finance", "legal"):
            mine = [one for one in distinct if one["at"][:10] == day and one["department"] == department]
            paid = [one for one in mine if one["kind"] in {"outcome", "batch_results"}]
            outcomes = [one for one in mine if one["kind"] == "outcome"]
            feedback = [json.loads(one["details"]) for one in mine if one["kind"] == "feedback"]
            people: dict[str, int] = defaultdict(int)
            for one in outcomes:
                if one["principal_kind"] == "person":
                    people[one["principal"]] += 1
            aggregate = days.get(day, Aggregate()).departments.get(department)
            if aggregate is None:
                assert not [one for one in mine if one["kind"] != "intent"]
                continue
            counts = aggregate.total.counts
            assert counts["calls"] == len(outcomes)
            assert counts["completed"] == sum(one["result"] == "completed" for one in outcomes)
            assert counts["cost_microusd"] == sum(one["cost_microusd"] for one in paid)
            assert counts["refused"] == sum(one["kind"] == "refusal" for one in mine)
            assert counts["rated"] == len(feedback)
            assert counts["minutes"] == sum(one["minutes_saved"] for one in feedback)
            assert counts["reviewed"] == sum(one["kind"] == "review" for one in mine)
            assert sorted(aggregate.total.people.values()) == sorted(people.values())
            for name in ("calls", "cost_microusd", "minutes", "refused", "reviewed"):
                assert sum(cell.counts[name] for cell in aggregate.use_cases.values()) == counts[name]


_OUTCOMES = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["expired", "completed"]), st.integers(1, 10**6)),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(_OUTCOMES)
def test_a_call_that_the_sweeper_gave_up_counts_once_by_what_truly_came_of_it(
    drawn: list[tuple[int, str, int]],
) -> None:
    """In whatever order its outcomes came; one true end and any number of the sweeper's."""
    rows, kept, true_ends = [], {}, set()
    for number, (call, result, cost) in enumerate(drawn):
        if result == "completed":
            if call in true_ends:
                continue
            true_ends.add(call)
        made = row(number, "outcome", request_id=f"req_{call}", result=result, cost_microusd=cost)
        rows.append(made)
        if result == "completed" or call not in kept:
            kept[call] = made
    (aggregate,) = _aggregate(rows).values() or (Aggregate(),)
    counts = aggregate.total().counts
    assert counts["calls"] == len(kept)
    assert counts["completed"] == len(true_ends)
    assert counts["cost_microusd"] == sum(one["cost_microusd"] for one in kept.values())
    assert sum(aggregate.total().people.values()) == len(kept)


@settings(max_examples=40, deadline=None)
@given(_ROWS, st.randoms(use_true_random=False))
def test_order_and_duplicates_change_nothing(drawn: list[dict[str, Any]], random: Any) -> None:
    rows = _rows(drawn)
    shuffled = rows + rows[: len(rows) // 2]
    random.shuffle(shuffled)
    before, after = _aggregate(rows), _aggregate(shuffled, limit=5)
    assert {day: one.to_json() for day, one in before.items()} == {
        day: one.to_json() for day, one in after.items()
    }


@settings(max_examples=40, deadline=None)
@given(_ROWS)
def test_the_merged_aggregate_of_days_is_that_of_all_their_events(drawn: list[dict[str, Any]]) -> None:
    distinct = list({one["record_id"]: one for one in _rows(drawn)}.values())
    days = _aggregate(distinct)
    moved = [one | {"at": "2026-11-10T10:00:00.000+00:00"} for one in distinct]
    together = _aggregate(moved).get("2026-11-10", Aggregate())
    restored = [Aggregate.from_json(one.to_json()) for one in days.values()]
    assert merged(restored).to_json() == together.to_json()


def test_seen_keeps_its_word_when_it_moves_to_a_file() -> None:
    with Seen(limit=100) as seen:
        assert all(seen.first_time(str(number)) for number in range(1_000))
        assert not any(seen.first_time(str(number)) for number in range(1_000))


def test_a_second_feedback_on_an_answer_counts_nothing() -> None:
    details = {"useful": True, "minutes_saved": 30}
    rows = [
        row(1, "feedback", request_id="req_A", details=details),
        row(2, "feedback", request_id="req_A", details=details),
    ]
    counts = _aggregate(rows)["2026-11-10"].departments["marketing"].total.counts
    assert (counts["rated"], counts["minutes"], counts["validated"]) == (1, 30, 1)


def test_an_aggregate_holds_neither_a_persons_id_nor_free_text() -> None:
    rows = [row(1, principal="ada@example.com", use_case="copy", reason="x", upstream_request_id="u")]
    text = _aggregate(rows)["2026-11-10"].to_json()
    assert "ada" not in text
    assert "example.com" not in text


def test_rows_that_were_delivered_a_day_late_belong_to_the_day_they_happened(tmp_path: Path) -> None:
    write_rows(tmp_path, "2026-11-10", [row(1), row(2)])
    write_rows(tmp_path, "2026-11-11", [row(2), row(3), row(4, at="2026-11-11T01:00:00.000+00:00")], "b.json")
    aggregate, count = aggregate_day(FolderSource(tmp_path), "2026-11-10", "acme-test")
    assert count == 3
    assert aggregate.total().counts["calls"] == 3


def test_callers_cannot_blow_up_an_aggregate_with_made_up_use_cases() -> None:
    rows = [row(number, use_case=f"case-{number}", principal="p") for number in range(1_000)]
    department = _aggregate(rows)["2026-11-10"].departments["marketing"]
    assert len(department.use_cases) <= 201
    assert sum(cell.counts["calls"] for cell in department.use_cases.values()) == 1_000

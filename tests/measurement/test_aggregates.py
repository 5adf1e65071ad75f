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
from lambdas.measurement.source import FolderSource, events_of

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
            said = [one for one in mine if one["kind"] == "feedback" and one["principal_kind"] == "person"]
            feedback = [json.loads(one["details"]) for one in said]
            people: dict[str, int] = defaultdict(int)
            for one in paid:
                ended = one["kind"] == "batch_results" or one["result"] == "completed"
                if one["principal_kind"] == "person" and ended:
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
            assert counts["minutes"] == sum(one["minutes_saved"] for one in feedback if one["useful"])
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
    assert sum(aggregate.total().people.values()) == len(true_ends)


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


def test_a_row_that_is_none_keeps_no_other_from_being_counted() -> None:
    at = "2026-11-10T09:00:00.000+00:00"
    good = {"record_id": "rec_1", "kind": "outcome", "at": at, "request_id": "req_1", "call": "messages",
            "result": "completed"}  # fmt: skip
    odd: list[Any] = [
        {**good, "record_id": 1},
        {**good, "kind": ["outcome"]},
        {**good, "at": None},
        {**good, "kind": "unheard of"},
        [good],
        7,
    ]
    lines = [b"[" * 100_000, b'{"a":' * 100_000, b"\xff", b"", *(json.dumps(one).encode() for one in odd)]
    aside = {**good, "record_id": "\ud800", "request_id": "\ud800", "details": "[" * 100_000}
    lines += [json.dumps(one).encode() for one in (good, aside)]
    with Seen() as seen:
        aggregator = Aggregator("test", seen)
        assert aggregator.count(events_of(lines)) == 2
        (aggregate,) = aggregator.finish().values()
    assert aggregate.total().counts["calls"] == 2


def test_callers_cannot_blow_up_an_aggregate_with_made_up_use_cases() -> None:
    rows = [row(number, use_case=f"case-{number}", principal="p") for number in range(1_000)]
    department = _aggregate(rows)["2026-11-10"].departments["marketing"]
    assert len(department.use_cases) <= 201
    assert sum(cell.counts["calls"] for cell in department.use_cases.values()) == 1_000


# -- feedback and reviews joined to their answers ------------------------------------------------------------

_ANSWERS = st.lists(
    st.fixed_dictionaries(
        {
            "day": st.integers(0, 3),  # 30 October to 2 November
            "call": st.sampled_from(["messages", "messages", "embeddings"]),
            "principal": st.sampled_from(["p1", "p2", "p3"]),
            "person": st.booleans(),
            "use_case": st.sampled_from(["copy", "brief"]),
            "completed": st.booleans(),
            "needs_review": st.booleans(),
            "decision": st.sampled_from([None, "approve", "edit", "reject"]),
            "feedback": st.sampled_from([None, (True, 30, False), (True, 0, False), (False, 0, True)]),
            "later": st.integers(0, 2),  # days until feedback and review
        }
    ),
    max_size=25,
)


def _day(number: int) -> str:
    return ("2026-10-30", "2026-10-31", "2026-11-01", "2026-11-02", "2026-11-03", "2026-11-04")[number]


def _told_of(drawn: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of calls, and of what was said of them without naming the use case, as the gateway writes it."""
    rows: list[dict[str, Any]] = []
    for number, one in enumerate(drawn):
        kind = "person" if one["person"] else "application"
        request = f"req_{number}"
        rows.append(
            row(
                10 * number, at=f"{_day(one['day'])}T10:00:00+00:00", request_id=request, call=one["call"],
                principal=one["principal"], principal_kind=kind, use_case=one["use_case"],
                result="completed" if one["completed"] else "failed", requires_review=one["needs_review"],
            )
        )  # fmt: skip
        at = f"{_day(one['day'] + one['later'])}T11:00:00+00:00"
        if one["feedback"]:
            useful, minutes, rejected = one["feedback"]
            details = {"useful": useful, "minutes_saved": minutes, "rejected": rejected}
            rows.append(
                row(
                    10 * number + 1, "feedback", at=at, request_id=request, principal=one["principal"],
                    principal_kind=kind, details=details,
                )
            )  # fmt: skip
        if one["decision"]:
            details = {"decision": one["decision"]}
            rows.append(
                row(10 * number + 2, "review", at=at, request_id=request, principal="r", details=details)
            )
    return rows


@settings(max_examples=120, deadline=None)
@given(_ANSWERS, st.randoms(use_true_random=False))
def test_value_rests_on_peoples_usable_answers_and_on_what_was_said_of_them_whenever_that_was(
    drawn: list[dict[str, Any]], random: Any
) -> None:
    """Recomputed plainly: embeddings, applications, failures, unreleased and rejected drafts are no answers;
    feedback counts on the day and under the use case of its answer.
    """
    rows = _told_of(drawn)
    random.shuffle(rows)
    with Seen(5) as seen:
        aggregator = Aggregator("acme-test", seen, whole=True)
        aggregator.count(event for one in rows if (event := read_event(one)) is not None)
        days = aggregator.finish()
    for number in range(4):
        for case in ("copy", "brief"):
            calls = [one for one in drawn if one["day"] == number and one["use_case"] == case]
            released = {True: ("approve", "edit"), False: (None, "approve", "edit")}
            usable = [
                one
                for one in calls
                if one["person"] and one["completed"] and one["call"] == "messages"
                and one["decision"] in released[one["needs_review"]]
            ]  # fmt: skip
            rated = [one for one in usable if one["feedback"]]
            department = days.get(_day(number), Aggregate()).departments.get("marketing")
            cell = department.use_cases.get(case) if department else None
            if cell is None:
                assert not calls
                continue
            assert cell.counts["answers"] == len(usable)
            assert sum(cell.ratings.values()) == len(rated)
            assert sum(cell.minutes_of.values()) == sum(one["feedback"][1] for one in rated)
            assert cell.counts["validated"] <= cell.counts["calls"]
            reviewed = [one for one in calls if one["decision"] and one["needs_review"] and one["completed"]]
            assert cell.counts["reviewed"] == len(reviewed)


def test_feedback_on_an_answer_of_another_period_is_said_and_not_counted() -> None:
    with Seen() as seen:
        aggregator = Aggregator("acme-test", seen, whole=True)
        details = {"useful": True, "minutes_saved": 60}
        aggregator.count(one for one in [read_event(row(1, "feedback", details=details))] if one)
        counts = aggregator.finish()["2026-11-10"].total().counts
    assert (counts["unmatched"], counts["rated"], counts["minutes"]) == (1, 0, 0)


def test_a_call_over_midnight_at_months_end_is_booked_in_the_month_of_its_reservation() -> None:
    booked = {"booked_month": "2026-10"}
    call = row(1, at="2026-11-01T00:00:20+00:00", cost_microusd=1_200, details=booked)
    batch = row(2, "batch_results", at="2026-11-14T08:00:00+00:00", cost_microusd=800, details=booked)
    days = _aggregate([call, batch])
    assert {day: one.total().counts["cost_microusd"] for day, one in days.items()} == {"2026-10-31": 2_000}


def test_a_part_of_a_batch_that_was_recorded_twice_counts_once() -> None:
    part = {"after_line": 0}
    rows = [row(n, "batch_results", request_id="req_b", cost_microusd=70, details=part) for n in (1, 2)]
    rows.append(row(3, "batch_results", request_id="req_b", cost_microusd=5, details={"after_line": 90}))
    assert _aggregate(rows)["2026-11-10"].total().counts["cost_microusd"] == 75


def test_what_somebody_else_thinks_of_an_answer_saved_nobody_time_and_keeps_no_word_from_who_asked() -> None:
    details = {"useful": True, "minutes_saved": 60}
    rows = [
        row(1, request_id="req_a", principal="ada"),
        row(2, "feedback", request_id="req_a", principal="boss", details=details),
        row(3, "feedback", request_id="req_a", principal="ada", details=details | {"minutes_saved": 10}),
    ]
    counts = _aggregate(rows)["2026-11-10"].total().counts
    assert (counts["rated"], counts["minutes"]) == (1, 10)

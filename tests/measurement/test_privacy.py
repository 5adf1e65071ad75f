"""No small group can be read off a table, nor computed from what the table shows (L5.1)."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kit.measurement import period
from kit.measurement.charging import statements
from kit.measurement.use import Use
from lambdas.measurement.aggregates import Aggregate, Aggregator
from lambdas.measurement.events import read_event
from lambdas.measurement.handler import metric_lines
from lambdas.measurement.privacy import SMALLEST_GROUP, coarse, hidden, released, shown_by_day, total_shown
from lambdas.measurement.seen import Seen

from .rows import row

_TABLE = st.dictionaries(
    st.sampled_from("abcdefgh"), st.frozensets(st.sampled_from("0123456789xyz"), max_size=9), max_size=8
)


@given(_TABLE)
def test_what_is_shown_never_gives_a_small_group_away(cells: dict[str, frozenset[str]]) -> None:
    names = hidden(cells)
    for name, people in cells.items():
        assert name in names or not people or len(people) >= SMALLEST_GROUP
    if total_shown(cells) and names:
        behind = frozenset().union(*(cells[name] for name in names))
        # total minus shown cells is the sum of the hidden ones: of several, and of enough people
        assert len(names) >= 2
        assert len(behind) >= SMALLEST_GROUP


@given(_TABLE)
def test_big_groups_are_shown_where_no_small_one_hides_behind_them(cells: dict[str, frozenset[str]]) -> None:
    if all(not people or len(people) >= SMALLEST_GROUP for people in cells.values()):
        assert hidden(cells) == frozenset()
        assert total_shown(cells)


def test_a_single_small_group_takes_the_next_smallest_with_it() -> None:
    cells = {"a": "12", "b": "345678", "c": "abcdefgh"}
    assert hidden(cells) == {"a", "b"}


def test_a_group_that_nothing_can_hide_behind_takes_the_total_with_it() -> None:
    assert hidden({"a": "12"}) == {"a"}
    assert not total_shown({"a": "12"})


# -- figures by day ------------------------------------------------------------------------------------------

_FIRST = date(2026, 9, 24)  # over the end of a month and a quarter
_EVENTS = st.lists(
    st.tuples(
        st.integers(0, 12),  # day
        st.sampled_from(["marketing", "legal", "finance"]),
        st.sampled_from("abcdefghi"),
        st.sampled_from(["outcome", "refusal", "feedback"]),
    ),
    max_size=70,
)
Drawn = list[tuple[int, str, str, str]]


def _days(events: Drawn) -> dict[str, Aggregate]:
    rows = [
        row(
            number,
            kind,
            at=f"{_FIRST + timedelta(days=day)}T10:00:00+00:00",
            department=department,
            principal=f"{department}-{who}",
            details={"useful": True},
            **({"cost_microusd": 1 << number} if kind == "outcome" else {}),
        )
        for number, (day, department, who, kind) in enumerate(events)
    ]
    with Seen() as seen:
        aggregator = Aggregator("acme-test", seen)
        aggregator.count(event for one in rows if (event := read_event(one)) is not None)
        return aggregator.finish()


def _told(events: Drawn) -> list[dict[str, Any]]:
    """Every line that the function writes over the days."""
    lines = []
    for day, shown in shown_by_day(sorted(_days(events).items())):
        lines += [json.loads(line) | {"day": day} for line in metric_lines(shown, "test", 0)]
    return lines


@settings(max_examples=150, deadline=None)
@given(_EVENTS)
def test_no_sum_or_difference_of_figures_by_day_speaks_of_fewer_people_than_the_smallest_group(
    events: Drawn,
) -> None:
    """Each figure is the sum over a set of events. Whatever is added and taken away, what remains consists of
    whole atoms; here every atom is found by how the published figures tell events apart.
    """
    shown = dict(shown_by_day(sorted(_days(events).items())))
    figures: list[frozenset[int]] = []
    open_: dict[tuple[str, str], list[int]] = {}
    by_day: dict[int, list[int]] = {}
    for number, (day, *_) in enumerate(events):
        by_day.setdefault(day, []).append(number)
    for day in sorted(by_day):
        text = (_FIRST + timedelta(days=day)).isoformat()
        month = text[:7]
        disclosed: list[frozenset[int]] = []
        for number in by_day[day]:
            open_.setdefault((events[number][1], month), []).append(number)
        for (department, of), waiting in open_.items():
            if department in shown[text] and of == month and waiting:
                disclosed.append(frozenset(waiting))
                waiting.clear()
        assert len(disclosed) == len(shown[text]), "what is shown is what has waited since it was shown last"
        figures += disclosed
        if disclosed:
            figures.append(frozenset().union(*disclosed))  # the organisation's line
    signatures: dict[tuple[bool, ...], set[int]] = {}
    for number in range(len(events)):
        signature = tuple(number in figure for figure in figures)
        if any(signature):
            signatures.setdefault(signature, set()).add(number)
    for together in signatures.values():
        people = {(events[number][1], events[number][2]) for number in together}
        assert len(people) >= SMALLEST_GROUP


# -- an attacker with every output of every day --------------------------------------------------------------

_LOOKS = (1, 2, 3, 5, 6, 7, 8, 9, 10, 12, 13, 40)  # days on which the attacker looks


def _everything_told(events: Drawn) -> Iterator[int]:
    """What each output says of money, each day on which somebody looks: the dashboards' metrics, statements,
    report and maturity. Each event costs another power of two, so a figure tells which events are in it.
    """
    days = _days(events)
    yield from (line["SpentMicroUSD"] for line in _told(events))
    for offset in _LOOKS:
        today = _FIRST + timedelta(days=offset)
        quarter = period.quarter_of(today)
        for wanted in (quarter, period.before(quarter), period.month(f"{today:%Y-%m}")):
            last = min(f"{wanted.last}", f"{today}")
            known = {day: one for day, one in days.items() if f"{wanted.first}" <= day <= last}
            use = Use(wanted.until(today), known, today)
            disclosed = [*use.disclosed.departments.values(), use.total, use.rest]
            yield from (one.total.counts["cost_microusd"] for one in disclosed)
            for month in use.months.values():
                made = [*statements(month, "per-call", {}), *statements(month, "central", {})]
                yield from (one.charged_microusd for one in made)
                yield from (one.used_microusd for one in made)


@settings(max_examples=30, deadline=None)
@given(_EVENTS)
def test_an_attacker_who_adds_and_subtracts_all_outputs_of_all_days_finds_no_small_group(
    drawn: Drawn,
) -> None:
    """Whatever is added and taken away of sums over events, what remains consists of the sets of events that
    no figure tells apart. Each such set must have enough people behind it.
    """
    events: Drawn = [(day, department, who, "outcome") for day, department, who, _ in drawn]
    figures = {figure for figure in _everything_told(events) if figure}
    alike: dict[tuple[bool, ...], set[tuple[str, str]]] = {}
    for number, (_, department, who, _) in enumerate(events):
        signature = tuple(bool(figure >> number & 1) for figure in figures)
        if any(signature):
            alike.setdefault(signature, set()).add((department, who))
    assert all(len(people) >= SMALLEST_GROUP for people in alike.values())


def test_use_cases_and_models_are_told_by_whole_months_and_small_ones_together() -> None:
    fields = {"at": "2026-10-05T10:00:00+00:00", "use_case": "copy", "model": "haiku"}
    rows = [row(number, principal=f"p{number % 6}", **fields) for number in range(12)]
    rows.append(row(90, principal="p0", **fields | {"use_case": "secret", "model": "opus"}))
    with Seen() as seen:
        aggregator = Aggregator("acme-test", seen)
        aggregator.count(event for one in rows if (event := read_event(one)) is not None)
        days = sorted(aggregator.finish().items())
    assert not released(days, date(2026, 10, 30))["2026-10"].departments["marketing"].use_cases
    over = released(days, date(2026, 10, 31))["2026-10"].departments["marketing"]
    assert set(over.use_cases) | set(over.models) <= {"other", "copy", "haiku"}
    assert "secret" not in over.use_cases


@settings(max_examples=60, deadline=None)
@given(_EVENTS)
def test_figures_by_day_are_those_events_and_nothing_is_told_twice(events: Drawn) -> None:
    lines = _told(events)
    for metric, kind in (("Calls", "outcome"), ("Refused", "refusal")):
        whole = sum(one[metric] for one in lines if "department" not in one)
        assert whole == sum(one[metric] for one in lines if "department" in one)
        assert whole <= sum(event[3] == kind for event in events)


def test_six_people_on_one_day_and_five_on_the_next_look_alike() -> None:
    assert (coarse(4), coarse(5), coarse(6), coarse(9), coarse(10)) == (0, 5, 5, 5, 10)
    six: Drawn = [(0, "legal", who, "outcome") for who in "abcdef"]
    five: Drawn = [(1, "legal", who, "outcome") for who in "abcde"]
    people = [one["ActivePeople"] for one in _told(six + five) if "department" in one]
    assert people == [5, 5]


def test_a_day_of_one_person_is_told_with_the_next_and_alone_not_at_all() -> None:
    alone: Drawn = [(0, "legal", "a", "outcome")]
    assert _told(alone) == []
    rest: Drawn = [(1, "legal", who, "outcome") for who in "bcde"]
    (line,) = [one for one in _told(alone + rest) if "department" in one]
    assert (line["Calls"], line["ActivePeople"], line["day"]) == (5, 5, f"{_FIRST + timedelta(days=1)}")


def test_who_was_only_refused_or_only_gave_feedback_is_a_person_too() -> None:
    """Otherwise nobody seemed to be behind such a figure, and it was shown at once."""
    for kind in ("refusal", "feedback"):
        assert _told([(0, "legal", "a", kind)]) == []


def test_metrics_carry_no_person_and_no_small_department() -> None:
    events: Drawn = [(0, "marketing", who, "outcome") for who in "abcdefghi"]
    events += [(0, name, "a", "outcome") for name, _ in product(("legal", "finance"), range(3))]
    lines = json.dumps(_told(events))
    assert "legal" not in lines
    assert "finance" not in lines
    assert "marketing-" not in lines
    (total,) = [one for one in _told(events) if "department" not in one]
    assert total["Calls"] == 9, "the total is that of what is shown, so it gives no small one away"

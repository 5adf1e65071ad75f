"""No small group can be read off a table, nor computed from what the table shows (L5.1)."""

from hypothesis import given
from hypothesis import strategies as st

from lambdas.measurement.aggregates import Aggregator
from lambdas.measurement.events import read_event
from lambdas.measurement.handler import metric_lines
from lambdas.measurement.privacy import SMALLEST_GROUP, hidden, total_shown
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


def test_metrics_carry_no_person_and_no_small_department() -> None:
    people = [("marketing", number) for number in range(9)] + [("legal", 100), ("finance", 101)]
    with Seen() as seen:
        aggregator = Aggregator("acme-test", seen)
        rows = [row(number, department=name, principal=f"who-{number}") for name, number in people]
        aggregator.count(event for one in rows if (event := read_event(one)) is not None)
    lines = "\n".join(metric_lines(aggregator.days["2026-11-10"], "test", 0))
    assert "marketing" not in lines  # shown, it would give legal and finance together away
    assert "legal" not in lines
    assert "who-" not in lines
    assert '"ActivePeople":11' in lines

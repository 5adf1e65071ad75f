"""Other readings of a text give the places in the text itself, quick readings what slow ones give (L2.3)."""

from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.inspection import InspectionConfig, Inspector, linear
from lambdas.inspection.findings import Span
from lambdas.inspection.merge import settle

INSPECTOR = Inspector(InspectionConfig(hash_key=b"k" * 32, names=False, cache_entries=0))
ADDRESS = "ada.lovelace@analytical-engines.co.uk"
KEY = "AKIAQ3EGTZ5WJ7N2XK4B"
breaks = st.sampled_from(["\n", "\r\n", "\n> ", "\n    "])
padding = st.integers(0, 3_000).map(lambda size: ("Nothing of note happened. " * 120)[:size])


halves = st.one_of(
    st.tuples(st.just(KEY), st.integers(6, 14)), st.tuples(st.just(ADDRESS), st.sampled_from([12, 13]))
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(padding, halves, breaks), min_size=1, max_size=4))
def test_values_broken_over_two_lines_are_found_where_they_stand_however_far_apart(
    parts: list[tuple[str, tuple[str, int], str]],
) -> None:
    text, placed = "", []
    for before, (value, place), line_break in parts:
        broken = value[:place] + line_break + value[place:]
        text += f"{before}\n\nIt is: "
        placed.append((len(text), len(text) + len(broken)))
        text += f"{broken} .\n\n"
    found = {(one.start, one.end) for one in INSPECTOR.inspect_text(text).findings if "joined" in one.rule}
    assert found.issuperset(placed)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.sampled_from(["ignore", "all", "our", "instructions", "salary", "12", ",", "\n", "é", "ß", "the"]),
        max_size=150,
    ),
    st.sampled_from(linear.SHIPPED),
    st.floats(0, 1),
)
def test_both_models_read_together_say_what_each_says_alone(
    words: list[str], name: str, least: float
) -> None:
    text = " ".join(words)
    assert linear.shipped_windows(name, text, least) == linear.model(name).windows(text, least)


spans = st.builds(
    lambda kind, start, size, score, rule: Span(kind, start, start + size, score, rule),
    st.sampled_from(("SECRET", "EMAIL", "PERSON", "PHONE", "IBAN")),
    st.integers(0, 30),
    st.integers(0, 9),
    st.sampled_from((0.5, 0.7, 0.9, 1.0)),
    st.sampled_from(("a", "b")),
)


@given(st.lists(spans, max_size=14))
def test_results_that_overlap_are_settled_and_none_that_is_free_is_lost(given_spans: list[Span]) -> None:
    def meet(one: Span, other: Span) -> bool:
        return one.start < other.end and other.start < one.end

    kept = settle(given_spans)
    assert kept == sorted(kept, key=lambda one: one.start)
    assert not any(meet(one, other) for place, one in enumerate(kept) for other in kept[:place])
    for one in given_spans:
        assert one in kept or one.start == one.end or any(meet(one, other) for other in kept), one

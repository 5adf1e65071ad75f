"""Sizes: everything follows from one parameter, and growing never loses a control (Z.1, Z.2, C.1)."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.kinds import SIZES
from contract.sizes import GROUPS, controls, resolve, rules, sizing, value, weakened

PAIRS = list(combinations(SIZES, 2))


@pytest.mark.parametrize(("smaller", "bigger"), PAIRS)
def test_a_bigger_size_never_loses_a_control(smaller: Any, bigger: Any) -> None:
    assert weakened(sizing(smaller), sizing(bigger)) == []


@pytest.mark.parametrize(("smaller", "bigger"), PAIRS)
def test_a_bigger_size_carries_and_keeps_at_least_as_much(smaller: Any, bigger: Any) -> None:
    assert weakened(sizing(smaller), sizing(bigger), only_controls=False) == []


def test_every_control_is_noticed_when_it_is_lost() -> None:
    """The proof above is worth something only if the comparison sees each single loss."""
    strongest = sizing("enterprise")
    for name in controls(strongest):
        rule, held = rules()[name], value(strongest, name)
        if isinstance(held, tuple):
            lost: Any = held[1:]
        elif rule.key.choices:
            lost = rule.key.choices[rule.key.choices.index(held) - 1]
        else:
            lost = held - 1 if rule.key.grows == "more" else held + 1
        group, _, field = name.partition(".")
        weaker = replace(strongest, **{group: replace(getattr(strongest, group), **{field: lost})})
        assert weakened(strongest, weaker) == [name]


def test_every_control_has_a_direction() -> None:
    assert all(rule.key.grows != "free" for rule in rules().values() if rule.key.control)
    assert {"retention.audit_days", "redundancy.replica_region", "detection.web_acl"} <= controls(
        sizing("small")
    ).keys()


@pytest.mark.parametrize("size", SIZES)
def test_every_value_of_a_size_lies_within_its_own_bounds(size: Any) -> None:
    plan = sizing(size)
    overrides: dict[str, Any] = {"people": plan.people}
    for group in GROUPS:
        overrides[group] = {
            name.partition(".")[2].replace("_microusd", "_usd"): (
                f"{value(plan, name) / 1_000_000:.6f}" if rule.money else value(plan, name)
            )
            for name, rule in rules().items()
            if name.startswith(f"{group}.")
        }
    assert resolve(size, overrides) == (plan, [])


def test_the_sizes_are_those_of_the_mission() -> None:
    assert {size: sizing(size).people for size in SIZES} == {
        "small": 500,
        "medium": 2_000,
        "large": 5_000,
        "enterprise": 50_000,
    }
    assert 20 <= sizing("large").staffing.people <= 30
    assert [sizing(size).capacity.runtime for size in SIZES] == ["lambda", "lambda", "lambda", "kubernetes"]
    assert [sizing(size).redundancy.replica_region for size in SIZES] == [False, False, True, True]
    assert [sizing(size).redundancy.vpc_endpoints for size in SIZES] == [False, True, True, True]
    assert all(200 <= sizing(size).adoption.live_people <= 500 for size in SIZES)


@pytest.mark.parametrize("size", SIZES)
def test_the_organisation_budget_is_people_times_tokens_times_price(size: Any) -> None:
    plan = sizing(size)
    tokens = plan.people * plan.budgets.tokens_per_person
    assert plan.budgets.tokens_per_person >= 50_000
    assert plan.budgets.organization_microusd == tokens * plan.budgets.per_1000_tokens_microusd // 1_000


def test_retention_has_a_floor_in_production_and_none_elsewhere() -> None:
    short = {"retention": {"audit_days": 30, "audit_cold_after_days": 30, "log_days": 7}}
    plan, problems = resolve("small", short, floors=True)
    assert [each.key for each in problems] == ["sizing.retention.audit_days", "sizing.retention.log_days"]
    assert plan.retention.audit_days >= 365

    plan, problems = resolve(
        "small", short | {"retention": short["retention"] | {"audit_days": 31}}, floors=False
    )
    assert problems == []
    assert (plan.retention.audit_days, plan.retention.log_days) == (31, 7)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    [name.partition(".")[2].replace("_microusd", "_usd") for name in rules() if "." in name]
)


@given(
    st.sampled_from(SIZES),
    st.dictionaries(st.sampled_from(GROUPS), st.dictionaries(NAMES, JUNK, max_size=3) | JUNK),
)
def test_overrides_give_a_plan_within_bounds_or_problems_with_keys(
    size: Any, overrides: dict[str, Any]
) -> None:
    plan, problems = resolve(size, overrides)
    assert all(each.key.startswith("sizing.") for each in problems)
    for name, rule in rules().items():
        held: Any = value(plan, name)
        if rule.key.choices and not isinstance(held, tuple):
            assert held in rule.key.choices
        elif isinstance(held, int) and not isinstance(held, bool):
            assert (rule.key.least or 0) <= held <= (rule.key.most or 0)

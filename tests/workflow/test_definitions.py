"""Definitions of the planned workflows are sound Amazon States Language, and no way leads around the review
(L3.1, L3.4); checks of drafts (G.6, L5.3); costs carry the department (C.2).
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.workflow.catalogue import KIT, published_prompt, read_workflows
from kit.evaluation.stages import stack_configuration
from kit.local.deployment import read_settings_of
from lambdas.workflow.validation import CHECKS, Draft, findings, misfits
from tests.support.stages import plan_of

PLANNED = {
    resource.inputs["name"]: json.loads(resource.inputs["definition"])
    for stage in ("integration", "rollout")
    for resource in plan_of(stage)
    if resource.type == "aws:sfn/stateMachine:StateMachine"
}
_FIELDS = {
    "Task": {"Type", "Resource", "Parameters", "ResultPath", "ResultSelector", "TimeoutSeconds", "Retry",
             "Catch", "Next"},
    "Choice": {"Type", "Choices", "Default"},
    "Succeed": {"Type"},
    "Fail": {"Type", "Error", "Cause", "CausePath"},
}  # fmt: skip


def _next(state: Mapping[str, Any]) -> Iterator[str]:
    for name in ("Next", "Default"):
        if name in state:
            yield state[name]
    for one in (*state.get("Choices", ()), *state.get("Catch", ())):
        yield one["Next"]


def _reached(states: Mapping[str, Any], start: str, without: str = "") -> set[str]:
    waiting, seen = [start], set()
    while waiting:
        name = waiting.pop()
        if name not in seen and name != without:
            seen.add(name)
            waiting += _next(states[name])
    return seen


def test_every_department_has_a_workflow_that_stands_in_the_stages_of_their_departments() -> None:
    assert {name.removeprefix("example-production-") for name in PLANNED} == {
        "marketing-content",
        "finance-scenarios",
        "legal-contract-analysis",
        "executive-decision-brief",
        "product-competitive-analysis",
        "operations-incident-report",
        "people-policy-answer",
    }


@pytest.mark.parametrize("name", sorted(PLANNED))
def test_a_definition_is_sound(name) -> None:
    states = PLANNED[name]["States"]
    assert _reached(states, PLANNED[name]["StartAt"]) == set(states), "states that nothing leads to"
    for label, state in states.items():
        assert state.keys() <= _FIELDS[state["Type"]], label
        assert state["Type"] in ("Succeed", "Fail") or list(_next(state)), f"{label} leads nowhere"
        if state["Type"] == "Task":
            assert state["TimeoutSeconds"] > 0
            function = state["Parameters"]["FunctionName"]
            assert function.startswith("arn:aws:lambda:"), function
            assert function.endswith(":live"), function
            assert ("Retry" in state) != state["Resource"].endswith(".waitForTaskToken")


@pytest.mark.parametrize("name", sorted(PLANNED))
def test_no_way_leads_to_the_release_around_the_review(name) -> None:
    states = PLANNED[name]["States"]
    assert "Release" not in _reached(states, "Draft", without="OpenReview")
    opening = states["OpenReview"]["Parameters"]["Payload"]
    assert not opening["department"].startswith("$"), "the department is the definition's, not the caller's"
    demanded = opening["demanded_by"]
    assert demanded == {
        "marketing-content": "customer-facing",
        "product-competitive-analysis": "",
        "operations-incident-report": "",
        "people-policy-answer": "personnel-decision",
    }.get(name.removeprefix("example-production-"), "material-decision")


def test_every_department_has_key_area_roles_profile_and_tagged_costs() -> None:
    found = {}
    for stage in ("integration", "rollout"):
        for provider in plan_of(stage).of_type("pulumi:providers:aws"):
            tags = provider.inputs["defaultTags"]
            tags = (json.loads(tags) if isinstance(tags, str) else tags)["tags"]
            if "kit:department" in tags:
                found[tags["kit:department"]] = (stage, tags["kit:cost-center"])
    assert found["marketing"] == ("integration", "CC-100")
    assert found["legal"] == ("rollout", "CC-300")
    assert len(found) == 7


RIGHT = "800 x 12 / 60 = 160 hours; 160 x 38 = 6,080"


@pytest.mark.parametrize(
    ("check", "text", "sources", "wrong"),
    [
        ("sums", RIGHT, "", 0),
        ("sums", "1,100 x 15 / 60 = 275; 275 x 38 = 10,540", "", 1),
        ("sums", "2 + 3 - 1 = 5", "", 1),
        ("quotations", '{"quotation": "limited to three  Months"}', "It is limited to three months.", 0),
        ("quotations", '{"quotation": "unlimited"}', "It is limited.", 1),
        ("citations", "| 12 [Tickr, 2026] |", "Source: Tickr, 2026", 0),
        ("citations", "| 12 [The Times] |", "Source: Tickr, 2026", 1),
        ("citations", "12 USD", "Source: Tickr, 2026", 1),
        ("claims", "Buy.", "", 1),
        ("review-line", "Go.\nDraft for review by a person.", "", 0),
        ("review-line", "Draft for review\nGo.", "", 1),
        ("times", "Detected at 09:20, mended at 10:05.", "9:20 alarm, 10:05 mended", 0),
        ("times", "Detected at 09:20 and 09:25 and 09:25.", "09:20 alarm", 1),
        ("policy-source", "Twenty days.\nSource: Working abroad", "# Working abroad\nTwenty days.", 0),
        ("policy-source", "Twenty days.\nSource: Holidays", "# Working abroad\nTwenty days.", 1),
        ("policy-source", "Thirty days.", "# Working abroad\nTwenty days.", 1),
        ("policy-source", "x\nSource: sources/a.txt", "Source: sources/a.txt\n# Working abroad", 1),
        ("policy-source", "That is for a person to decide. Please ask the People team.", "# Talks", 0),
        ("complete", "  ", "", 1),
        ("schema", "not json", "", 1),
    ],
)
def test_a_check_finds_what_is_wrong_and_quotes_nothing(check, text, sources, wrong) -> None:
    found = findings([check], Draft(text, {"material": sources}, {"type": "object"}))
    assert len(found) == wrong
    assert check in CHECKS


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.sampled_from(["low", "high", ""]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
_TYPES = st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "null"])
_SCHEMAS = st.recursive(
    st.fixed_dictionaries({}, optional={"type": _TYPES, "enum": st.just(["low", "high"])}),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": _TYPES | st.lists(_TYPES, min_size=1, max_size=2, unique=True),
            "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            "items": inner,
            "minItems": st.integers(0, 3),
            "maxItems": st.integers(0, 3),
        },
    ),
    max_leaves=5,
)


@given(_VALUES, _SCHEMAS)
def test_the_schema_check_agrees_with_a_full_validator(value, schema) -> None:
    assert (not misfits(value, schema, "$")) == jsonschema.Draft202012Validator(schema).is_valid(value)


def test_a_schema_that_is_not_understood_is_never_taken_as_checked() -> None:
    with pytest.raises(ValueError, match="pattern"):
        misfits("a", {"pattern": "b"}, "$")


def test_every_workflow_may_use_the_model_of_its_prompt() -> None:
    granted = {one.id: one.models for one in read_settings_of(stack_configuration("rollout")).departments}
    for spec in read_workflows(KIT)[0].values():
        assert published_prompt([KIT], spec)["model"] in granted[spec.department], spec.name

"""Placement rules, from the configuration to the department of a person (G.4, C.1, L4.1)."""

import json

import pytest

from lambdas.scim.placement import Rules, read_rules
from stacks.settings import SettingsError, parse_settings
from tests.stacks.test_settings import EXAMPLE
from tests.support.stages import plan_of

from .harness import RULES


def rules(**changes: object) -> Rules:
    return read_rules(json.dumps({**RULES, **changes}).encode())


def configured(*groups: dict[str, object], **more: object) -> object:
    return parse_settings(EXAMPLE | {"identity": EXAMPLE["identity"] | {"groups": list(groups), **more}})


@pytest.mark.parametrize(
    ("groups", "attribute", "department", "roles", "data_classes"),
    [
        ([], "", "", (), None),
        ([("CLAUDE marketing", "")], "", "marketing", (), None),
        ([("Claude Finance", ""), ("Claude Marketing", "")], "", "marketing", (), ("public",)),
        ([("Claude Champions", "")], "Finance", "finance", ("champion",), None),
        ([("Claude Marketing ", "")], "", "", (), None),
        ([("other", "Claude Finance")], "", "finance", (), ("public",)),
        ([], " MARKETING ", "marketing", (), None),
        ([], "marketing; finance", "", (), None),
    ],
)
def test_groups_decide_in_the_order_of_the_rules_then_the_attribute(
    groups, attribute, department, roles, data_classes
):
    placement = rules().place(groups, attribute)
    assert (placement.department, placement.roles, placement.data_classes) == (
        department,
        roles,
        data_classes,
    )


@pytest.mark.parametrize(
    ("groups", "left"),
    [
        (("Contractors",), ("public",)),
        (("Contractors", "Interns"), ("public",)),
        (("Interns", "Contractors"), ("public",)),
        (("Interns", "Night shift"), ("internal",)),
        (("Contractors", "Night shift"), ()),
        (("Claude Marketing",), None),
    ],
)
def test_of_several_groups_that_narrow_only_what_all_leave_is_left(groups, left):
    narrowing = [
        {"group": "Claude Marketing", "department": "marketing"},
        {"group": "Interns", "data_classes": ["public", "internal"]},
        {"group": "Contractors", "data_classes": ["public"]},
        {"group": "Night shift", "data_classes": ["internal"]},
    ]
    assert rules(groups=narrowing).place([(one, "") for one in groups], "").data_classes == left


def test_who_was_in_before_onboarding_was_required_stays_in_and_nobody_else_slips_through():
    required = rules(onboarding_required=True)
    assert required.onboarding(None, was_in=False) == "pending"
    assert required.onboarding("not-required", was_in=False) == "pending"
    assert required.onboarding("not-required", was_in=True) == "not-required"
    assert required.onboarding("pending", was_in=True) == "pending"
    assert required.onboarding("done", was_in=False) == "done"
    assert rules().onboarding("pending", was_in=False) == "not-required"


@pytest.mark.parametrize("document", [b"", b"{}", b'{"version": 2}', b"[]", b"\xff"])
def test_rules_of_another_shape_are_refused(document):
    with pytest.raises((ValueError, AttributeError)):
        read_rules(document)


def test_the_configuration_refuses_rules_that_lead_nowhere():
    with pytest.raises(SettingsError) as refused:
        configured({"group": "Claude", "department": "marketting"}, {"group": "Nothing"})
    problems = {one.key: str(one) for one in refused.value.problems}
    assert "marketing" in problems["identity.groups[0].department"]
    assert "gives nothing" in problems["identity.groups[1]"]
    assert configured({"group": "Claude", "department": "marketing", "roles": ["champion"]})


def test_the_plan_publishes_rules_that_the_service_reads():
    objects = plan_of("integration").of_type("aws:s3/bucketObjectv2:BucketObjectv2")
    (published,) = [one for one in objects if one.inputs["key"] == "policy/scim.json"]
    read = read_rules(published.inputs["content"].encode())
    assert "marketing" in read.departments


def test_the_endpoint_is_behind_the_api_and_starts_as_a_web_function():
    plan = plan_of("integration")
    parts = {one.inputs["pathPart"] for one in plan.of_type("aws:apigateway/resource:Resource")}
    assert "scim" in parts
    assert plan.exports["scim_url"].endswith("/scim/v2")

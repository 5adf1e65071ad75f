"""The difference of two plans misses nothing, invents nothing and says what is replaced."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.aws_facts.replacement import FORCES_NEW
from kit.plan.difference import Change, compare, difference
from kit.plan.document import SCHEMA, plan_document
from tests.support.stages import plan_of

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab{[", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
_TYPES = ("aws:s3/bucket:Bucket", "aws:kms/key:Key", "aws:unknown/thing:Thing")
_OPTIONS = st.fixed_dictionaries(
    {}, optional={"protect": st.booleans(), "retainOnDelete": st.booleans(), "ignoreChanges": st.just(["a"])}
)


def entry(name: str, token: str = _TYPES[0], inputs: Any = None, options: Any = None) -> dict[str, Any]:
    """A resource of a plan document."""
    return {
        "urn": f"urn:pulumi:s::p::{token}::{name}",
        "type": token,
        "name": name,
        "parent": None,
        "custom": True,
        "read": False,
        "inputs": inputs or {},
        "options": options or {},
        "outputs": {},
        "source": None,
    }


def plan(*entries: dict[str, Any]) -> dict[str, Any]:
    """A plan document of one stack."""
    return {
        "schema": SCHEMA,
        "stacks": [{"stack": "s", "project": "p", "resources": list(entries), "exports": {}}],
    }


def only(old: dict[str, Any], new: dict[str, Any]) -> Change:
    """The one change between two plans."""
    (change,) = difference(old, new).effective
    return change


@st.composite
def plans(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from("vwxyz"), unique=True, max_size=5))
    return plan(
        *(
            entry(
                name,
                draw(st.sampled_from(_TYPES)),
                draw(st.dictionaries(st.text("abc", min_size=1, max_size=2), _VALUES, max_size=3)),
                draw(_OPTIONS),
            )
            for name in sorted(names)
        )
    )


@given(plans())
def test_a_plan_does_not_differ_from_itself(document: dict[str, Any]) -> None:
    found = difference(document, json.loads(json.dumps(document)))
    assert found.effective == ()
    assert len(found.changes) == len(document["stacks"][0]["resources"])


@given(plans(), plans())
def test_every_resource_is_accounted_for_once_and_in_order(old: dict[str, Any], new: dict[str, Any]) -> None:
    found = difference(old, new)
    before = {one["urn"] for one in old["stacks"][0]["resources"]}
    after = {one["urn"] for one in new["stacks"][0]["resources"]}
    assert [change.urn for change in found.changes] == sorted(before | after)
    for change in found.changes:
        assert (change.operation == "create") == (change.urn not in before)
        assert (change.operation == "delete") == (change.urn not in after)


@given(plans(), plans())
def test_the_way_back_mirrors_the_way_there(old: dict[str, Any], new: dict[str, Any]) -> None:
    there, back = difference(old, new).counts, difference(new, old).counts
    assert there.get("create", 0) == back.get("delete", 0)
    assert there.get("delete", 0) == back.get("create", 0)


@given(_VALUES, _VALUES)
def test_values_are_told_apart_exactly_when_their_json_differs(old: Any, new: Any) -> None:
    changed = json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True)
    assert bool(list(compare(old, new, "x"))) == changed


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=2), _VALUES),
    st.sampled_from(["protect", "retainOnDelete"]),
)
def test_lost_protection_never_passes_unseen(inputs: dict[str, Any], option: str) -> None:
    old = plan(entry("x", inputs=inputs, options={option: True}))
    new = plan(entry("x", inputs=inputs))
    assert only(old, new).lost_safety == (option,)


def test_an_iam_document_is_compared_by_statement() -> None:
    def policy(*statements: dict[str, Any]) -> dict[str, Any]:
        return {"policy": json.dumps({"Statement": list(statements)})}

    deny = {"Sid": "DenyDelete", "Effect": "Deny", "Action": "s3:DeleteObject"}
    read = {"Sid": "Read", "Effect": "Allow", "Action": ["s3:GetObject"]}
    wider = {**read, "Action": ["s3:GetObject", "s3:PutObject"]}
    change = only(plan(entry("x", inputs=policy(deny, read))), plan(entry("x", inputs=policy(wider))))
    assert [(p.path, p.kind) for p in change.properties] == [
        ("policy{}.Statement[DenyDelete]", "delete"),
        ("policy{}.Statement[Read].Action[1]", "add"),
    ]


@pytest.mark.parametrize(
    ("token", "before", "after", "operation"),
    [
        ("aws:s3/bucket:Bucket", {"bucket": "a"}, {"bucket": "b"}, "replace"),
        ("aws:s3/bucket:Bucket", {"tags": {"a": "1"}}, {"tags": {"a": "2"}}, "update"),
        ("aws:dynamodb/table:Table", {"hashKey": "pk"}, {"hashKey": "id"}, "replace"),
        ("aws:sqs/queue:Queue", {"region": "eu-central-1"}, {"region": "eu-west-1"}, "replace"),
        ("aws:new/thing:Thing", {"name": "a"}, {"name": "b"}, "may replace"),
        ("aws:new/thing:Thing", {"size": 1}, {"size": 2}, "update"),
        ("aws:kms/key:Key", {"enabled": True}, {"enabled": 1}, "update"),
    ],
)
def test_what_replaces_is_told_from_what_updates(token: str, before: Any, after: Any, operation: str) -> None:
    assert only(plan(entry("x", token, before)), plan(entry("x", token, after))).operation == operation


def test_a_rename_under_an_alias_keeps_the_resource() -> None:
    old = plan(entry("old", inputs={"bucket": "b"}))
    new = plan(
        entry(
            "new", inputs={"bucket": "b"}, options={"aliases": [{"spec": {"name": "old", "parentUrn": ""}}]}
        )
    )
    change = only(old, new)
    assert change.operation == "update"
    assert change.old_urn == old["stacks"][0]["resources"][0]["urn"]


def test_ignored_changes_and_order_of_dependencies_are_no_change() -> None:
    old = plan(entry("x", inputs={"a": 1}, options={"ignoreChanges": ["a"], "dependencies": ["u", "v"]}))
    new = plan(entry("x", inputs={"a": 2}, options={"ignoreChanges": ["a"], "dependencies": ["v"]}))
    assert difference(old, new).effective == ()


def test_replace_on_changes_replaces() -> None:
    options = {"replaceOnChanges": ["tags"]}
    old, new = (
        entry("x", inputs={"tags": {"a": "1"}}, options=options),
        entry("x", inputs={"tags": {}}, options=options),
    )
    assert only(plan(old), plan(new)).operation == "replace"


def test_a_longer_retention_of_the_real_plan_is_one_update() -> None:
    old = plan_document([plan_of("foundation")])
    new = copy.deepcopy(old)
    lock = next(r for r in new["stacks"][0]["resources"] if r["name"] == "audit-store-lock")
    lock["inputs"]["rule"]["defaultRetention"]["days"] += 1
    change = only(old, new)
    assert (change.operation, change.name) == ("update", "audit-store-lock")
    assert [p.path for p in change.properties] == ["rule.defaultRetention.days"]


def test_the_table_of_replacing_inputs_names_inputs_that_exist() -> None:
    from pulumi import _types

    from kit.evaluation.input_check import arguments_of

    for token, paths in FORCES_NEW.items():
        known = set(_types.input_type_py_to_pulumi_names(arguments_of(token)).values())
        assert set(paths) - {"*"} <= known, token

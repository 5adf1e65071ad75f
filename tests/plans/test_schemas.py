"""The plans against the schemas of CloudFormation's registry and the rules of cfn-lint (S.2). A property is
matched by its name; what is called or built otherwise stands in `cloudformation.py`, as does what has no type
there. An input that is in neither fails: nothing is left out unseen.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from kit.aws_facts.replacement import FORCES_NEW
from tests.plans.cloudformation import (
    ADDITIONS,
    NOT_CONVERTED,
    NOT_THERE,
    OF_BUCKETS,
    RENAMED,
    RESHAPED,
    TYPES,
    bucket,
)
from tests.plans.made import REGION, Made, made

pytestmark = pytest.mark.nightly

_MOST_RESOURCES = 400  # of a template: CloudFormation takes 500
_PAIRS = ({"Key", "Value"}, {"Name", "Value"})


def _flat(name: str) -> str:
    return name.replace("_", "").lower()


@cache
def _schema(kind: str) -> Mapping[str, Any]:
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema(region=REGION, resource_type=kind).schema


def _resolved(kind: str, shape: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a shape refers to."""
    while "$ref" in shape:
        shape = _schema(kind)["definitions"][shape["$ref"].rpartition("/")[2]]
    return shape


def _value(kind: str, value: Any, shape: Mapping[str, Any]) -> Any:
    """A value of the plan as the schema wants it: documents as objects, members by the schema's names."""
    shape = _resolved(kind, shape)
    wanted = shape.get("type", "")
    if "object" in wanted and isinstance(value, str) and value.startswith("{"):
        return json.loads(value)
    if (
        wanted == "array"
        and isinstance(value, Mapping)
        and (pair := set(_resolved(kind, shape["items"]).get("properties", ()))) in _PAIRS
    ):
        name = (pair - {"Value"}).pop()
        return [{name: key, "Value": text} for key, text in value.items()]
    if wanted == "array":
        several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        return [_value(kind, part, shape["items"]) for part in several]
    if wanted == "object" and isinstance(value, Mapping) and "properties" in shape:
        members = {_flat(name): name for name in shape["properties"]}
        # the SDK has lists in the plural
        known = {
            name: members.get(_flat(name)) or members.get(_flat(name).removesuffix("s")) for name in value
        }
        unknown = [name for name in value if known[name] is None]
        if unknown:
            raise LookupError(f"{kind}: CloudFormation has no {unknown}")
        return {
            found: _value(kind, part, shape["properties"][found])
            for name, part in value.items()
            if part is not None and (found := known[name])
        }
    return value


def _properties(source: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    kind = TYPES[source]
    properties = _schema(kind)["properties"]
    names = {_flat(name): name for name in properties}
    found = dict(ADDITIONS.get(kind, {}))
    for name, value in (RESHAPED[source](inputs) if source in RESHAPED else inputs).items():
        if f"{source}:{name}" in NOT_THERE or value is None:
            continue
        wanted = RENAMED.get(f"{source}:{name}") or names.get(_flat(name))
        if wanted is None or wanted not in properties:
            raise LookupError(f"{source}: CloudFormation has no {name}")
        found[wanted] = _value(kind, value, properties[wanted])
    return found


def _problems(resources: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Errors of cfn-lint: logical id of the resource, and rule, place and message."""
    found = []
    several = list(resources.items())
    for start in range(0, len(several), _MOST_RESOURCES):
        found += _problems_of_one(dict(several[start : start + _MOST_RESOURCES]))
    return found


def _problems_of_one(resources: Mapping[str, Any]) -> list[tuple[str, str]]:
    template = json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources})
    found: list[tuple[str, str]] = []
    for match in lint(template, config=ManualArgs(regions=[REGION], ignore_checks=["W", "I"])):
        path = [str(step) for step in getattr(match, "path", None) or []]
        found.append((path[1] if len(path) > 1 else "", f"{match.rule.id} {path[3:]}: {match.message}"))
    return found


def _with_parts(plan: Sequence[Made]) -> dict[str, Mapping[str, Mapping[str, Any]]]:
    """Each bucket's inputs and those of what is made beside it, by type."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for one in plan:
        if one.type == "aws:s3/bucket" or one.type in OF_BUCKETS:
            found.setdefault(one.inputs["bucket"], {})[one.type] = one.inputs
    return dict(found)


def _converted(one: Made, buckets: Mapping[str, Any]) -> dict[str, Any]:
    inputs = bucket(buckets[one.inputs["bucket"]]) if one.type == "aws:s3/bucket" else one.inputs
    return {"Type": TYPES[one.type], "Properties": _properties(one.type, inputs)}


def test_resources_are_ones_that_cloudformations_schemas_allow() -> None:
    plan = [one for one in made("enterprise", "direct door") if one.type.startswith("aws:")]
    buckets = _with_parts(plan)
    chosen = [one for one in plan if one.type in TYPES]
    resources = {f"R{number}": _converted(one, buckets) for number, one in enumerate(chosen)}
    names = {key: f"{one.type} {one.name}" for key, one in zip(resources, chosen, strict=True)}
    problems = [f"{names.get(key, key)} {message}" for key, message in _problems(resources)]
    assert not problems, "\n".join(problems)
    rest = {one.type for one in plan if one.resource.custom} - set(TYPES) - set(OF_BUCKETS)
    assert rest == set(NOT_CONVERTED), "each type is converted, or said not to be"
    assert set(TYPES) == {one.type for one in chosen}, "the table names a type that no plan has"


# The provider changes these in place, by another call than CloudFormation makes.
IN_PLACE = {
    f"aws:vpc/securityGroup{direction}Rule:{name}"
    for direction in ("Egress", "Ingress")
    for name in ("cidrIpv4", "fromPort", "ipProtocol", "referencedSecurityGroupId", "toPort")
} | {
    "aws:apigateway/resource:parentId",
    "aws:apigateway/resource:pathPart",
    "aws:ec2/routeTableAssociation:routeTableId",
}


def test_what_cloudformation_cannot_change_in_place_is_foreseen_as_a_replacement() -> None:
    """Of whatever the plan sets: a property that can be given only when a resource is made replaces it."""
    missing: set[str] = set()
    for one in made("enterprise", "direct door"):
        if one.type not in TYPES or one.type in RESHAPED or one.type == "aws:s3/bucket":
            continue
        schema = _schema(TYPES[one.type])
        fixed = {
            path.split("/")[2] for path in schema.get("createOnlyProperties", ()) if path.count("/") == 2
        }
        names = {_flat(name): name for name in schema["properties"]}
        forcing = FORCES_NEW.get(one.resource.type, ())
        for name in one.inputs:
            key = f"{one.type}:{name}"
            known = RENAMED.get(key) or names.get(_flat(name))
            if known in fixed and name not in forcing and "*" not in forcing and key not in IN_PLACE:
                missing.add(key)
    assert sorted(missing) == []


def test_what_cloudformation_would_refuse_is_found() -> None:
    wrong = {
        "aws:lambda/function": {"name": "a", "role": "no role", "runtime": "python2.3", "handler": "a.b"},
        "aws:sqs/queue": {"name": "a", "messageRetentionSeconds": 1},
        "aws:kms/key": {"policy": "{}", "deletionWindowInDays": 1},
    }
    resources = {
        f"R{number}": {"Type": TYPES[source], "Properties": _properties(source, inputs)}
        for number, (source, inputs) in enumerate(wrong.items())
    }
    assert {key for key, _ in _problems(resources)} == set(resources)
    with pytest.raises(LookupError, match="has no colour"):
        _properties("aws:sns/topic", {"colour": "red"})

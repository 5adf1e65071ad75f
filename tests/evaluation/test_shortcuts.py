"""The shorter ways through the SDK change no plan: what they give is what the SDK itself gives."""

import asyncio
import hashlib
import inspect
from importlib.metadata import version
from typing import Any

import pulumi_aws as aws
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.output import UNKNOWN, Output, _OutputData

from kit.evaluation import shortcuts
from kit.evaluation.backends import PlanBackend
from kit.evaluation.engine import PROJECT, PROJECT_ROOT
from kit.evaluation.gates import assumed_evidence
from kit.evaluation.language_host import evaluate_project
from kit.evaluation.stages import planned_account, stack_configuration
from kit.plan.document import plan_document, to_json
from tests.support.stages import STAGES, plan_of

_PLAIN = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=3)


def _output(value: Any, known: bool, secret: bool) -> Output[Any]:
    async def data() -> _OutputData[Any]:
        return _OutputData(set(), value, known, secret)

    return Output._from_data(data())


_LEAVES = st.one_of(
    _PLAIN,
    # made in the event loop: outputs of it, an arguments class, a tuple
    st.builds(lambda v, k, s: lambda: _output(v, k, s), _PLAIN, st.booleans(), st.booleans()),
    st.just(lambda: Output.secret({"inner": [Output.from_input("text")]})),
    st.just(lambda: _output([UNKNOWN, 1], True, False)),
    st.builds(lambda v: lambda: (v, _output(v, True, False)), _PLAIN),
    st.builds(lambda v: lambda: aws.s3.BucketVersioningArgs(enabled=v), st.booleans()),
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def _made(value: Any) -> Any:
    if callable(value):
        return value()
    if isinstance(value, list):
        return [_made(one) for one in value]
    return {key: _made(one) for key, one in value.items()} if isinstance(value, dict) else value


def _comparable(value: Any) -> Any:
    if isinstance(value, aws.s3.BucketVersioningArgs):
        return ("arguments", value.__dict__)
    if isinstance(value, dict):
        return {key: _comparable(one) for key, one in value.items()}
    return [_comparable(one) for one in value] if isinstance(value, list) else value


@given(_VALUES)
def test_an_output_of_any_data_is_the_one_that_the_sdk_makes(value: Any) -> None:
    async def data(make: Any) -> tuple[Any, ...]:
        found = await make(_made(value))._data
        return _comparable(found.value), found.is_known, found.is_secret, found.resources

    assert asyncio.run(data(shortcuts._output_of)) == asyncio.run(data(shortcuts._from_input))


@given(_VALUES)
def test_a_value_is_unknown_in_part_where_the_sdk_says_so(value: Any) -> None:
    plain = UNKNOWN if callable(value) else value
    assert shortcuts._unknowns_within(plain) is shortcuts._contains_unknowns(plain)


def test_an_urn_is_the_one_that_the_sdk_makes() -> None:
    async def both(name: str, parent: str) -> tuple[Any, Any]:
        short, long = shortcuts._urn(name, "t:i:T", parent), shortcuts._create_urn(name, "t:i:T", parent)
        return await short.future(), await long.future()

    for parent in ("", "urn:pulumi:s::p::a:b:C::parent", "urn:pulumi:s::p::a:b:C$d:e:F::x::y"):
        short, long = asyncio.run(both("name", parent))
        assert short == long


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("stage", "preview"), [("foundation", True), ("integration", False), ("rollout", False)]
)
def test_a_child_process_with_the_sdk_as_it_is_registers_the_same_graph(stage: str, preview: bool) -> None:
    """The language host's way: gRPC, the project's own directory, nothing of this process (Z.1)."""
    inside = plan_of(stage, "large", preview=preview)
    config = stack_configuration(stage, size="large")
    backend = PlanBackend(
        account=planned_account(config),
        preview=preview,
        stack_outputs={before: plan_of(before, "large").exports for before in STAGES[: STAGES.index(stage)]},
    )
    with assumed_evidence(stage, config) as file:
        opened = {**config, f"{PROJECT}:evidence_file": str(file)}
        outside = evaluate_project(
            PROJECT_ROOT, opened, backend, stack=stage, preview=preview,
            environment={"KIT_UNBUILT_LAYERS": "allow"},
        )  # fmt: skip
    assert to_json(plan_document([outside])) == to_json(plan_document([inside]))
    assert outside.in_dependency_order() == inside.in_dependency_order()


# Of each function that a shortcut replaces, the source as it was when the shortcut was written.
_SOURCES = {
    "pulumi.runtime.rpc.transfer_properties": "0e7c02ffa04ff20b",
    "pulumi.runtime._callbacks._CallbackServicer.serve": "315683507e353b35",
    "pulumi.runtime.rpc.contains_unknowns": "1f1f335b6f48b960",
    "pulumi.runtime.rpc.serialize_property": "7e1361fad73506d2",
    "pulumi.runtime.resource.create_urn": "b4efa209c920a83a",
    "pulumi._types._raw_return_hints": "2d3a92980274817e",
    "pulumi.output.Output.from_input": "890885e07a39174c",
    "pulumi.output.Output._track": "72569ad70fd52b20",
    "pulumi.output.Output._from_data": "cd70e3b38ee181f6",
    "pulumi.runtime.resource._get_stack_trace": "3943b22730169251",
    "pulumi.runtime.rpc.deserialize_properties": "e4b8ebdc1594cf4e",
    "pulumi.runtime.rpc.deserialize_property": "662b333c8c26d270",
    "pulumi.runtime.rpc.translate_output_properties": "3b2d90a79afc9f4f",
    "pulumi.runtime.rpc.resolve_outputs": "18f65c1be3ad95f4",
    "pulumi.runtime.resource_cycle_breaker.declare_dependency": "8acf8b90a08af64a",
    "pulumi._types.unwrap_type": "6ccd35036cb0b3d4",
    "pulumi._types.unwrap_optional_type": "66ac125c3482ccba",
    "pulumi.log.debug": "381cd6115cca6ca1",
}


def test_the_sdk_still_does_what_the_shortcuts_replace() -> None:
    """After an upgrade of the SDK: read what changed, adapt the shortcut, then WRITTEN_FOR and these sums."""
    assert version("pulumi") == shortcuts.WRITTEN_FOR
    originals = [inspect.unwrap(one) for one in shortcuts.REPLACED]
    assert {
        f"{one.__module__}.{one.__qualname__}": hashlib.sha256(inspect.getsource(one).encode()).hexdigest()[
            :16
        ]
        for one in originals
    } == _SOURCES


def test_one_switch_leaves_the_sdk_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shortcuts.usable()
    monkeypatch.setenv(shortcuts.SWITCH, "off")
    assert not shortcuts.usable()
    monkeypatch.delenv(shortcuts.SWITCH)
    monkeypatch.setattr(shortcuts, "WRITTEN_FOR", "3.271.0")
    assert not shortcuts.usable()

"""Shorter ways through the SDK for an evaluation in this process; a third of its time goes without them.

Each does what the SDK does, for a program that runs against our own monitor. That the plans stay the same is
tested against the untouched SDK in a child process (`language_host`).

* A resource's output is one future, resolved by its registration. The SDK makes four, a task that gathers
  them, and keeps a list of all; here the registration alone, which the SDK waits for, answers for them.
* The stack trace holds one frame, the innermost of the project: no other is read.
* A registration that has nothing to wait for is answered in the program's own thread.
* Nothing is called when an output is there: the engine waits for those that are not, one after the other.
* A dependency on a resource that is registered already closes no circle: none is looked for.
* Messages for debugging, which our engine drops, are not made.
* Plain data becomes one output. The SDK makes one of every value and key in it, each with a task.
* What an annotation means is found out once per module, not once per property that has it; what is in a
  type, once per type; whether this is a preview, once per resource.
* Texts, numbers and truth values are taken as they are, on both ways, without asking twelve times what else
  they could be.

`KIT_SHORTCUTS=off` leaves the SDK as it is: slower by a factor of two to three, and the way to find out
whether a shortcut is at fault. They are used with the version of the SDK that they were written for only.
"""

import asyncio
import functools
import os
import sys
import typing
import weakref
from asyncio import ensure_future, iscoroutine
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import version
from pathlib import Path
from typing import Any

from google.protobuf import struct_pb2
from pulumi import Output, Resource
from pulumi import _types as sdk_types
from pulumi import log as sdk_log
from pulumi.output import _OutputData
from pulumi.runtime import _callbacks as sdk_callbacks
from pulumi.runtime import resource as sdk_resource
from pulumi.runtime import resource_cycle_breaker
from pulumi.runtime import rpc as sdk_rpc
from pulumi.runtime import settings as sdk_settings
from pulumi.runtime.proto import source_pb2
from pulumi.runtime.settings import SETTINGS

WRITTEN_FOR = "3.272.0"  # of the SDK; a canary test holds what is replaced against this version
SWITCH = "KIT_SHORTCUTS"

_PLAIN = frozenset({str, bool, int, float, type(None)})
_CONSTRUCTORS = 3  # of Resource, CustomResource or ComponentResource, and the class of the resource itself

_hints: dict[tuple[tuple[str, ...], str | int], Any] = {}
_with_callbacks: "weakref.WeakSet[asyncio.AbstractEventLoop]" = weakref.WeakSet()
_serve = sdk_callbacks._CallbackServicer.serve
_contains_unknowns = sdk_rpc.contains_unknowns
_serialize_property = sdk_rpc.serialize_property
_create_urn = sdk_resource.create_urn
_from_input = Output.from_input
_deserialize_properties = sdk_rpc.deserialize_properties
_deserialize_property = sdk_rpc.deserialize_property
_translate_output = sdk_rpc.translate_output_properties
_resolve_outputs_of_sdk = sdk_rpc.resolve_outputs
_declare_dependency = resource_cycle_breaker.declare_dependency
_unwrap_type = sdk_types.unwrap_type
_unwrap_optional_type = sdk_types.unwrap_optional_type


REPLACED: tuple[Callable[..., Any], ...] = (
    sdk_rpc.transfer_properties,
    _serve,
    _contains_unknowns,
    _serialize_property,
    _create_urn,
    sdk_types._raw_return_hints,
    _from_input,
    Output._track,
    Output._from_data,
    sdk_resource._get_stack_trace,
    _deserialize_properties,
    _deserialize_property,
    _translate_output,
    _resolve_outputs_of_sdk,
    _declare_dependency,
    _unwrap_type,
    _unwrap_optional_type,
    sdk_log.debug,
)


def usable() -> bool:
    """Whether the shorter ways are taken: this version of the SDK, and not switched off."""
    return version("pulumi") == WRITTEN_FOR and os.environ.get(SWITCH) != "off"


def take(root: Path, surroundings: frozenset[str]) -> bool:
    """Use the shorter ways from now on, in this process, where they are `usable`; whether they are used.
    Frames are looked for in files under `root`, outside of the folders `surroundings`.
    """
    if not usable():
        return False
    sdk_rpc.transfer_properties = _transfer_properties
    sdk_callbacks._CallbackServicer.serve = _noted_serve
    sdk_rpc.contains_unknowns = _unknowns_within
    sdk_rpc.serialize_property = _serialized
    sdk_resource.create_urn = _urn
    sdk_types._raw_return_hints = _return_hints
    Output.from_input = staticmethod(_output_of)  # type: ignore[method-assign]
    Output._track = _track  # type: ignore[method-assign]
    Output._from_data = classmethod(_from_data)  # type: ignore[method-assign, assignment]
    sdk_rpc.deserialize_properties = _deserialized_properties
    sdk_rpc.deserialize_property = _deserialized
    sdk_rpc.translate_output_properties = _translated
    sdk_rpc.resolve_outputs = _resolve_outputs
    sdk_rpc.declare_dependency = _depends  # pyright: ignore[reportPrivateImportUsage]
    sdk_types.unwrap_type = _unwrapped
    sdk_types.unwrap_optional_type = _without_none
    sdk_log.debug = _unheard
    sdk_resource._get_stack_trace = functools.partial(
        _stack_trace, f"{root}/", tuple(f"{root}/{folder}/" for folder in sorted(surroundings))
    )
    return True


@dataclass(slots=True)
class _Resolver:
    """Resolves an output of a resource: called as the SDK's own, with one future."""

    resource: Resource
    future: "asyncio.Future[Any]"

    def __call__(
        self,
        value: Any,
        is_known: bool,
        is_secret: bool,
        dependencies: set[Resource] | None,
        failure: Exception | None,
    ) -> None:
        if failure is not None:
            self.future.set_exception(failure)
        else:
            whole = {self.resource, *(dependencies or ())}
            self.future.set_result(_OutputData(whole, value, is_known, is_secret))


def _transfer_properties(res: Resource, props: Mapping[str, Any], custom: bool) -> dict[str, Any]:
    """Give `res` an output per property; the functions that resolve them, by name."""
    loop = asyncio.get_running_loop()
    resolvers: dict[str, Any] = {}
    for name in props:
        if name == "urn" or (name == "id" and custom):
            continue
        output: Output[Any] = object.__new__(Output)
        output._data = loop.create_future()
        resolvers[name] = _Resolver(res, output._data)
        res.__dict__[name] = output
    return resolvers


def _resolve_outputs(
    res: Resource,
    sent: struct_pb2.Struct,
    received: struct_pb2.Struct,
    dependencies: Mapping[str, set[Resource]],
    resolvers: Mapping[str, _Resolver],
    custom: bool,
    by_type: bool = False,
    keep_unknowns: bool = False,
    resolve_missing_as_unknown: bool = False,
) -> None:
    """Resolve every property with what came back, or else with what was sent."""
    if not by_type:
        _resolve_outputs_of_sdk(
            res, sent, received, dependencies, dict(resolvers), custom, False, keep_unknowns,
            resolve_missing_as_unknown,
        )  # fmt: skip
        return
    types, names = sdk_types.resource_types(type(res)), sdk_types.resource_pulumi_to_py_names(type(res))

    def typed(key: str, name: str, value: Any, **options: Any) -> Any:
        path = sdk_rpc._Path(name, resource=res._name)
        return _translated(value, str, types.get(key), True, path=path, **options)

    values: dict[str, Any] = {}
    for key, value in _deserialized_properties(received, keep_unknowns).items():
        name = names.get(key) or key
        values[name] = typed(key, name, value)
    if not sdk_settings.is_dry_run() or sdk_settings.is_legacy_apply_enabled():
        for key in sent:
            name = names.get(key) or key
            if name not in values:
                given = _deserialized(sent[key])
                values[name] = typed(key, name, given, return_none_on_dict_type_mismatch=True)
    depends = {names.get(key) or key: one for key, one in dependencies.items()}
    _resolve_properties(resolvers, values, depends, resolve_missing_as_unknown)


def _resolve_properties(
    resolvers: Mapping[str, _Resolver],
    values: Mapping[str, Any],
    dependencies: Mapping[str, set[Resource]],
    resolve_missing_as_unknown: bool,
) -> None:
    """Resolve every property of a resource; those without a value have one answer in common."""
    preview = sdk_settings.is_dry_run()
    nothing: _OutputData[Any] | None = None
    for name, resolver in resolvers.items():
        depends = dependencies.get(name)
        if name in values:
            value, secret = values[name], sdk_rpc.is_rpc_secret(values[name])
            value = sdk_rpc.unwrap_rpc_secret(value) if secret else value
            resolver(value, not preview or value is not None, secret, depends, None)
        elif depends:
            resolver(None, not preview and not resolve_missing_as_unknown, False, depends, None)
        else:
            known = not preview and not resolve_missing_as_unknown
            nothing = nothing or _OutputData({resolver.resource}, None, known, False)
            resolver.future.set_result(nothing)


def _deserialized_properties(
    struct: struct_pb2.Struct, keep_unknowns: bool | None = None, keep_internal: bool | None = True
) -> Any:
    """Plain data from the protocol; what carries a mark, as the SDK does it."""
    fields = struct.fields
    if sdk_rpc._special_sig_key in fields or not keep_internal:
        return _deserialize_properties(struct, keep_unknowns, keep_internal)
    found: dict[str, Any] = {}
    for name, value in fields.items():
        kind = value.WhichOneof("kind")
        if kind is not None and kind != "null_value":
            one = _deserialized(getattr(value, kind), keep_unknowns)
            if one is not None:
                found[name] = one
    return found


def _deserialized(value: Any, keep_unknowns: bool | None = None, keep_internal: bool | None = True) -> Any:
    if type(value) in _PLAIN and value != sdk_rpc.UNKNOWN:
        return value
    return _deserialize_property(value, keep_unknowns, keep_internal)


def _translated(
    value: Any, transformer: Callable[[str], str], typ: Any = None, *args: Any, **options: Any
) -> Any:
    """A value from the engine in the type that the resource's class says."""
    if type(value) in _PLAIN and not _is_enum(typ):
        return int(value) if type(value) is float and _without_none(typ) is int else value
    return _translate_output(value, transformer, typ, *args, **options)


@functools.cache
def _is_enum(typ: Any) -> bool:
    member = _without_none(typ)
    return isinstance(member, type) and issubclass(member, Enum)


def _depends(from_resource: Resource, to_resource: Resource) -> bool:
    """Whether a dependency closes no circle. What is registered waits for nothing any more."""
    return to_resource.urn._data.done() or _declare_dependency(from_resource, to_resource)


def _unheard(*_: Any, **__: Any) -> None:
    """What our engine's log drops."""


_unwrapped = functools.cache(_unwrap_type)
_without_none = functools.cache(_unwrap_optional_type)


def _unknowns_within(value: Any) -> bool:
    """Whether anything in the value is unknown."""
    return type(value) not in _PLAIN and _contains_unknowns(value)


def _serialized(value: Any, *args: Any, **options: Any) -> Coroutine[Any, Any, Any]:
    """The value as the protocol has it; a plain one is that already, also as an output."""
    if not options:
        if type(value) in _PLAIN:
            return _itself(value)
        if type(value) is Output and True not in args:  # without `keep_output_values` and what follows
            return _serialized_output(value, *args)
    return _serialize_property(value, *args, **options)


async def _itself(value: Any) -> Any:
    return value


async def _serialized_output(value: Output[Any], deps: list[Resource] | None, *args: Any) -> Any:
    data = await value._data
    if type(data.value) in _PLAIN and data.is_known and not data.is_secret:
        if deps is not None:
            deps.extend(data.resources)
        return data.value
    return await _serialize_property(value, deps, *args)


@functools.cache
def _return_hints(cls: type) -> dict[str, Any]:
    """What each property of an arguments, output or resource class returns, by its name on the wire."""
    modules = tuple(base.__module__ for base in cls.__mro__)
    names = sdk_types._globals_for_cls(cls)
    hints: dict[str, Any] = {}
    for _, wire_name, getter in sdk_types._py_properties(cls):
        annotation = getter.fget.__annotations__.get("return") if getter.fget else None
        key = (modules, annotation if isinstance(annotation, str) else id(annotation))
        if key not in _hints:
            local = {"Output": Output, "T": type(None)}  # as the SDK gives them
            _hints[key] = typing.get_type_hints(getter.fget, names, local).get("return")
        if _hints[key] is not None:
            hints[wire_name] = _hints[key]
    return hints


def _urn(name: Any, type_: Any, parent: Any = None, project: Any = None, stack: Any = None) -> Output[str]:
    """The URN of a resource, at once where name, type and parent are texts."""
    if type(name) is type(type_) is type(parent) is str:
        return _settled(f"{parent[: parent.rfind('::')]}${type_}::{name}")
    return _create_urn(name, type_, parent, project, stack)


def _output_of(value: Any) -> Output[Any]:
    """An output of the value with every output in it unwrapped: one for all plain data, however deep."""
    if type(value) in _PLAIN:
        return _settled(value)
    if type(value) is not dict and type(value) is not list:
        return _from_input(value)
    found: list[Output[Any]] = []
    copy = _copied(value, found)
    if not found:
        return _settled(copy)

    async def gathered() -> _OutputData[Any]:
        parts = await asyncio.gather(*(output._data for output in found))
        return _OutputData(
            set().union(*(part.resources for part in parts)),
            _filled(copy, [part.value for part in parts]),
            all(part.is_known for part in parts),
            any(part.is_secret for part in parts),
        )

    return Output._from_data(gathered())


@dataclass(frozen=True)
class _Place:
    """Where in a copy the value of an output belongs."""

    position: int


def _copied(value: Any, found: list[Output[Any]]) -> Any:
    """A copy of plain data; outputs of all else in it are added to `found`, with their places in the copy."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is list:
        return [_copied(one, found) for one in value]
    if kind is dict and all(type(key) is str for key in value):
        return {key: _copied(one, found) for key, one in value.items()}
    found.append(_from_input(value))
    return _Place(len(found) - 1)


def _filled(copy: Any, values: list[Any]) -> Any:
    kind = type(copy)
    if kind is _Place:
        return values[copy.position]
    if kind is list:
        return [_filled(one, values) for one in copy]
    if kind is dict:
        return {key: _filled(one, values) for key, one in copy.items()}
    return copy


def _settled(value: Any) -> Output[Any]:
    """An output that is known already, of nothing."""
    output: Output[Any] = object.__new__(Output)
    output._data = asyncio.Future()
    output._data.set_result(_OutputData(set(), value, True, False))
    return output


def _track(output: Output[Any]) -> None:
    """Have the output awaited at the end, unless it is there already. One that failed stays, for the SDK to
    report.
    """
    data = output._data
    if not data.done() or data.cancelled() or data.exception() is not None:
        settings: Any = SETTINGS  # the SDK's own types do not know its descriptors
        settings.outputs.add(data)


def _from_data(cls: type[Output[Any]], data: Any) -> Output[Any]:
    """An output of what a coroutine gives."""
    output: Output[Any] = object.__new__(cls)
    output._data = asyncio.get_running_loop().create_task(data) if iscoroutine(data) else ensure_future(data)
    output._track()
    return output


def _stack_trace(root: str, surroundings: tuple[str, ...]) -> source_pb2.StackTrace:
    """The innermost frame of the project above the constructor of the resource."""
    frame = sys._getframe(1)
    seen = 0
    while frame is not None and seen < _CONSTRUCTORS:
        seen += frame.f_code.co_name == "__init__"
        frame = frame.f_back
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(root) and not file.startswith(surroundings):
            position = source_pb2.SourcePosition(uri=_uri(file), line=frame.f_lineno)
            return source_pb2.StackTrace(frames=[source_pb2.StackFrame(pc=position)])
        frame = frame.f_back
    return source_pb2.StackTrace()


@functools.lru_cache(maxsize=1024)
def _uri(file: str) -> str:
    return Path(file).as_uri()


async def _noted_serve(self: Any) -> None:
    """Serve the program's callbacks, and remember that its loop does."""
    _with_callbacks.add(asyncio.get_running_loop())
    await _serve(self)


class ProgramsLoop(asyncio.SelectorEventLoop):
    """An event loop that runs at once what is meant for an executor. Once the program has a callback (a
    transform, a hook), which runs in this loop, threads take over: the loop must be free to answer.
    """

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """See `asyncio.BaseEventLoop`; an error goes into the future."""
        if self in _with_callbacks:
            return super().run_in_executor(executor, func, *args)
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # as an executor does: it is raised where it is awaited
            done.set_exception(error)
        return done

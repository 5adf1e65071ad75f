"""Shorter ways through the SDK for an evaluation in this process; a third of its time goes without them.

Each does what the SDK does, for a program that runs against our own monitor. That the plans stay the same is
tested against the untouched SDK in a child process (`language_host`).

* A resource's output is one future, resolved by its registration. The SDK makes four, a task that gathers
  them, and keeps a list of all; here the registration alone, which the SDK waits for, answers for them.
* The stack trace holds one frame, the innermost of the project: no other is read.
* A registration that has nothing to wait for is answered in the program's own thread.
* Plain data becomes one output. The SDK makes one of every value and key in it, each with a task.
* What an annotation means is found out once per module, not once per property that has it.
* Texts, numbers and truth values are taken as they are, without asking twelve times what else they could be.

`KIT_SHORTCUTS=off` leaves the SDK as it is: slower by a factor of two to three, and the way to find out
whether a shortcut is at fault. They are used with the version of the SDK that they were written for only.
"""

import asyncio
import functools
import os
import sys
import typing
import weakref
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pulumi import Output, Resource
from pulumi import _types as sdk_types
from pulumi.output import _OutputData
from pulumi.runtime import _callbacks as sdk_callbacks
from pulumi.runtime import resource as sdk_resource
from pulumi.runtime import rpc as sdk_rpc
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


REPLACED: tuple[Callable[..., Any], ...] = (
    sdk_rpc.transfer_properties,
    _serve,
    _contains_unknowns,
    _serialize_property,
    _create_urn,
    sdk_types._raw_return_hints,
    _from_input,
    Output._track,
    sdk_resource._get_stack_trace,
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
    sdk_resource._get_stack_trace = functools.partial(
        _stack_trace, f"{root}/", tuple(f"{root}/{folder}/" for folder in sorted(surroundings))
    )
    return True


def _transfer_properties(res: Resource, props: Mapping[str, Any], custom: bool) -> dict[str, Any]:
    """Give `res` an output per property; the functions that resolve them, by name."""
    loop = asyncio.get_running_loop()
    resolvers: dict[str, Any] = {}
    for name in props:
        if name == "urn" or (name == "id" and custom):
            continue
        output: Output[Any] = object.__new__(Output)
        output._data = loop.create_future()
        resolvers[name] = functools.partial(_resolve, res, output._data)
        res.__dict__[name] = output
    return resolvers


def _resolve(
    res: Resource,
    future: "asyncio.Future[Any]",
    value: Any,
    is_known: bool,
    is_secret: bool,
    dependencies: set[Resource] | None,
    failure: Exception | None,
) -> None:
    """The SDK's resolver: the same arguments, one future."""
    if failure is not None:
        future.set_exception(failure)
    else:
        future.set_result(_OutputData({res, *(dependencies or ())}, value, is_known, is_secret))


def _unknowns_within(value: Any) -> bool:
    """Whether anything in the value is unknown."""
    return type(value) not in _PLAIN and _contains_unknowns(value)


def _serialized(value: Any, *args: Any, **options: Any) -> Coroutine[Any, Any, Any]:
    """The value as the protocol has it; a plain one is that already."""
    if type(value) in _PLAIN and not options:
        return _itself(value)
    return _serialize_property(value, *args, **options)


async def _itself(value: Any) -> Any:
    return value


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
    """Have the SDK wait for the output at the end, unless it is there already."""
    data = output._data
    if data.done() and not data.cancelled() and data.exception() is None:
        return
    settings: Any = SETTINGS  # the SDK's own types do not know its descriptors
    outputs = settings.outputs
    outputs.add(data)
    data.add_done_callback(functools.partial(_no_longer_awaited, outputs))


def _no_longer_awaited(outputs: set[Any], data: "asyncio.Future[Any]") -> None:
    """One that failed stays, for the SDK to report."""
    if not data.cancelled() and data.exception() is None:
        outputs.discard(data)


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


class ProgramsThread(ThreadPoolExecutor):
    """An executor that runs what it is given at once. Once the program has a callback (a transform, a hook),
    which runs in its event loop, threads take over: the loop must be free to answer.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """See `ThreadPoolExecutor`; an error goes into the future."""
        if asyncio.get_running_loop() in _with_callbacks:
            return super().submit(fn, *args, **kwargs)
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:  # as an executor does: it is raised where it is awaited
            done.set_exception(error)
        return done

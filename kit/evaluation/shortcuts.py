"""Shorter ways through the SDK for an evaluation in this process; a third of its time goes without them.

Each does what the SDK does, for a program that runs against our own monitor. That the plans stay the same is
tested against the untouched SDK in a child process (`language_host`).

* A resource's output is one future, resolved by its registration. The SDK makes four, a task that gathers
  them, and keeps a list of all; here the registration alone, which the SDK waits for, answers for them.
* The stack trace holds one frame, the innermost of the project: no other is read.
* A registration that has nothing to wait for is answered in the program's own thread.
"""

import asyncio
import functools
import sys
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pulumi import Output, Resource
from pulumi.output import _OutputData
from pulumi.runtime import _callbacks as sdk_callbacks
from pulumi.runtime import resource as sdk_resource
from pulumi.runtime import rpc as sdk_rpc
from pulumi.runtime.proto import source_pb2

_CONSTRUCTORS = 3  # of Resource, CustomResource or ComponentResource, and the class of the resource itself

_with_callbacks: "weakref.WeakSet[asyncio.AbstractEventLoop]" = weakref.WeakSet()
_serve = sdk_callbacks._CallbackServicer.serve


def take(root: Path, surroundings: frozenset[str]) -> None:
    """Use the shorter ways from now on, in this process. Frames are looked for in files under `root`, outside
    of the folders `surroundings`.
    """
    sdk_rpc.transfer_properties = _transfer_properties
    sdk_callbacks._CallbackServicer.serve = _noted_serve
    sdk_resource._get_stack_trace = functools.partial(
        _stack_trace, f"{root}/", tuple(f"{root}/{folder}/" for folder in sorted(surroundings))
    )


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
            position = source_pb2.SourcePosition(uri=Path(file).as_uri(), line=frame.f_lineno)
            return source_pb2.StackTrace(frames=[source_pb2.StackFrame(pc=position)])
        frame = frame.f_back
    return source_pb2.StackTrace()


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

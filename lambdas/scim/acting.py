"""Actor of a change: the token of the request, or the worker (G.4)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import TypeVar

_ACTOR: ContextVar[str] = ContextVar("actor", default="provisioning")
Argument = TypeVar("Argument")
Result = TypeVar("Result")


def actor() -> str:
    """Return the current actor."""
    return _ACTOR.get()


@contextmanager
def acting(name: str) -> Iterator[None]:
    """Act for `name` in this block, and in what `inherited` runs from it."""
    token = _ACTOR.set(name)
    try:
        yield
    finally:
        _ACTOR.reset(token)


def inherited(call: Callable[[Argument], Result]) -> Callable[[Argument], Result]:
    """Return `call` for other threads, with the actor of this one."""
    context = copy_context()
    return lambda argument: context.copy().run(call, argument)

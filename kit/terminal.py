"""How much `kit` prints beside its results: progress, notes and the cause of an error."""

from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass

from rich.console import Console


@dataclass(frozen=True)
class Verbosity:
    """`causes`: an error is followed by its cause. `quiet`: neither progress nor notes."""

    causes: bool = False
    quiet: bool = False


_USUAL = Verbosity()
VERBOSITY: ContextVar[Verbosity] = ContextVar("VERBOSITY", default=_USUAL)


def notes() -> Console:
    """Return where progress and notes go: standard error, or nowhere under `kit --quiet`."""
    return Console(stderr=True, quiet=VERBOSITY.get().quiet)


def causes(error: BaseException) -> Iterator[str]:
    """Yield the chain of causes of an error, nearest first: the type of each exception and its first line."""
    seen = {id(error)}
    while (cause := error.__cause__ or error.__context__) is not None and id(cause) not in seen:
        seen.add(id(cause))
        first = (str(cause).splitlines() or [""])[0]
        yield f"{type(cause).__module__}.{type(cause).__name__}" + (f": {first}" if first else "")
        error = cause

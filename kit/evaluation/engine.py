"""Evaluation of a Pulumi program in this process: the real SDK, our monitor, no engine and no account."""

import asyncio
import contextvars
import gc
import os
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from inspect import isawaitable
from pathlib import Path
from typing import Any

from pulumi import RunError
from pulumi.runtime import Settings, configure, set_all_config
from pulumi.runtime.settings import ROOT, SETTINGS
from pulumi.runtime.stack import run_in_stack

from kit.errors import KitError
from kit.evaluation.backends import Backend
from kit.evaluation.errors import EvaluationError
from kit.evaluation.graph import Graph
from kit.evaluation.monitor import NOT_THE_PROGRAM, EngineLog, Monitor
from kit.evaluation.shortcuts import ProgramsLoop, take

PROJECT = "claude-enterprise-kit"
PROJECT_ROOT = Path(__file__).resolve().parent.parent.parent
PARALLEL = 16

_pause_lock = threading.Lock()
_pauses = 0  # evaluations under way that have paused the garbage collector

Program = Callable[[], Awaitable[None] | None]


def evaluate(
    program: Program,
    config: Mapping[str, str] | None,
    backend: Backend,
    *,
    project: str = PROJECT,
    stack: str = "stack",
    organization: str = "organization",
    preview: bool = False,
    secret_keys: Sequence[str] = (),
    root: Path = PROJECT_ROOT,
    cancelled: threading.Event | None = None,
) -> Graph:
    """Run `program` as the stack `stack` and return everything it registered.

    `config` has strings by full key (`project:key`), objects as JSON, as Pulumi passes them. Each
    evaluation has its own context, event loop and threads, so that concurrent evaluations do not interfere.
    A formatted Output (`f"{output}"`) is an error. Setting `cancelled` refuses every further registration.

    Raises KitError for what the backend or the program refuses (`EvaluationError.urn` names the resource);
    an error of the program itself is wrapped with its place in the project, the original being its
    `__cause__`.
    """
    os.environ["PULUMI_ERROR_OUTPUT_STRING"] = (
        "true"  # read by the SDK at each str(Output); nothing else listens
    )
    short = take(root, NOT_THE_PROGRAM)
    monitor = Monitor(backend, project=project, stack=stack, preview=preview, root=root, cancelled=cancelled)
    log = EngineLog()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(PARALLEL, thread_name_prefix="register"))
        # The first failure is raised below; the futures that it takes with it add nothing.
        loop.set_exception_handler(lambda _loop, _context: None)

        async def whole_program() -> None:
            result = program()
            if isawaitable(result):
                await result
            await _quiet()

        await run_in_stack(whole_program)

    def run() -> None:
        ROOT.set(None)
        set_all_config(dict(config or {}), list(secret_keys))
        configure(
            Settings(
                project=project, stack=stack, organization=organization, root_directory=str(root),
                monitor=monitor, engine=log, dry_run=preview, parallel=PARALLEL,
            )
        )  # fmt: skip
        with asyncio.Runner(loop_factory=ProgramsLoop if short and backend.prompt else None) as runner:
            runner.run(main())

    try:
        with collector_paused():
            contextvars.copy_context().run(run)
    except KeyboardInterrupt:
        monitor.cancelled.set()
        raise
    except KitError:
        if monitor.failure is None:
            raise
    except Exception as error:
        if monitor.failure is None:
            raise _program_failure(stack, error, root) from error
    # Not raised from the error above: that follows from it, and the causes would form a circle.
    if monitor.failure is not None:
        raise monitor.failure
    return monitor.graph(log.messages)


async def _quiet() -> None:
    """Wait until every output is resolved: one after the other, most being resolved when the first is.

    The SDK, which waits again afterwards, does so output by output and examines all others each time: a
    quarter of an evaluation of 200 resources.
    """
    settings: Any = SETTINGS  # the SDK's own types do not know their descriptors
    outputs: set[asyncio.Future[Any]] = settings.outputs
    while outputs:
        output = outputs.pop()
        if not output.done():
            await asyncio.wait([output])
        if output.cancelled() or output.exception():
            outputs.add(output)  # for the SDK to report
            return


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the cyclic garbage collector while evaluating.

    The SDK creates very many small futures, and traversing them repeatedly took half of the time (1.4 s
    against 0.7 s for three stages).
    """
    global _pauses
    with _pause_lock:
        if _pauses == 0 and not gc.isenabled():
            paused = False  # somebody else has, and will start it again
        else:
            paused = True
            _pauses += 1
            gc.disable()
    try:
        yield
    finally:
        if paused:
            with _pause_lock:
                _pauses -= 1
                if _pauses == 0:
                    gc.enable()


def _program_failure(stack: str, error: Exception, root: Path) -> EvaluationError:
    """Return an error of the program itself with its place, for the operator."""
    if isinstance(error, RunError):  # the program's own refusal, written for the operator
        return EvaluationError(str(error))
    place = _place_in_project(error, root)
    where = f" at {place}" if place else ""
    return EvaluationError(f"the program of stack {stack} failed{where}: {type(error).__name__}: {error}")


def _place_in_project(error: BaseException, root: Path) -> str | None:
    """Return the innermost line of the project's own code in the traceback of the error or its cause."""
    seen: set[int] = set()
    current: BaseException | None = error
    place: str | None = None
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        for frame in traceback.extract_tb(current.__traceback__):
            path = Path(frame.filename)
            if (
                path.is_relative_to(root)
                and not path.is_relative_to(root / "kit")
                and ".venv" not in path.parts
            ):
                place = f"{path.relative_to(root).as_posix()}:{frame.lineno}"
        current = current.__cause__ or current.__context__
    return place


def run_main_file(path: Path) -> Any:
    """Return a program that runs a Python file as `__main__`, without touching `sys.modules`, so that
    threads may.
    """

    def program() -> None:
        code = compile(path.read_bytes(), str(path), "exec")
        exec(code, {"__name__": "__main__", "__file__": str(path), "__builtins__": __builtins__})  # noqa: S102

    return program

"""The gateway's side of the process that inspects long requests (`inspection_worker`): started on first
use, asked one thing at a time, stopped if it does not answer in time.
"""

import os
import pickle
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock, Timer
from typing import IO, Any

from lambdas.common.policy import Department
from lambdas.gateway.json_body import JsonBody, parse_object
from lambdas.gateway.verdict import Declaration, Judged, Leniency
from lambdas.inspection import Inspection, InspectionConfig

_GRACE_SECONDS = 10.0  # beyond the inspector's own deadline: to start, to read, to write
_KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ")  # of the environment: nothing secret


NO_BODY = JsonBody(b"", "", {}, {})
_LENGTH = 8  # bytes of a frame's length


@dataclass(frozen=True, slots=True)
class Question:
    """A body to judge, with `config` if that has changed. `wants_inspection`: also return the findings,
    unless it is blocked.
    """

    raw: bytes
    department: Department
    declaration: Declaration
    config: InspectionConfig | None
    wants_inspection: bool = False
    leniency: Leniency = Leniency()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True)
class Reply:
    """The verdict without its body: None if that is unchanged."""

    judged: Judged
    body: bytes | None
    inspection: Inspection | None = None


def write_frame(stream: IO[bytes], value: Any) -> None:
    """Write one question or answer."""
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    stream.write(len(data).to_bytes(_LENGTH, "big"))
    stream.write(data)
    stream.flush()


def read_frame(stream: IO[bytes]) -> Any:
    """Read the next one. Raises `EOFError` if the other side has ended."""
    head = stream.read(_LENGTH)
    size = int.from_bytes(head, "big")
    data = stream.read(size) if len(head) == _LENGTH else b""
    if len(head) < _LENGTH or len(data) < size:
        raise EOFError
    return pickle.loads(data)  # noqa: S301 - written by the gateway or by this process


class InspectionProcess:
    """Judges bodies in a separate process. Blocks: call it in a thread."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._config: InspectionConfig | None = None
        self._lock = Lock()

    def judge(
        self,
        config: InspectionConfig,
        body: JsonBody,
        department: Department,
        declaration: Declaration,
        leniency: Leniency = Leniency(),  # noqa: B008 - frozen
        *,
        wants_inspection: bool = False,
    ) -> tuple[Judged, Inspection | None]:
        """Return the verdict on a body. Raises `RuntimeError` if there is none."""
        with self._lock:
            process = self._running()
            news = config if config is not self._config else None
            question = Question(body.raw, department, declaration, news, wants_inspection, leniency)
            reply = self._ask(process, question, config.deadline_seconds + _GRACE_SECONDS)
            self._config = config
        own = body if reply.body is None else parse_object(reply.body)
        judged = replace(reply.judged, verdict=replace(reply.judged.verdict, body=own))
        return judged, reply.inspection

    def close(self) -> None:
        """Stop the process."""
        process, self._process, self._config = self._process, None, None
        if process is not None:
            process.kill()
            process.communicate()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self._config = None
            environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lambdas.gateway.inspection_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={
                    **environment,
                    "PYTHONPATH": os.pathsep.join(one or str(Path.cwd()) for one in sys.path),
                },
            )
        return self._process

    def _ask(self, process: "subprocess.Popen[bytes]", question: Question, seconds: float) -> Reply:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the process of the inspection has no pipes")
        overdue = Timer(seconds, process.kill)
        overdue.start()
        try:
            write_frame(process.stdin, question)
            reply = read_frame(process.stdout)
        except (OSError, EOFError):
            self.close()
            raise RuntimeError("the process of the inspection ended") from None
        finally:
            overdue.cancel()
        if isinstance(reply, Reply):
            return reply
        raise RuntimeError("the inspection failed")

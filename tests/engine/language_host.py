"""The Python language host of an engine that was built from source: runs a program as Pulumi's own does.

The engine reads its port from PULUMI_DEBUG_LANGUAGES, and asks it to run a program (with the SDK's own
`pulumi-language-python-exec`) or a plugin written in Python (a policy pack).
"""
# ruff: noqa: N802 - the names are the protocol's

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import IO, Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from tests.engine.programs import Programs

_EXPLAINED = 32  # how the executor exits when it has told the user what is wrong
_MOST_BYTES = 400 * 1024 * 1024


class LanguageHost(language_pb2_grpc.LanguageRuntimeServicer):
    """What the engine asks of a language; what is not here is answered with "unimplemented"."""

    def __init__(self, programs: Programs, environment: Mapping[str, str]) -> None:
        """`environment` is added to that of this process."""
        self._engine = ""
        self._programs = programs
        self._environment = {**os.environ, **environment}

    def Handshake(self, request: Any, context: Any) -> Any:
        del context
        self._engine = request.engine_address or self._engine
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        del request, context
        return plugin_pb2.PluginInfo(version="3.274.1")

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        """None: the providers are on the PATH."""
        del request, context
        return language_pb2.GetRequiredPackagesResponse()

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:
        del request, context
        return language_pb2.GetRequiredPluginsResponse()

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        del request, context
        return language_pb2.GetProgramDependenciesResponse()

    def About(self, request: Any, context: Any) -> Any:
        del request, context
        return language_pb2.AboutResponse(executable=sys.executable, version=platform.python_version())

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:
        del request, context
        return language_pb2.RuntimeOptionsResponse()

    def Template(self, request: Any, context: Any) -> Any:
        del request, context
        return language_pb2.TemplateResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        """Nothing: this host runs in the project's own environment."""
        del request, context
        yield from ()

    def Run(self, request: Any, context: Any) -> Any:
        executor = shutil.which("pulumi-language-python-exec", os.F_OK, self._environment["PATH"])
        if executor is None:
            return language_pb2.RunResponse(error="pulumi-language-python-exec is not on the PATH")
        options = {
            "--monitor": request.monitor_address,
            "--engine": self._engine,
            "--project": request.project,
            "--root_directory": request.info.root_directory,
            "--stack": request.stack,
            "--pwd": request.pwd,
            "--dry_run": "true" if request.dryRun else "false",
            "--parallel": str(request.parallel),
            "--organization": request.organization,
        }
        command = [executor]
        for option, value in options.items():
            if value:
                command += [option, value]
        command += [str(Path(request.info.program_directory, request.info.entry_point)), *request.args]
        config = {
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }

        def started(process: int) -> None:
            """It ends with its engine: one that is killed tells nobody."""
            if not context.add_callback(partial(_kill, process)):
                _kill(process)

        code = self._programs.run(
            command, {**self._environment, **config}, request.info.root_directory, started
        )
        if code == _EXPLAINED:
            return language_pb2.RunResponse(bail=True)
        error = f"Program exited with non-zero exit code: {code}" if code else ""
        return language_pb2.RunResponse(error=error)

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        module = ["-m", "pulumi.policy"] if request.kind == "analyzer" else []
        program = request.info.program_directory
        arguments = [*request.args, program] if module else [program, *request.args]
        process = subprocess.Popen(
            [sys.executable, "-u", *module, *arguments],
            cwd=program if module else request.pwd,
            env={**self._environment, **_pairs(request.env)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        context.add_callback(process.kill)
        yield from _relayed(process)

    def Cancel(self, request: Any, context: Any) -> Any:
        del request, context
        return empty_pb2.Empty()


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def _pairs(env: Any) -> Mapping[str, str]:
    return dict(one.partition("=")[::2] for one in env)


def _relayed(process: subprocess.Popen[bytes]) -> Iterator[Any]:
    """What a process writes as it writes it, then how it ended."""
    said: Queue[Any] = Queue()

    def read(stream: IO[bytes], field: str) -> None:
        while chunk := os.read(stream.fileno(), 65536):
            message = language_pb2.RunPluginResponse()
            setattr(message, field, chunk)
            said.put(message)
        said.put(None)

    assert process.stdout
    assert process.stderr
    for stream, field in ((process.stdout, "stdout"), (process.stderr, "stderr")):
        Thread(target=read, args=(stream, field), daemon=True).start()
    open_streams = 2
    while open_streams:
        message = said.get()
        if message is None:
            open_streams -= 1
        else:
            yield message
    yield language_pb2.RunPluginResponse(exitcode=process.wait())


@contextmanager
def serving(environment: Mapping[str, str]) -> Iterator[int]:
    """A language host in this process; its port on loopback."""
    programs = Programs()
    server = grpc.server(
        futures.ThreadPoolExecutor(8),
        options=[
            ("grpc.max_receive_message_length", _MOST_BYTES),
            ("grpc.max_send_message_length", _MOST_BYTES),
        ],
    )
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(programs, environment), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait()
        programs.close()

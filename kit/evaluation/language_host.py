"""Evaluation of a project directory in a child Python, as Pulumi's language host does: over gRPC, from its
own folder.

It proves what the in-process evaluation cannot: that the project imports its own packages from its
directory, and that nothing of the operator's process is needed.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import engine_pb2_grpc, resource_pb2_grpc

from kit.errors import KitError
from kit.evaluation.backends import Backend
from kit.evaluation.engine import PROJECT
from kit.evaluation.errors import EvaluationError
from kit.evaluation.graph import Graph
from kit.evaluation.monitor import EngineLog, Monitor

_EXECUTOR = """
import asyncio, json, os, runpy, sys
import pulumi.runtime
from pulumi.runtime.stack import run_in_stack
given = json.loads(sys.argv[1])
pulumi.runtime.set_all_config(
    pulumi.runtime.get_config_env(), pulumi.runtime.get_config_secret_keys_env()
)
pulumi.runtime.configure(pulumi.runtime.Settings(parallel=16, root_directory=os.getcwd(), **given))
sys.path.insert(0, os.getcwd())
sys.argv = [os.getcwd()]
asyncio.run(run_in_stack(lambda: runpy.run_path(os.getcwd(), run_name="__main__") and None))
"""


class _MonitorServicer(resource_pb2_grpc.ResourceMonitorServicer):
    """The monitor behind gRPC; a refusal becomes the error of the call, as in the engine."""

    def __init__(self, monitor: Monitor) -> None:
        for name in vars(resource_pb2_grpc.ResourceMonitorServicer):
            if name[0].isupper():
                setattr(self, name, _procedure(getattr(monitor, name)))


class _EngineServicer(engine_pb2_grpc.EngineServicer):
    """The engine's log behind gRPC."""

    def __init__(self, log: EngineLog) -> None:
        for name in ("Log", "GetRootResource", "SetRootResource", "RequirePulumiVersion"):
            setattr(self, name, _procedure(getattr(log, name)))


def _procedure(method: Any) -> Any:
    def call(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(request)
        except KitError as error:
            return context.abort(grpc.StatusCode.UNKNOWN, error.message)

    return call


def evaluate_project(
    directory: Path,
    config: Mapping[str, str],
    backend: Backend,
    *,
    project: str = PROJECT,
    stack: str,
    organization: str = "organization",
    preview: bool = False,
    secret_keys: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float = 120,
) -> Graph:
    """Run the project in `directory` in a child process and return what it registered.

    Raises EvaluationError with the child's last output if it fails or takes too long.
    """
    root = directory.resolve()
    monitor = Monitor(backend, project=project, stack=stack, preview=preview, root=root)
    log = EngineLog()
    server = grpc.server(futures.ThreadPoolExecutor(32))
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(_MonitorServicer(monitor), server)
    engine_pb2_grpc.add_EngineServicer_to_server(_EngineServicer(log), server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    settings = {
        "monitor": address,
        "engine": address,
        "project": project,
        "stack": stack,
        "organization": organization,
        "dry_run": preview,
    }
    variables = {
        **os.environ,
        **(environment or {}),
        "PULUMI_CONFIG": json.dumps(dict(config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(secret_keys)),
        "PULUMI_ERROR_OUTPUT_STRING": "true",
    }
    try:
        child = subprocess.run(
            [sys.executable, "-c", _EXECUTOR, json.dumps(settings)],
            cwd=root,
            env=variables,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        message = f"the program of stack {stack} did not end within {timeout_seconds:.0f} s"
        raise EvaluationError(message) from None
    finally:
        server.stop(0)
    if monitor.failure is not None:
        raise monitor.failure
    if child.returncode != 0:
        last_words = "\n".join(child.stderr.strip().splitlines()[-15:])
        raise EvaluationError(f"the program of stack {stack} ended with {child.returncode}:\n{last_words}")
    return monitor.graph(log.messages)

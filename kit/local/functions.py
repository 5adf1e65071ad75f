"""The web functions of the plan as local processes; event functions run in the emulator itself."""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from components.layers import HTTP_PROTOCOL
from kit.embedded import Emulator
from kit.evaluation.graph import Graph, Resource, unwrapped
from kit.home import PROJECT_ROOT, Home
from kit.local.attendant import credential_environment
from kit.local.processes import Process, base_environment, fingerprint

FUNCTION = "aws:lambda/function:Function"
_ADAPTER = "LambdaAdapterLayer"


@dataclass(frozen=True)
class PlannedFunction:
    """One Lambda function of the plan. `name` is the short one, without client and environment."""

    name: str
    physical_name: str
    handler: str
    role_arn: str
    environment: Mapping[str, str]
    sources: tuple[str, ...]
    web: bool


def planned_functions(graphs: Iterable[Graph], prefix: str) -> list[PlannedFunction]:
    """Return every function of the stages, by name. `prefix` is `<client>-<environment>-`."""
    found = [_function(resource, prefix) for graph in graphs for resource in graph.of_type(FUNCTION)]
    return sorted(found, key=lambda function: function.name)


def _function(resource: Resource, prefix: str) -> PlannedFunction:
    inputs = unwrapped(resource.inputs)
    environment = (inputs.get("environment") or {}).get("variables") or {}
    name = str(inputs["name"])
    return PlannedFunction(
        name=name.removeprefix(prefix),
        physical_name=name,
        handler=str(inputs["handler"]),
        role_arn=str(inputs["role"]),
        environment={key: str(value) for key, value in environment.items()},
        sources=tuple(sorted(inputs["code"]["$archive"]["assets"])),
        web=any(_ADAPTER in str(layer) for layer in inputs.get("layers") or ()),
    )


@dataclass(frozen=True)
class LocalFunctionContext:
    """What every web function gets here in place of Lambda's environment."""

    home: Home
    emulator: Emulator
    attendant_url: str
    token_key: str
    upstream_url: str | None

    def environment(self, function: PlannedFunction) -> dict[str, str]:
        """Return the function's planned environment, the endpoint of the emulated AWS, and its own role."""
        local = base_environment(self.home) | {
            "AWS_ENDPOINT_URL": self.emulator.endpoint_url,
            "AWS_REGION": self.emulator.region,
            "AWS_DEFAULT_REGION": self.emulator.region,
            **credential_environment(self.attendant_url, self.token_key, function.role_arn),
        }
        if self.upstream_url:
            local["ANTHROPIC_UPSTREAM_URL"] = self.upstream_url
            local["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"] = self.upstream_url
        return {**function.environment, **local}


def web_process(function: PlannedFunction, context: LocalFunctionContext, port: int) -> Process:
    """Return a web function as a process: the server and factory that its Lambda layer starts."""
    command = [
        sys.executable, "-m", "uvicorn", "--factory", function.handler, "--host", "127.0.0.1",
        "--port", str(port), "--workers", "1", "--no-access-log", "--log-level", "warning",
        "--timeout-keep-alive", "60", "--no-proxy-headers", "--http", HTTP_PROTOCOL,
    ]  # fmt: skip
    environment = context.environment(function)
    started_for = {**environment, "emulator": str(context.emulator.pid)}
    return Process(
        name=function.name,
        title=f"web function {function.physical_name}",
        command=command,
        environment=environment,
        port=port,
        health_path=function.environment.get("AWS_LWA_READINESS_CHECK_PATH", "/healthz"),
        fingerprint=fingerprint(command, started_for, _files(function)),
        function=function.physical_name,
    )


def _files(function: PlannedFunction) -> list[Path]:
    """Return the files whose change restarts it."""
    return [PROJECT_ROOT / name for name in function.sources]

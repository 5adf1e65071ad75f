"""Which of the planned Lambda functions run here, and with which environment."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.evaluation import Graph, Resource
from kit.evaluation.graph import unwrapped
from kit.local.attendant import ScheduledFunction, credential_environment
from kit.local.emulator import Emulator
from kit.local.home import PROJECT_ROOT, Home
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
    timeout: int
    web: bool
    schedules: tuple[str, ...] = ()

    @property
    def sources(self) -> list[Path]:
        """The folders whose change restarts it."""
        own = PROJECT_ROOT / "lambdas" / self.handler.split(".")[1]
        return [own, PROJECT_ROOT / "lambdas" / "common", PROJECT_ROOT / "lambdas" / "inspection"]


def planned_functions(graphs: Sequence[Graph], prefix: str) -> list[PlannedFunction]:
    """Every function of the stages, by name. `prefix` is `<client>-<environment>-`."""
    found = [_function(resource, graph, prefix) for graph in graphs for resource in graph.of_type(FUNCTION)]
    return sorted(found, key=lambda function: function.name)


def _function(resource: Resource, graph: Graph, prefix: str) -> PlannedFunction:
    inputs = unwrapped(resource.inputs)
    environment = (inputs.get("environment") or {}).get("variables") or {}
    name = str(inputs["name"])
    return PlannedFunction(
        name=name.removeprefix(prefix),
        physical_name=name,
        handler=str(inputs["handler"]),
        role_arn=str(inputs["role"]),
        environment={key: str(value) for key, value in environment.items()},
        timeout=int(inputs.get("timeout", 60)),
        web=any(_ADAPTER in str(layer) for layer in inputs.get("layers") or ()),
        schedules=tuple(_schedules(graph, name)),
    )


def _schedules(graph: Graph, function_name: str) -> list[str]:
    """The schedule expressions of EventBridge that start this function."""
    marker = f":function:{function_name}"

    def aims_here(target: Any) -> bool:
        text = str(target)
        return text.endswith(marker) or f"{marker}:" in text

    found = []
    for resource in graph.of_type("aws:scheduler/schedule:Schedule"):
        inputs = unwrapped(resource.inputs)
        if aims_here((inputs.get("target") or {}).get("arn")):
            found.append(str(inputs["scheduleExpression"]))
    targets = [unwrapped(one.inputs) for one in graph.of_type("aws:cloudwatch/eventTarget:EventTarget")]
    rules = {str(one["rule"]) for one in targets if aims_here(one.get("arn"))}
    for resource in graph.of_type("aws:cloudwatch/eventRule:EventRule"):
        inputs = unwrapped(resource.inputs)
        state = graph.states.get(resource.urn)
        if inputs.get("scheduleExpression") and {inputs.get("name"), state.id if state else None} & rules:
            found.append(str(inputs["scheduleExpression"]))
    return sorted(found)


@dataclass(frozen=True)
class Surroundings:
    """What every function gets here instead of what Lambda would give it."""

    home: Home
    emulator: Emulator
    attendant_url: str
    token_key: str
    upstream_url: str | None

    def environment(self, function: PlannedFunction) -> dict[str, str]:
        """The function's environment of the plan, the way to the emulated AWS, and its own role."""
        local = base_environment(self.home) | {
            "AWS_ENDPOINT_URL": self.emulator.endpoint_url,
            "AWS_REGION": self.emulator.region,
            "AWS_DEFAULT_REGION": self.emulator.region,
            "KIT_FUNCTION_NAME": function.physical_name,
            "KIT_FUNCTION_TIMEOUT": str(function.timeout),
            **credential_environment(self.attendant_url, self.token_key, function.role_arn),
        }
        if self.upstream_url:
            local["ANTHROPIC_UPSTREAM_URL"] = self.upstream_url
        return {**function.environment, **local}


def web_process(function: PlannedFunction, around: Surroundings, port: int) -> Process:
    """A web function as a process: the same server and factory that its Lambda layer starts."""
    command = [
        sys.executable, "-m", "uvicorn", "--factory", function.handler, "--host", "127.0.0.1", "--port",
        str(port), "--workers", "1", "--no-access-log", "--log-level", "warning", "--timeout-keep-alive", "60",
    ]  # fmt: skip
    environment = around.environment(function)
    started_for = {**environment, "emulator": str(around.emulator.pid)}
    return Process(
        name=function.name,
        title=f"web function {function.physical_name}",
        command=command,
        environment=environment,
        port=port,
        health_path=function.environment.get("AWS_LWA_READINESS_CHECK_PATH", "/healthz"),
        fingerprint=fingerprint(command, started_for, function.sources),
        function=function.physical_name,
    )


def event_function(function: PlannedFunction, around: Surroundings) -> ScheduledFunction:
    """An event function as the attendant starts it."""
    return ScheduledFunction(
        name=function.name,
        role_arn=function.role_arn,
        handler=function.handler,
        environment=around.environment(function),
        schedules=function.schedules,
    )

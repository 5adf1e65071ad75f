"""`kit up` step by step: emulator, gates, plan, apply, secrets, processes, application key, first request."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contract.writing import as_file
from kit import embedded
from kit.chosen import Standing
from kit.deploy.generated_secrets import fill_generated
from kit.embedded import Emulator
from kit.errors import ExitCode, KitError
from kit.evaluation.graph import Graph, unwrapped
from kit.evaluation.stages import (
    STAGES,
    evaluate_stage,
    planned_account,
    stack_configuration,
    stack_name,
)
from kit.home import Home
from kit.local import emulator, gates
from kit.local.emulator import RootCredentials
from kit.local.engine import LocalBackend, Step
from kit.local.ports import DEFAULT_BASE, port_of, require_free
from kit.local.processes import is_our_process, stop_all
from kit.local.resources.handler import Clients
from kit.local.state import StackState
from stacks.settings import Settings, SettingsError
from stacks.settings.loading import RawConfig, read_settings

PREFIX = "claude-enterprise-kit:"


@dataclass(frozen=True)
class Choice:
    """The operator's choices."""

    stage: str = STAGES[-1]
    client: str | None = None
    client_file: Path | None = None
    size: str | None = None
    port_base: int = DEFAULT_BASE
    anthropic_api_key: str | None = field(default=None, repr=False)
    anthropic_base_url: str | None = None  # the key's endpoint, if not api.anthropic.com

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages up to the requested one."""
        return STAGES[: STAGES.index(self.stage) + 1]


@dataclass
class Plan:
    """What a run would do: the steps by stage, and the graphs they come from."""

    steps: dict[str, list[Step]] = field(default_factory=dict)
    graphs: dict[str, Graph] = field(default_factory=dict)

    @property
    def changes(self) -> list[Step]:
        """Every step with an effect, in order."""
        return [step for steps in self.steps.values() for step in steps if step.operation != "same"]

    @property
    def lost(self) -> list[Step]:
        """Resources that hold data and no longer exist: their content is lost."""
        return [step for step in self.changes if step.operation == "restore" and step.type in _HOLDING]

    def counts(self) -> dict[str, int]:
        """Number of resources by operation."""
        names = ("create", "restore", "update", "replace", "delete", "same")
        every = [step.operation for steps in self.steps.values() for step in steps]
        return {name: every.count(name) for name in names if name in every}

    def standing(self) -> tuple[int, int]:
        """How many resources exist in the emulator after the run, and how many are only recorded."""
        kept = [step for steps in self.steps.values() for step in steps if step.operation != "delete"]
        return sum(step.live for step in kept), sum(not step.live for step in kept)


class Deployment:
    """One embedded deployment: the home, the configuration, and the emulator once it runs."""

    def __init__(self, home: Home, choice: Choice) -> None:
        self.home = home
        self.choice = choice
        self.cancelled = threading.Event()
        self.overrides = self._overrides()
        self.settings = self._settings()
        self.account = planned_account(self._configuration(STAGES[0]))
        self._states: dict[str, StackState] = {}
        self._standing: set[str] = set()  # URNs that the plan has looked up, once if nothing changes
        self._emulator: Future[Emulator] | None = None
        self.emulator_was_killed = False  # whether the previous emulator ended without saving
        self._clients: Clients | None = None
        self._lock = threading.Lock()

    # -- configuration

    def _overrides(self) -> dict[str, Any]:
        chosen: dict[str, Any] = {
            "emulated": True,
            "portal_url": f"http://localhost:{port_of('portal', self.choice.port_base, [])}/portal",
            "demonstration_evidence": str(self.home.demonstration_file),
        }
        if self.choice.client_file:
            chosen["client_file"] = str(self.choice.client_file)
        if self.choice.size:
            chosen["size"] = self.choice.size
        settings = read_settings_of(stack_configuration(STAGES[0], client=self.choice.client, config=chosen))
        if self.choice.anthropic_api_key:
            claude = as_file(settings.claude)
            by_key: dict[str, Any] = {"kind": "anthropic", "auth": {"kind": "secret"}}
            if "us" in settings.data_residency:
                by_key["inference_geo"] = "us"
            if self.choice.anthropic_base_url:
                by_key["base_url"] = self.choice.anthropic_base_url
            chosen["claude"] = {**claude, "providers": [by_key]}
        if settings.api.custom_domain:  # no public name resolves to the loopback address
            api = replace(settings.api, custom_domain=None, mutual_tls=None)
            chosen["api"] = as_file(api)
        return chosen

    def _configuration(self, stage: str) -> dict[str, str]:
        return stack_configuration(stage, client=self.choice.client, config=self.overrides)

    def _settings(self) -> Settings:
        return read_settings_of(self._configuration(self.choice.stage))

    def as_standing(self) -> Standing:
        """What the home stores about the client, so that commands know which one is up."""
        file = self.choice.client_file
        return Standing(
            self.choice.client,
            self.settings.client,
            self.settings.environment,
            client_file=str(file) if file else None,
            size=self.choice.size,
        )

    @property
    def outside_residency(self) -> bool:
        """Whether this run's key is served from where the client's data must not be: acceptable here, where
        the data is the operator's own, and refused in every deployment.
        """
        return self.choice.anthropic_api_key is not None and "us" not in self.settings.data_residency

    @property
    def prefix(self) -> str:
        """The prefix of every physical name."""
        return f"{self.settings.client}-{self.settings.environment}-"

    @property
    def gateway_url(self) -> str:
        """The gateway's address."""
        return f"http://127.0.0.1:{port_of('gateway', self.choice.port_base, [])}"

    # -- emulator

    def start_emulator(self) -> None:
        """Start the emulator, or find it running; in the background, so that planning proceeds meanwhile."""
        pool = ThreadPoolExecutor(1, thread_name_prefix="emulator")
        self._emulator = pool.submit(self._running_emulator)
        pool.shutdown(wait=False)

    @property
    def emulator(self) -> Emulator:
        """The running emulator; waits for it. Raises KitError if it does not start."""
        if self._emulator is None:
            raise KitError("the emulated AWS was not started", hint="run `kit up`")
        return self._emulator.result()

    def _running_emulator(self) -> Emulator:
        known = embedded.remembered(self.home)
        port = port_of("emulator", self.choice.port_base, [])
        if known and known.account != self.account.id:
            raise KitError(
                f"the emulated AWS was set up for account {known.account}, "
                f"the configuration says {self.account.id}",
                hint="run `kit down`, then `kit up`; or set KIT_HOME to another folder for this client",
                exit_code=ExitCode.USAGE,
            )
        if known and is_our_process(known.pid, EMULATOR_COMMAND):
            if known.endpoint_url.endswith(f":{port}") and embedded.answers(known):
                return known
            emulator.stop(known.pid)
        elif known and emulator.was_killed(self.home.emulator_folder):
            self.emulator_was_killed = True
        require_free(port, "the emulated AWS")
        running = emulator.start(
            venv=self.home.emulator_venv,
            state=self.home.emulator_folder,
            port=port,
            region=self.account.region,
            log=self.home.log("emulator"),
            account=self.account.id,
            credentials=RootCredentials(known.access_key_id, known.secret_access_key) if known else None,
        )
        embedded.remember(self.home, running)
        return running

    def clients(self) -> Clients:
        """AWS clients of the emulator, as root."""
        running = self.emulator
        with self._lock:
            if self._clients is None:
                self._clients = Clients(
                    running.endpoint_url, running.access_key_id, running.secret_access_key
                )
            return self._clients

    # -- gates, plan, apply

    def demonstrate(self) -> Sequence[str]:
        """Open the gates with labelled demonstration evidence; return the criteria written now."""
        return gates.demonstrate(self.home, self.settings, datetime.now(UTC).date())

    def plan(self) -> Plan:
        """Evaluate every stage and compare it with what exists. Changes nothing."""
        plan = self._evaluate(apply=False, reported=None)
        if plan.changes:  # what belongs to a resource may be lost when it is replaced
            self._standing.clear()
        return plan

    def apply(self, reported: Callable[[Step], None]) -> Plan:
        """Apply the program. A run that fails or is stopped leaves a state that can be resumed."""
        return self._evaluate(apply=True, reported=reported)

    def _evaluate(self, *, apply: bool, reported: Callable[[Step], None] | None) -> Plan:
        plan, exports = Plan(), dict[str, dict[str, Any]]()
        for stage in self.choice.stages:
            state = self.state(stage)
            backend = LocalBackend(
                state,
                account=self.account,
                clients=self.clients,
                secret_key=self.home.engine_key(),
                stack_outputs=exports,
                apply=apply,
                reported=reported,
                served={API_STAGE: {"invokeUrl": self.gateway_url}},
                standing=self._standing,
            )
            graph = evaluate_stage(
                stage,
                client=self.choice.client,
                config=self.overrides,
                backend=backend,
                stack_outputs=exports,
                cancelled=self.cancelled,
            )
            backend.finish(graph)
            plan.steps[stage], plan.graphs[stage] = backend.steps, graph
            exports[graph.stack] = graph.exports
        return plan

    def state(self, stage: str) -> StackState:
        """Return the state of a stage."""
        if stage not in self._states:
            path = self.home.state_file(stack_name(stage, self.choice.client))
            self._states[stage] = StackState(path)
        return self._states[stage]

    # -- what follows

    def fill_secrets(self, exports: Mapping[str, Any]) -> None:
        """Fill the empty secrets: random values, and the operator's Claude key if there is one."""
        manager = self.clients().of("secretsmanager", self.account.region)
        fill_generated(manager, {name: unwrapped(value) for name, value in exports.items()}, _has_value)
        arn, key = unwrapped(exports.get("anthropic_api_key_secret_arn")), self.choice.anthropic_api_key
        if arn and key:
            manager.put_secret_value(SecretId=arn, SecretString=key)


def _has_value(manager: Any, arn: str) -> bool:
    """The emulator gives a newly created secret a version without a value; AWS gives it none."""
    return bool(manager.get_secret_value(SecretId=arn).get("SecretString"))


_HOLDING = frozenset(
    {
        "aws:cognito/userPool:UserPool",
        "aws:dynamodb/table:Table",
        "aws:kms/key:Key",
        "aws:s3/bucket:Bucket",
        "aws:secretsmanager/secret:Secret",
    }
)
EMULATOR_COMMAND = ("python", str(emulator.LAUNCHER))
API_STAGE = "api-stage"  # logical name of the API Gateway stage, in place of which the gateway answers itself


def read_settings_of(configuration: Mapping[str, str]) -> Settings:
    """Return the settings of a stack. Raises KitError with every problem."""
    values = {key.removeprefix(PREFIX): value for key, value in configuration.items()}
    try:
        return read_settings(RawConfig(values, frozenset()))
    except SettingsError as error:
        raise KitError(str(error), exit_code=ExitCode.USAGE) from None


def stop_everything(home: Home) -> None:
    """Stop the processes and the emulator of a home. Nothing of the state is removed."""
    stop_all(home)
    known = embedded.remembered(home)
    if known and is_our_process(known.pid, EMULATOR_COMMAND):
        emulator.stop(known.pid)

"""The deployment that an operator's command works on: what its stages export, and clients to reach it.

One function for all commands, so that `kit audit`, `kit key`, `kit report` … work alike on the embedded
default and on a real account:

    target = find_target()
    table = target.require("ledger_table_name")
    target.client("dynamodb").get_item(TableName=table, Key=…)

An embedded deployment (`kit up`, `KIT_HOME`) comes first, unless a command names another client; where there
is none, the stacks of a real account are asked through the `pulumi` binary and reached with the default AWS
credentials.
"""

import json
import shutil
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3

from contract.kinds import STAGES
from kit import embedded
from kit.aws_clients import Clients
from kit.chosen import choose, standing
from kit.errors import ExitCode, KitError
from kit.evaluation.graph import unwrapped
from kit.evaluation.stages import stack_name
from kit.home import PROJECT_ROOT, find_home, read_json

_NOT_UP = "stand one up with `kit up`, or select a real one: install pulumi, log in, give AWS credentials"


@dataclass(frozen=True)
class Target:
    """A deployment. `outputs` are the exports of its stages in one (`stacks/contracts.py` names them); texts.

    `local` is true for the embedded default, whose clients are the emulator's, with its root credentials.
    """

    outputs: Mapping[str, str]
    region: str
    local: bool
    session: boto3.Session
    endpoint_url: str | None = None

    @cached_property
    def _clients(self) -> Clients:
        return Clients(self.session, self.endpoint_url)

    def client(self, service: str) -> Any:
        """The boto3 client of one service; made once, safe to use from several threads."""
        return self._clients.of(service, self.region)

    def require(self, name: str) -> str:
        """One export. Raises KitError, saying which stage is missing or old, where there is none."""
        value = self.outputs.get(name)
        if value is None:
            stages = [stage for stage, names in _promised().items() if name in names]
            raise KitError(
                f"the deployment exports no {name}",
                hint=f"deploy stage {stages[0]} of this version first" if stages else "",
                exit_code=ExitCode.USAGE,
            )
        return value


def require_client(target: Target, client: str) -> None:
    """Refuse to write one client's data into another's deployment. Raises KitError (2)."""
    up = target.outputs.get("client", client)
    if up != client:
        raise KitError(
            f"the deployment that is up is that of {up}, not of {client}",
            hint=f"name it: --client {up}",
            exit_code=ExitCode.USAGE,
        )


def find_target(client: str | None = None) -> Target:
    """The deployment that is up: the embedded one of `KIT_HOME`, else the stacks of a real account.

    `client` chooses stacks named `<stage>.<client>`. Raises KitError if nothing is up (exit code 4), or what
    is up cannot be reached.
    """
    return _embedded(client) or _real(client)


def _embedded(client: str | None) -> Target | None:
    home = find_home()
    running = embedded.remembered(home)
    if running is None:
        return None
    chosen = choose(client)
    if client is not None and not chosen.up and standing(home) is not None:
        return None  # another client's deployment is none of this command's business
    names = [stack_name(stage, chosen.client) for stage in STAGES]
    exports: dict[str, Any] = {}
    for name in names:
        exports |= (read_json(home.state_file(name)) or {}).get("exports", {})
    if not exports:
        return None
    if not embedded.answers(running):
        raise KitError(
            f"the emulated AWS at {running.endpoint_url} does not answer",
            hint="run `kit up`",
            exit_code=ExitCode.ENVIRONMENT,
        )
    session = boto3.Session(
        aws_access_key_id=running.access_key_id,
        aws_secret_access_key=running.secret_access_key,
        region_name=running.region,
    )
    return Target(_texts(exports), running.region, True, session, running.endpoint_url)


def _real(client: str | None) -> Target:
    pulumi = shutil.which("pulumi")
    if pulumi is None:
        here = standing()
        if client is not None and here is not None:
            raise KitError(
                f"the deployment that is up is that of {here.name}, not of {client}",
                hint=f"set KIT_HOME to the home of {client}, or name --client {here.name}",
                exit_code=ExitCode.ENVIRONMENT,
            )
        raise KitError("no deployment is up", hint=_NOT_UP, exit_code=ExitCode.ENVIRONMENT)
    exports: dict[str, Any] = {}
    problem = ""
    for stage in STAGES:
        command = [pulumi, "stack", "output", "--json", "--stack", stack_name(stage, client)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT_ROOT)
        if done.returncode != 0:
            problem = problem or (done.stderr.strip().splitlines() or [f"stage {stage} is not there"])[-1]
            break
        exports |= json.loads(done.stdout or "{}")
    if not exports:
        raise KitError(
            f"no deployment is up: pulumi says: {problem or 'the stacks export nothing'}",
            hint=_NOT_UP,
            exit_code=ExitCode.ENVIRONMENT,
        )
    region = str(exports.get("region", ""))
    return Target(_texts(exports), region, False, boto3.Session(region_name=region or None))


def _texts(exports: Mapping[str, Any]) -> dict[str, str]:
    values = {name: unwrapped(value) for name, value in exports.items()}
    return {name: str(value) for name, value in values.items() if value is not None}


def _promised() -> dict[str, Collection[str]]:
    from stacks.contracts import CONTRACTS

    return {stage: names.keys() for stage, names in CONTRACTS.items()}

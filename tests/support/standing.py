"""A stage that stands in the emulated AWS, and principals that act under policies taken from its plan."""

import json
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3

from contract.kinds import STAGES
from kit.aws_facts.prediction import Account
from kit.embedded import Emulator
from kit.evaluation.graph import Graph, Resource
from kit.evaluation.stages import evaluate_stage, planned_account, stack_configuration
from kit.home import PROJECT_ROOT
from kit.local import emulator as emulators
from kit.local.engine import LocalBackend
from kit.local.resources.handler import Clients
from kit.local.state import StackState


@dataclass(frozen=True)
class Standing:
    """Stages of the example client in an emulated AWS; `graphs` by stage."""

    emulator: Emulator
    graphs: Mapping[str, Graph]

    def root(self, service: str) -> Any:
        """A client with the root credentials."""
        return _client(
            self.emulator, service, self.emulator.access_key_id, self.emulator.secret_access_key, None
        )

    def exported(self, name: str) -> str:
        """An export of one of the stages."""
        return next(str(graph.exports[name]) for graph in self.graphs.values() if name in graph.exports)

    def resource(self, kind: str, name: str) -> Resource:
        """A resource by type and by its name in the program."""
        return next(
            one for graph in self.graphs.values() for one in graph if one.type == kind and one.name == name
        )

    def statements(self, role_policy: str) -> list[dict[str, Any]]:
        """The statements of a role policy, as they were planned."""
        planned = self.resource("aws:iam/rolePolicy:RolePolicy", role_policy).inputs["policy"]
        return json.loads(planned)["Statement"]

    def acting(self, statements: Sequence[Mapping[str, Any]]) -> "Acting":
        """A principal of its own that has these statements and nothing else."""
        iam, sts = self.root("iam"), self.root("sts")
        name = f"acting-{uuid.uuid4().hex[:12]}"
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document([trust]))["Role"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="only", PolicyDocument=_document(statements))
        given = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
        return Acting(self.emulator, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


@dataclass(frozen=True)
class Acting:
    """Credentials of one principal."""

    emulator: Emulator
    access_key_id: str
    secret_access_key: str
    session_token: str

    def client(self, service: str) -> Any:
        """A client that acts as this principal."""
        return _client(self.emulator, service, self.access_key_id, self.secret_access_key, self.session_token)

    def environment(self) -> dict[str, str]:
        """The variables with which a process acts as this principal."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": self.session_token,
            "AWS_ENDPOINT_URL": self.emulator.endpoint_url,
            "AWS_REGION": self.emulator.region,
        }


@contextmanager
def standing(folder: Path, port: int, last: str, config: Mapping[str, Any]) -> Iterator[Standing]:
    """The stages up to `last`, their gates assumed to be open, in an emulated AWS of their own."""
    account = planned_account(stack_configuration(STAGES[0]))
    venv = Path(os.environ.get("KIT_EMULATOR_VENV", PROJECT_ROOT / ".kit" / "emulator-venv"))
    log = folder / "emulator.log"
    running = emulators.start(
        venv=venv, state=folder / "aws", port=port, region=account.region, log=log, account=account.id
    )
    try:
        yield _stand_up(running, account, folder, last, config)
    finally:
        emulators.stop(running.pid)


def _stand_up(
    emulator: Emulator, account: Account, folder: Path, last: str, config: Mapping[str, Any]
) -> Standing:
    clients = Clients(emulator.endpoint_url, emulator.access_key_id, emulator.secret_access_key)
    graphs: dict[str, Graph] = {}
    exports: dict[str, Mapping[str, Any]] = {}
    for stage in STAGES[: STAGES.index(last) + 1]:
        backend = LocalBackend(
            StackState(folder / f"{stage}.json"),
            account=account,
            clients=lambda: clients,
            secret_key=b"test",
            stack_outputs=exports,
            apply=True,
        )
        graph = evaluate_stage(
            stage, config=config, assume_gates=True, backend=backend, stack_outputs=exports
        )
        backend.finish(graph)
        graphs[stage] = graph
        exports[graph.stack] = graph.exports
    return Standing(emulator, graphs)


def _document(statements: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@lru_cache(maxsize=64)  # to make one takes tens of milliseconds
def _client(emulator: Emulator, service: str, key: str, secret: str, token: str | None) -> Any:
    return boto3.client(
        service,  # type: ignore[call-overload]
        endpoint_url=emulator.endpoint_url,
        region_name=emulator.region,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )

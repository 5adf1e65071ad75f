"""Runs of the Pulumi engine, as an operator would start them by hand: the same commands, printed first."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kit.errors import ExitCode, KitError
from kit.evaluation.stages import stack_name
from kit.home import PROJECT_ROOT

_NO_PULUMI = "install it: https://www.pulumi.com/docs/install/"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Engine:
    """The `pulumi` command for one client.

    `backend` (`s3://…`, `file://…`) and `secrets_provider` (`awskms://…`) are those of new stacks; by
    default, the current login and a passphrase.
    """

    client: str | None
    backend: str = ""
    secrets_provider: str = ""
    project: Path = PROJECT_ROOT
    say: Say = print
    environment: Mapping[str, str] = field(default_factory=dict)

    def select(self, stage: str) -> None:
        """Select the stack of a stage, created if missing. Raises KitError."""
        create = ["stack", "select", "--create", self.stack(stage), "--non-interactive"]
        if self.secrets_provider:
            create += ["--secrets-provider", self.secrets_provider]
        self._run(create)
        for key, value in {"stage": stage, **({"client": self.client} if self.client else {})}.items():
            self._run(["config", "set", key, value, "--stack", self.stack(stage)], quiet=True)

    def configure(self, stage: str, key: str, value: str | None) -> None:
        """Set a key of the stack's own file, or remove it. Raises KitError."""
        change = ["rm", key] if value is None else ["set", key, value]
        self._run(["config", *change, "--stack", self.stack(stage)])

    def stack(self, stage: str) -> str:
        """Return the name of the stack of a stage."""
        return stack_name(stage, self.client)

    def up(self, stage: str, *, yes: bool) -> None:
        """Show the plan, ask unless `yes`, and apply it, checked by the policy pack. Raises KitError."""
        command = ["up", "--stack", self.stack(stage), "--policy-pack", "policy", "--diff"]
        self._run([*command, "--yes"] if yes else command)

    def refresh_preview(self, stage: str) -> list[Mapping[str, Any]]:
        """Return the drift as steps of a refresh, changing nothing. Raises KitError."""
        output = self._read(["refresh", "--preview-only", "--json", "--stack", self.stack(stage)])
        return list(json.loads(output).get("steps", []))

    def outputs(self, stage: str) -> dict[str, Any]:
        """Return what a stage exports; empty if it has not been deployed."""
        try:
            return json.loads(self._read(["stack", "output", "--json", "--stack", self.stack(stage)]) or "{}")
        except KitError:
            return {}

    def _run(self, arguments: Sequence[str], *, quiet: bool = False) -> None:
        """Run in the operator's terminal, so that the engine can ask and show progress."""
        if not quiet:
            self.say(f"$ pulumi {shlex.join(arguments)}")
        done = subprocess.run([_pulumi(), *arguments], cwd=self.project, env=self._environment(), check=False)
        if done.returncode:
            raise KitError(
                f"pulumi {arguments[0]}: exit {done.returncode}",
                hint="the message above says why; what was made stays, run the command again to go on",
            )

    def _read(self, arguments: Sequence[str]) -> str:
        done = subprocess.run(
            [_pulumi(), *arguments, "--non-interactive"],
            cwd=self.project,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise KitError(f"pulumi {arguments[0]}: {last}")
        return done.stdout

    def _environment(self) -> dict[str, str]:
        chosen = {"PULUMI_BACKEND_URL": self.backend} if self.backend else {}
        return {**os.environ, **chosen, **self.environment}


def _pulumi() -> str:
    found = shutil.which("pulumi")
    if found is None:
        raise KitError("there is no pulumi", hint=_NO_PULUMI, exit_code=ExitCode.ENVIRONMENT)
    return found

"""The client that a command refers to: the named one, the one deployed in this home, or, if nothing is up,
the one of the plain stacks (Z.1).

`kit up` remembers what it deployed in the home; every command that needs a client's settings reads them
from there, so that no command combines one client's settings with another's deployment.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kit.errors import ExitCode, KitError
from kit.home import Home, find_home, read_json, write_private

if TYPE_CHECKING:
    from stacks.settings import Settings


@dataclass(frozen=True)
class Chosen:
    """The client that a command refers to.

    `client` is that of the stacks `<stage>.<client>`, None for the plain ones; `config` overrides keys of
    its file; `up` says whether it is the one that is up.
    """

    client: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    up: bool = False


@dataclass(frozen=True)
class Standing:
    """The client of a home: the stacks, the name in its file, and the overrides of the file's keys."""

    client: str | None
    name: str
    environment: str
    client_file: str | None = None
    size: str | None = None

    def is_called(self, name: str) -> bool:
        """Return whether a command that names `name` refers to it."""
        return name in (self.client, self.name)

    def chosen(self) -> Chosen:
        """Return the client for a command that names none."""
        given = {"client_file": self.client_file, "size": self.size}
        return Chosen(self.client, {key: value for key, value in given.items() if value}, up=True)


def standing(home: Home | None = None) -> Standing | None:
    """Return what is deployed in a home, or None. Raises KitError if its file is damaged."""
    found = read_json((home or find_home()).client_file)
    return Standing(**found) if found else None


def remember(home: Home, made: Standing) -> None:
    """Remember what is deployed in a home, which must be the only client there.

    Raises KitError (2) if another client is deployed there, whose data, keys and evidence are in the same
    home.
    """
    before = standing(home)
    if before is not None and (before.name, before.environment) != (made.name, made.environment):
        raise KitError(
            f"the deployment of {before.name} ({before.environment}) stands in {home.path}",
            hint=f"remove it with `kit down`, or give {made.name} a home and ports of its own:"
            f" KIT_HOME={home.path}-{made.name} KIT_PORT_BASE=…",
            exit_code=ExitCode.USAGE,
        )
    write_private(home.client_file, json.dumps(vars(made), indent=1) + "\n")


def choose(client: str | None) -> Chosen:
    """Return the client that a command refers to; `client` is the one that it names."""
    here = standing()
    if here is not None and (client is None or here.is_called(client)):
        return here.chosen()
    return Chosen(client)


def folder_of(client: str | None) -> Path | None:
    """Return the folder of the client that a command refers to; None for a client of a single file, or if
    none is named or up.

    Its settings are not read, as they may be incomplete. Raises KitError (2) for a client that does not
    exist.
    """
    from contract.problems import nearest
    from stacks.settings.loading import CLIENT_FILE, client_files

    here, chosen = standing(), choose(client)
    if client is None and not chosen.up:
        return None
    name = chosen.client or (here.name if here is not None and chosen.up else "")
    known = client_files()
    file = Path(chosen.config["client_file"]) if "client_file" in chosen.config else known.get(name)
    if file is None:
        raise KitError(
            f"there is no client {name!r}",
            hint=nearest(name, known) or f"kit client new {name}",
            exit_code=ExitCode.USAGE,
        )
    return file.parent if file.name == CLIENT_FILE else None


def settings_of(
    client: str | None, stage: str = "rollout", config: Mapping[str, Any] | None = None
) -> "Settings":
    """Return the settings of the client that a command refers to, as `pulumi up` reads them; `config` takes
    precedence.

    Raises KitError (2) with every error.
    """
    from kit.evaluation.stages import stack_configuration
    from stacks.settings import RawConfig, SettingsError, read_settings

    chosen = choose(client)
    full = stack_configuration(stage, client=chosen.client, config={**chosen.config, **(config or {})})
    try:
        return read_settings(RawConfig({key.partition(":")[2]: value for key, value in full.items()}))
    except SettingsError as error:
        raise KitError(str(error), hint="correct the keys named above", exit_code=ExitCode.USAGE) from None

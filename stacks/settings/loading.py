"""Build `Settings` from files and stack configuration, reporting every error at once."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import pulumi
from pulumi.runtime import config as stack_configuration

from contract.client import SCHEMA
from contract.kinds import SIZES
from contract.problems import Problem, nearest, shown
from contract.reading import Reading
from contract.sizes import Sizing, resolve, value
from stacks.settings.consistency import consistency_problems, mapping
from stacks.settings.credentials import credential_problems, looks_secret, secret_by_name
from stacks.settings.documents import UnreadableFile, parse_json, read_yaml
from stacks.settings.saml_metadata import metadata_problems
from stacks.settings.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
CONFIG_FOLDER = ROOT / "stacks" / "config"
CLIENT_FILE = "client.yaml"  # in the client's own folder
# Keys that control an evaluation; not allowed in a client file.
_STACK_ONLY = (
    "stage",
    "emulated",
    "portal_url",
    "config_folder",
    "client_file",
    "client_folder",
    "evidence_file",
    "demonstration_evidence",
)

# Keys of earlier versions, with their replacements.
_RETIRED = {
    "audit.retention_days": "it is sizing.retention.audit_days (kit client migrate)",
    "network.vpc_id": "it changed nothing: remove it (kit client migrate)",
}


class SettingsError(Exception):
    """The configuration is invalid. `problems` holds every error; the text lists them line by line."""

    def __init__(self, problems: Sequence[Problem], source: str = "") -> None:
        self.problems = tuple(problems)
        self.source = source
        count = f"{len(self.problems)} problem{'' if len(self.problems) == 1 else 's'}"
        where = f" ({source})" if source else ""
        super().__init__(
            f"{count} in the configuration{where}:\n" + "\n".join(f"  {each}" for each in self.problems)
        )


@dataclass(frozen=True, slots=True)
class RawConfig:
    """A stack's configuration as passed by Pulumi: texts, structured values as JSON, and which keys are
    secret.
    """

    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    secret_keys: frozenset[str] = frozenset()


def load_settings() -> Settings:
    """Return the settings of the running stack. Call inside a Pulumi program.

    Raises:
        SettingsError: with every error, each with its key.
    """
    return read_settings(_running_config())


def read_settings(config: RawConfig) -> Settings:
    """Return the settings from a stack's configuration and its client file.

    Configuration keys: `stage`, `client` (name of the client file), any top-level key of the client file
    (which it then replaces), and, for tests and `kit`, `config_folder` (which contains `clients/` and
    `evidence/`), `client_file`, `evidence_file`, `emulated`, `portal_url`, `demonstration_evidence`.

    Raises:
        SettingsError: with every error, each with its key.
    """
    problems = [
        Problem(
            key,
            "is an encrypted secret; the kit takes none from configuration",
            "put it into Secrets Manager",
        )
        for key in sorted(config.secret_keys)
    ]
    overrides = {
        key: _decoded(key, each, problems)
        for key, each in config.values.items()
        if key not in config.secret_keys
    }
    given_folder = overrides.pop("config_folder", None)
    folder = Path(given_folder) if isinstance(given_folder, str) and given_folder else CONFIG_FOLDER
    path = _client_path(overrides, folder, problems)
    from_file: Any = {}
    if path:
        try:
            from_file = read_yaml(path)
        except UnreadableFile as error:
            raise SettingsError([*problems, _unreadable(path, error)]) from None
    if not isinstance(from_file, Mapping):
        raise SettingsError([*problems, Problem(_shown_path(path), "is not a mapping of keys to values")])
    problems += [
        Problem(key, "does not belong into a client's file", "it is set in the stack's configuration")
        for key in _STACK_ONLY
        if key in from_file
    ]
    chosen = cast("Mapping[str, Any]", from_file)
    own = {key: each for key, each in chosen.items() if key not in _STACK_ONLY}
    # `client` and `client_file` select the file; the client's name is in the file.
    name = overrides.pop("client", None)
    overrides.pop("client_file", None)
    document = own | overrides
    problems += _metadata_files(document, folder)
    evidence = folder / "evidence" / f"{name or _client_name(path)}.yaml"
    document = {"client": name, "evidence_file": str(evidence)} | document
    if path and path.name == CLIENT_FILE:
        document["client_folder"] = str(path.parent)
    settings = parse_settings(document, problems, source=_shown_path(path))
    from stacks.library import library_problems  # imported here because it reads settings

    wrong = library_problems(settings)
    if wrong:
        raise SettingsError(sorted(wrong, key=_place), _shown_path(path))
    return settings


def _metadata_files(document: dict[str, Any], folder: Path) -> list[Problem]:
    """Replace each SAML metadata file name by its full path, and return what is wrong with the files."""
    problems: list[Problem] = []
    for owner in ("identity", "console_access"):
        given = document.get(owner)
        name = mapping(given).get("metadata_file")
        if not isinstance(given, Mapping) or not isinstance(name, str) or not name:
            continue
        key, path = f"{owner}.metadata_file", (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            problems.append(Problem(key, "is outside the folder of the configuration", _shown_path(folder)))
            continue
        document[owner] = {**given, "metadata_file": str(path)}
        problems += [Problem(key, wrong) for wrong in metadata_problems(path)]
    return problems


def parse_settings(
    document: Mapping[str, Any], problems: Sequence[Problem] = (), *, source: str = ""
) -> Settings:
    """Return the settings from one merged document. `problems` are errors found while reading it.

    Raises:
        SettingsError: with every error, each with its key.
    """
    newer = _newer(document)
    if newer is not None:
        raise SettingsError([*problems, newer], source)
    found = [*problems, *credential_problems(document)]
    sizing = _sizing(document, found)
    reading = Reading(show=_shown_value, retired=_RETIRED, problems=found)
    if sizing is not None:
        reading.default_of = partial(value, sizing)
    settings = reading.read(Settings, document)
    found += consistency_problems(document, sizing)
    if found or settings is None:
        raise SettingsError(sorted({_without_secrets(each) for each in found}, key=_place), source)
    return settings


def _newer(document: Mapping[str, Any]) -> Problem | None:
    """Report a client file of a newer version. Nothing else is checked, because its meaning is unknown
    here.
    """
    given = document.get("schema")
    if not isinstance(given, int) or given <= SCHEMA:
        return None
    version = (ROOT / "VERSION").read_text("utf-8").strip()
    return Problem(
        "schema",
        f"{shown(given)} is of a newer version of the kit than this one ({version}), which reads {SCHEMA}",
        "merge the newest version of the kit into this fork; CHANGELOG.md names the schema of each",
    )


def _sizing(document: Mapping[str, Any], problems: list[Problem]) -> Sizing | None:
    """Return the values of the size, or None if the size is invalid, which its own key's check reports."""
    size, overrides = document.get("size"), document.get("sizing", {})
    if size not in SIZES:
        return None
    floors = document.get("environment") == "production"
    sizing, wrong = resolve(size, mapping(overrides), floors=floors)
    problems += wrong
    return sizing


def _shown_value(path: str, given: Any) -> str:
    """Format a value for an error message, or hide it if it may be a secret."""
    name = path.rpartition(".")[2].partition("[")[0]
    if isinstance(given, str) and (looks_secret(given) or secret_by_name(name)):
        return "a value that is not shown"
    return shown(given)


def _running_config() -> RawConfig:
    """Return the whole configuration of the running stack, so that misspelt keys are noticed."""
    project = f"{pulumi.get_project()}:"
    every = {**stack_configuration.get_config_env(), **stack_configuration.CONFIG.get()}
    names = [key for key in every if key.startswith(project)]
    secret = {name for name in names if stack_configuration.is_config_secret(name)}
    secret |= {name for name in stack_configuration.get_config_secret_keys_env() if name.startswith(project)}
    return RawConfig(
        {name.removeprefix(project): every[name] for name in names},
        frozenset(name.removeprefix(project) for name in secret),
    )


def _decoded(key: str, given: Any, problems: list[Problem]) -> Any:
    """Decode a structured value, which arrives as JSON text. Other values are returned unchanged."""
    if isinstance(given, str) and given.lstrip()[:1] in ("{", "["):
        try:
            return parse_json(given, key)
        except UnreadableFile as error:
            problems.append(Problem(key, "is not JSON", str(error).rpartition(": ")[2]))
            return None
    return given


def _client_path(overrides: Mapping[str, Any], folder: Path, problems: list[Problem]) -> Path | None:
    """Return the path of the client file, or None if the configuration does not identify it."""
    explicit = overrides.get("client_file")
    if isinstance(explicit, str) and explicit and "\0" not in explicit:
        return Path(explicit)
    client = overrides.get("client")
    if client is None or client == "":
        problems.append(
            Problem("client", "is required", f"the name of a file under {_shown_path(folder / 'clients')}")
        )
        return None
    found = client_files(folder)
    names = sorted(found)
    if not isinstance(client, str) or client not in names:
        hint = nearest(str(client), names) if names else "there is none yet"
        raise SettingsError(
            [*problems, Problem("client", f"has no file in {_shown_path(folder / 'clients')}", hint)]
        )
    return found[client]


def _client_name(path: Path | None) -> str:
    if path is None:
        return ""
    return path.parent.name if path.name == CLIENT_FILE else path.stem


def client_files(folder: Path = CONFIG_FOLDER) -> dict[str, Path]:
    """Return the files of all clients by name.

    These are `clients/<client>/client.yaml` at the top of the project or beside the stack files, or a
    single `clients/<client>.yaml` there.
    """
    top = [folder.parent.parent / "clients"] if folder.parts[-2:] == ("stacks", "config") else []
    places = [folder / "clients", *top]
    found = {path.stem: path for place in places for path in place.glob("*.yaml")}
    return found | {path.parent.name: path for place in places for path in place.glob(f"*/{CLIENT_FILE}")}


def _unreadable(path: Path, error: UnreadableFile) -> Problem:
    return Problem(_shown_path(path), str(error).replace(str(path), "").lstrip(" ,:") or "cannot be read")


def _shown_path(path: Path | None) -> str:
    """Return the path relative to the project folder, so that messages are the same on every machine."""
    if path is None:
        return ""
    return os.path.relpath(path, ROOT) if path.is_absolute() and path.is_relative_to(ROOT) else str(path)


def _place(problem: Problem) -> tuple[list[str], str]:
    """Return the sort key of an error: by key, with numbers in numeric order."""
    parts = re.split(r"([0-9]+)", problem.key)
    return [part.zfill(9) if part.isdigit() else part for part in parts], problem.message


def _without_secrets(problem: Problem) -> Problem:
    """Return the error, without its text if that might show a credential."""
    if not looks_secret(str(problem)):
        return problem
    return Problem("(a key)", "its name or value looks like a credential and is not shown")


def as_config(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return stack configuration as Pulumi passes it: structured values as JSON."""
    return {
        key: each if isinstance(each, str) else json.dumps(each, sort_keys=True, default=str)
        for key, each in settings.items()
    }

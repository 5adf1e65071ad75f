"""Evaluation of this project's stages as `pulumi up` would run them: same entry file, same configuration
files.

A later stage reads the exports of earlier ones, so these are evaluated first and their exports answer its
StackReferences.
"""

import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from components.yaml_text import load_yaml
from contract.kinds import SIZES, STAGES
from kit.aws_facts.prediction import Account
from kit.errors import ExitCode, KitError
from kit.evaluation.backends import Backend, PlanBackend
from kit.evaluation.engine import PROJECT, PROJECT_ROOT, collector_paused, evaluate, run_main_file
from kit.evaluation.gates import assumed_evidence
from kit.evaluation.graph import Graph

DEFAULT_CLIENT = "example"
_LOADED_LATE = ("components.api.network", "components.api.web_acl")
ORGANIZATION = "organization"  # what Pulumi calls it with a backend of one's own


def evaluate_stage(
    stage: str,
    *,
    client: str | None = None,
    size: str | None = None,
    config: Mapping[str, Any] | None = None,
    config_file: Path | None = None,
    preview: bool = False,
    assume_gates: bool = False,
    backend: Backend | None = None,
    stack_outputs: Mapping[str, Mapping[str, Any]] | None = None,
    root: Path = PROJECT_ROOT,
    cancelled: threading.Event | None = None,
) -> Graph:
    """Evaluate one stage and return its graph.

    `config` overrides top-level keys of the client's configuration (values of any JSON type), `config_file`
    replaces the stack's own file, `size` is short for `config={"size": …}`. `assume_gates` evaluates as if
    the criteria of the stages before were met. Without `stack_outputs` the earlier stages are evaluated
    first, with the same configuration. Without `backend` a `PlanBackend` of the client's account answers.

    Raises KitError: unknown stage or size, a file that cannot be read, a configuration or contract that is
    wrong (exit code 2), a closed gate (3), a program that fails (1).
    """
    check_choice("stage", stage, STAGES)
    configuration = stack_configuration(
        stage, client=client, size=size, config=config, config_file=config_file, root=root
    )
    if stack_outputs is None:
        earlier = evaluate_stages(
            STAGES[: STAGES.index(stage)],
            client=client,
            size=size,
            config=config,
            assume_gates=assume_gates,
            root=root,
        )
        stack_outputs = {graph.stack: graph.exports for graph in earlier.values()}
    if backend is None:
        account = planned_account(configuration, root)
        backend = PlanBackend(preview=preview, stack_outputs=stack_outputs, account=account)
    try:
        with _gates(stage, configuration, assume=assume_gates) as opened:
            return evaluate(
                run_main_file(root / "__main__.py"),
                opened,
                backend,
                stack=stack_name(stage, client),
                organization=ORGANIZATION,
                preview=preview,
                secret_keys=sorted(key for key, value in configuration.items() if value == _BLINDED),
                root=root,
                cancelled=cancelled,
            )
    except Exception as error:
        refusal = _refusal(stage, error)
        if refusal is error:
            raise  # as it is: an error that is its own cause has no end
        raise refusal from error


def evaluate_stages(
    stages: Sequence[str] = STAGES,
    *,
    client: str | None = None,
    size: str | None = None,
    config: Mapping[str, Any] | None = None,
    preview: bool = False,
    assume_gates: bool = False,
    root: Path = PROJECT_ROOT,
) -> dict[str, Graph]:
    """Evaluate several stages in order; each reads the (predicted) exports of those before it."""
    graphs: dict[str, Graph] = {}
    exports: dict[str, dict[str, Any]] = {}
    common: dict[str, Any] = {
        "client": client,
        "size": size,
        "config": config,
        "assume_gates": assume_gates,
        "root": root,
    }
    with collector_paused():
        for stage in stages:
            graphs[stage] = evaluate_stage(stage, preview=preview, stack_outputs=exports, **common)
            known = graphs[stage] if not preview else evaluate_stage(stage, stack_outputs=exports, **common)
            exports = {**exports, known.stack: known.exports}
    return graphs


def evaluate_sizes(sizes: Sequence[str] = SIZES, **options: Any) -> dict[str, dict[str, Graph]]:
    """Evaluate all stages of several sizes concurrently, one process per processor; `options` are those of
    `evaluate_stages`.
    """
    _load_program()  # once: where processes are forked they share it
    largest_first = list(reversed(sizes))
    with ProcessPoolExecutor(min(len(sizes), os.cpu_count() or 1)) as pool:
        graphs = pool.map(partial(_stages_of_size, **options), largest_first)
        by_size = dict(zip(largest_first, graphs, strict=True))
    return {size: by_size[size] for size in sizes}


def _load_program() -> None:
    """Import every stage, what it imports late, and the provider's modules that it uses, which are loaded
    on first use.
    """
    for name in (*(f"stacks.{stage}" for stage in STAGES), *_LOADED_LATE):
        import_module(name)
    components = [module for name, module in sys.modules.items() if name.startswith("components.")]
    for used in [value for module in components for value in vars(module).values()]:
        if isinstance(used, ModuleType) and used.__name__.startswith("pulumi_aws."):
            hasattr(used, "outputs")


def _stages_of_size(size: str, **options: Any) -> dict[str, Graph]:
    return evaluate_stages(size=size, **options)


@contextmanager
def _gates(stage: str, configuration: dict[str, str], *, assume: bool) -> Iterator[dict[str, str]]:
    """Return the configuration, with evidence that opens the gates if that is assumed."""
    if not assume or stage == STAGES[0]:
        yield configuration
        return
    with assumed_evidence(stage, configuration) as file:
        yield {**configuration, _full_key("evidence_file"): str(file)}


def _refusal(stage: str, error: Exception) -> Exception:
    """Return what the operator sees: the program's own refusals with their exit code, anything else
    unchanged.
    """
    try:
        from stacks.contracts import ContractError
        from stacks.gates import GateClosed
        from stacks.settings import SettingsError
    except Exception:  # the program does not even load: that is the error, and its place is in it
        return error
    for cause in _causes(error):
        if isinstance(cause, GateClosed):
            return KitError(
                str(cause),
                hint="record the evidence, or see the plan all the same with: kit preview --assume-gates",
                exit_code=ExitCode.GATE_CLOSED,
            )
        if isinstance(cause, SettingsError | ContractError):
            return KitError(f"stage {stage}: {cause}", exit_code=ExitCode.USAGE)
    return error


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, each once: an SDK that raises a failure again can close the circle."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__


def stack_name(stage: str, client: str | None) -> str:
    """Return `<stage>`, or `<stage>.<client>` for a named client."""
    return f"{stage}.{client}" if client else stage


_BLINDED = "[secret]"


def stack_configuration(
    stage: str,
    *,
    client: str | None = None,
    size: str | None = None,
    config: Mapping[str, Any] | None = None,
    config_file: Path | None = None,
    root: Path = PROJECT_ROOT,
) -> dict[str, str]:
    """Return the stack's configuration as Pulumi passes it to a program: full keys, texts, objects as JSON.

    Defaults of `Pulumi.yaml`, then the stack's file, then `config` and `size`. Encrypted values cannot be
    read here and become a placeholder that the program sees as a secret.
    """
    if size is not None:
        check_choice("size", size, SIZES)
    values: dict[str, Any] = {}
    project = read_yaml(root / "Pulumi.yaml")
    for key, schema in (project.get("config") or {}).items():
        given = schema if not isinstance(schema, Mapping) else schema.get("default", schema.get("value"))
        if given is not None:
            values[_full_key(key)] = given
    file = config_file or root / "stacks" / "config" / f"Pulumi.{stack_name(stage, client)}.yaml"
    if config_file is not None or file.exists():
        values |= {_full_key(key): value for key, value in (read_yaml(file).get("config") or {}).items()}
    values[_full_key("stage")] = stage
    if client:
        values[_full_key("client")] = client
    values |= {_full_key(key): value for key, value in (config or {}).items() if value is not None}
    if size:
        values[_full_key("size")] = size
    return {key: _text(value) for key, value in sorted(values.items())}


def planned_account(configuration: Mapping[str, str], root: Path = PROJECT_ROOT) -> Account:
    """Return account and region that the stack is configured for; AWS's example account by default.

    The program reports errors in them: here only well-formed values are used.
    """
    folder = root / configuration.get(_full_key("config_folder"), "stacks/config")
    client = configuration.get(_full_key("client"), DEFAULT_CLIENT)
    from stacks.settings.loading import client_files

    known = client_files(folder).get(str(client), folder / "clients" / f"{client}.yaml")
    file = Path(configuration.get(_full_key("client_file"), known))
    chosen: Mapping[str, Any] = read_yaml(file) if file.is_file() else {}
    default = Account()
    account = configuration.get(_full_key("account")) or chosen.get("account")
    region = configuration.get(_full_key("region")) or chosen.get("region")
    region = region if isinstance(region, str) else default.region
    partition = (
        "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    )
    return Account(account if isinstance(account, str) and account else default.id, region, partition)


def check_choice(what: str, given: str, known: Sequence[str]) -> None:
    if given not in known:
        raise KitError(
            f"unknown {what} {given!r}", hint=f"use one of: {', '.join(known)}", exit_code=ExitCode.USAGE
        )


def _full_key(key: str) -> str:
    return key if ":" in key else f"{PROJECT}:{key}"


def _text(value: Any) -> str:
    """Return a value of a stack file as Pulumi passes it."""
    if isinstance(value, Mapping) and set(value) == {"secure"}:
        return _BLINDED
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return a YAML file with a mapping at its top; empty if the file is. Raises KitError naming file and
    line.
    """
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KitError(f"{path}: no such file", hint="check the path", exit_code=ExitCode.USAGE) from None
    except (OSError, UnicodeDecodeError) as error:
        raise KitError(f"{path}: cannot be read: {error}", exit_code=ExitCode.USAGE) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or error
        raise KitError(f"{where}: not YAML: {problem}", exit_code=ExitCode.USAGE) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise KitError(f"{path}: a mapping is expected at the top", exit_code=ExitCode.USAGE)
    return content

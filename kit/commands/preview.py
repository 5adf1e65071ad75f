"""`kit preview`: what a stage would create, without an account and without the Pulumi CLI (Z.1, S.1-S.3)."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from contract.kinds import SIZES, STAGES
from kit.commands.choices import one_of
from kit.commands.options import Client
from kit.errors import ExitCode, KitError


def preview(
    stage: Annotated[str | None, typer.Option(help=f"{one_of(STAGES)}; all if left out.")] = None,
    size: Annotated[str | None, typer.Option(help=f"{one_of(SIZES)} instead of the client's.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="A stack's configuration file, or a client's file, to use instead.")
    ] = None,
    client: Client = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document instead of a tree.")
    ] = False,
    save: Annotated[Path | None, typer.Option(help="Write the plan (JSON) to this file.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="Show what changes from this saved plan, instead of the plan.")
    ] = None,
    assume_gates: Annotated[
        bool, typer.Option("--assume-gates", help="Plan as if the criteria of the stages before were met.")
    ] = False,
    unknowns: Annotated[
        bool,
        typer.Option("--unknowns", help="Leave what AWS computes unknown, as a first `pulumi preview` does."),
    ] = False,
) -> None:
    """Show the plan of one stage or of all three, as a tree by component.

    The program is evaluated as `pulumi up` would run it. Ids and ARNs that AWS would assign are predicted,
    the same on every run, so that policies can be read in full and plans compared; `--unknowns` leaves them
    out. Only the file of `--save` and the exports of earlier stages (`.kit/plans`) are written. If a
    stage's gate is closed, a plan of all stages assumes that its criteria are met, and the output says so;
    with `--stage` the refusal is shown unless `--assume-gates` is given.

    With `--against FILE`: what is added, changed, replaced and deleted since that plan was saved. Which
    changes replace a resource comes from the kit's own table; "may replace" if it does not know.

    Exit codes: 0 done; 1 the program failed; 2 invalid option, file or configuration; 3 the gate of --stage
    is closed.
    """
    from kit.plan.document import plan_document, read_document, to_json

    saved = read_document(against) if against else None
    graphs, assumed = _evaluated(stage, size, config, client, assume_gates=assume_gates, unknowns=unknowns)
    if saved is None and not as_json:
        from kit.plan.rendering import show_plan

        show_plan(list(graphs.values()), assumed)
        if save is None:
            return  # a document is not needed, and hashing its files takes time
    document = plan_document(graphs.values())
    if save:
        from kit.deploy.verdicts import commit_of
        from kit.evaluation.engine import PROJECT_ROOT

        commit = commit_of(PROJECT_ROOT)
        _write(save, to_json(document | ({"commit": commit} if commit else {})))
    if saved is not None:
        from kit.plan.difference import difference
        from kit.plan.rendering import difference_document, show_difference

        names = {entry["stack"] for entry in document["stacks"]}
        saved = {**saved, "stacks": [entry for entry in saved["stacks"] if entry["stack"] in names]}
        found = difference(saved, document)
        if as_json:
            sys.stdout.write(to_json(difference_document(found)))
        else:
            show_difference(found, str(against))
    elif as_json:
        sys.stdout.write(to_json(document))
    if save and not as_json:
        print(f"saved to {save}")


def _evaluated(
    stage: str | None,
    size: str | None,
    config: Path | None,
    client: str | None,
    *,
    assume_gates: bool,
    unknowns: bool,
) -> tuple[dict[str, Any], list[str]]:
    """Return the graphs by stage, and the stages whose closed gates were ignored."""
    from kit.evaluation.earlier import earlier_exports
    from kit.evaluation.stages import check_choice, evaluate_stage, evaluate_stages

    overrides, config_file = _configuration(config)
    common: dict[str, Any] = {"client": client, "size": size, "config": overrides}
    if stage is not None:
        check_choice("stage", stage, STAGES)
        graph = evaluate_stage(
            stage,
            config_file=config_file,
            preview=unknowns,
            assume_gates=assume_gates,
            stack_outputs=earlier_exports(stage, **common),
            **common,
        )
        return {stage: graph}, [stage] if assume_gates else []
    if config_file is not None:
        raise KitError(
            f"{config}: the configuration of one stack needs its stage",
            hint="add --stage, or give a client's file",
            exit_code=ExitCode.USAGE,
        )
    try:
        return evaluate_stages(preview=unknowns, assume_gates=assume_gates, **common), (
            list(STAGES[1:]) if assume_gates else []
        )
    except KitError as error:
        if error.exit_code != ExitCode.GATE_CLOSED:
            raise
    return evaluate_stages(preview=unknowns, assume_gates=True, **common), list(STAGES[1:])


def _configuration(file: Path | None) -> tuple[Mapping[str, Any], Path | None]:
    """Return the overrides and the stack file of `--config`: a file with `config:` at its top level is a
    stack's, any other a client's.
    """
    if file is None:
        return {}, None
    from kit.evaluation.stages import read_yaml

    content = read_yaml(file)
    if isinstance(content.get("config"), dict):
        return {}, file
    return {"client_file": str(file.resolve()), "client": content.get("client", file.stem)}, None


def _write(path: Path, text: str) -> None:
    """Write the file atomically."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise KitError(
            f"{path}: cannot be written: {error.strerror}",
            hint="choose another file for --save",
            exit_code=ExitCode.USAGE,
        ) from None

"""The operator's command: one module per command in `kit/commands/`, with expensive imports inside."""

import gc
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from kit.commands import (
    access,
    audit,
    baseline,
    batch,
    break_glass,
    budget,
    build,
    champions,
    chargeback,
    client,
    connect_provider,
    contract,
    cost,
    dashboards,
    demo,
    deploy,
    deploy_role,
    dictionary,
    doctor,
    down,
    drift,
    env,
    evidence,
    executive,
    gate,
    image,
    inspection,
    key,
    login,
    logs,
    people,
    preview,
    prompt,
    register,
    report,
    review,
    review_queue,
    schema,
    scim,
    sign_out,
    status,
    switch,
    token,
    training,
    up,
    whoami,
    workflow,
)
from kit.commands.deployment_errors import aws_refusals
from kit.errors import ExitCode, KitError
from kit.terminal import VERBOSITY, Verbosity, causes

app = typer.Typer(
    name="kit",
    help="Stand up, review, gate, price and audit the Claude enterprise kit.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# The groups of `kit --help` and docs/cli.md, in the order in which a reader meets them.
_MACHINE = "Run it on this machine"
_CONFIGURATION = "A client's configuration"
_DEPLOY = "Deploy"
_PEOPLE = "People and access"
_APPLICATIONS = "Applications, limits, switches"
_CONTENT = "Prompts, workflows, training"
_EVIDENCE = "Audit and evidence"
_FIGURES = "Figures and reports"

_COMMANDS: tuple[tuple[str, str, Callable[..., object] | typer.Typer], ...] = (
    (_MACHINE, "up", up.up),
    (_MACHINE, "down", down.down),
    (_MACHINE, "status", status.status),
    (_MACHINE, "logs", logs.logs),
    (_MACHINE, "demo", demo.demo),
    (_MACHINE, "env", env.env),
    (_CONFIGURATION, "client", client.app),
    (_CONFIGURATION, "schema", schema.schema),
    (_CONFIGURATION, "preview", preview.preview),
    (_CONFIGURATION, "review", review.review),
    (_CONFIGURATION, "cost", cost.cost),
    (_DEPLOY, "build", build.build),
    (_DEPLOY, "doctor", doctor.doctor),
    (_DEPLOY, "deploy", deploy.deploy),
    (_DEPLOY, "deploy-role", deploy_role.deploy_role),
    (_DEPLOY, "smoke", deploy.smoke),
    (_DEPLOY, "image", image.app),
    (_DEPLOY, "drift", drift.drift),
    (_DEPLOY, "gate", gate.app),
    (_DEPLOY, "connect-provider", connect_provider.connect_provider),
    (_PEOPLE, "login", login.login),
    (_PEOPLE, "logout", login.logout),
    (_PEOPLE, "token", token.token),
    (_PEOPLE, "whoami", whoami.whoami),
    (_PEOPLE, "claude-code", whoami.claude_code),
    (_PEOPLE, "access", access.app),
    (_PEOPLE, "people", people.app),
    (_PEOPLE, "scim", scim.app),
    (_PEOPLE, "sign-out", sign_out.sign_out),
    (_PEOPLE, "break-glass", break_glass.app),
    (_APPLICATIONS, "key", key.app),
    (_APPLICATIONS, "contract", contract.app),
    (_APPLICATIONS, "inspection", inspection.app),
    (_APPLICATIONS, "budget", budget.app),
    (_APPLICATIONS, "switch", switch.app),
    (_APPLICATIONS, "batch", batch.app),
    (_CONTENT, "prompt", prompt.app),
    (_CONTENT, "dictionary", dictionary.app),
    (_CONTENT, "workflow", workflow.app),
    (_CONTENT, "review-queue", review_queue.app),
    (_CONTENT, "training", training.app),
    (_CONTENT, "champions", champions.champions),
    (_EVIDENCE, "audit", audit.app),
    (_EVIDENCE, "evidence", evidence.app),
    (_EVIDENCE, "incident", register.incident),
    (_EVIDENCE, "exception", register.exception),
    (_EVIDENCE, "inventory", register.inventory),
    (_EVIDENCE, "drill", register.drill),
    (_FIGURES, "baseline", baseline.app),
    (_FIGURES, "chargeback", chargeback.app),
    (_FIGURES, "dashboards", dashboards.dashboards),
    (_FIGURES, "executive", executive.executive),
    (_FIGURES, "maturity", report.maturity),
    (_FIGURES, "report", report.app),
)

report.app.command("board-paper")(executive.board_paper)

for _group, _name, _command in _COMMANDS:
    if isinstance(_command, typer.Typer):
        app.add_typer(_command, name=_name, rich_help_panel=_group)
    else:
        app.command(_name, rich_help_panel=_group)(_command)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"kit {version('claude-enterprise-kit')}")
        raise typer.Exit


@app.callback()
def _kit(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show what caused an error.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Results and errors only, no notes.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Stand up, review, gate, price and audit the Claude enterprise kit."""
    VERBOSITY.set(Verbosity(causes=verbose, quiet=quiet))


def main() -> None:
    """Run `kit`; every foreseeable error ends in one message and a documented exit code."""
    if sys.argv[1:2] in (["preview"], ["review"], ["up"]):
        gc.disable()  # commands end within seconds, and garbage collection took a quarter of their time
    try:
        with aws_refusals():
            app()
    except KitError as error:
        _explain(error)
        sys.exit(int(error.exit_code))
    except KeyboardInterrupt:
        sys.exit(int(ExitCode.INTERRUPTED))
    finally:
        gc.freeze()  # nor is a collection useful at exit


def _explain(error: KitError) -> None:
    lines = [("bold red", "error", error.message)]
    if error.hint:
        lines.append(("bold", "hint", error.hint))
    if VERBOSITY.get().causes:
        lines += [("dim", "cause", cause) for cause in causes(error)]
    console = Console(stderr=True)
    for style, label, text in lines:
        console.print(f"[{style}]{label}:[/] {escape(text)}", highlight=False, soft_wrap=True)

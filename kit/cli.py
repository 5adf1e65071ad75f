"""The operator's command: one module per command in `kit/commands/`, heavy imports inside them."""

import gc
import sys

import typer
from rich.console import Console
from rich.markup import escape

from kit.commands import (
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
    dictionary,
    doctor,
    down,
    drift,
    env,
    evidence,
    gate,
    key,
    login,
    logs,
    people,
    preview,
    prompt,
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
from kit.errors import ExitCode, KitError

app = typer.Typer(
    name="kit",
    help="Stand up, review, gate, price and audit the Claude enterprise kit.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(audit.app, name="audit")
app.add_typer(break_glass.app, name="break-glass")
app.add_typer(baseline.app, name="baseline")
app.add_typer(batch.app, name="batch")
app.add_typer(budget.app, name="budget")
app.add_typer(contract.app, name="contract")
app.add_typer(client.app, name="client")
app.add_typer(dictionary.app, name="dictionary")
app.add_typer(evidence.app, name="evidence")
app.add_typer(gate.app, name="gate")
app.add_typer(report.app, name="report")
app.add_typer(key.app, name="key")
app.add_typer(prompt.app, name="prompt")
app.add_typer(review_queue.app, name="review-queue")
app.add_typer(people.app, name="people")
app.add_typer(scim.app, name="scim")
app.add_typer(switch.app, name="switch")
app.add_typer(training.app, name="training")
app.add_typer(workflow.app, name="workflow")
app.command("build")(build.build)
app.command("champions")(champions.champions)
app.command("chargeback")(chargeback.chargeback)
app.command("connect-provider")(connect_provider.connect_provider)
app.command("cost")(cost.cost)
app.command("dashboards")(dashboards.dashboards)
app.command("demo")(demo.demo)
app.command("maturity")(report.maturity)
app.command("deploy")(deploy.deploy)
app.command("doctor")(doctor.doctor)
app.command("down")(down.down)
app.command("drift")(drift.drift)
app.command("env")(env.env)
app.command("claude-code")(whoami.claude_code)
app.command("login")(login.login)
app.command("logout")(login.logout)
app.command("logs")(logs.logs)
app.command("preview")(preview.preview)
app.command("review")(review.review)
app.command("schema")(schema.schema)
app.command("sign-out")(sign_out.sign_out)
app.command("status")(status.status)
app.command("token")(token.token)
app.command("up")(up.up)
app.command("whoami")(whoami.whoami)


@app.callback()
def _kit() -> None:
    """Stand up, review, gate, price and audit the Claude enterprise kit."""


def main() -> None:
    """Run `kit`; every foreseeable error ends in one message and a documented exit code."""
    if sys.argv[1:2] in (["preview"], ["review"], ["up"]):
        gc.disable()  # they end within seconds: looking for garbage took a quarter of them
    try:
        app()
    except KitError as error:
        console = Console(stderr=True)
        console.print(f"[bold red]error:[/] {escape(error.message)}", highlight=False, soft_wrap=True)
        if error.hint:
            console.print(f"[bold]hint:[/] {escape(error.hint)}", highlight=False, soft_wrap=True)
        sys.exit(int(error.exit_code))
    except KeyboardInterrupt:
        sys.exit(int(ExitCode.INTERRUPTED))
    finally:
        gc.freeze()  # nor is there any use in looking for it at the very end

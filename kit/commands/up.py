"""`kit up`: the whole kit on this machine, on an emulated AWS (Z.1, S.1-S.3, L1.7)."""

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from contract.kinds import SIZES, STAGES
from kit.commands.choices import one_of
from kit.commands.options import Client
from kit.commands.output import print_json
from kit.errors import ExitCode, KitError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from kit.embedded import Access
    from kit.home import Home
    from kit.local.deployment import Choice, Deployment, Plan
    from kit.local.engine import Step
    from kit.local.running import FirstRequest

_SIGNS = {"create": "+", "restore": "+", "update": "~", "replace": "±", "delete": "-"}
_VERBS = {
    "create": "to create",
    "restore": "to restore",
    "update": "to update",
    "replace": "to replace",
    "delete": "to delete",
    "same": "unchanged",
}
_MOST_LINES = 40  # of changes; a first run has hundreds, and `kit preview` shows them all


def up(
    stage: Annotated[str | None, typer.Option(help=f"Last stage to stand up: {one_of(STAGES)}.")] = None,
    size: Annotated[str | None, typer.Option(help=f"{one_of(SIZES)} instead of the client's.")] = None,
    config: Annotated[Path | None, typer.Option(help="A client's file to use instead.")] = None,
    client: Client = None,
    port_base: Annotated[
        int | None, typer.Option(help="First of the hundred loopback ports in use [KIT_PORT_BASE, 8700].")
    ] = None,
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay until Ctrl-C, then stop everything.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document at the end.")] = False,
) -> None:
    """Stand the whole kit up on this machine, on an emulated AWS that listens on 127.0.0.1 only.

    Evaluates the Pulumi program, shows the plan, applies it to the emulated AWS, starts the functions and
    makes a first request. Run it again after a change: unchanged resources stay, and the client need not be
    named again. A run that failed or was stopped resumes where it ended. State is kept under .kit
    (KIT_HOME), which holds one client; another client has its own home and ports.

    Claude answers if ANTHROPIC_API_KEY is set (at ANTHROPIC_BASE_URL, if that is set too and is not this
    gateway); otherwise a stand-in that identifies itself does. The key is stored in the emulated Secrets
    Manager, readable by the gateway's role only. The gates of the later stages are opened with evidence
    that is labelled as a demonstration; on a real account nothing does that.

    Exit codes: 0 up; 1 a resource or the program failed; 2 invalid option or configuration; 4 a port is in
    use, packages cannot be downloaded, or a process does not start; 130 stopped with Ctrl-C.
    """
    from rich.console import Console

    from kit.chosen import remember
    from kit.home import find_home
    from kit.local.deployment import Deployment, stop_everything

    started = time.perf_counter()
    console = Console(highlight=False, stderr=as_json)
    home = find_home()
    with _interruptible(home), home.locked():
        deployment = Deployment(home, _choice(home, stage, size, config, client, port_base))
        remember(home, deployment.as_standing())
        deployment.start_emulator()
        report = _stand_up(deployment, console)
    report["seconds"] = round(time.perf_counter() - started, 1)
    _show_result(report, console)
    if as_json:
        print_json(report)
    if foreground:
        console.print("\nCtrl-C stops everything; the state stays for the next `kit up`.")
        try:
            _stay(home)
        finally:
            stop_everything(home)
            console.print("stopped")


def _choice(
    home: "Home",
    stage: str | None,
    size: str | None,
    config: Path | None,
    client: str | None,
    base: int | None,
) -> "Choice":
    from kit.chosen import standing
    from kit.evaluation.stages import check_choice, read_yaml
    from kit.local.deployment import Choice
    from kit.local.ports import port_base

    if stage is not None:
        check_choice("stage", stage, STAGES)
    if size is not None:
        check_choice("size", size, SIZES)
    if config is not None and isinstance(read_yaml(config).get("config"), dict):
        raise KitError(
            f"{config}: this is the configuration of one stack",
            hint="give a client's file, such as clients/<client>/client.yaml",
            exit_code=ExitCode.USAGE,
        )
    here = standing(home)
    if here is not None and client is None and config is None:  # again: the client that stands here
        client, config = here.client, Path(here.client_file) if here.client_file else None
    key, first_port = os.environ.get("ANTHROPIC_API_KEY") or None, port_base(base)
    return Choice(
        stage=stage or STAGES[-1],
        client=client,
        client_file=config.resolve() if config else None,
        size=size,
        port_base=first_port,
        anthropic_api_key=key,
        anthropic_base_url=_claude_url(first_port) if key else None,
    )


def _claude_url(base: int) -> str | None:
    """Return ANTHROPIC_BASE_URL as the SDK reads it, or None for the gateway's own, which `kit env`
    exports.
    """
    from contract.kinds import PROVIDER_URL
    from kit.local.ports import port_of

    url = os.environ.get("ANTHROPIC_BASE_URL", "").rstrip("/")
    if not url or url == f"http://127.0.0.1:{port_of('gateway', base, [])}":
        return None
    if not re.fullmatch(PROVIDER_URL, url):
        raise KitError(
            "ANTHROPIC_BASE_URL is not an address such as https://api.anthropic.com",
            hint="unset it or correct it; http:// is for 127.0.0.1 only",
            exit_code=ExitCode.USAGE,
        )
    return url


@contextmanager
def _interruptible(home: "Home") -> Iterator[None]:
    """On Ctrl-C or SIGTERM, leave nothing running and a state that can be resumed."""
    from kit.local.deployment import stop_everything

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # once is enough: what follows takes a second
        stop_everything(home)
        raise KitError(
            "stopped before everything was up; nothing is running any more",
            hint="`kit up` goes on from here, `kit down` removes what was made",
            exit_code=ExitCode.INTERRUPTED,
        ) from None
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _stand_up(deployment: "Deployment", console: "Console") -> dict[str, Any]:
    from kit.local import running

    written = deployment.demonstrate()
    if written:
        console.print(
            f"[yellow]demonstration:[/] {len(written)} exit criteria are recorded as met in "
            f"{deployment.home.demonstration_file}; nobody approved or measured anything.",
            soft_wrap=True,
        )
    plan = deployment.plan()
    _show_plan(plan, console)
    _show_losses(deployment, plan, console)
    lost = [step.name for step in plan.lost]
    applied = plan
    if plan.changes:
        with _progress(plan, console) as reported:
            applied = deployment.apply(reported)
    exports = {key: value for graph in applied.graphs.values() for key, value in graph.exports.items()}
    deployment.fill_secrets(exports)
    report = _document(deployment, applied, written) | {
        "emulator_was_killed": deployment.emulator_was_killed,
        "lost": lost,
    }
    if deployment.choice.stage == "foundation":
        return report
    with console.status("starting the functions"):
        report["started"] = running.start_processes(deployment, applied)
        access = running.give_access(deployment, applied)
    with console.status("making a first request"):
        first = running.first_request(access)
    return report | _served(access, first)


def _claude(choice: "Choice") -> str:
    """Return who answers: a host, or the stand-in."""
    if not choice.anthropic_api_key:
        return "stand-in"
    return (choice.anthropic_base_url or "https://api.anthropic.com").partition("://")[2].partition("/")[0]


def _document(deployment: "Deployment", plan: "Plan", written: Any) -> dict[str, Any]:
    live, recorded = plan.standing()
    return {
        "schema": "kit-up/1",
        "client": deployment.settings.client,
        "stages": list(deployment.choice.stages),
        "changes": {name: count for name, count in plan.counts().items() if name != "same"},
        "resources": {"emulated": live, "recorded": recorded},
        "demonstrated": list(written),
        "claude": _claude(deployment.choice),
        "outside_residency": deployment.outside_residency,
        "data_residency": list(deployment.settings.data_residency),
        "emulator_url": deployment.emulator.endpoint_url,
        "state": str(deployment.home.path),
        "started": [],
    }


def _served(access: "Access", first: "FirstRequest") -> dict[str, Any]:
    return {
        "gateway_url": access.gateway_url,
        "scim_url": access.scim_url,
        "portal_url": access.portal_url,
        "department": access.department,
        "first_request": {
            "request_id": first.request_id,
            "model": first.model,
            "text": first.text,
            "seconds": round(first.seconds, 3),
        },
    }


def _show_losses(deployment: "Deployment", plan: "Plan", console: "Console") -> None:
    """Show what was lost because the emulator was not shut down cleanly."""
    if deployment.emulator_was_killed:
        console.print(
            "[yellow]The emulated AWS was killed, not stopped.[/] Its state is that of its last save: "
            "what was written in the two seconds before it ended may be missing.",
            soft_wrap=True,
        )
    if plan.lost:
        console.print(
            f"[red]Lost with what was in them:[/] {', '.join(step.name for step in plan.lost)}. They are "
            "made again, empty: amounts spent, keys of applications, people, or what nothing can decrypt.",
            soft_wrap=True,
        )


def _show_plan(plan: "Plan", console: "Console") -> None:
    from kit.plan.rendering import short_type

    for stage, steps in plan.steps.items():
        counted = Counter(step.operation for step in steps)
        words = ", ".join(f"{counted[name]} {verb}" for name, verb in _VERBS.items() if counted[name])
        console.print(f"[bold]{stage:<12}[/] {words}", soft_wrap=True)
    changes = plan.changes
    if not changes:
        console.print("nothing changed")
        return
    if len(changes) <= _MOST_LINES:
        for step in changes:
            because = f"  [dim]because of {', '.join(step.because[:6])}[/]" if step.because else ""
            sign = _SIGNS[step.operation]
            console.print(f"  {sign} {step.name}  [cyan]{short_type(step.type)}[/]{because}", soft_wrap=True)
    live, recorded = plan.standing()
    console.print(
        f"{live} resources exist in the emulated AWS, {recorded} that no function needs are recorded only "
        "(`kit preview` shows all)",
        soft_wrap=True,
    )


@contextmanager
def _progress(plan: "Plan", console: "Console") -> "Iterator[Callable[[Step], None]]":
    """Yield the callback for each completed step: a progress bar on a terminal, nothing in a pipe."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    total = sum(len(steps) for steps in plan.steps.values())
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)

        def reported(step: "Step") -> None:
            bar.update(task, advance=1, description=step.name)

        yield reported


def _show_result(report: dict[str, Any], console: "Console") -> None:
    lines = [("emulated AWS", report["emulator_url"]), ("state", report["state"])]
    if "gateway_url" in report:
        first = report["first_request"]
        lines = [
            ("gateway", report["gateway_url"]),
            *([("portal", report["portal_url"])] if report["portal_url"] else []),
            *([("SCIM", report["scim_url"])] if report["scim_url"] else []),
            *lines,
            ("Claude", "a local stand-in" if report["claude"] == "stand-in" else report["claude"]),
            ("first request", f"{first['seconds'] * 1000:.0f} ms, {first['request_id']}: {first['text']!r}"),
        ]
    if report["outside_residency"]:
        allowed = ", ".join(report["data_residency"])
        exception = f"{report['claude']} answers outside data_residency {allowed}: for this local run only, a"
        lines.append(
            ("exception", f"{exception} deployment would refuse it (use Bedrock or Claude Platform)")
        )
    console.print()
    for name, what in lines:
        console.print(f"{name:<14} {what}", markup=False, soft_wrap=True)
    console.print(f"\nup in {report['seconds']} s", markup=False)
    if "gateway_url" in report:
        console.print('next: eval "$(kit env)", then use the anthropic SDK or claude', markup=False)


def _stay(home: "Home") -> None:
    """Wait for Ctrl-C, or for a process that ends by itself, which is an error."""
    from kit.local.processes import states

    while True:
        try:
            time.sleep(2)
        except KeyboardInterrupt:
            return
        down = [state.process.name for state in states(home) if state.health == "down"]
        if down:
            raise KitError(
                f"{', '.join(down)} ended by itself",
                hint=f"kit logs {down[0]}",
                exit_code=ExitCode.ENVIRONMENT,
            )

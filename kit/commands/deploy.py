"""`kit deploy`: deploys the stages to a real account, one after the other, each previewed first (S.1-S.3)."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.doctor import account_clients, checks, settings_of, show
from kit.errors import ExitCode, KitError

if TYPE_CHECKING:
    from kit.deploy.state_backend import StateBackend
    from kit.target import Target
    from stacks.settings import Settings


def deploy(
    client: Annotated[str | None, typer.Option("--client", help="Client that is deployed.")] = None,
    stage: Annotated[
        str | None, typer.Option(help="Up to this stage; all whose gates are open if left out.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before each stage; for pipelines.")] = False,
    state_bucket: Annotated[
        str,
        typer.Option(
            help="Keep the state in this bucket of the account, made with its key where it is missing."
        ),
    ] = "",
    skip_smoke: Annotated[
        bool, typer.Option("--skip-smoke", help="Ask the gateway nothing afterwards.")
    ] = False,
) -> None:
    """Check the account, deploy, generate secrets, run the smoke test, and list what people must do.

    Every step is idempotent and resumes where it stopped. Each engine command is printed before it runs, so
    that all of it can be done by hand: docs/deploy.md. Secrets are random and never shown.

    In production a stage can be changed only as somebody else approved it: kit review --approve.

    Exit codes: 0 done; 1 the engine or the smoke test failed; 2 invalid configuration; 3 a gate is closed;
    4 no pulumi or no AWS; 5 the account is not ready, or nobody approved the plan.
    """
    from contract.kinds import STAGES
    from kit.deploy.engine import Engine
    from kit.evaluation.stages import check_choice

    if stage is not None:
        check_choice("stage", stage, STAGES)
    settings = settings_of(client)
    found = checks(client)
    show(found)
    if any(one.state == "failed" for one in found):
        raise KitError(
            "the account is not ready",
            hint="put right what FAILED above, then run the command again",
            exit_code=ExitCode.VERIFICATION_FAILED,
        )
    clients = account_clients(settings.region)
    state = _state(clients, state_bucket, settings.region)
    engine = Engine(client, state.url, state.secrets_provider) if state else Engine(client)
    exports: dict[str, str] = {}
    for each in STAGES[: STAGES.index(stage) + 1 if stage else len(STAGES)]:
        if _gate_closed(each, client):
            typer.echo(f"stage {each} waits: its gate is closed (kit gate status)")
            if stage == each:
                raise typer.Exit(ExitCode.GATE_CLOSED)
            break
        typer.echo(f"\nstage {each}")
        engine.select(each)
        if settings.environment == "production":
            _reviewed(engine, each, client, settings)
        if each == "integration":
            _cluster_first(engine, settings, clients, yes=yes)
        engine.up(each, yes=yes)
        exports |= {name: str(value) for name, value in engine.outputs(each).items()}
        _fill(clients, exports)
    if "gateway_url" in exports and not skip_smoke:
        _smoke(settings, _target(exports, settings))
    _by_hand(settings, exports)


def _state(clients: Any, bucket: str, region: str) -> "StateBackend | None":
    """Return the state backend, created if missing, or None if the operator logs in to a different one."""
    if not bucket:
        return None
    from kit.deploy.state_backend import ensure_state_backend

    with deployment_errors():
        return ensure_state_backend(clients, bucket, region)


def _reviewed(engine: Any, stage: str, client: str | None, settings: "Settings") -> None:
    """In production, refuse to change a deployed stage in any way other than approved. The first deployment
    has no audit store yet, and the output says so.
    """
    from kit.deploy.verdicts import plan_digests, require_verdict
    from kit.evaluation.stages import evaluate_stages
    from kit.plan.document import plan_document

    earlier = engine.outputs("foundation")
    if not earlier.get("audit_bucket_name"):
        typer.echo("first deployment: there is no audit store yet that could hold an approval of the plan")
        return
    target = _target({name: str(value) for name, value in earlier.items()}, settings)
    document = plan_document([evaluate_stages(client=client, assume_gates=True)[stage]])
    for stack, digest in plan_digests(document).items():
        with deployment_errors():
            verdict = require_verdict(target, stack, digest)
        typer.echo(f"approved by {verdict.approver} at {verdict.at}: plan {digest[:12]}")


def _target(exports: Mapping[str, str], settings: "Settings") -> "Target":
    """Return the deployment in the account, with the default credentials."""
    import boto3

    from kit.target import Target

    return Target(exports, settings.region, False, boto3.Session(region_name=settings.region))


def _cluster_first(engine: Any, settings: "Settings", clients: Any, *, yes: bool) -> None:
    """If pods serve the gateway: deploy their cluster first, and the pods only once their image exists, is
    signed, and the API server is reachable. Until then the gateway's function answers.
    """
    from contract.writing import as_file
    from kit.deploy.pods import unready
    from stacks.pods import certified_name

    if certified_name(settings) is None:
        return
    exports = engine.outputs("integration")
    if "cluster_name" not in exports:
        typer.echo("first phase: the cluster, without workloads")
        cluster = {**as_file(settings.cluster), "workloads": False}
        engine.configure("integration", "cluster", json.dumps(cluster, sort_keys=True))
        engine.up("integration", yes=yes)
        exports = engine.outputs("integration")
    with deployment_errors():
        what, fix = unready(clients, {name: str(value) for name, value in exports.items()})
    if what:
        raise KitError(
            f"pods wait for {what}; the gateway's function answers until then",
            hint=f"{fix}; then run the command again",
            exit_code=ExitCode.VERIFICATION_FAILED,
        )
    typer.echo("second phase: the workloads")
    engine.configure("integration", "cluster", None)


def _gate_closed(stage: str, client: str | None) -> bool:
    from kit.evaluation.stages import evaluate_stage

    try:
        evaluate_stage(stage, client=client)
    except KitError as error:
        if error.exit_code == ExitCode.GATE_CLOSED:
            return True
        raise
    return False


def _fill(clients: Any, exports: Mapping[str, str]) -> None:
    from kit.deploy.generated_secrets import fill_generated

    with deployment_errors():
        for name in fill_generated(clients("secretsmanager"), exports):
            typer.echo(f"filled {name} with a random value, which nobody has seen")


def smoke(
    client: Annotated[str | None, typer.Option("--client", help="Client whose deployment is asked.")] = None,
) -> None:
    """Test a deployment as its callers use it: both headers, a stream, and text that must be blocked.

    Uses an application key that is revoked afterwards; for key operators, after `kit deploy` ran in a
    pipeline whose role may not create keys. Exit codes: 0 the deployment answers as it should; 1 it does
    not; 2 invalid configuration; 4 the deployment cannot be reached.
    """
    from kit.target import find_target

    _smoke(settings_of(client), find_target(client))


def _smoke(settings: "Settings", target: "Target") -> None:
    """Run the smoke test with a key that exists only for its duration."""
    from kit.deploy.smoke import MayMakeNoKey, ask, short_lived_key, wait_until_ready

    department = (settings.pilots or settings.departments)[0]
    url = target.require("gateway_url").rstrip("/")
    if not wait_until_ready(url):
        raise KitError(f"{url} does not answer as a gateway", hint="runbooks/claude-unreachable.md")
    try:
        with deployment_errors(), short_lived_key(target, department.id) as key:
            asked = ask(url, key, department.models[0])
    except MayMakeNoKey:
        typer.echo("the gateway answers; these credentials may make no key to ask it more: kit smoke does")
        return
    for one in asked:
        typer.echo(f"{'ok      ' if one.passed else 'FAILED  '} {one.what} {one.detail}")
    if not all(one.passed for one in asked):
        raise KitError("the gateway does not answer as it should", hint="kit logs; runbooks/README.md")


def _by_hand(settings: "Settings", exports: Mapping[str, str]) -> None:
    """List what no program may do: agreements, and settings at other companies."""
    steps = []
    if issuer := exports.get("outbound_identity_issuer"):
        steps.append(f"at Anthropic: a federation rule for tokens of {issuer}")
    if exports.get("identity_client_secret_arn"):
        steps.append("the client secret of your identity provider: kit connect-provider")
    if url := exports.get("scim_url"):
        steps.append(f"at your identity provider: SCIM base URL {url}, token from `kit scim rotate`")
    if settings.api.custom_domain and "gateway_url" in exports:
        steps.append(f"in DNS: {settings.api.custom_domain.name} as an alias of the API's regional name")
    steps.append("attestations and approvals of the next gate: kit gate status")
    typer.echo("\nfor people:")
    for step in steps:
        typer.echo(f"  - {step}")

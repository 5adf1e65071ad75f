"""`kit switch`: turns Claude off and on, for everyone or for some, from the next call (G.4)."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Client, Json

if TYPE_CHECKING:
    from kit.target import Target
    from lambdas.common.ledger.switches import Switch, Switches

app = typer.Typer(help="Kill switches: what is off, for whom.", no_args_is_help=True)

Scope = Annotated[str, typer.Argument(help="organization, department, model or principal.")]
Subject = Annotated[
    str,
    typer.Argument(help="Department, model alias or Claude model; a person (id, name, address); a key."),
]
Why = Annotated[str, typer.Option("--reason", help="Why; recorded.")]

_ASK_SECONDS = 5.0
_TIMES_ASKED = 3


@app.command()
def off(
    scope: Scope, reason: Why, subject: Subject = "", client: Client = None, as_json: Json = False
) -> None:
    """Turn Claude off: kit switch off department marketing --reason "…". Idempotent.

    The switch is set, read back, confirmed by a gateway, and then recorded with its actual state.

    Exit codes: 0 done; 1 a gateway does not see it; 2 no such scope or subject; 4 the deployment cannot be
    reached.
    """
    _turn("off", scope, subject, reason, client, as_json)


@app.command()
def on(
    scope: Scope, reason: Why, subject: Subject = "", client: Client = None, as_json: Json = False
) -> None:
    """Turn Claude on again. Idempotent.

    Exit codes: 0 done; 1 a gateway does not see it; 2 no such scope or subject; 4 the deployment cannot be
    reached.
    """
    _turn("on", scope, subject, reason, client, as_json)


@app.command("list")
def list_(client: Client = None, as_json: Json = False) -> None:
    """List what is currently off.

    Exit codes: 0 done; 4 the deployment cannot be reached.
    """
    from kit.target import find_target

    with deployment_errors():
        found = _switches(find_target(client)).list()
    if as_json:
        documents = [{"scope": one.scope, "subject": one.subject or None} for one in found]
        typer.echo(json.dumps(documents, indent=2))
        return
    for one in found:
        typer.echo(f"{one} is off")
    if not found:
        typer.echo("nothing is off")


def _turn(which: str, scope: str, subject: str, reason: str, client: str | None, as_json: bool) -> None:
    """Set, read back, ask a gateway, record: the record holds the result, never the intention."""
    from kit.errors import ExitCode, KitError
    from kit.identity.operator import plain, record_event
    from kit.target import find_target

    why = plain(reason, "--reason")
    with deployment_errors():
        target = find_target(client)
        switch = _switch(target, scope, subject)
        state = "off" if _switches(target).turn(switch, off=which == "off") else "on"
        seen = _as_a_gateway_sees_it(target, switch)
        event = {"kind": "switch", "event": state, "scope": switch.scope, "switched": switch.subject or None}
        try:
            record_event(target, {**event, "reason": why, "seen_by_gateway": seen})
        except KitError as error:
            raise KitError(
                f"{switch} is {state}, but the audit store took no record of it",
                hint="run the same command again: it changes nothing and records it",
                exit_code=ExitCode.ENVIRONMENT,
            ) from error
    if as_json:
        document = {
            "scope": switch.scope, "subject": switch.subject or None, "state": state, "seen_by_gateway": seen
        }  # fmt: skip
        typer.echo(json.dumps(document, sort_keys=True))
    else:
        proof = (
            f"; the gateway says: {seen}" if seen else "; no gateway was asked: sign in with kit login first"
        )
        typer.echo(f"{switch} is {state}{proof}")
    if state != which or (seen is not None and seen != state):
        raise KitError(
            f"{switch} was to be {which}: the table says {state}, the gateway says {seen}",
            hint="somebody may have turned it meanwhile: kit switch list; else restart the gateway",
            exit_code=ExitCode.FAILED,
        )


def _switch(target: "Target", scope: str, subject: str) -> "Switch":
    from kit.identity.operator import policy, usage
    from kit.identity.subjects import subject as find_subject
    from lambdas.common.ledger.switches import SCOPES, Switch

    if scope not in SCOPES:
        raise usage(f"{scope} is not a scope of a switch", f"one of: {', '.join(SCOPES)}")
    if (scope == "organization") == bool(subject):
        wanted = "no subject" if scope == "organization" else f"which {scope}"
        raise usage(f"scope {scope} needs {wanted}", "kit switch off --help")
    if scope == "department":
        known = policy(target).departments
        if subject not in known:
            raise usage(f"there is no department {subject}", f"one of: {', '.join(known)}")
    if scope == "model":
        model = policy(target).model_named(subject)
        if model is None:
            raise usage(f"there is no model {subject}", f"one of: {', '.join(policy(target).models)}")
        subject = model.model  # what the ledger checks: every alias of the model is off
    if scope == "principal":
        subject = find_subject(target, subject).id
    return Switch(scope, subject)


def _switches(target: "Target") -> "Switches":
    from lambdas.common.ledger.switches import Switches

    return Switches(target.client("dynamodb"), ledger_table=target.require("ledger_table_name"))


def _as_a_gateway_sees_it(target: "Target", switch: "Switch") -> str | None:
    """Return `off` or `on` as a gateway answers, or None if nobody is signed in who could ask one."""
    import urllib.error
    import urllib.parse
    import urllib.request

    credential = _credential(target)
    if credential is None:
        return None
    url, token = credential
    path = "/".join(urllib.parse.quote(part, safe="") for part in (switch.scope, switch.subject) if part)
    request = urllib.request.Request(  # noqa: S310 - the deployment's own address
        f"{url}/v1/switches/{path}", headers={"authorization": f"Bearer {token}"}
    )
    for _ in range(_TIMES_ASKED):
        try:
            with urllib.request.urlopen(request, timeout=_ASK_SECONDS) as answer:  # noqa: S310
                return "off" if json.loads(answer.read())["off"] else "on"
        except (urllib.error.URLError, TimeoutError, ValueError, KeyError):
            continue
    return "no answer"


def _credential(target: "Target") -> tuple[str, str] | None:
    """Return a gateway's address and a token for it: of the embedded deployment, or of the signed-in
    person.
    """
    from kit.errors import KitError

    try:
        if target.local:
            from kit.home import find_home
            from kit.local.running import exported_environment

            variables = exported_environment(find_home())
            return variables["ANTHROPIC_BASE_URL"], variables["ANTHROPIC_AUTH_TOKEN"]
        from kit.identity.session import fresh

        session = fresh()
    except (KitError, OSError):
        return None
    return session.gateway_url, session.access_token

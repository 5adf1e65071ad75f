"""`kit sign-out`: ends every session of a person, for example after a theft, from the next call (G.4)."""

import json
from typing import Annotated

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Client, Json


def sign_out(
    person: Annotated[str, typer.Argument(help="Id, user name, address or externalId of the person.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; recorded.")],
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Revoke all sessions of a person. Tokens issued before are refused from the next call, as are renewed
    ones that carry the time of sign-in (auth_time, as the user pool's do). The person can sign in again:
    to keep them out, use kit switch off principal. API keys are revoked separately.

    Exit codes: 0 done; 2 no such person; 4 the deployment cannot be reached.
    """
    from kit.identity.operator import access_records, plain, record_event
    from kit.identity.subjects import person as find_person
    from kit.target import find_target
    from lambdas.common.clock import utc_now

    why = plain(reason, "--reason")
    with deployment_errors():
        target = find_target(client)
        records = access_records(target)
        found = find_person(target, person).record
        event = {"kind": "sign-out", "event": "signed-out", "subject": found.subject}
        record_event(target, {**event, "department": found.department, "reason": why})
        at = utc_now()
        records.sign_out(found.subject, at)
    if as_json:
        document = {"person": found.subject, "signed_out_at": at.isoformat(timespec="seconds")}
        typer.echo(json.dumps(document, sort_keys=True))
    else:
        typer.echo(f"{found.subject} is signed out everywhere; they must sign in again")

"""`kit demo`: twelve weeks of synthetic use for dashboards, statements and the report (S.3)."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kit.commands.options import Client, Json
from kit.errors import ExitCode, KitError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kit.local.portal_demonstration import Member
    from kit.measurement.synthetic import Demonstration
    from kit.prompts.library import Entry
    from kit.target import Target
    from lambdas.portal.table import PortalTable
    from stacks.settings import Settings


def demo(
    seed: Annotated[int, typer.Option(help="The same seed gives the same use.")] = 1,
    until: Annotated[str | None, typer.Option(help="Last day, YYYY-MM-DD; default: yesterday.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write to this folder instead of the local deployment.")
    ] = None,
    calls: Annotated[
        int,
        typer.Option(
            min=0, max=1_000, help="Calls and feedback to send through the running gateway as well."
        ),
    ] = 20,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Fill the local deployment with twelve weeks of synthetic use, every row labelled as such.

    The portal's pages get labelled rows as well. The past is written as labelled metadata rows and ledger
    amounts; some calls and their feedback go through the running gateway. A second run with the same seed
    changes nothing except for adding those calls. A real account is refused.

    Exit codes: 0 done; 2 invalid option, or the deployment is real; 4 no deployment.
    """
    from kit.chosen import settings_of
    from kit.measurement.baselines import write_baselines
    from kit.measurement.reading import DEMONSTRATION_BASELINES
    from lambdas.common.clock import utc_now

    settings = settings_of(client)
    target = None
    if output is None:
        from kit.target import find_target, require_client

        target = find_target(client)
        require_client(target, settings.client)
        if not target.local:
            raise KitError(
                "made-up use does not belong into a real account",
                hint="run `kit up` first, or write to a folder with --output",
                exit_code=ExitCode.USAGE,
            )
    try:
        last = date.fromisoformat(until) if until else utc_now().date() - timedelta(days=1)
    except ValueError:
        raise KitError(f'--until "{until}" is not a date', exit_code=ExitCode.USAGE) from None
    if last > utc_now().date():
        raise KitError(f"--until {last} lies in the future", exit_code=ExitCode.USAGE)
    if target is not None:
        last = _remembered(target, seed, last)
    made = _made(settings, last, seed)
    asked = 0
    if target is None and output is not None:
        for key, body in made.objects():
            path = output / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        write_baselines(output / DEMONSTRATION_BASELINES, made.baselines)
        ledger = output / "demonstration" / "ledger.json"
        months = sorted({month for month, _ in made.settled})
        document = {
            month: {name: amount for (one, name), amount in sorted(made.settled.items()) if one == month}
            for month in months
        }
        ledger.write_text(json.dumps(document, indent=1), encoding="utf-8")
    elif target is not None:
        from kit.home import find_home

        _write(target, made, seed, last)
        write_baselines(find_home().path / DEMONSTRATION_BASELINES, made.baselines)
        asked = _ask(calls)
        _fill_portal(target, settings)
    rows = sum(len(rows) for rows in made.rows.values())
    first = last - timedelta(days=83)
    if as_json:
        typer.echo(
            json.dumps({"rows": rows, "first": f"{first}", "last": f"{last}", "calls": asked, "seed": seed})
        )
        return
    typer.echo(
        f"made up {rows:,} events from {first} to {last} (seed {seed}); {asked} calls through the gateway"
    )
    typer.echo("look at them: kit dashboards, kit report roi --quarter …, kit chargeback --month …")


def _made(settings: "Settings", last: date, seed: int) -> "Demonstration":
    from kit.measurement.synthetic import demonstrate, teams

    aliases = settings.claude.models
    departments = [
        (one.id, one.pilot, tuple(aliases[alias].model for alias in one.models))
        for one in settings.departments
    ]
    return demonstrate(teams(departments, settings.sizing.adoption.live_people), last, seed)


def _remembered(target: "Target", seed: int, last: date) -> date:
    """Return the last day of an earlier run with the same seed; a different seed on top of it is refused."""
    items = target.client("dynamodb").query(
        TableName=target.require("ledger_table_name"),
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "DEMONSTRATION"}},
    )["Items"]
    if not items:
        return last
    if items[0]["sk"]["S"] != str(seed):
        raise KitError(
            f"the deployment holds the demonstration of seed {items[0]['sk']['S']}",
            hint=f"run kit demo --seed {items[0]['sk']['S']}, or `kit down` and `kit up` for a new one",
            exit_code=ExitCode.USAGE,
        )
    return date.fromisoformat(items[0]["last"]["S"])


def _write(target: "Target", made: "Demonstration", seed: int, last: date) -> None:
    """Write rows to the analytics bucket, and amounts and the marker to the ledger in one transaction."""
    from botocore.exceptions import ClientError

    from lambdas.common.dynamodb import reasons, transact

    s3, bucket = target.client("s3"), target.require("analytics_bucket_name")
    for key, body in made.objects():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    table, dynamodb = target.require("ledger_table_name"), target.client("dynamodb")
    amounts: dict[tuple[str, str], int] = {}
    for (month, name), amount in made.settled.items():
        for scope in (f"DEPT#{name}", "ORG#0"):
            amounts[scope, month] = amounts.get((scope, month), 0) + amount
    adds = [
        {
            "Update": {
                "TableName": table,
                "Key": {"pk": {"S": scope}, "sk": {"S": month}},
                "UpdateExpression": "ADD committed_microusd :amount",
                "ExpressionAttributeValues": {":amount": {"N": str(amount)}},
            }
        }
        for (scope, month), amount in sorted(amounts.items())
    ]
    mark = {
        "Put": {
            "TableName": table,
            "Item": {"pk": {"S": "DEMONSTRATION"}, "sk": {"S": str(seed)}, "last": {"S": last.isoformat()}},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
    }
    try:
        transact(dynamodb, [mark, *adds], within=10.0)
    except ClientError as error:
        if "ConditionalCheckFailed" not in reasons(error):
            raise
        # An earlier run has counted them.


def _fill_portal(target: "Target", settings: "Settings") -> None:
    """Write rows for the portal's pages, if there is a portal."""
    table = target.outputs.get("portal_table_name")
    if not table:
        return
    from kit.home import PROJECT_ROOT
    from kit.local.portal_demonstration import Member, figures, fill
    from kit.measurement.published_figures import publish
    from kit.prompts.library import read_library
    from lambdas.common.access import AccessRecords
    from lambdas.common.clock import utc_now
    from lambdas.portal.table import PortalTable

    departments = [one.id for one in settings.departments]
    library = read_library(PROJECT_ROOT / "prompts")
    dynamodb = target.client("dynamodb")
    people = [
        one
        for one in AccessRecords(dynamodb, target.require("access_table_name")).every()
        if one.kind == "person" and one.provisioned
    ]
    members = [
        Member(
            one.subject,
            one.department,
            [(name, each.draft.title) for name, each in sorted(library.items())
             if each.draft.allows(one.department)],
        )
        for one in sorted(people, key=lambda one: ("reviewer" in one.roles, one.subject))
    ]  # fmt: skip
    now, rows = utc_now(), PortalTable(dynamodb, str(table))
    fill(rows, departments, members, now)
    publish(target, figures(departments, now))
    _start_workflow(target, settings, rows, members, library)


def _start_workflow(
    target: "Target",
    settings: "Settings",
    rows: "PortalTable",
    members: "Sequence[Member]",
    library: "Mapping[str, Entry]",
) -> None:
    """Start one workflow in a person's name with the example of its prompt, so that a draft waits for a
    review; not again if the person has one.
    """
    from kit.local.portal_demonstration import LABEL
    from kit.reviews.places import place, workflows_of
    from kit.reviews.starting import start_request
    from lambdas.common.clock import utc_now
    from lambdas.portal.table import Row
    from stacks.library import workflows_of_department

    deployed = workflows_of(target)
    member = next((one for one in members if one.department in deployed), None)
    if member is None or rows.rows(f"PERSON#{member.person}", "WORK#"):
        return
    department = next(one for one in settings.departments if one.id == member.department)
    for spec in workflows_of_department(settings, department):
        entry = library.get(spec.prompt)
        if (
            entry is None
            or entry.file.about is None
            or entry.file.about.example is None
            or spec.name not in deployed[member.department]
        ):
            continue
        where = place(target, member.department, "member", member.person)
        request = start_request(where, spec.name, entry.file.about.example.variables, {})
        facts = {
            "workflow": spec.name, "title": f"{entry.draft.title} {LABEL}",
            "at": int(utc_now().timestamp()),
        }  # fmt: skip
        rows.write(Row(f"PERSON#{member.person}", f"WORK#{request}", facts))
        return


def _ask(calls: int) -> int:
    """Make calls with feedback through the gateway with the demonstration key; returns 0 if there is none."""
    if not calls:
        return 0
    import anthropic

    from kit.home import find_home
    from kit.local.running import exported_environment

    environment = exported_environment(find_home())
    client = anthropic.Anthropic(
        base_url=environment["ANTHROPIC_BASE_URL"], auth_token=environment["ANTHROPIC_AUTH_TOKEN"]
    )
    model = next(iter(client.models.list())).id
    for number in range(calls):
        raw = client.messages.with_raw_response.create(
            model=model,
            max_tokens=200,
            messages=[
                {"role": "user", "content": f"Demonstration {number}: three ideas for a spring campaign."}
            ],
        )
        if number % 2 == 0:
            body = {"request_id": raw.headers["request-id"], "useful": True, "minutes_saved": 10 + number % 7}
            client.post("/v1/feedback", body=body, cast_to=object)
    return calls

"""`kit champions`: what each champion contributed, and messages to their channel (L4.6)."""

import json
import sys
from typing import Annotated

import typer

from kit.commands.deployment_errors import deployment_errors
from kit.commands.options import Client, Json
from kit.commands.output import print_json
from kit.errors import ExitCode, KitError

_MOST_BYTES = 256 * 1024  # limit of an SNS message
_MOST_SUBJECT = 100


def champions(
    quarter: Annotated[
        str | None, typer.Option("--quarter", help="Such as 2026Q4; default: the running one.")
    ] = None,
    write: Annotated[
        str | None,
        typer.Option("--write", help="Send this to the champions' channel, and show nothing. - reads it."),
    ] = None,
    subject: Annotated[str, typer.Option(help="Of what --write sends.")] = "From the Center of Excellence",
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Show what each champion contributed in a quarter.

    Prompts approved, reviews done, people trained and answers rated are computed from published prompts,
    reviews and records, as in the quarterly governance review. The order is by id; nobody is ranked.

    The channel reaches the people in `contacts.champions`, and the channels for champions in `contacts.slack`
    and `contacts.teams`.

    Exit codes: 0 done; 2 invalid option; 4 no deployment can be reached.
    """
    if write is not None:
        _write(sys.stdin.read() if write == "-" else write, subject, client, as_json=as_json)
        return
    from kit.adoption.recognition import contributions
    from kit.chosen import settings_of
    from kit.measurement import period
    from kit.measurement.reading import Reading, source_of
    from kit.target import find_target, require_client
    from lambdas.common.clock import utc_now

    today = utc_now().date()
    wanted = period.quarter(quarter) if quarter else period.quarter_of(today)
    with deployment_errors():
        target = find_target(client)
        settings = settings_of(client)
        require_client(target, settings.client)
        reading = Reading(settings, source_of(None, target), target, None, today)
        found = contributions(reading, target, wanted)
    if as_json:
        documents = [one.as_document() | {"known_as": one.known_as} for one in found]
        print_json({"quarter": wanted.name, "champions": documents})
        return
    if not found:
        typer.echo("nobody has the role champions; the identity provider's group gives it (identity.groups)")
        return
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"Champions, {wanted.name}")
    for column in (
        "champion",
        "department",
        "prompts approved",
        "reviews",
        "people trained",
        "answers rated",
    ):
        table.add_column(column, overflow="fold")
    for one in found:
        figures = (one.prompts_approved, one.reviews, one.people_trained, one.feedback)
        table.add_row(escape(one.known_as or one.person), one.department, *map(str, figures))
    Console(highlight=False).print(table)


def _write(text: str, subject: str, client: str | None, *, as_json: bool) -> None:
    """Send a message to the channel. Raises KitError (2) for text that mail cannot carry."""
    from kit.target import find_target
    from lambdas.common.chat_notice import chat_notice

    # to people the text as it is, to a Slack or Teams channel as its application reads it
    message = json.dumps({"default": text, "https": chat_notice(subject, text)}, ensure_ascii=False)
    if not text.strip() or len(message.encode()) > _MOST_BYTES:
        raise KitError("--write takes a text of 1 byte to some 200 KiB", exit_code=ExitCode.USAGE)
    plain = subject.isascii() and subject.isprintable() and subject[:1].isalnum()
    if not plain or len(subject) > _MOST_SUBJECT:
        raise KitError(
            "--subject takes up to 100 characters of ASCII, the first a letter or digit",
            exit_code=ExitCode.USAGE,
        )
    with deployment_errors():
        target = find_target(client)
        topic, sns = target.require("champions_topic_arn"), target.client("sns")
        known = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        readers = [one for one in known if one["SubscriptionArn"].startswith("arn:")]
        sent = sns.publish(TopicArn=topic, Subject=subject, Message=message, MessageStructure="json")[
            "MessageId"
        ]
    if as_json:
        typer.echo(json.dumps({"sent": sent, "readers": len(readers), "waiting": len(known) - len(readers)}))
        return
    typer.echo(f"sent to {len(readers)} readers of the channel")
    if not readers:
        typer.echo(
            "hint: name readers in contacts.champions, each of whom confirms the mail that AWS sends, or a "
            "channel in contacts.slack or contacts.teams"
        )

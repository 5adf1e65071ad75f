"""The function behind `kit break-glass`: takes signed requests, asks STS who signed, does the step (G.4).

Event: {"action": "request" | "approve" | "open" | "end" | "show", "fields": {…}, "at": …, "proof": {…}}. The
proof is of `lambdas.workflow.proof`: a signature of the caller's own role session over the document. Answer:
{"request": {…}, "key": …} or {"refused": {"message", "hint", "kind"}}. A refused proof is not returned.

Environment: `LEDGER_TABLE`, `ACCESS_TABLE`, `KEY_PEPPER_SECRET_ARN`, `GOVERNANCE_BUCKET`,
`POLICY_OBJECT_KEY`, `ALARM_TOPIC_ARN`, `PEOPLE_ROLES` (beginnings of the ARNs of sessions of the Center of
Excellence, separated by commas), those of the audit writer.
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
import urllib3

from lambdas.break_glass.desk import BreakGlass, Refused
from lambdas.common.access import AccessRecords
from lambdas.common.audit import open_writer
from lambdas.common.policy import parse_policy
from lambdas.common.virtual_keys import read_pepper
from lambdas.workflow.aws import client
from lambdas.workflow.proof import NotProved, Prover

_NOT_PROVED = Refused(
    "AWS does not confirm that you are one of the Center of Excellence",
    "take your role there first (aws sso login, or the console's role), then try again",
)


def answer(desk: BreakGlass, who: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a request of `who`. Raises `Refused`."""
    fields = event.get("fields")
    given: Mapping[str, Any] = fields if isinstance(fields, Mapping) else {}
    name = str(given.get("id", ""))
    match event.get("action"):
        case "request":
            minutes = given.get("minutes")
            made = desk.request(
                who,
                str(given.get("department", "")),
                minutes if isinstance(minutes, int) and not isinstance(minutes, bool) else 0,
                str(given.get("reason", "")),
            )
            return {"request": made.as_document()}
        case "approve":
            return {"request": desk.approve(who, name).as_document()}
        case "open":
            opened, key = desk.open(who, name)
            return {"request": opened.as_document(), "key": key}
        case "end":
            return {"request": desk.end(who, name).as_document()}
        case "show":
            return {"request": desk.read(name).as_document()}
        case _:
            raise Refused("there is no such action", "kit break-glass --help")


def person(prover: Prover, event: Mapping[str, Any]) -> str:
    """Return who signed an event: the name of the role session, which the identity provider sets. Raises
    `Refused`.

    On an emulated AWS, where everybody is root, it is the one named in the event, marked as a demonstration.
    """
    try:
        arn = prover.arn(event)
    except NotProved:
        raise _NOT_PROVED from None
    for beginning in os.environ["PEOPLE_ROLES"].split(","):
        if arn.startswith(beginning):
            return arn.rsplit("/", 1)[1]
    if "AWS_ENDPOINT_URL" in os.environ and arn.endswith(":root"):
        if not event.get("by"):
            raise Refused("on an emulated deployment say who you are", "add --by NAME")
        return f"demonstration:{event['by']}"
    raise _NOT_PROVED


@cache
def _prover() -> Prover:
    return Prover(client("sts").meta.endpoint_url, "", urllib3.PoolManager(retries=False))


@cache
def _desk() -> BreakGlass:
    dynamodb, s3 = client("dynamodb"), client("s3")
    place = {"Bucket": os.environ["GOVERNANCE_BUCKET"], "Key": os.environ["POLICY_OBJECT_KEY"]}
    secrets, pepper = client("secretsmanager"), os.environ["KEY_PEPPER_SECRET_ARN"]
    topic = os.environ["ALARM_TOPIC_ARN"]
    return BreakGlass(
        dynamodb,
        os.environ["LEDGER_TABLE"],
        AccessRecords(dynamodb, os.environ["ACCESS_TABLE"]),
        lambda: read_pepper(secrets.get_secret_value(SecretId=pepper)["SecretString"]),
        lambda: frozenset(parse_policy(s3.get_object(**place)["Body"].read()).departments),
        open_writer("break-glass", session=botocore.session.get_session()),
        lambda subject, message: client("sns").publish(TopicArn=topic, Subject=subject, Message=message),
    )


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Serve Lambda."""
    del context
    try:
        return answer(_desk(), person(_prover(), event), event)
    except Refused as refused:
        return {"refused": {"message": str(refused), "hint": refused.hint, "kind": refused.kind}}

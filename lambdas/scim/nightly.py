"""The nightly reconciliation as a function: each difference is recorded, and counted for an alarm (G.4).

Environment: that of the provisioning worker, and `COE_ROLES`: names of the AWS roles whose sessions are
checked, separated by commas.
"""

import os
from typing import Any

import botocore.session

from lambdas.common.audit import open_writer
from lambdas.common.clock import utc_now
from lambdas.common.log import Level, log, metrics
from lambdas.scim.outside import Outside
from lambdas.scim.reconciliation import Difference, differences
from lambdas.scim.settings import aws_client, open_directory, read_settings


def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Run once. Raises if a store does not answer: the run is retried, then an alarm is raised."""
    del event, context
    settings, session = read_settings(), botocore.session.get_session()
    outside = Outside(
        cognito=aws_client(session, "cognito-idp", settings),
        user_pool=settings.user_pool_id,
        cloudtrail=aws_client(session, "cloudtrail", settings),
        roles=[one for one in os.environ.get("COE_ROLES", "").split(",") if one],
        s3=aws_client(session, "s3", settings),
        audit_bucket=os.environ["AUDIT_BUCKET"],
    )
    found = list(differences(open_directory(settings, session), utc_now(), outside))
    if found:
        writer = open_writer("reconciliation", session=session)
        for one in found:
            writer.append_now(_record(one), bodies={})
    log(
        "reconciliation",
        level=Level.WARNING if found else Level.INFO,
        environment=settings.environment,
        kinds=sorted({one.what for one in found}),
        **metrics({"AccessDifferences": len(found)}),
    )
    return {"differences": len(found)}


def _record(one: Difference) -> dict[str, Any]:
    return {"kind": "access-difference", "event": one.what, **one.as_document()}

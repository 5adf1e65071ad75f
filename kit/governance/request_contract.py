"""What the organisation allows beyond the shipped request contract (L1.10).

    policy/request-contract.json   {"additions": [{kind, name, approved_by, reason, at}, …]}

The gateway reads it again every few seconds. The bucket keeps every version, the audit store who changed it.
"""

import json
from dataclasses import asdict

from botocore.exceptions import ClientError

from kit.errors import ExitCode, KitError
from kit.identity.operator import record_event
from kit.target import Target
from lambdas.common.clock import utc_now
from lambdas.common.request_contract import ADDITIONS_KEY, Addition, Kind, parse_additions, shipped

_ABSENT = ("NoSuchKey", "404", "AccessDenied")


def additions(target: Target) -> tuple[Addition, ...]:
    """Additions, oldest first."""
    return _read(target)[0]


def allow(target: Target, kind: Kind, name: str, approved_by: str, reason: str) -> bool:
    """Allow something; False where it is allowed already. Recorded before it holds. Raises KitError."""
    known, etag = _read(target)
    if any((one.kind, one.name) == (kind, name) for one in known) or _is_shipped(kind, name):
        return False
    added = Addition(kind, name, approved_by, reason, utc_now().isoformat(timespec="seconds"))
    record_event(target, {"kind": "request-contract", "event": "allowed", "what": asdict(added)})
    _write(target, (*known, added), etag)
    return True


def withdraw(target: Target, kind: Kind, name: str, approved_by: str, reason: str) -> bool:
    """Take an addition back; False where there is none. Raises KitError."""
    known, etag = _read(target)
    left = tuple(one for one in known if (one.kind, one.name) != (kind, name))
    if left == known:
        return False
    what = {"kind": kind, "name": name, "approved_by": approved_by, "reason": reason}
    record_event(target, {"kind": "request-contract", "event": "withdrawn", "what": what})
    _write(target, left, etag)
    return True


def _is_shipped(kind: Kind, name: str) -> bool:
    contract = shipped()
    return (
        name
        in {
            "field": contract.fields,
            "tool": contract.tools,
            "block": contract.blocks,
            "beta": contract.betas,
        }[kind]
    )


def _read(target: Target) -> tuple[tuple[Addition, ...], str]:
    try:
        answer = target.client("s3").get_object(
            Bucket=target.require("governance_bucket_name"), Key=ADDITIONS_KEY
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return (), ""
        raise
    try:
        return parse_additions(answer["Body"].read()), answer["ETag"]
    except ValueError as error:
        raise KitError(
            f"{ADDITIONS_KEY}: {error}",
            hint="restore an earlier version of the object in the governance bucket",
            exit_code=ExitCode.VERIFICATION_FAILED,
        ) from None


def _write(target: Target, listed: tuple[Addition, ...], etag: str) -> None:
    condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    document = {"additions": [asdict(one) for one in listed]}
    try:
        target.client("s3").put_object(
            Bucket=target.require("governance_bucket_name"),
            Key=ADDITIONS_KEY,
            Body=json.dumps(document, indent=1).encode(),
            ContentType="application/json",
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=target.require("governance_key_arn"),
            **condition,
        )
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (409, 412):
            raise
        raise KitError("somebody else changed it at the same time", hint="run the command again") from None

"""Verdicts on changes: who approved which plan, as an audit record (G.3, O.3).

`kit review --approve` records a verdict on a plan's digest, stack by stage; `kit deploy` in production
requires one on the very plan that it is about to apply, by somebody other than the deployer. The object
`change-reviews/<digest>.json` in the governance bucket only says where the record is; what counts is the
record, which nobody can write in another's name or withdraw.
"""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from kit.audit.search import Question, find
from kit.audit.sources import BucketSource
from kit.errors import ExitCode, KitError
from kit.governance.objects import put_object
from kit.identity.operator import caller_arn, record_event
from kit.plan.document import to_json
from kit.target import Target
from lambdas.common.clock import utc_now

KIND = "change-review"
_PREFIX = "change-reviews/"


@dataclass(frozen=True)
class Verdict:
    """An approval in the audit store. `overridden` are the findings that were accepted."""

    digest: str
    stack: str
    approver: str
    at: str
    overridden: Sequence[str]
    commit: str


def plan_digests(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the digest of each stack of a plan, which is the same on every machine."""
    return {one["stack"]: sha256(to_json(one).encode()).hexdigest() for one in document["stacks"]}


def approve(
    target: Target, digests: Mapping[str, str], overridden: Sequence[str], commit: str
) -> list[Verdict]:
    """Record a verdict on each stack, in the caller's AWS identity. Raises KitError."""
    made = []
    approver = caller_arn(target)
    for stack, digest in sorted(digests.items()):
        at = utc_now()
        said = {"digest": digest, "stack": stack, "overridden": list(overridden), "commit": commit}
        record_event(target, {"kind": KIND, "event": "approved", **said})
        place = {"digest": digest, "recorded_at": at.isoformat(timespec="seconds")}
        put_object(target, f"{_PREFIX}{digest}.json", place)
        made.append(Verdict(digest, stack, approver, at.isoformat(timespec="seconds"), overridden, commit))
    return made


def verdicts(target: Target, digest: str) -> list[Verdict]:
    """Return the approvals of a plan in the audit store."""
    s3, bucket = target.client("s3"), target.require("governance_bucket_name")
    try:
        body = s3.get_object(Bucket=bucket, Key=f"{_PREFIX}{digest}.json")["Body"].read()
        at = datetime.fromisoformat(json.loads(body)["recorded_at"])
    except (ClientError, ValueError, KeyError):
        return []
    source = BucketSource(s3, target.require("audit_bucket_name"))
    around = Question(at - timedelta(minutes=5), at + timedelta(minutes=10), kind=KIND)
    return [
        Verdict(
            digest,
            str(record.get("stack")),
            str(record.get("operator")),
            str(record.get("at")),
            list(record.get("overridden") or ()),
            str(record.get("commit") or ""),
        )
        for record in find(source, around)
        if record.get("digest") == digest and record.get("event") == "approved"
    ]


def require_verdict(target: Target, stack: str, digest: str) -> Verdict:
    """Return the approval of a plan by somebody other than the caller. Raises KitError if there is none."""
    found = verdicts(target, digest)
    me = caller_arn(target)
    others = [one for one in found if one.approver != me]
    if others:
        return others[0]
    raise KitError(
        f"the plan of {stack} ({digest[:12]}) "
        + ("was approved by the one who deploys it" if found else "has no recorded approval"),
        hint="somebody else runs: kit preview --save NEW, kit review NEW --against OLD --approve",
        exit_code=ExitCode.VERIFICATION_FAILED,
    )


def commit_of(root: Path) -> str:
    """Return the commit of the checkout, or an empty text."""
    return _git(root, "rev-parse", "HEAD")


def commits_between(root: Path, old: str, new: str, paths: Sequence[str]) -> list[str]:
    """Return the commits, newest first, that changed any of the paths from one commit to another."""
    if not old or not new:
        return []
    return _git(root, "log", "--format=%h %s", f"{old}..{new}", "--", *paths).splitlines()


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""

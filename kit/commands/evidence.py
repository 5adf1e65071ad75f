"""`kit evidence`: packs that a third party verifies without the kit (G.7)."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from kit.errors import ExitCode, KitError

if TYPE_CHECKING:
    from kit.target import Target

app = typer.Typer(help="Evidence for auditors: signed packs that need neither the kit nor an AWS account.")
_LONGEST_DAYS = 400


@app.callback()
def _group() -> None:
    """Keep `export` a command of its own."""


@app.command()
def export(
    output: Annotated[Path, typer.Option(help="A new or empty folder.")],
    first: Annotated[str | None, typer.Option("--from", help="First day, UTC: 2026-10-01.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day, UTC.")] = None,
    framework: Annotated[
        list[str] | None, typer.Option(help="Map to these frameworks only, such as soc2; repeatable.")
    ] = None,
    client: Annotated[str | None, typer.Option("--client", help="Client whose deployment is meant.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")] = False,
) -> None:
    """Write a pack: records of governance, keys, courses, gates, the result of the verification, signed.

    Without --from the last 92 days. Who gets the pack runs verify.sh (openssl) or verify.py (Python alone),
    and compares the fingerprint of the key with the one printed here.

    Exit codes: 0 written; 2 wrong arguments; 4 the deployment cannot be reached or does not permit it.
    """
    import hashlib

    from botocore.exceptions import BotoCoreError, ClientError

    from kit.evidence.contents import files_of, read_controls
    from kit.evidence.pack import About, KmsSigner, write_pack
    from kit.target import find_target

    now = datetime.now(UTC)
    begin, end = _span(first, last, now)
    try:
        controls = read_controls(framework or ())
    except ValueError as error:
        raise KitError(f"--framework {error}", exit_code=ExitCode.USAGE) from None
    target = find_target(client)
    signer = KmsSigner(target.client("kms"), target.require("evidence_key_arn"))
    about = About(target.require("client"), target.require("environment"), begin, end, now)
    try:
        collected = _collect(target, begin, end, client)
        write_pack(output, about, files_of(about, collected, controls, now), signer)
        fingerprint = hashlib.sha256(signer.public_key()).hexdigest()
    except FileExistsError:
        raise KitError(f"{output} is not empty", hint="name a new folder", exit_code=ExitCode.USAGE) from None
    except (ClientError, BotoCoreError) as error:
        raise KitError(
            f"the evidence cannot be read or signed: {type(error).__name__}",
            hint="use a role that may read the audit store and sign with the evidence key (governance-lead)",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None
    if as_json:
        print(
            json.dumps({"schema": "kit-evidence-export/1", "folder": str(output), "key_sha256": fingerprint})
        )
        return
    console = Console(highlight=False)
    console.print(f"written: {output}, {begin:%Y-%m-%d} to {end:%Y-%m-%d}")
    console.print(
        f"give the auditor this fingerprint of the key by another way: {fingerprint}", soft_wrap=True
    )


def _span(first: str | None, last: str | None, now: datetime) -> tuple[datetime, datetime]:
    begin = _day(first, "--from") or now - timedelta(days=92)
    end = _day(last, "--to")
    end = min(end + timedelta(days=1) - timedelta(microseconds=1), now) if end else now
    if not begin <= end or end - begin > timedelta(days=_LONGEST_DAYS):
        raise KitError(
            f"--from and --to: not a span of 1 to {_LONGEST_DAYS} days that has begun",
            hint="write --from 2026-10-01 --to 2026-12-31",
            exit_code=ExitCode.USAGE,
        )
    return begin, end


def _day(text: str | None, option: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        raise KitError(
            f"{option}: {text!r} is not a day", hint="write it as 2026-10-01", exit_code=ExitCode.USAGE
        ) from None


def _collect(target: "Target", begin: datetime, end: datetime, client: str | None) -> Any:
    from kit.audit.search import Question, find
    from kit.audit.sources import BucketSource
    from kit.evidence.contents import Collected
    from kit.identity.operator import access_records

    source = BucketSource(target.client("s3"), target.require("audit_bucket_name"))
    records = sorted(find(source, Question(begin, end)), key=lambda record: str(record["at"]))
    return Collected(
        records=records,
        keys=access_records(target).virtual_keys(),
        gates=_gates(target),
        verification=_verification(begin, end, client),
    )


def _gates(target: "Target") -> dict[str, Any]:
    """The gates' records as the stages published them."""
    s3, bucket = target.client("s3"), target.require("governance_bucket_name")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="gates/").get("Contents", ())
    return {
        one["Key"]: json.loads(s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()) for one in listed
    }


def _verification(begin: datetime, end: datetime, client: str | None) -> dict[str, Any]:
    """What `kit audit verify` says of the period, by the command that an auditor would run."""
    command = [sys.executable, "-c", "from kit.cli import main; main()", "audit", "verify", "--json"]
    command += ["--from", f"{begin:%Y-%m-%dT%H}", "--to", f"{end:%Y-%m-%dT%H}"]
    command += ["--client", client] if client else []
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise KitError(
            f"the audit store cannot be verified: {done.stderr.strip()[-200:]}",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None

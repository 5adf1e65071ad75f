"""`kit evidence`: packs that a third party verifies without the kit (G.7)."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from kit.commands.options import Client, Json
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
    output: Annotated[Path, typer.Option(help="A new or empty folder, or a new file that ends in .zip.")],
    first: Annotated[str | None, typer.Option("--from", help="First day, UTC: 2026-10-01.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day, UTC.")] = None,
    framework: Annotated[
        list[str] | None, typer.Option(help="Map to these frameworks only, such as soc2; repeatable.")
    ] = None,
    sample: Annotated[
        int, typer.Option(min=0, max=200, help="Inclusion proofs of so many calls, chosen by --seed.")
    ] = 10,
    seed: Annotated[
        str, typer.Option(help="A text of the auditor's that nobody knew before; it chooses the sample.")
    ] = "",
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Write a signed pack: records of governance, access, people, gates, registers, alarms and
    verification.

    Without --from it covers the last full quarter, or everything if that quarter has no records. The
    recipient runs verify.sh (openssl) or verify.py (Python only) and compares the key's fingerprint with
    the one printed here.

    Exit codes: 0 written; 2 invalid arguments; 4 the deployment cannot be reached or denies access.
    """
    import hashlib

    from botocore.exceptions import BotoCoreError, ClientError

    from kit.evidence.contents import files_of, read_controls
    from kit.evidence.pack import About, KmsSigner, as_archive, write_pack
    from kit.target import find_target

    now = datetime.now(UTC)
    try:
        controls = read_controls(framework or ())
    except ValueError as error:
        raise KitError(f"--framework {error}", exit_code=ExitCode.USAGE) from None
    target = find_target(client)
    begin, end = _span(first, last, now, lambda: _default(target, now))
    signer = KmsSigner(target.client("kms"), target.require("evidence_key_arn"))
    about = About(target.require("client"), target.require("environment"), begin, end, now)
    try:
        collected = _collect(target, begin, end, client, sample, seed)
        zipped = output.suffix == ".zip"
        if zipped and output.exists():
            raise FileExistsError(str(output))
        folder = output.with_suffix("") if zipped else output
        write_pack(folder, about, files_of(about, collected, controls, now), signer)
        if zipped:
            as_archive(folder, output)
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


def _default(target: "Target", now: datetime) -> tuple[datetime, datetime]:
    """Return the last full quarter, or everything if it has no records."""
    from kit.audit.sources import BucketSource
    from kit.measurement.period import before, quarter_of

    source = BucketSource(target.client("s3"), target.require("audit_bucket_name"))
    days = [one.rpartition("dt=")[2].rstrip("/") for one in source.folders("records/")]
    wanted = before(quarter_of(now.date()))
    if any(f"{wanted.first}" <= day <= f"{wanted.last}" for day in days):
        begin, end = (
            datetime(one.year, one.month, one.day, tzinfo=UTC) for one in (wanted.first, wanted.last)
        )
        return begin, end + timedelta(days=1) - timedelta(microseconds=1)
    begin = datetime.fromisoformat(min(days)).replace(tzinfo=UTC) if days else now - timedelta(days=1)
    return max(begin, now - timedelta(days=_LONGEST_DAYS)), now


def _span(
    first: str | None,
    last: str | None,
    now: datetime,
    default: Callable[[], tuple[datetime, datetime]],
) -> tuple[datetime, datetime]:
    if first is None and last is None:
        return default()
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


def _collect(
    target: "Target", begin: datetime, end: datetime, client: str | None, sample: int, seed: str
) -> Any:
    from dataclasses import asdict

    from contract.in_force import IN_FORCE
    from kit.audit.search import Question, find
    from kit.audit.sources import BucketSource
    from kit.evidence.contents import Collected
    from kit.evidence.sample import proofs
    from kit.identity.access_review import access_review
    from kit.identity.operator import access_records
    from kit.registers.alarms import rang
    from kit.registers.store import Registers

    source = BucketSource(target.client("s3"), target.require("audit_bucket_name"))
    records = sorted(find(source, Question(begin, end)), key=lambda record: str(record["at"]))
    return Collected(
        records=records,
        keys=access_records(target).virtual_keys(),
        gates=_published(target, "gates/"),
        settings=_published(target, IN_FORCE),
        verification=_verification(begin, end, client),
        access=[
            {**one.given(), "since": one.since, "last_used": one.last_used}
            for one in access_review(target, everybody=True).entries
        ],
        registers=Registers(target).everything(),
        alarms=[asdict(one) for one in rang(target, max(begin, end - timedelta(days=30)), end)],
        retention=_retention(target),
        budgets=_budgets(target),
        sample=proofs(source, records, sample, seed),
    )


def _retention(target: "Target") -> dict[str, Any]:
    """Return the lock and lifecycle of the audit store as the account reports them now."""
    s3, bucket = target.client("s3"), target.require("audit_bucket_name")
    lock = s3.get_object_lock_configuration(Bucket=bucket).get("ObjectLockConfiguration", {})
    try:
        rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket).get("Rules", [])
    except s3.exceptions.ClientError:
        rules = []
    return {"bucket": bucket, "object_lock": lock, "lifecycle": rules}


def _budgets(target: "Target") -> dict[str, Any]:
    """Return the ceilings of the policy in force, in micro-dollars per month."""
    from kit.identity.operator import policy

    found = policy(target)
    return {
        "organization": found.organization.monthly_budget_microusd,
        "departments": {
            name: {"department": one.monthly_budget_microusd, "person": one.user_monthly_budget_microusd}
            for name, one in sorted(found.departments.items())
        },
    }


def _published(target: "Target", prefix: str) -> dict[str, Any]:
    """Return the documents that the stages published under a prefix, by their key."""
    s3, bucket = target.client("s3"), target.require("governance_bucket_name")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ())
    return {
        one["Key"]: json.loads(s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()) for one in listed
    }


def _verification(begin: datetime, end: datetime, client: str | None) -> dict[str, Any]:
    """Return the result of `kit audit verify` for the period."""
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

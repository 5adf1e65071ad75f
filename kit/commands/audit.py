"""`kit audit`: prove that the records are complete, search them, erase a person's data (L2.5, G.3)."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kit.commands.options import Client, Json
from kit.errors import ExitCode, KitError
from kit.terminal import notes

if TYPE_CHECKING:
    from kit.audit.access_logs import AccessLine, EdgeLine
    from kit.audit.keyring import KeyRing
    from kit.audit.sources import FolderSource, Source
    from kit.audit.timestamps import Timestamp
    from kit.audit.verification import Report, Span
    from kit.target import Target
    from lambdas.common.audit.manifest import Anchor

Logs: TypeAlias = "tuple[Iterable[AccessLine], Iterable[EdgeLine]]"

Copy = Annotated[
    Path | None,
    typer.Option(help="Folder with a copy of the bucket (records/, segments/, manifests/): work offline."),
]

app = typer.Typer(help="Verify, search and erase audit records.", no_args_is_help=True)

_SHOWN_FINDINGS = 200
_BACKUP_DAYS = 1  # the recovery window of the table of subject keys

From = Annotated[
    str | None, typer.Option("--from", help="First hour, UTC: 2026-11-24, 2026-11-24T10 or 2026-11-24T10:30.")
]
To = Annotated[str | None, typer.Option("--to", help="Last hour, UTC; a day means its last hour.")]


@app.command()
def verify(
    first: From = None,
    last: To = None,
    copy: Copy = None,
    records: Annotated[
        Path | None, typer.Option(help="Folder with a copy of records/; that of segments/ lies beside it.")
    ] = None,
    manifests: Annotated[
        Path | None, typer.Option(help="Folder with a copy of what lies under manifests/.")
    ] = None,
    public_key: Annotated[
        list[Path] | None,
        typer.Option(help="Public key of the manifests (PEM or DER); needed offline, repeatable."),
    ] = None,
    access_log: Annotated[
        list[Path] | None,
        typer.Option(help="File of access-log lines, .gz or not; repeatable. Default: the deployment's log."),
    ] = None,
    edge_log: Annotated[
        list[Path] | None,
        typer.Option(help="File of API Gateway's access log, .gz or not; repeatable. Default: as delivered."),
    ] = None,
    anchor: Annotated[
        list[str] | None,
        typer.Option(help="Anchors kept outside of the store: a file, or s3://BUCKET/PREFIX; repeatable."),
    ] = None,
    since_last: Annotated[
        bool,
        typer.Option(
            "--since-last",
            help="Go on after what the last run of this kind found to hold; noted after every day of it.",
        ),
    ] = False,
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Where --since-last keeps how far it came. Default: in the kit's home, by client."),
    ] = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Prove that nothing was deleted, altered, reordered or cut off, and that every answer has its records.

    Holds against each other: the signed manifests, the objects they name, the hash chain of every writer and
    the proof of who it is, the intents and outcomes of all calls, the gateway's access log and API Gateway's
    in both directions, and the anchors that were kept outside of the store.

    Exit codes: 0 all holds; 2 wrong arguments; 4 the deployment cannot be reached; 5 something was found, or
    there was nothing to verify: neither a record nor a manifest.
    """
    from kit.audit.anchors import anchors_in_file
    from kit.audit.verification import Trust, as_document, span_of, span_of_nothing, verify_in_steps
    from kit.audit.verification import verify as run

    span_first, span_last = _time(first, "--from"), _time(last, "--to", end=True)
    with _errors():
        source, ring, logs, now = _verified(
            _copied(copy, records, manifests), public_key, access_log, edge_log, client
        )
        kept = _checkpoint(checkpoint, client, copy or records) if since_last else None
        known = anchors_in_file(kept) if kept and kept.exists() else []
        if known and span_first is None:
            span_first = known[-1].hour
        trust = Trust(
            ring.manifests,
            ring.writers,
            sorted([*_anchors(anchor or (), client), *known], key=lambda one: one.hour),
        )
        span = span_of(source, span_first, span_last, now=now) or span_of_nothing(
            logs, trust.anchors, now=now
        )
        if span is None:
            report = None
        else:
            with _progress(len(span), "hours", quiet=as_json) as advance:
                if kept is None:
                    report = run(source, trust, span, *logs(span), progress=lambda _: advance(1))
                else:
                    clean = partial(_keep_anchor, kept)
                    report = verify_in_steps(source, trust, span, logs, clean, progress=lambda _: advance(1))
    if as_json:
        from kit.audit.verification import Report

        _print_json(as_document(report or Report(), span))
    else:
        if ring.writers is None:
            Console(stderr=True).print(
                "[yellow]who wrote is not checked:[/] the given keys have none of writers; get the file "
                "again by: kit audit public-key"
            )
        _show(report, span)
    if report is None or report.empty or report.findings:
        raise typer.Exit(int(ExitCode.VERIFICATION_FAILED))


def _keep_anchor(path: Path, anchor: "Anchor") -> None:
    """Store how far the verification succeeded."""
    from kit.audit.anchors import append_anchors

    append_anchors(path, [anchor])


@app.command()
def find(
    person: Annotated[str | None, typer.Option(help="A person (id, name, address), or a key's id.")] = None,
    department: Annotated[str | None, typer.Option(help="Id of a department.")] = None,
    prompt: Annotated[str | None, typer.Option(help="A registered prompt: ID or ID@VERSION.")] = None,
    request_id: Annotated[str | None, typer.Option(help="The request-id that the caller got.")] = None,
    kind: Annotated[str | None, typer.Option(help="Kind of record: intent, outcome, use, refusal …")] = None,
    first: From = None,
    last: To = None,
    decrypt: Annotated[
        bool, typer.Option("--decrypt", help="Open the bodies too; needs the right to, and --reason.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why the bodies are opened; recorded.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Maximum number of records.")] = 100,
    copy: Copy = None,
    records: Annotated[Path | None, typer.Option(help="Search a copy of records/ instead.")] = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Find records by person, department, prompt, request, kind and time.

    Without --from the last 24 hours are searched; with --request-id the hours after the request was made.
    Opening bodies is itself recorded, with who, why and which, before anything is shown.

    Exit codes: 0 done, also when nothing fits; 2 wrong arguments; 4 not reachable or not permitted.
    """
    from kit.audit.search import Question
    from kit.audit.search import find as search
    from kit.audit.sources import BucketSource

    if decrypt and not reason.strip():
        raise _usage("--decrypt needs --reason", 'say why: --reason "case 4711"')
    offline = _copied(copy, records, records.parent / "manifests" if records else None)
    if decrypt and offline:
        raise _usage("a copy cannot be decrypted offline", "leave --records out: keys are in the deployment")
    span_first, span_last = _searched(first, last, request_id)
    question = Question(span_first, span_last, person, department, prompt, request_id, kind)
    hours = int((span_last - span_first) / timedelta(hours=1)) + 2
    found: list[dict[str, Any]] = []
    with _errors():
        target = None if offline else _target(client)
        if target is not None:
            question = replace(question, person=_known(target, person, quiet=as_json))
        source = offline or (
            target and BucketSource(target.client("s3"), target.require("audit_bucket_name"))
        )
        assert source is not None
        with _progress(hours, "hours", quiet=as_json) as advance:
            for record in search(source, question, progress=advance):
                found.append(record)
                if len(found) >= limit:
                    break
        found.sort(key=lambda record: record["at"])
        texts = _opened(target, found, question, reason) if decrypt and target else {}
    _show_found(found, texts, as_json)
    if len(found) >= limit and not as_json:
        notes().print(f"only the first {limit} are shown: narrow the question, or raise --limit")


@app.command()
def erase(
    subject: Annotated[str, typer.Option(help="The person (id, name, address), or a key's id.")],
    reason: Annotated[str, typer.Option(help="Why: the request or the rule that demands it; recorded.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Erase what a person wrote and was answered, by destroying the keys of it. This cannot be taken back.

    Records, their chain and metadata stay and verify as before. The subject cannot call any more under this
    id. In the portal the person's rows, seats and consent go, tickets and stories lose their author; that a
    course was passed and a document accepted stays in the records. Files that the person uploaded cannot be
    used any more; the gateway deletes them at the provider. The keys leave the backups of their table
    a day later; only then is the erasure complete.

    Exit codes: 0 erased, also when it had been before; 1 not confirmed; 2 wrong arguments; 4 not permitted.
    """
    from lambdas.common.clock import utc_now

    if not subject.strip() or not reason.strip():
        raise _usage("--subject and --reason must say something", "")
    with _errors():
        target = _target(client)
        keys = _subject_keys(target)
        known = keys.keys_of(subject)
        if not known:  # for an old id the keys may be all that is left
            subject = _known(target, subject, quiet=as_json) or subject
            known = keys.keys_of(subject)
        if not yes:
            departments = ", ".join(sorted(key.department for key in known)) or "no department"
            question = f"Erase all bodies of {subject} ({departments}), for good?"
            if not typer.confirm(question, err=True):
                raise KitError("nothing was erased", exit_code=ExitCode.FAILED)
        writer, by = _operator(target), _who(target)
        said = {"kind": "erasure", "subject": subject, "reason": reason, "by": by}
        destroyed = [{"department": key.department, "key": key.key_id} for key in known]
        writer.append_now({**said, "stage": "begun", "keys": destroyed}, bodies={})
        erased = [{"department": key.department, "key": key.key_id} for key in keys.erase(subject)]
        rows = _erase_portal_rows(target, subject)
        files = _erase_files(target, {key.department for key in known}, subject)
        complete_at = (utc_now() + timedelta(days=_BACKUP_DAYS)).isoformat(timespec="seconds")
        done = {**said, "stage": "done", "keys": erased, "portal_rows": rows, "files": files,
            "complete_at": complete_at,
        }  # fmt: skip
        record_id = writer.append_now(done, bodies={})
    if as_json:
        _print_json(
            {"subject": subject, "keys": erased, "portal_rows": rows, "files": files, "record_id": record_id,
             "complete_at": complete_at}
        )  # fmt: skip
        return
    Console().print(
        f"{len(erased)} key(s) of {escape(subject)} destroyed, recorded as {record_id}; {rows} row(s) of the "
        "portal deleted or changed.\n"
        f"{_said_of_files(files)}"
        f"Running processes forget them within five minutes; the table's backups by {complete_at}.",
        highlight=False,
    )


def _said_of_files(files: list[str]) -> str:
    if not files:
        return ""
    return (
        f"{len(files)} file(s) at the provider cannot be used any more ({', '.join(files[:5])}"
        f"{', …' if len(files) > 5 else ''}); the gateway deletes them there at the next list of files of "
        "the department, or its lead does by DELETE /v1/files/{id}.\n"
    )


def _erase_files(target: Any, departments: set[str], subject: str) -> list[str]:
    """Mark the person's files at the provider as erased; none if no gateway has a ledger yet."""
    table = target.outputs.get("ledger_table_name")
    if not table:
        return []
    from kit.audit.erased_files import mark

    return mark(target.client("dynamodb"), table, departments, subject)


def _erase_portal_rows(target: Any, subject: str) -> int:
    """Erase the portal's data about a person; returns 0 if there is no portal."""
    table = target.outputs.get("portal_table_name")
    if not table:
        return 0
    from lambdas.portal.erasure import erase as erase_rows
    from lambdas.portal.table import PortalTable

    return erase_rows(PortalTable(target.client("dynamodb"), table), subject)


def _known(target: Any, given: str | None, *, quiet: bool) -> str | None:
    """Return the id that a name stands for, and print it. Raises KitError for an unknown name."""
    if given is None:
        return None
    from kit.identity.subjects import subject

    found = subject(target, given)
    if found.stands_for and not quiet:
        typer.echo(found.stands_for, err=True)
    return found.id


@app.command()
def export(
    output: Annotated[
        Path, typer.Option(help="A new file: one event a line. With --continue a folder of such files.")
    ],
    form: Annotated[Literal["ocsf", "records"], typer.Option("--format", help="ocsf for a SIEM.")] = "ocsf",
    first: Annotated[str | None, typer.Option("--from", help="Begin, UTC; the last day if left out.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="End, UTC; now if left out.")] = None,
    going_on: Annotated[
        bool,
        typer.Option("--continue", help="Go on where the newest file of the folder ends: for a schedule."),
    ] = False,
    client: Client = None,
) -> None:
    """Write the audit events of a span as lines of JSON, without bodies: OCSF 1.5 or the records as they are.

    With --continue each run adds one file to a folder that a SIEM's forwarder reads: from where the newest
    file ends to five minutes ago, so that every event is in exactly one. A run that is stopped adds nothing.

    Exit codes: 0 done; 2 wrong arguments; 4 not reachable.
    """
    from kit.audit.increments import SETTLED, next_increment
    from kit.audit.ocsf import event_of
    from kit.audit.search import Question, find
    from kit.audit.sources import BucketSource
    from lambdas.common.json_text import json_bytes

    now = datetime.now(UTC)
    begin = _time(first, "--from") or now - timedelta(days=1)
    end = _time(last, "--to", end=True) or now
    if going_on:
        if last:
            raise _usage("--continue ends where records have settled", "leave out --to")
        output, begin, end = next_increment(output, begin, now - SETTLED)
    if output.exists():
        raise _usage(f"{output} is there already", "name a new file")
    partial, count, odd = output.with_name(f".{output.name}.partial"), 0, 0
    with _errors():
        target = _target(client)
        source = BucketSource(target.client("s3"), target.require("audit_bucket_name"))
        with partial.open("w", encoding="utf-8") as file:
            for record in find(source, Question(begin, end)):
                try:
                    said = event_of(record) if form == "ocsf" else record
                except (KeyError, ValueError):
                    odd += 1
                    continue
                file.write(json_bytes(said, compact=True).decode() + "\n")
                count += 1
        partial.replace(output)
    if odd:
        typer.echo(f"lines that are no records, left out: {odd}; kit audit verify names them", err=True)
    typer.echo(f"{count} events in {output}")


@app.command("public-key")
def public_key_command(client: Client = None) -> None:
    """Print the public keys of manifests, writers and operators as PEM, for a verification offline."""
    with _errors():
        sys.stdout.write(_ring_of(_target(client)).text())


@app.command()
def anchor(
    file: Annotated[Path, typer.Option("--file", help="File that you keep outside of the account; grows.")],
    copy: Copy = None,
    records: Annotated[Path | None, typer.Option(help="Folder with a copy of records/.")] = None,
    manifests: Annotated[Path | None, typer.Option(help="Folder with a copy of manifests/.")] = None,
    public_key: Annotated[
        list[Path] | None, typer.Option(help="Public keys (PEM or DER); needed offline, repeatable.")
    ] = None,
    timestamp: Annotated[
        str | None, typer.Option(help="URL of a timestamp authority (RFC 3161) that stamps the file.")
    ] = None,
    timestamp_ca: Annotated[
        Path | None, typer.Option(help="Root certificates (PEM) by which its timestamp must hold.")
    ] = None,
    client: Client = None,
    as_json: Json = False,
) -> None:
    """Note in a file of yours what is sealed by now; `kit audit verify --anchor FILE` then finds a roll-back.

    Manifests that are in the file already are held against the store first. With --timestamp an authority
    stamps the file's lines; its answer is kept beside the file as FILE.<lines>.tsr, and lines that were
    changed after that are refused here and by kit audit verify. Running it again stamps what was not stamped.

    Exit codes: 0 done; 2 wrong arguments; 4 not reachable, or noted and not stamped; 5 the store is not what
    it was, or the file not what was stamped; nothing is noted.
    """
    from kit.audit.anchors import anchors_in_file, append_anchors, contradictions, new_anchors
    from lambdas.common.audit.manifest import ManifestDamaged

    if timestamp_ca and not timestamp:
        raise _usage("--timestamp-ca goes with --timestamp", "name the authority's URL")
    known: list[Anchor] = []
    with _errors():
        source, ring, _, _ = _verified(_copied(copy, records, manifests), public_key, None, None, client)
        try:
            known = anchors_in_file(file) if file.exists() else []
            found = [f"{one.where}: {one.message}" for one in contradictions(source, known, None)]
            fresh = (
                [] if found else list(new_anchors(source, ring.manifests, known[-1].hour if known else None))
            )
        except ManifestDamaged as error:
            found, fresh = [f"a manifest {error}"], []
        except ValueError as error:
            raise _usage(
                f"--file: {error}", "name a file that kit audit anchor wrote, or a new one"
            ) from None
        if found:
            raise KitError(
                f"nothing was noted: {found[0]}"
                + (f" (and {len(found) - 1} more)" if len(found) > 1 else ""),
                hint="kit audit verify --anchor FILE",
                exit_code=ExitCode.VERIFICATION_FAILED,
            )
        append_anchors(file, fresh)
    stamped = _stamped(file, timestamp, timestamp_ca, len(fresh)) if timestamp else None
    if as_json:
        stamp = {"timestamp": str(stamped.path), "stamped_at": stamped.at.isoformat()} if stamped else {}
        _print_json({"file": str(file), "noted": len(fresh), "known": len(known), **stamp})
        return
    Console().print(
        f"{len(fresh)} hours noted in {escape(str(file))}, {len(known)} were there."
        + (
            f"\nStamped at {stamped.at:%Y-%m-%d %H:%M:%S} UTC: {escape(str(stamped.path))}" if stamped else ""
        ),
        highlight=False,
    )


def _stamped(file: Path, url: str, authorities: Path | None, noted: int) -> "Timestamp | None":
    """Return the timestamp of a file of anchors. Raises KitError; anchors already written stay."""
    from kit.audit.timestamps import TimestampUnavailable, take_timestamp

    try:
        return take_timestamp(file, url, authorities)
    except TimestampUnavailable as error:
        raise KitError(
            f"{noted} hours were noted, but not stamped: {error}",
            hint="run it again, which stamps them, or name another authority",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None
    except (OSError, ValueError) as error:
        raise _usage(
            f"{noted} hours were noted, but not stamped: {error}", "correct it and run it again"
        ) from None


@app.command()
def prove(
    wanted: Annotated[str | None, typer.Argument(help="A record_id (rec_…) or request_id (req_…).")] = None,
    check: Annotated[
        Path | None, typer.Option("--check", help="Check the proofs of a file that this command wrote.")
    ] = None,
    public_key: Annotated[
        list[Path] | None, typer.Option(help="Public keys (PEM or DER); needed for --check, repeatable.")
    ] = None,
    copy: Copy = None,
    client: Client = None,
) -> None:
    """Prove that a record is in the sealed evidence, without handing out any other.

    Prints a JSON list: each record with its Merkle path and the signed manifest. `--check FILE --public-key
    keys.pem` checks such a list with nothing else.

    Exit codes: 0 proved; 2 wrong arguments; 4 not reachable; 5 it does not hold, or nothing sealed has it.
    """
    from kit.audit.calls import began
    from kit.audit.proof import NoProof
    from kit.audit.proof import check as hold
    from kit.audit.proof import prove as proofs_of
    from kit.audit.sources import BucketSource
    from lambdas.common.audit.manifest import ManifestDamaged, hour_name

    if (wanted is None) == (check is None):
        raise _usage(
            "name a record or a request, or a file by --check", "kit audit prove req_01K… > proof.json"
        )
    with _errors():
        try:
            if check is not None:
                keys = sum((_keys_in(path) for path in public_key or ()), _no_keys())
                if not keys.manifests(""):
                    raise _usage("--check needs --public-key", "get it by: kit audit public-key > keys.pem")
                for proof in _proofs_in(check):
                    record, manifest = hold(proof, keys.manifests)
                    Console().print(
                        f"{record.get('record_id')} ({record.get('kind')} {record.get('request_id')}, "
                        f"{record.get('at')}) is record {proof['index']} of {proof['segment']}, sealed for "
                        f"{hour_name(manifest.hour)} at {manifest.sealed_at}",
                        highlight=False,
                    )
                return
            made = began(str(wanted).removeprefix("rec_"))
            if made.year < 2000:
                raise _usage(f"{wanted} is not an id of a record or a request", "")
            source = _copied(copy, None, None)
            target = None if source else _target(client)
            found = source or (
                target and BucketSource(target.client("s3"), target.require("audit_bucket_name"))
            )
            assert found is not None
            _print_json(proofs_of(found, made, str(wanted)))
        except (NoProof, ManifestDamaged) as error:
            raise KitError(str(error), exit_code=ExitCode.VERIFICATION_FAILED) from None


def _proofs_in(path: Path) -> list[dict[str, Any]]:
    from lambdas.common.json_text import parse_json

    try:
        found = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise _usage(
            f"--check: {path} is not a JSON document", "name a file that kit audit prove wrote"
        ) from None
    proofs = found if isinstance(found, list) else [found]
    if not proofs or not all(isinstance(one, dict) for one in proofs):
        raise _usage(f"--check: there is no proof in {path}", "name a file that kit audit prove wrote")
    return proofs


def _no_keys() -> "KeyRing":
    from kit.audit.keyring import KeyRing

    return KeyRing()


# -- where things are ---------------------------------------------------------------------------------------


def _verified(
    copy: "FolderSource | None",
    public_keys: list[Path] | None,
    access_log: list[Path] | None,
    edge_log: list[Path] | None,
    client: str | None,
) -> "tuple[Source, KeyRing, Callable[[Span | None], Logs], datetime | None]":
    """Return what is verified, with which keys, against which access logs, and as of when."""
    from kit.audit.access_logs import read_edge_bucket, read_edge_files, read_files, read_log_group
    from kit.audit.keyring import KeyRing
    from kit.audit.sources import BucketSource
    from kit.audit.verification import HOUR
    from kit.home import find_home

    given = sum((_keys_in(path) for path in public_keys or ()), KeyRing())
    for option, paths in (("--access-log", access_log), ("--edge-log", edge_log)):
        for path in paths or ():
            if not path.is_file():
                raise _usage(f"{option}: there is no file {path}", "")
    if copy:
        if not given.manifests(""):
            raise _usage("offline the public keys are needed", "get them by: kit audit public-key > keys.pem")
        return copy, given, lambda _: (read_files(access_log or ()), read_edge_files(edge_log or ())), None
    target = _target(client)
    source = BucketSource(target.client("s3"), target.require("audit_bucket_name"))

    def lines(span: "Span | None") -> "Iterable[AccessLine]":
        if access_log:
            return read_files(access_log)
        if target.local:
            local = find_home().log("gateway")
            return read_files([local] if local.is_file() else [])
        if span is None:
            return ()
        group = target.require("gateway_log_group_name")
        return read_log_group(target.client("logs"), group, span.first, span.last + HOUR)

    def edge_lines(span: "Span | None") -> "Iterable[EdgeLine]":
        if edge_log:
            return read_edge_files(edge_log)
        if target.local or span is None:  # there is no API Gateway in front of the embedded default
            return ()
        delivered = BucketSource(target.client("s3"), target.require("access_logs_bucket_name"))
        return read_edge_bucket(delivered, span.first, span.last + HOUR)

    # The embedded default sleeps while it is down, so its hours are judged as of the newest one.
    now = None if target.local else datetime.now(UTC)
    return source, _ring_of(target) + given, lambda span: (lines(span), edge_lines(span)), now


def _ring_of(target: "Target") -> "KeyRing":
    """Return the public keys of a deployment."""
    from kit.audit.keyring import deployed_keys

    return deployed_keys(target)


def _anchors(places: Iterable[str], client: str | None) -> "list[Anchor]":
    from kit.audit.anchors import anchors_in_bucket, anchors_in_file

    found: list[Anchor] = []
    for place in places:
        try:
            if place.startswith("s3://"):
                bucket, _, prefix = place.removeprefix("s3://").partition("/")
                found += anchors_in_bucket(_target(client).client("s3"), bucket, prefix)
            else:
                found += anchors_in_file(Path(place))
        except (ValueError, FileNotFoundError) as error:
            raise _usage(f"--anchor: {error}", "name a file that kit audit anchor wrote") from None
    return sorted(found, key=lambda one: one.hour)


def _target(client: str | None) -> "Target":
    from kit.target import find_target

    return find_target(client)


def _checkpoint(given: Path | None, client: str | None, copy: Path | None) -> Path:
    """Return the file in which a run with --since-last stores its progress. It is a file of anchors."""
    from kit.home import find_home

    if given is None and copy is not None:
        raise _usage("--since-last on a copy needs --checkpoint", "name a file outside of the copy")
    path = given or find_home().path / f"audit-verified-{client or 'here'}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _copied(copy: Path | None, records: Path | None, manifests: Path | None) -> "FolderSource | None":
    """Return an auditor's copy, or None for the deployment itself."""
    from kit.audit.sources import FolderSource

    if copy:
        folder = _folder(copy, "--copy")
        return FolderSource(folder / "records", folder / "manifests", folder / "segments")
    if manifests and not records:
        raise _usage("--manifests goes with --records", "name both folders, or the whole copy by --copy")
    if not records:
        return None
    folder = _folder(records, "--records")
    return FolderSource(
        folder, _folder(manifests, "--manifests") if manifests else None, folder.parent / "segments"
    )


def _folder(path: Path | None, option: str) -> Path:
    if path is None or not path.is_dir():
        raise _usage(f"{option}: there is no folder {path}", "")
    return path


def _keys_in(path: Path) -> "KeyRing":
    from kit.audit.keyring import read_keys

    try:
        return read_keys(path.read_bytes())
    except (OSError, ValueError):
        raise _usage(
            f"--public-key: {path} holds no public key of an elliptic curve, in PEM or DER", ""
        ) from None


def _subject_keys(target: "Target") -> Any:
    from lambdas.common.subject_keys import SubjectKeys

    return SubjectKeys(
        target.client("dynamodb"),
        target.client("kms"),
        table=target.require("subject_keys_table_name"),
        key_arn=target.require("subject_key_arn"),
    )


def _operator(target: "Target") -> Any:
    """Return a writer for operators' records."""
    from kit.identity.operator import operator_writer

    return operator_writer(target)


def _who(target: "Target") -> str:
    return target.client("sts").get_caller_identity()["Arn"]


def _opened(target: "Target", found: list[dict[str, Any]], question: Any, reason: str) -> dict[str, Any]:
    """Return the bodies by record id, after recording that they were opened."""
    from kit.audit.search import opened

    sealed = [record for record in found if record.get("bodies")]
    if not sealed:
        return {}
    asked = {
        name: getattr(question, name)
        for name in ("person", "department", "prompt", "request_id", "kind")
        if getattr(question, name)
    }
    disclosure = {
        "kind": "disclosure",
        "by": _who(target),
        "reason": reason,
        "asked": asked,
        "opened": [record["record_id"] for record in sealed],
    }
    _operator(target).append_now(disclosure, bodies={})
    keys = _subject_keys(target)
    return {record["record_id"]: opened(record, keys) for record in sealed}


# -- times --------------------------------------------------------------------------------------------------


def _time(text: str | None, option: str, *, end: bool = False) -> datetime | None:
    """Parse a time of the command line, in UTC; with `end` a day means its last hour."""
    if text is None:
        return None
    for form in ("%Y-%m-%d", "%Y-%m-%dT%H", "%Y-%m-%dT%H:%M"):
        try:
            found = datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return found + timedelta(hours=23) if end and form == "%Y-%m-%d" else found
    raise _usage(f"{option}: {text!r} is not a time", "write 2026-11-24, 2026-11-24T10 or 2026-11-24T10:30")


def _searched(first: str | None, last: str | None, request_id: str | None) -> tuple[datetime, datetime]:
    from kit.audit.calls import began

    now = datetime.now(UTC)
    given_first, given_last = _time(first, "--from"), _time(last, "--to", end=True)
    made = began(request_id) if request_id else None
    if made is not None and made.year > 2000:
        given_first = given_first or made - timedelta(hours=1)
        given_last = given_last or min(now, made + timedelta(hours=26))
    searched_last = (
        given_last + timedelta(minutes=59, seconds=59) if last and given_last else given_last or now
    )
    searched_first = given_first or searched_last - timedelta(hours=24)
    if searched_first > searched_last:
        raise _usage("--from is after --to", "")
    return searched_first, searched_last


# -- output -------------------------------------------------------------------------------------------------


def _show(report: "Report | None", span: "Span | None") -> None:
    from lambdas.common.audit.manifest import hour_name

    console = Console()
    if report is None or span is None or report.empty:
        asked = f" from {hour_name(span.first)} to {hour_name(span.last)} UTC" if span else ""
        console.print(
            f"[yellow]Nothing to verify:[/] there is neither record nor manifest{asked}. That proves "
            "nothing: where calls were made, their records are missing.",
            highlight=False,
        )
        return
    sealed = hour_name(report.sealed_through) if report.sealed_through else "no hour yet"
    console.print(
        f"{hour_name(span.first)} to {hour_name(span.last)} UTC: {report.records:,} records of "
        f"{report.writers:,} writers in {report.objects:,} objects, {report.manifests:,} manifests (sealed "
        f"through {sealed}), {report.calls:,} calls, {report.access_lines:,} access-log lines of the "
        f"gateway, {report.edge_lines:,} of API Gateway.",
        highlight=False,
    )
    if not report.findings:
        console.print(
            "[green]Nothing was found:[/] chains, manifests, signatures, calls and access logs hold."
        )
        return
    table = Table("Code", "Where", "What", title=f"{len(report.findings):,} findings", title_justify="left")
    for one in report.findings[:_SHOWN_FINDINGS]:
        table.add_row(one.code, escape(one.where), escape(one.message))
    console.print(table)
    if len(report.findings) > _SHOWN_FINDINGS:
        console.print(f"… and {len(report.findings) - _SHOWN_FINDINGS:,} more; --json prints all of them")


_SHOWN = ("at", "kind", "request_id", "department", "principal", "subject", "model", "result", "reason")


def _show_found(found: list[dict[str, Any]], texts: dict[str, Any], as_json: bool) -> None:
    shown = [
        {
            **{name: value for name, value in record.items() if name != "bodies"},
            "bodies": texts.get(record["record_id"])
            or {field: {"size": body.get("size")} for field, body in record.get("bodies", {}).items()},
        }
        for record in found
    ]
    if as_json:
        _print_json({"schema": "kit-audit-find/1", "records": shown})
        return
    console = Console()
    if not found:
        console.print("No record fits.")
    for record in shown:
        head = " ".join(str(record[name]) for name in _SHOWN if record.get(name))
        console.print(f"[bold]{escape(head)}[/]", highlight=False, soft_wrap=True)
        for field, body in record["bodies"].items():
            text = body if isinstance(body, str) else f"sealed, {body['size']} bytes"
            console.print(f"  {field}: {escape(text)}", highlight=False, soft_wrap=True)


def _print_json(document: dict[str, Any] | list[dict[str, Any]]) -> None:
    json.dump(document, sys.stdout, indent=1, ensure_ascii=False)
    print()


@contextmanager
def _progress(total: int, unit: str, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = notes()
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task(unit, total=total)
        yield lambda steps: bar.advance(task, steps)


@contextmanager
def _errors() -> Iterator[None]:
    """Turn refusals by AWS or the file system into one message with a hint."""
    from botocore.exceptions import BotoCoreError, ClientError

    from lambdas.common.audit import AuditUnavailable

    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise KitError(
            f"AWS refused {error.operation_name}: {code}",
            hint="take the role governance-lead; investigation and erasure are that role's",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None
    except AuditUnavailable as error:
        raise KitError(
            f"the audit bucket does not take the record of what you do: {error}",
            hint="take the role governance-lead; nothing was opened or erased without its record",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None
    except (BotoCoreError, OSError) as error:
        raise KitError(
            f"cannot read: {type(error).__name__}: {error}",
            hint="check network, credentials and paths",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None


def _usage(message: str, hint: str) -> KitError:
    return KitError(message, hint=hint, exit_code=ExitCode.USAGE)

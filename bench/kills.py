"""`python -m bench.kills [--calls N]`: processes are killed at random points, and half an hour later
nothing is unexplained.

Calls go through a gateway process over two processes of the emulated AWS: one with tables, keys and secrets
("emulator"), one with the buckets ("audit store"). Repeatedly one of the three is killed with kill -9 and
restarted. Then, with the clock half an hour ahead, the sweeper runs as deployed, the notary seals, and the
check of `kit audit verify` reads everything, including the gateway's log.

Invariants: each answer that a client received completely has its intent and its outcome; verification has
no findings; no reservation is left; the ledger agrees with the records except for what it declares
uncertain.

An interrupted run continues when it is started again. Exit codes: 1 an invariant is violated, 4 a process
does not start; the folder with the state is then kept.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3

from bench.gateway_in_memory import policy
from kit.audit.access_logs import read_files
from kit.audit.examination import Finding
from kit.audit.keyring import KeyRing
from kit.audit.sources import BucketSource
from kit.audit.verification import Report, Trust, span_of, verify
from kit.errors import KitError
from kit.home import PROJECT_ROOT
from kit.local import emulator
from lambdas.common.access import AccessRecord, AccessRecords
from lambdas.common.audit.chain import RECORDS
from lambdas.common.audit.manifest import SEGMENTS, public_key
from lambdas.common.audit.segment import read_index
from lambdas.common.audit.store import AuditBucket, Lock
from lambdas.common.virtual_keys import key_record_pk, new_pepper, new_virtual_key, read_pepper
from lambdas.notary.notary import Notary
from tests.gateway.upstream import FakeUpstream
from tests.support.ports import free_port

REGION = "eu-central-1"
CLIENTS = 8
LATER = timedelta(minutes=31)
AUDIT, GOVERNANCE = "audit", "governance"
TABLES = ("ledger", "access", "subject-keys")
KEYS = (("pk", "HASH"), ("sk", "RANGE"))
VICTIMS = ("gateway", "gateway", "emulator", "audit store")  # a gateway dies twice as often
_POLICY_KEY = "policy/gateway.json"
_STARTS_WITHIN = 60.0
# Its clients of S3 have an endpoint of their own; everything else is as deployed.
_APART = """
import os
import botocore.session
class Session(botocore.session.Session):
    def create_client(self, service_name, *args, **options):
        if service_name == "s3":
            options["endpoint_url"] = os.environ["BENCH_BUCKETS_URL"]
        return super().create_client(service_name, *args, **options)
botocore.session.Session = Session
"""
_GATEWAY = """
import uvicorn
uvicorn.run("lambdas.gateway.app:create_app", factory=True, port=int(os.environ["BENCH_PORT"]),
            log_level="error", access_log=False)
"""
_SWEEPER = """
from datetime import timedelta
from functools import partial
from lambdas.common.clock import utc_now
from lambdas.common.ledger import Ledger
from lambdas.sweeper import handler as sweeper
class Context:
    def get_remaining_time_in_millis(self):
        return 240_000
later = timedelta(seconds=float(os.environ["BENCH_LATER"]))
sweeper.Ledger = partial(Ledger, clock=lambda: utc_now() + later)
sweeper.handler({}, Context())
"""


@dataclass
class Known:
    """What survives an interrupted run, as JSON in its folder."""

    seed: int
    ports: dict[str, int]
    root: dict[str, str]
    key: str = ""
    pepper: str = ""
    arns: dict[str, str] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)

    def save(self, folder: Path) -> None:
        (folder / "known.json").write_text(json.dumps(self.__dict__))


class World:
    """Three processes over one folder, and how to start each."""

    def __init__(self, folder: Path, known: Known, upstream: FakeUpstream) -> None:
        self.folder = folder
        self.known = known
        self.upstream = upstream
        self._pids: dict[str, int] = {}
        self._gateways: list[subprocess.Popen[bytes]] = []

    def client(self, service: str) -> Any:
        """Return a client with the root credentials."""
        place = "audit store" if service == "s3" else "emulator"
        return boto3.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self._url(place), region_name=REGION,
            aws_access_key_id=self.known.root["access_key_id"],
            aws_secret_access_key=self.known.root["secret_access_key"],
        )  # fmt: skip

    def _url(self, what: str) -> str:
        return f"http://127.0.0.1:{self.known.ports[what]}"

    def start(self, what: str) -> None:
        """Start one of the three processes; returns when it answers."""
        if what == "gateway":
            self._start_gateway()
            return
        venv = Path(os.environ.get("KIT_EMULATOR_VENV", PROJECT_ROOT / ".kit" / "emulator-venv"))
        place = self.folder / what.replace(" ", "-")
        place.mkdir(exist_ok=True)
        running = emulator.start(
            venv=venv, state=place / "aws", port=self.known.ports[what], region=REGION,
            log=place / "log", credentials=emulator.RootCredentials(**self.known.root),
        )  # fmt: skip
        self._pids[what] = running.pid

    def kill(self, what: str) -> None:
        """kill -9."""
        pid = self._pids.pop(what)
        os.kill(pid, signal.SIGKILL)
        if what == "gateway":
            self._gateways.pop().wait()
        else:
            os.waitpid(pid, 0)

    def stop(self) -> None:
        """Stop all running processes."""
        for what in list(self._pids):
            self.kill(what)

    def environment(self) -> dict[str, str]:
        """Return the environment of a function of the kit."""
        arns = self.known.arns
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PROJECT_ROOT),
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.known.root["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.known.root["secret_access_key"],
            "AWS_ENDPOINT_URL": self._url("emulator"),
            "BENCH_BUCKETS_URL": self._url("audit store"),
            "LEDGER_TABLE": "ledger",
            "ACCESS_TABLE": "access",
            "SUBJECT_KEYS_TABLE": "subject-keys",
            "SUBJECT_KEY_ARN": arns["sealing"],
            "AUDIT_BUCKET": AUDIT,
            "AUDIT_KEY_ARN": arns["sealing"],
            "WRITER_KEY_ARN": arns["writers"],
            "GOVERNANCE_BUCKET": GOVERNANCE,
            "POLICY_OBJECT_KEY": _POLICY_KEY,
            "KEY_PEPPER_SECRET_ARN": arns["pepper"],
        }

    @property
    def log(self) -> Path:
        """Return the concatenated log of all gateways."""
        return self.folder / "gateway.log"

    def _start_gateway(self) -> None:
        port = self.known.ports["gateway"]
        more = {"BENCH_PORT": str(port), "ANTHROPIC_UPSTREAM_URL": self.upstream.url}
        deadline = time.monotonic() + _STARTS_WITHIN
        with self.log.open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-c", _APART + _GATEWAY],
                env=self.environment() | more, cwd=PROJECT_ROOT, stdout=out,
                stderr=(self.folder / "gateway.err").open("ab"),
            )  # fmt: skip
        self._pids["gateway"] = process.pid
        self._gateways.append(process)
        while not _ready(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"error: the gateway does not start: see {self.folder / 'gateway.err'}")
            time.sleep(0.05)

    def sweep(self) -> None:
        """Run the sweeper as deployed, after every reservation has expired."""
        later = {"BENCH_LATER": str(LATER.total_seconds())}
        subprocess.run(
            [sys.executable, "-c", _APART + _SWEEPER],
            env=self.environment() | later, cwd=PROJECT_ROOT, check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def seal(self) -> int:
        """Run the notary two hours later, when every hour is due; return the number of hours that it
        sealed.
        """
        s3 = self.client("s3")
        store = AuditBucket(s3, bucket=AUDIT, key_arn=self.known.arns["sealing"], lock=Lock("COMPLIANCE", 30))
        notary = Notary(
            s3, store, self.client("kms"), bucket=AUDIT, signing_key_arn=self.known.arns["signing"],
            clock=_in_two_hours,
        )  # fmt: skip
        return len(notary.seal_due())

    def examine(self) -> Report:
        """Return the findings of `kit audit verify` half an hour later, with the gateway's log."""
        kms, arns = self.client("kms"), self.known.arns
        keys = {
            use: [public_key(kms.get_public_key(KeyId=arns[key])["PublicKey"])]
            for use, key in (("manifests", "signing"), ("writers", "writers"))
        }
        ring = KeyRing(keys)  # pyright: ignore[reportArgumentType]
        source = BucketSource(self.client("s3"), AUDIT)
        span = span_of(source, None, None, now=_in_two_hours())
        assert span is not None
        return verify(source, Trust(ring.manifests, ring.writers), span, read_files([self.log]))


def _in_two_hours() -> datetime:
    return datetime.now(UTC) + timedelta(hours=2)


def _ready(port: int) -> bool:
    http_client = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        http_client.request("GET", "/readyz")
        return http_client.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        http_client.close()


def set_up(world: World) -> None:
    """Create tables, keys, buckets, a policy and an authorized caller."""
    known, kms, s3 = world.known, world.client("kms"), world.client("s3")
    known.arns["sealing"] = kms.create_key()["KeyMetadata"]["Arn"]
    for use in ("writers", "signing"):
        made = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")
        known.arns[use] = made["KeyMetadata"]["Arn"]
    for table in TABLES:
        world.client("dynamodb").create_table(
            TableName=table, BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in KEYS],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in KEYS],
        )  # fmt: skip
    for bucket in (AUDIT, GOVERNANCE):
        s3.create_bucket(
            Bucket=bucket, ObjectLockEnabledForBucket=bucket == AUDIT,
            CreateBucketConfiguration={"LocationConstraint": REGION},
        )  # fmt: skip
    s3.put_object(
        Bucket=GOVERNANCE, Key=_POLICY_KEY, Body=json.dumps(policy("https://api.anthropic.com")).encode()
    )
    known.pepper, known.key = new_pepper(), new_virtual_key()
    secret = world.client("secretsmanager").create_secret(Name="pepper", SecretString=known.pepper)
    known.arns["pepper"] = secret["ARN"]
    pk = key_record_pk(known.key, read_pepper(known.pepper))
    AccessRecords(world.client("dynamodb"), "access").create(
        AccessRecord(pk, "app-1", active=True, department="marketing", owner="department:marketing")
    )


class Clients:
    """Send calls whatever happens, until the given number is reached; each result is appended to a file."""

    def __init__(self, world: World, calls: int) -> None:
        self._world = world
        self._file = (world.folder / "seen.jsonl").open("a")
        self._lock = threading.Condition()
        self.sent = len(seen_in(world.folder))
        self._calls = calls
        self._over = False
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over = True
        for thread in self._threads:
            thread.join()
        self._file.close()

    def until(self, sent: int) -> bool:
        """Wait until `sent` calls have been sent; returns False when none are left."""
        with self._lock:
            while self.sent < min(sent, self._calls):
                self._lock.wait(1)
            return self.sent < self._calls

    def _next(self) -> int | None:
        with self._lock:
            if self._over or self.sent >= self._calls:
                return None
            self.sent += 1
            self._lock.notify_all()
            return self.sent

    def _connected(self) -> http.client.HTTPConnection:
        """Return a connection; waits for a gateway, so that a request nobody accepted is not a call."""
        while True:
            there = http.client.HTTPConnection("127.0.0.1", self._world.known.ports["gateway"], timeout=30)
            try:
                there.connect()
            except OSError:
                if self._over:
                    return there
                time.sleep(0.05)
                continue
            return there

    def _run(self) -> None:
        there: http.client.HTTPConnection | None = None
        while (number := self._next()) is not None:
            there = there or self._connected()
            body: dict[str, Any] = {
                "model": "fast", "max_tokens": 20, "stream": number % 2 == 0,
                "messages": [{"role": "user", "content": f"Hello, this is call {number}."}],
            }  # fmt: skip
            seen: dict[str, Any] = {"call": number, "status": 0, "id": "", "whole": False}
            try:
                there.request("POST", "/v1/messages", json.dumps(body), {"x-api-key": self._world.known.key})
                answer = there.getresponse()
                seen |= {"status": answer.status, "id": answer.getheader("request-id", "")}
                data = answer.read()
                seen["whole"] = answer.status == 200 and (not body["stream"] or b"message_stop" in data)
            except (OSError, http.client.HTTPException):
                there.close()
                there = None
            with self._lock:
                self._file.write(json.dumps(seen) + "\n")
                self._file.flush()


def seen_in(folder: Path) -> list[dict[str, Any]]:
    """Return what clients have seen in all runs so far."""
    path = folder / "seen.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def under_fire(world: World, calls: int, apart: int) -> None:
    """Send traffic, with a kill about every `apart` calls."""
    known, clients, started = world.known, Clients(world, calls), time.monotonic()
    begun = clients.sent
    clients.start()
    try:
        while True:
            chance = random.Random(f"{known.seed}-{known.kills.total()}")
            if not clients.until(clients.sent + chance.randrange(apart // 2, apart * 3 // 2)):
                break
            time.sleep(chance.uniform(0, 0.1))
            victim = chance.choice(VICTIMS)
            world.kill(victim)
            time.sleep(chance.choice((0, 0, 0.5)))  # sometimes it stays down longer
            world.start(victim)
            known.kills[victim] += 1
            known.save(world.folder)
            rate = (clients.sent - begun) / (time.monotonic() - started)
            left = (calls - clients.sent) / rate if rate else 0
            print(
                f"{clients.sent:>7,} of {calls:,} calls, {known.kills.total()} killed, last the {victim}; "
                f"{rate:.0f} calls/s, {left / 60:.0f} minutes left",
                flush=True,
            )
    finally:
        clients.stop()


@dataclass(frozen=True)
class Books:
    """What records and ledger say at the end."""

    kinds: dict[str, Counter[str]]
    cost: int  # of all calls, including those that died, as the sweeper estimated them
    known: int  # of completed calls
    committed: dict[str, int]
    uncertain: dict[str, int]
    reservations: int


def read_books(world: World) -> Books:
    """Read every record and every counter."""
    kinds: dict[str, Counter[str]] = {}
    said: dict[str, dict[str, Any]] = {}
    for line in _lines(BucketSource(world.client("s3"), AUDIT)):
        record = json.loads(line)
        call = record.get("request_id") or ""
        kinds.setdefault(call, Counter())[record["kind"]] += 1
        if record["kind"] == "outcome" and (call not in said or said[call]["result"] == "expired"):
            said[call] = record
    committed, uncertain, reservations = Counter[str](), Counter[str](), 0
    pages = world.client("dynamodb").get_paginator("scan").paginate(TableName="ledger", ConsistentRead=True)
    for item in (item for page in pages for item in page["Items"]):
        scope = item["pk"]["S"].partition("#")[0]
        reservations += scope == "RESERVATION"
        if "committed_microusd" in item:
            committed[scope] += int(item["committed_microusd"]["N"])
            uncertain[scope] += int(item.get("uncertain_microusd", {"N": "0"})["N"])
    costs = [(record["cost_microusd"], record.get("cost_estimated")) for record in said.values()]
    known = sum(cost for cost, estimated in costs if not estimated)
    return Books(kinds, sum(cost for cost, _ in costs), known, committed, uncertain, reservations)


def _lines(source: BucketSource) -> Iterator[bytes]:
    """Yield every record: from the segments, then the ones that no segment contains yet."""
    contained: set[str] = set()
    for entry in source.entries(SEGMENTS):
        if entry.key.endswith(".index.jsonl"):
            contained.update(one.key for one in read_index(source.get(entry.key) or b""))
        elif entry.key.endswith(".jsonl"):
            yield from (source.get(entry.key) or b"").splitlines()
    for entry in source.entries(RECORDS):
        if entry.key not in contained:
            yield from (source.get(entry.key) or b"").splitlines()


def faults(seen: Sequence[dict[str, Any]], report: Report, books: Books) -> Iterator[str]:
    """Yield every violated invariant."""
    for one in seen:
        if one["whole"]:
            kinds = books.kinds.get(one["id"], Counter())
            if kinds["intent"] != 1 or not kinds["outcome"]:
                yield f"call {one['call']} ({one['id']}) was answered; its records: {dict(kinds)}"
    yield from (_told(one) for one in report.findings)
    if books.reservations:
        yield f"{books.reservations} reservations are left"
    for scope in ("ORG", "DEPT", "USER"):
        counted, doubt = books.committed.get(scope, 0), books.uncertain.get(scope, 0)
        # A reservation whose process died before it was counted has a record but is not in the counters.
        if counted < books.known or abs(counted - books.cost) > doubt:
            yield (
                f"{scope}: {counted:,} committed, {doubt:,} uncertain; recorded {books.cost:,}, "
                f"{books.known:,} of it known"
            )


def _told(finding: Finding) -> str:
    return f"{finding.code} {finding.where}: {finding.message}"


@contextmanager
def _opened(folder: Path, seed: int) -> Iterator[World]:
    """Yield the world of a folder with its processes running."""
    upstream = FakeUpstream().start()
    stored = folder / "known.json"
    if stored.exists():
        said = json.loads(stored.read_text())
        known = Known(**{**said, "kills": Counter(said["kills"])})
    else:
        root = emulator.RootCredentials.generate()
        ports = {what: free_port() for what in ("gateway", "emulator", "audit store")}
        known = Known(
            seed, ports, {"access_key_id": root.access_key_id, "secret_access_key": root.secret_access_key}
        )
    world = World(folder, known, upstream)
    try:
        world.start("emulator")
        world.start("audit store")
        if not known.arns:
            set_up(world)
            time.sleep(3)  # the emulated AWS may lose the last two seconds
            known.save(folder)
        world.start("gateway")
        yield world
    finally:
        world.stop()
        upstream.stop()


def main() -> int:
    """Run, check, print."""
    parser = argparse.ArgumentParser(description="Kill gateway, emulator and audit store under load.")
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--apart", type=int, default=150, help="calls between two kills, on average")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--folder", type=Path, help="where a run keeps its state, to go on with it")
    asked = parser.parse_args()
    if asked.calls < 1 or asked.apart < 2:
        parser.error("--calls must be at least 1, --apart at least 2")
    folder = asked.folder or Path(tempfile.gettempdir()) / f"kit-kills-{asked.seed}-{asked.calls}"
    folder.mkdir(parents=True, exist_ok=True)
    print(f"state in {folder}; an interrupted run goes on from there", flush=True)
    try:
        with _opened(folder, asked.seed) as world:
            under_fire(world, asked.calls, asked.apart)
            world.kill("gateway")
            world.known.kills["gateway"] += 1
            print("half an hour later: the sweeper", end="", flush=True)
            world.sweep()
            print(", the notary", end="", flush=True)
            world.seal()
            print(", verification", end="", flush=True)
            report = world.examine()
            print(", the books", flush=True)
            books = read_books(world)
            kills = world.known.kills
    except KeyboardInterrupt:
        print(f"\nstopped; go on with: python -m bench.kills --calls {asked.calls} --folder {folder}")
        return 130
    except KitError as error:
        print(f"error: {error}", file=sys.stderr)
        return 4
    seen = seen_in(folder)
    found = list(faults(seen, report, books))
    answers = Counter("whole" if one["whole"] else str(one["status"] or "cut off") for one in seen)
    print(
        f"{len(seen):,} calls: " + ", ".join(f"{count:,} x {what}" for what, count in answers.most_common())
    )
    print("killed: " + ", ".join(f"{what} {count}" for what, count in kills.most_common()))
    print(
        f"{report.records:,} records of {report.writers} writers verified, {report.access_lines:,} log lines"
    )
    print(
        f"{books.cost:,} micro-dollars recorded, {books.known:,} of it known; "
        f"{dict(books.committed)} committed, {dict(books.uncertain)} uncertain"
    )
    for one in found[:50]:
        print(f"FAULT {one}")
    print(f"{len(found)} faults" if found else "served = recorded, nothing unexplained after half an hour")
    if not found and not asked.folder:
        shutil.rmtree(folder)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())

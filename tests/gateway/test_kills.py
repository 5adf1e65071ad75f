"""Gateways killed outright under load, on the emulated AWS, each function under its own role (L1.6, L2.5).

Whatever a client saw to its end has its intent and its outcome in the bucket of record. What the dead
processes had reserved is found by the sweeper, named in the records, and stays charged.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import pytest

from kit.home import PROJECT_ROOT
from tests.support.ports import free_port

from . import test_permissions
from .test_permissions import Place

pytestmark = [pytest.mark.emulator, pytest.mark.nightly]
place = test_permissions.place  # the integration stage, standing, for this module too

KILLS = 4
CLIENTS = 6
# The function as it is, by a clock that runs ahead of every reservation.
SWEEP = """
import json
from datetime import timedelta
from functools import partial
from lambdas.common.clock import utc_now
from lambdas.common.ledger import Ledger
from lambdas.sweeper import handler as sweeper

class Context:
    def get_remaining_time_in_millis(self):
        return 240_000

sweeper.Ledger = partial(Ledger, clock=lambda: utc_now() + timedelta(minutes=17))
sweeper.handler({}, Context())
"""


class Clients:
    """Send calls until told to stop, whatever happens to the gateway; remember what was seen to its end."""

    def __init__(self, place: Place, port: int) -> None:
        self._key = place.key
        self._port = port
        self._over = threading.Event()
        self.served: list[str] = []
        self.cut_off = 0
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _run(self, number: int) -> None:
        body = {"model": "fast", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello."}]}
        if number % 2:
            body["stream"] = True
        with httpx2.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=20) as http:
            while not self._over.is_set():
                try:
                    answer = http.post("/v1/messages", json=body, headers={"x-api-key": self._key})
                except httpx2.TransportError:
                    self.cut_off += 1
                    time.sleep(0.02)
                    continue
                if answer.status_code == 200 and ("stream" not in body or "message_stop" in answer.text):
                    self.served.append(answer.headers["request-id"])

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def _lift_rate_limits(place: Place) -> None:
    where = {
        "Bucket": place.stage.exported("governance_bucket_name"),
        "Key": place.stage.exported("policy_object_key"),
    }
    s3 = place.stage.root("s3")
    policy = json.loads(s3.get_object(**where)["Body"].read())
    for department in policy["departments"]:
        for name in department:
            if name.endswith("_per_minute"):
                department[name] = 10**12
    s3.put_object(**where, Body=json.dumps(policy).encode())


def _live_and_die(place: Place, port: int, chance: random.Random) -> None:
    command = [sys.executable, "-m", "uvicorn", "--factory", "lambdas.gateway.app:create_app"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--log-level", "error"],
        env=place.environment(place.statements), stdout=subprocess.DEVNULL, cwd=PROJECT_ROOT,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                httpx2.get(f"http://127.0.0.1:{port}/readyz", timeout=2)
                break
            except httpx2.TransportError:
                time.sleep(0.05)
        time.sleep(chance.uniform(0.6, 1.6))
    finally:
        process.kill()
        process.wait()


def _sweep(place: Place, statements: Sequence[Mapping[str, Any]]) -> "subprocess.CompletedProcess[str]":
    function = place.stage.resource("aws:lambda/function:Function", "sweeper-function-function").inputs
    environment = {name: str(value) for name, value in function["environment"]["variables"].items()}
    acting = place.stage.acting(statements).environment()
    return subprocess.run(
        [sys.executable, "-c", SWEEP], check=False, capture_output=True, text=True, cwd=PROJECT_ROOT,
        env={**environment, **acting, "PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT_ROOT)},
    )  # fmt: skip


def _records(place: Place) -> dict[str, list[dict[str, Any]]]:
    s3, bucket = place.stage.root("s3"), place.stage.exported("audit_bucket_name")
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="records/"):
        for entry in page.get("Contents", []):
            for line in s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read().splitlines():
                record = json.loads(line)
                found[record.get("request_id") or ""].append(record)
    return found


def _ledger(place: Place) -> tuple[list[str], Counter[str]]:
    """Open reservations, and what each kind of scope has committed."""
    table, dynamodb = place.stage.exported("ledger_table_name"), place.stage.root("dynamodb")
    open_ones, committed = [], Counter[str]()
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            kind = item["pk"]["S"].partition("#")[0]
            if kind == "RESERVATION":
                open_ones.append(item["sk"]["S"].partition("#")[2])
            elif "committed_microusd" in item:
                committed[kind] += int(item["committed_microusd"]["N"])
    return open_ones, committed


def _cost(of_call: list[dict[str, Any]]) -> int:
    """What a call is recorded to have cost: as its gateway said, else as the sweeper did."""
    outcomes = [record for record in of_call if record["kind"] == "outcome"]
    said = [one for one in outcomes if one["result"] != "expired"] or outcomes
    return said[0]["cost_microusd"] if said else 0


def _uncertain(place: Place) -> Counter[str]:
    """What each kind of scope has committed though nobody can say yet whether it was spent."""
    table, dynamodb = place.stage.exported("ledger_table_name"), place.stage.root("dynamodb")
    found = Counter[str]()
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        for item in page["Items"]:
            if "uncertain_microusd" in item:
                found[item["pk"]["S"].partition("#")[0]] += int(item["uncertain_microusd"]["N"])
    return found


def test_what_was_served_is_recorded_and_what_was_reserved_is_accounted_for(place: Place) -> None:
    _lift_rate_limits(place)
    port, chance = free_port(), random.Random(11)
    clients = Clients(place, port)
    try:
        for _ in range(KILLS):
            _live_and_die(place, port, chance)
    finally:
        clients.stop()
    left_open, before = _ledger(place)
    assert clients.served
    assert clients.cut_off
    assert left_open  # a death in the middle of calls

    statements = [
        one
        for one in place.stage.statements("sweeper-function-permissions")
        if one["Sid"] in {"Sweep", "AppendRecords", "EncryptRecords", "Introduce"}
    ]
    for removed in ("Sweep", "AppendRecords"):
        run = _sweep(place, [one for one in statements if one["Sid"] != removed])
        assert run.returncode != 0, removed
        assert sorted(_ledger(place)[0]) == sorted(left_open), removed
    run = _sweep(place, statements)
    assert run.returncode == 0, run.stderr
    said = [json.loads(line) for line in run.stdout.splitlines()]
    assert [one["swept"] for one in said if one["type"] == "swept"] == [len(left_open)]

    records = _records(place)
    for request_id in clients.served:
        kinds = [record["kind"] for record in records[request_id]]
        assert kinds.count("intent") == 1
        assert "outcome" in kinds, request_id
    for request_id, of_call in records.items():
        kinds = [record["kind"] for record in of_call]
        assert "intent" not in kinds or "outcome" in kinds, request_id
    still_open, after = _ledger(place)
    assert still_open == []
    assert after == before  # nothing that a dead process may have spent came back
    recorded, uncertain = sum(_cost(of_call) for of_call in records.values()), _uncertain(place)
    # never too little for calls that ended; what may be too much on either side is said to be uncertain,
    # such as a call whose process died while its reservation was still being taken
    for kind in ("ORG", "DEPT", "USER"):
        assert after[kind] - uncertain[kind] <= recorded <= after[kind] + uncertain[kind], (
            kind, after, uncertain, recorded,
        )  # fmt: skip

"""The embedded default loses nothing when it is killed, says what is gone, and starts what died again
(L2.5).
"""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from kit import embedded
from kit.home import PROJECT_ROOT, Home
from kit.local import emulator
from kit.local.attendant import Keeper
from kit.local.ports import require_free
from kit.local.processes import Process, base_environment, converge, is_running, load, restarts, stop_all
from tests.records.audit_fixtures import Time
from tests.support.ports import free_port

REGION = "eu-central-1"


def clients(running: embedded.Emulator, *names: str) -> list[Any]:
    session = boto3.Session(running.access_key_id, running.secret_access_key, region_name=running.region)
    return [session.client(name, endpoint_url=running.endpoint_url) for name in names]


def started(state: Path, port: int, credentials: emulator.RootCredentials) -> embedded.Emulator:
    require_free(port, "the emulated AWS")
    venv = Home(PROJECT_ROOT / ".kit").emulator_venv
    log = state.parent / "emulator.log"
    return emulator.start(venv=venv, state=state, port=port, region=REGION, log=log, credentials=credentials)


@pytest.mark.emulator
def test_tables_keys_secrets_people_and_locks_survive_a_kill(tmp_path: Path) -> None:
    state, port, credentials = tmp_path / "emulator", free_port(), emulator.RootCredentials.generate()
    running = started(state, port, credentials)
    try:
        s3, dynamodb, kms, secrets, cognito = clients(
            running, "s3", "dynamodb", "kms", "secretsmanager", "cognito-idp"
        )
        s3.create_bucket(
            Bucket="evidence",
            ObjectLockEnabledForBucket=True,
            CreateBucketConfiguration={"LocationConstraint": REGION},
        )
        until = datetime.now(UTC) + timedelta(days=99)
        made = s3.put_object(
            Bucket="evidence",
            Key="a/b",
            Body=b"kept",
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=until,
        )
        keys = [{"AttributeName": "pk", "KeyType": "HASH"}]
        names = [{"AttributeName": "pk", "AttributeType": "S"}]
        dynamodb.create_table(
            TableName="ledger", KeySchema=keys, AttributeDefinitions=names, BillingMode="PAY_PER_REQUEST"
        )
        arn = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]["Arn"]
        public = kms.get_public_key(KeyId=arn)["PublicKey"]
        secrets.create_secret(Name="pepper", SecretString="x" * 32)
        pool = cognito.create_user_pool(PoolName="people")["UserPool"]["Id"]
        cognito.admin_create_user(UserPoolId=pool, Username="ada")
        dynamodb.put_item(TableName="ledger", Item={"pk": {"S": "DEPT#x"}, "committed": {"N": "996202"}})
        saved = state / "state" / "dynamodb.json"
        until_true(lambda: saved.exists() and "996202" in saved.read_text())
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
        until_true(lambda: not children.read_text())
        assert emulator.was_killed(state), "as long as it runs nobody has shut it down"
        with (state / "state" / "saving.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            dynamodb.put_item(TableName="ledger", Item={"pk": {"S": "DEPT#y"}})
            until_true(lambda: bool(children.read_text()))
            writing = children.read_text()
            os.kill(running.pid, signal.SIGKILL)
            os.waitpid(running.pid, 0)
            assert Path(f"/proc/{int(writing)}").exists(), "the process that saves is still there"
            require_free(port, "the emulated AWS")
        assert emulator.was_killed(state)
        running = started(state, port, credentials)
        s3, dynamodb, kms, secrets, cognito = clients(
            running, "s3", "dynamodb", "kms", "secretsmanager", "cognito-idp"
        )
        item = dynamodb.get_item(TableName="ledger", Key={"pk": {"S": "DEPT#x"}})["Item"]
        assert item["committed"] == {"N": "996202"}
        assert kms.get_public_key(KeyId=arn)["PublicKey"] == public
        assert secrets.get_secret_value(SecretId="pepper")["SecretString"] == "x" * 32
        assert cognito.admin_get_user(UserPoolId=pool, Username="ada")["Username"] == "ada"
        version = {"Bucket": "evidence", "Key": "a/b", "VersionId": made["VersionId"]}
        assert s3.get_object(**version)["Body"].read() == b"kept"
        assert s3.get_object_retention(**version)["Retention"]["Mode"] == "COMPLIANCE"
        with pytest.raises(ClientError):
            s3.delete_object(**version)
    finally:
        emulator.stop(running.pid)
    assert not emulator.was_killed(state), "now somebody has"


def until_true(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def sleeper(home: Home, name: str = "sleeper") -> Process:
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port := free_port())]
    return Process(name, "sleeps", command, base_environment(home), port, "/", "1")


def died(process: Process | None) -> None:
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    while is_running(process):
        time.sleep(0.01)


def test_a_process_that_died_is_started_again_with_a_note_and_left_when_it_dies_too_often(
    tmp_path: Path,
) -> None:
    home, now = Home(tmp_path / "home"), Time()
    home.prepare()
    keeper = Keeper(home, clock=now)
    try:
        converge(home, [sleeper(home)])
        assert keeper.look() == []
        for _ in range(5):
            died(load(home, "sleeper"))
            assert keeper.look() == ["sleeper"]
            now.forward(seconds=2)
        died(load(home, "sleeper"))
        assert keeper.look() == [], "what dies again and again is left"
        assert len(restarts(home)["sleeper"]) == 5
        now.forward(minutes=11)
        assert keeper.look() == ["sleeper"]
        died(load(home, "sleeper"))
        with home.locked():
            assert keeper.look() == [], "`kit up` and `kit down` know what they do"
    finally:
        stop_all(home)
    assert keeper.look() == [], "what was stopped stays so"

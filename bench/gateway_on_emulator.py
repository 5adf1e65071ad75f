"""The gateway as deployed, on the integration stage in an emulated AWS, under its own role.

For `bench/gateway.py --emulator`. The emulated AWS is one Python process on the same machine: these figures
show that the whole works under load, not how fast AWS is.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.gateway_in_memory import policy
from kit.home import PROJECT_ROOT
from lambdas.common.access import AccessRecord, AccessRecords
from lambdas.common.virtual_keys import key_record_pk, new_pepper, read_pepper
from tests.support.ports import free_port
from tests.support.standing import standing


@contextmanager
def gateway_process(upstream: str, key: str) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """Yield a gateway process with one worker, and its port."""
    with (
        tempfile.TemporaryDirectory() as folder,
        standing(Path(folder), free_port(), "integration", {"size": "small"}) as stage,
    ):
        pepper, port = new_pepper(), free_port()
        stage.root("secretsmanager").put_secret_value(
            SecretId=stage.exported("key_pepper_secret_arn"), SecretString=pepper
        )
        records = AccessRecords(stage.root("dynamodb"), stage.exported("access_table_name"))
        pk = key_record_pk(key, read_pepper(pepper))
        records.create(AccessRecord(pk, "app-1", active=True, department="marketing"))
        stage.root("s3").put_object(
            Bucket=stage.exported("governance_bucket_name"),
            Key=stage.exported("policy_object_key"),
            Body=json.dumps(policy(upstream)).encode(),
        )
        function = stage.resource("aws:lambda/function:Function", "gateway-api-function").inputs
        environment = {name: str(value) for name, value in function["environment"]["variables"].items()}
        acting = stage.acting(stage.statements("gateway-api-permissions")).environment()
        more = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PROJECT_ROOT),
            "ANTHROPIC_UPSTREAM_URL": upstream,
        }
        command = [sys.executable, "-m", "uvicorn", "--factory", "lambdas.gateway.app:create_app"]
        process = subprocess.Popen(
            [*command, "--port", str(port), "--log-level", "error", "--no-access-log"],
            env={**environment, **acting, **more},
            cwd=PROJECT_ROOT,
            stdout=subprocess.DEVNULL,
        )
        try:
            _until_ready(f"http://127.0.0.1:{port}/readyz")
            yield process, port
        finally:
            process.terminate()
            process.wait(10)


def _until_ready(url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("error: the gateway on the emulated AWS did not become ready")

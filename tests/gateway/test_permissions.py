"""Least privilege of the gateway, with IAM enforced from the policies of the plan (L1.7).

The gateway runs under a role that has the statements of its own role in the plan, and nothing else: it works.
Without any one of them it does not.
"""

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import yaml

from kit.home import PROJECT_ROOT
from lambdas.common.access import AccessRecord, AccessRecords
from lambdas.common.virtual_keys import key_record_pk, new_pepper, new_virtual_key, read_pepper
from tests.support.ports import free_port
from tests.support.standing import Standing, standing

from .test_files import FilesApi
from .test_sdk import BatchApi
from .upstream import FakeUpstream, Received, Reply, json_reply, ordinary_claude

pytestmark = pytest.mark.emulator
CLIENT_FILE = PROJECT_ROOT / "stacks" / "config" / "clients" / "example.yaml"

# What the emulated AWS does not check: the use of a key by a service on our behalf, and what no stand-in of a
# provider is reached by (calls in callers' names and federation have tests of their own).
UNENFORCED = frozenset(
    {
        "CallInCallersName",
        "DecryptGovernance",
        "DecryptSecrets",
        "EncryptCopies",
        "EncryptRecords",
        "ProveIdentity",
    }
)
# What Lambda needs to run any function of ours.
RUNTIME = frozenset(
    {"DecryptOwnEnvironment", "EncryptDeadLetters", "SendDeadLetters", "Trace", "WriteOwnLog", "WriteTraces"}
)
# For people of direct issuers only: tests/identity/test_least_privilege.py.
ELSEWHERE = frozenset({"BindAccount"})
# What stops without a statement.
STOPS = {
    "ReserveAndSettle": "message",
    "CheckAccess": "message",
    "KeepSubjectKeys": "message",
    "WrapSubjectKeys": "message",
    "AppendRecords": "message",
    "Introduce": "message",
    "ReadGovernance": "start",
    "ReadSecrets": "start",
    "CopyMetadata": "copies",
    "TakeUploads": "upload",
}


@dataclass(frozen=True)
class Place:
    """The integration stage, standing, with a provider and somebody who may call."""

    stage: Standing
    upstream: FakeUpstream
    key: str

    def environment(self, statements: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Of a gateway under a role with these statements."""
        function = self.stage.resource("aws:lambda/function:Function", "gateway-api-function").inputs
        planned = {name: str(value) for name, value in function["environment"]["variables"].items()}
        return {
            **planned,
            **self.stage.acting(statements).environment(),
            "ANTHROPIC_UPSTREAM_URL": self.upstream.url,
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PROJECT_ROOT),
        }

    @property
    def statements(self) -> list[dict[str, Any]]:
        return [
            one
            for one in self.stage.statements("gateway-api-permissions")
            if one["Sid"] in STOPS or one["Sid"] in UNENFORCED
        ]


def _script(batches: BatchApi) -> Any:
    files = FilesApi()

    def script(received: Received) -> Reply:
        if received.target.startswith("/v1/files"):
            return files(received)
        return (batches if "/batches" in received.target else ordinary_claude)(received)

    return script


def _with_federation() -> dict[str, Any]:
    """The example client's configuration of Claude, and the Anthropic API by workload identity besides."""
    claude = yaml.safe_load(CLIENT_FILE.read_text())["claude"]
    auth = {
        "kind": "workload-identity",
        "organization_id": "00000000-0000-0000-0000-000000000000",
        "federation_rule_id": "fdrl_1",
    }
    claude["providers"].append({"kind": "anthropic", "inference_geo": "us", "auth": auth})
    return {"claude": claude, "data_residency": ["eu", "us"]}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    upstream = FakeUpstream().start()
    upstream.script = _script(BatchApi())
    folder = tmp_path_factory.mktemp("standing")
    with standing(folder, free_port(), "integration", {"size": "small", **_with_federation()}) as stage:
        pepper, key = new_pepper(), new_virtual_key()
        stage.root("secretsmanager").put_secret_value(
            SecretId=stage.exported("key_pepper_secret_arn"), SecretString=pepper
        )
        records = AccessRecords(stage.root("dynamodb"), stage.exported("access_table_name"))
        pk = key_record_pk(key, read_pepper(pepper))
        records.create(
            AccessRecord(pk, "app-1", active=True, department="marketing", owner="department:marketing")
        )
        yield Place(stage, upstream, key)
    upstream.stop()


class Stopped(Exception):
    """A step did not work; its name is the argument."""


@contextmanager
def gateway(place: Place, environment: Mapping[str, str], said: list[str]) -> Iterator[httpx2.Client]:
    """A gateway in a process of its own, ready, and a caller's connection to it; what it wrote to its output
    is in `said` afterwards. Raises `Stopped` where it does not start.
    """
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--factory", "lambdas.gateway.app:create_app", "--port", str(port),
         "--log-level", "error"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=PROJECT_ROOT,
    )  # fmt: skip
    try:
        with httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"x-api-key": place.key}, timeout=30
        ) as http:
            _until_ready(http, process)
            yield http
    finally:
        process.terminate()
        said.append(process.communicate(timeout=20)[0].decode())


def use(place: Place, statements: Sequence[Mapping[str, Any]]) -> None:
    """All that a gateway does. Raises `Stopped`."""
    said: list[str] = []
    with gateway(place, place.environment(statements), said) as http:
        _steps(http)
    if "metadata_lost" in "".join(said):
        raise Stopped("copies")


def _until_ready(http: httpx2.Client, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        try:
            ready = http.get("/readyz")
        except httpx2.TransportError:
            time.sleep(0.05)
            continue
        if ready.status_code != 200:
            break
        return
    raise Stopped("start")


def _steps(http: httpx2.Client) -> None:
    message = {"model": "fast", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello."}]}
    variables = {
        "product": "A water bottle",
        "audience": "Hikers",
        "channel": "email",
        "brief": "It keeps water cold.",
        "variants": 2,
    }
    calls: list[tuple[str, str, str, Any]] = [
        ("message", "POST", "/v1/messages", message),
        ("stream", "POST", "/v1/messages", {**message, "stream": True}),
        ("prompt", "POST", "/v1/prompts/campaign-copy/messages", {"variables": variables}),
        ("batch", "POST", "/v1/messages/batches", {"requests": [{"custom_id": "a", "params": message}]}),
        ("batches", "GET", "/v1/messages/batches", None),
    ]
    for step, method, path, body in calls:
        answer = http.request(method, path, json=body)
        if answer.status_code != 200 or (step == "stream" and "message_stop" not in answer.text):
            raise Stopped(step, answer.status_code, answer.text[:300])
    _upload(http)


def _upload(http: httpx2.Client) -> None:
    """A file by way of the quarantine: put under the gateway's signature, read and emptied by the gateway."""
    content = b"Rivers of Europe."
    about = {"filename": "rivers.txt", "mime_type": "text/plain", "size_bytes": len(content)}
    answer = http.post("/v1/files/uploads", json=about)
    if answer.status_code == 201:
        waiting = answer.json()
        answer = httpx2.put(waiting["url"], content=content, headers=waiting["headers"])
        if answer.status_code == 200:
            answer = http.post(f"/v1/files/uploads/{waiting['id']}")
            if answer.status_code == 200:
                return
    raise Stopped("upload", answer.status_code, answer.text[:300])


def test_the_gateway_works_under_its_own_roles_policies(place: Place) -> None:
    use(place, place.statements)


def test_every_statement_of_the_role_is_proved_or_named_as_one_that_cannot_be(place: Place) -> None:
    sids = {one["Sid"] for one in place.stage.statements("gateway-api-permissions")}
    assert sids - RUNTIME - UNENFORCED - ELSEWHERE == STOPS.keys()


@pytest.mark.parametrize("sid", sorted(STOPS))
def test_without_any_one_statement_something_stops(place: Place, sid: str) -> None:
    with pytest.raises(Stopped) as stopped:
        use(place, [one for one in place.statements if one["Sid"] != sid])
    assert stopped.value.args[0] == STOPS[sid], stopped.value.args


def test_the_gateway_can_neither_read_nor_remove_a_record_nor_let_anybody_in(place: Place) -> None:
    stage = place.stage
    acting = stage.acting(place.statements)
    s3, dynamodb = acting.client("s3"), acting.client("dynamodb")
    bucket, access = stage.exported("audit_bucket_name"), stage.exported("access_table_name")
    item = {"pk": {"S": "USER#eve"}, "sk": {"S": "ACCESS"}, "active": {"BOOL": True}}
    attempts: list[Any] = [
        lambda: s3.get_object(Bucket=bucket, Key="records/x"),
        lambda: s3.delete_object(Bucket=bucket, Key="records/x"),
        lambda: s3.list_objects_v2(Bucket=bucket),
        lambda: s3.put_object(Bucket=bucket, Key="manifests/x", Body=b""),
        lambda: dynamodb.put_item(TableName=access, Item=item),
        lambda: s3.put_object(
            Bucket=stage.exported("governance_bucket_name"), Key="policy/gateway.json", Body=b""
        ),
    ]
    for attempt in attempts:
        with pytest.raises(Exception, match=r"AccessDenied|not authorized"):
            attempt()


def test_the_gateway_proves_itself_by_sts_where_there_is_no_key(place: Place) -> None:
    """Federation on the emulated AWS (L1.3): its token, for the audience of the policy, is exchanged."""
    asked: list[dict[str, Any]] = []

    def anthropic(received: Received) -> Reply:
        if received.target != "/v1/oauth/token":
            good = received.header("authorization") == "Bearer short-lived"
            return ordinary_claude(received) if good else json_reply({"type": "error"}, 401)
        asked.append(received.json())
        return json_reply({"access_token": "short-lived", "expires_in": 600})

    with federated(place):
        place.upstream.script = anthropic
        try:
            status = one_message(place, [_without_conditions(one) for one in place.statements])
        finally:
            place.upstream.script = _script(BatchApi())
    assert status == 200
    claims = json.loads(base64.urlsafe_b64decode(asked[0]["assertion"].split(".")[1] + "=="))
    assert claims["aud"] == AUDIENCE
    assert asked[0]["federation_rule_id"] == "fdrl_1"
    with federated(place):
        alone = [one for one in place.statements if one["Sid"] != "ProveIdentity"]
        assert one_message(place, alone) == 529, "without the statement there is no proof"


AUDIENCE = "https://api.anthropic.com"


def _without_conditions(statement: Mapping[str, Any]) -> Mapping[str, Any]:
    """The emulated STS tells IAM nothing of the audience that a token is for; the plan narrows it to one."""
    if statement["Sid"] != "ProveIdentity":
        return statement
    audiences = statement["Condition"]["ForAllValues:StringEquals"]["sts:IdentityTokenAudience"]
    assert audiences == [AUDIENCE]
    return {name: value for name, value in statement.items() if name != "Condition"}


@contextmanager
def federated(place: Place) -> Iterator[None]:
    """The published policy, with a first provider that takes no key."""
    s3, bucket = place.stage.root("s3"), place.stage.exported("governance_bucket_name")
    key = place.stage.exported("policy_object_key")
    before = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    policy = json.loads(before)
    auth = {"kind": "workload-identity", "audience": AUDIENCE, "federation_rule_id": "fdrl_1"}
    policy["providers"] = [
        {
            "name": "anthropic",
            "kind": "anthropic",
            "base_url": place.upstream.url,
            "auth": {**auth, "organization_id": "org_1"},
            "models": {},
        }
    ]
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": place.stage.exported("governance_key_arn")}
    s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(policy).encode(), **encrypted)
    yield
    s3.put_object(Bucket=bucket, Key=key, Body=before, **encrypted)


def one_message(place: Place, statements: Sequence[Mapping[str, Any]]) -> int:
    """The status of a message through a gateway of its own that has no stand-in for its provider."""
    environment = place.environment(statements)
    del environment["ANTHROPIC_UPSTREAM_URL"]
    with gateway(place, environment, []) as http:
        body = {"model": "fast", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello."}]}
        return http.post("/v1/messages", json=body).status_code

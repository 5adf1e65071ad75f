"""Audit records on an emulated AWS, under the permissions of the plan: each function can do its work, each
statement is needed, nothing that is written can be taken back (L1.7, L2.5, G.3).
"""

import asyncio
import contextlib
import gzip
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import botocore.loaders
import botocore.session
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from components.api.analytics import COLUMNS, QUERIES
from kit.audit.keyring import KeyRing
from kit.audit.sources import BucketSource
from kit.audit.verification import Trust, span_of, verify
from kit.cli import app
from kit.errors import ExitCode, KitError
from kit.evaluation.graph import unwrapped
from kit.local.resources.handler import api_names
from kit.target import Target
from lambdas.common.access import AccessRecords, person_record
from lambdas.common.audit import AuditUnavailable, AuditWriter, SubjectErased, SubjectKeys, open_writer
from lambdas.common.audit.chain import hour_prefix
from lambdas.common.audit.manifest import hour_of, manifest_key, public_key
from lambdas.common.audit.store import AuditBucket, Lock
from lambdas.common.ids import new_id
from lambdas.gateway.access_log import AccessEntry, AccessLog
from lambdas.notary.notary import TAG, Notary
from tests.records.audit_fixtures import intent, outcome
from tests.records.test_access_logs import edge_text
from tests.support.ports import free_port
from tests.support.standing import Acting, Standing, standing

pytestmark = pytest.mark.emulator

GATEWAY, NOTARY, INVESTIGATOR = (
    "gateway-api-permissions",
    "notary-function-permissions",
    "coe-governance-lead-permissions",
)
Statements = list[dict[str, Any]]
MODELS = botocore.loaders.create_loader()  # of the services, read once for all sessions


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("audit")
    with standing(folder, free_port(), "integration", {"size": "small"}) as stages:
        people = AccessRecords(stages.root("dynamodb"), stages.exported("access_table_name"))
        for person in ("grace", "mallory", "niaj", "oscar"):  # whom investigators name
            people.create(person_record(person, provisioned=True, department="marketing"))
        yield stages


def without(statements: Statements, sid: str) -> Statements:
    assert sid in {one["Sid"] for one in statements}
    return [one for one in statements if one["Sid"] != sid]


def environment(deployed: Standing, function: str) -> Mapping[str, str]:
    planned = deployed.resource("aws:lambda/function:Function", function)
    return {
        **planned.inputs["environment"]["variables"],
        "AWS_ENDPOINT_URL": deployed.emulator.endpoint_url,
        "AWS_REGION": deployed.emulator.region,
    }


def writer_as(deployed: Standing, acting: Acting, name: str = "gateway") -> AuditWriter:
    session = botocore.session.Session()
    session.register_component("data_loader", MODELS)
    session.set_credentials(acting.access_key_id, acting.secret_access_key, acting.session_token)
    return open_writer(name, environment(deployed, "gateway-api-function"), session=session)


def gateway(deployed: Standing, *, lacking: str = "") -> AuditWriter:
    statements = deployed.statements(GATEWAY)
    return writer_as(deployed, deployed.acting(without(statements, lacking) if lacking else statements))


def notary(deployed: Standing, now: datetime, *, lacking: str = "") -> Notary:
    statements = deployed.statements(NOTARY)
    acting = deployed.acting(without(statements, lacking) if lacking else statements)
    bucket, s3 = deployed.exported("audit_bucket_name"), acting.client("s3")
    return Notary(
        s3,
        AuditBucket(
            s3,
            bucket=bucket,
            key_arn=deployed.exported("audit_key_arn"),
            lock=Lock("COMPLIANCE", 2557),
            sleep=lambda _: None,
        ),
        acting.client("kms"),
        bucket=bucket,
        signing_key_arn=deployed.exported("signing_key_arn"),
        clock=lambda: now,
    )


def source_of(deployed: Standing) -> BucketSource:
    return BucketSource(deployed.root("s3"), deployed.exported("audit_bucket_name"))


def findings(deployed: Standing, now: datetime | None = None) -> list[tuple[str, str]]:
    """What verification finds in the bucket."""
    kms, source = deployed.root("kms"), source_of(deployed)
    manifests, writers, operators = (
        public_key(kms.get_public_key(KeyId=deployed.exported(name))["PublicKey"])
        for name in ("signing_key_arn", "writer_key_arn", "operator_key_arn")
    )
    ring = KeyRing({"manifests": [manifests], "writers": [writers], "operators": [operators]})
    span = span_of(source, None, None, now=now or datetime.now(UTC))
    assert span is not None
    report = verify(source, Trust(ring.manifests, ring.writers), span, [])
    return [(one.code, one.where) for one in report.findings]


def call(writer: AuditWriter, person: str = "ada", *, text: bytes = b"hello") -> str:
    request_id = new_id("req_")
    writer.append_now(intent(request_id, person), bodies={"request": text})
    writer.append_now(outcome(request_id, person), bodies={"response": text})
    return request_id


def keys_of(deployed: Standing, request_id: str) -> list[str]:
    """The objects that hold records of a request."""
    source = source_of(deployed)
    return [
        one.key for one in source.entries("records/") if request_id.encode() in (source.get(one.key) or b"")
    ]


def refused(call: Callable[..., Any], **arguments: Any) -> bool:
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException", "403"}
    return False


# -- the gateway ---------------------------------------------------------------------------------------------


def test_the_gateway_appends_records_that_verify(deployed: Standing) -> None:
    writer = gateway(deployed)

    async def work() -> None:
        ids = [new_id("req_") for _ in range(30)]
        await asyncio.gather(*(writer.append(intent(one), bodies={"request": b"x"}) for one in ids))
        await asyncio.gather(*(writer.append(outcome(one), bodies={"response": b"y"}) for one in ids))

    asyncio.run(work())
    assert findings(deployed) == []


@pytest.mark.parametrize("sid", ["AppendRecords", "KeepSubjectKeys", "WrapSubjectKeys"])
def test_the_gateway_writes_no_record_without_its_permission(deployed: Standing, sid: str) -> None:
    writer = gateway(deployed, lacking=sid)
    person = f"person-{sid}"
    with pytest.raises((AuditUnavailable, ClientError), match="AccessDenied"):
        writer.append_now(intent(new_id("req_"), person), bodies={"request": b"x"})
    with pytest.raises((AuditUnavailable, ClientError), match="AccessDenied"):
        asyncio.run(writer.append(intent(new_id("req_"), person), bodies={"request": b"x"}))


def test_the_gateway_can_only_append(deployed: Standing) -> None:
    """It reads nothing, deletes nothing, shortens nothing, signs nothing, seals nothing."""
    (key, *_) = keys_of(deployed, call(gateway(deployed)))
    bucket = deployed.exported("audit_bucket_name")
    acting = deployed.acting(deployed.statements(GATEWAY))
    s3, kms, dynamodb = (acting.client(one) for one in ("s3", "kms", "dynamodb"))
    version = deployed.root("s3").head_object(Bucket=bucket, Key=key)["VersionId"]
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": deployed.exported("audit_key_arn")}
    row = {"pk": {"S": "SUBJECT#ada"}, "sk": {"S": "DEPARTMENT#marketing"}}
    assert refused(s3.get_object, Bucket=bucket, Key=key)
    assert refused(s3.list_objects_v2, Bucket=bucket, Prefix="records/")
    assert refused(s3.delete_object, Bucket=bucket, Key=key)
    assert refused(s3.delete_object, Bucket=bucket, Key=key, VersionId=version)
    assert refused(s3.put_object, Bucket=bucket, Key="manifests/x.json", Body=b"", **encrypted)
    shorter = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=1)}
    assert refused(s3.put_object_retention, Bucket=bucket, Key=key, VersionId=version, Retention=shorter)
    message = {"Message": b"0" * 32, "MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256"}
    assert refused(kms.sign, KeyId=deployed.exported("signing_key_arn"), **message)
    table = deployed.exported("subject_keys_table_name")
    assert refused(dynamodb.delete_item, TableName=table, Key=row)
    assert refused(dynamodb.scan, TableName=table)


def test_a_put_without_encryption_is_refused_by_the_bucket(deployed: Standing) -> None:
    s3, bucket = (
        deployed.acting(deployed.statements(GATEWAY)).client("s3"),
        deployed.exported("audit_bucket_name"),
    )
    assert refused(s3.put_object, Bucket=bucket, Key="records/dt=2026-01-01/hour=00/x/0.jsonl", Body=b"")


def test_a_put_under_another_key_is_refused_by_the_bucket_policy(deployed: Standing) -> None:
    """Read from the plan: the emulator does not tell policies which key a put names."""
    planned = deployed.resource("aws:s3/bucketPolicy:BucketPolicy", "audit-store-policy").inputs["policy"]
    (deny,) = [one for one in json.loads(planned)["Statement"] if one["Sid"] == "DenyOtherKey"]
    key = {"s3:x-amz-server-side-encryption-aws-kms-key-id": deployed.exported("audit_key_arn")}
    assert (deny["Effect"], deny["Action"], deny["Principal"]) == ("Deny", ["s3:PutObject"], "*")
    assert deny["Condition"] == {"StringNotEquals": key}


@pytest.mark.parametrize(
    ("role", "sid", "actions"),
    [
        (GATEWAY, "EncryptRecords", ["kms:GenerateDataKey"]),
        (NOTARY, "UseAuditKey", ["kms:Decrypt", "kms:GenerateDataKey"]),
    ],
)
def test_the_key_of_the_bucket_is_used_through_s3_only(
    deployed: Standing, role: str, sid: str, actions: list[str]
) -> None:
    """Read from the plan: the emulated S3 does not ask KMS in the caller's name."""
    (statement,) = [one for one in deployed.statements(role) if one["Sid"] == sid]
    assert statement["Action"] == actions
    assert statement["Resource"] == [deployed.exported("audit_key_arn")]
    via = f"s3.{deployed.emulator.region}.amazonaws.com"
    assert statement["Condition"] == {"StringEquals": {"kms:ViaService": via}}
    key, s3 = deployed.exported("audit_key_arn"), deployed.acting(deployed.statements(role))
    assert refused(s3.client("kms").generate_data_key, KeyId=key, KeySpec="AES_256"), "not by itself"


# -- the notary ----------------------------------------------------------------------------------------------


def test_the_notary_seals_and_the_seal_verifies(deployed: Standing) -> None:
    this_hour = hour_of(datetime.now(UTC))
    call(gateway(deployed))
    later = this_hour + timedelta(hours=1, minutes=6)  # this hour is due, the next is not
    sealed = notary(deployed, later).seal_due()
    assert this_hour in {manifest.hour for manifest in sealed}
    assert findings(deployed) == []
    assert notary(deployed, later).seal_due() == []
    root, bucket = deployed.root("s3"), deployed.exported("audit_bucket_name")
    (manifest,) = [one for one in sealed if one.hour == this_hour]
    for key in (manifest.segments[0].key, manifest_key(this_hour)):
        lock = root.get_object_retention(Bucket=bucket, Key=key)["Retention"]
        assert lock["Mode"] == "COMPLIANCE"
        assert lock["RetainUntilDate"] > datetime.now(UTC) + timedelta(days=2556), "as the notary was told"
    record = source_of(deployed).entries(hour_prefix(this_hour))[0].key
    lock = root.get_object_retention(Bucket=bucket, Key=record)["Retention"]
    assert lock["RetainUntilDate"] < datetime.now(UTC) + timedelta(days=31)
    assert root.get_object_tagging(Bucket=bucket, Key=record)["TagSet"] == [TAG]


def test_nothing_is_sealed_under_a_shorter_lock(deployed: Standing) -> None:
    """By the bucket's policy, for every writer."""
    policy = json.loads(
        deployed.root("s3").get_bucket_policy(Bucket=deployed.exported("audit_bucket_name"))["Policy"]
    )
    (statement,) = [one for one in policy["Statement"] if one["Sid"] == "DenyShortSegments"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", "*")
    days = environment(deployed, "notary-function-function")["AUDIT_RETENTION_DAYS"]
    assert statement["Condition"]["NumericLessThan"] == {"s3:object-lock-remaining-retention-days": days}


@pytest.mark.parametrize("sid", ["ListRecords", "ReadRecords", "Seal", "Sign", "TagWhatIsSealed"])
def test_the_notary_seals_nothing_without_its_permission(deployed: Standing, sid: str) -> None:
    call(gateway(deployed))
    due = datetime.now(UTC) + timedelta(hours=30)
    with pytest.raises(Exception, match=r"AccessDenied|Forbidden|403"):
        notary(deployed, due, lacking=sid).seal_due()


def test_the_notary_can_neither_write_records_nor_take_anything_back(deployed: Standing) -> None:
    (key, *_) = keys_of(deployed, call(gateway(deployed)))
    bucket, acting = deployed.exported("audit_bucket_name"), deployed.acting(deployed.statements(NOTARY))
    s3 = acting.client("s3")
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": deployed.exported("audit_key_arn")}
    assert refused(s3.put_object, Bucket=bucket, Key=key, Body=b"", **encrypted)
    assert refused(s3.delete_object, Bucket=bucket, Key=key)
    assert refused(
        acting.client("kms").decrypt, CiphertextBlob=b"x" * 100, KeyId=deployed.exported("subject_key_arn")
    )


def test_the_handler_runs_from_its_environment_alone(
    deployed: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lambdas.notary import handler

    acting = deployed.acting(deployed.statements(NOTARY))
    for name, value in {**environment(deployed, "notary-function-function"), **acting.environment()}.items():
        monkeypatch.setenv(name, value)

    class Context:
        @staticmethod
        def get_remaining_time_in_millis() -> int:
            return 600_000

    handler._notary.cache_clear()
    result = handler.handler({}, Context())
    assert set(result) == {"hours", "objects", "segments", "gaps"}
    handler._notary.cache_clear()


# -- investigating and erasing -------------------------------------------------------------------------------


def _as_emulated(statements: Statements) -> Statements:
    """AWS asks for a log group with `:*` behind its name, the emulated AWS for the name alone."""
    return [
        {**one, "Resource": [name.removesuffix(":*") for name in one["Resource"]]}
        if one["Sid"] == "ReadGatewayLog"
        else one
        for one in statements
    ]


@contextmanager
def investigating(
    deployed: Standing, monkeypatch: pytest.MonkeyPatch, role: str = INVESTIGATOR, *, local: bool = True
) -> Iterator[None]:
    """`kit` works on the deployment with the permissions of a role; as on AWS unless `local`."""
    acting = deployed.acting(_as_emulated(deployed.statements(role)))
    session = boto3.Session(
        acting.access_key_id, acting.secret_access_key, acting.session_token, deployed.emulator.region
    )
    exports = {
        name: str(value) for graph in deployed.graphs.values() for name, value in graph.exports.items()
    }
    target = Target(exports, deployed.emulator.region, local, session, deployed.emulator.endpoint_url)
    with monkeypatch.context() as patched:
        patched.setattr("kit.target.find_target", lambda client=None: target)
        patched.setenv("KIT_HOME", "/nonexistent")
        yield


def kit(*arguments: str, code: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["audit", *arguments, "--json"])
    assert result.exit_code == code, (result.output, result.exception)
    return json.loads(result.stdout)


@pytest.fixture
def logged(deployed: Standing) -> Iterator[tuple[str, str, str]]:
    """A call with records and a line in both logs; one that only the gateway's log has, one that only API
    Gateway's has. Their ids.
    """
    now = datetime.now(UTC)
    whole, unrecorded = new_id("req_"), new_id("req_")
    writer = gateway(deployed)
    for record in (intent(whole), outcome(whole)):
        writer.append_now({**record, "edge_id": f"e-{whole}"}, bodies={})
    lines: list[str] = []
    log = AccessLog("production", lines.append)
    for request_id in (whole, unrecorded):
        entry = AccessEntry(request_id, "POST", f"e-{request_id}", "messages", recorded=True)
        log.request(entry, status=200, seconds=0.1, bytes_in=1, bytes_out=1, client_gone=False)
    log.event("started")
    logs, group = deployed.root("logs"), deployed.exported("gateway_log_group_name")
    with contextlib.suppress(ClientError):  # it is there where the engine made it
        logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=whole)
    events = [{"timestamp": int(now.timestamp() * 1000), "message": line} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName=whole, logEvents=events)
    edge = "".join(edge_text(f"e-{one}", now) for one in (whole, f"ghost-{whole}"))
    deployed.root("s3").put_object(
        Bucket=deployed.exported("access_logs_bucket_name"),
        Key=f"api/dt={now:%Y-%m-%d}/{whole}.gz",
        Body=gzip.compress(edge.encode()),
    )
    yield whole, unrecorded, f"e-ghost-{whole}"
    logs.delete_log_stream(logGroupName=group, logStreamName=whole)


def test_the_logs_of_a_deployment_are_held_against_its_records(
    deployed: Standing, monkeypatch: pytest.MonkeyPatch, logged: tuple[str, str, str]
) -> None:
    """From CloudWatch Logs and from the bucket that Firehose delivers to, by an investigator's own rights."""
    whole, unrecorded, ghost = logged
    began = datetime.now(UTC) - timedelta(hours=1)
    with investigating(deployed, monkeypatch, local=False):
        report = kit("verify", "--from", f"{began:%Y-%m-%dT%H}", code=5)
    assert report["access_lines"] >= 2
    assert report["edge_lines"] >= 2
    found = {one["where"]: one["code"] for one in report["findings"]}
    assert found.get(unrecorded) == found.get(ghost) == "call-unrecorded"
    assert not {whole, f"e-{whole}"} & found.keys()


def test_an_investigator_finds_by_every_question_and_opens_with_a_recorded_reason(
    deployed: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = gateway(deployed)
    request_id = call(writer, "grace", text=b"the secret of grace")
    prompted = {**intent(new_id("req_"), "grace"), "prompt": "marketing/brief", "prompt_version": 3}
    writer.append_now(prompted, bodies={})
    call(writer, "heidi")
    with investigating(deployed, monkeypatch):
        by_request = kit("find", "--request-id", request_id)["records"]
        assert [one["kind"] for one in by_request] == ["intent", "outcome"]
        assert "secret" not in json.dumps(by_request)
        assert len(kit("find", "--person", "grace")["records"]) == 3
        assert len(kit("find", "--person", "grace", "--department", "finance")["records"]) == 0
        for prompt, count in (("marketing/brief", 1), ("marketing/brief@3", 1), ("marketing/brief@4", 0)):
            assert len(kit("find", "--prompt", prompt)["records"]) == count
        assert kit("find", "--person", "grace", "--from", "2026-01-01", "--to", "2026-01-02")["records"] == []
        opened = kit("find", "--request-id", request_id, "--decrypt", "--reason", "case 4711")["records"]
        assert {one["kind"]: one["bodies"] for one in opened} == {
            "intent": {"request": "the secret of grace"},
            "outcome": {"response": "the secret of grace"},
        }
        (disclosure,) = kit("find", "--kind", "disclosure")["records"]
    assert disclosure["reason"] == "case 4711"
    assert disclosure["opened"] == [one["record_id"] for one in opened]
    assert "assumed-role" in disclosure["by"]


@pytest.mark.parametrize("sid", ["UnwrapSubjectKeys", "Erase", "RecordWhatIsDone"])
def test_nobody_opens_a_body_without_the_permission_to(
    deployed: Standing, monkeypatch: pytest.MonkeyPatch, sid: str
) -> None:
    request_id = call(gateway(deployed), f"judy-{sid}", text=b"secret")
    monkeypatch.setattr(Standing, "statements", _lacking(sid, Standing.statements))
    with investigating(deployed, monkeypatch):
        command = [
            "audit",
            "find",
            "--request-id",
            request_id,
            "--decrypt",
            "--reason",
            "curiosity",
            "--json",
        ]
        result = CliRunner().invoke(app, command)
    assert isinstance(result.exception, KitError)
    assert result.exception.exit_code == ExitCode.ENVIRONMENT
    assert "secret" not in result.output


def _lacking(
    sid: str, statements: Callable[[Standing, str], Statements]
) -> Callable[[Standing, str], Statements]:
    return lambda self, role: (
        without(statements(self, role), sid) if role == INVESTIGATOR else statements(self, role)
    )


def test_erasing_a_person_destroys_the_bodies_and_leaves_the_chain(
    deployed: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = gateway(deployed)
    call(writer, "mallory", text=b"something personal")
    writer.append_now(
        {**intent(new_id("req_"), "mallory"), "department": "finance"}, bodies={"request": b"x"}
    )
    call(writer, "niaj", text=b"of somebody else")
    before = findings(deployed)
    with investigating(deployed, monkeypatch):
        done = kit("erase", "--subject", "mallory", "--reason", "request of 2 November", "--yes")
        assert {one["department"] for one in done["keys"]} == {"finance", "marketing"}
        found = kit("find", "--person", "mallory", "--decrypt", "--reason", "check")["records"]
        texts = {text for one in found for text in one["bodies"].values()}
        assert texts == {"<erased>"}
        others = kit("find", "--person", "niaj", "--decrypt", "--reason", "check")["records"]
        assert {text for one in others for text in one["bodies"].values()} == {"of somebody else"}
        stages = [one["stage"] for one in found if one["kind"] == "erasure"]
        assert stages == ["begun", "done"]
        again = kit("erase", "--subject", "mallory", "--reason", "again", "--yes")
        assert again["keys"] == []
    assert findings(deployed) == before
    for department in ("marketing", "finance", "legal"):
        late = {**intent(new_id("req_"), "mallory"), "department": department}
        with pytest.raises(SubjectErased):
            gateway(deployed).append_now(late, bodies={"request": b"x"})


def test_erasing_asks_first(deployed: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    call(gateway(deployed), "oscar")
    with investigating(deployed, monkeypatch):
        result = CliRunner().invoke(
            app, ["audit", "erase", "--subject", "oscar", "--reason", "x"], input="n\n"
        )
        assert isinstance(result.exception, KitError)
        assert result.exception.message == "nothing was erased"
        found = kit("find", "--person", "oscar", "--decrypt", "--reason", "check")["records"]
    assert {text for one in found for text in one["bodies"].values()} == {"hello"}


def test_a_process_forgets_an_erased_key_when_its_time_has_come(deployed: Standing) -> None:
    acting = deployed.acting(deployed.statements(GATEWAY))
    now = [0.0]
    keys = SubjectKeys(
        acting.client("dynamodb"), acting.client("kms"), table=deployed.exported("subject_keys_table_name"),
        key_arn=deployed.exported("subject_key_arn"), monotonic=lambda: now[0], ttl_seconds=300,
    )  # fmt: skip
    key = keys.load("marketing", "peggy")
    assert keys.cached("marketing", "peggy") is key
    other = SubjectKeys(
        deployed.root("dynamodb"), deployed.root("kms"), table=deployed.exported("subject_keys_table_name"),
        key_arn=deployed.exported("subject_key_arn"),
    )  # fmt: skip
    assert other.load("marketing", "peggy").key_id == key.key_id, "one key for all processes"
    other.erase("peggy")
    now[0] = 301.0
    assert keys.cached("marketing", "peggy") is None
    with pytest.raises(SubjectErased):
        keys.load("marketing", "peggy")


def test_a_key_that_is_made_while_its_subject_is_erased_does_not_live(deployed: Standing) -> None:
    """The race of an erasure with a first call in another department."""
    dynamodb = deployed.root("dynamodb")
    table = deployed.exported("subject_keys_table_name")
    keys = SubjectKeys(
        dynamodb, deployed.root("kms"), table=table, key_arn=deployed.exported("subject_key_arn")
    )
    keys.erase("trent")
    with pytest.raises(SubjectErased):
        keys.load("legal", "trent")
    assert keys.keys_of("trent") == []


def test_verify_as_the_governance_lead_reads_bucket_and_signing_key(
    deployed: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(gateway(deployed))
    with investigating(deployed, monkeypatch):
        result = CliRunner().invoke(app, ["audit", "verify", "--json"])
        report = json.loads(result.stdout)
        pem = CliRunner().invoke(app, ["audit", "public-key"])
    assert report["findings"] == []
    assert report["records"] > 0
    assert pem.stdout.startswith("# manifests\n-----BEGIN PUBLIC KEY-----")
    assert pem.stdout.count("BEGIN PUBLIC KEY") == 3


# -- analytics -----------------------------------------------------------------------------------------------


def test_metadata_reach_the_analytics_bucket(deployed: Standing) -> None:
    """(L1.4, L5.1) The stream delivers what the table has columns for, and no body."""
    writer = gateway(deployed)
    request_id = call(writer, "victor", text=b"nothing of this is copied")
    writer.close()
    s3, bucket = deployed.root("s3"), deployed.exported("analytics_bucket_name")
    rows: list[dict[str, Any]] = []
    for _ in range(50):
        listed = s3.list_objects_v2(Bucket=bucket, Prefix="records/").get("Contents", ())
        texts = [s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in listed]
        plain = [gzip.decompress(one) if one.startswith(b"\x1f\x8b") else one for one in texts]
        rows = [json.loads(line) for text in plain for line in text.splitlines()]
        if sum(row["request_id"] == request_id for row in rows) == 2:
            break
        time.sleep(0.1)
    of_call = [row for row in rows if row["request_id"] == request_id]
    assert sorted(row["kind"] for row in of_call) == ["intent", "outcome"]
    assert all(row["principal"] == "victor" and "bodies" not in row for row in of_call)
    assert set().union(*of_call) <= {name for name, _ in COLUMNS}


def test_the_gateway_answers_although_its_copies_cannot_be_sent(deployed: Standing) -> None:
    writer = gateway(deployed, lacking="CopyMetadata")
    request_id = call(writer)
    writer.close()
    assert keys_of(deployed, request_id)


@pytest.fixture(scope="module")
def questions(deployed: Standing) -> Callable[[str], list[list[str]]]:
    """Runs SQL over the planned table, on records of six people, of a refusal and of a material decision."""
    writer = gateway(deployed)
    for person in ("p1", "p2", "p3", "p4", "p5", "p6"):
        spoken = {
            **outcome(new_id("req_"), person), "department": "sales", "principal_kind": "person",
            "use_case": "drafting", "prompt": "sales/mail", "prompt_version": 2, "model": "m",
            "provider": "one", "status": 200, "reason": "", "cost_microusd": 500_000,
        }  # fmt: skip
        writer.append_now(spoken, bodies={})
    writer.append_now({**spoken, "kind": "refusal", "reason": "restricted"}, bodies={})
    writer.append_now(
        {**spoken, "request_id": new_id("req_"), "result": "upstream_error", "status": 529,
         "reason": "overloaded"},
        bodies={},
    )  # fmt: skip
    _sweep_twice_and_once_too_early(writer, spoken)
    writer.append_now({**spoken, "kind": "use", "material_decision": True}, bodies={})
    writer.close()
    table = unwrapped(deployed.resource("aws:glue/catalogTable:CatalogTable", "analytics-table").inputs)
    stored = table["storageDescriptor"]
    glue, athena = deployed.root("glue"), deployed.root("athena")
    database = f"{table['databaseName']}_asked"  # other tests have the planned one in the same emulator
    glue.create_database(DatabaseInput={"Name": database})
    description = {
        "Name": table["name"], "TableType": table["tableType"], "Parameters": table["parameters"],
        "PartitionKeys": api_names(table["partitionKeys"]),
        "StorageDescriptor": {
            "Location": stored["location"], "InputFormat": stored["inputFormat"],
            "OutputFormat": stored["outputFormat"], "Columns": api_names(stored["columns"]),
            "SerdeInfo": {"SerializationLibrary": stored["serDeInfo"]["serializationLibrary"]},
        },
    }  # fmt: skip
    glue.create_table(DatabaseName=database, TableInput=description)
    results = {"OutputLocation": f"s3://{deployed.exported('analytics_bucket_name')}/results/"}

    def ask(query: str) -> list[list[str]]:
        started = athena.start_query_execution(
            QueryString=query,
            QueryExecutionContext={"Database": database},
            ResultConfiguration=results,
        )["QueryExecutionId"]
        status = {"State": "QUEUED"}
        for _ in range(100):
            status = athena.get_query_execution(QueryExecutionId=started)["QueryExecution"]["Status"]
            if status["State"] in {"SUCCEEDED", "FAILED"}:
                break
            time.sleep(0.05)
        assert status["State"] == "SUCCEEDED", status
        rows = athena.get_query_results(QueryExecutionId=started)["ResultSet"]["Rows"]
        return [[cell.get("VarCharValue", "") for cell in row["Data"]] for row in rows[1:]]

    return ask


def _sweep_twice_and_once_too_early(writer: AuditWriter, spoken: dict[str, Any]) -> None:
    """What the sweeper says of three calls of a department of its own: of one, twice, that its process died;
    of two that ended after all, before they did and after.
    """
    swept = {**spoken, "department": "swept", "provider": "two"}
    expired = {**swept, "result": "expired", "reason": "process_died", "cost_microusd": 9_000_000}
    dead, early, late = (new_id("req_") for _ in range(3))
    for record in (
        {**expired, "request_id": dead},
        {**expired, "request_id": dead},
        {**expired, "request_id": early},
        {**swept, "request_id": early},
        {**swept, "request_id": late},
        {**expired, "request_id": late},
    ):
        writer.append_now(record, bodies={})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cost-by-department", ["swept", "3", "10.0"]),
        ("use-cases", ["swept", "drafting", "sales/mail", "2", "m", "3", "10.0"]),
        ("failures", ["two", "expired", "process_died", "1"]),
    ],
)
def test_a_call_that_was_swept_is_counted_once_by_what_truly_came_of_it(
    questions: Callable[[str], list[list[str]]], name: str, expected: list[str]
) -> None:
    """(L1.4, L1.6, L5.4)"""
    (row,) = [row for row in questions(QUERIES[name][1]) if {"swept", "two"} & set(row)]
    assert [cell for cell in row if cell in expected] == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cost-by-department", ["sales", "7", "3.5"]),
        ("active-people", ["sales", "6"]),
        ("use-cases", ["sales", "drafting", "sales/mail", "2", "m", "7", "3.5"]),
        ("refusals", ["sales", "restricted", "1"]),
        ("failures", ["one", "upstream_error", "529", "overloaded", "1"]),
        ("material-decisions", ["sales"]),
    ],
)
def test_each_named_query_answers_its_question(
    questions: Callable[[str], list[list[str]]], name: str, expected: list[str]
) -> None:
    """(L1.4, L5.1, G.3) Run over the planned table and its projected partitions."""
    (row,) = [row for row in questions(QUERIES[name][1]) if set(expected) & {"sales", "one"} <= set(row)]
    assert [cell for cell in row if cell in expected] == expected


# -- nothing is taken back; last, because what is planted here stays in the bucket ---------------------------


def test_nobody_deletes_or_changes_a_record_without_a_trace(deployed: Standing) -> None:
    """The object lock keeps every version; a version on top of it, or a marker, is found."""
    (key, other) = keys_of(deployed, call(gateway(deployed)))
    root, bucket = deployed.root("s3"), deployed.exported("audit_bucket_name")
    everything = {"Sid": "All", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    powerful = deployed.acting([everything]).client("s3")
    version = root.head_object(Bucket=bucket, Key=key)["VersionId"]
    original = root.get_object(Bucket=bucket, Key=key)["Body"].read()
    for s3 in (powerful, root):
        assert refused(s3.delete_object, Bucket=bucket, Key=key, VersionId=version)
        bypass = {"VersionId": version, "BypassGovernanceRetention": True}
        assert refused(s3.delete_object, Bucket=bucket, Key=key, **bypass)
    assert refused(powerful.delete_object, Bucket=bucket, Key=key), "not even hidden by a marker"
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": deployed.exported("audit_key_arn")}
    for content in (original.replace(b'"marketing"', b'"finance"'), original):
        powerful.put_object(Bucket=bucket, Key=key, Body=content, **encrypted)
        assert ("object-overwritten", key) in findings(deployed), "putting it back hides nothing"
    assert root.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read() == original
    root.delete_object(Bucket=bucket, Key=other)  # the emulator spares root the bucket policy
    assert ("object-deleted", other) in findings(deployed)

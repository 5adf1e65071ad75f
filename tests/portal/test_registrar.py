"""The registrar: only it ends an onboarding, and only for whom the user pool vouches (L4.1, L4.4)."""

import base64
import json
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.session
import pytest
from moto import mock_aws

from components.portal.content import content_text
from lambdas.common.access import AccessRecord, AccessRecords, person_record, user_key
from lambdas.common.audit import open_writer
from lambdas.common.clock import utc_now
from lambdas.common.learning import Content, read_content
from lambdas.common.refusal_counts import Refusals, partition, refusals_in
from lambdas.portal.erasure import erase
from lambdas.portal.table import CASE, TO_NOTIFY, PortalTable, Row
from lambdas.registrar import handler as registrar
from lambdas.registrar.daily import Day

ADA, BOB = "usr_ada", "usr_bob"
CONTENT = read_content(content_text().encode())
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"


def _token(**claims: Any) -> str:
    payload = base64.urlsafe_b64encode(json.dumps({"token_use": "access", **claims}).encode()).decode()
    return f"e30.{payload.rstrip('=')}.c2ln"


GENUINE = {_token(kit_person=ADA): True}


class _Pool(BaseHTTPRequestHandler):
    """A pool that knows one token."""

    def do_GET(self) -> None:
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        self.send_response(200 if GENUINE.get(token) else 401)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[AccessRecords]:
    """Tables, buckets and a pool; somebody who waits for onboarding, and somebody who has left."""
    pool = ThreadingHTTPServer(("127.0.0.1", 0), _Pool)
    threading.Thread(target=pool.serve_forever, daemon=True).start()
    environment = {
        "AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing", "SIGN_IN_URL": f"http://127.0.0.1:{pool.server_port}",
        "ACCESS_TABLE": "access", "PORTAL_TABLE": "portal", "GOVERNANCE_BUCKET": "governance",
        "GOVERNANCE_KEY_ARN": KEY, "PORTAL_CONTENT_KEY": "portal/content.json", "AUDIT_BUCKET": "audit",
        "AUDIT_KEY_ARN": KEY, "ANALYTICS_STREAM": "records",
    }  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        registrar.clients.cache_clear()
        session = botocore.session.get_session()
        dynamodb, s3 = (
            session.create_client(name, region_name="eu-central-1") for name in ("dynamodb", "s3")
        )
        for table in ("access", "portal"):
            dynamodb.create_table(
                TableName=table, BillingMode="PAY_PER_REQUEST",
                KeySchema=[
                    {"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk")],
            )  # fmt: skip
        for bucket in ("governance", "audit"):
            s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
                ObjectLockEnabledForBucket=bucket == "audit",
            )  # fmt: skip
        s3.put_object(Bucket="governance", Key="portal/content.json", Body=content_text().encode())
        records = AccessRecords(dynamodb, "access")
        for person, provisioned in ((ADA, True), (BOB, False)):
            records.create(
                person_record(person, provisioned=provisioned, department="finance", onboarding="pending")
            )
        yield records
    pool.shutdown()


def _ask(**event: Any) -> dict[str, Any]:
    return registrar.handler({"token": _token(kit_person=ADA), "language": "en", **event}, None)


def _accept(document: str) -> dict[str, Any]:
    found = CONTENT.guideline(document)
    assert found is not None
    return _ask(action="accept", document=document, version=found.version, sha256=found.sha256)


def _pass(course: str) -> dict[str, Any]:
    found = CONTENT.course(course)
    assert found is not None
    answers = [next(n for n, one in enumerate(each.choices) if one.right) for each in found.questions]
    return _ask(action="complete", course=course, version=found.version, answers=answers)


def _needed() -> tuple[list[str], list[str]]:
    guidelines = [one.id for one in CONTENT.guidelines if one.material]
    return guidelines, [one.id for one in CONTENT.courses if one.is_for("finance", ())]


def test_onboarding_opens_access_with_the_last_step_and_not_before(world: AccessRecords) -> None:
    guidelines, courses = _needed()
    for document in guidelines:
        assert not _accept(document)["active"]
    for course in courses[:-1]:
        assert not _pass(course)["active"]
    record = world.get(user_key(ADA))
    assert record is not None
    assert not record.active
    assert _pass(courses[-1])["active"]
    record = world.get(user_key(ADA))
    assert record is not None
    assert (record.active, record.onboarding) == (True, "done")


def test_every_step_is_in_the_write_once_record_before_it_counts(world: AccessRecords) -> None:
    _accept(_needed()[0][0])
    s3 = botocore.session.get_session().create_client("s3", region_name="eu-central-1")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket="audit")["Contents"]]
    text = b"".join(s3.get_object(Bucket="audit", Key=key)["Body"].read() for key in keys).decode()
    assert '"kind":"acceptance"' in text
    assert ADA in text


@pytest.mark.parametrize(
    ("event", "refused"),
    [
        ({"token": _token(kit_person=BOB), "action": "accept"}, "token"),  # nobody vouches for it
        ({"token": "", "action": "accept"}, "token"),
        ({"token": "a\nb", "action": "accept"}, "token"),
        ({"action": "promote"}, "action"),
        ({"action": "accept", "document": "nothing"}, "document"),
        ({"action": "accept", "document": "acceptable-use", "version": 1, "sha256": "0"}, "version"),
        ({"action": "complete", "course": "nothing"}, "course"),
        ({"action": "complete", "course": "data-classes", "version": 1, "answers": "all"}, "answers"),
        ({"action": "complete", "course": "data-classes", "version": 9, "answers": []}, "course"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_changes(
    world: AccessRecords, event: dict[str, Any], refused: str
) -> None:
    assert _ask(**event) == {"refused": refused}
    record = world.get(user_key(ADA))
    assert record is not None
    assert not record.active


def test_a_leaver_with_a_genuine_token_writes_nothing(
    world: AccessRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = _token(kit_person=BOB)
    monkeypatch.setitem(GENUINE, token, True)
    assert _ask(token=token, action="accept", document="acceptable-use") == {"refused": "person"}


def test_wrong_answers_are_told_apart_and_do_not_pass(world: AccessRecords) -> None:
    answer = _ask(action="complete", course="data-classes", version=1, answers=[1, 1, 1])
    assert answer == {"percent": 66, "passed": False, "right": [False, True, True]}


# -- the daily run ------------------------------------------------------------------------------------------


def _day(records: AccessRecords, days: int, content: Content = CONTENT) -> Counter[str]:
    """The daily run so many days from now."""
    at = utc_now() + timedelta(days=days)
    table = PortalTable(records.client, "portal")
    with ThreadPoolExecutor(2) as pool:
        return Day(records, table, content, open_writer("onboarding"), lambda: at).run(pool)


def _finish(world: AccessRecords) -> AccessRecord:
    guidelines, courses = _needed()
    for document in guidelines:
        _accept(document)
    for course in courses:
        _pass(course)
    return _record(world)


def _record(world: AccessRecords) -> AccessRecord:
    record = world.get(user_key(ADA))
    assert record is not None
    return record


def _audited() -> str:
    s3 = botocore.session.get_session().create_client("s3", region_name="eu-central-1")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket="audit")["Contents"]]
    return b"".join(s3.get_object(Bucket="audit", Key=key)["Body"].read() for key in keys).decode()


def test_a_pass_that_ran_out_ends_the_right_by_itself_and_a_new_one_gives_it_back(
    world: AccessRecords,
) -> None:
    """Learning goes on (L4.5)."""
    assert _finish(world).active
    _day(world, 365)  # a week of grace
    assert _record(world).active
    assert _day(world, 375)["ended"] == 1
    record = _record(world)
    assert (record.active, record.awaits_onboarding) == (False, True)
    assert _day(world, 376)["ended"] == 0
    assert _audited().count('"to":"lapsed"') == 1
    for course in _needed()[1]:
        _pass(course)
    assert _record(world).active


def test_a_new_version_asks_again_and_ends_the_right_only_after_its_own_days(world: AccessRecords) -> None:
    _finish(world)
    newer = replace(
        CONTENT,
        guidelines=tuple(replace(one, version=one.version + 1) for one in CONTENT.guidelines if one.material),
    )
    days = max(one.accept_within_days for one in newer.guidelines)
    for day, active in ((100, True), (100 + days + 7, True), (100 + days + 8, False)):
        _day(world, day, newer)
        assert _record(world).active == active


def test_who_moves_has_the_time_of_a_newcomer_for_what_is_new(world: AccessRecords) -> None:
    world.change(_finish(world), department="legal")
    days = CONTENT.grace_days
    for day, active in ((50, True), (50 + days + 7, True), (50 + days + 8, False)):
        _day(world, day)
        assert _record(world).active == active


def test_the_list_has_who_never_signed_in_and_not_who_has_left(world: AccessRecords) -> None:
    table = PortalTable(world.client, "portal")
    table.write(Row("PEOPLE", BOB, {"name": "Bob", "at": 1, "state": "active", "left": [], "due": ""}))
    _day(world, 0)
    (row,) = table.rows("PEOPLE")
    assert (row.sk, row.data["state"], row.data["name"]) == (ADA, "invited", "")
    assert _day(world, 400)["ended"] == 0  # nobody loses a right that they never had


# -- cases of repeated refusals -----------------------------------------------------------------------------


def _counted(person: str, count: int) -> Refusals:
    return Refusals(person, "2026-11", "finance", count, {"restricted": count})


def test_a_case_is_opened_once_recorded_and_closed_by_another_governance_lead_with_an_outcome(
    world: AccessRecords,
) -> None:
    table = PortalTable(world.client, "portal")
    writer = open_writer("onboarding")
    day = Day(world, table, CONTENT, writer, utc_now)
    assert day.cases([_counted(BOB, 5), _counted("usr_eva", 4)], 5) == 1
    assert day.cases([_counted(BOB, 7)], 5) == 1
    (case,) = table.rows(CASE)
    assert (case.data["person"], case.data["count"], case.data["state"]) == (BOB, 7, "open")
    assert case.data[TO_NOTIFY] == [BOB], "there is no lead yet"
    assert _audited().count('"state":"opened"') == 1

    close = {"action": "close_case", "case": case.sk, "outcome": "talked", "note": "A test file, now gone."}
    assert _ask(**close) == {"refused": "role"}  # not let in yet, and no lead
    world.change(_record(world), active=True, onboarding="done", roles=("governance-lead",))
    for wrong in ({"outcome": "dismissed"}, {"note": " "}, {"note": "x" * 1_001}):
        assert _ask(**{**close, **wrong}) == {"refused": "outcome"}
    assert _ask(**{**close, "case": "2026-11#nobody"}) == {"refused": "case"}
    assert _ask(**close) == {"state": "closed"}
    assert _ask(**close) == {"refused": "closed"}
    assert '"decided_by":"usr_ada"' in _audited()
    assert "A test file" not in _audited()
    assert day.cases([_counted(BOB, 9)], 5) == 0, "what is closed stays closed"

    assert day.cases([_counted(ADA, 5), _counted("usr_eva", 5)], 5) == 2
    eva = table.get(CASE, "2026-11#usr_eva")
    assert eva is not None
    assert eva.data[TO_NOTIFY] == [ADA, "usr_eva"], "the lead and the person"
    erase(table, "usr_eva")
    assert _ask(**{**close, "case": f"2026-11#{ADA}"}) == {"refused": "own"}
    erase(table, BOB)
    assert [row.data["person"] for row in table.rows(CASE)] == [ADA]
    writer.close()


def test_the_daily_run_reads_what_the_gateway_counted(world: AccessRecords) -> None:
    today = utc_now().date()
    item = {
        "pk": {"S": partition(today)}, "sk": {"S": ADA}, "count": {"N": "4"}, "department": {"S": "legal"},
        "reason_restricted": {"N": "3"}, "reason_injection": {"N": "1"},
    }  # fmt: skip
    world.client.put_item(TableName="portal", Item=item)
    (found,) = refusals_in(world.client, "portal", today)
    assert found == Refusals(ADA, f"{today:%Y-%m}", "legal", 4, {"injection": 1, "restricted": 3})

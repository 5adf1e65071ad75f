"""Registers: what the law counts from, what is overdue; no change goes unrecorded (G.3, G.5, G.7)."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.stub import Stubber

from components.base import Names
from components.measurement.dashboards import DashboardsArgs, dashboard_body
from kit.audit.search import Question, find
from kit.audit.sources import BucketSource
from kit.errors import KitError
from kit.registers.alarms import Rang, open_incidents, rang
from kit.registers.store import Registers
from kit.registers.uses import ended_uses, open_uses, uses
from kit.target import Target
from lambdas.common.access import AccessRecord, AccessRecords
from lambdas.common.clock import utc_now
from lambdas.portal.table import PortalTable, Row
from lambdas.workflow.overdue import report_overdue
from tests.support.moto_target import acts_as, moto_target

_ADA = "arn:aws:sts::111122223333:assumed-role/governance-lead/ada"
_AWARE = datetime(2026, 11, 27, 9, tzinfo=UTC)


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    with moto_target() as made:
        acts_as(monkeypatch, _ADA)
        yield made


def test_an_incidents_clock_runs_from_awareness_and_it_ends_only_after_a_decision(target: Target) -> None:
    registers = Registers(target)
    draft = registers.open("incidents", "prompts of two people seen by a third", "", {"severity": "high"})
    assert (draft.state, draft.due) == ("draft", {})
    entry = registers.update(draft, "Ada Lovelace", {"class": "privacy"}, aware=_AWARE)
    (clock,) = entry.due
    assert entry.due[clock] == "2026-11-30T09:00:00+00:00", "GDPR Art. 33(1): 72 hours"
    assert entry.overdue(_AWARE + timedelta(hours=71)) == []
    assert "due 2026-11-30T09:00" in entry.overdue(_AWARE + timedelta(hours=73))[0]
    assert registers.overdue(_AWARE + timedelta(hours=71)) == []
    (late,) = registers.overdue(_AWARE + timedelta(hours=73))
    assert late.startswith(f"incidents {entry.id} (Ada Lovelace): ")
    with pytest.raises(KitError, match="nothing was decided"):
        registers.close(entry, "a cache was shared")
    with pytest.raises(KitError, match="is not a clock"):
        registers.decide(entry, "police", "called")
    decided = registers.decide(entry, clock, "not notified: no risk to persons, DPO agreed")
    assert decided.overdue(_AWARE + timedelta(days=9)) == []
    ended = registers.close(decided, "a cache was shared; it is keyed by person now")
    assert registers.entries("incidents") == [ended]
    assert ended.decided[clock]["by"] == _ADA


def test_every_change_is_an_audit_record_with_who_made_it(target: Target) -> None:
    registers = Registers(target)
    fields = {"control": "training_required", "reason": "pilot", "approver": "CISO", "expires": "2026-12-31"}
    entry = registers.open("exceptions", "finance without training", "Ada Lovelace", fields)
    registers.close(entry, "everybody is trained")
    now = utc_now()
    around = Question(now - timedelta(minutes=5), now + timedelta(minutes=5), kind="register")
    records = list(find(BucketSource(target.client("s3"), "audit"), around))
    assert sorted((one["event"], one["entry"], one["operator"]) for one in records) == [
        ("closed", entry.id, _ADA),
        ("opened", entry.id, _ADA),
    ]


def test_what_is_out_of_date_is_overdue(target: Target) -> None:
    registers = Registers(target)
    exception = registers.open(
        "exceptions", "x", "Ada", {"control": "c", "reason": "r", "approver": "a", "expires": "2026-12-31"}
    )
    use = registers.open(
        "inventory",
        "contract review",
        "Ada",
        {
            "purpose": "first reading of contracts", "department": "legal", "role": "deployer",
            "risk_class": "limited", "decided_by": "general counsel", "next_review": "2027-03-31",
        },
    )  # fmt: skip
    assert (exception.state, use.state) == ("open", "open")
    on = datetime(2027, 1, 1, tzinfo=UTC)
    assert (exception.overdue(on), use.overdue(on)) == (["expired on 2026-12-31"], [])
    assert use.overdue(datetime(2027, 4, 1, tzinfo=UTC)) == ["review was due on 2027-03-31"]
    for wrong in ({"risk_class": "none"}, {"next_review": "soon"}):
        with pytest.raises(KitError):
            registers.update(use, "", wrong)


def test_an_alarm_that_rang_opens_one_draft_however_often_it_is_read(target: Target) -> None:
    registers = Registers(target)
    alarms = [Rang("audit-missing", "2026-11-29T03:00:00+00:00", "Alarm updated from OK to ALARM")]
    (made,) = open_incidents(registers, alarms)
    assert (made.state, made.id) == ("draft", "alarm-audit-missing-20261129030000")
    assert open_incidents(registers, alarms) == []
    assert (
        "nobody classified it" in made.overdue(datetime.fromisoformat(made.opened_at) + timedelta(days=2))[0]
    )


def test_alarms_are_read_from_the_history_that_cloudwatch_keeps(target: Target) -> None:
    """Held against the service's own model; other deployments of the account are not ours."""
    at = datetime(2026, 11, 29, 3, tzinfo=UTC)
    items = [
        {
            "AlarmName": name, "AlarmType": "MetricAlarm", "Timestamp": at, "HistoryItemType": "StateUpdate",
            "HistorySummary": f"Alarm updated from OK to {state}",
        }
        for name, state in (
            ("acme-production-api-errors", "ALARM"), ("acme-production-api-errors", "OK"),
            ("other-production-api-errors", "ALARM"),
        )
    ]  # fmt: skip
    with Stubber(target.client("cloudwatch")) as stub:
        stub.add_response("describe_alarm_history", {"AlarmHistoryItems": items})
        found = rang(target, at - timedelta(days=1), at)
    assert [(one.alarm, one.at) for one in found] == [("api-errors", "2026-11-29T03:00:00+00:00")]


def test_each_use_that_the_deployment_shows_opens_one_draft_and_what_ended_is_named(target: Target) -> None:
    dynamodb, s3 = target.client("dynamodb"), target.client("s3")
    for table in ("access", "portal"):
        dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in ("pk", "sk")],
        )
    here = replace(
        target, outputs={**target.outputs, "access_table_name": "access", "portal_table_name": "portal"}
    )
    portal, access = PortalTable(dynamodb, "portal"), AccessRecords(dynamodb, "access")
    for state in ("new", "pilot", "live", "declined"):
        facts = {
            "title": f"contracts, {state}", "problem": "reading takes days", "department": "legal",
            "person": "p-1", "name": "Grace", "risks": ["personal-data"], "state": state,
            "owner": "Ada", "decided_by": "Ada Lovelace",
        }  # fmt: skip
        portal.create(Row("IDEA", f"ide_{state}", facts))
    profile = {"id": "marketing", "workflows": [{"name": "content"}]}
    s3.put_object(Bucket="governance", Key="departments/marketing.json", Body=json.dumps(profile).encode())
    for name, active in (("shop", True), ("old", False)):
        access.create(
            AccessRecord(f"KEY#{name}", name, active, "finance", owner="department:finance", label=name)
        )
    registers = Registers(here)
    made = open_uses(registers, uses(here))
    assert {(one.id, one.state, one.fields["department"]) for one in made} == {
        ("idea-ide_pilot", "draft", "legal"),
        ("idea-ide_live", "draft", "legal"),
        ("workflow-marketing-content", "draft", "marketing"),
        ("key-shop", "draft", "finance"),
    }
    assert "Grace" not in json.dumps([one.as_document() for one in made]), "who proposed it is not its owner"
    assert open_uses(registers, uses(here)) == [], "read again, nothing is opened again"
    assert ended_uses(registers, uses(here)) == []
    access.revoke("KEY#shop")
    assert [one.id for one in ended_uses(registers, uses(here))] == ["key-shop"]


def test_a_drill_that_missed_its_objective_or_is_due_again_is_overdue(target: Target) -> None:
    registers = Registers(target)
    fields = {
        "what": "restore", "done_on": "2026-11-20", "minutes": "45", "objective_minutes": "60",
        "result": "met", "next_due": "2027-02-20",
    }  # fmt: skip
    drill = registers.open("drills", "the access table, to a point in time", "Ada", fields)
    assert (drill.state, drill.overdue(datetime(2027, 2, 20, tzinfo=UTC))) == ("open", [])
    assert drill.overdue(datetime(2027, 2, 21, tzinfo=UTC)) == ["the next was due on 2027-02-20"]
    missed = registers.update(drill, "", {"minutes": "75", "result": "missed"})
    assert missed.overdue(datetime(2026, 12, 1, tzinfo=UTC)) == ["took 75 minutes, the objective is 60"]
    assert registers.open("drills", "x", "Ada", {"what": "restore"}).state == "draft"
    for wrong in ({"minutes": "-1"}, {"minutes": "an hour"}, {"what": "lunch"}, {"done_on": "20.11.2026"}):
        with pytest.raises(KitError):
            registers.update(drill, "", wrong)


def test_overdue_entries_are_on_the_governance_dashboard(
    target: Target, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the daily run logs is what a widget of the dashboard shows, in the same metric and dimensions."""
    monkeypatch.setenv("KIT_ENVIRONMENT", "production")
    fields = {"control": "c", "reason": "r", "approver": "a", "expires": "2026-12-31"}
    registers = Registers(target)
    registers.open("exceptions", "late", "Ada", fields)
    registers.open("exceptions", "in time", "Ada", fields | {"expires": "2027-12-31"})

    report_overdue(target.client("s3"), "governance", datetime(2027, 1, 1, tzinfo=UTC))

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {one["register"]: one["OverdueEntries"] for one in lines} == {
        "incidents": 0, "exceptions": 1, "inventory": 0, "drills": 0,
    }  # fmt: skip
    (declared,) = lines[0]["_aws"]["CloudWatchMetrics"]
    names = Names("acme", "production", "111122223333", "eu-central-1")
    body = dashboard_body("governance", DashboardsArgs(names, ("legal",), ("governance",)))
    shown = [
        {"namespace": metric[0], "name": metric[1], **dict(zip(metric[2:-1:2], metric[3:-1:2], strict=True))}
        for widget in body["widgets"]
        for metric in widget["properties"].get("metrics", ())
        if metric[1] == "OverdueEntries"
    ]
    assert shown == [
        {
            "namespace": declared["Namespace"],
            "name": "OverdueEntries",
            **{dimension: one[dimension] for dimension in declared["Dimensions"][0]},
        }
        for one in lines
    ]

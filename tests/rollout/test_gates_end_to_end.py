"""From what happened to an open stage: measured in a deployment, kept in the governance bucket, shown, judged
by the stage itself (S.2, S.3, L2.5, L4.6).
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import kit.target
from kit.errors import KitError
from kit.evaluation.stages import evaluate_stages
from kit.target import Target, find_target
from lambdas.common.access import SK, AccessRecords, person_record, user_key
from lambdas.common.ids import new_id
from tests.support.config_folder import own_config_folder
from tests.support.local_kit import LocalKit
from tests.workflow.test_commands import said, surroundings

from .test_measured_gates import Records

# The first test of a session stands the deployment up; a busy machine takes its time.
pytestmark = [pytest.mark.emulator, pytest.mark.nightly, pytest.mark.timeout(600)]
CHAMPIONS = [f"01J9CHAMPION{number:02}" for number in range(20)]  # as many as size medium asks for


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The example client's configuration, its evidence empty. That its documents are not filled in is left to
    the tests of that.
    """
    for name in ("_refuse_placeholders", "_refuse_missing_providers"):
        monkeypatch.setattr(f"kit.commands.gate.{name}", lambda *_: None)
    return own_config_folder(tmp_path)


def attest(kit: LocalKit, monkeypatch: pytest.MonkeyPatch, criterion: str, *options: str) -> None:
    """By two people who are signed in, one after the other."""
    for who in ("ada", "bob"):
        arn = f"arn:aws:sts::111122223333:assumed-role/governance-lead/{who}"
        monkeypatch.setattr("kit.commands.gate._signed_in", lambda arn=arn: arn)
        said(kit, "gate", "attest", criterion, "--by", f"{who} of the board", *options)


@pytest.fixture
def account(local_kit: LocalKit, monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    """The deployment as a real account looks to the commands: its access log lies in a log group."""
    with surroundings(local_kit):
        target = replace(find_target(), local=False)
        monkeypatch.setattr(kit.target, "find_target", lambda _=None: target)
        logs, group = target.client("logs"), target.require("gateway_log_group_name")
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            logs.create_log_group(logGroupName=group)
        logs.create_log_stream(logGroupName=group, logStreamName="from-the-file")
        lines = local_kit.home.log("gateway").read_text().splitlines()
        events = [
            {"timestamp": json.loads(line)["_aws"]["Timestamp"], "message": line}
            for line in lines
            if line.startswith("{") and '"type":"access"' in line
        ]
        assert events, "the first request of kit up is in the log"
        events.sort(key=lambda one: one["timestamp"])
        logs.put_log_events(logGroupName=group, logStreamName="from-the-file", logEvents=events)
        yield target
        logs.delete_log_stream(logGroupName=group, logStreamName="from-the-file")


@pytest.fixture
def champions(account: Target) -> Iterator[AccessRecords]:
    """Twenty active people with the role."""
    access = AccessRecords(account.client("dynamodb"), account.require("access_table_name"))
    for person in CHAMPIONS:
        access.create(person_record(person, provisioned=True, department="product", roles=["champions"]))
    yield access
    for person in CHAMPIONS:
        account.client("dynamodb").delete_item(
            TableName=account.require("access_table_name"),
            Key={"pk": {"S": user_key(person)}, "sk": {"S": SK}},
        )


def pilots_at_work(folder: Path) -> Path:
    """A copy of metadata as it looks when two pilots work."""
    records = Records(folder)
    records.answers("ada", "marketing", 60)
    records.answers("grace", "finance", 60)
    records.answers("shop", "finance", 1, principal_kind="application")
    records.add("training", "ada", "marketing", days_ago=20)
    records.add("training", "grace", "finance", days_ago=20)
    return records.folder


def rollout(folder: Path) -> Any:
    """Evaluate the stages up to rollout, as `pulumi up` does."""
    return evaluate_stages(config={"config_folder": str(folder)})["rollout"]


def states(local_kit: LocalKit, folder: Path) -> dict[str, str]:
    shown = said(local_kit, "gate", "status", "--config-folder", str(folder))
    return {one["criterion"]: one["state"] for one in shown["criteria"]}


def test_what_was_measured_is_kept_in_the_bucket_shown_by_status_and_opens_the_stage(
    local_kit: LocalKit,
    account: Target,
    champions: AccessRecords,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = ("--config-folder", str(folder))
    copy = pilots_at_work(tmp_path / "copy")
    said(local_kit, "gate", "measure", "applications-integrated", "pilots-live", "pilot-outputs",
         "pilot-teams-trained", "--records", str(copy), *here)  # fmt: skip
    assert states(local_kit, folder)["records-complete"] == "missing"

    measured = said(local_kit, "gate", "measure", "records-complete", "champions-active", *here)
    assert measured["recorded"] == ["records-complete", "champions-active"], measured["why_not"]
    complete, active = measured["measured"]
    assert (complete["value"], complete["figures"]["findings"]) == (100, 0)
    assert complete["figures"]["calls"] >= 1
    assert active["value"] >= len(CHAMPIONS)

    s3, bucket = account.client("s3"), account.require("governance_bucket_name")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="gates/measured/")["Contents"]
    kept = s3.get_object(Bucket=bucket, Key=max(one["Key"] for one in listed))
    assert kept["ServerSideEncryption"] == "aws:kms"
    entries = json.loads(kept["Body"].read())["measurements"]
    assert entries == measured["measured"]
    assert entries[0]["query"] == "kit audit verify over the last seven days"

    shown = states(local_kit, folder)
    assert (shown["records-complete"], shown["champions-active"]) == ("met", "met")
    with pytest.raises(KitError, match="zero-training-attested"):
        rollout(folder)
    for criterion, state in shown.items():
        if state == "missing" and criterion not in ("people-live", "roi-measured"):
            document = () if criterion in _FIXED else ("--document", "documents/audit-policy.md")
            attest(local_kit, monkeypatch, criterion, *document, *here)
    assert said(local_kit, "gate", "check", "--stage", "rollout", *here)["open"] is True
    assert any(one.name == "gate-record" for one in rollout(folder))


_FIXED = (
    "data-classification-approved", "acceptable-use-approved", "audit-policy-approved",
    "zero-training-attested", "coe-staffed", "budget-secured",
)  # fmt: skip


def test_a_message_reaches_the_champions_channel_and_one_that_mail_cannot_carry_is_refused(
    local_kit: LocalKit, account: Target
) -> None:
    topic = account.require("champions_topic_arn")
    queue = account.client("sqs").create_queue(QueueName="readers")["QueueUrl"]
    account.client("sns").subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:eu-central-1:000000000000:readers"
    )
    try:
        sent = json.loads(local_kit.run("champions", "--write", "New prompt", "--json").stdout)
        assert sent["readers"] == 1
        for wrong in (
            ("--write", " "),
            ("--write", "x", "--subject", "a\nb"),
            ("--write", "x", "--subject", ""),
        ):
            assert local_kit.run("champions", *wrong).returncode == 2
    finally:
        account.client("sqs").delete_queue(QueueUrl=queue)


def test_the_champions_are_listed_by_their_ids_with_what_they_contributed(
    local_kit: LocalKit, champions: AccessRecords
) -> None:
    """(L4.6)"""
    del champions
    shown = [one for one in said(local_kit, "champions")["champions"] if one["person"] in CHAMPIONS]
    assert [one["person"] for one in shown] == sorted(CHAMPIONS)
    assert {one["feedback"] for one in shown} == {0}


def test_a_call_without_its_record_keeps_the_criterion_below_and_the_stage_shut(
    local_kit: LocalKit, account: Target, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line of the access log claims an answer that no record speaks of."""
    here = ("--config-folder", str(folder))
    logs, group = account.client("logs"), account.require("gateway_log_group_name")
    texts = local_kit.home.log("gateway").read_text().splitlines()
    lines = [json.loads(text) for text in texts if text.startswith("{") and '"type":"access"' in text]
    line = next(one for one in lines if one["route"] == "messages" and one["recorded"])
    line["request_id"] = new_id("req_")
    logs.put_log_events(
        logGroupName=group,
        logStreamName="from-the-file",
        logEvents=[{"timestamp": line["_aws"]["Timestamp"], "message": json.dumps(line)}],
    )
    copy = pilots_at_work(tmp_path / "copy")
    said(local_kit, "gate", "measure", "applications-integrated", "pilots-live", "pilot-outputs",
         "pilot-teams-trained", "--records", str(copy), *here)  # fmt: skip
    (measured,) = said(local_kit, "gate", "measure", "records-complete", *here)["measured"]
    assert measured["value"] < 100
    assert measured["figures"]["findings"] >= 1
    assert states(local_kit, folder)["records-complete"] == "below"
    for criterion in _FIXED:
        attest(local_kit, monkeypatch, criterion, *here)
    with pytest.raises(KitError, match="records-complete"):
        rollout(folder)


def test_what_is_measured_in_the_embedded_deployment_itself_is_shown_and_never_recorded(
    local_kit: LocalKit, folder: Path
) -> None:
    measured = said(local_kit, "gate", "measure", "records-complete", "--config-folder", str(folder))
    assert (measured["recorded"], measured["why_not"]) == ([], "this is the emulated AWS")
    assert measured["overdue"] == []
    assert measured["measured"][0]["value"] == 100
    assert not (folder / "evidence").exists()


def test_status_shows_the_demonstration_of_the_embedded_deployment_beside_the_clients_own_evidence(
    local_kit: LocalKit,
) -> None:
    shown = said(local_kit, "gate", "status")
    assert [one["gate"] for one in shown["stages"]][1:] == ["closed", "closed"], "no demonstration opens them"
    for one in shown["criteria"]:
        assert one["evidence"] is None or "demonstration" not in one["evidence"]
        assert one["demonstration"]["demonstration"] is True, one["criterion"]
    text = local_kit.run("gate", "status", COLUMNS="200").stdout
    assert "embedded deployment" in text
    assert "demonstration: met" in text
    assert "made up by kit up for the embedded deployment; it opens no other gate" in text

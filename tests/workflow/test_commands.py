"""The people's commands against a whole deployment and its real gateway: a workflow from the request to the
release, refusals in one message, a night's work in a batch (L3.1, L3.4, L1.1, L1.6).
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer.testing
from botocore.exceptions import ClientError

from kit.cli import app, main
from kit.reviews.places import place
from kit.target import Target, find_target
from lambdas.workflow.area import DepartmentArea
from tests.support.local_kit import LocalKit

from .waiting import until

pytestmark = pytest.mark.emulator

VARIABLES = {"product": "Harbour insurance", "audience": "owners", "channel": "email", "variants": "1"}


@contextmanager
def surroundings(kit: LocalKit) -> Iterator[pytest.MonkeyPatch]:
    """The environment of a command about this deployment, nobody being signed in."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "ANTHROPIC_"))]:
            patch.delenv(name)
        environment = {**kit.environment(), "KIT_SESSION_FILE": str(kit.folder / "nobody.json")}
        for name, value in environment.items():
            patch.setenv(name, value)
        yield patch


def said(kit: LocalKit, *arguments: str) -> Any:
    """What `kit … --json` says; in this process, because a workflow takes many commands."""
    with surroundings(kit):
        done = typer.testing.CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("documents") / "brief.txt"
    file.write_text("Cover starts the same day.")
    return file


def start(kit: LocalKit, brief: Path) -> str:
    variables = [part for name, value in VARIABLES.items() for part in ("--variable", f"{name}={value}")]
    asked = said(kit, "workflow", "start", "content", "--by", "Ada", "--document", str(brief), *variables)
    return asked["request"]


def until_queued(
    kit: LocalKit, request: str, department: str = "marketing", workflow: str = "content"
) -> dict[str, Any]:
    def queued() -> dict[str, Any] | None:
        waiting = said(kit, "review-queue", "list", "-d", department)
        return next((one for one in waiting if one["request"] == request), None)

    return until(queued, lambda: str(said(kit, "workflow", "status", workflow, request)), seconds=60)


def test_a_person_reads_edits_and_releases_what_the_gateway_drafted(local_kit, brief) -> None:
    request = start(local_kit, brief)
    assert until_queued(local_kit, request)["because"] == ["policy: customer-facing"]
    shown = said(local_kit, "review-queue", "show", request, "-d", "marketing")
    assert "Cover starts the same day." in shown["draft"]["text"]
    assert len(shown["draft"]["sources"]) == 1

    own = local_kit.run("review-queue", "approve", request, "-d", "marketing", "--by", "Ada", "--reason", "x")
    assert (own.returncode, "may not decide" in own.stderr) == (2, True)
    text = brief.with_name("edited.txt")
    text.write_text("Covered from tomorrow.")
    decision = ["-d", "marketing", "--by", "Grace", "--reason", "shorter", "--file", str(text)]
    assert said(local_kit, "review-queue", "edit", request, *decision)["state"] == "edited"
    assert said(local_kit, "review-queue", "edit", request, *decision)["state"] in (
        "edited",
        "releasing",
        "released",
    )

    def released() -> str | None:
        status = said(local_kit, "workflow", "status", "content", request)
        return status["released"] if status["state"] == "succeeded" else None

    until(released, lambda: "")
    records = said(local_kit, "audit", "find", "--request-id", shown["call"])["records"]
    assert {"intent", "outcome", "review", "use"} <= {one["kind"] for one in records}
    (review,) = [one for one in records if one["kind"] == "review"]
    assert (review["decision"], review["principal"]) == ("edit", "Grace (not verified)")


def test_finance_models_scenarios_through_the_real_gateway_and_nothing_leaves_unreviewed(
    local_kit, tmp_path
) -> None:
    drivers = tmp_path / "drivers.txt"
    drivers.write_text("Tickets a month: 800 to 1,100")
    asked = said(
        local_kit, "workflow", "start", "scenarios", "--by", "Ada", "--document", str(drivers),
        "--variable", "decision=second desk", "--variable", "horizon_months=12",
    )  # fmt: skip
    review = until_queued(local_kit, asked["request"], "finance", "scenarios")
    assert "policy: material-decision" in review["because"]
    assert {"schema"} <= {one["check"] for one in review["findings"]}, "the stand-in writes no scenarios"
    decision = ["-d", "finance", "--by", "Grace", "--reason", "no figures"]
    assert said(local_kit, "review-queue", "reject", asked["request"], *decision)["state"] == "rejected"

    def ended() -> dict[str, Any] | None:
        status = said(local_kit, "workflow", "status", "scenarios", asked["request"])
        return status if status["state"] != "running" else None

    assert until(ended, lambda: "")["released"] is None


def test_a_fresh_credential_is_taken_at_once(local_kit) -> None:
    done = local_kit.run("workflow", "credential", "--department", "marketing")
    assert done.returncode == 0, done.stderr


def test_training_is_recorded_for_people_of_the_deployment_only(local_kit, tmp_path) -> None:
    refused = local_kit.run("training", "record", "--person", "nobody@example.com", "--course", "onboarding")
    assert (refused.returncode, "is not a person of this deployment" in refused.stderr) == (2, True)
    people = tmp_path / "people.csv"
    people.write_text("person,course,completed_on\nnobody,onboarding,yesterday\n")
    wrong = local_kit.run("training", "record", "--from", str(people))
    assert (wrong.returncode, "completed_on is not a date" in wrong.stderr) == (2, True)
    assert "nobody" not in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["review-queue", "show", "wf_no", "-d", "marketing"], "has no review"),
        (["review-queue", "list", "-d", "marketting"], 'did you mean "marketing"?'),
        (["review-queue", "list", "-d", "m" * 300], "no department"),
        (["workflow", "start", "nothing", "--by", "Ada"], "no workflow"),
        (["workflow", "start", "content", "--by", "Ada", "--variable", "x"], "not name=value"),
        (["workflow", "status", "content", "wf_no"], "has no request"),
        (["workflow", "credential", "-d", "nobody"], "does not stand"),
    ],
)
def test_what_cannot_be_done_is_one_message(local_kit, capsys, arguments, says) -> None:
    with surroundings(local_kit) as patch:
        patch.setattr("sys.argv", ["kit", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def night(tmp_path: Path, **params: Any) -> Path:
    """Three requests of a department's night."""
    asked = {"model": "fast", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}], **params}
    work = tmp_path / "work.jsonl"
    work.write_text("".join(json.dumps({"custom_id": f"one-{n}", "params": asked}) + "\n" for n in range(3)))
    return work


def committed(target: Target, scope: str) -> int:
    """What the ledger holds of a scope this month and the last: the test may run over a month's end."""
    items = target.client("dynamodb").query(
        TableName=target.require("ledger_table_name"),
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": scope}},
    )["Items"]
    return sum(int(one["committed_microusd"]["N"]) for one in items if "committed_microusd" in one)


def test_a_nights_work_is_paid_from_its_own_budget_inspected_recorded_and_lands_in_the_data_area(
    local_kit, tmp_path
) -> None:
    """(L1.1, L1.6, L2.5, L3.1, L3.2)"""
    access = {name: local_kit.variables[name] for name in ("ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN")}
    with surroundings(local_kit):
        target = find_target()
    before = committed(target, "BATCH#marketing")
    queued = local_kit.run("batch", "submit", str(night(tmp_path)), "--json", **access)
    assert queued.returncode == 0, queued.stderr
    batch = json.loads(queued.stdout)["id"]
    reserved = committed(target, "BATCH#marketing") - before
    assert reserved > 0, "the night's own budget holds the reservation"

    out = tmp_path / "answers.jsonl"
    to = ("--department", "marketing", "--by", "Ada", "--out", str(out))
    done = local_kit.run("batch", "results", batch, *to, **access)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in out.read_text().splitlines()]
    assert sorted(one["custom_id"] for one in answers) == ["one-0", "one-1", "one-2"]
    with surroundings(local_kit):
        kept = place(target, "marketing", "member", "Ada").area.read(f"batches/{batch}.jsonl")
        assert kept.body == out.read_bytes()
        other = place(target, "finance", "member", "Ada")
        area = DepartmentArea(other.client("s3"), place(target, "marketing", "member", "Ada").area.bucket, "")
        with pytest.raises(ClientError, match=r"AccessDenied|Forbidden"):
            area.read(f"batches/{batch}.jsonl")

    records = said(local_kit, "audit", "find", "--kind", "batch_results")["records"]
    (settled,) = [one for one in records if one["batch_id"] == batch]
    assert committed(target, "BATCH#marketing") - before == settled["cost_microusd"] <= reserved
    found = said(local_kit, "audit", "find", "--request-id", settled["request_id"])["records"]
    assert "intent" in {one["kind"] for one in found}

    secret = night(tmp_path, messages=[{"role": "user", "content": "Pay with 4111 1111 1111 1111, CVC 123"}])
    blocked = local_kit.run("batch", "submit", str(secret), **access)
    assert blocked.returncode == 1, "a batch is inspected like any call"
    assert committed(target, "BATCH#marketing") - before == settled["cost_microusd"]


def test_answers_of_a_batch_need_a_place_and_a_member_of_the_department(local_kit, tmp_path) -> None:
    access = {name: local_kit.variables[name] for name in ("ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN")}
    nowhere = local_kit.run("batch", "results", "msgbatch_1", **access)
    assert (nowhere.returncode, "say where to" in nowhere.stderr) == (2, True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "0 requests"),
        ("{", ":1: not"),
        ('{"custom_id":"a","params":{}}\n{"custom_id":"a","params":{}}', ":2: custom_id a is there twice"),
    ],
)
def test_a_wrong_line_of_a_batch_is_named_before_anything_is_sent(tmp_path, text, says) -> None:
    file = tmp_path / "work.jsonl"
    file.write_text(text)
    done = typer.testing.CliRunner().invoke(app, ["batch", "submit", str(file)])
    assert done.exception is not None
    assert says in str(done.exception)

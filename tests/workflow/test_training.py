"""Anyone who asks for a workflow that demands its course has completed it; the training lead alone says who
has (L3.5).
"""

import json

import pytest
from typer.testing import CliRunner

from components.workflow.catalogue import KIT, read_workflows
from kit.adoption.training import completed, record_training
from kit.cli import app
from kit.target import Target
from lambdas.common.clock import utc_now
from tests.support.standing import Acting, Standing

from .conftest import Run, StandInGateway, provision, start

pytestmark = pytest.mark.emulator

DRAFTER, TRAINING_LEAD = "workflows-legal-drafter-permissions", "coe-training-lead-permissions"
REGISTRAR = "portal-registrar-permissions"
ANALYSIS = json.dumps({"unusual": [], "findings": []})


def ask(stage: Standing, gateway: StandInGateway, by: str) -> Run:
    gateway.answers["playbook of training"] = ANALYSIS
    request = {"variables": {"playbook": "playbook of training"}, "requested_by": by}
    return start(stage, "legal", "contract-analysis", request, contract="7. Liability.")


def as_training_lead(stage: Standing, target: Target, *, lacking: str = "") -> Target:
    """The deployment with the permissions of the training lead."""
    statements = stage.statements(TRAINING_LEAD)
    assert not lacking or lacking in {one["Sid"] for one in statements}
    acting: Acting = stage.acting([one for one in statements if one["Sid"] != lacking])
    session = target.session.__class__(
        acting.access_key_id, acting.secret_access_key, acting.session_token, target.region
    )
    return Target(target.outputs, target.region, True, session, target.endpoint_url)


def test_a_workflow_whose_course_was_not_completed_asks_claude_nothing_and_says_what_to_do(
    stage: Standing, gateway: StandInGateway, target: Target
) -> None:
    provision(stage, "legal", "ruth@example.com", "01J9RUTH")
    for stranger in ("ruth@example.com", "nobody@example.com"):
        run = ask(stage, gateway, stranger)
        run.until_ended()
        assert "kit training show contract-analysis" in json.dumps(run.history(), default=str)
        assert not gateway.of(run.request)
    assert not gateway.of("playbook of training")

    lead = as_training_lead(stage, target)
    list(record_training(lead, [completed("ruth@example.com", "scenarios", None, utc_now().date())]))
    ask(stage, gateway, "ruth@example.com").until_ended()
    assert not gateway.of("playbook of training"), "another workflow's course is not enough"

    list(record_training(lead, [completed("ruth@example.com", "contract-analysis", None, utc_now().date())]))
    run = ask(stage, gateway, "Ruth@example.com")
    assert run.until_waiting().state == "waiting"
    assert gateway.of("playbook of training")


@pytest.mark.parametrize("sid", ["RecordTraining", "KeepCompletions", "FindPeople"])
def test_nobody_records_training_without_the_permission_to(stage: Standing, target: Target, sid: str) -> None:
    provision(stage, "legal", f"{sid}@example.com", f"01J9{sid.upper()}")
    done = completed(f"{sid}@example.com", "contract-analysis", None, utc_now().date())
    with pytest.raises(Exception, match=r"AccessDenied|took no record"):
        list(record_training(as_training_lead(stage, target, lacking=sid), [done]))


def test_only_training_lead_and_registrar_may_say_that_a_course_was_completed(stage: Standing) -> None:
    place = f"{stage.exported('governance_bucket_name')}/training/"
    writers = []
    for graph in stage.graphs.values():
        for one in graph:
            if one.type == "aws:iam/rolePolicy:RolePolicy":
                for statement in json.loads(one.inputs["policy"])["Statement"]:
                    puts = "s3:PutObject" in statement.get("Action", ())
                    if puts and any(place in resource for resource in statement["Resource"]):
                        writers.append(one.name)
    assert sorted(writers) == sorted([REGISTRAR, TRAINING_LEAD])


def test_every_workflow_has_a_course_that_can_be_read() -> None:
    assert {path.stem for path in (KIT / "documents" / "courses").glob("*.md")} >= {
        spec.name for spec in read_workflows(KIT)[0].values()
    }
    listed = CliRunner().invoke(app, ["training", "list", "--json"])
    assert set(json.loads(listed.stdout)) == {spec.name for spec in read_workflows(KIT)[0].values()}
    for spec in read_workflows(KIT)[0].values():
        shown = CliRunner().invoke(app, ["training", "show", spec.name])
        assert shown.exit_code == 0
        assert f"`{spec.name}`" in shown.stdout, "the course names its workflow"
        assert "## What you check" in shown.stdout
    assert CliRunner().invoke(app, ["training", "show", "../audit-policy"]).exit_code != 0

"""Workflows from the request to the outcome: approve, edit, reject, time-out, crash in between; nothing is
lost, nothing released twice or without its review (L3.1, L3.4, G.2, G.3, G.6).
"""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.common.audit.metadata import row_of
from lambdas.common.ids import new_id
from lambdas.measurement.events import read_event
from lambdas.workflow.area import decisions_of, edit_key, encoded, request_key
from lambdas.workflow.reviews import ReviewConflict, deliver
from tests.support.standing import Standing

from .conftest import QUICK, Run, StandInGateway, area_of, role, seat, signed_by, start

pytestmark = pytest.mark.emulator

COPY = "Version 1\n\nCovered the same day.\n\nClaims to check: cover starts the same day."


def content(
    stage: Standing, gateway: StandInGateway, mark: str, answer: str = COPY, machine: str = ""
) -> Run:
    gateway.answers[mark] = answer
    variables = {"product": mark, "audience": "owners", "channel": "email", "variants": 1}
    brief = "Cover starts the same day."
    return start(stage, "marketing", "content", {"variables": variables}, machine, brief=brief)


def write_decision(run: Run, decision: str, *, by: str = "Grace", **more: str) -> None:
    """A decision as the command writes it; the execution is not told."""
    if by == "Grace":
        seat(run.stage, run.department, by)
    review = run.review()
    document = {
        "decision": decision,
        "department": run.department,
        "draft_sha256": review.draft_sha256,
        "reason": "read",
        "request": run.request,
        **more,
    }
    signed = signed_by(run.stage, f"{run.department}-reviewer", by, document)
    run.area("reviewer").put_once(f"{decisions_of(run.request)}{new_id('dec_')}.json", encoded(signed))


def tell(run: Run) -> None:
    deliver(role(run.stage, f"{run.department}-reviewer").client("stepfunctions"), run.review())


def decide(run: Run, decision: str, **more: str) -> None:
    write_decision(run, decision, **more)
    tell(run)


def approve(run: Run) -> None:
    decide(run, "approve")


def invoke_releaser(run: Run, step: str) -> str:
    """Run one step of the releaser past the execution; what it answered."""
    event = {"step": step, "department": run.department, "workflow": run.workflow, "request": run.request,
             "use_case": "content-generation", "material_decision": False}  # fmt: skip
    answer = run.stage.root("lambda").invoke(
        FunctionName=f"example-production-{run.department}-releaser", Payload=json.dumps(event).encode()
    )
    return answer["Payload"].read().decode()


def decisions(stage: Standing, request: str) -> list[dict[str, Any]]:
    """The audit records of decisions about a request."""
    s3, bucket = stage.root("s3"), stage.exported("audit_bucket_name")
    found = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="records/"):
        for entry in page.get("Contents", ()):
            lines = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read().splitlines()
            found += [one for line in lines if (one := json.loads(line)).get("workflow_request") == request]
    return found


def test_an_approved_draft_is_released_once_and_its_outcome_recorded(stage, gateway) -> None:
    run = content(stage, gateway, "harbour-approve")
    review = run.until_waiting()
    assert (review.state, review.because) == ("waiting", ("policy: customer-facing",))
    assert run.released() is None, "nothing is released before the review"
    ((path, asked),) = gateway.of("harbour-approve")
    assert path == "/v1/prompts/campaign-copy/messages"
    assert "Cover starts the same day." in asked["variables"]["brief"]

    approve(run)
    assert run.until_ended() == "SUCCEEDED", run.history()
    released = run.released()
    assert released is not None
    assert released["text"] == COPY
    assert run.versions(f"released/content/{run.request}.json") == 1
    ((call, outcome),) = [one for one in gateway.outcomes if run.request in json.dumps(one)]
    assert call == review.call
    (record,) = decisions(stage, run.request)
    assert record["record_id"] == run.review().decision_record
    event = read_event(row_of(record))
    assert event is not None
    assert (event.kind, event.decision, event.request_id) == ("review", "approved", review.call)
    assert (event.department, event.use_case, event.principal) == ("marketing", "content-generation", "Grace")
    assert outcome["reviewed_by"] == "Grace"
    assert run.review().recorded


def test_an_edited_draft_is_released_as_the_reviewer_wrote_it(stage, gateway) -> None:
    run = content(stage, gateway, "harbour-edit")
    run.until_waiting()
    decide(run, "edit", text="Covered from tomorrow.")
    assert run.until_ended() == "SUCCEEDED", run.history()
    released = run.released()
    assert released == {"by": "Grace", "request": run.request, "text": "Covered from tomorrow."}


def test_a_text_changed_after_its_approval_is_not_released(stage, gateway) -> None:
    run = content(stage, gateway, "harbour-swap")
    run.until_waiting()
    write_decision(run, "edit", text="read")
    assert json.loads(invoke_releaser(run, "decide")) == {"state": "edited"}
    run.area("releaser").put(edit_key(run.request), encoded({"text": "not read"}))
    assert json.loads(invoke_releaser(run, "release"))["errorMessage"] == run.request
    assert run.released() is None
    stage.root("stepfunctions").stop_execution(executionArn=run.arn)


def test_a_rejected_draft_is_never_released_and_the_reason_is_recorded(stage, gateway) -> None:
    run = content(stage, gateway, "harbour-reject")
    run.until_waiting()
    decide(run, "reject")
    assert run.until_ended() == "SUCCEEDED", run.history()
    assert run.released() is None
    assert any(run.request in json.dumps(one) and one[1]["result"] == "read" for one in gateway.outcomes)
    assert [one["decision"] for one in decisions(stage, run.request)] == ["reject"]


def test_nobody_decides_twice_or_about_what_they_asked_for(stage, gateway) -> None:
    run = content(stage, gateway, "harbour-twice")
    run.until_waiting()
    with pytest.raises(ReviewConflict, match="the person who asked"):
        run.reviews.decide("marketing", run.request, "approve", by="Ada@example.com", reason="mine")
    write_decision(run, "approve", by="Ada@example.com")
    assert json.loads(invoke_releaser(run, "decide")) == {"state": "waiting"}
    decide(run, "reject")
    run.until_ended()
    write_decision(run, "approve")
    assert json.loads(invoke_releaser(run, "decide")) == {"state": "rejected"}
    with pytest.raises(ReviewConflict, match="rejected"):
        run.reviews.decide("marketing", run.request, "approve", by="Grace", reason="changed my mind")


def test_a_reviewer_who_writes_past_the_command_signs_with_the_own_name_only(stage, gateway) -> None:
    """(L3.4, G.2) Whatever name a document says, AWS says whose session signed it; and a reviewer's role
    cannot write to the table at all.
    """
    run = content(stage, gateway, "harbour-name")
    review = run.until_waiting()
    table = {"TableName": run.reviews.table,
             "Key": {"pk": {"S": "DEPT#marketing"}, "sk": {"S": f"REVIEW#{run.request}"}}}  # fmt: skip
    past = role(stage, "marketing-reviewer", "ada@example.com").client("dynamodb")
    with pytest.raises(ClientError, match="AccessDenied"):
        past.update_item(**table, UpdateExpression="SET decided_by = :by",
                         ExpressionAttributeValues={":by": {"S": "Grace"}})  # fmt: skip

    # Ada asked for it, and says that Grace has approved it
    write_decision(run, "approve", by="ada@example.com", decided_by="Grace", person="Grace")
    area = run.area("reviewer")
    document = {"decision": "approve", "department": "marketing", "draft_sha256": review.draft_sha256,
                "reason": "read", "request": run.request}  # fmt: skip
    forgeries = {
        "no proof": document,
        "another's proof": signed_by(stage, "marketing-reviewer", "Grace", {**document, "decision": "reject"})
        | {"decision": "approve"},
        "a member": signed_by(stage, "marketing-member", "Grace", document),
        "another department": signed_by(stage, "finance-reviewer", "Grace", document),
        "another draft": signed_by(stage, "marketing-reviewer", "Grace", {**document, "draft_sha256": "0"}),
        "another request": signed_by(stage, "marketing-reviewer", "Grace", {**document, "request": "wf_x"}),
    }
    for forged in forgeries.values():
        area.put_once(f"{decisions_of(run.request)}{new_id('dec_')}.json", encoded(forged))
    tell(run)
    assert json.loads(invoke_releaser(run, "decide")) == {"state": "waiting"}
    assert run.released() is None

    write_decision(run, "approve", by="Grace")
    assert json.loads(invoke_releaser(run, "decide")) == {"state": "approved"}
    assert run.review().decided_by == "Grace"
    stage.root("stepfunctions").stop_execution(executionArn=run.arn)


def test_nobody_asks_in_anothers_name(stage, gateway) -> None:
    """A request that its session did not sign is drafted for nobody, so that no one approves an own draft."""
    gateway.answers["harbour-asked"] = COPY
    id_ = new_id("wf_")
    body = {"workflow": "content", "request": id_, "documents": [], "variables": {"product": "harbour-asked"},
            "requested_by": "Grace"}  # fmt: skip
    signed = signed_by(stage, "marketing-member", "ada@example.com", body)
    for document in (body, {**signed, "documents": ["x"]}):
        area_of(stage, "marketing", "member").put(request_key(id_), encoded(document))
        payload = {"step": "draft", "request": id_, "workflow": _drafting(stage)}
        answer = stage.root("lambda").invoke(
            FunctionName="example-production-marketing-drafter", Payload=json.dumps(payload).encode()
        )
        said = json.loads(answer["Payload"].read())
        assert (said["status"], "nobody is known" in said["reason"]) == ("refused", True)
    assert gateway.of("harbour-asked") == []


def _drafting(stage: Standing) -> dict[str, Any]:
    machine = f"arn:aws:states:eu-central-1:{stage.emulator.account}:stateMachine:example-production-"
    found = stage.root("stepfunctions").describe_state_machine(stateMachineArn=f"{machine}marketing-content")
    return json.loads(found["definition"])["States"]["Draft"]["Parameters"]["Payload"]["workflow"]


def test_the_releaser_refuses_a_decision_of_whoever_asked_even_if_the_table_says_so(stage, gateway) -> None:
    run = content(stage, gateway, "harbour-forged")
    review = run.until_waiting()
    stage.root("dynamodb").update_item(  # as somebody who writes to the table past the command
        TableName=run.reviews.table,
        Key={"pk": {"S": "DEPT#marketing"}, "sk": {"S": f"REVIEW#{run.request}"}},
        UpdateExpression="SET #s = :approved, decision = :approve, decided_by = :by, release_key = :key, "
        "release_sha256 = :sha REMOVE queue",
        ExpressionAttributeNames={"#s": "state"},
        ExpressionAttributeValues={
            ":approved": {"S": "approved"},
            ":approve": {"S": "approve"},
            ":by": {"S": "ADA@example.com"},
            ":key": {"S": f"drafts/{run.request}.json"},
            ":sha": {"S": review.draft_sha256},
        },
    )
    event = {"step": "release", "department": "marketing", "workflow": "content", "request": run.request,
             "use_case": "content-generation"}  # fmt: skip
    answer = stage.root("lambda").invoke(
        FunctionName="example-production-marketing-releaser", Payload=json.dumps(event).encode()
    )
    assert "the person who asked for it has already decided" in answer["Payload"].read().decode()
    assert run.released() is None
    stage.root("stepfunctions").stop_execution(executionArn=run.arn)


def test_nothing_is_released_while_its_decision_cannot_be_recorded(stage, gateway) -> None:
    run = content(stage, gateway, "harbour-unrecorded")
    run.until_waiting()
    iam, name = stage.root("iam"), "example-production-marketing-releaser"
    deny = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::*/records/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=name, PolicyName="no-records", PolicyDocument=policy)
    write_decision(run, "approve")
    assert json.loads(invoke_releaser(run, "decide")) == {"state": "approved"}
    event = {"step": "release", "department": "marketing", "workflow": "content", "request": run.request,
             "use_case": "content-generation"}  # fmt: skip
    invoke = stage.root("lambda").invoke
    answer = invoke(FunctionName=name, Payload=json.dumps(event).encode())
    assert "AccessDenied" in answer["Payload"].read().decode()
    assert run.released() is None
    iam.delete_role_policy(RoleName=name, PolicyName="no-records")
    invoke(FunctionName=name, Payload=json.dumps(event).encode())
    assert run.released() is not None
    assert len(decisions(stage, run.request)) == 1
    stage.root("stepfunctions").stop_execution(executionArn=run.arn)


def test_a_review_that_nobody_makes_escalates_then_expires_and_releases_nothing(stage, gateway) -> None:
    run = content(stage, gateway, "harbour-late", machine=QUICK)
    run.until_waiting()
    assert run.until_ended(60) == "FAILED"
    review = run.review()
    assert review.escalated_at
    assert review.state == "expired"
    assert run.released() is None
    write_decision(run, "approve")
    assert json.loads(invoke_releaser(run, "decide")) == {"state": "expired"}


def test_a_decision_whose_delivery_crashed_still_leads_to_the_release(stage, gateway) -> None:
    run = content(stage, gateway, "harbour-crash", machine=QUICK)
    run.until_waiting()
    # the decision is written, and its author dies before the execution is notified
    write_decision(run, "approve")
    assert run.until_ended() == "SUCCEEDED", run.history()
    assert run.released() is not None


def test_steps_that_run_again_after_a_crash_neither_ask_claude_nor_release_again(stage, gateway) -> None:
    run = content(stage, gateway, "harbour-again", machine=QUICK)
    run.until_waiting()
    functions = stage.root("lambda")
    machine = stage.root("stepfunctions").describe_execution(executionArn=run.arn)["stateMachineArn"]
    definition = json.loads(
        stage.root("stepfunctions").describe_state_machine(stateMachineArn=machine)["definition"]
    )
    payload = definition["States"]["Draft"]["Parameters"]["Payload"]
    event = {"step": "draft", "workflow": payload["workflow"], "request": run.request}
    functions.invoke(FunctionName="example-production-marketing-drafter", Payload=json.dumps(event).encode())
    assert len(gateway.of("harbour-again")) == 1

    # the releaser dies after it has written the text and before it has said so
    approve_key = f"drafts/{run.request}.json"
    write_decision(run, "approve")
    assert json.loads(invoke_releaser(run, "decide")) == {"state": "approved"}
    run.reviews.begin_release("marketing", run.request)
    draft = run.area("releaser").read(approve_key)
    run.area("releaser").put_once(f"released/content/{run.request}.json", draft.body)
    tell(run)
    assert run.until_ended() == "SUCCEEDED", run.history()
    assert run.review().state == "released"
    assert run.versions(f"released/content/{run.request}.json") == 1


def test_what_the_gateway_refuses_ends_the_run_with_nothing_to_review(stage, gateway) -> None:
    run = start(stage, "marketing", "content", {"variables": {"product": "unknown to the stand-in"}})
    assert run.until_ended() == "FAILED"
    assert "Refused" in run.history()


def test_figures_that_do_not_add_up_are_findings_that_the_reviewer_sees(stage, gateway) -> None:
    one = {"story": "s", "drivers": {}, "result": "r"}
    scenarios = [
        {"name": name, "arithmetic": "800 x 12 / 60 = 170", **one} for name in ("low", "base", "high")
    ]
    answer = {"scenarios": scenarios, "sensitivities": ["tickets"], "missing": []}
    gateway.answers["second desk"] = json.dumps(answer)
    variables = {"decision": "second desk", "horizon_months": 12}
    run = start(stage, "finance", "scenarios", {"variables": variables}, drivers="Tickets: 800")
    review = run.until_waiting()
    assert [each["check"] for each in review.findings] == ["sums"] * 3
    decide(run, "reject")
    run.until_ended()


CONTRACT = "9.1 Liability is limited to the fees of three months."


def contract_finding(quotation: str) -> dict[str, Any]:
    return {
        "position": "liability",
        "clause": "9.1",
        "quotation": quotation,
        "verdict": "departs",
        "note": "n",
    }


def test_a_contract_is_analysed_and_a_quotation_that_is_not_in_it_is_a_finding(stage, gateway) -> None:
    analysis = {"unusual": [], "findings": [contract_finding("limited to the fees of three months"),
                                            contract_finding("liability is unlimited")]}  # fmt: skip
    gateway.answers["lessor"] = json.dumps(analysis)
    variables = {"playbook": "lessor: liability of twelve months"}
    run = start(stage, "legal", "contract-analysis", {"variables": variables}, contract=CONTRACT)
    review = run.until_waiting()
    assert review.because == ("policy: material-decision", "1 findings")
    assert review.findings[0] == {"check": "quotations", "finding": "quotation 2 is in no source"}
    mended = json.dumps({**analysis, "findings": analysis["findings"][:1]})
    decide(run, "edit", text=mended)
    assert run.until_ended() == "SUCCEEDED", run.history()
    released = run.released()
    assert released is not None
    assert released["text"] == mended


def test_a_decision_is_briefed_and_the_outcome_says_that_it_is_material(stage, gateway) -> None:
    gateway.answers["second plant"] = "Option A costs less.\n\nDraft for review by a person."
    variables = {"question": "second plant?", "options": ["build", "wait"]}
    run = start(stage, "executive", "decision-brief", {"variables": variables}, notes="Demand grows by 4 %.")
    assert run.until_waiting().because == ("policy: material-decision",)
    approve(run)
    assert run.until_ended() == "SUCCEEDED", run.history()
    assert run.released() is not None
    ((_, outcome),) = [one for one in gateway.outcomes if run.request in json.dumps(one)]
    assert (outcome["material_decision"], outcome["reviewed_by"]) == (True, "Grace")


def test_public_analysis_needs_no_person_unless_a_check_finds_something(stage, gateway) -> None:
    request = {"variables": {"our_offer": "9 USD", "aspects": ["price"]}}
    gateway.answers["Tickr page"] = "| price | 9 [our offer] | 12 [Tickr page, 2026-10-02] |"
    run = start(
        stage, "product", "competitive-analysis", request, tickr="Source: Tickr page, 2026-10-02\n12 USD"
    )
    assert run.until_ended() == "SUCCEEDED", run.history()
    assert run.review().state == "released"

    gateway.answers["Moped page"] = "It costs 12 USD [The Times]."
    run = start(
        stage, "product", "competitive-analysis", request, moped="Source: Moped page, 2026-10-02\n12 USD"
    )
    review = run.until_waiting()
    assert review.because == ("1 findings",)
    decide(run, "reject")
    run.until_ended()


def test_an_incident_is_reported_and_an_event_that_is_in_no_timeline_waits_for_a_person(
    stage, gateway
) -> None:
    request = {"variables": {"service": "order intake"}}
    gateway.answers["error rate rises"] = "To detect: 18 minutes (09:02 to 09:20)."
    timeline = "09:02 error rate rises\n09:20 alarm fires"
    run = start(stage, "operations", "incident-report", request, timeline=timeline)
    assert run.until_ended() == "SUCCEEDED", run.history()
    assert run.released() is not None

    gateway.answers["error rate falls"] = "Somebody noticed at 09:11."
    timeline = "09:02 error rate falls\n09:20 alarm fires"
    run = start(stage, "operations", "incident-report", request, timeline=timeline)
    review = run.until_waiting()
    assert (review.because, review.findings[0]["check"]) == (("1 findings",), "times")
    decide(run, "reject")
    run.until_ended()
    assert run.released() is None


def test_every_answer_from_a_policy_is_read_by_a_person_before_it_is_released(stage, gateway) -> None:
    """(G.2) Nothing about personnel leaves unread, even where no check finds anything."""
    gateway.answers["work from abroad"] = "Up to 20 working days.\n\nSource: Working abroad"
    request = {"variables": {"question": "How long may I work from abroad?"}}
    policy = "# Working abroad\nUp to 20 working days."
    run = start(stage, "people", "policy-answer", request, policy=policy)
    review = run.until_waiting()
    assert (review.because, review.findings) == (("policy: personnel-decision",), ())
    assert run.released() is None
    approve(run)
    assert run.until_ended() == "SUCCEEDED", run.history()
    released = run.released()
    assert released is not None
    assert released["text"].startswith("Up to 20 working days.")


def test_executions_carry_ids_and_findings_but_no_text(stage, gateway) -> None:
    run = content(stage, gateway, "harbour-secretive")
    run.until_waiting()
    events = stage.root("stepfunctions").get_execution_history(executionArn=run.arn)["events"]
    told = json.dumps(events, default=str)
    assert "harbour-secretive" not in told
    assert "Covered the same day" not in told
    decide(run, "reject")
    run.until_ended()

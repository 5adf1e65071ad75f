"""Functions, rules, schedules and state machines come about, change and go in the emulated AWS (Z.1)."""

import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kit.aws_facts.prediction import Account
from kit.embedded import Emulator
from kit.local.resources import HANDLERS
from kit.local.resources.handler import Clients, Place

pytestmark = pytest.mark.emulator


@pytest.fixture
def place(emulated_aws: Emulator, tmp_path: Path) -> Place:
    clients = Clients(emulated_aws.endpoint_url, emulated_aws.access_key_id, emulated_aws.secret_access_key)
    region = emulated_aws.region
    return Place(clients, region, Account(emulated_aws.account, region), "urn::a::b::subject", tmp_path)


@pytest.fixture
def role(place: Place) -> str:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    made = place.client("iam").create_role(RoleName=name("role"), AssumeRolePolicyDocument=document)
    return made["Role"]["Arn"]


def name(what: str) -> str:
    return f"{what}-{uuid.uuid4().hex[:8]}"


def code(text: str) -> dict[str, Any]:
    return {"$archive": {"assets": {"handler.py": {"$asset": {"text": text}}}}}


def function(role: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name("function"), "role": role, "runtime": "python3.13", "handler": "handler.handler",
        "code": code("def handler(event, context):\n    return 1\n"), "memorySize": 128.0, "publish": True,
        **changes,
    }  # fmt: skip


def live(place: Place, token: str, inputs: dict[str, Any], changed: dict[str, Any]) -> str:
    """Create, create again as after an interruption, update: the id stays. Returns it."""
    handler = HANDLERS[token]
    id_, _ = handler.ensure(place, inputs, None)
    assert handler.exists(place, id_, inputs)
    assert handler.ensure(place, inputs, None)[0] == id_
    assert handler.ensure(place, changed, id_)[0] == id_
    return id_


def gone(place: Place, token: str, id_: str, inputs: dict[str, Any]) -> bool:
    """Delete, twice, which does no harm; whether it is gone."""
    for _ in range(2):
        HANDLERS[token].delete(place, id_, inputs)
    return not HANDLERS[token].exists(place, id_, inputs)


def test_a_function_its_alias_and_its_permission_live_and_go(place: Place, role: str) -> None:
    token, inputs = "aws:lambda/function:Function", function(role)
    id_ = live(place, token, inputs, {**inputs, "memorySize": 512.0})
    found = place.client("lambda").get_function_configuration(FunctionName=id_)
    assert found["MemorySize"] == 512

    alias = {"functionName": id_, "name": "live", "functionVersion": "1"}
    alias_id = live(place, "aws:lambda/alias:Alias", alias, alias)
    permission = {
        "function": id_, "statementId": "invoke", "action": "lambda:InvokeFunction",
        "principal": "events.amazonaws.com",
    }  # fmt: skip
    permission_id = live(place, "aws:lambda/permission:Permission", permission, permission)

    assert gone(place, "aws:lambda/permission:Permission", permission_id, permission)
    assert gone(place, "aws:lambda/alias:Alias", alias_id, alias)
    assert gone(place, token, id_, inputs)


def test_a_queue_feeds_a_function_until_it_is_let_go(place: Place, role: str) -> None:
    inputs = function(role)
    HANDLERS["aws:lambda/function:Function"].ensure(place, inputs, None)
    sqs = place.client("sqs")
    queue = sqs.create_queue(QueueName=name("queue"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    token = "aws:lambda/eventSourceMapping:EventSourceMapping"
    source = {"functionName": inputs["name"], "eventSourceArn": arn, "batchSize": 1.0, "enabled": False}
    id_ = live(place, token, source, {**source, "batchSize": 5.0})
    assert place.client("lambda").get_event_source_mapping(UUID=id_)["BatchSize"] == 5
    assert gone(place, token, id_, source)
    assert gone(place, "aws:lambda/function:Function", inputs["name"], inputs)


def test_a_rule_its_target_and_a_schedule_live_and_go(place: Place, role: str) -> None:
    queue = place.arn("sqs", name("queue"))
    rule = {"name": name("rule"), "eventPattern": json.dumps({"source": ["kit"]})}
    rule_id = live(place, "aws:cloudwatch/eventRule:EventRule", rule, {**rule, "description": "changed"})
    assert place.client("events").describe_rule(Name=rule_id)["Description"] == "changed"

    target_place = replace(place, urn="urn::a::b::target")
    target = {"rule": rule_id, "arn": queue}
    token = "aws:cloudwatch/eventTarget:EventTarget"
    target_id = live(target_place, token, target, {**target, "input": '{"a":1}'})
    (found,) = place.client("events").list_targets_by_rule(Rule=rule_id)["Targets"]
    assert found["Input"] == '{"a":1}'

    schedule = {
        "name": name("schedule"), "scheduleExpression": "rate(1 day)",
        "target": {"arn": queue, "roleArn": role},
    }  # fmt: skip
    token_of_schedule = "aws:scheduler/schedule:Schedule"
    changed = {**schedule, "scheduleExpression": "rate(2 days)"}
    schedule_id = live(place, token_of_schedule, schedule, changed)
    found = place.client("scheduler").get_schedule(Name=schedule["name"])
    assert found["ScheduleExpression"] == "rate(2 days)"

    assert gone(place, token_of_schedule, schedule_id, schedule)
    assert gone(target_place, token, target_id, target)
    assert gone(place, "aws:cloudwatch/eventRule:EventRule", rule_id, rule)


def test_a_state_machine_lives_and_goes(place: Place, role: str) -> None:
    def machine(result: str) -> dict[str, Any]:
        states = {"only": {"Type": "Pass", "Result": result, "End": True}}
        return {
            "name": named,
            "roleArn": role,
            "definition": json.dumps({"StartAt": "only", "States": states}),
        }

    named, token = name("machine"), "aws:sfn/stateMachine:StateMachine"
    id_ = live(place, token, machine("first"), machine("second"))
    found = place.client("stepfunctions").describe_state_machine(stateMachineArn=id_)
    assert json.loads(found["definition"])["States"]["only"]["Result"] == "second"
    assert gone(place, token, id_, machine("second"))

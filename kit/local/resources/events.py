"""EventBridge rules, targets and schedules. The emulator runs all of them by itself."""

from typing import Any

from kit.local.resources.handler import (
    Handler,
    Inputs,
    Made,
    Place,
    adopted,
    api_names,
    found,
    given,
    without,
)


def _bus(inputs: Inputs) -> dict[str, str]:
    return given(EventBusName=inputs.get("eventBusName"))


def _ensure_rule(place: Place, inputs: Inputs, known: str | None) -> Made:
    del known
    arn = place.client("events").put_rule(
        Name=inputs["name"],
        **_bus(inputs),
        **given(
            Description=inputs.get("description"),
            EventPattern=inputs.get("eventPattern"),
            ScheduleExpression=inputs.get("scheduleExpression"),
            State=inputs.get("state"),
        ),
    )["RuleArn"]
    return inputs["name"], {"arn": arn}


def _rule_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    return found(place.client("events").describe_rule, Name=id_, **_bus(inputs)) is not None


def _delete_rule(place: Place, id_: str, inputs: Inputs) -> None:
    without(place.client("events").delete_rule, Name=id_, Force=True, **_bus(inputs))


def _target_id(place: Place, inputs: Inputs) -> str:
    return inputs.get("targetId") or place.urn.rsplit("::", 1)[-1][:64]


def _ensure_target(place: Place, inputs: Inputs, known: str | None) -> Made:
    del known
    name = _target_id(place, inputs)
    queue = (inputs.get("deadLetterConfig") or {}).get("arn")
    target = {
        "Id": name,
        "Arn": inputs["arn"],
        **given(
            RoleArn=inputs.get("roleArn"),
            Input=inputs.get("input"),
            InputPath=inputs.get("inputPath"),
            RetryPolicy=api_names(inputs.get("retryPolicy")),
            DeadLetterConfig=given(Arn=queue),
        ),
    }
    place.client("events").put_targets(Rule=inputs["rule"], Targets=[target], **_bus(inputs))
    return f"{inputs['rule']}-{name}", {"targetId": name}


def _target_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del id_
    listed = found(place.client("events").list_targets_by_rule, Rule=inputs["rule"], **_bus(inputs)) or {}
    return any(one["Id"] == _target_id(place, inputs) for one in listed.get("Targets", ()))


def _delete_target(place: Place, id_: str, inputs: Inputs) -> None:
    del id_
    remove = place.client("events").remove_targets
    without(remove, Rule=inputs["rule"], Ids=[_target_id(place, inputs)], **_bus(inputs))


def _schedule(inputs: Inputs) -> dict[str, Any]:
    target = inputs["target"]
    return {
        "Name": inputs["name"],
        "ScheduleExpression": inputs["scheduleExpression"],
        "FlexibleTimeWindow": api_names(inputs.get("flexibleTimeWindow") or {"mode": "OFF"}),
        "Target": {"Arn": target["arn"], "RoleArn": target["roleArn"], **given(Input=target.get("input"))},
        **given(GroupName=inputs.get("groupName"), Description=inputs.get("description")),
    }


def _ensure_schedule(place: Place, inputs: Inputs, known: str | None) -> Made:
    scheduler, arguments = place.client("scheduler"), _schedule(inputs)
    if known or adopted("ConflictException", scheduler.create_schedule, **arguments) is None:
        scheduler.update_schedule(**arguments)
    group = inputs.get("groupName") or "default"
    return f"{group}/{inputs['name']}", {"arn": place.arn("scheduler", f"schedule/{group}/{inputs['name']}")}


def _schedule_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del id_
    group = given(GroupName=inputs.get("groupName"))
    return found(place.client("scheduler").get_schedule, Name=inputs["name"], **group) is not None


def _delete_schedule(place: Place, id_: str, inputs: Inputs) -> None:
    del id_
    group = given(GroupName=inputs.get("groupName"))
    without(place.client("scheduler").delete_schedule, Name=inputs["name"], **group)


HANDLERS = {
    "aws:cloudwatch/eventRule:EventRule": Handler(_ensure_rule, _rule_exists, _delete_rule),
    "aws:cloudwatch/eventTarget:EventTarget": Handler(_ensure_target, _target_exists, _delete_target),
    "aws:scheduler/schedule:Schedule": Handler(_ensure_schedule, _schedule_exists, _delete_schedule),
}

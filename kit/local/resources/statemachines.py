"""Step Functions: state machines, run by the emulator with the real code of the functions they call."""

from kit.local.resources.handler import Handler, Inputs, Made, Place, adopted, found, given, without


def _ensure(place: Place, inputs: Inputs, known: str | None) -> Made:
    states = place.client("stepfunctions")
    arn = known or place.arn("states", f"stateMachine:{inputs['name']}")
    arguments = {"definition": inputs["definition"], "roleArn": inputs["roleArn"]}
    created = None
    if known is None:
        created = adopted(
            "StateMachineAlreadyExists",
            states.create_state_machine,
            name=inputs["name"],
            type=inputs.get("type") or "STANDARD",
            **arguments,
            **given(tracingConfiguration=inputs.get("tracingConfiguration")),
        )
    if created is None:
        states.update_state_machine(stateMachineArn=arn, **arguments)
    return arn, {"arn": arn, "status": "ACTIVE"}


def _exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del inputs
    described = found(place.client("stepfunctions").describe_state_machine, stateMachineArn=id_)
    return described is not None and described["status"] == "ACTIVE"


def _delete(place: Place, id_: str, inputs: Inputs) -> None:
    del inputs
    without(place.client("stepfunctions").delete_state_machine, stateMachineArn=id_)


HANDLERS = {"aws:sfn/stateMachine:StateMachine": Handler(_ensure, _exists, _delete)}

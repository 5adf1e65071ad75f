"""Lambda: functions with their real code, aliases, permissions, event sources.

Every planned function exists in the emulator with the sources of its archive, its environment and its role,
and runs there under the credentials of that role: schedules, event rules, queues and the Lambda tasks of Step
Functions start it by themselves, as on AWS. In the place of its dependency layer, whose wheels are for
another platform, stand the packages of the kit's own environment. Web functions exist too, but nobody calls
them there: `kit up` serves each as a process of its own, because the emulator does not stream.

What a function writes is in the emulator's CloudWatch Logs: `kit logs <function>`.
"""

import io
import sysconfig
import zipfile
from typing import Any

from kit.local.resources.handler import (
    Handler,
    Inputs,
    Made,
    Place,
    adopted,
    found,
    given,
    whole,
    without,
)

_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16


def _archive(place: Place, inputs: Inputs) -> bytes:
    """The function's archive, the same bytes for the same sources."""
    packed = io.BytesIO()
    assets: dict[str, Any] = inputs["code"]["$archive"]["assets"]
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, asset in sorted(assets.items()):
            source = asset["$asset"]
            content = (place.root / source["path"]).read_bytes() if "path" in source else source["text"]
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = _READABLE
            archive.writestr(entry, content, compress_type=zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _configured(inputs: Inputs) -> dict[str, Any]:
    variables = dict((inputs.get("environment") or {}).get("variables") or {})
    variables["PYTHONPATH"] = sysconfig.get_path("purelib")  # stands for the dependency layer
    return {
        "Role": inputs["role"],
        "Runtime": inputs["runtime"],
        "Handler": inputs["handler"],
        "Timeout": whole(inputs.get("timeout", 3)),
        "MemorySize": whole(inputs.get("memorySize", 128)),
        "Environment": {"Variables": {key: str(value) for key, value in variables.items()}},
        **given(
            Description=inputs.get("description"),
            DeadLetterConfig=given(TargetArn=(inputs.get("deadLetterConfig") or {}).get("targetArn")),
        ),
    }


def _ensure_function(place: Place, inputs: Inputs, known: str | None) -> Made:
    client, name = place.client("lambda"), inputs["name"]
    code, created = _archive(place, inputs), None
    if known is None:
        created = adopted(
            "ResourceConflictException",
            client.create_function,
            FunctionName=name,
            Code={"ZipFile": code},
            **_configured(inputs),
        )
    if created is None:
        client.update_function_code(FunctionName=name, ZipFile=code)
        client.update_function_configuration(FunctionName=name, **_configured(inputs))
    version = client.publish_version(FunctionName=name)["Version"] if inputs.get("publish") else "$LATEST"
    arn = place.arn("lambda", f"function:{name}")
    return name, {
        "arn": arn,
        "invokeArn": _invoke_arn(place, arn),
        "version": version,
        "qualifiedArn": f"{arn}:{version}",
        "qualifiedInvokeArn": _invoke_arn(place, f"{arn}:{version}"),
    }


def _invoke_arn(place: Place, arn: str) -> str:
    partition, region = place.account.partition, place.region
    return f"arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations"


def _function_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del inputs
    return found(place.client("lambda").get_function_configuration, FunctionName=id_) is not None


def _delete_function(place: Place, id_: str, inputs: Inputs) -> None:
    del inputs
    without(place.client("lambda").delete_function, FunctionName=id_)


def _ensure_alias(place: Place, inputs: Inputs, known: str | None) -> Made:
    client = place.client("lambda")
    arguments = {
        "FunctionName": inputs["functionName"],
        "Name": inputs["name"],
        "FunctionVersion": inputs["functionVersion"],
    }
    if known or adopted("ResourceConflictException", client.create_alias, **arguments) is None:
        client.update_alias(**arguments)
    function = str(inputs["functionName"]).rpartition(":")[2]
    arn = place.arn("lambda", f"function:{function}:{inputs['name']}")
    return arn, {"arn": arn, "invokeArn": _invoke_arn(place, arn)}


def _alias_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del id_
    get = place.client("lambda").get_alias
    return found(get, FunctionName=inputs["functionName"], Name=inputs["name"]) is not None


def _delete_alias(place: Place, id_: str, inputs: Inputs) -> None:
    del id_
    without(place.client("lambda").delete_alias, FunctionName=inputs["functionName"], Name=inputs["name"])


def _ensure_permission(place: Place, inputs: Inputs, known: str | None) -> Made:
    statement = known or inputs.get("statementId") or place.urn.rsplit("::", 1)[-1]
    adopted(
        "ResourceConflictException",
        place.client("lambda").add_permission,
        FunctionName=inputs["function"],
        StatementId=statement,
        Action=inputs["action"],
        Principal=inputs["principal"],
        **given(
            Qualifier=inputs.get("qualifier"),
            SourceArn=inputs.get("sourceArn"),
            SourceAccount=inputs.get("sourceAccount"),
        ),
    )
    return statement, {"statementId": statement}


def _permission_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    qualifier = given(Qualifier=inputs.get("qualifier"))
    policy = found(place.client("lambda").get_policy, FunctionName=inputs["function"], **qualifier)
    return policy is not None and f'"{id_}"' in policy["Policy"]


def _delete_permission(place: Place, id_: str, inputs: Inputs) -> None:
    qualifier = given(Qualifier=inputs.get("qualifier"))
    remove = place.client("lambda").remove_permission
    without(remove, FunctionName=inputs["function"], StatementId=id_, **qualifier)


def _source_settings(inputs: Inputs) -> dict[str, Any]:
    return given(
        BatchSize=whole(inputs.get("batchSize")),
        Enabled=inputs.get("enabled"),
        MaximumBatchingWindowInSeconds=whole(inputs.get("maximumBatchingWindowInSeconds")),
        MaximumRetryAttempts=whole(inputs.get("maximumRetryAttempts")),
        BisectBatchOnFunctionError=inputs.get("bisectBatchOnFunctionError"),
        FunctionResponseTypes=inputs.get("functionResponseTypes"),
    )


def _ensure_source(place: Place, inputs: Inputs, known: str | None) -> Made:
    client = place.client("lambda")
    function, source = inputs["functionName"], inputs["eventSourceArn"]
    if known is None:
        listed = client.list_event_source_mappings(EventSourceArn=source, FunctionName=function)
        known = next((one["UUID"] for one in listed["EventSourceMappings"]), None)
    if known is None:
        position = given(StartingPosition=inputs.get("startingPosition"))
        known = client.create_event_source_mapping(
            EventSourceArn=source, FunctionName=function, **position, **_source_settings(inputs)
        )["UUID"]
    else:
        client.update_event_source_mapping(UUID=known, FunctionName=function, **_source_settings(inputs))
    return str(known), {"uuid": known}


def _source_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del inputs
    return found(place.client("lambda").get_event_source_mapping, UUID=id_) is not None


def _delete_source(place: Place, id_: str, inputs: Inputs) -> None:
    del inputs
    without(place.client("lambda").delete_event_source_mapping, UUID=id_)


HANDLERS = {
    "aws:lambda/function:Function": Handler(_ensure_function, _function_exists, _delete_function),
    "aws:lambda/alias:Alias": Handler(_ensure_alias, _alias_exists, _delete_alias),
    "aws:lambda/permission:Permission": Handler(_ensure_permission, _permission_exists, _delete_permission),
    "aws:lambda/eventSourceMapping:EventSourceMapping": Handler(
        _ensure_source, _source_exists, _delete_source
    ),
}

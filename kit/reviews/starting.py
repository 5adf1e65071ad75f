"""Starting a workflow in a person's name."""

import json
from collections.abc import Mapping
from typing import Any

from kit.reviews.places import Place
from lambdas.common.ids import new_id
from lambdas.workflow.area import encoded, request_key


def start_request(
    where: Place, workflow: str, variables: Mapping[str, Any], documents: Mapping[str, bytes]
) -> str:
    """Upload the documents, by file name, start the workflow with them and return the request's id."""
    request, area = new_id("wf_"), where.area
    for file, body in documents.items():
        area.put(f"sources/{request}/{file}", body)
    asked = {
        "documents": [f"{request}/{file}" for file in documents],
        "request": request,
        "variables": dict(variables),
        "workflow": workflow,
    }
    area.put(request_key(request), encoded(where.signed(asked)))
    names = where.names
    where.client("stepfunctions").start_execution(
        stateMachineArn=names.arn("states", f"stateMachine:{names.of(f'{where.department}-{workflow}')}"),
        name=request,
        input=json.dumps({"request": request}),
    )
    return request

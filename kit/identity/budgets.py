"""Requests for a higher monthly budget, and a lead's decision (L1.11)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kit.errors import ExitCode, KitError
from kit.identity.operator import access_records, record_event, usage
from kit.target import Target
from lambdas.common.access import AccessConflict, AccessRecord
from lambdas.common.identities import KeyLimits
from lambdas.gateway.budget_requests import BUDGET_REQUESTS


@dataclass(frozen=True)
class BudgetRequest:
    """An open request. `monthly_microusd` is the requested budget."""

    id: str
    principal: str
    access_key: str
    department: str
    monthly_microusd: int
    reason: str
    asked_at: str


def open_requests(target: Target) -> list[BudgetRequest]:
    """Return all open requests, oldest first."""
    client, found = target.client("dynamodb"), []
    query: dict[str, Any] = {
        "TableName": target.require("ledger_table_name"),
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": BUDGET_REQUESTS}},
    }
    while True:
        page = client.query(**query)
        found += [_request(item) for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            return found
        query["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def grant(target: Target, request_id: str, microusd: int | None) -> tuple[BudgetRequest, int]:
    """Grant the requested amount, or `microusd` a month, and close the request. Raises KitError."""
    request = _find(target, request_id)
    amount = request.monthly_microusd if microusd is None else microusd
    records = access_records(target)
    record = records.get(request.access_key)
    if record is None or not record.active:
        raise usage(f"{request.principal} has no access any more", f"kit budget refuse {request_id}")
    _record(target, "granted", request, amount)
    limits = replace(record.limits or KeyLimits(), monthly_budget_microusd=amount)
    _change(target, record, limits)
    _close(target, request_id)
    return request, amount


def refuse(target: Target, request_id: str) -> BudgetRequest:
    """Close a request without a raise. Raises KitError."""
    request = _find(target, request_id)
    _record(target, "refused", request, 0)
    _close(target, request_id)
    return request


def _change(target: Target, record: AccessRecord, limits: KeyLimits) -> None:
    try:
        access_records(target).change(record, limits=limits)
    except AccessConflict:
        raise KitError("somebody changed the record meanwhile", hint="run the command again") from None


def _find(target: Target, request_id: str) -> BudgetRequest:
    for request in open_requests(target):
        if request.id == request_id:
            return request
    raise KitError(f"there is no open request {request_id}", hint="kit budget list", exit_code=ExitCode.USAGE)


def _close(target: Target, request_id: str) -> None:
    target.client("dynamodb").delete_item(
        TableName=target.require("ledger_table_name"),
        Key={"pk": {"S": BUDGET_REQUESTS}, "sk": {"S": request_id}},
    )


def _record(target: Target, what: str, request: BudgetRequest, microusd: int) -> None:
    record_event(
        target,
        {
            "kind": "budget",
            "event": what,
            "request": request.id,
            "subject": request.principal,
            "department": request.department,
            "monthly_budget_microusd": microusd,
        },
    )


def _request(item: Mapping[str, Any]) -> BudgetRequest:
    return BudgetRequest(
        id=item["sk"]["S"],
        principal=item["principal"]["S"],
        access_key=item["access_key"]["S"],
        department=item["department"]["S"],
        monthly_microusd=int(item["monthly_microusd"]["N"]),
        reason=item["reason"]["S"],
        asked_at=item["asked_at"]["S"],
    )

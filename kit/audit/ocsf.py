"""Audit records as OCSF events for a SIEM (github.com/ocsf/ocsf-schema, version 1.5.0).

A call is API Activity (6003), a refusal by inspection Data Security Finding (2006), a joiner or leaver
Account Change (3001), all else API Activity of the kit itself. No text of a prompt or an answer is in an
event: there is none in a record. What OCSF has no field for is under `unmapped`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

VERSION = "1.5.0"
_PRODUCT = {"name": "Claude enterprise kit", "vendor_name": "Claude enterprise kit"}
_STATUS = {"completed": (1, "Success"), "failed": (2, "Failure"), "expired": (2, "Failure")}
_UNMAPPED = (
    "kind", "department", "use_case", "prompt", "prompt_version", "data_class", "model", "provider", "result",
    "input_tokens", "output_tokens", "cost_microusd", "decision", "switch", "state", "register", "event",
)  # fmt: skip
_IDENTITY = frozenset({"scim", "identity"})
_ACCOUNT = {"joiner": (1, "Create"), "mover": (99, "Other"), "leaver": (6, "Delete")}


def event_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return one event. Raises KeyError or ValueError for an invalid record."""
    kind = str(record["kind"])
    if kind == "refusal":
        return _refusal(record)
    if kind in _IDENTITY and record.get("subject"):
        return _account(record)
    activity = 1 if kind in ("intent", "outcome") else 99
    status_id, status = _STATUS.get(str(record.get("result")), (1, "Success"))
    return {
        **_base(record, class_uid=6003, category_uid=6, activity_id=activity),
        "activity_name": "Create" if activity == 1 else "Other",
        "api": {
            "operation": f"{kind} {record.get('call') or ''}".strip(),
            "service": {"name": "claude-gateway"},
        },
        "actor": _actor(record),
        "src_endpoint": {"uid": str(record.get("edge_id") or "unknown")},
        "status_id": status_id,
        "status": status,
    }


def _refusal(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **_base(record, class_uid=2006, category_uid=2, activity_id=1, severity_id=3),
        "activity_name": "Create",
        "action_id": 2,
        "action": "Denied",
        "disposition_id": 2,
        "disposition": "Blocked",
        "is_alert": True,
        "finding_info": {
            "uid": str(record["record_id"]),
            "title": f"Request refused: {record.get('reason') or 'inspection'}",
            "created_time": _milliseconds(record),
        },
        "actor": _actor(record),
        "status_id": 1,
        "status": "New",
    }


def _account(record: Mapping[str, Any]) -> dict[str, Any]:
    activity, name = _ACCOUNT.get(str(record.get("event")), (99, "Other"))
    return {
        **_base(record, class_uid=3001, category_uid=3, activity_id=activity),
        "activity_name": name,
        "user": {"uid": str(record["subject"])},
        "actor": _actor(record),
        "status_id": 1,
        "status": "Success",
    }


def _base(
    record: Mapping[str, Any], *, class_uid: int, category_uid: int, activity_id: int, severity_id: int = 1
) -> dict[str, Any]:
    return {
        "class_uid": class_uid,
        "category_uid": category_uid,
        "activity_id": activity_id,
        "type_uid": class_uid * 100 + activity_id,
        "severity_id": severity_id,
        "severity": "Informational" if severity_id == 1 else "Medium",
        "time": _milliseconds(record),
        "metadata": {
            "version": VERSION,
            "product": _PRODUCT,
            "uid": str(record["record_id"]),
            **({"correlation_uid": str(record["request_id"])} if record.get("request_id") else {}),
        },
        "unmapped": {name: record[name] for name in _UNMAPPED if record.get(name) is not None},
    }


def _actor(record: Mapping[str, Any]) -> dict[str, Any]:
    who = str(record.get("operator") or record.get("principal") or record.get("by") or "unknown")
    if record.get("principal_kind") == "application":
        return {"app_uid": who}
    return {
        "user": {
            "uid": who,
            "groups": [{"name": str(record["department"])}] if record.get("department") else [],
        }
    }


def _milliseconds(record: Mapping[str, Any]) -> int:
    return int(datetime.fromisoformat(str(record["at"])).timestamp() * 1000)

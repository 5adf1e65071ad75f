"""`kit inspection` changes which findings count, with who answers for it, and shows what people reported."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kit.errors import KitError
from kit.governance import inspection_exceptions
from kit.governance.inspection_exceptions import add, exception, exceptions, mistakes, withdraw
from lambdas.common.inspection_exceptions import EXCEPTIONS_KEY, in_force, parse_exceptions

from .test_request_contract import Deployment

HASH = "0123456789abcdef"


@pytest.fixture
def deployment() -> Any:
    made = Deployment()
    made.bucket.key = EXCEPTIONS_KEY
    return made


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was recorded of operators."""
    kept: list[dict[str, Any]] = []
    monkeypatch.setattr(inspection_exceptions, "record_event", lambda _, event: kept.append(event))
    return kept


def test_an_exception_is_recorded_read_by_the_gateway_replaced_and_ended(
    deployment: Any, events: list[dict[str, Any]]
) -> None:
    assert exceptions(deployment) == ()
    add(deployment, exception("SECRET", HASH, "", "Ada", "key of our test tenant", 1))
    add(deployment, exception("SECRET", HASH, "legal", "Ada", "the same, for them", 9))
    add(deployment, exception("SECRET", HASH, "", "Eve", "still a test tenant", 30))
    listed = parse_exceptions(deployment.bucket.body)
    assert [(one.department, one.owner) for one in listed] == [("legal", "Ada"), ("", "Eve")]
    now = datetime.now(UTC)
    assert in_force(listed, "marketing", now + timedelta(days=29)) == {("SECRET", HASH)}
    assert in_force(listed, "marketing", now + timedelta(days=31)) == frozenset()
    assert withdraw(deployment, "SECRET", HASH, "", "Eve", "gone")
    assert not withdraw(deployment, "SECRET", HASH, "", "Eve", "gone")
    assert in_force(exceptions(deployment), "marketing", now) == frozenset()
    assert [one["event"] for one in events] == ["added", "added", "added", "withdrawn"]
    deployment.bucket.meanwhile = True
    with pytest.raises(KitError, match="same time"):
        add(deployment, exception("SECRET", HASH, "", "Ada", "again", 1))
    deployment.bucket.body = b'{"exceptions": [{"hash": "all"}]}'
    with pytest.raises(KitError, match="inspection-exceptions"):
        exceptions(deployment)


class Records:
    """A source with one hour of records."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self.data = b"\n".join(json.dumps(one).encode() for one in records)

    def entries(self, prefix: str) -> Any:
        from kit.audit.sources import Entry

        return [Entry("records/one.jsonl", len(self.data))] if prefix.endswith("hour=08/") else []

    def get(self, key: str) -> bytes | None:
        return self.data if key == "records/one.jsonl" else None


def test_a_reported_mistake_is_shown_with_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2026, 11, 30, 8, 5, tzinfo=UTC)
    found = {"type": "SECRET", "rule": "secret-assignment", "field": "messages[0].content", "hash": HASH}
    decision = {"action": "block", "reason": "class-restricted", "findings": [found]}
    records = [
        {"at": at.isoformat(), "kind": "refusal", "request_id": "req_1", "decisions": [decision]},
        {"at": at.isoformat(), "kind": "refusal", "request_id": "req_2", "decisions": [decision]},
        {
            "at": (at + timedelta(minutes=1)).isoformat(),
            "kind": "inspection-mistake",
            "request_id": "req_1",
            "department": "marketing",
            "what": "stopped",
        },
    ]
    monkeypatch.setattr(inspection_exceptions, "_REFUSED_WITHIN", timedelta(hours=1))
    (one,) = mistakes(Records(records), at - timedelta(hours=1), at + timedelta(hours=1))  # type: ignore[arg-type]
    assert (one.request_id, one.department, one.what, one.action) == (
        "req_1",
        "marketing",
        "stopped",
        "block",
    )
    assert one.findings == (found,)

"""`kit contract` changes what requests may use, with who approved it, past nobody else (L1.10)."""

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kit.errors import KitError
from kit.governance import request_contract
from kit.governance.request_contract import additions, allow, withdraw
from lambdas.common.request_contract import ADDITIONS_KEY, parse_additions, shipped


class Bucket:
    """One object with the conditions of S3."""

    def __init__(self) -> None:
        self.body: bytes | None = None
        self.version = 0
        self.meanwhile = False
        self.key = ADDITIONS_KEY

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        assert (Bucket, Key) == ("governance", self.key)
        if self.body is None:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")  # as S3 without ListBucket
        return {"Body": io.BytesIO(self.body), "ETag": str(self.version)}

    def put_object(self, *, Body: bytes, SSEKMSKeyId: str, **given: str) -> None:  # noqa: N803
        assert SSEKMSKeyId == "key"
        wanted = given.get("IfMatch")
        stale = wanted != str(self.version) if wanted else self.body is not None
        if stale or self.meanwhile:
            status = {"HTTPStatusCode": 412}
            raise ClientError({"Error": {"Code": "412"}, "ResponseMetadata": status}, "PutObject")
        self.body, self.version = Body, self.version + 1


class Deployment:
    """What the command needs of a deployment."""

    def __init__(self) -> None:
        self.bucket = Bucket()

    def client(self, _: str) -> Bucket:
        return self.bucket

    def require(self, name: str) -> str:
        return {"governance_bucket_name": "governance", "governance_key_arn": "key"}[name]


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What was recorded of operators."""
    kept: list[dict[str, Any]] = []
    monkeypatch.setattr(request_contract, "record_event", lambda _, event: kept.append(event))
    return kept


@pytest.fixture
def deployment() -> Any:
    return Deployment()


def test_what_is_allowed_is_recorded_read_by_the_gateway_and_taken_back(
    deployment: Any, events: list[dict[str, Any]]
) -> None:
    assert additions(deployment) == ()
    assert allow(deployment, "field", "brand_new", "Ada", "the SDK has it")
    assert not allow(deployment, "field", "brand_new", "Ada", "again")
    assert allow(deployment, "beta", "new-2027-01-01", "Ada", "Claude Code sends it")
    contract = shipped().with_additions(parse_additions(deployment.bucket.body))
    assert "brand_new" in contract.fields
    assert "new-2027-01-01" in contract.betas
    assert withdraw(deployment, "field", "brand_new", "Ada", "not needed")
    assert not withdraw(deployment, "field", "brand_new", "Ada", "not needed")
    assert [one.name for one in additions(deployment)] == ["new-2027-01-01"]
    assert [one["event"] for one in events] == ["allowed", "allowed", "withdrawn"]
    assert events[0]["what"]["approved_by"] == "Ada"


def test_what_is_shipped_needs_no_addition(deployment: Any, events: list[dict[str, Any]]) -> None:
    assert not allow(deployment, "tool", "web_search_20250305", "Ada", "we search")
    assert not events


def test_a_change_of_somebody_else_is_not_lost(deployment: Any, events: list[dict[str, Any]]) -> None:
    deployment.bucket.meanwhile = True
    with pytest.raises(KitError, match="same time"):
        allow(deployment, "field", "brand_new", "Ada", "the SDK has it")
    assert events


def test_a_broken_document_is_said_to_be_one(deployment: Any) -> None:
    deployment.bucket.body = json.dumps({"additions": [{"kind": "all"}]}).encode()
    with pytest.raises(KitError, match="request-contract"):
        additions(deployment)

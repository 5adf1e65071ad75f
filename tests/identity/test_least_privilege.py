"""Each statement of the edge's and of the token trigger's role is needed: without it the function refuses
everybody (L1.7, L1.3).
"""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.authorizer.handler import Edge
from lambdas.common.access import AccessRecords, person_record
from lambdas.common.policy import PolicyUnavailable
from lambdas.pretoken.handler import NoAccess, claims_of

from .deployed import Deployed

pytestmark = pytest.mark.emulator

# What Lambda needs to run any function of ours.
RUNTIME = {"DecryptOwnEnvironment", "EncryptDeadLetters", "SendDeadLetters", "WriteOwnLog", "WriteTraces"}
# Use of a key by a service on our behalf, which the emulated AWS does not check.
UNENFORCED = {"DecryptPepper", "DecryptPolicy"}
# What stops without a statement of the edge.
EDGE_STOPS: dict[str, type[Exception]] = {
    "ReadAccess": ClientError,
    "ReadPepper": ClientError,
    "ReadPolicy": PolicyUnavailable,
}
ARN = "arn:aws:execute-api:eu-central-1:111122223333:api/live/POST/v1/messages"


def _planned(deployed: Deployed, policy: str) -> list[dict[str, Any]]:
    return [one for one in deployed.stage.statements(policy) if one["Sid"] not in RUNTIME]


def _edge(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, statements: Sequence[Mapping[str, Any]]
) -> list[str]:
    """What the edge decides of a key and of a token of nobody, under a role with these statements."""
    environment = {
        **deployed.variables("authorizer-edge-function"),
        **deployed.stage.acting(statements).environment(),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    edge = Edge(environment)
    return [
        edge.decide(
            {
                "methodArn": ARN,
                "headers": {"x-api-key": credential},
                "requestContext": {"identity": {"sourceIp": "192.0.2.1"}},
            }
        )["policyDocument"]["Statement"][0]["Effect"]
        for credential in (deployed.key, _token_of_nobody())
    ]


def _token_of_nobody() -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'RS256', 'kid': 'k'})}.{part({'iss': 'https://nobody.example.com'})}.{part('x')}"


def test_every_statement_is_proved_or_named_as_one_that_cannot_be(deployed: Deployed) -> None:
    edge = {one["Sid"] for one in _planned(deployed, "authorizer-edge-permissions")}
    assert edge == EDGE_STOPS.keys() | UNENFORCED
    assert [one["Sid"] for one in _planned(deployed, "people-pretoken-permissions")] == ["ReadAccess"]


def test_the_edge_decides_under_its_own_roles_policies(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = _planned(deployed, "authorizer-edge-permissions")
    assert _edge(deployed, monkeypatch, planned) == ["Allow", "Deny"]


@pytest.mark.parametrize("sid", sorted(EDGE_STOPS))
def test_without_any_one_statement_the_edge_lets_nobody_through(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch, sid: str
) -> None:
    left = [one for one in _planned(deployed, "authorizer-edge-permissions") if one["Sid"] != sid]
    with pytest.raises(EDGE_STOPS[sid]):
        _edge(deployed, monkeypatch, left)


def test_the_trigger_needs_to_read_access_and_nothing_else(deployed: Deployed) -> None:
    root = deployed.records
    record = person_record("person-t", provisioned=True, department="finance")
    deployed.stage.root("dynamodb").transact_write_items(
        TransactItems=[root.creation(record), root.naming("user-name", "t@example.com", "person-t")]
    )
    planned = _planned(deployed, "people-pretoken-permissions")
    table = deployed.stage.exported("access_table_name")
    attributes = {"email": "t@example.com"}
    records = AccessRecords(deployed.stage.acting(planned).client("dynamodb"), table)
    assert claims_of(records, attributes)["kit_person"] == "person-t"
    assert claims_of(records, attributes, ["example.com"])["kit_person"] == "person-t"
    for outside in ({}, {"email": "t@example.com.evil.net"}, {"email": "t@sub.example.com"}):
        with pytest.raises(NoAccess):
            claims_of(records, {"preferred_username": "t@example.com", **outside}, ["example.com"])
    blind = AccessRecords(deployed.stage.acting([]).client("dynamodb"), table)
    with pytest.raises(ClientError):
        claims_of(blind, attributes)

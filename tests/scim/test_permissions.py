"""Least privilege of provisioning, with IAM enforced from the policies of the plan (L1.7, G.4)."""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from lambdas.common.audit import open_writer
from lambdas.scim.bearer import BearerTokens, TokensUnavailable
from lambdas.scim.endpoints import Endpoints, Request
from lambdas.scim.settings import Directory, Settings, aws_client, open_directory, read_settings
from lambdas.scim.store import DirectoryUnavailable
from lambdas.scim.worker import ConsequencesFailed, Worker
from tests.support.ports import free_port
from tests.support.standing import Acting, Standing, standing

from .harness import session_with

pytestmark = pytest.mark.emulator
SERVICE, WORKER = "scim-service", "scim-worker-function"


@pytest.fixture(scope="module")
def integration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """The integration stage, standing in an emulated AWS of its own."""
    folder = tmp_path_factory.mktemp("standing")
    with standing(folder, free_port(), "integration", {"size": "small"}) as stage:
        stage.root("secretsmanager").put_secret_value(
            SecretId=stage.exported("scim_token_secret_arn"), SecretString="the-token"
        )
        yield stage


def environment(stage: Standing, function: str) -> dict[str, str]:
    """The environment of a function in the plan, and the way to the emulated AWS."""
    planned = stage.resource("aws:lambda/function:Function", f"{function}-function").inputs
    variables = {name: str(value) for name, value in planned["environment"]["variables"].items()}
    return {**variables, "AWS_REGION": stage.emulator.region, "AWS_ENDPOINT_URL": stage.emulator.endpoint_url}


def session(acting: Acting) -> botocore.session.Session:
    return session_with(acting.access_key_id, acting.secret_access_key, acting.session_token)


def without(statements: Sequence[Mapping[str, Any]], sid: str) -> list[Mapping[str, Any]]:
    assert any(one["Sid"] == sid for one in statements)
    return [one for one in statements if one["Sid"] != sid]


def opened(stage: Standing, function: str, acting: Acting) -> tuple[Directory, Settings]:
    settings = read_settings(environment(stage, function))
    return open_directory(settings, session(acting)), settings


def serve(stage: Standing, acting: Acting) -> None:
    """All that the service does, once. Raises what is refused."""
    directory, settings = opened(stage, SERVICE, acting)
    tokens = BearerTokens(aws_client(session(acting), "secretsmanager", settings), settings.token_secret_arn)
    assert tokens.accepts("the-token")
    endpoints = Endpoints(directory.people, directory.groups)
    name = f"{uuid.uuid4().hex}@example.com"

    def ask(method: str, path: str, content: Any = None, **query: str) -> Any:
        body = json.dumps(content).encode() if content is not None else b""
        answer = endpoints.answer(Request(method, tuple(path.split("/")), "https://scim", query, body=body))
        assert answer.status < 300, answer
        return answer.content

    user = ask("POST", "Users", {"userName": name, "active": True, "emails": [{"value": name}]})
    group = ask("POST", "Groups", {"displayName": name, "members": [{"value": user["id"]}]})
    change = {"op": "replace", "path": "userName", "value": f"new.{name}"}
    ask("PATCH", f"Users/{user['id']}", {"Operations": [change]})
    assert ask("GET", "Users", filter=f'emails.value eq "{name}"')["totalResults"] == 1
    assert ask("GET", "Users", sortBy="userName")["totalResults"] >= 1
    ask("DELETE", f"Users/{user['id']}")
    ask("DELETE", f"Groups/{group['id']}")


def work(stage: Standing, acting: Acting) -> None:
    """All that the worker does, once: a leaver, and everybody placed by new rules. Raises what is refused."""
    root = Acting(stage.emulator, stage.emulator.access_key_id, stage.emulator.secret_access_key, "")
    directory, _ = opened(stage, SERVICE, root)
    endpoints = Endpoints(directory.people, directory.groups)
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    body = {"userName": uuid.uuid4().hex, "active": True, enterprise: {"department": "finance"}}
    user = endpoints.answer(Request("POST", ("Users",), "https://scim", body=json.dumps(body).encode()))
    assert user.content is not None
    directory.people.delete(user.content["id"])
    directory.store.remove("RULES", "DIGEST")
    own, _ = opened(stage, WORKER, acting)
    writer = open_writer("provisioning", environment(stage, WORKER), session=session(acting))
    done = Worker(own, writer, None).run(lambda: True)
    assert (done["joiner"], done["leaver"]) >= (1, 1)


DOES: dict[str, Callable[[Standing, Acting], None]] = {SERVICE: serve, WORKER: work}


@pytest.mark.parametrize("function", [SERVICE, WORKER])
def test_each_function_does_its_work_under_its_own_role(integration: Standing, function):
    DOES[function](integration, integration.acting(integration.statements(f"{function}-permissions")))


@pytest.mark.parametrize(
    ("function", "sid"),
    [
        (SERVICE, "KeepDirectory"),
        (SERVICE, "WriteAccess"),
        (SERVICE, "ReadRules"),
        (SERVICE, "ReadToken"),
        (WORKER, "KeepDirectory"),
        (WORKER, "WriteAccess"),
        (WORKER, "ReadRules"),
        (WORKER, "AppendRecords"),
    ],
)
def test_no_statement_can_be_left_out(integration: Standing, function, sid):
    statements = without(integration.statements(f"{function}-permissions"), sid)
    with pytest.raises((AssertionError, ConsequencesFailed, DirectoryUnavailable, TokensUnavailable)):
        DOES[function](integration, integration.acting(statements))
    store = opened(integration, SERVICE, _root(integration))[0].store
    for item in store.under("OUTBOX"):
        store.remove("OUTBOX", item["sk"]["S"])


@pytest.mark.parametrize("function", [SERVICE, WORKER])
@pytest.mark.parametrize(
    ("table", "action"),
    [("directory_table", "dynamodb:BatchGetItem"), ("directory_table", "dynamodb:ConditionCheckItem")],
)
def test_every_action_on_the_directory_is_one_that_the_functions_use(integration, function, table, action):
    granted = {
        name
        for statement in integration.statements(f"{function}-permissions")
        if statement["Sid"] == "KeepDirectory"
        for name in statement["Action"]
    }
    assert action in granted
    assert not granted & {"dynamodb:Scan", "dynamodb:DeleteTable", "dynamodb:UpdateItem"}


def test_the_gateway_cannot_read_the_directory_and_the_service_cannot_touch_money_or_records(
    integration: Standing,
):
    stage = integration
    gateway = stage.acting(stage.statements("gateway-api-permissions"))
    service = stage.acting(stage.statements(f"{SERVICE}-permissions"))
    key = {"pk": {"S": "USER#x"}, "sk": {"S": "RESOURCE"}}
    attempts: dict[str, Callable[[], Any]] = {
        "gateway reads the directory": lambda: gateway.client("dynamodb").get_item(
            TableName=stage.exported("directory_table_name"), Key=key
        ),
        "service reads the ledger": lambda: service.client("dynamodb").get_item(
            TableName=stage.exported("ledger_table_name"), Key=key
        ),
        "service scans the directory": lambda: service.client("dynamodb").scan(
            TableName=stage.exported("directory_table_name")
        ),
        "service writes a record": lambda: service.client("s3").put_object(
            Bucket=stage.exported("audit_bucket_name"), Key="records/x", Body=b""
        ),
        "service reads another secret": lambda: service.client("secretsmanager").get_secret_value(
            SecretId=stage.exported("key_pepper_secret_arn")
        ),
        "service changes the token": lambda: service.client("secretsmanager").put_secret_value(
            SecretId=stage.exported("scim_token_secret_arn"), SecretString="mine"
        ),
        "service changes the rules": lambda: service.client("s3").put_object(
            Bucket=stage.exported("governance_bucket_name"), Key="policy/scim.json", Body=b"{}"
        ),
    }
    for what, attempt in attempts.items():
        with pytest.raises(ClientError) as refused:
            attempt()
        assert refused.value.response["Error"]["Code"] in {"AccessDenied", "AccessDeniedException"}, what


def _root(stage: Standing) -> Acting:
    return Acting(stage.emulator, stage.emulator.access_key_id, stage.emulator.secret_access_key, "")

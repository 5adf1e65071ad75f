"""The decision at the edge and what tokens say of people, on a deployment with IAM enforced (L1.3, L1.7,
G.4): both functions run in the emulated AWS under their own roles.
"""

import json
import uuid
from typing import Any

import boto3
import pytest

from kit.embedded import remembered
from lambdas.common.access import AccessRecords, person_record, user_key
from lambdas.common.virtual_keys import new_virtual_key
from tests.support.local_kit import LocalKit

from .commands import run

pytestmark = pytest.mark.emulator
ARN = "arn:aws:execute-api:eu-central-1:111122223333:api/live/POST/v1/messages"


class Deployment:
    def __init__(self, kit: LocalKit) -> None:
        running = remembered(kit.home)
        assert running is not None
        self.kit = kit
        self.session = boto3.Session(
            running.access_key_id, running.secret_access_key, region_name=running.region
        )
        self.endpoint = running.endpoint_url
        self.names = [
            function["FunctionName"] for function in self.client("lambda").list_functions()["Functions"]
        ]

    def client(self, service: str) -> Any:
        return self.session.client(service, endpoint_url=self.endpoint)  # type: ignore[call-overload]

    def invoke(self, what: str, event: dict[str, Any]) -> tuple[Any, str | None]:
        name = next(name for name in self.names if name.endswith(f"-{what}"))
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read()), answer.get("FunctionError")

    def records(self) -> AccessRecords:
        tables = self.client("dynamodb").list_tables()["TableNames"]
        return AccessRecords(self.client("dynamodb"), next(one for one in tables if one.endswith("-access")))

    def edge(self, **headers: str) -> dict[str, Any]:
        event = {
            "type": "REQUEST",
            "methodArn": ARN,
            "multiValueHeaders": {name.replace("_", "-"): [value] for name, value in headers.items()},
            "requestContext": {"identity": {"sourceIp": "192.0.2.1"}},
        }
        answer, error = self.invoke("authorizer", event)
        assert error is None, answer
        return answer

    def effect(self, **headers: str) -> str:
        return self.edge(**headers)["policyDocument"]["Statement"][0]["Effect"]


@pytest.fixture(scope="module")
def deployment(local_kit: LocalKit) -> Deployment:
    return Deployment(local_kit)


def test_the_edge_lets_a_valid_key_through_and_nothing_else(deployment):
    key = deployment.kit.clients_environment()["ANTHROPIC_AUTH_TOKEN"]
    allowed = deployment.edge(Authorization=f"Bearer {key}")
    assert allowed["policyDocument"]["Statement"] == [
        {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": ARN}
    ]
    assert key not in json.dumps(allowed)
    assert deployment.effect(**{"X-Api-Key": key}) == "Allow"
    assert deployment.effect() == "Deny"
    assert deployment.effect(Authorization=f"Bearer {new_virtual_key()}") == "Deny"
    assert deployment.effect(Authorization="Bearer eyJhbGciOiJub25lIn0.e30.x") == "Deny"


def test_the_edge_does_not_believe_a_client_about_who_it_is(deployment):
    context = json.dumps({"identity": {"userArn": "arn:aws:iam::111122223333:role/admin"}})
    assert deployment.effect(**{"x-amzn-request-context": context}) == "Deny"
    key = deployment.kit.clients_environment()["ANTHROPIC_AUTH_TOKEN"]
    smuggled = {"X-Api-Key": key, "X-Claude-Gateway-User-Email": "boss@example.com"}
    assert deployment.effect(**smuggled) == "Deny"


def provision(deployment: Deployment, name: str = "", **values: Any) -> tuple[str, str]:
    person = f"person-{uuid.uuid4().hex[:8]}"
    name = name or f"{person}@example.com"
    records = deployment.records()
    record = person_record(person, provisioned=True, department="finance", **values)
    deployment.client("dynamodb").transact_write_items(
        TransactItems=[records.creation(record), records.naming("user-name", name, person)]
    )
    return person, name


def trigger(
    deployment: Deployment, subject: str, source: str = "HostedAuth", **attributes: str
) -> tuple[Any, str | None]:
    """What the trigger answers to the account `subject`, whose address the identity provider has verified."""
    identity = {"userId": subject, "providerName": "organization", "providerType": "OIDC"}
    event = {
        "version": "2",
        "triggerSource": f"TokenGeneration_{source}",
        "userName": f"organization_{subject}",
        "request": {
            "userAttributes": {"email_verified": "true", "identities": json.dumps([identity]), **attributes},
            "scopes": ["openid"],
        },
        "response": {},
    }
    return deployment.invoke("pretoken", event)


def claims_of(answer: Any) -> dict[str, Any]:
    return answer["response"]["claimsAndScopeOverrideDetails"]["accessTokenGeneration"][
        "claimsToAddOrOverride"
    ]


def account() -> str:
    return uuid.uuid4().hex


def test_a_token_says_who_a_person_is_to_us_and_how_they_signed_in(deployment):
    person, name = provision(deployment, roles=["analyst"], data_classes=["public"])
    methods = {"custom:amr": '["pwd","mfa"]', "custom:acr": "urn:acme:strong"}
    answer, error = trigger(deployment, account(), email=name, **methods)
    assert error is None, answer
    assert claims_of(answer) == {
        "kit_person": person,
        "kit_department": "finance",
        "kit_roles": ["analyst"],
        "kit_data_classes": ["public"],
        "kit_amr": ["pwd", "mfa"],
        "kit_acr": "urn:acme:strong",
    }


def test_who_has_no_access_gets_no_token(deployment):
    person, name = provision(deployment)
    deployment.records().revoke(user_key(person))
    for email in (name, "stranger@example.com"):
        answer, error = trigger(deployment, account(), email=email)
        assert error
        assert email not in json.dumps(answer)


def test_an_account_stays_the_person_it_was_bound_to_whatever_either_is_called(deployment):
    person, name = provision(deployment)
    _, others_name = provision(deployment)
    ada = account()
    assert claims_of(trigger(deployment, ada, email=name)[0])["kit_person"] == person
    # the name goes to a new hire, the session of before is refreshed with what the pool kept
    table, client = deployment.records().table, deployment.client("dynamodb")
    records = deployment.records()
    client.transact_write_items(TransactItems=[records.unnaming("user-name", name)])
    newcomer, _ = provision(deployment, name=name)
    assert claims_of(trigger(deployment, ada, "RefreshTokens", email=name)[0])["kit_person"] == person
    assert claims_of(trigger(deployment, ada, email=others_name)[0])["kit_person"] == person
    assert claims_of(trigger(deployment, account(), email=name)[0])["kit_person"] == newcomer
    assert client.get_item(TableName=table, Key={"pk": {"S": user_key(person)}, "sk": {"S": "BINDING"}})[
        "Item"
    ]


def test_another_account_with_a_persons_address_is_refused_and_leaves_word(deployment):
    person, name = provision(deployment)
    assert trigger(deployment, account(), email=name)[1] is None
    answer, error = trigger(deployment, account(), email=name)
    assert error
    assert name not in json.dumps(answer)
    tables = deployment.client("dynamodb").list_tables()["TableNames"]
    directory = next(one for one in tables if one.endswith("-directory"))
    outbox = deployment.client("dynamodb").query(
        TableName=directory,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "OUTBOX"}},
    )["Items"]
    told = [json.loads(item["event"]["S"]) for item in outbox]
    of_person = [one["identity"] for one in told if one["person"] == person]
    assert set(of_person) <= {"bound", "refused"}  # the worker may have made records of them already
    records = run(deployment.kit, "audit", "find", "--kind", "identity", "--person", person, "--json").stdout
    assert "refused" in of_person or "refused" in records


@pytest.mark.parametrize(
    "attributes",
    [
        {"email_verified": "false"},
        {"email_verified": ""},
        {"email": "", "preferred_username": "NAME"},
        {"email": "mallory@example.com", "preferred_username": "NAME"},
        {"email": "NAME.evil-corp.com"},
        {"email": "ada@evil-corp.com"},
    ],
    ids=repr,
)
def test_what_the_identity_provider_has_not_verified_makes_nobody_a_person(deployment, attributes):
    _, name = provision(deployment)
    given = {key: value.replace("NAME", name) for key, value in attributes.items()}
    answer, error = trigger(deployment, account(), **{"email": name, **given})
    assert error
    assert name not in json.dumps(answer)


def test_an_account_outside_the_allowed_domains_is_refused_even_when_it_is_a_persons(deployment):
    _, name = provision(deployment)
    ada = account()
    assert trigger(deployment, ada, email=name)[1] is None
    assert trigger(deployment, ada, "RefreshTokens", email="ada@evil-corp.com")[1]


def test_the_directorys_own_id_decides_before_any_address(deployment):
    person, _ = provision(deployment)
    _, colleague = provision(deployment)
    ada = account()
    records = deployment.records()
    deployment.client("dynamodb").transact_write_items(
        TransactItems=[records.naming("external-id", ada, person)]
    )
    unverified = trigger(deployment, ada, email=colleague, email_verified="false")[0]
    assert claims_of(unverified)["kit_person"] == person


def test_a_refresh_makes_nobody_known(deployment):
    _, name = provision(deployment)
    assert trigger(deployment, account(), "RefreshTokens", email=name)[1]


def test_a_letter_that_only_looks_the_same_makes_nobody_a_namesake(deployment):
    _, name = provision(deployment)
    assert trigger(deployment, account(), email=name.upper())[1] is None
    kelvin = provision(deployment, name=f"kim-{uuid.uuid4().hex[:8]}@example.com")[1]
    assert trigger(deployment, account(), email=kelvin.replace("k", "\u212a"))[1]


def kit(deployment: Deployment, *arguments: str, code: int = 0) -> Any:
    done = run(deployment.kit, *arguments)
    assert done.code == code, done.stdout + done.stderr
    return done


def ask(deployment: Deployment, key: str) -> int:
    import anthropic

    variables = deployment.kit.variables or deployment.kit.clients_environment()
    client = anthropic.Anthropic(api_key=key, base_url=variables["ANTHROPIC_BASE_URL"], max_retries=0)
    try:
        client.messages.create(
            model="fast", max_tokens=8, messages=[{"role": "user", "content": "Say hello."}]
        )
    except anthropic.APIStatusError as error:
        return error.status_code
    return 200


def test_a_key_lives_from_its_making_to_its_revocation(deployment):
    made = kit(deployment, "key", "create", "--name", "nightly", "--department", "marketing", "--json")
    document = json.loads(made.stdout)
    key, key_id = document["key"], document["id"]
    assert ask(deployment, key) == 200
    listed = kit(deployment, "key", "list", "--json").stdout
    assert key_id in listed
    assert key not in listed
    kit(deployment, "switch", "off", "principal", key_id, "--reason", "a test of the switch")
    assert ask(deployment, key) == 451
    assert key_id in kit(deployment, "switch", "list").stdout
    kit(deployment, "switch", "on", "principal", key_id, "--reason", "a test of the switch")
    assert ask(deployment, key) == 200
    kit(deployment, "key", "revoke", key_id)
    assert ask(deployment, key) in {401, 403}
    assert "already" in kit(deployment, "key", "revoke", key_id).stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("key", "create", "--name", "x", "--department", "nosuch"),
        ("key", "create", "--name", "x", "--department", "marketing", "--model", "nosuch"),
        ("key", "create", "--name", "x", "--department", "marketing", "--network", "10.0.0.1/8"),
        ("key", "create", "--name", "x", "--department", "marketing", "--days", "0"),
        ("key", "create", "--name", "x", "--department", "marketing", "--issuer", "aws:iam"),
        ("key", "revoke", "key_nosuch"),
        ("switch", "off", "planet", "--reason", "x"),
        ("switch", "off", "organization", "marketing", "--reason", "x"),
        ("switch", "off", "department", "nosuch", "--reason", "x"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(deployment, arguments):
    done = kit(deployment, *arguments, code=2)
    assert "hint:" in done.stderr

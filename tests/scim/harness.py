"""The SCIM service under uvicorn on a real socket, on an emulated AWS."""

import json
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import botocore.loaders
import botocore.session
import httpx2
import uvicorn

from kit.embedded import Emulator
from lambdas.scim.app import Service, create_app
from lambdas.scim.bearer import BearerTokens
from lambdas.scim.credentials import NamedTokens
from lambdas.scim.endpoints import Endpoints
from lambdas.scim.settings import Directory, Settings, aws_client, open_directory

RULES: dict[str, Any] = {
    "version": 1,
    "groups": [
        {"group": "Claude Marketing", "department": "marketing"},
        {"group": "Claude Finance", "department": "finance", "data_classes": ["public"]},
        {"group": "Claude Champions", "roles": ["champion"]},
    ],
    "departments": [{"id": "marketing", "name": "Marketing"}, {"id": "finance", "name": "Finance"}],
    "onboarding_required": False,
}
PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE_SCHEMA = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"


_LOADER = botocore.loaders.create_loader()  # shared: each of its own would read AWS's models again


def session_with(key_id: str, secret: str, token: str | None = None) -> botocore.session.Session:
    """A session with these credentials."""
    session = botocore.session.Session()
    session.register_component("data_loader", _LOADER)
    session.set_credentials(key_id, secret, token)
    return session


@cache
def session_of(emulator: Emulator) -> botocore.session.Session:
    """A session with the emulator's root credentials."""
    return session_with(emulator.access_key_id, emulator.secret_access_key)


@dataclass
class Tenant:
    """The stores of one deployment, made as the plan makes them but for keys and recovery."""

    emulator: Emulator
    settings: Settings
    token: str

    @classmethod
    def make(cls, emulator: Emulator, rules: Mapping[str, Any] = RULES) -> "Tenant":
        name = f"scim-{uuid.uuid4().hex[:12]}"
        settings = Settings(
            region=emulator.region,
            endpoint_url=emulator.endpoint_url,
            directory_table=f"{name}-directory",
            access_table=f"{name}-access",
            governance_bucket=f"{name}-governance",
            rules_object_key="policy/scim.json",
            environment="test",
            token_secret_arn=f"{name}-token",
        )
        tenant = cls(emulator, settings, f"token-{uuid.uuid4().hex}")
        for table in (settings.directory_table, settings.access_table):
            tenant.client("dynamodb").create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[
                    {"AttributeName": "pk", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                AttributeDefinitions=[
                    {"AttributeName": "pk", "AttributeType": "S"},
                    {"AttributeName": "sk", "AttributeType": "S"},
                ],
            )
        tenant.client("s3").create_bucket(
            Bucket=settings.governance_bucket,
            CreateBucketConfiguration={"LocationConstraint": emulator.region},
        )
        tenant.publish(rules)
        tenant.client("secretsmanager").create_secret(
            Name=settings.token_secret_arn, SecretString=tenant.token
        )
        return tenant

    def client(self, service: str) -> Any:
        return aws_client(session_of(self.emulator), service, self.settings)

    def publish(self, rules: Mapping[str, Any]) -> None:
        self.client("s3").put_object(
            Bucket=self.settings.governance_bucket,
            Key=self.settings.rules_object_key,
            Body=json.dumps(rules).encode(),
        )


class Scim:
    """A running service and a client with its token."""

    def __init__(
        self, tenant: Tenant, *, directory: Directory | None = None, body_limit: int = 2_000_000
    ) -> None:
        self.tenant = tenant
        self.directory = directory or open_directory(tenant.settings, session_of(tenant.emulator))
        self.tokens = BearerTokens(tenant.client("secretsmanager"), tenant.settings.token_secret_arn)
        endpoints = Endpoints(self.directory.people, self.directory.groups)
        self.named = NamedTokens(self.directory.store)
        app = create_app(Service(endpoints, self.tokens, self.named, "test", body_limit))
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.01)
            assert self._thread.is_alive(), "the service did not start"
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/scim/v2"
        self._client = httpx2.Client(
            base_url=self.url,
            headers={"authorization": f"Bearer {tenant.token}"},
            timeout=600,
            # a connection on which a body was refused unread is closed by the server, maybe under a request
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    def stop(self) -> None:
        self._client.close()
        self._server.should_exit = True
        self._thread.join(10)

    @property
    def http(self) -> httpx2.Client:
        return self._client

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._client.request(
            method, path, content=content, headers={"content-type": "application/scim+json", **named}
        )

    def user(self, user_name: str | None = None, **fields: Any) -> dict[str, Any]:
        """A new user, as answered."""
        user_name = user_name or f"{uuid.uuid4().hex}@example.com"
        body = {"schemas": [USER_SCHEMA, ENTERPRISE_SCHEMA], "userName": user_name, **fields}
        answer = self.request("POST", "/Users", body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def group(self, name: str, *members: str, **fields: Any) -> dict[str, Any]:
        """A new group, as answered."""
        body = {
            "schemas": [GROUP_SCHEMA],
            "displayName": name,
            "members": [{"value": member} for member in members],
            **fields,
        }
        answer = self.request("POST", "/Groups", body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def patch(self, path: str, *operations: dict[str, Any], **headers: str) -> httpx2.Response:
        return self.request("PATCH", path, {"schemas": [PATCH_SCHEMA], "Operations": operations}, **headers)

    def find(self, kind: str, condition: str, **query: Any) -> dict[str, Any]:
        """What a filter answers."""
        answer = self._client.get(f"/{kind}", params={"filter": condition, **query})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def access(self, person: str) -> Any:
        """The live access record of a person."""
        return self.directory.access.get(f"USER#{person}")

"""The portal in this process, on an emulated AWS in memory and a gateway that answers as scripted.

For what no whole deployment of the tests has: settings that differ, other days, another person's rows.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

import botocore.session
from starlette.testclient import TestClient

from components.portal.content import content_text
from lambdas.common.access import AccessRecords, person_record
from lambdas.common.subject_keys import SubjectKeys
from lambdas.portal.app import create_app
from lambdas.portal.catalogue import Library
from lambdas.portal.content import ContentSource
from lambdas.portal.figures import FiguresSource
from lambdas.portal.gateway import Answer, Finished, GatewayError, Stream
from lambdas.portal.history import History
from lambdas.portal.pool import UserPool
from lambdas.portal.portal import Delegate, Portal
from lambdas.portal.sessions import Sessions, Tokens
from lambdas.portal.settings import PortalSettings
from lambdas.portal.table import PortalTable

REGION = "eu-central-1"
_SETTINGS = PortalSettings(
    region=REGION, endpoint_url=None, table="portal", access_table="access", governance_bucket="governance",
    content_key="portal/content.json", gateway_url="http://gateway", portal_url="http://testserver/portal",
    sign_in_url="http://pool", client_id="client", provider="provider", issuer="http://pool",
    registrar_function="registrar", deputy_function="deputy", environment="local", organization="Acme",
)  # fmt: skip


@dataclass
class GatewayDouble:
    """Answers each path with what `answers` holds; a `GatewayError` is raised. `asked` is what came."""

    answers: dict[str, Any] = field(default_factory=dict)
    said: str = "An answer."
    asked: list[tuple[str, Any]] = field(default_factory=list)

    async def get(self, token: str, path: str) -> Answer:
        return await self.post(token, path, {})

    async def post(self, token: str, path: str, body: Mapping[str, Any]) -> Answer:
        self.asked.append((path, dict(body)))
        found = self.answers.get(path.partition("?")[0], {"data": []})
        if isinstance(found, GatewayError):
            raise found
        if path.startswith("/v1/records/"):
            found = {"model": "fast", "data_class": "internal", "requires_review": False}
        return Answer(200, found, "req_1")

    @asynccontextmanager
    async def stream(
        self, token: str, path: str, body: Mapping[str, Any], finished: Finished, use_case: str = ""
    ) -> AsyncIterator[Stream]:
        self.asked.append((path, dict(body)))
        finished.stop_reason = "end_turn"

        async def text() -> AsyncIterator[str]:
            yield self.said

        yield Stream(f"req_{len(self.asked):026}", text())


class _Pool:
    class transport:  # noqa: N801
        @staticmethod
        def close() -> None:
            """Nothing is open."""


@dataclass
class Place:
    """A portal and its stores."""

    portal: Portal
    gateway: GatewayDouble
    records: AccessRecords
    keys: SubjectKeys
    dynamodb: Any

    def joined(self, person: str, department: str = "legal", **values: Any) -> None:
        """Somebody whom the directory has let in, and whose first call was recorded."""
        self.records.create(person_record(person, provisioned=True, department=department, **values))
        self.keys.load(department, person)

    @contextmanager
    def browser(self, person: str) -> Iterator[TestClient]:
        """A signed-in browser of somebody."""
        later = int(self.portal.now().timestamp()) + 3600
        session = self.portal.sessions.open(person, person, Tokens("token", "id", "refresh", later))
        with TestClient(create_app(self.portal), follow_redirects=True) as client:
            client.cookies["portal"] = session.secret
            yield client


def post(client: TestClient, path: str, fields: Mapping[str, str], **headers: str) -> Any:
    """A form of the page that `client` saw last at `path`'s own page."""
    session = client.get("/portal/support").text
    token = session.split('name="form_token" value="', 1)[1].split('"', 1)[0]
    return client.post(f"/portal/{path}", data={**fields, "form_token": token}, headers=headers)


def make_place(*, history_days: int = 0, clock: Any, content: str = "") -> Place:
    """The portal's stores and the portal on them, within `mock_aws`; `content` in place of the kit's."""
    session = botocore.session.get_session()
    dynamodb, s3, kms = (session.create_client(one, region_name=REGION) for one in ("dynamodb", "s3", "kms"))
    for table in ("access", "portal", "subject-keys"):
        names = ("at", "pk", "queue", "sk") if table == "portal" else ("pk", "sk")
        index = {
            "IndexName": "queue",
            "Projection": {"ProjectionType": "ALL"},
            "KeySchema": _schema("queue", "at"),
        }
        dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=_schema("pk", "sk"),
            AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in names],
            **({"GlobalSecondaryIndexes": [index]} if table == "portal" else {}),
        )
    s3.create_bucket(Bucket="governance", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="governance", Key=_SETTINGS.content_key, Body=(content or content_text()).encode())
    key = kms.create_key()["KeyMetadata"]["Arn"]
    table = PortalTable(dynamodb, "portal")
    keys = SubjectKeys(dynamodb, kms, table="subject-keys", key_arn=key, clock=clock, ttl_seconds=0)
    gateway = GatewayDouble()
    portal = Portal(
        settings=replace(_SETTINGS, history_days=history_days),
        table=table,
        sessions=Sessions(table, clock=clock),
        records=AccessRecords(dynamodb, "access"),
        pool=cast("UserPool", _Pool()),
        gateway=cast("Any", gateway),
        registrar=Delegate(None, "registrar"),
        deputy=Delegate(None, "deputy"),
        content=ContentSource(s3, "governance", _SETTINGS.content_key),
        library=Library(cast("Any", gateway)),
        figures=FiguresSource(s3, "governance"),
        clock=clock,
        history=History(table, keys, history_days, clock) if history_days else None,
    )
    gateway.answers["/v1/me"] = {"models": ["fast"], "registered_prompts_only": False}
    return Place(portal, gateway, portal.records, keys, dynamodb)


def _schema(first: str, second: str) -> list[dict[str, str]]:
    return [{"AttributeName": first, "KeyType": "HASH"}, {"AttributeName": second, "KeyType": "RANGE"}]


@dataclass
class Clock:
    """A clock that stands until it is set."""

    at: datetime

    def __call__(self) -> datetime:
        return self.at

"""A gateway under uvicorn on a real socket, with providers that a test scripts."""

import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import uvicorn

from components.governance.published_prompts import object_key, object_text, read_published, registry_index
from components.layers import HTTP_PROTOCOL
from lambdas.common.clock import utc_now
from lambdas.common.documents import Document, WideningDocument
from lambdas.common.identities import Principal
from lambdas.common.inspection_exceptions import parse_exceptions
from lambdas.common.policy import PolicyWatch
from lambdas.common.prices import load_prices
from lambdas.gateway.access_log import AccessLog
from lambdas.gateway.app import create_app
from lambdas.gateway.authenticate import AuthenticationError
from lambdas.gateway.call import Deadlines
from lambdas.gateway.composition import Gateway
from lambdas.gateway.files.quarantine import Quarantine
from lambdas.gateway.inspection import InspectionStep
from lambdas.gateway.inspection_process import InspectionProcess
from lambdas.gateway.prompts import PromptRegistry
from lambdas.gateway.providers.registry import Providers
from lambdas.gateway.providers.transport import HttpTransport
from lambdas.gateway.publications import Publications
from lambdas.gateway.settings import GatewaySettings, read_settings
from lambdas.inspection import InspectionConfig, Inspector
from lambdas.inspection.second_stage import SecondStage

from .stores import MemoryAudit, RefusingLedger
from .upstream import FakeUpstream

KEY = "vk_marketing_1_secret"
PERSON_TOKEN = "token of Ana"
OTHER_KEY = "vk_marketing_2_secret"
FINANCE_KEY = "vk_finance_1_secret"
PROVIDER_KEY = "sk-provider-never-shown"


def chat(content: Any = "Write a haiku about rivers.", **fields: Any) -> bytes:
    body = {
        "model": "claude-haiku-5-5",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": content}],
        **fields,
    }
    return json.dumps(body, ensure_ascii=False).encode()


def department(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": name,
        "cost_center": "CC-100",
        "data_classes": ["public", "internal"],
        "models": ["fast", "balanced"],
        "monthly_budget_microusd": 50_000_000,
        "user_monthly_budget_microusd": 50_000_000,
        "requests_per_minute": 100_000,
        "tokens_per_minute": 1_000_000_000,
        "user_requests_per_minute": 50_000,
        "user_tokens_per_minute": 1_000_000_000,
        "findings": {},
        "redact_output": False,
        "unknown": "pass-and-record",
        "tool_governance": "observe",
        "registered_prompts_only": False,
        "human_review": [],
        **changes,
    }


def policy_document(urls: list[str], **changes: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "client": "acme",
        "environment": "test",
        "organization": {"monthly_budget_microusd": 10**12, "budget_model": "per-call", "budget_shards": 1},
        "departments": [department("marketing"), department("finance")],
        "models": {
            "fast": {"display_name": "Fast", "model": "claude-haiku-5-5"},
            "balanced": {"display_name": "Balanced", "model": "claude-sonnet-5-5"},
            "best": {"display_name": "Best", "model": "claude-opus-5-5"},
        },
        "embeddings": {"model": "amazon.titan-embed-text-v2:0"},
        "providers": [
            {
                "name": f"provider-{number}",
                "kind": "anthropic",
                "base_url": url,
                "auth": {"kind": "secret"},
                "models": {},
            }
            for number, url in enumerate(urls, 1)
        ],
        "issuers": [],
        **changes,
    }


class MemoryDocument:
    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    async def fetch(self, etag: str | None) -> Document | None:
        body = json.dumps(self.document).encode()
        return None if etag == str(hash(body)) else Document(str(hash(body)), body)


class PublishedPromptsOnDisk:
    """The kit's own published prompts, as the registry component stores them."""

    def __init__(self) -> None:
        published = read_published(Path(__file__).parents[2] / "prompts")
        self.index = MemoryDocument(registry_index(published))
        self.objects = {
            object_key(name, number, document): object_text(document).encode()
            for name, numbers in published.versions.items()
            for number, document in numbers.items()
        }

    async def read(self, key: str) -> bytes:
        return self.objects[key]


class Keys:
    """Three virtual keys and a person."""

    def __init__(self) -> None:
        self.principals = {
            KEY: Principal("application", "app-1", "marketing", "KEY#1", "keys"),
            OTHER_KEY: Principal("application", "app-2", "marketing", "KEY#2", "keys"),
            FINANCE_KEY: Principal("application", "app-3", "finance", "KEY#3", "keys"),
            PERSON_TOKEN: Principal("person", "ana", "marketing", "USER#ana", "issuer"),
        }
        self.refuse: Exception | None = None

    async def authenticate(self, headers: Any, peer: str = "", *, force_refresh: bool = False) -> Principal:
        del force_refresh
        if self.refuse is not None:
            raise self.refuse
        given = headers.get(b"x-api-key") or headers.get(b"authorization", b"").removeprefix(b"Bearer ")
        principal = self.principals.get(given.decode("latin-1"))
        if principal is None:
            raise AuthenticationError("The credential is missing or wrong.")
        return principal


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)

    def json(self) -> Any:
        return json.loads(self.body)


async def provider_key() -> str:
    return PROVIDER_KEY


async def unused(*_: str) -> Any:
    raise AssertionError


@dataclass
class ProviderCredentials:
    """What the gateway may ask for to prove itself to a provider."""

    read_secret: Any = provider_key
    identity_token: Any = unused
    aws_credentials: Any = unused


@dataclass
class Harness:
    """The gateway under test and everything around it."""

    upstreams: list[FakeUpstream]
    settings: GatewaySettings
    policy_source: MemoryDocument
    ledger: RefusingLedger = field(default_factory=RefusingLedger)
    audit: MemoryAudit = field(default_factory=MemoryAudit)
    keys: Keys = field(default_factory=Keys)
    log: list[dict[str, Any]] = field(default_factory=list)
    prompts: PublishedPromptsOnDisk = field(default_factory=PublishedPromptsOnDisk)
    credentials: ProviderCredentials = field(default_factory=ProviderCredentials)
    second_stage: SecondStage | None = None
    quarantine: Quarantine | None = None
    process: InspectionProcess | None = None
    additions: MemoryDocument = field(default_factory=lambda: MemoryDocument({"additions": []}))
    exceptions: MemoryDocument = field(default_factory=lambda: MemoryDocument({"exceptions": []}))
    port: int = 0
    under_way: int = 0

    provider_key = PROVIDER_KEY
    deadlines_default = Deadlines()

    @property
    def upstream(self) -> FakeUpstream:
        return self.upstreams[0]

    @property
    def second_upstream(self) -> FakeUpstream:
        return self.upstreams[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def body_limit(self) -> int:
        return self.settings.body_limit

    @property
    def ping_seconds(self) -> float:
        return self.settings.deadlines.ping

    @property
    def user_requests_per_minute(self) -> int:
        return self.policy_source.document["departments"][0]["user_requests_per_minute"]

    def reset(self) -> None:
        for upstream in self.upstreams:
            upstream.reset()
        self.log.clear()
        self.keys.refuse = self.ledger.refuse = self.audit.refuse = None
        self.audit.refuse_kind = None
        self.audit.refuse_bodies_only = False
        self.audit.records.clear()
        self.ledger.store.items.clear()
        for principal in self.keys.principals.values():
            self.ledger.admit(principal.access_key, principal.department)

    def spent(self) -> int:
        return self.ledger.committed()

    def lines(self) -> list[dict[str, Any]]:
        """The access log, once nothing is under way: a line follows its answer."""
        deadline = monotonic() + 2
        while self.under_way and monotonic() < deadline:
            sleep(0.002)
        return [line for line in self.log if line["type"] == "access"]

    def compose(self) -> Gateway:
        transport = HttpTransport(connect_seconds=self.settings.deadlines.connect)
        policy = PolicyWatch(self.policy_source, poll_seconds=0.05)
        return Gateway(
            self.settings,
            policy=policy,
            authenticator=self.keys,
            inspection=InspectionStep(
                Inspector(InspectionConfig(hash_key=b"k" * 32)),
                second_stage=self.second_stage,
                rules=lambda: policy.current().inspection,
                process=self.process,
                in_thread_bytes=32 * 1024,
                exceptions=WideningDocument(self.exceptions, parse_exceptions, ()),
                publications=Publications(self.ledger.store, utc_now),
            ),
            ledger=self.ledger,
            prices=load_prices(),
            audit=self.audit,
            providers=Providers(
                transport,
                read_secret=self.credentials.read_secret,
                identity_token=self.credentials.identity_token,
                aws_credentials=self.credentials.aws_credentials,
                region="eu-central-1",
            ),
            transport=transport,
            batch_store=self.ledger.store,
            prompts=PromptRegistry(self.prompts.index, self.prompts.read),
            aws_credentials=self.credentials.aws_credentials,
            contract_additions=self.additions,
            embeddings_key=provider_key,
            quarantine=(lambda: self.quarantine) if self.quarantine else None,  # pyright: ignore
            access_log=AccessLog("test", lambda line: self.log.append(json.loads(line))),
        )

    def start(self) -> None:
        app = create_app(self.compose())

        async def counted(scope: Any, receive: Any, send: Any) -> None:
            counts = scope["type"] == "http"
            self.under_way += counts
            try:
                await app(scope, receive, send)
            finally:
                self.under_way -= counts

        config = uvicorn.Config(
            counted,
            host="127.0.0.1",
            port=0,
            log_level="critical",
            access_log=False,
            proxy_headers=False,  # whose word counts about a caller's address is the gateway's own business
            lifespan="on",
            http=HTTP_PROTOCOL,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            self._thread.join(0.01)
            assert self._thread.is_alive(), "the gateway did not start"
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    def kill(self) -> None:
        """End at once, whatever is under way; its stores are to be dead before."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        key: str | None = KEY,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        credential = {"x-api-key": key} if key else {}
        connection.request(method, path, body, {**credential, **(headers or {})})
        response = connection.getresponse()
        answer = Answer(response.status, response.getheaders(), response.read())
        connection.close()
        return answer

    def post(
        self, path: str, body: Any, headers: dict[str, str] | None = None, key: str | None = KEY
    ) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", path, data, {"content-type": "application/json", **(headers or {})}, key)

    def stream(self, body: bytes) -> Iterator[bytes]:
        """The pieces of a streamed answer as they arrive."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("POST", "/v1/messages", body, {"x-api-key": KEY})
        response = connection.getresponse()
        while piece := response.read1():
            yield piece
        connection.close()


def make(
    upstreams: list[FakeUpstream],
    deadlines: Deadlines | None = None,
    *,
    concurrent_calls: int = 512,
    read_secret: Any = provider_key,
    identity_token: Any = unused,
    aws_credentials: Any = unused,
    second_stage: SecondStage | None = None,
    process: InspectionProcess | None = None,
    quarantine: Quarantine | None = None,
    has_bedrock: bool = True,
    **policy: Any,
) -> Harness:
    """A running gateway. `policy` replaces parts of the policy document. The caller stops it."""
    settings = replace(
        read_settings({"GATEWAY_BODY_LIMIT": "200000", "GATEWAY_BODY_SECONDS": "1"}),
        concurrent_calls=concurrent_calls,
        has_bedrock=has_bedrock,
        deadlines=deadlines
        or Deadlines(
            ping=0.2, connect=1.0, first_byte_whole=2.0, first_byte_stream=2.0, idle=1.5, read_on=0.5
        ),
    )
    harness = Harness(
        upstreams,
        settings,
        MemoryDocument(policy_document([one.url for one in upstreams], **policy)),
        credentials=ProviderCredentials(read_secret, identity_token, aws_credentials),
        second_stage=second_stage,
        quarantine=quarantine,
        process=process,
    )
    harness.start()
    return harness

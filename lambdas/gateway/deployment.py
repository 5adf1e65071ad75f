"""The gateway on AWS: which store and which client implements each interface.

    uvicorn --factory lambdas.gateway.app:create_app

needs only environment variables (see `settings`) and credentials that botocore finds, on Lambda, on
Kubernetes and against an emulated AWS (`AWS_ENDPOINT_URL`) alike. Ledger items and audit records use
`aws_requests`. All other clients are botocore's: they block, so all their calls run in a pool of threads.
"""

import asyncio
import hmac
import os
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials

from lambdas.common.audit import open_writer
from lambdas.common.clock import utc_now
from lambdas.common.documents import S3Document, WideningDocument
from lambdas.common.inspection_exceptions import EXCEPTIONS_KEY, parse_exceptions
from lambdas.common.kept_secret import KeptSecret
from lambdas.common.ledger import Ledger
from lambdas.common.ledger.dynamo_store import DynamoStore
from lambdas.common.ledger.token_uses import TokenUses
from lambdas.common.policy import PolicyWatch
from lambdas.common.prices import load_prices
from lambdas.common.request_contract import ADDITIONS_KEY
from lambdas.common.virtual_keys import read_pepper
from lambdas.gateway.access_log import AccessLog
from lambdas.gateway.authenticate import Hops, open_authenticator
from lambdas.gateway.aws_requests import Credentials as AwsCredentials
from lambdas.gateway.aws_requests import DynamoRequests, FirehoseRequests, S3Puts
from lambdas.gateway.composition import Gateway
from lambdas.gateway.dictionary import DictionaryWatch
from lambdas.gateway.inspection import InspectionStep
from lambdas.gateway.inspection_process import InspectionProcess
from lambdas.gateway.prompts import PromptRegistry
from lambdas.gateway.providers.registry import Providers
from lambdas.gateway.providers.transport import HttpTransport
from lambdas.gateway.providers.user_sessions import SESSION_SECONDS, Assumed, Attribution, UserSessions
from lambdas.gateway.publications import Publications
from lambdas.gateway.settings import GatewaySettings, SettingsError
from lambdas.inspection import InspectionConfig, Inspector
from lambdas.inspection.second_stage import SecondStage

INDEX_KEY = "prompts/index.json"
_THREADS = 48
_STS_THREADS = 8
_AWS_CONNECT_SECONDS = 1.0
_AWS_KEEP_SECONDS = 15.0  # S3 closes idle connections after about 20
_IDENTITY_SECONDS = 300  # lifetime of our identity token, which is exchanged immediately

if TYPE_CHECKING:
    from lambdas.gateway.files.quarantine import Quarantine

Result = TypeVar("Result")


def compose(settings: GatewaySettings) -> Gateway:
    """Return a gateway on the stores in the settings.

    Raises `SettingsError`, and botocore's errors if the pepper cannot be read: callers could not be
    identified.
    """
    return prepare(settings)()


def prepare(settings: GatewaySettings) -> Callable[[], Gateway]:
    """Create what needs no requests, mainly the clients, which take longest.

    Return a function that creates the rest, including secrets and credentials, which must run after a
    snapshot was restored. Raises `SettingsError`.
    """
    for variable, value in (
        ("LEDGER_TABLE", settings.ledger_table),
        ("ACCESS_TABLE", settings.access_table),
        ("GOVERNANCE_BUCKET", settings.governance_bucket),
        ("KEY_PEPPER_SECRET_ARN", settings.key_pepper_secret_arn),
    ):
        _named(value, variable)
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="aws")
    aws = _Aws(settings, pool)
    for service in ("dynamodb", "firehose", "s3", "secretsmanager"):
        aws.client(service)
    return partial(_gateway, settings, aws, pool)


def _gateway(settings: GatewaySettings, aws: "_Aws", pool: ThreadPoolExecutor) -> Gateway:
    ledger_table = _named(settings.ledger_table, "LEDGER_TABLE")
    access_table = _named(settings.access_table, "ACCESS_TABLE")
    governance = _named(settings.governance_bucket, "GOVERNANCE_BUCKET")
    pepper_arn = _named(settings.key_pepper_secret_arn, "KEY_PEPPER_SECRET_ARN")
    dynamodb, s3 = aws.client("dynamodb"), aws.client("s3")
    kept_pepper = KeptSecret(lambda: read_pepper(aws.secret(pepper_arn)), pool)
    pepper = kept_pepper()
    transport = HttpTransport(connect_seconds=settings.deadlines.connect)
    hot = HttpTransport(connect_seconds=_AWS_CONNECT_SECONDS, keep_seconds=_AWS_KEEP_SECONDS)
    keys = AwsCredentials(aws.session.get_credentials())
    store = DynamoStore(
        DynamoRequests(hot, keys, endpoint_url=dynamodb.meta.endpoint_url, region=settings.region),
        ledger_table=ledger_table,
        access_table=access_table,
        pool=None,
    )
    puts = S3Puts(
        hot,
        keys,
        endpoint_url=s3.meta.endpoint_url,
        region=settings.region,
        path_style=settings.endpoint_url is not None,
    )
    copies = FirehoseRequests(
        hot,
        keys,
        endpoint_url=aws.client("firehose").meta.endpoint_url,
        region=settings.region,
    )
    access_log = AccessLog(settings.environment)
    policy = PolicyWatch(
        S3Document(s3, governance, settings.policy_object_key),
        report=lambda text: access_log.event("policy", message=text),
    )
    caller_credentials = aws.caller_credentials()
    audit = open_writer(
        "gateway", os.environ, session=aws.session, put_object=puts.put_object, firehose=copies
    )

    async def announce(record: dict[str, Any]) -> None:
        if record["event"] == "refused":
            access_log.foreign_subject()
        await audit.append(record, bodies={})

    return Gateway(
        settings,
        policy=policy,
        authenticator=open_authenticator(
            policy,
            dynamodb,
            access_table,
            kept_pepper,
            pool,
            hops=Hops(api_gateway=settings.behind_api_gateway, proxies=settings.trusted_proxies),
            uses=TokenUses(store),
            announce=announce,
            endpoint_url=settings.endpoint_url,
        ),
        inspection=InspectionStep(
            Inspector(InspectionConfig(hash_key=_key(pepper, b"inspection"))),
            DictionaryWatch(
                lambda: policy.current().dictionary,
                partial(aws.object, s3, governance),
                report=lambda text: access_log.event("dictionary", message=text),
            ),
            SecondStage(aws.client("bedrock-runtime"), *settings.guardrail, _key(pepper, b"inspection"))
            if settings.guardrail
            else None,
            count=access_log.finding,
            rules=lambda: policy.current().inspection,
            # a Lambda function serves one request at a time, so no other caller waits
            process=None if settings.behind_api_gateway else InspectionProcess(),
            exceptions=WideningDocument(
                S3Document(s3, governance, EXCEPTIONS_KEY),
                parse_exceptions,
                (),
                lambda why: access_log.event("inspection-exceptions", message=why),
            ),
            publications=Publications(store, utc_now),
        ),
        ledger=Ledger(store),
        prices=load_prices(),
        audit=audit,
        providers=Providers(
            transport,
            read_secret=aws.provider_key,
            identity_token=aws.identity_token,
            aws_credentials=caller_credentials,
            region=settings.region,
            stand_in_url=settings.upstream_url,
        ),
        transport=transport,
        access_log=access_log,
        batch_store=store,
        prompts=PromptRegistry(S3Document(s3, governance, INDEX_KEY), partial(aws.object, s3, governance)),
        aws_credentials=caller_credentials,
        embeddings_key=aws.embeddings_key,
        quarantine=aws.quarantine(settings.quarantine_bucket),
        contract_additions=S3Document(s3, governance, ADDITIONS_KEY),
    )


def _named(value: str | None, variable: str) -> str:
    if not value:
        raise SettingsError(f"{variable}: is missing")
    return value


def _key(pepper: bytes, purpose: bytes) -> bytes:
    """Derive a key for one purpose, so that nothing computed with it reveals anything about the pepper."""
    return hmac.digest(pepper, b"claude-enterprise-kit " + purpose, "sha256")


class _Aws:
    """Clients of one process, and what the gateway asks of AWS apart from its stores."""

    def __init__(self, settings: GatewaySettings, pool: ThreadPoolExecutor) -> None:
        self._settings = settings
        self._pool = pool
        self.session = botocore.session.get_session()  # shared by all clients: it caches the service models
        self._clients: dict[tuple[str, int], Any] = {}
        self._opening = Lock()  # botocore creates one client at a time

    def client(self, service: str, *, attempts: int = 3) -> Any:
        """Return a client, always the same, with timeouts short enough to still answer the caller."""
        with self._opening:
            if (service, attempts) not in self._clients:
                self._clients[service, attempts] = self._new_client(service, attempts)
            return self._clients[service, attempts]

    def _new_client(self, service: str, attempts: int) -> Any:
        return self.session.create_client(
            service,
            region_name=self._settings.region,
            endpoint_url=self._settings.endpoint_url,
            config=Config(
                connect_timeout=2,
                read_timeout=5,
                max_pool_connections=_THREADS,
                # It costs half a millisecond per transaction; the stores' tests verify the parameters.
                parameter_validation=False,
                retries={"total_max_attempts": attempts, "mode": "standard"},
            ),
        )

    def secret(self, arn: str) -> str:
        """Return the current value of a secret. Blocks."""
        return self.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]

    async def provider_key(self) -> str:
        """Return the key of the Anthropic API, if the configuration uses one."""
        arn = _named(self._settings.provider_key_secret_arn, "ANTHROPIC_API_KEY_SECRET_ARN")
        return await self._in_thread(lambda: self.secret(arn))

    def quarantine(self, bucket: str | None) -> "Callable[[], Quarantine] | None":
        """Return a factory of the bucket for large uploads on first use, or None if there is none."""
        return partial(self._quarantine, bucket) if bucket else None

    def _quarantine(self, bucket: str) -> "Quarantine":
        from lambdas.gateway.files.quarantine import S3Quarantine

        client = self.session.create_client(
            "s3",
            region_name=self._settings.region,
            endpoint_url=self._settings.endpoint_url,
            config=Config(
                signature_version="s3v4",
                connect_timeout=2,
                read_timeout=30,
                s3={"addressing_style": "path" if self._settings.endpoint_url else "virtual"},
            ),
        )
        return S3Quarantine(client, bucket, self._in_thread)

    async def embeddings_key(self) -> str:
        """Return the key of the embeddings provider, if that is not Bedrock."""
        arn = _named(self._settings.embeddings_key_secret_arn, "EMBEDDINGS_API_KEY_SECRET_ARN")
        return await self._in_thread(lambda: self.secret(arn))

    async def identity_token(self, audience: str, algorithm: str) -> str:
        """Return a new token with which STS identifies our role; each can be exchanged once."""
        return await self._in_thread(lambda: self._web_identity(audience, algorithm))

    def _web_identity(self, audience: str, algorithm: str) -> str:
        answer = self.client("sts").get_web_identity_token(
            Audience=[audience], SigningAlgorithm=algorithm, DurationSeconds=_IDENTITY_SECONDS
        )
        return answer["WebIdentityToken"]

    def caller_credentials(self) -> Callable[[Attribution], Awaitable[Any]]:
        """Return what signs calls to Claude on AWS: sessions of the callers, or our own role if none is
        deployed for them.
        """
        role = self._settings.claude_caller_role_arn
        if not role:
            return self._own_credentials
        # a separate pool: a slow STS must not block the ledger's threads
        pool = ThreadPoolExecutor(_STS_THREADS, thread_name_prefix="sts")
        return UserSessions(partial(self._assume, role), pool).credentials

    def _assume(self, role: str, name: str, tags: Mapping[str, str]) -> Assumed:
        given = self.client("sts", attempts=2).assume_role(
            RoleArn=role,
            RoleSessionName=name,
            DurationSeconds=SESSION_SECONDS,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )["Credentials"]
        credentials = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        return Assumed(credentials.get_frozen_credentials(), given["Expiration"])

    async def _own_credentials(self, attribution: Attribution) -> Any:
        """Return our role's current credentials, which botocore refreshes."""
        del attribution
        return await self._in_thread(self._frozen_credentials)

    def _frozen_credentials(self) -> Any:
        credentials = self.session.get_credentials()
        if credentials is None:
            raise RuntimeError("botocore found no credentials")
        return credentials.get_frozen_credentials()

    async def object(self, s3: Any, bucket: str, key: str) -> bytes:
        """Return the bytes of an object."""
        return await self._in_thread(lambda: s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    async def _in_thread(self, call: Callable[[], Result]) -> Result:
        waiting: Awaitable[Result] = asyncio.get_running_loop().run_in_executor(self._pool, call)
        return await waiting

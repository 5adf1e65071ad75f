"""Environment of the service and of its worker, and what is created from it. Read once, at start."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.common.access import AccessRecords
from lambdas.common.clock import Clock, utc_now
from lambdas.scim.groups import Groups
from lambdas.scim.people import People
from lambdas.scim.placement import Rules, read_rules
from lambdas.scim.store import DirectoryStore, DirectoryUnavailable

_FRESH_SECONDS = 15.0


class SettingsError(ValueError):
    """An environment variable is missing; the message names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Names of stores. `user_pool_id` is empty if people do not sign in through Cognito."""

    region: str
    endpoint_url: str | None
    directory_table: str
    access_table: str
    governance_bucket: str
    rules_object_key: str
    environment: str
    token_secret_arn: str = ""
    user_pool_id: str = ""


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Parse the settings in `environ`. Raises `SettingsError`."""

    def required(name: str) -> str:
        if not environ.get(name):
            raise SettingsError(f"{name}: is not set")
        return environ[name]

    return Settings(
        region=required("AWS_REGION"),
        endpoint_url=environ.get("AWS_ENDPOINT_URL"),
        directory_table=required("DIRECTORY_TABLE"),
        access_table=required("ACCESS_TABLE"),
        governance_bucket=required("GOVERNANCE_BUCKET"),
        rules_object_key=environ.get("SCIM_RULES_OBJECT_KEY", "policy/scim.json"),
        environment=environ.get("KIT_ENVIRONMENT", "local"),
        token_secret_arn=environ.get("SCIM_TOKEN_SECRET_ARN", ""),
        user_pool_id=environ.get("USER_POOL_ID", ""),
    )


def aws_client(session: botocore.session.Session, service: str, settings: Settings) -> Any:
    """Return a client of one AWS service, with short timeouts and connections for all threads."""
    config = Config(
        connect_timeout=2,
        read_timeout=10,
        retries={"mode": "standard", "max_attempts": 4},
        max_pool_connections=64,
    )
    return session.create_client(
        service, region_name=settings.region, endpoint_url=settings.endpoint_url, config=config
    )


class PublishedRules:
    """The rules in the governance bucket, read again every 15 seconds. Raises `DirectoryUnavailable`.

    The last valid ones are used while the bucket does not answer: placing people by them is better than
    telling the identity provider that nobody can be activated or deactivated.
    """

    def __init__(self, client: Any, bucket: str, object_key: str) -> None:
        self._client = client
        self._bucket = bucket
        self._key = object_key
        self._rules: Rules | None = None
        self._etag = ""
        self._read_at = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> Rules:
        with self._lock:
            if self._rules is None or monotonic() - self._read_at > _FRESH_SECONDS:
                self._rules = self._read()
                self._read_at = monotonic()
            return self._rules

    def _read(self) -> Rules:
        try:
            condition = {"IfNoneMatch": self._etag} if self._rules is not None else {}
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key, **condition)
            rules = read_rules(answer["Body"].read())
        except (BotoCoreError, ClientError, ValueError, KeyError) as error:
            if self._rules is not None:
                return self._rules
            raise DirectoryUnavailable(type(error).__name__) from None
        self._etag = answer["ETag"]
        return rules


@dataclass(frozen=True, slots=True)
class Directory:
    """People and groups on their stores."""

    store: DirectoryStore
    access: AccessRecords
    rules: PublishedRules
    people: People
    groups: Groups


def open_directory(
    settings: Settings, session: botocore.session.Session, *, clock: Clock = utc_now
) -> Directory:
    """Return the directory in the settings."""
    client = aws_client(session, "dynamodb", settings)
    store = DirectoryStore(client, settings.directory_table)
    access = AccessRecords(client, settings.access_table)
    rules = PublishedRules(
        aws_client(session, "s3", settings), settings.governance_bucket, settings.rules_object_key
    )
    people = People(store, access, rules, clock)
    return Directory(store, access, rules, people, Groups(store, people, rules, clock))

"""Environment of the portal, read once at server start."""

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lambdas.common.tokens import emulated_sign_in_url


class SettingsError(ValueError):
    """An environment variable is missing or invalid; the message names it."""


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """Names of stores and addresses, without trailing slashes.

    `portal_url` includes the base path of every page (`/portal`). `issuer` is the user pool's.
    `device_client_id` is the app client of the command, through which devices sign in; empty: they cannot.
    `history_days`: how long conversations are kept, encrypted with the keys of `subject_keys_table`; 0: for
    the session only. `questions_topic`: where new questions are announced; empty: nowhere.
    `early_access` are display names of models that champions may use before others.
    """

    region: str
    endpoint_url: str | None
    table: str
    access_table: str
    governance_bucket: str
    content_key: str
    gateway_url: str
    portal_url: str
    sign_in_url: str
    client_id: str
    provider: str
    issuer: str
    registrar_function: str
    deputy_function: str
    environment: str
    organization: str
    device_client_id: str = ""
    history_days: int = 0
    questions_topic: str = ""
    early_access: tuple[str, ...] = ()
    subject_keys_table: str = ""
    subject_key_arn: str = ""

    @property
    def secure(self) -> bool:
        """Return whether browsers reach the portal over TLS; only the embedded default is reached without."""
        return self.portal_url.startswith("https://")

    @property
    def origin(self) -> str:
        """Return what a browser sends as `Origin` from the portal's own pages."""
        parts = urlsplit(self.portal_url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def base_path(self) -> str:
        """Return the path of all pages, without a trailing slash."""
        return urlsplit(self.portal_url).path.rstrip("/")


def read_settings(environ: Mapping[str, str] = os.environ) -> PortalSettings:
    """Parse the settings in `environ`. Raises `SettingsError` naming every variable that is missing."""
    names = {
        "region": "AWS_REGION",
        "table": "PORTAL_TABLE",
        "access_table": "ACCESS_TABLE",
        "governance_bucket": "GOVERNANCE_BUCKET",
        "gateway_url": "GATEWAY_URL",
        "portal_url": "PORTAL_URL",
        "sign_in_url": "SIGN_IN_URL",
        "client_id": "SIGN_IN_CLIENT_ID",
        "provider": "SIGN_IN_PROVIDER",
        "issuer": "SIGN_IN_ISSUER",
        "registrar_function": "REGISTRAR_FUNCTION",
        "deputy_function": "DEPUTY_FUNCTION",
    }
    missing = sorted(name for name in names.values() if not environ.get(name))
    if missing:
        raise SettingsError(f"not set: {', '.join(missing)}")
    given = {field: environ[name].rstrip("/") for field, name in names.items()}
    endpoint_url = environ.get("AWS_ENDPOINT_URL")
    given["sign_in_url"] = emulated_sign_in_url(given["sign_in_url"], endpoint_url)
    return PortalSettings(
        endpoint_url=endpoint_url,
        content_key=environ.get("PORTAL_CONTENT_KEY", "portal/content.json"),
        environment=environ.get("KIT_ENVIRONMENT", "local"),
        device_client_id=environ.get("DEVICE_CLIENT_ID", ""),
        early_access=tuple(json.loads(environ.get("EARLY_ACCESS", "[]"))),
        questions_topic=environ.get("QUESTIONS_TOPIC", ""),
        history_days=int(environ.get("HISTORY_DAYS", "0")),
        subject_keys_table=environ.get("SUBJECT_KEYS_TABLE", ""),
        subject_key_arn=environ.get("SUBJECT_KEY_ARN", ""),
        organization=environ.get("ORGANIZATION_NAME", "") or "your organisation",
        **given,
    )


class AwsClients:
    """Clients of AWS services, each created on first use: botocore and its models are half of the start
    time, and the first page, the sign-in, makes no AWS request.
    """

    def __init__(self, settings: PortalSettings) -> None:
        self._settings = settings
        self._session: Any = None
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()

    def named(self, service: str) -> "LazyClient":
        """Return a client that is created by its first call."""
        return LazyClient(self, service)

    def warm(self, *services: str) -> None:
        """Create clients ahead of their first call. Blocks."""
        for service in services:
            self.made(service)

    def made(self, service: str) -> Any:
        """Return a client of one service, with short timeouts and connections for all threads."""
        with self._lock:
            if service not in self._made:
                self._made[service] = self._make(service)
            return self._made[service]

    def _make(self, service: str) -> Any:
        import botocore.session
        from botocore.config import Config

        if self._session is None:
            self._session = botocore.session.get_session()
        config = Config(
            connect_timeout=2,
            read_timeout=30,
            retries={"mode": "standard", "max_attempts": 4},
            max_pool_connections=64,
        )
        return self._session.create_client(
            service,
            region_name=self._settings.region,
            endpoint_url=self._settings.endpoint_url,
            config=config,
        )


class LazyClient:
    """Stands for a botocore client of `clients`."""

    def __init__(self, clients: AwsClients, service: str) -> None:
        self._clients = clients
        self._service = service

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clients.made(self._service), name)

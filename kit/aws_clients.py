"""The AWS clients of the kit's commands: one retry policy, each client created once.

Three attempts in total, as in the SDKs' `standard` mode. The deployed functions have their own limits, next
to each client, because a caller waits there: `lambdas/authorizer` two attempts of a second, the notary and
the workers as many as their timeout allows.
"""

import threading
from typing import Any

import boto3
from botocore.config import Config


class Clients:
    """One client per service and region; safe to use from several threads. `endpoint_url` is the emulator's,
    which takes names of buckets in the path only.
    """

    def __init__(self, session: boto3.Session, endpoint_url: str | None = None) -> None:
        self._session = session
        self._endpoint_url = endpoint_url
        self._config = Config(
            retries={"total_max_attempts": 3, "mode": "standard"},
            max_pool_connections=32,
            s3={"addressing_style": "path"} if endpoint_url else {},
        )
        self._lock = threading.Lock()
        self._made: dict[tuple[str, str], Any] = {}

    def of(self, service: str, region: str) -> Any:
        """The client of one service in a region."""
        with self._lock:
            if (service, region) not in self._made:
                self._made[service, region] = self._session.client(
                    service,  # type: ignore[call-overload]
                    endpoint_url=self._endpoint_url,
                    region_name=region,
                    config=self._config,
                )
            return self._made[service, region]

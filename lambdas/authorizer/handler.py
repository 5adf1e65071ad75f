"""Decides at the edge whether a request may reach the gateway (L1.3, L1.7).

API Gateway calls it before it starts the gateway's function, so that callers without a credential never
reach the process that can call Claude. The decision uses the gateway's own code
(`lambdas/gateway/authenticate.py`), and the gateway decides again without trusting it.

API Gateway does not cache decisions: that would require every identity source in each request, but callers
send either `authorization` or `x-api-key`. Instead, this process caches verified tokens and records for
seconds.

A refusal is a policy that denies, never an exception: strangers must not raise the error alarm. What cannot
be decided (no policy, no table) is an exception, and API Gateway then answers 500.

Environment: `ACCESS_TABLE`, `GOVERNANCE_BUCKET`, `POLICY_OBJECT_KEY`, `KEY_PEPPER_SECRET_ARN`.
"""

import asyncio
import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from time import monotonic
from typing import Any

import botocore.session
from botocore.config import Config

from lambdas.common.documents import S3Document
from lambdas.common.kept_secret import KeptSecret
from lambdas.common.log import Level, log
from lambdas.common.policy import POLL_SECONDS, PolicyWatch
from lambdas.common.virtual_keys import read_pepper
from lambdas.gateway.authenticate import (
    AuthenticationError,
    Authenticator,
    Hops,
    open_authenticator,
    refuse_repeated,
)

_CONFIG = Config(connect_timeout=1, read_timeout=3, retries={"total_max_attempts": 2, "mode": "standard"})


class Edge:
    """One per process. Its event loop lives as long, because the caches belong to it."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._loop = asyncio.new_event_loop()
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="aws")
        session = botocore.session.get_session()

        def client(service: str) -> Any:
            return session.create_client(
                service,
                region_name=environ.get("AWS_REGION"),
                endpoint_url=environ.get("AWS_ENDPOINT_URL"),
                config=_CONFIG,
            )

        key = environ.get("POLICY_OBJECT_KEY", "policy/gateway.json")
        self._policy = PolicyWatch(
            S3Document(client("s3"), environ["GOVERNANCE_BUCKET"], key),
            report=lambda text: log("policy", level=Level.WARNING, message=text),
        )
        self._polled_at = float("-inf")
        secrets, pepper = client("secretsmanager"), environ["KEY_PEPPER_SECRET_ARN"]
        self._authenticator: Authenticator = open_authenticator(
            self._policy,
            client("dynamodb"),
            environ["ACCESS_TABLE"],
            KeptSecret(
                lambda: read_pepper(secrets.get_secret_value(SecretId=pepper)["SecretString"]), self._pool
            ),
            self._pool,
            hops=Hops(api_gateway=True),
            endpoint_url=environ.get("AWS_ENDPOINT_URL"),
        )

    def decide(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return API Gateway's answer to a request. Raises what the stores raise."""
        return self._loop.run_until_complete(self._decide(event))

    async def _decide(self, event: Mapping[str, Any]) -> dict[str, Any]:
        if monotonic() - self._polled_at > POLL_SECONDS:
            await self._policy.refresh()
            self._polled_at = monotonic()
        resource = str(event["methodArn"])
        try:
            headers = _headers(event)
            principal = await self._authenticator.authenticate(headers)
        except AuthenticationError as error:
            return _answer("Deny", "unknown", resource, {"reason": error.reason})
        return _answer("Allow", principal.id, resource, {})


def _headers(event: Mapping[str, Any]) -> dict[bytes, bytes]:
    """Return the request's headers as the gateway will see them, with the source address from API Gateway."""
    several = event.get("multiValueHeaders") or {
        name: [value] for name, value in (event.get("headers") or {}).items()
    }
    pairs = [
        (str(name).lower().encode("latin-1", "replace"), str(value).encode("latin-1", "replace"))
        for name, values in several.items()
        for value in values
    ]
    refuse_repeated(pairs)
    identity = (event.get("requestContext") or {}).get("identity") or {}
    context = json.dumps({"identity": {"sourceIp": identity.get("sourceIp", "")}})
    return {**dict(pairs), b"x-amzn-request-context": context.encode()}


def _answer(effect: str, principal: str, resource: str, context: Mapping[str, str]) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": dict(context),
    }


@cache
def _edge() -> Edge:
    return Edge(os.environ)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Serve Lambda."""
    del context
    return _edge().decide(event)

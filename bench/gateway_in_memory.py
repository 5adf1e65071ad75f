"""The gateway as `bench/gateway.py` measures it: every control on, only AWS storage replaced.

The ledger's rules, the hash chain with its sealed bodies and group commit, keys, inspection and the answer
filter are the deployed ones; tables and buckets are in memory.
"""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.credentials import Credentials

from lambdas.common.access import AccessRecord
from lambdas.common.audit import AuditBucketOnLoop, AuditWriter, LoopJournal
from lambdas.common.documents import Document
from lambdas.common.ledger import Ledger
from lambdas.common.ledger.dynamo_store import DynamoStore
from lambdas.common.ledger.items import Key
from lambdas.common.ledger.memory_store import MemoryStore
from lambdas.common.policy import Department, PolicyWatch
from lambdas.common.prices import load_prices
from lambdas.common.subject_keys import SubjectKey
from lambdas.common.tokens import KeySets, TokenVerifier
from lambdas.common.virtual_keys import key_record_pk
from lambdas.gateway.access_log import AccessLog
from lambdas.gateway.app import create_app
from lambdas.gateway.authenticate import Authenticator, LiveRecords
from lambdas.gateway.aws_requests import Credentials as AwsCredentials
from lambdas.gateway.aws_requests import DynamoRequests, S3Puts
from lambdas.gateway.composition import Gateway
from lambdas.gateway.inspection import InspectionStep
from lambdas.gateway.inspection_process import InspectionProcess
from lambdas.gateway.json_body import JsonBody
from lambdas.gateway.prompts import PromptRegistry
from lambdas.gateway.providers.registry import Providers
from lambdas.gateway.providers.transport import HttpTransport
from lambdas.gateway.settings import read_settings
from lambdas.gateway.verdict import Verdict
from lambdas.inspection import InspectionConfig, Inspector

PEPPER = b"p" * 32
_MUCH = 10**15


class _Document:
    def __init__(self, content: Any) -> None:
        self._body = json.dumps(content).encode()

    async def fetch(self, etag: str | None) -> Document | None:
        return None if etag else Document("1", self._body)


class _Records:
    """The access records of the keys."""

    def __init__(self, records: dict[str, AccessRecord]) -> None:
        self._records = records

    def get(self, key: str, **_: Any) -> AccessRecord | None:
        return self._records.get(key)


class _Bucket:
    """Accepts objects and discards them."""

    async def put(self, key: str, data: bytes, metadata: Mapping[str, str], content_type: str) -> None:
        del key, data, metadata, content_type


class _SubjectKeys:
    def __init__(self) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._key = SubjectKey("sk_1", AESGCM(b"k" * 32))

    def cached(self, department: str, subject: str) -> SubjectKey:
        del department, subject
        return self._key


def policy(upstream: str) -> dict[str, Any]:
    """Return a policy with every control on and no effective limit on calls."""
    department = {
        "id": "marketing",
        "cost_center": "CC-100",
        "data_classes": ["public", "internal"],
        "models": ["fast"],
        "monthly_budget_microusd": _MUCH,
        "user_monthly_budget_microusd": _MUCH,
        "requests_per_minute": _MUCH,
        "tokens_per_minute": _MUCH,
        "user_requests_per_minute": _MUCH,
        "user_tokens_per_minute": _MUCH,
        "application_requests_per_minute": _MUCH,
        "application_tokens_per_minute": _MUCH,
        "application_concurrent_calls": 400,
        "findings": {},
        "redact_output": True,
        "registered_prompts_only": False,
        "human_review": [],
    }
    provider = {
        "name": "anthropic",
        "kind": "anthropic",
        "base_url": upstream,
        "auth": {"kind": "secret"},
        "models": {},
    }
    return {
        "version": 1,
        "client": "bench",
        "environment": "bench",
        "organization": {"monthly_budget_microusd": _MUCH, "budget_model": "per-call", "budget_shards": 4},
        "departments": [department],
        "models": {"fast": {"display_name": "Fast", "model": "claude-haiku-5-5"}},
        "providers": [provider],
    }


class _Uninspected(InspectionStep):
    """Passes requests and answers without inspection, to measure the rest of the path."""

    async def verdict(self, body: JsonBody, *_: Any, **__: Any) -> Verdict:
        return Verdict(allowed=True, body=body, data_class="public", record={"step": "inspect"})

    def answer_filter(self, department: Department, restricted: frozenset[str] = frozenset()) -> None:
        del department, restricted


def key_pk(key: str) -> str:
    """Return the primary key of a key's access record."""
    return key_record_pk(key, PEPPER)


def _remote_stores(url: str) -> tuple[DynamoStore, AuditBucketOnLoop]:
    """Return the stores of a deployment, over HTTP to `url`."""
    hot = HttpTransport()
    keys = AwsCredentials(Credentials("AKIDEXAMPLE", "a-secret-of-nobody", "t" * 400))
    asked = DynamoRequests(hot, keys, endpoint_url=url, region="eu-central-1")
    puts = S3Puts(hot, keys, endpoint_url=url, region="eu-central-1", path_style=True)
    return (
        DynamoStore(asked, ledger_table="ledger", access_table="access", pool=None),
        AuditBucketOnLoop(
            puts.put_object, bucket="audit", key_arn="arn:aws:kms:eu-central-1:111122223333:key/k"
        ),
    )


def gateway_app(upstream: str, *keys: str, inspects: bool = True, stores: str = "") -> Any:
    """Return the application in front of `upstream` for callers with these virtual keys; its stores are at
    the URL `stores`, or in memory.
    """
    step = InspectionStep if inspects else _Uninspected
    pool = ThreadPoolExecutor(8)
    memory = MemoryStore()
    items, bucket = _remote_stores(stores) if stores else (memory, _Bucket())
    records: dict[str, AccessRecord] = {}
    for number, key in enumerate(keys, 1):
        pk = key_pk(key)
        records[pk] = AccessRecord(pk, f"app-{number}", active=True, department="marketing")
        memory.items[Key("access", pk, "ACCESS")] = {"active": True, "department": "marketing"}
    watch = PolicyWatch(_Document(policy(upstream)))
    transport = HttpTransport()
    out = Path("/dev/null").open("w")  # noqa: SIM115 - as long as the process

    async def secret(*_: object) -> str:
        return "sk-bench"

    return create_app(
        Gateway(
            read_settings({}),
            policy=watch,
            authenticator=Authenticator(
                policy=watch,
                records=LiveRecords(_Records(records), pool),  # type: ignore[arg-type]
                pepper=lambda: PEPPER,
                verifier=TokenVerifier(KeySets()),
            ),
            inspection=step(Inspector(InspectionConfig(hash_key=b"k" * 32)), process=InspectionProcess()),
            ledger=Ledger(items),
            prices=load_prices(),
            audit=AuditWriter(LoopJournal("bench", bucket), keys=_SubjectKeys(), pool=pool),  # type: ignore[arg-type]
            providers=Providers(
                transport, read_secret=secret, identity_token=secret, aws_credentials=secret, region="x"
            ),
            transport=transport,
            access_log=AccessLog("bench", lambda line: (out.write(line), None)[1]),
            batch_store=items,
            prompts=PromptRegistry(_Document({"prompts": {}}), lambda key: secret(key)),  # type: ignore[arg-type]
            aws_credentials=secret,
        )
    )

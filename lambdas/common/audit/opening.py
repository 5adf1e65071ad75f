"""Creates a writer from a function's environment."""

import os
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lambdas.common.audit.introduction import Introducer
from lambdas.common.audit.journal import Journal, LoopJournal
from lambdas.common.audit.metadata import MetadataCopies
from lambdas.common.audit.store import AuditBucket, AuditBucketOnLoop
from lambdas.common.audit.writer import AuditWriter
from lambdas.common.clock import Clock, utc_now
from lambdas.common.subject_keys import SubjectKeys

_THREADS = 4


def open_writer(
    name: str,
    environ: Mapping[str, str] = os.environ,
    *,
    session: Any | None = None,
    put_object: Callable[..., Awaitable[Any]] | None = None,
    firehose: Any | None = None,
    clock: Clock = utc_now,
) -> AuditWriter:
    """Return the writer of a process. `name` is the function's (`gateway`, `scim`); `session` is a botocore
    session.

    With `put_object` (see `AuditBucketOnLoop`), objects are put on the event loop. `firehose` replaces
    botocore's client for copies of records.

    Raises:
        KeyError: AUDIT_BUCKET or AUDIT_KEY_ARN is not set.
    """
    # imported here: a process that is given its parts starts without botocore, in half the time
    import botocore.session
    from botocore.config import Config

    # `AuditBucket` retries by itself, because it knows what a second attempt means.
    once = Config(connect_timeout=1, read_timeout=4, retries={"total_max_attempts": 1})
    thrice = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 3, "mode": "standard"})
    clients = session or botocore.session.get_session()

    def client(service: str, config: Any) -> Any:
        return clients.create_client(
            service,
            region_name=environ.get("AWS_REGION"),
            endpoint_url=environ.get("AWS_ENDPOINT_URL"),
            config=config,
        )

    bucket, bucket_key = environ["AUDIT_BUCKET"], environ["AUDIT_KEY_ARN"]
    writer_key = environ.get("WRITER_KEY_ARN")
    table, key_arn = environ.get("SUBJECT_KEYS_TABLE"), environ.get("SUBJECT_KEY_ARN")
    kms = client("kms", thrice) if writer_key or key_arn else None
    introducer = Introducer(kms, writer_key, clock=clock) if writer_key else None
    journal = (
        LoopJournal(
            name, AuditBucketOnLoop(put_object, bucket=bucket, key_arn=bucket_key), introducer, clock=clock
        )
        if put_object
        else Journal(
            name, AuditBucket(client("s3", once), bucket=bucket, key_arn=bucket_key), introducer, clock=clock
        )
    )
    keys = (
        SubjectKeys(client("dynamodb", thrice), kms, table=table, key_arn=key_arn, clock=clock)
        if table and key_arn
        else None
    )
    stream = environ.get("ANALYTICS_STREAM")
    return AuditWriter(
        journal,
        keys=keys,
        pool=ThreadPoolExecutor(_THREADS, thread_name_prefix="audit"),
        copies=MetadataCopies(firehose or client("firehose", thrice), stream) if stream else None,
        clock=clock,
    )

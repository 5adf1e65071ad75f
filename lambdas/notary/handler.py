"""The notary's entry: composed once per process, run on a schedule.

Environment: `AUDIT_BUCKET`, `AUDIT_KEY_ARN`, `SIGNING_KEY_ARN`; `AUDIT_LOCK_MODE` and
`AUDIT_RETENTION_DAYS`: how long what is sealed stays locked; `NOTARY_SHARDS`: how many work side by side (1),
each called with its number as `shard`; `ANCHOR_BUCKET` and `ANCHOR_PREFIX` where
hashes of the manifests are kept in another account; locally `AWS_ENDPOINT_URL`.
"""

import os
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config

from lambdas.common.audit.store import AuditBucket, Lock
from lambdas.common.log import log
from lambdas.notary.notary import AnchorBucket, Notary

_SPARE_SECONDS = 60  # a run stops sealing hours when it has less time than this


@cache
def _notary() -> Notary:
    session = botocore.session.get_session()

    def client(service: str, attempts: int) -> Any:
        config = Config(
            connect_timeout=2,
            read_timeout=20,
            max_pool_connections=32,
            retries={"total_max_attempts": attempts, "mode": "standard"},
        )
        return session.create_client(
            service,
            region_name=os.environ.get("AWS_REGION"),
            endpoint_url=os.environ.get("AWS_ENDPOINT_URL"),
            config=config,
        )

    bucket, anchors = os.environ["AUDIT_BUCKET"], os.environ.get("ANCHOR_BUCKET")
    return Notary(
        client("s3", 4),
        AuditBucket(
            client("s3", 1),
            bucket=bucket,
            key_arn=os.environ["AUDIT_KEY_ARN"],
            lock=Lock(os.environ["AUDIT_LOCK_MODE"], int(os.environ["AUDIT_RETENTION_DAYS"])),
        ),
        client("kms", 4),
        bucket=bucket,
        signing_key_arn=os.environ["SIGNING_KEY_ARN"],
        shards=int(os.environ.get("NOTARY_SHARDS", "1")),
        anchors=AnchorBucket(client("s3", 4), anchors, os.environ["ANCHOR_PREFIX"]) if anchors else None,
    )


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Seal every hour that is due, or do the work of a shard other than the first.

    AWS errors are raised: the run is retried, then an alarm is raised.
    """

    def has_time() -> bool:
        return context.get_remaining_time_in_millis() > _SPARE_SECONDS * 1000

    shard = int(event.get("shard", 0))
    if shard:
        made = _notary().work_on(shard, has_time)
        log("compacted", shard=shard, segments=made)
        return {"shard": shard, "segments": made}
    result: dict[str, Any] = {"hours": [], "objects": 0, "segments": 0, "gaps": 0}
    for manifest in _notary().seal_each(has_time):
        result["hours"].append(manifest.hour.isoformat())
        result["objects"] += sum(one.objects for one in manifest.segments)
        result["segments"] += len(manifest.segments)
        result["gaps"] += len(manifest.gaps)
    log("sealed", **result)
    return result

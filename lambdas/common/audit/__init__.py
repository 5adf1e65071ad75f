"""Audit records: durable, chained, sealed (L1.4, L2.5, G.3).

A function creates one writer per process and appends through it:

    writer = open_writer("gateway", environ)      # real clients, from the environment variables below
    await writer.append({"kind": "intent", ...}, bodies={"request": b"..."})    # in an event loop
    writer.append_now({"kind": "review", ...}, bodies={})    # in a handler-style function
    writer.close()      # sends the pending metadata copies

`AUDIT_BUCKET` and `AUDIT_KEY_ARN` are required. `WRITER_KEY_ARN` is the KMS key that introduces the
process. `SUBJECT_KEYS_TABLE` and `SUBJECT_KEY_ARN` are required for records with bodies, `ANALYTICS_STREAM`
for metadata copies. In parts: `AuditWriter(Journal(name, AuditBucket(s3, bucket=…, key_arn=…),
Introducer(kms, key_arn)), keys=SubjectKeys(dynamodb, kms, table=…, key_arn=…), pool=…,
copies=MetadataCopies(firehose, stream))`.

A record is durable once the call returns. `AuditUnavailable` and `SubjectErased` mean that it is not.

Kinds that `kit audit verify` interprets: `introduction` begins a chain; `intent` opens a call; `outcome`
(also the sweeper's, for a call whose process died) ends it; `unconfirmed` names calls whose records failed.
Every other kind (`refusal`, `use`, `batch_results`, `review`, `scim`, `key`, `break-glass`, `erasure`,
`disclosure`, …) is independent.
"""

from lambdas.common.audit.introduction import Introducer
from lambdas.common.audit.journal import AuditUnavailable, Journal, LoopJournal
from lambdas.common.audit.metadata import MetadataCopies
from lambdas.common.audit.opening import open_writer
from lambdas.common.audit.store import AuditBucket, AuditBucketOnLoop, NotWritten, Occupied, Unsure
from lambdas.common.audit.writer import AuditWriter
from lambdas.common.subject_keys import SubjectErased, SubjectKeys

__all__ = [
    "AuditBucket",
    "AuditBucketOnLoop",
    "AuditUnavailable",
    "AuditWriter",
    "Introducer",
    "Journal",
    "LoopJournal",
    "MetadataCopies",
    "NotWritten",
    "Occupied",
    "SubjectErased",
    "SubjectKeys",
    "Unsure",
    "open_writer",
]

"""Writing objects of the governance bucket: each is encrypted with its key, also where a copy of the bucket
would not do so by itself.
"""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kit.target import Target


def put_object(target: "Target", key: str, content: bytes | object, **condition: str) -> None:
    """Write an object; content other than bytes as JSON. The bucket keeps the version before.

    `condition` is what must hold of the object that is there (IfMatch, IfNoneMatch). Raises ClientError.
    """
    body = content if isinstance(content, bytes) else document(content)
    target.client("s3").put_object(
        Bucket=target.require("governance_bucket_name"),
        Key=key,
        Body=body,
        ContentType="application/json",
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=target.require("governance_key_arn"),
        **condition,
    )


def document(content: Any) -> bytes:
    """JSON as it is kept: the same bytes for the same content."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False).encode()

"""A department's data area: the bucket that only its own roles and its workflow may read (L3.2).

sources/…                     documents that people put there
requests/<request>.json       what a person asked for; the execution itself only carries this id
drafts/<request>.json         what Claude wrote, with its sources
batches/<batch>.jsonl         answers of a night's work
decisions/<request>/<id>.json what a reviewer says of it, with the proof of who that is
edits/<request>.json          what a reviewer made of it
released/<workflow>/<request>.json
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import botocore.exceptions

_BATCH_ID = re.compile(r"^[A-Za-z0-9_-]{1,100}$")
REQUEST_ID = re.compile(r"^wf_[0-9A-HJKMNP-TV-Z]{26}$")
_TAKEN = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_GONE = {"NoSuchKey", "404"}


class NotThere(Exception):
    """There is no such object in the department's data area; the text is its key."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as read, with its `version_id`."""

    key: str
    body: bytes
    version_id: str

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the bytes, in hex."""
        return hashlib.sha256(self.body).hexdigest()

    def document(self) -> dict[str, Any]:
        """Return the JSON object in the bytes."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class DepartmentArea:
    """Reads and writes one department's bucket, always under the department's own key."""

    s3: Any
    bucket: str
    key_arn: str

    def read(self, key: str) -> Stored:
        """Return the latest version. Raises `NotThere`, and botocore's errors for what is not allowed."""
        try:
            found = self.s3.get_object(Bucket=self.bucket, Key=key)
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                raise NotThere(key) from None
            raise
        return Stored(key, found["Body"].read(), found.get("VersionId") or "")

    def document(self, key: str) -> dict[str, Any]:
        """Return the JSON object under a key. Raises `NotThere`."""
        return self.read(key).document()

    def keys(self, prefix: str) -> list[str]:
        """Return the keys under a prefix, oldest first."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        found = [one for page in pages for one in page.get("Contents", ())]
        return [one["Key"] for one in sorted(found, key=lambda one: (one["LastModified"], one["Key"]))]

    def put_once(self, key: str, body: bytes) -> bool:
        """Write an object that must not exist yet. Return False, changing nothing, if it does."""
        try:
            self._put(key, body, IfNoneMatch="*")
        except botocore.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in _TAKEN:
                return False
            raise
        return True

    def put(self, key: str, body: bytes) -> None:
        """Write an object; the bucket keeps the previous version."""
        self._put(key, body)

    def _put(self, key: str, body: bytes, **more: Any) -> None:
        self.s3.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=body,
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=self.key_arn,
            **more,
        )


def request_key(request: str) -> str:
    """Return the key of a request. Raises ValueError if it is not a request id."""
    return f"requests/{_checked(request)}.json"


def draft_key(request: str) -> str:
    """Return the key of its draft."""
    return f"drafts/{_checked(request)}.json"


def batch_key(batch: str) -> str:
    """Return the key of a message batch's answers. Raises ValueError if it is not a batch id."""
    if not _BATCH_ID.match(batch):
        raise ValueError("not the id of a message batch")
    return f"batches/{batch}.jsonl"


def decisions_of(request: str) -> str:
    """Return the prefix of the decisions about a request."""
    return f"decisions/{_checked(request)}/"


def edit_key(request: str) -> str:
    """Return the key of a reviewer's version."""
    return f"edits/{_checked(request)}.json"


def released_key(workflow: str, request: str) -> str:
    """Return the key of the released text."""
    return f"released/{workflow}/{_checked(request)}.json"


def _checked(request: str) -> str:
    if not REQUEST_ID.match(request):
        raise ValueError("not the id of a workflow request")
    return request


def encoded(document: Mapping[str, Any]) -> bytes:
    """Return a document as stored: sorted, UTF-8."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()

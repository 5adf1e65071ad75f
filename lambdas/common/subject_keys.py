"""One data key per department and subject; destroying it erases that subject's bodies (L1.7, L2.5).

Table `subject-keys`: `pk = SUBJECT#<subject>`, `sk = DEPARTMENT#<department>` holds `key_id` and `wrapped`,
the data key encrypted under the subject KMS key with the encryption context `{"subject-key": key id}`. An
erased key keeps its item without `wrapped`; `sk = ERASED` says that the whole subject was erased, so that
no department creates a new key for it.

A process caches a key for at most `ttl_seconds`, then asks the table again.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lambdas.common.clock import Clock, utc_now
from lambdas.common.ids import new_id

TTL_SECONDS = 300.0
_CAPACITY = 10_000
_ERASED = "ERASED"
_DEPARTMENT = "DEPARTMENT#"


class SubjectErased(Exception):
    """The subject's keys were destroyed: its bodies are gone, and no more can be written under this name."""


class NoSubjectKey(Exception):
    """There is no such key: nothing was ever encrypted with it, or the item was removed."""


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """A plaintext data key. `cipher` is AES-256-GCM with it."""

    key_id: str
    cipher: AESGCM


@dataclass(frozen=True, slots=True)
class ErasedKey:
    """A key that was destroyed."""

    department: str
    key_id: str


class SubjectKeys:
    """Creates, finds and destroys subject keys. The clients are botocore's; every method but `cached`
    blocks.

    A writer needs GetItem and PutItem on the table, GenerateDataKey and Decrypt on the key; a reader needs
    GetItem and Decrypt; erasure needs PutItem and Query.
    """

    def __init__(
        self,
        dynamodb: Any,
        kms: Any,
        *,
        table: str,
        key_arn: str,
        clock: Clock = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        ttl_seconds: float = TTL_SECONDS,
        capacity: int = _CAPACITY,
    ) -> None:
        self._dynamodb = dynamodb
        self._kms = kms
        self._table = table
        self._key_arn = key_arn
        self._clock = clock
        self._monotonic = monotonic
        self._ttl_seconds = ttl_seconds
        self._capacity = capacity
        self._kept: OrderedDict[tuple[str, str], tuple[SubjectKey, float]] = OrderedDict()
        self._lock = Lock()

    def cached(self, department: str, subject: str) -> SubjectKey | None:
        """Return the key if it was used recently."""
        known = self._kept.get((department, subject))
        return known[0] if known and known[1] > self._monotonic() else None

    def load(self, department: str, subject: str) -> SubjectKey:
        """Return the key, created if there is none. Raises `SubjectErased`, or botocore's errors."""
        row = self._row(subject, _DEPARTMENT + department)
        key = self._open(department, subject, row) if row else self._make(department, subject)
        with self._lock:
            self._kept[department, subject] = (key, self._monotonic() + self._ttl_seconds)
            self._kept.move_to_end((department, subject))
            while len(self._kept) > self._capacity:
                self._kept.popitem(last=False)
        return key

    def find(self, department: str, subject: str, key_id: str) -> SubjectKey:
        """Return the key that encrypted a body, never creating one. Raises `SubjectErased`, `NoSubjectKey`,
        botocore's errors.
        """
        key = self.current(department, subject)
        if key.key_id != key_id:
            raise NoSubjectKey(key_id)
        return key

    def current(self, department: str, subject: str) -> SubjectKey:
        """Return the current key, never creating one. Raises `SubjectErased`, `NoSubjectKey`, botocore's
        errors.
        """
        key = self.cached(department, subject)
        if key is None:
            row = self._row(subject, _DEPARTMENT + department)
            if row is None:
                raise NoSubjectKey(department)
            key = self._open(department, subject, row)
            with self._lock:
                self._kept[department, subject] = (key, self._monotonic() + self._ttl_seconds)
        return key

    def keys_of(self, subject: str) -> list[ErasedKey]:
        """Return the keys of a subject that have not been destroyed."""
        return [
            ErasedKey(row["sk"]["S"].removeprefix(_DEPARTMENT), row["key_id"]["S"])
            for row in self._rows(subject)
            if "wrapped" in row
        ]

    def erase(self, subject: str) -> list[ErasedKey]:
        """Destroy every key of a subject, and prevent new ones. Idempotent."""
        now = self._clock()
        # The marker first: the creator of a key checks for the marker afterwards.
        self._bury(subject, _ERASED, None, now)
        erased = self.keys_of(subject)
        for key in erased:
            self._bury(subject, _DEPARTMENT + key.department, key.key_id, now)
        with self._lock:
            for place in [place for place in self._kept if place[1] == subject]:
                del self._kept[place]
        return erased

    def _make(self, department: str, subject: str) -> SubjectKey:
        key_id = new_id("sk_", clock=self._clock)
        made = self._kms.generate_data_key(
            KeyId=self._key_arn, KeySpec="AES_256", EncryptionContext={"subject-key": key_id}
        )
        sort_key = _DEPARTMENT + department
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": _pk(subject)},
                    "sk": {"S": sort_key},
                    "key_id": {"S": key_id},
                    "wrapped": {"B": made["CiphertextBlob"]},
                    "created_at": {"S": self._clock().isoformat(timespec="seconds")},
                },
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            row = self._row(subject, sort_key)  # another process was first: use its key
            if row is None:
                raise NoSubjectKey(key_id) from None
            return self._open(department, subject, row)
        if self._row(subject, _ERASED):
            self._bury(subject, sort_key, key_id, self._clock())
            raise SubjectErased("the subject was erased")
        return SubjectKey(key_id, AESGCM(made["Plaintext"]))

    def _open(self, department: str, subject: str, row: dict[str, Any]) -> SubjectKey:
        if "wrapped" not in row:
            raise SubjectErased("the subject was erased")
        known = self._kept.get((department, subject))
        key_id = row["key_id"]["S"]
        if known and known[0].key_id == key_id:
            return known[0]
        opened = self._kms.decrypt(
            CiphertextBlob=row["wrapped"]["B"],
            KeyId=self._key_arn,
            EncryptionContext={"subject-key": key_id},
        )
        return SubjectKey(key_id, AESGCM(opened["Plaintext"]))

    def _row(self, subject: str, sort_key: str) -> dict[str, Any] | None:
        answer = self._dynamodb.get_item(
            TableName=self._table,
            Key={"pk": {"S": _pk(subject)}, "sk": {"S": sort_key}},
            ConsistentRead=True,
        )
        return answer.get("Item")

    def _rows(self, subject: str) -> list[dict[str, Any]]:
        """Return the subject's items, one per department it was ever in."""
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :department)",
            "ExpressionAttributeValues": {":pk": {"S": _pk(subject)}, ":department": {"S": _DEPARTMENT}},
            "ConsistentRead": True,
        }
        found: list[dict[str, Any]] = []
        while True:
            page = self._dynamodb.query(**query)
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return found
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _bury(self, subject: str, sort_key: str, key_id: str | None, at: datetime) -> None:
        item = {
            "pk": {"S": _pk(subject)},
            "sk": {"S": sort_key},
            "erased_at": {"S": at.isoformat(timespec="seconds")},
        }
        if key_id is not None:
            item["key_id"] = {"S": key_id}
        self._dynamodb.put_item(TableName=self._table, Item=item)


def _pk(subject: str) -> str:
    return f"SUBJECT#{subject}"

"""A list in the governance bucket that the gateway polls every few seconds, changed by commands.

    {"<field>": [{…}, …]}

The bucket keeps every version. Concurrent changes do not overwrite each other: a write names the version it
is based on.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from botocore.exceptions import ClientError

from kit.errors import ExitCode, KitError
from kit.governance.objects import put_object
from kit.target import Target

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Entry = TypeVar("Entry", bound="DataclassInstance")
_ABSENT = ("NoSuchKey", "404", "AccessDenied")


@dataclass(frozen=True, slots=True)
class LiveDocument(Generic[Entry]):
    """The list `field` of the object `key`; `parse` reads the whole object and raises ValueError."""

    key: str
    field: str
    parse: Callable[[bytes], tuple[Entry, ...]]

    def read(self, target: Target) -> tuple[tuple[Entry, ...], str]:
        """Return the entries, oldest first, and the version that `write` needs. Raises KitError."""
        try:
            answer = target.client("s3").get_object(
                Bucket=target.require("governance_bucket_name"), Key=self.key
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _ABSENT:
                return (), ""
            raise
        try:
            return self.parse(answer["Body"].read()), answer["ETag"]
        except ValueError as error:
            raise KitError(
                f"{self.key}: {error}",
                hint="restore an earlier version of the object in the governance bucket",
                exit_code=ExitCode.VERIFICATION_FAILED,
            ) from None

    def write(self, target: Target, listed: tuple[Entry, ...], version: str) -> None:
        """Replace the entries read as `version`. Raises KitError on a concurrent change."""
        condition = {"IfMatch": version} if version else {"IfNoneMatch": "*"}
        document = {self.field: [asdict(one) for one in listed]}
        try:
            put_object(target, self.key, json.dumps(document, indent=1).encode(), **condition)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (409, 412):
                raise
            raise KitError(
                "somebody else changed it at the same time", hint="run the command again"
            ) from None

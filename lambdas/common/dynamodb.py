"""What DynamoDB asks of each of its callers: writes that meet a transaction, and batches answered in part.

A write is refused while a transaction of somebody else holds one of its items (AWS: "Amazon DynamoDB
transactions: how it works"), and BatchGetItem returns what it had no capacity for as unprocessed keys.
botocore repeats neither.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any

from botocore.exceptions import ClientError

MOST_KEYS = 100  # in one BatchGetItem
_REASONS = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
_ERRORS = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_FIRST_WAIT_SECONDS = 0.02
_LONGEST_WAIT_SECONDS = 0.5


class Unprocessed(Exception):
    """A batch of reads was not answered in full within the time given."""


class _Waits:
    """Waits that double, with jitter, until a deadline."""

    def __init__(self, within: float) -> None:
        self._deadline = monotonic() + within
        self._wait = _FIRST_WAIT_SECONDS

    def again(self) -> bool:
        """Wait, or return False if the time is over."""
        if monotonic() + self._wait > self._deadline:
            return False
        time.sleep(random.uniform(self._wait / 2, self._wait))  # noqa: S311 - jitter, not a secret
        self._wait = min(2 * self._wait, _LONGEST_WAIT_SECONDS)
        return True


def reasons(error: ClientError) -> list[str]:
    """Return why each entry of a cancelled transaction was refused: "None" where it was not."""
    given: Sequence[Mapping[str, Any]] = error.response.get("CancellationReasons", ())  # pyright: ignore[reportAssignmentType]
    return [reason.get("Code", "None") for reason in given]


def transact(client: Any, entries: Sequence[Mapping[str, Any]], *, within: float = 1.0) -> None:
    """Write all entries or none, as `write` does. `reasons` says which condition failed."""
    write(client.transact_write_items, within=within, TransactItems=list(entries))


def write(call: Callable[..., Any], *, within: float = 1.0, **arguments: Any) -> None:
    """Call a method of a client that writes, again for `within` seconds while others hold an item.

    Raises ClientError: a condition failed, or an item was still held at the end.
    """
    waits = _Waits(within)
    while True:
        try:
            call(**arguments)
            return
        except ClientError as error:
            again = error.response["Error"]["Code"] in _ERRORS or _REASONS.intersection(reasons(error))
            if not again or not waits.again():
                raise


def batch_get(
    call: Callable[..., Any], table: str, keys: Sequence[tuple[str, str]], *, consistent: bool, within: float
) -> list[dict[str, Any]]:
    """Return the items that exist of at most `MOST_KEYS` distinct keys (`pk`, `sk`), in any order.

    `call` is a client's `batch_get_item`. Keys left unprocessed are asked for again while each answer brings
    some, and for `within` seconds without any. Raises `Unprocessed`, and what the call raises.
    """
    waiting: Any = {
        table: {"Keys": [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in keys], "ConsistentRead": consistent}
    }
    found: list[dict[str, Any]] = []
    waits = _Waits(within)
    while waiting:
        answer = call(RequestItems=waiting)
        items = answer["Responses"].get(table, ())
        found += items
        waiting = answer.get("UnprocessedKeys")
        if items:
            waits = _Waits(within)
        if waiting and not waits.again():
            raise Unprocessed(table)
    return found

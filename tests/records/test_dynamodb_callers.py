"""Callers of DynamoDB that meet a transaction of somebody else, or a batch answered in part (Z.3).

The client is scripted: the emulator never conflicts, and answers every batch in full.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kit.errors import KitError
from kit.identity import access_review
from lambdas.common.access import AccessConflict, AccessRecord, AccessRecords
from lambdas.common.bindings import AlreadyBound, Binding, Bindings
from lambdas.common.dynamodb import Unprocessed, batch_get
from lambdas.scim.store import DirectoryStore, DirectoryUnavailable, Stale, Write

NOW = datetime(2026, 12, 1, tzinfo=UTC)
PERSON = AccessRecord(
    key="USER#p1", subject="p1", active=True, department="legal", models=(), data_classes=()
)
BINDING = Binding("p1", "ab" * 32, "", "operator", NOW)
WRITE = Write({"Delete": {"TableName": "t", "Key": {}}})


def cancelled(*reasons: str) -> ClientError:
    answer = {
        "Error": {"Code": "TransactionCanceledException", "Message": ""},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    return ClientError(answer, "TransactWriteItems")  # pyright: ignore[reportArgumentType]


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "UpdateItem")


class Scripted:
    """A client whose writes fail as the script says, the last entry for ever; None is success."""

    def __init__(self, *script: ClientError | None) -> None:
        self._script = list(script)
        self.tries = 0

    def _write(self, **_: Any) -> dict[str, Any]:
        self.tries += 1
        error = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if error is not None:
            raise error
        return {}

    transact_write_items = update_item = _write


TRANSACTIONS: dict[str, tuple[Callable[[Scripted], object], type[Exception]]] = {
    "access record": (lambda client: AccessRecords(client, "t").change(PERSON, active=False), AccessConflict),
    "binding": (lambda client: Bindings(client, "t").bind(BINDING), AlreadyBound),
    "directory": (lambda client: DirectoryStore(client, "t").transact([WRITE]), Stale),
}
SINGLE: dict[str, Callable[[Scripted], bool]] = {
    "revocation": lambda client: AccessRecords(client, "t").revoke("KEY#1"),
    "sign-out": lambda client: AccessRecords(client, "t").sign_out("p1", NOW),
}


@pytest.mark.parametrize("door", TRANSACTIONS)
def test_a_transaction_that_meets_another_one_is_tried_again_and_a_refusal_is_not(door: str) -> None:
    write, refusal = TRANSACTIONS[door]
    client = Scripted(
        cancelled("TransactionConflict", "None"),
        refused("ThrottlingException"),
        cancelled("ConditionalCheckFailed", "TransactionConflict"),  # the condition may hold when it is free
        None,
    )
    write(client)
    assert client.tries == 4
    client = Scripted(cancelled("ConditionalCheckFailed"))
    with pytest.raises(refusal):
        write(client)
    assert client.tries == 1


@pytest.mark.parametrize("door", SINGLE)
def test_a_revocation_that_meets_a_transaction_takes_effect(door: str) -> None:
    client = Scripted(refused("TransactionConflictException"), refused("InternalServerError"), None)
    assert SINGLE[door](client) is True
    assert client.tries == 3
    assert SINGLE[door](Scripted(refused("ConditionalCheckFailedException"))) is False
    with pytest.raises(ClientError):
        SINGLE[door](Scripted(refused("AccessDeniedException")))


def test_an_item_that_stays_held_is_no_account_that_is_bound_already() -> None:
    client = Scripted(cancelled("TransactionConflict"))
    with pytest.raises(ClientError):
        Bindings(client, "t").bind(BINDING)
    assert client.tries > 2


class InPart:
    """A table that answers so many keys of each batch."""

    def __init__(self, *answers: int) -> None:
        self._answers = list(answers)
        self.tries = 0

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        self.tries += 1
        count = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        ((table, wanted),) = RequestItems.items()
        rest = {**wanted, "Keys": wanted["Keys"][count:]}
        return {
            "Responses": {table: wanted["Keys"][:count]},
            "UnprocessedKeys": {table: rest} if rest["Keys"] else {},
        }


def test_a_batch_that_is_answered_in_part_is_read_to_its_end_or_ends() -> None:
    keys = [(f"USER#{number}", "RESOURCE") for number in range(10)]

    def read(table: InPart, within: float = 5.0) -> list[str]:
        items = batch_get(table.batch_get_item, "t", keys, consistent=True, within=within)
        return [item["pk"]["S"] for item in items]

    assert read(InPart(3, 0, 1, 0, 10)) == [pk for pk, _ in keys]
    silent = InPart(4, 0)
    with pytest.raises(Unprocessed):
        read(silent, within=0.5)
    assert 2 < silent.tries < 20, "asked without a wait"


def test_whoever_reads_a_table_without_capacity_is_given_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_review, "_PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr("lambdas.scim.store._DEADLINE_SECONDS", 0.1)

    class Target:
        def client(self, _: str) -> InPart:
            return InPart(0)

        def require(self, name: str) -> str:
            return name

    with pytest.raises(KitError, match="directory_table_name"):
        access_review._group_names(Target(), ["g1"])  # type: ignore[arg-type]
    with pytest.raises(DirectoryUnavailable):
        DirectoryStore(InPart(0), "t").get_all([("USER#1", "RESOURCE")])

"""The operator's log names what an error of ours came from; nobody else learns it (L1.8)."""

from botocore.exceptions import ClientError

from lambdas.common.ledger import LedgerUnavailable

from .harness import Harness, chat

SECRET = "arn:aws:dynamodb:eu-central-1:111122223333:table/ledger"


def test_a_503_has_the_code_of_aws_in_the_log_and_nothing_of_it_in_the_answer(gateway: Harness) -> None:
    refused = LedgerUnavailable("no answer")
    refused.__cause__ = ClientError(
        {"Error": {"Code": "ThrottlingException", "Message": f"Rate exceeded for {SECRET}"}}, "UpdateItem"
    )
    gateway.ledger.refuse = refused
    answer = gateway.post("/v1/messages", chat())
    assert answer.status == 503
    assert b"Throttling" not in answer.body
    (line,) = (one for one in gateway.lines() if one["type"] == "access")
    assert (line["reason"], line["level"]) == ("ledger_unavailable", "ERROR")
    assert line["cause"] == "LedgerUnavailable < ClientError:ThrottlingException"
    assert SECRET not in str(gateway.lines())


def test_a_refusal_of_the_caller_has_no_cause(gateway: Harness) -> None:
    assert gateway.post("/v1/messages", {"model": "fast"}).status == 400
    (line,) = (one for one in gateway.lines() if one["type"] == "access")
    assert (line["cause"], line["level"]) == ("", "INFO")

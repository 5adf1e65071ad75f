"""Erasing a person reaches the files at the provider, in the departments that the person wrote in (G.2)."""

import botocore.session
from moto import mock_aws

from kit.audit.erased_files import mark

TABLE = "acme-test-ledger"


@mock_aws
def test_the_files_of_a_person_lose_their_names_and_are_marked() -> None:
    dynamodb = botocore.session.get_session().create_client(
        "dynamodb", "eu-central-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in ("pk", "sk")],
        BillingMode="PAY_PER_REQUEST",
    )
    for department, file_id, principal in (
        ("marketing", "file_1", "ana"),
        ("marketing", "file_2", "ben"),
        ("finance", "file_3", "ana"),
        ("legal", "file_4", "ana"),
    ):
        item = {"pk": f"FILES#{department}", "sk": file_id, "principal": principal, "metadata": "cv.pdf"}
        dynamodb.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in item.items()})
    for _ in range(2):
        assert mark(dynamodb, TABLE, {"marketing", "finance"}, "ana") == ["file_3", "file_1"]
    kept = {one["sk"]["S"]: sorted(one) for one in dynamodb.scan(TableName=TABLE)["Items"]}
    erased, whole = ["erased", "pk", "principal", "sk"], ["metadata", "pk", "principal", "sk"]
    assert kept == {"file_1": erased, "file_2": whole, "file_3": erased, "file_4": whole}

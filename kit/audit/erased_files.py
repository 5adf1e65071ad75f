"""The files of a person that lie at a provider of Claude: made unusable at once, deleted there by the gateway
(L1.7, G.2).
"""

from collections.abc import Iterable
from typing import Any


def mark(dynamodb: Any, table: str, departments: Iterable[str], subject: str) -> list[str]:
    """Mark the files of `subject` in these departments as erased, without their names, and give their ids.

    From then on the gateway knows them no longer. It holds the provider's credential, which no operator has,
    so it deletes them there: at the next list of files that somebody of the department asks for, or when its
    lead deletes them by their ids. Again is the same. Blocks.
    """
    return [
        file_id
        for department in sorted(set(departments))
        for file_id in _of(dynamodb, table, f"FILES#{department}", subject)
    ]


def _of(dynamodb: Any, table: str, pk: str, subject: str) -> list[str]:
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": pk}},
        ConsistentRead=True,
    )
    own = [
        item["sk"]["S"]
        for page in pages
        for item in page["Items"]
        if item.get("principal", {}).get("S") == subject
    ]
    for file_id in own:
        dynamodb.update_item(
            TableName=table,
            Key={"pk": {"S": pk}, "sk": {"S": file_id}},
            UpdateExpression="SET erased = :yes REMOVE metadata",
            ExpressionAttributeValues={":yes": {"S": "yes"}},
        )
    return own

"""The emulated AWS is what the other tests stand on: it answers, and it enforces credentials."""

import boto3
import botocore.exceptions
import pytest

from kit.embedded import Emulator

pytestmark = pytest.mark.emulator


def test_root_credentials_work_and_an_unknown_key_is_refused(emulated_aws: Emulator) -> None:
    def tables(access_key_id: str) -> list[str]:
        dynamodb = boto3.client(
            "dynamodb",
            endpoint_url=emulated_aws.endpoint_url,
            region_name=emulated_aws.region,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=emulated_aws.secret_access_key,
        )
        return dynamodb.list_tables()["TableNames"]

    assert isinstance(tables(emulated_aws.access_key_id), list)
    with pytest.raises(botocore.exceptions.ClientError):
        tables("AKIAUNKNOWN000000000")

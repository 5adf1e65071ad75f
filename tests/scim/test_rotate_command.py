"""`kit scim rotate` on a deployment (G.4, L1.7)."""

import json

import boto3
import httpx2
import pytest
from typer.testing import CliRunner

from kit.cli import app
from kit.target import Target

from .harness import Scim

pytestmark = pytest.mark.emulator


def test_a_rotated_token_is_shown_once_recorded_and_valid_beside_the_one_before(own_scim: Scim, monkeypatch):
    tenant, emulator = own_scim.tenant, own_scim.tenant.emulator
    bucket = f"{tenant.settings.directory_table}-audit"
    tenant.client("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": emulator.region}
    )
    key = tenant.client("kms").create_key()["KeyMetadata"]["Arn"]
    asymmetric = {"KeyUsage": "SIGN_VERIFY", "KeySpec": "ECC_NIST_P256"}
    signing = tenant.client("kms").create_key(**asymmetric)["KeyMetadata"]["Arn"]
    outputs = {
        "scim_token_secret_arn": tenant.settings.token_secret_arn,
        "scim_url": own_scim.url,
        "audit_bucket_name": bucket,
        "audit_key_arn": key,
        "operator_key_arn": signing,
    }
    session = boto3.Session(emulator.access_key_id, emulator.secret_access_key, region_name=emulator.region)
    target = Target(outputs, emulator.region, True, session, emulator.endpoint_url)
    monkeypatch.setattr("kit.target.find_target", lambda client=None: target)
    done = CliRunner().invoke(app, ["scim", "rotate", "--json"])
    assert done.exit_code == 0, done.output
    shown = json.loads(done.output)
    assert shown["scim_url"] == own_scim.url
    assert shown["token"] != tenant.token
    own_scim.tokens._known = None  # the service looks again within a minute
    for token in (shown["token"], tenant.token):
        answer = httpx2.get(f"{own_scim.url}/Schemas", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 200
    (record,) = tenant.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    content = tenant.client("s3").get_object(Bucket=bucket, Key=record["Key"])["Body"].read()
    assert b"token-rotated" in content
    assert shown["token"].encode() not in content

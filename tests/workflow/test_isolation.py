"""No department reaches another's data: not its people, not its workflow, not the gateway, with IAM enforced
from the planned policies; and each of the two walls holds when the other is gone (L3.2, L1.7).
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

from lambdas.workflow.area import DepartmentArea
from tests.support.standing import Standing

from .conftest import area_of, role

pytestmark = pytest.mark.emulator

FOREIGN = ["member", "reviewer", "drafter", "releaser", "workflows"]
PAIRS = [("marketing", "finance"), ("finance", "marketing"), ("marketing", "legal"), ("legal", "finance")]
EVERYTHING = {"Sid": "Careless", "Effect": "Allow", "Action": ["s3:*", "kms:*"], "Resource": "*"}


def put(stage: Standing, department: str) -> str:
    """A document of a department, put there by the role that may."""
    key = f"sources/{uuid.uuid4().hex}.txt"
    area_of(stage, department, "member").put(key, b"figures")
    return key


def refusal(area: DepartmentArea, key: str) -> str:
    with pytest.raises(ClientError) as caught:
        area.read(key)
    return caught.value.response["Error"]["Code"]


@contextmanager
def careless(stage: Standing, part: str) -> Iterator[None]:
    """A role that somebody has given everything in S3 and KMS."""
    iam, name = stage.root("iam"), f"example-production-{part}"
    policy = json.dumps({"Version": "2012-10-17", "Statement": [EVERYTHING]})
    iam.put_role_policy(RoleName=name, PolicyName="careless", PolicyDocument=policy)
    yield
    iam.delete_role_policy(RoleName=name, PolicyName="careless")


@contextmanager
def open_bucket(stage: Standing, area: DepartmentArea) -> Iterator[None]:
    """The data area without its bucket policy."""
    s3 = stage.root("s3")
    policy = s3.get_bucket_policy(Bucket=area.bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=area.bucket)
    yield
    s3.put_bucket_policy(Bucket=area.bucket, Policy=policy)


@pytest.mark.parametrize("department", ["marketing", "finance", "legal"])
@pytest.mark.parametrize("part", ["member", "reviewer", "drafter"])
def test_a_department_reads_its_own_documents(stage, department, part) -> None:
    assert area_of(stage, department, part).read(put(stage, department)).body == b"figures"


@pytest.mark.parametrize(("mine", "theirs"), PAIRS)
@pytest.mark.parametrize("part", FOREIGN)
def test_no_role_of_a_department_reaches_another_departments_data(stage, mine, theirs, part) -> None:
    area = area_of(stage, theirs, f"{mine}-{part}")
    assert refusal(area, put(stage, theirs)) == "AccessDenied"
    with pytest.raises(ClientError):
        area.put(f"sources/{uuid.uuid4().hex}", b"planted")
    with pytest.raises(ClientError):
        area.s3.list_objects_v2(Bucket=area.bucket)


@pytest.mark.parametrize("department", ["marketing", "finance"])
def test_the_gateway_reaches_no_departments_data(stage, department) -> None:
    assert refusal(area_of(stage, department, "gateway"), put(stage, department)) == "AccessDenied"


@pytest.mark.parametrize("role", ["marketing-member", "marketing-drafter", "gateway"])
def test_a_careless_policy_opens_nothing_because_the_bucket_and_the_key_refuse(stage, role) -> None:
    key, area = put(stage, "finance"), area_of(stage, "finance", role)
    with careless(stage, role):
        assert refusal(area, key) == "AccessDenied"
        kms = stage.root("kms").describe_key(KeyId=area.key_arn)["KeyMetadata"]["Arn"]
        policy = json.loads(stage.root("kms").get_key_policy(KeyId=kms, PolicyName="default")["Policy"])
        use = next(one for one in policy["Statement"] if one["Sid"] == "UseThroughIam")
        assert not any(role in arn for arn in use["Condition"]["ArnEquals"]["aws:PrincipalArn"])


@contextmanager
def key_policy(stage: Standing, key: str, *without: str) -> Iterator[None]:
    """The key with conditions taken out of its statement for use."""
    kms = stage.root("kms")
    kept = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    policy = json.loads(kept)
    use = next(one for one in policy["Statement"] if one["Sid"] == "UseThroughIam")
    for operator in without:
        use["Condition"].pop(operator)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    yield
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=kept)


def test_the_key_alone_refuses_another_departments_role_that_has_been_given_everything(stage) -> None:
    """The second wall, without the first: the emulator does not decrypt on behalf of S3 under the reader's
    rights, so the key is asked itself, its condition on the way (S3) taken out. Its condition on the roles
    then is all that stands between finance's data and a marketing role with `kms:*`; without that too, the
    data lies open.
    """
    key = area_of(stage, "finance", "member").key_arn
    arn = stage.root("kms").describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    sealed = stage.root("kms").encrypt(KeyId=arn, Plaintext=b"figures")["CiphertextBlob"]

    def opens(part: str) -> bool:
        try:
            return role(stage, part).client("kms").decrypt(CiphertextBlob=sealed)["Plaintext"] == b"figures"
        except ClientError as error:
            if not error.response["Error"]["Code"].startswith("AccessDenied"):
                raise
            return False

    with careless(stage, "marketing-member"), careless(stage, "finance-member"):
        assert not opens("finance-member"), "past S3 nobody uses the key"
        with key_policy(stage, arn, "StringEquals"):
            assert opens("finance-member")
            assert not opens("marketing-member")
        with key_policy(stage, arn, "StringEquals", "ArnEquals"):
            assert opens("marketing-member"), "the condition on the roles is what has refused"


def test_without_the_bucket_policy_a_careless_policy_would_list_the_area(stage) -> None:
    area = area_of(stage, "finance", "marketing-member")
    with careless(stage, "marketing-member"):
        with pytest.raises(ClientError):
            area.s3.list_objects_v2(Bucket=area.bucket)
        with open_bucket(stage, area):
            area.s3.list_objects_v2(Bucket=area.bucket)


@pytest.mark.parametrize("part", ["member", "drafter", "reviewer"])
def test_only_the_releaser_writes_released_texts(stage, part) -> None:
    area = area_of(stage, "marketing", part)
    with pytest.raises(ClientError) as caught:
        area.put(f"released/content/{uuid.uuid4().hex}.json", b"{}")
    assert caught.value.response["Error"]["Code"] == "AccessDenied"


@pytest.mark.parametrize("part", ["member", "drafter", "releaser"])
def test_only_reviewers_write_decisions(stage, part) -> None:
    key = f"decisions/wf_01ARZ3NDEKTSV4RRFFQ69G5FAV/{uuid.uuid4().hex}.json"
    with pytest.raises(ClientError) as caught:
        area_of(stage, "marketing", part).put(key, b"{}")
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    area_of(stage, "marketing", "reviewer").put(key, b"{}")


def test_a_reviewer_neither_edits_nor_releases_past_the_decision(stage) -> None:
    area = area_of(stage, "marketing", "reviewer")
    for key in ("edits/wf_1.json", "released/content/wf_1.json", "drafts/wf_1.json", "requests/wf_1.json"):
        with pytest.raises(ClientError) as caught:
            area.put(key, b"{}")
        assert caught.value.response["Error"]["Code"] == "AccessDenied", key


def test_a_member_does_not_read_drafts_before_their_review(stage) -> None:
    area = area_of(stage, "marketing", "member")
    assert refusal(area, "drafts/wf_01ARZ3NDEKTSV4RRFFQ69G5FAV.json") == "AccessDenied"

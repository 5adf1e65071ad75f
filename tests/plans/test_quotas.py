"""What a plan asks for is within the quotas of the account that it is for (L1.8, Z.1)."""

import pytest

from stacks.concurrency import KEEPERS, UNRESERVED
from tests.plans.made import Made, made, of_type
from tests.plans.variants import VARIANTS
from tests.support.stages import SIZES

FUNCTION = "aws:lambda/function"


def _reserved(plan: tuple[Made, ...]) -> list[int]:
    return [
        one.inputs["reservedConcurrentExecutions"]
        for one in of_type(plan, FUNCTION)
        if "reservedConcurrentExecutions" in one.inputs
    ]


def test_nothing_is_reserved_in_a_new_account() -> None:
    """Of its ten concurrent executions AWS lets nobody reserve one."""
    plan = made("medium", "a new account's quota")
    assert _reserved(plan) == []
    assert not of_type(plan, "aws:lambda/provisionedConcurrencyConfig")


@pytest.mark.parametrize("size", SIZES)
def test_all_that_a_size_reserves_leaves_what_aws_demands(size: str) -> None:
    reserved = _reserved(made(size))
    keepers = [one for one in reserved if one == 1]
    assert 0 < len(keepers) <= KEEPERS
    assert sum(reserved) <= 1_000 - UNRESERVED


@pytest.mark.parametrize("variant", VARIANTS)
def test_iam_takes_every_policy_of_every_variant(variant: str) -> None:
    """Characters: inline 10,240 a role, trust 2,048, managed 6,144; a key 32,768, a bucket 20,480."""
    plan = made("medium", variant)
    inline: dict[str, int] = {}
    for one in of_type(plan, "aws:iam/rolePolicy"):
        inline[one.inputs["role"]] = inline.get(one.inputs["role"], 0) + len(one.inputs["policy"])
    assert max(inline.values()) <= 10_240, max(inline, key=lambda role: inline[role])
    for kind, field, most in (
        ("aws:iam/role", "assumeRolePolicy", 2_048),
        ("aws:iam/policy", "policy", 6_144),
        ("aws:kms/key", "policy", 32_768),
        ("aws:s3/bucketPolicy", "policy", 20_480),
    ):
        for one in of_type(plan, kind):
            assert len(one.inputs[field]) <= most, one.name

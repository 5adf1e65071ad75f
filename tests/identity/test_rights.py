"""No role can change a right, a budget or an approval alone without a finding (G.4, C.1): tried role by role
and action by action with a judge of conditions that is not the emulated AWS.
"""

import pytest

from components.foundation.roles import ROLES

from .attacks import ALL, ATTACKS, PAGE, may, statements, written
from .evaluator import Asked, allowed

OF = statements()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.what)
def test_only_the_role_whose_work_it_is_can_and_others_see_it(attack):
    able = {role for role in ROLES if may(OF[role], attack)}
    assert able == (set(ROLES) if attack.by == (ALL,) else set(attack.by))
    assert bool(attack.found) is bool(able)


def test_the_page_has_the_table_as_it_is_computed():
    page = PAGE.read_text("utf-8")
    assert page == written(page), "run: python -m tests.identity.attacks"


def test_every_attribute_of_a_right_is_out_of_reach_one_by_one():
    """The governance lead may change `active` and when sign-ins ended, and nothing else."""
    table = "arn:aws:dynamodb:eu-central-1:111122223333:table/example-production-access"
    writable = {
        name
        for name in ("active", "data_classes", "department", "models", "onboarding", "owner", "provisioned",
                     "roles", "signed_out_at", "subject", "version", "expires_at", "limits", "networks")
        if allowed(
            OF["governance-lead"],
            Asked("dynamodb:UpdateItem", table,
                  {"dynamodb:LeadingKeys": ["USER#x"], "dynamodb:Attributes": ["pk", "sk", name]}),
        )
    }  # fmt: skip
    assert writable == {"active", "signed_out_at", "version"}


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"ForAllValues:StringLike": {"k": ["A#*", "B"]}}, {"k": ["A#1", "B"]}, True),
        ({"ForAllValues:StringLike": {"k": ["A#*"]}}, {"k": ["A#1", "C"]}, False),
        ({"ForAllValues:StringEquals": {"k": ["A"]}}, {}, True),
        ({"StringEquals": {"k": "A"}}, {}, False),
        ({"StringEquals": {"k": ["A", "B"]}}, {"k": ["B"]}, True),
        ({"StringLike": {"k": "A?c*"}}, {"k": ["Abc/d"]}, True),
    ],
)
def test_the_judge_reads_conditions_as_aws_documents_them(condition, context, holds):
    statement = {"Effect": "Allow", "Action": "x:Y", "Resource": "*", "Condition": condition}
    assert allowed([statement], Asked("x:Y", "r", context)) is holds


def test_a_denial_wins_and_what_is_unknown_is_no_answer():
    allow = {"Effect": "Allow", "Action": ["x:*"], "Resource": "*"}
    assert not allowed([allow, {**allow, "Effect": "Deny"}], Asked("x:Y", "r"))
    with pytest.raises(ValueError, match="unknown operator"):
        allowed([{**allow, "Condition": {"NumericLessThan": {"k": "1"}}}], Asked("x:Y", "r"))

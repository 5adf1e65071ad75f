"""The permissions boundary, and the endpoint policies that follow from it, hold what roles need and nothing
else (C.1, L1.7).
"""

from components.foundation.boundary import actions
from tests.plans.made import made, of_type
from tests.plans.policies import many, statements
from tests.plans.variants import VARIANTS


def test_the_boundary_has_every_action_of_a_role_and_no_other() -> None:
    """An action too few is a function that fails in production only; one too many is a right for nobody."""
    plans = [made("small"), *(made("enterprise", variant) for variant in VARIANTS)]
    given = {
        action
        for plan in plans
        for one in of_type(plan, "aws:iam/rolePolicy")
        for statement in statements(one.inputs["policy"])
        if statement["Effect"] == "Allow"
        for action in many(statement["Action"])
    }
    assert sorted(given) == actions()

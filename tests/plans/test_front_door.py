"""What API Gateway does before the gateway is asked (L1.5): no emulator here has an API Gateway in front, so
the plan is held against AWS's own rules.
"""

import pytest

from tests.plans.made import made, of_type
from tests.plans.variants import VARIANTS
from tests.support.stages import SIZES

AUTHORIZER = "aws:apigateway/authorizer"


@pytest.mark.parametrize("size", SIZES)
def test_a_caller_with_only_an_api_key_is_asked_about_and_not_turned_away(size: str) -> None:
    """API Gateway answers 401 by itself to a request without a named source, and the provider names the
    header `Authorization` where the plan names none. `anthropic.Anthropic(api_key=…)` sends `x-api-key`
    alone.
    """
    authorizers = of_type(made(size), AUTHORIZER)
    assert authorizers
    for one in authorizers:
        sources = one.inputs["identitySource"].split(",")
        assert all(source.strip().startswith("context.") for source in sources), "what every request has"
        assert one.inputs["authorizerResultTtlInSeconds"] == 0, "two callers behind one address differ"


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_domain_speaks_a_policy_that_its_kind_may_have(variant: str) -> None:
    """API Gateway refuses mutual TLS with a policy `SecurityPolicy_…`, which demands an access mode."""
    for one in of_type(made("medium", variant), "aws:apigateway/domainName"):
        enhanced = one.inputs["securityPolicy"].startswith("SecurityPolicy_TLS13")
        assert enhanced == ("endpointAccessMode" in one.inputs)
        assert enhanced != ("mutualTlsAuthentication" in one.inputs)
        assert enhanced or one.inputs["securityPolicy"] == "TLS_1_2"


def test_a_second_monitor_of_all_services_is_never_asked_for_unawares() -> None:
    """AWS allows one an account, and makes one by itself for new accounts."""
    monitor, subscription = "aws:costexplorer/anomalyMonitor", "aws:costexplorer/anomalySubscription"
    assert not of_type(made("medium"), monitor, subscription)
    assert of_type(made("medium", "anomaly monitor of its own"), monitor)
    theirs = made("medium", "anomaly monitor of the account")
    assert not of_type(theirs, monitor)
    (told,) = of_type(theirs, subscription)
    assert told.inputs["monitorArnLists"][0].startswith("arn:aws:ce::111122223333:anomalymonitor/")

"""The firewall: what it does not read, how often an address may ask, what it answers itself (L1.1, L1.7,
Z.1).
"""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.api.rest_api import BODY_LIMIT, STAGE
from components.api.web_acl import SCIM, UNREAD_BODIES, number_above
from contract.sizes import Size, sizing
from kit.evaluation.graph import Graph
from kit.evaluation.stages import evaluate_stage
from tests.support.stages import SIZES, plan_of


@pytest.mark.parametrize(
    "path",
    [
        "/v1/messages",
        f"/{STAGE}/v1/messages",
        "/v1/messages/batches/msgbatch_01/results",
        "/v1/prompts/summary.short/messages",
        "/scim/v2/Groups/7c1f0a3e-2f6b-4f0e-9b36-0b7f1d2c9a11",
        f"/{STAGE}/scim/v2/Users",
    ],
)
def test_bodies_of_messages_and_of_groups_are_not_read(path: str) -> None:
    assert re.search(UNREAD_BODIES, path)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/healthz",
        "/v1",
        "/v1/",
        "/x/v1/messages",
        "/admin/v1/messages",
        f"/{STAGE}/{STAGE}/v1/messages",
        "/other/v1/v1/messages",
        "/healthz/v1/messages",
        "//v1/messages",
        "/v1/../admin",
        "/v1/messages/../../admin",
        "/v1//admin",
        "/v1/%2e%2e/admin",
        "/v1/messages%2f..%2fadmin",
        "/v1\\..\\admin",
        "/v1/messages;/admin",
        "/V1/messages",
        "/v1/messages\n/admin",
        "/?/v1/messages",
    ],
)
def test_no_other_path_gets_the_exemption(path: str) -> None:
    assert not re.search(UNREAD_BODIES, path)


def test_only_the_directorys_import_has_its_own_limit() -> None:
    assert re.search(SCIM, "/scim/v2/Users")
    assert not re.search(SCIM, "/v1/messages")
    assert not re.search(SCIM, "/v1/scim/v2/Users")


def test_the_patterns_fit_what_the_firewall_takes() -> None:
    """AWS WAF takes 512 characters, and neither capturing groups nor back references."""
    for pattern in (UNREAD_BODIES, SCIM, number_above(BODY_LIMIT)):
        assert len(pattern) <= 512
        assert re.compile(pattern).groups == 0


@given(st.integers(min_value=1, max_value=10**9), st.integers(min_value=0, max_value=10**10))
def test_a_number_is_above_a_limit_where_the_pattern_says_so(limit: int, number: int) -> None:
    pattern = number_above(limit)
    assert bool(re.search(pattern, str(number))) == (number > limit)
    for near in (limit - 1, limit, limit + 1, limit * 10):
        assert bool(re.search(pattern, f"00{near}")) == (near > limit)


@pytest.mark.parametrize("value", ["", "x", "-4400001", "4400001x", " 4400001", "4.4e9", "+9999999"])
def test_what_is_no_length_is_left_to_the_gateway(value: str) -> None:
    assert not re.search(number_above(BODY_LIMIT), value)


@pytest.mark.parametrize("size", SIZES)
def test_the_limit_per_address_follows_from_the_size_and_stays_below_the_whole_apis(size: Size) -> None:
    """One address cannot take the API from all others (L1.7, Z.1)."""
    counted = _limits(plan_of("integration", size))
    capacity = sizing(size).capacity
    assert counted == {
        "per-address": capacity.api_requests_per_address,
        "per-address-scim": capacity.scim_requests_per_address,
    }
    assert max(counted.values()) < capacity.api_requests_per_second * 300


def test_a_client_sets_the_limits_per_address_itself() -> None:
    chosen = {"capacity": {"api_requests_per_address": 1_234, "scim_requests_per_address": 5_678}}
    plan = evaluate_stage("integration", size="small", config={"sizing": chosen}, assume_gates=True)
    assert _limits(plan) == {"per-address": 1_234, "per-address-scim": 5_678}


def test_what_the_firewall_answers_has_the_shape_that_clients_read() -> None:
    acl = _acl(plan_of("integration", "small"))
    bodies = {one["key"]: json.loads(one["content"]) for one in acl["customResponseBodies"]}
    seen = {}
    for rule in acl["rules"]:
        response = rule.get("action", {}).get("block", {}).get("customResponse")
        if response:
            body = bodies[response["customResponseBodyKey"]]
            assert body["type"] == "error"
            assert body["error"]["message"]
            headers = {one["name"]: one["value"] for one in response["responseHeaders"]}
            seen[rule["name"]] = (response["responseCode"], body["error"]["type"], headers)
    many = (429, "rate_limit_error", {"retry-after": "300"})
    assert seen == {
        "per-address": many,
        "per-address-scim": many,
        "too-large": (413, "request_too_large", {"x-should-retry": "false"}),
    }


def _acl(plan: Graph) -> Any:
    (acl,) = plan.of_type("aws:wafv2/webAcl:WebAcl")
    return acl.inputs


def _limits(plan: Graph) -> dict[str, int]:
    rules = {one["name"]: one["statement"].get("rateBasedStatement") for one in _acl(plan)["rules"]}
    return {name: counted["limit"] for name, counted in rules.items() if counted}

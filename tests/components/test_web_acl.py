"""The firewall's exemptions: what it does not read, and how often an address may ask (L1.7)."""

import re

import pytest

from components.api.rest_api import STAGE
from components.api.web_acl import SCIM, UNREAD_BODIES


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
    for pattern in (UNREAD_BODIES, SCIM):
        assert len(pattern) <= 512
        assert re.compile(pattern).groups == 0

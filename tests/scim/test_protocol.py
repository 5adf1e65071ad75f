"""The protocol, by the checks of scim2-tester over HTTP (G.4)."""

import httpx2
import pytest
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server

from .harness import Scim

pytestmark = pytest.mark.emulator


def test_every_check_of_scim2_tester_succeeds(own_scim: Scim):
    http = httpx2.Client(
        base_url=own_scim.url, headers={"authorization": f"Bearer {own_scim.tenant.token}"}, timeout=60
    )
    results = check_server(SyncSCIMClient(http))
    failed = [(one.title, one.reason) for one in results if one.status != Status.SUCCESS]
    assert not failed
    assert len(results) >= 135

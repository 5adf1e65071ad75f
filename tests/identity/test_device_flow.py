"""Signing in on a machine without a browser: the helper, the portal and the user pool together (RFC 8628)."""

import json
import re
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event
from typing import Any

import boto3
import httpx2
import pytest
from moto import mock_aws

from claude_kit_token.device import GRANT, by_device
from claude_kit_token.errors import TokenError
from claude_kit_token.session import Session, ask_for_tokens
from lambdas.portal.devices import BEGINNINGS, INTERVAL_SECONDS, LIFETIME_SECONDS, Devices, Refused, TooMany
from lambdas.portal.table import PortalTable
from tests.identity.commands import run
from tests.portal.browser import Browser
from tests.support.local_kit import LocalKit

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module")
def machine(local_kit: LocalKit) -> dict[str, str]:
    """What a machine is configured with."""
    return json.loads(run(local_kit, "claude-code", "--machine-config").stdout)


@pytest.fixture(scope="module")
def portal(local_kit: LocalKit) -> str:
    return json.loads(local_kit.run("status", "--json").stdout)["portal_url"].rstrip("/")


def begin(
    pool: ThreadPoolExecutor, machine: dict[str, str], portal: str
) -> tuple["Future[Session]", str, Event]:
    """The helper waits in another thread, until the event, to ask for its tokens; the code that it shows."""
    shown: list[str] = []
    decided = Event()
    session = Session(machine["gateway_url"], machine["sign_in_url"], machine["client_id"], "", "", 0)
    waiting = pool.submit(
        by_device, session, portal, show=shown.append, sleep=lambda _: [decided.wait(60)].clear()
    )
    while not shown and not waiting.done():
        time.sleep(0.02)
    assert shown, waiting.exception()
    code = re.search(r"[A-Z]{4}-[A-Z]{4}", shown[0])
    assert code
    return waiting, code[0], decided


def consent(browser: Browser, code: str, login: str) -> str:
    """Enter a code, agree, and confirm at the identity provider as `login`; the last page's words."""
    browser.get("device")
    asked = browser.post("device", {"code": code.lower()})
    assert "Allow this only if you began the sign-in yourself" in asked.words
    page = browser.post("device", {"code": code, "decision": "allow"})
    found = re.search(r'href="([^"]+)" data-go', page.text)
    assert found, page.words
    page = browser.get(found[1].replace("&amp;", "&"))
    assert "Demonstration sign-in" in page.words
    return browser.post(page.url, {"login": login, "form_token": ""}).words


def test_a_machine_signs_in_with_the_consent_of_who_is_signed_in_in_the_portal(machine, portal):
    ada = Browser(f"{portal}/")
    ada.sign_in("ada")
    with ThreadPoolExecutor(1) as pool:
        waiting, code, decided = begin(pool, machine, portal)
        assert "You may close this page" in consent(ada, code, "ada")
        decided.set()
        session = waiting.result(30)
    me = httpx2.get(
        f"{session.gateway_url}/v1/me", headers={"authorization": f"Bearer {session.access_token}"}
    )
    assert me.json()["kind"] == "person"
    assert session.claims()["kit_person"] == me.json()["id"]
    renewed = ask_for_tokens(session, grant_type="refresh_token", refresh_token=session.refresh_token)
    assert renewed["access_token"]
    ada.get("device")
    assert "No sign-in waits for this code" in ada.post("device", {"code": code}).words, "a code is used once"


def test_who_refuses_or_signs_in_as_somebody_else_gives_the_machine_nothing(machine, portal):
    ada = Browser(f"{portal}/")
    ada.sign_in("ada")
    with ThreadPoolExecutor(1) as pool:
        waiting, code, decided = begin(pool, machine, portal)
        consent(ada, code, "grace")
        decided.set()
        with pytest.raises(TokenError, match="refused"):
            waiting.result(30)
        waiting, code, decided = begin(pool, machine, portal)
        ada.get("device")
        assert "gets nothing" in ada.post("device", {"code": code, "decision": "refuse"}).words
        decided.set()
        with pytest.raises(TokenError, match="refused"):
            waiting.result(30)


def test_a_stranger_enters_no_code_and_the_endpoints_answer_as_the_rfc_says(machine, portal):
    stranger = Browser(f"{portal}/")
    assert "Demonstration sign-in" in stranger.get("device").words
    begun = httpx2.post(f"{portal}/device/authorization", data={"client_id": machine["client_id"]})
    assert begun.headers["cache-control"] == "no-store"
    assert begun.json().keys() >= {"device_code", "user_code", "verification_uri", "expires_in", "interval"}
    assert "verification_uri_complete" not in begun.json(), "a link must not bring a code along"

    def asked(**changes: str) -> tuple[int, str]:
        form = {
            "grant_type": GRANT,
            "device_code": begun.json()["device_code"],
            "client_id": machine["client_id"],
        }
        answer = httpx2.post(f"{portal}/device/token", data={**form, **changes})
        return answer.status_code, answer.json()["error"]

    assert asked() == (400, "authorization_pending")
    assert asked() == (400, "slow_down")
    assert asked(device_code="guess") == (400, "expired_token")
    assert asked(grant_type="password") == (400, "unsupported_grant_type")
    assert asked(client_id="another") == (401, "invalid_client")


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> Any:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-central-1")
        names = ("pk", "sk")
        client.create_table(
            TableName="portal",
            KeySchema=[
                {"AttributeName": n, "KeyType": k} for n, k in zip(names, ("HASH", "RANGE"), strict=True)
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            BillingMode="PAY_PER_REQUEST",
        )
        now = [1_800_000_000.0]
        clock: Callable[[], datetime] = lambda: datetime.fromtimestamp(now[0], UTC)  # noqa: E731
        yield Devices(PortalTable(client, "portal"), clock), now


def test_codes_end_after_ten_minutes_and_guessing_ends_after_five(devices):
    desk, now = devices
    begun = desk.begin("192.0.2.1")
    assert desk.entered("ada", begun.user_code) is not None
    for _ in range(5):
        assert desk.entered("eve", "BBBB-BBBB") is None
    with pytest.raises(TooMany):
        desk.entered("eve", begun.user_code)  # the right one, too late
    assert desk.entered("ada", begun.user_code) is not None, "only who guesses waits"
    now[0] += LIFETIME_SECONDS
    assert desk.entered("ada", begun.user_code) is None
    with pytest.raises(Refused, match="expired_token"):
        desk.collect(begun.device_code)


def test_an_address_begins_only_so_many_and_a_device_is_answered_once(devices):
    desk, now = devices
    begun, *_ = [desk.begin("192.0.2.9") for _ in range(BEGINNINGS)]
    with pytest.raises(TooMany):
        desk.begin("192.0.2.9")
    desk.begin("192.0.2.10")
    waiting = desk.entered("ada", begun.user_code)
    state = desk.decide(waiting, "ada", consents=True)
    assert desk.consented(state, "eve") is None
    assert desk.consented("guess", "ada") is None
    desk.approve(desk.consented(state, "ada"), "code-of-the-pool")
    now[0] += INTERVAL_SECONDS
    assert desk.collect(begun.device_code).code == "code-of-the-pool"
    with pytest.raises(Refused, match="expired_token"):
        desk.collect(begun.device_code)

"""Each caller has the limits of its kind, its role or its key, and can see them (L1.5, L1.11, L1.12)."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from lambdas.common.identities import KeyLimits, Principal

from .harness import KEY, Answer, Harness, chat, department, make
from .stores import RefusingLedger
from .upstream import FakeUpstream, Received, Reply, json_reply, message, ordinary_claude

AGENT = {"x-claude-code-session-id": "0b5f2c1e-7d2a-4d0e-9d5c-1f6a2b3c4d5e"}
RATES = {
    f"{kind}_{name}": value
    for kind, requests in (("user", 20), ("agent", 200), ("application", 100))
    for name, value in (
        ("requests_per_minute", requests),
        ("tokens_per_minute", 1_000_000),
        ("concurrent_calls", 2),
    )
}
PERSON, CHAMPION, NARROW, ALONE = "vk_person", "vk_champion", "vk_narrow", "vk_alone"


@pytest.fixture(scope="module")
def running() -> Iterator[Harness]:
    upstream = FakeUpstream().start()
    harness = make(
        [upstream],
        departments=[department("marketing", **RATES, user_monthly_budget_microusd=5_000_000)],
        role_limits={"champions": {"requests_per_minute": 60}},
        help_url="https://help.example.com",
    )
    person = Principal("person", "ada", "marketing", "USER#ada", "pool", data_classes=("public",))
    limits = KeyLimits(monthly_budget_microusd=2_000, requests_per_minute=7, concurrent_calls=1)
    harness.keys.principals |= {
        PERSON: person,
        CHAMPION: replace(person, id="ben", access_key="USER#ben", roles=("champions",)),
        NARROW: Principal(
            "application", "app-9", "marketing", "KEY#9", "keys", limits=limits, use_case="claims-letters"
        ),
        ALONE: Principal(
            "application", "app-10", "marketing", "KEY#10", "keys", limits=KeyLimits(concurrent_calls=1)
        ),
    }
    yield harness
    harness.stop()
    upstream.stop()


@pytest.fixture
def gateway(running: Harness) -> Harness:
    running.reset()
    return running


def limit(gateway: Harness, key: str, headers: dict[str, str] | None = None) -> int:
    answer = gateway.post("/v1/messages", chat(), headers, key)
    assert answer.status == 200, answer.body
    return int(answer.header("anthropic-ratelimit-requests-limit") or 0)


@pytest.mark.parametrize(
    ("key", "headers", "requests"),
    [
        (PERSON, {}, 20),
        (PERSON, AGENT, 200),
        (PERSON, {"user-agent": "claude-cli/2.1.332 (external, cli)"}, 200),
        (KEY, {}, 100),
        (KEY, AGENT, 200),
        (CHAMPION, {}, 60),
        (NARROW, {}, 7),
        (NARROW, AGENT, 7),  # what a client says of itself does not widen a key
    ],
)
def test_the_limit_is_that_of_kind_role_or_key(
    gateway: Harness, key: str, headers: dict[str, str], requests: int
) -> None:
    assert limit(gateway, key, headers) == requests


def test_a_keys_own_budget_ends_its_calls_and_not_those_of_its_department(gateway: Harness) -> None:
    gateway.upstream.script = lambda _: json_reply(message(output_tokens=3_000))
    assert gateway.post("/v1/messages", chat(), key=NARROW).status == 200
    gateway.lines()
    refused = gateway.post("/v1/messages", chat(max_tokens=2_000), key=NARROW)
    assert (refused.status, refused.json()["error"]["type"]) == (402, "billing_error")
    assert gateway.post("/v1/messages", chat(max_tokens=2_000)).status == 200


def test_an_application_without_a_budget_of_its_own_has_its_departments_and_not_a_persons(
    gateway: Harness,
) -> None:
    budget = {key: gateway.request("GET", "/v1/me", key=key).json()["budget"] for key in (KEY, PERSON)}
    assert budget[KEY]["monthly_microusd"] == 50_000_000
    assert budget[PERSON]["monthly_microusd"] == 5_000_000


def test_more_calls_at_once_than_a_caller_may_have_wait_without_holding_up_others(gateway: Harness) -> None:
    gateway.upstream.script = lambda _: Reply(
        parts=[0.6, json_reply(message()).parts[0]],
        headers=[("content-type", "application/json")],
    )
    answers: list[Answer] = []
    calls = [
        threading.Thread(target=lambda: answers.append(gateway.post("/v1/messages", chat(), key=PERSON)))
        for _ in range(3)
    ]
    for call in calls:
        call.start()
    other = gateway.post("/v1/messages", chat(), key=CHAMPION)
    for call in calls:
        call.join()
    assert sorted(answer.status for answer in answers) == [200, 200, 429]
    (refused,) = [answer for answer in answers if answer.status == 429]
    assert refused.header("retry-after") == "1"
    assert other.status == 200
    assert gateway.post("/v1/messages", chat(), key=PERSON).status == 200


def test_a_keys_use_case_is_what_its_calls_are_counted_under(gateway: Harness) -> None:
    gateway.post("/v1/messages", chat(), key=NARROW)
    assert gateway.audit.records[-1]["use_case"] == "claims-letters"
    gateway.post("/v1/messages", chat(), {"x-use-case": "another"}, key=NARROW)
    assert gateway.audit.records[-1]["use_case"] == "another"


def test_a_caller_sees_what_it_may_do_and_what_it_spent(gateway: Harness) -> None:
    gateway.post("/v1/messages", chat(), key=NARROW)
    gateway.lines()
    answer = gateway.request("GET", "/v1/me", key=NARROW)
    assert answer.status == 200
    said: Any = answer.json()
    assert (said["id"], said["kind"], said["department"]) == ("app-9", "application", "marketing")
    assert said["models"] == ["fast", "balanced"]
    assert said["use_case"] == "claims-letters"
    assert said["help_url"] == "https://help.example.com"
    assert said["limits"] == {
        "of": "application",
        "requests_per_minute": 7,
        "tokens_per_minute": 1_000_000,
        "concurrent_calls": 1,
    }
    budget = said["budget"]
    assert budget["monthly_microusd"] == 2_000
    assert 0 < budget["committed_microusd"] == 2_000 - budget["remaining_microusd"]
    person = gateway.request("GET", "/v1/me", key=PERSON).json()
    assert (person["data_classes"], person["budget"]["committed_microusd"]) == (["public"], 0)


def test_nobody_is_told_anything_without_a_credential(gateway: Harness) -> None:
    assert gateway.request("GET", "/v1/me", key="wrong").status == 401


def test_a_limit_of_calls_at_once_holds_across_processes(gateway: Harness) -> None:
    """The key may have one call under way; a second process takes the next."""
    other = replace(gateway, ledger=RefusingLedger(gateway.ledger.store), log=[], under_way=0)
    other.start()
    begun, go_on = threading.Event(), threading.Event()

    def held(received: Received) -> Reply:
        begun.set()
        go_on.wait(20)
        return ordinary_claude(received)

    gateway.upstream.script = held
    first = threading.Thread(target=gateway.post, args=("/v1/messages", chat(), None, ALONE))
    first.start()
    try:
        assert begun.wait(20)
        refused = other.post("/v1/messages", chat(), None, ALONE)
        assert refused.status == 429
        assert "1 calls under way" in refused.json()["error"]["message"]
        assert refused.header("retry-after") == "1"
        assert other.lines()[-1]["reason"] == "caller_concurrency"
    finally:
        go_on.set()
        first.join()
    gateway.lines()
    gateway.upstream.script = ordinary_claude
    assert other.post("/v1/messages", chat(), None, ALONE).status == 200
    other.stop()

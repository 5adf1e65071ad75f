"""A session of a coding agent has a budget, is warned, and is stopped when it makes no progress (L1.11)."""

from collections.abc import Iterator
from typing import Any

import pytest

from lambdas.gateway.session_care import LOOP_STOP, LOOP_WARNING

from .harness import KEY, OTHER_KEY, Answer, Harness, chat, department, make
from .upstream import FakeUpstream, json_reply, message

SESSION = {"x-claude-code-session-id": "0b5f2c1e-7d2a-4d0e-9d5c-1f6a2b3c4d5e"}
ANOTHER = {"x-claude-code-session-id": "another-session"}
BUDGET = 10_000


@pytest.fixture(scope="module")
def running() -> Iterator[Harness]:
    upstream = FakeUpstream().start()
    harness = make([upstream], departments=[department("marketing", session_budget_microusd=BUDGET)])
    yield harness
    harness.stop()
    upstream.stop()


@pytest.fixture
def gateway(running: Harness) -> Harness:
    running.reset()
    return running


def ask(gateway: Harness, headers: dict[str, str], **fields: Any) -> Answer:
    answer = gateway.post("/v1/messages", chat(**fields), headers)
    gateway.lines()
    return answer


def spend(gateway: Harness, output_tokens: int) -> None:
    """Haiku: half a micro-dollar for each token of output."""
    gateway.upstream.script = lambda _: json_reply(message(input_tokens=0, output_tokens=output_tokens))


def test_a_session_is_warned_and_stopped_and_a_new_one_goes_on(gateway: Harness) -> None:
    spend(gateway, 15_200)  # 7,600 of 10,000
    assert ask(gateway, SESSION).header("x-budget-session-used-percent") == "0"
    spend(gateway, 3_000)
    warned = ask(gateway, SESSION)
    assert warned.header("x-budget-session-used-percent") == "76"
    assert warned.header("x-budget-warning") == "session; percent=75"
    assert ask(gateway, SESSION).header("x-budget-warning") == "session; percent=90"
    refused = ask(gateway, SESSION)
    assert (refused.status, refused.json()["error"]["type"]) == (402, "billing_error")
    assert refused.header("x-should-retry") == "false"
    assert "0.01 of 0.01 USD" in refused.json()["error"]["message"]
    assert ask(gateway, ANOTHER).status == 200
    assert ask(gateway, {}).status == 200
    assert gateway.post("/v1/messages", chat(), SESSION, OTHER_KEY).status == 200, "another caller's session"


def test_a_caller_can_ask_what_its_session_has_used(gateway: Harness) -> None:
    spend(gateway, 15_200)
    ask(gateway, SESSION)

    def session(headers: dict[str, str], key: str = KEY) -> Any:
        return gateway.request("GET", "/v1/me", headers=headers, key=key).json()["session"]

    assert session(SESSION) == {"spent_microusd": 7_600, "budget_microusd": BUDGET}
    assert session(ANOTHER)["spent_microusd"] == 0
    assert session(SESSION, OTHER_KEY)["spent_microusd"] == 0, "another caller's session"
    assert session({}) is None
    assert session({"x-claude-code-session-id": "../USER"}) is None


def test_the_month_is_warned_of_too(gateway: Harness) -> None:
    spend(gateway, 82_000_000)  # 41 of 50 USD
    assert ask(gateway, {}).status == 200
    warned = ask(gateway, ANOTHER, max_tokens=9)
    assert warned.header("x-budget-month-used-percent") == "82"
    assert warned.header("x-budget-warning") == "month; percent=75"


def turns(count: int, *, varied: bool = False) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Make the tests pass."}]
    for number in range(count):
        given = {"command": f"make test {number if varied else ''}"}
        call = {"type": "tool_use", "id": f"t{number}", "name": "Bash", "input": given}
        result = {"type": "tool_result", "tool_use_id": f"t{number}", "content": "1 failed"}
        messages += [{"role": "assistant", "content": [call]}, {"role": "user", "content": [result]}]
    return messages


@pytest.mark.parametrize("headers", [SESSION, {}])
def test_the_same_call_again_and_again_is_warned_of_and_then_stopped(
    gateway: Harness, headers: dict[str, str]
) -> None:
    assert ask(gateway, headers, messages=turns(LOOP_WARNING - 1)).header("x-session-warning") is None
    warned = ask(gateway, headers, messages=turns(LOOP_WARNING))
    assert warned.header("x-session-warning") == f"loop; repeated={LOOP_WARNING}"
    stopped = ask(gateway, headers, messages=turns(LOOP_STOP))
    assert stopped.status == 451
    assert "no progress" in stopped.json()["error"]["message"]


def test_an_agent_that_makes_progress_or_was_told_something_new_goes_on(gateway: Harness) -> None:
    assert ask(gateway, SESSION, messages=turns(3 * LOOP_STOP, varied=True)).status == 200
    told = [*turns(LOOP_STOP), {"role": "user", "content": "Try another way."}]
    assert ask(gateway, SESSION, messages=told).status == 200
    goes_on = turns(LOOP_STOP)
    goes_on[-1]["content"][0]["content"] = "all passed"
    assert ask(gateway, SESSION, messages=goes_on).status == 200


def test_figures_that_cannot_be_read_stop_nobody(gateway: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError

    monkeypatch.setattr(gateway.ledger, "balances", broken)
    assert ask(gateway, SESSION).status == 200

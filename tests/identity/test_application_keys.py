"""Keys of applications: what each may do and spend, whose it is, and how long it lives (L1.3, L1.12)."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import anthropic
import pytest

from tests.identity.commands import invoke, run
from tests.support.local_kit import LocalKit

CREATE = ("key", "create", "--name", "claims letters", "--department", "marketing")


def made(kit: LocalKit, *options: str) -> Any:
    done = run(kit, *CREATE, *options, "--json")
    assert done.code == 0, done.stderr
    return json.loads(done.stdout)


def test_a_key_lives_for_ninety_days_and_can_be_renewed(local_kit: LocalKit) -> None:
    key = made(local_kit)
    expires = datetime.fromisoformat(key["expires_at"])
    assert timedelta(days=89) < expires - datetime.now(UTC) <= timedelta(days=90)
    renewed = json.loads(run(local_kit, "key", "renew", key["id"], "--days", "200", "--json").stdout)
    assert datetime.fromisoformat(renewed["expires_at"]) > expires + timedelta(days=100)


def test_a_keys_own_limits_are_shown_changed_and_hold(local_kit: LocalKit) -> None:
    key = made(local_kit, "--requests", "1", "--budget", "12.50", "--use-case", "claims-letters")
    assert key["limits"]["monthly_budget_microusd"] == 12_500_000
    assert key["owner"] == "department:marketing"
    client = anthropic.Anthropic(
        base_url=local_kit.variables["ANTHROPIC_BASE_URL"], auth_token=key["key"], max_retries=0
    )
    ask: Any = {"model": "fast", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello."}]}
    limits = [client.messages.with_raw_response.create(**ask).headers["anthropic-ratelimit-requests-limit"]]
    assert limits == ["1"]
    changed = json.loads(run(local_kit, "key", "limit", key["id"], "--requests", "50", "--json").stdout)
    assert changed["limits"] == {**key["limits"], "requests_per_minute": 50}
    shown = run(local_kit, "key", "show", key["id"]).stdout
    assert "monthly_budget_usd   12.50" in shown
    assert "spent_usd" in shown
    assert key["key"] not in shown


def test_an_application_sees_its_own_limits_and_spend(local_kit: LocalKit) -> None:
    key = made(local_kit, "--tokens", "123456")
    environment = {
        "ANTHROPIC_BASE_URL": local_kit.variables["ANTHROPIC_BASE_URL"],
        "ANTHROPIC_AUTH_TOKEN": key["key"],
    }
    said = invoke(environment, "whoami").stdout
    assert f"application {key['id']}, department marketing" in said
    assert "123,456 tokens" in said
    assert "this month: 0.00 USD of" in said
    assert invoke({**environment, "ANTHROPIC_AUTH_TOKEN": "vk_wrong"}, "whoami").code == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--budget", "free"), "not an amount of US dollars"),
        (("--budget", "-1"), "not an amount of US dollars"),
        (("--requests", "0"), "lets nothing pass"),
        (("--use-case", "Claims Letters"), "a-z, 0-9 and -"),
        (("--owner", "nobody@example.com"), "nobody who may use Claude"),
        (("--days", "0"), "not in 1.."),
    ],
)
def test_a_bad_limit_is_refused_by_name(local_kit: LocalKit, options: tuple[str, ...], says: str) -> None:
    done = run(local_kit, *CREATE, *options)
    assert done.code == 2
    assert says in done.stderr


def test_a_key_that_is_not_there_or_revoked_is_said_to_be(local_kit: LocalKit) -> None:
    key = made(local_kit)
    assert run(local_kit, "key", "revoke", key["id"]).code == 0
    assert "is revoked" in run(local_kit, "key", "renew", key["id"]).stderr
    for command in (("show",), ("renew",), ("limit",)):
        options = ("--requests", "5") if command == ("limit",) else ()
        done = run(local_kit, "key", *command, "key_none", *options)
        assert (done.code, "there is no key key_none" in done.stderr) == (2, True)
    assert "no limit was given" in run(local_kit, "key", "limit", key["id"]).stderr


def test_a_raise_is_asked_for_by_the_caller_and_granted_by_a_lead(local_kit: LocalKit) -> None:
    key = made(local_kit, "--budget", "1")
    environment = {
        "ANTHROPIC_BASE_URL": local_kit.variables["ANTHROPIC_BASE_URL"],
        "ANTHROPIC_AUTH_TOKEN": key["key"],
    }
    asked = invoke(environment, "budget", "request", "--usd", "40", "--reason", "month end", "--json")
    request = json.loads(asked.stdout)["id"]
    (listed,) = json.loads(run(local_kit, "budget", "list", "--json").stdout)
    assert (listed["id"], listed["principal"], listed["reason"]) == (request, key["id"], "month end")
    assert "30.00 USD" in run(local_kit, "budget", "grant", request, "--usd", "30").stdout
    assert "no request is open" in run(local_kit, "budget", "list").stdout
    shown = json.loads(run(local_kit, "key", "show", key["id"], "--json").stdout)
    assert shown["limits"]["monthly_budget_microusd"] == 30_000_000
    assert run(local_kit, "budget", "grant", request).code == 2
    assert invoke(environment, "budget", "request", "--usd", "lots", "--reason", "x").code == 2

"""Claude Code gets a granted model for every role that it knows (L1.1, L1.11)."""

import json
import shlex
from collections.abc import Sequence
from typing import Any

import pytest

from kit.identity.claude_code import model_environment, tool_settings, warning_hooks
from lambdas.common.policy import parse_policy
from tests.gateway.harness import department, policy_document
from tests.identity.commands import invoke, run
from tests.support.local_kit import LocalKit

HAIKU, SONNET, OPUS = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"
ROLES = {
    "ANTHROPIC_MODEL",
    "ANTHROPIC_SMALL_FAST_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_FABLE_MODEL",
    "CLAUDE_CODE_SUBAGENT_MODEL",
}


@pytest.mark.parametrize(
    ("granted", "main", "opus", "haiku"),
    [
        ([HAIKU, SONNET, OPUS], SONNET, OPUS, HAIKU),
        ([HAIKU, SONNET], SONNET, SONNET, HAIKU),
        ([SONNET, OPUS], SONNET, OPUS, SONNET),
        ([OPUS], OPUS, OPUS, OPUS),
        ([HAIKU], HAIKU, HAIKU, HAIKU),
        (["balanced", SONNET, "fast", HAIKU], SONNET, SONNET, HAIKU),  # as /v1/models lists them
    ],
)
def test_every_role_has_a_granted_model(granted: Sequence[str], main: str, opus: str, haiku: str) -> None:
    roles = model_environment(granted)
    assert set(roles) == ROLES
    assert set(roles.values()) <= set(granted)
    assert roles["ANTHROPIC_MODEL"] == roles["CLAUDE_CODE_SUBAGENT_MODEL"] == main
    assert roles["ANTHROPIC_DEFAULT_OPUS_MODEL"] == opus
    assert roles["ANTHROPIC_DEFAULT_HAIKU_MODEL"] == haiku


def test_names_that_show_no_family_are_left_to_claude_code() -> None:
    assert model_environment(["fast", "our-own"]) == {}


def test_the_environment_of_the_local_deployment_names_models_of_its_key(local_kit: LocalKit) -> None:
    exported = json.loads(run(local_kit, "env", "--json").stdout)
    assert exported.keys() >= ROLES
    assert {exported[name] for name in ROLES} == {HAIKU, SONNET}


def test_managed_settings_of_a_department_offer_its_models_and_no_others(local_kit: LocalKit) -> None:
    def settings(department: str) -> Any:
        return json.loads(run(local_kit, "claude-code", "--department", department).stdout)

    assert settings("marketing")["availableModels"] == [HAIKU, SONNET]  # `early` is for champions only
    finance = settings("finance")
    assert finance["availableModels"] == [HAIKU, OPUS, SONNET]
    assert finance["model"] == SONNET
    assert (
        finance["env"]["ANTHROPIC_BASE_URL"]
        == json.loads(run(local_kit, "env", "--json").stdout)["ANTHROPIC_BASE_URL"]
    )
    assert "ANTHROPIC_MODEL" not in finance["env"]  # a person may pick another of the available ones


def test_without_a_session_or_a_department_it_says_what_to_do(local_kit: LocalKit, tmp_path: Any) -> None:
    home = {"KIT_HOME": str(local_kit.folder), "KIT_SESSION_FILE": str(tmp_path / "none.json")}
    done = invoke(home, "claude-code")
    assert done.code == 2
    assert "--department" in done.stderr
    wrong = invoke(home, "claude-code", "--department", "nobody")
    assert wrong.code == 2
    assert "marketing" in wrong.stderr


def _policy(**changes: Any) -> Any:
    document = policy_document(
        ["https://api.anthropic.com"], departments=[department("marketing", **changes)]
    )
    return parse_policy(json.dumps(document).encode())


def test_managed_settings_hold_tools_and_servers_to_the_departments_lists() -> None:
    closed = tool_settings(_policy(tool_governance="enforce"), "marketing", "kit token")
    assert closed["allowedMcpServers"] == []
    assert closed["allowManagedMcpServersOnly"]
    assert closed["permissions"]["deny"] == ["WebSearch", "WebFetch"]
    assert closed["permissions"]["disableBypassPermissionsMode"] == "disable"
    granted = tool_settings(
        _policy(
            tool_governance="enforce",
            tools=["web-fetch"],
            role_tools=["champions:web-search"],
            web_domains=["acme.com"],
            mcp_servers=["https://mcp.acme.com", "https://tools.acme.com#search"],
        ),
        "marketing",
        "kit token",
    )
    assert "hooks" not in granted
    assert granted["allowedMcpServers"] == [
        {"serverUrl": "https://mcp.acme.com"},
        {"serverUrl": "https://mcp.acme.com/*"},
    ]
    assert granted["permissions"]["deny"] == []
    assert granted["permissions"]["allow"] == ["WebFetch(domain:acme.com)", "WebFetch(domain:*.acme.com)"]
    assert tool_settings(_policy(tool_governance="observe"), "marketing", "claude-kit-token") == {}


def test_single_tools_of_a_server_are_checked_before_each_call() -> None:
    servers = ["https://mcp.acme.com", "https://tools.acme.com#search", "https://tools.acme.com#read"]
    settings = tool_settings(
        _policy(tool_governance="enforce", mcp_servers=servers), "marketing", "/opt/bin/claude-kit-token"
    )
    assert settings["allowedMcpServers"] == [
        {"serverUrl": url}
        for origin in ("https://mcp.acme.com", "https://tools.acme.com")
        for url in (origin, f"{origin}/*")
    ]
    ((entry,),) = settings["hooks"].values()
    assert entry["matcher"] == "mcp__.*"
    (hook,) = entry["hooks"]
    assert shlex.split(hook["command"]) == ["/opt/bin/claude-kit-token", "tools", *servers]
    assert hook["onFailure"] == "block"


def test_people_are_warned_in_claude_code_where_the_helper_can() -> None:
    hooks = warning_hooks("/opt/bin/claude-kit-token")
    for name in ("UserPromptSubmit", "Stop"):
        ((hook,),) = (one["hooks"] for one in hooks[name])
        assert hook == {"type": "command", "command": "/opt/bin/claude-kit-token warn", "timeout": 5}
    assert warning_hooks("kit token") == {}

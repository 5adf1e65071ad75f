"""Claude Code, unmodified, works against the gateway by base URL and credential alone (L1.1). Run by
`make test-clients`, which installs it from npm: too large a download for every run of the tests.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.gateway.harness import KEY, Harness
from tests.gateway.upstream import event, message, stream_events, stream_reply

CLAUDE = ROOT / ".kit" / "clients" / "node_modules" / ".bin" / "claude"


def claude(
    gateway: Harness, folder: Path, *arguments: str, key: str = KEY
) -> "subprocess.CompletedProcess[str]":
    """`claude -p`, with a home of its own and nothing of the user's."""
    folder.mkdir(exist_ok=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "ANTHROPIC_BASE_URL": gateway.url,
        "ANTHROPIC_AUTH_TOKEN": key,
        "ANTHROPIC_MODEL": "fast",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
    }
    return subprocess.run(
        [str(CLAUDE), "-p", *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def roomy(gateway: Harness) -> Harness:
    """A gateway that takes the large bodies of Claude Code (tools and system come with each)."""
    object.__setattr__(gateway.settings, "body_limit", 32 << 20)
    return gateway


def test_a_question_is_answered_and_recorded(roomy: Harness, tmp_path: Path) -> None:
    done = claude(roomy, tmp_path / "home", "Say hello.")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == "Hello."
    kinds = [record["kind"] for record in roomy.audit.records]
    assert kinds.count("intent") == kinds.count("outcome") >= 1
    sent = roomy.upstream.received[-1]
    assert sent.target == "/v1/messages?beta=true"
    assert sent.header("anthropic-beta")


def test_a_tool_is_used_over_two_turns(roomy: Harness, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "note.txt").write_text("The river is called Lethe.\n")

    def script(received: Any) -> Any:
        asked = received.json()
        results = [
            block
            for turn in asked["messages"]
            if isinstance(turn["content"], list)
            for block in turn["content"]
            if block.get("type") == "tool_result"
        ]
        if results or not asked.get("tools"):
            return stream_reply(stream_events(["It says Lethe." if "Lethe" in json.dumps(results) else "?"]))
        return stream_reply(_tool_call("Read", {"file_path": str(folder / "note.txt")}))

    roomy.upstream.script = script
    done = claude(roomy, folder, "What is in note.txt?", "--allowedTools", "Read")
    assert done.stdout.strip() == "It says Lethe.", done.stdout + done.stderr


def _tool_call(name: str, given: dict[str, Any]) -> list[bytes]:
    block = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}
    delta = {"type": "input_json_delta", "partial_json": json.dumps(given)}
    start = message() | {"content": [], "stop_reason": None}
    return [
        event("message_start", {"message": start}),
        event("content_block_start", {"index": 0, "content_block": block}),
        event("content_block_delta", {"index": 0, "delta": delta}),
        event("content_block_stop", {"index": 0}),
        event("message_delta", {"delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 9}}),
        event("message_stop", {}),
    ]


def test_what_policy_refuses_is_shown_after_one_try(roomy: Harness, tmp_path: Path) -> None:
    done = claude(
        roomy, tmp_path / "home", "Social security number 536-22-8723 of our customer, please check."
    )
    assert done.returncode != 0
    assert "US social security number" in done.stdout + done.stderr
    assert [line["reason"] for line in roomy.lines() if line["route"] == "messages"].count(
        "class-restricted"
    ) == 1
    assert not roomy.upstream.received


def test_a_wrong_credential_is_said_to_be_one(roomy: Harness, tmp_path: Path) -> None:
    done = claude(roomy, tmp_path / "home", "Hi.", key="wrong")
    assert done.returncode != 0
    assert "401" in done.stdout + done.stderr

"""The examples for callers run as printed: with Claude, with one that fails, without (L1.8, L1.9)."""

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.docs.blocks import fenced
from tests.gateway.harness import KEY, Harness
from tests.gateway.upstream import Received, Reply, json_reply, message, stream_events, stream_reply
from tests.support.ports import free_port

CALLERS = (ROOT / "docs" / "callers.md").read_text("utf-8")


def run(name: str, *arguments: str, url: str, home: Path) -> "subprocess.CompletedProcess[str]":
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_AUTH_TOKEN": KEY,
    }
    command = [sys.executable, str(ROOT / "examples" / name), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_retry_gives_the_answer(gateway: Harness, tmp_path: Path) -> None:
    answers = iter([json_reply(b"{}", 529), json_reply(message("Water, always new."))])
    gateway.upstream.script = lambda _: next(answers)
    assert run("retry.py", url=gateway.url, home=tmp_path).stdout == "Water, always new.\n"
    assert gateway.audit.records[-1]["use_case"] == "examples"


def test_retry_tells_people_what_policy_refused_after_one_try(gateway: Harness, tmp_path: Path) -> None:
    done = run(
        "retry.py", "Social security number 536-22-8723 of our customer", url=gateway.url, home=tmp_path
    )
    assert done.stdout.startswith("Refused: Blocked: a US social security number")
    assert len(gateway.lines()) == 1


def test_streaming_shows_the_answer_and_says_when_it_is_not_whole(gateway: Harness, tmp_path: Path) -> None:
    done = run("streaming.py", url=gateway.url, home=tmp_path)
    assert (done.returncode, done.stdout) == (0, "Hello.\n")
    gateway.upstream.script = lambda _: stream_reply(stream_events(["Half an"])[:4])
    done = run("streaming.py", url=gateway.url, home=tmp_path)
    assert (done.returncode, done.stdout) == (1, "Half an")
    assert "broke off" in done.stderr


@pytest.mark.parametrize("away", [False, True])
def test_the_job_goes_on_without_claude(gateway: Harness, tmp_path: Path, away: bool) -> None:
    gateway.upstream.script = lambda _: json_reply(message("quality"))
    nowhere = f"http://127.0.0.1:{free_port()}"

    def topic(complaint: str, *, claude: bool) -> str:
        url = gateway.url if claude else nowhere
        return run("offline_fallback.py", complaint, url=url, home=tmp_path).stdout.strip()

    if away:
        assert topic("The parcel is late.", claude=False) == "Topic(name='delivery', source='rule')"
    else:
        assert topic("It does not shine.", claude=True) == "Topic(name='quality', source='claude')"
        assert topic("It does not shine.", claude=False) == "Topic(name='quality', source='kept')"


def test_a_registered_prompt_is_called_by_name(gateway: Harness, tmp_path: Path) -> None:
    gateway.upstream.script = lambda _: json_reply(message("Cold water, all day."))
    done = run("registered_prompt.py", url=gateway.url, home=tmp_path)
    assert done.stdout == "Cold water, all day.\n", done.stderr
    assert gateway.audit.records[-1]["prompt"] == "campaign-copy"


def test_embeddings_find_the_nearest_text(gateway: Harness, tmp_path: Path) -> None:
    meanings = {"Spend by department is in the cost report.": [1, 0.1], "Where does my money go?": [1, 0.2]}

    def titan(received: Received) -> Reply:
        text = received.json()["inputText"]
        return json_reply({"embedding": meanings.get(text, [0, 1]), "inputTextTokenCount": 5})

    gateway.upstream.script = titan
    done = run("embeddings.py", url=gateway.url, home=tmp_path)
    assert done.stdout == "Spend by department is in the cost report.\n", done.stderr
    assert [line["route"] for line in gateway.lines()] == ["embeddings", "embeddings"]


def test_the_pages_embeddings_request_is_taken_as_printed(gateway: Harness) -> None:
    vector = {"embedding": [0.1, 0.2], "inputTextTokenCount": 3}
    gateway.upstream.script = lambda _: json_reply(vector)
    asked, answered = fenced("docs/callers.md", "json")
    answer = gateway.post("/v1/embeddings", json.loads(asked)).json()
    printed = json.loads(answered)
    assert answer.keys() == printed.keys()
    assert answer["data"][0] == printed["data"][0]
    assert answer["model"] == printed["model"]


def test_the_pages_first_program_runs_as_printed(gateway: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", gateway.url)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", KEY)
    gateway.upstream.script = lambda _: json_reply(message("Water, always new."))
    program: dict[str, Any] = {}
    exec(fenced("docs/callers.md", "python")[0], program)
    assert program["answer"].content[0].text == "Water, always new."


def test_the_pages_call_of_an_openai_client_is_taken_as_printed(gateway: Harness) -> None:
    """What that client sends is the call's arguments as JSON; the client itself is in the client matrix."""
    gateway.upstream.script = lambda _: json_reply(message("Hello."))
    program = ast.parse(fenced("docs/callers.md", "python")[2])
    calls = {ast.unparse(one.func): one for one in ast.walk(program) if isinstance(one, ast.Call)}
    sent = {one.arg: ast.literal_eval(one.value) for one in calls["client.chat.completions.create"].keywords}
    answer = gateway.post("/v1/chat/completions", sent).json()
    assert answer["choices"][0]["message"]["content"] == "Hello."


def test_the_program_on_the_clients_page_runs_as_printed(
    gateway: Harness, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.upstream.script = lambda _: json_reply(message("delivery"))
    (program,) = fenced("claude_client/README.md", "python")
    own = {"https://claude.example.com": gateway.url, "vk_...": KEY, "/var/lib/complaints": str(tmp_path)}
    for printed, value in own.items():
        assert program.count(printed) == 1
        program = program.replace(printed, value)
    exec(program, {})
    assert capsys.readouterr().out == "delivery claude\n"


def test_the_page_lists_every_example_and_every_route(gateway: Harness) -> None:
    listed = set(re.findall(r"examples/(\w+\.py)\)", CALLERS))
    assert listed == {path.name for path in (ROOT / "examples").glob("*.py")}
    routes = re.findall(r"`(POST|GET) (/v1/[\w/{}_-]+)`", CALLERS)
    assert {method for method, _ in routes} == {"POST", "GET"}
    for method, path in routes:
        body = b"{}" if method == "POST" else None
        answer = gateway.request(method, re.sub(r"\{\w+\}", "x", path), body)
        assert gateway.lines()[-1]["reason"] != "no_route", (method, path)
        assert f"There is no {method}" not in answer.body.decode()

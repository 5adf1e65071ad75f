"""`claude-client` against the gateway: it repeats what may be repeated, falls back and says so, goes on
without a gateway, and shows no text in its errors (L1.5, L1.8, L1.9, L2.1, G.3).
"""

import ast
import socket
import sys
import threading
import time
import tomllib
from pathlib import Path
from typing import Any

import anthropic
import pytest

from claude_client import Answer, Claude, ClaudeError, KeptFolder, Offline, Refused, Retry, Unavailable
from tests.conftest import ROOT
from tests.gateway.harness import KEY, Harness
from tests.gateway.upstream import Received, Reply, json_reply, message
from tests.support.ports import free_port

PACKAGE = ROOT / "claude_client"
PERSONAL = "Social security number 536-22-8723 of our customer"
ALONE = Offline()
RETRY = Retry(attempts=3, seconds=10, first_wait=0.01)


def client(url: str, *, offline: Offline = ALONE, retry: Retry = RETRY, **given: Any) -> Claude:
    sdk = anthropic.Anthropic(base_url=url, auth_token=KEY, api_key=None)
    return Claude(sdk, use_case="complaints", offline=offline, retry=retry, **given)


def nowhere() -> str:
    return f"http://127.0.0.1:{free_port()}"


def answering(status: int, *, headers: str = "", body: bytes = b"<p>busy</p>") -> "tuple[str, list[bytes]]":
    """A service that is not the gateway, and what it was sent."""
    received: list[bytes] = []
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            connection, _ = server.accept()
            with connection:
                received.append(connection.recv(65_536))
                length = f"content-length: {len(body)}\r\nconnection: close\r\n"
                head = f"HTTP/1.1 {status} X\r\n{length}{headers}\r\n"
                connection.sendall(head.encode() + body if status else b"")

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{server.getsockname()[1]}", received


def test_an_answer_says_what_feedback_and_outcomes_need(gateway: Harness) -> None:
    claude = client(gateway.url)
    answer = claude.ask("Hello", model="fast", system="Be short.")
    assert (answer.text, answer.source, answer.is_fallback) == ("Hello.", "claude", False)
    assert answer.request_id
    assert gateway.audit.records[-1]["use_case"] == "complaints"
    claude.feedback(answer.request_id, useful=True, minutes_saved=5, use_case="complaints")
    claude.outcome(answer.request_id, use="sent to the customer", result="signed", material_decision=True)
    kinds = [record["kind"] for record in gateway.audit.of(answer.request_id)]
    assert kinds == ["intent", "outcome", "feedback", "use"]
    with pytest.raises(Refused) as again:
        claude.feedback(answer.request_id, useful=True)
    assert again.value.status == 409


def test_a_registered_prompt_is_asked_by_name_and_version(gateway: Harness) -> None:
    variables = {
        "product": "A bottle",
        "audience": "Hikers",
        "channel": "email",
        "brief": "Cold.",
        "variants": 2,
    }
    claude = client(gateway.url)
    assert claude.prompt("campaign-copy", variables).text == "Hello."
    assert gateway.audit.records[-1]["prompt"] == "campaign-copy"
    with pytest.raises(Refused) as unknown:
        claude.prompt("campaign-copy", variables, version=999)
    assert unknown.value.status == 404


def test_only_what_may_be_repeated_is_repeated(gateway: Harness) -> None:
    answers = iter([json_reply(b"{}", 529), json_reply(message("At last."))])
    gateway.upstream.script = lambda _: next(answers)
    assert client(gateway.url).ask("Hello", model="fast").text == "At last."
    gateway.reset()
    with pytest.raises(Refused) as refused:
        client(gateway.url).ask(PERSONAL, model="fast", models=["balanced"], fallback=lambda: "rule")
    assert (refused.value.status, len(gateway.lines())) == (451, 1)
    assert "social security number" in refused.value.for_person


@pytest.mark.parametrize(
    ("status", "headers", "attempts"),
    [
        (503, "", 3),
        (503, "x-should-retry: false\r\n", 1),
        (400, "x-should-retry: true\r\n", 3),
        (400, "", 1),
        (429, "retry-after: 1000\r\n", 1),  # longer than the call has
        (429, "retry-after: 0\r\n", 3),
        (200, "content-type: text/html\r\n", 1),
        (200, "content-type: application/json\r\n", 1),
        (0, "", 3),
    ],
)
def test_each_answer_is_repeated_as_its_headers_say(status: int, headers: str, attempts: int) -> None:
    url, received = answering(status, headers=headers)
    began = time.monotonic()
    with pytest.raises(ClaudeError) as error:
        client(url).ask(PERSONAL, model="fast")
    assert len(received) == attempts
    assert time.monotonic() - began < 2
    shown = f"{error.value!r} {error.value.__cause__!r} {error.value.__context__!r}"
    assert "536" not in shown
    assert "busy" not in shown


def test_a_statement_that_may_have_arrived_is_not_repeated() -> None:
    url, received = answering(0)
    with pytest.raises(Unavailable) as error:
        client(url).outcome("req_1", use="sent")
    assert (len(received), error.value.may_have_arrived) == (1, True)
    with pytest.raises(Unavailable) as error:
        client(nowhere()).outcome("req_1", use="sent")
    assert error.value.may_have_arrived is False
    url, received = answering(200, headers="content-type: text/html\r\n")
    with pytest.raises(Unavailable):
        client(url).feedback("req_1", useful=True)


def test_a_wait_never_goes_beyond_the_seconds_of_the_call() -> None:
    url, received = answering(503, headers="retry-after: 4\r\n")
    now, waits = [0.0], []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        now[0] += seconds

    retry = Retry(attempts=9, seconds=10)
    with pytest.raises(Unavailable):
        client(url, retry=retry, clock=lambda: now[0], sleep=sleep).ask(
            "Hello", model="fast", models=["best"]
        )
    assert waits == [4, 4]
    assert len(received) == 4  # the second model once, in what was left


def test_another_model_answers_when_the_first_does_not(gateway: Harness) -> None:
    def only_sonnet(received: Received) -> Reply:
        good = "sonnet" in received.json()["model"]
        return json_reply(message("From the other.")) if good else json_reply(b"{}", 529)

    gateway.upstream.script = only_sonnet
    answer = client(gateway.url, retry=Retry(attempts=1, seconds=10)).ask(
        "Hello", model="fast", models=["balanced"], fallback=lambda: "rule"
    )
    assert (answer.text, answer.source) == ("From the other.", "claude")


def test_without_a_gateway_an_earlier_answer_comes_before_the_callers_own(
    gateway: Harness, tmp_path: Path
) -> None:
    offline = Offline(kept=KeptFolder(tmp_path / "kept"))
    client(gateway.url, offline=offline).ask("It does not shine.", model="fast")
    away = client(nowhere(), offline=offline)
    kept = away.ask("It does not shine.", model="fast", fallback=lambda: "rule")
    assert (kept.text, kept.source, kept.is_fallback) == ("Hello.", "kept", True)
    own = away.ask("Something else.", model="fast", fallback=lambda: "rule")
    assert own == Answer("rule", "caller")
    with pytest.raises(Unavailable):
        away.ask("Something else.", model="fast")
    (file,) = (tmp_path / "kept").iterdir()
    assert (file.stat().st_mode & 0o777, "shine" in file.name) == (0o600, False)
    old = Offline(kept=KeptFolder(tmp_path / "kept", days=-1))
    with pytest.raises(Unavailable):
        client(nowhere(), offline=old).ask("It does not shine.", model="fast")
    assert not file.exists()


def test_half_an_answer_is_not_kept_and_a_full_disk_loses_none(gateway: Harness, tmp_path: Path) -> None:
    gateway.upstream.script = lambda _: json_reply({**message("Half"), "stop_reason": "max_tokens"})
    offline = Offline(kept=KeptFolder(tmp_path / "kept"))
    assert client(gateway.url, offline=offline).ask("Hello", model="fast").stop_reason == "max_tokens"
    assert not (tmp_path / "kept").exists()
    gateway.reset()
    (tmp_path / "file").touch()
    broken = Offline(kept=KeptFolder(tmp_path / "file" / "kept"))
    assert client(gateway.url, offline=broken).ask("Hello", model="fast").text == "Hello."
    assert (
        client(nowhere(), offline=broken).ask("Hello", model="fast", fallback=lambda: "rule").text == "rule"
    )


def test_nobody_waits_again_for_a_gateway_that_is_away() -> None:
    url, received = answering(0)
    now = [0.0]
    claude = client(url, retry=Retry(attempts=1, seconds=5), clock=lambda: now[0])
    for at, attempts in ((0, 1), (29, 1), (31, 2)):
        now[0] = at
        assert claude.ask("Hello", model="fast", fallback=lambda: "rule").source == "caller"
        assert len(received) == attempts


def test_answers_do_not_show_their_text_and_the_package_writes_no_log(
    gateway: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client(gateway.url).ask("Hello", model="fast")
    assert "Hello" not in repr(answer)
    assert not [record for record in caplog.records if record.name.startswith("claude_client")]


def test_the_package_needs_the_official_sdk_and_nothing_else() -> None:
    """Declared, and imported. The pyproject is what the wheel's metadata is made from."""
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text("utf-8"))
    assert [one.partition(">")[0] for one in project["project"]["dependencies"]] == ["anthropic"]
    assert "optional-dependencies" not in project["project"]
    packed = project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert sorted(packed) == sorted(["py.typed", *(path.name for path in PACKAGE.glob("*.py"))])
    imported = {
        name.split(".")[0]
        for path in PACKAGE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8"), feature_version=(3, 9)))
        for name in _imports(node)
    }
    assert imported - sys.stdlib_module_names == {"anthropic", "claude_client"}


def _imports(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [one.name for one in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []

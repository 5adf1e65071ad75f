"""Claude Code, unmodified, in sessions as people have them."""

import json
import os
import subprocess
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kit.identity.claude_code import model_environment
from tests.clients.matrix.provider import answer_with, call, results, text
from tests.gateway.harness import KEY, Harness
from tests.gateway.upstream import Received, Reply, json_reply

SECRET = "Social security number 536-22-8723 of our customer"
TURNS, FILE_BYTES = 60, 2_600  # 156 kB of context at the end, besides what Claude Code itself sends
Outcome = tuple[str, str]  # "works", "refused clearly" or what went wrong; a note


def run(claude: Path, gateway: Harness, folder: Path, *arguments: str, seconds: int = 150) -> str:
    """What `claude -p` printed, with a home of its own and what `kit env` sets."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "ANTHROPIC_BASE_URL": gateway.url,
        "ANTHROPIC_AUTH_TOKEN": KEY,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        **model_environment(["claude-haiku-5-5", "claude-sonnet-5-5"]),
    }
    done = subprocess.run(
        [str(claude), "-p", *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds,
        stdin=subprocess.DEVNULL,
    )
    return (done.stdout + done.stderr).strip()


def sessions() -> dict[str, Callable[[Path, Harness, Path], Outcome]]:
    """The features, by name."""
    return {
        "first question": _question,
        f"{TURNS} turns, 150 kB": _long,
        "3 subagents at once": _subagents,
        "image": _image,
        "blocked file in the middle": _blocked_file,
        "blocked prompt": _blocked_prompt,
        "web search": _web_search,
        "compaction": _compaction,
    }


def tried(feature: str, claude: Path, gateway: Harness) -> Outcome:
    """What came of one feature."""
    gateway.reset()
    with tempfile.TemporaryDirectory() as folder:
        try:
            return sessions()[feature](claude, gateway, Path(folder))
        except subprocess.TimeoutExpired:
            return "FAILS", "no end within the time"


def _outcome(said: str, wanted: str, gateway: Harness, note: str = "") -> Outcome:
    refused = [line for line in gateway.lines() if line["status"] in (429, 529)]
    if wanted in said and not refused:
        return "works", note
    return "FAILS", f"{said[:160]!r}, {len(refused)} of 429 or 529"


def _is_main(asked: Any) -> bool:
    """Not one of Claude Code's own small requests beside the conversation."""
    return bool(asked.get("tools"))


def _question(claude: Path, gateway: Harness, folder: Path) -> Outcome:
    gateway.upstream.script = lambda received: answer_with(received, text("Hello."))
    return _outcome(run(claude, gateway, folder, "hello"), "Hello.", gateway)


def _long(claude: Path, gateway: Harness, folder: Path) -> Outcome:
    for number in range(TURNS):
        lines = "\n".join(f"total_{number}_{line} = compute({line})" for line in range(FILE_BYTES // 30))
        (folder / f"part{number}.py").write_text(lines)

    def script(received: Received) -> Reply:
        asked = received.json()
        done = len(results(asked))
        if not _is_main(asked) or done >= TURNS:
            return answer_with(received, text("All read."))
        given = {"file_path": str(folder / f"part{done}.py")}
        return answer_with(received, [call("Read", done, **given)], "tool_use")

    gateway.upstream.script = script
    said = run(claude, gateway, folder, "Read all parts.", "--allowedTools", "Read", seconds=400)
    largest = max((len(one.body) for one in gateway.upstream.received), default=0)
    outcome = _outcome(said, "All read.", gateway, f"up to {largest // 1000} kB a request")
    return outcome if largest > 150_000 else ("FAILS", f"largest request {largest} bytes: {said[:100]!r}")


def _subagents(claude: Path, gateway: Harness, folder: Path) -> Outcome:
    def script(received: Received) -> Reply:
        asked = received.json()
        names = [tool.get("name") for tool in asked.get("tools") or []]
        agent = next((name for name in ("Agent", "Task") if name in names), None)
        if agent and not results(asked) and "Ask three" in json.dumps(asked["messages"]):
            calls = [
                call(
                    agent,
                    number,
                    description="look",
                    prompt=f"Part {number}",
                    subagent_type="general-purpose",
                )
                for number in range(3)
            ]
            return answer_with(received, calls, "tool_use")
        return answer_with(received, text("Three have looked." if results(asked) else "Looked."))

    gateway.upstream.script = script
    said = run(claude, gateway, folder, "Ask three agents.", "--allowedTools", "Task,Agent")
    return _outcome(said, "Three have looked.", gateway)


def _image(claude: Path, gateway: Harness, folder: Path) -> Outcome:
    (folder / "picture.png").write_bytes(_png())

    def script(received: Received) -> Reply:
        asked = received.json()
        if not _is_main(asked) or results(asked):
            seen = '"type":"image"' in json.dumps(asked, separators=(",", ":"))
            return answer_with(received, text("I see it." if seen else "No picture."))
        given = {"file_path": str(folder / "picture.png")}
        return answer_with(received, [call("Read", 1, **given)], "tool_use")

    gateway.upstream.script = script
    said = run(claude, gateway, folder, "What is in picture.png?", "--allowedTools", "Read")
    return _works_or_refused(said, "I see it.", gateway)


def _works_or_refused(said: str, wanted: str, gateway: Harness) -> Outcome:
    if wanted in said:
        return "works", ""
    if "451" in said and [line["status"] for line in gateway.lines()].count(451) == 1:
        return "refused clearly", said[said.find("451") :][:90]
    return "FAILS", repr(said[:160])


def _blocked_file(claude: Path, gateway: Harness, folder: Path) -> Outcome:
    (folder / "a.txt").write_text("The river is called Lethe.\n")
    (folder / "b.txt").write_text(SECRET + "\n")

    def script(received: Received) -> Reply:
        asked = received.json()
        done = len(results(asked))
        if not _is_main(asked) or done >= 3:
            return answer_with(received, text("Went on after it."))
        given = {"file_path": str(folder / ("a.txt", "b.txt", "a.txt")[done])}
        return answer_with(received, [call("Read", done, **given)], "tool_use")

    gateway.upstream.script = script
    said = run(claude, gateway, folder, "Read a, b and a again.", "--allowedTools", "Read")
    if any(b"536-22-8723" in one.body for one in gateway.upstream.received):
        return "FAILS", "the value reached the provider"
    return _outcome(said, "Went on after it.", gateway, "the result was withheld")


def _blocked_prompt(claude: Path, gateway: Harness, folder: Path) -> Outcome:
    gateway.upstream.script = lambda received: answer_with(received, text("Hello."))
    said = run(claude, gateway, folder, SECRET)
    outcome = _works_or_refused(said, "Hello.", gateway)
    return outcome if "/rewind" in said else ("FAILS", repr(said[:160]))


def _web_search(claude: Path, gateway: Harness, folder: Path) -> Outcome:
    def script(received: Received) -> Reply:
        asked = received.json()
        if not _is_main(asked) or results(asked):
            return answer_with(received, text("Searched."))
        if any(str(tool.get("type", "")).startswith("web_search") for tool in asked["tools"]):
            return answer_with(received, text("Found: the river Mur."))
        return answer_with(received, [call("WebSearch", query="rivers of Graz")], "tool_use")

    gateway.upstream.script = script
    said = run(claude, gateway, folder, "Search the web.", "--allowedTools", "WebSearch")
    refused = [line["reason"] for line in gateway.lines() if line["status"] in (400, 451)]
    outcome = _outcome(said, "Searched.", gateway)
    if outcome[0] == "works" and refused:
        return "refused clearly", f"the search, not the session: {refused[0]}"
    return outcome


def _compaction(claude: Path, gateway: Harness, folder: Path) -> Outcome:
    """The provider says once that the prompt is too long; Claude Code sums up and goes on."""
    told: list[int] = []
    for number in range(6):
        (folder / f"part{number}.py").write_text("x = compute(1)\n" * 900)

    def script(received: Received) -> Reply:
        asked = received.json()
        done = len(results(asked))
        if done >= 5 and not told:
            told.append(1)
            error = {
                "type": "invalid_request_error",
                "message": "prompt is too long: 210000 tokens > 200000 maximum",
            }
            return json_reply({"type": "error", "error": error}, 400)
        if told or not _is_main(asked):
            return answer_with(received, text("Went on after the summary."))
        given = {"file_path": str(folder / f"part{done}.py")}
        return answer_with(received, [call("Read", done, **given)], "tool_use")

    gateway.upstream.script = script
    said = run(claude, gateway, folder, "Read all parts.", "--allowedTools", "Read")
    if said == "Prompt is too long":  # as older versions say without a person to ask
        return "refused clearly", said
    return _outcome(said, "Went on after the summary.", gateway)


def _png() -> bytes:
    """One red pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = (1).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    pixels = zlib.compress(b"\x00\xff\x00\x00")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")

"""What a person should know before their budget ends, as a message that Claude Code shows.

Claude Code runs `claude-kit-token warn` as a hook when a prompt is sent and when an answer ends, with its
session on standard input. The gateway says what month and session have used; at 75 and at 90 percent there is
a message, once for each.
"""

import contextlib
import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from claude_kit_token.session import Session, session_file

LEVELS = (90, 75)  # percent, as the gateway's own warnings
_TIMEOUT = 3  # a hook holds a person up
_KEPT = 50  # sessions whose warnings are remembered
_OPAQUE = re.compile(r"[0-9A-Za-z_-]{1,64}")


def hook_answer(session: Session, hook: str) -> str:
    """What the hook answers: JSON with the message, or nothing. `hook` is its standard input. Never raises
    for what the gateway answers, because no work may wait for a warning.
    """
    try:
        given = json.loads(hook)
        agent = str(given.get("session_id", "")) if isinstance(given, dict) else ""
    except ValueError:
        agent = ""
    agent = agent if _OPAQUE.fullmatch(agent) else ""
    due = [one for one in _warnings(_asked(session, agent), agent) if _is_new(*one[:2])]
    return json.dumps({"systemMessage": " ".join(text for _, _, text in due)}) if due else ""


def _asked(session: Session, agent: str) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {session.access_token}"}
    if agent:
        headers["x-claude-code-session-id"] = agent
    request = urllib.request.Request(f"{session.gateway_url}/v1/me", headers=headers)  # noqa: S310 - of the sign-in
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            found = json.loads(answer.read(1 << 20))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _warnings(me: dict[str, Any], agent: str) -> "list[tuple[str, int, str]]":
    """What is used up to a level: of what, the level, the words."""
    found: list[tuple[str, int, str]] = []
    month, own = (one if isinstance(one, dict) else {} for one in (me.get("budget"), me.get("session")))
    used = _used(month.get("committed_microusd"), month.get("monthly_microusd"))
    if used:
        level, amounts = used
        resets = str(month.get("resets_at", ""))[:10]
        text = f"You have used {amounts} of this month's budget for Claude. It resets on {resets}; "
        text += "for more, ask your lead (kit budget request)."
        found.append((f"month {resets}", level, text))
    used = _used(own.get("spent_microusd"), own.get("budget_microusd"))
    if used:
        level, amounts = used
        text = f"This session has used {amounts} of its budget and is stopped at the end of it; "
        text += "/clear starts a new one."
        found.append((f"session {agent}", level, text))
    return found


def _used(spent: Any, budget: Any) -> "tuple[int, str] | None":
    if not isinstance(spent, int) or not isinstance(budget, int) or budget <= 0:
        return None
    percent = spent * 100 // budget
    level = next((level for level in LEVELS if percent >= level), None)
    amounts = f"{percent} % ({spent / 1e6:.2f} of {budget / 1e6:.2f} USD)"
    return None if level is None else (level, amounts)


def _is_new(what: str, level: int) -> bool:
    """Whether this level was not shown before; it is remembered."""
    file = _memory()
    try:
        shown = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        shown = {}
    before = shown.get(what, 0) if isinstance(shown, dict) else 0
    if isinstance(before, int) and level <= before:
        return False
    shown = shown if isinstance(shown, dict) else {}
    kept = dict(list({**shown, what: level}.items())[-_KEPT:])
    with contextlib.suppress(OSError):  # then it is shown again
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.write_text(json.dumps(kept), "utf-8")
    return True


def _memory() -> Path:
    return session_file().with_name("warnings.json")

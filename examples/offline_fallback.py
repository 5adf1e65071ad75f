"""Go on without Claude: an answer kept from before, else the rule that was there before Claude (L1.8, L1.9).

A legacy job sorts complaints. Claude does it better; without Claude it must still do it. So the caller gives
Claude a deadline, keeps good answers, and says which way each result came.

    python examples/offline_fallback.py "The parcel arrived two weeks late."
"""

import hashlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import anthropic

TOPICS = ("delivery", "invoice", "quality", "other")
SECONDS = 20.0  # what the job can wait
PAUSE = 30.0  # after a failure, for so long nobody waits for Claude again
KEPT = Path.home() / ".cache" / "complaint-topics.json"


@dataclass(frozen=True)
class Topic:
    """A topic, and whether `claude`, `kept` (an earlier answer) or the `rule` gave it."""

    name: str
    source: str


class Sorter:
    """Sorts complaints by topic. One for the job; `kept` is a file of earlier answers."""

    def __init__(self, client: anthropic.Anthropic, kept: Path = KEPT) -> None:
        self._client = client
        self._kept = kept
        self._paused_until = 0.0

    def topic(self, complaint: str) -> Topic:
        """The topic of a complaint: always one, whatever happens to Claude."""
        known = self._read()
        key = hashlib.sha256(complaint.encode()).hexdigest()
        if time.monotonic() >= self._paused_until:
            try:
                name = self._ask(complaint)
            except anthropic.APIError:
                self._paused_until = time.monotonic() + PAUSE
            else:
                self._kept.parent.mkdir(parents=True, exist_ok=True)
                self._kept.write_text(json.dumps({**known, key: name}))
                return Topic(name, "claude")
        if key in known:
            return Topic(known[key], "kept")
        return Topic(by_rule(complaint), "rule")

    def _ask(self, complaint: str) -> str:
        answer = self._client.messages.create(
            model="fast",
            max_tokens=20,
            system=f"Answer with one word of: {', '.join(TOPICS)}.",
            messages=[{"role": "user", "content": complaint}],
            timeout=SECONDS,
        )
        text = "".join(block.text for block in answer.content if block.type == "text").strip().lower()
        return text if text in TOPICS else by_rule(complaint)

    def _read(self) -> dict[str, str]:
        return json.loads(self._kept.read_text()) if self._kept.exists() else {}


def by_rule(complaint: str) -> str:
    """What the job did before there was Claude."""
    words = {"delivery": ("parcel", "late", "deliver"), "invoice": ("invoice", "paid", "charge"),
             "quality": ("broken", "scratch", "defect")}  # fmt: skip
    lower = complaint.lower()
    return next((topic for topic, marks in words.items() if any(mark in lower for mark in marks)), "other")


if __name__ == "__main__":
    sorter = Sorter(anthropic.Anthropic(max_retries=1))
    print(sorter.topic(" ".join(sys.argv[1:]) or "The parcel arrived two weeks late."))

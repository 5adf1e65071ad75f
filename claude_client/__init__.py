"""Calls an organisation's Claude from systems that must go on without it (`claude-client`). Needs the
official SDK `anthropic` alone, and writes no log.
"""

from claude_client.answers import Answer, Offline, Retry
from claude_client.client import Claude
from claude_client.errors import ClaudeError, Refused, Unavailable
from claude_client.kept import KeptAnswers, KeptFolder

__all__ = [
    "Answer",
    "Claude",
    "ClaudeError",
    "KeptAnswers",
    "KeptFolder",
    "Offline",
    "Refused",
    "Retry",
    "Unavailable",
]

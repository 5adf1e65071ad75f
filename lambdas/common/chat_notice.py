"""Notices to a chat channel, as Amazon Q Developer in chat applications reads them from a topic (its "custom
notifications", version 1.0).
"""

import json

# The longest that the service accepts.
_TITLE_CHARACTERS = 250
_TEXT_CHARACTERS = 8_000


def chat_notice(title: str, text: str) -> str:
    """Return the message to publish to the topic; a text that is too long for a channel is shortened."""
    content = {
        "textType": "client-markdown",
        "title": _short(title, _TITLE_CHARACTERS),
        "description": _short(text, _TEXT_CHARACTERS),
    }
    return json.dumps({"version": "1.0", "source": "custom", "content": content}, ensure_ascii=False)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"

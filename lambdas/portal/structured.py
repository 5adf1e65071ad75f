"""JSON answers in readable form: headings, tables and lists in Markdown (L4.2)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def readable(text: str) -> str:
    """Return the answer as Markdown: a JSON object becomes sections, everything else is unchanged."""
    stripped = text.strip().removeprefix("```json").removesuffix("```").strip()
    if not stripped.startswith("{"):
        return text
    try:
        document = json.loads(stripped)
    except ValueError:
        return text
    return "\n\n".join(f"## {_words(name)}\n\n{_block(value)}" for name, value in document.items()) + "\n"


def _block(value: Any) -> str:
    if isinstance(value, Mapping):
        return "\n".join(f"- **{_words(str(name))}**: {_inline(one)}" for name, one in value.items()) or "-"
    if isinstance(value, Sequence) and not isinstance(value, str):
        if value and all(isinstance(one, Mapping) for one in value):
            return _table(value)
        return "\n".join(f"- {_inline(one)}" for one in value) or "-"
    return _inline(value)


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    lines = [" | ".join(_words(name) for name in columns), " | ".join("---" for _ in columns)]
    lines += [" | ".join(_inline(row.get(name)).replace("|", "\\|") for name in columns) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _inline(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{_words(str(name))}: {_inline(one)}" for name, one in value.items()) or "-"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "; ".join(_inline(one) for one in value) or "-"
    return " ".join(str(value).split())


def _words(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]

"""Sentences with alternatives: `{a|b|c}` expands to one of them, `<name>` to one entry of the named list."""

import random
import re
from collections.abc import Mapping, Sequence

_CHOICE = re.compile(r"\{([^{}]*)\}")
_SLOT = re.compile(r"<([a-z_]+)>")


def expand(template: str, chance: random.Random, slots: Mapping[str, Sequence[str]]) -> str:
    """Return one expansion of the template. Alternatives may contain alternatives and slots."""
    text = template
    for _ in range(8):
        text, slotted = _SLOT.subn(lambda m: chance.choice(slots[m[1]]) if m[1] in slots else m[0], text)
        text, chosen = _CHOICE.subn(lambda m: chance.choice(m[1].split("|")), text)
        if not slotted and not chosen:
            break
    return text


def lines(block: str) -> list[str]:
    """Return the templates of a block: one per line; a literal backslash-n is a line break."""
    return [line.strip().replace("\\n", "\n") for line in block.strip().splitlines() if line.strip()]

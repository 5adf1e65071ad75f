"""Detection of credentials in a configuration: secrets belong in Secrets Manager, never in a file or in
state.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from contract.problems import Problem

_SHAPES = re.compile(
    r"""
    sk-[A-Za-z0-9_-]{12,}                              # Anthropic and others
    | \b(AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}             # AWS access key ids
    | -----BEGIN[ A-Z]*PRIVATE\ KEY
    | \beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.      # JSON web tokens
    | \bgh[pousr]_[A-Za-z0-9]{20,} | \bgithub_pat_[A-Za-z0-9_]{20,} | \bglpat-[A-Za-z0-9_-]{16,}
    | \bxox[abposr]-[A-Za-z0-9-]{10,}
    | \bpul-[a-f0-9]{32,} | \bAIza[A-Za-z0-9_-]{30,} | \bnpm_[A-Za-z0-9]{30,} | \bpypi-[A-Za-z0-9_-]{30,}
    | \b(?i:bearer|basic)\ +[A-Za-z0-9._~+/=-]{12,}
    | ://[^/\s:@]+:[^/\s@]+@                           # user and password in a URL
    | [?&](?i:token|key|secret|sig|signature|password|access_token|api_key)=[^&\s]{6,}
    """,
    re.VERBOSE,
)
_SECRET_NAME = re.compile(
    r"(?i)(^|[_-])(password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key"
    r"|(access|auth|bearer|refresh|id|session)?[_-]?token|credentials?)$"
)
_RANDOM = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/=_-]{40,}(?![A-Za-z0-9+/=_-])")
_RANDOM_ENTROPY_BITS = 4.3
_WAY_OUT = "looks like a credential; remove it here, revoke it, and put its successor into Secrets Manager"


def credential_problems(document: Any) -> list[Problem]:
    """Return an error for each key whose value, or whose name, looks like a credential, without the value."""
    return [Problem(key, _WAY_OUT) for key, name, text in _leaves(document) if _is_credential(name, text)]


def secret_by_name(name: str) -> bool:
    """Return whether a key's name suggests a secret, so that its value must not be shown."""
    return bool(_SECRET_NAME.search(name))


def looks_secret(text: str) -> bool:
    """Return whether a text has the shape of a credential."""
    return bool(_SHAPES.search(text)) or any(_is_random(found) for found in _RANDOM.findall(text))


def _is_credential(name: str, text: str) -> bool:
    return looks_secret(text) or (secret_by_name(name) and bool(text.strip()) and not text.startswith("arn:"))


def _is_random(text: str) -> bool:
    if not (re.search(r"[a-z]", text) and re.search(r"[A-Z]", text) and re.search(r"[0-9]", text)):
        return False
    shares = [count / len(text) for count in Counter(text).values()]
    return -sum(share * math.log2(share) for share in shares) >= _RANDOM_ENTROPY_BITS


def _leaves(value: Any, key: str = "", name: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield every text in a document, keys included, with its dotted key and the key's last segment."""
    if isinstance(value, Mapping):
        for each, below in cast("Mapping[Any, Any]", value).items():
            text = str(each)
            if looks_secret(text):
                yield f"{key}.(a key)" if key else "(a key)", "", text
            else:
                yield from _leaves(below, f"{key}.{text}" if key else text, text)
    elif isinstance(value, list | tuple):
        for position, below in enumerate(cast("Sequence[Any]", value)):
            yield from _leaves(below, f"{key}[{position}]", name)
    elif isinstance(value, str):
        yield key, name, value

"""Results of an inspection: findings, what could not be inspected, violations, and the overall level.

A finding never contains the value: only its type, place and a keyed hash, so that equal values can be
recognised without being written anywhere (G.1, L2.3, L2.5).
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

# content that only Claude can read, made by Claude: it is passed on and named in the record
SERVER_ENCRYPTED = "encrypted-by-claude"


class DataClass(StrEnum):
    """The four data classes of G.1, in ascending order."""

    PUBLIC = "public"
    INTERNAL = "internal"
    RESTRICTED = "restricted"
    CONFIDENTIAL = "confidential"

    @property
    def rank(self) -> int:
        """Return 0 for public to 3 for confidential."""
        return _RANKS[self]


_RANKS = {member: rank for rank, member in enumerate(DataClass)}


def highest(classes: Iterable[DataClass]) -> DataClass:
    """Return the most sensitive of the classes; public if there is none."""
    return max(classes, key=lambda one: one.rank, default=DataClass.PUBLIC)


class Channel(StrEnum):
    """Origin of a text.

    Tool results and documents are written by others and trusted less. An application's instructions (system
    prompts) and tool definitions give orders by nature, and agents send thousands of words of them with
    every call.
    """

    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"
    INSTRUCTIONS = "instructions"
    DEFINITIONS = "definitions"


@dataclass(frozen=True, slots=True)
class Span:
    """A detector's raw result in one text: half-open character offsets, before it is placed in a request."""

    type: str
    start: int
    end: int
    score: float
    rule: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    `field` is the path in the request (`messages[0].content[1].text`), `start` and `end` are character
    offsets in that field, `score` is 0 to 1, `rule` names the detector rule, `value_hash` is a keyed hash
    of the value.
    """

    type: str
    level: DataClass
    score: float
    field: str
    start: int
    end: int
    rule: str
    value_hash: str


@dataclass(frozen=True, slots=True)
class Uninspectable:
    """A part of a request that could not be read: `kind` (image, encrypted, url, …) and path."""

    kind: str
    field: str


@dataclass(frozen=True, slots=True)
class Violation:
    """A breach of the acceptable-use policy (G.2): `rule` is its id, `field` and offsets its place."""

    rule: str
    field: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """The whole result for one request or text.

    `level` is the maximum over findings, labels and the declared class. `failure` is empty, or why the
    inspection could not be completed (`error`, `timeout`, `too-large`): such a request must not be sent.
    `injection_score` is the highest score of the injection detectors over all fields, 0 to 1.
    """

    version: str
    level: DataClass
    findings: tuple[Finding, ...] = ()
    uninspectable: tuple[Uninspectable, ...] = ()
    violations: tuple[Violation, ...] = ()
    failure: str = ""
    injection_score: float = 0.0
    dictionary_version: str = ""
    characters: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    others: frozenset[str] = frozenset()  # paths of the blocks that a tool or a document brought
    last_turn: int = 0  # the number of the last message of a user

    @property
    def injections(self) -> tuple[Finding, ...]:
        """Return the findings that say that the text tries to steer the model."""
        return tuple(one for one in self.findings if one.type == "PROMPT_INJECTION")


def value_hash(key: bytes, kind: str, value: str, *, folded: bool = True) -> str:
    """Return a keyed hash (16 hex digits) of a value, `folded` without separators and case; useless without
    the key.
    """
    if folded:
        value = "".join(character for character in value.casefold() if character.isalnum())
    hashed = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
    return hmac.new(key, hashed, hashlib.sha256).hexdigest()[:16]

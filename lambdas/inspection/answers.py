"""Removal of sensitive data from answers, whole or streamed, before the caller sees them (L2.4).

A text is split into segments at positions that depend on the text alone, never on how it arrived: after a
plain word, so never inside a value. Each segment is inspected with the 400 characters before it. Whole
answers are split the same way, so a stream in any chunks gives exactly the same result. Events are released
unchanged, byte for byte, unless something in them is removed.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lambdas.common.json_text import json_bytes
from lambdas.inspection import examples
from lambdas.inspection.context import Kind
from lambdas.inspection.credentials import ASSIGNMENT_GATES, HEADER_GATES, TOKEN_GATES
from lambdas.inspection.expressions import Expression, Literals
from lambdas.inspection.findings import DataClass, Span
from lambdas.inspection.inspector import LEVELS, Inspector
from lambdas.inspection.merge import settle
from lambdas.inspection.normalise import normalise
from lambdas.inspection.secret_places import PLACES

CONTEXT = 400
MAX_HELD = 4_096
MAX_KEY_BLOCK = 16_384
MAX_BUFFERED_JSON = 2_000_000
MAX_THINKING = 200_000
CARRIED = 64  # characters of a text block that are inspected again with the next one
_PATCH = 160  # characters: what is more than a sentence behind a keyword is decided by lines, or so many
WORD = Expression(r"\w+")


@dataclass(frozen=True, slots=True)
class AnswerPolicy:
    """What to do with answers. Values of level `redact_from` and above are replaced by `[REDACTED <TYPE>]`.

    `end_on` are types that end the answer at once. `canaries` are secret markers in system prompts: one in
    an answer means that the prompt is leaking. `allowed_hosts` may be linked to with data in the URL.
    `known` are hashes of restricted values in the request itself: a tool call that would pass one on is
    stopped. Otherwise the input of a tool is never changed, and findings in it are only counted.
    """

    redact: bool = True
    redact_from: DataClass = DataClass.RESTRICTED
    redact_types: frozenset[str] = frozenset()
    end_on: frozenset[str] = frozenset(("CANARY",))
    canaries: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    known: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Removal:
    """A half-open range of a block's text to remove, and its type."""

    start: int
    end: int
    type: str

    @property
    def placeholder(self) -> str:
        """Return its replacement, valid in JSON, XML and prose."""
        return f"[REDACTED {self.type}]"


# --- where a text may be cut ------------------------------------------------------------------------------

_UNSPACED = "\u0e00-\u0e7f\u3001-\u30ff\u3400-\u9fff\uac00-\ud7af"
_TOKEN = Expression(rf"[{_UNSPACED}](?=[\s\S])\s*|[^\s{_UNSPACED}]+(?:\s+(?=\S)|(?=[{_UNSPACED}]))|\s+(?=\S)")
_PLAIN_WORD = Expression(r"[(\[{\"'“‘*_#>-]*[^\W\d_]+(?:['’-][^\W\d_]+)*[.,;:!?…)\]}\"'”’*]*\Z")
_ENDS_CODE = ";{}(),:>]\"'`|"
_NOT_PLAIN = frozenset(
    [
        "jan",
        "january",
        "feb",
        "february",
        "mar",
        "march",
        "apr",
        "april",
        "may",
        "jun",
        "june",
        "jul",
        "july",
        "aug",
        "august",
        "sep",
        "sept",
        "september",
        "oct",
        "october",
        "nov",
        "november",
        "dec",
        "december",
        "ext",
        "extension",
        "x",
        "of",
        "zero",
        "oh",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "null",
        "eins",
        "zwei",
        "drei",
        "vier",
        "fünf",
        "sechs",
        "sieben",
        "acht",
        "neun",
        "dash",
        "hyphen",
        "space",
        "at",
        "dot",
        "machine",
        "login",
    ]
)
_MARKS = frozenset("|*#>-=~")
_INTERESTING = Expression(
    r"[\d@]|-----|://|%[0-9A-Fa-f]|&[#a-z]|\\[ux]|[^\x00-\x7f]|!\[|\[[^\]]*\]\(|[A-Za-z0-9+/_-]{20}"
)
# what announces a value that may look like a word: what rules for assignments, headers and places wait for
_ANNOUNCING = {
    "pw",
    *(gate.strip() for gate in (*ASSIGNMENT_GATES, *HEADER_GATES) if " " not in gate.strip()),
    *(word for rule in PLACES for gate in rule.gates if len(word := gate.split()[0]) >= 4),
}
# what may be followed by a value of several plain words, and how many characters such a value may take
_WORDY = {
    **dict.fromkeys(("phrase", "mnemonic", "seed", "recovery"), 280),
    **dict.fromkeys(("password", "passwort", "passcode", "kennwort"), 60),
}
_KEYWORDS = Literals({"words": [*((word, 0) for word in sorted(_ANNOUNCING)), *_WORDY.items()]})
# behind these a value may be one plain word in small letters; behind all others it has a digit, a sign or a
# capital
_BEFORE_ANY_WORD = frozenset(
    (*_WORDY, *(gate.split()[0] for rule in PLACES if rule.accept("mapleharbor") for gate in rule.gates))
)
# the whole gates of these rules; where the value is in quotes, the quote is a sign
_GATES = (
    *((word, word) for word in _WORDY if word not in ("password", "passwort", "passcode", "kennwort")),
    *(
        (gate, gate)
        for rule in PLACES
        if rule.accept("mapleharbor") and rule.name not in ("app-password", "passphrase", "near-password")
        for gate in rule.gates
    ),
)
_GATES_BEFORE_ANY_WORD = Literals({"gates": _GATES})
_LONGEST_GATE = max(len(gate) for gate, _ in _GATES)
# a word of a sentence, with the signs of one around it
_OF_A_SENTENCE = Expression(r"[(*_]{0,3}[^\W\d_][a-zß-öø-ÿ]*(?:['’][a-z]{1,2})?[.,;:!?)*_]{0,4}\s*\Z")
_OPENING_BRACKETS = frozenset("[({<")
_FENCE = "```"
# what an answer begins with is shown at once, so it is never a part of a value: a mark and a word of small
# letters, however it goes on. Where there are protected terms, only words that answers often begin with
_OPENING = Expression(r"[#*`>]{0,3} ?[^\W\d_]?[a-zß-öø-ÿ]{0,11}")
_LONGEST_OPENING = 16
_OPENERS = frozenset(
    WORD.findall(
        "And Based Both Can Certainly Done Each Every First For Good Got Great Hello Here How I If In Let "
        "Looking Now On One Our Sure Thank That The There These They This To Two What When With Yes You Your"
    )
)
# beginnings of providers' tokens: with these a token may begin
_GATE_BEGINNINGS = frozenset(
    gate[:size] for gate in (*TOKEN_GATES, *_ANNOUNCING) for size in range(1, len(gate) + 1)
)
_KEY_BEGIN = Expression(
    r"-----BEGIN [A-Z0-9 ]{0,30}(?:PRIVATE KEY|PGP PRIVATE KEY BLOCK)|PuTTY-User-Key-File"
)
_KEY_END = Expression(r"-----END [A-Z0-9 ]{0,40}-----|Private-MAC: [0-9a-f]{40,}")


# a block ends within a value: four digits and no stop, a long word with several digits
_OPEN_TAIL = Expression(
    r"(?:\d[ -]?\d[ -]?\d[ -]?\d[ -]?|(?=[A-Za-z+/_=-]*\d[A-Za-z+/_=-]*\d)[A-Za-z0-9+/_=-]{10,})\Z"
)


def _is_plain(token: str) -> bool:
    """Return whether a text may be split after this token, because no value continues beyond it."""
    word = token.rstrip()
    if not word:
        return False
    if word[0] >= "\u0e00" and len(word) == 1:
        return True
    if any(character.isdigit() or character == "@" for character in word):
        return False
    if word.strip("()[]{}<>.,;:!?\"'").lower() in _NOT_PLAIN:
        return False
    if _PLAIN_WORD.match(word):
        return any(character.islower() for character in word)
    if all(character in _MARKS for character in word):
        return "|" in word or "#" in word or "*" in word
    return (
        word[-1] in _ENDS_CODE
        and not word.endswith("-----")
        and any(character.islower() for character in word)
    )


@dataclass(frozen=True, slots=True)
class _Token:
    """Context-free properties of a token.

    `alert`, `any_word`, `whole`: for how many characters after it a keyword in it may announce a value with
    a digit or a sign, a value that is a plain word, and a value of several words (0: none).
    """

    plain: bool  # a text may be cut behind it
    loud: bool  # more than a word of a sentence
    interesting: bool
    of_key: bool  # may begin a block with a key
    alert: int
    any_word: int
    whole: int


def _token(token: str) -> _Token:
    alert = any_word = whole = 0
    lower = token.lower()
    for start, end, reach in _KEYWORDS.read(lower)["words"]:
        alert = max(alert, _PATCH, reach)
        whole = max(whole, reach)
        if lower[start:end] in _BEFORE_ANY_WORD:
            any_word = max(any_word, _PATCH, reach)
    return _Token(
        plain=_is_plain(token),
        loud=not _OF_A_SENTENCE.match(token),
        interesting=_INTERESTING.search(token) is not None,
        of_key="-----" in token or "PuTTY" in token,
        alert=alert,
        any_word=any_word,
        whole=whole,
    )


class _KnownTokens(dict[str, _Token]):
    """Cache of token properties, filled with short tokens without a digit or a sign of a value."""

    def __missing__(self, token: str) -> _Token:
        known = _token(token)
        if len(token) <= _LONGEST_WORD and not known.interesting and len(self) < _MOST_WORDS:
            self[token] = known
        return known


_LONGEST_WORD = 18  # characters
_MOST_WORDS = 20_000
_TOKENS = _KnownTokens()


class TextRedactor:
    """Follows the text of one block. `released` is how far it may be released; `removals` lists what to
    remove, in order.

    `before` is the end of the previous text block, in which a value may begin.
    """

    def __init__(self, inspector: Inspector, policy: AnswerPolicy, before: str = ""):
        self._inspector = inspector
        self._policy = policy
        self._held = before
        self._base = -len(before)  # offset of the first held character in the block
        self._scan = len(before)  # in _held: where the next token begins
        self._cut = len(before)  # in _held: up to where all is decided
        self._alert = -1  # in the block: up to where a keyword may announce a value with a digit or a sign
        self._any_word = -1  # in the block: up to where it may announce a plain word
        self._whole = -1  # in the block: up to where a value of several words may go on, so no cut
        self._gate = -CONTEXT - 1  # in the block: where the last gate of such a rule begins
        self._gates_read = 0  # in the block: up to where gates were sought
        self._loud = False  # whether what is not decided holds more than words of a sentence
        self._in_key = False
        self._fences = 0  # of those before _held
        self._first = ""  # the beginning of the block
        self._opener = 0  # characters of it that are shown at once
        self._words: list[str] = []
        self.removals: list[Removal] = []
        self.findings: dict[str, int] = {}
        self.blocked = ""

    @property
    def released(self) -> int:
        """Return the number of characters of the block that are decided."""
        return max(self._base + self._cut, self._opener)

    @property
    def tail(self) -> str:
        """Return the last characters of the text, in which a value may begin that the next block ends."""
        return self._held[-CARRIED:]

    def feed(self, text: str) -> None:
        """Add text to the block."""
        if len(self._first) < _LONGEST_OPENING:
            self._first += text[: _LONGEST_OPENING - len(self._first)]
            self._opener = self._opening()
        self._held += text
        while match := _TOKEN.match(self._held, self._scan):
            token = match.group()
            self._scan = match.end()
            known = _TOKENS[token]
            self._note(known)
            if self._may_cut(token, known) or self._scan - self._cut >= self._limit():
                self._decide(self._scan, known if self._scan - self._cut == len(token) else None)
        while len(self._held) - self._cut > self._limit() + CONTEXT:
            # one token without an end: cut at a place that depends on the text alone
            self._scan = self._cut + self._limit()
            self._note(_TOKENS[self._held[self._cut : self._scan]])
            self._decide(self._scan)
        self._trim()

    def finish(self) -> None:
        """Complete the block and decide the rest."""
        last, self._scan = self._held[self._scan :], len(self._held)
        if last:
            self._note(_TOKENS[last])
        if self._cut < self._scan:
            self._decide(self._scan)

    def _opening(self) -> int:
        """Return how many characters at the start of the block may be shown whatever follows."""
        match = _OPENING.match(self._first)
        shown = match.group() if match else ""
        word = shown.lstrip("#*`> ")
        if len(self._inspector.config.dictionary):
            return max((len(one) for one in _OPENERS if self._first.startswith(one)), default=0)
        if word.lower() in _GATE_BEGINNINGS or any(one.startswith(shown) for one in self._policy.canaries):
            return 0
        return len(shown)

    @property
    def is_open(self) -> bool:
        """Return whether the completed block may end within a value that the next one continues.

        A removal at its end is whole.
        """
        if self.removals and self.removals[-1].end >= self._base + len(self._held):
            return False
        return _OPEN_TAIL.search(self._held, max(0, len(self._held) - CARRIED)) is not None

    def joined(self, following: str) -> None:
        """Note that the next text block begins with `following`; a value across both is removed from this
        one.
        """
        if self.blocked or not following or not self.is_open:
            return
        begin = max(0, len(self._held) - CONTEXT)
        for span in self._look(self._held[begin:] + following[:CARRIED], fenced=False):
            first = begin + span.start
            if first < len(self._held) < begin + span.end:
                self._remove(Removal(self._base + first, self._base + len(self._held), span.type))

    def _limit(self) -> int:
        return MAX_KEY_BLOCK if self._in_key else MAX_HELD

    def _note(self, token: _Token) -> None:
        here = self._base + self._scan
        if token.alert:
            self._alert = max(self._alert, here + token.alert)
            self._whole = max(self._whole, here + token.whole)
            self._any_word = max(self._any_word, here + token.any_word) if token.any_word else self._any_word
        self._loud = self._loud or token.loud
        if token.of_key:
            open_from = max(self._cut, self._scan - 200)
            if _KEY_BEGIN.search(self._held, open_from, self._scan):
                self._in_key = not _KEY_END.search(self._held, open_from, self._scan)
        if self._in_key and _KEY_END.search(self._held, max(0, self._scan - 120), self._scan):
            self._in_key = False

    def _may_cut(self, token: str, known: _Token) -> bool:
        self._remember(token)
        if (
            not known.plain
            or self._base + self._scan < self._whole
            or self._in_key
            or (self._loud and self._is_alert() and "\n" not in token and self._scan - self._cut < _PATCH)
            or self._held[self._scan : self._scan + 1] in _OPENING_BRACKETS
        ):
            return False
        dictionary = self._inspector.config.dictionary
        if dictionary.longest:
            words = self._words
            for size in range(1, min(len(words), dictionary.longest) + 1):
                if tuple(words[-size:]) in dictionary.word_prefixes:
                    return False
        return True

    def _remember(self, token: str) -> None:
        dictionary = self._inspector.config.dictionary
        if dictionary.longest:
            self._words.extend(WORD.findall(normalise(token).text.lower()))
            del self._words[: -dictionary.longest]

    def _is_alert(self) -> bool:
        return self._alert >= self._base + self._cut

    def _decide(self, end: int, token: _Token | None = None) -> None:
        """Decide what is held up to `end`; `token`: all of it."""
        start = self._cut
        segment = self._held[start:end]
        looking = not self.blocked and self._worth_looking(segment, token)
        self._cut = end
        self._loud = False
        if not looking:
            return
        begin = max(0, start - CONTEXT)
        fenced = (self._fences + self._held.count(_FENCE, 0, begin)) % 2 == 1
        for span in self._look(self._held[begin:end], fenced=fenced):
            first, last = begin + span.start, begin + span.end
            if last > start:
                self._remove(Removal(self._base + max(first, start), self._base + last, span.type))

    def _worth_looking(self, segment: str, token: _Token | None) -> bool:
        if (
            (self._any_word >= self._base + self._cut and self._behind_a_gate())
            or (self._loud and self._is_alert())
            or (token.interesting if token else _INTERESTING.search(segment))
        ):
            return True
        canaries = self._policy.canaries
        if canaries and any(canary in self._held[-len(segment) - 200 :] for canary in canaries):
            return True
        return _may_hold_terms(self._inspector, segment)

    def _behind_a_gate(self) -> bool:
        """Return whether a rule whose value may be a plain word begins in what was read last."""
        begin = max(0, self._cut - CONTEXT, self._gates_read - self._base - _LONGEST_GATE)
        lower = self._held[begin : self._scan].lower()
        self._gates_read = self._base + self._scan
        for start, _, _ in _GATES_BEFORE_ANY_WORD.read(lower)["gates"]:
            self._gate = max(self._gate, self._gates_read - len(lower) + start)
        return self._gate >= self._base + self._cut - CONTEXT

    def whole(self, text: str) -> None:
        """Process the whole text of a block, splitting it like a stream only if something must be removed."""
        self._held += text
        if self._is_plain(text):
            pass
        elif self._look(self._held, fenced=False) or self.blocked:
            self.blocked, self._held = "", self._held[: len(self._held) - len(text)]
            self.feed(text)
            self.finish()
        self._scan = self._cut = len(self._held)

    def _look(self, window: str, *, fenced: bool) -> list[Span]:
        """Return what to remove from a window; `fenced`: it begins in a block of code."""
        mapped = normalise(window)
        lower = mapped.text.lower()
        if len(lower) != len(mapped.text):
            lower = "".join(c.lower() if len(c.lower()) == 1 else c for c in mapped.text)
        levels = {
            span: LEVELS[span.type]
            for span in self._inspector.value_spans(mapped, lower)
            if span.type in LEVELS and not _is_example(span, mapped.text, fenced=fenced)
        }
        levels.update(self._inspector.config.dictionary.find(mapped.text, lower))
        for canary in self._policy.canaries:
            place = window.find(canary)
            if place >= 0:
                self.blocked = "CANARY" if "CANARY" in self._policy.end_on else self.blocked
                levels[Span("CANARY", place, place + len(canary), 1.0, "canary")] = DataClass.CONFIDENTIAL
        for span in _egress(mapped.text, self._policy.allowed_hosts):
            levels[span] = DataClass.RESTRICTED
        kept: list[Span] = []
        for span in settle(levels):
            first, last = mapped.origin(span.start, span.end)
            if self._must_go(span.type, levels[span]):
                kept.append(Span(span.type, first, last, span.score, span.rule))
        return kept

    def _must_go(self, kind: str, level: DataClass) -> bool:
        if kind in self._policy.end_on:
            self.blocked = self.blocked or kind
            return True
        return kind in self._policy.redact_types or level.rank >= self._policy.redact_from.rank

    def _remove(self, removal: Removal) -> None:
        if removal.start < self._opener:
            removal = Removal(self._opener, removal.end, removal.type)
        if removal.start >= removal.end:
            return
        if self.removals and removal.start < self.removals[-1].end:
            previous = self.removals[-1]
            if removal.end <= previous.end:
                return
            removal = Removal(previous.end, removal.end, removal.type)
        self.findings[removal.type] = self.findings.get(removal.type, 0) + 1
        self.removals.append(removal)

    def _is_plain(self, text: str) -> bool:
        """Return whether a cheap check shows that nothing in the text can need removal."""
        return not (
            _INTERESTING.search(text)
            or _KEYWORDS.read(text.lower())["words"]
            or any(canary in text for canary in self._policy.canaries)
            or _may_hold_terms(self._inspector, text)
        )

    def _trim(self) -> None:
        surplus = self._cut - CONTEXT
        if surplus > MAX_HELD:
            self._fences += self._held.count(_FENCE, 0, surplus)
            self._held = self._held[surplus:]
            self._base += surplus
            self._cut -= surplus
            self._scan -= surplus


def _is_example(span: Span, text: str, *, fenced: bool) -> bool:
    """Return whether a finding in Claude's own text is an example: a database of nobody, or in code any
    placeholder.
    """
    if span.type != "SECRET":
        return False
    if span.rule == "url-password":
        return not examples.counts(span, text, Kind.CODE)
    in_code = (text.count(_FENCE, 0, span.start) + fenced) % 2 == 1
    return in_code and not examples.counts(span, text, Kind.CODE)


def _may_hold_terms(inspector: Inspector, segment: str) -> bool:
    dictionary = inspector.config.dictionary
    if not len(dictionary):
        return False
    if dictionary.has_prefix_terms:
        return True
    words = WORD.findall(normalise(segment).text.lower())
    return any(word in dictionary.words or word.rstrip("s") in dictionary.words for word in words)


_MARKDOWN_LINK = Expression(r"!?\[[^\]\n]{0,200}\]\(\s*<?(?P<url>https?://[^\s)>]{1,2000})>?[^)\n]{0,100}\)")
_HTML_IMAGE = Expression(
    r"<img\b[^>]{0,300}?\bsrc\s*=\s*[\"']?(?P<url>https?://[^\s\"'>]{1,2000})[^>]{0,300}>", re.IGNORECASE
)
_URL = Expression(
    r"https?://(?:[^/@\s]*@)?(?P<host>[^/:?#\s]+)(?::\d+)?(?P<path>/[^?#\s]*)?(?:\?(?P<query>[^#\s]*))?"
)
_DATA_RUN = Expression(r"[A-Za-z0-9+/_=%-]{24,}")


def _egress(text: str, allowed_hosts: Sequence[str]) -> list[Span]:
    """Return images and links whose URL carries data to a host other than the client's own."""
    if "://" not in text:
        return []
    spans: list[Span] = []
    for expression in (_MARKDOWN_LINK, _HTML_IMAGE):
        for match in expression.finditer(text):
            image = match.group().startswith(("!", "<"))
            if _carries_data(match["url"], allowed_hosts, image):
                spans.append(
                    Span("EGRESS", *match.span("url"), 0.9, "egress-image" if image else "egress-link")
                )
    return spans


def _carries_data(url: str, allowed_hosts: Sequence[str], image: bool) -> bool:
    match = _URL.match(url)
    if not match:
        return False
    host = match["host"].lower()
    if any(host == allowed or host.endswith("." + allowed) for allowed in allowed_hosts):
        return False
    query = match["query"] or ""
    if image:
        # an image is fetched without a click: any parameter with content is suspicious
        return any(len(part.partition("=")[2]) >= 6 for part in query.split("&")) or any(
            len(piece) >= 40 and _DATA_RUN.fullmatch(piece) and any(map(str.isdigit, piece))
            for piece in (match["path"] or "").split("/")
        )
    return len(query) >= 80 and bool(_DATA_RUN.search(query))


def apply_removals(text: str, removals: Sequence[Removal], offset: int = 0) -> str:
    """Return `text`, at `offset` of its block, with removals replaced; one that began earlier leaves
    nothing here.
    """
    pieces: list[str] = []
    position = offset
    end = offset + len(text)
    for removal in removals:
        if removal.end <= position or removal.start >= end:
            continue
        pieces.append(text[position - offset : max(removal.start, position) - offset])
        if removal.start >= offset:
            pieces.append(removal.placeholder)
        position = min(removal.end, end)
    pieces.append(text[position - offset :])
    return "".join(pieces)


# --- events -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Held:
    """A held event, with its text's position in the block (None: it only keeps its place in the order)."""

    raw: bytes
    data: dict[str, Any] | None
    start: int = 0
    end: int = 0


def rendered(held: Held, removals: Sequence[Removal]) -> bytes:
    """Return the event to release: unchanged if nothing is removed, empty if nothing of it is left."""
    if held.data is None:
        return held.raw
    if not any(removal.start < held.end and removal.end > held.start for removal in removals):
        return held.raw
    part = "delta" if "delta" in held.data else "content_block"
    inner = held.data[part]
    text = apply_removals(inner["text"], removals, held.start)
    if not text and part == "delta":
        return b""
    return _render(held.raw, {**held.data, part: {**inner, "text": text}})


def _divided(held: Held, place: int) -> tuple[Held, Held]:
    """Split a text event in two at position `place` of the block."""
    data = held.data or {}
    part = "delta" if "delta" in data else "content_block"
    text = data[part]["text"]
    size = place - held.start

    def some(text: str, start: int, end: int, *, raw: bytes) -> Held:
        inner = {**data, part: {**data[part], "text": text}}
        return Held(_render(raw, inner), inner, start, end)

    rest = {"type": "text_delta", "text": text[size:]}
    later = {"type": "content_block_delta", "index": data.get("index", 0), "delta": rest}
    return (
        some(text[:size], held.start, place, raw=held.raw),
        Held(_event(**later), later, place, held.end),
    )


@dataclass(slots=True)
class _Block:
    """A content block in progress."""

    kind: str
    redactor: TextRedactor
    length: int = 0
    waiting: list[Held] = field(default_factory=list)
    json_text: str = ""
    thinking: str = ""
    call: str = ""  # the name of the tool that it calls
    shown: bool = False  # some of its text has left


@dataclass(slots=True)
class _Parked:
    """A completed text block that may end within a value and waits for the beginning of the next one."""

    index: int
    block: _Block
    stop: bytes
    queue: list[bytes] = field(default_factory=list)
    following: str = ""


class AnswerFilter:
    """Filters one answer: `event` for each event of a stream, `whole` for a body. One instance per answer.

    `blocked` names the type that ended the answer; the caller should then close the connection to Claude.
    """

    def __init__(self, inspector: Inspector, policy: AnswerPolicy | None = None):
        self._inspector = inspector
        self._policy = policy or AnswerPolicy()
        self._blocks: dict[int, _Block] = {}
        self._counts: dict[str, int] = {}
        self._noted: dict[tuple[str, str], int] = {}  # (type, action) of what was found and not changed
        self._before = ""  # the end of the text block before
        self._parked: _Parked | None = None
        self._calls = self._stopped = 0
        self._usage: dict[str, Any] = {}
        self._ended = False
        self.blocked = ""

    # --- streams ------------------------------------------------------------------------------------------

    def event(self, event: bytes) -> list[bytes]:
        """Return the events that can now be released. After a hard block nothing is released any more."""
        if self._ended:
            return []
        data = event_data(event)
        kind = data.get("type") if data else None
        if data is None or kind == "ping":
            # comments and pings keep the connection alive; they must not wait
            return [event]
        if self._parked is not None:
            return self._after_parked(self._parked, event, data)
        return self._in_turn(event, data, kind)

    def _after_parked(self, parked: _Parked, event: bytes, data: dict[str, Any]) -> list[bytes]:
        """Return the next events once it is known how the text continues after a block that may end in a
        value.
        """
        inner = data.get("delta") if data.get("type") == "content_block_delta" else data.get("content_block")
        text = inner.get("text") if isinstance(inner, dict) else None
        parked.queue.append(event)
        if data.get("type") != "error" and isinstance(text, str):
            parked.following += text
            if len(parked.following) < CARRIED:
                return []
        self._parked = None
        redactor = parked.block.redactor
        redactor.joined(parked.following)
        self._before = redactor.tail
        out = self._release(parked.index, parked.block)
        self._count(redactor)
        out += [] if self._ended else [parked.stop]
        for one in parked.queue:
            out += self.event(one)
        return out

    def _in_turn(self, event: bytes, data: dict[str, Any], kind: Any) -> list[bytes]:
        if kind == "content_block_start":
            return self._start(event, data)
        if kind == "content_block_delta":
            return self._delta(event, data)
        if kind == "content_block_stop":
            return self._stop(event, data)
        if kind in ("message_delta", "message_start"):
            usage = data.get("usage") or (data.get("message") or {}).get("usage")
            self._usage.update(usage if isinstance(usage, dict) else {})
        if kind in ("message_delta", "message_stop"):
            flushed = self._flush_all()
            if kind == "message_delta":
                event = self._with_reason(event, data)
            return flushed if self._ended else [*flushed, event]
        if kind == "error":
            # the stream broke: what is held is undecided and is dropped
            self._blocks.clear()
        return [event]

    def _start(self, event: bytes, data: dict[str, Any]) -> list[bytes]:
        index = data.get("index", 0)
        content = data.get("content_block")
        content = content if isinstance(content, dict) else {}
        block = _Block(
            str(content.get("type", "")), TextRedactor(self._inspector, self._policy, self._before)
        )
        self._before = ""
        self._blocks[index] = block
        if block.kind == "tool_use":
            # whether this call may be made is known when its input is complete
            block.call = str(content.get("name", ""))
            block.waiting.append(Held(event, data))
            return []
        if block.kind == "text" and content.get("citations"):
            content = {**content, "citations": self._clean_value(content["citations"])}
            if self.blocked:
                return self._end(None)
            if content != data["content_block"]:
                data = {**data, "content_block": content}
                event = _render(event, data)
        opening = content.get("text")
        if not (block.kind == "text" and isinstance(opening, str) and opening):
            if block.kind not in (
                "text",
                "thinking",
                "redacted_thinking",
                "tool_use",
                "server_tool_use",
                "mcp_tool_use",
            ):
                return self._filtered_start(event, data, content)
            return [event]
        block.redactor.feed(opening)
        block.length = len(opening)
        block.waiting.append(Held(event, data, 0, len(opening)))
        return self._release(index, block)

    def _filtered_start(self, event: bytes, data: dict[str, Any], content: dict[str, Any]) -> list[bytes]:
        """Filter blocks that arrive whole in their first event (results of server tools)."""
        cleaned = self._clean_value(content)
        if self.blocked:
            return self._end(None)
        return [event] if cleaned == content else [_render(event, {**data, "content_block": cleaned})]

    def _delta(self, event: bytes, data: dict[str, Any]) -> list[bytes]:
        index = data.get("index", 0)
        delta = data.get("delta")
        block = self._blocks.get(index)
        if block is None or not isinstance(delta, dict):
            return [event]
        kind = delta.get("type")
        if kind == "text_delta" and isinstance(delta.get("text"), str):
            start = block.length
            block.length += len(delta["text"])
            block.waiting.append(Held(event, data, start, block.length))
            block.redactor.feed(delta["text"])
            return self._release(index, block)
        if kind == "input_json_delta" and isinstance(delta.get("partial_json"), str):
            block.json_text += delta["partial_json"]
            block.waiting.append(Held(event, data))
            if len(block.json_text) > MAX_BUFFERED_JSON:
                self.blocked = self.blocked or "TOO_LARGE"
                return self._end(index)
            return []
        if kind == "citations_delta":
            cleaned = self._clean_value(delta)
            if self.blocked:
                return self._end(index)
            held = event if cleaned == delta else _render(event, {**data, "delta": cleaned})
            if block.waiting:
                block.waiting.append(Held(held, None, block.length, block.length))
                return []
            return [held]
        if kind == "thinking_delta" and len(block.thinking) < MAX_THINKING:
            block.thinking += str(delta.get("thinking", ""))
        # thinking, signatures and what is not known yet pass as they are: changing them breaks the
        # conversation
        return [event]

    def _release(self, index: int, block: _Block) -> list[bytes]:
        if block.redactor.blocked:
            self.blocked = block.redactor.blocked
            return [*self._take(block, block.redactor.released), *self._end(index)]
        return self._take(block, block.redactor.released)

    def _take(self, block: _Block, released: int) -> list[bytes]:
        out: list[bytes] = []
        count = 0
        for held in block.waiting:
            if held.end > released:
                break
            count += 1
            event = rendered(held, block.redactor.removals)
            if event:
                out.append(event)
        del block.waiting[:count]
        if not block.shown and not out and block.waiting and released > block.waiting[0].start:
            # of the first text what is decided leaves at once: a reader waits for it
            first, block.waiting[0] = _divided(block.waiting[0], released)
            out += [event] if (event := rendered(first, block.redactor.removals)) else []
        block.shown = block.shown or bool(out)
        return out

    def _stop(self, event: bytes, data: dict[str, Any]) -> list[bytes]:
        index = data.get("index", 0)
        block = self._blocks.get(index)
        if block is None:
            return [event]
        if block.kind == "text":
            block.redactor.finish()
            if block.redactor.is_open and not block.redactor.blocked:
                del self._blocks[index]
                self._parked = _Parked(index, block, event)
                return []
        out = self._flush(index, block)
        if self._ended:
            return out
        del self._blocks[index]
        return [*out, event]

    def _flush(self, index: int, block: _Block) -> list[bytes]:
        if block.kind == "tool_use":
            return self._flush_call(index, block)
        if block.json_text:
            return self._flush_json(index, block)
        if block.thinking:
            self._note(block.thinking)
        block.redactor.finish()
        self._before = block.redactor.tail if block.kind == "text" else ""
        out = self._release(index, block)
        self._count(block.redactor)
        return out

    def _flush_call(self, index: int, block: _Block) -> list[bytes]:
        reason = self._call(block.call, _parsed(block.json_text))
        waiting, block.waiting = block.waiting, []
        if self.blocked:
            return self._end(index)
        if not reason:
            return [held.raw for held in waiting]
        text = {"type": "text_delta", "text": reason}
        return [
            _event("content_block_start", index=index, content_block={"type": "text", "text": ""}),
            _event("content_block_delta", index=index, delta=text),
        ]

    def _flush_json(self, index: int, block: _Block) -> list[bytes]:
        """Release the input of a tool that runs at the provider, which is never changed."""
        self._call(block.kind, _parsed(block.json_text))
        if self.blocked:
            return self._end(index)
        waiting, block.waiting = block.waiting, []
        return [held.raw for held in waiting]

    def _flush_all(self) -> list[bytes]:
        out: list[bytes] = []
        for index, block in sorted(self._blocks.items()):
            out.extend(self._flush(index, block))
            if self._ended:
                return out
        self._blocks.clear()
        return out

    def _end(self, index: int | None) -> list[bytes]:
        """Return the end of a message that Claude refuses: block, delta with `refusal`, stop."""
        self._ended = True
        self._counts[self.blocked] = self._counts.get(self.blocked, 0) + 1
        events: list[dict[str, Any]] = [
            {"type": "content_block_stop", "index": open_index} for open_index in sorted(self._blocks)
        ]
        if index is not None and index not in self._blocks:
            events.append({"type": "content_block_stop", "index": index})
        usage = {"output_tokens": int(self._usage.get("output_tokens") or 0)}
        events.append(
            {
                "type": "message_delta",
                "delta": {"stop_reason": "refusal", "stop_sequence": None},
                "usage": usage,
            }
        )
        events.append({"type": "message_stop"})
        self._blocks.clear()
        return [_event(**one) for one in events]

    # --- calls of tools and thinking ----------------------------------------------------------------------

    def _call(self, name: str, given: Any) -> str:
        """Return why a tool call is stopped, or an empty text if it is allowed.

        Its input is never changed: a file or command with replaced words does harm that nobody sees.
        """
        self._calls += 1
        for value in _strings(given):
            passed_on = self._note(value)
            if self.blocked:
                return ""
            if passed_on:
                self._stopped += 1
                self._noted[passed_on, "stop"] = self._noted.get((passed_on, "stop"), 0) + 1
                return (
                    f"[Stopped: this call of {name} would have passed on a value of the type {passed_on} "
                    f"from "
                    "the request. Say what is to be done without it.]"
                )
        return ""

    def _note(self, text: str) -> str:
        """Count findings in a text left as it is. Return the type of a value that was in the request."""
        for canary in self._policy.canaries:
            if canary in text and "CANARY" in self._policy.end_on:
                self.blocked = "CANARY"
        for one in self._inspector.values_in(text):
            if one.type in self._policy.end_on:
                self.blocked = self.blocked or one.type
            if one.level.rank < self._policy.redact_from.rank and one.type not in self._policy.redact_types:
                continue
            if one.value_hash in self._policy.known:
                return one.type
            self._noted[one.type, "flag"] = self._noted.get((one.type, "flag"), 0) + 1
        return ""

    def _reason(self, reason: Any) -> Any:
        """Return the stop reason, which is not a tool call if every call was stopped."""
        return "end_turn" if reason == "tool_use" and self._calls and self._calls == self._stopped else reason

    def _with_reason(self, event: bytes, data: dict[str, Any]) -> bytes:
        delta = data.get("delta")
        if not isinstance(delta, dict):
            return event
        before = delta.get("stop_reason")
        after = self._reason(before)
        return (
            event if after == before else _render(event, {**data, "delta": {**delta, "stop_reason": after}})
        )

    # --- whole bodies -------------------------------------------------------------------------------------

    def whole(self, body: bytes) -> bytes:
        """Return a whole Message, filtered; the identical bytes if nothing was removed or the body is not
        JSON.
        """
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            return body
        if not isinstance(message, dict) or not isinstance(message.get("content"), list):
            return body
        content = [
            self._clean_block(block, following)
            for block, following in zip(message["content"], [*message["content"][1:], None], strict=True)
        ]
        reason = self._reason(message.get("stop_reason"))
        if self.blocked:
            self._counts[self.blocked] = self._counts.get(self.blocked, 0) + 1
            return json_bytes({**message, "content": [], "stop_reason": "refusal"})
        if content == message["content"]:
            return body
        return json_bytes({**message, "content": content, "stop_reason": reason})

    def text(self, text: str) -> str:
        """Return one text, redacted as in a stream."""
        return self._redacted(text, TextRedactor(self._inspector, self._policy))

    def _redacted(self, text: str, redactor: TextRedactor, following: str = "") -> str:
        redactor.whole(text)
        redactor.joined(following)
        self._count(redactor)
        self.blocked = self.blocked or redactor.blocked
        return apply_removals(text, redactor.removals) if redactor.removals else text

    def decisions(self) -> list[dict[str, Any]]:
        """Return what was removed, by type and number without values, for the record."""
        counts = dict(self._counts)
        for block in self._blocks.values():
            for kind, number in block.redactor.findings.items():
                counts[kind] = counts.get(kind, 0) + number
        action = {True: "block", False: "redact"}
        return [
            *(
                {"type": kind, "count": number, "action": action[kind == self.blocked]}
                for kind, number in sorted(counts.items())
            ),
            *(
                {"type": kind, "count": number, "action": done}
                for (kind, done), number in sorted(self._noted.items())
            ),
        ]

    def _clean_block(self, block: Any, following: Any) -> Any:
        kind = block.get("type") if isinstance(block, dict) else None
        before, self._before = self._before, ""
        if kind == "text" and isinstance(block.get("text"), str):
            redactor = TextRedactor(self._inspector, self._policy, before)
            goes_on = isinstance(following, dict) and following.get("type") == "text"
            text = self._redacted(block["text"], redactor, str(following.get("text", "")) if goes_on else "")
            self._before = redactor.tail
            rest = self._clean_value({key: value for key, value in block.items() if key != "text"})
            return {**block, **rest, "text": text}
        if kind in ("thinking", "redacted_thinking"):
            self._note(str(block.get("thinking", ""))[:MAX_THINKING])
            return block
        if kind in _CALLS:
            reason = self._call(str(block.get("name", kind)), block.get("input"))
            return {"type": "text", "text": reason} if reason and kind == "tool_use" else block
        return self._clean_value(block)

    def _clean_value(self, value: Any, key: str = "") -> Any:
        if isinstance(value, str):
            return self._clean_string(value, key)
        if isinstance(value, list):
            return [self._clean_value(inner, key) for inner in value]
        if isinstance(value, Mapping):
            if value.get("type") in ("thinking", "redacted_thinking"):
                return value
            return {
                (self.text(name) if len(name) > 8 else name): self._clean_value(inner, name)
                if name not in _KEPT
                else inner
                for name, inner in value.items()
            }
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _LONG_NUMBER:
            cleaned = self._clean_string(str(value), key)
            return value if cleaned == str(value) else cleaned
        return value

    def _clean_string(self, value: str, key: str) -> str:
        """Return a field's text, redacted; its key is context (`"ssn": "…"`) for short values."""
        if not key or key in _TEXT_KEYS or len(value) > _SHORT:
            return self.text(value)
        lead = f"{key}: "
        redactor = TextRedactor(self._inspector, self._policy)
        redactor.whole(lead + value)
        self._count(redactor)
        self.blocked = self.blocked or redactor.blocked
        removals = [
            Removal(max(r.start, len(lead)), r.end, r.type) for r in redactor.removals if r.end > len(lead)
        ]
        return apply_removals(
            value, [Removal(r.start - len(lead), r.end - len(lead), r.type) for r in removals]
        )

    def _count(self, redactor: TextRedactor) -> None:
        for kind, number in redactor.findings.items():
            if kind != redactor.blocked:
                self._counts[kind] = self._counts.get(kind, 0) + number
        redactor.findings.clear()


# protocol of content blocks: never text, and changing it would break the conversation
_KEPT = frozenset(
    ("type", "id", "tool_use_id", "signature", "data", "encrypted_content", "encrypted_index", "media_type")
)
# calls of tools: of the caller's, and of those that run at the provider
_CALLS = frozenset(("tool_use", "server_tool_use", "mcp_tool_use"))
_TEXT_KEYS = frozenset(("text", "content", "cited_text", "title", "description"))


def _event(type: str, **fields: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (type.encode(), json_bytes({"type": type, **fields}))


def _parsed(text: str) -> Any:
    """Return the input of a tool call, or its text if it is incomplete."""
    try:
        return json.loads(text or "{}")
    except (ValueError, RecursionError):
        return text


def _strings(value: Any, key: str = "") -> Iterator[str]:
    """Yield texts and long numbers in the input of a tool call, each with its key before it."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _strings(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, key)
    elif isinstance(value, str) or (isinstance(value, int) and abs(value) >= _LONG_NUMBER):
        yield f"{key}: {value}" if key and key not in _TEXT_KEYS and len(str(value)) <= _SHORT else str(value)


_LONG_NUMBER = 100_000_000
_SHORT = 200  # characters: of a longer text its name says nothing


def event_data(event: bytes) -> dict[str, Any] | None:
    lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
    if not lines:
        return None
    try:
        data = json.loads(b"\n".join(lines))
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _render(original: bytes, data: dict[str, Any]) -> bytes:
    """Return an event with new data and the other lines of the original."""
    kept = [line for line in original.splitlines() if line and not line.startswith(b"data:")]
    return b"\n".join([*kept, b"data: " + json_bytes(data), b"", b""])

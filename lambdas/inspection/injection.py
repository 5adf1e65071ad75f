"""Attempts to take over the model: known phrasings, hidden text, and a linear model over word sequences
(L2.3).

No detector offline finds them all (see the figures of `make bench-inspection`): this is one layer beside
tool permissions, delimiters and the filter of answers. Texts that others wrote (tool results, documents) are
judged by a lower threshold.
"""

import re

from lambdas.inspection import linear
from lambdas.inspection.expressions import Expression, Places, around
from lambdas.inspection.findings import Span

# set so that about one ordinary text in a hundred is flagged when trusted (measured by cross-validation over
# sources)
TRUSTED_THRESHOLD = 0.92
UNTRUSTED_THRESHOLD = 0.75

# (rule, score, gate words of which one must occur, expression)
_PHRASINGS: tuple[tuple[str, float, frozenset[str], Expression], ...] = tuple(
    (rule, score, frozenset(gates.split("|")), Expression(expression))
    for rule, score, gates, expression in (
        (
            "override", 0.97, "ignore|disregard|forget|override|do not follow|don't follow|pay no attention",
            r"\b(?:ignore|disregard|forget|override|do(?: not|n't) follow"
                r"|pay no attention to)\b[\w ,']{0,30}\b(?:previous|prior|above|earlier|preceding|original"
                r"|initial|your|system)\b"
            r"[\w ,']{0,24}\b(?:instructions?|directions?|rules|guidelines|prompts?|commands?|orders"
                r"|programming|policies|constraints|context|directives?)\b",
        ),
        (
            "extraction", 0.94, "system prompt|instructions|initial prompt",
            r"\b(?:repeat|reveal|print|output|show|display|tell me|leak|recite|dump|write out|return|give me"
                r"|what (?:is|are|was|were)|encode|translate|summarize)\b[\w ,']{0,24}\b(?:your|the|all"
                r"|previous)\b[\w ,']{0,20}"
            r"\b(?:system prompt|system message|initial (?:prompt|instructions)|hidden (?:prompt|rules"
                r"|instructions)|(?:previous|original|secret|above) instructions|instructions (?:above"
                r"|you were given)|access code|secret key)\b",
        ),
        ("above-text", 0.93, "above", r"\b(?:repeat|print|output|copy|echo|recite|translate|write down"
            r"|summarize)\b[\w ,']{0,20}\b(?:everything|all(?: of)? the text|all text|the text|the words"
            r"|the instructions)\b[\w ,']{0,14}\b(?:above|before this|prior to this)\b"),
        ("persona", 0.95, "dan|jailbreak|developer mode|do anything now|unfiltered|uncensored"
            "|without any restrictions|no restrictions|stay in character",
         r"\b(?:do anything now|jailbreak(?:ed)? mode|developer mode (?:enabled|output|is on)"
             r"|you are (?:now )?(?:going to (?:act|pretend)|dan\b)|unfiltered and uncensored|(?:broken"
             r"|break) free (?:of|from) the|"
         r"(?:without|no|free (?:of|from)) (?:any )?(?:ethical|moral|content"
             r"|legal)[\w ,]{0,30}(?:restrictions|guidelines|limitations|filters))"),
        ("pwned", 0.93, "pwned|access granted", r"\b(?:say|print|output|respond|reply|answer|write"
            r"|type)\b[^.\n]{0,40}[\"'“](?:access granted|i have been pwned|haha pwned|pwned)"),
        ("chat-markup", 0.92, "<|im_start|[inst]|<<sys>>|### system|</system>|[system]|<|system",
         r"<\|im_start\|>|\[/?inst\]|<<sys>>|<\|(?:system|user|assistant|endoftext)\|>|</?system>\s*\S"
             r"|^\s*(?:###|\[)\s*system\s*(?:\]|:)"),
        ("to-the-assistant", 0.9, "assistant|the ai|language model|llm|chatgpt|claude",
         r"\b(?:attention|note to|dear|hey|hello|instructions? (?:for|to)|message to)\b[ ,:]{0,3}(?:the "
             r"|any |all )?(?:ai|assistant|language model|llm|chatgpt|claude|gpt)s?\b[\w ,:]{0,60}\b(?:must"
             r"|should|please|ignore|send|call|use|do not|never|when|if you)\b"),
        ("exfiltration", 0.95, "send|forward|email|post|upload|exfiltrate|transmit",
         r"\b(?:send|forward|e-?mail|post|upload|transmit|exfiltrate|leak)\b[\w ,']{0,40}\b(?:conversation"
             r"|chat history|system prompt|api keys?|credentials|passwords|all (?:files|e-?mails|messages"
             r"|contacts)|customer (?:data|records))\b[\w ,']{0,30}\bto\b\s+\S{3,}"),
        ("keep-from-user", 0.9, "do not|don't|never|without",
         r"\b(?:do not|don't|never|without)\b (?:mention|reveal|tell(?:ing)?|inform(?:ing)?|show|disclose"
             r"|let)\b[\w ,']{0,20}\b(?:the user|this (?:instruction|message|note|step)"
             r"|these instructions)\b"),
    )
)  # fmt: skip
GATES = frozenset().union(*(gates for _, _, gates, _ in _PHRASINGS))
_TAGS = Expression("[\U000e0020-\U000e007e]{4,}")
_INVISIBLE_RUN = Expression("[\u200b-\u200f\u2060-\u2064\ufeff]{12,}")
_HIDDEN_HTML = Expression(
    r"<!--(?P<comment>[^>]{20,2000})-->|style\s*=\s*[\"'][^\"']{0,200}(?:display\s*:\s*none"
    r"|font-size\s*:\s*0|visibility\s*:\s*hidden|color\s*:\s*(?:#fff(?:fff)?"
    r"|white))[^>]{0,200}>(?P<hidden>[^<]{20,2000})<",
    re.IGNORECASE,
)
_MAX_FINDINGS = 5
_REACH = 240  # characters; no phrasing is longer
_PHRASING_WEIGHT = 0.6


def find(
    original: str, plain: str, lower: str, places: Places, *, untrusted: bool
) -> tuple[list[Span], float]:
    """Findings (offsets of `plain`) and how likely the text is an attack, 0 to 1. `places`: where the `GATES`
    occur in the text.
    """
    threshold = UNTRUSTED_THRESHOLD if untrusted else TRUSTED_THRESHOLD
    found: list[Span] = []
    for rule, score, gates, expression in _PHRASINGS:
        if places.keys().isdisjoint(gates):
            continue
        for begin, end in around(places, (gates,), _REACH):
            match = expression.search(lower, begin, end)
            if match:
                found.append(Span("PROMPT_INJECTION", match.start(), match.end(), score, f"phrasing-{rule}"))
                break
    likeliest, windows = linear.model("injection").windows(lower, threshold)
    # a phrasing is also quoted by texts about attacks: it makes the model surer, it does not replace it
    highest = likeliest + (1 - likeliest) * _PHRASING_WEIGHT if found else likeliest
    for score, start, end in windows:
        found.append(Span("PROMPT_INJECTION", start, end, round(score, 3), "linear-model"))
    hidden = _hidden(original, plain, lower)
    if hidden:
        highest = max(highest, hidden.score)
        found.append(hidden)
    flagged = [span for span in found if span.score >= threshold]
    return sorted(flagged, key=lambda s: (-s.score, s.start))[:_MAX_FINDINGS], highest


def _hidden(original: str, plain: str, lower: str) -> Span | None:
    """Text that a person does not see: tag characters, long invisible runs, hidden HTML that gives orders."""
    if not original.isascii() and (_TAGS.search(original) or _INVISIBLE_RUN.search(original)):
        return Span("PROMPT_INJECTION", 0, len(plain), 0.95, "invisible-text")
    if "<!--" in plain or "style" in lower:
        for match in _HIDDEN_HTML.finditer(plain):
            group = "comment" if match["comment"] else "hidden"
            start, end = match.span(group)
            if linear.model("injection").score(lower[start:end]) >= 0.6:
                return Span("PROMPT_INJECTION", start, end, 0.93, "hidden-html")
    return None

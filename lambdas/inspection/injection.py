"""Prompt injection: known phrasings, hidden text, a linear model over words, and unrelated orders in the
texts of others (L2.3).

No offline detector finds them all (see the figures of `make bench-inspection`): this is one layer beside
tool permissions, delimiters and the answer filter. Texts by others (tool results, documents) are judged
with a lower threshold.
"""

import re
from collections.abc import Iterator

from lambdas.inspection import linear
from lambdas.inspection.context import PROGRAMS, TECHNICAL, Kind
from lambdas.inspection.expressions import Expression, Places, around
from lambdas.inspection.findings import Channel, Span

# set so that about one ordinary text in a hundred is flagged when trusted (measured by cross-validation over
# sources)
TRUSTED_THRESHOLD = 0.92
UNTRUSTED_THRESHOLD = 0.8
UNTRUSTED_MODEL_THRESHOLD = 0.93  # of the model alone: letters and bills of firms sound like orders

_ABOUT_THE_ANSWER = "your-answer"


# "<!-- lint disable maximum-line-length -->": short, and without a sentence
_OF_A_TOOL = Expression(
    r"\s*(?:lint|markdownlint|remark|eslint|prettier|stylelint|textlint|vale|cspell|html-validate)"
    r"[\w:-]*(?: [\w:/,-]+){1,12}\s*"
)


def _groups(gates: str) -> tuple[frozenset[str], ...]:
    """Parse groups separated by "&" of words separated by "|", for which "¦" stands within a word."""
    return tuple(frozenset(word.replace("¦", "|") for word in group.split("|")) for group in gates.split("&"))


# (rule, weight, gates: of each group of words one must occur, expression). Texts about attacks quote these
# phrasings too: a phrasing makes the model surer and does not replace it. A weight of 0.6 takes six tenths of
# the doubt away; heavier are those that no ordinary text among the development files holds.
_PHRASINGS: tuple[tuple[str, float, tuple[frozenset[str], ...], Expression], ...] = tuple(
    (rule, weight, _groups(gates), Expression(expression))
    for rule, weight, gates, expression in (
        (
            # at the beginning of a sentence and about all that was said: nobody means the tone of the last
            # answer
            "direct-order",
            0.95,
            "ignore|disregard|forget|override|bypass|ignorier|vergiss|missacht|oubli|olvid"
                "|ignora|descarta|dimentica|esqueça|desconsidere|negeer|vergeet|ignoruj|zapomnij|無視|忘れ|忽略"
                "|无视|忘记|忘記|무시|잊"
                "&instru|prompt|direction|rules|guideline|command|order|anweisung|regel|vorgaben|befehle|consigne"
                "|règle|directive|regla|indicacion|órden|istruzion|regole|regra|opdracht|poleceni|zasad|指示|命令"
                "|ルール|指令|规则|規則|提示|지시|명령|규칙",
            r"(?:^|[.!?:;\n]\s{0,3})(?:(?:now|please|just|bitte|por favor|s'il vous plaît),? )?(?:"
            r"(?:ignore|disregard|forget|override|bypass) (?:all |any |every )?(?:of )?(?:the |your |my "
            r"|these |those )?(?:previous"
                r"|prior|above|earlier|preceding|former|existing|initial|original|system) (?:\w+ "
                r")?(?:instructions?|prompts?"
                r"|directions|rules|guidelines|commands|orders)\b(?! (?:about|regarding|concerning|on|for"
                r"|in)\b)"
            r"|(?:ignorieren?|vergiss|vergessen|missachten?) (?:sie )?(?:bitte )?(?:alle |sämtliche |die "
            r"|deine |ihre )?(?:bisherigen"
                r"|vorherigen|obigen|früheren|vorigen|vorangegangenen) (?:\w+ )?(?:anweisungen|instruktionen"
                r"|regeln|vorgaben|befehle)"
            r"|(?:ignore[zs]?|oublie[zs]?) (?:toutes? |tous )?(?:les |tes |vos )?(?:instructions?|consignes"
            r"|règles|directives)"
                r" (?:précédentes?|antérieures?|ci-dessus)"
            r"|(?:ignora|olvida|descarta) (?:todas? |todos )?(?:las |los |tus )?(?:instrucciones|reglas"
            r"|indicaciones|órdenes)"
                r" (?:anteriores|previas)"
            r"|(?:ignora|dimentica) (?:tutte )?(?:le )?(?:istruzioni|regole) (?:precedenti|sopra)"
            r"|(?:ignore|ignora|esqueça|desconsidere) (?:todas )?(?:as )?(?:instruções|regras) (?:anteriores"
            r"|acima)"
            r"|(?:negeer|vergeet) (?:alle )?(?:vorige|eerdere|bovenstaande|voorgaande) (?:instructies|regels"
            r"|opdrachten)"
            r"|(?:zignoruj|ignoruj|zapomnij) (?:o )?(?:wszystkie |wszystkich )?(?:poprzedni\w+"
            r"|wcześniejsz\w+|powyższ\w+)"
                r" (?:instrukcj\w+|poleceni\w+|zasad\w*)"
            r"|(?:これまで|以前|上記|前)の.{0,6}(?:指示|命令|ルール).{0,8}(?:無視|忘れ)"
            r"|(?:忽略|无视|無視|忘记|忘記).{0,8}(?:之前|以上|前面|先前|上述).{0,6}(?:指令|指示|规则|規則|提示)"
            r"|(?:이전|앞의|위의|지금까지).{0,6}(?:지시|명령|규칙).{0,8}(?:무시|잊))",
        ),
        (
            "override", 0.6, "ignore|disregard|forget|override|do not follow|don't follow|pay no attention"
                "&instruction|direction|rules|guideline|prompt|command|orders|programming|policies|constraints"
                "|context|directive",
            r"\b(?:ignore|disregard|forget|override|do(?: not|n't) follow"
                r"|pay no attention to)\b[\w ,']{0,30}\b(?:previous|prior|above|earlier|preceding|original"
                r"|initial|your|system)\b"
            r"[\w ,']{0,24}\b(?:instructions?|directions?|rules|guidelines|prompts?|commands?|orders"
                r"|programming|policies|constraints|context|directives?)\b",
        ),
        (
            "extraction", 0.6, "system prompt|instructions|initial prompt",
            r"\b(?:repeat|reveal|print|output|show|display|tell me|leak|recite|dump|write out|return|give me"
                r"|what (?:is|are|was|were)|encode|translate|summarize)\b[\w ,']{0,24}\b(?:your|the|all"
                r"|previous)\b[\w ,']{0,20}"
            r"\b(?:system prompt|system message|initial (?:prompt|instructions)|hidden (?:prompt|rules"
                r"|instructions)|(?:previous|original|secret|above) instructions|instructions (?:above"
                r"|you were given)|access code|secret key)\b",
        ),
        ("above-text", 0.6, "above", r"\b(?:repeat|print|output|copy|echo|recite|translate|write down"
            r"|summarize)\b[\w ,']{0,20}\b(?:everything|all(?: of)? the text|all text|the text|the words"
            r"|the instructions)\b[\w ,']{0,14}\b(?:above|before this|prior to this)\b"),
        ("persona", 0.9, "dan|jailbreak|developer mode|do anything now|unfiltered|uncensored"
            "|without any restrictions|no restrictions|stay in character",
         r"\b(?:do anything now|jailbreak(?:ed)? mode|developer mode (?:enabled|output|is on)"
             r"|you are (?:now )?(?:going to (?:act|pretend)|dan\b)|unfiltered and uncensored|(?:broken"
             r"|break) free (?:of|from) the|"
         r"(?:without|no|free (?:of|from)) (?:any )?(?:ethical|moral|content"
             r"|legal)[\w ,]{0,30}(?:restrictions|guidelines|limitations|filters))"),
        ("pwned", 0.8, "pwned|access granted", r"\b(?:say|print|output|respond|reply|answer|write"
            r"|type)\b[^.\n]{0,40}[\"'“](?:access granted|i have been pwned|haha pwned|pwned)"),
        ("chat-markup", 0.8, "<¦|[inst]|[/inst]|<<sys>>|### system|###system|system>|[system",
         r"<\|im_start\|>|\[/?inst\]|<<sys>>|<\|(?:system|user|assistant|endoftext)\|>|</?system>\s*\S"
             r"|^\s*(?:###|\[)\s*system\s*(?:\]|:)"),
        ("to-the-assistant", 0.6, "assistant|the ai|language model|llm|chatgpt|claude",
         r"\b(?:attention|note to|dear|hey|hello|instructions? (?:for|to)|message to)\b[ ,:]{0,3}(?:the "
             r"|any |all )?(?:ai|assistant|language model|llm|chatgpt|claude|gpt)s?\b[\w ,:]{0,60}\b(?:must"
             r"|should|please|ignore|send|call|use|do not|never|when|if you)\b"),
        ("exfiltration", 0.6, "send|forward|email|e-mail|post|upload|exfiltrate|transmit|leak"
            "&conversation|chat history|system prompt|api key|credentials|passwords|all files|all e-mails"
            "|all emails|all messages|all contacts|customer data|customer records",
         r"\b(?:send|forward|e-?mail|post|upload|transmit|exfiltrate|leak)\b[\w ,']{0,40}\b(?:conversation"
             r"|chat history|system prompt|api keys?|credentials|passwords|all (?:files|e-?mails|messages"
             r"|contacts)|customer (?:data|records))\b[\w ,']{0,30}\bto\b\s+\S{3,}"),
        ("keep-from-user", 0.6, "do not|don't|never|without"
            "&the user|this instruction|this message|this note|this step|these instructions",
         r"\b(?:do not|don't|never|without)\b (?:mention|reveal|tell(?:ing)?|inform(?:ing)?|show|disclose"
             r"|let)\b[\w ,']{0,20}\b(?:the user|this (?:instruction|message|note|step)"
             r"|these instructions)\b"),
        (
            # as normalised: Cyrillic letters that look like Latin ones are Latin here
            "override-abroad", 0.6, "ignorier|vergiss|missacht|oubli|ignore|olvid|ignora|descarta|dimentica"
                "|esque|desconsider|vergeet|negeer|zignoruj|zapomnij|aбyдь|игнopиpyй|unut",
            r"\b(?:(?:ignorier\w{1,3}|vergiss|missacht\w{1,2}|olvid\w{1,2}|ignora|descarta|dimentica|esqueça"
                r"|ignore|desconsidere|vergeet|negeer|zignoruj|zapomnij|[з3]aбyдь|игнopиpyй)\b[\w ,']{0,30}\b"
            r"(?:anweisungen|regeln|vorgaben|befehle|reglas|instrucciones|istruzioni|regole|instruções"
                r"|regras|regels|instructies|opdrachten|instrukcj\w{1,3}|zasad\w{0,3}|инcтpyкции|пpaвилa"
                r"|yкaзaния)\b"
            r"|(?:oublie[sz]?|ignore[sz]?) (?:toutes |tous )?(?:les|tes|vos|ces) [\w ,']{0,20}"
                r"(?:instructions|consignes|règles)\b"
            r"|(?:talimatlar|kurallar)\w{1,4} unut)",
        ),
        (
            "override-without-spaces", 0.8, "忽略|无视|無視|忘记|忘記|忘れ|무시|잊",
            r"(?:忽略|无视|無視|忘记|忘記).{0,12}(?:指令|规则|規則|提示|指示|限制)"
                r"|(?:指示|命令|ルール|プロンプト).{0,8}(?:無視|忘れ)|(?:지시|규칙|명령).{0,8}(?:무시|잊)",
        ),
        (
            "no-limits", 0.8, "refuse|rules|filter|restrict|limit|guidelines|censor"
                "&refuse| no | zero |without|outside|drop|disable|turn off|bypass|remove|skip|bound",
            r"\b(?:(?:never|can(?:not|'t)|must not|won't|do(?:es)? not|don't|doesn't) (?:ever )?refuses?\b"
                r"|(?:has|have|with|had) (?:absolutely )?(?:no|zero) (?:content |safety |more )?(?:rules"
                r"|filters?|restrictions|limits|limitations|guidelines|censorship)\b"
            r"|(?:without|outside|drop|disable|turn off|bypass|remove|skip) (?:any |all )?(?:of )?(?:your"
                r"|its|the usual) (?:usual |safety |content |own )?(?:rules|filters?|restrictions|limits"
                r"|limitations|guidelines|guardrails|censorship|safety)\b"
            r"|(?:not|no longer) bound (?:by|to)\b)",
        ),
        (
            # an order about the answer: users give it, documents do not; a reply waited for is a person's
            _ABOUT_THE_ANSWER, 0.7, "your answer|your reply|your response|your output|your next|your final",
            r"(?:^|[\n.!?>#*])\s{0,3}(?!(?:we|i|thanks?|if|when|this|it|the|your|there|our|as|hi|dear) )"
            r"[a-z]+ [^\n.!?|]{0,160}(?<!forward to )(?<!await )(?<!awaiting )(?<!for )(?<!appreciate )"
                r"(?<!received )"
                r"\byour (?:next |final )?(?:answer|reply|response|output)\b",
        ),
    )
)  # fmt: skip
GATES = frozenset(gate for _, _, groups, _ in _PHRASINGS for group in groups for gate in group)
_TAGS = Expression("[\U000e0020-\U000e007e]{4,}")
_INVISIBLE_RUN = Expression("[\u200b-\u200f\u2060-\u2064\ufeff]{12,}")
_HIDDEN_HTML = Expression(
    r"<!--(?P<comment>[^>]{20,2000})-->|style\s*=\s*[\"'][^\"']{0,200}(?:display\s*:\s*none"
    r"|font-size\s*:\s*0|visibility\s*:\s*hidden|color\s*:\s*(?:#fff(?:fff)?"
    r"|white))[^>]{0,200}>(?P<hidden>[^<]{20,2000})<",
    re.IGNORECASE,
)
# what a sentence that orders a machine to do another task begins with
_ORDERS = Expression(
    r"advise|analyse|analyze|append|book|calculate|choose|classify|collect|compare|compose|conduct"
    r"|convert|correct|count|create|decode|define|delete|describe|design|detect|determine|discuss"
    r"|draft|draw|embed|emphasise|emphasize|encode|encourage|estimate|evaluate|explain|express|find"
    r"|gather|generate|give|hide|highlight|identify|imagine|incorporate|interpret|invent|invest"
    r"|list|mention|monitor|order|organise|organize|outline|paraphrase|pick|plan|play|predict"
    r"|pretend|promote|propose|provide|publish|rearrange|recite|recognise|recognize|recommend"
    r"|record|remember|remind|repeat|replace|reply|report|respond|reveal|reverse|rewrite|scan"
    r"|search|share|sing|solve|speak|substitute|suggest|summarise|summarize|teach|tell|track"
    r"|transform|translate|tweet|write"
)
_SENTENCE = Expression(r"(?:^|[\n.!?>#*])\s{0,3}(?:Please |Kindly |Now )?([A-Z][a-z]+) ([^\n.!?|]{8,300})")
_LONG_WORD = Expression("[a-z]{4,}")
_FEW = 2  # a text with more sentences that give orders is a manual
_NEW = 0.8  # of the words of an order occur nowhere else in the text
_ENOUGH = 12  # words of the rest, to tell what it is about
_STRAY_WEIGHT = 0.8  # enough alone where others' texts are judged
# there, and in programs and what explains them, the model alone proves nothing: it makes a phrasing surer
_ORDERING = (Channel.INSTRUCTIONS, Channel.DEFINITIONS)
_MAX_FINDINGS = 5
_REACH = 240  # characters; no phrasing is longer


def find(
    original: str, plain: str, lower: str, places: Places, channel: Channel, kind: Kind
) -> tuple[list[Span], float]:
    """Return findings (offsets of `plain`) and the probability of an attack. `places`: where the `GATES`
    occur in the text.
    """
    untrusted = channel is Channel.UNTRUSTED
    threshold = UNTRUSTED_THRESHOLD if untrusted else TRUSTED_THRESHOLD
    alone = UNTRUSTED_MODEL_THRESHOLD if untrusted else TRUSTED_THRESHOLD
    proofs = list(_proofs(plain, lower, places, untrusted=untrusted and kind not in PROGRAMS))
    if not proofs and kind in PROGRAMS:
        hidden = _hidden(original, plain, lower)
        return ([hidden] if hidden else []), hidden.score if hidden else 0.0
    likeliest, windows = linear.shipped_windows("injection", lower, alone)
    found: list[Span] = []
    highest = 0.0
    if channel not in _ORDERING and kind not in (TECHNICAL if untrusted else PROGRAMS):
        highest = likeliest
        found = [
            Span("PROMPT_INJECTION", start, end, round(score, 3), "linear-model")
            for score, start, end in windows
        ]
    for rule, weight, start, end in proofs:
        surer = likeliest + (1 - likeliest) * weight
        highest = max(highest, surer)
        found.append(Span("PROMPT_INJECTION", start, end, round(surer, 3), rule))
    hidden = _hidden(original, plain, lower)
    if hidden:
        highest = max(highest, hidden.score)
        found.append(hidden)
    flagged = [span for span in found if span.score >= threshold]
    return sorted(flagged, key=lambda s: (-s.score, s.start))[:_MAX_FINDINGS], highest


def _proofs(
    plain: str, lower: str, places: Places, *, untrusted: bool
) -> Iterator[tuple[str, float, int, int]]:
    """Yield (rule, weight, start, end) of evidence that supports the model."""
    for rule, weight, start, end in phrasings(lower, places):
        about_answer = untrusted and rule == _ABOUT_THE_ANSWER
        yield f"phrasing-{rule}", _STRAY_WEIGHT if about_answer else weight, start, end
    stray = _stray_order(plain) if untrusted and "\n" in plain.strip() else None  # not a paragraph
    if stray:
        yield "stray-order", _STRAY_WEIGHT, *stray


def phrasings(lower: str, places: Places) -> Iterator[tuple[str, float, int, int]]:
    """Yield (rule, weight, start, end) of the first place of each phrasing in the text."""
    for rule, weight, groups, expression in _PHRASINGS:
        if any(places.keys().isdisjoint(group) for group in groups):
            continue
        for begin, end in around(places, groups, _REACH):
            match = expression.search(lower, begin, end)
            if match:
                yield rule, weight, match.start(), match.end()
                break


def _stray_order(plain: str) -> tuple[int, int] | None:
    """Return a sentence that gives an order and shares hardly a word with the rest of the text.

    Only for texts by others: a user's own text consists of orders.
    """
    orders = [match for match in _SENTENCE.finditer(plain) if _ORDERS.fullmatch(match[1].lower())]
    if not 0 < len(orders) <= _FEW:
        return None
    for match in orders:
        rest = f"{plain[: match.start()]} {plain[match.end() :]}"
        others = {word[:5] for word in _LONG_WORD.findall(rest.lower())}
        own = {word[:5] for word in _LONG_WORD.findall(match[0].lower())}
        if len(others) >= _ENOUGH and len(own) >= 2 and len(own - others) >= _NEW * len(own):
            return match.start(1), match.end()
    return None


# how the signs of `_TAGS` and `_INVISIBLE_RUN` look in UTF-8, by what they begin with
_HIDING = {
    b"\xf3\xa0": (b"\xf3\xa0",),
    b"\xe2\x80": (b"\xe2\x80\x8b", b"\xe2\x80\x8c", b"\xe2\x80\x8d", b"\xe2\x80\x8e", b"\xe2\x80\x8f"),
    b"\xe2\x81": (b"\xe2\x81\xa0", b"\xe2\x81\xa1", b"\xe2\x81\xa2", b"\xe2\x81\xa3", b"\xe2\x81\xa4"),
    b"\xef\xbb": (b"\xef\xbb\xbf",),
}


def _may_hide(original: str) -> bool:
    """Return whether a cheap check finds hidden text possible: bytes are searched much faster than
    character classes.
    """
    if original.isascii():
        return False
    encoded = original.encode("utf-8", "surrogatepass")
    return any(sign in encoded for begin, signs in _HIDING.items() if begin in encoded for sign in signs)


def _hidden(original: str, plain: str, lower: str) -> Span | None:
    """Return text that a person does not see: tag characters, long invisible runs, hidden HTML that gives
    orders.
    """
    if _may_hide(original) and (_TAGS.search(original) or _INVISIBLE_RUN.search(original)):
        return Span("PROMPT_INJECTION", 0, len(plain), 0.96, "invisible-text")
    if "<!--" in plain or "style=" in lower or "style =" in lower:
        for match in _HIDDEN_HTML.finditer(plain):
            group = "comment" if match["comment"] else "hidden"
            start, end = match.span(group)
            if _OF_A_TOOL.fullmatch(match[group]):
                continue
            if linear.model("injection").score(lower[start:end]) >= 0.6:
                return Span("PROMPT_INJECTION", start, end, 0.96, "hidden-html")
    return None

"""Telephone numbers."""

import re

from lambdas.inspection.detectors.reading import DATE, Context
from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import Span


def telephone(
    context: Context, start: int, end: int, raw: str, digits: str, groups: list[str]
) -> Span | None:
    """Return a telephone number if this run of digits is one."""
    text = context.text
    n = len(digits)
    if not 6 <= n <= 18:
        return None
    begin = start
    plus = begin > 0 and text[begin - 1] == "+"
    opened = begin > 0 and text[begin - 1] == "("
    if opened:
        begin -= 1
        if begin > 0 and text[begin - 1] == "+":
            begin, plus = begin - 1, True
    elif plus:
        begin -= 1
    lengths = [len(group) for group in groups]
    american = lengths[-3:] == [3, 3, 4] and (
        len(groups) == 3 or (len(groups) == 4 and groups[0] in ("1", "001", "01"))
    )
    labelled = _CARD_LABEL.search(text, max(0, begin - 6), begin) is not None
    announced = labelled or context.before("phone", begin, 40) or context.after("phone", end, _LONGEST_TAIL)
    if not (plus or american or announced or raw[0] == "0" or ")" in raw):
        return None  # nothing tells that it is one
    before = text[begin - 1] if begin else " "
    if (before.isalnum() or before in "#$€£%_=/\\") and not plus and not (before == "=" and n >= 10):
        return None
    tail = _EXTENSION.match(text, end)
    finish = tail.end() if tail else end
    after = text[finish : finish + 1]
    if after.isalnum() or (after in "%€$£" and after) or after == "_":
        return None

    def found(score: float, rule: str) -> Span:
        return Span("PHONE", begin, finish, score, rule)

    if _NO_TELEPHONE.search(raw):
        return None
    if plus and 7 <= n <= 16 and not before.isalnum():
        if digits[0] == "0" and n < 9:
            return None
        return None if _fictional(digits) else found(1.0, "phone-international")
    if _NUMBERED.search(text, max(0, begin - 30), begin) or _in_dump(text, begin, finish):
        return None
    spoken = labelled or context.before("phone", begin, 40) or context.after("phone", finish, 12)
    area_slash = raw[0] == "0" and re.fullmatch(r"0\d{2,4}/\d{5,8}", raw) is not None
    if "/" in raw and not spoken and not area_slash:
        return None
    inner = raw.lstrip("(")
    if (date := DATE.match(inner)) and ((not opened and inner == raw) or not inner[date.end() :].strip(" )")):
        return None
    if (before == ":" and text[begin - 2 : begin - 1].isdigit()) or after == ":":
        return None
    parenthesised = "(" in text[begin:end] and ")" in text[begin:end]
    if parenthesised and 7 <= n <= 15 and (opened or raw.find("(") <= 6) and max(lengths) <= 8:
        return None if _fictional(digits) else found(0.95, "phone-area-code")
    if american:
        if _fictional(digits) or _identified(context, begin):
            return None
        if spoken or tail or "-" in raw or "." in raw:
            return found(0.9, "phone-north-american")
        return found(0.7, "phone-north-american") if digits[0] not in "01" else None
    if len(groups) >= 2 and raw[0] == "0" and 8 <= n <= 12 and "." not in raw and len(groups[0]) >= 2:
        part_number = "-" in raw and " " not in raw and len(groups) > 2 and not spoken
        part_number = part_number and not _ASIAN_MOBILE.fullmatch(raw)
        if (
            part_number
            or _identified(context, begin)
            or (
                not spoken and before == " " and text[begin - 2 : begin - 1].isdigit()
            )  # the end of a longer one
            or (len(groups) == 2 and len(groups[1]) < 6 and not spoken)
        ):
            return None
        return found(0.8, "phone-national")
    if area_slash and not _identified(context, begin):
        return found(0.75, "phone-national")
    if raw.startswith("00") and digits[2] != "0" and 10 <= n <= 16 and len(groups) >= 2:
        return found(0.85, "phone-international")
    if spoken and not _identified(context, begin) and not _fictional(digits):
        close = context.distance("phone", begin, 24)
        if len(groups) >= 2 and 7 <= n <= 15 and max(lengths) <= 8:
            return found(0.75, "phone-keyword")
        if len(groups) == 1 and close is not None and 7 <= n <= 13 and raw[0] in "0123456789" and n >= 9:
            return found(0.75, "phone-keyword")
        if len(groups) == 1 and close is not None and close <= 6 and n == 7:
            return found(0.6, "phone-keyword")
    return None


_ENDS_ANOTHER = Expression(r"\d \Z")  # the last groups of a longer number
# what is counted, ordered or cited has numbers, too; a name with dots before a number is not a sentence
_NUMBERED = Expression(
    r"(?:\b(?:invoice|order|ticket|case|sku|part|serial|tracking|article|item|pages|lines|section|isbn|issn|doi"
    r"|version|build|revision|rechnung|bestellung|auftrag)\.?(?:\s?(?:no|nr|number|id|#)\.?)?[\s:#]{1,3}"
    r"|\w\.[A-Za-z][\w-]*\.|\bcve-)\Z",
    re.IGNORECASE,
)
# a range of years, a change of lines, a quotient, a year in brackets, a fraction, an address of a host
_NO_TELEPHONE = Expression(
    r"\A(?:19|20)\d\d\s?[-/]\s?(?:19|20)\d\d\Z|/-| / |\((?:19|20)\d\d(?:\)|\Z)|\A0\.\d"
    r"|(?<![\d.])\d{1,2}\.\d{1,2}\.\d{3,5}(?![\d.])|(?<![\d.])(?=[\d.]*\d{3})\d{1,3}(?:\.\d{1,3}){3}(?![\d.])|\A\d\.\d{5,}\Z"
)
_CARD_LABEL = Expression(r"(?:\A|[\n|])\s?[TMPDOFHWC][:.]?\s{1,2}\Z")  # "T 030 …" in a signature
_ASIAN_MOBILE = Expression(r"01[016-9]-\d{3,4}-\d{4}|0[789]0-\d{4}-\d{4}")
_PAIR_BEFORE = Expression(
    r"(?<![\w])(?:[0-9a-f]{2} ){0,3}(?:[a-f][0-9a-f]|[0-9][a-f]) (?:[0-9a-f]{2} ){0,3}\Z"
)
_PAIR_AFTER = Expression(r"(?: [0-9a-f]{2}){0,3} (?:[a-f][0-9a-f]|[0-9][a-f])(?!\w)")


def _in_dump(text: str, start: int, end: int) -> bool:
    """Return whether one side has hexadecimal bytes."""
    return bool(
        _PAIR_BEFORE.search(text, max(0, start - 24), start) or _PAIR_AFTER.match(text, end, end + 24)
    )


_LONGEST_TAIL = 32  # characters: an extension, and what stands between it and a keyword
_EXTENSION = Expression(r" ?(?:x|ext\.?|extension|#) ?\d{1,6}(?!\w)", re.IGNORECASE)
_IDENTIFIERS = ("nhs", "sin", "aadhaar", "routing", "account", "npi", "mrn", "insurance", "tax", "passport",
    "license",
                "employee", "iban")  # fmt: skip


def _identified(context: Context, position: int) -> bool:
    """Return whether a keyword of another kind of number precedes the number more closely than one of
    telephones.
    """
    distances = [d for group in _IDENTIFIERS if (d := context.distance(group, position, 30)) is not None]
    telephone = context.distance("phone", position, 30)
    return bool(distances) and (telephone is None or min(distances) < telephone)


def _fictional(digits: str) -> bool:
    """Return whether the number is one of 555-0100 to 555-0199, which are reserved for documentation."""
    return digits[-7:-2] == "55501" or (len(digits) >= 10 and digits.endswith(("1234567890", "0123456789")))

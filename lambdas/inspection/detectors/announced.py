"""Values that count only after their keyword."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lambdas.inspection.detectors.reading import DATE, Context
from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import Span


@dataclass(frozen=True, slots=True)
class _Announced:
    """A value that counts only after its keyword: within `reach` characters, in the same sentence."""

    group: str
    type: str
    value: Expression
    reach: int
    score: float = 0.9
    accept: Callable[[str], bool] = bool


def _value(pattern: str, flags: int = 0) -> Expression:
    return Expression(rf"(?<![\w])(?:{pattern})(?![\w])", flags)


_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_ANY_DATE = (
    rf"\d{{4}}[-./]\d{{1,2}}[-./]\d{{1,2}}|\d{{1,2}}[-./]\d{{1,2}}[-./](?:\d{{4}}|\d\d)"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH},? \d{{4}}|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}"
    rf"|\d{{1,2}}[- ]{_MONTH}[- ](?:\d{{4}}|\d\d)"
)


_MARKED = Expression("[0-9_]")  # what no plain word has


def _has_digits(count: int) -> Callable[[str], bool]:
    return lambda value: sum(character.isdigit() for character in value) >= count


_ANNOUNCED = (
    _Announced("passport", "PASSPORT", _value(r"[A-Z]{0,3}\d{6,9}[A-Z]?|[A-Z]\d[A-Z0-9]{6,8}"
        r"|[CFGHJK][0-9CFGHJKLMNPRTVWXYZ]{8}",
                                              re.IGNORECASE), 64, accept=_has_digits(4)),
    _Announced("license", "DRIVER_LICENSE", _value(r"[A-Z]{1,3}[:_ ]?[A-Z]{0,8}\d[\dA-Z-]{4,14}"
        r"|\d[\d-]{5,14}|[A-Z]\d{2,4}(?:-\d{3,4}){1,4}"
                                                   r"|[A-Z]{5}\d{6}[A-Z0-9]{5}|[A-Z]{1,2}\d{2}-\d{2}-\d{4}"
                                                       r"|[A-Z]{1,2}_DL_\d{5,9}",
                                                   re.IGNORECASE), 32, accept=_has_digits(5)),
    _Announced("account", "BANK_ACCOUNT", _value(r"\d{6,17}[A-Z]?|[A-Z]{3,12}\d{7,16}|[A-Z]{1,4}\d{8,14}"
        r"|\d{2,6}(?:[ -]\d{2,8}){1,3}"), 44,
               accept=_has_digits(6)),
    _Announced("mrn", "MRN", _value(r"#?[A-Z]{0,4}[-_]?\d{4,10}[A-Z]?|#?[A-Z]{2,6}-\d{3,10}(?:-\d+)?"
        r"|\d{2,4}(?:-\d{2,4}){1,3}"), 24),
    _Announced("mbi", "US_MBI", _value(r"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d-?[AC-HJKMNP-RT-Y][0-9AC-"
        r"HJKMNP-RT-Y]\d-?"
                                       r"[AC-HJKMNP-RT-Y]{2}\d{2}"), 60),
    _Announced("dea", "DEA", _value(r"[A-HJ-NP-UX][A-Z9]\d{7}"), 40),
    _Announced("insurance", "INSURANCE_ID", _value(r"#?[A-Z]{1,4}[- ]?\d{5,12}(?:-\d{1,3})?"
        r"|#?\d{5,9}-[A-Z]{1,4}|#?\d{6,12}|#?[A-Z]{2,4}(?:-\d{2,6}){1,3}"), 32),
    _Announced("nino", "UK_NINO", _value(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]",
        re.IGNORECASE), 48),
    _Announced("pan", "IN_PAN", _value(r"[A-Z]{5}\d{4}[A-Z]|[A-Z]{5,8}\d{3,5}[A-Z]{0,2}"), 32),
    _Announced("tax", "TAX_ID", _value(r"\d{2}-\d{7}|9\d\d-[5-9]\d-\d{4}|\d{3}-\d{2}-\d{4}"
        r"|[A-Z]{2,3}\d{8,11}|\d{9,12}[A-Z]?|\d{2}[ /]?\d{3}[ /]\d{4,5}"
                                       r"|\d{5} ?\d{5}|[A-Z]{2,5}[A-Z]{0,5}\d{5,9}"), 40),
    _Announced("employee", "EMPLOYEE_ID", _value(r"[A-Z]{1,4}-?\d{3,8}|\d{5,8}(?:-[A-Z]+)?"), 24),
    _Announced("user", "USERNAME", _value(r"[A-Za-z][\w.-]{2,30}"), 12,
               accept=lambda v: _MARKED.search(v) is not None),
    _Announced("dob", "DATE_OF_BIRTH", Expression(rf"(?<!\w)(?:{_ANY_DATE})(?!\w)", re.IGNORECASE), 28),
    _Announced("icd", "ICD10", _value(r"[A-TV-Z]\d[0-9AB](?:\.[0-9A-TV-Z]{1,4})?"), 24),
    _Announced("cvv", "CVV", _value(r"\d{3,4}"), 16),
    _Announced("vin", "VIN", _value(r"[A-HJ-NPR-Z0-9]{17}"), 40, accept=_has_digits(2)),
    _Announced("plate", "LICENSE_PLATE", _value(r"[A-Z]{1,3}[- ]?\d{1,4}[- ]?[A-Z]{0,3}"
        r"|\d{1,4}[- ]?[A-Z]{2,3}(?:[- ]?\d{1,4})?|[A-Z]{2}\d{2}[ -]?[A-Z]{3}"), 24,
               accept=_has_digits(2)),
)  # fmt: skip
_EXPIRY = Expression(r"(?<![\d/])(?:0[1-9]|1[0-2])\s?/\s?(?:\d{2}|20\d{2})(?![\d/])")
_GAP_STOPS = Expression(r"[\d\n;]|(?<!\bno)(?<!\bnr)(?<!\bnum)\. |[!?] ", re.IGNORECASE)


def announced(context: Context) -> Iterator[Span]:
    """Yield values after their keyword in the same sentence."""
    text, lower = context.text, context.lower
    keywords = context.keywords
    for rule in _ANNOUNCED:
        for _, end in keywords.get(rule.group, ()):
            if (
                rule.type in ("BANK_ACCOUNT", "USERNAME", "EMPLOYEE_ID")
                and text[end : end + 1] in ("_", "-")
                and (
                    text[end + 1 : end + 2].isalpha()
                    and not lower.startswith(("_n", "-n", "_id", "-id"), end)
                )
            ):
                continue
            position, limit = end, min(len(text), end + rule.reach + 24)
            if not (
                _MARKED.search(text, end, limit) if rule.type == "USERNAME" else context.has_digit(end, limit)
            ):
                continue
            while match := rule.value.search(text, position, limit):
                if match.start() - end > rule.reach:
                    break
                if match.end() == limit and limit < len(text) and text[limit].isalnum():
                    break
                gap = text[end : match.start()]
                if _GAP_STOPS.search(gap):
                    break
                if rule.type == "MRN" and lower.startswith("pid", end - 3) and not _CARE.search(lower):
                    break
                if rule.accept(match.group()):
                    if rule.type == "USERNAME" and (
                        not _USER_GAP.fullmatch(gap) or _is_code(gap, match.group(), text[match.end() :][:1])
                    ):
                        break
                    if rule.type in (
                        "BANK_ACCOUNT",
                        "MRN",
                        "INSURANCE_ID",
                        "EMPLOYEE_ID",
                        "TAX_ID",
                        "DRIVER_LICENSE",
                        "CVV",
                    ) and (
                        (text[match.start() - 1] in "$€£#@/.=+" and text[match.start() - 1] not in "#=")
                        or text[match.end() : match.end() + 1] in ("%", "@", "$", "€", ":")
                        or DATE.match(match.group())
                    ):
                        break
                    if rule.type in (
                        "INSURANCE_ID",
                        "MRN",
                        "BANK_ACCOUNT",
                        "EMPLOYEE_ID",
                    ) and not _ID_GAP.fullmatch(gap):
                        break
                    yield Span(rule.type, match.start(), match.end(), rule.score, f"{rule.group}-keyword")
                    break
                position = match.start() + 1
    if "card" in keywords or "expiry" in keywords or "cvv" in keywords:
        for match in _EXPIRY.finditer(text):
            if context.before("expiry", match.start(), 20):
                yield Span("CARD_EXPIRY", match.start(), match.end(), 0.8, "expiry-keyword")


def _is_code(gap: str, value: str, after: str) -> bool:
    """Return whether the text after "username" is an expression: a call, an index, or a bare name after a
    sign.
    """
    bare = gap.rstrip()[-1:] in ("=", ":") and not any(map(str.isdigit, value))
    return after in ("(", "[", ".") or (bare and "_" in value)


_CARE = Expression(r"patient|hospital|clinic|medical|physician|nurse|admission|ward\b|hl7|lab result")
_USER_GAP = Expression(r"(?:\s?(?:name|id)\b)?[\s:=\"'(]{1,5}(?:is |was )?[\"']?")
_ID_GAP = Expression(
    r"[^\d\n]{0,3}(?:(?:\b(?:number|numbers|no|nr|num|id|ids|code|is|was|of|the|like|for|details|bank"
    r"|account|file|savings|with|"
    r"checking|ref|reference|a|to|in|ending|and|belonging|patient|card|record|policy|holder|member|under"
    r"|health)\b)?[^\w\n]{0,4}){0,8}",
    re.IGNORECASE,
)

"""Labels that people and programs put on documents: banners, footers, traffic-light marks, sensitivity
labels (G.1).
"""

import re
from collections.abc import Iterator

from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import DataClass, Span

_BANNER = Expression(
    r"(?P<legal>ATTORNEY[ -/–]*CLIENT(?: PRIVILEGED?| COMMUNICATION)?|PRIVILEGED (?:AND|&) CONFIDENTIAL"
    r"|ATTORNEY WORK PRODUCT|LEGALLY PRIVILEGED)"
    r"|(?P<secret>TRADE SECRETS?|STRICTLY CONFIDENTIAL|HIGHLY CONFIDENTIAL|COMPANY CONFIDENTIAL|TOP SECRET"
    r"|COMMERCIAL IN CONFIDENCE|STRENG VERTRAULICH|EMBARGOED UNTIL|UNDER EMBARGO)"
    r"|(?P<restricted>RESTRICTED(?: DATA| DISTRIBUTION| USE)?|MNPI|MATERIAL NON-?PUBLIC(?: INFORMATION)?"
    r"|TLP ?: ?(?:RED|AMBER(?:\+STRICT)?)|PERSONAL AND CONFIDENTIAL|HR CONFIDENTIAL|PHI"
    r"|NEED[ -]TO[ -]KNOW)"
    r"|(?P<confidential>CONFIDENTIAL|VERTRAULICH|CONFIDENTIEL|CONFIDENCIAL|NOT FOR DISTRIBUTION"
    r"|DO NOT DISTRIBUTE)"
    r"|(?P<internal>INTERNAL(?: USE)? ONLY|FOR INTERNAL USE|COMPANY INTERNAL|NUR FÜR DEN INTERNEN GEBRAUCH"
    r"|TLP ?: ?GREEN)"
)
_LEVELS = {
    "legal": DataClass.RESTRICTED,
    "secret": DataClass.CONFIDENTIAL,
    "restricted": DataClass.RESTRICTED,
    "confidential": DataClass.CONFIDENTIAL,
    "internal": DataClass.INTERNAL,
}
HINTS = {
    "banner": "ATTORNEY|PRIVILEGED|SECRET|CONFIDEN|RESTRICTED|MNPI|MATERIAL NON|TLP|INTERNAL"
    "|VERTRAULICH|EMBARGO|DISTRIBUT|NEED TO|NEED-TO|PHI|INTERNEN GEBRAUCH"
}
_FIELD = Expression(
    r"(?im)^[ \t>*#|\"']*(?:data[ _-]?)?(?:classification|sensitivity|security level|data class"
    r"|klassifizierung)[ \t\"']*[:=][ \t\"'*]*"
    r"(?P<value>public|internal(?: use only)?|restricted|(?:strictly |highly )?confidential|secret"
    r"|vertraulich)\b"
)
_FIELD_LEVELS = {"public": None, "internal": DataClass.INTERNAL, "restricted": DataClass.RESTRICTED}
_MAX_BANNER_LINE = 120


def find(text: str, hints: frozenset[str] = frozenset(HINTS)) -> Iterator[tuple[Span, DataClass]]:
    """Markings in the text: upper-case banners at the start of a line, in brackets or alone, and labelled
    fields. `hints`: those of `HINTS` that the text may hold.
    """
    if "banner" in hints:
        for match in _BANNER.finditer(text):
            if not _is_banner(text, match):
                continue
            kind = match.lastgroup or "restricted"
            yield Span("LABEL", match.start(), match.end(), 0.9, f"banner-{kind}"), _LEVELS[kind]
    lower_gate = text.lower() if "lassif" in text or "ensitivity" in text or "LASSIF" in text else ""
    if lower_gate:
        for match in _FIELD.finditer(text):
            value = match["value"].lower().split()[0]
            level = _FIELD_LEVELS.get(value, DataClass.CONFIDENTIAL)
            if level:
                yield Span("LABEL", match.start("value"), match.end("value"), 0.9, "label-field"), level


def _is_banner(text: str, match: re.Match[str]) -> bool:
    """A marking stands alone, leads its line, or is bracketed; upper-case words inside a sentence are
    none.
    """
    begin = text.rfind("\n", 0, match.start()) + 1
    end = text.find("\n", match.end())
    end = len(text) if end < 0 else end
    before = text[begin : match.start()]
    after = text[match.end() : end]
    if (
        (match.start() and text[match.start() - 1].isalnum())
        or after[:1].isalnum()
        or after[:1] == "_"
        or before.endswith("_")
    ):
        return False
    if before.rstrip().endswith(("[", "(", "{", "<")) and after.lstrip()[:1] in ("]", ")", "}", ">"):
        return len(before) < 60
    if before.strip(" \t*#>=-–—/|_[(:\"'!"):
        # after other words only if these are in upper case too: "ACME - CONFIDENTIAL"
        words = before.strip()
        return words.isupper() and len(words) < 40 and end - begin <= _MAX_BANNER_LINE
    tail = after.strip(" \t*#>=-–—/|_])}.:!\"'")
    if match.lastgroup in ("internal", "confidential", "restricted"):
        # leading words of a sentence in capitals: a banner is followed by a separator, capitals or nothing
        return not tail or after.lstrip(" ")[:1] in "-–—:/|.])*,;" or tail.split()[0].isupper()
    return True


# sensitivity labels of Microsoft Purview in Office files: property names `MSIP_Label_<guid>_<attribute>`
MSIP = Expression(
    r"MSIP_Label_(?P<guid>[0-9a-fA-F-]{36})_(?P<attribute>Enabled|Name|SiteId|Method|SetDate|ContentBits)"
)


def named_level(name: str) -> DataClass | None:
    """The level that a label's name suggests; None when it says nothing. Used when the client has mapped no
    label ids.
    """
    lowered = name.lower()
    for word, level in (
        ("confidential", DataClass.CONFIDENTIAL), ("secret", DataClass.CONFIDENTIAL),
        ("restricted", DataClass.RESTRICTED),
        ("internal", DataClass.INTERNAL), ("general", DataClass.INTERNAL), ("public", DataClass.PUBLIC),
    ):  # fmt: skip
        if word in lowered:
            return level
    return None

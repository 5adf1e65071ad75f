"""Passages as printed by newspapers and encyclopaedias, which report what others said and did without a
voice of their own (G.1).

A hospital in a wire story, a court, a company's quarter: public persons and matters fill the news. Such a
passage is distinguished from an organisation's own by its style, not by its subjects.
"""

import re
from functools import lru_cache

from lambdas.inspection.expressions import Expression

_AROUND = 700  # characters on both sides in which a report shows itself
_OWN = 140  # characters on both sides that must be in nobody's voice
_ENOUGH = 2  # signs of a report
_REPORTS = Expression(
    r"\b(?:said|says?|told|announced|reported|claimed|claims|denied|confirmed|warned|added|ruled|testified"
    r"|alleged\w*|accused"
    r"|according to|spokes(?:man|woman|person|people)|reporters|statement|police|authorities|government"
    r"|ministers?"
    r"|president|parliament|senat(?:e|or)|officials?|officers|residents|election|troops|unions?"
    r"|commission(?:er)?|inquiry"
    r"|federal|national|international|researchers|scientists|study|survey|analysts|economists|experts"
    r"|council|agency"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day|yesterday|per cent|was born|were born|century|championship"
    r"|tournament"
    r"|season|coach|match|wickets?|innings|film|album|novel|race[rs]?|skipper|medals?|olympic\w*|league|cup|fans"
    r"|singer|guitarist|actor|actress|songwriter|novelist|footballer|biography|band|sagte|berichtet\w*|sprecher\w*|laut|polizei"
    r"|regierung"
    r"|minister\w*|a déclaré|selon|dijo|según|afirmó|ha detto|secondo)\b"
)
# what somebody else said; a quotation that goes on in the next paragraph is opened again and not closed
# before, and at the end of the line where nobody closed it
_QUOTED = Expression(
    r"(?:(?<=[\s(\[—–-])|(?<=[.,!?]\")|(?<![^\n]))[\"“„«](?=\S)"
    r"(?:[^\"”“„«»\n]|(?<=\s)[\"“„«](?=\w)){0,800}(?:[\"”“»](?!\w)|$)",
    re.MULTILINE,
)
_VOICE = Expression(
    r"\b(?:our|ours|we|(?<!the )us|my|mine|i|i'm|i've|we're|we've|your|dear|please|draft|rewrite|unser\w*"
    r"|wir|uns|mein\w*|bitte|notre|nos|nous"
    r"|mon|ma|mes|nuestr\w+|nosotros|mi|mis|nostr\w|noi|mio|mia|onze|wij|ons|mijn|nosso|nossa|nós|meu|minha"
    r"|nasz\w*|my|mój|moja)\b"
    r"|\b(?:patient|employee|mrn|dob|diagnosis|subject|re|to|from|cc)\s?:|私|弊社|当社|我々|我们|本公司|우리|저희|당사"
)
# an order to Claude, but for one that says what follows
_ORDER = Expression(
    r"(?:\A|[.!?:;]\s{1,3}|\n)(?:summari[sz]e|translate|extract|write|draft|prepare|create|rewrite|explain"
    r"|list|review|analy[sz]e"
    r"|compare|help|give|turn|put|make|check|tell|find|use|add|send|reply"
    r"|answer)\b(?![^.\n]{0,50}\b(?:article|news|story|report"
    r"|press|piece|text|following|below|paragraph|passage|this)\b)"
)


def is_published(lower: str, start: int, end: int) -> bool:
    """Return whether the passage from `start` to `end` of a lower-case text is a neutral report."""
    begin, finish = max(0, start - _AROUND), min(len(lower), end + _AROUND)
    signs = 0
    for _ in _REPORTS.finditer(lower, begin, finish):
        signs += 1
        if signs == _ENOUGH:
            break
    if signs < _ENOUGH:
        return False
    near = _without_quotes(lower)[max(0, start - _OWN) : end + _OWN]
    return _VOICE.search(near) is None and _ORDER.search(near) is None


@lru_cache(maxsize=2)
def _without_quotes(lower: str) -> str:
    """Return the text with quotations replaced by spaces, so that offsets stay valid."""
    return _QUOTED.sub(lambda match: " " * len(match.group()), lower)

"""Structured personal data, confirmed by a checksum *or* a strong keyword or column, never by shape alone
(L2.3).

One pass finds runs of digits, one automaton finds keywords, and only the candidates are examined closely.
The types are listed in `LEVELS`; each kind has a file in `detectors/`.
"""

from collections.abc import Callable, Iterator

from lambdas.inspection.candidates import Candidates
from lambdas.inspection.detectors import ibans, numbers, tables
from lambdas.inspection.detectors.announced import announced
from lambdas.inspection.detectors.cards import card_rows
from lambdas.inspection.detectors.emails import emails
from lambdas.inspection.detectors.network_addresses import colon_addresses
from lambdas.inspection.detectors.reading import LITERALS, Context, whole_words
from lambdas.inspection.detectors.social_security import masked
from lambdas.inspection.detectors.vehicles import vehicles
from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import DataClass, Span

__all__ = ["DETECTORS", "HINTS", "LEVELS", "LITERALS", "PLACES", "detect"]

_I, _R = DataClass.INTERNAL, DataClass.RESTRICTED

LEVELS: dict[str, DataClass] = {
    "EMAIL": _I, "PHONE": _I, "IP_ADDRESS": _I, "MAC_ADDRESS": _I, "USERNAME": _I, "EMPLOYEE_ID": _I,
    "LICENSE_PLATE": _I, "VIN": _I, "CARD_EXPIRY": _I, "ICD10": _I, "NPI": _I,
    "DATE_OF_BIRTH": _R, "CREDIT_CARD": _R, "CVV": _R, "US_SSN": _R, "IBAN": _R, "PASSPORT": _R,
        "DRIVER_LICENSE": _R,
    "BANK_ACCOUNT": _R, "US_ROUTING": _R, "MRN": _R, "US_MBI": _R, "DEA": _R, "INSURANCE_ID": _R,
    "UK_NINO": _R,    "UK_NHS": _R, "CA_SIN": _R, "IN_AADHAAR": _R, "IN_PAN": _R, "TAX_ID": _R,
}  # fmt: skip
# of expressions that are sought everywhere
HINTS = {
    "colons": r":[0-9A-Fa-f]{0,4}:",
    "pairs": r":[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}:|-[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-",
    "vin": r"[A-HJ-NPR-Z0-9]{17}",
}
PLACES = {**tables.PLACES, **ibans.PLACES, **numbers.PLACES}
# one entry per detector, in the order of trust: of two that overlap the earlier rule and the higher score
# wins
DETECTORS: dict[str, Callable[[Context], Iterator[Span]]] = {
    "email": emails,
    "iban": ibans.ibans,
    "numbers": numbers.clusters,
    "colon-addresses": colon_addresses,
    "announced": announced,
    "tables": tables.tables,
    "card-rows": card_rows,
    "masked": masked,
    "vehicles": vehicles,
}
_NEEDS_DIGITS = frozenset(DETECTORS) - {"email"}
_ANY_DIGIT = Expression(r"\d")


def detect(
    text: str, lower: str, candidates: Candidates, disabled: frozenset[str] = frozenset()
) -> list[Span]:
    """Return all structured personal data in the (normalised) text; overlaps are resolved by the caller.

    `candidates`: of the `LITERALS` (kind "keywords"), `HINTS` and `PLACES`.
    """
    has_digit = _ANY_DIGIT.search(text) is not None
    if not has_digit and "@" not in text:
        return []
    runs = numbers.runs(text, candidates.places["run"]) if has_digit else []
    keywords = whole_words(lower, candidates.literals["keywords"]) if has_digit else {}
    context = Context(text, lower, keywords, runs, candidates.hints, candidates.places)
    found: list[Span] = []
    for name, detector in DETECTORS.items():
        if name in disabled or (name in _NEEDS_DIGITS and not has_digit):
            continue
        found.extend(detector(context))
    return found

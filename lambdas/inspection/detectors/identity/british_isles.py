"""Identity numbers: the United Kingdom and Ireland."""

from lambdas.inspection.detectors.identity.checks import weighted
from lambdas.inspection.detectors.identity.declared import IdentityNumber, number


def _utr(text: str) -> bool:
    return "21987654321"[weighted(text[1:], (6, 7, 8, 9, 10, 5, 4, 3, 2)) % 11] == text[0]


def _pps(text: str) -> bool:
    extra = text[8:9]
    total = weighted(text[:7], range(8, 1, -1)) + (9 * (ord(extra) - 64) if extra and extra != "W" else 0)
    return "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == text[7]


NUMBERS: tuple[IdentityNumber, ...] = (
    number(
        "UK_UTR",
        "a UK taxpayer reference",
        "utr|unique taxpayer reference|self assessment|taxpayer reference",
        "[0-9]{5} [0-9]{5}",
        _utr,
        examples="1955839661",
        neighbours="2955839661",
    ),
    number(
        "IE_PPS",
        "an Irish PPS number",
        "pps|ppsn|pps number|pps no|personal public service|irish tax",
        "[0-9]{7} [A-W][A-IW]?",
        _pps,
        sure=True,
        examples="6433435F|6433435OA",
        neighbours="6433435E",
    ),
)

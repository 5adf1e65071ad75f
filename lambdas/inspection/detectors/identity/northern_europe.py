"""Identity numbers: the Nordic and Baltic states."""

from lambdas.inspection.detectors.identity.checks import born_in_either, luhn, weighted
from lambdas.inspection.detectors.identity.declared import IdentityNumber, number


def _swedish(text: str) -> bool:
    text = text[-10:]
    day = int(text[4:6])
    return born_in_either(text[:4] + f"{day - 60 * (day > 60):02d}") and luhn(text)


def _cpr(text: str) -> bool:
    return born_in_either(text[:6], "dmy")


def _hetu(text: str) -> bool:
    number = text[:6] + text[-4:-1]
    return born_in_either(text[:6], "dmy") and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(number) % 31] == text[-1]


def _baltic(text: str) -> bool:
    rest = weighted(text[:10], (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if rest == 10:
        rest = weighted(text[:10], (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return text[0] in "12345678" and rest == int(text[10])


def _latvian(text: str) -> bool:
    if text.startswith("32"):
        return True  # those of today tell nothing of a birth and have no check
    check = 1101 - weighted(text[:10], (1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
    return check % 11 == int(text[10]) and born_in_either(text[:6], "dmy")


def _norwegian(text: str) -> bool:
    first = -weighted(text[:9], (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
    second = -weighted(text[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    day, month = int(text[:2]) % 40, int(text[2:4]) % 40
    return 1 <= day <= 31 and 1 <= month <= 12 and f"{first}{second}" == text[9:]


def _icelandic(text: str) -> bool:
    day = int(text[:2])
    dated = born_in_either(f"{day - 40 * (day > 40):02d}{text[2:6]}", "dmy")
    return dated and weighted(text[:9], (3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


NUMBERS: tuple[IdentityNumber, ...] = (
    number(
        "SE_PERSONAL_NUMBER",
        "a Swedish personal number",
        "personnummer|samordningsnummer|person nr|personnr|pnr|swedish personal number|"
        "personal identity number|personnumret|personnumro",
        "(?:19|20)?[0-9]{6}[-+]?[0-9]{4}",
        _swedish,
        sure=True,
        examples="880320-0016",
        neighbours="880320-0018",
    ),
    number(
        "DK_CPR",
        "a Danish CPR number",
        "cpr|cpr-nummer|cpr-nr|cpr nr|cpr nummer|cprnr|cpr number|personnummer|danish personal number",
        "[0-9]{6} [0-9]{4}",
        _cpr,
        examples="211062-5629",
        neighbours="511062-5629",
    ),
    number(
        "FI_HETU",
        "a Finnish personal identity code",
        "hetu|henkilötunnus|henkilotunnus|sosiaaliturvatunnus|sotu|personbeteckning|"
        "finnish personal identity code|personal identity code|henkilötunnukseni|henkilötunnuksesi",
        "[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]",
        _hetu,
        sure=True,
        examples="131052-308T",
        neighbours="131052-308U",
    ),
    number(
        "EE_PERSONAL_CODE",
        "an Estonian personal code",
        "isikukood|isikukoodi|estonian personal|personal code",
        "[1-8][0-9]{10}",
        _baltic,
        sure=True,
        examples="36805280109",
        neighbours="36805280108",
    ),
    number(
        "LT_PERSONAL_CODE",
        "a Lithuanian personal code",
        "asmens kodas|asmens kodo|a.k.|lithuanian personal|personal code",
        "[1-6][0-9]{10}",
        _baltic,
        sure=True,
        examples="33309240064",
        neighbours="33309240164",
    ),
    number(
        "LV_PERSONAL_CODE",
        "a Latvian personal code",
        "personas kods|personas koda|latvian personal|personal code",
        "[0-9]{6} [0-9]{5}",
        _latvian,
        examples="161175-19997",
        neighbours="161375-19997",
    ),
    number(
        "NO_NATIONAL_ID",
        "a Norwegian national identity number",
        "fødselsnummer|fodselsnummer|fødselsnr|fnr|personnummer|d-nummer|norwegian national id|birth number",
        "[0-9]{6} [0-9]{5}",
        _norwegian,
        sure=True,
        examples="15108695088",
        neighbours="15108695077",
    ),
    number(
        "IS_KENNITALA",
        "an Icelandic kennitala",
        "kennitala|kennitölu|kt.|icelandic id",
        "[0-9]{6} [0-9]{4}",
        _icelandic,
        sure=True,
        examples="120174-3399",
        neighbours="320174-3399",
    ),
)

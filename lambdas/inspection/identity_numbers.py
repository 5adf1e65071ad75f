"""Numbers by which states, insurers and tax offices know a person: a keyword beside it and its check digits
decide (L2.3).

One entry each: who gives it out, what announces it (in the languages of the place), its shape, its check.
The shape alone never counts. The checks are judged in the tests by python-stdnum.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from lambdas.inspection.expressions import Expression, Hit
from lambdas.inspection.findings import DataClass, Span
from lambdas.inspection.normalise import joins, normalise

_AFTER = 64  # characters between a keyword and its number
_BEFORE = 24  # characters between a number and the keyword behind it: "12345678Z (DNI)"


@dataclass(frozen=True, slots=True)
class IdentityNumber:
    """A kind of number. `shape` is what it looks like with its separators, `check` is asked about it without
    them, in capitals. `name` is for people.
    """

    type: str
    region: str
    name: str
    keywords: tuple[str, ...]
    shape: Expression
    check: Callable[[str], bool]


# --- checks
# ----------------------------------------------------------------------------------------------------


def _digits(text: str) -> list[int]:
    return [int(one) for one in text]


def _sum(text: str, weights: Iterable[int]) -> int:
    return sum(digit * weight for digit, weight in zip(_digits(text), weights, strict=False))


def _luhn(text: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(_digits(text))):
        total += digit if place % 2 == 0 else digit * 2 - 9 * (digit > 4)
    return total % 10 == 0


def _mod_11_10(text: str) -> bool:
    """ISO 7064, mod 11,10."""
    product = 10
    for digit in _digits(text[:-1]):
        product = ((product + digit) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(text[-1])


def _born(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _born_in_either(text: str, order: str = "ymd") -> bool:
    """Six digits that are a date in this century or the last."""
    parts = {name: int(text[place * 2 : place * 2 + 2]) for place, name in enumerate(order)}
    return any(_born(century + parts["y"], parts["m"], parts["d"]) for century in (1900, 2000))


def _german_tax(text: str) -> bool:
    counts = sorted((text[:10].count(one) for one in set(text[:10])), reverse=True)
    return text[0] != "0" and counts[0] in (2, 3) and (len(counts) < 2 or counts[1] == 1) and _mod_11_10(text)


def _german_insurance(text: str) -> bool:
    number = text[:8] + f"{ord(text[8]) - 64:02d}" + text[9:11]
    total = sum(
        sum(divmod(digit * weight, 10))
        for digit, weight in zip(_digits(number), (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True)
    )
    return total % 10 == int(text[11])


def _document(text: str) -> bool:
    """ICAO 9303: weights 7, 3, 1."""
    values = [int(one, 36) for one in text]
    return sum(v * w for v, w in zip(values[:-1], (7, 3, 1) * 4, strict=False)) % 10 == values[-1]


def _nir(text: str) -> bool:
    number = text[:13].replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number) % 97 == int(text[13:])


def _dni(text: str) -> bool:
    number = text[:-1].replace("X", "0", 1).replace("Y", "1", 1).replace("Z", "2", 1)
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == text[-1]


_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (
            *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21),
            *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14),
            *(16, 10, 22, 25, 24, 23),
        ),
        strict=True,
    )
)


def _codice_fiscale(text: str) -> bool:
    total = sum(
        _ODD[one] if place % 2 == 0 else (int(one) if one.isdigit() else ord(one) - 65)
        for place, one in enumerate(text[:15])
    )
    return chr(65 + total % 26) == text[15]


def _bsn(text: str) -> bool:
    text = text.zfill(9)
    return int(text) > 0 and (_sum(text[:8], range(9, 1, -1)) - int(text[8])) % 11 == 0


def _belgian(text: str) -> bool:
    return any(97 - int(century + text[:9]) % 97 == int(text[9:]) for century in ("", "2"))


def _pesel(text: str) -> bool:
    born = 1 <= int(text[2:4]) % 20 <= 12 and 1 <= int(text[4:6]) <= 31
    return born and (10 - _sum(text[:10], (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10) % 10 == int(text[10])


def _nip(text: str) -> bool:
    return _sum(text[:9], (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == int(text[9])


def _mod_11_or_0(text: str, weights: Sequence[int]) -> bool:
    rest = 11 - _sum(text[:-1], weights) % 11
    return (0 if rest >= 10 else rest) == int(text[-1])


def _swedish(text: str) -> bool:
    text = text[-10:]
    day = int(text[4:6])
    return _born_in_either(text[:4] + f"{day - 60 * (day > 60):02d}") and _luhn(text)


def _hetu(text: str) -> bool:
    number = text[:6] + text[-4:-1]
    return (
        _born_in_either(text[:6], "dmy") and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(number) % 31] == text[-1]
    )


def _svnr(text: str) -> bool:
    return text[0] != "0" and _sum(text[:3] + text[4:], (3, 7, 9, 5, 8, 4, 2, 1, 6)) % 11 == int(text[3])


def _pps(text: str) -> bool:
    extra = text[8:9]
    total = _sum(text[:7], range(8, 1, -1)) + (9 * (ord(extra) - 64) if extra and extra != "W" else 0)
    return "WABCDEFGHIJKLMNOPQRSTUV"[total % 23] == text[7]


_VERHOEFF_D = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
_VERHOEFF_P = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def _verhoeff(text: str) -> bool:
    check = 0
    for place, digit in enumerate(reversed(text)):
        check = int(_VERHOEFF_D[check][int(_VERHOEFF_P[place % 8][int(digit)])])
    return check == 0


def _luxembourgish(text: str) -> bool:
    return _luhn(text[:12]) and _verhoeff(text[:11] + text[12])


def _czech(text: str) -> bool:
    month = int(text[2:4]) % 50
    month = month - 20 if month > 20 else month
    if not 1 <= month <= 12 or not 1 <= int(text[4:6]) <= 31:
        return False
    return len(text) == 9 or int(text) % 11 == 0 or (int(text[:9]) % 11 == 10 and text[9] == "0")


def _cnp(text: str) -> bool:
    rest = _sum(text[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return (1 if rest == 10 else rest) == int(text[12]) and _born_in_either(text[1:7])


def _egn(text: str) -> bool:
    month = int(text[2:4]) % 20
    good = 1 <= month <= 12 and 1 <= int(text[4:6]) <= 31
    return good and _sum(text[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == int(text[9])


def _afm(text: str) -> bool:
    return _sum(text[:8], (256, 128, 64, 32, 16, 8, 4, 2)) % 11 % 10 == int(text[8])


def _emso(text: str) -> bool:
    rest = 11 - _sum(text[:12], (7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (0 if rest >= 10 else rest) == int(text[12])


def _baltic(text: str) -> bool:
    rest = _sum(text[:10], (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if rest == 10:
        rest = _sum(text[:10], (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return text[0] in "12345678" and rest == int(text[10])


def _latvian(text: str) -> bool:
    if text.startswith("32"):
        return True  # those of today tell nothing of a birth and have no check
    check = 1101 - _sum(text[:10], (1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
    return check % 11 == int(text[10]) and _born_in_either(text[:6], "dmy")


def _cypriot(text: str) -> bool:
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
    total = sum(_digits(text[1:8:2])) + sum(odd[digit] for digit in _digits(text[:8:2]))
    return chr(65 + total % 26) == text[8]


def _taj(text: str) -> bool:
    return _sum(text[:8], (3, 7, 3, 7, 3, 7, 3, 7)) % 10 == int(text[8])


def _hungarian_tax(text: str) -> bool:
    return text[0] == "8" and _sum(text[:9], range(1, 10)) % 11 % 10 == int(text[9])


def _ean(text: str) -> bool:
    return (10 - _sum(text[:12], (1, 3) * 6) % 10) % 10 == int(text[12])


def _utr(text: str) -> bool:
    return "21987654321"[_sum(text[1:], (6, 7, 8, 9, 10, 5, 4, 3, 2)) % 11] == text[0]


def _tfn(text: str) -> bool:
    weights = (1, 4, 3, 7, 5, 8, 6, 9, 10) if len(text) == 9 else (10, 7, 8, 4, 6, 3, 5, 1)
    return _sum(text, weights) % 11 == 0


def _abn(text: str) -> bool:
    return (
        text[0] != "0"
        and _sum(str(int(text[0]) - 1) + text[1:], (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) % 89 == 0
    )


def _medicare(text: str) -> bool:
    return text[0] in "23456" and _sum(text[:8], (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(text[8])


def _cpf(text: str) -> bool:
    if len(set(text)) == 1:
        return False
    first = 11 - _sum(text[:9], range(10, 1, -1)) % 11
    second = 11 - _sum(text[:10], range(11, 1, -1)) % 11
    return f"{first % 11 % 10}{second % 11 % 10}" == text[9:]


def _cnpj(text: str) -> bool:
    first = 11 - _sum(text[:12], (5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    second = 11 - _sum(text[:13], (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return f"{first % 11 % 10}{second % 11 % 10}" == text[12:]


def _my_number(text: str) -> bool:
    rest = _sum(text[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (0 if rest <= 1 else 11 - rest) == int(text[11])


def _rrn(text: str) -> bool:
    """A birth and a century; numbers given out since October 2020 have no check digit."""
    return text[6] in "0123456789" and _born_in_either(text[:6])


def _nric(text: str) -> bool:
    total = _sum(text[1:8], (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(text[0], 0)
    table = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "M": "XWUTRQPNJLK"}.get(text[0], "XWUTRQPNMLK")
    return table[10 - total % 11 if text[0] == "M" else total % 11] == text[8]


def _chinese(text: str) -> bool:
    total = _sum(text[:17], (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
    good = _born(int(text[6:10]), int(text[10:12]), int(text[12:14])) if text[6:14] > "1000" else False
    return good and "10X98765432"[total % 11] == text[17]


def _cpr(text: str) -> bool:
    return _born_in_either(text[:6], "dmy")


def _amka(text: str) -> bool:
    return _born_in_either(text[:6], "dmy") and _luhn(text)


def _spi(text: str) -> bool:
    return text[0] in "0123" and int(text[:10]) % 511 == int(text[10:])


def _itin(text: str) -> bool:
    return text[0] == "9" and int(text[3:5]) in _ITIN_GROUPS


_ITIN_GROUPS = frozenset((*range(50, 66), *range(70, 89), *range(90, 93), *range(94, 100)))


def _npi(text: str) -> bool:
    return text[0] in "12" and _luhn("80840" + text)


def _any(text: str) -> bool:
    return bool(text)


# --- the numbers
# -----------------------------------------------------------------------------------------------


def _shape(pattern: str) -> Expression:
    """The pattern apart from letters and digits; a blank in it is any separator or none."""
    return Expression(
        rf"(?<![A-Za-z0-9])(?:{pattern.replace(' ', '[ .–/-]?')})(?![A-Za-z0-9])", re.IGNORECASE
    )


def _number(
    type: str, name: str, keywords: str, shape: str, check: Callable[[str], bool] = _any
) -> IdentityNumber:
    # as texts are read: small and capital letters of other alphabets look like different Latin ones
    spellings = (form for word in keywords.split("|") for form in (word.strip(), word.strip().upper()))
    words = tuple(dict.fromkeys(normalise(form).text.lower() for form in spellings))
    region = "us" if type == "NPI" else type.partition("_")[0].lower()
    return IdentityNumber(type, region, name, words, _shape(shape), check)


_LETTER = "[AC-HJKMNP-RT-Y]"
_EITHER = "[0-9AC-HJKMNP-RT-Y]"
_MBI = f"[1-9]{_LETTER}{_EITHER}[0-9] {_LETTER}{_EITHER}[0-9] {_LETTER}{{2}}[0-9]{{2}}"

NUMBERS: tuple[IdentityNumber, ...] = (
    _number(
        "DE_TAX_ID",
        "a German tax number",
        "steuer-id|steuerid|steuer-identifikationsnummer|steueridentifikationsnummer|"
        "steuerliche identifikationsnummer|identifikationsnummer|idnr|id-nr|german tax id|tax id|tin",
        "[1-9][0-9] [0-9]{3} [0-9]{3} [0-9]{3}",
        _german_tax,
    ),
    _number(
        "DE_SOCIAL_INSURANCE",
        "a German pension insurance number",
        "sozialversicherungsnummer|rentenversicherungsnummer|"
        "versicherungsnummer|sv-nummer|svnr|rvnr|sv-nr|rv-nummer|german social security",
        "[0-9]{2} [0-9]{6} [A-Z] [0-9]{3}",
        _german_insurance,
    ),
    _number(
        "DE_IDENTITY_CARD",
        "a German identity card number",
        "personalausweis|personalausweisnummer|ausweisnummer|ausweis-nr|"
        "perso|reisepassnummer|reisepass|identity card|id card",
        "[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{8}[0-9]D?",
        lambda v: _document(v.removesuffix("D") if len(v) == 11 else v),
    ),
    _number(
        "FR_NIR",
        "a French social security number",
        "nir|numéro de sécurité sociale|numero de securite sociale|sécurité sociale|"
        "securite sociale|n° de sécurité sociale|numéro de sécu|n° sécu|insee|numéro d'inscription|french "
        "social security",
        "[1-478] [0-9]{2} (?:[0-9]{2}) (?:[0-9]{2}|2[AB]) [0-9]{3} [0-9]{3} [0-9]{2}",
        _nir,
    ),
    _number(
        "FR_TAX_ID",
        "a French tax number",
        "numéro fiscal|numero fiscal|numéro spi|spi|référence fiscale|french tax id|tax id",
        "[0-3][0-9] [0-9]{2} [0-9]{3} [0-9]{3} [0-9]{3}",
        _spi,
    ),
    _number(
        "ES_DNI",
        "a Spanish identity number",
        "dni|nif|nie|documento nacional de identidad|número de identidad|"
        "numero de identidad|identificación fiscal|identidad de extranjero|spanish id|spanish national id",
        "[0-9]{2} [0-9]{3} [0-9]{3} [A-Z]|[XYZ] [0-9]{7} [A-Z]",
        _dni,
    ),
    _number(
        "IT_FISCAL_CODE",
        "an Italian fiscal code",
        "codice fiscale|cod. fiscale|cod fiscale|c.f.|cf|fiscal code|italian tax code|codicefiscale",
        "[A-Z]{3} [A-Z]{3} [0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2} [A-Z][0-9LMNP-V]{3}[A-Z]",
        _codice_fiscale,
    ),
    _number(
        "NL_BSN",
        "a Dutch citizen service number",
        "bsn|burgerservicenummer|burger service nummer|sofinummer|sofi-nummer|"
        "citizen service number|dutch social security",
        "[0-9]{4} [0-9]{2} [0-9]{3}|[0-9]{3} [0-9]{3} [0-9]{3}|[0-9]{8}",
        _bsn,
    ),
    _number(
        "BE_NATIONAL_NUMBER",
        "a Belgian national number",
        "rijksregisternummer|rijksregister|numéro national|numero national|"
        "registre national|insz|niss|belgian national number|national register number|nationalregisternummer",
        "[0-9]{2} [0-9]{2} [0-9]{2} [0-9]{3} [0-9]{2}",
        _belgian,
    ),
    _number(
        "PL_PESEL",
        "a Polish PESEL",
        "pesel|nr pesel|numer pesel|polish national id",
        "[0-9]{6} [0-9]{5}",
        _pesel,
    ),
    _number(
        "PL_NIP",
        "a Polish tax number",
        "nip|numer nip|nr nip|numer identyfikacji podatkowej|polish tax id",
        "[0-9]{3} [0-9]{3} [0-9]{2} [0-9]{2}|[0-9]{3} [0-9]{2} [0-9]{2} [0-9]{3}",
        _nip,
    ),
    _number(
        "PT_NIF",
        "a Portuguese tax number",
        "nif|contribuinte|número de contribuinte|numero de contribuinte|identificação fiscal|"
        "identificacao fiscal|portuguese tax id",
        "[1-9][0-9]{2} [0-9]{3} [0-9]{3}",
        lambda v: _mod_11_or_0(v, (9, 8, 7, 6, 5, 4, 3, 2)),
    ),
    _number(
        "SE_PERSONAL_NUMBER",
        "a Swedish personal number",
        "personnummer|samordningsnummer|person nr|personnr|pnr|"
        "swedish personal number|personal identity number",
        "(?:19|20)?[0-9]{6}[-+]?[0-9]{4}",
        _swedish,
    ),
    _number(
        "DK_CPR",
        "a Danish CPR number",
        "cpr|cpr-nummer|cpr-nr|cpr nr|cpr nummer|cprnr|cpr number|personnummer|danish personal number",
        "[0-9]{6} [0-9]{4}",
        _cpr,
    ),
    _number(
        "FI_HETU",
        "a Finnish personal identity code",
        "hetu|henkilötunnus|henkilotunnus|sosiaaliturvatunnus|sotu|personbeteckning|"
        "finnish personal identity code|personal identity code",
        "[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]",
        _hetu,
    ),
    _number(
        "AT_SVNR",
        "an Austrian insurance number",
        "svnr|sv-nummer|sv-nr|sozialversicherungsnummer|versicherungsnummer|"
        "sozialversicherung|vsnr|austrian social security",
        "[1-9][0-9]{3} [0-9]{6}",
        _svnr,
    ),
    _number(
        "IE_PPS",
        "an Irish PPS number",
        "pps|ppsn|pps number|pps no|personal public service|irish tax",
        "[0-9]{7} [A-W][A-IW]?",
        _pps,
    ),
    _number(
        "LU_NATIONAL_ID",
        "a Luxembourgish national number",
        "matricule|numéro de matricule|cns|sécurité sociale|sozialversicherungsnummer|"
        "matricule nationale|luxembourg national|numéro d'identification",
        "(?:18|19|20)[0-9]{2} [0-9]{2} [0-9]{2} [0-9]{3} [0-9]{2}",
        _luxembourgish,
    ),
    _number(
        "CZ_BIRTH_NUMBER",
        "a Czech or Slovak birth number",
        "rodné číslo|rodne cislo|r.č.|rč|rodným číslem|rodného čísla|birth number",
        "[0-9]{6} [0-9]{3,4}",
        _czech,
    ),
    _number(
        "HU_TAJ",
        "a Hungarian insurance number",
        "taj|taj-szám|taj szám|tajszám|taj-szam|hungarian social security",
        "[0-9]{3} [0-9]{3} [0-9]{3}",
        _taj,
    ),
    _number(
        "HU_TAX_ID",
        "a Hungarian tax number",
        "adóazonosító|adóazonosító jel|adoazonosito|hungarian tax id",
        "8[0-9]{9}",
        _hungarian_tax,
    ),
    _number(
        "RO_CNP",
        "a Romanian personal number",
        "cnp|cod numeric personal|codul numeric personal|romanian personal",
        "[1-9][0-9]{12}",
        _cnp,
    ),
    _number(
        "BG_EGN",
        "a Bulgarian personal number",
        "егн|egn|единен граждански номер|edinen grazhdanski|bulgarian personal",
        "[0-9]{10}",
        _egn,
    ),
    _number(
        "GR_AMKA",
        "a Greek insurance number",
        "αμκα|amka|α.μ.κ.α.|greek social security",
        "[0-9]{6} [0-9]{5}",
        _amka,
    ),
    _number(
        "GR_AFM",
        "a Greek tax number",
        "αφμ|α.φ.μ.|afm|greek tax id|αριθμός φορολογικού μητρώου",
        "[0-9]{9}",
        _afm,
    ),
    _number(
        "HR_OIB",
        "a Croatian personal number",
        "oib|osobni identifikacijski broj|croatian personal",
        "[0-9]{11}",
        _mod_11_10,
    ),
    _number(
        "SI_EMSO",
        "a Slovenian personal number",
        "emšo|emso|enotna matična številka|slovenian personal",
        "[0-3][0-9]{6} [0-9]{2} [0-9]{4}|[0-9]{13}",
        _emso,
    ),
    _number(
        "SI_TAX_ID",
        "a Slovenian tax number",
        "davčna številka|davcna stevilka|slovenian tax id",
        "[1-9][0-9]{7}",
        lambda v: _mod_11_or_0(v, (8, 7, 6, 5, 4, 3, 2)),
    ),
    _number(
        "EE_PERSONAL_CODE",
        "an Estonian personal code",
        "isikukood|isikukoodi|estonian personal|personal code",
        "[1-8][0-9]{10}",
        _baltic,
    ),
    _number(
        "LT_PERSONAL_CODE",
        "a Lithuanian personal code",
        "asmens kodas|asmens kodo|a.k.|lithuanian personal|personal code",
        "[1-6][0-9]{10}",
        _baltic,
    ),
    _number(
        "LV_PERSONAL_CODE",
        "a Latvian personal code",
        "personas kods|personas koda|latvian personal|personal code",
        "[0-9]{6} [0-9]{5}",
        _latvian,
    ),
    _number(
        "CY_TAX_ID",
        "a Cypriot tax number",
        "αφτ|a.φ.τ.|cyprus tax|cypriot tax|αριθμός φορολογικής ταυτότητας|tic",
        "[09][0-9]{7} [A-Z]",
        _cypriot,
    ),
    _number(
        "CH_AHV",
        "a Swiss insurance number",
        "ahv|ahv-nummer|ahv-nr|ahvn13|avs|n° avs|numéro avs|avs-nummer|oasi|sozialversicherungsnummer|"
        "navs|swiss social security",
        "756 [0-9]{4} [0-9]{4} [0-9]{2}",
        _ean,
    ),
    _number(
        "UK_UTR",
        "a UK taxpayer reference",
        "utr|unique taxpayer reference|self assessment|taxpayer reference",
        "[0-9]{5} [0-9]{5}",
        _utr,
    ),
    _number(
        "US_ITIN",
        "a US taxpayer number",
        "itin|itins|individual taxpayer|taxpayer identification|taxpayer id|tax id|taxpayer",
        "9[0-9]{2} [0-9]{2} [0-9]{4}",
        _itin,
    ),
    _number(
        "US_MBI",
        "a Medicare number",
        "mbi|medicare|beneficiary|hicn|part a|part b|part d|cms|member|insured|coverage|patient|claim"
        "|subscriber",
        _MBI,
    ),
    _number(
        "NPI",
        "a US provider number",
        "npi|npis|provider identifier|provider id|provider|prescriber|physician|practitioner|attending|"
        "referring|rendering|billing",
        "[12][0-9]{9}",
        _npi,
    ),
    _number(
        "CA_SIN",
        "a social insurance number",
        "sin|social insurance|social insurance number|numéro d'assurance sociale|nas",
        "[1-9][0-9]{2} [0-9]{3} [0-9]{3}",
        _luhn,
    ),
    _number(
        "AU_TFN",
        "an Australian tax file number",
        "tfn|tax file number|tax file",
        "[0-9]{3} [0-9]{3} [0-9]{2,3}",
        _tfn,
    ),
    _number(
        "AU_MEDICARE",
        "an Australian Medicare number",
        "medicare",
        "[2-6][0-9]{3} [0-9]{5} [0-9](?: [0-9])?",
        _medicare,
    ),
    _number(
        "AU_ABN",
        "an Australian business number",
        "abn|australian business number",
        "[0-9]{2} [0-9]{3} [0-9]{3} [0-9]{3}",
        _abn,
    ),
    _number(
        "BR_CPF",
        "a Brazilian CPF",
        "cpf|cadastro de pessoas físicas|cadastro de pessoa física",
        "[0-9]{3} [0-9]{3} [0-9]{3} [0-9]{2}",
        _cpf,
    ),
    _number(
        "BR_CNPJ",
        "a Brazilian CNPJ",
        "cnpj|cadastro nacional da pessoa jurídica",
        "[0-9]{2} [0-9]{3} [0-9]{3} [0-9]{4} [0-9]{2}",
        _cnpj,
    ),
    _number(
        "IN_AADHAAR",
        "an Aadhaar number",
        "aadhaar|aadhar|adhar|uidai|uid|आधार",
        "[2-9][0-9]{3} [0-9]{4} [0-9]{4}",
        _verhoeff,
    ),
    _number(
        "IN_PAN",
        "an Indian tax number",
        "pan|pan card|pan no|pan number|permanent account number|income tax",
        "[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]",
    ),
    _number(
        "JP_MY_NUMBER",
        "a Japanese My Number",
        "my number|mynumber|マイナンバー|個人番号|individual number",
        "[0-9]{4} [0-9]{4} [0-9]{4}",
        _my_number,
    ),
    _number(
        "KR_RRN",
        "a Korean resident number",
        "rrn|resident registration|주민등록번호|주민번호|주민등록|외국인등록번호|resident number",
        "[0-9]{6} [0-9]{7}",
        _rrn,
    ),
    _number(
        "SG_NRIC",
        "a Singaporean identity number",
        "nric|fin|fin number|identity card|ic number|singpass|nric/fin",
        "[STFGM][0-9]{7}[A-Z]",
        _nric,
    ),
    _number(
        "CN_RESIDENT_ID",
        "a Chinese identity number",
        "身份证|身份证号|身份证号码|居民身份证|身分證|公民身份号码|resident identity|chinese id|"
        "id card|identity card|national id",
        "[1-9][0-9]{5} [12][0-9]{7} [0-9]{3}[0-9X]",
        _chinese,
    ),
)
LEVELS: Mapping[str, DataClass] = {
    one.type: DataClass.INTERNAL if one.type in ("NPI", "AU_ABN", "BR_CNPJ") else DataClass.RESTRICTED
    for one in NUMBERS
}
BY_TYPE: Mapping[str, IdentityNumber] = {one.type: one for one in NUMBERS}
# what `detect` wants to know of a text
LITERALS = tuple((word, one.type) for one in NUMBERS for word in one.keywords)
_SEPARATORS = re.compile(r"[^A-Za-z0-9]")
_DIGITS = re.compile("[0-9]{2}")
_STOP = re.compile(r"\n\s*\n")


_EUROPEAN_UNION = frozenset(
    [
        "at",
        "be",
        "bg",
        "cy",
        "cz",
        "de",
        "dk",
        "ee",
        "es",
        "fi",
        "fr",
        "gr",
        "hr",
        "hu",
        "ie",
        "it",
        "lt",
        "lu",
        "lv",
        "nl",
        "pl",
        "pt",
        "ro",
        "se",
        "si",
    ]
)


def countries(regions: frozenset[str]) -> frozenset[str]:
    """Regions as countries: `eu` stands for its members."""
    return regions - {"eu"} | (_EUROPEAN_UNION if "eu" in regions else frozenset())


def detect(
    text: str, lower: str, hits: Iterable[Hit], regions: frozenset[str] = frozenset()
) -> Iterator[Span]:
    """Numbers beside their keywords. `hits`: where the `LITERALS` occur; `regions`: only theirs, if any are
    given (`de`, `uk`, …).
    """
    for start, end, kind in hits:
        number = BY_TYPE[kind]
        if (
            (regions and number.region not in regions)
            or not _DIGITS.search(text, max(0, start - 2 * _BEFORE), end + _AFTER)
            or not _is_word(lower, start, end)
        ):
            continue
        yield from _beside(text, number, start, end)


def _is_word(lower: str, start: int, end: int) -> bool:
    if start and joins(lower[start]) and (joins(lower[start - 1]) or lower[start - 1].isdigit()):
        return False
    rest = lower[end : end + 2]
    return not (rest and joins(lower[end - 1]) and joins(rest[0]) and rest not in ("s ", "s:", "n ", "e "))


def _beside(text: str, number: IdentityNumber, start: int, end: int) -> Iterator[Span]:
    limit = min(len(text), end + _AFTER + 24)
    for match in number.shape.finditer(text, end, limit):
        if match.start() - end > _AFTER or _STOP.search(text, end, match.start()):
            break
        if number.check(_SEPARATORS.sub("", match.group()).upper()):
            yield Span(number.type, *match.span(), 1.0, "identity-number")
            return
    for match in number.shape.finditer(text, max(0, start - _BEFORE - 24), start):
        near = start - match.end() <= _BEFORE and not _STOP.search(text, match.end(), start)
        if near and number.check(_SEPARATORS.sub("", match.group()).upper()):
            yield Span(number.type, *match.span(), 0.9, "identity-number")
            return

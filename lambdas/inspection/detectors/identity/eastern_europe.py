"""Identity numbers: between Germany and Russia, and Turkey."""

from lambdas.inspection.detectors.identity.checks import (
    born,
    born_in_either,
    digits,
    mod_11_10,
    mod_11_or_0,
    weighted,
)
from lambdas.inspection.detectors.identity.declared import IdentityNumber, number


def _pesel(text: str) -> bool:
    born = 1 <= int(text[2:4]) % 20 <= 12 and 1 <= int(text[4:6]) <= 31
    return born and (10 - weighted(text[:10], (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10) % 10 == int(text[10])


def _nip(text: str) -> bool:
    return weighted(text[:9], (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == int(text[9])


def _czech(text: str) -> bool:
    month = int(text[2:4]) % 50
    month = month - 20 if month > 20 else month
    if not 1 <= month <= 12 or not 1 <= int(text[4:6]) <= 31:
        return False
    return len(text) == 9 or int(text) % 11 == 0 or (int(text[:9]) % 11 == 10 and text[9] == "0")


def _taj(text: str) -> bool:
    return weighted(text[:8], (3, 7, 3, 7, 3, 7, 3, 7)) % 10 == int(text[8])


def _hungarian_tax(text: str) -> bool:
    return text[0] == "8" and weighted(text[:9], range(1, 10)) % 11 % 10 == int(text[9])


def _cnp(text: str) -> bool:
    rest = weighted(text[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return (1 if rest == 10 else rest) == int(text[12]) and born_in_either(text[1:7])


def _egn(text: str) -> bool:
    month = int(text[2:4]) % 20
    good = 1 <= month <= 12 and 1 <= int(text[4:6]) <= 31
    return good and weighted(text[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == int(text[9])


def _emso(text: str) -> bool:
    rest = 11 - weighted(text[:12], (7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    dated = born((2000 if text[4] == "0" else 1000) + int(text[4:7]), int(text[2:4]), int(text[:2]))
    return dated and (0 if rest >= 10 else rest) == int(text[12])


def _foreigner_in_bulgaria(text: str) -> bool:
    return weighted(text[:9], (21, 19, 17, 13, 11, 9, 7, 3, 1)) % 10 == int(text[9])


def _turkish(text: str) -> bool:
    first = -weighted(text[:9], (3, 1) * 5) % 10
    return f"{first}{(first + sum(digits(text[:9]))) % 10}" == text[9:]


def _inn(text: str) -> bool:
    weights = (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
    first = weighted(text[:10], weights) % 11 % 10
    second = weighted(text[:11], (3, *weights)) % 11 % 10
    return f"{first}{second}" == text[10:]


def _snils(text: str) -> bool:
    return weighted(text[:9], range(9, 0, -1)) % 101 % 100 == int(text[9:])


def _ukrainian(text: str) -> bool:
    return weighted(text[:9], (-1, 5, 7, 9, 4, 6, 10, 5, 7)) % 11 % 10 == int(text[9])


NUMBERS: tuple[IdentityNumber, ...] = (
    number(
        "PL_PESEL",
        "a Polish PESEL",
        "pesel|nr pesel|numer pesel|polish national id|numeru pesel|numerem pesel",
        "[0-9]{6} [0-9]{5}",
        _pesel,
        sure=True,
        examples="44051401359",
        neighbours="44051401358",
    ),
    number(
        "PL_NIP",
        "a Polish tax number",
        "nip|numer nip|nr nip|numer identyfikacji podatkowej|polish tax id",
        "[0-9]{3} [0-9]{3} [0-9]{2} [0-9]{2}|[0-9]{3} [0-9]{2} [0-9]{2} [0-9]{3}",
        _nip,
        examples="856-734-62-15",
        neighbours="856-734-62-16",
    ),
    number(
        "CZ_BIRTH_NUMBER",
        "a Czech or Slovak birth number",
        "rodné číslo|rodne cislo|r.č.|rč|rodným číslem|rodného čísla|birth number|rodné čísla|"
        "slovak birth number|czech birth number",
        "[0-9]{6} [0-9]{3,4}",
        _czech,
        regions="cz sk",
        examples="710319/2745",
        neighbours="7103192746",
    ),
    number(
        "HU_TAJ",
        "a Hungarian insurance number",
        "taj|taj-szám|taj szám|tajszám|taj-szam|hungarian social security",
        "[0-9]{3} [0-9]{3} [0-9]{3}",
        _taj,
        examples="111 111 110",
        neighbours="111 111 111",
    ),
    number(
        "HU_TAX_ID",
        "a Hungarian tax number",
        "adóazonosító|adóazonosító jel|adoazonosito|hungarian tax id",
        "8[0-9]{9}",
        _hungarian_tax,
    ),
    number(
        "RO_CNP",
        "a Romanian personal number",
        "cnp|cod numeric personal|codul numeric personal|romanian personal",
        "[1-9][0-9]{12}",
        _cnp,
        sure=True,
        examples="1630615123457",
        neighbours="1630615123458",
    ),
    number(
        "BG_EGN",
        "a Bulgarian personal number",
        "егн|egn|единен граждански номер|edinen grazhdanski|bulgarian personal",
        "[0-9]{10}",
        _egn,
        sure=True,
        examples="7523169263",
        neighbours="7523169264",
    ),
    number(
        "HR_OIB",
        "a Croatian personal number",
        "oib|osobni identifikacijski broj|croatian personal",
        "[0-9]{11}",
        mod_11_10,
        sure=True,
        examples="33392005961",
        neighbours="33392005962",
    ),
    number(
        "SI_EMSO",
        "a personal number of Slovenia or its neighbours",
        "emšo|emso|enotna matična številka|slovenian personal|jmbg|јмбг|ембг|embg|matični broj|"
        "jedinstveni matični broj",
        "[0-3][0-9]{6} [0-9]{2} [0-9]{4}|[0-9]{13}",
        _emso,
        regions="si hr rs ba me mk",
        sure=True,
        examples="0101006500006",
        neighbours="0101006500007",
    ),
    number(
        "SI_TAX_ID",
        "a Slovenian tax number",
        "davčna številka|davcna stevilka|slovenian tax id",
        "[1-9][0-9]{7}",
        lambda v: mod_11_or_0(v, (8, 7, 6, 5, 4, 3, 2)),
        examples="50223054",
        neighbours="50223055",
    ),
    number(
        "BG_FOREIGNER_NUMBER",
        "a Bulgarian number of a foreigner",
        "лнч|личен номер на чужденец|lnch|pnf",
        "[0-9]{4} [0-9]{3} [0-9]{3}",
        _foreigner_in_bulgaria,
        examples="7111 042 925",
        neighbours="7111 042 926",
    ),
    number(
        "TR_IDENTITY_NUMBER",
        "a Turkish identity number",
        "t.c. kimlik|tc kimlik|kimlik no|kimlik numarası|tckn|turkish id",
        "[1-9][0-9]{10}",
        _turkish,
        sure=True,
        examples="17291716060",
        neighbours="17291716050|1729171606",
    ),
    number(
        "RU_INN",
        "a Russian tax number",
        "инн|inn|russian tax id",
        "[0-9]{12}",
        _inn,
        sure=True,
        examples="123456789047",
        neighbours="123456789037",
    ),
    number(
        "RU_SNILS",
        "a Russian insurance number",
        "снилс|snils|russian social security",
        "[0-9]{3} [0-9]{3} [0-9]{3} [0-9]{2}",
        _snils,
        examples="112-233-445 95",  # the pension fund
        neighbours="112-233-445 96",
    ),
    number(
        "UA_TAX_ID",
        "a Ukrainian tax number",
        "рнокпп|іпн|ідентифікаційний номер|ідентифікаційний код|rnokpp|ukrainian tax id",
        "[0-9]{10}",
        _ukrainian,
        examples="1759013776",
        neighbours="1759013770",
    ),
)

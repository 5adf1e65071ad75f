"""Identity numbers: France, Belgium, the Netherlands, Luxembourg."""

from lambdas.inspection.detectors.identity.checks import luhn, verhoeff, weighted
from lambdas.inspection.detectors.identity.declared import IdentityNumber, number


def _nir(text: str) -> bool:
    number = text[:13].replace("2A", "19").replace("2B", "18")
    return number.isdigit() and 97 - int(number) % 97 == int(text[13:])


def _spi(text: str) -> bool:
    return text[0] in "0123" and int(text[:10]) % 511 == int(text[10:])


def _belgian(text: str) -> bool:
    return any(97 - int(century + text[:9]) % 97 == int(text[9:]) for century in ("", "2"))


def _bsn(text: str) -> bool:
    text = text.zfill(9)
    return int(text) > 0 and (weighted(text[:8], range(9, 1, -1)) - int(text[8])) % 11 == 0


def _luxembourgish(text: str) -> bool:
    return luhn(text[:12]) and verhoeff(text[:11] + text[12])


NUMBERS: tuple[IdentityNumber, ...] = (
    number(
        "FR_NIR",
        "a French social security number",
        "nir|numéro de sécurité sociale|numero de securite sociale|sécurité sociale|"
        "securite sociale|n° de sécurité sociale|numéro de sécu|n° sécu|insee|numéro d'inscription|french "
        "social security",
        "[1-478] [0-9]{2} (?:[0-9]{2}) (?:[0-9]{2}|2[AB]) [0-9]{3} [0-9]{3} [0-9]{2}",
        _nir,
        sure=True,
        examples="2 55 08 14 168 025 38",
        neighbours="2 55 08 14 168 025 39",
    ),
    number(
        "FR_TAX_ID",
        "a French tax number",
        "numéro fiscal|numero fiscal|numéro spi|spi|référence fiscale|french tax id|tax id",
        "[0-3][0-9] [0-9]{2} [0-9]{3} [0-9]{3} [0-9]{3}",
        _spi,
        sure=True,
        examples="30 23 217 600 053",
        neighbours="3023217600054",
    ),
    number(
        "BE_NATIONAL_NUMBER",
        "a Belgian national number",
        "rijksregisternummer|rijksregister|numéro national|numero national|"
        "registre national|insz|niss|belgian national number|national register number|nationalregisternummer",
        "[0-9]{2} [0-9]{2} [0-9]{2} [0-9]{3} [0-9]{2}",
        _belgian,
        sure=True,
        examples="85.07.30-033.28|17 07 30 033 84",
        neighbours="12345678901",
    ),
    number(
        "NL_BSN",
        "a Dutch citizen service number",
        "bsn|burgerservicenummer|burger service nummer|sofinummer|sofi-nummer|"
        "citizen service number|dutch social security",
        "[0-9]{4} [0-9]{2} [0-9]{3}|[0-9]{3} [0-9]{3} [0-9]{3}|[0-9]{8}",
        _bsn,
        regions="nl",
        examples="1112.22.333|111222333",
        neighbours="1112.52.333",
    ),
    number(
        "LU_NATIONAL_ID",
        "a Luxembourgish national number",
        "matricule|numéro de matricule|cns|sécurité sociale|sozialversicherungsnummer|"
        "matricule nationale|luxembourg national|numéro d'identification",
        "(?:18|19|20)[0-9]{2} [0-9]{2} [0-9]{2} [0-9]{3} [0-9]{2}",
        _luxembourgish,
        sure=True,
        examples="1893120105732",
        neighbours="1893120105733",
    ),
)

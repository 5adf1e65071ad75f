"""Identity numbers: Spain, Portugal, Italy, Greece, Cyprus, Malta."""

from lambdas.inspection.detectors.identity.checks import born_in_either, digits, luhn, mod_11_or_0, weighted
from lambdas.inspection.detectors.identity.declared import IdentityNumber, number


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


def _afm(text: str) -> bool:
    return weighted(text[:8], (256, 128, 64, 32, 16, 8, 4, 2)) % 11 % 10 == int(text[8])


def _amka(text: str) -> bool:
    return born_in_either(text[:6], "dmy") and luhn(text)


def _cypriot(text: str) -> bool:
    odd = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
    total = sum(digits(text[1:8:2])) + sum(odd[digit] for digit in digits(text[:8:2]))
    return chr(65 + total % 26) == text[8]


def _spanish_insurance(text: str) -> bool:
    number = int(text[2:10])
    whole = int(f"{text[:2]}{number}") if number >= 10_000_000 else number + int(text[:2]) * 10_000_000
    return whole % 97 == int(text[10:])


def _portuguese_card(text: str) -> bool:
    total = 0
    for place, one in enumerate(reversed(text)):
        value = int(one, 36) * (1 + place % 2)
        total += value - 9 * (place % 2 == 1 and value > 9)
    return total % 10 == 0


NUMBERS: tuple[IdentityNumber, ...] = (
    number(
        "ES_DNI",
        "a Spanish identity number",
        "dni|nif|nie|documento nacional de identidad|número de identidad|"
        "numero de identidad|identificación fiscal|identidad de extranjero|spanish id|spanish national id",
        "[0-9]{2} [0-9]{3} [0-9]{3} [A-Z]|[XYZ] [0-9]{7} [A-Z]",
        _dni,
        sure=True,
        examples="54362315-K|x-2482300w",
        neighbours="54362315-L",
    ),
    number(
        "PT_NIF",
        "a Portuguese tax number",
        "nif|contribuinte|número de contribuinte|numero de contribuinte|identificação fiscal|"
        "identificacao fiscal|portuguese tax id",
        "[1-9][0-9]{2} [0-9]{3} [0-9]{3}",
        lambda v: mod_11_or_0(v, (9, 8, 7, 6, 5, 4, 3, 2)),
        examples="501 964 843",
        neighbours="501 964 842",
    ),
    number(
        "IT_FISCAL_CODE",
        "an Italian fiscal code",
        "codice fiscale|cod. fiscale|cod fiscale|c.f.|cf|fiscal code|italian tax code|codicefiscale",
        "[A-Z]{3} [A-Z]{3} [0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2} [A-Z][0-9LMNP-V]{3}[A-Z]",
        _codice_fiscale,
        sure=True,
        examples="RCCMNL83S18D969H",
        neighbours="RCCMNL83S18D969I",
    ),
    number(
        "GR_AMKA",
        "a Greek insurance number",
        "αμκα|amka|α.μ.κ.α.|greek social security",
        "[0-9]{6} [0-9]{5}",
        _amka,
        sure=True,
        examples="01013099997",
        neighbours="01013099998",
    ),
    number(
        "GR_AFM",
        "a Greek tax number",
        "αφμ|α.φ.μ.|afm|greek tax id|αριθμός φορολογικού μητρώου",
        "[0-9]{9}",
        _afm,
        examples="094259216",
        neighbours="094259217",
    ),
    number(
        "CY_TAX_ID",
        "a Cypriot tax number",
        "αφτ|a.φ.τ.|cyprus tax|cypriot tax|αριθμός φορολογικής ταυτότητας|tic",
        "[0-9]{8} [A-Z]",
        _cypriot,
        examples="10259033P",
        neighbours="10259033Z",
    ),
    number(
        "ES_SOCIAL_SECURITY",
        "a Spanish social security number",
        "seguridad social|número de afiliación|numero de afiliacion|nuss|naf|spanish social security",
        "[0-9]{2} [0-9]{8} [0-9]{2}",
        _spanish_insurance,
        examples="28 12345678 40",
        neighbours="28 12345678 41",
    ),
    number(
        "PT_CITIZEN_CARD",
        "a Portuguese citizen card number",
        "cartão de cidadão|cartao de cidadao|cartão do cidadão|número de documento|documento de identificação"
        "|citizen card",
        "[0-9]{8} [0-9] [A-Z0-9]{2}[0-9]",
        _portuguese_card,
        examples="00000000 0 ZZ4",
        neighbours="00000000 0 ZZ5",
    ),
    number(
        "MT_IDENTITY_CARD",
        "a Maltese identity card number",
        "identity card|id card|karta tal-identità|karta tal-identita|maltese id",
        "[0-9]{7} [MGAPLHBZ]",
    ),
)

"""Identity numbers: Germany, Austria, Switzerland."""

from lambdas.inspection.detectors.identity.checks import digits, mod_11_10, weighted
from lambdas.inspection.detectors.identity.declared import IdentityNumber, number


def _german_tax(text: str) -> bool:
    counts = sorted((text[:10].count(one) for one in set(text[:10])), reverse=True)
    return text[0] != "0" and counts[0] in (2, 3) and (len(counts) < 2 or counts[1] == 1) and mod_11_10(text)


def _german_insurance(text: str) -> bool:
    number = text[:8] + f"{ord(text[8]) - 64:02d}" + text[9:11]
    total = sum(
        sum(divmod(digit * weight, 10))
        for digit, weight in zip(digits(number), (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True)
    )
    return total % 10 == int(text[11])


def _document(text: str) -> bool:
    """ICAO 9303: weights 7, 3, 1."""
    values = [int(one, 36) for one in text]
    return sum(v * w for v, w in zip(values[:-1], (7, 3, 1) * 4, strict=False)) % 10 == values[-1]


def _svnr(text: str) -> bool:
    return text[0] != "0" and weighted(text[:3] + text[4:], (3, 7, 9, 5, 8, 4, 2, 1, 6)) % 11 == int(text[3])


def _ean(text: str) -> bool:
    return (10 - weighted(text[:12], (1, 3) * 6) % 10) % 10 == int(text[12])


def _austrian_tax(text: str) -> bool:
    total = sum(sum(divmod(digit * (1 + place % 2), 10)) for place, digit in enumerate(digits(text[:8])))
    return (10 - total) % 10 == int(text[8])


NUMBERS: tuple[IdentityNumber, ...] = (
    number(
        "DE_TAX_ID",
        "a German tax number",
        "steuer-id|steuerid|steuer-identifikationsnummer|steueridentifikationsnummer|"
        "steuerliche identifikationsnummer|identifikationsnummer|idnr|id-nr|german tax id|tax id|tin",
        "[1-9][0-9] [0-9]{3} [0-9]{3} [0-9]{3}",
        _german_tax,
        sure=True,
        examples="86 095 742 719|36 574 261 809",
        neighbours="36574261890",
    ),
    number(
        "DE_SOCIAL_INSURANCE",
        "a German pension insurance number",
        "sozialversicherungsnummer|rentenversicherungsnummer|"
        "versicherungsnummer|sv-nummer|svnr|rvnr|sv-nr|rv-nummer|german social security",
        "[0-9]{2} [0-9]{6} [A-Z] [0-9]{3}",
        _german_insurance,
        sure=True,
        examples="15 070649 C 103",
    ),
    number(
        "DE_IDENTITY_CARD",
        "a German identity card number",
        "personalausweis|personalausweisnummer|ausweisnummer|ausweis-nr|"
        "perso|reisepassnummer|reisepass|identity card|id card",
        "[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{8}[0-9]D?",
        lambda v: _document(v.removesuffix("D") if len(v) == 11 else v),
        examples="T220001293",
    ),
    number(
        "AT_SVNR",
        "an Austrian insurance number",
        "svnr|sv-nummer|sv-nr|sozialversicherungsnummer|versicherungsnummer|"
        "sozialversicherung|vsnr|austrian social security",
        "[1-9][0-9]{3} [0-9]{6}",
        _svnr,
        sure=True,
        examples="1237 010180",
        neighbours="2237 010180",
    ),
    number(
        "CH_AHV",
        "a Swiss insurance number",
        "ahv|ahv-nummer|ahv-nr|ahvn13|avs|n° avs|numéro avs|avs-nummer|oasi|sozialversicherungsnummer|"
        "navs|swiss social security",
        "756 [0-9]{4} [0-9]{4} [0-9]{2}",
        _ean,
        sure=True,
        examples="756.9217.0769.85",
        neighbours="756.9217.0769.84",
    ),
    number(
        "DE_TAX_NUMBER",
        "a German tax number of a tax office",
        "steuernummer|steuer-nr|steuernr|st.-nr|st-nr|stnr|finanzamt",
        "[0-9]{2,3}/[0-9]{3,4}/[0-9]{4,5}",
        examples="181/815/08155",  # the tax portal of the federal states
    ),
    number(
        "AT_TAX_ID",
        "an Austrian tax number",
        "steuernummer|abgabenkontonummer|st.nr|stnr|finanzamt",
        "[0-9]{2} [0-9]{3} ?/ ?[0-9]{4}|[0-9]{9}",
        _austrian_tax,
        examples="59-119/9013",
        neighbours="59-119/9014",
    ),
)

"""Identity numbers: North and South America."""

from lambdas.inspection.detectors.identity.checks import born_in_either, digits, luhn, weighted
from lambdas.inspection.detectors.identity.declared import IdentityNumber, number

_LETTER = "[AC-HJKMNP-RT-Y]"
_EITHER = "[0-9AC-HJKMNP-RT-Y]"
_MBI = f"[1-9]{_LETTER}{_EITHER}[0-9] {_LETTER}{_EITHER}[0-9] {_LETTER}{{2}}[0-9]{{2}}"


_ITIN_GROUPS = frozenset((*range(50, 66), *range(70, 89), *range(90, 93), *range(94, 100)))


def _itin(text: str) -> bool:
    return text[0] == "9" and int(text[3:5]) in _ITIN_GROUPS


def _npi(text: str) -> bool:
    return text[0] in "12" and luhn("80840" + text)


def _cpf(text: str) -> bool:
    if len(set(text)) == 1:
        return False
    first = 11 - weighted(text[:9], range(10, 1, -1)) % 11
    second = 11 - weighted(text[:10], range(11, 1, -1)) % 11
    return f"{first % 11 % 10}{second % 11 % 10}" == text[9:]


def _cnpj(text: str) -> bool:
    first = 11 - weighted(text[:12], (5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    second = 11 - weighted(text[:13], (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return f"{first % 11 % 10}{second % 11 % 10}" == text[12:]


def _curp(text: str) -> bool:
    signs = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    total = sum(signs.index(one) * (18 - place) for place, one in enumerate(text[:17]))
    return born_in_either(text[4:10]) and -total % 10 == int(text[17])


def _rfc(text: str) -> bool:
    return born_in_either(text[4:10])


def _rut(text: str) -> bool:
    total = sum(digit * (2 + place % 6) for place, digit in enumerate(digits(text[-2::-1])))
    return "0123456789K0"[-total % 11] == text[-1]


def _cuit(text: str) -> bool:
    rest = -weighted(text[:10], (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (9 if rest == 10 else rest) == int(text[10])


def _colombian(text: str) -> bool:
    rest = sum(
        d * w for d, w in zip(digits(text[-2::-1]), (3, 7, 13, 17, 19, 23, 29, 37, 41, 43), strict=False)
    )
    return "01987654321"[rest % 11] == text[-1]


def _ecuadorian(text: str) -> bool:
    province = int(text[:2])
    return (1 <= province <= 24 or province in (30, 50)) and text[2] <= "6" and luhn(text)


NUMBERS: tuple[IdentityNumber, ...] = (
    number(
        "US_ITIN",
        "a US taxpayer number",
        "itin|itins|individual taxpayer|taxpayer identification|taxpayer id|tax id|taxpayer",
        "9[0-9]{2} [0-9]{2} [0-9]{4}",
        _itin,
        sure=True,
        examples="912-90-3456",
        neighbours="912-93-3456",
    ),
    number(
        "US_MBI",
        "a Medicare number",
        "mbi|medicare|beneficiary|hicn|part a|part b|part d|cms|member|insured|coverage|patient|claim"
        "|subscriber",
        _MBI,
        examples="1EG4-TE5-MK73",
    ),
    number(
        "NPI",
        "a US provider number",
        "npi|npis|provider identifier|provider id|provider|prescriber|physician|practitioner|attending|"
        "referring|rendering|billing",
        "[12][0-9]{9}",
        _npi,
        regions="us",
        examples="1234567893",
    ),
    number(
        "CA_SIN",
        "a social insurance number",
        "sin|social insurance|social insurance number|numéro d'assurance sociale|nas",
        "[1-9][0-9]{2} [0-9]{3} [0-9]{3}",
        luhn,
        examples="123-456-782",
    ),
    number(
        "BR_CPF",
        "a Brazilian CPF",
        "cpf|cadastro de pessoas físicas|cadastro de pessoa física",
        "[0-9]{3} [0-9]{3} [0-9]{3} [0-9]{2}",
        _cpf,
        sure=True,
        examples="390.533.447-05",
        neighbours="231.002.999-00",
    ),
    number(
        "BR_CNPJ",
        "a Brazilian CNPJ",
        "cnpj|cadastro nacional da pessoa jurídica",
        "[0-9]{2} [0-9]{3} [0-9]{3} [0-9]{4} [0-9]{2}",
        _cnpj,
        examples="16.727.230/0001-97",
        neighbours="16.727.230/0001-98",
    ),
    number(
        "MX_CURP",
        "a Mexican CURP",
        "curp|clave única de registro|clave unica de registro",
        "[A-Z]{4} [0-9]{6} [HMX][A-Z]{5}[0-9A-Z][0-9]",
        _curp,
        sure=True,
        examples="BOXW310820HNERXN09",
        neighbours="BOXW310820HNERXN08",
    ),
    number(
        "MX_RFC",
        "a Mexican tax number",
        "rfc|registro federal de contribuyentes|mexican tax id",
        "[A-Z]{4} [0-9]{6} [0-9A-Z]{3}",
        _rfc,
        examples="GODE561231GR8|VACE-460910-SX6",
        neighbours="GODE561331GR8",
    ),
    number(
        "CL_RUT",
        "a Chilean RUT",
        "rut|r.u.t.|rol único|rol unico|cédula de identidad|chilean id",
        "[0-9]{1,2} [0-9]{3} [0-9]{3} [0-9K]",
        _rut,
        examples="12.531.909-2|76086428-5",
        neighbours="12531909-3",
    ),
    number(
        "AR_CUIT",
        "an Argentine tax number",
        "cuit|cuil|c.u.i.t.|argentine tax id",
        "(?:2[0347]|3[034]|5[015]) [0-9]{8} [0-9]",
        _cuit,
        sure=True,
        examples="20-05536168-2|20267565393",
        neighbours="20267565392",
    ),
    number(
        "AR_DNI",
        "an Argentine or Peruvian identity number",
        "dni|documento nacional de identidad|d.n.i.",
        r"[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}|[0-9]{8}",
        regions="ar pe",
        examples="20.123.456|10117410",
        neighbours="2012345699",
    ),
    number(
        "CO_TAX_ID",
        "a Colombian tax number",
        "nit|n.i.t.|número de identificación tributaria|rut|colombian tax id",
        "[0-9]{3} [0-9]{3} [0-9]{3} [0-9]",
        _colombian,
        examples="213.123.432-1",
        neighbours="2131234325",
    ),
    number(
        "EC_CEDULA",
        "an Ecuadorian identity number",
        "cédula|cedula|cédula de identidad|ecuadorian id",
        "[0-9]{9} [0-9]",
        _ecuadorian,
        examples="171430710-3",
        neighbours="171430710-4",
    ),
    number(
        "DO_CEDULA",
        "a Dominican identity number",
        "cédula|cedula|dominican id",
        "[0-9]{3} [0-9]{7} [0-9]",
        luhn,
        examples="224-0002211-1",
        neighbours="00113918204",
    ),
)

"""Structured personal data: a checksum *or* a strong keyword or column decides, never the shape alone (L2.3).

Driven by candidates: one pass finds runs of digits, one automaton finds keywords, and only what they point
at is looked at closely. The types are listed in `LEVELS`.
"""

import re
import socket
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from lambdas.inspection.candidates import Candidates
from lambdas.inspection.expressions import Expression, Hit
from lambdas.inspection.findings import DataClass, Span
from lambdas.inspection.normalise import joins

_I, _R = DataClass.INTERNAL, DataClass.RESTRICTED

LEVELS: dict[str, DataClass] = {
    "EMAIL": _I, "PHONE": _I, "IP_ADDRESS": _I, "MAC_ADDRESS": _I, "USERNAME": _I, "EMPLOYEE_ID": _I,
    "LICENSE_PLATE": _I, "VIN": _I, "CARD_EXPIRY": _I, "ICD10": _I, "NPI": _I,
    "DATE_OF_BIRTH": _R, "CREDIT_CARD": _R, "CVV": _R, "US_SSN": _R, "IBAN": _R, "PASSPORT": _R,
        "DRIVER_LICENSE": _R,
    "BANK_ACCOUNT": _R, "US_ROUTING": _R, "MRN": _R, "US_MBI": _R, "DEA": _R, "INSURANCE_ID": _R,
    "UK_NINO": _R,    "UK_NHS": _R, "CA_SIN": _R, "IN_AADHAAR": _R, "IN_PAN": _R, "TAX_ID": _R,
}  # fmt: skip


# --- checksums --------------------------------------------------------------------------------------------


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1: cards, Canadian SIN."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = ord(digit) - 48
        if index & 1:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def mod97(iban: str) -> bool:
    """ISO 13616: the check of an IBAN without spaces, upper case."""
    rearranged = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in rearranged)) % 97 == 1


_VERHOEFF_D = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_VERHOEFF_P = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415",
        "7046913258",
)  # fmt: skip


def verhoeff(digits: str) -> bool:
    """Aadhaar."""
    check = 0
    for index, digit in enumerate(reversed(digits)):
        check = int(_VERHOEFF_D[check][int(_VERHOEFF_P[index % 8][int(digit)])])
    return check == 0


def weighted(digits: str, weights: tuple[int, ...], modulus: int) -> int:
    """The weighted sum of digits, modulo."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False)) % modulus


def nhs_number(digits: str) -> bool:
    """UK NHS number: ten digits, modulo 11."""
    remainder = 11 - weighted(digits[:9], (10, 9, 8, 7, 6, 5, 4, 3, 2), 11)
    return len(digits) == 10 and (0 if remainder == 11 else remainder) == int(digits[9])


def aba_routing(digits: str) -> bool:
    """US bank routing number: nine digits, weights 3-7-1, a district that exists."""
    return (
        len(digits) == 9
        and weighted(digits, (3, 7, 1, 3, 7, 1, 3, 7, 1), 10) == 0
        and (0 < int(digits[:2]) <= 12 or 21 <= int(digits[:2]) <= 32 or 61 <= int(digits[:2]) <= 72)
    )


def npi_number(digits: str) -> bool:
    """US National Provider Identifier: Luhn over the prefix 80840."""
    return len(digits) == 10 and luhn("80840" + digits)


_VIN_VALUES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", map(int, "123456781234579234567890123456789"), strict=True)
)
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)


def vin_check(vin: str) -> bool:
    """ISO 3779 with the North American check digit."""
    total = sum(_VIN_VALUES[character] * weight for character, weight in zip(vin, _VIN_WEIGHTS, strict=True))
    return "0123456789X"[total % 11] == vin[8]


_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22,
    "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
    "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25,
    "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip

# --- keywords ---------------------------------------------------------------------------------------------

# group -> words that announce a value of it; matched on word boundaries in lower-case text
_KEYWORDS: dict[str, tuple[str, ...]] = {
    "card": ("card", "credit card", "debit card", "cc", "visa", "mastercard", "amex", "american express",
        "pan no",
             "cardnumber", "card_number", "card no", "kreditkarte", "carte bancaire", "tarjeta", "ccnum",
                 "cc_num"),
    "ssn": ("ssn", "ssns", "social security", "social-security", "soc sec", "social_security",
        "socialsecurity", "ss#"),
    "social": ("social", "ss number", "ss no", "w-2", "w2", "payroll"),
    "phone": ("phone", "telephone", "tel", "mobile", "cell", "call", "fax", "dial", "dial-in", "whatsapp",
        "sms",
              "text me", "number's", "ring", "reach", "reached", "hotline", "telefon", "handy", "mobil",
                  "contact", "電話", "电话", "携帯", "전화", "telefonnummer",
                  "number is",
              "phone_number", "phonenumber", "mobile_phone", "answering", "callback", "extension",
                  "telefono",
              "téléphone", "teléfono", "portable", "office", "line"),
    "iban": ("iban", "ibans"),
    "passport": ("passport", "passports", "passport_no", "passport_number", "reisepass", "passeport",
        "pasaporte"),
    "license": ("driver's license", "drivers license", "driver license", "driving licence", "driving license",
                "driver licence", "driver's licence", "drivers licence", "driver's lic", "drivers_license",
                "driver_license", "driving_licence", "dl:", "dl#", "dl no", "dl number", "dlno",
                    "licence number",
                "license number", "führerschein", "permis de conduire", "driver's-license"),
    "account": ("account", "acct", "account_number", "account_no", "accountno", "a/c", "acc", "bank account",
        "konto",
                "kontonummer", "accounts", "bankaccount", "sort code", "checking", "savings"),
    "routing": ("routing", "aba", "rtn", "routing_number", "transit"),
    "mrn": ("mrn", "medical record", "patient id", "patient number", "patient no", "chart", "chart number",
        "pid",
            "medical file", "patient_id", "patientid", "hospital number", "medical record number",
                "patient chart",
            "patient ref", "health record", "patient file", "case file"),
    "npi": ("npi", "provider identifier", "provider id"),
    "mbi": ("mbi", "medicare", "beneficiary"),
    "dea": ("dea",),
    "insurance": ("member id", "insurance id", "insurance number", "policy number", "policyholder",
        "subscriber",
                  "insurance policy", "member number", "policy no", "policy #", "member", "member_id",
                      "group number",
                  "insurance no", "health plan", "insured id", "subscriber id", "insurance"),
    "nino": ("ni number", "nino", "national insurance", "ni no", "ni_number"),
    "nhs": ("nhs",),
    "sin": ("sin", "social insurance"),
    "aadhaar": ("aadhaar", "aadhar", "adhar", "uidai", "uid number"),
    "pan": ("pan", "permanent account", "pan card", "pan number"),
    "tax": ("tax id", "tax identification", "taxpayer", "tin", "ein", "itin", "tax number", "tax_id", "taxid",
        "atin",
            "steuer-id", "steuernummer", "employer identification", "tax ref", "utr", "vat number"),
    "employee": ("employee", "emp id", "employee id", "staff id", "personnel number", "employee number",
        "staff number",
                 "emp_id", "employee_id", "badge", "worker id", "payroll number", "personnel no", "staff no",
                     "emp no",
                 "empid", "payroll id"),
    "user": ("user", "username", "userid", "user id", "login", "user_name", "user name", "logon",
        "account name"),
    "dob": ("dob", "date of birth", "born", "birth date", "birthdate", "birthday", "date_of_birth", "birth",
        "d.o.b",
            "geburtsdatum", "geboren"),
    "icd": ("icd", "icd-10", "icd10", "diagnosis code", "icd-10-cm"),
    "cvv": ("cvv", "cvc", "cvv2", "security code", "cv2", "cvc2", "card code", "cid"),
    "expiry": ("exp", "expiry", "expires", "valid until", "valid thru", "expiration", "exp_date",
        "expiry_date",
               "valid to", "good thru", "expiring"),
    "vin": ("vin", "chassis", "vehicle identification"),
    "plate": ("plate", "license plate", "registration", "number plate", "licence plate", "plates", "reg no",
              "vehicle reg", "kennzeichen", "plate number", "reg number", "tag number"),
    "ip": ("ip", "host", "address", "addr", "server", "ipv4", "client", "peer"),
    "version": ("version", "ver", "release", "build", "rev", "upgrade", "firmware", "v", "section", "chapter",
        "sec",
                "oid", "assemblyversion", "fileversion"),
}  # fmt: skip

Keywords = dict[str, list[tuple[int, int]]]


# what `detect` wants to know of a text: where which group has a keyword
LITERALS = tuple((word, group) for group, words in _KEYWORDS.items() for word in words)


def _whole_words(lower: str, hits: Iterable[Hit]) -> Keywords:
    """Where each group of keywords occurs as whole words: group -> [(start, end)] in rising order."""
    found: Keywords = {}
    size = len(lower)
    for start, end, group in hits:
        if (
            end < size
            and joins(lower[end])
            and lower[end - 1].isalpha()
            and lower[end : end + 2] not in _PLURALS
        ) or (start and joins(lower[start - 1])):
            continue
        found.setdefault(group, []).append((start, end))
    return found


_PLURALS = ("s ", "s:", "s,", "s.")


@dataclass(frozen=True, slots=True)
class _Context:
    """The text under inspection with what was found about it once."""

    text: str
    lower: str
    keywords: Keywords
    runs: list[tuple[int, int]]  # of digits, including separators
    hints: frozenset[str]  # those of `HINTS` that the text may hold
    places: Mapping[str, Sequence[int] | None]  # where candidates of `PLACES` end

    def before(self, group: str, position: int, reach: int = 60) -> bool:
        """A keyword of the group ends within `reach` characters before the position."""
        return self.distance(group, position, reach) is not None

    def distance(self, group: str, position: int, reach: int = 60) -> int | None:
        """How many characters before the position the nearest keyword of the group ends."""
        places = self.keywords.get(group)
        if not places:
            return None
        index = bisect_left(places, (position, 0)) - 1
        while index >= 0:
            end = places[index][1]
            if end <= position:
                return position - end if position - end <= reach else None
            index -= 1
        return None

    def after(self, group: str, position: int, reach: int = 20) -> bool:
        """A keyword of the group begins within `reach` characters after the position."""
        places = self.keywords.get(group)
        if not places:
            return False
        index = bisect_left(places, (position, 0))
        return index < len(places) and places[index][0] - position <= reach

    def has_digit(self, start: int, end: int) -> bool:
        """Whether a digit stands in the range."""
        index = bisect_left(self.runs, (start, 0))
        if index and self.runs[index - 1][1] > start:
            return True
        return index < len(self.runs) and self.runs[index][0] < end

    def anywhere(self, group: str) -> bool:
        """A keyword of the group occurs in the text."""
        return group in self.keywords


# --- detectors --------------------------------------------------------------------------------------------

_LOCAL_PART = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}\Z")
_DOMAIN = re.compile(r"(?:[\w](?:[\w-]{0,61}[\w])?\.){1,6}[A-Za-z]{2,24}(?![\w])")
_NOT_MAIL_TLD = frozenset(
    [
        "js",
        "ts",
        "py",
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "css",
        "html",
        "json",
        "md",
        "txt",
        "yaml",
        "yml",
        "toml",
        "sh",
        "exe",
        "dll",
        "so",
        "rs",
        "go",
        "rb",
        "php",
        "java",
        "cpp",
        "local",
        "webp",
        "avif",
        "heic",
        "tsx",
        "vue",
        "scss",
        # set aside: nobody has mail there
        "invalid",
        "test",
        "example",
        "localhost",
    ]
)
_DOCUMENTATION_DOMAINS = ("example.com", "example.org", "example.net")


def _emails(context: _Context) -> Iterator[Span]:
    text = context.text
    at = text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at + 1)
        local = _LOCAL_PART.search(text, max(0, at - 64), at) if domain else None
        if local and domain:
            name = local.group().lstrip("'`*/=?^{|}.&-#!$%~+").rstrip("'`")
            # the local part starts after the last sign that is legal in it but in practice separates
            for sign in "/=&{|'`":
                name = name.rpartition(sign)[2]
            host = domain.group().lower()
            tld = host.rpartition(".")[2]
            if (
                name
                and tld not in _NOT_MAIL_TLD
                and not (name == "git" and text[domain.end() : domain.end() + 1] in (":", "/"))
                and not host.endswith(_DOCUMENTATION_DOMAINS)
            ):
                yield Span("EMAIL", at - len(name), domain.end(), 1.0, "email")
        at = text.find("@", at + 1)


_CLUSTER = re.compile(r"[0-9](?:[0-9]|[ \-./()]{1,3}(?=[0-9(])|\((?=[0-9]))*")
_CARD_GROUPS = {
    (4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 4, 1), (4, 5, 6), (4, 4, 5), (5, 5, 5),
    (6, 4, 5), (4, 4, 4, 3),
}  # fmt: skip
_DATE = re.compile(
    r"(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:19|20)\d\d"
    r"|\d{1,2}[-./]\d{1,2}[-./]\d\d)(?!\d)"
)


def card_network(digits: str) -> bool:
    """The first digits and the length belong to a card network."""
    n = len(digits)
    p2, p3, p4 = int(digits[:2]), int(digits[:3]), int(digits[:4])
    if digits[0] == "4":
        return n in (13, 16, 19)
    if 51 <= p2 <= 55 or 2221 <= p4 <= 2720:
        return n == 16
    if p2 in (34, 37):
        return n == 15
    if p4 == 6011 or p2 == 65 or 644 <= p3 <= 649 or p2 == 62 or p2 in (60, 81, 82):
        return 16 <= n <= 19
    if 300 <= p3 <= 305 or p2 in (36, 38, 39):
        return n == 14 or n == 16
    if 3528 <= p4 <= 3589:
        return 16 <= n <= 19
    if p4 in (2131, 1800):
        return n == 15
    return p2 in (50, 56, 57, 58, 63, 67) and 12 <= n <= 19


_PAYING = ("charge", "declin", "payment", "refund", "billing", "checkout")
_DOCUMENTED_CARDS = frozenset(("1234567890123456", "1234567812345678", "0000111122223333"))


def _card(context: _Context, start: int, end: int, raw: str, digits: str, groups: list[str]) -> Span | None:
    n = len(digits)
    if not 12 <= n <= 19 or "/" in raw or "(" in raw:
        return None
    grouped = tuple(len(group) for group in groups)
    contiguous = len(groups) == 1
    if not contiguous and grouped not in _CARD_GROUPS:
        return None
    if len(set(digits)) < 3 or digits in _DOCUMENTED_CARDS:
        return None
    near = context.distance("card", start, 40)
    if luhn(digits) and card_network(digits):
        if contiguous and n == 13 and near is None and not context.anywhere("card"):
            # thirteen digits are often a time or a product: they count beside a word of paying only
            before = context.lower[max(0, start - 60) : start]
            if not any(word in before for word in _PAYING):
                return None
        return Span("CREDIT_CARD", start, end, 1.0 if near is not None else 0.9, "card-checksum")
    if near is not None and n >= 13 and (near <= 25 or luhn(digits)):
        return Span("CREDIT_CARD", start, end, 0.8, "card-keyword")
    if (
        not contiguous
        and grouped == (4, 4, 4, 4)
        and card_network(digits)
        and context.before("card", start, 120)
    ):
        return Span("CREDIT_CARD", start, end, 0.7, "card-keyword")
    return None


_DOCUMENTED_SSN = frozenset(("123456789", "078051120", "219099999", "111111111", "999999999", "000000000"))


def _ssn(context: _Context, start: int, end: int, raw: str, digits: str, groups: list[str]) -> Span | None:
    if len(digits) != 9 or digits in _DOCUMENTED_SSN:
        return None
    near = context.before("ssn", start, 80)
    if [len(group) for group in groups] == [3, 2, 4]:
        if near:
            return Span("US_SSN", start, end, 1.0, "ssn-keyword")
        separators = raw[3], raw[6]
        if digits[:3] in ("000", "666") or digits[3:5] == "00" or digits[5:] == "0000":
            return None
        if separators == ("-", "-") and (digits[0] != "9" or context.anywhere("ssn")):
            return Span("US_SSN", start, end, 0.9, "ssn-shape")
        announced = context.anywhere("ssn") or any(
            context.before(group, start, 60) for group in ("social", "employee", "tax")
        )
        if separators[0] == separators[1] and digits[0] != "9" and announced:
            return Span("US_SSN", start, end, 0.8, "ssn-shape")
        return None
    distance = context.distance("ssn", start, 40)
    if (
        len(groups) == 1
        and distance is not None
        and distance <= (context.distance("routing", start, 40) or 40)
    ):
        return Span("US_SSN", start, end, 0.9, "ssn-keyword")
    return None


_MASKED_SSN = re.compile(
    r"(?<![\w*])(?:(?:[Xx]{3}|\*{3}|•{3})-(?:[Xx]{2}|\*{2}|•{2})-\d{4}"
    r"|\d{3}-(?:[Xx]{2}|\*{2}|•{2})-(?:[Xx]{4}|\*{4}|•{4}|\d{4}))(?![\w*])"
)


def _phone(context: _Context, start: int, end: int, raw: str, digits: str, groups: list[str]) -> Span | None:
    text = context.text
    n = len(digits)
    if not 6 <= n <= 18:
        return None
    begin = start
    plus = begin > 0 and text[begin - 1] == "+"
    opened = begin > 0 and text[begin - 1] == "("
    if opened:
        begin -= 1
        if begin > 0 and text[begin - 1] == "+":
            begin, plus = begin - 1, True
    elif plus:
        begin -= 1
    before = text[begin - 1] if begin else " "
    if (before.isalnum() or before in "#$€£%_=/\\") and not plus and not (before == "=" and n >= 10):
        return None
    tail = _EXTENSION.match(text, end)
    finish = tail.end() if tail else end
    after = text[finish : finish + 1]
    if after.isalnum() or (after in "%€$£" and after) or after == "_":
        return None
    lengths = [len(group) for group in groups]

    def found(score: float, rule: str) -> Span:
        return Span("PHONE", begin, finish, score, rule)

    if _NO_TELEPHONE.search(raw):
        return None
    if plus and 7 <= n <= 16 and not before.isalnum():
        if digits[0] == "0" and n < 9:
            return None
        return None if _fictional(digits) else found(1.0, "phone-international")
    if _NUMBERED.search(text, max(0, begin - 30), begin) or _in_dump(text, begin, finish):
        return None
    spoken = (
        context.before("phone", begin, 40)
        or context.after("phone", finish, 12)
        or _CARD_LABEL.search(text, max(0, begin - 6), begin) is not None
    )
    area_slash = raw[0] == "0" and re.fullmatch(r"0\d{2,4}/\d{5,8}", raw) is not None
    if "/" in raw and not spoken and not area_slash:
        return None
    inner = raw.lstrip("(")
    if (date := _DATE.match(inner)) and (
        (not opened and inner == raw) or not inner[date.end() :].strip(" )")
    ):
        return None
    if (before == ":" and text[begin - 2 : begin - 1].isdigit()) or after == ":":
        return None
    parenthesised = "(" in text[begin:end] and ")" in text[begin:end]
    if parenthesised and 7 <= n <= 15 and (opened or raw.find("(") <= 6) and max(lengths) <= 8:
        return None if _fictional(digits) else found(0.95, "phone-area-code")
    american = lengths[-3:] == [3, 3, 4] and (
        len(groups) == 3 or (len(groups) == 4 and groups[0] in ("1", "001", "01"))
    )
    if american:
        if _fictional(digits) or _identified(context, begin):
            return None
        if spoken or tail or "-" in raw or "." in raw:
            return found(0.9, "phone-north-american")
        return found(0.7, "phone-north-american") if digits[0] not in "01" else None
    if len(groups) >= 2 and raw[0] == "0" and 8 <= n <= 12 and "." not in raw and len(groups[0]) >= 2:
        part_number = "-" in raw and " " not in raw and len(groups) > 2 and not spoken
        part_number = part_number and not _ASIAN_MOBILE.fullmatch(raw)
        if (
            part_number
            or _identified(context, begin)
            or (len(groups) == 2 and len(groups[1]) < 6 and not spoken)
        ):
            return None
        return found(0.8, "phone-national")
    if area_slash and not _identified(context, begin):
        return found(0.75, "phone-national")
    if raw.startswith("00") and digits[2] != "0" and 10 <= n <= 16 and len(groups) >= 2:
        return found(0.85, "phone-international")
    if spoken and not _identified(context, begin) and not _fictional(digits):
        close = context.distance("phone", begin, 24)
        if len(groups) >= 2 and 7 <= n <= 15 and max(lengths) <= 8:
            return found(0.75, "phone-keyword")
        if len(groups) == 1 and close is not None and 7 <= n <= 13 and raw[0] in "0123456789" and n >= 9:
            return found(0.75, "phone-keyword")
        if len(groups) == 1 and close is not None and close <= 6 and n == 7:
            return found(0.6, "phone-keyword")
    return None


# what is counted, ordered or cited has numbers, too; a name with dots before a number is not a sentence
_NUMBERED = re.compile(
    r"(?:\b(?:invoice|order|ticket|case|sku|part|serial|tracking|article|item|pages|lines|section|isbn|issn|doi"
    r"|version|build|revision|rechnung|bestellung|auftrag)\.?(?:\s?(?:no|nr|number|id|#)\.?)?[\s:#]{1,3}"
    r"|\w\.[A-Za-z][\w-]*\.|\bcve-)\Z",
    re.IGNORECASE,
)
# a range of years, a change of lines, a quotient, a year in brackets, a fraction, an address of a host
_NO_TELEPHONE = re.compile(
    r"\A(?:19|20)\d\d\s?[-/]\s?(?:19|20)\d\d\Z|/-| / |\((?:19|20)\d\d(?:\)|\Z)|\A0\.\d"
    r"|(?<![\d.])\d{1,2}\.\d{1,2}\.\d{3,5}(?![\d.])|(?<![\d.])(?=[\d.]*\d{3})\d{1,3}(?:\.\d{1,3}){3}(?![\d.])|\A\d\.\d{5,}\Z"
)
_CARD_LABEL = re.compile(r"(?:\A|[\n|])\s?[TMPDOFHWC][:.]?\s{1,2}\Z")  # "T 030 …" in a signature
_ASIAN_MOBILE = re.compile(r"01[016-9]-\d{3,4}-\d{4}|0[789]0-\d{4}-\d{4}")
_PAIR_BEFORE = re.compile(
    r"(?<![\w])(?:[0-9a-f]{2} ){0,3}(?:[a-f][0-9a-f]|[0-9][a-f]) (?:[0-9a-f]{2} ){0,3}\Z"
)
_PAIR_AFTER = re.compile(r"(?: [0-9a-f]{2}){0,3} (?:[a-f][0-9a-f]|[0-9][a-f])(?!\w)")


def _in_dump(text: str, start: int, end: int) -> bool:
    """Bytes in hexadecimal stand on one side."""
    return bool(
        _PAIR_BEFORE.search(text, max(0, start - 24), start) or _PAIR_AFTER.match(text, end, end + 24)
    )


_EXTENSION = re.compile(r" ?(?:x|ext\.?|extension|#) ?\d{1,6}(?!\w)", re.IGNORECASE)
_IDENTIFIERS = ("nhs", "sin", "aadhaar", "routing", "account", "npi", "mrn", "insurance", "tax", "passport",
    "license",
                "employee", "iban")  # fmt: skip


def _identified(context: _Context, position: int) -> bool:
    """A keyword of another kind of number stands closer before the number than one of telephones."""
    distances = [d for group in _IDENTIFIERS if (d := context.distance(group, position, 30)) is not None]
    telephone = context.distance("phone", position, 30)
    return bool(distances) and (telephone is None or min(distances) < telephone)


def _fictional(digits: str) -> bool:
    """555-0100 to 555-0199 are set aside for documentation."""
    return digits[-7:-2] == "55501" or (len(digits) >= 10 and digits.endswith(("1234567890", "0123456789")))


def _ip4(context: _Context, start: int, end: int, raw: str, groups: list[str]) -> Span | None:
    text = context.text
    if len(groups) == 5 and raw.count("/") == 1 and "/" in raw[-3:]:
        # a network: the address without the length of its prefix
        groups, raw = groups[:4], raw.rpartition("/")[0]
        end = start + len(raw)
    if len(groups) != 4 or raw.count(".") != 3 or len(raw) != sum(map(len, groups)) + 3:
        return None
    if any(len(group) > 3 or int(group) > 255 or (len(group) > 1 and group[0] == "0") for group in groups):
        return None
    before = text[start - 1] if start else " "
    after = text[end : end + 2]
    if before.isalnum() or before in "._^~-+" or (before in "<>=" and text[start - 2 : start - 1] in "=<>!~"):
        return None
    if after[:1].isalnum() or (after[:1] in "._-" and after[1:2].isalnum()):
        return None
    numbers = [int(group) for group in groups]
    if numbers[0] in (0, 127, 255) or numbers[0] >= 224 or numbers == [1, 2, 3, 4]:
        return None
    if (numbers[0], numbers[1], numbers[2]) in ((192, 0, 2), (198, 51, 100), (203, 0, 113)):
        return None
    version = context.distance("version", start, 14)
    if version is not None and (context.distance("ip", start, 14) or 99) > version:
        return None
    if max(numbers) < 32 and not context.before("ip", start, 40):
        return None
    return Span("IP_ADDRESS", start, end, 1.0, "ip-v4")


_COLONS = re.compile(r"[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}(?![\w:-])")


def _colon_addresses(context: _Context) -> Iterator[Span]:
    text = context.text
    done = 0
    if "colons" in context.hints:
        for inner in _INNER_GROUP.finditer(text):
            start = inner.start()
            if start < done:
                continue
            while (
                start
                and start > inner.start() - 5
                and (text[start - 1] in _HEX_DIGITS or text[start - 1] == ":")
            ):
                start -= 1
            match = _COLONS.match(text, start)
            if not match:
                continue
            done = match.end()
            raw = match.group().rstrip(".")
            raw = raw[:-1] if raw.endswith(":") and not raw.endswith("::") else raw
            if len(raw) < 7 or (start and (text[start - 1].isalnum() or text[start - 1] in ":._")):
                continue
            if text[start + len(raw) : start + len(raw) + 1].isalnum() or len(raw.replace(":", "")) < 4:
                continue
            if raw.count(":") == 5 and _MAC.fullmatch(raw):
                continue
            groups = [group for group in raw.split(":") if group]
            if "::" not in raw and len(groups) != 8:
                continue
            if "::" in raw and (len(groups) < 3 or not any(c.isdigit() for c in raw)):
                continue
            if raw.lower().startswith("2001:db8") or not _valid_ip6(raw):
                continue
            yield Span("IP_ADDRESS", start, start + len(raw), 1.0, "ip-v6")
    for pairs in _INNER_PAIRS if "pairs" in context.hints else ():
        for inner in pairs.finditer(text):
            start = inner.start() - 2
            match = _MAC.match(text, start) if start >= 0 else None
            if match and not (start and (text[start - 1].isalnum() or text[start - 1] in ":-")):
                yield Span("MAC_ADDRESS", start, match.end(), 1.0, "mac")


_INNER_GROUP = re.compile(r":[0-9A-Fa-f]{0,4}:")
_INNER_PAIRS = tuple(re.compile(rf"{sign}[0-9A-Fa-f]{{2}}{sign}[0-9A-Fa-f]{{2}}{sign}") for sign in ":-")
_HEX_DIGITS = frozenset("0123456789abcdefABCDEF")


def _valid_ip6(raw: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6, raw)
    except OSError:
        return False
    return True


def _clusters(context: _Context) -> Iterator[Span]:
    text = context.text
    for start, end in context.runs:
        if end - start >= 7:
            yield from _cluster(context, start, end, text[start:end])


def _cluster(context: _Context, start: int, end: int, raw: str, *, whole: bool = True) -> Iterator[Span]:
    text = context.text
    groups = re.findall(r"\d+", raw)
    digits = "".join(groups)
    n = len(digits)
    before = text[start - 1] if start else " "
    after = text[end : end + 1]
    glued = before.isalnum() or before == "_" or after.isalnum() or after == "_"
    address = _ip4(context, start, end, raw, groups)
    if address:
        yield address
        return
    if not glued:
        for test in (_card, _ssn):
            span = test(context, start, end, raw, digits, groups)
            if span:
                yield span
                return
        keyed = _keyed_number(context, start, end, digits, groups)
        if keyed:
            yield keyed
            return
    if n >= 6:
        span = _phone(context, start, end, raw, digits, groups)
        if span:
            yield span
            return
    if whole and len(groups) > 1:
        yield from _parts(context, start, raw)


def _parts(context: _Context, start: int, raw: str) -> Iterator[Span]:
    """A run that is nothing as a whole may hold several values side by side, separated by spaces or dots."""
    pieces = [(m.start(), m.end()) for m in re.finditer(r"[\d\-./()]*\d", raw)]
    position = 0
    while position < len(pieces):
        for stop in range(min(len(pieces), position + 5), position, -1):
            begin, finish = pieces[position][0], pieces[stop - 1][1]
            if begin == 0 and finish == len(raw):
                continue
            piece = raw[begin:finish]
            offset = len(piece) - len(piece.lstrip("-./() "))
            piece = piece.strip("-./ ").lstrip(")")
            if len(piece) < 7:
                continue
            spans = list(
                _cluster(
                    context, start + begin + offset, start + begin + offset + len(piece), piece, whole=False
                )
            )
            if spans:
                yield from spans
                position = stop - 1
                break
        position += 1


def _keyed_number(context: _Context, start: int, end: int, digits: str, groups: list[str]) -> Span | None:
    """Numbers whose checksum alone is too weak: checksum and keyword anywhere near, or a keyword right
    before.
    """
    n = len(digits)

    def near(group: str, reach: int) -> bool:
        return context.before(group, start, reach)

    if n == 12 and (len(groups) in (1, 3)) and near("aadhaar", 60):
        return Span("IN_AADHAAR", start, end, 1.0, "aadhaar")
    if n == 12 and [len(g) for g in groups] == [4, 4, 4] and verhoeff(digits) and digits[0] not in "01":
        return (
            Span("IN_AADHAAR", start, end, 0.6, "aadhaar-checksum") if context.anywhere("aadhaar") else None
        )
    if n == 14 and near("aadhaar", 30):
        return Span("IN_AADHAAR", start, end, 0.6, "aadhaar")
    if n == 10 and near("nhs", 40) and (nhs_number(digits) or context.before("nhs", start, 20)):
        return Span("UK_NHS", start, end, 1.0, "nhs")
    if n == 10 and len(groups) == 1 and near("npi", 60) and (npi_number(digits) or digits[0] in "12"):
        return Span("NPI", start, end, 1.0, "npi")
    if (
        n == 9
        and (len(groups) == 1 or len(groups) == 3)
        and near("sin", 30)
        and (luhn(digits) or near("sin", 14))
    ):
        return Span("CA_SIN", start, end, 1.0, "sin")
    routing, account = context.distance("routing", start, 40), context.distance("account", start, 40)
    if n == 9 and len(groups) == 1 and routing is not None and (account is None or routing < account):
        return Span("US_ROUTING", start, end, 1.0 if aba_routing(digits) else 0.7, "routing")
    return None


# --- values announced by a keyword ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Announced:
    """A value that counts only after its keyword: within `reach` characters, in the same sentence."""

    group: str
    type: str
    value: Expression
    reach: int
    score: float = 0.9
    accept: Callable[[str], bool] = bool


def _value(pattern: str, flags: int = 0) -> Expression:
    return Expression(rf"(?<![\w])(?:{pattern})(?![\w])", flags)


_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_ANY_DATE = (
    rf"\d{{4}}[-./]\d{{1,2}}[-./]\d{{1,2}}|\d{{1,2}}[-./]\d{{1,2}}[-./](?:\d{{4}}|\d\d)"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH},? \d{{4}}|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}"
    rf"|\d{{1,2}}[- ]{_MONTH}[- ](?:\d{{4}}|\d\d)"
)


def _has_digits(count: int) -> Callable[[str], bool]:
    return lambda value: sum(character.isdigit() for character in value) >= count


_ANNOUNCED = (
    _Announced("passport", "PASSPORT", _value(r"[A-Z]{0,3}\d{6,9}[A-Z]?|[A-Z]\d[A-Z0-9]{6,8}"
        r"|[CFGHJK][0-9CFGHJKLMNPRTVWXYZ]{8}",
                                              re.IGNORECASE), 64, accept=_has_digits(4)),
    _Announced("license", "DRIVER_LICENSE", _value(r"[A-Z]{1,3}[:_ ]?[A-Z]{0,8}\d[\dA-Z-]{4,14}"
        r"|\d[\d-]{5,14}|[A-Z]\d{2,4}(?:-\d{3,4}){1,4}"
                                                   r"|[A-Z]{5}\d{6}[A-Z0-9]{5}|[A-Z]{1,2}\d{2}-\d{2}-\d{4}"
                                                       r"|[A-Z]{1,2}_DL_\d{5,9}",
                                                   re.IGNORECASE), 32, accept=_has_digits(5)),
    _Announced("account", "BANK_ACCOUNT", _value(r"\d{6,17}[A-Z]?|[A-Z]{3,12}\d{7,16}|[A-Z]{1,4}\d{8,14}"
        r"|\d{2,6}(?:[ -]\d{2,8}){1,3}"), 44,
               accept=_has_digits(6)),
    _Announced("mrn", "MRN", _value(r"#?[A-Z]{0,4}[-_]?\d{4,10}[A-Z]?|#?[A-Z]{2,6}-\d{3,10}(?:-\d+)?"
        r"|\d{2,4}(?:-\d{2,4}){1,3}"), 24),
    _Announced("mbi", "US_MBI", _value(r"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d-?[AC-HJKMNP-RT-Y][0-9AC-"
        r"HJKMNP-RT-Y]\d-?"
                                       r"[AC-HJKMNP-RT-Y]{2}\d{2}"), 60),
    _Announced("dea", "DEA", _value(r"[A-HJ-NP-UX][A-Z9]\d{7}"), 40),
    _Announced("insurance", "INSURANCE_ID", _value(r"#?[A-Z]{1,4}[- ]?\d{5,12}(?:-\d{1,3})?"
        r"|#?\d{5,9}-[A-Z]{1,4}|#?\d{6,12}|#?[A-Z]{2,4}(?:-\d{2,6}){1,3}"), 32),
    _Announced("nino", "UK_NINO", _value(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]",
        re.IGNORECASE), 48),
    _Announced("pan", "IN_PAN", _value(r"[A-Z]{5}\d{4}[A-Z]|[A-Z]{5,8}\d{3,5}[A-Z]{0,2}"), 32),
    _Announced("tax", "TAX_ID", _value(r"\d{2}-\d{7}|9\d\d-[5-9]\d-\d{4}|\d{3}-\d{2}-\d{4}"
        r"|[A-Z]{2,3}\d{8,11}|\d{9,12}[A-Z]?|\d{2}[ /]?\d{3}[ /]\d{4,5}"
                                       r"|\d{5} ?\d{5}|[A-Z]{2,5}[A-Z]{0,5}\d{5,9}"), 40),
    _Announced("employee", "EMPLOYEE_ID", _value(r"[A-Z]{1,4}-?\d{3,8}|\d{5,8}(?:-[A-Z]+)?"), 24),
    _Announced("user", "USERNAME", _value(r"[A-Za-z][\w.-]{2,30}"), 12,
               accept=lambda v: any(c.isdigit() or c == "_" for c in v) and any(c.isalpha() for c in v)),
    _Announced("dob", "DATE_OF_BIRTH", Expression(rf"(?<!\w)(?:{_ANY_DATE})(?!\w)", re.IGNORECASE), 28),
    _Announced("icd", "ICD10", _value(r"[A-TV-Z]\d[0-9AB](?:\.[0-9A-TV-Z]{1,4})?"), 24),
    _Announced("cvv", "CVV", _value(r"\d{3,4}"), 16),
    _Announced("vin", "VIN", _value(r"[A-HJ-NPR-Z0-9]{17}"), 40, accept=_has_digits(2)),
    _Announced("plate", "LICENSE_PLATE", _value(r"[A-Z]{1,3}[- ]?\d{1,4}[- ]?[A-Z]{0,3}"
        r"|\d{1,4}[- ]?[A-Z]{2,3}(?:[- ]?\d{1,4})?|[A-Z]{2}\d{2}[ -]?[A-Z]{3}"), 24,
               accept=_has_digits(2)),
)  # fmt: skip
_EXPIRY = Expression(r"(?<![\d/])(?:0[1-9]|1[0-2])\s?/\s?(?:\d{2}|20\d{2})(?![\d/])")
_GAP_STOPS = Expression(r"[\d\n;]|(?<!\bno)(?<!\bnr)(?<!\bnum)\. |[!?] ", re.IGNORECASE)


def _announced(context: _Context) -> Iterator[Span]:
    text, lower = context.text, context.lower
    keywords = context.keywords
    for rule in _ANNOUNCED:
        for _, end in keywords.get(rule.group, ()):
            if (
                rule.type in ("BANK_ACCOUNT", "USERNAME", "EMPLOYEE_ID")
                and text[end : end + 1] in ("_", "-")
                and (
                    text[end + 1 : end + 2].isalpha()
                    and not lower.startswith(("_n", "-n", "_id", "-id"), end)
                )
            ):
                continue
            position, limit = end, min(len(text), end + rule.reach + 24)
            if rule.type != "USERNAME" and not context.has_digit(end, limit):
                continue
            while match := rule.value.search(text, position, limit):
                if match.start() - end > rule.reach:
                    break
                if match.end() == limit and limit < len(text) and text[limit].isalnum():
                    break
                gap = text[end : match.start()]
                if _GAP_STOPS.search(gap):
                    break
                if rule.type == "MRN" and lower.startswith("pid", end - 3) and not _CARE.search(lower):
                    break
                if rule.accept(match.group()):
                    if rule.type == "USERNAME" and (
                        not _USER_GAP.fullmatch(gap) or _is_code(gap, match.group(), text[match.end() :][:1])
                    ):
                        break
                    if rule.type in (
                        "BANK_ACCOUNT",
                        "MRN",
                        "INSURANCE_ID",
                        "EMPLOYEE_ID",
                        "TAX_ID",
                        "DRIVER_LICENSE",
                        "CVV",
                    ) and (
                        (text[match.start() - 1] in "$€£#@/.=+" and text[match.start() - 1] not in "#=")
                        or text[match.end() : match.end() + 1] in ("%", "@", "$", "€", ":")
                        or _DATE.match(match.group())
                    ):
                        break
                    if rule.type in (
                        "INSURANCE_ID",
                        "MRN",
                        "BANK_ACCOUNT",
                        "EMPLOYEE_ID",
                    ) and not _ID_GAP.fullmatch(gap):
                        break
                    yield Span(rule.type, match.start(), match.end(), rule.score, f"{rule.group}-keyword")
                    break
                position = match.start() + 1
    if "card" in keywords or "expiry" in keywords or "cvv" in keywords:
        for match in _EXPIRY.finditer(text):
            if context.before("expiry", match.start(), 20):
                yield Span("CARD_EXPIRY", match.start(), match.end(), 0.8, "expiry-keyword")


def _is_code(gap: str, value: str, after: str) -> bool:
    """Whether what stands after "username" is an expression: called, indexed, or a bare name after a sign."""
    bare = gap.rstrip()[-1:] in ("=", ":") and not any(map(str.isdigit, value))
    return after in ("(", "[", ".") or (bare and "_" in value)


_CARE = Expression(r"patient|hospital|clinic|medical|physician|nurse|admission|ward\b|hl7|lab result")
_USER_GAP = Expression(r"(?:\s?(?:name|id)\b)?[\s:=\"'(]{1,5}(?:is |was )?[\"']?")
_ID_GAP = Expression(
    r"[^\d\n]{0,3}(?:(?:\b(?:number|numbers|no|nr|num|id|ids|code|is|was|of|the|like|for|details|bank"
    r"|account|file|savings|with|"
    r"checking|ref|reference|a|to|in|ending|and|belonging|patient|card|record|policy|holder|member|under"
    r"|health)\b)?[^\w\n]{0,4}){0,8}",
    re.IGNORECASE,
)


def _ibans(context: _Context) -> Iterator[Span]:
    text = context.text
    for digits, _ in context.runs:
        start = digits - 2
        if start < 0 or not text[digits - 1].isalpha():
            continue
        head = text[start : digits + 2]
        if not (head[:2].isalpha() and head.isascii() and head[2:].isdigit() and len(head) == 4):
            continue
        if start and (text[start - 1].isalnum() or text[start - 1] in "_/+="):
            continue
        length = _IBAN_LENGTHS.get(head[:2].upper(), 0)
        end, compact = _collect(text, start, length)
        whole = len(compact) == length and not text[end : end + 1].isalnum()
        if length and len(compact) == length and mod97(compact):
            if whole:
                yield Span("IBAN", start, end, 1.0, "iban-checksum")
        elif context.before("iban", start, 40):
            run = _IBAN_RUN.match(text, start)
            if run and sum(map(str.isalnum, run.group())) >= 12:
                yield Span("IBAN", start, run.end(), 0.8, "iban-keyword")
        elif length and whole and head[:2].isupper() and context.before("account", start, 30):
            yield Span("IBAN", start, end, 0.9, "account-keyword")  # mistyped, but of the country's length


_IBAN_RUN = Expression(r"[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{2,26}){1,8}")


def _collect(text: str, start: int, count: int) -> tuple[int, str]:
    """The first `count` letters and digits from `start`, single spaces or hyphens between them skipped."""
    kept: list[str] = []
    position = start
    gap = 0
    while position < len(text) and len(kept) < count:
        character = text[position]
        if character.isascii() and character.isalnum():
            kept.append(character.upper())
            gap = 0
        elif character in " -" and not gap:
            gap = 1
        else:
            break
        position += 1
    return position, "".join(kept)


# --- columns ----------------------------------------------------------------------------------------------

# words of a column or field name -> the type of the values under it, and what such a value looks like
_COLUMNS: tuple[tuple[Expression, str, Expression], ...] = tuple(
    (Expression(name), kind, Expression(value))
    for name, kind, value in (
        (r"ssn|social.?sec", "US_SSN", r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
        (r"e-?mail", "EMAIL", r"[^@\s]+@[^@\s]+\.\w+"),
        (r"phone|mobile|^tel|\bcell|fax", "PHONE", r"\+?[\d() ./x-]{6,24}"),
        (r"cvv|cvc|security.?code", "CVV", r"\d{3,4}"),
        (r"exp", "CARD_EXPIRY", r"\d{2}/\d{2,4}"),
        (r"card|karte|carte|tarjeta|^cc|^pan$", "CREDIT_CARD", r"\d[\d -]{10,21}\d"),
        (r"iban", "IBAN", r"[A-Za-z]{2}\d{2}[A-Za-z0-9 ]{8,34}"),
        (r"passport", "PASSPORT", r"[A-Z0-9]{6,10}"),
        (r"licen[cs]e|^dl$", "DRIVER_LICENSE", r"[A-Z0-9-]{5,20}"),
        (r"birth|^dob$", "DATE_OF_BIRTH", r"[\d./-]{6,10}|[\w ,.]{8,20}"),
        (r"routing|^aba$", "US_ROUTING", r"\d{9}"),
        (r"acc(?:oun)?t|konto", "BANK_ACCOUNT", r"\d{6,17}"),
        (r"mrn|patient.?id", "MRN", r"[A-Z0-9-]{4,14}"),
        (r"^ip|ip.?addr", "IP_ADDRESS", r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:]{6,39}"),
        (r"employee.?(?:id|no)|^emp.?id", "EMPLOYEE_ID", r"[A-Z0-9-]{3,12}"),
        (r"nhs", "UK_NHS", r"\d{3} ?\d{3} ?\d{4}"),
        (r"national.?ins|^nino$", "UK_NINO", r"[A-Za-z]{2}[\d ]{6,9}[A-Da-d]"),
        (r"member|insurance|policy", "INSURANCE_ID", r"[A-Z0-9-]{5,16}"),
        (r"user.?name|^login$", "USERNAME", r"[\w.-]{3,30}"),
        (
            r"pass(?:word|wd|code|phrase)|^pass$|pwd|passwort|kennwort|^pw$",
            "SECRET",
            r"(?=\S*[A-Za-z])(?=\S*\d)[^\s<>{}$]{6,120}",
        ),
        (
            r"secret|token|api.?key|access.?key|credential",
            "SECRET",
            r"(?=\S*[A-Za-z])(?=\S*\d)[^\s<>{}$]{16,400}",
        ),
    )
)
_HEADER_CELL = Expression(r"[A-Za-z][\w .#/'-]{0,30}")
_MAX_TABLE_LINES = 2_000


def _tables(context: _Context) -> Iterator[Span]:
    """Values under a header line that names their columns (comma, semicolon, tab or pipe)."""
    lines = context.text.split("\n")
    done = 0  # lines that belong to a table already read
    for number in _may_be_headers(context, lines):
        line = lines[number]
        if number < done:
            continue
        separator, columns = _header(line)
        if not separator:
            continue
        done = number + 1
        row_offset = sum(map(len, lines[:done])) + done
        for row in islice(lines, number + 1, number + 1 + _MAX_TABLE_LINES):
            if row.count(separator) != len(columns) - 1:
                break
            yield from _row(row, row_offset, separator, columns)
            row_offset += len(row) + 1
            done += 1


def _may_be_headers(context: _Context, lines: Sequence[str]) -> list[int]:
    """A glance: lines that have as many of a separator as the line below."""
    ends = context.places["header"]
    numbers = range(len(lines) - 1) if ends is None else (0, *_lines_at(context.text, ends))
    return [
        number for number in numbers if number + 1 < len(lines) and _alike(lines[number], lines[number + 1])
    ]


def _alike(line: str, below: str) -> bool:
    return any(count and count == below.count(sign) for sign in _SEPARATORS if (count := line.count(sign)))


def _lines_at(text: str, ends: Iterable[int]) -> Iterator[int]:
    """The numbers of the lines in which these places stand, each once; `ends` rise."""
    number = position = 0
    last = -1
    for end in ends:
        number += text.count("\n", position, end)
        position = end
        if number > last:
            yield number
            last = number


# a line that may be a header: names of fields alone, among them the beginning of one of `_COLUMNS`. The first
# line of a text is always tried
_OF_A_HEADER = r"[^\n(){}=:<>!?@$%^&+\\~\[\]]*"
PLACES = {
    "header": rf"(?i)\n(?:{_OF_A_HEADER}(?:ssn|social|mail|phone|mobile|cell|fax|cvv|cvc|security|exp|card"
    r"|karte|carte|tarjeta|iban|passport|licen|birth|routing|acc|konto|mrn|patient|employee|nhs|national|member"
    r"|insurance|policy|user|pass|pwd|kennwort|secret|token|key|credential)"
    rf"|(?:{_OF_A_HEADER}[|\t;, \"'`*])?(?:tel|cc|pan|dl|dob|aba|ip|emp|nino|login|pw))",
}
_SEPARATORS = "|\t;,"


def _header(line: str) -> tuple[str, list[tuple[str, Expression] | None]]:
    if len(line) > 600:
        return "", []
    for separator in _SEPARATORS:
        if separator not in line:
            continue
        cells = [cell.strip().strip("\"'`*") for cell in line.split(separator)]
        named = [cell for cell in cells if cell]
        if not all(_HEADER_CELL.fullmatch(cell) for cell in named) or len(named) < 2:
            return "", []
        columns = [_column(cell.lower()) for cell in cells]
        return (separator, columns) if any(columns) else ("", [])
    return "", []


def _column(name: str) -> tuple[str, Expression] | None:
    if len(name.split()) > 4:
        return None
    for pattern, kind, value in _COLUMNS:
        if pattern.search(name):
            return kind, value
    return None


def _row(
    line: str, offset: int, separator: str, columns: list[tuple[str, Expression] | None]
) -> Iterator[Span]:
    position = offset
    for cell, column in zip(line.split(separator), columns, strict=True):
        if column:
            value = cell.strip().strip("\"'`")
            if value and any(c.isdigit() or c == "@" for c in value) and column[1].fullmatch(value):
                start = position + cell.index(value)
                yield Span(column[0], start, start + len(value), 0.9, "column")
        position += len(cell) + 1


_CARD_ROW = Expression(
    r"\d(?:[ -]?\d){11,18}['\"]?\s?[,;|\t]\s?['\"]?(\d{2}/\d{2,4})['\"]?\s?[,;|\t]\s?['\"]?(\d{3,4})\b"
)


def _card_rows(context: _Context) -> Iterator[Span]:
    """A card number with its expiry and code side by side, as in an SQL insert."""
    if "/" in context.text and any(end - start >= 12 for start, end in context.runs):
        for match in _CARD_ROW.finditer(context.text):
            yield Span("CARD_EXPIRY", *match.span(1), 0.8, "card-row")
            yield Span("CVV", *match.span(2), 0.8, "card-row")


def _masked(context: _Context) -> Iterator[Span]:
    if "ssn" in context.keywords:
        for match in _MASKED_SSN.finditer(context.text):
            yield Span("US_SSN", *match.span(), 0.6, "ssn-masked")


def _vehicles(context: _Context) -> Iterator[Span]:
    if (
        "vin" not in context.hints
        or "vin" in context.keywords
        or ("vehicle" not in context.lower and " car" not in context.lower)
    ):
        return
    for match in _VIN.finditer(context.text):
        value = match.group(1)
        if sum(c.isdigit() for c in value) >= 6 and sum(c.isalpha() for c in value) >= 4 and vin_check(value):
            yield Span("VIN", *match.span(1), 0.7, "vin-checksum")


_VIN = Expression(r"(?:^|[\s:(])([A-HJ-NPR-Z0-9]{17})(?=[\s,.;)]|$)")

# of expressions that are sought everywhere
HINTS = {
    "colons": r":[0-9A-Fa-f]{0,4}:",
    "pairs": r":[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}:|-[0-9A-Fa-f]{2}-[0-9A-Fa-f]{2}-",
    "vin": r"[A-HJ-NPR-Z0-9]{17}",
}

# one entry per detector, in the order of trust: of two that overlap the earlier rule and the higher score
# wins
DETECTORS: dict[str, Callable[[_Context], Iterator[Span]]] = {
    "email": _emails,
    "iban": _ibans,
    "numbers": _clusters,
    "colon-addresses": _colon_addresses,
    "announced": _announced,
    "tables": _tables,
    "card-rows": _card_rows,
    "masked": _masked,
    "vehicles": _vehicles,
}
_NEEDS_DIGITS = frozenset(DETECTORS) - {"email"}
_ANY_DIGIT = Expression(r"\d")


def detect(
    text: str, lower: str, candidates: Candidates, disabled: frozenset[str] = frozenset()
) -> list[Span]:
    """All structured personal data in the (normalised) text; overlaps are settled by the caller.
    `candidates`: of the `LITERALS` (kind "keywords"), `HINTS` and `PLACES`.
    """
    has_digit = _ANY_DIGIT.search(text) is not None
    if not has_digit and "@" not in text:
        return []
    runs = [match.span() for match in _CLUSTER.finditer(text)] if has_digit else []
    keywords = _whole_words(lower, candidates.literals["keywords"]) if has_digit else {}
    context = _Context(text, lower, keywords, runs, candidates.hints, candidates.places)
    found: list[Span] = []
    for name, detector in DETECTORS.items():
        if name in disabled or (name in _NEEDS_DIGITS and not has_digit):
            continue
        found.extend(detector(context))
    return found

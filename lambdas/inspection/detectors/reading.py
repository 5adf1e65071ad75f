"""What detectors know about a text in advance: its keywords and runs of digits."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lambdas.inspection.expressions import Expression, Hit
from lambdas.inspection.normalise import joins

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


def whole_words(lower: str, hits: Iterable[Hit]) -> Keywords:
    """Return where each group of keywords occurs as whole words: group -> [(start, end)] in ascending
    order.
    """
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
class Context:
    """The text under inspection with what was found about it once."""

    text: str
    lower: str
    keywords: Keywords
    runs: list[tuple[int, int]]  # of digits, including separators, of seven characters and more
    hints: frozenset[str]  # those of `HINTS` that the text may hold
    places: Mapping[str, Sequence[int] | None]  # where candidates of `PLACES` end

    def before(self, group: str, position: int, reach: int = 60) -> bool:
        """Return whether a keyword of the group ends within `reach` characters before the position."""
        return self.distance(group, position, reach) is not None

    def distance(self, group: str, position: int, reach: int = 60) -> int | None:
        """Return the distance from the nearest preceding keyword of the group, in characters."""
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
        """Return whether a keyword of the group begins within `reach` characters after the position."""
        places = self.keywords.get(group)
        if not places:
            return False
        index = bisect_left(places, (position, 0))
        return index < len(places) and places[index][0] - position <= reach

    def has_digit(self, start: int, end: int) -> bool:
        """Return whether the range contains a digit."""
        return _DIGIT.search(self.text, start, end) is not None

    def anywhere(self, group: str) -> bool:
        """Return whether a keyword of the group occurs in the text."""
        return group in self.keywords


_DIGIT = Expression("[0-9]")
DATE = Expression(
    r"(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:19|20)\d\d"
    r"|\d{1,2}[-./]\d{1,2}[-./]\d\d)(?!\d)"
)

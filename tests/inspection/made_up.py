"""Values and sentences that nobody owns, made for the tests: valid checksums, invented people."""

import random
import string
from collections.abc import Callable, Iterator
from typing import Any

from stdnum import luhn as stdnum_luhn
from stdnum import verhoeff as stdnum_verhoeff
from stdnum.gb import nhs
from stdnum.iso7064 import mod_97_10
from stdnum.us import rtn

Chance = random.Random


def digits(chance: Chance, count: int, first: str = "123456789") -> str:
    return chance.choice(first) + "".join(chance.choice(string.digits) for _ in range(count - 1))


# the judge of check digits is python-stdnum, never the code under test
luhn: Callable[[str], bool] = stdnum_luhn.is_valid
verhoeff: Callable[[str], bool] = stdnum_verhoeff.is_valid
aba_routing: Callable[[str], bool] = rtn.is_valid
nhs_number: Callable[[str], bool] = nhs.is_valid


def mod97(iban: str) -> bool:
    """ISO 13616, judged by ISO 7064."""
    return mod_97_10.is_valid(iban[4:] + iban[:4])


def npi_number(number: str) -> bool:
    """Luhn behind the prefix of US health cards (45 CFR 162.406)."""
    return stdnum_luhn.is_valid(f"80840{number}")


def with_check(chance: Chance, stem: Callable[[], str], check: Callable[[str], bool]) -> str:
    """A stem and the last digit that makes its checksum hold."""
    while True:
        value = stem()
        for last in string.digits:
            if check(value + last):
                return value + last


def token(chance: Chance, count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(chance.choice(alphabet) for _ in range(count))


def card(chance: Chance) -> str:
    number = with_check(
        chance, lambda: chance.choice(("4", "51", "55")) + digits(chance, 14, string.digits), luhn
    )
    number = number[:16] if len(number) >= 16 else card(chance)
    if len(number) != 16 or not luhn(number):
        return card(chance)
    separator = chance.choice(("", " ", "-"))
    return separator.join(number[i : i + 4] for i in range(0, 16, 4))


def iban(chance: Chance) -> str:
    while True:
        number = f"DE{digits(chance, 2)}{digits(chance, 18)}"
        body = number[4:]
        check = 98 - int(body + "131400") % 97
        made = f"DE{check:02d}{body}"
        if mod97(made):
            return made if chance.random() < 0.5 else " ".join(made[i : i + 4] for i in range(0, 22, 4))


def ssn(chance: Chance) -> str:
    return f"{chance.randint(101, 665)}-{chance.randint(11, 99)}-{chance.randint(1000, 9999)}"


def email(chance: Chance) -> str:
    name, host = token(chance, 6, string.ascii_lowercase), token(chance, 7, string.ascii_lowercase)
    return f"{name}.{token(chance, 2, 'aeiou')}@{host}.{chance.choice(('com', 'de', 'co.uk', 'io'))}"


def phone(chance: Chance) -> str:
    return chance.choice(
        (
            f"+49 {chance.randint(30, 89)} {digits(chance, 7)}",
            f"+44 20 {digits(chance, 4)} {digits(chance, 4)}",
            f"({chance.randint(201, 989)}) {chance.randint(200, 554)}-{digits(chance, 4)}",
            f"{chance.randint(201, 989)}-{chance.randint(200, 554)}-{digits(chance, 4)}",
        )
    )


def ip(chance: Chance) -> str:
    first, second = chance.randint(11, 126), chance.randint(33, 250)
    return f"{first}.{second}.{chance.randint(0, 250)}.{chance.randint(2, 250)}"


# type -> (sentence with a place for the value, how the value is made)
STRUCTURED: dict[str, tuple[tuple[str, ...], Callable[[Chance], str]]] = {
    "EMAIL": (("Write to {} today.", "Reply-To: {}"), email),
    "CREDIT_CARD": (("Charge my card {} please.", "The number is {}, valid next year."), card),
    "IBAN": (("Transfer it to {}.", "IBAN: {}"), iban),
    "US_SSN": (("His SSN is {}.", "social security number {}"), ssn),
    "PHONE": (("Call me at {}.", "Phone: {}"), phone),
    "IP_ADDRESS": (("The server {} does not answer.", "Connect to host {} first."), ip),
    "DATE_OF_BIRTH": (("Date of birth: {}.", "She was born on {}."), lambda c:
        f"{c.randint(1, 28)} May 19{c.randint(50, 99)}"),
    "PASSPORT": (("Passport number {}.",), lambda c: f"C{token(c, 1, 'FGHJK')}{digits(c, 7)}"),
    "DRIVER_LICENSE": (("Driver's license: {}.",), lambda c: f"D{digits(c, 7)}"),
    "BANK_ACCOUNT": (("My bank account number is {}.",), lambda c: digits(c, 10)),
    "US_ROUTING": (("Routing number {}.",),
                   lambda c: with_check(c, lambda: f"02{digits(c, 6)}", aba_routing)),
    "MRN": (("MRN: {}.",), lambda c: digits(c, 8)),
    "NPI": (("NPI {} of the surgeon.",), lambda c: with_check(c, lambda: "1" + digits(c, 8), npi_number)),
    "DEA": (("DEA number {}.",), lambda c: _dea(c)),
    "US_MBI": (("Medicare beneficiary {}.",), lambda c: f"{c.randint(1, 9)}E{c.randint(1, 9)}"
        f"{c.randint(0, 9)}-TE{c.randint(0, 9)}-MK{c.randint(10, 99)}"),
    "UK_NINO": (("National Insurance number {}.",), lambda c: f"AB{digits(c, 6)}C"),
    "UK_NHS": (("NHS number {}.",), lambda c: with_check(c, lambda: digits(c, 9), nhs_number)),
    "CA_SIN": (("His SIN is {}.",), lambda c: with_check(c, lambda: digits(c, 8), luhn)),
    "IN_AADHAAR": (("Aadhaar {}.",), lambda c: with_check(c, lambda: digits(c, 11, "23456789"), verhoeff)),
    "IN_PAN": (("PAN card {}.",), lambda c: f"{token(c, 3, string.ascii_uppercase)}P"
        f"{token(c, 1, string.ascii_uppercase)}{digits(c, 4)}K"),
    "TAX_ID": (("EIN: {}.",), lambda c: f"{c.randint(10, 98)}-{digits(c, 7)}"),
    "EMPLOYEE_ID": (("Employee ID: {}.",), lambda c: f"E{digits(c, 6)}"),
    "USERNAME": (("username: {}",), lambda c: f"{token(c, 6, string.ascii_lowercase)}_{c.randint(10, 99)}"),
    "CVV": (("CVV: {}.",), lambda c: digits(c, 3)),
    "CARD_EXPIRY": (("card expires {}.",), lambda c: f"{c.randint(1, 12):02d}/{c.randint(27, 35)}"),
    "INSURANCE_ID": (("Insurance member ID: {}.",), lambda c: f"{token(c, 3, string.ascii_uppercase)}"
        f"{digits(c, 9)}"),
    "ICD10": (("ICD-10 code {}.",), lambda c: f"E{c.randint(10, 14)}.{c.randint(1, 9)}"),
    "LICENSE_PLATE": (("Number plate: {}.",), lambda c: f"{token(c, 2, 'ABCDEFGH')}{c.randint(10, 99)} "
        f"{token(c, 3, 'KLMNPRST')}"),
    "MAC_ADDRESS": (("The card's MAC is {}.",), lambda c: ":".join(f"{c.randint(16, 255):02x}" for _ in range(
        6))),
    "VIN": (("VIN: {}.",), lambda c: f"1HG{token(c, 8, 'ABCDEFGH123')}{digits(c, 6)}"),
}  # fmt: skip


def _dea(chance: Chance) -> str:
    d = [chance.randint(0, 9) for _ in range(6)]
    return f"AB{''.join(map(str, d))}{(d[0] + d[2] + d[4] + 2 * (d[1] + d[3] + d[5])) % 10}"


def secrets(chance: Chance) -> dict[str, str]:
    """One text for each way in which a secret is written; the secret is the text between « and »."""
    lower = string.ascii_lowercase + string.digits
    return {
        "anthropic": f"key «sk-ant-api03-{token(chance, 40)}»",
        "aws": f"id «AKIA{token(chance, 16, string.ascii_uppercase + '234567')}» in the log",
        "github": f"git clone with «ghp_{token(chance, 36)}»",
        "slack": f"«xoxb-{digits(chance, 12)}-{digits(chance, 12)}-{token(chance, 24)}»",
        "stripe": f"use «sk_live_{token(chance, 24)}» for payments",
        "google": f"maps «AIza{token(chance, 35)}»",
        "gitlab": f"«glpat-{token(chance, 20)}»",
        "npm": f"//registry: «npm_{token(chance, 36)}»",
        "assignment": f"API_KEY = '«{token(chance, 32)}»'",
        "password": f"the password is «{token(chance, 5)}!{chance.randint(10, 99)}xQ»",
        "url": f"«postgres://app:{token(chance, 12)}9@db.internal:5432/main»",
        "header": f"Authorization: Bearer «{token(chance, 40)}7»",
        "command-line": f"curl -u admin:«{token(chance, 10)}4» https://intranet",
        "pair": f"login credentials for {email(chance)} / «{token(chance, 6)}#{chance.randint(10, 99)}A»",
        "private-key": f"«-----BEGIN RSA PRIVATE KEY-----\n{token(chance, 64)}\n{token(chance, 64)}\n-----EN"
            f"D RSA PRIVATE KEY-----»",
        "jwt": f"«eyJ{token(chance, 20)}.eyJ{token(chance, 30)}.{token(chance, 43)}»",
        "netrc": f"machine api.corp login bot password «{token(chance, 12, lower)}1»",
    }  # fmt: skip


ORDINARY = (
    "Summarise the plot of Moby-Dick in three sentences for a school magazine.",
    "def total(items):\n    # add prices\n    return sum(item.price for item in items if item.price > 0)",
    "Version 4.12.3 of the library was released on 2024-03-02; see section 3.1.4 of the manual.",
    "Order 2024-118-77 ships in 3 to 5 days. The box is 120 x 80 x 60 mm and weighs 1,250 g.",
    "What is the difference between a Roth IRA and a 401(k)?",
    "Explain the password policy: at least 12 characters, no reuse, rotation every 90 days.",
    "token = get_token(request); if not token: raise Unauthorized('token is required')",
    "The commit 9fceb02d0ae598e95dc970b74767f19372d61af8 fixed the flaky test.",
    "SELECT region, SUM(amount) FROM orders WHERE year = 2024 GROUP BY region ORDER BY 2 DESC LIMIT 10;",
    "Write a limerick about a cat that learns to code in the rain.",
    "Our release notes list 1,024 fixes, 37 features and 12 deprecations since 1.0.0.",
    "Draft a polite reminder that the canteen closes at 14:30 on Fridays in July and August.",
)


def placed(text: str) -> tuple[str, int, int]:
    """A marked text without its marks, and where the value between them is."""
    start, end = text.index("«"), text.index("»") - 1
    return text.replace("«", "").replace("»", ""), start, end


def rows(seed: int = 1, copies: int = 12) -> Iterator[dict[str, Any]]:
    """Labelled rows in the development format."""
    chance = random.Random(seed)
    for kind, (sentences, make) in STRUCTURED.items():
        for _ in range(copies):
            sentence = chance.choice(sentences)
            value = make(chance)
            start = sentence.index("{}")
            yield {"text": sentence.format(value), "spans": [[start, start + len(value), kind]]}
    for _ in range(copies):
        for name, marked in secrets(chance).items():
            text, start, end = placed(marked)
            yield {"text": text, "label": 1, "span": [start, end], "rule": name, "source": "own"}
    for text in ORDINARY:
        yield {"text": text, "label": 0, "source": "own"}
    yield {"text": "\n\n".join(ORDINARY * 5)[:4096]}

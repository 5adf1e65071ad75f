"""Identity numbers: Australia and New Zealand, Africa, the Middle East."""

from lambdas.inspection.detectors.identity.checks import born, born_in_either, luhn, weighted
from lambdas.inspection.detectors.identity.declared import IdentityNumber, number


def _tfn(text: str) -> bool:
    weights = (1, 4, 3, 7, 5, 8, 6, 9, 10) if len(text) == 9 else (10, 7, 8, 4, 6, 3, 5, 1)
    return weighted(text, weights) % 11 == 0


def _abn(text: str) -> bool:
    return (
        text[0] != "0"
        and weighted(str(int(text[0]) - 1) + text[1:], (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) % 89 == 0
    )


def _medicare(text: str) -> bool:
    return text[0] in "23456" and weighted(text[:8], (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(text[8])


def _ird(text: str) -> bool:
    stem = text[:-1].zfill(8)
    check = -weighted(stem, (3, 2, 7, 6, 5, 4, 3, 2)) % 11
    if check == 10:
        check = -weighted(stem, (7, 4, 3, 2, 5, 2, 7, 6)) % 11
    return 10_000_000 < int(text) < 150_000_000 and check == int(text[-1])


def _south_african(text: str) -> bool:
    return born_in_either(text[:6]) and luhn(text)


def _israeli(text: str) -> bool:
    return int(text) > 0 and luhn(text.zfill(9))


def _egyptian(text: str) -> bool:
    return born(1700 + 100 * int(text[0]) + int(text[1:3]), int(text[3:5]), int(text[5:7]))


def _emirati(text: str) -> bool:
    return text[3:5] in ("19", "20") and luhn(text)


NUMBERS: tuple[IdentityNumber, ...] = (
    number(
        "AU_TFN",
        "an Australian tax file number",
        "tfn|tax file number|tax file",
        "[0-9]{3} [0-9]{3} [0-9]{2,3}",
        _tfn,
        examples="123 456 782",
        neighbours="123 456 783",
    ),
    number(
        "AU_MEDICARE",
        "an Australian Medicare number",
        "medicare",
        "[2-6][0-9]{3} [0-9]{5} [0-9](?: [0-9])?",
        _medicare,
    ),
    number(
        "AU_ABN",
        "an Australian business number",
        "abn|australian business number",
        "[0-9]{2} [0-9]{3} [0-9]{3} [0-9]{3}",
        _abn,
        examples="83 914 571 673",
        neighbours="99 999 999 999",
    ),
    number(
        "NZ_IRD",
        "a New Zealand tax number",
        "ird|ird number|ird no|inland revenue|new zealand tax",
        "[0-9]{2,3} [0-9]{3} [0-9]{3}",
        _ird,
        examples="49-098-576|49091850",
        neighbours="136410133",
    ),
    number(
        "ZA_IDENTITY_NUMBER",
        "a South African identity number",
        "south african id|sa id|rsa id|id no|id-nommer|identiteitsnommer",
        "[0-9]{6} [0-9]{4} [0-2][0-9] [0-9]",
        _south_african,
        sure=True,
        examples="7503305044089",
        neighbours="8503305044089",
    ),
    number(
        "IL_IDENTITY_NUMBER",
        "an Israeli identity number",
        "תעודת זהות|ת.ז.|ת.ז|מספר זהות|teudat zehut|israeli id",
        "[0-9]{7,8} [0-9]",
        _israeli,
        examples="3933742-3",
        neighbours="3933742-4",
    ),
    number(
        "SA_IDENTITY_NUMBER",
        "a Saudi identity number",
        "رقم الهوية|الهوية الوطنية|إقامة|iqama|saudi id|national id",
        "[12][0-9]{9}",
        luhn,
    ),
    number(
        "AE_EMIRATES_ID",
        "an Emirates ID",
        "emirates id|الهوية الإماراتية|eid number|uae id",
        "784 [0-9]{4} [0-9]{7} [0-9]",
        _emirati,
    ),
    number(
        "EG_NATIONAL_ID",
        "an Egyptian national number",
        "الرقم القومي|egyptian id|egyptian national id|national id",
        "[23][0-9]{13}",
        _egyptian,
    ),
    number(
        "KE_PIN",
        "a Kenyan tax number",
        "kra pin|kra|kenyan tax",
        "A[0-9]{9}[A-Z]",
        examples="A004416331M",
    ),
    number(
        "NG_NIN",
        "a Nigerian identity number",
        "nin|national identification number|nigerian id",
        "[1-9][0-9]{10}",
    ),
)

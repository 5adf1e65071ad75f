"""Identity numbers: India, East and Southeast Asia."""

from lambdas.inspection.detectors.identity.checks import born, born_in_either, digits, verhoeff, weighted
from lambdas.inspection.detectors.identity.declared import IdentityNumber, number


def _my_number(text: str) -> bool:
    rest = weighted(text[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (0 if rest <= 1 else 11 - rest) == int(text[11])


def _rrn(text: str) -> bool:
    """Return whether it has a birth date and a century; numbers issued since October 2020 have no check
    digit.
    """
    return text[6] in "0123456789" and born_in_either(text[:6])


def _nric(text: str) -> bool:
    total = weighted(text[1:8], (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(text[0], 0)
    table = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "M": "XWUTRQPNJLK"}.get(text[0], "XWUTRQPNMLK")
    return table[10 - total % 11 if text[0] == "M" else total % 11] == text[8]


def _chinese(text: str) -> bool:
    total = weighted(text[:17], (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
    good = born(int(text[6:10]), int(text[10:12]), int(text[12:14])) if text[6:14] > "1000" else False
    return good and "10X98765432"[total % 11] == text[17]


def _thai(text: str) -> bool:
    return (11 - weighted(text[:12], range(13, 1, -1)) % 11) % 10 == int(text[12])


def _malaysian(text: str) -> bool:
    place = int(text[6:8])
    return born_in_either(text[:6]) and place not in (0, 17, 18, 19, 20, 69, 70, 73, 80, 81, 94, 95, 96, 97)


def _indonesian(text: str) -> bool:
    day = int(text[6:8])
    return born_in_either(f"{day - 40 * (day > 40):02d}{text[8:12]}", "dmy")


_TAIWANESE_LETTERS = "ABCDEFGHJKLMNPQRSTUVXYWZIO"  # worth 10 and more


def _taiwanese(text: str) -> bool:
    letter = 10 + _TAIWANESE_LETTERS.index(text[0])
    return (letter // 10 + letter % 10 * 9 + weighted(text[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


def _hong_kong(text: str) -> bool:
    letters = [36] * (9 - len(text)) + [ord(one) - 55 for one in text[:-7]]
    total = sum(v * w for v, w in zip([*letters, *digits(text[-7:-1])], range(9, 1, -1), strict=True))
    return "0123456789A"[-total % 11] == text[-1]


def _vietnamese(text: str) -> bool:
    return 1 <= int(text[:3]) <= 96


NUMBERS: tuple[IdentityNumber, ...] = (
    number(
        "IN_AADHAAR",
        "an Aadhaar number",
        "aadhaar|aadhar|adhar|uidai|uid|आधार",
        "[2-9][0-9]{3} [0-9]{4} [0-9]{4}",
        verhoeff,
        sure=True,
        examples="2341 2341 2346",
    ),
    number(
        "IN_PAN",
        "an Indian tax number",
        "pan|pan card|pan no|pan number|permanent account number|income tax",
        "[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]",
        examples="ACUPA7085R",
    ),
    number(
        "JP_MY_NUMBER",
        "a Japanese My Number",
        "my number|mynumber|マイナンバー|個人番号|individual number",
        "[0-9]{4} [0-9]{4} [0-9]{4}",
        _my_number,
        examples="6214 9832 0257",
        neighbours="6214 9832 0258",
    ),
    number(
        "KR_RRN",
        "a Korean resident number",
        "rrn|resident registration|주민등록번호|주민번호|주민등록|외국인등록번호|resident number",
        "[0-9]{6} [0-9]{7}",
        _rrn,
        examples="971013-9019902",
        neighbours="971313-9019902",
    ),
    number(
        "SG_NRIC",
        "a Singaporean identity number",
        "nric|fin|fin number|identity card|ic number|singpass|nric/fin",
        "[STFGM][0-9]{7}[A-Z]",
        _nric,
        sure=True,
        examples="S1234567D",
        neighbours="S1234567E",
    ),
    number(
        "CN_RESIDENT_ID",
        "a Chinese identity number",
        "身份证|身份证号|身份证号码|居民身份证|身分證|公民身份号码|resident identity|chinese id|"
        "id card|identity card|national id",
        "[1-9][0-9]{5} [12][0-9]{7} [0-9]{3}[0-9X]",
        _chinese,
        sure=True,
        examples="360426199101010071",
        neighbours="360426199101010072",
    ),
    number(
        "TH_IDENTITY_NUMBER",
        "a Thai identity number",
        "เลขประจำตัวประชาชน|เลขบัตรประชาชน|บัตรประชาชน|thai id|thai national id|citizen id",
        "[1-8] [0-9]{4} [0-9]{5} [0-9]{2} [0-9]",
        _thai,
        sure=True,
        examples="1-2345-45678-78-1|3100600445635",
        neighbours="1-2345-45678-78-9",
    ),
    number(
        "MY_NRIC",
        "a Malaysian identity number",
        "mykad|nric|kad pengenalan|no. kp|no kp|ic number|ic no|malaysian id",
        "[0-9]{6} [0-9]{2} [0-9]{4}",
        _malaysian,
        examples="770305-02-1234",
        neighbours="771305-02-1234",
    ),
    number(
        "ID_NIK",
        "an Indonesian identity number",
        "nik|nomor induk kependudukan|ktp|indonesian id",
        "[1-9][0-9]{5} [0-9]{6} [0-9]{4}",
        _indonesian,
        examples="3171011708450001",
        neighbours="3171013908450001|31710117084500",
    ),
    number(
        "TW_IDENTITY_NUMBER",
        "a Taiwanese identity number",
        "身分證字號|身分證|身份證字號|統一證號|taiwan id|taiwanese id|national id",
        "[A-Z][1289][0-9]{8}",
        _taiwanese,
        examples="A123456789",
        neighbours="A123456788",
    ),
    number(
        "HK_IDENTITY_CARD",
        "a Hong Kong identity card number",
        "hkid|hong kong id|hong kong identity card|香港身份證|身份證號碼|身份證|identity card",
        r"[A-Z]{1,2}[0-9]{6} ?\(?[0-9A]\)?",
        _hong_kong,
        examples="A123456(3)|C668668(9)",
        neighbours="A123456(4)",
    ),
    number(
        "VN_IDENTITY_NUMBER",
        "a Vietnamese identity number",
        "cccd|căn cước|can cuoc|cmnd|chứng minh nhân dân|số định danh|vietnamese id",
        "0[0-9]{2} [0-9]{3} [0-9]{3} [0-9]{3}",
        _vietnamese,
    ),
    number(
        "PK_CNIC",
        "a Pakistani identity number",
        "cnic|nadra|شناختی کارڈ|pakistani id",
        "[1-7][0-9]{4} [0-9]{7} [0-9]",
        examples="34201-0891231-8",
        neighbours="94201-0891231-8",
    ),
)

"""Values that need no protection: placeholders, values from documentation and tests, well-known keys
(L2.3).

Programs and their documentation are full of them. Each rule has a name and a reason and applies only to
texts of programs (`context.TECHNICAL`) or to what Claude writes itself, never to prose that a person types:
there a weak password is a password.
"""

import re
from base64 import b64decode

from lambdas.inspection.context import PROGRAMS, Kind
from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import Span
from lambdas.inspection.token_rules import PLACEHOLDER, entropy, jumbled


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LEET = str.maketrans("013457@$!", "oieastasi")
# what people write where a password or key will stand
_WORDS_OF_EXAMPLES = _words(
    "my your the a an new old super very some any test tests testing fake dummy sample example demo default "
    "initial temp wrong"
    " bad good invalid valid incorrect correct secure strong weak hard easy root admin administrator user "
    "users username guest"
    " db database mysql mariadb postgres postgresql redis mongo mongodb rabbit rabbitmq kafka minio elastic "
    "grafana sa api app"
    " service client server auth oauth access refresh bearer session private public shared secret secrets "
    "token tokens key keys"
    " pass passw passwd passwort password passwords pwd passphrase pw pin cred creds credential credentials "
    "value string text"
    " word words foo bar baz qux quux foobar spam eggs ham abc abcd abcde abcdef xyz qwerty asdf letmein "
    "change "
    "changed changeme me please"
    " hello world here is not this that for one two three alice bob carol john jane doe jdoe joe hunter "
    "monkey dragon tiger"
    " scott welcome login insert replace with real actual production prod dev devel development staging "
    "local localhost docker"
    " whale compose django flask rails laravel spring symfony wordpress drupal magento joomla laravel "
    "jenkins gitlab github"
    " hash hashed salt pepper random some other another first second only do use set get put in at to of on "
    "and or no none"
    " long longer short enough must be unsafe insecure safe crypt encrypted plain keyboard cat correct "
    "horse battery staple id"
    " code base encoded decoded bytes utf latin ascii iso challenge response case basic digest simple "
    "verify check confirm confirmation current again same different match matches"
)
# each word is taken as it is met, the longest first, so that no text makes the search go back
_EXAMPLE = Expression(rf"(?>{'|'.join(sorted(_WORDS_OF_EXAMPLES, key=len, reverse=True))}|[\W\d_])++\Z")
_COUNTED = Expression(
    r"(?:\A0?123456\d{0,4}\Z|0?1234567890?|abcdef|0?987654321|fedcba|qwertz?|aaaa|(\w)\1{4,}|(\w\w)\2{3,}|1111|deadbeef"
    r"|cafebabe)",
    re.IGNORECASE,
)


def is_placeholder(value: str) -> bool:
    """Return whether a value consists of words used in place of a secret, or is a sequence."""
    if PLACEHOLDER.search(value):
        return True
    repeated = _REPEATED.search(value)
    if (repeated and len(repeated.group()) >= 0.7 * len(value)) or _COUNTED_BYTES.search(value):
        return True
    if value in _PUBLISHED or _OF_A_TUTORIAL.match(value) or _KEYBOARD.search(value):
        return True
    lower = _without_rows(value.lower())
    return len(lower) <= _LITTLE * len(value) or bool(
        _EXAMPLE.match(lower) or _EXAMPLE.match(lower.translate(_LEET))
    )


# a word with a count behind it, as every course of a tool has it ("cisco123"); a row of the keyboard
_OF_A_TUTORIAL = Expression(r"[A-Za-z]{3,10}(?:123|1234|12345|321)[!.]?\Z")
_REPEATED = Expression(r"(.{1,8}?)\1{3,}")
_COUNTED_BYTES = Expression(r"(?i)0102030405|a0a1a2a3|ffeeddcc|1122334455")
_KEYBOARD = Expression(r"(?i)asdf|qwer|zxcv|yxcv|hjkl")
_LITTLE = 0.4  # of a value is left when what is counted up is taken away
# tokens and verifiers that RFC 5849, 6749, 6750, 7519, 7523 and 7636 print
_PUBLISHED = _words(
    "2YotnFZFEjr1zCsicMWpAA tGzv3JOkF0XG5Qx2TlKWIA SplxlOBeZQQYbYS6WxSbIA 7Fjfp0ZBr1KtDRbnfVdmIw gX1fBat3bV "
    "mF_9.B5f-4.1JqM"
    " 9djdj82h48djs9d2 kkk9d7dh3k39sjv7 dpf43f3p2l4k3l03 hh5s93j4hdidpola j49sk3j29djd kd94hf93k423kf44"
    " nnch734d00sl2jdk pfkkdhi9sl3r4s00 hdhd0244k9j7ao03"
    " dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM SlAV32hkKG "
    "8xLOxBtZp8"
)


def _without_rows(value: str) -> str:
    """Return the value without sequences and repetitions of four and more characters."""
    kept: list[str] = []
    position = 0
    while position < len(value):
        end = position + 1
        step = ord(value[end]) - ord(value[position]) if end < len(value) else 9
        if step in (-1, 0, 1):
            while end < len(value) and (
                ord(value[end]) - ord(value[end - 1]) == step or value[end - 1 : end + 1] == "90"
            ):
                end += 1
        if end - position < _FEWEST_IN_A_ROW:
            end = position + 1
            kept.append(value[position])
        position = end
    return "".join(kept)


_FEWEST_IN_A_ROW = 4


_URL = Expression(r"[\w+.-]+://(?P<user>[^:/@]*):(?P<password>.+)@(?P<host>\[[^\]]*\]|[^:/@?#,]*)")
# hosts of the machine itself, of documentation (RFC 2606, RFC 6761) and of one name, as containers have
_NEAR_HOST = Expression(
    r"(?:localhost|127\.[\d.]+|0\.0\.0\.0|\[::1?\]|host\.docker\.internal|[\w-]*|(?:[\w-]+\.)*(?:example"
    r"|test|invalid|localhost|local"
    r"|lan)|(?:[\w-]+\.)*(?:example|foo|bar|test|domain|server|host|company|mycompany|acme|site"
    r"|somewhere)\.(?:com|org|net|io|tld))\Z",
    re.IGNORECASE,
)


def _url_of_examples(value: str) -> bool:
    match = _URL.match(value)
    if match is None:
        return False
    password = match["password"]
    if is_placeholder(password) or password == match["user"]:
        return True
    made = jumbled(password, 0.3) or (sum(map(str.isdigit, password)) >= 2 and entropy(password) >= 3.0)
    return bool(_NEAR_HOST.match(match["host"])) and not made


# an expression of a program: a name, a call, an element, a type; values are quoted there
_EXPRESSION = Expression(
    r"[&*!~-]?[A-Za-z_$][\w$]*(?:(?:\.|->|::|\?\.)[A-Za-z_$][\w$]*|\[[^\]]*\]|<[^>]*>|\(.*)*[\[\]()?;,!]*\Z"
)
_PATH = Expression(r"(?:[\w.@~-]+[/\\]){1,}[\w.@-]*\Z")
_SENTENCE_PART = Expression(r"[A-Za-z]+(?:['’-][A-Za-z]+)*[.,:;!?]*\Z")
# a name, a chain of names, a constant, a template: no value of its own
_NAMED = Expression(
    r"(?:[a-z]{3,}\d{0,2}|[a-z]+(?:[_-][a-z]+)+|_?[A-Z]+(?:_[A-Z0-9]+)+:?|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*"
    r"|\[-?\w*\])+"
    r"|[^{}]*\{[\w.-]+\}.*)\Z"
)
_QUOTES = "\"'`"
_OF_AN_ARN = Expression(r"\barn:[\w-]*:[\w-]*:[\w-]*:\Z")  # an account of a cloud
_TESTS = Expression(
    r"sk_test_|rk_test_|pk_test_|rzp_test_|_test_|access-sandbox-|access-development-|ak_test_|test_[0-9a-f]"
)
_PROCESS = Expression(r"(?i)\bpid\W{1,3}\Z")  # of the machine, not of a patient
_CLOUD = Expression(
    r"(?i)(?:aws|gcp|azure|cloud|service|project|subscription|tenant|storage)[\w .-]{0,12}\Z"
    r"|account[_-]?ids?[\"']?\s{0,2}[:=]"
)
_WEAK = _words(
    "BANK_ACCOUNT EMPLOYEE_ID USERNAME MRN INSURANCE_ID TAX_ID DRIVER_LICENSE PASSPORT DATE_OF_BIRTH"
    " CVV CARD_EXPIRY IN_PAN US_ROUTING LICENSE_PLATE ICD10 VIN DEA"
)
# of these the keyword decides and no check digit does: in a program the keyword is the name of a field
_TEST_CARDS = _words(
    # published by payment services for tests
    "4242424242424242 4000056655665556 5555555555554444 2223003122003222 5200828282828210 5105105105105100 "
    "378282246310005"
    " 371449635398431 6011111111111117 6011000990139424 3056930009020004 36227206271667 3566002020360505 "
    "6200000000000005"
    " 4111111111111111 4012888888881881 4222222222222 30569309025904 38520000023237 3530111333300000 "
    "4000000000000002"
    " 4000000000000077 4005519200000004 4009348888881881 5431111111111111 4000002500003155 4000002760003184 "
    "4000000000009995"
    " 4263970000005262 4917610000000000 5019717010103742 6331101999990016"
)
# the IBANs that the registry and the banks publish as examples
_EXAMPLE_IBANS = _words(
    "DE89370400440532013000 GB82WEST12345698765432 GB29NWBK60161331926819 FR1420041010050500013M02606 "
    "NL91ABNA0417164300"
    " CH9300762011623852957 ES9121000418450200051332 IT60X0542811101000000123456 AT611904300234573201 "
    "BE68539007547034"
    " PL61109010140000071219812874 PT50000201231234567890154 SE4550000000058398257466 NO9386011117947 "
    "DK5000400440116243"
    " FI2112345600000785 IE29AIBK93115212345678 GB33BUKB20201555555555 FR7630006000011234567890189 "
    "BR9700360305000010009795493P1"
)


def counts(span: Span, text: str, kind: Kind) -> bool:
    """Return whether a finding at `span` in a text of programs is real and not an example."""
    value = text[span.start : span.end]
    if span.type == "SECRET":
        return not _is_example_secret(span.rule.rpartition(":")[2], span.rule, value, text, span.start, kind)
    compact = "".join(c for c in value if c.isalnum()).upper()
    if span.type == "CREDIT_CARD":
        if _OF_AN_ARN.search(text, max(0, span.start - 80), span.start):
            return False
        return compact not in _TEST_CARDS and len(set(compact)) > 4
    if span.type == "IBAN":
        return compact not in _EXAMPLE_IBANS and span.rule.endswith("checksum")
    if span.type == "MRN" and _PROCESS.search(text, max(0, span.start - 12), span.start):
        return False
    if span.type in _WEAK and kind in PROGRAMS:
        if _COUNTED.search(compact) or len(set(compact)) < 4 or span.rule.startswith(("joined-", "encoded")):
            return False
        before = text[max(0, span.start - 40) : span.start]
        if span.type == "BANK_ACCOUNT":
            return not _CLOUD.search(before) and not re.search(r"\d{12}\Z", compact)
        if span.type == "DATE_OF_BIRTH":
            return bool(re.search(r"(?i)\b(?:dob|date of birth|born on|geburtsdatum)\b", before))
        return (
            kind is Kind.CONFIGURATION
            or span.rule == "column"
            or before.rstrip()[-1:] in _QUOTES
            or ":" in before
        )
    return True


# the digest of a file, in which chance puts any literal
_DIGEST = Expression(
    r"(?:\bh1:|\bsha\d{1,3}[-:=]|integrity[\"']?[:=] ?[\"']?|data:[\w/+.;=-]{3,60},)"
    r"[A-Za-z0-9+/=_-]{0,90}\Z"
)
# a name that ends so names what is known of a secret, not the secret
_OF_A_SECRET = Expression(
    r"(?i)(?:hash(?:es|ed)?|digest|checksum|fingerprint|thumbprint|(?<=[a-z])id|_id|ids|names?|types?|ur[il]"
    r"|path|file|arn|regex|pattern"
    r"|prefix|suffix|length|size|algorithm|header|field|column|label|hint|title|placeholder|description"
    r"|message|error|status)"
    r"[\"'`\]]?\s{0,3}(?::=|=>|:|=)\s{0,3}[\"'`]?\Z"
)
_FOR_EXAMPLE = Expression(
    r"(?i)\be\.g\.|\bfor (?:example|instance)\b|\bexamples?:|\bsuch as\b|\bi\.e\.|\blike this\b"
)


def _decoded(value: str) -> str:
    try:
        return b64decode(value + "=" * (-len(value) % 4)).decode("ascii")
    except ValueError:
        return ""


def _is_example_secret(rule: str, whole: str, value: str, text: str, start: int, kind: Kind) -> bool:
    if _DIGEST.search(text, max(0, start - 110), start):
        return True
    if rule == "url-password":
        return _url_of_examples(value)
    if rule == "private-key":
        return False
    if rule == "password-hash":
        return kind in (Kind.CODE, Kind.DIFF, Kind.DOCUMENTATION)
    if _TESTS.search(value[:24]) and rule != "secret-assignment":
        return True
    if rule == "jwt":
        return _is_example_jwt(value)
    if rule == "azure-sas":
        ended = _SIGNED_UNTIL.search(text, max(0, start - 400), start + len(value) + 200)
        return ended is not None and int(ended[1]) < _YEAR_LONG_PAST
    if (
        rule in ("secret-assignment", "command-option", "command-line-password", "netrc", "credential-pair")
        or rule in _PLACES
    ):
        return _is_example_assignment(whole, value, text, start, kind)
    return is_placeholder(value)


_SIGNED_UNTIL = Expression(r"[?&]se=(\d{4})-")
_YEAR_LONG_PAST = 2025  # a signature that ended before is of no use to anybody
_PLACES = frozenset(
    (
        "piped-pair",
        "oracle-logon",
        "database-password",
        "password-file",
        "sign-in-call",
        "service-call",
        "secure-string",
        "signing-call",
        "secret-element",
        "device-password",
        "server-password",
        "wireless-key",
        "one-time-secret",
        "salt",
        "session-cookie",
        "basic-credentials",
        "quoted-password",
        "app-password",
        "spoken-password",
        "near-password",
        "passphrase",
        "recovery-phrase",
        "authorization-header",
        "unknown-token",
        "token-name",
    )
)


# a place in a file, as a search shows it before each line; an argument given by name
_FOUND_LINE = Expression(r"(?:[\w.@~+-]+[/\\])*[\w.@+-]+\.\w+[:-]\d{1,6}[:-]?\Z")
_ARGUMENT = Expression(r"[a-z_]\w*=[a-z_][\w.]*\Z")


def _is_example_assignment(whole: str, value: str, text: str, start: int, kind: Kind) -> bool:
    if _FOUND_LINE.match(value) or _ARGUMENT.match(value):
        return True
    if start and text[start - 1] == "\n" and kind in PROGRAMS:
        return True  # what begins the next line is a line of its own
    line = text.rfind("\n", max(0, start - 200), start) + 1 or max(0, start - 200)
    if (
        (whole.startswith("joined-") and not _by_chance(value))
        or is_placeholder(value.partition("@")[0])
        or (whole.startswith("joined-") and "/" in value)
        or _PATH.match(value)
        or _NAMED.match(value)
        or _OF_A_SECRET.search(text, line, start)
        or _FOR_EXAMPLE.search(text, line, start)
    ):
        return True
    if value.startswith("ey") and "." in value:
        return _is_example_jwt(value)
    inner = (
        _decoded(value)
        if whole.startswith("encoded:")
        or value.endswith("=")
        or "basic" in text[max(0, start - 8) : start].lower()
        else ""
    )
    if inner and is_placeholder(inner.rpartition(":")[2]):
        return True
    quoted = text[start - 1 : start] in _QUOTES and start > 0
    if kind in (Kind.CODE, Kind.DIFF) and not quoted and _EXPRESSION.match(value):
        return not _by_chance(value)
    return bool(_SENTENCE_PART.match(value)) and entropy(value) < 3.6


def _by_chance(value: str) -> bool:
    """Return whether it has twenty characters and more with digits among the letters."""
    return (
        len(value) >= 20 and sum(map(str.isdigit, value)) >= 4 and entropy(value) >= 3.6 and "_" not in value
    )


def _is_example_jwt(value: str) -> bool:
    """Return whether it is the token on the format's home page, or a similar one."""
    try:
        payload = b64decode(value.split(".")[1] + "===", altchars=b"-_")
    except (ValueError, IndexError):
        return False
    dated = re.search(rb'"(?:exp|iat)"\s*:\s*(\d{9,10})\b', payload)
    return (
        any(name in payload for name in (b"John Doe", b"1234567890", b"Jane Doe", b"example", b"foo"))
        or (dated is not None and int(dated[1]) < _LONG_EXPIRED)
        or (len(payload) < 40 and dated is None)
    )


_LONG_EXPIRED = 1_735_689_600  # 1 January 2025: a token for a day or a year of before is of no use to anybody

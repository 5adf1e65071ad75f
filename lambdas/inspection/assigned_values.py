"""Whether the value behind a secret's name is a secret: named rules, asked in order, the first answer counts
(L2.3).

Programs and sentences name passwords, tokens and keys far more often than they hold one. A rule answers yes
or no, or leaves the question to the next; what no rule takes for a secret is none. Each rule's docstring is
its reason. Thresholds of entropy are in bits per character: random base62 of 20 characters has about 4,
names that programmers choose 2.5 to 3.5.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from lambdas.inspection.expressions import Expression
from lambdas.inspection.secret_places import encodes_text
from lambdas.inspection.token_rules import PLACEHOLDER, entropy, jumbled, looks_named

PASSWORDS = (
    "pass", "pwd", "kenn", "mot", "contra", "clave", "senha", "secure", "wacht", "lösen", "hasł", "hesl",
    "sala", "adgang", "parola", "şifre", "密", "パス", "비밀",
)  # fmt: skip
_BARE = frozenset(("key", "keys", "private", "access"))


@dataclass(frozen=True)
class Assigned:
    """A value and what stands before it: `name` as written, the `tail` of its word, the `sign` between them
    (blanks included), the opening `quote`.

    `of_service`: the name is a key of a service (`acme_key`), not of a table.
    """

    name: str
    sign: str
    quote: str
    value: str
    tail: str
    of_service: bool = False

    @cached_property
    def lower_name(self) -> str:
        return self.name.lower()

    @cached_property
    def operator(self) -> str:
        return self.sign.strip()

    @cached_property
    def of_password(self) -> bool:
        """The name is one of passwords, which people choose: less random than tokens."""
        return self.lower_name.startswith(PASSWORDS)

    @cached_property
    def bare(self) -> bool:
        """The name is a plain "key" or "access", which is mostly no secret's."""
        return self.lower_name in _BARE

    @cached_property
    def loose(self) -> bool:
        """Neither a sign nor a quote says that a value follows."""
        return not self.operator and not self.quote

    @cached_property
    def digits(self) -> int:
        return sum(map(str.isdigit, self.value))

    @cached_property
    def classes(self) -> int:
        return classes(self.value)

    @cached_property
    def entropy(self) -> float:
        return entropy(self.value)


def is_secret(given: Assigned) -> bool:
    """Return whether the value is a secret: it must look neither like code nor like prose."""
    for rule in RULES:
        answer = rule(given)
        if answer is not None:
            return answer
    return False


# --- what is no secret, whatever its name -----------------------------------------------------------------

Answer = bool | None
_REFERENCES = ("$", "%(", "{", "[", "%s", "@", "--", "//", "/", "#{", "<", "(", "\\")
_URIS = ("arn:", "urn:", "./", "../", "projects/", "alias/")
_NUMBER = Expression(r"[\d.,:%/-]+")
# the version of an interface; an argument given by name
_NO_SECRET = Expression(r"(?:19|20)\d\d-\d\d-\d\d(?:-[a-z]+)?|[a-z_]+\d{0,2}=[a-z_]+")
_CONSTANT = Expression(r"[A-Z]+(?:_[A-Z]+)+")
_CALL = Expression(r"[A-Za-z_][\w.]*\w\(")
# an element, a sum, the next variable, a table of numbers
_CODE_VALUE_PART = Expression(
    r"[A-Za-z_][\w.]*\[[\w:?-]|[a-z_]+(?:\+[a-z_]+)+\Z|[A-Za-z_]+=(?:\$|\d+(?:\.\d+){3}\Z)|\d+,\w+:\d+,"
    r"|\d+[)}\]]"
    r"|urn:|![a-z]+\Z|[A-Z][a-z]+-[A-Z][A-Za-z]+\Z|[x!*]{1,2}:\d*:"
    # what is left of a program that was made small
    r"|[\w$.!]{1,30}(?:=![01])?,(?:this\.|[A-Za-z_$]\w*[:=])|[\w$]+\.[\w$]+=[\w$]+\."
)
_PROMPT = Expression(
    r"(?:enter|your|new|pass(?:word|phrase|code)?|username|token|secret)[?:!.]+\Z", re.IGNORECASE
)
_FINGERPRINT_OF_A_KEY = Expression(r"[0-9A-F]{40}(?![0-9A-F])")
_OF_A_CALL = Expression(
    r"0?_?(?:nonce|signature|timestamp|version|method|callback|domain|audience|issuer|url|host)",
    re.IGNORECASE,
)


def _pin(given: Assigned) -> Answer:
    """A pin is mostly a contact of a chip, or a verb."""
    return False if given.lower_name == "pin" else None


def _reference(given: Assigned) -> Answer:
    """A placeholder, a variable, a path, a template or the next option stands for a value."""
    return False if PLACEHOLDER.search(given.value) or given.value.startswith(_REFERENCES) else None


def _number(given: Assigned) -> Answer:
    """Numbers and runs of few characters are counts and fillers; six digits behind "password =" are not."""
    value = given.value
    if len(set(value)) >= 4 and not _NUMBER.fullmatch(value):
        return None
    return (
        given.of_password
        and value.isdigit()
        and len(value) >= 6
        and bool(given.operator)
        and len(set(value)) >= 3
    )


def _version_or_argument(given: Assigned) -> Answer:
    """Interfaces are versioned by date; arguments are given by name."""
    return False if _NO_SECRET.fullmatch(given.value) else None


def _address_or_call(given: Assigned) -> Answer:
    """An address tells where; only a password may contain a bracket."""
    value = given.value
    elsewhere = value.startswith(("http://", "https://", "!$"))
    return False if elsewhere or ("(" in value and not given.of_password) else None


def _constant(given: Assigned) -> Answer:
    """A constant or a call: the program gets the value elsewhere."""
    value = given.value
    return False if _CONSTANT.fullmatch(value) or (not given.quote and _CALL.match(value)) else None


def _part_of_code(given: Assigned) -> Answer:
    """An element or a sum, without quotes; or what asks a person for the value."""
    value = given.value
    part = not given.quote and _CODE_VALUE_PART.match(value)
    return False if part or _PROMPT.match(value) else None


def _another_word(given: Assigned) -> Answer:
    """The name begins a longer word: "passlib", "passed", "accessor", "authenticated_data"."""
    name, tail = given.lower_name, given.tail
    if name == "pass" and ((tail[:1].islower() and tail[:1] not in ("w", "e")) or tail.lower() == "ed"):
        return False
    longer = (name == "access" and tail[:2] == "or") or (name == "auth" and tail[:8].lower() == "enticate")
    return False if longer else None


def _public_part(given: Assigned) -> Answer:
    """Fingerprints and kinds of keys are public; a value with bars is the row of a table."""
    if given.lower_name.startswith("signing") and _FINGERPRINT_OF_A_KEY.match(given.value):
        return False
    if given.tail == "Data" or "PublicKey" in given.value or "PrivateKey" in given.value:
        return False
    return False if given.operator == "|" and given.value.count("|") > 1 else None


def _part_of_a_call(given: Assigned) -> Answer:
    """What "auth_nonce", "auth_url" and the like name is sent in the clear."""
    return False if given.lower_name.rstrip("_-") == "auth" and _OF_A_CALL.match(given.tail) else None


def _attribute(given: Assigned) -> Answer:
    """Behind a dot is the part of a thing in a program, unless chance made it."""
    if given.sign != ".":
        return None
    return None if _RANDOM.fullmatch(given.value) and given.digits >= 3 else False


def _key_of_a_table(given: Assigned) -> Answer:
    """A plain "key" joined to what follows, or with more name behind it, is what a table is sorted by."""
    if not given.bare:
        return None
    if given.sign in ("-", "_", ".") and not (given.of_service and _RANDOM.fullmatch(given.value)):
        return False
    return False if len(given.tail) > 3 and not given.of_service else None


def _uri(given: Assigned) -> Answer:
    """Resources are named by URIs, ARNs and paths."""
    return False if "://" in given.value or given.value.startswith(_URIS) else None


def _next_in_a_sentence(given: Assigned) -> Answer:
    """Without a sign, a pointer, a word in capitals or, behind a plain "key", any word is the next word."""
    if not given.loose:
        return None
    value = given.value
    word = _POINTER.match(value) or _SHOUTED_WORD.fullmatch(value)
    return False if word or (given.bare and not _made_by_chance(value)) else None


# --- what chance has made: tokens and keys ----------------------------------------------------------------

_POINTER = Expression(r"\*\)|[*&]+\w+(?:\(|\Z)|\||-[A-Za-z]+\Z")  # or the next option
_SHOUTED_WORD = Expression(r"[A-Z]+\d{0,2}")
_TOKEN = Expression(r"[A-Za-z0-9_\-./+=~]+")
_HEX_OR_UUID = Expression(
    r"[0-9a-fA-F]{16,}|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
)
_RANDOM = Expression(r"[A-Za-z0-9]{20,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_IDENTIFIER = Expression(r"[A-Za-z_$][\w$]*(?:[.\[(:>-]+[A-Za-z_$(){}\[\]][\w$)\]]*)*[;,)\]]*")
_USUAL_TAILS = frozenset(
    ("s", "key", "token", "id", "value", "hash", "secret", "string", "prod", "dev", "test", "live", "1", "2")
)


def _long_token(given: Assigned) -> Answer:
    """Sixteen characters of a token's alphabet with digits: hexadecimal, or too varied for a name.

    Without a sign it must be more varied; a UUID behind a plain "key" is an id.
    """
    value = given.value
    if len(value) < 16 or given.digits < 3 or not _TOKEN.fullmatch(value):
        return None
    if _HEX_OR_UUID.fullmatch(value):
        return not given.bare or "-" not in value or given.of_service
    if given.entropy >= 3.0 and not looks_named(value):
        return given.classes >= 2 and (not given.loose or given.entropy >= 3.3)
    return None


def _key_of_a_service(given: Assigned) -> Answer:
    """A constant with the name of a service, ACME_KEY, is given its key."""
    random = given.of_service and given.name.isupper() and _RANDOM.fullmatch(given.value)
    return True if random and given.digits >= 4 and given.entropy >= 3.0 else None


def _bare_key(given: Assigned) -> Answer:
    """Behind a plain "key =" only what no id and no name looks like: chance alone alternates like that."""
    if not given.bare:
        return None
    return (
        given.operator in ("=", ":", "=>")
        and len(given.value) >= 20
        and given.classes == 3
        and given.digits >= 2
        and _RANDOM.fullmatch(given.value) is not None
        and jumbled(given.value)
    )


def _word_after_a_token(given: Assigned) -> Answer:
    """In "the token expired" no value follows: only passwords are given without a sign."""
    return False if given.loose and given.sign not in ("-", "_") and not given.of_password else None


def _random_behind_a_sign(given: Assigned) -> Answer:
    """Twenty letters and digits of three kinds, or of capitals, behind "=" or ":" that are not words."""
    if given.operator not in (":", "=") or not _RANDOM.fullmatch(given.value) or not given.digits:
        return None
    varied = given.classes == 3 and given.entropy >= 3.7
    return (
        not looks_named(given.value) if varied or (given.value.isupper() and given.entropy >= 3.4) else None
    )


def _joined(given: Assigned) -> Answer:
    """Joined by "-" or "_", anything less random is the rest of the name."""
    return False if given.sign in ("-", "_") else None


def _jumbled_behind_a_sign(given: Assigned) -> Answer:
    """Ten characters that alternate as chance does; three digits where there are but two kinds."""
    fewest = 1 if given.classes >= 3 else 3
    random = given.digits >= fewest and len(given.value) >= 10 and jumbled(given.value)
    return True if given.operator in (":", "=") and random else None


def _sign_behind_an_unusual_name(given: Assigned) -> Answer:
    """Behind a name that no secret has ("tokenizer: *x") a value does not begin with a sign."""
    unusual = bool(given.tail) and given.tail.lower() not in _USUAL_TAILS
    return False if unusual and not given.value[0].isalnum() else None


def _varied(given: Assigned) -> Answer:
    """Twenty characters, too varied for words and for a name in a program."""
    value = given.value
    random = len(value) >= 20 and given.entropy >= 3.7 and given.classes >= 2
    return True if random and not looks_named(value) and not _IDENTIFIER.fullmatch(value) else None


def _short_token(given: Assigned) -> Answer:
    """Ten characters of three kinds with two digits are a token behind a name that only secrets have."""
    sure = given.lower_name.startswith(("secret", "api", "client", "token", "access"))
    random = len(given.value) >= 10 and given.digits >= 2 and given.classes >= 3 and given.entropy >= 3.2
    if not (sure and random):
        return None
    return given.operator in ("=", ":", "=>", ":=") and not _IDENTIFIER.fullmatch(given.value)


def _varied_in_quotes(given: Assigned) -> Answer:
    """In quotes even letters alone are a secret, if they are too varied for words."""
    random = len(given.value) >= 14 and not given.digits and given.classes >= 2 and given.entropy >= 3.9
    return True if given.quote and random and not looks_named(given.value) else None


# --- what people choose: passwords ------------------------------------------------------------------------

_ABOUT_PASSWORDS = Expression(
    r"(?:config|length|policy|file|path|dir|ur[il]|pattern|regex|field|prompt|hint|label|type|count|age|ttl"
    r"|expir\w*|name|alg\w*|encod\w*|format|lib\w*)\Z",
    re.IGNORECASE,
)
_CODE_VALUE = Expression(
    r"^(?:true|false|none|null|undefined|nil|required|optional|str|string|int|bool|any|self|this"
    r"|process\.env|os\.environ|env|getenv|secrets?|config|settings|input|prompt|function|return"
    r"|data|the|a|an|is|in|for|to|and|or|of|that|which|with|from|your|my|our|not|bytes|text|number|type"
    r"|value|key|name|object|list|dict|len|new|await|async|const|let|var|import|expired|wrong|invalid"
    r"|incorrect|correct|reset|protected|manager|policy|field|hash|hashing|based|management|length|strength"
    r"|rotation|stored|used|sent|stuffing|spraying)\b(?![-\w]*\d)",
    re.IGNORECASE,
)
_MARK = Expression(r"[@#$!%^&*?+]")
_DIGIT_OR_MARK = Expression(r"\d|[@#$!%^&*]")
_OF_SENTENCES = "-_.,':;)"


def _password(given: Assigned) -> Answer:
    """A password is judged by its own rules, and by no other behind them."""
    if not given.of_password:
        return None
    return next((answer for rule in PASSWORD_RULES if (answer := rule(given)) is not None), False)


def _about_passwords(given: Assigned) -> Answer:
    """A length or a file of passwords ("password_length") is none; nor is a word of code or of a sentence."""
    value = given.value
    if _ABOUT_PASSWORDS.search(given.tail) or _CODE_VALUE.match(value):
        return False
    return False if "." in value.strip(".!") and _IDENTIFIER.fullmatch(value) else None


def _jumbled_password(given: Assigned) -> Answer:
    """Ten characters that alternate as chance does, in quotes or behind a constant's name."""
    stated = given.quote or given.name.isupper()
    return True if stated and len(given.value) >= 10 and jumbled(given.value) else None


def _short_password(given: Assigned) -> Answer:
    """Fewer than six characters are a word, unless quoted and of three kinds."""
    return False if len(given.value) < 6 and not (given.quote and given.classes >= 3) else None


def _password_in_a_sentence(given: Assigned) -> Answer:
    """After a word or after nothing ("password is …"), it must have three kinds of characters, or two with a
    digit or a mark that sentences do not have.
    """
    if not (given.loose or given.operator[:1].isalpha()):
        return None
    if given.classes >= 3:
        return True
    marked = given.digits > 0 or any(not one.isalnum() and one not in _OF_SENTENCES for one in given.value)
    return given.classes >= 2 and marked and _DIGIT_OR_MARK.search(given.value) is not None


def _password_behind_a_sign(given: Assigned) -> Answer:
    """Behind a sign two kinds of characters are enough, one a digit or a mark; or base64 of a text."""
    value = given.value
    if given.digits and given.classes >= 2:
        return True
    if given.classes >= 2 and _MARK.search(value) and not value.endswith(("()", "(", "):", "),")):
        return True
    return True if value.endswith("=") and encodes_text(value) else None


def _password_in_quotes(given: Assigned) -> Answer:
    """In quotes eight letters of both cases are enough, if they are no words."""
    value = given.value
    return (
        bool(given.quote)
        and len(value) >= 8
        and not looks_named(value)
        and given.entropy > 2.5
        and given.classes >= 2
        and value.isascii()
    )


PASSWORD_RULES: tuple[Callable[[Assigned], Answer], ...] = (
    _about_passwords,
    _jumbled_password,
    _short_password,
    _password_in_a_sentence,
    _password_behind_a_sign,
    _password_in_quotes,
)
RULES: tuple[Callable[[Assigned], Answer], ...] = (
    _pin,
    _reference,
    _number,
    _version_or_argument,
    _address_or_call,
    _constant,
    _part_of_code,
    _another_word,
    _public_part,
    _part_of_a_call,
    _attribute,
    _key_of_a_table,
    _uri,
    _next_in_a_sentence,
    _long_token,
    _key_of_a_service,
    _bare_key,
    _word_after_a_token,
    _random_behind_a_sign,
    _joined,
    _jumbled_behind_a_sign,
    _sign_behind_an_unusual_name,
    _password,
    _varied,
    _short_token,
    _varied_in_quotes,
)


# --- what a value looks like ------------------------------------------------------------------------------


def classes(value: str) -> int:
    """Return how many of lower case, upper case, digits and other characters the value contains."""
    different = set(value)
    return (
        any(map(str.islower, different)) + any(map(str.isupper, different)) + any(map(str.isdigit, different))
        + (not all(map(str.isalnum, different)))
    )  # fmt: skip


def _made_by_chance(value: str) -> bool:
    return (
        _RANDOM.fullmatch(value) is not None
        or _HEX_OR_UUID.fullmatch(value) is not None
        or jumbled(value)
        or (sum(c.isdigit() for c in value) >= 4 and classes(value) >= 3 and "_" not in value)
    )

"""People's names and postal addresses, by a conditional random field over the words of a line (L2.3).

The model (`models/names.crfsuite`, trained by `python -m bench.inspection_training names`) sees shapes,
endings, surrounding words and a list of first names, but never whole surnames, so it does not depend on the
names in its training data. A name alone is Internal: public persons fill the news. A name beside a health,
personnel or legal matter is Restricted (`lambdas.inspection.meaning`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pycrfsuite import Tagger  # pyright: ignore[reportAttributeAccessIssue] - compiled, without stubs

from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import Span

MODEL = Path(__file__).parent / "models" / "names.crfsuite"
TYPES = ("PERSON", "ADDRESS")
_SCORES = {"PERSON": 0.7, "ADDRESS": 0.7}
_TOKEN = Expression(r"[^\W\d_]+|\d+|[^\w\s]|_")
# a line without a capital after its first letters holds neither a name nor an address
_CANDIDATE = Expression(r"[^\W\d_a-zß-öø-ÿ]\w")
_MAX_LINE = 2_000
_MAX_ADDRESS_GAP = 3


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FIRST_NAMES = _words(
    "aaron abdul abigail adam adrian ahmed aisha alan albert alejandro alex alexander alexandra alfred "
    "ali alice alicia amanda amber amelia amina amir amit amy ana anastasia andre andrea andreas andrew "
    "angela angelo anita anja ann anna anne annette anthony antoine anton antonio arjun arthur ashley "
    "astrid aurora ava barbara beatriz ben benjamin bernard bernd beth bianca bill birgit bjorn bob boris "
    "brandon brenda brian bruce bruno camila camille carl carla carlos carmen carol caroline catherine "
    "cecilia charles charlotte chen chiara chloe chris christian christina christine christoph "
    "christopher claire clara claudia colin craig cristina cynthia dana daniel daniela danielle david "
    "deborah denis dennis diana diego dieter dimitri dirk dmitri dominik donald donna dorothy douglas "
    "edgar eduardo edward elaine elena eleanor elias elisabeth elizabeth ellen emily emma emmanuel "
    "enrique eric erik erika ernst esther eugene eva evelyn fabian fatima felix fernando florian frances "
    "francesca francesco francis francisco frank franz fred frederik gabriel gabriela gary george georg "
    "gerald gerard gina giovanni giulia gloria gordon grace greg gregory greta guillaume gustav hannah "
    "hans harald harold harry hassan heather heidi heike helen helena helga henri henrik henry hiroshi "
    "holger hugo ian ibrahim ines ingrid irene irina isabel isabella ivan jack jacob jacqueline jacques "
    "james jan jane janet jasmine jason javier jean jennifer jeremy jessica jim joan joanna joao joe joel "
    "johan johanna johannes john jon jonas jonathan jordan jorge jose josef joseph joshua joyce juan "
    "judith judy julia julian juliana julie jun juergen justin kai kara karen karin karl kate katharina "
    "katherine kathleen kathryn katja keith kelly ken kenji kenneth kevin kim kofi kristen kristin kurt "
    "kyle lara larry lars laura lauren laurent lea leila lena leo leon leonardo li lily linda lisa liu "
    "lorenzo louis louise luca lucas lucia lucy luis luisa lukas magda magdalena malik manuel marc marcel "
    "marco marcus margaret maria marie marina mario marion mark marlene marta martha martin martina mary "
    "mateo mathias matteo matthew matthias maurice max maximilian megan mei melanie melissa michael "
    "michaela michel michelle miguel mike milan mohamed mohammed monica monika morgan muhammad nadia "
    "nancy naomi natalia natalie nathan neil nia nicholas nick nicola nicolas nicole nikolai nina noah "
    "nora norbert olaf oleg olga oliver olivia omar oscar otto pablo pamela patricia patrick paul paula "
    "pauline pavel pedro peter petra philip philipp pierre piotr priya rachel rafael rahul raj ralf ralph "
    "ramon raquel raymond rebecca renate rene ricardo richard rita robert roberto robin rodrigo roger "
    "roland roman ronald rosa rosemary ruth ryan sabine samantha samuel sandra sanjay sara sarah scott "
    "sean sebastian sergei sergio sharon simon simone sofia sonia sophia sophie stefan stefanie stephanie "
    "stephen steve steven stuart susan susanne suzanne sven sylvia takashi tamara tanja tara tatiana ted "
    "teresa theo theodor theresa thomas tim timothy tina tobias todd tom tomas tony tracy ulrich ulrike "
    "ursula uwe valentina valerie vanessa vera veronica victor victoria viktor vincent virginia vivian "
    "vladimir walter wanda wei werner wilhelm william wolfgang xavier xin yan yasmin yuki yusuf yvonne "
    "zoe"
)
_STREETS = _words(
    "street st avenue ave road rd lane ln drive dr boulevard blvd court ct place pl square sq way terrace "
    "highway hwy parkway pkwy circle close crescent alley row quay rue via viale piazza corso strasse "
    "straße str weg platz gasse allee calle avenida plaza paseo rua estrada laan straat gracht vagen "
    "gatan vej gade tie katu ulica ul suite apt apartment unit floor box"
)
_STREET_ENDINGS = tuple(
    _words("strasse straße weg gasse platz allee straat laan gatan vägen veien katu"),
)
_TITLES = _words(
    "mr mrs ms miss dr prof professor herr frau monsieur madame mme sir dame sra sr senor señor señora"
)
_PARTICLES = _words("de da di van von der den la le el al bin ibn dos du ter zu")


# words that begin sentences and headings: capitals that are not names
_COMMON = _words(
    "the a an i it is are was he she they we you this that these those my your our his her their please "
    "can could would will what who when where why how if in on at for from to of and or but not no yes "
    "dear hi hello hey thanks thank regards best sincerely customer name email phone address contact "
    "patient employee user client summarise summarize write draft translate explain create make add "
    "update use fix check find list show give tell help review prepare improve all as by with there here "
    "after before because company inc ltd gmbh ag corp llc group university bank january february march "
    "april may june july august september october november december monday tuesday wednesday thursday "
    "friday saturday sunday north south east west new city po"
)
# of these a capital alone says nothing: they begin sentences, and are nobody's name
_OPENERS = (
    _COMMON
    | _words(
        "give describe provide generate summarize explain identify classify suggest come list edit based "
        "imagine determine calculate compare analyze do does did should now then however also some many most "
        "more other another each every any both such so than too very just only over under while during "
        "since until although though whether either neither its thank sorry sure ok okay have has had been"
    )
) - _words("may april june august dear will north south east west new city po bank mark university")


@dataclass(frozen=True, slots=True)
class _Looks:
    """Features of a token for the model, alone and as a neighbour, and whether a name or an address may
    contain it.
    """

    own: tuple[str, ...]
    before: tuple[str, ...]  # as the token before another one
    after: tuple[str, ...]
    two_before: str
    two_after: str
    kind: str
    telling: bool


def _word(token: str) -> tuple[str, ...]:
    """Return the features of a token. Whole words are used only in lower case, where they are nobody's
    name.
    """
    lower = token.lower()
    if token.isdigit():
        return (f"d{min(len(token), 7)}", "digit")
    if not token[0].isalpha():
        return (f"p{token}", "sign")
    if token.islower():
        kind = "particle" if lower in _PARTICLES else "street" if lower in _STREETS else "small"
        return (f"w{lower}", kind)
    shape = "upper" if token.isupper() and len(token) > 1 else "initial" if len(token) == 1 else "title"
    flags = [shape, f"{shape}{lower[-3:]}", f"{shape}{lower[-2:]}"]
    if lower in FIRST_NAMES:
        flags.append("firstname")
    if lower in _STREETS or lower.endswith(_STREET_ENDINGS):
        flags.append("street")
    if lower in _TITLES:
        flags.append("title-word")
    if lower in _COMMON:
        flags.append(f"w{lower}")
    return tuple(flags)


class _KnownLooks(dict[str, _Looks]):
    """Cache of token features."""

    def __missing__(self, token: str) -> _Looks:
        own = _word(token)
        looks = _Looks(
            own=own,
            before=tuple(f"-{one}" for one in own),
            after=tuple(f"+{one}" for one in own),
            two_before=f"--{own[0]}",
            two_after=f"++{own[0]}",
            kind=own[-1],
            telling=own[-1] in ("digit", "street")
            or (token.lower() != token and token.lower() not in _OPENERS),
        )
        if len(self) < _MOST_KNOWN:
            self[token] = looks
        return looks


_MOST_KNOWN = 50_000
_LOOKS = _KnownLooks()
_REACH = 4  # tokens on both sides of a telling one that the model is asked about


def features(tokens: Sequence[str]) -> list[list[str]]:
    """Return for each token its own features and those of two neighbours on each side."""
    looks = [_LOOKS[token] for token in tokens]
    return _rows(looks, 0, len(looks))


def _rows(looks: Sequence[_Looks], begin: int, end: int) -> list[list[str]]:
    rows: list[list[str]] = []
    last = len(looks) - 1
    for index in range(begin, end):
        own = looks[index]
        row = [*own.own]
        if index == 0:
            row.append("first")
        else:
            before = looks[index - 1]
            row += before.before
            row.append(f"{before.kind}|{own.kind}")
            if index > 1:
                row.append(looks[index - 2].two_before)
        if index < last:
            after = looks[index + 1]
            row += after.after
            row.append(f"{own.kind}|+{after.kind}")
            if index + 1 < last:
                row.append(looks[index + 2].two_after)
        rows.append(row)
    return rows


def _passages(looks: Sequence[_Looks]) -> Iterator[tuple[int, int]]:
    """Yield ranges of tokens that may contain names and addresses: those near a capital, a number or a
    street.
    """
    begin = end = 0
    for index, one in enumerate(looks):
        if not one.telling:
            continue
        if index - _REACH > end:
            if end:
                yield begin, end
            begin = index - _REACH
            while begin and looks[begin].kind != "small":  # the first word must be in nobody's name
                begin -= 1
        end = min(len(looks), index + _REACH + 1)
    if end:
        yield begin, end


def tokens_of(line: str) -> list[tuple[str, int, int]]:
    """Return the tokens of a line with their offsets."""
    return [(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(line)]


@lru_cache(maxsize=1)
def _tagger() -> Tagger:
    tagger = Tagger()
    tagger.open(str(MODEL))
    return tagger


def find(text: str) -> list[Span]:
    """Return names and addresses in the text. An address may span lines."""
    found: list[Span] = []
    position = 0
    for line in text.split("\n"):
        if _CANDIDATE.search(line) and len(line) >= 4:
            for start in range(0, len(line), _MAX_LINE):
                found.extend(_in_line(line[start : start + _MAX_LINE], position + start))
        position += len(line) + 1
    return _joined(text, found)


def _in_line(line: str, offset: int) -> Iterator[Span]:
    tokens: list[str] = _TOKEN.findall(line)
    looks = [_LOOKS[token] for token in tokens]
    places: list[tuple[str, int, int]] = []
    for begin, end in _passages(looks):
        tags = _tagger().tag(_rows(looks, begin, end))
        for kind, first, last in _entities(tags):
            if _plausible(kind, tokens[begin + first : begin + last]):
                places = places or tokens_of(line)
                start, stop = places[begin + first][1], places[begin + last - 1][2]
                yield Span(kind, offset + start, offset + stop, _SCORES[kind], "names-crf")


def _entities(tags: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield (type, first, last + 1) of tagged entities."""
    index = 0
    while index < len(tags):
        end = index + 1
        if tags[index] != "O":
            kind = tags[index][2:]
            while end < len(tags) and tags[end] == f"I-{kind}":
                end += 1
            yield kind, index, end
        index = end


def _plausible(kind: str, tokens: list[str]) -> bool:
    if kind == "PERSON":
        return any(len(token) > 1 and token[0].isupper() for token in tokens) and not any(
            map(str.isdigit, tokens)
        )
    return len(tokens) >= 2 and any(map(str.isdigit, tokens))


def _joined(text: str, spans: list[Span]) -> list[Span]:
    """Join parts of one address on adjacent lines."""
    joined: list[Span] = []
    for span in spans:
        before = joined[-1] if joined else None
        if (
            before
            and before.type == span.type == "ADDRESS"
            and span.start - before.end <= _MAX_ADDRESS_GAP
            and not text[before.end : span.start].strip(" ,\r\n")
        ):
            joined[-1] = Span("ADDRESS", before.start, span.end, span.score, span.rule)
        else:
            joined.append(span)
    return joined

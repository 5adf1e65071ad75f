"""People's names and postal addresses, by a conditional random field over the words of a line (L2.3).

The model (`models/names.crfsuite`, made by `python -m bench.inspection_training names`) sees shapes,
endings, the words around and a list of first names; never whole surnames, so that it does not depend on
whose names it was made from. A name alone is Internal: public persons fill the news. It is the name beside a
health, personnel or legal matter that is Restricted (`lambdas.inspection.meaning`).
"""

from collections.abc import Iterator, Sequence
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


@lru_cache(maxsize=20_000)
def _word(token: str) -> tuple[str, ...]:
    """What a token looks like. Whole words only where they are written small: those are nobody's name."""
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


def features(tokens: Sequence[str]) -> list[list[str]]:
    """For each token its own looks and those of two neighbours on each side."""
    looks = [_word(token) for token in tokens]
    rows: list[list[str]] = []
    last = len(looks) - 1
    for index, own in enumerate(looks):
        row = list(own)
        if index == 0:
            row.append("first")
        else:
            row += [f"-{one}" for one in looks[index - 1]]
            row.append(f"{looks[index - 1][-1]}|{own[-1]}")
            if index > 1:
                row.append(f"--{looks[index - 2][0]}")
        if index < last:
            row += [f"+{one}" for one in looks[index + 1]]
            row.append(f"{own[-1]}|+{looks[index + 1][-1]}")
            if index + 1 < last:
                row.append(f"++{looks[index + 2][0]}")
        rows.append(row)
    return rows


def tokens_of(line: str) -> list[tuple[str, int, int]]:
    """The tokens of a line with their offsets."""
    return [(match.group(), match.start(), match.end()) for match in _TOKEN.finditer(line)]


@lru_cache(maxsize=1)
def _tagger() -> Tagger:
    tagger = Tagger()
    tagger.open(str(MODEL))
    return tagger


def find(text: str) -> list[Span]:
    """Names and addresses in the text. An address may go on over line ends."""
    found: list[Span] = []
    position = 0
    for line in text.split("\n"):
        if _CANDIDATE.search(line) and len(line) >= 4:
            for start in range(0, len(line), _MAX_LINE):
                found.extend(_in_line(line[start : start + _MAX_LINE], position + start))
        position += len(line) + 1
    return _joined(text, found)


def _in_line(line: str, offset: int) -> Iterator[Span]:
    tokens = tokens_of(line)
    if not tokens:
        return
    tags = _tagger().tag(features([token for token, _, _ in tokens]))
    index = 0
    while index < len(tags):
        if tags[index] == "O":
            index += 1
            continue
        kind = tags[index][2:]
        end = index + 1
        while end < len(tags) and tags[end] == f"I-{kind}":
            end += 1
        if _plausible(kind, [token for token, _, _ in tokens[index:end]]):
            start, stop = offset + tokens[index][1], offset + tokens[end - 1][2]
            yield Span(kind, start, stop, _SCORES[kind], "names-crf")
        index = end


def _plausible(kind: str, tokens: list[str]) -> bool:
    if kind == "PERSON":
        return any(len(token) > 1 and token[0].isupper() for token in tokens) and not any(
            map(str.isdigit, tokens)
        )
    return len(tokens) >= 2 and any(map(str.isdigit, tokens))


def _joined(text: str, spans: list[Span]) -> list[Span]:
    """Parts of one address on adjacent lines are one finding."""
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

"""An organisation's own matters in languages that the model of meaning hardly knows: own words beside strong
ones (G.1).

Italian, Dutch, Portuguese, Polish, Japanese, Chinese, Korean; German, French and Spanish in addition to the
model. A word of a matter counts in a sentence that speaks of "our" or "we", or of a person by a title.
"""

from collections.abc import Iterator

from lambdas.inspection.expressions import Expression, Places, around
from lambdas.inspection.findings import Span

_OWN = (
    r"\b(?:nostr[aoie]|noi|mio|mia|miei|onze?|wij|ons|mijn|noss[ao]s?|nós|meu|minha|nasz\w*|mój|moja|moje"
    r"|notre|nos|nous"
    r"|nuestr\w+|nosotros|unser\w*|wir|mein\w*)\b"
    r"|弊社|当社|我々|わが社|我が社|うち(?:の会社|では)|私たち|当院|社内|我们|我公司|我司|本公司|公司内部"
    r"|우리|당사|저희|사내"
)
_PERSON = (
    r"\b(?:paziente|patiënte?|paciente|pacjent\w*|signora?|sig\.|meneer|mevrouw|senhora?|sra?\.|pani?|herrn?"
    r"|frau|madame|monsieur|señora?)\b"
    r"|さん|氏|様|君(?=[はがのをに])|部長|課長|先生|女士|患者|同事|员工|经理|씨|님|환자|과장|부장"
)
# class -> its words, by language; stems end in a star
_WORDS: dict[str, str] = {
    "PERSONNEL": (
        "licenziament*|licenziare|esuber*|lettera di richiamo|provvedimento disciplinare|ontslag*|ontslaan"
        "|reorganisatie"
        "|functioneringsgesprek|disciplinair*|demissão|demissões|demitir|despedimento*|advertência|processo "
        "disciplinar|zwolni*|zwolnień|nagan*"
        "|dyscyplinarn*|mobbing*|licenciement*|despido*|entlassung*|abmahnung*|aufhebungsvertr*|解雇|リストラ"
        "|退職勧奨|懲戒"
        "|人員削減|人事評価|降格"
        "|ハラスメント|裁员|解雇|开除|辞退|降职|处分|해고|구조조정|징계|인사평가|권고사직|감원"
    ),
    "LEGAL": (
        "avvocat*|causa legale|contenzioso|advoca*|rechtszaak|dagvaarding|schikking|advogad*|processo "
        "judicial|litígio|prawnik*|adwokat*"
        "|pozew|ugod*|顧問弁護士|弁護士|訴訟|提訴|律师|诉讼|起诉|변호사|소송"
    ),
    "MNPI": (
        "non ancora pubblic*|non ancora annunciat*|utile del trimestre|acquisizione|nog niet gepubliceerd"
        "|nog niet openbaar|kwartaalcijfers"
        "|overname|ainda não divulgad*|ainda não publicad*|ainda não anunciad*|resultados do trimestre"
        "|aquisição"
        "|jeszcze nie ogłoszon*"
        "|jeszcze nie opublikowan*|wyniki kwartaln*|przejęci*|fuzj*|未公表|公表前|決算|業績予想|買収|合併"
        "|増資"
        "|未公布|未公开|尚未公布|尚未公开"
        "|尚未披露"
        "|财报|收购|并购|미공개|공시 전|실적|인수|합병"
    ),
    "TRADE_SECRET": (
        "formula segreta|ricetta segreta|segreto industriale|bedrijfsgeheim*|geheime formule|geheim recept"
        "|inkoopprijzen"
        "|segredo industrial|segredo comercial|fórmula secreta|tajemnic* przedsiębiorstwa|tajemnic* handlow*"
        "|tajn* receptur*|企業秘密|営業秘密|製法|配合比"
        "|独自のアルゴリズム|独自アルゴリズム|独自技術|仕入価格|仕入れ価格|商业秘密|商业机密|配方|独有算法"
        "|独有的算法|生产工艺|영업비밀|제조법|배합|독자 알고리즘|독자 기술"
    ),
    "ROADMAP": (
        "non annunciat*|non ancora annunciat*|nog niet aangekondigd*|productroadmap|não anunciad*|ainda não "
        "lançad*|niezapowiedzian*"
        "|未発表|発売予定|新製品|ロードマップ|極秘|社外秘|未发布|新产品|路线图|上市计划|미발표|신제품|출시 "
        "예정"
        "|로드맵|극비"
    ),
}
_ILLNESSES = (
    "depressione|tumore|cancro|incinta|gravidanza|diabete|diagnosi|depressie|kanker|zwanger*|depressão"
    "|câncer|cancro|grávida|depresj*|nowotw*"
    "|ciąż*|cukrzyc*|zawał*|うつ病|がん|癌|妊娠|診断|手術|休職|糖尿病|持病|抑郁症|癌症|怀孕|确诊|诊断|手术"
    "|糖尿病|病假|우울증|암 |임신|진단|수술|당뇨|병가"
)


def _stem(word: str) -> str:
    body = word.replace("*", r"\w*")
    return rf"\b{body}" + ("" if word.endswith("*") else r"\b") if word[0] < "\u0590" else body


def _beside(first: str, words: str) -> Expression:
    """Either before the other in one sentence."""
    chosen = "|".join(map(_stem, words.split("|")))
    gap = r"[^.!?。！？\n]{0,110}?"
    return Expression(rf"(?:{first}){gap}(?:{chosen})|(?:{chosen}){gap}(?:{first})")


def _gates(words: str) -> frozenset[str]:
    return frozenset(word.partition("*")[0].strip() for word in words.split("|"))


_MATTERS: tuple[tuple[str, frozenset[str], Expression], ...] = (
    *((name, _gates(words), _beside(_OWN, words)) for name, words in _WORDS.items()),
    ("PERSONNEL", _gates(_WORDS["PERSONNEL"]), _beside(_PERSON, _WORDS["PERSONNEL"])),
    ("HEALTH", _gates(_ILLNESSES), _beside(_PERSON, _ILLNESSES)),
)
GATES = frozenset().union(*(gates for _, gates, _ in _MATTERS))
_REACH = 260


def find(lower: str, places: Places) -> Iterator[Span]:
    """The first passage of each class in a lower-case text; `places`: where the `GATES` occur in it."""
    for name, gates, expression in _MATTERS:
        if places.keys().isdisjoint(gates):
            continue
        for begin, end in around(places, (gates,), _REACH):
            match = expression.search(lower, begin, end)
            if match:
                yield Span(name, match.start(), match.end(), 0.8, "matter-abroad")
                break

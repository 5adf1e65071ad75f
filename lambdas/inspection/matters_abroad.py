"""An organisation's internal matters in languages that the model of meaning hardly covers: own words beside
strong ones (G.1).

Italian, Dutch, Portuguese, Polish, Japanese, Chinese, Korean; German, French and Spanish in addition to the
model. A word of a matter counts in a sentence that says "our" or "we", or names a person by title.
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
    r"|frau|madame|monsieur|mme|señora?)\b|\bm\. (?=[^\W\d])"
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
        "avvocat*|nostro legale|nostri legali|parere legale|causa legale|contenzioso"
        "|advoca*|rechtszaak|dagvaarding|schikking|advogad*|processo "
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
        "formula segreta|ricetta segreta|segreto industriale|bedrijfsgeheim*"
        "|geheime formule|geheim recept|geheime recept"
        "|inkoopprijzen"
        "|segredo industrial|segredo comercial|fórmula secreta|tajemnic* przedsiębiorstwa|tajemnic* handlow*"
        "|tajn* receptur*|geheimrezept*|geheime rezeptur*|geheimes verfahren|procédé secret|recette secrète"
        "|formule secrète|receta secreta|proceso secreto|企業秘密|営業秘密|製法|配合比|秘密の配合"
        "|秘密のレシピ"
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
    "depressione|tumore|cancro|incinta|gravidanza|diabete|diagnosi|infarto|depressie|*kanker|zwanger*"
    "|hartaanval|burn-out|depressão|câncer|grávida|depresj*|nowotw*|rak piersi|raka|ciąż*|cukrzyc*|zawał*"
    "|*krebs|krebserkrankung|depressionen?|schwanger*|herzinfarkt|schlaganfall|cáncer|depresión|embarazada"
    "|baja médica|ictus|cancer|dépression|enceinte|infarctus|arrêt maladie|diabétique|sclérose|épilepsie"
    "|chimiothérapie|leucémie|diabetes|diabétic*|asma|epilepsia|quimioterapia|leucemia|esclerosis|enfarte|avc"
    "|esclerose|sclerosi|epilessia|chemioterapia|hersenbloeding|beroerte|chemotherap*|leukemie|epilepsie"
    "|udar|białaczk*|padaczk*|chemioterapi*|krankgeschrieben|burnout|leukämie|multiple sklerose"
    "|心筋梗塞|脳梗塞|脳卒中|白血病|心肌梗塞|心梗|中风|脑梗|심근경색|뇌졸중|뇌경색|백혈병"
    "|うつ病|がん|癌|妊娠|診断|手術|休職|糖尿病|持病|抑郁症|癌|怀孕|确诊|诊断|手术"
    "|糖尿病|病假|우울증|암 |유방암|위암|폐암|간암|대장암|갑상선암|암에 |암으로 |임신|진단|수술|당뇨|병가"
)
# what nobody outside knows yet
_SECRECY = (
    "weiß noch niemand|niemand erfahren|noch nicht öffentlich|das ist noch nicht bekannt"
    "|noch nicht veröffentlicht|noch nicht angekündigt|veröffentlichen wir erst|personne ne le sait"
    "|personne ne sait encore que|pas encore public|pas encore publique|pas encore publié*"
    "|pas encore annoncé*|nadie lo sabe|nadie sabe todavía que|aún no es públic*|todavía no es públic*"
    "|aún no se ha anunciado|aún no se ha publicado|todavía no se ha anunciado|todavía no se ha publicado"
    "|nessuno lo sa|non è ancora pubblic*|non ancora pubblic*|non è ancora stato annunciat*"
    "|niemand weet het|niemand weet dit|dat is nog niet bekend|nog niet openbaar|nog niet aangekondigd"
    "|ninguém sabe ainda|ainda ninguém sabe|ainda não é públic*|ainda não foi anunciad*"
    "|ainda não foi divulgad*|nikt jeszcze o tym|nikt o tym|nie jest jeszcze publiczn*"
    "|nie jest to jeszcze publiczn*|jeszcze nie ogłos*|まだ誰も知|公表していま|公表されてい|公表前|未公表"
    "|未発表|発表していま|还没有人知道|还没人知道|还没有公布|还没公布|尚未公布|未公布|还没有公开|尚未公开"
    "|아직 아무도 모|아직 공개|미공개|아직 발표"
)
# of those whom it concerns
_UNTOLD = (
    "weiß noch nichts|wissen noch nichts|n'est pas au courant|ne sont pas au courant|no lo sabe|no lo saben"
    "|non lo sa|non lo sanno|weet het nog niet|weten het nog niet|não sabe|não sabem|jeszcze nie wiedz*"
    "|nie wiedzą|まだ伝えて|还不知道|아직 모"
)
_RESULTS = (
    "*gewinn|*umsatz|*ergebnis|prognose|*übernahme|übernehmen|kaufen|bénéfice*|chiffre d'affaires|résultats?"
    "|racheter|rachat|acquérir|beneficio*|facturación|comprar|adquirir|adquisición|fusión|utile|fatturato"
    "|compreremo|compriamo|acquisteremo|acquisizione|winst|omzet|kwartaal*|overnemen|overname|nemen|lucro"
    "|faturação|faturamento|adquirir|aquisição|zysk*|przychod*|kupujemy|przejm*|przejęci*|fuzj*|利益|売上"
    "|業績|決算|買収|合併|利润|营收|业绩|收购|并购|이익|매출|실적|인수|합병"
)
_PLANS = (
    "produktlinie|produkt|modell|einstellen|markteinführung|gamme|produit|modèle|lancer|lancement|producto"
    "|modelo|lanzar|lanzamiento|prodotto|modello|lanciare|lancio|product|productlijn|lanceren|lancering"
    "|produto|lançar|lançamento|produktu|produkty|linię produktów|wprowadz*|製品|発売|サービス終了"
    "|产品|上市|推出|停产"
    "|제품|출시|단종"
)
# the end of somebody's employment
_ENDED = (
    r"(?:sein|ihr|dein)(?:e[nms]?)? (?:arbeitsverhältnis|arbeitsvertrag)[^\n]{0,60}"
    r"(?:beenden|kündigen|auflösen|nicht verlänger)"
    r"|verlängern (?:seinen|ihren|deinen) (?:arbeits)?vertrag nicht"
    r"|(?:mett(?:re|ons|ez)|mettrons) fin à (?:son|leur) contrat|romp\w+ son contrat"
    r"|(?:rescind|termin|finaliz|extingui)\w* su contrato|no (?:le )?renov\w+ (?:el|su) contrato"
    r"|(?:chiud|risolv|rescind|termin|cess)\w* il suo contratto|non rinnov\w+ il suo contratto"
    r"|(?:zijn|haar) (?:contract|arbeidsovereenkomst)[^.\n]{0,40}(?:beëindig|opzeg|niet verleng)"
    r"|rescind\w+ o contrato (?:dele|dela|do senhor|da senhora)|não renov\w+ o contrato (?:dele|dela)"
    r"|rozwiąz\w+ (?:z (?:nim|nią|pan\w+|\w+) )?umow\w+(?! (?:na |z (?:operat|dostaw|klient)|naj"
    r"|kredyt|leas|ubezp))"
    r"|nie przedłuż\w+ (?:mu|jej) umow\w+"
    r"|(?:さん|氏|様|君|彼|彼女)[^。\n]{0,30}(?:雇用|労働)契約[^。\n]{0,8}(?:終了|解除|打ち切|更新しな)"
    r"|(?:他|她|先生|女士)[^。\n]{0,20}(?:终止|解除|不续签|不再续签)[^。\n]{0,8}合同"
    r"|(?:终止|解除|不续签|不再续签)(?:他|她)的[^。\n]{0,4}合同"
    r"|(?:씨|님)[^.\n]{0,30}(?:고용|근로) ?계약[^.\n]{0,8}(?:종료|해지|해제|연장하지)"
)
# a letter to somebody that ends or endangers it; templates are for nobody
_LETTERS = (
    r"(?:kündigungsschreiben|kündigung|abmahnung|aufhebungsvertrag) (?:für|an) (?!ein"
    r"|die |den |mitarb|muster)\w+"
    r"|lettre (?:d'avertissement|de licenciement) (?:pour|à|de) (?!une?\b|des\b|les\b|salari|un salari)\w+"
    r"|carta de (?:despido|amonestación) (?:de|para|a) (?!una?\b|los\b|las\b|emplead|trabajador|ejemplo)\w+"
    r"|lettera di (?:licenziamento|richiamo) (?:per|a) (?!una?\b|i\b|gli\b|dipendent|esempio)\w+"
    r"|(?:ontslagbrief|waarschuwingsbrief) (?:voor|aan) (?!een\b|de\b|werknemer|medewerker)\w+"
    r"|carta de (?:despedimento|demissão|advertência) (?:para|d[aoe]) (?!uma?\b|funcion|trabalhador)\w+"
    r"|(?:wypowiedzenie|naganę|naganę pisemną|upomnienie) dla (?!pracownik|każd|firm)\w+"
    r"|给[^\s。，]{1,6}写[^。\n]{0,12}(?:解雇|辞退|解聘|开除|警告)(?:通知|信|书)"
)
_OF_LETTERS = frozenset(
    ("kündigung", "abmahnung", "aufhebungsvertrag", "licenciement", "avertissement", "despido",
     "amonestación", "licenziamento", "richiamo", "ontslagbrief", "waarschuwingsbrief", "despedimento",
     "demissão", "advertência", "wypowiedzenie", "naganę", "upomnienie", "通知", "警告信", "警告书", "解聘书")
)  # fmt: skip
# so many jobs will go
_CUTS = (
    r"abbau von \d+ stellen|\d+ stellen (?:abbau|streich)\w*|streich\w* \d+ stellen|bauen \d+ stellen"
    r"|supprim\w+ \d+ (?:postes|emplois)|(?:suprim|elimin|recort)\w+ \d+ (?:puestos|empleos)"
    r"|(?:tagli|elimin|ridu)\w* \d+ posti|schrap\w+ \d+ banen"
    r"|(?:cort|elimin|reduz)\w+ \d+ (?:postos|empregos)"
    r"|(?:likwid|zwaln|redu)\w* \d+ (?:etat|stanowisk|os|prac)\w*|\d+人を?(?:削減|解雇)|裁(?:掉|减|员)\d+"
    r"|\d+명을? ?(?:감축|해고|감원)"
)
# away from work because of it, whatever it is
_SICK = (
    r"krankgeschrieben|im krankenstand|fehlgeburt|en arrêt (?:maladie|pour)|de baja (?:por|médica)"
    r"|in malattia"
    r"|zit (?:ziek )?thuis|ziekteverlof|de baixa (?:por|médica)|na zwolnieniu|(?:障害|症|炎|病)で(?:休|入院)"
    r"|因[^，。\n]{1,8}(?:症|病|炎)|(?:장애|증|염|병)(?:가|이)? ?(?:때문에|(?:으)?로) ?(?:쉬|입원|휴직)"
)
_OF_SICK = frozenset(
    ("krankgeschrieben", "krankenstand", "fehlgeburt", "en arrêt", "de baja", "in malattia", "thuis",
     "ziekteverlof", "de baixa", "na zwolnieniu", "で休", "で入院", "症", "病", "炎", "쉬", "입원", "휴직")
)  # fmt: skip
# a case that one may lose
_LOST = (
    r"\b(?:wir|unser\w*|ons|onze|wij|we|nous|notre)\b[^.!?\n]{0,50}\b(?:prozess|rechtszaak|procès)\b"
    r"[^.!?\n]{0,40}"
    r"\b(?:verlier\w*|verlie[sz]\w*)|\bwaarom we de rechtszaak"
    r"|\bnous (?:risquons de|allons|pourrions) perdre le procès"
    r"|\b(?:podemos|podríamos|vamos a) perder el (?:juicio|pleito)"
    r"|\b(?:rischiamo di|potremmo) perdere la causa"
    r"|\b(?:podemos|poderíamos|vamos) perder (?:o processo|a ação)"
    r"|\b(?:możemy|pewnie) przegra\w+ (?:proces|sprawę)"
    r"|(?:裁判|訴訟)[^。\n]{0,10}(?:当社|我々|弊社)[^。\n]{0,8}負け|我们[^。\n]{0,10}(?:输掉|败诉)"
    r"|(?:재판|소송)[^.\n]{0,8}(?:우리|당사)[^.\n]{0,6}(?:질|패소)"
)
_OF_LOST = frozenset(
    ("prozess", "rechtszaak", "procès", "juicio", "pleito", "causa", "processo", "a ação", "proces", "sprawę",
     "裁判", "訴訟", "输掉", "败诉", "재판", "소송")
)  # fmt: skip
# of one's own: what will be announced, and has not been
_DEALS = (
    "*verkauf unser*|verkauf der|*umsatz|*gewinn|zukauf|cession|vente de|rachat|venta de|vender|vendita"
    "|verkoop"
    "|venda|sprzeda*|売却|買収|合併|出售|收购|并购|매각|인수|합병"
)
_PLANNED = (
    "geben wir am|geben es am|bekanntgabe|vor der pressekonferenz|vor der bekanntgabe|veröffentlichen wir"
    "|l'annonce est|l'annonce sera|avant l'annonce|annonçons|se anuncia|el anuncio|antes del anuncio"
    "|lo anunciamos|l'annuncio è|prima dell'annuncio|lo annunciamo|maken we het|maken wij het"
    "|voor de bekendmaking|o anúncio é|antes do anúncio|anunciamos|ogłosimy|ogłaszamy|przed ogłoszeniem"
    "|発表は|発表予定|発表前|公表は|公表予定|公布前|周一公布|周二公布|周三公布|周四公布|周五公布|下周公布|即将公布|将于"
    "|발표합니다|발표할|발표 예정|발표 전|공시 예정"
)
_OF_CONTRACTS = frozenset(
    (
        "arbeitsverhältnis",
        "vertrag",
        "contrat",
        "contract",
        "arbeidsovereenkomst",
        "umow",
        "契約",
        "合同",
        "계약",
    )
)


def _stem(word: str) -> str:
    if word.lstrip("*")[0] >= "\u0590":
        return word
    body = word.strip("*").replace("* ", r"\w* ")
    return ("" if word.startswith("*") else r"\b") + body + ("" if word.endswith("*") else r"\b")


def _any(words: str) -> str:
    return "|".join(map(_stem, words.split("|")))


def _beside(first: str, words: str, gap: str = r"[^.!?。！？\n]{0,110}?") -> Expression:
    """Return an expression for either before the other, in one sentence."""
    chosen = _any(words)
    return Expression(rf"(?:{first}){gap}(?:{chosen})|(?:{chosen}){gap}(?:{first})")


def _own_and(words: str, later: str) -> Expression:
    """Return an expression for a word of an internal matter followed, also in the next sentence, by its
    consequence.
    """
    return Expression(
        rf"(?:(?:{_OWN})[^.!?。！？\n]{{0,80}}?(?:{_any(words)})|(?:{_any(words)})[^.!?。！？\n]{{0,80}}?(?:{_OWN}))"
        rf"[^\n]{{0,90}}?(?:{_any(later)})"
    )


def _gates(words: str) -> frozenset[str]:
    return frozenset(word.strip("*").partition("*")[0].strip() for word in words.split("|"))


_FAR = r"[^\n]{0,110}?"  # over the end of a sentence
_MATTERS: tuple[tuple[str, frozenset[str], Expression], ...] = (
    *((name, _gates(words), _beside(_OWN, words)) for name, words in _WORDS.items()),
    ("PERSONNEL", _gates(_WORDS["PERSONNEL"]), _beside(_PERSON, _WORDS["PERSONNEL"])),
    ("HEALTH", _gates(_ILLNESSES), _beside(_PERSON, _ILLNESSES)),
    ("PERSONNEL", _OF_CONTRACTS, Expression(_ENDED)),
    ("PERSONNEL", _OF_LETTERS, Expression(_LETTERS)),
    (
        "PERSONNEL",
        _gates(_UNTOLD),
        Expression(rf"(?:{_any(_UNTOLD)}){_FAR}(?:{_CUTS})|(?:{_CUTS}){_FAR}(?:{_any(_UNTOLD)})"),
    ),
    (
        "HEALTH",
        _OF_SICK,
        Expression(
            rf"(?:{_PERSON})[^.!?。！？\n]{{0,90}}?(?:{_SICK})|(?:{_SICK})[^.!?。！？\n]{{0,60}}?(?:{_PERSON})"
        ),
    ),
    ("LEGAL", _OF_LOST, Expression(_LOST)),
    ("MNPI", _gates(_PLANNED), _own_and(_DEALS, _PLANNED)),
    ("LEGAL", frozenset(("nostro legale", "nostri legali")), Expression(r"\bnostr[oi] legal[ei]\b")),
    ("MNPI", _gates(_SECRECY), _beside(_any(_SECRECY), _RESULTS, _FAR)),
    ("ROADMAP", _gates(_SECRECY), _beside(_any(_SECRECY), _PLANS, _FAR)),
)
GATES = frozenset().union(*(gates for _, gates, _ in _MATTERS))
_REACH = 260


def find(lower: str, places: Places) -> Iterator[Span]:
    """Yield the first passage of each class in a lower-case text; `places`: where the `GATES` occur in it."""
    for name, gates, expression in _MATTERS:
        if places.keys().isdisjoint(gates):
            continue
        for begin, end in around(places, (gates,), _REACH):
            match = expression.search(lower, begin, end)
            if match:
                yield Span(name, match.start(), match.end(), 0.8, "matter-abroad")
                break

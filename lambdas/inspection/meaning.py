"""Subject of a text: matters that must not reach Claude even without a telling number or name (G.1).

There are two kinds of evidence: a linear model that distinguishes an organisation's internal matters from
general questions, and a lexicon that names the class. A passage counts only if both agree, or if the
lexicon alone is unmistakable. A person's name beside a health, personnel or legal term is Restricted.
"""

import re
from collections.abc import Iterator

from lambdas.inspection import linear, matters_abroad
from lambdas.inspection.context import Kind
from lambdas.inspection.expressions import Expression, Places, around
from lambdas.inspection.findings import Channel, DataClass, Span
from lambdas.inspection.published import is_published

LEVELS: dict[str, DataClass] = {
    "PERSONNEL": DataClass.RESTRICTED,
    "LEGAL": DataClass.RESTRICTED,
    "MNPI": DataClass.RESTRICTED,
    "HEALTH": DataClass.RESTRICTED,
    "TRADE_SECRET": DataClass.CONFIDENTIAL,
    "ROADMAP": DataClass.CONFIDENTIAL,
}
THRESHOLD = 0.55
LONG_THRESHOLD = 0.85  # long texts have many windows: each must be surer
_LONG = 1_500  # characters
_FEWEST_WORDS = 3  # "maximum: 9007199254740991" is about nothing
_FEW_SENTENCES = 4
_SHORTEST_PAIR = 80  # characters: two headings say too little
_PARAGRAPH = Expression(r"[^\n]+(?:\n[ \t]*[^\s][^\n]*)*")
_SENTENCE_END = Expression(r"[.!?](?=\s)|\n")

_ILLNESSES = (
    "depression depressed anxiety bipolar schizophrenia epilepsy seizure diabetes diabetic asthma cancer "
    "tumour tumor leukemia "
    "lymphoma melanoma carcinoma chemotherapy radiotherapy hiv aids hepatitis tuberculosis covid pneumonia "
    "bronchitis arthritis "
    "osteoporosis dementia alzheimer parkinson multiple-sclerosis stroke migraine hypertension angina "
    "arrhythmia infarction "
    "heart-attack heart-disease kidney-disease dialysis cirrhosis colitis crohn ulcer anemia haemophilia "
    "thrombosis obesity anorexia "
    "bulimia adhd autism ptsd ocd burnout insomnia suicidal self-harm addiction alcoholism overdose rehab "
    "psychosis psychiatric "
    "pregnant pregnancy miscarriage abortion ivf infertility endometriosis menopause syphilis gonorrhea "
    "herpes chlamydia std "
    "surgery biopsy transplant amputation fracture concussion disability disabled lupus psoriasis eczema "
    "glaucoma cataract "
    "fibromyalgia sclerosis chronic-fatigue long-covid allergic allergy diagnosed diagnosis prognosis "
    "symptoms prescribed "
    "insulin metformin lithium warfarin sertraline fluoxetine prozac xanax diazepam methadone oxycodone "
    "morphine adderall ritalin "
    "lisinopril atorvastatin levothyroxine amoxicillin penicillin prednisone tamoxifen humira "
    "antidepressant antidepressants "
    "hba1c ldl cholesterol tsh biopsy mri x-ray blood-pressure"
)


# beside a name in a change log these are not illnesses
_AMBIGUOUS = "disabled symptoms std stroke diagnosis ulcer aids fracture transplant lithium angina mri ocd"


def _words(text: str, without: str = "") -> str:
    return "|".join(
        re.escape(word).replace("\\-", "[ -]")
        for word in sorted({*text.split()} - {*without.split()}, key=lambda w: (-len(w), w))
    )


# what a passage's class is called after: each hit is a vote
_LEXICON: dict[str, Expression] = {
    "PERSONNEL": Expression(
        r"\b(?:terminat\w+|dismiss\w+|layoffs?|lay(?:ing)? off|laid off|redundan\w+|severance|fire[ds]?"
            r"|firing|let go|disciplin\w+|grievance|harass\w+|misconduct|performance (?:review|improvement"
            r"|rating|plan)|appraisal|"
        r"below expectations|underperform\w*|underpaid|salar(?:y|ies)|pay ?roll|pay bands?|compensation"
            r"|bonus(?:es)?|equity|raise|promot(?:e|ed|ion)|demot\w+|employees?|hiring|hire|candidates?"
            r"|applicants?|background check|"
        r"withdraw the offer|exit interview|hr|human resources|works council|sick[- ]leave|medical leave"
            r"|parental leave|leave of absence|personnel|headcount|jobs|rank these|warning letter"
            r"|written warning|pip|resign\w*|"
        r"ratings|calibration|probation|suspension|suspend\w*|demotion|reprimand|contract|pay|paid|earns?"
        r"|wages?"
            r"|allowance|overtime|bullying|bullied|discriminat\w*|complain\w*|accus\w+|position|role|reports"
            r"|360|feedback|self-assessment|nine-box|absent|replace\w*|pregnant|shifts?|manager|supervisor"
            r"|colleague|coworker|interview|offer letter|notice|selection matrix|leavers?|passed over|"
        r"k(?:ü|u)ndigung\w*|gek(?:ü|u)ndigt|entlass\w*|abmahn\w*|aufhebungsvertrag|zeugnis|gehalt\w*"
        r"|mitarbeiter\w*"
            r"|probezeit\w*|versetzung|verdient|licenci\w*|avertissement|salari(?:é|e)e?|salaire|prime"
            r"|rupture"
            r"|despid\w*|despedid\w*|amonestaci(?:ó|o)n|finiquito|sancion\w*|emplead\w+|sueldo|salario|"
        r"succession|talent|rating|one-on-one|absentee\w*|whistleblow\w*|union)\b"
    ),
    "LEGAL": Expression(
        r"\b(?:counsel|attorneys?|lawyers?|law firm|litigation|lawsuit|suit|sued?|suing|court|privileged?"
            r"|work product|depositions?|discovery|subpoena|settle(?:ment|d)?|arbitration|plaintiff"
            r"|defendant|injunction|liab(?:le|ility)|"
        r"legal (?:position|advice|opinion|hold|risk|team|matter)|our legal|legal says|breach(?:ed)? (?:the"
            r"|of) contract|broke the contract|infring\w+|indemn\w+|cease[- ]and[- ]desist|regulator'?s?"
            r"|investigat\w+|compliance|antitrust|"
        r"solicitors?|barristers?|litigators?|gc|general counsel|mediation|tribunal|trial|hearing|claims?"
        r"|claimants?"
            r"|claimant'?s?|prosecutor|summons|writ|pleading|affidavit|brief|antitrust|cartel|brib\w+"
            r"|kickbacks?"
            r"|sanctions|whistleblow\w*|hotline|hold notice|preserve|admission|defen[cs]e|opposing|redline"
            r"|violat\w+|breach\w*|lawful|judge|patent|inquiry|raid\w*|franchisees|paid an official|"
        r"anw(?:ä|a)lt\w*|kanzlei|rechtsstreit|klage\w*|verklagt|prozess\w*|syndikus|vergleich\w*|gutachten"
            r"|rechtsabteilung|ermittl\w*|kartellamt|avocats?|litige|plainte|assignation|transaction|tribunal"
            r"|poursuivi\w*|abogad\w+|bufete|demanda\w*|litigio|dictamen|"
        r"witness|testimony|verdict|appeal|dispute|claim against|exposure|legal)\b"
    ),
    "MNPI": Expression(
        r"\b(?:earnings|eps|ebitda?|guidance|consensus|revenue|profit warning|quarterly|q[1-4]|results"
            r"|merger|acqui(?:re|sition|ring)|takeover|tender offer|buy ?back|dividend|8-k|10-[kq]|ad[- ]hoc"
            r"|insiders?|insider list|ipo|"
        r"secondary offering|share price|per share|not (?:yet )?(?:public|disclosed|announced)|undisclosed"
            r"|unpublished|material weakness|restate\w*|auditors?|board approved|due diligence|term sheet"
            r"|deal|valuation|fda|"
        r"net (?:income|loss|profit)|profit|loss|turnover|sales|cash ?flow|outlook|estimate|budget"
        r"|figures|numbers"
            r"|flash|preliminary|unaudited|downgrad\w*|rating agency|rights issue|shares?|stock|options"
            r"|buy|sell"
            r"|letter of intent|loi|spa|offer|board|consensus|orders|leverage|lenders?|banks?|goodwill"
            r"|impair\w*"
            r"|refinanc\w*|underwriters?|synerg\w+|tender|award|readout|endpoint|churn|quarter|annual|"
        r"quartal\w*|umsatz\w*|ergebnis\w*|gewinn|ver(?:ö|o)ffentlich\w*|(?:ü|u)bernahme|(?:ü|u)bernehmen"
        r"|fusion"
            r"|vorstand|ad-hoc|trimestre|r(?:é|e)sultats|chiffre d'affaires|rachat|acquisition|actions|bourse"
            r"|resultados|ventas|p(?:é|e)rdida|fusi(?:ó|o)n|adquisici(?:ó|o)n|acciones|"
        r"bond issue|capital increase|spin-?off|divest\w*|bid|target|financing|market|investors?|disclosed"
            r"|forecast|announcement|steps? down|stepping down|covenant|impairment|write-?down)\b"
    ),
    "HEALTH": Expression(rf"\b(?:patients?|medical|{_words(_ILLNESSES)}|lab results|treatment|therapy"
        rf"|therapist|medication|doctor|hospital|chart|soap|referral|discharge|sick|ill|illness|disease"
        rf"|health|clinic\w*"
        rf"|medicines?|dose|dosage|injur\w+|accident|operation|diagnos\w+|sick note|vaccinat\w+"
        rf"|panic attacks?"
        rf"|pacemaker|psycholog\w+|psychiatr\w+|hip|knee|disc|blood|lab values|scan|lung|lesion|relapse\w*"
        rf"|symptom|seizures?|fainted|collapsed|unconscious|allerg\w+|insured|handover|care plan|pt|mrn"
        rf"|dob|htn"
        rf"|krank\w*|arzt\w*|befund|diagnose|krebs|schwanger\w*|herzinfarkt|schlaganfall|depressionen"
        rf"|therapie\w*"
        rf"|patientin|malade|m(?:é|e)dical|ordonnance|enceinte|h(?:ô|o)pital|hospitalisation|infarctus"
        rf"|d(?:é|e)pression"
        rf"|paciente|embarazada|enferm\w+|historia cl(?:í|i)nica|receta|infarto|depresi(?:ó|o)n|c(?:á"
        rf"|a)ncer)\b"),
    "TRADE_SECRET": Expression(
        r"\b(?:trade secrets?|proprietary|secret (?:formula|recipe|process|sauce|ingredient)"
            r"|formula(?:tion)?|recipe|source code|algorithm|core ip|know-?how|margins?|cost structure"
            r"|pricing model|price floor|yield|etch|process|"
        r"cured?|catalyst|composition|coating|alloy|weights|hyperparameters?|thresholds?|unpatented"
            r"|patent[- ]pending|invention|blueprint|bill of materials|schematic|lab notebook|tooling"
            r"|company confidential|supplier prices?|"
        r"secret|keep secret|competitors?|degrees|temperature|ferment\w+|anneal\w*|solvent|additive|resin"
        r"|strain"
            r"|mixture|method|trick|design|drawings?|tolerances?|settings|parameters|score|scoring"
            r"|coefficients"
            r"|cutoffs?|features|engine|trading strategy|watermark|fingerprint\w*|training (?:recipe"
            r"|data)|code"
            r"|floor|walk-away|key accounts|contract prices|cost (?:list|price|model)|supplier|our eyes only"
            r"|patented|filing|nda|def|function|return|layers|parts|batch|yields?|machine|extrusion|"
        r"rezept\w*|geheim\w*|betriebsgeheimnis|herstellungsverfahren|verfahren|einkaufspreise"
        r"|algorithmus|formel"
            r"|proc(?:é|e)d(?:é|e)|formule|savoir-faire|recette|f(?:ó|o)rmula|secret[ao]|tecnolog(?:í|i)a|"
        r"customer list|bid|discounts?|reverse[- ]engineer\w*|in-house|confidential)\b"
    ),
    "ROADMAP": Expression(
        r"\b(?:roadmap|unreleased|unannounced|not (?:yet )?announced|codenamed?|code name|project [a-z]+"
            r"|embargo|launch(?:es|ed)?|ships?|release plan|beta|prototype|next[- ]gen\w*|tape-?out|upcoming"
            r"|secret|discontinue|sunset|"
        r"ships|shipping|launching|release|released|version|lineup|line-up|backlog|timeline|pipeline|plan"
        r"|planned"
            r"|phase out|drop|close|closing|quit|exit|enter|new (?:product|model|brand|market)|product"
            r"|prd|spec"
            r"|user stories|price|prices|pricing|subscription|tier|under wraps|announce\w*|partner\w*|stealth"
            r"|code-?named|prototypes?|eyes only|open-source|discontinued?|unreleased|go-live|three-year"
            r"|five-year"
            r"|offsite|undercut|next year|autumn|spring|sdk|embargoed|"
        r"produktplanung|fahrplan|unver(?:ö|o)ffentlicht\w*|angek(?:ü|u)ndigt|prototyp|strategie"
        r"|neues produkt|markteintritt"
            r"|feuille de route|prochain produit|lancement|annonc(?:é|e)e?|hoja de ruta|lanzamiento"
            r"|lanzamos|anunciar"
            r"|plan estrat(?:é|e)gico|producto|"
        r"end[- ]of[- ]life|end the|retire|go-to-market|rebrand|keynote|teaser|unveil\w*|specification"
            r"|feature|product line|nobody (?:outside|knows)|design review|pilot build|strategy"
            r"|strategic plan|market entry|expand)\b"
    ),
}  # fmt: skip

# phrases that leave no doubt, in the organisation's own voice: (class, gates, expression)
_UNMISTAKABLE: tuple[tuple[str, frozenset[str], Expression], ...] = tuple(
    (name, frozenset(gates.split("|")), Expression(expression))
    for name, gates, expression in (
        ("LEGAL", "counsel|privilege|work product|lawyers|litigation hold|summons|subpoena|statement of claim"
            "|cease and",
         r"\b(?:our|the company'?s|outside) (?:general |outside |in-house |external )?(?:counsel|lawyers?"
             r"|attorneys?)\b[\w ,']{0,40}\b(?:advis\w+|recommend\w*|think|says?|believes?|warn\w*|memo"
             r"|opinion|estimat\w+|told)\b|\b(?:under|keep|waive|protected by|subject to) (?:the )?(?:legal "
             r"|attorney[- ]client )?privilege\b|\battorney work product\b(?! (?:mean|is|doctrine))"
         r"|\bin anticipation of litigation\b|\bwe have a (?:litigation|legal) hold\b|\b(?:memo|opinion"
             r"|advice|e-?mail) (?:of|from|by) our (?:lawyers|counsel|attorneys|law firm)\b"
         r"|\b(?:we|us|our company)\b[^.?!\n]{0,20}\b(?:got|received|served)\b[^.?!\n]{0,30}\b(?:summons"
             r"|subpoena|statement of claim|cease and desist)\b"),
        ("MNPI", "not public|not yet public|undisclosed|not disclosed|not announced|not yet announced"
            "|insider list|not been announced|nonpublic|non-public|before the announcement"
            "|before the earnings|ahead of the earnings",
         r"\b(?:we|our|the board|the company|us)\b[^.?!\n]{0,120}\b(?:not (?:yet )?(?:been )?(?:public"
             r"|disclosed|announced)|undisclosed|non-?public)\b|\binsider list\b"
             r"|\bundisclosed\b[^.\n]{0,20}:|\b(?:before|ahead of) the (?:earnings|results) (?:release"
             r"|announcement|call)\b[^.?\n]{0,60}\d"),
        ("PERSONNEL", "layoff list|termination letter|severance|performance improvement plan|disciplinary"
            "|redundancy list|written warning|dismissal letter|warning letter|the dismissal|the termination"
            "|the suspension|the redundancy|the demotion|your contract|your employment|not be extended"
            "|not be renewed|eliminated|my report|my direct report|my employee|my team member| pip for"
            "|his employment|her employment|his contract|her contract",
         r"\b(?:draft|write|prepare|rewrite|translate|summari[sz]e)\b[^.\n]{0,30}\b(?:termination|dismissal"
             r"|warning|severance) letter (?:for|to) (?!a\b|an\b|employees\b|the\b)\w+|\b(?:layoff"
             r"|redundancy) list\b|\bdisciplinary (?:hearing|procedure|case|action|meeting) (?:of|against"
             r"|with|for) (?!a\b|an\b|employees\b)\w+"
         r"|\b(?:draft|write|prepare|rewrite|translate|soften|phrase) the (?:dismissal|suspension"
             r"|redundancy|demotion|termination) (?:letter|notice|talk|script)\b(?! template)"
         r"|\b(?:we|i) (?:\w+ ){0,3}(?:ending|end|terminating|terminate) (?:your|his"
         r"|her) (?:contract|employment)\b"
         r"|\b(?:your|his|her|their) (?:probation|contract|fixed-term contract|position|role|job)\b"
             r"[\w ]{0,12}\b(?:not be (?:extended|renewed)|is (?:being )?eliminated|be eliminated)\b"
         r"|\bmy (?:direct )?(?:reports?|employees?|team members?)\b[^.?!\n]{0,90}\b(?:harass\w*"
             r"|underperform\w*|drunk|lateness|grievance|bullying)\b"
         r"|\b(?:performance improvement plan|pip|written warning|final warning) for (?!a\b|an\b|my\b"
             r"|employees\b|new\b|the\b)[a-z]+ [a-z]+"),
        ("TRADE_SECRET", "trade secret|proprietary|secret formula|secret recipe|core ip|our real margins"
            "|pricing model",
         r"\btrade secret\b\s*[-–:]|\b(?:our|the company'?s) (?:own )?(?:secret|proprietary"
             r"|confidential) (?:\w+ ){0,2}(?:formula|recipe|process|algorithm|method|model|code|design"
             r"|blend|coating)\b|\bthis is (?:the|our) proprietary\b|\(internal only, core ip\)"
             r"|\bour pricing model with\b"),
        ("ROADMAP", "unreleased|unannounced|not announced|under embargo|roadmap|codename|nobody outside",
         r"\b(?:our|the) (?:unreleased|unannounced|secret|not yet (?:released|announced)) (?:\w+ ){0,3}\w+"
             r"|\bunder embargo until\b|\b(?:here is|this is|below is|attached is) (?:the|our)(?: internal"
             r"| confidential)? (?:product |technology |feature )?roadmap\b"
             r"|\bnobody outside\b[\w ]{0,30}\bknows\b|\bcodename \w+: (?:confidential|internal)\b"),
    )
)  # fmt: skip
GATES = frozenset().union(matters_abroad.GATES, *(gates for _, gates, _ in _UNMISTAKABLE))
_GENERAL_QUESTION = Expression(
    r"^\s*¿?(?:please )?(?:what (?:is|are|does|do|should|must)|explain|define|describe the difference"
    r"|how (?:do|does|should|can) (?:a |an |one |companies|managers|firms|doctors|i\b)|which (?:are the|laws)"
    r"|who (?:is|was)|compare|was (?:ist|sind|bedeutet|geh(?:ö|o)rt)|erkl(?:ä|a)re|qu'est-ce|quels? sont"
    r"|explique|explica|qu(?:é|e) es|cu(?:á|a)l(?:es)? (?:es|son)|c(?:ó|o)mo se|quelles? (?:est|sont)"
    r"|comment (?:un|une|se)"
    r"|wie (?:schreibt|erstellt|funktioniert)|write a (?:poem|regular expression|function)"
    r"|(?:give me|generate|make|draft|create|design|write) (?:a |an )?(?:\w+ ){0,3}(?:template|checklist|quiz"
    r"|poster|job (?:ad|advert|posting|description)))\b"
)
_OWN = Expression(
    r"\b(?:our|ours|we|us|my|mine|unser\w*|wir|uns|mein\w*|notre|nous|mon|nuestr\w+|nos)\b|\d{2}"
)
_OF_THE_WRITER = Expression(
    r"\b(?:our|ours|we|us|my|mine|unser\w*|wir|uns|mein\w*|notre|nous|mon|nuestr\w+|nos)\b|(?<![\w.])\d{2}"
)
_PERSON_TERMS: dict[str, Expression] = {
    "HEALTH": Expression(rf"\b(?:{_words(_ILLNESSES, _AMBIGUOUS)})\b"),
    "PERSONNEL": Expression(
        r"\b(?:termination (?:letter|notice|talk)|dismiss(?:ed|al)|laid off|layoff|severance|fired"
        r"|disciplinary|harassment"
            r"|misconduct|underperform\w*|below expectations|performance (?:review|improvement|rating)"
            r"|salary|salaries|pay rise|compensation|bonus|"
        r"demot(?:e|ed|ion)|medical leave|sick leave|parental leave|background check|written warning"
            r"|grievance|passed over|personnel file|underpaid|works council|withdraw the offer|probation"
            r"|suspension|360 feedback|exit interview|self-assessment|final warning|drug test|reference check"
            r"|not be (?:renewed|extended)|is eliminated|k(?:ü|u)ndigungsschreiben|abmahnung"
            r"|aufhebungsvertrag|carta de despido|lettre de licenciement|salaire|gehalt)\b"
    ),
}  # fmt: skip
# a name that the model for names may not know: a title before it, or a verb of persons behind it
_NAMED = Expression(
    r"\b(?:Mr|Mrs|Ms|Dr|Herrn?|Frau|Mme|Sra?)\b\.? [A-Z][\w'’-]+"
    r"|\b[A-Z][\w'’-]+ [A-Z][\w'’-]+ (?:is|was|has|had|got|takes|tested|suffers|asked|earns|filed|failed)\b"
)
_SHOWN = Expression(r"^\s*(?:>>> |\$ |```|~~~|\.\. code)|::\n\n", re.MULTILINE)
_REACH = 200
_PHRASE_REACH = 320  # characters; no phrase of the lexicon is longer


def find(
    plain: str, lower: str, spans: list[Span], places: Places, channel: Channel, kind: Kind
) -> list[Span]:
    """Return findings about passages of the text.

    `spans` are its resolved values and names, `places` where the `GATES` occur in it. Tool definitions are
    not prose, so the model is not applied to them, nor to documentation of a program.
    """
    found: dict[str, Span] = {}
    for name, gates, expression in _UNMISTAKABLE:
        if places.keys().isdisjoint(gates):
            continue
        for begin, end in around(places, (gates,), _PHRASE_REACH):
            match = expression.search(lower, begin, end)
            if match and not _GENERAL_QUESTION.match(lower[max(0, lower.rfind("\n", 0, match.start())) :]):
                _keep(found, Span(name, match.start(), match.end(), 0.9, "lexicon"))
    suspicious = [] if channel is Channel.DEFINITIONS else _suspicious(lower, long=len(plain) > _LONG)
    for score, start, end in suspicious:
        general = _GENERAL_QUESTION.match(lower[start:end]) and not _OWN.search(lower, start, end)
        if not general:
            name = _named(lower, start, end)
            shown = kind is Kind.DOCUMENTATION and _SHOWN.search(lower, start, end)
            if name and not shown and not is_published(lower, start, end):
                _keep(found, Span(name, start, end, round(score, 3), "linear-model"))
    if len(plain) > _LONG and kind is Kind.PROSE and channel is not Channel.DEFINITIONS:
        for span in _own_paragraphs(lower):
            _keep(found, span)
    for span in matters_abroad.find(lower, places):
        general = _GENERAL_QUESTION.match(lower[max(0, lower.rfind("\n", 0, span.start)) :])
        if not general and not is_published(lower, span.start, span.end):
            _keep(found, span)
    persons = [one for one in spans if one.type == "PERSON" and one.score >= 0.5]
    if len(plain) <= _LONG:
        persons += [Span("PERSON", *match.span(), 0.5, "wording") for match in _NAMED.finditer(plain)]
    _beside_persons(lower, persons, found)
    return list(found.values())


def _own_paragraphs(lower: str) -> Iterator[Span]:
    """Yield paragraphs of a long text that are the matter of those who write, each read as if it stood alone.

    A window of the whole text mixes a short paragraph with its neighbours; and a long text has many, so one
    must say "we" or hold a figure.
    """
    for match in _PARAGRAPH.finditer(lower):
        start, end = match.span()
        if not (_SHORTEST_PAIR // 2 <= end - start <= _LONG and _OF_THE_WRITER.search(lower, start, end)):
            continue
        paragraph = lower[start:end]
        score = linear.model("meaning").score(paragraph)
        if score < THRESHOLD or _GENERAL_QUESTION.match(paragraph):
            continue
        name = _named(paragraph, 0, len(paragraph))
        if name and not is_published(paragraph, 0, len(paragraph)):
            yield Span(name, start, end, round(score, 3), "linear-model")


def _beside_persons(lower: str, persons: list[Span], found: dict[str, Span]) -> None:
    # in a long list of people the surroundings of each are not read for what stands nowhere in the text
    terms = {
        name: expression
        for name, expression in _PERSON_TERMS.items()
        if len(persons) <= _MANY or expression.search(lower)
    }
    for span in persons if terms else ():
        start, end = max(0, span.start - _REACH), span.end + _REACH
        # what stands in another paragraph or bullet is another matter
        for mark in ("\n\n", "\n- "):
            start = max(start, lower.rfind(mark, start, span.start))
            after = lower.find(mark, span.end, end)
            end = after if after >= 0 else end
        for name, expression in terms.items():
            if (
                name not in found
                and expression.search(lower, start, end)
                and not is_published(lower, span.start, span.end)
            ):
                _keep(found, Span(name, span.start, span.end, 0.75, "person-and-term"))


_MANY = 20


def _suspicious(lower: str, long: bool) -> list[tuple[float, int, int]]:
    """Return (probability, start, end) of passages that the model takes for internal matters."""
    if long:
        return linear.shipped_windows("meaning", lower, LONG_THRESHOLD)[1]
    if len(lower.split(maxsplit=_FEWEST_WORDS)) < _FEWEST_WORDS:
        return []
    found = linear.shipped_windows("meaning", lower, THRESHOLD)[1]
    ends = [match.end() for match in _SENTENCE_END.finditer(lower)] + [len(lower)]
    if found or len(ends) < _FEW_SENTENCES:
        return found
    # a sentence between everyday ones is lost in a window: two at a time are read
    for start, end in zip([0, *ends], ends[1:], strict=False):
        if end - start < _SHORTEST_PAIR:
            continue
        score = linear.model("meaning").score(lower[start:end])
        if score >= THRESHOLD:
            found.append((score, start, end))
    return found


def _keep(found: dict[str, Span], span: Span) -> None:
    present = found.get(span.type)
    if present is None or span.score > present.score:
        found[span.type] = span


def _named(lower: str, start: int, end: int) -> str:
    """Return the class with most distinct words in the passage, or none."""
    votes = {name: len(set(expression.findall(lower, start, end))) for name, expression in _LEXICON.items()}
    best = max(votes, key=lambda name: votes[name])
    enough = 1 if len(lower) < 240 else 2
    return best if votes[best] >= enough else ""

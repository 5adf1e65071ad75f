"""Acceptable-use rules (G.2): what a person may not ask Claude to do, whatever the data.

Four rules, each an id of the department's policy (`findings`), in the order of `RULES`:

- `personnel-decision`: Claude is asked to decide about a person's job (hire, dismiss, promote, rank, rate,
  pay).
- `health-information`: a person's health is part of the request.
- `customer-contact`: text goes to customers without a person in between.
- `unreviewed-decision`: Claude's answer takes effect without review (approve, reject, pay, execute).

A rule requires the request to decide or to act, and the object it decides about, close together in one
sentence; questions about policies, law or good practice do not match. What follows (block, or the
human-review flag) is the department's choice; every violation is recorded and counted.
"""

from collections.abc import Iterator

from lambdas.inspection.expressions import Expression, Places, around
from lambdas.inspection.findings import Span

RULES = ("personnel-decision", "health-information", "customer-contact", "unreviewed-decision")

_STAFF = (
    r"(?:employees?|staff|workers?|candidates?|applicants?|team members?|colleagues?|direct reports?|reports|"
    r"managers?|interns?|contractors?|people on (?:my|our|the) team|of these (?:people|five|three)"
    r"|engineers?|"
    r"sales ?(?:reps?|people)|analysts?|resumes?|cvs?|curricul\w+)"
)
_FATE = (
    r"(?:fire|dismiss|lay off|let go(?: of)?|terminate|make redundant|hire|reject|shortlist|promote|demote|"
    r"put on a (?:pip|performance)|give the (?:raise|bonus|promotion)|cut (?:his|her|their) (?:pay|salary"
    r"|bonus)|"
    r"warn formally|discipline|be (?:fired|dismissed|laid off|let go|terminated|made redundant|hired"
    r"|promoted|"
    r"demoted|disciplined))"
)
_DECIDE = r"(?:decide|choose|pick|select|tell me|recommend|determine|judge|rule on)"

# (rule, words of which one must occur, expression); expressions see the text as written, in any case
_CUSTOMERS = "customer|client|patient|consumer|subscriber|policyholder|account holder|lead|prospect|user"
_UNREAD = "automatic|directly|behalf|without|unreviewed|unattended|no human|no review|no approval|nobody"

# (rule, groups of words of each of which one must occur, expression); expressions see the text as written
_EXPRESSIONS: tuple[tuple[str, tuple[frozenset[str], ...], Expression], ...] = tuple(
    (rule, tuple(frozenset(group.split("|")) for group in gates), Expression(expression))
    for rule, gates, expression in (
        (
            "personnel-decision",
            (
                "who|whom|which|should|decide|choose|pick|select|tell me|recommend|determine|judge|rule on",
                "fire|dismiss|lay off|let go|terminate|redundan|hire|reject|shortlist|promot|demot|pip|raise"
                "|bonus|"
                "laid off|disciplin|warn formally|cut h|cut their",
            ),
            rf"(?i:\b(?:who|whom|which (?:one|{_STAFF}|of (?:them|these|the|my|our)\b[\w ]{{0,24}}))\b)"
            rf"[^.?!\n]{{0,60}}(?i:\b(?:should|shall|do|must|can|to)\b)[^.?!\n]{{0,20}}(?i:\b{_FATE}\b)"
            rf"|(?i:\bshould (?:i|we)\b) (?i:{_FATE}) (?!(?i:a|an|more|people|the|our)\b)\w+"
            rf"|(?i:\bshould )(?!(?i:employers?|companies|managers|a|an|i"
            rf"|we)\b)[A-Z]\w+(?: [A-Z]\w+)?[^.?!\n]{{0,12}}"
            rf"(?i:\b{_FATE}\b)"
            rf"|(?i:\b{_DECIDE}\b)[^.?!\n]{{0,40}}(?i:\b(?:who|whom|whether|which"
            rf"|if)\b)[^.?!\n]{{0,60}}(?i:\b{_FATE}\b)",
        ),
        (
            "personnel-decision",
            (
                "rank|score|rate|grade|sort|shortlist|screen|compare and",
                "performance|potential|fit|salary|productivity|sick days|attendance|suitab|best|worst|who to"
                "|for th",
            ),
            rf"(?i:\b(?:rank|score|rate|grade|sort|shortlist|screen|compare and pick)\b)[^.?!\n]{{0,40}}"
            rf"(?i:\b{_STAFF}\b)[^.?!\n]{{0,60}}(?i:\b(?:performance|potential|fit|salary|productivity"
            rf"|sick days|"
            r"attendance|suitab\w+|best|worst|who to|for (?:the|this) (?:job|role|position|promotion|bonus"
            r"|layoff))\b)",
        ),
        (
            "personnel-decision",
            ("rating|performance score|bonus|salary|pay rise|raise",),
            r"(?i:\b(?:set|assign|determine|decide|calculate and assign)\b)[^.?!\n]{0,40}"
            r"(?i:\b(?:performance rating|performance score|rating|bonus|salary|pay rise"
            r"|raise)\b)[^.?!\n]{0,16}"
            r"(?i:\b(?:for|of)\b) (?:(?i:each|every|my|our|this|these|all|him|her|them)\b|[A-Z])",
        ),
        (
            "customer-contact",
            (_CUSTOMERS, _UNREAD),
            r"(?i:\b(?:send|e-?mail|message|text|post|publish|reply|respond|answer|contact"
            r"|write)\b)[^.?!\n]{0,50}"
            r"(?i:\b(?:customers?|clients?|patients?|consumers?|subscribers?|policyholders?|account holders?"
            r"|leads?|"
            r"prospects?|users?)\b)[^.?!\n]{0,60}(?i:\b(?:automatically|directly|on (?:our|my) behalf"
            r"|without (?:(?:any|"
            r"a|human|further|manual|prior) ){0,2}(?:review|approval|reading|checking|check|looking|person"
            r"|human|"
            r"someone|anyone)|"
            r"unreviewed|unattended|no (?:human|review|approval)|nobody (?:needs|has) to)\b)",
        ),
        (
            "customer-contact",
            (_CUSTOMERS, "automatically|autonomously|directly"),
            r"(?i:\b(?:automatically|autonomously|directly)\b) (?i:(?:send|e-?mail|message|text|post|reply"
            r"|respond|"
            r"answer|contact|call)(?:s|ing)?\b)[^.?!\n]{0,40}"
            r"(?i:\b(?:customers?|clients?|patients?|consumers?|subscribers?|leads?|prospects?)\b)",
        ),
        (
            "personnel-decision",
            (
                "pick|choose|select|name|list|which|who|decide|judge",
                "lose their|lose his|lose her|warning|bonus|raise|promotion|the job|turn down|deserve|leave",
            ),
            r"(?i:\b(?:pick|choose|select|name|list|which of|who (?:of|among|in)|who\b))[^.?!\n]{0,60}"
            r"(?i:\b(?:who should|that should|should|must|deserves? to|has to|gets?)\b)[^.?!\n]{0,12}"
            r"(?i:\b(?:lose (?:their|his|her) jobs?|(?:get )?(?:a|the) (?:\w+ )?(?:warning|bonus|raise"
            r"|promotion)"
            r"|leave the (?:team|company)))"
            r"|(?i:\bwhom to (?:invite|turn down|hire|fire|promote|reject|keep|dismiss)\b)"
            r"|(?i:\b(?:decide|judge) (?:whether|if)) [A-Z]\w+(?: [A-Z]\w+)? (?i:(?:deserves|gets"
            r"|should get)\b)",
        ),
        (
            "personnel-decision",
            ("hiring decision|firing decision|promotion decision|dismissal decision|staffing decision",),
            r"(?i:\b(?:make|take) the (?:hiring|firing|promotion|dismissal|staffing) decision\b)",
        ),
        (
            "personnel-decision",
            ("entlass|kündig|beförder|einstell|licenci|promouvoir|embauch|despedir|ascender|contratar",),
            r"(?i:\b(?:wen|welchen?|wem)\b[^.?!\n]{0,50}\bsoll\w*\b[^.?!\n]{0,30}(?:entlassen|kündigen"
            r"|befördern"
            r"|einstellen)\b)|(?i:\b(?:qui|lequel|laquelle)\b[^.?!\n]{0,20}\b(?:dois|doit|devons|faut)\b"
            r"[^.?!\n]{0,20}(?:licencier|promouvoir|embaucher)\b)|(?i:\b(?:a quién|a cuál)\b[^.?!\n]{0,30}"
            r"(?:despedir|despido|ascender|asciendo|contratar|contrato)\b)",
        ),
        (
            "customer-contact",
            (
                _CUSTOMERS + "|buyer|shopper|guest|ticket|complain|kunde",
                "do not want to read|don't want to read|without showing|unsupervised|in the loop|will check"
                "|will read"
                "|on your own|ohne dass|ohne prüfung|ohne freigabe|no approval|needed",
            ),
            r"(?i:\b(?:write|reply|auto-reply|answer|send|e-?mail|post|message|chat|respond|antworte"
            r"|schreibe?|sende)\b)"
            r"[^.?!\n]{0,50}(?i:\b(?:customers?|clients?|buyers?|shoppers?|guests?|patients?|subscribers?"
            r"|leads?"
            r"|(?:support )?tickets?|kunden?)\b)[^.?!\n]{0,60}(?i:\b(?:(?:do not|don't) want to read"
            r"|without showing"
            r"|unsupervised|(?:no|without a) human in the loop|(?:nobody|no one) will (?:check|read)"
            r"|on your own"
            r"|no approval (?:is )?needed|ohne (?:dass|prüfung|freigabe))\b)",
        ),
        (
            "unreviewed-decision",
            (
                "nobody will|no one will|skip the|without asking|no human check|goes straight|go straight"
                "|mensch"
                "|ohne prüfung|follow what you",
                "approv|reject|den|decid|decide|grant|refus|pay|close|cancel|entscheid|genehmig|decline",
            ),
            r"(?i:\b(?:approve|reject|deny|decline|decide|grant|refuse|pay|close|cancel|entscheide"
            r"|genehmige)\b)"
            r"[^.?!\n]{0,80}(?i:\b(?:(?:nobody|no one) will (?:look|check|review|read)|skip the (?:approval"
            r"|review)"
            r"|without asking|no human checks?|goes? straight into|we follow what you|ohne (?:dass (?:ein"
            r"|jemand)"
            r"|prüfung|freigabe))\b)",
        ),
        (
            "unreviewed-decision",
            (
                "without|no human|no review|no oversight|no approval|nobody|automatically|immediately"
                "|is final",
                "approv|reject|den|decide|grant|refuse|execut|pay|transfer|cancel|sign|terminate|decision",
            ),
            r"(?i:\b(?:approve|reject|deny|decide|grant|refuse|execute|pay out|transfer|cancel|sign"
            r"|terminate|"
            r"make the (?:final )?decision|take the decision)\b)[^.?!\n]{0,80}"
            r"(?i:\b(?:without (?:(?:any|a|human|further|manual|prior) ){0,2}(?:review|approval|oversight"
            r"|check|"
            r"checking|sign-?off|asking)|no (?:human )?(?:review|oversight|approval)|nobody (?:needs|has) to|"
            r"(?:will|shall|is to) be (?:final|binding|executed|applied|carried out) (?:automatically"
            r"|immediately)|"
            r"your (?:decision|answer|verdict) is final)\b)",
        ),
        (
            "unreviewed-decision",
            ("your decision|your answer|your verdict|your output|your response",),
            r"(?i:\byour (?:decision|answer|verdict|output|response)\b)[^.?!\n]{0,30}"
            r"(?i:\b(?:is|will be|becomes|gets) (?:final|binding|executed|applied|enforced|carried out"
            r"|used as is)\b)",
        ),
        # the same breaches in other languages: whom to dismiss, what goes to customers unread, what takes
        # effect unread
        (
            "personnel-decision",
            (
                "licenziar|promuover|assumer|ontslaan|bevorder|promover|aannemen|demitir|despedir|contratar"
                "|zwolni|awansowa|zatrudni"
                "|解雇|昇進|採用|クビ|开除|開除|裁掉|提拔|录用|晋升|해고|승진|채용|entlass|kündig|licenci"
                "|embauch|ascender",
            ),
            r"(?i:\b(?:chi|quale)\b[^.!\n]{0,40}\b(?:licenziare|promuovere|assumere)\b"
            r"|\b(?:wie|welke)\b[^.!\n]{0,40}\b(?:ontslaan|bevorderen|aannemen)\b"
            r"|\b(?:quem|qual)\b[^.!\n]{0,40}\b(?:demitir|promover|contratar|despedir)\b"
            r"|\b(?:kogo|który|którego|którą)\b[^.!\n]{0,40}\b(?:zwolnić|awansować|zatrudnić)\b"
            r"|\b(?:wen|wer|welche[rn]?)\b[^.!\n]{0,60}\b(?:entlassen|kündigen|gekündigt|befördern|befördert"
            r"|einstellen)\b"
            r"|\b(?:qui|lequel|quels?)\b[^.!\n]{0,60}\b(?:licencier|promouvoir|embaucher)\b"
            r"|\b(?:a quién|quién|cuál)\b[^.!\n]{0,60}\b(?:despedir|ascender|contratar)\b)"
            r"|(?:誰|どの(?:社員|候補者|従業員)|どちら|何人).{0,20}(?:解雇|昇進|採用|クビ)"
            r"|(?:谁|哪(?:个|位|名)|哪些).{0,14}(?:解雇|开除|裁掉|提拔|录用|晋升)|(?:解雇|开除|裁掉|提拔"
            r"|录用|晋升)(?:谁|哪)"
            r"|(?:누구|누굴|어느|어떤).{0,16}(?:해고|승진|채용)",
        ),
        (
            "customer-contact",
            (
                "client|client|pazient|klant|patiënt|patient|klient|pacjent|pacient|kund|顧客|お客様|患者"
                "|客户|客戶|고객"
                "|환자",
                "sans |automati|direct|sin revis|sin aprob|senza |zonder |sem revis|sem aprov|bez "
                "|bezpośredni|rechtstreeks|diret"
                "|確認なし|チェックなし|レビューなし|自動|直接|无需|不用|自动|검토 없이|확인 없이|자동|직접"
                "|ohne |ungeprüft|dirett",
            ),
            r"(?i:\b(?:envoie[rsz]?|réponds?|répondre|envía|enviar|responde[r]?|invia|rispondi|manda|stuur"
            r"|beantwoord|verzend|envie|envia"
            r"|responda|wyślij|odpowiedz|odpisz|schick\w*|sende|antworte"
            r"|beantworte)\b[^.!\n]{0,60}\b(?:clients?|patients?|clientes?"
            r"|pacientes?|clienti?|pazienti?|klant(?:en)?|patiënt(?:en)?|klient\w*|pacjent\w*|kunden?"
            r"|patienten)\b[^.!\n]{0,60}"
            r"(?:\bsans (?:relecture|validation|vérification|contrôle)|\bautomatiquement|\bdirectement"
            r"|\bsin (?:revisión|revisar|aprobación)"
            r"|\bautomáticamente|\bdirectamente|\bsenza (?:revisione|controllo|approvazione)"
            r"|\bautomaticamente|\bdirettamente"
            r"|\bzonder (?:controle|goedkeuring|review)|\bautomatisch|\brechtstreeks|\bsem (?:revisão"
            r"|aprovação)|\bdiretamente"
            r"|\bbez (?:sprawdzenia|weryfikacji|akceptacji)|\bautomatycznie|\bbezpośrednio|\bohne (?:prüfung"
            r"|freigabe|kontrolle)"
            r"|\bungeprüft|\bdirekt))"
            r"|(?:顧客|お客様|患者).{0,30}(?:確認なし|チェックなし|レビューなし|自動|直接).{0,24}(?:送信"
            r"|返信|送って|返答|送る)"
            r"|(?:直接|自动|自動|无需|不用)[^。]{0,16}(?:发送|回复|發送|发给|发到)[^。]{0,10}(?:客户|客戶"
            r"|患者)"
            r"|(?:客户|客戶|患者)[^。]{0,24}(?:无需审核|不用审核|不用检查|自动|直接)[^。]{0,12}(?:发送|回复"
            r"|发出)"
            r"|(?:고객|환자).{0,24}(?:검토 없이|확인 없이|자동으로|직접).{0,16}(?:보내|답변|발송)",
        ),
        (
            "unreviewed-decision",
            (
                "sans |sin |senza |zonder |sem |bez |ohne |définitive|definitiv|automati|確認なし|承認なし"
                "|レビューなし"
                "|自動|无需|不用|自动|검토 없이|승인 없이",
                "approu|refus|rejet|décid|aprueb|rechaz|decid|approva|rifiut|keur|weiger|beslis|aprov|rejeit"
                "|zatwierd|odrzu|zdecyd|genehmig|lehn|entscheid"
                "|承認|却下|決定|批准|拒绝|决定|승인|거절|결정",
            ),
            r"(?i:\b(?:approuve[rz]?|refuse[rz]?|rejette[rz]?|décide[rz]?|aprueba|rechaza|decide|approva"
            r"|rifiuta|decidi|keur|weiger|beslis"
            r"|aprove|rejeite|decida|zatwierdź|odrzuć|zdecyduj|genehmige|lehne|entscheide)\b[^.!\n]{0,90}"
            r"(?:\bsans (?:validation|contrôle|relecture|vérification)|\bsin (?:revisión|aprobación"
            r"|supervisión)"
            r"|\bsenza (?:revisione|controllo|approvazione)|\bzonder (?:controle|goedkeuring|review"
            r"|tussenkomst)"
            r"|\bsem (?:revisão|aprovação)|\bbez (?:sprawdzenia|weryfikacji|akceptacji|kontroli)"
            r"|\bohne (?:prüfung|freigabe|kontrolle|rückfrage)))"
            r"|(?:承認|却下|決定).{0,24}(?:確認なし|承認なし|レビューなし|人の確認)|(?:確認なし|レビューなし"
            r"|自動).{0,16}(?:承認|却下|決定)"
            r"|(?:无需|不用)(?:人工)?(?:审核|检查|确认)[^。]{0,16}(?:批准|拒绝|决定)|(?:批准|拒绝"
            r"|决定)[^。]{0,24}(?:无需"
            r"|不用)(?:人工)?(?:审核|检查)"
            r"|(?:검토|승인|확인) 없이.{0,16}(?:승인|거절|결정)",
        ),
    )
)
GATES = frozenset(word for _, groups, _ in _EXPRESSIONS for group in groups for word in group)
_REACH = 240  # characters; no expression matches more
_GENERAL = Expression(
    r"(?i:^\s*(?:what (?:is|are|does|do)|how (?:do|does|can|should) (?:a |an |one |companies|employers"
    r"|managers|firms)|"
    r"explain|define|describe|is it (?:legal|lawful|allowed)|when (?:may|can) (?:an? )?(?:employer|company)|"
    r"why (?:do|does|should)|write (?:a|an|our) (?:policy|guide|training|article)|draft (?:a|an|our) policy))"
)


def find(plain: str, spans: list[Span], places: Places) -> list[tuple[str, int, int]]:
    """Return breaches as (rule, start, end) in the normalised text, at most one per rule.

    `spans` are its findings; `places` are where the `GATES` occur in it in lower case.
    """
    found: dict[str, tuple[str, int, int]] = {}
    for rule, start, end in _breaches(plain, spans, places):
        found.setdefault(rule, (rule, start, end))
    return [found[rule] for rule in RULES if rule in found]


def _breaches(plain: str, spans: list[Span], places: Places) -> Iterator[tuple[str, int, int]]:
    for rule, gates, expression in _EXPRESSIONS:
        if any(places.keys().isdisjoint(group) for group in gates):
            continue
        for begin, end in around(places, gates, _REACH):
            for match in expression.finditer(plain, begin, end):
                if not _is_general(plain, match.start()):
                    yield rule, match.start(), match.end()
                    break
    for span in spans:
        if span.type == "HEALTH":
            yield "health-information", span.start, span.end
            return


def _is_general(plain: str, position: int) -> bool:
    """Return whether the sentence asks how things are done rather than to do them."""
    begin = max(plain.rfind(sign, 0, position) for sign in ".!?\n") + 1
    return _GENERAL.match(plain[begin:]) is not None

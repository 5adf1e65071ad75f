"""Markings that people and programs put on documents: banners, footers, TLP, sensitivity labels (G.1)."""

import re
from collections.abc import Iterator, Sequence

from lambdas.inspection.candidates import Candidates
from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import DataClass, Span

# what a banner says, by what follows from it; of eleven languages, capitals where the script has them
_SAYS = {
    "legal": (
        r"ATTORNEY[ -/–]*CLIENT(?: PRIVILEGED?| COMMUNICATION)?(?! RELATION)"
        r"|PRIVILEGED (?:AND|&) CONFIDENTIAL|ATTORNEY WORK PRODUCT|LEGALLY PRIVILEGED|ANWALTSKORRESPONDENZ"
        r"|ANWALTSGEHEIMNIS|SECRET PROFESSIONNEL DE L'AVOCAT|CORRESPONDANCE D'AVOCAT|SECRETO PROFESIONAL"
        r"|SEGRETO PROFESSIONALE"
        r"|ADVOCAAT[ -]CLIËNT|SIGILO PROFISSIONAL|TAJEMNICA ADWOKACKA|弁護士秘匿特権|律师特权|변호사 비밀"
    ),
    "secret": (
        r"TRADE SECRETS?|STRICTLY CONFIDENTIAL|HIGHLY CONFIDENTIAL|COMPANY CONFIDENTIAL|TOP SECRET"
        r"|COMMERCIAL IN CONFIDENCE|STRENG VERTRAULICH|STRENG GEHEIM|BETRIEBSGEHEIMNIS|EMBARGOED UNTIL"
        r"|UNDER EMBARGO|STRICTEMENT CONFIDENTIEL|TRÈS SECRET|SECRET DES AFFAIRES"
        r"|ESTRICTAMENTE CONFIDENCIAL|ALTAMENTE CONFIDENCIAL|SECRETO (?:COMERCIAL|EMPRESARIAL)"
        r"|STRETTAMENTE (?:CONFIDENZIALE|RISERVATO)|SEGRETO (?:INDUSTRIALE|AZIENDALE)"
        r"|STRIKT VERTROUWELIJK|ZEER VERTROUWELIJK|BEDRIJFSGEHEIM|ZEER GEHEIM"
        r"|ESTRITAMENTE CONFIDENCIAL|SEGREDO (?:COMERCIAL|INDUSTRIAL)|ŚCIŚLE (?:POUFNE|TAJNE)"
        r"|TAJEMNICA PRZEDSIĘBIORSTWA|極秘|厳秘|営業秘密|绝密|絕密|商业秘密|严格保密|극비|영업비밀|엄비"
    ),
    "restricted": (
        r"RESTRICTED(?: DATA| DISTRIBUTION| USE)?|MNPI|MATERIAL NON-?PUBLIC(?: INFORMATION)?"
        r"|TLP ?: ?(?:RED|AMBER(?:\+STRICT)?)|PERSONAL AND CONFIDENTIAL|HR CONFIDENTIAL|PHI"
        r"|NEED[ -]TO[ -]KNOW|DIFFUSION RESTREINTE|DIFUSIÓN (?:LIMITADA|RESTRINGIDA)|RESTRINGIDO"
        r"|DIFFUSIONE LIMITATA|BEPERKTE VERSPREIDING|RESTRITO|DISTRIBUIÇÃO RESTRITA|ZASTRZEŻONE"
        r"|PERSÖNLICH UND VERTRAULICH|関係者限り|関係者外秘|限定配布|限制传阅|관계자 ?외(?: ?비공개)?"
    ),
    "confidential": (
        r"CONFIDENTIAL|VERTRAULICH|CONFIDENTIEL|CONFIDENCIAL|CONFIDENZIALE|RISERVATO|VERTROUWELIJK|POUFNE"
        r"|NOT FOR DISTRIBUTION|DO NOT DISTRIBUTE|NICHT ZUR WEITERGABE|NE PAS DIFFUSER|NO DISTRIBUIR"
        r"|NON DIFFONDERE|NIET VERSPREIDEN|NÃO DIVULGAR|NIE ROZPOWSZECHNIAĆ|機密|社外秘|部外秘|秘密|机密|機密"
        r"|保密|对外保密|기밀|대외비|비밀"
    ),
    "internal": (
        r"INTERNAL(?: USE)? ONLY|FOR INTERNAL USE|COMPANY INTERNAL|NUR FÜR DEN INTERNEN GEBRAUCH"
        r"|NUR FÜR DEN DIENSTGEBRAUCH|TLP ?: ?GREEN|(?:À )?USAGE INTERNE"
        r"|(?:PARA |AD )?USO INTERNO|(?:VOOR )?INTERN GEBRUIK|DO UŻYTKU WEWNĘTRZNEGO"
        r"|社内限り|社内用|内部资料|仅供内部使用|内部使用|사내용|사내 한정|내부용"
    ),
}
_BANNER = Expression("|".join(f"(?P<{level}>{says})" for level, says in _SAYS.items()))
_LEVELS = {
    "legal": DataClass.RESTRICTED,
    "secret": DataClass.CONFIDENTIAL,
    "restricted": DataClass.RESTRICTED,
    "confidential": DataClass.CONFIDENTIAL,
    "internal": DataClass.INTERNAL,
}
# a character beyond Latin-1 is a question mark there
PLACES = {
    "banner": "ATTORNEY|PRIVILEGED|SECRET|CONFIDEN|RESTRICTED|MNPI|MATERIAL NON|TLP|INTERNAL"
    "|VERTRAULICH|EMBARGO|DISTRIBU|NEED TO|NEED-TO|PHI|INTERN|ANWALTS|AVOCAT|SEGRETO|SIGILO|TAJ|GEHEIM"
    "|ADVOCAAT|SEGREDO|RISERVAT"
    "|VERTROUWELIJK|POUFNE|TREINTE|TRINGID|TRIT|LIMITAD|LIMITAT|VERSPREID|ZASTRZE|WEITERGABE|DIFF|DIVULGAR"
    "|ROZPOWS|WEWN|DIENSTGEBRAUCH",
    "label-field": "(?i)lassif|ensitiv|clasific|klasyfik|klauzul|klassifi|vertraul|vertrouw"
    "|riservat|sensibil",
}
HINTS = {"beyond-latin": "[?][?]"}
_OTHER_SCRIPTS = Expression("[秘密限級級级厳保资内仅관사내비밀급]")
_FIELD = Expression(
    r"(?im)^[ \t>*#|\"']*(?:data[ _-]?)?(?:classification|sensitivity|security level|data class"
    r"|klassifizierung|vertraulichkeit(?:sstufe)?|classification de sécurité|sensibilité|clasificación"
    r"|sensibilidad|classificazione|riservatezza|classificatie|vertrouwelijkheid|classificação"
    r"|sensibilidade|klasyfikacja|klauzula|機密区分|秘密区分|密级|保密级别|기밀등급|보안등급)"
    r"[ \t\"']*[:=][ \t\"'*]*"
    r"(?P<value>public|public[oa]|öffentlich|publique?|pubblic[oa]|openbaar|público|publiczne|jawne|公開|公开|공개"
    r"|internal(?: use only)?|intern[aeo]?|wewnętrzn\w+|社内|内部|내부"
    r"|restricted|eingeschränkt|restreint\w*|restringid[oa]|limitat[oa]|beperkt|restrito|zastrzeżone|関係者限り|限制"
    r"|(?:strictly |highly |streng |strictement |estrictamente |strettamente |strikt |estritamente |ściśle )?"
    r"(?:confidential|vertraulich|confidentiel|confidencial|confidenziale|riservat[oa]|vertrouwelijk|poufne)"
    r"|secret|geheim|tajne|極秘|機密|社外秘|秘密|绝密|机密|극비|기밀|대외비)(?!\w)"
)
_PUBLIC_VALUES = Expression(r"publi|öffentl|pubbl|openbaar|públic|jawne|公開|公开|공개")
_INTERNAL_VALUES = Expression(r"intern|wewn|社内|内部|내부")
_RESTRICTED_VALUES = Expression(r"restri|eingeschr|restrei|limitat|beperkt|zastrz|関係者|限制")
_MAX_BANNER_LINE = 120


def find(text: str, candidates: Candidates | None = None) -> Iterator[tuple[Span, DataClass]]:
    """Yield markings: upper-case banners at the start of a line, in brackets or alone, and labelled fields.

    `candidates`: of `HINTS` and `PLACES`.
    """
    places = candidates.places if candidates else {}
    everywhere = bool(_OTHER_SCRIPTS.search(text)) if not candidates or _BEYOND in candidates.hints else False
    for match in _banners(text, None if everywhere else places.get("banner")):
        if _is_banner(text, match):
            kind = match.lastgroup or "restricted"
            yield Span("LABEL", match.start(), match.end(), 0.9, f"banner-{kind}"), _LEVELS[kind]
    for match in _fields(text, None if everywhere else places.get("label-field")):
        level = _field_level(match["value"].lower())
        if level:
            yield Span("LABEL", match.start("value"), match.end("value"), 0.9, "label-field"), level


_BEYOND = "beyond-latin"
_WIDEST = 60  # characters: no banner is longer


def _banners(text: str, ends: Sequence[int] | None) -> Iterator[re.Match[str]]:
    """Yield banners; `ends`: where their gates end, if searched."""
    if ends is None:
        yield from _BANNER.finditer(text)
        return
    done = 0
    for end in ends:
        for match in _BANNER.finditer(text, max(done, end - _WIDEST), end + _WIDEST):
            yield match
            done = match.end()
        done = max(done, end)


def _fields(text: str, ends: Sequence[int] | None) -> Iterator[re.Match[str]]:
    if ends is None:
        yield from _FIELD.finditer(text)
        return
    for start in dict.fromkeys(text.rfind("\n", 0, end) + 1 for end in ends):
        match = _FIELD.match(text, start)
        if match:
            yield match


def _field_level(value: str) -> DataClass | None:
    if _PUBLIC_VALUES.match(value):
        return None
    if _INTERNAL_VALUES.match(value):
        return DataClass.INTERNAL
    return DataClass.RESTRICTED if _RESTRICTED_VALUES.match(value) else DataClass.CONFIDENTIAL


def _is_banner(text: str, match: re.Match[str]) -> bool:
    """Return whether a match is a marking: alone, at the start of its line, or bracketed, but not inside a
    sentence.
    """
    begin = text.rfind("\n", 0, match.start()) + 1
    end = text.find("\n", match.end())
    end = len(text) if end < 0 else end
    before = text[begin : match.start()]
    after = text[match.end() : end]
    if (
        (match.start() and text[match.start() - 1].isalnum())
        or after[:1].isalnum()
        or after[:1] == "_"
        or before.endswith("_")
    ):
        return False
    above = text[text.rfind("\n", 0, max(0, begin - 1)) + 1 : max(0, begin - 1)].strip()
    if len(above) > _SHORTEST_OF_PARAGRAPH and above.isupper() and len(f"{before} {after}".split()) >= 3:
        return False  # a paragraph of a licence, all in capitals, goes on
    if before.rstrip().endswith(_OPENING) and after.lstrip().startswith(_CLOSING):
        return len(before) < 60
    if match.group()[0] >= _FIRST_WITHOUT_CAPITALS:
        return not before.strip(_AROUND) and (not after.strip(_AROUND) or after[:1] in _SEPARATES)
    if before.strip(" \t*#>=-–—/|_[(:\"'!"):
        # after other words only if these are in upper case too: "ACME - CONFIDENTIAL"
        words = before.strip()
        return words.isupper() and len(words) < 40 and end - begin <= _MAX_BANNER_LINE
    tail = after.strip(" \t*#>=-–—/|_])}.:!\"'")
    if match.lastgroup in ("internal", "confidential", "restricted"):
        # leading words of a sentence in capitals: a banner is followed by a separator, capitals or nothing
        return not tail or after.lstrip(" ")[:1] in "-–—:/|.])*,;" or tail.split()[0].isupper()
    return True


_SHORTEST_OF_PARAGRAPH = 45  # characters of a line
_OPENING, _CLOSING = (
    ("[", "(", "{", "<", "【", "「", "《", "〔"),
    ("]", ")", "}", ">", "】", "」", "》", "〕"),
)
_FIRST_WITHOUT_CAPITALS = "\u2e80"  # a script that has none: there a banner stands alone or before a sign
_AROUND = " \t*#>=-–—/|_[]():.!\"'※■●◆"
_SEPARATES = tuple(" \t:/|-–—・")


# sensitivity labels of Microsoft Purview in Office files: property names `MSIP_Label_<guid>_<attribute>`
MSIP = Expression(
    r"MSIP_Label_(?P<guid>[0-9a-fA-F-]{36})_(?P<attribute>Enabled|Name|SiteId|Method|SetDate|ContentBits)"
)


def named_level(name: str) -> DataClass | None:
    """Return the level that a label's name suggests, or None. Used if the client has mapped no label ids."""
    lowered = name.lower()
    for word, level in (
        ("confidential", DataClass.CONFIDENTIAL), ("secret", DataClass.CONFIDENTIAL),
        ("restricted", DataClass.RESTRICTED),
        ("internal", DataClass.INTERNAL), ("general", DataClass.INTERNAL), ("public", DataClass.PUBLIC),
    ):  # fmt: skip
        if word in lowered:
            return level
    return None

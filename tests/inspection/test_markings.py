"""Markings of documents in eleven languages (G.1)."""

import pytest

from lambdas.inspection import Channel, DataClass, InspectionConfig, Inspector

INSPECTOR = Inspector(InspectionConfig(hash_key=b"k" * 32, cache_entries=0, names=False))
R, C, I = DataClass.RESTRICTED, DataClass.CONFIDENTIAL, DataClass.INTERNAL  # noqa: E741

BANNERS = (
    ("STRICTLY CONFIDENTIAL", C), ("[RESTRICTED]", R), ("INTERNAL USE ONLY", I),
    ("STRENG VERTRAULICH", C), ("PERSÖNLICH UND VERTRAULICH", R), ("NUR FÜR DEN INTERNEN GEBRAUCH", I),
    ("STRICTEMENT CONFIDENTIEL", C), ("DIFFUSION RESTREINTE", R), ("À USAGE INTERNE", I),
    ("ESTRICTAMENTE CONFIDENCIAL", C), ("DIFUSIÓN LIMITADA", R), ("USO INTERNO", I),
    ("STRETTAMENTE RISERVATO", C), ("DIFFUSIONE LIMITATA", R), ("AD USO INTERNO", I),
    ("STRIKT VERTROUWELIJK", C), ("BEPERKTE VERSPREIDING", R), ("VOOR INTERN GEBRUIK", I),
    ("SEGREDO INDUSTRIAL", C), ("RESTRITO", R), ("PARA USO INTERNO", I),
    ("ŚCIŚLE POUFNE", C), ("ZASTRZEŻONE", R), ("DO UŻYTKU WEWNĘTRZNEGO", I),
    ("極秘", C), ("【社外秘】", C), ("関係者限り", R), ("社内限り", I),
    ("绝密", C), ("机密", C), ("限制传阅", R), ("内部资料", I),
    ("극비", C), ("[대외비]", C), ("관계자 외", R), ("사내용", I),
)  # fmt: skip
FIELDS = (
    ("Classification: Restricted", R), ("Klassifizierung: streng vertraulich", C),
    ("Sensibilité : restreint", R), ("Clasificación: confidencial", C), ("Classificazione: riservato", C),
    ("Classificatie: vertrouwelijk", C), ("Classificação: restrito", R), ("Klauzula: poufne", C),
    ("機密区分：社外秘", C), ("密级：机密", C), ("보안등급: 대외비", C),
)  # fmt: skip
# words of sentences, and classes that are public
NO_MARKINGS = (
    "The file is CONFIDENTIAL in no sense of the word.",
    "Classification: public",
    "Klassifizierung: öffentlich",
    "Clasificación: pública",
    "公司的秘密武器是团队合作。",
    "この映画は家族の秘密を描く。",
    "비밀번호를 잊으셨나요?",
    "内部使用的工具很多，这里介绍三个。",
    "const value = first ?? second;",
)
REST = "\n\nHere are the figures of the quarter and what follows from them. " + "More text. " * 40


@pytest.mark.parametrize(("marking", "level"), [*BANNERS, *FIELDS])
def test_a_marking_raises_the_class_of_its_document(marking: str, level: DataClass) -> None:
    for text in (marking + REST, f"ACME\n\n{marking}\n{REST}", marking):
        found = INSPECTOR.inspect_text(text, Channel.UNTRUSTED)
        assert {one.level for one in found.findings if one.type == "LABEL"} == {level}, text[:40]


@pytest.mark.parametrize("text", NO_MARKINGS)
def test_a_word_of_a_sentence_is_no_marking(text: str) -> None:
    found = INSPECTOR.inspect_text(text + REST, Channel.UNTRUSTED)
    assert not [one for one in found.findings if one.type == "LABEL"]

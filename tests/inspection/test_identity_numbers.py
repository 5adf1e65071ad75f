"""Numbers of people of many states are found beside their keyword, and never without (L2.3).

The judge is python-stdnum: what it takes for valid must be found, what it takes for invalid must not.
"""

import random
import re
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module

import pytest

from lambdas.inspection import DataClass, InspectionConfig, Inspector
from lambdas.inspection.detectors.identity import BY_TYPE, NUMBERS

INSPECTOR = Inspector(InspectionConfig(hash_key=b"k" * 32, cache_entries=0, names=False))
# type -> (module of python-stdnum, how its numbers look: # a digit, @ a letter), and a sentence of the place
JUDGED: dict[str, tuple[str, str, str]] = {
    "DE_TAX_ID": ("de.idnr", "###########", "Meine Steuer-ID lautet {}."),
    "FR_NIR": ("fr.nir", "1##0#75######--", "Mon numéro de sécurité sociale est le {}."),
    "FR_TAX_ID": ("fr.nif", "#############", "Numéro fiscal : {}"),
    "ES_DNI": ("es.dni", "########@", "Mi DNI es {}, gracias."),
    "IT_FISCAL_CODE": ("it.codicefiscale", "@@@@@@##A##@###@", "Codice fiscale: {}"),
    "NL_BSN": ("nl.bsn", "#########", "Mijn BSN is {}."),
    "BE_NATIONAL_NUMBER": ("be.nn", "8#0#1###-#--".replace("-", "#")[:11], "Rijksregisternummer: {}"),
    "PL_PESEL": ("pl.pesel", "8#0#1######", "Mój PESEL to {}"),
    "PL_NIP": ("pl.nip", "##########", "NIP: {}"),
    "PT_NIF": ("pt.nif", "#########", "O meu NIF é {}."),
    "SE_PERSONAL_NUMBER": ("se.personnummer", "8#0#1#-####", "Mitt personnummer är {}."),
    "DK_CPR": ("dk.cpr", "1#0#8#-####", "CPR-nummer {}"),
    "FI_HETU": ("fi.hetu", "1#0#8#-###@", "Henkilötunnus: {}"),
    "AT_SVNR": ("at.vnr", "####1#0#8#", "Sozialversicherungsnummer {}"),
    "IE_PPS": ("ie.pps", "#######@", "My PPS number is {}."),
    "CZ_BIRTH_NUMBER": ("cz.rc", "8#0#1#/####", "Rodné číslo: {}"),
    "RO_CNP": ("ro.cnp", "18#0#1#10####", "CNP {}"),
    "BG_EGN": ("bg.egn", "8#0#1#####", "ЕГН: {}"),
    "GR_AMKA": ("gr.amka", "1#0#8######", "ΑΜΚΑ {}"),
    "GR_AFM": ("gr.vat", "#########", "ΑΦΜ: {}"),
    "HR_OIB": ("hr.oib", "###########", "OIB {}"),
    "SI_EMSO": ("si.emso", "1#0#98#50####", "EMŠO: {}"),
    "SI_TAX_ID": ("si.ddv", "########", "Davčna številka {}"),
    "EE_PERSONAL_CODE": ("ee.ik", "38#0#1#####", "Isikukood {}"),
    "LT_PERSONAL_CODE": ("lt.asmens", "38#0#1#####", "Asmens kodas: {}"),
    "LV_PERSONAL_CODE": ("lv.pvn", "1#0#8#1####", "Personas kods {}"),
    "CY_TAX_ID": ("cy.vat", "0#######@", "Cyprus tax number {}"),
    "CH_AHV": ("ch.ssn", "756.####.####.##", "AHV-Nummer: {}"),
    "UK_UTR": ("gb.utr", "##########", "My UTR is {}."),
    "UK_NHS": ("gb.nhs", "### ### ####", "NHS number: {}"),
    "US_ITIN": ("us.itin", "9##-7#-####", "My ITIN is {}"),
    "CA_SIN": ("ca.sin", "### ### ###", "My SIN is {}."),
    "AU_TFN": ("au.tfn", "### ### ###", "My TFN is {}."),
    "AU_ABN": ("au.abn", "## ### ### ###", "ABN {}"),
    "BR_CPF": ("br.cpf", "###.###.###-##", "Meu CPF é {}."),
    "BR_CNPJ": ("br.cnpj", "##.###.###/####-##", "CNPJ {}"),
    "IN_AADHAAR": ("in_.aadhaar", "#### #### ####", "Aadhaar: {}"),
    "IN_PAN": ("in_.pan", "@@@P@####@", "PAN card {}"),
    "JP_MY_NUMBER": ("jp.in_", "#### #### ####", "マイナンバーは{}です"),
    "KR_RRN": ("kr.rrn", "8#0#1#-1######", "주민등록번호: {}"),
    "CN_RESIDENT_ID": ("cn.ric", "1101011981####1###", "身份证号{}"),
    "NO_NATIONAL_ID": ("no.fodselsnummer", "1#0#8######", "Fødselsnummer: {}"),
    "IS_KENNITALA": ("is_.kennitala", "1#0#8#-###9", "Kennitala {}"),
    "TR_IDENTITY_NUMBER": ("tr.tckimlik", "###########", "T.C. kimlik no: {}"),
    "RU_INN": ("ru.inn", "############", "ИНН {}"),
    "UA_TAX_ID": ("ua.rntrc", "##########", "РНОКПП: {}"),
    "BG_FOREIGNER_NUMBER": ("bg.pnf", "##########", "ЛНЧ {}"),
    "AT_TAX_ID": ("at.tin", "##-###/####", "Steuernummer {}"),
    "PT_CITIZEN_CARD": ("pt.cc", "######## # ZZ#", "Cartão de cidadão {}"),
    "MX_CURP": ("mx.curp", "BOXW8#0#1#HNERXN##", "CURP: {}"),
    "CL_RUT": ("cl.rut", "1#.###.###-#", "RUT {}"),
    "AR_CUIT": ("ar.cuit", "20-########-#", "CUIT: {}"),
    "CO_TAX_ID": ("co.nit", "###.###.###-#", "NIT {}"),
    "EC_CEDULA": ("ec.ci", "17#######-#", "Cédula: {}"),
    "DO_CEDULA": ("do.cedula", "224-#######-#", "Cédula: {}"),
    "TH_IDENTITY_NUMBER": ("th.pin", "1-####-#####-##-#", "เลขประจำตัวประชาชน {}"),
    "MY_NRIC": ("my.nric", "77030#-0#-####", "No. KP: {}"),
    "ID_NIK": ("id.nik", "31710#1#0#8#000#", "NIK: {}"),
    "NZ_IRD": ("nz.ird", "49-###-###", "IRD number {}"),
    "ZA_IDENTITY_NUMBER": ("za.idnr", "8#0#1# #### 08 #", "South African ID {}"),
    "IL_IDENTITY_NUMBER": ("il.idnr", "#######-#", "תעודת זהות: {}"),
    "KE_PIN": ("ke.pin", "A#########@", "KRA PIN {}"),
    "PK_CNIC": ("pk.cnic", "34201-#######-#", "CNIC {}"),
}
# whose check is weaker than the judge's: no check digit that all numbers have, a table of places or offices
_WEAKER = {"AT_TAX_ID", "DK_CPR", "KR_RRN", "IN_PAN", "LV_PERSONAL_CODE", "KE_PIN", "PK_CNIC"}
# published by those who give the numbers out, where python-stdnum has no judge
PUBLISHED = {
    "DE_SOCIAL_INSURANCE": "Die Rentenversicherungsnummer ist 15 070649 C 103.",
    "DE_IDENTITY_CARD": "Personalausweis T220001293",
    "LU_NATIONAL_ID": "Matricule: 1893120105732",
    "HU_TAJ": "TAJ szám: 111 111 110",
    "SG_NRIC": "NRIC S1234567D",
    "US_MBI": "MBI 1EG4-TE5-MK73",
    "NPI": "The referring physician is 1234567893.",
    "UK_NINO": "National Insurance number AB 12 34 56 C",
}


def made(chance: random.Random, shape: str) -> str:
    sets = {"#": "0123456789", "-": "-", "@": "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    return "".join(chance.choice(sets.get(one, one)) for one in shape)


def valid(judge: Callable[[str], bool], shape: str, count: int, seed: str) -> list[str]:
    chance, found = random.Random(seed), []
    for _ in range(400_000):
        number = made(chance, shape)
        if judge(number):
            found.append(number)
            if len(found) == count:
                break
    return found


def judge_of(module: str) -> Callable[[str], bool]:
    return import_module(f"stdnum.{module}").is_valid


@pytest.mark.parametrize("kind", JUDGED)
def test_a_valid_number_is_found_beside_its_keyword(kind: str) -> None:
    module, shape, sentence = JUDGED[kind]
    shape = shape.replace("--", "##") if kind == "FR_NIR" else shape
    numbers = valid(judge_of(module), shape, 20, kind)
    assert len(numbers) == 20, "the judge must take some"
    found = [
        kind in {one.type for one in INSPECTOR.inspect_text(sentence.format(one)).findings} for one in numbers
    ]
    assert sum(found) >= 19, [number for number, hit in zip(numbers, found, strict=True) if not hit]


@pytest.mark.parametrize("kind", sorted(set(JUDGED) & set(BY_TYPE) - _WEAKER))
def test_the_check_takes_what_the_judge_takes(kind: str) -> None:
    module, shape, _ = JUDGED[kind]
    shape = shape.replace("--", "##") if kind == "FR_NIR" else shape
    judge, number, chance = judge_of(module), BY_TYPE[kind], random.Random(kind)
    both = ours_alone = judge_alone = 0
    for _ in range(1_000):
        value = made(chance, shape)
        ours = bool(number.shape.fullmatch(value)) and number.check(re.sub("[^A-Za-z0-9]", "", value))
        judged = judge(value)
        both += ours and judged
        ours_alone += ours and not judged
        judge_alone += judged and not ours
    assert judge_alone <= 0.05 * (both + judge_alone), f"missed {judge_alone}, found {both}"
    assert ours_alone <= 20, f"{ours_alone} of 1,000 random numbers are none"


def test_published_examples_are_found_beside_every_keyword_and_their_neighbours_not() -> None:
    """Examples that authorities and standards print, and the same with a wrong digit."""
    for number in NUMBERS:
        keywords = [one for one in number.keywords if one.isascii()] or number.keywords[:1]
        for keyword in keywords:
            if keyword in ("personal code", "ukrainian tax id"):
                continue  # two states call theirs so
            for value in number.examples:
                found = {one.type for one in INSPECTOR.inspect_text(f"{keyword}: {value}").findings}
                assert number.type in found, (keyword, value)
        for value in number.neighbours:
            text = f"{number.keywords[0]}: {value}"
            assert number.type not in {one.type for one in INSPECTOR.inspect_text(text).findings}, text


def test_a_general_keyword_is_enough_for_a_number_that_chance_hardly_hits() -> None:
    for text, kind in (
        ("national ID 15108695088", "NO_NATIONAL_ID"),
        ("Tax ID: 86 095 742 719", "DE_TAX_ID"),
        ("social security number 2 55 08 14 168 025 38", "FR_NIR"),
        ("personal identity number 131052-308T", "FI_HETU"),
        ("id number 390.533.447-05", "BR_CPF"),
    ):
        assert kind in {one.type for one in INSPECTOR.inspect_text(text).findings}, text


@pytest.mark.parametrize("kind", PUBLISHED)
def test_a_published_number_is_found(kind: str) -> None:
    assert kind in {one.type for one in INSPECTOR.inspect_text(PUBLISHED[kind]).findings}


def test_numbers_without_a_keyword_are_no_finding() -> None:
    """The shape of each kind with valid check digits, in a sentence that announces nothing."""
    for kind, (module, shape, _) in JUDGED.items():
        if kind in ("US_ITIN", "CA_SIN", "IT_FISCAL_CODE") or kind not in BY_TYPE:
            continue
        for value in valid(judge_of(module), shape.replace("--", "##"), 3, kind):
            found = {one.type for one in INSPECTOR.inspect_text(f"Order {value} was sent.").findings}
            assert kind not in found, (kind, value)


@pytest.mark.nightly
@pytest.mark.parametrize("kind", JUDGED)
def test_a_hundred_thousand_random_numbers_of_a_shape_without_a_keyword_are_no_alarm(kind: str) -> None:
    """Some have valid check digits, as chance gives them: the shape alone announces nothing."""
    _, shape, _ = JUDGED[kind]
    shape, chance = shape.replace("--", "##"), random.Random(kind)
    for _ in range(500):
        text = "".join(f"Order {made(chance, shape)} was sent.\n" for _ in range(200))
        assert kind not in {one.type for one in INSPECTOR.inspect_text(text).findings}


@pytest.mark.parametrize("kind", ["DE_TAX_ID", "ES_DNI", "NL_BSN", "PL_PESEL", "BR_CPF", "CH_AHV"])
def test_a_wrong_check_digit_is_no_finding(kind: str) -> None:
    module, shape, sentence = JUDGED[kind]
    judge, chance = judge_of(module), random.Random(7)
    wrong = [one for one in (made(chance, shape) for _ in range(300)) if not judge(one)]
    assert not any(
        kind in {f.type for f in INSPECTOR.inspect_text(sentence.format(one)).findings} for one in wrong
    )


def test_numbers_of_people_are_restricted() -> None:
    found = INSPECTOR.inspect_text("Mi DNI es 12345678Z.").findings
    assert [one.level for one in found if one.type == "ES_DNI"] == [DataClass.RESTRICTED]


def test_only_the_numbers_of_chosen_countries_are_looked_for() -> None:
    """L2.3: `eu` stands for its members; none means all."""
    # numbers that the authorities print: Bundeszentralamt für Steuern, INSEE, US CMS
    texts = {
        "de": "Steuer-ID 86 095 742 719",
        "fr": "NIR 2 55 08 14 168 025 38",
        "us": "NPI 1234567893",
        "sk": "rodné číslo 710319/2745",
    }
    found_by = {
        (): {"de", "fr", "us", "sk"},
        ("de",): {"de"},
        ("eu",): {"de", "fr", "sk"},
        ("sk",): {"sk"},
        ("us", "fr"): {"us", "fr"},
    }
    for regions, expected in found_by.items():
        config = InspectionConfig(hash_key=b"k" * 32, identity_regions=frozenset(regions), names=False)
        inspector = Inspector(replace(config, disabled=frozenset(("announced", "numbers"))))
        found = {one for one, text in texts.items() if inspector.inspect_text(text).findings}
        assert found == expected, regions


@pytest.mark.parametrize(("number", "is_one"), [("943 476 5919", True), ("943 476 5918", False)])
def test_an_nhs_number_some_words_after_its_keyword_needs_its_check_digit(number: str, is_one: bool) -> None:
    assert judge_of("gb.nhs")(number) is is_one
    text = f"The NHS number of this one patient is {number}, as we said."
    assert ("UK_NHS" in {one.type for one in INSPECTOR.inspect_text(text).findings}) is is_one

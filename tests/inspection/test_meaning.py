"""What a request is about decides whether it may leave, in words that no rule spells out (G.1, G.2, L2.3).

Every sentence here is our own. Each matter of an organisation stands beside an honest neighbour: the same
topic as a general question.
"""

import pytest

from bench.inspection.scores import Department
from lambdas.inspection import Action, InspectionConfig, Inspector, decide

OWN_MATTERS = [
    "Our operations chief failed her trial period: rude to guests, many mistakes. Write the file note.",
    "If we cut the night shift from 12 to 8, which of them goes: Vera (expensive), Kurt (often ill)?",
    "Bitte das Kündigungsschreiben für Frau Wolf prüfen, letzter Arbeitstag ist Ende März.",
    "Our solicitors fear that we lose the arbitration with Delta Freight. Put it in a memo.",
    "We got a summons from the labour court. Which documents must we keep, and what do we tell staff?",
    "Résume l'avis de notre avocat sur le litige avec le fournisseur.",
    "Flash report: sales -9%, EBIT 14, forecast now 210; published on Thursday. Make slides.",
    "We signed the letter of intent to buy Corvus Inc; staff hears next week. Draft the FAQ.",
    "Patient Ida Berg, in bed 4, had a stroke and is on warfarin. Write the handover.",
    "Escribe el informe de la paciente Lucía: anemia, embarazada de 20 semanas.",
    "We never patented the coating step: 240 degrees, 14 minutes, our own solvent. Write the instruction.",
    "Fasse unsere geheime Rezeptur für den Lack zusammen: 40 Teile Harz, 7 Teile Härter.",
    "Next year we phase out the old range and tell customers in June. Draft the internal FAQ.",
    "Write the PRD for our stealth project: an agent that books dentists. Nobody outside the team knows.",
]
NEIGHBOURS = [
    "What should a good file note about a trial period contain?",
    "Explain how a night shift roster is usually planned.",
    "Wie schreibt man ein Arbeitszeugnis?",
    "How does arbitration differ from mediation?",
    "What is a summons?",
    "Qu'est-ce qu'un référé ?",
    "Make a checklist for the month-end close.",
    "We published our results yesterday. Turn the press release into three tweets.",
    "What are the symptoms of a stroke?",
    "¿Cuáles son los síntomas de la anemia?",
    "Explain how coatings are cured, for students.",
    "Write a description for the open position of a process engineer in coating.",
    "How should product managers prioritise a backlog?",
    "Our release notes of version 4.2 list 30 fixes. Write a blog post.",
]
FORBIDDEN_USES = [
    ("personnel-decision", "Name the two technicians who should lose their jobs."),
    ("personnel-decision", "Here are five CVs. Tell me whom to invite and whom to turn down."),
    ("personnel-decision", "Make the hiring decision for this candidate."),
    ("personnel-decision", "Wen von meinen Leuten soll ich entlassen?"),
    ("customer-contact", "Reply to every client mail on your own, nobody will check."),
    ("customer-contact", "Antworte den Kunden direkt, ohne dass jemand es liest."),
    ("unreviewed-decision", "Pay the invoices that look right and skip the approval."),
    ("unreviewed-decision", "Entscheide über den Kredit, ohne dass ein Mensch das prüft."),
]
FAIR_USES = [
    "Name the criteria that are fair when a company reduces staff.",
    "Write a guide on inviting candidates and turning them down kindly.",
    "Draft a reply to the client; I read it before it goes out.",
    "Prepare a recommendation on the invoice for my manager, who decides.",
    "Explain how banks approve loans.",
]
BEFORE = (
    "Thanks for the quick reply, hope you are well. The printer on the third floor needs paper, and all "
    "of us found the new wiki useful. Lunch is at noon in the canteen. "
)
AFTER = (
    " The next call is in two weeks. Travel costs are booked as usual, and the newsletter has a page about "
    "parking. The summer party is in June, please bring a cake and a good mood."
)
RARE_NAMES = [
    "Ysolde Brankovic is pregnant and takes insulin; check the interaction.",
    "Mr. Quibell wrote again, asthma and all. Answer him.",
]


@pytest.fixture(scope="module")
def inspector() -> Inspector:
    return Inspector(InspectionConfig(cache_entries=0))


def blocked(inspector: Inspector, text: str) -> bool:
    inspection = inspector.inspect_request({"messages": [{"role": "user", "content": text}]})
    return decide(inspection, Department()).action is Action.BLOCK


_EVERYDAY = (
    "The kitchen on the third floor is open again, and the coffee machine works. Please bring a cup.",
    "A summary of the talk about gardens is on the notice board. It has pictures of roses and of herbs.",
    "Lunch in the canteen is soup, bread and salad. On Friday there is fish, as always.",
    "The bicycle cellar was cleaned. Whoever misses a red helmet can fetch it at the reception.",
    "The choir meets after work in the large hall. New voices are welcome, high and low.",
)
LONG_MATTERS = [
    "The board will vote on Thursday whether we buy Harlow Robotics for 410 million; nobody outside the "
    "deal team may know.",
    "Revenue for the third quarter will come in at 212 million, well under guidance; do not release before "
    "the earnings call.",
    "Our counsel thinks the arbitration with Brightwater will cost us nine million and advises a settlement "
    "before the hearing.",
    "Unannounced: version 9 moves to our own model and the pricing doubles in June.",
    "Der Umsatz im dritten Quartal liegt unveröffentlicht bei 94 Millionen und damit unter der Prognose.",
    "Nous allons racheter la société Delmas pour 45 millions, l'annonce est prévue en juin.",
]


@pytest.mark.parametrize("matter", LONG_MATTERS)
def test_a_matter_in_a_long_document_stops_as_it_does_alone(inspector: Inspector, matter: str) -> None:
    around = "\n\n".join(_EVERYDAY[number % len(_EVERYDAY)] for number in range(40))
    assert len(around) > 3_500
    assert blocked(inspector, matter)
    assert not blocked(inspector, f"{around}\n\n{around}")
    assert blocked(inspector, f"{around}\n\n{matter}\n\n{around}")


@pytest.mark.parametrize("text", OWN_MATTERS)
def test_an_organisations_own_matter_stops(inspector: Inspector, text: str) -> None:
    assert blocked(inspector, text)


@pytest.mark.parametrize("text", NEIGHBOURS)
def test_the_same_topic_as_a_general_question_passes(inspector: Inspector, text: str) -> None:
    assert not blocked(inspector, text)


@pytest.mark.parametrize("matter", [OWN_MATTERS[6], OWN_MATTERS[10]])
def test_a_matter_between_everyday_sentences_stops(inspector: Inspector, matter: str) -> None:
    assert not blocked(inspector, BEFORE + AFTER)
    assert blocked(inspector, BEFORE + matter + AFTER)


@pytest.mark.parametrize("text", RARE_NAMES)
def test_an_illness_beside_a_name_that_no_model_knows_stops(inspector: Inspector, text: str) -> None:
    assert blocked(inspector, text)


def test_an_illness_in_another_bullet_is_not_the_named_persons(inspector: Inspector) -> None:
    bullets = "Minutes:\n- Maria Keller {}.\n- The flyer{} is printed."
    assert not blocked(inspector, bullets.format("orders the chairs", " on diabetes"))
    assert blocked(inspector, bullets.format("has diabetes", ""))


def test_names_in_a_change_log_have_no_illness(inspector: Inspector) -> None:
    entry = "* The crypto module is disabled by default.\n -- Daniel Weber <d@example.org>  Tue, 18 Oct 2022"
    kinds = {one.type for one in inspector.inspect_text(entry).findings}
    assert "HEALTH" not in kinds


@pytest.mark.parametrize(("rule", "text"), FORBIDDEN_USES)
def test_a_forbidden_use_is_recorded_in_other_words_and_languages(
    inspector: Inspector, rule: str, text: str
) -> None:
    assert rule in {one.rule for one in inspector.inspect_text(text).violations}


@pytest.mark.parametrize("text", FAIR_USES)
def test_a_fair_use_with_the_same_words_is_no_breach(inspector: Inspector, text: str) -> None:
    assert not inspector.inspect_text(text).violations

"""The portal's parts that need no deployment: onboarding, catalogue of words, calendar, Markdown, content."""

import hashlib
import io
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import docx as python_docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.foundation.governance_store import DOCUMENTS
from components.portal.content import ContentError, content_text, read_content
from lambdas.common.learning import Evidence, grade, standing
from lambdas.common.learning import read_content as parse_content
from lambdas.portal.calendar import Event, calendar
from lambdas.portal.docx import document
from lambdas.portal.erasure import erase
from lambdas.portal.language import CATALOGUES, LANGUAGES
from lambdas.portal.markdown import render
from lambdas.portal.pages.ideas import score
from lambdas.portal.popular import ENOUGH_PEOPLE, most_used
from lambdas.portal.sessions import partition, seal, unseal
from lambdas.portal.structured import readable
from lambdas.portal.table import Row
from lambdas.portal.web import TEMPLATES
from lambdas.portal.xapi import lines, statement

CONTENT = parse_content(content_text().encode())
TODAY = date(2026, 12, 1)
_DAYS = st.integers(-400, 400)


def _evidence(accepted: dict[str, int], passed: dict[str, tuple[int, date]], *, completed: bool) -> Evidence:
    return Evidence(TODAY - timedelta(days=20), accepted, passed, completed)


@given(
    accepted=st.dictionaries(st.sampled_from([one.id for one in CONTENT.guidelines]), st.integers(0, 2)),
    passed=st.dictionaries(
        st.sampled_from([one.id for one in CONTENT.courses]), st.tuples(st.integers(0, 2), _DAYS)
    ),
    completed=st.booleans(),
    department=st.sampled_from(["marketing", "finance", "legal"]),
)
def test_nobody_is_active_with_something_left_undone(
    accepted: dict[str, int], passed: dict[str, tuple[int, int]], completed: bool, department: str
) -> None:
    dated = {name: (version, TODAY + timedelta(days=days)) for name, (version, days) in passed.items()}
    found = standing(CONTENT, department, [], _evidence(accepted, dated, completed=completed), TODAY)
    undone = [one for one in CONTENT.guidelines if one.material and accepted.get(one.id, 0) < one.version]
    undone += [
        one
        for one in CONTENT.courses
        if one.is_for(department, [])
        and (dated.get(one.id, (0, TODAY))[0] < one.version or dated[one.id][1] < TODAY)
    ]
    assert found.state != "active" or not undone
    if not completed:
        assert found.may_call == (not undone)


@given(st.lists(st.one_of(st.none(), st.integers(-3, 9)), max_size=8))
def test_a_quiz_is_passed_by_right_answers_only(answers: list[int | None]) -> None:
    course = CONTENT.courses[0]
    result = grade(course, answers)
    padded = [*answers, None, None, None, None][: len(course.questions)]
    right = sum(question.right == answer for question, answer in zip(course.questions, padded, strict=True))
    assert result.percent == 100 * right // len(course.questions)
    assert result.passed == (result.percent >= 80)


def test_every_word_of_the_interface_is_translated() -> None:
    used: set[str] = set()
    for template in TEMPLATES.rglob("*.html"):
        text = template.read_text("utf-8")
        used |= {one for pair in re.findall(r"""_\((?:"([^"]+)"|'([^']+)')""", text) for one in pair if one}
    for language in LANGUAGES[1:]:
        known = json.loads((CATALOGUES / f"{language}.json").read_text("utf-8"))
        assert not used - known.keys()
        for english, other in known.items():
            assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", other)), english


def test_every_course_has_a_reason_for_each_answer_in_every_language() -> None:
    for course in CONTENT.courses:
        assert len(course.questions) >= 3
        for question in course.questions:
            assert set(LANGUAGES) <= question.text.by_language.keys()
            assert set(LANGUAGES) <= question.why.by_language.keys()


def test_content_with_faults_names_every_one(tmp_path: Path) -> None:
    (tmp_path / "courses").mkdir()
    (tmp_path / "portal.yaml").write_text(
        "guidelines: {missing: {version: 1, title: {en: T}}}\nseats: 3\ntime_zone: Europe/Hamburg\n"
    )
    (tmp_path / "courses" / "bad.md").write_text("---\nversion: 0\ntitle: {en: T}\nminutes: 5\n---\nText\n")
    with pytest.raises(ContentError) as error:
        read_content(tmp_path)
    assert all(
        part in str(error.value)
        for part in (
            "portal.yaml: seats",
            "portal.yaml: time_zone: Value error, invalid time zone 'Europe/Hamburg'",
            "bad.md: version",
            "bad.md: questions",
        )
    )


def test_a_client_lays_documents_and_courses_over_the_kits_by_name(tmp_path: Path) -> None:
    kit, client = DOCUMENTS, tmp_path
    (client / "documents").mkdir()
    (client / "courses").mkdir()
    (client / "documents" / "acceptable-use.md").write_text("# Our own rules")
    own = (kit / "courses" / "sales.md").read_text("utf-8").replace("Claude in sales", "Our sales")
    (client / "courses" / "sales.md").write_text(own)
    (client / "courses" / "factory.md").write_text(own)
    found = parse_content(content_text(client=client).encode())
    use, sales = found.guideline("acceptable-use"), found.course("sales")
    assert use is not None
    assert sales is not None
    assert use.text["en"] == "# Our own rules"
    assert use.sha256 == hashlib.sha256(b"# Our own rules").hexdigest()
    assert sales.title["en"] == "Our sales"
    assert {one.id for one in found.courses} == {one.id for one in CONTENT.courses} | {"factory"}


def test_a_calendar_keeps_ids_escapes_text_and_folds_lines() -> None:
    at = datetime(2026, 12, 3, 14, 0, tzinfo=UTC)
    text = calendar([Event("a@b", at, at + timedelta(hours=1), "Fragen, Antworten; über " + "ä" * 80)], at)
    assert "SUMMARY:Fragen\\, Antworten\\; über" in text
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert text.replace("\r\n ", "").count("ä") == 80
    assert "DTSTART:20261203T140000Z" in text


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![x](https://evil.example/a.png)",
        "[x](https://evil.example/?q=secret)",
        '<img src=x onerror="alert(1)">',
        "[x](//evil.example)",
    ],
)
def test_an_answer_never_becomes_a_script_an_image_or_a_foreign_link(text: str) -> None:
    html = str(render(text))
    assert "<script" not in html
    assert "<img" not in html
    assert "href" not in html


def test_a_table_scrolls_in_a_box_and_headings_leave_no_level_out() -> None:
    html = str(render("### A\n\n| a | b |\n|---|---|\n| 1 | 2 |\n", lowest_heading=3))
    assert html.startswith("<h3>A</h3>")
    assert '<div class="scroll" tabindex="0" role="group"><table' in html
    assert html.strip().endswith("</table>\n</div>")


def test_a_link_to_an_allowed_host_is_live() -> None:
    assert 'href="https://docs.example.com/a"' in str(
        render("[x](https://docs.example.com/a)", ["example.com"])
    )


def test_a_session_row_opens_with_its_own_cookie_at_its_own_place_only() -> None:
    row = Row(
        partition("one"), "SESSION", {"sealed": seal("one", partition("one"), "SESSION", {"token": "t"})}
    )
    assert unseal("one", row) == {"token": "t"}
    assert unseal("two", row) is None
    assert unseal("one", Row(row.pk, "CONV#1", row.data)) is None


_ANSWER = """# One

Some **bold** text & a <tag>.

1. first
2. second

| a | b |
|---|---|
| 1 | x \\| y |
"""


def test_a_word_document_holds_headings_lists_and_tables_as_python_docx_reads_them() -> None:
    read = python_docx.Document(io.BytesIO(document("Title", _ANSWER, "Check it.")))
    paragraphs = [(one.style.name if one.style else "", one.text) for one in read.paragraphs]
    assert paragraphs[0] == ("Heading 1", "Title")
    assert ("Heading 2", "One") in paragraphs
    assert ("Normal", "Some bold text & a <tag>.") in paragraphs
    assert ("Normal", "2.\u00a0second") in paragraphs
    assert [[cell.text for cell in row.cells] for row in read.tables[0].rows] == [["a", "b"], ["1", "x | y"]]
    assert paragraphs[-1] == ("Normal", "Check it.")


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=300))
def test_any_answer_becomes_a_document_that_opens(text: str) -> None:
    assert python_docx.Document(io.BytesIO(document("T", text, "N"))).paragraphs[0].text == "T"


def test_an_answer_in_json_is_read_as_sections_and_tables() -> None:
    text = readable('{"route": "standard", "deviations": [{"rule": "r1", "note": "a|b"}], "open": []}')
    assert text.startswith("## Route\n\nstandard")
    assert "| Rule | Note |" in text
    assert "a\\|b" in text
    assert readable("{not json") == "{not json"
    assert readable("[1]") == "[1]"


def test_what_a_department_uses_most_is_shown_from_five_people_on() -> None:
    rows = [
        Row("USED#legal", name, {"runs": runs, "people": ["p"] * people})
        for name, runs, people in (("few", 90, ENOUGH_PEOPLE - 1), ("much", 9, 5), ("more", 12, 7))
    ]
    assert most_used(rows) == ["more", "much"]


class _Rows:
    """A table in memory with the methods that erasure uses."""

    def __init__(self, rows: list[Row]) -> None:
        self.kept = {(row.pk, row.sk): row for row in rows}

    def rows(self, pk: str) -> list[Row]:
        return [row for key, row in sorted(self.kept.items()) if key[0] == pk]

    def get(self, pk: str, sk: str) -> Row | None:
        return self.kept.get((pk, sk))

    def delete(self, pk: str, sk: str) -> None:
        self.kept.pop((pk, sk), None)

    def delete_partition(self, pk: str) -> int:
        found = self.rows(pk)
        for row in found:
            self.delete(row.pk, row.sk)
        return len(found)

    def change(self, row: Row, **values: object) -> None:
        self.kept[row.pk, row.sk] = replace(row, **values)


def test_erasing_a_person_leaves_no_word_and_no_name_of_them_and_what_others_said() -> None:
    ada = {"person": "p_ada", "name": "Ada", "author": "Ada", "text": "my words"}
    table = _Rows(
        [
            Row("PERSON#p_ada", "COURSE#a", {"percent": 90}), Row("PERSON#p_ada", "TICKET#t1", {}),
            Row("TICKET#t1", "HEAD", ada), Row("TICKET#t1", "SAID#1", {"by": "author", **ada}),
            Row("TICKET#t1", "SAID#2", {"by": "center", "name": "Kim", "text": "an answer"}),
            Row("HOURS", "h1", {"people": ["p_ada", "p_bob"]}),
            Row("STORY", "s1", {**ada, "text": "It works"}),
            Row("IDEA", "i1", {**ada, "text": ""}), Row("CHAMPION", "p_ada", ada),
            Row("PEOPLE", "p_ada", ada), Row("HISTORY#p_ada", "CONV#c", ada),
            Row("PASSED", "a#p_ada", {}), Row("PASSED", "a#p_bob", {}), Row("PERSON#p_bob", "FAV#x", {}),
        ]
    )  # fmt: skip
    assert erase(table, "p_ada") > 0  # type: ignore[arg-type]
    left = json.dumps([[row.pk, row.sk, dict(row.data)] for row in table.kept.values()])
    assert "p_ada" not in left
    assert "Ada" not in left
    assert "my words" not in left
    assert all(kept in left for kept in ("an answer", "p_bob", "It works"))
    assert erase(table, "p_ada") == 0  # type: ignore[arg-type]


def test_a_pass_is_one_xapi_statement_about_an_opaque_person() -> None:
    passed = {"version": 2, "percent": 85, "passed_on": "2026-12-01"}
    one = statement("https://portal.example.com/portal", "p_1", "data-classes", {"en": "Classes"}, passed)
    assert one == statement(
        "https://portal.example.com/portal", "p_1", "data-classes", {"en": "Classes"}, passed
    )
    assert one["actor"]["account"] == {"homePage": "https://portal.example.com/portal", "name": "p_1"}
    assert one["verb"]["id"] == "http://adlnet.gov/expapi/verbs/passed"
    assert (one["result"]["score"]["scaled"], one["result"]["success"]) == (0.85, True)
    assert json.loads(lines([one])) == one


def test_risks_lower_the_score_of_a_use_case() -> None:
    assert score({}) == 0
    assert score({"value": 5, "feasibility": 5, "risks": []}) == 25
    assert score({"value": 5, "feasibility": 5, "risks": ["people", "safety"]}) == 15

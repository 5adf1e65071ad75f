"""Workflows are data: what a file says is refused by name, or makes a state machine that AWS takes (L3.1).

The judge of the state machines is the schema of Amazon States Language that cfn-lint publishes.
"""

import importlib.util
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.workflow.catalogue import KIT, published_prompt, read_workflow, read_workflows, step_input
from components.workflow.definition import Planned, Steps, Waiting, definition
from contract.reading import Reading
from contract.schema import workflow_schema
from contract.workflows import STEPS, Workflow
from lambdas.common.access import AccessRecord
from lambdas.workflow.area import decisions_of, encoded
from lambdas.workflow.release import Release
from lambdas.workflow.reviews import Review
from lambdas.workflow.validation import CHECKS, Draft, findings
from tests.contract.test_client_folder import OWN, Client

_MOST_BYTES = 1_048_576  # of a definition, as AWS publishes it
_ARN = "arn:aws:lambda:eu-central-1:111122223333:function:{}:live"
_LAMBDAS = Steps(*(_ARN.format(name) for name in ("drafter", "desk", "releaser")))


def _published_schema() -> dict[str, Any]:
    (folder,) = importlib.util.find_spec("cfnlint").submodule_search_locations  # type: ignore[union-attr]
    path = Path(folder) / "data/schemas/other/step_functions/statemachine.json"
    return json.loads(path.read_text("utf-8"))


LANGUAGE = jsonschema.Draft7Validator(_published_schema())
FILE = jsonschema.Draft202012Validator(workflow_schema())

_WORDS = st.sampled_from(["claims to check", "Draft for review", "no promise", "", " " * 3, "x" * 300])
_CHECKS = st.sampled_from([*CHECKS, "spelling"]) | st.one_of(
    st.fixed_dictionaries(
        {"kind": st.just("sums"), "tolerance_percent": st.sampled_from([0, 0.5, 10, 11, "x"])}
    ),
    st.fixed_dictionaries({"kind": st.just("citations"), "least": st.integers(-1, 101)}),
    st.fixed_dictionaries(
        {"kind": st.just("length")},
        optional={"least_words": st.integers(0, 9), "most_words": st.integers(0, 9)},
    ),
    st.fixed_dictionaries(
        {"kind": st.sampled_from(["contains", "avoids"]), "texts": st.lists(_WORDS, max_size=3)}
    ),
    st.fixed_dictionaries({"kind": st.sampled_from(["claims", "sums"]), "heading": _WORDS}),
)
_STEPS: dict[str, st.SearchStrategy[Any]] = {
    "draft": st.just("draft"),
    "check": st.fixed_dictionaries({"kind": st.just("check"), "checks": st.lists(_CHECKS, max_size=4)}),
    "review": st.just("review")
    | st.fixed_dictionaries(
        {"kind": st.just("review")},
        optional={
            "demanded_by": st.sampled_from(["material-decision", "customer-facing", "a-whim", None]),
            "roles": st.lists(st.sampled_from(["champions", "legal-counsel", "Not A Slug"]), max_size=2),
            "people": st.sampled_from([0, 1, 2, 5, 6, "two"]),
            "hours": st.sampled_from([0, 0.01, 24, 720, 721]),
            "escalation_hours": st.sampled_from([0.5, "long"]),
        },
    ),
    "release": st.just("release"),
    "outcome": st.just("outcome")
    | st.fixed_dictionaries({"kind": st.just("outcome"), "material_decision": st.booleans() | st.just(2)}),
}


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """Files near and far from the right one: mostly some of the steps in their order, now and then others."""
    kinds = [kind for kind in STEPS if kind == "draft" or draw(st.integers(0, 4))]
    if not draw(st.integers(0, 3)):
        kinds = draw(st.lists(st.sampled_from(STEPS), max_size=6))
    steps = [draw(_STEPS[kind]) for kind in kinds]
    if not draw(st.integers(0, 9)):
        steps.append(
            draw(st.sampled_from(["publish", {"kind": "review", "who": "me"}, {"checks": []}, 7, None]))
        )
    changes = draw(
        st.fixed_dictionaries(
            {}, optional={"version": st.sampled_from(["2", "stable", 2, "0"]), "course": _WORDS}
        )
    )
    return {**OWN, "steps": steps, **changes}


def _next(state: Mapping[str, Any]) -> Iterator[str]:
    yield from (state[name] for name in ("Next", "Default") if name in state)
    yield from (one["Next"] for one in (*state.get("Choices", ()), *state.get("Catch", ())))


def _reached(states: Mapping[str, Any], without: str = "") -> set[str]:
    waiting, seen = ["Draft"], set()
    while waiting:
        name = waiting.pop()
        if name not in seen and name != without:
            seen.add(name)
            waiting += _next(states[name])
    return seen


def _machine(workflow: Workflow, demanded: str = "") -> dict[str, Any]:
    prompt = {"use_case": "notes", "variables": []}
    planned = Planned(workflow, step_input(workflow, prompt, demanded), demanded, Waiting(60, 60))
    return definition(planned, "sales", _LAMBDAS)


@settings(max_examples=150)
@given(files(), st.sampled_from(["", "customer-facing"]))
def test_a_workflow_is_refused_with_a_named_reason_or_is_a_machine_that_aws_takes(
    document: dict[str, Any], demanded: str
) -> None:
    reading = Reading()
    workflow = read_workflow(reading, document, "visit-notes", "workflows/visit-notes.yaml")
    if workflow is None:
        assert reading.problems
        assert all(
            one.key.startswith("workflows/visit-notes.yaml") and one.message for one in reading.problems
        )
        return
    assert FILE.is_valid(document), "what the reader takes an editor does not mark"
    machine = _machine(workflow, demanded)
    assert [error.message for error in LANGUAGE.iter_errors(machine)] == []
    assert len(json.dumps(machine)) < _MOST_BYTES
    states = machine["States"]
    assert _reached(states) == set(states), "states that nothing leads to"
    assert all(state["Type"] in ("Succeed", "Fail") or list(_next(state)) for state in states.values())
    kinds = {one.kind for one in workflow.steps}
    assert ("AwaitReview" in states) == ("review" in kinds)
    assert ("Release" in states) == ("release" in kinds)
    assert "Release" not in _reached(states, without="OpenReview"), "nothing is released past the desk"
    if "review" not in kinds:
        choices = {one["StringEquals"]: one["Next"] for one in states["IsReviewDemanded"]["Choices"]}
        assert choices["waiting"] == "Expire", "what a person would have had to read goes nowhere"
    if "outcome" in kinds:
        for end, record in (("Released", "Release"), ("Rejected", "Rejection"), ("Accepted", "Acceptance")):
            assert end not in _reached(states, without=f"Record{record}"), "nothing ends off the record"
    sent = states["Validate"]["Parameters"]["Payload"]["workflow"]["checks"]
    assert isinstance(findings(json.loads(json.dumps(sent)), Draft("12 [x]", {"x": "y"}, {})), list)


def test_no_draft_has_more_findings_than_an_execution_can_carry() -> None:
    draft = Draft(" ".join(f"[source {number}]" for number in range(20_000)), {"a": "b"})
    found = findings(["citations", {"kind": "avoids", "texts": ["source"]}], draft)
    assert len(json.dumps(found)) < 64_000
    assert found[-1]["finding"] == "19902 findings more"


@pytest.mark.parametrize(
    ("check", "text", "wrong"),
    [
        ({"kind": "sums", "tolerance_percent": 10}, "100 x 2 = 190", 0),
        ({"kind": "sums", "tolerance_percent": 0}, "100 x 2 = 200.1", 1),
        ({"kind": "citations", "least": 2}, "12 [material]", 1),
        ({"kind": "citations", "least": 0}, "12", 0),
        ({"kind": "claims", "heading": "To prove"}, "x\nTo  prove: nothing", 0),
        ({"kind": "review-line", "says": "Entwurf"}, "x\nNur ein Entwurf.", 0),
        ({"kind": "length", "most_words": 2}, "one two three", 1),
        ({"kind": "length", "least_words": 3}, "one two three", 0),
        ({"kind": "contains", "texts": ["Risks", "Costs"]}, "RISKS: none", 1),
        ({"kind": "avoids", "texts": ["guarantee"]}, "We Guarantee it.", 1),
    ],
)
def test_a_parameter_of_a_check_counts(check: dict[str, Any], text: str, wrong: int) -> None:
    assert len(findings([check], Draft(text, {"m": "material"}))) == wrong


# -- in a client's configuration


@pytest.fixture
def client(tmp_path: Path) -> Client:
    client = Client(tmp_path)
    client.department("sales", workflows=["visit-notes"])
    return client


def _without(*kinds: str) -> list[Any]:
    return [one for one in OWN["steps"] if (one if isinstance(one, str) else one["kind"]) not in kinds]


@pytest.mark.parametrize(
    ("changes", "key", "told"),
    [
        ({"steps": _without("review")}, "steps", "leave out the human review"),
        ({"steps": _without("outcome")}, "steps", "leave out the record of what came of it"),
        ({"steps": ["draft", "revue", "outcome"]}, "steps[1]", 'did you mean "review"?'),
        (
            {"steps": ["draft", {"kind": "review", "roles": ["chmpions"]}, "release", "outcome"]},
            "steps.review.roles", 'did you mean "champions"?',
        ),
        ({"course": "visits"}, "course", '"visits" is not a course'),
        ({"version": "7"}, "version", "has no published version 7"),
        ({"version": "stabel"}, "version", "has no published version stabel"),
    ],
)  # fmt: skip
def test_what_a_workflow_must_have_or_cannot_have_is_refused_by_name(
    client: Client, changes: dict[str, Any], key: str, told: str
) -> None:
    client.document["identity"]["groups"] = [{"group": "Champions", "roles": ["champions"]}]
    client.workflow("visit-notes", **changes)
    assert told in client.problems()[f"workflows/visit-notes.yaml.{key}"]


def test_outside_production_a_workflow_may_be_shorter(client: Client) -> None:
    client.document["environment"] = "sandbox"
    client.workflow("visit-notes", steps=["draft", "release"])
    assert client.read().departments[0].workflows == ("visit-notes",)


def test_what_replaces_a_workflow_of_the_kit_demands_no_less_than_it_did(client: Client) -> None:
    client.document["departments"] = []
    client.department("people")
    client.department("legal")
    client.document["departments"][1]["training_required"] = False
    answer = {"department": "people", "prompt": "policy-answer", "documents_as": "policy"}
    analysis = {"department": "legal", "prompt": "contract-review", "documents_as": "contract"}
    client.workflow("policy-answer", **answer)
    client.workflow("contract-analysis", **analysis)
    problems = client.problems()
    assert "review of a personnel-decision" in problems["workflows/policy-answer.yaml.steps"]
    assert "material decision" in problems["workflows/contract-analysis.yaml.steps"]
    review = {"kind": "review", "demanded_by": "personnel-decision"}
    client.workflow("policy-answer", **answer, steps=["draft", review, "release", "outcome"])
    outcome = {"kind": "outcome", "material_decision": True}
    client.workflow("contract-analysis", **analysis, steps=["draft", "review", "release", outcome])
    assert len(client.read().departments) == 2


def test_a_name_that_aws_would_refuse_is_refused_before(client: Client) -> None:
    name = "a-workflow-with-a-name-that-nobody-would-ever-want-to-type"
    client.document["departments"][0]["workflows"] = [name]
    client.workflow(name)
    assert "64 at most" in client.problems()[f"workflows/{name}.yaml"]


def test_the_kits_workflows_fit_the_schema_that_their_first_line_names() -> None:
    import yaml

    for path in (KIT / "workflows").glob("*.yaml"):
        assert FILE.is_valid(yaml.safe_load(path.read_text())), path.name
        assert path.read_text().startswith("# yaml-language-server: $schema=workflow.schema.json")


# -- whose decision counts


@dataclass
class Desk:
    """The reviews and the data area of one department, with one request that waits."""

    review: Review
    decisions: dict[str, bytes]
    decided: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def get(self, *_: str) -> Review:
        return self.review

    def keys(self, prefix: str) -> list[str]:
        return [key for key in self.decisions if key.startswith(prefix)]

    def document(self, key: str) -> dict[str, Any]:
        return json.loads(self.decisions[key])

    def decide(self, _: str, __: str, ___: str, *, by: str, **____: Any) -> Review:
        self.decided.append(by)
        self.review = replace(self.review, state="approved", decided_by=by)
        return self.review

    def refuse(self, _: str, __: str, key: str, because: str) -> None:
        assert key in self.decisions
        self.refused.append(because)


class People:
    """Four people: one has the role, one had it, one has moved to another department with it."""

    def find_person(self, name: str) -> AccessRecord | None:
        known = {
            "ruth": (True, "legal", ("legal-counsel",)),
            "tom": (True, "legal", ("champions",)),
            "eva": (False, "legal", ("legal-counsel",)),
            "mia": (True, "finance", ("legal-counsel",)),
        }
        if name not in known:
            return None
        active, department, roles = known[name]
        return AccessRecord(f"USER#{name}", name, active=active, department=department, roles=roles)

    def get(self, _: str) -> None:
        return None


class SaysBy:
    def person(self, document: Mapping[str, Any]) -> str:
        return str(document["by"])


@pytest.mark.parametrize(
    ("by", "roles", "refused"),
    [
        ("tom", [], ""),
        ("nobody", [], "no access record"),
        ("nobody (not verified)", [], ""),
        ("eva", [], "not active"),
        ("mia", [], "access record says finance"),
        ("mia", ["legal-counsel"], "access record says finance"),
        ("ruth", ["legal-counsel"], ""),
        ("tom", ["legal-counsel"], "none of the roles"),
        ("eva", ["legal-counsel"], "not active"),
        ("nobody", ["legal-counsel"], "no access record"),
        ("nobody (not verified)", ["legal-counsel"], "none of the roles"),
        ("tom", ["legal-counsel", "champions"], ""),
    ],
)
def test_a_decision_counts_only_from_somebody_of_the_department_with_a_role_that_the_workflow_names(
    by: str, roles: list[str], refused: str
) -> None:
    request = "wf_" + "0" * 26
    about = {"department": "legal", "request": request, "draft_sha256": "d", "decision": "approve", "by": by}
    review = Review("legal", request, "waiting", "contract-analysis", "c", "d", "ada", "2026-11-30")
    desk: Any = Desk(review, {f"{decisions_of(request)}1.json": encoded(about)})
    people: Any = People()
    release = Release(desk, desk, SaysBy(), desk, lambda _: "rec_1", people)  # type: ignore[arg-type]
    assert release.decide("legal", request, roles) == {"state": "waiting" if refused else "approved"}
    assert desk.decided == ([] if refused else [by])
    assert [refused in one for one in desk.refused] == ([True] if refused else [])


def test_a_decision_that_was_refused_does_not_count_after_the_reviewers_record_has_changed() -> None:
    request = "wf_" + "0" * 26
    about = {"department": "legal", "request": request, "draft_sha256": "d"}
    given = encoded({**about, "decision": "approve", "by": "tom"})
    key = f"{decisions_of(request)}1.json"
    review = Review("legal", request, "waiting", "contract-analysis", "c", "d", "ada", "2026-11-30")
    desk: Any = Desk(replace(review, refused_keys=(key,)), {key: given})
    release = Release(desk, desk, SaysBy(), desk, lambda _: "rec_1", People())  # type: ignore[arg-type]
    assert release.decide("legal", request) == {"state": "waiting"}
    desk.decisions[f"{decisions_of(request)}2.json"] = given
    assert release.decide("legal", request) == {"state": "approved"}


def test_whose_and_how_many_decisions_count_reaches_the_machine_and_its_desk() -> None:
    kit = read_workflows(KIT)[0]["contract-analysis"]
    review = {"kind": "review", "roles": ["legal-counsel"], "people": 2, "hours": 2}
    document = {**OWN, "steps": ["draft", review, "release", "outcome"]}
    workflow = read_workflow(Reading(), document, "visit-notes", "x")
    assert workflow is not None
    states = _machine(workflow)["States"]
    for name in ("OpenReview", "TakeDecision", "LastLook"):
        assert states[name]["Parameters"]["Payload"]["roles"] == ["legal-counsel"]
        assert states[name]["Parameters"]["Payload"]["people"] == 2
    plain = definition(
        Planned(kit, step_input(kit, published_prompt([KIT], kit), ""), "", Waiting(1, 1)), "legal", _LAMBDAS
    )
    assert not {"roles", "people"} & set(plain["States"]["OpenReview"]["Parameters"]["Payload"])

"""The workflows that the kit brings, each over an approved prompt of `prompts/` (L2.1, L3.1).

A workflow stands where the configuration has its department. What demands a review is the prompt's own
`human_review`, as far as the department's configuration asks for it; a finding of the checks always does.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from components.base import refuse


@dataclass(frozen=True)
class WorkflowSpec:
    """`documents_as` is the prompt's variable that takes the documents; `checks` are names of
    `lambdas/workflow/validation.py`; `review` is what demands a person where the prompt does not.
    """

    name: str
    department: str
    title: str
    prompt: str
    documents_as: str
    checks: tuple[str, ...]
    version: str = "stable"
    review: str = ""
    material_decision: bool = False


WORKFLOWS: tuple[WorkflowSpec, ...] = (
    WorkflowSpec("content", "marketing", "Marketing content", "campaign-copy", "brief", ("claims",)),
    WorkflowSpec(
        "scenarios",
        "finance",
        "Scenario modelling",
        "scenario-model",
        "assumptions",
        ("schema", "sums"),
        material_decision=True,
    ),
    WorkflowSpec(
        "contract-analysis",
        "legal",
        "Analysis of contracts",
        "contract-review",
        "contract",
        ("schema", "quotations"),
        material_decision=True,
    ),
    WorkflowSpec(
        "decision-brief",
        "executive",
        "Briefing for a decision",
        "decision-brief",
        "material",
        ("review-line",),
        material_decision=True,
    ),
    WorkflowSpec(
        "competitive-analysis",
        "product",
        "Competitive analysis",
        "competitor-comparison",
        "sources",
        ("citations",),
    ),
    WorkflowSpec(
        "incident-report", "operations", "Report of an incident", "incident-lessons", "timeline", ("times",)
    ),
    WorkflowSpec(
        "policy-answer",
        "people",
        "Answer from a policy",
        "policy-answer",
        "policy",
        ("policy-source",),
        review="personnel-decision",  # its prompt decides nothing; a person reads every answer all the same
    ),
)


def workflows_of(department: str) -> tuple[WorkflowSpec, ...]:
    """The workflows of a department."""
    return tuple(spec for spec in WORKFLOWS if spec.department == department)


def published_prompt(library: Path, spec: WorkflowSpec) -> Mapping[str, Any]:
    """The newest published version of the workflow's prompt.

    Raises `ArgumentsError` where there is none, or where it lacks the workflow's variable.
    """
    folder = library / spec.department / spec.prompt / "versions"
    versions = sorted(folder.glob("*.json"), key=lambda path: int(path.stem))
    refuse("WorkflowSpec", [(bool(versions), f"{spec.name}: prompt {spec.prompt} is not published")])
    document = json.loads(versions[-1].read_text(encoding="utf-8"))
    prompt = document.get("prompt", document)
    variables = [one["name"] for one in prompt["variables"]]
    known = spec.documents_as in variables
    refuse("WorkflowSpec", [(known, f"{spec.name}: {spec.prompt} has no variable {spec.documents_as}")])
    return prompt


def demanded_by(spec: WorkflowSpec, prompt: Mapping[str, Any], human_review: tuple[str, ...]) -> str:
    """What demands a review in a department with this `human_review`; empty for nothing."""
    trigger = spec.review or str(prompt.get("human_review") or "")
    return trigger if trigger in human_review else ""


def step_input(
    spec: WorkflowSpec, prompt: Mapping[str, Any], demanded: str, *, training_required: bool = False
) -> dict[str, Any]:
    """The workflow as its drafting step gets it. Its course bears its name (L3.5)."""
    fields = {name: value for name, value in asdict(spec).items() if name in _STEP_FIELDS}
    schema = prompt.get("output_schema")
    return {
        **fields,
        "checks": list(spec.checks),
        "reviewed": bool(demanded),
        "use_case": str(prompt.get("use_case") or spec.prompt),
        **({"output_schema": schema} if schema else {}),
        **({"course": spec.name} if training_required else {}),
    }


_STEP_FIELDS = ("checks", "documents_as", "name", "prompt", "version")

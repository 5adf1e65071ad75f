"""The workflows that departments may have, each over an approved prompt (L2.1, L3.1): files `<name>.yaml` in
the folder `workflows/` of the kit and in that of a client, who adds others and replaces by name.

What demands a review is the prompt's own `human_review`, as far as the department's configuration asks for
it; a finding of the checks always does.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from components.base import refuse
from contract.problems import Problem
from contract.reading import Reading
from contract.workflows import Workflow

KIT = Path(__file__).resolve().parent.parent.parent


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
    version: str = "current"
    review: str = ""
    material_decision: bool = False


@cache
def read_workflows(*folders: Path) -> tuple[Mapping[str, WorkflowSpec], tuple[Problem, ...]]:
    """The workflows of several libraries by name, the first that has a name decides; and what is wrong."""
    found: dict[str, WorkflowSpec] = {}
    reading = Reading()
    for path in (path for folder in folders for path in sorted((folder / "workflows").glob("*.yaml"))):
        if path.stem in found:
            continue
        where = f"workflows/{path.name}"
        try:
            document = yaml.safe_load(path.read_text("utf-8"))
        except (OSError, ValueError, yaml.YAMLError):
            reading.wrong(where, "is not YAML in UTF-8")
            continue
        workflow = reading.read(Workflow, document, where)
        if workflow is not None:
            found[path.stem] = _spec(path.stem, workflow)
    return found, tuple(reading.problems)


def _spec(name: str, given: Workflow) -> WorkflowSpec:
    return WorkflowSpec(
        name=name,
        department=given.department,
        title=given.title,
        prompt=given.prompt,
        documents_as=given.documents_as,
        checks=given.checks,
        version=given.version,
        review=given.review or "",
        material_decision=given.material_decision,
    )


def workflows_of(
    library: Mapping[str, WorkflowSpec], department: str, *, like: str | None, chosen: Sequence[str] | None
) -> tuple[WorkflowSpec, ...]:
    """The workflows of a department: those that its client chose, else those that are for it."""
    if chosen is not None:
        return tuple(library[name] for name in chosen)
    return tuple(spec for spec in library.values() if spec.department in (department, like))


def prompt_folder(folders: Sequence[Path], prompt: str) -> Path | None:
    """Where the published versions of a prompt lie, in the first library that has it."""
    for folder in folders:
        for found in sorted((folder / "prompts").glob(f"*/{prompt}/versions")):
            return found
    return None


def published_prompt(folders: Sequence[Path], spec: WorkflowSpec, *, check: bool = True) -> Mapping[str, Any]:
    """The newest published version of the workflow's prompt.

    Raises `ArgumentsError` where there is none, or where it lacks the workflow's variable.
    """
    folder = prompt_folder(folders, spec.prompt)
    versions = sorted(folder.glob("*.json"), key=lambda path: int(path.stem)) if folder else []
    refuse("WorkflowSpec", [(bool(versions), f"{spec.name}: prompt {spec.prompt} is not published")])
    document = json.loads(versions[-1].read_text(encoding="utf-8"))
    prompt = document.get("prompt", document)
    known = not check or spec.documents_as in [one["name"] for one in prompt["variables"]]
    refuse(
        "WorkflowSpec",
        [(known, f"{spec.name}: {spec.prompt} has no variable {spec.documents_as}")],
    )
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

"""The library of workflows, each based on an approved prompt (L2.1, L3.1).

Workflows are files `<name>.yaml` in `workflows/` of the kit and of a client, which adds others and replaces
by name. A review is required by the prompt's `human_review`, as far as the department's configuration asks
for it, and always by a finding of the checks.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from components.base import ArgumentsError, refuse
from components.yaml_text import load_yaml
from contract.problems import Problem
from contract.reading import Reading
from contract.workflows import ReviewStep, Workflow, wrong_steps
from contract.writing import as_file

KIT = Path(__file__).resolve().parent.parent.parent


@cache
def read_workflows(*folders: Path) -> tuple[Mapping[str, Workflow], tuple[Problem, ...]]:
    """Return the workflows of several libraries by name, the first library winning, and all errors."""
    found: dict[str, Workflow] = {}
    reading = Reading()
    for path in (path for folder in folders for path in sorted((folder / "workflows").glob("*.yaml"))):
        if path.stem in found:
            continue
        where = f"workflows/{path.name}"
        try:
            document = load_yaml(path.read_text("utf-8"))
        except (OSError, ValueError, yaml.YAMLError):
            reading.wrong(where, "is not YAML in UTF-8")
            continue
        workflow = read_workflow(reading, document, path.stem, where)
        if workflow is not None:
            found[path.stem] = workflow
    return found, tuple(reading.problems)


def read_workflow(reading: Reading, document: Any, name: str, where: str) -> Workflow | None:
    """Parse one workflow. Return None and add to the reading's problems if it is invalid."""
    workflow = reading.read(Workflow, document, where)
    if workflow is None:
        return None
    wrong = [*wrong_steps(workflow.steps)]
    for each in wrong:
        reading.wrong((where, "steps"), "make no workflow", each)
    return None if wrong else replace(workflow, name=name)


def workflows_of(
    library: Mapping[str, Workflow], department: str, *, like: str | None, chosen: Sequence[str] | None
) -> tuple[Workflow, ...]:
    """Return the workflows of a department: its client's selection, or else those that are for it."""
    if chosen is not None:
        return tuple(library[name] for name in chosen)
    return tuple(spec for spec in library.values() if spec.department in (department, like))


def prompt_folder(folders: Sequence[Path], prompt: str) -> Path | None:
    """Return the folder of a prompt's published versions, in the first library that has it."""
    for library in folders:
        areas = library / "prompts"
        for area in sorted(areas.iterdir()) if areas.is_dir() else ():
            found = area / prompt / "versions"
            if found.is_dir():
                return found
    return None


def published_prompt(folders: Sequence[Path], spec: Workflow) -> Mapping[str, Any]:
    """Return the published version of its prompt that the workflow names.

    Raises `ArgumentsError` if there is none, or if it lacks the workflow's variable.
    """
    prompt = find_prompt(folders, spec)
    if prompt is None:
        message = f"{spec.name}: prompt {spec.prompt} has no published version {spec.version}"
        raise ArgumentsError("Workflow", [message])
    known = spec.documents_as in [one["name"] for one in prompt["variables"]]
    refuse("Workflow", [(known, f"{spec.name}: {spec.prompt} has no variable {spec.documents_as}")])
    return prompt


def find_prompt(folders: Sequence[Path], spec: Workflow) -> Mapping[str, Any] | None:
    """Return the prompt version that a workflow names by number or alias, or None if there is none."""
    folder = prompt_folder(folders, spec.prompt)
    if folder is None:
        return None
    aliases = folder.parent / "aliases.yaml"
    named = (load_yaml(aliases.read_text("utf-8")) or {}) if aliases.is_file() else {}
    named["current"] = named.get("stable", named.get("draft"))
    path = folder / f"{named.get(spec.version, spec.version)}.json"
    if not path.is_file():
        return None
    document = json.loads(path.read_text(encoding="utf-8"))
    return document.get("prompt", document)


def demanded_by(spec: Workflow, prompt: Mapping[str, Any], human_review: tuple[str, ...]) -> str:
    """Return what requires a review in a department with this `human_review`; empty: nothing does."""
    trigger = trigger_of(spec, prompt)
    return trigger if trigger in human_review else ""


def trigger_of(spec: Workflow, prompt: Mapping[str, Any]) -> str:
    """Return the kind of decision for which a person must review the workflow's drafts; empty: none."""
    review = spec.step(ReviewStep)
    return (review.demanded_by if review else None) or str(prompt.get("human_review") or "")


def step_input(
    spec: Workflow, prompt: Mapping[str, Any], demanded: str, *, training_required: bool = False
) -> dict[str, Any]:
    """Return the workflow as its drafting step receives it (L3.5)."""
    schema = prompt.get("output_schema")
    return {
        "checks": [_check(as_file(one)) for one in spec.checks],
        "documents_as": spec.documents_as,
        "name": spec.name,
        "prompt": spec.prompt,
        "version": spec.version,
        "reviewed": bool(demanded),
        "use_case": str(prompt.get("use_case") or spec.prompt),
        **({"output_schema": schema} if schema else {}),
        **({"course": spec.course_name} if training_required else {}),
    }


def _check(given: Mapping[str, Any]) -> Any:
    """Serialise a check: its kind alone if it has no parameters."""
    return given if len(given) > 1 else given["kind"]

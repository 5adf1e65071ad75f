"""A client's library laid over the kit's: workflows, prompts, documents (L2.1, L3.1, G.1).

What a client does not provide comes from the kit; what it does replaces the kit's by name.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from components.workflow.catalogue import (
    KIT,
    find_prompt,
    prompt_folder,
    published_prompt,
    read_workflows,
    step_input,
    trigger_of,
    workflows_of,
)
from contract.client import Department
from contract.problems import Problem, nearest
from contract.workflows import OutcomeStep, ReviewStep, Workflow
from stacks.settings import Settings

# AWS limits: a state machine's name has at most 80 characters, some of which the kit needs for its alarm's
# name; a definition has at most 1 MiB and contains twice what the drafting step gets.
_LONGEST_NAME, _LONGEST_STEP = 64, 400_000


def folders_of(settings: Settings) -> tuple[Path, ...]:
    """Return the library folders of a client: its own first, then the kit's."""
    return (Path(settings.client_folder), KIT) if settings.client_folder else (KIT,)


def library_of(settings: Settings) -> Mapping[str, Workflow]:
    """Return every workflow available to this client's departments, by name."""
    return read_workflows(*folders_of(settings))[0]


def workflows_of_department(settings: Settings, department: Department) -> tuple[Workflow, ...]:
    """Return the workflows of a department."""
    library = library_of(settings)
    return workflows_of(library, department.id, like=department.like, chosen=department.workflows)


def library_problems(settings: Settings) -> list[Problem]:
    """Return what is wrong with the client's workflows and with its departments' selection of workflows."""
    folders = folders_of(settings)
    library, problems = read_workflows(*folders)
    found = [*problems, *_of_departments(settings, library)]
    if any(name not in library for one in settings.departments for name in one.workflows or ()):
        return found
    stands = {
        (spec.name, one.id): spec
        for one in settings.departments
        for spec in workflows_of_department(settings, one)
    }
    trained = {one.id for one in settings.departments if one.training_required}
    demanded = {name for name, department in stands if department in trained}
    courses = courses_in(folders)
    for spec in {spec.name: spec for spec in stands.values()}.values():
        prompt = find_prompt(folders, spec)
        found += _of_prompt(spec, folders, prompt)
        found += _of_roles(settings, spec)
        found += _of_course(spec, courses, demanded=spec.name in demanded)
        if settings.production:
            found += _weaker_than_it_must_be(spec, prompt)
    return [*found, *_of_names(settings, stands)]


def _of_departments(settings: Settings, library: Mapping[str, Workflow]) -> Iterator[Problem]:
    kinds = sorted({spec.department for spec in library.values()})
    for place, one in enumerate(settings.departments):
        where = f"departments[{place}]"
        if one.like is not None and one.like not in kinds:
            yield Problem(
                f"{where}.like", f'"{one.like}" has no workflow in the library', nearest(one.like, kinds)
            )
        unknown = [name for name in one.workflows or () if name not in library]
        for name in unknown:
            yield Problem(f"{where}.workflows", f'"{name}" is not a workflow', nearest(name, library))
        if one.workflows is None and one.like is None and one.id not in kinds:
            yield Problem(
                f"{where}.workflows",
                f"no workflow is for {one.id}",
                f"say `like:` with one of {', '.join(kinds)}, name workflows, or say `workflows: []`",
            )
    own = Path(settings.client_folder) / "workflows" if settings.client_folder else None
    ids = {name for one in settings.departments for name in (one.id, one.like) if name}
    chosen = {name for one in settings.departments for name in one.workflows or ()}
    for spec in library.values():
        mine = own is not None and (own / f"{spec.name}.yaml").is_file()
        if mine and spec.department not in ids and spec.name not in chosen:
            hint = nearest(spec.department, ids)
            yield Problem(
                f"workflows/{spec.name}.yaml.department", f'"{spec.department}" is not a department', hint
            )


def _of_prompt(
    spec: Workflow, folders: tuple[Path, ...], prompt: Mapping[str, Any] | None
) -> Iterator[Problem]:
    where = _file(spec)
    if prompt is None and prompt_folder(folders, spec.prompt) is None:
        published = {path.parent.name for each in folders for path in (each / "prompts").glob("*/*/versions")}
        hint = nearest(spec.prompt, published)
        yield Problem(f"{where}.prompt", f'"{spec.prompt}" is not a published prompt', hint)
        return
    if prompt is None:
        yield Problem(f"{where}.version", f"{spec.prompt} has no published version {spec.version}")
        return
    variables = [each["name"] for each in prompt["variables"]]
    if spec.documents_as not in variables:
        hint = nearest(spec.documents_as, variables)
        yield Problem(
            f"{where}.documents_as", f'"{spec.documents_as}" is not a variable of {spec.prompt}', hint
        )
    size = len(json.dumps(step_input(spec, prompt, "")))
    if size > _LONGEST_STEP:
        yield Problem(
            where,
            f"is {size:,} bytes with its prompt's output schema: a state machine holds {_LONGEST_STEP:,}",
            "make the output schema smaller",
        )


def _of_roles(settings: Settings, spec: Workflow) -> Iterator[Problem]:
    """Require that somebody can hold each reviewer role; otherwise no draft would ever be released."""
    review = spec.step(ReviewStep)
    given = {role for rule in settings.identity.groups for role in rule.roles}
    for role in review.roles if review else ():
        if role not in given:
            hint = nearest(role, given) if given else "give it to a group of identity.groups"
            yield Problem(f"{_file(spec)}.steps.review.roles", f'no group gives the role "{role}"', hint)


def _of_course(spec: Workflow, known: Mapping[str, Path], *, demanded: bool) -> Iterator[Problem]:
    if (spec.course or demanded) and spec.course_name not in known:
        yield Problem(
            f"{_file(spec)}.course", f'"{spec.course_name}" is not a course', nearest(spec.course_name, known)
        )


def _weaker_than_it_must_be(spec: Workflow, prompt: Mapping[str, Any] | None) -> Iterator[Problem]:
    """Report controls that a client may not remove from a workflow in production (G.2, L3.4)."""
    where = f"{_file(spec)}.steps"
    if spec.step(ReviewStep) is None:
        yield Problem(where, "leave out the human review", "production has it always: add review")
    if spec.step(OutcomeStep) is None:
        yield Problem(where, "leave out the record of what came of it", "production has it: add outcome")
    kit = read_workflows(KIT)[0].get(spec.name)
    if kit is None or prompt is None:
        return
    demanded = trigger_of(kit, published_prompt((KIT,), kit))
    if demanded and not trigger_of(spec, prompt):
        yield Problem(
            where,
            f"no longer demand the review of a {demanded} that the kit's {spec.name} demands",
            f"add {{kind: review, demanded_by: {demanded}}}",
        )
    material, ours = kit.step(OutcomeStep), spec.step(OutcomeStep)
    if material and material.material_decision and ours and not ours.material_decision:
        yield Problem(
            where,
            f"no longer record the material decision that the kit's {spec.name} records",
            "add {kind: outcome, material_decision: true}",
        )


def _of_names(settings: Settings, stands: Mapping[tuple[str, str], Workflow]) -> Iterator[Problem]:
    for workflow, department in stands:
        name = f"{settings.client}-{settings.environment}-{department}-{workflow}"
        if len(name) > _LONGEST_NAME:
            said = f"its state machine's name {name} has {len(name)} characters, not {_LONGEST_NAME} at most"
            hint = "rename the file, or give the department a shorter id"
            yield Problem(f"workflows/{workflow}.yaml", said, hint)


def _file(spec: Workflow) -> str:
    return f"workflows/{spec.name}.yaml"


def courses_in(folders: tuple[Path, ...]) -> dict[str, Path]:
    """Return the courses of several libraries by name; the first library that has a course wins.

    A client's courses are in `courses/`, the kit's in `documents/courses/`.
    """
    found: dict[str, Path] = {}
    for folder in reversed(folders):
        for path in sorted(folder.glob("documents/courses/*.md" if folder == KIT else "courses/*.md")):
            if path.name.count(".") == 1:  # not a translation
                found[path.stem] = path
    return dict(sorted(found.items()))


def documents_of(settings: Settings) -> dict[str, Path]:
    """Return the governance documents by name: the client's, or else the kit's."""
    found: dict[str, Path] = {}
    for folder in reversed(folders_of(settings)):
        found |= {
            path.stem: path for path in sorted((folder / "documents").glob("*.md")) if path.stem != "README"
        }
    return dict(sorted(found.items()))


def readers_of_prompts(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """Return, for each department of the library, the client's departments that use its prompts."""
    found: dict[str, tuple[str, ...]] = {}
    for one in settings.departments:
        if one.like is not None:
            found[one.like] = (*found.get(one.like, ()), one.id)
    return found


def users_of_prompts(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """Return, for each prompt, the departments that draft with it in one of their workflows."""
    found: dict[str, tuple[str, ...]] = {}
    for one in settings.departments:
        for spec in workflows_of_department(settings, one):
            found[spec.prompt] = (*found.get(spec.prompt, ()), one.id)
    return found

"""What a client's folder lays over the kit's own library: workflows, prompts, documents (L2.1, L3.1, G.1).

What a client does not bring comes from the kit; what it does replaces by name.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from components.workflow.catalogue import (
    KIT,
    WorkflowSpec,
    prompt_folder,
    published_prompt,
    read_workflows,
    workflows_of,
)
from contract.client import Department
from contract.problems import Problem, nearest
from stacks.settings import Settings


def folders_of(settings: Settings) -> tuple[Path, ...]:
    """The libraries of a client: its own folder first, then the kit's."""
    return (Path(settings.client_folder), KIT) if settings.client_folder else (KIT,)


def library_of(settings: Settings) -> Mapping[str, WorkflowSpec]:
    """Every workflow that a department of this client may have, by name."""
    return read_workflows(*folders_of(settings))[0]


def workflows_of_department(settings: Settings, department: Department) -> tuple[WorkflowSpec, ...]:
    """The workflows that stand for a department."""
    library = library_of(settings)
    return workflows_of(library, department.id, like=department.like, chosen=department.workflows)


def library_problems(settings: Settings) -> list[Problem]:
    """What is wrong with the client's workflows and with what its departments say of them."""
    folders = folders_of(settings)
    library, problems = read_workflows(*folders)
    return [*problems, *_of_departments(settings, library), *_of_prompts(settings, library, folders)]


def _of_departments(settings: Settings, library: Mapping[str, WorkflowSpec]) -> Iterator[Problem]:
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


def _of_prompts(
    settings: Settings, library: Mapping[str, WorkflowSpec], folders: tuple[Path, ...]
) -> Iterator[Problem]:
    published = {path.parent.name for folder in folders for path in (folder / "prompts").glob("*/*/versions")}
    known = {name for one in settings.departments for name in one.workflows or () if name not in library}
    for one in settings.departments if not known else ():
        for spec in workflows_of(library, one.id, like=one.like, chosen=one.workflows):
            where = f"workflows/{spec.name}.yaml"
            if prompt_folder(folders, spec.prompt) is None:
                hint = nearest(spec.prompt, published)
                yield Problem(f"{where}.prompt", f'"{spec.prompt}" is not a published prompt', hint)
                continue
            variables = [each["name"] for each in published_prompt(folders, spec, check=False)["variables"]]
            if spec.documents_as not in variables:
                hint = nearest(spec.documents_as, variables)
                yield Problem(
                    f"{where}.documents_as", f'"{spec.documents_as}" is not a variable of {spec.prompt}', hint
                )


def documents_of(settings: Settings) -> dict[str, Path]:
    """The governance documents by name: the client's, and the kit's where it has none of that name."""
    found: dict[str, Path] = {}
    for folder in reversed(folders_of(settings)):
        found |= {
            path.stem: path for path in sorted((folder / "documents").glob("*.md")) if path.stem != "README"
        }
    return dict(sorted(found.items()))


def readers_of_prompts(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """Which departments of the client have the prompts of a department of the library, by that one's id."""
    found: dict[str, tuple[str, ...]] = {}
    for one in settings.departments:
        if one.like is not None:
            found[one.like] = (*found.get(one.like, ()), one.id)
    return found

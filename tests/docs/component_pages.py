"""A page for every component, computed from its code and from the plans it stands in.

Each page has the same parts: the smallest deploy, inputs, outputs, default posture, picture.
`python -m tests.docs.component_pages` writes them; a test fails where a page differs from the code.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kit.evaluation.graph import Graph, Resource
from kit.plan.rendering import short_type
from tests.support.stages import SIZES, STAGES, plan_of

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "components"
EXAMPLES = ROOT / "examples" / "components"
DEPLOYED = EXAMPLES / "deployed.py"  # what programs share that build on a deployment
BASE = "KitComponent"
SECTIONS = ("Creates", "Default posture", "Replaced when changed")
_SHOWN_CHILDREN = 40


@dataclass(frozen=True)
class Field:
    """One input. `default` is the source text, empty where the input must be given."""

    name: str
    kind: str
    default: str


@dataclass(frozen=True)
class Component:
    """What the source says of a component."""

    name: str
    path: Path
    summary: str
    sections: dict[str, str]
    about_arguments: str
    inputs: tuple[Field, ...]
    outputs: tuple[str, ...]

    @property
    def page(self) -> Path:
        """Where its page is."""
        return PAGES / f"{re.sub(r'(?<!^)(?=[A-Z])', '-', self.name).lower()}.md"

    @property
    def example(self) -> Path:
        """The smallest program with it."""
        return EXAMPLES / f"{self.page.stem.replace('-', '_')}.py"


@cache
def components() -> tuple[Component, ...]:
    """Every component, by name."""
    found: list[Component] = []
    for path in sorted((ROOT / "components").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        found += [_component(node, classes, path) for node in classes.values() if _is_component(node)]
    return tuple(sorted(found, key=lambda one: one.name))


def _is_component(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == BASE for base in node.bases)


def _component(node: ast.ClassDef, classes: dict[str, ast.ClassDef], path: Path) -> Component:
    summary, sections = _parts(ast.get_docstring(node) or "")
    constructor = next(
        each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"
    )
    arguments = classes.get(f"{node.name}Args")
    inputs = tuple(_fields(arguments)) if arguments else tuple(_parameters(constructor))
    return Component(
        node.name,
        path,
        summary,
        sections,
        ast.get_docstring(arguments) or "" if arguments else "",
        inputs,
        tuple(_outputs(node)),
    )


def _parts(docstring: str) -> tuple[str, dict[str, str]]:
    """The summary, and what follows each of the section names."""
    pattern = re.compile(rf"^({'|'.join(SECTIONS)}): ", re.MULTILINE)
    pieces = pattern.split(docstring)
    named = dict(zip(pieces[1::2], (_one_line(text) for text in pieces[2::2]), strict=True))
    return _one_line(pieces[0]), named


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _fields(node: ast.ClassDef) -> Iterator[Field]:
    for each in node.body:
        if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            default = ast.unparse(each.value) if each.value else ""
            yield Field(each.target.id, ast.unparse(each.annotation), _default(default))


def _default(text: str) -> str:
    made = re.fullmatch(r"field\(default_factory=(\w+)\)", text)
    return f"empty {made[1]}" if made else text


def _parameters(constructor: ast.FunctionDef) -> Iterator[Field]:
    given = constructor.args.args[2:]  # after self and name
    defaults = [""] * (len(given) - len(constructor.args.defaults))
    defaults += [ast.unparse(each) for each in constructor.args.defaults]
    for parameter, default in zip(given, defaults, strict=True):
        if parameter.arg != "opts":
            kind = ast.unparse(parameter.annotation) if parameter.annotation else ""
            yield Field(parameter.arg, kind, default)


def _outputs(node: ast.ClassDef) -> Iterator[str]:
    """Public attributes that its methods assign, in their order."""
    seen: set[str] = set()
    for each in ast.walk(node):
        for target in _targets(each):
            if (
                isinstance(target, ast.Attribute)
                and isinstance(target.value, ast.Name)
                and target.value.id == "self"
                and not target.attr.startswith("_")
                and target.attr not in seen
            ):
                seen.add(target.attr)
                yield target.attr


def _targets(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AnnAssign) and node.value is not None else []


def page(component: Component) -> str:
    """The text of a component's page."""
    source = component.path.relative_to(ROOT).as_posix()
    return "\n".join(
        [
            f"# {component.name}",
            "",
            component.summary,
            "",
            f"Source: [{source}](../../{source}). Type `kit:index:{component.name}`.",
            "",
            "## Smallest deploy",
            "",
            *_smallest(component),
            "",
            "## Inputs",
            "",
            *([_one_line(component.about_arguments), ""] if component.about_arguments else []),
            *_inputs(component),
            "",
            "## Outputs",
            "",
            ", ".join(f"`{name}`" for name in component.outputs) or "None.",
            "",
            "## Default posture",
            "",
            f"Creates: {component.sections.get('Creates', '')}",
            "",
            component.sections.get("Default posture", ""),
            "",
            f"Replaced when changed: {component.sections.get('Replaced when changed', '')}",
            "",
            "## Picture",
            "",
            *_picture(component),
            "",
        ]
    )


def _smallest(component: Component) -> Iterator[str]:
    """The program itself, so that there is no second copy of what the test runs."""
    program = component.example.read_text("utf-8").rstrip()
    about = "[which values are yours](README.md#smallest-deploys)"
    yield f"{_linked(component.example)}; {about}."
    yield ""
    yield "```python"
    yield program
    yield "```"


def _linked(file: Path) -> str:
    path = file.relative_to(ROOT).as_posix()
    return f"[{path}](../../{path})"


def _inputs(component: Component) -> Iterator[str]:
    yield "| input | type | default |"
    yield "|---|---|---|"
    for one in component.inputs:
        kind = one.kind.replace("|", "\\|")
        yield f"| `{one.name}` | `{kind}` | {f'`{one.default}`' if one.default else 'must be given'} |"


def _picture(component: Component) -> Iterator[str]:
    found = _first_plan(component.name)
    if found is None:
        yield "No stage of the example client has one."
        return
    graph, root, size = found
    yield f"As stage `{graph.stack.split('.')[0]}` of the example client has it at size `{size}`:"
    yield ""
    yield "```text"
    lines = list(_tree(graph, root, ""))
    yield from lines[:_SHOWN_CHILDREN]
    if len(lines) > _SHOWN_CHILDREN:
        yield f"… and {len(lines) - _SHOWN_CHILDREN} more"
    yield "```"


def _first_plan(name: str) -> tuple[Graph, Resource, str] | None:
    for size in SIZES:
        for stage in STAGES:
            graph = plan_of(stage, size)
            for resource in graph:
                if resource.type == f"kit:index:{name}":
                    return graph, resource, size
    return None


def _tree(graph: Graph, resource: Resource, indent: str) -> Iterator[str]:
    kept = [word for word, on in (("protect", resource.protected), ("retain", resource.retained)) if on]
    yield f"{indent}{resource.name}  {short_type(resource.type)}" + (f"  [{' '.join(kept)}]" if kept else "")
    for child in sorted(
        (one for one in graph if one.parent == resource.urn), key=lambda one: (one.custom, one.name)
    ):
        yield from _tree(graph, child, indent + "  ")


def index(found: Sequence[Component]) -> str:
    """The list of all pages."""
    rows = [f"| [{one.name}]({one.page.name}) | {one.summary} |" for one in found]
    return "\n".join(
        ["# Components", "", "| component | what it is |", "|---|---|", *rows, "", *_about_programs(), ""]
    )


def _about_programs() -> Iterator[str]:
    yield "## Smallest deploys"
    yield ""
    yield "Each page shows a whole Pulumi program, which a test evaluates as printed."
    yield "Accounts, addresses and ids in it are made up: put yours. `aws_provider` tags what the program"
    yield "makes, and refuses every account but the one in `Names`."
    yield ""
    yield "Programs that call `deployed()` build on a client's stages `foundation` and `integration`, whose"
    yield f"exports {_linked(DEPLOYED)} reads. Their components have the"
    yield "names that the stages give them: they are for a deployment that lacks the component."
    yield ""
    yield "To deploy one, put it in the place of `__main__.py` in a clone of the kit: functions take their"
    yield "sources from that folder, and their layers from `kit build`. Give it a stack of its own. The"
    yield "project asks for `stage` and `client`, which the program does not read."
    yield ""
    yield "    cp examples/components/ledger.py __main__.py"
    yield "    pulumi stack init trial"
    yield "    pulumi config set stage trial"
    yield "    pulumi config set client trial"
    yield "    pulumi up"


def pages() -> dict[Path, str]:
    """Every page with its text."""
    found = components()
    return {PAGES / "README.md": index(found), **{one.page: page(one) for one in found}}


if __name__ == "__main__":
    PAGES.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for old in set(PAGES.glob("*.md")) - set(wanted):
        old.unlink()
    for path, text in wanted.items():
        path.write_text(text, "utf-8")

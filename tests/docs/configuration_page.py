"""The pages and JSON Schemas of a client's file and of a workflow's, computed from the contract.

`python -m tests.docs.configuration_page` writes them; a test fails where one differs from the code.
"""

import json
from dataclasses import MISSING
from decimal import Decimal
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from contract.client import Client
from contract.keys import Declaration, Text, is_declared, keys_of
from contract.kinds import SIZES
from contract.schema import client_schema, values_by_size, workflow_schema
from contract.sizes import rules
from contract.workflows import Workflow

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "configuration.md"
SCHEMA = ROOT / "stacks" / "config" / "client.schema.json"
WORKFLOW_PAGE = ROOT / "docs" / "workflow-files.md"
WORKFLOW_SCHEMA = ROOT / "workflows" / "workflow.schema.json"
_HEAD = """# Every key of a client's file

Computed from `contract/` (`make docs`); editors check a client's file by `stacks/config/client.schema.json`,
which its first line names. A key without a default must be given; *size* means that it follows from the size.
*Stricter* says which value asks for more: `more` or `less`; of choices by their order here, of lists by what
they contain. A **control** is never weaker in a bigger size.
"""
_WORKFLOW_HEAD = """# Every key of a workflow's file

Computed from `contract/` (`make docs`). A workflow is a file `workflows/<name>.yaml` of the kit or of a
client, whose own replaces the kit's by name; editors check it by `workflows/workflow.schema.json`, which its
first line names. A step or check that needs nothing more than its kind is written as its kind alone. The
steps come in this order, each at most once:

    steps:
      - draft
      - { kind: check, checks: [sums, { kind: length, most_words: 400 }] }
      - { kind: review, roles: [legal-counsel], hours: 8 }
      - release
      - { kind: outcome, material_decision: true }

In production `review` and `outcome` cannot be left out, and a workflow that replaces one of the kit's demands
at least the review and the record that the kit's demands. `kit client check` and `kit preview` name what is
wrong.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD, *_part("", Client), _sizes()]
    return "\n".join(parts) + "\n"


def workflow_page() -> str:
    """The page of a workflow's file."""
    return "\n".join([_WORKFLOW_HEAD, *_part("", Workflow)]) + "\n"


def _part(path: str, cls: type) -> list[str]:
    """One section a class, in the order of the file."""
    title = f"## `{path}`" if path else "## The file"
    rows = ["| key | takes | default | stricter | what it is |", "|---|---|---|---|---|"]
    below: list[str] = []
    for one in keys_of(cls):
        if one.file_name == "sizing":
            continue
        rows.append(_row(one))
        for inner, suffix in _classes(one.annotation):
            place = f"{path}.{one.file_name}" if path else one.file_name
            below += _part(f"{place}{suffix}", inner)
    return [title, "", " ".join((cls.__doc__ or "").split()), "", *rows, "", *below]


def _row(one: Declaration) -> str:
    stricter = (one.key.stricter or "") + (" **control**" if one.key.control else "")
    cells = (f"`{one.file_name}`", _takes(one), _default(one), stricter, one.key.says)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _takes(one: Declaration) -> str:
    if one.money:
        return f"US dollars{_bounds(one, 1_000_000)}"
    if one.key.choices:
        return ", ".join(
            f"`{str(each).lower() if isinstance(each, bool) else each}`" for each in one.key.choices
        )
    return _kind(one.annotation) + _bounds(one, 1)


def _bounds(one: Declaration, unit: int) -> str:
    least, most = one.key.least, one.key.most
    shown = [f"{Decimal(bound) / unit:,f}" if bound is not None else "" for bound in (least, most)]
    if most is not None:
        return f", {shown[0] or 0} to {shown[1]}"
    return f", {shown[0]} or more" if least else ""


def _kind(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if is_declared(annotation):
        return "a mapping"
    if origin is Annotated:
        return arguments[1].allowed if isinstance(arguments[1], Text) else "a mapping"
    if origin is Literal:
        return ", ".join(f"`{each}`" for each in arguments)
    if origin in (Union, UnionType):
        kinds = list(dict.fromkeys(_kind(each) for each in arguments if each is not NoneType))
        return " or ".join(kinds)
    if origin is tuple:
        return f"a list: {_kind(arguments[0])}"
    if origin is not None:
        return f"a mapping of {_kind(arguments[0])} to {_kind(arguments[1])}"
    return {bool: "`false`, `true`", int: "a whole number", float: "a number", str: "text"}.get(
        annotation, "a date such as 2026-11-02"
    )


def _default(one: Declaration) -> str:
    if one.key.size:
        return f"size: `{one.key.size}`"
    if one.default is MISSING:
        return "*required*"
    if one.default is None or is_declared(type(one.default)) or one.default in ((), {}):
        return ""
    if isinstance(one.default, tuple):
        return ", ".join(f"`{each}`" for each in one.default)
    return f"`{str(one.default).lower() if isinstance(one.default, bool) else one.default}`"


def _classes(annotation: Any) -> list[tuple[type, str]]:
    """The declared classes below a key, and how a path goes on to each."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if is_declared(annotation):
        return [(annotation, "")]
    if origin is Annotated:
        return [] if isinstance(arguments[1], Text) else [(arguments[1], "")]
    if origin in (Union, UnionType):
        found = [pair for each in arguments for pair in _classes(each)]
        if len(found) < 2:
            return found
        return [(each, f"{suffix} (kind: {_kind_of(each)})") for each, suffix in found]
    if origin is tuple:
        return [(each, f"[]{suffix}") for each, suffix in _classes(arguments[0])]
    if origin is not None and len(arguments) == 2:
        return [(each, f".*{suffix}") for each, suffix in _classes(arguments[1])]
    return []


def _kind_of(cls: type) -> str:
    kind = next(one for one in keys_of(cls) if one.name == "kind")
    return str(get_args(kind.annotation)[0])


def _sizes() -> str:
    """The values of all sizes, one row a value."""
    rows = [
        "## `sizing`",
        "",
        "What follows from the size; each value can be set here, within its bounds.",
        "",
        "| key | " + " | ".join(SIZES) + " | takes | stricter | what it is |",
        "|---|" + "---|" * len(SIZES) + "---|---|---|",
    ]
    for name, one in rules().items():
        group, _, _ = name.rpartition(".")
        shown = [_shown(one, value) for value in values_by_size(name).values()]
        key = f"{group}.{one.file_name}" if group else one.file_name
        stricter = (one.key.stricter or "") + (" **control**" if one.key.control else "")
        rows.append(f"| `{key}` | {' | '.join(shown)} | {_takes(one)} | {stricter} | {one.key.says} |")
    return "\n".join(rows)


def _shown(one: Declaration, value: Any) -> str:
    if one.money:
        return f"{Decimal(value) / 1_000_000:,f} USD"
    if isinstance(value, bool):
        return str(value).lower()
    return (
        f"{value:,}"
        if isinstance(value, int)
        else ", ".join(value)
        if isinstance(value, tuple)
        else str(value)
    )


def schema_text(schema: dict[str, Any]) -> str:
    """A schema as `kit schema` prints it."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def computed() -> dict[Path, str]:
    """The text of every file that is computed here."""
    return {
        PAGE: page(),
        SCHEMA: schema_text(client_schema()),
        WORKFLOW_PAGE: workflow_page(),
        WORKFLOW_SCHEMA: schema_text(workflow_schema()),
    }


def write() -> None:
    """Write the files."""
    for path, text in computed().items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    write()

"""The plan as a document: stable JSON that people diff, auditors keep and `kit preview --against` reads back.

    {"schema": "kit-plan/1", "commit": "…",
     "stacks": [{"project", "stack", "values": "predicted" | "unknown until deployed",
                 "resources": [{"urn", "type", "name", "parent", "custom", "read", "inputs", "options",
                 "outputs",
                                "source"}, …],     sorted by URN
                 "exports": {…}}]}

Values of secrets are never in it, files and archives are there by name and content hash, and no path leads
outside of the project. A saved plan also names the commit that it was made at; it is not part of any digest.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kit.errors import ExitCode, KitError
from kit.evaluation.archives import marked_hash
from kit.evaluation.engine import PROJECT_ROOT
from kit.evaluation.graph import Graph, Resource

SCHEMA = "kit-plan/1"
_BULKY = 12  # archives of more files are shown by their number and hash


def plan_document(graphs: Iterable[Graph], root: Path = PROJECT_ROOT) -> dict[str, Any]:
    """The document of one or more stacks."""
    return {"schema": SCHEMA, "stacks": [_stack(graph, root) for graph in graphs]}


def to_json(document: Mapping[str, Any]) -> str:
    """The document's text: the same bytes for the same plan on every machine."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def read_document(path: Path) -> dict[str, Any]:
    """A saved document. Raises KitError if it is not one, or of a schema that this kit does not know."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KitError(f"{path}: no such file", hint="check the path", exit_code=ExitCode.USAGE) from None
    except OSError as error:
        raise KitError(f"{path}: cannot be read: {error.strerror}", exit_code=ExitCode.USAGE) from None
    except ValueError as error:
        raise KitError(
            f"{path}: not JSON, so no saved plan: {error}",
            hint="make one with: kit preview --save FILE",
            exit_code=ExitCode.USAGE,
        ) from None
    return checked_document(content, str(path))


def checked_document(content: Any, where: str) -> dict[str, Any]:
    """The content, if it is a plan of a schema that this kit knows. Raises KitError otherwise."""
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        found = f"schema {schema!r}" if schema else "no schema"
        raise KitError(
            f"{where}: not a plan of this kit ({found}, {SCHEMA!r} is expected)",
            hint="make one with: kit preview --save FILE",
            exit_code=ExitCode.USAGE,
        )
    try:
        for stack in content["stacks"]:
            for resource in stack["resources"]:
                if not isinstance(resource["urn"], str) or not isinstance(resource["type"], str):
                    raise TypeError("a resource needs urn and type")
                for key in ("inputs", "options"):
                    if not isinstance(resource[key], dict):
                        raise TypeError(f"{key} of {resource['urn']} is not an object")
    except (KeyError, TypeError) as error:
        raise KitError(f"{where}: damaged plan: {error}", exit_code=ExitCode.USAGE) from None
    return content


def resource_entry(resource: Resource, root: Path = PROJECT_ROOT) -> dict[str, Any]:
    """One resource as it stands in the document."""
    return {
        "urn": resource.urn,
        "type": resource.type,
        "name": resource.name,
        "parent": resource.parent,
        "custom": resource.custom,
        "read": resource.read,
        "inputs": shown(resource.inputs, root),
        "options": dict(resource.options),
        "outputs": shown(resource.outputs, root),
        "source": resource.source,
    }


def shown(value: Any, root: Path = PROJECT_ROOT) -> Any:
    """The value as a document may show it: secrets blinded, files and archives with their hash."""
    if isinstance(value, Mapping):
        if "$secret" in value:
            return {"$secret": True}
        if "$asset" in value or "$archive" in value:
            return _file(value, root)
        return {key: shown(one, root) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [shown(one, root) for one in value]
    return value


def _file(value: Mapping[str, Any], root: Path) -> dict[str, Any]:
    ((mark, body),) = value.items()
    entry: dict[str, Any] = {"sha256": marked_hash(value, root)}
    if "assets" in body:
        entry["files"] = len(body["assets"])
        if len(body["assets"]) <= _BULKY:
            entry["names"] = sorted(body["assets"])
    else:
        entry |= {key: body[key] for key in ("path", "uri") if key in body}
    return {mark: entry}


def _stack(graph: Graph, root: Path) -> dict[str, Any]:
    return {
        "project": graph.project,
        "stack": graph.stack,
        "values": "unknown until deployed" if graph.preview else "predicted",
        "resources": [resource_entry(resource, root) for resource in graph],
        "exports": shown(graph.exports, root),
    }

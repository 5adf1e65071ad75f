"""Registered prompts: content of a published version, and rendering of variables into a Messages body
(L2.1, L2.2).

A published version is one JSON object in the governance bucket; the index lists it with its SHA-256.
Nothing here reads a clock, a file or a network: the gateway, `kit prompt` and the tests share it.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

PLACEHOLDER = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\s*\}\}")
VARIABLE_TYPES = ("string", "text", "integer", "number", "choice", "list")
DEFAULT_MAX_LENGTH = {"string": 500, "text": 60_000, "list": 50}
_LIST_ITEM_MAX_LENGTH = 2_000


class PromptError(ValueError):
    """The caller's variables, name or version are invalid; `problems` lists every one, without any values."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Variable:
    """One typed variable. Free text is untrusted unless the prompt's owner declares otherwise."""

    name: str
    type: str
    description: str
    required: bool = True
    trusted: bool = False
    max_length: int | None = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    @property
    def untrusted(self) -> bool:
        """Return whether it may contain instructions that nobody approved."""
        return self.type in ("string", "text", "list") and not self.trusted


@dataclass(frozen=True, slots=True)
class Prompt:
    """One version of a prompt, as approved. `version` is 0 for an unpublished draft."""

    name: str
    department: str
    departments: tuple[str, ...]  # who may use it; ("*",) is everybody
    title: str
    use_case: str
    owner: str
    data_class: str
    model: str
    max_tokens: int
    human_review: str | None
    system: str
    template: str
    variables: tuple[Variable, ...]
    output_schema: dict[str, Any] | None
    version: int = 0
    about: Mapping[str, Any] = field(default_factory=dict[str, Any])  # what people read before they use it
    status: str = ""  # in the registry: stable, draft (not proven with a model), or earlier

    def allows(self, department: str) -> bool:
        """Return whether callers of `department` may use it (L3.1)."""
        return "*" in self.departments or department in self.departments


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of a JSON document: sorted keys, no spaces, UTF-8."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def content_hash(document: Mapping[str, Any]) -> str:
    """Return the hex SHA-256 of the canonical bytes, by which a document is approved, published and looked
    up.
    """
    return hashlib.sha256(canonical(document)).hexdigest()


def parse_prompt(document: Mapping[str, Any]) -> Prompt:
    """Parse a prompt from its published JSON form. Raises `KeyError` or `TypeError` if it is invalid."""
    return Prompt(
        name=document["name"],
        department=document["department"],
        departments=tuple(document["departments"]),
        title=document["title"],
        use_case=document["use_case"],
        owner=document["owner"],
        data_class=document["data_class"],
        model=document["model"],
        max_tokens=document["max_tokens"],
        human_review=document.get("human_review"),
        system=document["system"],
        template=document["template"],
        variables=tuple(_parse_variable(entry) for entry in document["variables"]),
        output_schema=document.get("output_schema"),
        version=document.get("version", 0),
        about=document.get("about") or {},
    )


def _parse_variable(entry: Mapping[str, Any]) -> Variable:
    fields = dict(entry)
    fields["choices"] = tuple(fields.get("choices") or ())
    return Variable(**fields)


def check_variables(prompt: Prompt, values: Mapping[str, Any]) -> list[str]:
    """Return every error in `values`, each naming the key and never the value."""
    known = {variable.name: variable for variable in prompt.variables}
    problems = [
        f"variables.{name}: no such variable; {_known_names(known)}" for name in values if name not in known
    ]
    for variable in prompt.variables:
        if variable.name not in values:
            if variable.required:
                problems.append(f"variables.{variable.name}: required ({variable.description})")
            continue
        problem = _misfit(variable, values[variable.name])
        if problem:
            problems.append(f"variables.{variable.name}: {problem}")
    return problems


def _known_names(known: Mapping[str, Variable]) -> str:
    return "known are " + ", ".join(sorted(known)) if known else "this prompt takes none"


def _misfit(variable: Variable, value: Any) -> str | None:
    match variable.type:
        case "string" | "text":
            return _misfit_text(value, variable.max_length or DEFAULT_MAX_LENGTH[variable.type])
        case "integer" | "number":
            return _misfit_number(variable, value)
        case "choice":
            return None if value in variable.choices else f"must be one of {', '.join(variable.choices)}"
        case "list":
            return _misfit_list(value, variable.max_length or DEFAULT_MAX_LENGTH["list"])
        case _:
            return f"has the unknown type {variable.type}"


def _misfit_text(value: Any, max_length: int) -> str | None:
    if not isinstance(value, str):
        return "must be a string"
    if len(value) > max_length:
        return f"has {len(value)} characters, allowed are {max_length}"
    return None


def _misfit_number(variable: Variable, value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"must be of type {variable.type}"
    if variable.type == "integer" and not isinstance(value, int):
        return "must be a whole number"
    if variable.minimum is not None and value < variable.minimum:
        return f"must be {variable.minimum} or more"
    if variable.maximum is not None and value > variable.maximum:
        return f"must be {variable.maximum} or less"
    return None


def _misfit_list(value: Any, max_length: int) -> str | None:
    if not isinstance(value, list):
        return "must be a list of strings"
    items = cast("list[Any]", value)
    if not all(isinstance(item, str) for item in items):
        return "must be a list of strings"
    if len(items) > max_length:
        return f"has {len(items)} entries, allowed are {max_length}"
    if any(len(item) > _LIST_ITEM_MAX_LENGTH for item in items):
        return f"has an entry of more than {_LIST_ITEM_MAX_LENGTH} characters"
    return None


def render(prompt: Prompt, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Messages body for `values`: model alias, max_tokens, system and one user message.

    An untrusted value cannot close the element that encloses it: a `<` that starts a tag is escaped. Raises
    `PromptError` with every error.
    """
    problems = check_variables(prompt, values)
    if problems:
        raise PromptError(problems)
    texts = {variable.name: _as_text(variable, values.get(variable.name)) for variable in prompt.variables}

    def fill(text: str) -> str:
        return PLACEHOLDER.sub(lambda match: texts.get(match.group(1), ""), text).strip()

    return {
        "model": prompt.model,
        "max_tokens": prompt.max_tokens,
        "system": fill(prompt.system),
        "messages": [{"role": "user", "content": fill(prompt.template)}],
    }


_TAG_START = re.compile(r"<(?=[/!?a-zA-Z])")


def _as_text(variable: Variable, value: Any) -> str:
    if value is None:
        return ""
    text = "\n".join(f"- {item}" for item in value) if variable.type == "list" else str(value)
    return _TAG_START.sub("&lt;", text) if variable.untrusted else text

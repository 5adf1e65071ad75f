"""The prompt library on disk: drafts, approvals, published versions, aliases (L2.1, L2.2).

prompts/<department>/<name>/prompt.yaml      the draft, edited by people
prompts/<department>/<name>/approvals.yaml   who approved which content hash, and what the tests said
prompts/<department>/<name>/versions/N.json  published, never edited
prompts/<department>/<name>/recordings.json  what a named model answered to a case, and by which text of it
prompts/<department>/<name>/aliases.yaml     stable: N, draft: N
prompts/<department>/<name>/published.lock   SHA-256 of every version of it that was ever published
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from components.governance.published_prompts import DRAFT, STABLE, PublishedPrompts, read_published
from components.yaml_text import load_yaml
from kit.errors import ExitCode, KitError
from lambdas.common.prompts import Prompt, content_hash, parse_prompt

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class VariableFile(_Strict):
    """One variable of a draft."""

    type: Literal["string", "text", "integer", "number", "choice", "list"]
    description: str = Field(min_length=3)
    required: bool = True
    trusted: bool = False
    max_length: int | None = Field(default=None, ge=1, le=200_000)
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None

    @model_validator(mode="after")
    def _choices_go_with_choice(self) -> "VariableFile":
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("choices belong to type choice, and it needs them")
        return self


class JsonExpectation(_Strict):
    """A value, or a minimum number of items, at a path (`themes[0].count`) of a JSON answer."""

    path: str = Field(pattern=r"^[a-z_]\w*(\[\d+\])?(\.[a-z_]\w*(\[\d+\])?)*$")
    equals: Any = None
    min_items: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _says_something(self) -> "JsonExpectation":
        if ("equals" in self.model_fields_set) == (self.min_items is not None):
            raise ValueError("give equals or min_items")
        return self


class Expectation(_Strict):
    """One assertion on an answer; exactly one field is set. Only `graded` needs a judge, a real Claude
    model.

    `headings`: the answer has these headings, in this order. `quotes_from` and `numbers_from` name a
    variable that must contain every quotation, or number, of the answer.
    """

    contains: str | None = None
    not_contains: str | None = None
    matches: str | None = None
    not_matches: str | None = None
    min_words: int | None = None
    max_words: int | None = None
    headings: tuple[str, ...] | None = None
    quotes_from: str | None = None
    numbers_from: str | None = None
    json_: JsonExpectation | None = Field(default=None, alias="json")
    schema_: bool | None = Field(default=None, alias="schema")
    graded: str | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "Expectation":
        if len(self.model_fields_set) != 1:
            raise ValueError("an expectation has exactly one key")
        return self


class Case(_Strict):
    """One test case: either assertions on the answer, or the type of finding (`expect_blocked`) with which
    the inspection blocks the call before it reaches a model.
    """

    name: str
    variables: dict[str, Any]
    expect: tuple[Expectation, ...] = ()
    expect_blocked: str = ""

    @model_validator(mode="after")
    def _expects_something(self) -> "Case":
        if bool(self.expect) == bool(self.expect_blocked):
            raise ValueError("give expect or expect_blocked")
        return self


class Recording(_Strict):
    """A model's answer to one case. `sha256` is that of the case as sent (`case_hash`); `failed` holds the
    graded expectations that the judge found unmet, with its reasons.
    """

    case: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    model: str = Field(min_length=3)
    at: str
    answer: str
    failed: dict[str, str] = Field(default_factory=dict)


class PeopleTexts(_Strict):
    """The texts about a prompt in one more language; omitted texts keep their original language."""

    title: str | None = None
    summary: str | None = None
    bring: tuple[str, ...] | None = None
    check: tuple[str, ...] | None = None
    never: tuple[str, ...] | None = None
    keywords: tuple[str, ...] | None = None
    variables: dict[str, str] | None = None  # the variables' descriptions


class Example(_Strict):
    """A worked example: realistic variables and a good answer."""

    variables: dict[str, Any]
    answer: str


class About(_Strict):
    """What people read before they use a prompt, and the search terms for it (L4.2)."""

    summary: str = Field(min_length=10, max_length=300)
    bring: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    follow_up: bool = False
    example: Example | None = None
    texts: dict[Annotated[str, Field(pattern=r"^[a-z]{2}$")], PeopleTexts] = Field(default_factory=dict)


class PromptFile(_Strict):
    """`prompt.yaml`."""

    name: Slug
    title: str
    department: Slug
    departments: tuple[str, ...] = Field(min_length=1)
    use_case: Literal[
        "decision-support",
        "competitive-analysis",
        "customer-analysis",
        "content-generation",
        "scenario-modelling",
        "document-analysis",
        "customer-reply",
        "people-service",
        "software",
        "knowledge-work",
    ]
    owner: str = Field(min_length=3)
    data_class: Literal["public", "internal"]
    model: Slug
    max_tokens: int = Field(ge=1, le=64_000)
    review_by: date
    human_review: Literal["customer-facing", "material-decision", "personnel"] | None
    variables: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], VariableFile]
    system: str = Field(min_length=20)
    template: str = Field(min_length=10)
    output_schema: dict[str, Any] | None = None
    about: About | None = None
    tests: tuple[Case, ...] = Field(min_length=1)

    def case_hash(self, case: Case) -> str:
        """Return the SHA-256 of everything that determines an answer to `case`: instructions, variables,
        model and limits, but no texts for people.
        """
        document = self.document()
        decisive = ("max_tokens", "model", "output_schema", "system", "template", "variables")
        return content_hash(
            {"case": case.variables, **{name: document[name] for name in decisive if name in document}}
        )

    def document(self) -> dict[str, Any]:
        """Return the JSON form that is hashed, approved and published: everything but the test cases."""
        body = self.model_dump(mode="json", exclude={"tests", "variables"}, exclude_none=True)
        body["variables"] = [
            {"name": name, **variable.model_dump(mode="json", exclude_none=True)}
            for name, variable in self.variables.items()
        ]
        return body


RECORDINGS = "recordings.json"
_RECORDINGS = TypeAdapter(tuple[Recording, ...])


@dataclass(frozen=True, slots=True)
class Entry:
    """One prompt's folder, parsed."""

    folder: Path
    file: PromptFile
    approvals: tuple[dict[str, Any], ...]
    versions: dict[int, dict[str, Any]]  # number → published document
    aliases: dict[str, int]
    recordings: tuple[Recording, ...] = ()

    def recording(self, case: Case) -> Recording | None:
        """Return the newest answer recorded for the case in its current form."""
        wanted = self.file.case_hash(case)
        return next((one for one in reversed(self.recordings) if one.sha256 == wanted), None)

    @property
    def status(self) -> str:
        """`stable` if there is a stable version, otherwise `draft` or `unpublished`."""
        return next((alias for alias in (STABLE, DRAFT) if alias in self.aliases), "unpublished")

    @property
    def draft_hash(self) -> str:
        """SHA-256 of what publishing the draft would publish."""
        return content_hash(self.file.document())

    @property
    def draft(self) -> Prompt:
        """The draft as the gateway would see it."""
        return parse_prompt(self.file.document())

    @property
    def latest(self) -> int:
        """The highest published version, or 0."""
        return max(self.versions, default=0)

    @property
    def draft_is_published(self) -> bool:
        """Whether the draft equals the latest version."""
        return bool(self.versions) and self.versions[self.latest]["sha256"] == self.draft_hash

    def approval_of_draft(self) -> dict[str, Any] | None:
        """The newest approval with the draft's hash, if any."""
        return next((entry for entry in reversed(self.approvals) if entry["sha256"] == self.draft_hash), None)


def read_library(root: Path) -> dict[str, Entry]:
    """Every prompt under `root`, by name. Raises `KitError` naming broken files and altered versions."""
    if not root.is_dir():
        raise KitError(
            f"there is no prompt library at {root}",
            hint="run in the project's folder, or give --library",
            exit_code=ExitCode.USAGE,
        )
    published = read_published(root)
    problems: list[str] = []
    entries: dict[str, Entry] = {}
    for path in sorted(root.glob("*/*/prompt.yaml")):
        entry = _read_entry(path, published, problems)
        if entry is None:
            continue
        if entry.file.name in entries:
            problems.append(
                f"{path}: the name {entry.file.name} is taken by {entries[entry.file.name].folder}"
            )
        entries[entry.file.name] = entry
    problems += published.problems
    if problems:
        raise KitError(
            "the prompt library is not sound:\n  " + "\n  ".join(problems),
            hint="fix the files named; a published version is never edited: restore it",
            exit_code=ExitCode.USAGE,
        )
    return entries


def read_libraries(folders: Sequence[Path]) -> dict[str, Entry]:
    """Return every prompt of several libraries by name; the first library with a prompt takes precedence.
    All but the last, which is the kit's, may be missing. Raises as `read_library` does.
    """
    found: dict[str, Entry] = {}
    for folder in reversed(folders):
        if folder == folders[-1] or folder.is_dir():
            found |= read_library(folder)
    return found


def find(entries: dict[str, Entry], name: str) -> Entry:
    """The entry called `name` (also `<department>/<name>`). Raises `KitError` with the nearest names."""
    short = name.rsplit("/", 1)[-1]
    if short in entries:
        return entries[short]
    near = get_close_matches(short, entries, n=3, cutoff=0.4)
    hint = f"nearest: {', '.join(near)}" if near else f"known: {', '.join(sorted(entries))}"
    raise KitError(f"no prompt is called {name!r}", hint=hint, exit_code=ExitCode.USAGE)


def _read_entry(path: Path, published: PublishedPrompts, problems: list[str]) -> Entry | None:
    try:
        file = PromptFile.model_validate(load_yaml(path.read_text("utf-8")))
    except yaml.YAMLError as error:
        problems.append(f"{path}: not YAML: {str(error).splitlines()[0]}")
        return None
    except ValidationError as error:
        problems += [f"{path}: {_where(detail)}: {detail['msg']}" for detail in error.errors()]
        return None
    folder = path.parent
    if (folder.parent.name, folder.name) != (file.department, file.name):
        problems.append(
            f"{path}: department and name must be those of the folder, {folder.parent.name}/{folder.name}"
        )
    return Entry(
        folder=folder,
        file=file,
        approvals=tuple(_read_approvals(folder / "approvals.yaml")),
        versions=published.versions.get(folder.name, {}),
        aliases=published.aliases.get(folder.name, {}),
        recordings=_read_recordings(folder / RECORDINGS, problems),
    )


def _read_recordings(path: Path, problems: list[str]) -> tuple[Recording, ...]:
    if not path.exists():
        return ()
    try:
        return _RECORDINGS.validate_json(path.read_bytes())
    except ValidationError as error:
        problems += [f"{path}: {_where(detail)}: {detail['msg']}" for detail in error.errors()]
        return ()


def _where(detail: Any) -> str:
    return ".".join(str(part) for part in detail["loc"]) or "file"


def _read_approvals(path: Path) -> list[dict[str, Any]]:
    return load_yaml(path.read_text("utf-8")) if path.exists() else []


def write_yaml(path: Path, content: Any) -> None:
    """Replace `path` atomically."""
    _write(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode())


def write_json(path: Path, content: Any) -> None:
    """Like `write_yaml`, for JSON with sorted keys and readable diffs."""
    _write(path, (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(content)
    beside.replace(path)

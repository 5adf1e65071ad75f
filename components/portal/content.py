"""What people read, from the folder `documents/` into the one document that the portal follows (L4.1, L4.4,
L4.5).

documents/portal.yaml          guidelines to accept, announcements, office hours, periods
documents/<guideline>.md       a guideline; `<guideline>.de.md` is its German text
documents/timeline.yaml        the programme's twelve weeks
documents/courses/<id>.md      a course: front matter in YAML, then its text; `<id>.de.md` is German text only

A client's folder lays its own over these by name: `documents/<name>` and `courses/<id>.md`.
"""

import hashlib
from collections.abc import Mapping
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import available_timezones

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from components.foundation.governance_store import DOCUMENTS
from components.yaml_text import load_yaml
from lambdas.common.prompts import canonical

LANGUAGES = ("en", "de")
_FENCE = "---\n"
Texts = Annotated[dict[Annotated[str, Field(pattern=r"^[a-z]{2}$")], str], Field(min_length=1)]


Model = TypeVar("Model", bound=BaseModel)


class ContentError(ValueError):
    """A content file is invalid. The message names the file and the key."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AnswerFile(_Strict):
    """One possible answer."""

    text: Texts
    right: bool = False


class QuestionFile(_Strict):
    """A question. Exactly one answer is right; `why` is the explanation shown afterwards."""

    text: Texts
    choices: tuple[AnswerFile, ...] = Field(min_length=2, max_length=6)
    why: Texts

    @model_validator(mode="after")
    def _one_is_right(self) -> "QuestionFile":
        if sum(choice.right for choice in self.choices) != 1:
            raise ValueError("exactly one answer is right")
        return self


class CourseFile(_Strict):
    """Front matter of a course. `departments: ["*"]` is everybody."""

    version: int = Field(ge=1)
    title: Texts
    minutes: int = Field(ge=1, le=240)
    departments: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    workflow: str = ""
    valid_months: int = Field(default=12, ge=1, le=60)
    questions: tuple[QuestionFile, ...] = Field(min_length=3)


class GuidelineFile(_Strict):
    """A document that people accept. With `material`, each new version must be accepted again."""

    version: int = Field(ge=1)
    title: Texts
    material: bool = False
    accept_within_days: int = Field(default=14, ge=0, le=90)


class AnnouncementFile(_Strict):
    """An announcement, its audience, and the lesson that belongs to it."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{2,60}$")
    day: date
    title: Texts
    text: Texts
    departments: tuple[str, ...] = ("*",)
    course: str = ""
    until: date | None = None


class OfficeHourFile(_Strict):
    """A weekly office hour, in the portal's time zone; Monday is 0."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{2,60}$")
    weekday: int = Field(ge=0, le=6)
    starts: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    minutes: int = Field(default=60, ge=10, le=240)
    topic: Texts
    host: str
    seats: int = Field(ge=1, le=500)
    link: str = Field(default="", pattern=r"^(https://\S+)?$")
    roles: tuple[str, ...] = ()  # for whom; empty: everybody


class MilestoneFile(_Strict):
    """A task of `documents/timeline.yaml`."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]{2,60}$")
    week: int = Field(ge=1, le=52)
    owner: str
    title: Texts
    proof: Texts


class TimelineFile(_Strict):
    """`documents/timeline.yaml`, as a list."""

    tasks: tuple[MilestoneFile, ...]


@cache
def _time_zones() -> frozenset[str]:
    """The names that this machine knows. They are files, all of which are opened to list them."""
    return frozenset(available_timezones())


def _time_zone(name: str) -> str:
    if name not in _time_zones():
        raise ValueError(f"invalid time zone {name!r}: use an IANA name such as Europe/Berlin")
    return name


class PortalFile(_Strict):
    """`documents/portal.yaml`. `time_zone` is the IANA name of the zone of office hours and of times on
    pages; periods of money and of figures are UTC everywhere.
    """

    time_zone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    grace_days: int = Field(default=14, ge=0, le=90)
    renew_days: int = Field(default=30, ge=0, le=180)
    history_days: int = Field(default=0, ge=0, le=400)
    guidelines: dict[str, GuidelineFile]
    announcements: tuple[AnnouncementFile, ...] = ()
    office_hours: tuple[OfficeHourFile, ...] = ()


def read_content(folder: Path = DOCUMENTS, client: Path | None = None) -> dict[str, Any]:
    """Return the content document: the kit's `folder` with the client's folder laid over it.

    Raises `ContentError` naming every file and key that is invalid.
    """
    problems: list[str] = []
    settings = _laid_over(folder, client, "portal.yaml")
    portal = _parsed(PortalFile, settings, settings.read_text("utf-8"), problems)
    guidelines = [
        _guideline(_laid_over(folder, client, f"{name}.md"), name, found, problems)
        for name, found in sorted(portal.guidelines.items() if portal is not None else ())
    ]
    own = sorted((client / "courses").glob("*.md")) if client is not None else []
    by_name = {path.name: path for path in [*sorted((folder / "courses").glob("*.md")), *own]}
    paths = [path for name, path in sorted(by_name.items()) if name.count(".") == 1]
    courses = [course for path in paths if (course := _course(path, problems)) is not None]
    planned = _laid_over(folder, client, "timeline.yaml")
    listed = f"tasks:\n{planned.read_text('utf-8')}" if planned.is_file() else "tasks: []"
    timeline = _parsed(TimelineFile, planned, listed, problems)
    known = {course["id"] for course in courses}
    problems += [
        f"portal.yaml: announcements.{one.id}.course: there is no course {one.course}"
        for one in (portal.announcements if portal is not None else ())
        if one.course and one.course not in known
    ]
    if problems or portal is None:
        raise ContentError("; ".join(problems))
    rest = portal.model_dump(mode="json", exclude={"guidelines", "history_days"})
    for one in rest["announcements"]:
        one["until"] = one["until"] or ""
    milestones = timeline.model_dump(mode="json")["tasks"] if timeline is not None else []
    return {"version": 1, **rest, "guidelines": guidelines, "courses": courses, "timeline": milestones}


def content_text(folder: Path = DOCUMENTS, client: Path | None = None) -> str:
    """Return the content document as published. Raises `ContentError`."""
    return canonical(read_content(folder, client)).decode()


def history_days(folder: Path = DOCUMENTS, client: Path | None = None) -> int:
    """Return for how many days conversations are kept; 0: for the session only. Raises `ContentError`."""
    problems: list[str] = []
    settings = _laid_over(folder, client, "portal.yaml")
    portal = _parsed(PortalFile, settings, settings.read_text("utf-8"), problems)
    if portal is None:
        raise ContentError("; ".join(problems))
    return portal.history_days


def _laid_over(folder: Path, client: Path | None, name: str) -> Path:
    """Return the client's document with this name, or else the kit's."""
    own = client / "documents" / name if client is not None else None
    return own if own is not None and own.is_file() else folder / name


def front_matter(text: str) -> tuple[str, str]:
    """Return the front matter and the text after it. Without front matter, the first is empty."""
    if not text.startswith(_FENCE):
        return "", text
    head, found, body = text[len(_FENCE) :].partition("\n" + _FENCE)
    return (head, body.lstrip("\n")) if found else ("", text)


def _guideline(path: Path, name: str, found: GuidelineFile, problems: list[str]) -> dict[str, Any]:
    if not path.is_file():
        problems.append(f"portal.yaml: guidelines.{name}: there is no {path.name}")
        return {}
    return {
        "id": name,
        **found.model_dump(mode="json"),
        "text": _texts(path, path.read_text("utf-8")),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def _course(path: Path, problems: list[str]) -> dict[str, Any] | None:
    head, body = front_matter(path.read_text("utf-8"))
    course = _parsed(CourseFile, path, head, problems)
    if course is None:
        return None
    fields = course.model_dump(mode="json")
    return {"id": path.stem, **fields, "text": _texts(path, body)}


def _texts(path: Path, english: str) -> dict[str, str]:
    """Return a text in every language that exists beside `path`."""
    texts = {"en": english}
    for language in LANGUAGES[1:]:
        other = path.with_suffix(f".{language}.md")
        if other.is_file():
            texts[language] = other.read_text("utf-8")
    return texts


@lru_cache(maxsize=128)
def _document(text: str) -> Mapping[str, Any]:
    """The document of a YAML text; the plan of each size reads the same files. Raises `yaml.YAMLError`."""
    return load_yaml(text) or {}


def _parsed(kind: type[Model], path: Path, text: str, problems: list[str]) -> Model | None:
    try:
        return kind.model_validate(_document(text))
    except yaml.YAMLError as error:
        problems.append(f"{path.name}: not YAML: {str(error).splitlines()[0]}")
    except ValidationError as error:
        problems += [
            f"{path.name}: {'.'.join(str(part) for part in each['loc'])}: {each['msg']}"
            for each in error.errors()
        ]
    return None

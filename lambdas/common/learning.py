"""What people read and prove: guidelines, courses with a quiz, and who needs which (L3.5, L4.1, L4.4, L4.5).

The published document `portal/content.json` holds all of it; the portal shows it without the right answers,
the registrar grades by it. Texts are kept by language; `Texts.best` falls back to another language and says
which. Nothing here reads a clock, a file or a network.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

PASS_PERCENT = 80
RENEWAL_GRACE = timedelta(days=7)  # after which an unfinished renewal ends access
Kind = Literal["accept", "course"]
State = Literal["invited", "started", "accepted", "active", "renewing", "lapsed", "overdue"]


@dataclass(frozen=True, slots=True)
class Texts:
    """One text in one or more languages, by their two letters."""

    by_language: Mapping[str, str]

    def best(self, language: str) -> tuple[str, str]:
        """The text and its language: `language`, else English, else the first there is."""
        for one in (language, "en", *self.by_language):
            if one in self.by_language:
                return self.by_language[one], one
        return "", language

    def __getitem__(self, language: str) -> str:
        return self.best(language)[0]


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to choose."""

    text: Texts
    right: bool


@dataclass(frozen=True, slots=True)
class Question:
    """A question of a quiz with its answers; `why` is the reason shown once it has been answered."""

    text: Texts
    choices: tuple[Choice, ...]
    why: Texts

    @property
    def right(self) -> int:
        """The place of the right answer."""
        return next(place for place, choice in enumerate(self.choices) if choice.right)


@dataclass(frozen=True, slots=True)
class Course:
    """A short course. `roles` and `departments` say who needs it (`*` is everybody); `workflow` is the
    workflow that it opens, empty where there is none. A pass counts for `valid_months`.
    """

    id: str
    version: int
    title: Texts
    text: Texts
    minutes: int
    roles: tuple[str, ...]
    departments: tuple[str, ...]
    workflow: str
    valid_months: int
    questions: tuple[Question, ...]

    def is_for(self, department: str, roles: Sequence[str]) -> bool:
        """Whether somebody of this department with these roles needs it."""
        return (
            "*" in self.departments
            or department in self.departments
            or any(role in self.roles for role in roles)
        )


@dataclass(frozen=True, slots=True)
class Guideline:
    """A document that people accept. `material`: a new version must be accepted again, within
    `accept_within_days`. `sha256` is of the bytes that the gate's attestation names.
    """

    id: str
    version: int
    title: Texts
    text: Texts
    sha256: str
    material: bool
    accept_within_days: int


@dataclass(frozen=True, slots=True)
class Announcement:
    """What is new. `departments` and `roles` are its audience (`*` is everybody); `course` may belong to
    it.
    """

    id: str
    day: date
    title: Texts
    text: Texts
    departments: tuple[str, ...]
    course: str
    until: date | None


@dataclass(frozen=True, slots=True)
class OfficeHour:
    """A weekly hour. `weekday` counts from Monday as 0; `starts` is UTC, as `HH:MM`."""

    id: str
    weekday: int
    starts: str
    minutes: int
    topic: Texts
    host: str
    seats: int
    link: str


@dataclass(frozen=True, slots=True)
class Milestone:
    """A task of the programme's twelve weeks; `proof` is what shows that it is done."""

    id: str
    week: int
    owner: str
    title: Texts
    proof: Texts


@dataclass(frozen=True, slots=True)
class Content:
    """Everything published for people. `grace_days` is how long a newcomer or a mover has."""

    guidelines: tuple[Guideline, ...]
    courses: tuple[Course, ...]
    announcements: tuple[Announcement, ...]
    office_hours: tuple[OfficeHour, ...]
    grace_days: int
    renew_days: int
    timeline: tuple[Milestone, ...] = ()

    def course(self, identifier: str) -> Course | None:
        """The course of that id, or None."""
        return next((one for one in self.courses if one.id == identifier), None)

    def guideline(self, identifier: str) -> Guideline | None:
        """The guideline of that id, or None."""
        return next((one for one in self.guidelines if one.id == identifier), None)


def read_content(data: bytes) -> Content:
    """The published content. Raises `ValueError` or `KeyError` where it is not one."""
    document = json.loads(data)
    return Content(
        guidelines=tuple(_guideline(one) for one in document["guidelines"]),
        courses=tuple(_course(one) for one in document["courses"]),
        announcements=tuple(_announcement(one) for one in document["announcements"]),
        office_hours=tuple(
            OfficeHour(**{**one, "topic": Texts(one["topic"])}) for one in document["office_hours"]
        ),
        grace_days=document["grace_days"],
        renew_days=document["renew_days"],
        timeline=tuple(
            Milestone(**{**one, "title": Texts(one["title"]), "proof": Texts(one["proof"])})
            for one in document.get("timeline", ())
        ),
    )


def _guideline(one: Mapping[str, Any]) -> Guideline:
    return Guideline(**{**one, "title": Texts(one["title"]), "text": Texts(one["text"])})


def _course(one: Mapping[str, Any]) -> Course:
    return Course(
        id=one["id"],
        version=one["version"],
        title=Texts(one["title"]),
        text=Texts(one["text"]),
        minutes=one["minutes"],
        roles=tuple(one["roles"]),
        departments=tuple(one["departments"]),
        workflow=one["workflow"],
        valid_months=one["valid_months"],
        questions=tuple(_question(each) for each in one["questions"]),
    )


def _question(one: Mapping[str, Any]) -> Question:
    choices = tuple(Choice(Texts(each["text"]), each["right"]) for each in one["choices"])
    if sum(choice.right for choice in choices) != 1:
        raise ValueError("a question has exactly one right answer")
    return Question(Texts(one["text"]), choices, Texts(one["why"]))


def _announcement(one: Mapping[str, Any]) -> Announcement:
    return Announcement(
        id=one["id"],
        day=date.fromisoformat(one["day"]),
        title=Texts(one["title"]),
        text=Texts(one["text"]),
        departments=tuple(one["departments"]),
        course=one["course"],
        until=date.fromisoformat(one["until"]) if one["until"] else None,
    )


# -- grading ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Grade:
    """How a quiz went. `percent` is rounded down, so that nobody passes by rounding."""

    percent: int
    right: tuple[bool, ...]

    @property
    def passed(self) -> bool:
        """Whether it is enough."""
        return self.percent >= PASS_PERCENT


def grade(course: Course, answers: Sequence[int | None]) -> Grade:
    """Grade the answers, one place of a choice for each question. A question without an answer is wrong."""
    given = [*answers, *([None] * len(course.questions))][: len(course.questions)]
    right = tuple(question.right == answer for question, answer in zip(course.questions, given, strict=True))
    return Grade(100 * sum(right) // len(right) if right else 100, right)


# -- who has to do what -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a person has shown: `accepted` maps a guideline to the version, `passed` a course to the version
    and the day until which the pass counts. `began` is the first day of the onboarding; `completed`: it was
    finished once, so that a new duty never shuts the person out before it is overdue. `asked` maps such a
    duty (`Task.key`) to the day on which it was first seen: its time counts from there.
    """

    began: date
    accepted: Mapping[str, int]
    passed: Mapping[str, tuple[int, date]]
    completed: bool = False
    signed_in: bool = True
    asked: Mapping[str, date] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task:
    """Something a person has to do until `due`."""

    kind: Kind
    id: str
    version: int
    title: Texts
    minutes: int
    due: date

    @property
    def key(self) -> str:
        """The duty: kind, id and version."""
        return duty(self.kind, self.id, self.version)


def duty(kind: Kind, identifier: str, version: int) -> str:
    """The name of a duty among those that a person was asked for."""
    return f"{kind}:{identifier}:{version}"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a person stands: the state of the onboarding and what is left to do, soonest first."""

    state: State
    tasks: tuple[Task, ...]

    @property
    def may_call(self) -> bool:
        """Whether onboarding lets the person call Claude."""
        return self.state in {"active", "renewing"}


def standing(
    content: Content, department: str, roles: Sequence[str], evidence: Evidence, today: date
) -> Standing:
    """The state, computed from evidence, content and the date alone: no job has to run for it to be right."""
    grace = timedelta(days=content.grace_days)

    def since(kind: Kind, identifier: str, version: int) -> date:
        asked = evidence.asked.get(duty(kind, identifier, version), today)
        return asked if evidence.completed else evidence.began

    tasks = [
        Task("accept", one.id, one.version, one.title, 3,
             since("accept", one.id, one.version) + _time_for(one, content, evidence))
        for one in content.guidelines
        if one.material and evidence.accepted.get(one.id, 0) < one.version
    ]  # fmt: skip
    renewals: list[Task] = []
    for course in content.courses:
        if not course.is_for(department, roles):
            continue
        version, valid_until = evidence.passed.get(course.id, (0, date.min))
        if version < course.version:
            tasks.append(_course_task(course, since("course", course.id, course.version) + grace))
        elif valid_until < today:
            tasks.append(_course_task(course, valid_until))
        elif valid_until <= today + timedelta(days=content.renew_days):
            renewals.append(_course_task(course, valid_until))
    ordered = tuple(sorted([*tasks, *renewals], key=lambda task: (task.due, task.kind, task.id)))
    return Standing(_state(tasks, renewals, evidence, today), ordered)


def _time_for(guideline: Guideline, content: Content, evidence: Evidence) -> timedelta:
    """A newcomer has the time for the first steps in any case; others have the guideline's own."""
    days = guideline.accept_within_days
    return timedelta(days=days if evidence.completed else max(days, content.grace_days))


def _course_task(course: Course, due: date) -> Task:
    return Task("course", course.id, course.version, course.title, course.minutes, due)


def _state(tasks: Sequence[Task], renewals: Sequence[Task], evidence: Evidence, today: date) -> State:
    if not tasks:
        return "renewing" if renewals else "active"
    if evidence.completed:
        return "lapsed" if any(task.due + RENEWAL_GRACE < today for task in tasks) else "renewing"
    if any(task.due < today for task in tasks):
        return "overdue"
    if not evidence.signed_in:
        return "invited"
    return "started" if any(task.kind == "accept" for task in tasks) else "accepted"

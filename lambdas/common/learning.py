"""What people read and must complete: guidelines, courses with a quiz, and who needs which (L3.5, L4.1,
L4.4, L4.5).

The published document `portal/content.json` holds all of it; the portal shows it without the correct
answers, the registrar grades by it. Texts are stored by language; `Texts.best` falls back to another
language and says which. Nothing here reads a clock, a file or a network.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

PASS_PERCENT = 80
RENEWAL_GRACE = timedelta(days=7)  # after which an overdue renewal removes access
Kind = Literal["accept", "course"]
State = Literal["invited", "started", "accepted", "active", "renewing", "lapsed", "overdue"]


@dataclass(frozen=True, slots=True)
class Texts:
    """One text in one or more languages, by two-letter code."""

    by_language: Mapping[str, str]

    def best(self, language: str) -> tuple[str, str]:
        """Return the text and its language: `language`, or else English, or else the first."""
        for one in (language, "en", *self.by_language):
            if one in self.by_language:
                return self.by_language[one], one
        return "", language

    def __getitem__(self, language: str) -> str:
        return self.best(language)[0]


@dataclass(frozen=True, slots=True)
class Choice:
    """One possible answer."""

    text: Texts
    right: bool


@dataclass(frozen=True, slots=True)
class Question:
    """A quiz question with its answers; `why` is the explanation shown afterwards."""

    text: Texts
    choices: tuple[Choice, ...]
    why: Texts

    @property
    def right(self) -> int:
        """Return the index of the correct answer."""
        return next(place for place, choice in enumerate(self.choices) if choice.right)


@dataclass(frozen=True, slots=True)
class Course:
    """A short course. `roles` and `departments` say who needs it (`*` is everybody).

    `workflow` is the workflow that it unlocks, or empty. A pass is valid for `valid_months`.
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
        """Return whether a member of this department with these roles needs it."""
        return (
            "*" in self.departments
            or department in self.departments
            or any(role in self.roles for role in roles)
        )


@dataclass(frozen=True, slots=True)
class Guideline:
    """A document that people accept. `material`: a new version must be accepted again, within
    `accept_within_days`.

    `sha256` is the hash in the gate's attestation.
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
    """An announcement. `departments` and `roles` are its audience (`*` is everybody); `course` may belong
    to it.
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
    """A weekly office hour. `weekday` counts from Monday as 0; `starts` is UTC, as `HH:MM`. `roles`: for whom
    it is; empty: everybody.
    """

    id: str
    weekday: int
    starts: str
    minutes: int
    topic: Texts
    host: str
    seats: int
    link: str
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Milestone:
    """A task of the twelve-week rollout; `proof` shows that it is done."""

    id: str
    week: int
    owner: str
    title: Texts
    proof: Texts


@dataclass(frozen=True, slots=True)
class Content:
    """Everything published for people. `grace_days` is how long a new or transferred person has;
    `time_zone` (IANA) is that of office hours and of times on pages.
    """

    guidelines: tuple[Guideline, ...]
    courses: tuple[Course, ...]
    announcements: tuple[Announcement, ...]
    office_hours: tuple[OfficeHour, ...]
    grace_days: int
    renew_days: int
    timeline: tuple[Milestone, ...] = ()
    time_zone: str = "UTC"

    def course(self, identifier: str) -> Course | None:
        """Return the course with this id, or None."""
        return next((one for one in self.courses if one.id == identifier), None)

    def guideline(self, identifier: str) -> Guideline | None:
        """Return the guideline with this id, or None."""
        return next((one for one in self.guidelines if one.id == identifier), None)


def read_content(data: bytes) -> Content:
    """Parse the published content. Raises `ValueError` or `KeyError` if it is invalid."""
    document = json.loads(data)
    return Content(
        guidelines=tuple(_guideline(one) for one in document["guidelines"]),
        courses=tuple(_course(one) for one in document["courses"]),
        announcements=tuple(_announcement(one) for one in document["announcements"]),
        office_hours=tuple(_office_hour(one) for one in document["office_hours"]),
        grace_days=document["grace_days"],
        renew_days=document["renew_days"],
        timeline=tuple(
            Milestone(**_with_texts(one, "title", "proof")) for one in document.get("timeline", ())
        ),
        time_zone=document.get("time_zone", "UTC"),
    )


def _guideline(one: Mapping[str, Any]) -> Guideline:
    return Guideline(**_with_texts(one, "title", "text"))


def _office_hour(one: Mapping[str, Any]) -> OfficeHour:
    values = _with_texts(one, "topic")
    values["roles"] = tuple(one.get("roles", ()))
    return OfficeHour(**values)


def _with_texts(one: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {**one, **{name: Texts(one[name]) for name in names}}


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
    """Result of a quiz. `percent` is rounded down, so that nobody passes by rounding."""

    percent: int
    right: tuple[bool, ...]

    @property
    def passed(self) -> bool:
        """Return whether the result is a pass."""
        return self.percent >= PASS_PERCENT


def grade(course: Course, answers: Sequence[int | None]) -> Grade:
    """Grade the answers, given as the index of a choice per question. A missing answer is wrong."""
    given = [*answers, *([None] * len(course.questions))][: len(course.questions)]
    right = tuple(question.right == answer for question, answer in zip(course.questions, given, strict=True))
    return Grade(100 * sum(right) // len(right) if right else 100, right)


# -- who has to do what -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a person has completed.

    `accepted` maps a guideline to its version, `passed` a course to its version and the date until which
    the pass is valid. `began` is the first day of onboarding. `completed`: onboarding was finished once, so
    a new duty does not remove access before it is overdue. `asked` maps such a duty (`Task.key`) to the day
    it was first seen, from which its time counts.
    """

    began: date
    accepted: Mapping[str, int]
    passed: Mapping[str, tuple[int, date]]
    completed: bool = False
    signed_in: bool = True
    asked: Mapping[str, date] = field(default_factory=dict[str, date])


@dataclass(frozen=True, slots=True)
class Task:
    """Something a person must complete by `due`."""

    kind: Kind
    id: str
    version: int
    title: Texts
    minutes: int
    due: date

    @property
    def key(self) -> str:
        """Return the duty: kind, id and version."""
        return duty(self.kind, self.id, self.version)


def duty(kind: Kind, identifier: str, version: int) -> str:
    """Return the name of a duty in `Evidence.asked`."""
    return f"{kind}:{identifier}:{version}"


@dataclass(frozen=True, slots=True)
class Standing:
    """A person's status: state of onboarding, and open tasks, earliest due date first."""

    state: State
    tasks: tuple[Task, ...]

    @property
    def may_call(self) -> bool:
        """Return whether onboarding permits the person to call Claude."""
        return self.state in {"active", "renewing"}


def standing(
    content: Content, department: str, roles: Sequence[str], evidence: Evidence, today: date
) -> Standing:
    """Compute the status from evidence, content and date alone, so that it depends on no scheduled job."""
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
    """Return the time to accept a guideline: a new person always gets the onboarding period, others the
    guideline's own.
    """
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

"""Training: who completed which course, as audit records; a workflow's course is also stored where the
workflow looks it up (L3.5, L4.1, S.2).
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from components.portal.content import front_matter
from kit.chosen import settings_of
from kit.errors import ExitCode, KitError
from kit.identity.operator import access_records, caller_arn, operator_writer, plain, usage
from kit.reviews.places import names_of_target
from kit.target import Target
from lambdas.common.access import AccessRecord, AccessRecords, user_key
from lambdas.common.audit import AuditUnavailable, AuditWriter, MetadataCopies
from lambdas.workflow.area import DepartmentArea
from lambdas.workflow.courses import keep_completion
from stacks.library import courses_in, folders_of, workflows_of_department

COLUMNS = ("person", "course", "completed_on", "trainer")
_MOST = 100_000


@dataclass(frozen=True)
class Completed:
    """A course completed by a person. `person` and `trainer` are user names or ids; the trainer is
    optional.
    """

    person: str
    course: str
    completed_on: date
    trainer: str = ""


def read_csv(file: Path, today: date) -> list[Completed]:
    """Lines `person,course,completed_on,trainer` under a header, the last two optional. Raises
    KitError naming the first line that is wrong and repeats nothing of it.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines)
            if not {"person", "course"} <= set(rows.fieldnames or ()):
                raise usage(f"{file}: the header lacks person or course", f"write {','.join(COLUMNS)}")
            found = [_completed(row, f"{file}:{rows.line_num}", today) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error):
        raise KitError(f"{file} cannot be read as CSV", exit_code=ExitCode.USAGE) from None
    if not 0 < len(found) <= _MOST:
        raise usage(f"{file} holds {len(found)} lines, not 1 to {_MOST}", "split it")
    return found


def completed(person: str, course: str, on: str | None, today: date, trainer: str | None = None) -> Completed:
    """Parse one completion as entered. Raises KitError."""
    given = {"person": person, "course": course, "completed_on": on, "trainer": trainer}
    return _completed(given, "--person, --course, --on, --trainer", today)


def record_training(
    target: Target, courses: Iterable[Completed], client: str | None = None
) -> Iterator[dict[str, Any]]:
    """Write a record for each; yields what was written. Everybody is looked up before anything is written.
    `client` is whose deployment `target` is.

    Raises KitError: somebody is not known, or the audit store took no record.
    """
    known, of_workflows = access_records(target), courses_of_workflows(client)
    looked_up = [
        (one, _person(known, one.person), _person(known, one.trainer) if one.trainer else None)
        for one in courses
    ]
    with ThreadPoolExecutor(1) as pool:
        writer = _writer(target, pool)
        operator = caller_arn(target)
        governance = _governance(target)
        try:
            for one, person, trainer in looked_up:
                record = {
                    "kind": "training",
                    "department": person.department,
                    "principal": person.subject,
                    "principal_kind": "person",
                    "course": one.course,
                    "completed_on": one.completed_on.isoformat(),
                    "operator": operator,
                    **({"trainer": trainer.subject} if trainer else {}),
                }
                writer.append_now(record, bodies={})
                if one.course in of_workflows:
                    kept = {name: record[name] for name in ("course", "completed_on", "department")}
                    keep_completion(governance, person.subject, one.course, kept)
                yield record
        except AuditUnavailable as error:
            raise KitError(
                f"the audit store took no record: {error}",
                hint="try again; what was written before counts once",
                exit_code=ExitCode.ENVIRONMENT,
            ) from None
        finally:
            writer.close()


def _completed(row: Mapping[str, str | None], where: str, today: date) -> Completed:
    person, course = row.get("person") or "", row.get("course") or ""
    try:
        given = (row.get("completed_on") or "").strip()
        day = date.fromisoformat(given) if given else today
    except ValueError:
        raise usage(f"{where}: completed_on is not a date", "write it as YYYY-MM-DD") from None
    if day > today:
        raise usage(f"{where}: completed_on lies in the future", "record it when it is completed")
    trainer = (row.get("trainer") or "").strip()
    return Completed(
        plain(person, f"{where}: person"),
        plain(course, f"{where}: course", most=100),
        day,
        plain(trainer, f"{where}: trainer") if trainer else "",
    )


def _person(known: AccessRecords, name: str) -> AccessRecord:
    found = known.find_person(name) or known.get(user_key(name))
    if found is None:
        raise usage("somebody of the list is not a person of this deployment", "kit audit find --kind scim")
    return found


def courses_of_workflows(client: str | None = None) -> dict[str, str]:
    """Return the courses of the workflows of a client's departments, by name, with the workflow's title."""
    settings = settings_of(client)
    return {
        spec.course_name: spec.title
        for department in settings.departments
        for spec in workflows_of_department(settings, department)
    }


def guide(course: str, client: str | None = None) -> str:
    """Return the text of a course: the client's own, or the kit's. Raises KitError for an unknown name."""
    known = courses_in(folders_of(settings_of(client)))
    if course not in known:
        raise usage(f"there is no course {course[:60]!r}", "kit training list")
    return front_matter(known[course].read_text(encoding="utf-8"))[1]


def _governance(target: Target) -> DepartmentArea:
    return DepartmentArea(
        target.client("s3"), target.require("governance_bucket_name"), target.require("governance_key_arn")
    )


def _writer(target: Target, pool: ThreadPoolExecutor) -> AuditWriter:
    """Return a writer of records and their copies for measurement."""
    stream = names_of_target(target).of("records")
    return operator_writer(target, "training", pool, MetadataCopies(target.client("firehose"), stream))

"""Who has completed the course of a workflow (L3.5).

A completion is an object `training/<course>/<person>.json` of the governance bucket, written by
`kit training record` beside its audit record; `person` is the opaque id of provisioning. A workflow's course
bears its name. Who may write `training/` decides who may ask for a workflow that demands its course.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.common.access import AccessRecords, user_key
from lambdas.workflow.area import DepartmentArea, NotThere, encoded

PREFIX = "training/"


@dataclass(frozen=True, slots=True)
class Courses:
    """Completions in the governance bucket. `access` maps user names to ids."""

    governance: DepartmentArea
    access: AccessRecords

    def has_completed(self, person: str, course: str) -> bool:
        """Return whether `person`, a user name or an id, has completed it. False if unknown. Raises
        botocore's errors.
        """
        if not person:
            return False
        found = self.access.find_person(person) or self.access.get(user_key(person))
        if found is None:
            return False
        try:
            self.governance.read(completion_key(found.subject, course))
        except NotThere:
            return False
        return True


def completion_key(person: str, course: str) -> str:
    """Return the key of a completion. `person` is an id."""
    return f"{PREFIX}{course}/{person}.json"


def keep_completion(governance: DepartmentArea, person: str, course: str, fields: Mapping[str, Any]) -> None:
    """Write a completion. Idempotent. Raises botocore's errors."""
    governance.put(completion_key(person, course), encoded(fields))

"""What an answer left at its provider: the container that code ran in, and the files that it made (L1.10).

Read only where the provider itself says so, in the results of its own code execution: what Claude writes,
into the input of a tool for instance, may name anything.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_MARKS = (b"container", b"file_id")
_RESULTS = frozenset(("code_execution_tool_result", "bash_code_execution_tool_result"))
OUTPUTS = frozenset(("code_execution_output", "bash_code_execution_output"))
_MOST_FILES = 100  # kept of one answer


@dataclass(slots=True)
class Made:
    """The `container` of an answer with the `skills` that were loaded into it, as a policy names them, and
    the ids of new `files`.
    """

    container: str = ""
    skills: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.container or self.files)

    def take_container(self, container: Any) -> None:
        """Note what an answer says of its container, if anything."""
        if not isinstance(container, Mapping) or not isinstance(container.get("id"), str):
            return
        self.container = container["id"]
        skills = container.get("skills")
        if isinstance(skills, list):
            self.skills = [skill_name(one) for one in skills]

    def take_block(self, block: Any) -> None:
        """Note the files of a content block that is a result of code execution."""
        if not isinstance(block, Mapping) or block.get("type") not in _RESULTS:
            return
        result = block.get("content")
        outputs = result.get("content") if isinstance(result, Mapping) else None
        for output in outputs if isinstance(outputs, list) else ():
            if isinstance(output, Mapping) and output.get("type") in OUTPUTS:
                file_id = output.get("file_id")
                if isinstance(file_id, str) and file_id not in self.files and len(self.files) < _MOST_FILES:
                    self.files.append(file_id)


def made_by(message: Any) -> Made:
    """What a whole Message left."""
    made = Made()
    if isinstance(message, Mapping):
        made.take_container(message.get("container"))
        content = message.get("content")
        for block in content if isinstance(content, list) else ():
            made.take_block(block)
    return made


def made_in(body: bytes) -> Made:
    """What the Message in `body` left; nothing where it is none."""
    if not any(mark in body for mark in _MARKS):
        return Made()
    try:
        return made_by(json.loads(body))
    except (ValueError, RecursionError):
        return Made()


def skill_name(skill: Any) -> str:
    """A Skill as a policy names it: `type:id`, with `@version` where it has one."""
    given = skill if isinstance(skill, Mapping) else {}
    name = f"{given.get('type')}:{given.get('skill_id')}".replace("@", "%40")
    version = f"@{given['version']}" if given.get("version") is not None else ""
    return name + version

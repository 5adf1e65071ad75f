"""What an answer created at its provider: the container in which code ran, and the files that it created
(L1.10).

Read only from the results of the provider's own code execution: what Claude writes, for instance into the
input of a tool, may name anything.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_MARKS = (b"container", b"file_id")
_RESULTS = frozenset(("code_execution_tool_result", "bash_code_execution_tool_result"))
OUTPUTS = frozenset(("code_execution_output", "bash_code_execution_output"))
_MOST_FILES = 100  # maximum stored per answer


@dataclass(slots=True)
class Made:
    """The `container` of an answer with the `skills` loaded into it, as a policy names them, and the ids of
    new `files`.
    """

    container: str = ""
    skills: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.container or self.files)

    def take_container(self, container: Any) -> None:
        """Note what an answer says about its container, if anything."""
        if not isinstance(container, Mapping) or not isinstance(container.get("id"), str):
            return
        self.container = container["id"]
        skills = container.get("skills")
        if isinstance(skills, list):
            self.skills = [skill_name(one) for one in skills]

    def take_block(self, block: Any) -> None:
        """Note the files in a content block that is a result of code execution."""
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
    """Return what a whole Message created."""
    made = Made()
    if isinstance(message, Mapping):
        made.take_container(message.get("container"))
        content = message.get("content")
        for block in content if isinstance(content, list) else ():
            made.take_block(block)
    return made


def made_in(body: bytes) -> Made:
    """Return what the Message in `body` created; nothing if it is not a Message."""
    if not any(mark in body for mark in _MARKS):
        return Made()
    try:
        return made_by(json.loads(body))
    except (ValueError, RecursionError):
        return Made()


def skill_name(skill: Any) -> str:
    """Return a Skill as a policy names it: `type:id`, with `@version` if it has one."""
    given = skill if isinstance(skill, Mapping) else {}
    name = f"{given.get('type')}:{given.get('skill_id')}".replace("@", "%40")
    version = f"@{given['version']}" if given.get("version") is not None else ""
    return name + version

"""People's proposals for the library, as the portal passes them to the Center of Excellence (L2.1, L4.2).

A proposal is a description, not a prompt: it starts a draft, or becomes a comment above its prompt. From
there it takes the usual path: lint, cases, approval, publication.
"""

import textwrap
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kit.errors import ExitCode, KitError
from kit.prompts.library import Entry, Slug

_WIDTH = 110


class Proposal(BaseModel):
    """`proposal.json` of the portal. `about` is the prompt to change, empty for a new one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["kit-prompt-proposal/1"]
    id: str = Field(pattern=r"^tic_[0-9A-Za-z]{4,40}$")
    on: str = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")
    department: Slug
    about: str = ""
    text: str = Field(min_length=1, max_length=4_000)
    example: str = Field(default="", max_length=8_000)
    result: str = Field(default="", max_length=8_000)

    def as_comment(self) -> str:
        """Return the proposal as YAML comment lines."""
        parts = [f"Proposal {self.id} of {self.department}, {self.on}: {self.text}"]
        parts += [f"Example: {self.example}"] if self.example else []
        parts += [f"A good result: {self.result}"] if self.result else []
        lines = [line for part in parts for line in part.splitlines()]
        wrapped = [one for line in lines for one in textwrap.wrap(line, _WIDTH - 2) or [""]]
        return "".join(f"# {line}".rstrip() + "\n" for line in wrapped)


def read_proposal(path: Path) -> Proposal:
    """Return the proposal in `path`. Raises `KitError` if it is invalid."""
    try:
        return Proposal.model_validate_json(path.read_bytes())
    except OSError as error:
        raise KitError(f"{path}: {error.strerror}", exit_code=ExitCode.USAGE) from None
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, one['loc'])) or 'file'}: {one['msg']}" for one in error.errors()]
        raise KitError(
            f"{path} is not a proposal:\n  " + "\n  ".join(problems),
            hint="download it in the portal: Center, Open tickets, the proposal",
            exit_code=ExitCode.USAGE,
        ) from None


def note(entry: Entry, proposal: Proposal) -> bool:
    """Insert the proposal above the prompt that it is about. Returns False if it is already there."""
    path = entry.folder / "prompt.yaml"
    text = path.read_text("utf-8")
    if f"Proposal {proposal.id} " in text:
        return False
    path.write_text(proposal.as_comment() + text, "utf-8")
    return True


def started(draft: str, proposal: Proposal) -> str:
    """Return a new draft with the proposal above it and its example as the first case."""
    example = proposal.example or "TO FILL IN an example"
    case = {
        "name": f"as proposed in {proposal.id}",
        "variables": {"document": example},
        "expect": [{"contains": "TO FILL IN what a good answer holds"}],
    }
    head = draft.partition("tests:\n")[0]
    cases = yaml.safe_dump([case], sort_keys=False, allow_unicode=True, width=_WIDTH)
    return proposal.as_comment() + head + "tests:\n" + textwrap.indent(cases, "  ")

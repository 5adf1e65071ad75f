"""A workflow as data: `workflows/<name>.yaml` of the kit or of a client (L3.1)."""

from typing import Literal

from contract.keys import declared, key
from contract.kinds import Alias, Name, ReviewTrigger, Slug, Words

Check = Literal[
    "complete", "schema", "sums", "quotations", "citations", "claims", "review-line", "times", "policy-source"
]


@declared
class Workflow:
    """One workflow: an approved prompt drafts, checks find what is wrong, a person reviews where that is
    demanded, and the text is released. Its file's name is its name, and that of its course.
    """

    title: Words = key("its name as people see it")
    department: Slug = key(
        "the department that it is for; a client's department has it under the same id, or by `like`"
    )
    prompt: Name = key("the approved prompt that drafts")
    documents_as: Words = key("the prompt's variable that takes the documents")
    checks: tuple[Check, ...] = key("what is checked in every draft", least=1)
    version: Alias = key(
        "the prompt's version: a number or an alias; current is the stable one or, without one, the draft",
        default="current",
    )
    review: ReviewTrigger | None = key("what demands a person where the prompt does not", default=None)
    material_decision: bool = key("what it decides is recorded as a material decision", default=False)

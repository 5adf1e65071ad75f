"""Workflow definitions: `workflows/<name>.yaml` of the kit or of a client (L3.1).

Steps and checks are mappings with a `kind`. One that needs no other key may be written as its kind alone.
"""

from collections.abc import Iterator
from typing import Literal, TypeVar

from contract.keys import declared, key
from contract.kinds import Name, PromptVersion, ReviewTrigger, Slug, Words

T = TypeVar("T")

# -- what is checked in a draft


@declared
class Complete:
    """The draft is not empty. Applies to every draft, whether listed or not."""

    kind: Literal["complete"] = key("which check it is")


@declared
class Schema:
    """The draft is a single JSON document that is valid against the prompt's output schema."""

    kind: Literal["schema"] = key("which check it is")


@declared
class Sums:
    """Every calculation shown in the draft is correct."""

    kind: Literal["sums"] = key("which check it is")
    tolerance_percent: float = key(
        "how far a result may be off, for rounding", default=0.5, least=0, most=10, stricter="less"
    )


@declared
class Quotations:
    """Every `quotation` in the draft's JSON appears verbatim in a source."""

    kind: Literal["quotations"] = key("which check it is")


@declared
class Citations:
    """Every bracketed source was provided."""

    kind: Literal["citations"] = key("which check it is")
    least: int = key("how many there must be", default=1, least=0, most=100, stricter="more")


@declared
class Claims:
    """The draft lists the claims that a person must check."""

    kind: Literal["claims"] = key("which check it is")
    heading: Words = key("the words above the list", default="claims to check")


@declared
class ReviewLine:
    """The draft's last line states that it is a draft."""

    kind: Literal["review-line"] = key("which check it is")
    says: Words = key("the words of the line", default="draft for review")


@declared
class Times:
    """Every time of day in the draft appears in a source: no event is invented."""

    kind: Literal["times"] = key("which check it is")


@declared
class PolicySource:
    """The answer cites a heading of the policy, or refers the question to a person."""

    kind: Literal["policy-source"] = key("which check it is")


@declared
class Length:
    """The draft's length is within bounds."""

    kind: Literal["length"] = key("which check it is")
    least_words: int = key("at least so many words", default=1, least=1, most=100_000, stricter="more")
    most_words: int = key("at most so many words", default=100_000, least=1, most=100_000, stricter="less")


@declared
class Contains:
    """Required texts, such as headings or a disclaimer; case-insensitive."""

    kind: Literal["contains"] = key("which check it is")
    texts: tuple[Words, ...] = key("each must stand in the draft", least=1, most=50, stricter="more")


@declared
class Avoids:
    """Forbidden texts, such as promises; case-insensitive."""

    kind: Literal["avoids"] = key("which check it is")
    texts: tuple[Words, ...] = key("none may stand in the draft", least=1, most=50, stricter="more")


Check = (
    Complete | Schema | Sums | Quotations | Citations | Claims | ReviewLine | Times | PolicySource | Length
    | Contains | Avoids
)  # fmt: skip

# -- the steps


@declared
class DraftStep:
    """Claude writes the draft from the workflow's prompt."""

    kind: Literal["draft"] = key("which step it is")


@declared
class CheckStep:
    """Automated checks report problems of the draft to the reviewer."""

    kind: Literal["check"] = key("which step it is")
    checks: tuple[Check, ...] = key("what is checked in every draft", least=1, most=20, stricter="more")


@declared
class ReviewStep:
    """A person reviews the draft if the prompt, this step or a finding requires it; always in production."""

    kind: Literal["review"] = key("which step it is")
    demanded_by: ReviewTrigger | None = key(
        "what demands a person where the prompt does not", default=None, stricter="more"
    )
    roles: tuple[Slug, ...] = key(
        "whose decision counts: people with one of these roles; every reviewer of the department if empty",
        default=(),
        most=20,
        stricter="less",
    )
    people: int = key(
        "how many people must approve the same text before it is released; one who rejects it is enough",
        default=1, least=1, most=5, stricter="more",
    )  # fmt: skip
    hours: float | None = key(
        "hours until it is escalated; `reviews.hours` of the client if left out", default=None, least=0.01,
        most=720,
    )  # fmt: skip
    escalation_hours: float | None = key(
        "hours after that until it expires; `reviews.escalation_hours` if left out", default=None,
        least=0.01, most=720,
    )  # fmt: skip


@declared
class ReleaseStep:
    """Publishes the approved text to the department. Without this step only reviewers see it."""

    kind: Literal["release"] = key("which step it is")


@declared
class OutcomeStep:
    """Records the outcome of the draft in the audit store; always in production."""

    kind: Literal["outcome"] = key("which step it is")
    material_decision: bool = key(
        "what it decides is recorded as a material decision", default=False, stricter="more"
    )


Step = DraftStep | CheckStep | ReviewStep | ReleaseStep | OutcomeStep
STEPS = ("draft", "check", "review", "release", "outcome")  # in the only order that makes sense


@declared
class Workflow:
    """A workflow: an approved prompt drafts, and the steps say what happens to the draft.

    The file name is the workflow's name.
    """

    name: str = ""  # of its file
    title: Words = key("its name as people see it")
    department: Slug = key(
        "the department that it is for; a client's department has it under the same id, or by `like`"
    )
    prompt: Name = key("the approved prompt that drafts")
    documents_as: Words = key("the prompt's variable that takes the documents")
    version: PromptVersion = key(
        "the prompt's version: a number or an alias; current is the stable one or, without one, the draft",
        default="current",
    )
    course: Name | None = key(
        "what the requester has completed, where the department demands it; the workflow's name if left out",
        default=None,
    )
    steps: tuple[Step, ...] = key(
        "what happens, in this order: draft, check, review, release, outcome", least=1, most=10
    )

    def step(self, kind: type[T]) -> T | None:
        """The step of a kind; None where the workflow has none."""
        return next((one for one in self.steps if isinstance(one, kind)), None)

    @property
    def checks(self) -> tuple[Check, ...]:
        """What is checked in every draft."""
        found = self.step(CheckStep)
        return found.checks if found else ()

    @property
    def course_name(self) -> str:
        """The course that the requester must have completed, where one is demanded."""
        return self.course or self.name


def wrong_steps(steps: tuple[Step, ...]) -> Iterator[str]:
    """What is wrong with the steps taken together, in words; nothing where they make a workflow."""
    kinds = [one.kind for one in steps]
    if kinds[:1] != ["draft"]:
        yield "the first step is draft"
    for kind in STEPS:
        if kinds.count(kind) > 1:
            yield f"{kind} is there {kinds.count(kind)} times: once is all"
    places = [STEPS.index(kind) for kind in kinds]
    if places != sorted(places):
        yield f"the order is {', '.join(kind for kind in STEPS if kind in kinds)}"
    if not {"release", "outcome"} & set(kinds):
        yield "nothing comes of the draft: add release, outcome or both"
    for check in (each for one in steps if isinstance(one, CheckStep) for each in one.checks):
        if isinstance(check, Length) and check.least_words > check.most_words:
            yield f"a draft cannot have {check.least_words} words or more and {check.most_words} or fewer"

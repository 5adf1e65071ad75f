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

    kind: Literal["complete"] = key("kind of check")


@declared
class Schema:
    """The draft is a single JSON document that is valid against the prompt's output schema."""

    kind: Literal["schema"] = key("kind of check")


@declared
class Sums:
    """Every calculation shown in the draft is correct."""

    kind: Literal["sums"] = key("kind of check")
    tolerance_percent: float = key(
        "rounding tolerance in percent", default=0.5, least=0, most=10, stricter="less"
    )


@declared
class Quotations:
    """Every `quotation` in the draft's JSON appears verbatim in a source."""

    kind: Literal["quotations"] = key("kind of check")


@declared
class Citations:
    """Every bracketed source was provided."""

    kind: Literal["citations"] = key("kind of check")
    least: int = key("minimum number of citations", default=1, least=0, most=100, stricter="more")


@declared
class Claims:
    """The draft lists the claims that a person must check."""

    kind: Literal["claims"] = key("kind of check")
    heading: Words = key("heading of the list", default="claims to check")


@declared
class ReviewLine:
    """The draft's last line states that it is a draft."""

    kind: Literal["review-line"] = key("kind of check")
    says: Words = key("text of the line", default="draft for review")


@declared
class Times:
    """Every time of day in the draft appears in a source: no event is invented."""

    kind: Literal["times"] = key("kind of check")


@declared
class PolicySource:
    """The answer cites a heading of the policy, or refers the question to a person."""

    kind: Literal["policy-source"] = key("kind of check")


@declared
class Length:
    """The draft's length is within bounds."""

    kind: Literal["length"] = key("kind of check")
    least_words: int = key("minimum number of words", default=1, least=1, most=100_000, stricter="more")
    most_words: int = key("maximum number of words", default=100_000, least=1, most=100_000, stricter="less")


@declared
class Contains:
    """Required texts, such as headings or a disclaimer; case-insensitive."""

    kind: Literal["contains"] = key("kind of check")
    texts: tuple[Words, ...] = key(
        "texts that must all appear in the draft", least=1, most=50, stricter="more"
    )


@declared
class Avoids:
    """Forbidden texts, such as promises; case-insensitive."""

    kind: Literal["avoids"] = key("kind of check")
    texts: tuple[Words, ...] = key(
        "texts that must not appear in the draft", least=1, most=50, stricter="more"
    )


Check = (
    Complete | Schema | Sums | Quotations | Citations | Claims | ReviewLine | Times | PolicySource | Length
    | Contains | Avoids
)  # fmt: skip

# -- the steps


@declared
class DraftStep:
    """Claude writes the draft from the workflow's prompt."""

    kind: Literal["draft"] = key("kind of step")


@declared
class CheckStep:
    """Automated checks report problems of the draft to the reviewer."""

    kind: Literal["check"] = key("kind of step")
    checks: tuple[Check, ...] = key("checks of every draft", least=1, most=20, stricter="more")


@declared
class ReviewStep:
    """A person reviews the draft if the prompt, this step or a finding requires it; always in production."""

    kind: Literal["review"] = key("kind of step")
    demanded_by: ReviewTrigger | None = key(
        "what requires a review if the prompt does not", default=None, stricter="more"
    )
    roles: tuple[Slug, ...] = key(
        "roles whose members may decide; empty: every reviewer of the department",
        default=(),
        most=20,
        stricter="less",
    )
    people: int = key(
        "number of people who must approve the same text before release; one rejection is final",
        default=1, least=1, most=5, stricter="more",
    )  # fmt: skip
    hours: float | None = key(
        "hours until escalation; default: the client's `reviews.hours`", default=None, least=0.01,
        most=720,
    )  # fmt: skip
    escalation_hours: float | None = key(
        "hours from escalation until expiry; default: the client's `reviews.escalation_hours`", default=None,
        least=0.01, most=720,
    )  # fmt: skip


@declared
class ReleaseStep:
    """Publishes the approved text to the department. Without this step only reviewers see it."""

    kind: Literal["release"] = key("kind of step")


@declared
class OutcomeStep:
    """Records the outcome of the draft in the audit store; always in production."""

    kind: Literal["outcome"] = key("kind of step")
    material_decision: bool = key("record the outcome as a material decision", default=False, stricter="more")


Step = DraftStep | CheckStep | ReviewStep | ReleaseStep | OutcomeStep
STEPS = ("draft", "check", "review", "release", "outcome")  # in the only order that makes sense


@declared
class Workflow:
    """A workflow: an approved prompt drafts, and the steps say what happens to the draft.

    The file name is the workflow's name.
    """

    name: str = ""  # of its file
    title: Words = key("display name")
    department: Slug = key(
        "department the workflow is for; a client's department gets it by the same id, or through `like`"
    )
    prompt: Name = key("approved prompt that writes the draft")
    documents_as: Words = key("the prompt's variable for the documents")
    version: PromptVersion = key(
        "the prompt's version, a number or an alias; current: the stable version or, if there is "
        "none, the draft",
        default="current",
    )
    course: Name | None = key(
        "course the requester must have completed, if the department requires training; default: "
        "the course named like the workflow",
        default=None,
    )
    steps: tuple[Step, ...] = key("steps in order: draft, check, review, release, outcome", least=1, most=10)

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

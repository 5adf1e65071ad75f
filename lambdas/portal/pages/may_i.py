"""May I?: whether a use is allowed, and what inspection would do with a text (L4.4, G.2)."""

from dataclasses import dataclass
from typing import Any, Literal

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lambdas.portal.portal import Visitor
from lambdas.portal.web import form, portal_of, signed_in, views_of

LONGEST = 20_000
Verdict = Literal["yes", "with a person", "no"]


@dataclass(frozen=True, slots=True)
class Use:
    """A use that people ask about. Texts are in English; the catalogue has the other languages."""

    name: str
    title: str
    verdict: Verdict
    advice: str


USES = (
    Use("draft", "Draft, summarise, compare or explain something of my work", "yes",
        "With public and internal data. Check facts, figures and quotations before you use it."),
    Use("customer", "Write to a customer", "with a person",
        "Claude may draft; a person reads and sends. Use placeholders instead of names."),
    Use("decision", "Prepare a decision with consequences", "with a person",
        "Claude may prepare; somebody who did not ask for the draft reviews it, and that is on record."),
    Use("people", "Judge, rank, hire, pay or dismiss people", "no",
        "Claude does not decide about people, and a ranking is already a decision. Ask for criteria or "
        "questions instead."),
    Use("watch", "Watch or rate colleagues, or read feelings from their words", "no",
        "Forbidden, for whatever reason. Whom to ask: the governance lead or the works council."),
    Use("health", "Work with somebody's health information", "no",
        "Personal health information never goes to Claude. Remove the person or the condition."),
    Use("code", "Write or review code", "yes",
        "Without keys and without repositories on the confidential list. Run your tests; you answer for it."),
    Use("private", "Use my private account of an AI service for work", "no",
        "There is no contract, no record and no protection. The library and Ask are open to you."),
    Use("chatbot", "Let Claude answer customers without a person", "no",
        "Nobody outside hears from Claude without a person in between. Bring the idea to the Center."),
)  # fmt: skip


async def may_i(request: Request, visitor: Visitor) -> Response:
    """Show both questions; a chosen use is answered at once."""
    chosen = request.query_params.get("use", "")
    return page(request, visitor, use=next((one for one in USES if one.name == chosen), None))


async def look(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Show what would happen with a text, which is neither stored nor seen by Claude."""
    text = str(fields.get("text", "")).replace("\r\n", "\n").strip()
    if not text or len(text) > LONGEST:
        problem = visitor.language("Paste a text of at most {limit} characters.", limit=LONGEST)
        return page(request, visitor, text=text[:LONGEST], problem=problem)
    answer = await portal_of(request).gateway.post(visitor.token, "/v1/inspections", {"text": text})
    return page(request, visitor, text=text, result=answer.content)


def page(
    request: Request,
    visitor: Visitor,
    *,
    use: Use | None = None,
    text: str = "",
    result: dict[str, Any] | None = None,
    problem: str = "",
) -> Response:
    """Return the page with what was asked."""
    return views_of(request).page(
        request,
        "may_i.html",
        visitor,
        status=422 if problem else 200,
        uses=USES,
        use=use,
        text=text,
        result=result,
        problem=problem,
        limit=LONGEST,
    )


ROUTES = [
    Route("/may-i", signed_in(may_i)),
    Route("/may-i", form(look), methods=["POST"]),
]

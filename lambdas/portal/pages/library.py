"""The library: find a prompt, use it with one click, continue, rate it (L2.1, L4.2, L5.2)."""

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lambdas.common.ids import new_id
from lambdas.common.statements import MOST_MINUTES
from lambdas.portal.catalogue import PromptPage, Variable
from lambdas.portal.conversation import Conversation, answer_stream, download_name, read_conversation
from lambdas.portal.docx import MEDIA_TYPE, document
from lambdas.portal.gateway import GatewayError
from lambdas.portal.popular import most_used, note_verdict
from lambdas.portal.portal import Visitor
from lambdas.portal.structured import readable
from lambdas.portal.table import Row
from lambdas.portal.tickets import open_ticket
from lambdas.portal.web import failed, form, portal_of, redirect, signed_in, views_of, whole_number

_REQUEST_ID = re.compile(r"req_[0-9A-Z]{20,40}")
_FOLLOW_UP_CHARACTERS = 20_000
_PROPOSAL_CHARACTERS, _EXAMPLE_CHARACTERS = 4_000, 8_000
_POPULAR = 5


async def library(request: Request, visitor: Visitor) -> Response:
    """Show all prompts a person may use, or those that match a search."""
    portal, query = portal_of(request), request.query_params
    shelf = await portal.library.shelf(visitor.token, visitor.record, visitor.language.code)
    asked = query.get("q", "").strip()[:200]
    found, corrected = await run_in_threadpool(shelf.search, asked) if asked else (list(shelf.prompts), "")
    for name, of in (("department", "department"), ("class", "data_class"), ("use", "use_case")):
        if query.get(name):
            found = [one for one in found if getattr(one, of) == query[name]]
    used = await run_in_threadpool(portal.table.rows, f"USED#{visitor.record.department}")
    popular = most_used(used)
    if not asked:
        found = sorted(found, key=lambda one: popular.index(one.name) if one.name in popular else 99)
    return views_of(request).page(
        request,
        "library.html",
        visitor,
        popular=popular[:_POPULAR],
        prompts=found,
        asked=asked,
        corrected=corrected,
        query=query,
        departments=sorted({one.department for one in shelf.prompts}),
        classes=sorted({one.data_class for one in shelf.prompts}),
        uses=sorted({one.use_case for one in shelf.prompts}),
        favourites={row.sk.removeprefix("FAV#") for row in visitor.rows_of("FAV#")},
        total=len(shelf.prompts),
    )


async def prompt(request: Request, visitor: Visitor) -> Response:
    """Show one prompt with its form, filled with its example or by a link."""
    found = await the_prompt(request, visitor)
    if found is None:
        return failed(request, 404, visitor)
    query = request.query_params
    example = dict(found.example.get("variables") or {}) if "example" in query else {}
    linked = {variable.name: query[variable.name] for variable in found.variables if variable.name in query}
    return prompt_page(request, visitor, found, {**example, **linked}, {})


def prompt_page(
    request: Request,
    visitor: Visitor,
    found: PromptPage,
    values: Mapping[str, Any],
    problems: Mapping[str, str],
) -> Response:
    """Return the form of a prompt; entered values stay."""
    return views_of(request).page(
        request,
        "prompt.html",
        visitor,
        status=422 if problems else 200,
        prompt=found,
        values={
            name: "\n".join(value) if isinstance(value, list) else value for name, value in values.items()
        },
        problems=problems,
        favourite=visitor.row(f"FAV#{found.name}") is not None,
    )


async def run(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Send the form; the answer streams into the page, with or without a script."""
    found = await the_prompt(request, visitor)
    if found is None:
        return failed(request, 404, visitor)
    typed = {variable.name: str(fields.get(variable.name, "")) for variable in found.variables}
    values, problems = read_values(found, typed, visitor)
    if problems:
        return prompt_page(request, visitor, found, typed, problems)
    conversation = Conversation(
        id=new_id("con_"), prompt=found.name, version=found.version, title=found.title, model=found.model,
        use_case=found.use_case, variables=values, turns=(), output=found.output,
    )  # fmt: skip
    return await answer_stream(request, visitor, conversation, "")


async def go_on(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Send a follow-up turn of a conversation in this session."""
    conversation = await read_conversation(request, visitor, request.path_params["conversation"])
    if conversation is None:
        return failed(request, 404, visitor)
    text = str(fields.get("text", "")).strip()
    if not text or len(text) > _FOLLOW_UP_CHARACTERS:
        return redirect(request, f"/conversations/{conversation.id}")
    return await answer_stream(request, visitor, conversation, text)


async def conversation_page(request: Request, visitor: Visitor) -> Response:
    """Show a conversation of this session."""
    conversation = await read_conversation(request, visitor, request.path_params["conversation"])
    if conversation is None:
        return views_of(request).page(request, "gone.html", visitor, status=404)
    last = conversation.answers[-1].request_id if conversation.answers else ""
    most = most_of(visitor.row(f"RUN#{last}"))
    return views_of(request).page(request, "conversation.html", visitor, conversation=conversation, most=most)


def most_of(run: Row | None) -> int:
    """Return the maximum minutes that a run can have saved: the gateway accepts no more for an answer of
    its length.
    """
    return int(run.data.get("most_minutes", MOST_MINUTES)) if run is not None else MOST_MINUTES


async def download(request: Request, visitor: Visitor) -> Response:
    """Download the last answer of a conversation as a Markdown file or a Word document."""
    conversation = await read_conversation(request, visitor, request.path_params["conversation"])
    if conversation is None or not conversation.answers:
        return failed(request, 404, visitor)
    suffix = request.path_params["suffix"]
    if suffix not in {"md", "docx"}:
        return failed(request, 404, visitor)
    text = readable(conversation.answers[-1].text)
    name = download_name(conversation, suffix)
    headers = {"content-disposition": f"attachment; filename=\"{name}\"; filename*=UTF-8''{quote(name)}"}
    if suffix == "docx":
        title = conversation.title or visitor.language("Your question")
        note = visitor.language("Drafted by Claude. Check facts, figures and quotations before you use it.")
        body = await run_in_threadpool(document, title, text, note)
        return Response(body, media_type=MEDIA_TYPE, headers=headers)
    return Response(text, media_type="text/markdown; charset=utf-8", headers=headers)


async def rate(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Send a rating to the gateway, which stores it as a record of measurement."""
    portal = portal_of(request)
    request_id, verdict = str(fields.get("request", "")), str(fields.get("verdict", ""))
    minutes = whole_number(fields.get("minutes") or "0")
    row = visitor.row(f"RUN#{request_id}")
    if row is None or verdict not in {"useful", "edited", "rejected"} or minutes is None:
        return failed(request, 400, visitor)
    said = {
        "request_id": request_id,
        "useful": verdict != "rejected",
        "edited": verdict == "edited",
        "rejected": verdict == "rejected",
        "minutes_saved": min(minutes, most_of(row)) if verdict != "rejected" else 0,
    }
    if row.data.get("use_case"):
        said["use_case"] = row.data["use_case"]
    await portal.gateway.post(visitor.token, "/v1/feedback", said)
    facts = {**row.data, "verdict": verdict, "minutes": said["minutes_saved"]}
    await run_in_threadpool(portal.table.write, Row(row.pk, row.sk, facts, row.version, row.expires))
    if row.data.get("prompt"):
        await run_in_threadpool(
            note_verdict, portal.table, visitor.record.department, row.data["prompt"], verdict,
            said["minutes_saved"], int(portal.now().timestamp()),
        )  # fmt: skip
    return redirect(request, f"/runs/{request_id}?thanks=1")


async def one_run(request: Request, visitor: Visitor) -> Response:
    """Show one run: when, which prompt, its rating; never a text."""
    request_id = request.path_params["request"]
    row = visitor.row(f"RUN#{request_id}") if _REQUEST_ID.fullmatch(request_id) else None
    if row is None:
        return failed(request, 404, visitor)
    try:
        record = (await portal_of(request).gateway.get(visitor.token, f"/v1/records/{request_id}")).content
    except GatewayError:  # the page stands without it
        record = None
    return views_of(request).page(
        request,
        "run.html",
        visitor,
        run=row.data,
        record=record,
        request_id=request_id,
        thanks="thanks" in request.query_params,
    )


async def favourite(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Add a prompt to the favourites, or remove it."""
    portal, name = portal_of(request), request.path_params["prompt"]
    found = await the_prompt(request, visitor)
    if found is None:
        return failed(request, 404, visitor)
    key = f"PERSON#{visitor.person}", f"FAV#{name}"
    if fields.get("keep") == "yes":
        await run_in_threadpool(portal.table.write, Row(*key, {"at": int(portal.now().timestamp())}))
    else:
        await run_in_threadpool(portal.table.delete, *key)
    return redirect(request, f"/library/{name}")


async def propose(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Suggest a prompt, or a change of one: a ticket for its owner, with the person's example."""
    text, example, result = (str(fields.get(name, "")).strip() for name in ("text", "example", "result"))
    about = str(fields.get("prompt", ""))[:80]
    if not 0 < len(text) <= _PROPOSAL_CHARACTERS or max(len(example), len(result)) > _EXAMPLE_CHARACTERS:
        return redirect(request, "/library#propose")
    facts = {"about": about, "text": text, "example": example, "result": result}
    identifier = await run_in_threadpool(open_ticket, portal_of(request), visitor, "proposal", facts)
    return redirect(request, f"/support/tickets/{identifier}")


async def the_prompt(request: Request, visitor: Visitor) -> PromptPage | None:
    """Return the prompt in the path, if the person may use it."""
    shelf = await portal_of(request).library.shelf(visitor.token, visitor.record, visitor.language.code)
    return shelf.find(request.path_params["prompt"])


def read_values(
    found: PromptPage, typed: Mapping[str, str], visitor: Visitor
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the variables as the prompt expects them, and errors by variable."""
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for variable in found.variables:
        text = typed[variable.name].replace("\r\n", "\n").strip()
        if not text:
            if variable.required:
                problems[variable.name] = visitor.language("This is needed.")
            continue
        try:
            values[variable.name] = read_value(variable, text)
        except ValueError as error:
            problems[variable.name] = visitor.language(str(error), limit=variable.max_length)
    return values, problems


def read_value(variable: Variable, text: str) -> Any:
    """Parse one variable from its text. Raises `ValueError` with what is wrong, for the person."""
    match variable.type:
        case "integer" | "number":
            try:
                value = int(text) if variable.type == "integer" else float(text.replace(",", "."))
            except ValueError:
                raise ValueError("Write a number.") from None
            if not isfinite(value):
                raise ValueError("Write a number.")
            if variable.minimum is not None and value < variable.minimum:
                raise ValueError("This number is too small.")
            if variable.maximum is not None and value > variable.maximum:
                raise ValueError("This number is too large.")
            return value
        case "list":
            lines = [line.strip() for line in text.split("\n") if line.strip()]
            if variable.max_length and len(lines) > variable.max_length:
                raise ValueError("At most {limit} lines.")
            return lines
        case "choice":
            if text not in variable.choices:
                raise ValueError("Choose one of the list.")
            return text
        case _:
            if variable.max_length and len(text) > variable.max_length:
                raise ValueError("At most {limit} characters.")
            return text


ROUTES = [
    Route("/library", signed_in(library)),
    Route("/library/propose", form(propose), methods=["POST"]),
    Route("/library/{prompt}", signed_in(prompt)),
    Route("/library/{prompt}/run", form(run), methods=["POST"]),
    Route("/library/{prompt}/favourite", form(favourite), methods=["POST"]),
    Route("/conversations/{conversation}", signed_in(conversation_page)),
    Route("/conversations/{conversation}/turn", form(go_on), methods=["POST"]),
    Route("/conversations/{conversation}/answer.{suffix}", signed_in(download)),
    Route("/runs/{request}", signed_in(one_run)),
    Route("/feedback", form(rate), methods=["POST"]),
]

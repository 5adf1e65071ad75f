"""A person's workflows: start one, follow it, collect what was released (L3.1, L3.4)."""

import re
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lambdas.portal.catalogue import PromptPage
from lambdas.portal.pages.library import read_values
from lambdas.portal.portal import DelegateRefused, Visitor
from lambdas.portal.table import Row
from lambdas.portal.web import failed, form, portal_of, redirect, signed_in, views_of

_ID = re.compile(r"wf_[0-9A-HJKMNP-TV-Z]{26}")
_PREFIX = "WORK#"
_KEPT_SECONDS = 400 * 24 * 3600
_FILE_BYTES = 200_000
_FILE_NAME = re.compile(r"[^\w .,()+-]+")


async def work(request: Request, visitor: Visitor) -> Response:
    """Show what the person has started, and what can be started."""
    own = sorted(visitor.rows_of(_PREFIX), key=lambda row: row.data["at"], reverse=True)
    try:
        workflows, unread = await workflows_of(request, visitor), False
    except DelegateRefused:
        workflows, unread = [], True
    return views_of(request).page(request, "work.html", visitor, own=own, workflows=workflows, unread=unread)


async def workflows_of(request: Request, visitor: Visitor) -> list[tuple[str, PromptPage]]:
    """Return the workflows of the person's department, each with its drafting prompt."""
    portal = portal_of(request)
    found = await run_in_threadpool(portal.deputy.look, "workflows", visitor.token)
    shelf = await portal.library.shelf(visitor.token, visitor.record, visitor.language.code)
    known = [(one["name"], shelf.find(one["prompt"])) for one in found["workflows"]]
    return [(name, prompt) for name, prompt in known if prompt is not None]


async def new(request: Request, visitor: Visitor) -> Response:
    """Show the form of a workflow: the prompt's variables, and documents."""
    found = await the_workflow(request, visitor)
    if found is None:
        return failed(request, 404, visitor)
    return new_page(request, visitor, found, {}, {})


def new_page(
    request: Request,
    visitor: Visitor,
    found: tuple[str, PromptPage],
    values: dict[str, str],
    problems: dict[str, str],
) -> Response:
    """Return the form; entered values stay."""
    return views_of(request).page(
        request,
        "work_new.html",
        visitor,
        status=422 if problems else 200,
        workflow=found[0],
        prompt=found[1],
        values=values,
        problems=problems,
    )


async def start(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Start a workflow in the person's own name; the deputy signs the request with the role session."""
    portal = portal_of(request)
    found = await the_workflow(request, visitor)
    if found is None:
        return failed(request, 404, visitor)
    name, prompt = found
    typed = {one.name: str(fields.get(one.name, "")) for one in prompt.variables}
    try:
        documents = await read_documents(fields)
    except ValueError as error:
        problem = {"files": visitor.language(str(error))}
        return new_page(request, visitor, found, typed, problem)
    values, problems = read_values(prompt, typed, visitor)
    if documents:  # they fill the text that the workflow reads documents into
        texts = [one.name for one in prompt.variables if one.type == "text"]
        problems = {key: text for key, text in problems.items() if key not in texts}
    if problems:
        return new_page(request, visitor, found, typed, problems)
    try:
        begun = await run_in_threadpool(
            lambda: portal.deputy.ask(
                "start", visitor.token, workflow=name, variables=values, documents=documents,
                name=visitor.name,
            )
        )  # fmt: skip
    except DelegateRefused as error:
        return views_of(request).page(request, "not_recorded.html", visitor, status=503, reason=error.reason)
    now = int(portal.now().timestamp())
    facts = {"workflow": name, "title": prompt.title, "at": now}
    row = Row(f"PERSON#{visitor.person}", _PREFIX + begun["request"], facts, expires=now + _KEPT_SECONDS)
    await run_in_threadpool(portal.table.write, row)
    return redirect(request, f"/work/{begun['request']}")


async def read_documents(fields: FormData) -> list[dict[str, str]]:
    """Return the attached text files. Raises `ValueError` with what is wrong, for the person."""
    found: list[dict[str, str]] = []
    for upload in fields.getlist("files"):
        if not isinstance(upload, UploadFile) or not upload.filename:
            continue
        data = await upload.read()
        if len(data) > _FILE_BYTES:
            raise ValueError("A file is larger than 200 KB.")
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError("A file is not text in UTF-8.") from None
        name = _FILE_NAME.sub("-", upload.filename.rsplit("/", 1)[-1]).strip(" .-")[:100]
        found.append({"name": name or f"document-{len(found) + 1}.txt", "text": text})
    return found


async def the_workflow(request: Request, visitor: Visitor) -> tuple[str, PromptPage] | None:
    """Return the workflow in the path, if the person's department has it."""
    wanted = request.path_params["workflow"]
    return next((one for one in await workflows_of(request, visitor) if one[0] == wanted), None)


async def item(request: Request, visitor: Visitor) -> Response:
    """Show the state of one request, and what was released."""
    portal, identifier = portal_of(request), request.path_params["request"]
    row = visitor.row(_PREFIX + identifier) if _ID.fullmatch(identifier) else None
    if row is None:
        return failed(request, 404, visitor)
    state: dict[str, Any]
    try:
        state = await run_in_threadpool(
            lambda: portal.deputy.look(
                "status", visitor.token, request=identifier, workflow=row.data["workflow"]
            )
        )
    except DelegateRefused as error:
        state = {"state": "unknown", "reason": error.reason}
    return views_of(request).page(request, "work_item.html", visitor, id=identifier, row=row, state=state)


ROUTES = [
    Route("/work", signed_in(work)),
    Route("/work/new/{workflow}", signed_in(new)),
    Route("/work/new/{workflow}", form(start), methods=["POST"]),
    Route("/work/{request}", signed_in(item)),
]

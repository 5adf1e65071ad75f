"""Conversation with Claude under the department's policy (L4.2)."""

import base64
from collections.abc import Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lambdas.common.ids import new_id
from lambdas.portal.conversation import (
    CONVERSATION_ID,
    Conversation,
    answer_stream,
    conversation_of,
    read_conversation,
)
from lambdas.portal.portal import Visitor
from lambdas.portal.structured import readable
from lambdas.portal.web import failed, form, portal_of, redirect, signed_in, views_of

_CHARACTERS = 60_000
_SHOWN = 5  # earlier conversations beside the form
_FILE_BYTES = 3 * 1024 * 1024
_TEXT_SUFFIXES = frozenset(
    {"txt", "md", "csv", "json", "yaml", "yml", "log", "xml", "html", "py", "sql", "tsv"}
)


class FileRefused(Exception):
    """A file cannot be sent. The text is for the person, with `{name}` for the file."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.text = text
        self.name = name


async def ask(request: Request, visitor: Visitor) -> Response:
    """Show a new conversation."""
    return await ask_page(request, visitor)


async def ask_page(
    request: Request, visitor: Visitor, text: str = "", problem: str = "", status: int = 200
) -> Response:
    """Return the form of a new conversation, with the models a person may use."""
    portal = portal_of(request)
    rights = (await portal.gateway.get(visitor.token, "/v1/me")).content
    models = (await portal.gateway.get(visitor.token, "/v1/models")).content["data"]
    kept = await run_in_threadpool(portal.history.listed, visitor.person) if portal.history else []
    return views_of(request).page(
        request, "ask.html", visitor, status=status, text=text, problem=problem, kept=kept[:_SHOWN],
        models=named_models(models, rights), only_registered=rights["registered_prompts_only"],
    )  # fmt: skip


def named_models(models: list[dict[str, Any]], rights: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the models by the organisation's names; `/v1/models` also lists them by Claude's names."""
    return [one for one in models if one["id"] in rights["models"]]


async def history(request: Request, visitor: Visitor) -> Response:
    """Show the person's conversations of earlier days."""
    portal = portal_of(request)
    if portal.history is None:
        return failed(request, 404, visitor)
    kept = await run_in_threadpool(portal.history.listed, visitor.person)
    return views_of(request).page(request, "history.html", visitor, kept=kept)


async def export(request: Request, visitor: Visitor) -> Response:
    """Download all conversations of the person in one Markdown file."""
    portal = portal_of(request)
    if portal.history is None:
        return failed(request, 404, visitor)
    kept = await run_in_threadpool(portal.history.everything, visitor.person)
    text = "\n\n".join(as_markdown(visitor, content, at) for content, at in kept)
    headers = {"content-disposition": 'attachment; filename="conversations.md"'}
    return Response(text, media_type="text/markdown; charset=utf-8", headers=headers)


def as_markdown(visitor: Visitor, content: Mapping[str, Any], at: int) -> str:
    """Return a conversation as Markdown: time, questions, Claude's answers."""
    conversation, _ = conversation_of(content), visitor.language
    lines = [f"# {conversation.own_title}", _.moment(at)]
    lines += [f"- {name}: {value}" for name, value in conversation.variables.items()]
    speakers = {"user": _("You"), "assistant": _("Claude's draft")}
    for turn in conversation.turns:
        lines += [f"## {speakers[turn.role]}", readable(turn.text)]
    return "\n\n".join(lines)


async def delete(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Delete one conversation, or all of the person's."""
    portal, identifier = portal_of(request), str(fields.get("conversation", ""))
    if portal.history is None:
        return failed(request, 404, visitor)
    if fields.get("all") == "yes":
        await run_in_threadpool(portal.history.delete_all, visitor.person)
    elif CONVERSATION_ID.fullmatch(identifier):
        await run_in_threadpool(portal.history.delete, visitor.person, identifier)
    return redirect(request, "/ask/history")


async def send(request: Request, visitor: Visitor, fields: FormData) -> Response:
    """Send the first question, or the next one of a conversation."""
    text, model = str(fields.get("text", "")).strip(), str(fields.get("model", ""))
    _ = visitor.language
    if not text or len(text) > _CHARACTERS:
        problem = _("Write a question of at most {limit} characters.", limit=_CHARACTERS)
        return await ask_page(request, visitor, text, problem, 422)
    try:
        attached, files = await read_files(fields)
    except FileRefused as error:
        return await ask_page(request, visitor, text, _(error.text, name=error.name), 422)
    known = str(fields.get("conversation", ""))
    conversation = await read_conversation(request, visitor, known) if known else None
    if known and conversation is None:
        return failed(request, 404, visitor)
    if conversation is None:
        # a title of the person's own words would repeat them outside the sealed record
        conversation = Conversation(new_id("con_"), "", 0, "", model[:100], "ask", {}, ())
    return await answer_stream(request, visitor, conversation, text, attached, files)


async def read_files(fields: FormData) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Return the attached files as blocks of a message, and their names. Raises `FileRefused`."""
    blocks: list[dict[str, Any]] = []
    names: list[str] = []
    for upload in fields.getlist("files"):
        if not isinstance(upload, UploadFile) or not upload.filename:
            continue
        data = await upload.read()
        blocks.append(block_of(upload.filename, data))
        names.append(upload.filename)
    return blocks, tuple(names)


def block_of(name: str, data: bytes) -> dict[str, Any]:
    """Return a file as a block. Raises `FileRefused` if it is too large or of an unsupported type."""
    suffix = name.rpartition(".")[2].lower()
    if len(data) > _FILE_BYTES:
        raise FileRefused("{name} is larger than 3 MB.", name)
    if suffix == "pdf" and data.startswith(b"%PDF-"):
        source = {"type": "base64", "media_type": "application/pdf", "data": base64.b64encode(data).decode()}
        return {"type": "document", "source": source, "title": name[:200]}
    if suffix in _TEXT_SUFFIXES:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise FileRefused("{name} is not text in UTF-8.", name) from None
        source = {"type": "text", "media_type": "text/plain", "data": text}
        return {"type": "document", "source": source, "title": name[:200]}
    raise FileRefused("{name}: send a PDF or a text file.", name)


ROUTES = [
    Route("/ask", signed_in(ask)),
    Route("/ask", form(send), methods=["POST"]),
    Route("/ask/history", signed_in(history)),
    Route("/ask/history.md", signed_in(export)),
    Route("/ask/history/delete", form(delete), methods=["POST"]),
]

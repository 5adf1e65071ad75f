"""Conversations: stored encrypted in the session or in the person's history, streamed into the page (L4.2).

Earlier turns come from encrypted rows and never from the browser, so nobody can put words into Claude's
mouth.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, replace
from textwrap import shorten
from typing import Any

from markupsafe import escape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from lambdas.common.json_text import json_bytes
from lambdas.common.statements import most_minutes
from lambdas.portal.gateway import Finished, GatewayError
from lambdas.portal.popular import note_use
from lambdas.portal.portal import Portal, Visitor
from lambdas.portal.sealing import TooLarge
from lambdas.portal.table import Row
from lambdas.portal.web import portal_of, url, views_of

_KEPT_SECONDS = 400 * 24 * 3600
_MARK = "<!-- answer -->"
_MOST_TURNS = 40
_MOST_BYTES = 200_000  # of all turns, in UTF-8; a question and an answer still come on top
_TITLE_CHARACTERS = 80
CONVERSATION_ID = re.compile(r"con_[0-9A-Z]{26}")
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn. `files` are the names of attachments; `request_id` is that of an answer."""

    role: str
    text: str
    request_id: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation about a prompt, or without one (`prompt` is empty)."""

    id: str
    prompt: str
    version: int
    title: str
    model: str
    use_case: str
    variables: Mapping[str, Any]
    turns: tuple[Turn, ...]
    output: str = "text"  # or json: shown once it is whole
    closed: bool = False  # too large to be kept whole: only the last answer is there

    @property
    def answers(self) -> list[Turn]:
        """Return Claude's turns."""
        return [turn for turn in self.turns if turn.role == "assistant"]

    @property
    def full(self) -> bool:
        """Return whether no further turn is accepted."""
        said = sum(len(turn.text.encode()) for turn in self.turns)
        return self.closed or len(self.turns) >= _MOST_TURNS or said > _MOST_BYTES

    @property
    def own_title(self) -> str:
        """Return a title for the person: the prompt's, or else the first words of the question."""
        asked = next((turn.text for turn in self.turns if turn.role == "user"), "")
        return self.title or shorten(asked, _TITLE_CHARACTERS, placeholder=" …")

    def without_what_was_sent(self) -> "Conversation":
        """Return the last answer alone."""
        return replace(self, variables={}, turns=tuple(self.answers[-1:]), closed=True)


async def read_conversation(request: Request, visitor: Visitor, identifier: str) -> Conversation | None:
    """Return a conversation of this session, or of the person's history; None if there is none."""
    if not CONVERSATION_ID.fullmatch(identifier):
        return None
    portal = portal_of(request)
    if portal.history is not None:
        kept = await run_in_threadpool(portal.history.find, visitor.person, identifier)
    else:
        kept = await run_in_threadpool(portal.sessions.kept, visitor.session, f"CONV#{identifier}")
    return conversation_of(kept) if kept is not None else None


def conversation_of(kept: Mapping[str, Any]) -> Conversation:
    """Return a stored conversation."""
    turns = tuple(Turn(**{**turn, "files": tuple(turn["files"])}) for turn in kept["turns"])
    return Conversation(**{**kept, "turns": turns})


def request_of(
    conversation: Conversation, said: str, attached: list[dict[str, Any]]
) -> tuple[str, dict[str, Any]]:
    """Return path and body of the gateway request for the next answer."""
    turns = [{"role": turn.role, "content": turn.text} for turn in conversation.turns]
    if conversation.prompt:
        body: dict[str, Any] = {"variables": dict(conversation.variables), "version": conversation.version}
        if said:
            body["continue"] = [*turns, {"role": "user", "content": said}]
        return f"/v1/prompts/{conversation.prompt}/messages", body
    content: Any = [*attached, {"type": "text", "text": said}] if attached else said
    return "/v1/messages", {
        "model": conversation.model,
        "max_tokens": 4096,
        "messages": [*turns, {"role": "user", "content": content}],
    }


async def answer_stream(
    request: Request,
    visitor: Visitor,
    conversation: Conversation,
    said: str,
    attached: list[dict[str, Any]] | None = None,
    files: tuple[str, ...] = (),
) -> Response:
    """Stream the next answer: server-sent events for the script, a growing page for a browser without one."""
    if said:
        asked = replace(conversation, turns=(*conversation.turns, Turn("user", said, files=files)))
    else:
        asked = conversation
    path, body = request_of(conversation, said, attached or [])
    events = _events(request, visitor, asked, path, body)
    if "text/event-stream" in request.headers.get("accept", ""):
        return StreamingResponse(_as_events(events), media_type="text/event-stream", headers=_HEADERS)
    pieces = _as_page(request, visitor, asked, events)
    return StreamingResponse(pieces, media_type="text/html; charset=utf-8", headers=_HEADERS)


async def _events(
    request: Request, visitor: Visitor, conversation: Conversation, path: str, body: Mapping[str, Any]
) -> AsyncIterator[dict[str, Any]]:
    """Yield events as they happen: `start`, `text`, then `end` or `error`."""
    portal, finished, pieces = portal_of(request), Finished(), []
    request_id = ""
    try:
        async with portal.gateway.stream(
            visitor.token, path, body, finished, conversation.use_case
        ) as stream:
            request_id = stream.request_id
            yield {"type": "start", "request_id": request_id}
            async for text in stream.text:
                pieces.append(text)
                yield {"type": "text", "text": text}
    except GatewayError as error:
        unanswered = visitor.language(
            "The service did not answer. Nothing was sent twice; try again in a minute."
        )
        yield {"type": "error", "error": error, "message": error.message or unanswered}
        return
    answered = replace(
        conversation, turns=(*conversation.turns, Turn("assistant", "".join(pieces), request_id))
    )
    await run_in_threadpool(_keep, portal, visitor, answered, request_id, finished.output_tokens)
    yield {
        "type": "end",
        "stopped": finished.stop_reason,
        "conversation": f"{url(request, '/conversations/')}{answered.id}",
    }


def _keep(
    portal: Portal, visitor: Visitor, conversation: Conversation, request_id: str, output_tokens: int
) -> None:
    """Store the conversation, and the run without its texts."""
    try:
        _keep_texts(portal, visitor, conversation)
    except TooLarge:
        _keep_texts(portal, visitor, conversation.without_what_was_sent())
    now = int(portal.now().timestamp())
    facts = {
        "prompt": conversation.prompt, "version": conversation.version, "title": conversation.title,
        "use_case": conversation.use_case, "conversation": conversation.id, "at": now,
        "most_minutes": most_minutes(output_tokens),
    }  # fmt: skip
    portal.table.write(
        Row(f"PERSON#{visitor.person}", f"RUN#{request_id}", facts, expires=now + _KEPT_SECONDS)
    )
    if conversation.prompt:
        note_use(portal.table, visitor.record.department, conversation.prompt, visitor.person, now)


def _keep_texts(portal: Portal, visitor: Visitor, conversation: Conversation) -> None:
    content = asdict(conversation)
    if portal.history is None:
        portal.sessions.keep(visitor.session, f"CONV#{conversation.id}", content)
        return
    portal.history.keep(
        visitor.person, visitor.record.department, conversation.id, conversation.own_title, content
    )


async def _as_events(events: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    async for event in events:
        if (error := event.pop("error", None)) is not None:
            event |= {"status": error.status, "request_id": error.request_id}
        yield b"data: " + json_bytes(event) + b"\n\n"


async def _as_page(
    request: Request, visitor: Visitor, conversation: Conversation, events: AsyncIterator[dict[str, Any]]
) -> AsyncIterator[str]:
    """Yield the page up to the answer, then the answer piece by piece, then the rest."""
    page = views_of(request).text(request, "answering.html", visitor, conversation=conversation)
    before, _, after = page.partition(_MARK)
    yield before
    async for event in events:
        match event["type"]:
            case "text" if conversation.output == "text":
                yield str(escape(event["text"]))
            case "error":
                part = views_of(request).text(request, "parts/refusal.html", visitor, error=event["error"])
                yield f"</div>{part}<div>"
            case "end":
                part = views_of(request).text(
                    request,
                    "parts/answered.html",
                    visitor,
                    address=event["conversation"],
                    stopped=event["stopped"],
                )
                yield f"</div>{part}<div>"
        await asyncio.sleep(0)
    yield after


def download_name(conversation: Conversation, suffix: str) -> str:
    """Return a file name for an answer."""
    plain = re.sub(r"[^a-z0-9]+", "-", conversation.title.lower()).strip("-")
    return f"{plain or 'answer'}.{suffix}"

"""Every error that the gateway's source can raise, raised through its door: in Claude's shape, and without a
value of the request (L1.1, L1.7).

Which errors there are is read from the source, not from a list: a new one without a request that brings it
about fails this test.
"""

import ast
import inspect
import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args
from unittest.mock import AsyncMock, patch

import pytest
from anthropic.types.shared import ErrorType

import lambdas.gateway
from lambdas.common.identities import KeyLimits, Principal
from lambdas.common.ledger import LedgerContended, LedgerUnavailable, Refused
from lambdas.common.ledger.items import Cancelled
from lambdas.common.ledger.token_uses import TokenUses
from lambdas.common.subject_keys import SubjectErased
from lambdas.gateway import app, errors, prompts
from lambdas.gateway.authenticate import ENDED, AuthenticationError
from lambdas.gateway.call import Deadlines
from lambdas.gateway.errors import ApiError
from lambdas.gateway.hold import Hold, StepRefused
from lambdas.inspection import Inspector

from .harness import FINANCE_KEY, KEY, PERSON_TOKEN, Answer, Harness, chat, department, make
from .signatures import SESSION
from .test_chat_completions import COMPLETION, UNTRANSLATABLE
from .test_embeddings import TITAN
from .test_files import FORM, FilesApi
from .test_providers import PLATFORMS
from .test_sdk import BatchApi
from .test_session_care import LOOP_STOP, turns
from .upstream import (
    BREAK,
    FakeUpstream,
    Reply,
    json_reply,
    message,
    ordinary_claude,
    stream_events,
    stream_reply,
)

SOURCE = Path(lambdas.gateway.__file__).parent
CANARY = "canary-7c1f0a3e-of-a-caller"
MAKERS = {name for name, made in vars(errors).items() if inspect.isfunction(made) and "ApiError" in str(
    inspect.signature(made).return_annotation)} | {"ApiError"}  # fmt: skip
OURS_ALONE = {"request_too_large"}  # Claude's API has it; the SDK's list of types has not
REPEATABLE = {408, 429, 502, 504, 529}  # the SDK may try again; of all else it is told not to

Site = tuple[str, int, int]


def sites() -> set[Site]:
    """Where the gateway makes an error: file, first and last line of each call in its source."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        if path.name == "errors.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and _called(node) in MAKERS:
                found.add((path.name, node.lineno, node.end_lineno or node.lineno))
    return found


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


@dataclass
class Seen:
    """What was made at which place, and what came of it at the door."""

    sites: set[tuple[str, int]] = field(default_factory=set)
    answers: list[tuple[str, Answer]] = field(default_factory=list)

    def note(self) -> Any:
        """`ApiError.__init__`, noting who called it."""
        original = ApiError.__init__

        def noting(error: ApiError, *given: Any, **named: Any) -> None:
            frame = sys._getframe(1)
            while frame.f_code.co_filename.endswith("errors.py") and frame.f_back is not None:
                frame = frame.f_back
            self.sites.add((Path(frame.f_code.co_filename).name, frame.f_lineno))
            original(error, *given, **named)

        return noting


@contextmanager
def _gateway(upstreams: list[FakeUpstream], **changes: Any) -> Iterator[Harness]:
    async def session(_: Any) -> Any:
        return SESSION

    changes.setdefault("embeddings", {"model": TITAN, "base_url": upstreams[0].url})
    harness = make(upstreams, changes.pop("deadlines", None), aws_credentials=session, **changes)
    harness.reset()
    try:
        yield harness
    finally:
        harness.stop()


class Requests:
    """Brings errors about, each with the canary wherever a caller can put a text."""

    def __init__(self, harness: Harness, seen: Seen) -> None:
        self.harness, self.seen = harness, seen

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None, key: str = KEY) -> Answer:
        return self._kept(f"POST {path} {body!r:.60}", self.harness.post(path, body, headers, key))

    def get(self, path: str) -> Answer:
        return self._kept(f"GET {path}", self.harness.request("GET", path))

    def send(self, method: str, path: str) -> Answer:
        return self._kept(f"{method} {path}", self.harness.request(method, path))

    def _kept(self, what: str, answer: Answer) -> Answer:
        self.seen.answers.append((what, answer))
        return answer

    def message(self, headers: dict[str, str] | None = None, key: str = KEY, **fields: Any) -> Answer:
        return self.post("/v1/messages", chat(f"About {CANARY}", **fields), headers, key)

    def refused(self, **fields: Any) -> None:
        """A message that must not be answered."""
        answer = self.message(**fields)
        assert answer.status >= 400, answer.body

    def batch(self, *models: Any, **params: Any) -> Answer:
        inner = [
            {"custom_id": CANARY, "params": {**json.loads(chat(CANARY)), "model": model, **params}}
            for model in models
        ]
        return self.post("/v1/messages/batches", {"requests": inner})


def _callers_mistakes(requests: Requests) -> None:
    harness = requests.harness
    post = requests.post
    for body in (b"{", b"\xff\xfe{}", b'{"a":' * 5_000, b'{"model": "fast", "model": "best"}', b"[]"):
        post("/v1/messages", body)
    post("/v1/messages", chat(), {"content-encoding": "gzip"})
    post("/v1/messages", chat("x" * (harness.body_limit + 1)))
    for changes in ({"model": 5}, {"messages": CANARY}, {"max_tokens": CANARY}, {"stream": CANARY}):
        post("/v1/messages", {**json.loads(chat(CANARY)), **changes})
    requests.message({"x-use-case": CANARY.upper()})
    requests.message({"x-data-class": CANARY})
    requests.message({"x-published-at": CANARY})
    requests.message({"x-data-class": "public", "x-published-at": CANARY * 50})
    requests.message(model="claude-none-1")
    requests.message(model="best")
    requests.get("/v1/models/none")
    requests.get("/v1/nothing")
    post("/v1/messages", chat(), {"x-api-key": CANARY}, key="")
    requests.message(key="vk_ghost")
    requests.message(key="vk_full")
    requests.message(messages=[{"role": "user", "content": f"{CANARY} " * 300}], key=FINANCE_KEY)
    post("/v1/messages", chat(f"Social security number 536-22-8723 of our customer {CANARY}"))
    _slow_body(harness)


def _slow_body(harness: Harness) -> None:
    with socket.create_connection(("127.0.0.1", harness.port), timeout=5) as connection:
        head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\ncontent-length: 500\r\n\r\n{{"
        connection.sendall(head.encode())
        connection.recv(65536)


def _batches(requests: Requests) -> None:
    harness, post = requests.harness, requests.post
    api = harness.upstream.script = BatchApi()
    post("/v1/messages/batches", {"requests": CANARY})
    post("/v1/messages/batches", {"requests": [{"custom_id": CANARY}]})
    requests.batch(5)
    requests.batch("fast", max_tokens=CANARY)
    requests.batch("fast", messages=CANARY)
    requests.batch("fast", "balanced")
    requests.get("/v1/messages/batches/msgbatch_none")
    requests.get(f"/v1/messages/batches?limit={CANARY}")
    with patch.object(type(harness.ledger.store), "get", side_effect=RuntimeError(CANARY)):
        requests.get("/v1/messages/batches/msgbatch_none")
    assert requests.batch("fast").status == 200
    path = "/v1/messages/batches/msgbatch_01"
    requests.get(f"{path}/results?after_line={CANARY}")
    requests.send("DELETE", path)
    api.ended = True
    store = type(harness.ledger.store)
    for failing, error in (
        (patch.object(store, "apply"), Cancelled()),
        (patch.object(store, "apply"), RuntimeError(CANARY)),
        (patch.object(type(harness.ledger), "settle_held"), RuntimeError(CANARY)),
    ):
        with failing as patched:
            patched.side_effect = error
            requests.get(f"{path}/results")
    api.requests["msgbatch_01"].clear()
    requests.get(f"{path}/results")
    harness.upstream.script = lambda _: Reply(200, [], [b"{", BREAK], chunked=True)
    requests.get(f"{path}/results")
    harness.policy_source.document["providers"][0]["name"] = "renamed"
    for _ in range(100):
        if requests.get("/v1/messages/batches/msgbatch_01").status == 404:
            break
        time.sleep(0.02)
    harness.upstream.script = ordinary_claude


def _statements(requests: Requests) -> None:
    post, harness = requests.post, requests.harness
    known = harness.post("/v1/messages", chat()).header("request-id") or ""
    use = f"/v1/records/{known}/outcome"
    for body in ({"verdict": CANARY}, {"use": ""}, {"use": CANARY, "material_decision": CANARY}):
        post(use, body)
    post("/v1/records/req_x/outcome", {"use": CANARY})
    assert requests.get("/v1/records/req_x").status == 404
    good = {"request_id": known, "useful": True}
    for changes in (
        {"x": CANARY},
        {"request_id": 5},
        {"useful": CANARY},
        {"edited": CANARY},
        {"minutes_saved": CANARY},
        {"minutes_saved": 400},
        {"useful": False, "minutes_saved": 5},
        {"rejected": True},
        {"use_case": CANARY.upper()},
        {"request_id": "req_x"},
    ):
        post("/v1/feedback", {**good, **changes})
    with (
        patch.object(type(harness.ledger), "check"),
        patch.object(type(harness.ledger.store), "get", side_effect=RuntimeError(CANARY)),
    ):
        post("/v1/feedback", good)
        assert requests.get(f"/v1/records/{known}").status == 503
    with patch.object(type(harness.ledger.store), "transact", side_effect=RuntimeError(CANARY)):
        post("/v1/feedback", good)
        with patch.object(type(harness.ledger), "check", AsyncMock()):
            post("/v1/feedback", good)
    assert post("/v1/feedback", good).status == 201
    post("/v1/feedback", good)
    post("/v1/sign-out", b"")
    with patch.object(TokenUses, "end", side_effect=LedgerUnavailable(CANARY)):
        post("/v1/sign-out", b"", key="vk_session")
    for path in ("planet", "organization/x", "department"):
        assert requests.get(f"/v1/switches/{path}").status == 404
    with patch.object(type(harness.ledger.store), "get", side_effect=RuntimeError(CANARY)):
        requests.get("/v1/switches/organization")
    assert requests.get("/v1/switches/department/marketing").status == 200


def _inspection_mistakes(requests: Requests) -> None:
    post, store = requests.post, type(requests.harness.ledger.store)
    known = requests.harness.post("/v1/messages", chat()).header("request-id") or ""
    good = {"request_id": known, "what": "missed"}
    for changes in ({"x": CANARY}, {"request_id": 5}, {"what": CANARY}, {"request_id": "req_x"}):
        post("/v1/inspection-mistakes", {**good, **changes})
    with (
        patch.object(type(requests.harness.ledger), "check"),
        patch.object(store, "get", side_effect=RuntimeError(CANARY)),
    ):
        post("/v1/inspection-mistakes", good)
    with patch.object(store, "apply", side_effect=RuntimeError(CANARY)):
        post("/v1/inspection-mistakes", good)
    assert post("/v1/inspection-mistakes", good).status == 201
    assert post("/v1/inspection-mistakes", good).status == 409


def _prompts(requests: Requests) -> None:
    post, path = requests.post, "/v1/prompts/campaign-copy/messages"
    for body in (
        {"x": CANARY},
        {"variables": CANARY},
        {"version": [CANARY]},
        {"variables": {"brief": CANARY}},
    ):
        post(path, body)
    post("/v1/prompts/none/messages", {})
    post(path, {"version": 4711})
    post(path, {"variables": {}}, key=FINANCE_KEY)
    requests.get("/v1/prompts/none")
    assert requests.harness.request("GET", "/v1/prompts/campaign-copy", key=FINANCE_KEY).status == 404
    asked = {"role": "user", "content": CANARY}
    made = {"model": "fast", "max_tokens": 9, "messages": []}
    with patch.object(prompts, "render", return_value=made):
        for given in (CANARY, [asked, asked], [{"role": "assistant", "content": 5}, asked]):
            post(path, {"continue": given})
        once = patch.object(prompts, "_placed", lambda prompt, _: replace(prompt, about={}))
        with once:  # every published prompt may be continued
            post(path, {"continue": CANARY})
    post("/v1/inspections", {"x": CANARY})


def _models(requests: Requests) -> None:
    for query in ("limit=0", f"limit={CANARY}", "after_id=none", "before_id=none"):
        requests.get(f"/v1/models?{query}")


def _budget_requests(requests: Requests) -> None:
    good = {"monthly_microusd": 5_000_000, "reason": CANARY}
    for changes in ({"x": CANARY}, {"monthly_microusd": CANARY}, {"reason": ""}):
        requests.post("/v1/budget-requests", {**good, **changes})
    with patch.object(type(requests.harness.ledger.store), "apply", side_effect=RuntimeError(CANARY)):
        requests.post("/v1/budget-requests", good)


def _chat_completions(requests: Requests) -> None:
    """In the OpenAI API's shape: `test_chat_completions` looks at their answers."""
    for fields in UNTRANSLATABLE:
        answer = requests.harness.post("/v1/chat/completions", {**COMPLETION, **fields})
        assert answer.status == 400, (fields, answer.body)
        assert CANARY not in answer.body.decode()


def _embeddings(requests: Requests) -> None:
    post, upstream = requests.post, requests.harness.upstream
    for body in (
        {"input": []},
        {"input": [CANARY] * 97},
        {"input": CANARY, "dimensions": CANARY},
        {"input": CANARY, "input_type": CANARY},
        {"input": CANARY, "model": "none"},
    ):
        post("/v1/embeddings", body)
    post("/v1/embeddings", {"input": CANARY}, key=FINANCE_KEY)
    for answer in (
        json_reply({"message": CANARY}, 400),
        json_reply({"message": CANARY}, 500),
        json_reply({"message": CANARY}, 200),
        Reply(parts=[BREAK]),
    ):
        upstream.script = lambda _, answer=answer: answer
        post("/v1/embeddings", {"input": CANARY})
    upstream.script = ordinary_claude


def _controls(requests: Requests) -> None:
    """A control that says no, or cannot be exercised: nothing reaches a provider."""
    harness = requests.harness
    for stopped in (StepRefused(None), StepRefused(Refused("budget", "department marketing"))):
        with patch.object(Hold, "follow", side_effect=stopped):
            ended = requests.message(stream=True)
            assert b"event: error" in ended.body
    harness.upstream.received.clear()
    for refused in (
        Refused("budget", "department marketing"),
        Refused("rate", "you"),
        Refused("concurrency", "you", message="2"),
        Refused("switch", "everybody", message="We look into it."),
        Refused("access", "you"),
        LedgerContended(CANARY),
        RuntimeError(CANARY),
    ):
        harness.ledger.refuse = refused
        requests.refused()
    harness.ledger.refuse = None
    harness.audit.refuse = RuntimeError(CANARY)
    requests.refused()
    harness.audit.refuse = None
    assert [one["AuditFailures"] for one in harness.log if one["type"] == "audit-failure"] == [1]
    for refused in (
        AuthenticationError("Your access to Claude has ended.", reason=ENDED),
        RuntimeError(CANARY),
    ):
        harness.keys.refuse = refused
        requests.refused()
    harness.keys.refuse = None
    with patch.object(Inspector, "inspect_request", side_effect=RuntimeError(CANARY)):
        requests.refused()
    with patch.object(app, "models_page", side_effect=RuntimeError(CANARY)):
        requests.get("/v1/models")
    with patch.object(type(harness.ledger), "balances", side_effect=RuntimeError(CANARY)):
        requests.get("/v1/me")
    unread = next(name for name in harness.prompts.index.document["prompts"] if name != "campaign-copy")
    with patch.dict(harness.prompts.objects, clear=True):
        requests.post(f"/v1/prompts/{unread}/messages", {"variables": {}})
        requests.get("/v1/prompts")
    with patch.object(type(harness.ledger), "check", side_effect=RuntimeError(CANARY)):
        requests.get("/v1/models")
    harness.audit.refuse = SubjectErased(CANARY)
    requests.refused()
    harness.audit.refuse = None
    requests.refused(model="unpriced")
    assert not harness.upstream.received
    harness.audit.refuse, harness.audit.refuse_kind = RuntimeError(CANARY), "outcome"
    requests.message()
    harness.audit.refuse = harness.audit.refuse_kind = None


def _providers(requests: Requests) -> None:
    upstream = requests.harness.upstream
    upstream.script = lambda _: Reply(parts=[BREAK])
    requests.message()
    upstream.script = lambda _: json_reply({"type": "error", "error": {"message": CANARY}}, 401)
    requests.message()
    upstream.script = lambda _: Reply(200, [], [b'{"id": "msg_01"', BREAK], chunked=True)
    requests.message()
    upstream.script = lambda _: stream_reply(stream_events(["one"])[:4])
    answer = requests.harness.post("/v1/messages", chat(stream=True))
    _ends_with_an_error(answer, "api_error")
    upstream.script = ordinary_claude


def _ends_with_an_error(answer: Answer, kind: str) -> None:
    last = answer.body.strip().split(b"\n\n")[-1]
    assert last.startswith(b"event: error\n")
    error = json.loads(last.partition(b"data: ")[2])
    assert (error["type"], error["error"]["type"]) == ("error", kind)
    assert error["error"]["message"]


def _other_gateways(upstreams: list[FakeUpstream], seen: Seen) -> None:
    only = [department("marketing", registered_prompts_only=True)]
    with _gateway(upstreams, departments=only) as harness:
        Requests(harness, seen).message()
    with _gateway(upstreams, departments=[department("marketing", user_requests_per_minute=1)]) as harness:
        for _ in range(2):
            Requests(harness, seen).message()
    declared = {"x-data-class": "public", "x-published-at": "https://news.example.com/merger"}
    story = chat(f"We will announce the merger with {CANARY} on Monday; it is not yet public.")
    for limit in (0, 1):
        daily = [department("marketing", public_declarations_per_day=limit)]
        with _gateway(upstreams, departments=daily) as harness:
            requests = Requests(harness, seen)
            requests.post("/v1/messages", story, declared)
            uncounted = patch.object(type(harness.ledger.store), "apply", side_effect=RuntimeError(CANARY))
            with uncounted, patch.object(type(harness.ledger), "reserve"):
                requests.post("/v1/messages", story, declared, PERSON_TOKEN)
            for _ in range(2):
                requests.post("/v1/messages", story, declared, PERSON_TOKEN)
    closed = department("marketing", unknown="refuse", tool_governance="enforce")
    with _gateway(upstreams, departments=[closed]) as harness:
        requests = Requests(harness, seen)
        search = {"type": "web_search_20250305", "name": "web_search"}
        requests.message(brand_new=CANARY)
        requests.message(tools=[search])
        requests.message(tools=[[search]])
        requests.message(tools=[{**search, "max_uses": CANARY}])
        requests.message(fallbacks=CANARY)
        deep: Any = []
        for _ in range(80):
            deep = [deep]
        requests.message(messages=[{"role": "user", "content": deep}])
        requests.message(metadata=deep, context_management={"edits": deep})
        module = "lambdas.gateway.turns."
        long = [{"role": "user", "content": "calm river " * 2_000}]
        for limit, value in (("_MOST_WAITING", 0), ("_MOST_WAITING_BYTES", 0), ("_PATIENCE_SECONDS", 0.01)):
            with patch(module + limit, value), patch(module + "Turns._next", lambda _: None):
                requests.message(messages=long)
        harness.upstream.script = lambda _: json_reply(b"no message")
        requests.message()
        harness.upstream.script = ordinary_claude
    bedrock = {"name": "aws", "base_url": upstreams[0].url, "models": {}, **PLATFORMS["bedrock"]}
    with _gateway(upstreams, providers=[bedrock]) as harness:
        Requests(harness, seen).batch("fast")
    with _gateway(upstreams, concurrent_calls=0) as harness:
        harness.policy_source.document.pop("embeddings")
        requests = Requests(harness, seen)
        for _ in range(200):
            if requests.post("/v1/embeddings", {"input": CANARY}).status == 404:
                break
        requests.message()
    with _gateway(
        upstreams, departments=[department("marketing", session_budget_microusd=10_000)]
    ) as harness:
        harness.upstream.script = lambda _: json_reply(message(output_tokens=40_000))
        requests, session = Requests(harness, seen), {"x-claude-code-session-id": "a-session"}
        assert requests.message(session).status == 200
        harness.lines()
        requests.message(session)
        requests.message(messages=turns(LOOP_STOP))
        harness.upstream.script = ordinary_claude
    deadlines = Deadlines(ping=0.1, total=0.3)
    with _gateway(upstreams, deadlines=deadlines) as harness:
        events = stream_events(["one"])
        harness.upstream.script = lambda _: stream_reply([*events[:4], 1.0, *events[4:]])
        _ends_with_an_error(harness.post("/v1/messages", chat(stream=True)), "timeout_error")
        requests, api = Requests(harness, seen), BatchApi()
        harness.upstream.script = api
        requests.batch("fast")
        harness.upstream.script = lambda _: Reply(200, [], [b"{", 1.0, b"}"], chunked=True)
        requests.get("/v1/messages/batches/msgbatch_01/results")
        harness.upstream.script = ordinary_claude
    with _gateway(upstreams, departments=CANARY) as harness:  # a policy that cannot be read
        Requests(harness, seen).message()


class Shelf:
    """A quarantine that holds one content for every upload."""

    held: bytes | None = None

    async def address(self, *_: Any) -> str:
        return "https://quarantine.example.com"

    async def read(self, _: str) -> bytes | None:
        return self.held

    async def empty(self, _: str) -> None:
        return


def _files(upstreams: list[FakeUpstream], seen: Seen) -> None:
    secret = b"Social security number 536-22-8723"
    with _gateway(upstreams, departments=[department("marketing", redact_output=True)]) as harness:
        harness.upstream.script = api = FilesApi()
        requests = Requests(harness, seen)
        harness.keys.principals["vk_none"] = replace(harness.keys.principals[KEY], models=())
        for body in (
            FORM % (b"purpose", b"a", b"", b"x"),
            FORM % (b"file", b"a", b"", b""),
            FORM % (b"file", b"\xff", b"", b"x"),
            FORM % (b"file", b"<", b"", b"x"),
            FORM % (b"file", b"a", b"Content-Type: text\r\n", b"x"),
            FORM % (b"expires_in_seconds", b"a", b"", CANARY.encode()),
            FORM % (b"expires_in_seconds", b"a", b"", b"3600"),
            CANARY.encode(),
        ):
            requests.post("/v1/files", body, {"content-type": "multipart/form-data; boundary=b"})
        good, form = FORM % (b"file", b"a", b"", b"x"), {"content-type": "multipart/form-data; boundary=b"}
        requests.post("/v1/files", good, form, "vk_none")
        requests.post("/v1/files/uploads", {})
        made = [harness.post("/v1/files", good, form).json()["id"] for _ in range(3)]
        items = {key.sk: item for key, item in harness.ledger.store.items.items() if key.sk in made}
        items[made[0]]["provider"] = "gone"
        many = "&".join(f"ids=file_{number}" for number in range(101))
        for path in ("/x/y/z", "/file_none", f"/{made[0]}", f"?limit={CANARY}", "?after_id=none", f"?{many}"):
            requests.get(f"/v1/files{path}")
        api.contents[made[1]] = secret
        requests.get(f"/v1/files/{made[1]}/content")

        def named(*ids: str) -> list[dict[str, Any]]:
            blocks = [{"type": "container_upload", "file_id": one} for one in ids]
            return [{"role": "user", "content": blocks}]

        for ids in (("file_none",), made[:1], made, [f"file_{number}" for number in range(101)]):
            requests.message(messages=named(*ids))
        requests.message(container="container_none")
        with (
            patch.object(type(harness.ledger), "check"),
            patch.object(type(harness.ledger.store), "get", side_effect=RuntimeError(CANARY)),
        ):
            requests.message(container="container_none")
            requests.get("/v1/files/file_none")
        harness.upstream.script = lambda _: json_reply(b"no list")
        requests.get("/v1/skills")
        requests.get("/v1/skills/skill_none")
        requests.get("/v1/skills/a/b")
        requests.post("/v1/skills", {})
    shelf = Shelf()
    with _gateway(upstreams, quarantine=shelf) as harness:
        harness.upstream.script = FilesApi()
        requests = Requests(harness, seen)
        about = {"filename": CANARY, "mime_type": "text/plain", "size_bytes": 5}
        for changes in (
            {"x": CANARY},
            {"filename": 5},
            {"mime_type": 5},
            {"size_bytes": CANARY},
            {"size_bytes": 1 << 30},
        ):
            requests.post("/v1/files/uploads", {**about, **changes})
        waiting = harness.post("/v1/files/uploads", about).json()["id"]
        requests.post("/v1/files/uploads/upl_none", {})
        requests.post(f"/v1/files/uploads/{waiting}", {})
        shelf.held = b"another size"
        requests.post(f"/v1/files/uploads/{waiting}", {})
        with patch.object(Shelf, "read", side_effect=RuntimeError(CANARY)):
            requests.post(f"/v1/files/uploads/{waiting}", {})
    bedrock = {"name": "aws", "base_url": upstreams[0].url, "models": {}, **PLATFORMS["bedrock"]}
    elsewhere = {"model": "voyage-4", "url": f"{upstreams[0].url}/v1/embeddings"}
    with _gateway(upstreams, providers=[bedrock], embeddings=elsewhere) as harness:
        requests = Requests(harness, seen)
        requests.post("/v1/files", good, form)
        requests.get("/v1/skills")
        requests.post("/v1/embeddings", {"input": CANARY, "dimensions": CANARY})
    upstreams[0].script = ordinary_claude


@pytest.fixture(scope="module")
def seen(provider_servers: list[FakeUpstream]) -> Iterator[tuple[Seen, list[dict[str, Any]]]]:
    """Every error brought about once: its places in the source, its answers, and what the log says."""
    seen = Seen()
    upstreams = provider_servers[:1]
    models = {
        name: {"display_name": name, "model": model}
        for name, model in (
            ("fast", "claude-haiku-5-5"),
            ("balanced", "claude-sonnet-5-5"),
            ("best", "claude-opus-5-5"),
            ("unpriced", "claude-none-9"),
        )
    }
    departments = [
        department("marketing", models=["fast", "balanced", "unpriced"]),
        department("finance", embeddings=False, user_tokens_per_minute=1_500),
    ]
    with ExitStack() as stack:
        stack.enter_context(patch.object(ApiError, "__init__", seen.note()))
        harness = stack.enter_context(_gateway(upstreams, models=models, departments=departments))
        ghost = Principal("application", "app-9", "ghost", "KEY#9", "keys")
        session = Principal("person", "p-1", "marketing", "USER#1", "pool", session="sign-in-1")
        full = replace(harness.keys.principals[KEY], limits=KeyLimits(concurrent_calls=0))
        harness.keys.principals |= {"vk_ghost": ghost, "vk_session": session, "vk_full": full}
        requests = Requests(harness, seen)
        for bring in (
            _callers_mistakes,
            _statements,
            _inspection_mistakes,
            _prompts,
            _models,
            _budget_requests,
            _chat_completions,
            _embeddings,
            _controls,
            _providers,
            _batches,
        ):
            bring(requests)
        _other_gateways(upstreams, seen)
        _files(upstreams, seen)
        yield seen, harness.log
    upstreams[0].reset()


def test_every_error_in_the_source_was_brought_about(seen: tuple[Seen, list[dict[str, Any]]]) -> None:
    reached = seen[0].sites
    missing = sorted(
        f"{name}:{first}"
        for name, first, last in sites()
        if not any(name == one and first <= line <= last for one, line in reached)
    )
    assert not missing


def test_every_error_has_claudes_shape_and_its_request_id(seen: tuple[Seen, list[dict[str, Any]]]) -> None:
    refused = [(what, answer) for what, answer in seen[0].answers if answer.status >= 400]
    assert len(refused) > 60
    for what, answer in refused:
        body = answer.json()
        assert body.keys() == {"type", "error", "request_id"}, what
        assert body["error"].keys() == {"type", "message"}, what
        assert body["type"] == "error", what
        assert body["error"]["type"] in {*get_args(ErrorType), *OURS_ALONE}, what
        assert body["error"]["message"], what
        assert body["request_id"] == answer.header("request-id"), what
        assert answer.header("content-type") == "application/json", what


def test_a_client_is_told_not_to_repeat_what_a_repetition_cannot_change(
    seen: tuple[Seen, list[dict[str, Any]]],
) -> None:
    for what, answer in seen[0].answers:
        if answer.status >= 400:
            told = answer.header("x-should-retry")
            if answer.header("retry-after") and answer.status == 503:  # busy, not broken
                assert told == "true", what
                continue
            assert told == (None if answer.status in REPEATABLE else "false"), (what, answer.status)


def test_no_error_and_no_line_of_the_log_holds_a_value_of_the_request(
    seen: tuple[Seen, list[dict[str, Any]]],
) -> None:
    for what, answer in seen[0].answers:
        if answer.status >= 400:
            text = answer.body.decode() + json.dumps(answer.headers)
            for secret in (CANARY, CANARY.upper(), KEY, "536-22-8723", "Traceback", "RuntimeError"):
                assert secret not in text, what
    said = json.dumps(seen[1])
    assert CANARY not in said
    assert "536-22-8723" not in said

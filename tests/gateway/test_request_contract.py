"""A closed request contract: what it does not list is refused or recorded, what needs a permission needs it
(L1.10, G.9).
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import anthropic.types as api
import anthropic.types.beta as beta_api
import pytest
import typing_extensions as te
from anthropic.types import message_create_params
from anthropic.types.beta import message_create_params as beta_message_create_params
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.common.identities import Principal
from lambdas.common.request_contract import parse_additions, shipped

from .harness import FINANCE_KEY, Answer, Harness, chat, department, make
from .upstream import FakeUpstream, Received, Reply, event, json_reply, message, stream_events, stream_reply

RECORDED = json.loads((Path(__file__).parent / "recorded" / "claude_code.json").read_text("utf-8"))
SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
MCP = {"mcp_servers": [{"type": "url", "name": "m", "url": "https://mcp.acme.com/sse"}]}
CONTACT = "Ada in team AI"


@pytest.fixture(scope="module")
def _strict() -> Iterator[Harness]:
    upstream = FakeUpstream().start()
    closed: dict[str, Any] = {"unknown": "refuse", "tool_governance": "enforce", "contact": CONTACT}
    rights: dict[str, Any] = {
        "tools": ["web-search", "memory"],
        "mcp_servers": ["https://mcp.acme.com", "https://tools.acme.com#search"],
        "web_domains": ["acme.com"],
    }
    harness = make(
        [upstream], departments=[department("marketing", **closed), department("finance", **closed, **rights)]
    )
    yield harness
    harness.stop()
    upstream.stop()


@pytest.fixture
def strict(_strict: Harness) -> Harness:
    """Both departments are closed; finance may search acme.com, keep a memory and reach one MCP server."""
    _strict.reset()
    return _strict


@pytest.fixture(scope="module")
def _skilled() -> Iterator[Harness]:
    upstream = FakeUpstream().start()
    closed: dict[str, Any] = {"unknown": "refuse", "tool_governance": "enforce"}
    approved = {"tools": ["code-execution"], "skills": ["anthropic:pptx", "custom:skill_1@17"]}
    every = {"tools": ["code-execution", "skills"]}
    harness = make(
        [upstream],
        departments=[department("marketing", **closed, **approved), department("finance", **closed, **every)],
    )
    yield harness
    harness.stop()
    upstream.stop()


@pytest.fixture
def skilled(_skilled: Harness) -> Harness:
    """Marketing has two approved Skills, finance may use any."""
    _skilled.reset()
    return _skilled


UNKNOWN: dict[str, dict[str, Any]] = {
    "brand_new": {"brand_new": 1},
    "tools[0].type": {"tools": [{"type": "brand_new_20270101", "name": "x"}]},
    "tools[0].reach": {"tools": [{"name": "x", "input_schema": {}, "reach": "everything"}]},
    "messages[0].content[0].type": {
        "messages": [{"role": "user", "content": [{"type": "brand_new", "text": "Hi."}]}]
    },
    "fallbacks[0].brand_new": {"fallbacks": [{"model": "claude-sonnet-5-5", "brand_new": 1}]},
    "speed": {"speed": "ludicrous"},
    "service_tier": {"service_tier": "express"},
    "context_management.edits[0].type": {"context_management": {"edits": [{"type": "brand_new_20270101"}]}},
}


@pytest.mark.parametrize("place", UNKNOWN)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens", "/v1/messages/batches"])
def test_what_is_not_listed_is_refused_with_its_place_and_whom_to_ask(
    strict: Harness, path: str, place: str
) -> None:
    body = json.loads(chat(**UNKNOWN[place]))
    if path.endswith("batches"):
        body, place = {"requests": [{"custom_id": "a", "params": body}]}, f"requests[0].params.{place}"
    answer = strict.post(path, body)
    assert answer.status == 400
    message = answer.json()["error"]["message"]
    assert message.startswith(f"{place}: ")
    assert CONTACT in message
    assert "kit contract allow" in message
    assert not strict.upstream.received


def test_a_list_of_tools_in_a_list_of_tools_is_refused(strict: Harness) -> None:
    for fields in (
        {"tools": [[SEARCH]]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi.", "tools": [[SEARCH]]}]}]},
    ):
        answer = strict.post("/v1/messages", chat(**fields))
        assert answer.status == 400
        assert "must be a tool" in answer.json()["error"]["message"]


def test_a_beta_that_is_not_listed_is_refused_in_whichever_header_it_stands(strict: Harness) -> None:
    answer = strict.post("/v1/messages", chat(), headers={"anthropic-beta": "context-1m-2025-08-07,new-1"})
    assert answer.status == 400
    assert "new-1" in answer.json()["error"]["message"]
    assert strict.post("/v1/messages", chat(betas=["new-1"])).status == 400


def test_what_is_not_listed_passes_and_is_recorded_where_the_department_says_so(gateway: Harness) -> None:
    answer = gateway.post("/v1/messages", chat(brand_new=1))
    assert answer.status == 200
    assert gateway.upstream.received[-1].json()["brand_new"] == 1
    (intent, _) = gateway.audit.of(answer.header("request-id"))
    assert intent["decisions"][1]["unlisted"] == ["field brand_new"]
    (line,) = [one for one in gateway.log if one["type"] == "unlisted"]
    assert line["allow"].startswith("kit contract allow field brand_new ")
    assert line["Unlisted"] == 1


AS_AGENT = {"user-agent": "claude-cli/2.1.332 (external, cli)"}
# what a department says, and the statuses of a person, of the person's coding agent, of an application
BY_KIND: dict[str, tuple[dict[str, str], tuple[int, int, int]]] = {
    "nothing": ({}, (400, 400, 400)),
    "agents": ({"agent_unknown": "pass-and-record"}, (400, 200, 400)),
    "apps": ({"application_unknown": "pass-and-record"}, (400, 400, 200)),
    "all-but-apps": ({"unknown": "pass-and-record", "application_unknown": "refuse"}, (200, 200, 400)),
    "all-but-agents": ({"unknown": "pass-and-record", "agent_unknown": "refuse"}, (200, 400, 200)),
}


def test_what_is_not_listed_is_decided_by_the_kind_of_client() -> None:
    upstream = FakeUpstream().start()
    departments = [department(name, **{"unknown": "refuse", **says}) for name, (says, _) in BY_KIND.items()]
    gateway = make([upstream], departments=departments)
    for name in BY_KIND:
        gateway.keys.principals[f"person {name}"] = Principal("person", "ana", name, f"USER#{name}", "issuer")
        gateway.keys.principals[f"key {name}"] = Principal("application", "app", name, f"KEY#{name}", "keys")
    gateway.reset()
    try:
        for name, (_, statuses) in BY_KIND.items():
            callers: list[tuple[str, dict[str, str]]] = [
                (f"person {name}", {}), (f"person {name}", AS_AGENT), (f"key {name}", {}),
            ]  # fmt: skip
            got = [
                gateway.post("/v1/messages", chat(brand_new=1), headers, key).status
                for key, headers in callers
            ]
            assert tuple(got) == statuses, name
    finally:
        gateway.stop()
        upstream.stop()


def test_an_addition_takes_effect_without_a_deployment(strict: Harness) -> None:
    assert strict.post("/v1/messages", chat(brand_new=1)).status == 400
    addition = {
        "kind": "field",
        "name": "brand_new",
        "approved_by": "Ada",
        "reason": "new",
        "at": "2026-12-01",
    }
    strict.additions.document = {"additions": [addition]}
    until = time.monotonic() + 15
    while strict.post("/v1/messages", chat(brand_new=1)).status != 200:
        assert time.monotonic() < until
        time.sleep(0.3)
    strict.additions.document = {"additions": []}


@pytest.mark.parametrize(
    "document",
    [b"", b"[]", b'{"additions": 5}', b'{"additions": [{"kind": "field"}]}',
     b'{"additions": [{"kind": "all", "name": "x", "approved_by": "a", "reason": "r", "at": "t"}]}',
     b'{"additions": [{"kind": "field", "name": "", "approved_by": "a", "reason": "r", "at": "t"}]}'],
)  # fmt: skip
def test_what_is_no_addition_adds_nothing(document: bytes) -> None:
    with pytest.raises(ValueError, match=r"request contract|JSON|Expecting"):
        parse_additions(document)


NEEDS: dict[str, tuple[str, dict[str, Any]]] = {
    "search": ("web-search", {"tools": [SEARCH]}),
    "fetch": ("web-fetch", {"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}]}),
    "code": ("code-execution", {"tools": [{"type": "code_execution_20260521", "name": "code"}]}),
    "container": ("code-execution", {"container": "container_1"}),
    "skills": (
        "code-execution",
        {"container": {"skills": [{"type": "custom", "skill_id": "s", "version": "1"}]}},
    ),
    "memory": ("memory", {"tools": [{"type": "memory_20250818", "name": "memory"}]}),
    "advisor": (
        "advisor",
        {"tools": [{"type": "advisor_20260301", "name": "advisor", "model": "claude-sonnet-5-5"}]},
    ),
    "fallbacks": ("fallbacks", {"fallbacks": [{"model": "claude-sonnet-5-5"}]}),
    "fast": ("fast-mode", {"speed": "fast"}),
    "thread": ("threads", {"thread": {"type": "create"}}),
    "payer": ("other-payer", {"billing_policy": {"type": "x", "bill_to": "user_profile"}}),
    "mcp": ("mcp", MCP),
    "mcp without a server": ("mcp", {"tools": [{"type": "mcp_toolset", "mcp_server_name": "elsewhere"}]}),
    "within messages": (
        "web-search",
        {
            "messages": [
                {"role": "user", "content": "Hi."},
                {"role": "system", "content": [{"type": "tool_addition", "tool": SEARCH}]},
                {"role": "user", "content": "Go on."},
            ]
        },
    ),
}


@pytest.mark.parametrize("what", NEEDS)
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/count_tokens", "/v1/messages/batches"])
def test_what_needs_a_permission_is_refused_without_it(strict: Harness, path: str, what: str) -> None:
    permission, fields = NEEDS[what]
    body = json.loads(chat(**fields))
    if path.endswith("batches"):
        body = {"requests": [{"custom_id": "a", "params": body}]}
    answer = strict.post(path, body)
    assert answer.status == 451, answer.body
    message = answer.json()["error"]["message"]
    assert permission in message
    assert CONTACT in message
    assert not strict.upstream.received


def _finance(strict: Harness, **fields: Any) -> Answer:
    return strict.post("/v1/messages", chat(**fields), key=FINANCE_KEY)


def test_what_is_permitted_passes_within_its_limits(strict: Harness) -> None:
    assert _finance(strict, tools=[{**SEARCH, "allowed_domains": ["docs.acme.com"]}]).status == 200
    assert _finance(strict, tools=[{"type": "memory_20250818", "name": "memory"}]).status == 200
    assert _finance(strict, **MCP).status == 200
    for domains in (None, [], ["evil.net"], ["acme.com", "evil.net"], ["notacme.com"], ["acme.com.evil.net"]):
        tool = {**SEARCH, **({} if domains is None else {"allowed_domains": domains})}
        assert _finance(strict, tools=[tool]).status == 451


@pytest.mark.parametrize(
    "url",
    ["https://attacker.example.net/mcp", "http://mcp.acme.com/sse", "https://mcp.acme.com:8443/sse",
     "https://mcp.acme.com.evil.net/", "https://mcp.acme.com@evil.net/", "https://x.mcp.acme.com/", "", "https://[",
     "//mcp.acme.com"],
)  # fmt: skip
def test_an_mcp_server_is_held_by_its_exact_origin(strict: Harness, url: str) -> None:
    assert _finance(strict, mcp_servers=[{"type": "url", "name": "m", "url": url}]).status == 451


def _skill(skill_id: Any, kind: Any = "custom", **version: Any) -> dict[str, Any]:
    return {"container": {"skills": [{"type": kind, "skill_id": skill_id, **version}]}}


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (_skill("pptx", "anthropic"), 200),
        (_skill("pptx", "anthropic", version="20251002"), 200),  # approved in all versions
        (_skill("skill_1", version="17"), 200),
        (_skill("skill_1", version="18"), 451),
        (_skill("skill_1", version="latest"), 451),
        (_skill("skill_1"), 451),  # which the API takes for the latest
        (_skill("xlsx", "anthropic"), 451),
        (_skill("pptx"), 451),  # a custom one of that name
        (_skill("pptx@20251002", "anthropic"), 451),
        (_skill(None), 451),
        (_skill(["skill_1@17"]), 451),
        ({"container": {"skills": [*_skill("pptx", "anthropic")["container"]["skills"], {}]}}, 451),
        ({"container": {"skills": "custom:skill_1@17"}}, 451),
    ],
)
def test_only_approved_skills_are_loaded(skilled: Harness, asked: dict[str, Any], status: int) -> None:
    beta = {"anthropic-beta": "skills-2025-10-02"}
    answer = skilled.post("/v1/messages", chat(**asked), beta)
    assert answer.status == status, answer.body
    assert skilled.post("/v1/messages", chat(**asked), beta, FINANCE_KEY).status == 200, "any is permitted"


def _search_only(**sets: Any) -> dict[str, Any]:
    server = {"type": "url", "name": "m", "url": "https://tools.acme.com/mcp"}
    return {"mcp_servers": [{**server, **sets.pop("server", {})}], "tools": sets.pop("tools", [])}


def _toolset(default: bool | None = False, **configs: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "mcp_toolset", "mcp_server_name": "m", "configs": configs}
    return made if default is None else {**made, "default_config": {"enabled": default}}


ON, OFF = {"enabled": True}, {"enabled": False}
OLD = {"server": {"tool_configuration": {"allowed_tools": ["search"]}}}


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (_search_only(tools=[_toolset(search=ON)]), 200),
        (_search_only(tools=[_toolset(search=ON, delete=OFF)]), 200),
        (_search_only(tools=[_toolset()]), 200),
        (_search_only(**OLD), 200),
        (_search_only(), 451),
        (_search_only(tools=[_toolset(search=ON, delete=ON)]), 451),
        (_search_only(tools=[_toolset(search=ON, delete={})]), 451),
        (_search_only(tools=[_toolset(default=None, search=ON)]), 451),
        (_search_only(tools=[_toolset(default=True, delete=OFF)]), 451),
        (_search_only(tools=[_toolset(search=ON), _toolset(default=True)]), 451),
        (_search_only(tools=[_toolset(default=True)], **OLD), 451),
        (_search_only(server={"tool_configuration": {"allowed_tools": ["search", "delete"]}}), 451),
        (_search_only(server={"url": "https://other.acme.com/mcp"}, tools=[_toolset(search=ON)]), 451),
    ],
)
def test_of_a_server_only_the_tools_that_are_listed_may_be_offered(
    strict: Harness, asked: dict[str, Any], status: int
) -> None:
    answer = _finance(strict, **asked)
    assert answer.status == status, answer.body


CALLS = [
    {"type": "tool_use", "id": "t1", "name": "Read", "input": {"path": "/secret"}},
    {"type": "tool_use", "id": "t2", "name": "Read", "input": {}},
    {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "secret"}},
    {"type": "mcp_tool_use", "id": "m1", "name": "lookup", "server_name": "m", "input": {}},
]


@pytest.mark.parametrize("stream", [False, True])
def test_which_tools_an_answer_calls_is_recorded_and_counted(gateway: Harness, stream: bool) -> None:
    def script(_: Received) -> Reply:
        if not stream:
            return json_reply({**message(), "content": CALLS})
        events = stream_events(["x"])
        starts = [
            event("content_block_start", {"index": number, "content_block": {**block, "input": {}}})
            for number, block in enumerate(CALLS)
        ]
        return stream_reply([events[0], *starts, *events[-2:]])

    gateway.upstream.script = script
    answer = gateway.post("/v1/messages", chat(tools=[SEARCH], stream=stream, **MCP))
    called = gateway.audit.of(answer.header("request-id"))[-1]["called"]
    assert called == [
        {"kind": "own", "tool": "Read", "calls": 2, "decision": "permitted"},
        {"kind": "provider", "tool": "web_search", "calls": 1, "decision": "observe"},
        {"kind": "mcp", "tool": "lookup", "server": "m", "calls": 1, "decision": "observe"},
    ]
    gateway.lines()
    counted = {one["kind"]: one["ToolCalls"] for one in gateway.log if one["type"] == "tools"}
    assert counted == {"own": 2, "provider": 1, "mcp": 1}


@pytest.mark.parametrize("uses", [500.0, "5", True, -1, 0])
def test_a_limit_that_is_no_whole_number_is_refused(strict: Harness, uses: Any) -> None:
    assert _finance(strict, tools=[{**SEARCH, "max_uses": uses}]).status == 400


def test_a_fallback_that_the_provider_chooses_is_refused(strict: Harness) -> None:
    assert strict.post("/v1/messages", chat(fallbacks="default")).status in {400, 451}


@pytest.mark.parametrize("header", ["anthropic-workspace-id", "anthropic-user-profile-id"])
def test_nobody_lets_another_pay(strict: Harness, header: str) -> None:
    assert strict.post("/v1/messages", chat(), headers={header: "wrkspc_1"}).status == 451


def test_observing_counts_and_records_and_refuses_nothing(gateway: Harness) -> None:
    answer = gateway.post("/v1/messages", chat(tools=[SEARCH], **MCP))
    assert answer.status == 200
    said = gateway.audit.of(answer.header("request-id"))[0]["decisions"][1]
    assert said["denied"] == ["mcp", "web-search"]
    assert said["tools"] == ["web_search_20250305"]
    assert said["servers"] == ["https://mcp.acme.com"]
    kinds = {one["kind"] for one in gateway.log if one["type"] == "finding"}
    assert {"tool-mcp", "tool-web-search"} <= kinds


@pytest.mark.parametrize("number", range(len(RECORDED["requests"])))
def test_a_recorded_session_of_claude_code_passes(strict: Harness, number: int) -> None:
    recorded = RECORDED["requests"][number]
    body = {**recorded["body"], "model": "fast", "max_tokens": 100, "stream": False}
    headers = {"anthropic-beta": recorded["beta"], "anthropic-version": recorded["version"]}
    answer = strict.post(recorded["path"], body, headers)
    assert answer.status == 200, answer.body
    assert not [one for one in strict.log if one["type"] == "unlisted"]


@settings(max_examples=60, deadline=None)
@given(name=st.text(st.characters(codec="ascii", categories=("Ll",)), min_size=1, max_size=20))
def test_no_other_name_of_a_field_passes(name: str) -> None:
    assert name in shipped().fields or name not in _sdk_fields()


# -- the newest SDK: an upgrade shows what is new ------------------------------------------------------------


def _bare(kind: Any) -> Any:
    while get_origin(kind) in {te.Required, te.NotRequired, te.Annotated}:
        kind = get_args(kind)[0]
    return kind


def _typed_dicts(kind: Any, found: dict[Any, dict[str, Any]]) -> None:
    """Every typed dictionary that can be reached from a type."""
    kind = _bare(kind)
    if te.is_typeddict(kind):
        if kind not in found:
            found[kind] = get_type_hints(kind, include_extras=True)
            for one in found[kind].values():
                _typed_dicts(one, found)
        return
    for one in get_args(kind):
        _typed_dicts(one, found)


def _literals(kind: Any) -> set[str]:
    kind = _bare(kind)
    if get_origin(kind) is te.Literal:
        return {one for one in get_args(kind) if isinstance(one, str)}
    return {one for inner in get_args(kind) for one in _literals(inner)}


_PARAMS = [message_create_params.MessageCreateParamsBase, beta_message_create_params.MessageCreateParamsBase]


def _sdk_fields() -> set[str]:
    return {name for one in _PARAMS for name in get_type_hints(one)}


def test_every_field_of_the_sdk_has_its_line() -> None:
    assert _sdk_fields() <= shipped().fields.keys()


def test_every_tool_of_the_sdk_has_its_line_and_its_parameters() -> None:
    tools: dict[Any, dict[str, Any]] = {}
    for union in (api.ToolUnionParam, beta_api.BetaToolUnionParam):
        for kind in get_args(union):
            tools[kind] = get_type_hints(kind, include_extras=True)
    assert len(tools) > 20
    for hints in tools.values():
        for name in _literals(hints["type"]) if "type" in hints else {"custom"}:
            assert hints.keys() <= shipped().tools[name].parameters, name


def test_every_block_of_the_sdk_is_listed() -> None:
    found: dict[Any, dict[str, Any]] = {}
    for one in _PARAMS:
        hints = get_type_hints(one, include_extras=True)
        _typed_dicts(hints["messages"], found)
        _typed_dicts(hints["system"], found)
    types = {name for hints in found.values() if "type" in hints for name in _literals(hints["type"])}
    assert len(types) > 50
    assert types <= shipped().blocks | shipped().tools.keys()


def test_every_beta_of_the_sdk_has_its_line() -> None:
    assert _literals(api.AnthropicBetaParam) <= shipped().betas.keys()

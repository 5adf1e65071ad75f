"""Containers and files at a provider belong to somebody here, and requests name none of others (L1.5, L1.10,
G.1).
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .harness import FINANCE_KEY, KEY, OTHER_KEY, Harness, chat, department, make
from .upstream import FakeUpstream, Received, Reply, event, json_reply, message, stream_reply

SKILL = {"type": "anthropic", "skill_id": "pptx", "version": "latest"}
MADE = [
    {
        "type": "bash_code_execution_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": {
            "type": "bash_code_execution_result",
            "stdout": "",
            "stderr": "",
            "return_code": 0,
            "content": [{"type": "bash_code_execution_output", "file_id": "file_made"}],
        },
    },
    {"type": "tool_use", "id": "toolu_1", "name": "mine", "input": {"file_id": "file_claimed"}},
]
CONTAINER = {"id": "container_1", "expires_at": "2026-12-31T00:00:00Z", "skills": [SKILL]}


def code_execution(received: Received) -> Reply:
    """Claude after it ran code: a container, and a file that the code made."""
    body = received.json()
    if not body.get("stream"):
        return json_reply(message() | {"content": MADE, "container": CONTAINER})
    start = message() | {"content": [], "stop_reason": None}
    blocks = [
        event(kind, {"index": index, **extra})
        for index, block in enumerate(MADE)
        for kind, extra in (
            ("content_block_start", {"content_block": block}),
            ("content_block_stop", {}),
        )
    ]
    delta = {"stop_reason": "end_turn", "stop_sequence": None, "container": CONTAINER}
    end = [event("message_delta", {"delta": delta, "usage": {"output_tokens": 5}}), event("message_stop", {})]
    return stream_reply([event("message_start", {"message": start}), *blocks, *end])


@pytest.fixture(scope="module")
def running() -> Iterator[Harness]:
    upstreams = [FakeUpstream().start(), FakeUpstream().start()]
    allowed = {"tools": ["code-execution"], "skills": ["anthropic:pptx"], "tool_governance": "enforce"}
    harness = make(
        upstreams, departments=[department("marketing", **allowed), department("finance", **allowed)]
    )
    yield harness
    harness.stop()
    for upstream in upstreams:
        upstream.stop()


@pytest.fixture
def gateway(running: Harness) -> Harness:
    running.reset()
    running.upstream.script = running.second_upstream.script = code_execution
    return running


def in_container(container: Any) -> bytes:
    return chat(container=container)


def with_file(file_id: Any, kind: str = "document") -> bytes:
    block: dict[str, Any] = {"type": "container_upload", "file_id": file_id}
    if kind != "container_upload":
        block = {"type": kind, "source": {"type": "file", "file_id": file_id}}
    return chat([{"type": "text", "text": "Sum it up."}, block])


@pytest.mark.parametrize("stream", [False, True])
def test_a_container_is_used_again_by_its_caller_alone(gateway: Harness, stream: bool) -> None:
    assert gateway.post("/v1/messages", chat(stream=stream)).status == 200
    for container in ("container_1", {"id": "container_1"}, {"id": "container_1", "skills": [SKILL]}):
        assert gateway.post("/v1/messages", in_container(container)).status == 200
    asked = len(gateway.upstream.received)
    for container in ("container_1", {"id": "container_1"}, "container_2", {"id": 7}, ["container_1"], ""):
        for key in (OTHER_KEY, FINANCE_KEY):
            refused = gateway.post("/v1/messages", in_container(container), key=key)
            assert refused.status in (400, 404), container
            assert refused.header("x-should-retry") == "false"
    refused = gateway.post("/v1/messages", in_container({"id": "container_1"}), key=OTHER_KEY)
    assert refused.json()["error"]["message"].startswith("container.id: you have no container container_1.")
    assert len(gateway.upstream.received) == asked, "nothing of it left"


def test_a_container_is_not_used_again_once_a_skill_in_it_is_approved_no_longer(gateway: Harness) -> None:
    assert gateway.post("/v1/messages", chat()).status == 200
    other = {"type": "custom", "skill_id": "withdrawn", "version": "3"}
    loaded = {**CONTAINER, "skills": [SKILL, other]}
    gateway.upstream.script = lambda _: json_reply(message() | {"container": loaded})
    assert gateway.post("/v1/messages", in_container("container_1")).status == 200
    refused = gateway.post("/v1/messages", in_container("container_1"))
    assert refused.status == 451
    assert "custom:withdrawn@3" in refused.json()["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_file_that_code_made_is_for_the_callers_department_alone(gateway: Harness, stream: bool) -> None:
    assert gateway.post("/v1/messages", chat(stream=stream)).status == 200
    for path in ("/v1/messages", "/v1/messages/count_tokens"):
        for kind in ("document", "image", "container_upload"):
            assert gateway.post(path, with_file("file_made", kind), key=OTHER_KEY).status == 200
            for key, file_id in ((FINANCE_KEY, "file_made"), (KEY, "file_claimed"), (KEY, None), (KEY, "")):
                refused = gateway.post(path, with_file(file_id, kind), key=key)
                assert refused.status == 404, (path, kind, file_id)
    batch = {"requests": [{"custom_id": "a", "params": json.loads(with_file("file_made"))}]}
    refused = gateway.post("/v1/messages/batches", batch, key=FINANCE_KEY)
    assert refused.status == 404
    said = refused.json()["error"]["message"]
    assert said.startswith("requests[0].params.messages[0].content[1].source: your department has no file")


def test_a_request_goes_to_the_provider_that_holds_its_file(gateway: Harness) -> None:
    gateway.upstream.script = lambda _: json_reply({"type": "error"}, 529)
    assert gateway.post("/v1/messages", chat()).status == 200, "by the second provider"
    gateway.upstream.script = code_execution
    asked = len(gateway.upstream.received)
    assert gateway.post("/v1/messages", with_file("file_made")).status == 200
    assert len(gateway.upstream.received) == asked
    providers = gateway.policy_source.document["providers"]
    item = next(value for key, value in gateway.ledger.store.items.items() if "file_made" in str(key))
    assert item["provider"] == providers[1]["name"]
    item["provider"] = "gone"
    refused = gateway.post("/v1/messages", with_file("file_made"))
    assert (refused.status, "gone" in refused.json()["error"]["message"]) == (404, True)


@pytest.mark.parametrize(
    ("data_class", "unread", "status"),
    [
        ("public", [], 200),
        ("internal", [], 200),
        ("restricted", [], 451),
        ("confidential", [], 451),
        ("public", ["encrypted-archive"], 451),
    ],
)
def test_a_message_is_decided_by_the_class_of_the_file_it_names(
    gateway: Harness, data_class: str, unread: list[str], status: int
) -> None:
    assert gateway.post("/v1/messages", chat()).status == 200
    item = next(value for key, value in gateway.ledger.store.items.items() if "file_made" in str(key))
    item.update(data_class=data_class, unread=json.dumps(unread))
    answer = gateway.post("/v1/messages", with_file("file_made", "container_upload"))
    assert answer.status == status
    if status == 200:
        assert gateway.audit.records[-1]["data_class"] == data_class

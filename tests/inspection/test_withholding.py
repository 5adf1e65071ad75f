"""One block that must not leave does not end a session: it is withheld, the rest goes on (L2.3, G.1)."""

from typing import Any

import pytest

from lambdas.inspection import Action, Decision, InspectionConfig, Inspector, decide
from lambdas.inspection.withholding import PLACEHOLDER, WithholdingError, withhold_blocks

INSPECTOR = Inspector(InspectionConfig(hash_key=b"k" * 32, cache_entries=0))
SECRET = "The SSN of the customer is 536-22-8145."
RESULT: dict[str, Any] = {"type": "tool_result", "tool_use_id": "t1", "content": SECRET}
CALL: dict[str, Any] = {"type": "tool_use", "id": "t1", "name": "Read", "input": {"file_path": "/a"}}


class Rules:
    data_classes = ("public", "internal")
    human_review = ()

    def __init__(self, **findings: str) -> None:
        self.findings = {name.replace("_", "-"): action for name, action in findings.items()}


def conversation(*contents: Any) -> dict[str, Any]:
    """Messages of user and assistant in turn."""
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": one} for n, one in enumerate(contents)]}


def decided(body: dict[str, Any], **findings: str) -> Decision:
    return decide(INSPECTOR.inspect_request(body), Rules(**findings))


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        (conversation("Read it.", [CALL], [RESULT]), ("/messages/2/content/0",)),
        (
            conversation("Read it.", [CALL], [{**RESULT, "content": [{"type": "text", "text": SECRET}]}]),
            ("/messages/2/content/0/content/0",),
        ),
        (conversation(SECRET, "I may not read it.", "Then tell me of rivers."), ("/messages/0/content",)),
        (
            conversation([{"type": "text", "text": SECRET}], "No.", "Then tell me about rivers."),
            ("/messages/0/content/0",),
        ),
        (
            conversation([
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": SECRET}},
                {"type": "text", "text": "Summarise it."},
            ]),
            ("/messages/0/content/0",),
        ),
    ],
    ids=["result", "block of a result", "earlier words", "earlier block", "document"],
)  # fmt: skip
def test_what_others_brought_or_was_refused_once_is_withheld(
    body: dict[str, Any], pointers: tuple[str, ...]
) -> None:
    decision = decided(body)
    assert (decision.action, decision.reason, decision.withhold) == (
        Action.WITHHOLD,
        "class-restricted",
        pointers,
    )
    left = withhold_blocks(body, decision.withhold)
    assert "536-22-8145" not in str(left)
    assert "536-22-8145" in str(body)
    assert PLACEHOLDER in str(left)
    assert decide(INSPECTOR.inspect_request(left), Rules()).action is Action.ALLOW


@pytest.mark.parametrize(
    "body",
    [
        conversation(SECRET),
        conversation("Hello.", "Hello.", SECRET),
        {**conversation("Hello."), "system": SECRET},
        {**conversation("Read it.", [CALL], [RESULT]), "system": SECRET},
    ],
    ids=["words", "last words", "instructions", "both"],
)
def test_a_person_s_last_words_and_instructions_are_blocked(body: dict[str, Any]) -> None:
    decision = decided(body)
    assert (decision.action, decision.withhold) == (Action.BLOCK, ())


def test_a_department_chooses_what_follows_in_tools() -> None:
    body = conversation("Read it.", [CALL], [RESULT])
    assert decided(body, restricted_in_tools="block").action is Action.BLOCK
    assert decided(body, restricted_in_tools="flag", restricted="flag").action is Action.FLAG
    assert decided(body, restricted="redact").action is Action.REDACT
    assert decided(body, restricted="redact", restricted_in_tools="withhold").action is Action.WITHHOLD


def test_a_withheld_result_keeps_its_pair_and_a_block_that_is_signed_cannot_be_withheld() -> None:
    body = conversation("Read it.", [CALL], [RESULT])
    left = withhold_blocks(body, ["/messages/2/content/0"])["messages"][2]["content"][0]
    assert left == {"type": "tool_result", "tool_use_id": "t1", "content": PLACEHOLDER}
    with pytest.raises(WithholdingError):
        withhold_blocks(conversation("a", [{"type": "thinking", "thinking": "b"}]), ["/messages/1/content/0"])


NAMED = "SSN 536-22-8145"


@pytest.mark.parametrize(
    "block",
    [
        {**CALL, "id": NAMED},
        {**CALL, "name": NAMED},
        {**CALL, "caller": {"type": "direct", "tool_id": NAMED}},
        {**CALL, "cache_control": {"type": "ephemeral", "ttl": NAMED}},
        {**RESULT, "content": "-", "tool_use_id": NAMED},
        {**RESULT, "tool_use_id": NAMED},
        {"type": "text", "text": "-", "cache_control": {"type": NAMED}},
    ],
    ids=lambda block: "-".join(name for name, value in block.items() if NAMED in str(value)) + block["type"],
)
def test_a_value_in_what_a_withheld_block_keeps_blocks_the_request(block: dict[str, Any]) -> None:
    body = conversation("Read it.", [block], "Go on.")
    assert decided(body).action is Action.BLOCK


def test_nothing_else_of_a_withheld_call_or_result_leaves() -> None:
    for block in (CALL, RESULT):
        body = conversation("Read it.", [{**block, "note": NAMED}], "Go on.")
        decision = decided(body)
        left = withhold_blocks(body, decision.withhold or ["/messages/1/content/0"])
        assert NAMED not in str(left)

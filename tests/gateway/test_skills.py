"""/v1/skills shows the approved Skills and no others, and takes none (L1.10, G.9)."""

from collections.abc import Iterator

import anthropic
import pytest
from anthropic import Anthropic

from .harness import FINANCE_KEY, KEY, OTHER_KEY, Harness, department, make
from .upstream import FakeUpstream, Received, Reply, json_reply

EVERY = ("pptx", "skill_1", "skill_2", "skill_3")


def skill(skill_id: str) -> dict[str, object]:
    return {
        "id": skill_id,
        "type": "skill",
        "display_name": skill_id,
        "latest_version_id": "17",
        "source": {"type": "anthropic" if skill_id == "pptx" else "custom"},
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
    }


def provider(received: Received) -> Reply:
    path, _, query = received.target.partition("?")
    parts = path.split("/")[3:]
    if not parts:
        given = dict(one.split("=") for one in query.split("&"))
        half = EVERY[2:] if given.get("page") == "second" else EVERY[:2]
        data = [skill(one) for one in half]
        return json_reply(
            {
                "data": data,
                "has_more": half[0] == "pptx",
                "next_page": "second" if half[0] == "pptx" else None,
            }
        )
    if parts[1:] == ["versions"]:
        data = [{"id": one, "version": one, "skill_id": parts[0]} for one in ("16", "17")]
        return json_reply({"data": data, "has_more": False, "next_page": None})
    return json_reply(skill(parts[0]))


@pytest.fixture(scope="module")
def gateway() -> Iterator[Harness]:
    upstream = FakeUpstream().start()
    upstream.script = provider
    approved = ["anthropic:pptx", "custom:skill_2@17"]
    departments = [department("marketing", skills=approved), department("finance", tools=["skills"])]
    harness = make([upstream], departments=departments)
    for principal in harness.keys.principals.values():
        harness.ledger.admit(principal.access_key, principal.department)
    yield harness
    harness.stop()
    upstream.stop()


def sdk(gateway: Harness, key: str = KEY) -> Anthropic:
    return Anthropic(api_key=key, base_url=gateway.url, max_retries=0)


def test_only_approved_skills_are_listed(gateway: Harness) -> None:
    assert [one.id for one in sdk(gateway).beta.skills.list(limit=2)] == ["pptx", "skill_2"]
    assert [one.id for one in sdk(gateway, FINANCE_KEY).beta.skills.list(limit=2)] == list(EVERY)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("pptx", 200),
        ("skill_2", 200),
        ("skill_1", 404),
        ("pptx%2F..%2Fskill_1", 404),
        ("..", 404),
        ("skill_2/versions/17", 200),
        ("skill_2/versions/16", 404),
        ("skill_2/versions/17/content", 200),
        ("skill_1/versions", 404),
        ("skill_2/other", 404),
    ],
)
def test_what_is_not_approved_does_not_exist(gateway: Harness, path: str, status: int) -> None:
    assert gateway.request("GET", f"/v1/skills/{path}").status == status


def test_the_versions_are_those_that_are_approved(gateway: Harness) -> None:
    listed = gateway.request("GET", "/v1/skills/skill_2/versions").json()["data"]
    assert [one["version"] for one in listed] == ["17"]


def test_a_skill_is_uploaded_by_operators_only(gateway: Harness) -> None:
    asked = len(gateway.upstream.received)
    with pytest.raises(anthropic.APIStatusError, match="approved for a department by `skills`") as refused:
        sdk(gateway, OTHER_KEY).beta.skills.create(files=[("SKILL.md", b"---\nname: x\n---\n")])
    assert refused.value.status_code == 451
    for method in ("DELETE", "POST", "PUT"):
        assert gateway.request(method, "/v1/skills/pptx").status == 451
    assert len(gateway.upstream.received) == asked

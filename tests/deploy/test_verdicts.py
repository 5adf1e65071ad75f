"""A change in production is the one that somebody else approved, by a record nobody can forge (G.3, O.3)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from kit.deploy import verdicts
from kit.deploy.verdicts import approve, plan_digests, require_verdict
from kit.errors import ExitCode, KitError
from kit.target import Target
from tests.support.moto_target import acts_as, moto_target

_PLAN = {"schema": "kit-plan/1", "stacks": [{"stack": "foundation", "resources": [], "exports": {}}]}
_ADA, _BOB = (f"arn:aws:sts::111122223333:assumed-role/lead/{name}" for name in ("ada", "bob"))


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Iterator[Target]:
    with moto_target() as made:
        acts_as(monkeypatch, _ADA)
        yield made


def test_a_plan_that_another_person_approved_may_be_deployed_and_no_other_plan(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = plan_digests(_PLAN)
    approve(target, digests, ["training-removed urn"], "abc123")
    with pytest.raises(KitError, match="the one who deploys it") as refused:
        require_verdict(target, "foundation", digests["foundation"])
    assert refused.value.exit_code == ExitCode.VERIFICATION_FAILED
    acts_as(monkeypatch, _BOB)
    found = require_verdict(target, "foundation", digests["foundation"])
    assert (found.approver, found.commit, list(found.overridden)) == (
        _ADA,
        "abc123",
        ["training-removed urn"],
    )
    other = plan_digests({**_PLAN, "stacks": [{**_PLAN["stacks"][0], "exports": {"a": "b"}}]})  # type: ignore[dict-item]
    with pytest.raises(KitError, match="no recorded approval"):
        require_verdict(target, "foundation", other["foundation"])


def test_a_pointer_without_its_record_approves_nothing(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may write the governance bucket, as the deployment role may, cannot approve by that."""
    digest = plan_digests(_PLAN)["foundation"]
    forged = json.dumps({"digest": digest, "recorded_at": "2026-11-30T10:00:00+00:00", "operator": _ADA})
    s3: Any = target.client("s3")
    s3.put_object(Bucket="governance", Key=f"change-reviews/{digest}.json", Body=forged.encode())
    acts_as(monkeypatch, _BOB)
    assert verdicts.verdicts(target, digest) == []
    with pytest.raises(KitError, match="no recorded approval"):
        require_verdict(target, "foundation", digest)


def test_the_digest_is_that_of_the_plan_and_not_of_the_commit_it_was_made_at() -> None:
    assert plan_digests(_PLAN) == plan_digests({**_PLAN, "commit": "abc"})

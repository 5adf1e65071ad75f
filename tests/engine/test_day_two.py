"""What happens to a deployment after the first day, with the real Pulumi engine: it fails in the middle,
drifts, takes over what was there, is cancelled, held against the laws, changed in part, renamed (S.1, Z.1).
"""

import os
import re
import signal
import subprocess
import time
from typing import Any

import pytest
from pulumi import automation

from tests.engine.conftest import Engine, resources
from tests.engine.provider import Fault

pytestmark = pytest.mark.timeout(1200)
# As an operator's engine does: after each resource, with a copy of the state before.
_WRITTEN_AS_IT_GOES = {
    "PULUMI_SKIP_CHECKPOINTS": "false",
    "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "false",
}
FEDERATION = "aws:iam/outboundWebIdentityFederation:OutboundWebIdentityFederation"


@pytest.fixture(scope="module")
def stack(engine: Engine) -> automation.Stack:
    """Foundation, which stands after the first test."""
    return engine.stack("foundation", size="small")


def _managed(stack: automation.Stack) -> list[Any]:
    """What the stack holds of AWS."""
    return [one for one in resources(stack) if one["custom"] and one["type"].startswith("aws:")]


def _urns(stack: automation.Stack) -> dict[str, str]:
    return {one["urn"].rpartition("::")[2]: one["urn"] for one in resources(stack)}


def test_a_deployment_that_failed_in_the_middle_goes_on_from_there(
    engine: Engine, stack: automation.Stack
) -> None:
    """Throttled calls and a resource that is not ready in time: the next run makes the rest, none twice."""
    engine.faults.set({"::trail-trail": Fault("throttled")})
    with pytest.raises(automation.CommandError, match="Rate exceeded"):
        stack.up()
    begun = _urns(stack)
    assert "keys-trail" in begun, "the trail's key comes before it"
    assert "trail-trail" not in begun
    engine.faults.set({"::trail-trail": Fault("unfinished")})
    with pytest.raises(automation.CommandError, match="timeout while waiting"):
        stack.up()
    assert "trail-trail" in _urns(stack), "it is there, only not ready yet"
    engine.faults.set({})
    done = stack.up()
    assert done.summary.result == "succeeded"
    held = {(one["type"], one["id"]) for one in _managed(stack)}
    assert {(one["type"], one["id"]) for one in engine.world.all()} == held, "nothing was made twice"
    stack.preview(expect_no_changes=True)


def test_a_refresh_finds_what_was_changed_and_deleted_by_hand(
    engine: Engine, stack: automation.Stack
) -> None:
    (budget,) = [
        one for one in engine.world.all() if "budgets/budget" in one["type"] and "claude" in one["id"]
    ]
    alias = next(one for one in engine.world.all() if one["type"] == "aws:kms/alias:Alias")
    raised = {"limitAmount": "999999.00"}
    engine.world.put(
        budget["type"], budget["id"], {**budget["inputs"], **raised}, {**budget["outputs"], **raised}
    )
    engine.world.remove(alias["type"], alias["id"])
    with pytest.raises(automation.CommandError):
        stack.refresh(expect_no_changes=True)
    stack.refresh()
    again = _counts(stack.up().summary.resource_changes)
    assert again.get("create") == 1
    assert again.get("update") == 1
    stack.preview(expect_no_changes=True)


def test_what_was_there_before_is_taken_over_and_not_made_again(engine: Engine) -> None:
    """The account's issuer of identity tokens is a singleton that may be on already."""
    stack = engine.stack("foundation", "taken-over", size="small")
    before = engine.world.all()
    (existing,) = [one for one in before if one["type"] == FEDERATION]
    imported = engine.run(
        "import", FEDERATION, "outbound-identity-federation", existing["id"], "--stack", "taken-over",
        "--yes", "--generate-code=false",
    )  # fmt: skip
    assert imported.returncode == 0, imported.stdout + imported.stderr
    assert [one for one in engine.world.all() if one["type"] == FEDERATION] == [existing]
    assert FEDERATION in {one["type"] for one in resources(stack)}


def test_a_run_that_was_killed_is_cancelled_and_continued(engine: Engine) -> None:
    stack = engine.stack("foundation", "foundation.example", size="small")
    engine.faults.set({"::keys-audit": Fault("slow")})
    process = subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", "foundation.example"],
        cwd=engine.project,
        env={**os.environ, **engine.environment, **_WRITTEN_AS_IT_GOES},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline, seen = time.monotonic() + 900, 0
    while time.monotonic() < deadline:
        before, seen = seen, _written(stack)
        if seen > 20 and seen == before:
            break  # all is written that does not wait for the slow one
        time.sleep(1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    engine.faults.set({})
    with pytest.raises(automation.CommandError, match="lock"):
        stack.up()
    stack.cancel()
    done = stack.up()
    assert done.summary.result == "succeeded"
    stack.preview(expect_no_changes=True)


def test_every_plan_holds_the_laws_when_the_engine_asks_the_policy_pack(
    engine: Engine, stack: automation.Stack
) -> None:
    del stack
    shown = engine.run("preview", "--policy-pack", "policy", "--stack", "foundation")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert re.search(r"claude-enterprise-kit", shown.stdout)


def test_one_resource_can_be_changed_alone(engine: Engine, stack: automation.Stack) -> None:
    target = _urns(stack)["budgets-claude"]
    del engine
    stack.set_config("budget", automation.ConfigValue('{"organization_monthly_usd": 4321}'))
    done = _counts(stack.up(target=[target]).summary.resource_changes)
    assert done.get("update") == 1
    assert set(done) <= {"update", "same"}
    stack.remove_config("budget")
    stack.up()


def test_a_renamed_component_keeps_its_resources(engine: Engine, stack: automation.Stack) -> None:
    """With an alias the engine knows the old name: nothing is made, nothing deleted."""
    program = engine.project / "stacks" / "foundation.py"
    text = program.read_text("utf-8")
    named = (
        'KeyRing("keys", KeyRingArgs(names, deletion_window_days=plan.retention.key_deletion_days), options)'
    )
    assert text.count(named) == 1
    renamed = named.replace('"keys"', '"key-ring"').replace(
        "options)",
        'pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(aliases=[pulumi.Alias(name="keys")])))',
    )
    try:
        program.write_text(text.replace(named, renamed), "utf-8")
        changes = _counts(stack.preview().change_summary)
    finally:
        program.write_text(text, "utf-8")
    assert not {"create", "delete", "replace"} & changes.keys(), changes


def test_a_new_project_comes_from_the_repository(engine: Engine) -> None:
    """In an organisation that has none yet: its state lies elsewhere."""
    folder, state = engine.project.parent / "new", engine.project.parent / "new-state"
    folder.mkdir()
    state.mkdir()
    apart = {"PULUMI_BACKEND_URL": f"file://{state}"}
    made = engine.run(
        "new", str(engine.project), "--yes", "--name", "claude-enterprise-kit", "--stack", "foundation",
        "--config", "stage=foundation", "--config", "client=example", "--force", cwd=folder, **apart,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    shown = engine.run("preview", "--stack", "foundation", cwd=folder, **apart)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "to create" in shown.stdout


def _written(stack: automation.Stack) -> int:
    """How many resources the state names now; 0 while it is being written."""
    try:
        return len(resources(stack))
    except automation.CommandError:
        return 0


def _counts(summary: Any) -> dict[str, int]:
    return {str(getattr(kind, "value", kind)): count for kind, count in (summary or {}).items() if count}

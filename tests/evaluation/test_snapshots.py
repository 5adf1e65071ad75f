"""What each stage stands up at each size is committed as text, so that a change of it is seen in review."""

import difflib

import pytest

from tests.support.snapshots import every_snapshot, snapshot, snapshot_path


@pytest.mark.parametrize(("stage", "size"), list(every_snapshot()))
def test_plan_is_the_committed_one(stage: str, size: str) -> None:
    path = snapshot_path(stage, size)
    committed = path.read_text(encoding="utf-8") if path.exists() else ""
    now = snapshot(stage, size)
    if committed != now:
        lines = difflib.unified_diff(
            committed.splitlines(), now.splitlines(), path.name, "now", lineterm="", n=2
        )
        pytest.fail("\n".join([*list(lines)[:80], "read the change, then: make snapshots"]), pytrace=False)


def test_snapshots_stay_short_enough_to_read() -> None:
    for stage, size in every_snapshot():
        committed = snapshot_path(stage, size).read_text(encoding="utf-8")
        assert len(committed.splitlines()) < 6_500, f"{stage}-{size}"

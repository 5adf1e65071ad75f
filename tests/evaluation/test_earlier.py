"""Exports of earlier stages are kept between previews, and never beyond a change (Z.1, S.2)."""

import json
import shutil
from pathlib import Path

import pytest

from kit.evaluation import earlier
from kit.evaluation.earlier import earlier_exports
from kit.evaluation.engine import PROJECT_ROOT

CLIENT = PROJECT_ROOT / "stacks" / "config" / "clients" / "example.yaml"


@pytest.fixture
def evaluations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One element per evaluation that was made."""
    made: list[int] = []
    original = earlier.evaluate_stages

    def counted(*arguments: object, **options: object) -> object:
        made.append(1)
        return original(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(earlier, "evaluate_stages", counted)
    return made


def test_kept_exports_are_the_evaluated_ones_until_something_changes(
    tmp_path: Path, evaluations: list[int]
) -> None:
    client = tmp_path / "client.yaml"
    shutil.copy(CLIENT, client)
    config = {"client_file": str(client)}
    first = earlier_exports("integration", config=config, kept=tmp_path)
    assert earlier_exports("integration", config=config, kept=tmp_path) == first
    assert len(evaluations) == 1

    client.write_text(client.read_text() + "# a comment is a change\n")
    assert earlier_exports("integration", config=config, kept=tmp_path) == first
    assert len(evaluations) == 2
    earlier_exports("integration", size="small", config=config, kept=tmp_path)
    assert len(evaluations) == 3


def test_a_damaged_file_is_evaluated_again(tmp_path: Path, evaluations: list[int]) -> None:
    (file := tmp_path / "before-integration.json").write_text('{"digest": "')
    exports = earlier_exports("integration", kept=tmp_path)
    assert json.loads(file.read_text())["exports"] == exports
    assert len(evaluations) == 1


def test_every_file_of_the_program_counts(tmp_path: Path) -> None:
    for name in ("stacks/a.py", "components/b.py", "lambdas/c.py", "documents/d.md", "kit/e.py", "prompts/f"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one")
        before = earlier._digest({}, tmp_path)
        (tmp_path / name).write_text("two")
        assert earlier._digest({}, tmp_path) != before
    named = {"foundation": {"claude-enterprise-kit:evidence_file": "evidence.yaml"}}
    before = earlier._digest(named, tmp_path)
    (tmp_path / "evidence.yaml").write_text("attestations: []\n")
    assert earlier._digest(named, tmp_path) != before

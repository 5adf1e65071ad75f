"""The demonstration: the same for the same seed, labelled in every row, agreeing with its ledger (S.3)."""

import gzip
import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kit.cli import app
from kit.measurement.synthetic import demonstrate, teams

_TEAMS = teams(
    [("marketing", True, ("claude-haiku-5-5",)), ("legal", False, ("claude-sonnet-5-5", "claude-opus-5-5"))],
    40,
)
_LAST = date(2026, 11, 22)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first, second = (list(demonstrate(_TEAMS, _LAST, 7).objects()) for _ in range(2))
    assert first == second
    assert list(demonstrate(_TEAMS, _LAST, 8).objects()) != first


def test_every_row_says_that_it_is_made_up_and_lies_within_the_twelve_weeks() -> None:
    made = demonstrate(_TEAMS, _LAST, 7)
    for day, rows in made.rows.items():
        assert _LAST - timedelta(days=84) < date.fromisoformat(day) <= _LAST
        for one in rows:
            assert one["synthetic"] is True
            assert one["at"][:10] == day


def test_the_ledger_of_the_demonstration_is_the_sum_of_its_rows() -> None:
    made = demonstrate(_TEAMS, _LAST, 7)
    total = 0
    for _, body in made.objects():
        total += sum(json.loads(line).get("cost_microusd", 0) for line in gzip.decompress(body).splitlines())
    assert total == sum(made.settled.values()) > 0


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demonstration")
    done = CliRunner().invoke(app, ["demo", "--output", str(folder), "--until", "2026-11-22"])
    assert done.exit_code == 0, done.output
    return folder


@pytest.mark.parametrize("month", ["2026-09", "2026-10", "2026-11"])
def test_statements_of_the_demonstration_agree_with_its_ledger(demonstration: Path, month: str) -> None:
    ledger = demonstration / "demonstration" / "ledger.json"
    arguments = ["chargeback", "--month", month, "--records", str(demonstration), "--ledger", str(ledger)]
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["synthetic"] is True

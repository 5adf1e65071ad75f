"""What a SIEM reads continuously has every record once, whenever the runs are (G.3)."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from kit.audit.increments import next_increment
from kit.audit.search import Question
from kit.cli import app
from kit.errors import KitError

START = datetime(2026, 11, 24, 8, tzinfo=UTC)


@given(
    waits=st.lists(st.integers(1_000, 7_200_000), min_size=1, max_size=6),
    ats=st.lists(st.integers(0, 7_200_000 * 6), max_size=20),
)
def test_every_record_is_in_exactly_one_file(
    tmp_path_factory: pytest.TempPathFactory, waits: list[int], ats: list[int]
) -> None:
    folder, now = tmp_path_factory.mktemp("siem") / "events", START
    records = [{"at": (START + timedelta(milliseconds=at)).isoformat(timespec="milliseconds")} for at in ats]
    seen = [0] * len(records)
    for wait in waits:
        now += timedelta(milliseconds=wait)
        file, first, last = next_increment(folder, START, now)
        file.touch()
        for place, record in enumerate(records):
            seen[place] += Question(first, last).fits(record)
    settled = now.replace(microsecond=0)
    assert seen == [int(datetime.fromisoformat(record["at"]) < settled) for record in records]


def test_a_folder_of_something_else_and_a_run_too_soon_are_refused(tmp_path: Path) -> None:
    file, _, _ = next_increment(tmp_path, START, START + timedelta(hours=1))
    assert file.name == "20261124T080000--20261124T090000.jsonl"
    file.touch()
    with pytest.raises(KitError, match="has everything until 2026-11-24 09:00:00"):
        next_increment(tmp_path, START, START + timedelta(hours=1))
    (tmp_path / "a--b.jsonl").touch()
    with pytest.raises(KitError, match="is not named as an export"):
        next_increment(tmp_path, START, START + timedelta(hours=2))
    with pytest.raises(KitError, match="is not a folder"):
        next_increment(file, START, START + timedelta(hours=2))


def test_a_line_that_is_no_record_does_not_end_an_export(tmp_path: Path) -> None:
    good = {"kind": "outcome", "record_id": "rec_1", "at": START.isoformat(), "principal": "ada"}
    records = [good, {"at": START.isoformat()}, {**good, "record_id": "rec_2", "model": "\ud800"}]
    output = tmp_path / "events.jsonl"
    with (
        mock.patch("kit.commands.audit._target", return_value=mock.Mock()),
        mock.patch("kit.audit.search.find", return_value=iter(records)),
    ):
        done = CliRunner().invoke(app, ["audit", "export", "--output", str(output)])
    assert done.exit_code == 0, done.output
    events = [json.loads(line) for line in output.read_text().splitlines()]
    assert [event["metadata"]["uid"] for event in events] == ["rec_1", "rec_2"]
    assert "lines that are no records, left out: 1" in done.stderr

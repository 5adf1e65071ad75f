"""Labelled rows in the development format, and texts that ordinary people send.

A file is `*.jsonl` or `*.jsonl.gz`; the keys of its rows determine what they measure:

    {"text", "spans": [[start, end, type, …], …]}       personal data
    {"text", "label", "span", "rule", "weak"}           secrets (label 0: look-alike)
    {"text", "label", "source", …}                      prompt injection
    {"text", "level", "category"}                       block decision
    {"text"}                                            ordinary text
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]
KINDS = ("spans", "secrets", "injection", "classification", "ordinary")


class LabelledFileError(ValueError):
    """A file that is not in the development format; the message names the file and the line."""


def kind_of(row: Row) -> str:
    """Return what a row measures, one of `KINDS`."""
    if "spans" in row:
        return "spans"
    if "label" in row:
        return "secrets" if "rule" in row else "injection"
    return "classification" if "level" in row else "ordinary"


def read(path: Path) -> Iterator[Row]:
    """Yield the rows of one file. Raises `LabelledFileError`."""
    packed = path.suffix == ".gz"
    with gzip.open(path, "rt", encoding="utf-8") if packed else path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise LabelledFileError(f"{path}:{number}: not JSON") from error
            if not isinstance(row, dict) or not isinstance(row.get("text"), str):
                raise LabelledFileError(f"{path}:{number}: an object with a text is needed")
            yield row


def collect(places: list[Path]) -> dict[str, list[Row]]:
    """Return all rows of the files and folders, by kind."""
    rows: dict[str, list[Row]] = {kind: [] for kind in KINDS}
    for place in places:
        files = sorted(place.glob("*.jsonl*")) if place.is_dir() else [place]
        for path in files:
            for row in read(path):
                rows[kind_of(row)].append({"file": path.name.partition(".")[0], **row})
    return rows

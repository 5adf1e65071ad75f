"""Rows as the metadata copies have them, for tests."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def row(number: int, kind: str = "outcome", **fields: Any) -> dict[str, Any]:
    """A row of one record; `details` may be given as a dictionary."""
    made = {
        "record_id": f"rec_{number:026d}",
        "kind": kind,
        "at": "2026-11-10T09:00:00.000+00:00",
        "request_id": f"req_{number:026d}",
        "department": "marketing",
        "principal": f"person-{number}",
        "principal_kind": "person",
        **({"result": "completed", "model": "claude-haiku-5-5"} if kind == "outcome" else {}),
        **fields,
    }
    details = made.get("details")
    return made | ({"details": json.dumps(details)} if isinstance(details, dict) else {})


def write_rows(folder: Path, day: str, rows: Iterable[dict[str, Any]], name: str = "part.json.gz") -> None:
    """A file of rows as Firehose delivers it."""
    target = folder / "records" / f"dt={day}" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(one) + "\n" for one in rows)
    target.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())

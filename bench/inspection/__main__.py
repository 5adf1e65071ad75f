"""`python -m bench.inspection [--data PLACE …] [--json] [--only PART …]`: score the inspection (L2.3).

PLACE is a labelled file or a folder of them, in the format of `bench.inspection.labelled`. Without --data a
small built-in corpus is generated and scored; it shows regressions, but says little about other texts.
"""

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.inspection import scores
from bench.inspection.labelled import KINDS, LabelledFileError, Row, collect, kind_of
from lambdas.inspection import InspectionConfig, Inspector

PARTS = ("spans", "secrets", "injection", "block", "ordinary", "evasions", "streams", "speed")


def report(rows: dict[str, list[Row]], parts: tuple[str, ...] = PARTS) -> dict[str, Any]:
    """Return every figure, by part."""
    inspector = Inspector(InspectionConfig(cache_entries=0))
    ordinary = [text[:4_096] for row in rows["ordinary"] if len(text := row["text"]) >= 64]
    result: dict[str, Any] = {}
    if "spans" in parts and rows["spans"]:
        for name in sorted({row["file"] for row in rows["spans"]}):
            chosen = [row for row in rows["spans"] if row["file"] == name]
            scored = scores.span_scores(inspector, chosen)
            result[f"spans: {name}"] = {kind: count.as_dict() for kind, count in scored.items()}
    if "secrets" in parts and rows["secrets"]:
        result["secrets"] = scores.secret_scores(inspector, rows["secrets"])
    if "injection" in parts and rows["injection"]:
        result["injection"] = scores.injection_scores(inspector, rows["injection"])
    if "block" in parts and rows["classification"]:
        prompts = [row["text"] for row in rows["injection"] if not row["label"]]
        result["block decision"] = scores.block_scores(inspector, rows["classification"])
        result["block decision with ordinary requests"] = scores.block_scores(
            inspector, rows["classification"], prompts
        )
    if "ordinary" in parts and ordinary:
        result["findings on ordinary text"] = {
            "texts": len(ordinary),
            **scores.ordinary_alarms(inspector, ordinary),
        }
    if "evasions" in parts and rows["spans"]:
        result["evasions"] = scores.evasion_scores(inspector, rows["spans"])
    if "streams" in parts and rows["spans"]:
        result["streams"] = scores.stream_scores(inspector, rows["spans"][:400])
    if "speed" in parts and ordinary:
        full = [text for text in ordinary if len(text) >= 3_500] or ordinary
        without = Inspector(InspectionConfig(cache_entries=0, names=False))
        result["milliseconds for 4 kB"] = {
            "without names": scores.milliseconds(without, full),
            "with names": scores.milliseconds(inspector, full),
        }
        result["milliseconds to import"] = scores.import_milliseconds()
    return result


def main() -> int:
    """Exit codes: 0 scored, 2 a file cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m bench.inspection", description=__doc__)
    parser.add_argument("--data", type=Path, action="append", help="labelled file or folder; may be repeated")
    parser.add_argument("--only", choices=PARTS, action="append", help="only this part; may be repeated")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    arguments = parser.parse_args()
    for place in arguments.data or ():
        if not place.exists():
            sys.stderr.write(f"error: --data {place}: there is no such file or folder\n")
            return 2
    try:
        rows = collect(arguments.data) if arguments.data else _own()
    except LabelledFileError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    result = report(rows, tuple(arguments.only or PARTS))
    print(json.dumps(result, indent=1) if arguments.json else _as_text(result))
    return 0


def _own() -> dict[str, list[Row]]:
    # synthetic rows of the tests
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
    rows: dict[str, list[Row]] = {kind: [] for kind in KINDS}
    for row in import_module("inspection.made_up").rows():
        rows[kind_of(row)].append({"file": "own", **row})
    return rows


def _as_text(result: dict[str, Any]) -> str:
    lines: list[str] = []
    for title, figures in result.items():
        if not isinstance(figures, dict):
            lines.append(f"{title}: {figures}")
            continue
        lines.append(title)
        for name, value in figures.items():
            shown = "  ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
            lines.append(f"  {name:22} {shown}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

"""Scores of an inspector on labelled rows: precision, recall and F1 by type, recall at fixed false-alarm
rates.
"""

import base64
import html
import random
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import process_time
from typing import Any
from urllib.parse import quote

from bench.inspection.labelled import Row
from lambdas.inspection import Action, AnswerFilter, AnswerPolicy, Channel, DataClass, Inspector, decide

CHUNK = 4_096
# types with a level of Internal or lower are redacted too, so that streaming is measured for every type
_REDACT_ALL = AnswerPolicy(redact_from=DataClass.INTERNAL)


@dataclass(frozen=True, slots=True)
class Count:
    """True positives, false positives, false negatives."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 0.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed) if self.right + self.missed else 0.0

    @property
    def f1(self) -> float:
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0

    def as_dict(self) -> dict[str, float | int]:
        """Rounded, for JSON."""
        return {
            "n": self.right + self.missed,
            "precision": round(self.precision, 3),
            "recall": round(self.recall, 3),
            "f1": round(self.f1, 3),
        }


@dataclass(frozen=True)
class Department:
    """A department with the kit's default rules."""

    data_classes: Sequence[str] = ("public", "internal")
    findings: Mapping[str, str] = field(default_factory=dict)
    human_review: Sequence[str] = ()


def _overlap(start: int, end: int, other_start: int, other_end: int) -> int:
    return max(0, min(end, other_end) - max(start, other_start))


def span_scores(inspector: Inspector, rows: Sequence[Row]) -> dict[str, Count]:
    """By type: a value counts as found if half of it (of a secret: six characters) is covered by a finding
    of its type.
    """
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    types = {span[2] for row in rows for span in row["spans"]}
    for row in rows:
        found = [one for one in inspector.inspect_text(row["text"]).findings if one.type in types]
        used: set[int] = set()
        for start, end, kind, *_ in row["spans"]:
            needed = min(6, end - start) if kind == "SECRET" else (end - start) / 2
            for index, one in enumerate(found):
                overlap = _overlap(start, end, one.start, one.end)
                if index not in used and one.type == kind and overlap >= needed:
                    used.add(index)
                    right[kind] += 1
                    break
            else:
                missed[kind] += 1
        for index, one in enumerate(found):
            covered = any(
                _overlap(span[0], span[1], one.start, one.end) and span[2] == one.type
                for span in row["spans"]
            )
            if index not in used and not covered:
                wrong[one.type] += 1
    return {kind: Count(right[kind], wrong[kind], missed[kind]) for kind in sorted(types)}


def secret_scores(inspector: Inspector, rows: Sequence[Row]) -> dict[str, Any]:
    """Recall on real formats and on weak examples, by source, and false alarms on look-alikes."""
    hits: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for row in rows:
        name = row["source"] if row["label"] else "look-alikes"
        name += "-weak" if row.get("weak") else ""
        total[name] += 1
        found = [one for one in inspector.inspect_text(row["text"]).findings if one.type == "SECRET"]
        span = row.get("span")
        if span:
            hits[name] += any(
                _overlap(span[0], span[1], one.start, one.end) >= min(6, span[1] - span[0]) for one in found
            )
        else:
            hits[name] += bool(found)
    return {name: {"n": total[name], "found": round(hits[name] / total[name], 3)} for name in sorted(total)}


def injection_scores(inspector: Inspector, rows: Sequence[Row]) -> dict[str, Any]:
    """Recall at 1 % and 5 % false alarms, and by source at the threshold in force."""
    scores = [inspector.inspect_text(row["text"], Channel.TRUSTED).injection_score for row in rows]
    negative = sorted((s for s, row in zip(scores, rows, strict=True) if not row["label"]), reverse=True)
    positive = [s for s, row in zip(scores, rows, strict=True) if row["label"]]
    result: dict[str, Any] = {"n": [len(positive), len(negative)]}
    for percent in (1, 5):
        limit = negative[min(len(negative) - 1, len(negative) * percent // 100)] if negative else 0.0
        result[f"recall_at_{percent}_percent"] = round(
            sum(s > limit for s in positive) / max(1, len(positive)), 3
        )
    flagged: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for row in rows:
        name = f"{'attack' if row['label'] else 'ordinary'} {row['source']}"
        total[name] += 1
        flagged[name] += bool(inspector.inspect_text(row["text"]).injections)
    result["flagged"] = {name: [flagged[name], total[name]] for name in sorted(total)}
    return result


def block_scores(inspector: Inspector, rows: Sequence[Row], ordinary: Sequence[str] = ()) -> dict[str, Any]:
    """The block decision of a department with default rules; `ordinary` texts must pass."""
    right = wrong = missed = passed = 0
    recalled: Counter[str] = Counter()
    total: Counter[str] = Counter()
    rules = Department()
    cases = [*((row["text"], row["level"], row["category"]) for row in rows)]
    cases += [(text, "public", "ordinary") for text in ordinary]
    for text, level, category in cases:
        body = {"messages": [{"role": "user", "content": text}]}
        inspection = inspector.inspect_request(body)
        blocked = decide(inspection, rules).action is Action.BLOCK
        must = level in ("restricted", "confidential")
        right += blocked and must
        wrong += blocked and not must
        missed += must and not blocked
        passed += not must and not blocked
        total[category] += 1
        recalled[category] += blocked
    count = Count(right, wrong, missed)
    return {
        **count.as_dict(),
        "false_positive_rate": round(wrong / max(1, wrong + passed), 3),
        "blocked": {name: [recalled[name], total[name]] for name in sorted(total)},
    }


def ordinary_alarms(inspector: Inspector, texts: Sequence[str]) -> dict[str, int]:
    """Findings on ordinary text by type: the fewer the better."""
    return dict(Counter(one.type for text in texts for one in inspector.inspect_text(text).findings))


# --- disguises --------------------------------------------------------------------------------------------

_CYRILLIC = str.maketrans("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ")
DISGUISES: dict[str, Callable[[str], str]] = {
    "zero-width": "\u200b".join,
    "soft-hyphen": "\u00ad".join,
    "full-width": lambda v: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in v),
    "cyrillic": lambda v: v.translate(_CYRILLIC),
    "arabic-digits": lambda v: "".join(chr(0x660 + int(c)) if c in "0123456789" else c for c in v),
    "math-digits": lambda v: "".join(chr(0x1D7CE + int(c)) if c in "0123456789" else c for c in v),
    "url-encoded": lambda v: "".join(f"%{byte:02X}" for byte in v.encode()),
    "url-quoted": lambda v: quote(v, safe=""),
    "html-entities": lambda v: "".join(f"&#{ord(c)};" for c in v),
    "html-escaped": html.escape,
    "backslash-u": lambda v: "".join(f"\\u{ord(c):04x}" for c in v),
    "base64": lambda v: base64.b64encode(v.encode()).decode(),
    "hex": lambda v: v.encode().hex(),
}
_ROBUST = ("EMAIL", "CREDIT_CARD", "IBAN", "US_SSN", "IP_ADDRESS", "PHONE")


def evasion_scores(inspector: Inspector, rows: Sequence[Row], count: int = 300) -> dict[str, float]:
    """Of values found in plain form, the share still found in each disguise."""
    chosen: list[tuple[str, int, int]] = []
    for row in rows:
        for start, end, kind, *_ in row["spans"]:
            if kind in _ROBUST and len(chosen) < count and _found_at(inspector, row["text"], start, end):
                chosen.append((row["text"], start, end))
    result: dict[str, float] = {}
    for name, disguise in DISGUISES.items():
        kept = 0
        for text, start, end in chosen:
            hidden = disguise(text[start:end])
            kept += _found_at(inspector, text[:start] + hidden + text[end:], start, start + len(hidden))
        result[name] = round(kept / max(1, len(chosen)), 3)
    return result


def _found_at(inspector: Inspector, text: str, start: int, end: int) -> bool:
    inspection = inspector.inspect_text(text)
    return any(_overlap(start, end, one.start, one.end) * 2 >= end - start for one in inspection.findings)


# --- streams ----------------------------------------------------------------------------------------------


def stream_scores(inspector: Inspector, rows: Sequence[Row], seed: int = 7) -> dict[str, int]:
    """Whether random chunks give the same result as the whole, and values that were released although
    found.
    """
    chance = random.Random(seed)
    different = leaked = values = 0
    for row in rows:
        text = row["text"]
        whole = AnswerFilter(inspector, _REDACT_ALL).text(text)
        streamed = _streamed(AnswerFilter(inspector, _REDACT_ALL), text, chance)
        different += streamed != whole
        for one in inspector.inspect_text(text).findings:
            value = text[one.start : one.end]
            if one.type in _ROBUST and len(value) > 6:
                values += 1
                leaked += value in streamed
    return {"texts": len(rows), "different": different, "values": values, "leaked": leaked}


def _streamed(answer: AnswerFilter, text: str, chance: random.Random) -> str:
    import json

    events = [{"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}]
    position = 0
    while position < len(text):
        size = chance.choice((1, 2, 3, 5, 8, 20, 80))
        delta = {"type": "text_delta", "text": text[position : position + size]}
        events.append({"type": "content_block_delta", "index": 0, "delta": delta})
        position += size
    events.append({"type": "content_block_stop", "index": 0})
    out: list[bytes] = []
    for event in events:
        out += answer.event(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
    deltas = [json.loads(one.partition(b"data: ")[2]) for one in out]
    return "".join(one["delta"]["text"] for one in deltas if one["type"] == "content_block_delta")


# --- speed ------------------------------------------------------------------------------------------------


def milliseconds(inspector: Inspector, texts: Sequence[str], turns: int = 3) -> float:
    """Return the median over texts of the best of `turns`, in ms of CPU time; the inspector caches no
    results.
    """
    best: list[float] = []
    for text in texts:
        times = []
        for _ in range(turns):
            started = process_time()
            inspector.inspect_text(text)
            times.append(process_time() - started)
        best.append(min(times))
    return round(statistics.median(best) * 1000, 3)


def import_milliseconds(turns: int = 5) -> float:
    """Return the median time to import the package and build an inspector in a fresh process."""
    code = (
        "from time import process_time as t; a = t(); "
        "import lambdas.inspection as i; i.Inspector(i.InspectionConfig()); print(t() - a)"
    )
    times = [
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)
        for _ in range(turns)
    ]
    return round(statistics.median(times) * 1000, 1)

"""Requests with their findings replaced, only for departments that opted in, never for Claude Code (L2.3).

Deterministic: the same value gives the same placeholder, so that the provider's prompt cache keeps its
prefix.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import Finding, Inspection
from lambdas.inspection.policy import WHOLE_TEXT_TYPES

_STEP = Expression(r"([^.\[\]]+)|\[(\d+)\]")


class RedactionError(Exception):
    """A finding cannot be cut out (a file, a key, two blocks at once), so the request must be blocked."""


def redact_request(body: Mapping[str, Any], findings: Inspection | Iterable[Finding]) -> dict[str, Any]:
    """Return a copy of the request without the values found. Raises `RedactionError` if one cannot be cut
    out.
    """
    listed = findings.findings if isinstance(findings, Inspection) else tuple(findings)
    result: dict[str, Any] = copy.deepcopy(dict(body))
    by_field: dict[str, list[Finding]] = {}
    for finding in listed:
        if finding.type in WHOLE_TEXT_TYPES or finding.type == "PROMPT_INJECTION":
            continue
        by_field.setdefault(finding.field, []).append(finding)
    for path, found in by_field.items():
        holder, key = _locate(result, path)
        text = holder[key]
        if isinstance(text, int):
            text = str(text)
        if not isinstance(text, str):
            raise RedactionError(path)
        for finding in sorted(found, key=lambda one: one.start, reverse=True):
            text = f"{text[: finding.start]}[{finding.type} {finding.value_hash[:6]}]{text[finding.end :]}"
        holder[key] = text
    return result


def _locate(body: dict[str, Any], path: str) -> tuple[Any, Any]:
    steps = [int(number) if number else name for name, number in _STEP.findall(path)]
    if "+[" in path or "<key>" in path or not steps:
        raise RedactionError(path)
    holder: Any = body
    try:
        for step in steps[:-1]:
            holder = holder[step]
        _ = holder[steps[-1]]
    except (KeyError, IndexError, TypeError) as error:
        raise RedactionError(path) from error
    if "thinking" in steps:
        raise RedactionError(path)
    return holder, steps[-1]

"""Overrides of a review: who accepts which finding, and why. A YAML list under version control:

- rule: retention-shortened
  resource: logs-gateway          # the logical name, or the whole URN
  approver: Ada Lovelace, CISO
  reason: The works council asks for 30 days (decision 2026-14).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from kit.errors import ExitCode, KitError
from kit.plan_review.finding import Finding

_KEYS = ("rule", "resource", "approver", "reason")
_SHORTEST_REASON = 20


@dataclass(frozen=True)
class Override:
    """One accepted finding."""

    rule: str
    resource: str
    approver: str
    reason: str

    def accepts(self, finding: Finding) -> bool:
        """Whether the override applies to this finding."""
        return self.rule == finding.rule and self.resource in (finding.urn, finding.urn.rsplit("::", 1)[-1])


def read_overrides(path: Path) -> tuple[Override, ...]:
    """Return the overrides in a file. Raises KitError with every error in it."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise KitError(f"{path}: no such file", exit_code=ExitCode.USAGE) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise KitError(f"{path}: cannot be read: {error}", exit_code=ExitCode.USAGE) from None
    entries = content if isinstance(content, list) else [] if content is None else [content]
    problems: list[str] = []
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            problems.append(f"[{number}]: keys {', '.join(_KEYS)} are expected")
            continue
        problems += [f"[{number}].{key}: is not a key" for key in entry if key not in _KEYS]
        problems += [
            f"[{number}].{key}: is required" for key in _KEYS if not str(entry.get(key) or "").strip()
        ]
        if 0 < len(str(entry.get("reason") or "")) < _SHORTEST_REASON:
            problems.append(f"[{number}].reason: say why in at least {_SHORTEST_REASON} characters")
    if problems:
        raise KitError(
            f"{path}: not usable as overrides:\n  " + "\n  ".join(problems),
            hint="each entry names rule, resource, approver and reason",
            exit_code=ExitCode.USAGE,
        )
    return tuple(Override(*(str(entry[key]).strip() for key in _KEYS)) for entry in entries)


def unused(overrides: Sequence[Override], findings: Sequence[Finding]) -> list[Override]:
    """Return overrides that apply to no finding of this review: stale, or misspelt."""
    return [override for override in overrides if not any(override.accepts(finding) for finding in findings)]

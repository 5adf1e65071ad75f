"""One thing that a reviewer of a change must know."""

from dataclasses import asdict, dataclass
from typing import Literal

Severity = Literal["critical", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")


@dataclass(frozen=True)
class Finding:
    """One finding. `rule` and `urn` together identify it in an override."""

    rule: str
    severity: Severity
    urn: str
    message: str
    path: str = ""

    def as_document(self) -> dict[str, str]:
        """Return the finding as plain data."""
        return asdict(self)

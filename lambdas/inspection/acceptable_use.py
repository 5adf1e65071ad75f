"""Rules of acceptable use (G.2)."""

from lambdas.inspection.findings import Span


def find(_plain: str, _lower: str, _spans: list[Span]) -> list[tuple[str, int, int]]:
    """Breaches: (rule, start, end)."""
    return []

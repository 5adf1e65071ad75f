"""Prompt injection."""

from lambdas.inspection.findings import Span


def find(text: str, plain: str, lower: str, *, untrusted: bool) -> tuple[list[Span], float]:
    """Attempts to steer the model, and the highest score."""
    return [], 0.0

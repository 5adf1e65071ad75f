"""People's names and postal addresses."""

from lambdas.inspection.findings import Span


def find(_text: str) -> list[Span]:
    """Names and addresses in the text."""
    return []

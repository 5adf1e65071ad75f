"""What a text is about."""

from lambdas.inspection.findings import DataClass, Span

LEVELS = {
    "PERSONNEL": DataClass.RESTRICTED, "LEGAL": DataClass.RESTRICTED, "MNPI": DataClass.RESTRICTED, "HEALTH": DataClass.RESTRICTED,
    "TRADE_SECRET": DataClass.CONFIDENTIAL, "ROADMAP": DataClass.CONFIDENTIAL,
}  # fmt: skip


def find(plain: str, lower: str, spans: list[Span]) -> list[Span]:
    """Semantic classes in the text."""
    return []

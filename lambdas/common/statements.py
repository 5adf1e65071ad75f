"""Plausible statements about an answer: one rule for the gateway, the gates and the reports (L5.2, G.6)."""

MOST_MINUTES = 480  # a working day
_ANY_ANSWER_MINUTES = 30  # a short answer may end a long search
# People write considered text at about 500 words per hour: 11 tokens per minute.
_TOKENS_A_MINUTE = 10


def most_minutes(output_tokens: int) -> int:
    """Return the maximum number of minutes that an answer with this many tokens can plausibly have saved."""
    return min(MOST_MINUTES, _ANY_ANSWER_MINUTES + output_tokens // _TOKENS_A_MINUTE)

"""What may be said of an answer: one rule for the gateway, the gates and the reports (L5.2, G.6)."""

MOST_MINUTES = 480  # a working day
_ANY_ANSWER_MINUTES = 30  # a short answer may end a long search
# Of text a person writes about 500 words an hour when it must be thought about: 11 tokens a minute.
_TOKENS_A_MINUTE = 10


def most_minutes(output_tokens: int) -> int:
    """The most minutes that an answer of so many tokens may be said to have saved."""
    return min(MOST_MINUTES, _ANY_ANSWER_MINUTES + output_tokens // _TOKENS_A_MINUTE)

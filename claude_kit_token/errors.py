"""What a person can fix: one message, one hint, one exit code."""

USAGE = 2  # refused, nobody signed in, wrong option
UNREACHABLE = 4  # no network, no key store, a port in use


class TokenError(Exception):
    """An error with a hint. `message` says what, `hint` what to do next; neither holds a token."""

    def __init__(self, message: str, *, hint: str = "", exit_code: int = USAGE, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason  # the error of OAuth, such as invalid_grant
        self.message = message
        self.hint = hint
        self.exit_code = exit_code

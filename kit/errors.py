"""Errors that the operator can fix: one message, one hint, one exit code."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of `kit`, documented in the README; a number never changes its meaning."""

    OK = 0
    FAILED = 1
    USAGE = 2  # bad command line or bad configuration
    GATE_CLOSED = 3  # the exit criteria of the stage before are not met
    ENVIRONMENT = 4  # port in use, no network, emulator not starting, a service not reachable
    VERIFICATION_FAILED = 5  # a check ran and found something: audit, policy, prompts
    INTERRUPTED = 130


class KitError(Exception):
    """An error with a hint. `message` says what and where, `hint` what to do next."""

    def __init__(self, message: str, *, hint: str = "", exit_code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code

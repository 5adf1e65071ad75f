"""The session of `claude_kit_token`, whose errors are those of `kit` here."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from claude_kit_token import session as sessions
from claude_kit_token import sign_in as signing_in
from claude_kit_token.errors import TokenError
from claude_kit_token.session import Session
from claude_kit_token.sign_in import PORTS, attempt
from kit.errors import ExitCode, KitError

__all__ = [
    "PORTS", "Session", "attempt", "by_browser", "complete", "forget", "fresh", "load", "revoke", "save",
]  # fmt: skip
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def _of_kit(call: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    @wraps(call)
    def converted(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return call(*args, **kwargs)
        except TokenError as error:
            hint = error.hint.replace("claude-kit-token login", "kit login")
            raise KitError(error.message, hint=hint, exit_code=ExitCode(error.exit_code)) from None

    return converted


load = _of_kit(sessions.load)
save = _of_kit(sessions.save)
fresh = _of_kit(sessions.fresh)
forget = _of_kit(sessions.forget)
revoke = _of_kit(sessions.revoke)
by_browser = _of_kit(signing_in.by_browser)
complete = _of_kit(signing_in.complete)

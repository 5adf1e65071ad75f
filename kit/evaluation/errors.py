"""Errors of an evaluation."""

from kit.errors import ExitCode, KitError


class EvaluationError(KitError):
    """The program, or the backend for one of its resources, failed. `urn` names the resource if there is
    one.
    """

    def __init__(
        self,
        message: str,
        *,
        urn: str | None = None,
        hint: str = "",
        exit_code: ExitCode = ExitCode.FAILED,
    ) -> None:
        super().__init__(message, hint=hint, exit_code=exit_code)
        self.urn = urn


class EvaluationCancelled(EvaluationError):
    """The evaluation was cancelled; the backend keeps the resources already registered."""

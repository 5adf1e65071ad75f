"""What can go wrong while a program is evaluated."""

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
    """The evaluation was asked to stop; resources already registered are in the backend's care."""

"""What a caller can do something about. The text of an error holds a status, a kind and a request id only."""

from __future__ import annotations


class ClaudeError(Exception):
    """No answer. `status` is None when the gateway did not answer at all. `for_person` is the gateway's
    sentence about what to do now: show it to the person who asked, and keep it out of logs.
    """

    def __init__(
        self, what: str, *, status: int | None = None, request_id: str | None = None, for_person: str = ""
    ) -> None:
        super().__init__(f"{what}, request {request_id}" if request_id else what)
        self.status = status
        self.request_id = request_id
        self.for_person = for_person


class Refused(ClaudeError):
    """A repetition changes nothing: a rule, a budget, a credential, or a request that is wrong."""


class Unavailable(ClaudeError):
    """The gateway or every model asked could not answer in time, and there was nothing to fall back to.
    `may_have_arrived` is true when the connection was lost after something was sent.
    """

    def __init__(
        self,
        what: str,
        *,
        may_have_arrived: bool,
        status: int | None = None,
        request_id: str | None = None,
        for_person: str = "",
    ) -> None:
        super().__init__(what, status=status, request_id=request_id, for_person=for_person)
        self.may_have_arrived = may_have_arrived

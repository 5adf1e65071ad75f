"""Calls to Claude on AWS are made in the name of the person who asked for them (L1.6, C.2).

One role session of AWS for each caller, named after the caller's id and tagged with department and cost
centre: CloudTrail names the person behind each call, Cost Explorer and the cost reports sum by both tags. The
role that is assumed is the only one that may call a model, and its trust demands the tags, so there is no
call without a name: a caller without a session makes no call.
"""

import asyncio
import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from time import time
from typing import Any, NamedTuple

from lambdas.common.identities import Principal
from lambdas.common.policy import Department

SESSION_SECONDS = 3600  # the most that AWS gives where a role assumes a role
_RENEW_SECONDS = 600  # renewed in the background from then on
_LAST_SECONDS = 60  # and never used in its last minute
_WAIT_SECONDS = 5.0
_MOST_SESSIONS = 4096  # about 2 KB each
_LONGEST_NAME = 64
_NOT_IN_NAMES = re.compile(r"[^\w+=,.@-]", re.ASCII)
_NOT_IN_TAGS = re.compile(r"[^\w .:/=+@-]")
_LONGEST_TAG = 256


@dataclass(frozen=True, slots=True)
class Attribution:
    """In whose name a call is made. `user` is the principal's opaque id; no more of the caller leaves."""

    user: str
    department: str
    cost_center: str

    @property
    def session_name(self) -> str:
        """The id, where STS allows it as it is; else what STS allows of it and a hash of the whole, so that
        no two callers share a name.
        """
        name = _NOT_IN_NAMES.sub("-", self.user)
        if name == self.user and 2 <= len(name) <= _LONGEST_NAME:
            return name
        digest = hashlib.sha256(self.user.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return f"{name[: _LONGEST_NAME - len(digest) - 1]}-{digest}"

    @property
    def tags(self) -> dict[str, str]:
        """The session's tags: the names that the kit's cost allocation tags have on resources too."""
        return {
            "kit:cost-center": _NOT_IN_TAGS.sub("-", self.cost_center)[:_LONGEST_TAG] or "none",
            "kit:department": _NOT_IN_TAGS.sub("-", self.department)[:_LONGEST_TAG] or "none",
        }


def attribution_of(principal: Principal, department: Department) -> Attribution:
    """The attribution of a caller's calls."""
    return Attribution(principal.id, department.id, department.cost_center)


class Assumed(NamedTuple):
    """A session's credentials (a botocore frozen set) and when they end."""

    credentials: Any
    expires_at: datetime


class UserSessions:
    """The sessions of the callers of one process: at most 4,096, the least recently used goes first.

    `assume` opens a session by its name and tags; it blocks, so it runs in `pool`, once at a time for each
    caller. A session is renewed ten minutes before its end while calls still use it.
    """

    def __init__(
        self,
        assume: Callable[[str, Mapping[str, str]], Assumed],
        pool: ThreadPoolExecutor,
        *,
        most: int = _MOST_SESSIONS,
        wait_seconds: float = _WAIT_SECONDS,
        clock: Callable[[], float] = time,
    ) -> None:
        self._assume = assume
        self._pool = pool
        self._most = most
        self._wait_seconds = wait_seconds
        self._clock = clock
        self._sessions: OrderedDict[Attribution, Assumed] = OrderedDict()
        self._opening: dict[Attribution, asyncio.Future[Assumed]] = {}

    async def credentials(self, attribution: Attribution) -> Any:
        """Credentials of the caller's session. Raises whatever `assume` raises, `TimeoutError` after five
        seconds; never gives credentials of anybody else.
        """
        known = self._sessions.get(attribution)
        left = known.expires_at.timestamp() - self._clock() if known else 0.0
        if known is not None and left >= _LAST_SECONDS:
            self._sessions.move_to_end(attribution)
            if left < _RENEW_SECONDS:
                self._open(attribution)
            return known.credentials
        opening = asyncio.shield(self._open(attribution))
        return (await asyncio.wait_for(opening, self._wait_seconds)).credentials

    def _open(self, attribution: Attribution) -> "asyncio.Future[Assumed]":
        opening = self._opening.get(attribution)
        if opening is None:
            opening = asyncio.get_running_loop().run_in_executor(
                self._pool, self._assume, attribution.session_name, attribution.tags
            )
            self._opening[attribution] = opening
            opening.add_done_callback(lambda done: self._keep(attribution, done))
        return opening

    def _keep(self, attribution: Attribution, done: "asyncio.Future[Assumed]") -> None:
        self._opening.pop(attribution, None)
        if done.cancelled() or done.exception() is not None:
            return  # callers that wait learn of it; a renewal is tried again by the next call
        self._sessions[attribution] = done.result()
        self._sessions.move_to_end(attribution)
        while len(self._sessions) > self._most:
            self._sessions.popitem(last=False)

"""Calls to Claude on AWS in the name of the person who makes them (L1.6, C.2).

Each caller has one AWS role session, named after the caller's id and tagged with department and cost
center: CloudTrail shows the person behind each call, Cost Explorer and the cost reports aggregate by both
tags. Only the assumed role may call models, and its trust policy requires the tags, so there are no
anonymous calls: a caller without a session makes no call.
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

SESSION_SECONDS = 3600  # maximum that AWS allows when a role assumes a role
_RENEW_SECONDS = 600  # renewed in the background from then on
_LAST_SECONDS = 60  # never used in its last minute
_WAIT_SECONDS = 5.0
_MOST_SESSIONS = 4096  # about 2 KB each
_LONGEST_NAME = 64
_NOT_IN_NAMES = re.compile(r"[^\w+=,.@-]", re.ASCII)
_NOT_IN_TAGS = re.compile(r"[^\w .:/=+@-]")
_LONGEST_TAG = 256


@dataclass(frozen=True, slots=True)
class Attribution:
    """The caller to whom a call is attributed. `user` is the principal's opaque id, the only thing about a
    person that leaves.
    """

    user: str
    department: str
    cost_center: str

    @property
    def session_name(self) -> str:
        """Return the id if STS accepts it; otherwise its valid characters and a hash, so that no two
        callers share a name.
        """
        name = _NOT_IN_NAMES.sub("-", self.user)
        if name == self.user and 2 <= len(name) <= _LONGEST_NAME:
            return name
        digest = hashlib.sha256(self.user.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return f"{name[: _LONGEST_NAME - len(digest) - 1]}-{digest}"

    @property
    def tags(self) -> dict[str, str]:
        """Return the session's tags, named like the kit's cost allocation tags on resources."""
        return {
            "kit:cost-center": _NOT_IN_TAGS.sub("-", self.cost_center)[:_LONGEST_TAG] or "none",
            "kit:department": _NOT_IN_TAGS.sub("-", self.department)[:_LONGEST_TAG] or "none",
        }


def attribution_of(principal: Principal, department: Department) -> Attribution:
    """Return the attribution of a caller's calls."""
    return Attribution(principal.id, department.id, department.cost_center)


class Assumed(NamedTuple):
    """A session's credentials (a botocore frozen set) and their expiry."""

    credentials: Any
    expires_at: datetime


class UserSessions:
    """The sessions of the callers of one process: at most 4,096, evicting the least recently used.

    `assume` opens a session by its name and tags; it blocks, so it runs in `pool`, at most once
    concurrently per caller. A session is renewed ten minutes before it expires while calls still use it.
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
        """Return credentials of the caller's session.

        Raises whatever `assume` raises, `TimeoutError` after five seconds; never returns anybody else's
        credentials.
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
            return  # waiting callers learn of it; the next call retries a renewal
        self._sessions[attribution] = done.result()
        self._sessions.move_to_end(attribution)
        while len(self._sessions) > self._most:
            self._sessions.popitem(last=False)

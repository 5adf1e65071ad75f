"""Sign-ins of devices that have no browser: the device authorization grant (RFC 8628), which the user pool
does not have (G.4, L1.3).

A device gets a long code, with which it asks for its tokens, and a short one, which a person enters on a page
of the portal. The person who consents then signs in at the user pool for the device; the pool's code waits
here until the device asks, and becomes tokens once. Neither code is kept: rows are found by hashes. Of the
tokens nothing is kept.

    DEVICE#<hash of the device's code>    DEVICE    everything else about the sign-in
    DEVICECODE#<hash of the short code>   DEVICE    the hash of the device's code
    DEVICETRIES#<who>#<ten minutes>       TRIES     how often somebody tried, or an address began
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lambdas.common.clock import Clock
from lambdas.portal.table import PortalTable, Row, RowConflict

LIFETIME_SECONDS = 600
INTERVAL_SECONDS = 5
TRIES = 5  # wrong codes of one person in ten minutes
BEGINNINGS = 20  # of one address in ten minutes
EVERYBODYS_BEGINNINGS = 500
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so no words (RFC 8628, 6.1)
_LENGTH = 8  # 20^8 codes: 34 bits, guessed five at a time
_SK = "DEVICE"
_ATTEMPTS = 5

State = Literal["waiting", "consented", "approved", "denied"]


class TooMany(Exception):
    """Too many attempts: nothing was done."""


class Refused(Exception):
    """Error for the device; `error` is a code of RFC 8628, 3.5."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True)
class Begun:
    """Response to a device that begins."""

    device_code: str
    user_code: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A sign-in that awaits a person's consent, by its row."""

    row: Row

    @property
    def source(self) -> str:
        """Return the address of the device."""
        return str(self.row.data["source"])

    @property
    def verifier(self) -> str:
        """Return the PKCE verifier, which never leaves the portal."""
        return str(self.row.data["verifier"])

    @property
    def person(self) -> str:
        """Return who consented, or an empty text."""
        return str(self.row.data["person"])

    @property
    def code(self) -> str:
        """Return the user pool's code, once there is one."""
        return str(self.row.data["code"])


class Devices:
    """Begins, shows, decides and completes sign-ins of devices. Its calls block."""

    def __init__(self, table: PortalTable, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def begin(self, source: str) -> Begun:
        """Begin a sign-in of a device at `source`. Raises `TooMany`."""
        self._count(f"from {source}", BEGINNINGS)
        self._count("everybody", EVERYBODYS_BEGINNINGS)
        begun = Begun(secrets.token_urlsafe(32), "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)))
        device, expires = _hash(begun.device_code), self._now() + LIFETIME_SECONDS
        data = {
            "state": "waiting", "source": source, "verifier": secrets.token_urlsafe(48), "person": "",
            "code": "", "asked_at": 0, "interval": INTERVAL_SECONDS,
        }  # fmt: skip
        self._table.create(Row(f"DEVICE#{device}", _SK, data, expires=expires))
        entry = {"device": device}
        self._table.create(Row(f"DEVICECODE#{_hash(begun.user_code)}", _SK, entry, expires=expires))
        return begun

    def entered(self, person: str, text: str) -> Waiting | None:
        """Return the sign-in of an entered code, or None. A wrong code counts. Raises `TooMany`."""
        self._count(f"by {person}", TRIES, add=False)
        code = "".join(one for one in text.upper() if one in _LETTERS)
        entry = self._live(f"DEVICECODE#{_hash(code)}") if len(code) == _LENGTH else None
        row = self._live(f"DEVICE#{entry.data['device']}") if entry is not None else None
        if row is None or row.data["state"] != "waiting":
            self._count(f"by {person}", TRIES)
            return None
        return Waiting(row)

    def decide(self, waiting: Waiting, person: str, *, consents: bool) -> str:
        """Store a person's decision and return the `state` for the user pool. A code is entered once."""
        data = {**waiting.row.data, "state": "consented" if consents else "denied", "person": person}
        row = self._table.change(waiting.row, data=data)
        return row.pk.removeprefix("DEVICE#")

    def consented(self, state: str, person: str) -> Waiting | None:
        """Return the sign-in that this person consented to, on the way back from the user pool."""
        row = self._live(f"DEVICE#{state}") if state.isalnum() else None
        if row is None or row.data["state"] != "consented" or row.data["person"] != person:
            return None
        return Waiting(row)

    def approve(self, waiting: Waiting, code: str) -> None:
        """Store the user pool's code until the device asks."""
        self._table.change(waiting.row, data={**waiting.row.data, "state": "approved", "code": code})

    def collect(self, device_code: str) -> Waiting:
        """Return what a device asks for, once. Raises `Refused`."""
        pk = f"DEVICE#{_hash(device_code)}"
        for _ in range(_ATTEMPTS):
            row = self._live(pk)
            if row is None:
                raise Refused("expired_token")
            try:
                return self._collected(row)
            except RowConflict:  # a person decides in this moment, or the device asks twice
                continue
        raise Refused("slow_down")

    def _collected(self, row: Row) -> Waiting:
        state, now = row.data["state"], self._now()
        if state in {"approved", "denied"}:
            self._table.change(row, data={**row.data, "state": "over", "code": "", "verifier": ""})
            self._table.delete(row.pk, row.sk)
            if state == "denied":
                raise Refused("access_denied")
            return Waiting(row)
        if state == "over":
            raise Refused("expired_token")
        interval = int(row.data["interval"])
        early = now - int(row.data["asked_at"]) < interval
        changed = {"asked_at": now, "interval": interval + INTERVAL_SECONDS if early else interval}
        self._table.change(row, data={**row.data, **changed})
        raise Refused("slow_down" if early else "authorization_pending")

    def _live(self, pk: str) -> Row | None:
        row = self._table.get(pk, _SK)
        return row if row is not None and row.expires > self._now() else None  # TTL deletes late

    def _count(self, who: str, most: int, *, add: bool = True) -> None:
        now = self._now()
        pk = f"DEVICETRIES#{_hash(who)}#{now // LIFETIME_SECONDS}"
        for _ in range(_ATTEMPTS):
            row = self._table.get(pk, "TRIES")
            tries = int(row.data["tries"]) if row is not None else 0
            if tries >= most:
                raise TooMany
            if not add:
                return
            data = {"tries": tries + 1}
            try:
                if row is None:
                    self._table.create(Row(pk, "TRIES", data, expires=now + 2 * LIFETIME_SECONDS))
                else:
                    self._table.change(row, data=data)
                return
            except RowConflict:
                continue
        raise TooMany

    def _now(self) -> int:
        return int(self._clock().timestamp())


def person_of(tokens: Mapping[str, Any]) -> str:
    """Return whose access token it is. It comes directly from the user pool, so it is read and not
    verified.
    """
    try:
        part = str(tokens["access_token"]).split(".")[1]
        return str(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["kit_person"])
    except (KeyError, IndexError, ValueError):
        return ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

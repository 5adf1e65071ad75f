"""People whose tokens come directly from an issuer: bound to their account at the first call (G.4, L1.3).

An issuer in `trusted_issuers` may identify people by name. Names are reused, the issuer's subject is not:
the first call with a name binds the subject to the person, and from then on only the subject counts.
Another subject with the name of a person who has an account is refused.
"""

from typing import NamedTuple

from lambdas.common.access import AccessRecord, AccessRecords, NameKind, user_key
from lambdas.common.bindings import AlreadyBound, Binding, Bindings, place_of
from lambdas.common.clock import Clock


class ForeignSubject(Exception):
    """The account belongs to somebody other than the `person` its token names."""

    def __init__(self, person: str, account: str) -> None:
        super().__init__(person)
        self.person = person
        self.account = account


class Found(NamedTuple):
    """The owner of an account; `binding` creates the link if this is the first call."""

    record: AccessRecord | None
    binding: Binding | None = None


class Accounts:
    """Finds people by account. Its calls block, and raise botocore's errors."""

    def __init__(self, records: AccessRecords, bindings: Bindings, clock: Clock) -> None:
        self._records = records
        self._bindings = bindings
        self._clock = clock

    def find(self, issuer: str, account: str, kind: NameKind, name: str) -> Found:
        """Return the person of an account, given as a hash (`subject_hash`). Raises `ForeignSubject`."""
        known = self._bindings.person_of(account)
        if known is not None:
            return Found(self._records.get(user_key(known)))
        record, now = self._records.find_person(name, kind), self._clock()
        if record is None or not record.active_at(now):
            return Found(record)
        place = place_of(issuer)
        if self._bindings.of(record.subject, place) is not None:
            raise ForeignSubject(record.subject, account)
        return Found(record, Binding(record.subject, account, "", "name", now, place))

    def bind(self, binding: Binding) -> None:
        """Bind an account to a person. Idempotent. Raises `ForeignSubject`."""
        try:
            self._bindings.bind(binding)
        except AlreadyBound:
            if self._bindings.person_of(binding.subject) != binding.person:
                raise ForeignSubject(binding.person, binding.subject) from None

"""`kit audit find`: records for an investigator, decrypted for those who are permitted (G.3)."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kit.audit.sources import Source, ahead, readers, segments_of
from lambdas.common.audit.bodies import BodyDamaged, unseal
from lambdas.common.audit.chain import hour_prefix
from lambdas.common.audit.manifest import HOUR, ManifestDamaged, hour_of
from lambdas.common.audit.segment import index_key, read_index
from lambdas.common.json_text import parse_json
from lambdas.common.subject_keys import NoSubjectKey, SubjectErased, SubjectKeys

_THREADS = 16
_WINDOW_BYTES = 64 * 1024 * 1024
_HOURS_AHEAD = 12


@dataclass(frozen=True, slots=True)
class Question:
    """What to search for; None matches anything. `prompt` is `id` or `id@version`."""

    first: datetime
    last: datetime
    person: str | None = None
    department: str | None = None
    prompt: str | None = None
    request_id: str | None = None
    kind: str | None = None

    def fits(self, record: Mapping[str, Any]) -> bool:
        """Return whether a record matches."""
        wanted = (
            (self.person, (record.get("principal"), record.get("subject"))),
            (self.department, (record.get("department"),)),
            (self.prompt, (record.get("prompt"), f"{record.get('prompt')}@{record.get('prompt_version')}")),
            (self.request_id, (record.get("request_id"), record.get("statement_id"))),
            (self.kind, (record.get("kind"),)),
        )
        if any(asked is not None and asked not in found for asked, found in wanted):
            return False
        return self.first <= datetime.fromisoformat(str(record.get("at"))) <= self.last


def find(
    source: Source, question: Question, *, progress: Callable[[int], None] = lambda _: None
) -> Iterator[dict[str, Any]]:
    """Yield matching records, hour by hour. Lines that are not records are left to `verify`."""
    with readers(_THREADS) as listing, readers(_THREADS) as pool:
        hours = ahead(listing, _hours(question), lambda hour: _places(source, hour), most=_HOURS_AHEAD)
        for _, places in hours:
            for _, data in ahead(
                pool,
                places,
                lambda place: source.get(place[0]),
                most=_WINDOW_BYTES,
                weight=lambda place: place[1] + 1,
            ):
                for record in _records(data or b""):
                    if question.fits(record):
                        yield record
            progress(1)


def _places(source: Source, hour: datetime) -> list[tuple[str, int]]:
    """Return keys and sizes of what contains the records of an hour: segments, and objects outside them.

    An unreadable manifest is left to `verify`: everything present is then searched.
    """
    try:
        segments = segments_of(source, hour)
    except ManifestDamaged:
        segments = ()
    contained: set[str] = set()
    for segment in segments:
        index = source.get(index_key(segment.key))
        with suppress(ValueError):  # an unreadable index likewise
            contained.update(one.key for one in read_index(index or b""))
    objects = [
        (one.key, one.size)
        for one in source.entries(hour_prefix(hour))
        if not one.deleted and one.key not in contained
    ]
    return [(one.key, one.size) for one in segments] + objects


def _hours(question: Question) -> Iterator[datetime]:
    """Yield the hours to search. A record is stored under the hour of its put, seconds after it was
    created.
    """
    hour = hour_of(question.first)
    while hour <= hour_of(question.last) + HOUR:
        yield hour
        hour += HOUR


def _records(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.split(b"\n"):
        try:
            record = parse_json(line)
            aware = datetime.fromisoformat(record["at"]).utcoffset() is not None
        except (ValueError, KeyError, TypeError):
            continue
        if aware:
            yield record


def opened(record: Mapping[str, Any], keys: SubjectKeys) -> dict[str, str]:
    """Return the bodies of a record as text, or in angle brackets why one cannot be decrypted.

    Raises botocore's errors, including access denied.
    """
    owner = record.get("subject") or record.get("principal")
    texts = {}
    for field, body in record.get("bodies", {}).items():
        try:
            key = keys.find(str(record.get("department")), str(owner), str(body.get("key")))
            texts[field] = unseal(key, str(record.get("record_id")), field, body).decode(errors="replace")
        except SubjectErased:
            texts[field] = "<erased>"
        except NoSubjectKey:
            texts[field] = "<its key is not there>"
        except BodyDamaged:
            texts[field] = "<altered: it does not open>"
    return texts

"""The gates' evidence file: attestations and measurements, appended and never rewritten.

    attestations:
    - criterion: audit-policy-approved
      by: Ada Lovelace, chair of the board
      dated: 2026-11-24
      document: documents/audit-policy.md
      sha256: 0f2c…
      identity: arn:aws:sts::111122223333:assumed-role/governance-lead/ada
    measurements:
    - criterion: people-live
      dated: 2027-01-30
      value: 312
      threshold: 300
      source: kit gate measure
      query: distinct people with a complete answer, 2027-01-01 to 2027-01-28
      figures: {people: 312}

A measurement without `query` was entered by hand, and an attestation without `identity` was recorded without
signing in to AWS. In production neither meets its criterion. Entries that `kit up` writes on the emulated AWS
have `demonstration: true` and are kept in a separate file; they are refused everywhere else.
"""

import contextlib
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast

import yaml

from contract.problems import nearest, shown
from stacks.settings.credentials import credential_problems
from stacks.settings.documents import UnreadableFile, read_yaml

_HEADER = "# Evidence of the gates, written by kit gate and read by every stage. The latest entry counts.\n"


class EvidenceError(Exception):
    """An evidence file is invalid. The message names the file and the entry."""


@dataclass(frozen=True, slots=True)
class Attestation:
    """A person's approval of a document.

    `sha256` is the document's hash, `document` its path relative to the project. `identity` is the AWS
    identity that was signed in when the attestation was recorded, or empty.
    """

    criterion: str
    by: str
    dated: date
    document: str
    sha256: str
    demonstration: bool = False
    identity: str = ""

    def as_document(self) -> dict[str, Any]:
        """Return plain data, with dates in ISO format and `demonstration` only if true."""
        return _as_document(self)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measured value, with the `threshold` at the time and its `source`.

    `query` describes how the value was computed and `figures` from which numbers. Both are empty if a
    person entered the value.
    """

    criterion: str
    dated: date
    value: int
    threshold: int
    source: str
    demonstration: bool = False
    query: str = ""
    figures: Mapping[str, int] = field(default_factory=dict[str, int])

    def as_document(self) -> dict[str, Any]:
        """Return plain data, with dates in ISO format and `demonstration` only if true."""
        return _as_document(self)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Entries of one or more files in order. For each criterion, the last entry with the latest date
    counts.
    """

    attestations: tuple[Attestation, ...] = ()
    measurements: tuple[Measurement, ...] = ()

    def __add__(self, other: "Evidence") -> "Evidence":
        return Evidence(self.attestations + other.attestations, self.measurements + other.measurements)

    def attestation(self, criterion: str) -> Attestation | None:
        """Return the latest attestation of a criterion."""
        return max(
            (each for each in reversed(self.attestations) if each.criterion == criterion),
            key=_dated,
            default=None,
        )

    def attested_by(self, latest: Attestation, since: date) -> set[str]:
        """Return the AWS identities that attested the same document as `latest` since a date."""
        return {
            each.identity
            for each in self.attestations
            if each.criterion == latest.criterion
            and (each.document, each.sha256) == (latest.document, latest.sha256)
            and each.dated >= since
            and each.identity
        }

    def measurement(self, criterion: str) -> Measurement | None:
        """Return the latest measurement of a criterion."""
        return max(
            (each for each in reversed(self.measurements) if each.criterion == criterion),
            key=_dated,
            default=None,
        )

    @property
    def newest(self) -> date | None:
        """Return the latest date in the evidence.

        Age is measured against it, so that evaluation needs no clock.
        """
        return max((each.dated for each in (*self.attestations, *self.measurements)), default=None)


def read_evidence(path: Path, *, demonstration: bool) -> Evidence:
    """Read an evidence file. A missing file yields no entries.

    `demonstration` states which kind of entries the file contains.

    Raises:
        EvidenceError: unreadable, malformed, or with entries of the other kind.
    """
    if not path.exists():
        return Evidence()
    try:
        document = read_yaml(path)
    except UnreadableFile as error:
        raise EvidenceError(str(error)) from error
    if document is None:
        return Evidence()
    document = cast("Mapping[str, Any]", document) if isinstance(document, Mapping) else None
    if document is None or not document.keys() <= {"attestations", "measurements"}:
        raise EvidenceError(f"{path}: only the keys attestations and measurements, each with a list")
    secrets = credential_problems(document)
    if secrets:
        raise EvidenceError(f"{path}: {secrets[0]}")
    evidence = Evidence(
        tuple(_attestation(each, where) for each, where in _entries(document, "attestations", path)),
        tuple(_measurement(each, where) for each, where in _entries(document, "measurements", path)),
    )
    for each in (*evidence.attestations, *evidence.measurements):
        if each.demonstration and not demonstration:
            raise EvidenceError(
                f"{path}: {each.criterion}: a demonstration is accepted on the emulated AWS only"
            )
        if not each.demonstration and demonstration:
            raise EvidenceError(f"{path}: {each.criterion}: lacks demonstration: true")
    return evidence


def write_evidence(path: Path, evidence: Evidence) -> None:
    """Write the file atomically, so that an interruption never leaves half a file."""
    document = {
        "attestations": [_fields(each) for each in evidence.attestations],
        "measurements": [_fields(each) for each in evidence.measurements],
    }
    text = _HEADER + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise


def _dated(entry: Attestation | Measurement) -> date:
    return entry.dated


def _fields(entry: Attestation | Measurement) -> dict[str, Any]:
    optional = ("demonstration", "query", "figures", "identity")
    return {name: value for name, value in asdict(entry).items() if value or name not in optional}


def _as_document(entry: Attestation | Measurement) -> dict[str, Any]:
    return {**_fields(entry), "dated": entry.dated.isoformat()}


def _entries(document: Mapping[str, Any], key: str, path: Path) -> list[tuple[Mapping[str, Any], str]]:
    given = document.get(key) or ()
    entries = cast("Sequence[Any]", given)
    if not isinstance(given, list | tuple) or not all(isinstance(each, Mapping) for each in entries):
        raise EvidenceError(f"{path}: {key}: not a list of entries")
    return [(each, f"{path}: {key}[{position}]") for position, each in enumerate(entries)]


def _attestation(given: Mapping[str, Any], where: str) -> Attestation:
    read = _Entry(given, where, Attestation)
    sha256 = read.text("sha256")
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise EvidenceError(f"{where}.sha256: not 64 hexadecimal digits")
    return Attestation(
        read.text("criterion"),
        read.text("by"),
        read.day("dated"),
        read.text("document"),
        sha256,
        read.flag("demonstration"),
        read.text("identity") if "identity" in given else "",
    )


def _measurement(given: Mapping[str, Any], where: str) -> Measurement:
    read = _Entry(given, where, Measurement)
    return Measurement(
        read.text("criterion"),
        read.day("dated"),
        read.whole("value"),
        read.whole("threshold"),
        read.text("source"),
        read.flag("demonstration"),
        read.text("query") if "query" in given else "",
        read.numbers("figures"),
    )


class _Entry:
    """Typed access to one entry. Every error names its key."""

    def __init__(self, given: Mapping[str, Any], where: str, kind: type) -> None:
        self._given = given
        self._where = where
        known = {each.name for each in fields(kind)}
        for key in given:
            if key not in known:
                raise EvidenceError(f"{where}.{key}: is not a key; {nearest(str(key), known)}")

    def text(self, key: str) -> str:
        value = self._given.get(key)
        if not isinstance(value, str) or not value.strip():
            raise EvidenceError(f"{self._where}.{key}: {shown(value)} is not a text")
        return value

    def day(self, key: str) -> date:
        value = self._given.get(key)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        try:
            return date.fromisoformat(value if isinstance(value, str) else "")
        except ValueError:
            raise EvidenceError(
                f"{self._where}.{key}: {shown(value)} is not a date such as 2026-11-24"
            ) from None

    def whole(self, key: str) -> int:
        value = self._given.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise EvidenceError(f"{self._where}.{key}: {shown(value)} is not a whole number")
        return value

    def numbers(self, key: str) -> dict[str, int]:
        value = self._given.get(key, {})
        numbers = cast("dict[Any, Any]", value) if isinstance(value, dict) else {None: value}
        if not all(isinstance(name, str) and type(number) is int for name, number in numbers.items()):
            raise EvidenceError(f"{self._where}.{key}: {shown(value)} is not names with whole numbers")
        return cast("dict[str, int]", numbers)

    def flag(self, key: str) -> bool:
        value = self._given.get(key, False)
        if not isinstance(value, bool):
            raise EvidenceError(f"{self._where}.{key}: {shown(value)} is not true or false")
        return value

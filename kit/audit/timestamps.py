"""Timestamps (RFC 3161) of a file of anchors: they show since when it says what it says (L2.5).

An anchor finds a roll-back for those who trust the keeper of the file. A token of a timestamp authority shows
everybody else that the anchors existed at a time, so that neither the keeper nor the operator can have
written them afterwards. A token covers the first N lines of the file, which only ever grows, and lies beside
it as FILE.N.tsr: the answer of the authority as it came, which `openssl ts -verify` reads.
"""

import hashlib
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kit.errors import ExitCode, KitError

if TYPE_CHECKING:
    from rfc3161_client import TimeStampRequest, TimeStampResponse

_TIMEOUT = 20  # seconds
_LARGEST = 1 << 20  # bytes of an answer; tokens with their certificates have 2 to 8 kB


class TimestampUnavailable(Exception):
    """The authority gave no token that holds; the message says why."""


@dataclass(frozen=True)
class Timestamp:
    """A token: the first `lines` lines of the file of anchors existed at `at` (UTC)."""

    path: Path
    lines: int
    at: datetime


def timestamps_of(file: Path) -> list[Timestamp]:
    """The tokens beside a file of anchors, held against its lines; by lines.

    Their signatures are not looked at: `openssl ts -verify` does, and `take_timestamp` when it takes one.
    Raises OSError, and KitError where a token is not of the lines that the file has now.
    """
    tokens = sorted(_tokens(file))
    if not tokens:
        return []
    lines = file.read_bytes().splitlines(keepends=True) if file.exists() else []
    found = []
    for count, path in tokens:
        answer = _decoded(path.read_bytes())
        if answer is None:
            raise _contradicted(f"{path} is not the answer of a timestamp authority")
        if not _is_of(answer, b"".join(lines[:count])):
            raise _contradicted(
                f"{path} is not a timestamp of the first {count} lines of {file}: one was changed"
            )
        found.append(Timestamp(path, count, answer.tst_info.gen_time.astimezone(UTC)))
    return found


def take_timestamp(file: Path, url: str, authorities: Path | None = None) -> Timestamp | None:
    """Have an authority stamp the lines of a file of anchors; None when it has none.

    Lines that have a token already are not stamped again. `authorities` are the root certificates (PEM) by
    which the token is verified before it is kept; without them its signature is not looked at.
    Raises `TimestampUnavailable`, OSError, ValueError (an unsuitable URL or certificate), and as
    `timestamps_of`.
    """
    data = file.read_bytes() if file.exists() else b""
    count = len(data.splitlines())
    if not count:
        return None
    known = timestamps_of(file)
    if known and known[-1].lines == count:
        return known[-1]
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    request = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build()
    answer = _asked(url, request.as_bytes())
    token = _decoded(answer)
    if token is None:
        raise TimestampUnavailable("its answer holds no timestamp")
    if not _is_of(token, data) or token.tst_info.nonce != request.nonce:
        raise TimestampUnavailable("its timestamp is not of what it was asked to stamp")
    if authorities:
        _check_signature(token, request, data, authorities)
    path = file.with_name(f"{file.name}.{count}.tsr")
    path.write_bytes(answer)
    return Timestamp(path, count, token.tst_info.gen_time.astimezone(UTC))


def _contradicted(message: str) -> KitError:
    return KitError(
        message,
        hint="take the file and its timestamps from where you keep a second copy",
        exit_code=ExitCode.VERIFICATION_FAILED,
    )


def _tokens(file: Path) -> Iterator[tuple[int, Path]]:
    named = re.compile(re.escape(file.name) + r"\.([1-9][0-9]*)\.tsr")
    for path in file.parent.glob("*.tsr"):
        if match := named.fullmatch(path.name):
            yield int(match[1]), path


def _asked(url: str, query: bytes) -> bytes:
    """The authority's answer. Plain HTTP will do: what counts is signed."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{url} is not the http or https address of a timestamp authority")
    request = urllib.request.Request(  # noqa: S310 - checked above
        url,
        data=query,
        headers={"content-type": "application/timestamp-query", "accept": "application/timestamp-reply"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            return answer.read(_LARGEST)
    except urllib.error.HTTPError as error:
        raise TimestampUnavailable(f"{parts.hostname} answers {error.code}") from None
    except (OSError, ValueError) as error:
        raise TimestampUnavailable(f"{parts.hostname} does not answer: {error}") from None


def _decoded(answer: bytes) -> "TimeStampResponse | None":
    """An answer that grants a token; None for any other."""
    from rfc3161_client import PKIStatus, decode_timestamp_response

    try:
        response = decode_timestamp_response(_certificates_in_order(answer))
        granted = response.status in {PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS}
        return response if granted and response.tst_info else None
    except (ValueError, IndexError):  # not DER, or a refusal, which has no token
        return None


def _certificates_in_order(answer: bytes) -> bytes:
    """The answer with its set of certificates sorted, as DER wants it.

    Authorities that run OpenSSL send the certificates in the order of their configuration, which a strict
    reader refuses. They are not signed, so that sorting them changes nothing that is verified.
    """
    reply, *_ = _elements(answer, 0, len(answer))
    _, token, *_ = _elements(answer, *reply[1:])
    _, content, *_ = _elements(answer, *token[1:])
    signed, *_ = _elements(answer, *content[1:])
    for start, inside, end in _elements(answer, *signed[1:]):
        if answer[start] == 0xA0:
            ordered = sorted(answer[first:last] for first, _, last in _elements(answer, inside, end))
            return answer[:inside] + b"".join(ordered) + answer[end:]
    return answer


def _elements(data: bytes, start: int, end: int) -> list[tuple[int, int, int]]:
    """Where each element of DER between two places starts, has its content, and ends. Raises ValueError."""
    found = []
    while start < end:
        length, inside = data[start + 1], start + 2
        if length >= 0x80:
            inside += length & 0x7F
            length = int.from_bytes(data[start + 2 : inside])
        if inside + length > end:
            raise ValueError("an element goes beyond what holds it")
        found.append((start, inside, inside + length))
        start = inside + length
    return found


def _is_of(token: "TimeStampResponse", data: bytes) -> bool:
    """Whether a token stamps these bytes; requests ask for SHA-256."""
    return token.tst_info.message_imprint.message == hashlib.sha256(data).digest()


def _check_signature(
    token: "TimeStampResponse", request: "TimeStampRequest", data: bytes, authorities: Path
) -> None:
    from cryptography import x509
    from rfc3161_client import VerificationError, VerifierBuilder

    try:
        roots = x509.load_pem_x509_certificates(authorities.read_bytes())
    except ValueError:
        raise ValueError(f"{authorities} holds no certificate in PEM") from None
    builder = VerifierBuilder.from_request(request)
    for root in roots:
        builder = builder.add_root_certificate(root)
    try:
        builder.build().verify_message(token, data)
    except VerificationError as error:
        raise TimestampUnavailable(f"its timestamp does not hold by {authorities}: {error}") from None

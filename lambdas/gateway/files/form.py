"""The multipart form of an upload: parsed into a file with name and type, and serialised again for the
provider.

The provider gets what was inspected: not the caller's bytes, which two parsers might split differently, but
a new form around the parsed file.
"""

import re
import secrets
from dataclasses import dataclass, field

from lambdas.gateway.errors import ApiError, Header, invalid_request

_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f\x7f]')
_MEDIA_TYPE = re.compile(r"[!#$&^_.+\w-]{1,100}/[!#$&^_.+\w-]{1,100}", re.ASCII)
_LONGEST_NAME = 255
_UNNAMED, _OCTETS = "unnamed", "application/octet-stream"
_EXPIRES = "expires_in_seconds"
_SOONEST, _LATEST = 3_600, 90 * 24 * 3_600
_FIELDS = ("file", _EXPIRES)


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """An uploaded file. `expires_in_seconds` None: it is kept until it is deleted."""

    filename: str
    media_type: str
    data: bytes
    expires_in_seconds: int | None = None

    def form(self) -> tuple[Header, bytes]:
        """Return the form for a provider: its content type and its bytes."""
        boundary = secrets.token_hex(16).encode()
        parts = [
            b'Content-Disposition: form-data; name="file"; filename="%b"\r\nContent-Type: %b\r\n\r\n%b'
            % (self.filename.encode(), self.media_type.encode(), self.data)
        ]
        if self.expires_in_seconds is not None:
            parts.append(
                b'Content-Disposition: form-data; name="%b"\r\n\r\n%d'
                % (_EXPIRES.encode(), self.expires_in_seconds)
            )
        body = b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts) + b"--%b--\r\n" % boundary
        return (b"content-type", b"multipart/form-data; boundary=" + boundary), body


@dataclass(slots=True)
class _Part:
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    name: bytearray = field(default_factory=bytearray)
    value: bytearray = field(default_factory=bytearray)

    def end_header(self) -> None:
        self.headers.append((bytes(self.name).lower(), bytes(self.value)))
        self.name.clear()
        self.value.clear()

    def header(self, name: bytes) -> bytes:
        """Return the value of a header. Raises `ApiError` 400 if it is repeated."""
        found = [value for key, value in self.headers if key == name]
        if len(found) > 1:
            raise _malformed("a part has the same header twice")
        return found[0] if found else b""


def read_form(content_type: bytes, raw: bytes) -> UploadedFile:
    """Parse the file of an upload. Raises `ApiError` 400."""
    from python_multipart.multipart import parse_options_header

    files: list[UploadedFile] = []
    expires: list[int] = []
    for part in _parts(content_type, raw):
        kind, options = parse_options_header(part.header(b"content-disposition"))
        name = options.get(b"name", b"").decode("latin-1")
        if kind != b"form-data" or name not in _FIELDS:
            raise invalid_request(f"{name[:100] or 'a part without a name'}: known are {', '.join(_FIELDS)}")
        data = b"".join(part.pieces)
        if name == _EXPIRES:
            expires.append(read_expiry(data.decode("latin-1")))
        else:
            given = options.get(b"filename", b"")
            media_type = part.header(b"content-type").decode("latin-1").partition(";")[0]
            files.append(UploadedFile(read_filename(given), read_media_type(media_type), data))
    if len(files) != 1 or len(expires) > 1:
        raise invalid_request("file: exactly one is required")
    (file,) = files
    if not file.data:
        raise invalid_request("file: it is empty")
    return UploadedFile(file.filename, file.media_type, file.data, expires[0] if expires else None)


def _parts(content_type: bytes, raw: bytes) -> list[_Part]:
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise _malformed("its content type must be multipart/form-data with a boundary")
    parts: list[_Part] = []
    ended: list[bool] = []

    def field_name(data: bytes, start: int, end: int) -> None:
        parts[-1].name += data[start:end]

    def value(data: bytes, start: int, end: int) -> None:
        parts[-1].value += data[start:end]

    def piece(data: bytes, start: int, end: int) -> None:
        parts[-1].pieces.append(data[start:end])

    try:
        parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": lambda: parts.append(_Part()),
                "on_header_field": field_name,
                "on_header_value": value,
                "on_header_end": lambda: parts[-1].end_header(),
                "on_part_data": piece,
                "on_end": lambda: ended.append(True),
            },
        )
        parser.write(raw)
        parser.finalize()
    except FormParserError:
        raise _malformed("it cannot be read as a form") from None
    if not ended:
        raise _malformed("its end is missing")
    return parts


def read_filename(given: bytes) -> str:
    """Return the name of a file without its path. Raises `ApiError` 400."""
    try:
        name = re.split(r"[/\\]", given.decode())[-1]
    except UnicodeDecodeError:
        raise invalid_request("filename: must be UTF-8") from None
    if len(name) > _LONGEST_NAME or _FORBIDDEN.search(name):
        raise invalid_request(
            f'filename: at most {_LONGEST_NAME} characters, without < > : " | ? * and control characters'
        )
    return name or _UNNAMED


def read_media_type(given: str) -> str:
    """Return a media type without its parameters. Raises `ApiError` 400."""
    media_type = given.strip().lower() or _OCTETS
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise invalid_request("mime_type: must be a media type such as application/pdf")
    return media_type


def read_expiry(text: str) -> int:
    """Return the seconds until a file expires. Raises `ApiError` 400."""
    if not (text.isascii() and text.isdigit() and _SOONEST <= int(text[:9]) <= _LATEST):
        raise invalid_request(f"{_EXPIRES}: must be {_SOONEST} to {_LATEST}")
    return int(text)


def _malformed(why: str) -> ApiError:
    return invalid_request(f"The body is not a form with a file: {why}.")

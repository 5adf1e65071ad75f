"""Text of attached files: PDF (page by page), Office files, plain text (L2.3), and what could not be read.

Limits: 32 MB of file, 2,000 pages, 64 MB unpacked, 2,000 parts; a larger file counts as unreadable.
"""

import io
import re
import zipfile
from dataclasses import dataclass, field
from html import unescape

from lambdas.inspection.expressions import Expression
from lambdas.inspection.markings import MSIP

MAX_BYTES = 32 * 1024 * 1024
MAX_UNPACKED = 64 * 1024 * 1024
MAX_PARTS = 2_000
MAX_PAGES = 2_000
# fewer characters than this on a page that shows a picture: the page is a scan
MIN_PAGE_CHARACTERS = 50


@dataclass(slots=True)
class Reading:
    """Texts by page or part, sensitivity labels (id, name), and what could not be read."""

    unit: str = "page"
    pages: list[str] = field(default_factory=list)
    labels: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read(data: bytes, media_type: str) -> Reading:
    """Return the text of a file, recognised by its first bytes rather than by its declared type."""
    if len(data) > MAX_BYTES:
        return Reading(problems=["file-too-large"])
    if data[:1024].find(b"%PDF-") >= 0:
        return _pdf(data)
    if data[:4] == b"PK\x03\x04":
        return _office(data)
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        # the old Office container, also used for encrypted new files
        return Reading(problems=["encrypted-or-legacy-office-file"])
    if (
        media_type.startswith("image/")
        or data[:4] in (b"\x89PNG", b"GIF8", b"RIFF")
        or data[:3] == b"\xff\xd8\xff"
    ):
        return Reading(problems=["image"])
    text = _text(data)
    if text is None:
        return Reading(problems=["unknown-file"])
    return Reading(unit="text", pages=[text])


def _text(data: bytes) -> str | None:
    for encoding in ("utf-8-sig", "utf-16") if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    return None


def _pdf(data: bytes) -> Reading:
    # loaded on first use: most requests carry no file
    import pypdfium2
    import pypdfium2.raw as pdfium

    reading = Reading()
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError:
        return Reading(problems=["encrypted-or-broken-pdf"])
    try:
        if len(document) > MAX_PAGES:
            reading.problems.append("too-many-pages")
        for number in range(min(len(document), MAX_PAGES)):
            page = document[number]
            text = page.get_textpage().get_text_range()
            pictures = any(True for _ in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=4))
            if len(text.strip()) < MIN_PAGE_CHARACTERS and pictures:
                reading.problems.append(f"scanned-page-{number}")
            reading.pages.append(text)
        metadata = document.get_metadata_dict(skip_empty=True)
        if metadata:
            reading.pages.append("\n".join(f"{key}: {value}" for key, value in metadata.items()))
        if document.count_attachments():
            reading.problems.append("pdf-attachment")
        _msip(data[-200_000:].decode("latin-1") + data[:200_000].decode("latin-1"), reading)
    except pypdfium2.PdfiumError:
        reading.problems.append("broken-pdf")
    finally:
        document.close()
    return reading


_TEXT_PARTS = Expression(
    r"(?:word/(?:document|header\d*|footer\d*|comments|footnotes|endnotes)|ppt/(?:slides|notesSlides"
    r"|comments)/[^/]+"
    r"|xl/(?:sharedStrings|comments\d*|worksheets/[^/]+)|docProps/(?:core|app|custom)|docMetadata/LabelInfo"
    r"|content|meta)\.xml$"
)
_EMBEDDED = Expression(r"/(?:embeddings|media)/", re.IGNORECASE)
_BREAKS = Expression(
    r"</(?:w:p|a:p|w:tr|row|si|text:p|text:h|property|table:table-row)>|<(?:w:br|w:tab|a:br)\b[^>]*>"
)
_CELLS = Expression(r"</(?:w:tc|c|table:table-cell|a:tc)>")
_TAGS = Expression(r"<[^>]*>")


def _office(data: bytes) -> Reading:
    reading = Reading(unit="part")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_PARTS or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
                return Reading(problems=["archive-too-large"])
            if any(entry.flag_bits & 1 for entry in entries):
                return Reading(problems=["encrypted-archive"])
            names = {entry.filename for entry in entries}
            if "[Content_Types].xml" not in names and "content.xml" not in names:
                return Reading(problems=["archive"])
            for entry in entries:
                if _TEXT_PARTS.search(entry.filename):
                    with archive.open(entry) as part:
                        raw = part.read(MAX_UNPACKED).decode("utf-8", errors="replace")
                    _msip(raw, reading)
                    text = unescape(_TAGS.sub("", _BREAKS.sub("\n", _CELLS.sub("\t", raw)))).strip()
                    if text:
                        reading.pages.append(text)
                elif (
                    _EMBEDDED.search(entry.filename)
                    and entry.file_size
                    and "embedded-object-or-image" not in reading.problems
                ):
                    reading.problems.append("embedded-object-or-image")
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError, ValueError):
        return Reading(problems=["broken-archive"])
    return reading


_LABEL_NAME = Expression(
    r"MSIP_Label_([0-9a-fA-F-]{36})_Name\"?[^>]*>(?:<[^>]*>)?\s*([^<]{1,80})"
    r"|/MSIP_Label_([0-9a-fA-F-]{36})_Name\s*\(([^)]{1,80})\)"
)
_LABEL_INFO = Expression(r"<(?:\w+:)?label\b[^>]*\bid=\"\{?([0-9a-fA-F-]{36})\}?\"")


def _msip(raw: str, reading: Reading) -> None:
    names: dict[str, str] = {match["guid"].lower(): "" for match in MSIP.finditer(raw)}
    for match in _LABEL_NAME.finditer(raw):
        names[(match[1] or match[3]).lower()] = (match[2] or match[4] or "").strip()
    for match in _LABEL_INFO.finditer(raw):
        names.setdefault(match[1].lower(), "")
    known = {guid for guid, _ in reading.labels}
    reading.labels.extend((guid, name) for guid, name in sorted(names.items()) if guid not in known)

"""Values below a header that names their columns."""

from collections.abc import Iterator
from itertools import islice

from lambdas.inspection.detectors.reading import Context
from lambdas.inspection.expressions import Expression
from lambdas.inspection.findings import Span

# words of a column or field name -> the type of the values under it, and what such a value looks like
_COLUMNS: tuple[tuple[Expression, str, Expression], ...] = tuple(
    (Expression(name), kind, Expression(value))
    for name, kind, value in (
        (r"ssn|social.?sec", "US_SSN", r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
        (r"e-?mail", "EMAIL", r"[^@\s]+@[^@\s]+\.\w+"),
        (r"phone|mobile|^tel|\bcell|fax", "PHONE", r"\+?[\d() ./x-]{6,24}"),
        (r"cvv|cvc|security.?code", "CVV", r"\d{3,4}"),
        (r"exp", "CARD_EXPIRY", r"\d{2}/\d{2,4}"),
        (r"card|karte|carte|tarjeta|^cc|^pan$", "CREDIT_CARD", r"\d[\d -]{10,21}\d"),
        (r"iban", "IBAN", r"[A-Za-z]{2}\d{2}[A-Za-z0-9 ]{8,34}"),
        (r"passport", "PASSPORT", r"[A-Z0-9]{6,10}"),
        (r"licen[cs]e|^dl$", "DRIVER_LICENSE", r"[A-Z0-9-]{5,20}"),
        (r"birth|^dob$", "DATE_OF_BIRTH", r"[\d./-]{6,10}|[\w ,.]{8,20}"),
        (r"routing|^aba$", "US_ROUTING", r"\d{9}"),
        (r"acc(?:oun)?t|konto", "BANK_ACCOUNT", r"\d{6,17}"),
        (r"mrn|patient.?id", "MRN", r"[A-Z0-9-]{4,14}"),
        (r"^ip|ip.?addr", "IP_ADDRESS", r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f:]{6,39}"),
        (r"employee.?(?:id|no)|^emp.?id", "EMPLOYEE_ID", r"[A-Z0-9-]{3,12}"),
        (r"nhs", "UK_NHS", r"\d{3} ?\d{3} ?\d{4}"),
        (r"national.?ins|^nino$", "UK_NINO", r"[A-Za-z]{2}[\d ]{6,9}[A-Da-d]"),
        (r"member|insurance|policy", "INSURANCE_ID", r"[A-Z0-9-]{5,16}"),
        (r"user.?name|^login$", "USERNAME", r"[\w.-]{3,30}"),
        (
            r"pass(?:word|wd|code|phrase)|^pass$|pwd|passwort|kennwort|^pw$",
            "SECRET",
            r"(?=\S*[A-Za-z])(?=\S*\d)[^\s<>{}$]{6,120}",
        ),
        (
            r"secret|token|api.?key|access.?key|credential",
            "SECRET",
            r"(?=\S*[A-Za-z])(?=\S*\d)[^\s<>{}$]{16,400}",
        ),
    )
)
_HEADER_CELL = Expression(r"[A-Za-z][\w .#/'-]{0,30}")
_MAX_TABLE_LINES = 2_000


def tables(context: Context) -> Iterator[Span]:
    """Yield values below a header line that names their columns (comma, semicolon, tab or pipe)."""
    text = context.text
    done = 0  # where the line begins behind a table already read
    for start, end in _may_be_headers(context):
        if start < done:
            continue
        separator, columns = _header(text[start:end])
        if not separator:
            continue
        done = end + 1
        for row in islice(_lines(text, done), _MAX_TABLE_LINES):
            if row.count(separator) != len(columns) - 1:
                break
            yield from _row(row, done, separator, columns)
            done += len(row) + 1


def _may_be_headers(context: Context) -> Iterator[tuple[int, int]]:
    """Yield lines that have as many of a separator as the next line, as a cheap check."""
    text = context.text
    last = -1
    ends = context.places["header"]
    for place in _every_line(text) if ends is None else (0, *ends):
        start = text.rfind("\n", 0, place) + 1
        end = text.find("\n", place)
        if start == last or end < 0:
            continue
        last = start
        if _alike(text[start:end], next(_lines(text, end + 1))):
            yield start, end


def _every_line(text: str) -> Iterator[int]:
    """Yield where each line begins."""
    place = 0
    while place >= 0:
        yield place
        place = text.find("\n", place) + 1 or -1


def _lines(text: str, start: int) -> Iterator[str]:
    """Yield the lines from `start` on."""
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1


def _alike(line: str, below: str) -> bool:
    return any(count and count == below.count(sign) for sign in _SEPARATORS if (count := line.count(sign)))


# a line that may be a header: names of fields alone, among them the beginning of one of `_COLUMNS`. The first
# line of a text is always tried
_OF_A_HEADER = r"[^\n(){}=:<>!?@$%^&+\\~\[\]]*"
PLACES = {
    "header": rf"(?i)\n(?:{_OF_A_HEADER}(?:ssn|social|mail|phone|mobile|cell|fax|cvv|cvc|security|exp|card"
    r"|karte|carte|tarjeta|iban|passport|licen|birth|routing|acc|konto|mrn|patient|employee|nhs|national|member"
    r"|insurance|policy|user|pass|pwd|kennwort|secret|token|key|credential)"
    rf"|(?:{_OF_A_HEADER}[|\t;, \"'`*])?(?:tel|cc|pan|dl|dob|aba|ip|emp|nino|login|pw))",
}
_SEPARATORS = "|\t;,"


def _header(line: str) -> tuple[str, list[tuple[str, Expression] | None]]:
    if len(line) > 600:
        return "", []
    for separator in _SEPARATORS:
        if separator not in line:
            continue
        cells = [cell.strip().strip("\"'`*") for cell in line.split(separator)]
        named = [cell for cell in cells if cell]
        if not all(_HEADER_CELL.fullmatch(cell) for cell in named) or len(named) < 2:
            return "", []
        columns = [_column(cell.lower()) for cell in cells]
        return (separator, columns) if any(columns) else ("", [])
    return "", []


def _column(name: str) -> tuple[str, Expression] | None:
    if len(name.split()) > 4:
        return None
    for pattern, kind, value in _COLUMNS:
        if pattern.search(name):
            return kind, value
    return None


def _row(
    line: str, offset: int, separator: str, columns: list[tuple[str, Expression] | None]
) -> Iterator[Span]:
    position = offset
    for cell, column in zip(line.split(separator), columns, strict=True):
        if column:
            value = cell.strip().strip("\"'`")
            if value and any(c.isdigit() or c == "@" for c in value) and column[1].fullmatch(value):
                start = position + cell.index(value)
                yield Span(column[0], start, start + len(value), 0.9, "column")
        position += len(cell) + 1

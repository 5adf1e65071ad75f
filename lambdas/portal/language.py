"""Language of a page and of its interface texts.

Templates and code are in English; every other language is a catalogue `catalogues/<language>.json` keyed by
the English text. Content has languages of its own, see `lambdas/common/learning.py`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path

CATALOGUES = Path(__file__).parent / "catalogues"
LANGUAGES = ("en", "de")
_NAMES = {"en": "English", "de": "Deutsch"}
_MONTHS = {
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    "de": [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
}
_WEEKDAYS = {
    "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    "de": ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
}


@dataclass(frozen=True, slots=True)
class Language:
    """The interface texts of one language. `code` has two letters; times are displayed in `zone`."""

    code: str
    catalogue: Mapping[str, str]
    zone: tzinfo = UTC

    def __call__(self, text: str, **values: object) -> str:
        """Return `text` in this language with `{names}` filled in; the English text if it is not
        translated.
        """
        found = self.catalogue.get(text, text)
        return found.format(**values) if values else found

    @property
    def others(self) -> list[tuple[str, str]]:
        """Return the other languages: code and own name."""
        return [(code, _NAMES[code]) for code in LANGUAGES if code != self.code]

    def day(self, on: date) -> str:
        """Return a date in words, without its weekday."""
        month = _MONTHS[self.code][on.month - 1]
        return f"{on.day}. {month} {on.year}" if self.code == "de" else f"{on.day} {month} {on.year}"

    def weekday(self, number: int) -> str:
        """Return the name of a weekday; Monday is 0."""
        return _WEEKDAYS[self.code][number]

    def moment(self, seconds: int) -> str:
        """Return a time with its date and its time zone."""
        at = datetime.fromtimestamp(seconds, self.zone)
        return f"{self.day(at.date())}, {at:%H:%M %Z}"

    def moment_of(self, time: str) -> str:
        """Return an ISO 8601 time with its date; the text itself if it is not a time."""
        try:
            return self.moment(int(datetime.fromisoformat(time).timestamp()))
        except ValueError:
            return time

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number with the language's separators."""
        text = f"{value:,.{digits}f}"
        return text.translate(str.maketrans(",.", ".,")) if self.code == "de" else text

    def dollars(self, microusd: int) -> str:
        """Return an amount of micro-dollars in dollars and cents."""
        text = self.number(microusd / 1_000_000, 2)
        return f"{text} USD"


def read_languages(folder: Path = CATALOGUES) -> dict[str, Language]:
    """Read every language of the interface. Raises `OSError` or `ValueError` for a bad catalogue."""
    found = {"en": Language("en", {})}
    for code in LANGUAGES[1:]:
        found[code] = Language(code, json.loads((folder / f"{code}.json").read_text(encoding="utf-8")))
    return found


def chosen(cookie: str, accept_language: str) -> str:
    """Return the language of a request: the chosen one, or else the first available in `Accept-Language`."""
    if cookie in LANGUAGES:
        return cookie
    ranked: list[tuple[float, str]] = []
    for part in accept_language.split(",")[:20]:
        name, _, quality = part.partition(";q=")
        try:
            ranked.append((-float(quality or 1), name.strip()[:2].lower()))
        except ValueError:
            continue
    return next((code for _, code in sorted(ranked, key=lambda one: one[0]) if code in LANGUAGES), "en")

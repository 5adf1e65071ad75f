"""Answers kept for the time without a gateway."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class KeptAnswers(Protocol):
    """Where answers are kept. A key is a SHA-256 of the request in hexadecimal digits. May raise OSError."""

    def read(self, key: str) -> str | None:
        """The answer, or None."""
        ...

    def write(self, key: str, text: str) -> None:
        """Keep an answer."""
        ...


@dataclass(frozen=True)
class KeptFolder:
    """One file for each answer, which only this user can read, deleted when it is older than `days` and asked
    for. Answers can be personal: choose the folder and the days as for the data that the questions come from.
    """

    folder: Path
    days: float = 30.0

    def read(self, key: str) -> str | None:
        """The answer, or None when there is none or it is too old."""
        path = self.folder / key
        try:
            if time.time() - path.stat().st_mtime <= self.days * 86_400:
                return path.read_text("utf-8")
        except FileNotFoundError:
            return None
        path.unlink()
        return None

    def write(self, key: str, text: str) -> None:
        """Keep an answer; a reader or an interruption never sees half of it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=str(self.folder), prefix=".new-")  # mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).replace(self.folder / key)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(temporary).unlink()
            raise

"""The stand-in's Files API: keeps uploads for as long as it runs."""

import email.parser
import email.policy
import itertools
from typing import Any

_CREATED = "2026-01-01T00:00:00Z"


class StandInFiles:
    """Files by id. Methods return None for an unknown file."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._files: dict[str, dict[str, Any]] = {}

    def upload(self, content_type: str, raw: bytes) -> dict[str, Any] | None:
        """Return the metadata of the file in a form, or None if the form has no file."""
        head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
        form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + raw)
        for part in form.iter_parts():
            if part.get_param("name", header="content-disposition") == "file":
                content = part.get_payload(decode=True)
                file_id = f"file_standin{next(self._numbers):09d}"
                self._files[file_id] = {
                    "id": file_id,
                    "type": "file",
                    "filename": str(part.get_filename() or "unnamed"),
                    "mime_type": part.get_content_type(),
                    "size_bytes": len(content) if isinstance(content, bytes) else 0,
                    "created_at": _CREATED,
                    "downloadable": False,
                }
                return self._files[file_id]
        return None

    def metadata(self, file_id: str) -> dict[str, Any] | None:
        """Return a file's metadata."""
        return self._files.get(file_id)

    def delete(self, file_id: str) -> dict[str, Any] | None:
        """Delete a file."""
        known = self._files.pop(file_id, None)
        return {"id": file_id, "type": "file_deleted"} if known else None

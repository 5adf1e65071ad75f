"""POST /v1/files/uploads and /v1/files/uploads/{id}: files above API Gateway's body limit (L1.1, L2.3).

The first returns a URL, to which the caller uploads the file directly; the second then inspects it, sends
it to the provider and answers as `POST /v1/files` does. Only then does the file get an id.
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import Any

from lambdas.common.clock import Clock
from lambdas.common.identities import Principal
from lambdas.common.ids import new_id
from lambdas.common.ledger.items import TTL, Create, Key, Remove, Store
from lambdas.gateway import errors
from lambdas.gateway.access_log import AccessEntry
from lambdas.gateway.errors import ApiError, Header, available, invalid_request, not_found
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.files.form import UploadedFile, read_expiry, read_filename, read_media_type
from lambdas.gateway.files.quarantine import SECONDS, Quarantine
from lambdas.gateway.json_body import parse_object
from lambdas.gateway.record import Recorder
from lambdas.inspection.documents import MAX_BYTES

_FIELDS = ("filename", "mime_type", "size_bytes", "expires_in_seconds")
_KEPT = timedelta(days=1)
_LONGEST_ID = 64
_JSON: list[Header] = [(b"content-type", b"application/json")]


def _key(department: str, upload_id: str) -> Key:
    return Key("ledger", f"UPLOADS#{department}", upload_id)


@dataclass(frozen=True, slots=True)
class Uploads:
    """Begins uploads and finds pending ones. `store` is the ledger's."""

    quarantine: Quarantine
    recorder: Recorder
    store: Store
    clock: Clock

    async def begin(self, exchange: Exchange, entry: AccessEntry, principal: Principal, raw: bytes) -> None:
        """Answer where to upload a file. Raises `ApiError` 400, 413 for one that could not be inspected,
        503.
        """
        item = _read(raw)
        now = self.clock().astimezone(UTC)
        upload_id = new_id("upl_")
        kept = {**item, "principal": principal.id, TTL: int((now + _KEPT).timestamp())}
        await available(self.store.apply(Create(_key(principal.department, upload_id), kept)))
        url = await available(
            self.quarantine.address(upload_id, item["size_bytes"], item["mime_type"]), "quarantine"
        )
        about = {"request_bytes": item["size_bytes"], "media_type": item["mime_type"]}
        await self.recorder.file_access(
            exchange.request_id, principal, exchange.request_id, upload_id, "upload-address", about
        )
        entry.recorded = True
        answer = {
            "id": upload_id,
            "type": "file_upload",
            "method": "PUT",
            "url": url,
            "headers": {"content-type": item["mime_type"], "content-length": str(item["size_bytes"])},
            "expires_at": (now + timedelta(seconds=SECONDS)).isoformat(timespec="seconds"),
        }
        await exchange.answer(201, _JSON, json.dumps(answer).encode())

    async def waiting(self, principal: Principal, upload_id: str) -> UploadedFile:
        """Return the uploaded file.

        Raises `ApiError` 404 for other people's uploads or one without a file, 400 for a size other than
        announced, 503.
        """
        unknown = not_found(f"You have no upload {upload_id[:_LONGEST_ID]}.", reason="unknown_upload")
        if not 0 < len(upload_id) <= _LONGEST_ID:
            raise unknown
        (item,) = await available(self.store.get([_key(principal.department, upload_id)]))
        if item is None or item["principal"] != principal.id:
            raise unknown
        data = await available(self.quarantine.read(upload_id), "quarantine")
        if not data:
            raise not_found(
                f"Nothing was put to the address of the upload {upload_id} yet: PUT the file there first, "
                "with the headers that were given with it.",
                reason="nothing_uploaded",
            )
        if len(data) != item["size_bytes"]:
            raise invalid_request(
                f"size_bytes: {item['size_bytes']} were announced and {len(data)} were put there"
            )
        expires = item.get("expires_in_seconds")
        return UploadedFile(item["filename"], item["mime_type"], data, int(expires) if expires else None)

    async def end(self, principal: Principal, upload_id: str) -> None:
        """Remove the upload. Never raises: the bucket's lifecycle does the same."""
        with suppress(Exception):
            await self.quarantine.empty(upload_id)
            await self.store.apply(Remove(_key(principal.department, upload_id), {"principal": principal.id}))


def _read(raw: bytes) -> dict[str, Any]:
    """Parse the announcement. Raises `ApiError` 400 naming the field, 413."""
    fields = parse_object(raw).fields
    for name in fields:
        if name not in _FIELDS:
            raise invalid_request(f"{name[:100]}: unknown; known are {', '.join(_FIELDS)}")
    filename, media_type, size = fields.get("filename"), fields.get("mime_type", ""), fields.get("size_bytes")
    if not isinstance(filename, str) or not filename:
        raise invalid_request("filename: a text is required")
    if not isinstance(media_type, str):
        raise invalid_request("mime_type: must be a media type such as application/pdf")
    if type(size) is not int or size <= 0:
        raise invalid_request("size_bytes: the size of the file is required, a positive whole number")
    if size > MAX_BYTES:
        raise ApiError(
            413,
            errors.TOO_LARGE,
            f"size_bytes: {MAX_BYTES} is the most that can be inspected; split the file.",
            reason="too_large",
            retry=False,
        )
    item: dict[str, Any] = {
        "filename": read_filename(filename.encode("utf-8", "replace")),
        "mime_type": read_media_type(media_type),
        "size_bytes": size,
    }
    if fields.get("expires_in_seconds") is not None:
        item["expires_in_seconds"] = read_expiry(str(fields["expires_in_seconds"]))
    return item

"""/v1/files: upload, list, get, download and delete (L1.1, L1.5, L1.10, L2.3, L2.5, G.1).

A file is inspected before it is sent to the provider and recorded with its content; it keeps the class it
was given (`belongings`). Nothing can be cut out of a file, so whatever would be redacted or withheld in a
message is refused. The uploader of a file, or the caller in whose call it was created, lists, downloads and
deletes it; the lead of the department sees and deletes all of the department's. Other members use a file by
its id.

The provider allows downloads only of files that code created. Such a file is an answer like any other: it
is filtered like the department's answers, and if something in it must not leave, all of it stays.
"""

import asyncio
import base64
import json
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from lambdas.common.clock import Clock
from lambdas.common.identities import Principal
from lambdas.common.json_text import json_bytes
from lambdas.common.ledger.items import TTL, Change, Create, Remove, Store
from lambdas.common.policy import Department, PolicyWatch
from lambdas.gateway import errors
from lambdas.gateway.access_log import AccessEntry
from lambdas.gateway.authorise import authorise_files
from lambdas.gateway.batches import LEAD
from lambdas.gateway.belongings import UPLOADED, file_key, known, not_yours
from lambdas.gateway.call import Answer, Caller, Calls, Deadlines, UpstreamCall
from lambdas.gateway.deliver import read_answer
from lambdas.gateway.errors import ApiError, Header, available, invalid_request, not_found
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.files.form import UploadedFile, read_form
from lambdas.gateway.files.quarantine import Quarantine
from lambdas.gateway.files.uploads import Uploads
from lambdas.gateway.gate import Gate
from lambdas.gateway.governed_call import GovernedCall
from lambdas.gateway.inspection import InspectionStep, read_declaration, refusal
from lambdas.gateway.json_body import JsonBody
from lambdas.gateway.pages import Page, page_of
from lambdas.gateway.providers.provider import ClaudeProvider, response_headers
from lambdas.gateway.providers.registry import Providers
from lambdas.gateway.providers.user_sessions import attribution_of
from lambdas.gateway.record import Recorder
from lambdas.gateway.request_rules import RequestRules
from lambdas.gateway.survey import Survey
from lambdas.gateway.turns import LIGHT_TO_READ_BYTES
from lambdas.gateway.verdict import Declaration, Verdict, taken_whole

_JSON: list[Header] = [(b"content-type", b"application/json")]
_LARGEST_PAGE, _MOST_IDS = 1_000, 100
_AT_ONCE = 8
_LONGEST_ID = 128
_BODY_HEADERS = (b"content-type", b"content-length", b"accept")
_ANNOUNCEMENT = 16 * 1024
_LARGER = (
    "For a larger file ask for an address with POST /v1/files/uploads (filename, mime_type, size_bytes)."
)
_UNREADABLE_PASSES = {"uninspectable": "flag", "image": "flag"}


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file that the caller may name: its id, and its item in the ledger's table."""

    id: str
    item: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Files:
    """Serves the files routes. `store` is the ledger's."""

    policy: PolicyWatch
    gate: Gate
    rules: RequestRules
    inspection: InspectionStep
    recorder: Recorder
    providers: Providers
    caller: Caller
    calls: Calls
    deadlines: Deadlines
    store: Store
    clock: Clock
    body_limit: int
    body_seconds: float
    quarantine: Quarantine | None = None  # for files above API Gateway's body limit

    async def answer(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        """Serve any request below /v1/files. Raises `ApiError`."""
        match exchange.method, exchange.path.split("/")[3:]:
            case "POST", []:
                entry.route = "files.create"
                await self._create(exchange, entry, principal)
            case "POST", ["uploads"]:
                entry.route = "files.uploads.create"
                await self._begin_upload(exchange, entry, principal)
            case "POST", ["uploads", upload_id]:
                entry.route = "files.uploads.complete"
                await self._complete_upload(exchange, entry, principal, upload_id)
            case "GET", []:
                entry.route = "files.list"
                await self._list(exchange, entry, principal)
            case "GET", [file_id]:
                entry.route = "files.retrieve"
                await self._retrieve(exchange, entry, principal, file_id)
            case "GET", [file_id, "content"]:
                entry.route = "files.content"
                await self._download(exchange, entry, principal, file_id)
            case "DELETE", [file_id]:
                entry.route = "files.delete"
                await self._delete(exchange, entry, principal, file_id)
            case _:
                raise not_found(
                    f"There is no {exchange.method} {exchange.path[:200]} here.", reason="no_route"
                )

    # -- upload ----------------------------------------------------------------------------------------------

    async def _create(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        self.gate.attempt(principal, exchange.headers)
        await self._admitted(exchange, principal)
        raw = await self._form(exchange)
        given = exchange.headers.get(b"content-type", b"")
        file = await self.inspection.turns.run(
            principal.id, len(raw), read_form, given, raw, light=LIGHT_TO_READ_BYTES
        )
        await exchange.answer(*await self._take(exchange, entry, principal, file))

    async def _form(self, exchange: Exchange) -> bytes:
        """Return the body. If it is too large, the refusal names the alternative, if there is one."""
        try:
            return await exchange.body(self.body_limit, self.body_seconds)
        except ApiError as error:
            if error.status == 413 and self.quarantine is not None:
                error.message += f" {_LARGER}"
            raise

    async def _begin_upload(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        uploads = await self._open_for_uploads(exchange, principal)
        await uploads.begin(exchange, entry, principal, await exchange.body(_ANNOUNCEMENT, self.body_seconds))

    async def _complete_upload(
        self, exchange: Exchange, entry: AccessEntry, principal: Principal, upload_id: str
    ) -> None:
        uploads = await self._open_for_uploads(exchange, principal)
        file = await uploads.waiting(principal, upload_id)
        try:
            status, headers, data = await self._take(exchange, entry, principal, file)
        except ApiError as error:
            if error.status == errors.POLICY_STATUS:
                await uploads.end(principal, upload_id)
            raise
        if status < 300:
            await uploads.end(principal, upload_id)
        await exchange.answer(status, headers, data)

    async def _open_for_uploads(self, exchange: Exchange, principal: Principal) -> Uploads:
        self.gate.attempt(principal, exchange.headers)
        await self._admitted(exchange, principal)
        authorise_files(self.policy.current(), principal)
        self._with_files(self.providers.of(self.policy.current()))
        if self.quarantine is None:
            raise not_found(
                f"This gateway takes files of up to {self.body_limit} bytes by POST /v1/files, and has no "
                "other way for larger ones.",
                reason="no_quarantine",
            )
        return Uploads(self.quarantine, self.recorder, self.store, self.clock)

    async def _take(
        self, exchange: Exchange, entry: AccessEntry, principal: Principal, file: UploadedFile
    ) -> tuple[int, list[Header], bytes]:
        """Return the provider's response to an inspected and recorded file, with its owner stored. Raises
        `ApiError`.
        """
        policy = self.policy.current()
        department = authorise_files(policy, principal)
        able = self._with_files(self.providers.of(policy))
        verdict = await self._verdict(file, department, principal, read_declaration(exchange.headers))
        if not verdict.allowed:
            call = self._as_call(exchange, entry, principal, department, file, verdict)
            await self.recorder.refusal(call)
            raise refusal(verdict, exchange.headers, policy.help_url)
        about = {
            "data_class": verdict.data_class,
            "requires_review": verdict.requires_review,
            "media_type": file.media_type,
            "decisions": [verdict.record],
        }
        await self.recorder.file_access(
            exchange.request_id, principal, exchange.request_id, "", "upload", about, file.data
        )
        content_type, form = file.form()
        upstream = UpstreamCall(
            "POST",
            _target(exchange),
            [content_type, *(one for one in exchange.raw_headers if one[0] not in _BODY_HEADERS)],
            attribution_of(principal, department),
            lambda _: form,
            self.deadlines.first_byte_stream,
        )
        try:
            with self.calls.place():
                answer = await self.caller.call(upstream, able)
                data = await read_answer(answer, self.deadlines, exchange.request_id)
        except ApiError as error:
            await self._ended(exchange, principal, "", {"status": error.status})
            raise
        entry.provider = answer.provider.name
        status = answer.response.status
        metadata = _metadata(data) if status < 300 else None
        if metadata is not None:
            item = self._item(exchange, principal, answer.provider, metadata, verdict)
            await self._keep(exchange, principal, department, OwnFile(metadata["id"], item))
        file_id = metadata["id"] if metadata else ""
        about = {"provider": answer.provider.name, "status": status}
        await self._ended(exchange, principal, file_id, about)
        entry.recorded = True
        return status, response_headers(answer.response.headers), data

    async def _ended(
        self, exchange: Exchange, principal: Principal, file_id: str, about: dict[str, Any]
    ) -> None:
        what = "uploaded" if file_id else "not uploaded"
        await self.recorder.file_access(
            exchange.request_id, principal, exchange.request_id, file_id, what, about
        )

    async def _verdict(
        self, file: UploadedFile, department: Department, principal: Principal, declaration: Declaration
    ) -> Verdict:
        size = len(file.data)
        body = await self.inspection.turns.run(
            principal.id, size, _as_message, file, light=LIGHT_TO_READ_BYTES
        )
        return await self.inspection.verdict(body, taken_whole(department), principal, declaration)

    def _as_call(
        self,
        exchange: Exchange,
        entry: AccessEntry,
        principal: Principal,
        department: Department,
        file: UploadedFile,
        verdict: Verdict,
    ) -> GovernedCall:
        return GovernedCall(
            exchange, entry, self.policy.current(), principal, department, "file", "", "", file.data, 0,
            False, verdict,
        )  # fmt: skip

    def _item(
        self,
        exchange: Exchange,
        principal: Principal,
        provider: ClaudeProvider,
        metadata: dict[str, Any],
        verdict: Verdict,
    ) -> dict[str, Any]:
        unread = sorted({one["kind"] for one in verdict.record["uninspectable"]})
        item: dict[str, Any] = {
            "principal": principal.id,
            "provider": provider.name,
            "request_id": exchange.request_id,
            "origin": UPLOADED,
            "created_at": self.clock().isoformat(timespec="seconds"),
            "data_class": verdict.data_class,
            "unread": json.dumps(unread),
            "metadata": json.dumps(metadata),
        }
        expires = _expiry(metadata)
        if expires is not None:
            item[TTL] = int(expires.timestamp())
        return item

    async def _keep(
        self, exchange: Exchange, principal: Principal, department: Department, file: OwnFile
    ) -> None:
        """Store the owner. If that fails, the file is deleted at the provider."""
        try:
            await available(self.store.apply(Create(file_key(department.id, file.id), file.item)))
        except ApiError:
            with suppress(ApiError):
                await self._ask(exchange, principal, department, file, method="DELETE")
            raise

    # -- reading ---------------------------------------------------------------------------------------------

    async def _list(self, exchange: Exchange, entry: AccessEntry, principal: Principal) -> None:
        """List the caller's own files, newest first; for the lead all of the department.

        Pagination is by `page`, as in the current API, and by `after_id` and `before_id`, as in older SDKs.
        """
        department = await self._admitted(exchange, principal)
        query = parse_qs(exchange.query.decode("latin-1"))
        every = await available(self.store.under("ledger", f"FILES#{department.id}"))
        await self._forget_erased(exchange, principal, department, every)
        leads = LEAD in principal.roles
        own = {
            file_id: OwnFile(file_id, item)
            for file_id, item in sorted(every, key=lambda one: (one[1]["created_at"], one[0]), reverse=True)
            if known(item) and (leads or item["principal"] == principal.id)
        }
        asked = [*query.get("ids", ()), *query.get("ids[]", ())]
        if asked:
            if len(set(asked)) > _MOST_IDS or query.keys() & {"page", "limit"}:
                raise invalid_request(f"ids: at most {_MOST_IDS}, and without page and limit")
            page = Page([one for one in own if one in asked], more=False)
        else:
            page = page_of(list(own), query, what="file", largest=_LARGEST_PAGE)
        if "scope_id" in query:  # files of sessions, which the gateway does not have
            page = Page([], more=False)
        data = await self._described(exchange, principal, department, [own[one] for one in page.ids])
        body = {**page.body(data), "next_page": page.next_token() if "before_id" not in query else None}
        await self.recorder.file_access(
            exchange.request_id, principal, exchange.request_id, "", "list", {"files": len(page.ids)}
        )
        entry.recorded = True
        await exchange.answer(200, _JSON, json_bytes(body))

    async def _forget_erased(
        self,
        exchange: Exchange,
        principal: Principal,
        department: Department,
        every: list[tuple[str, dict[str, Any]]],
    ) -> None:
        """Delete a few files of erased people at the provider. Failures are retried at the next list."""
        erased = [OwnFile(file_id, item) for file_id, item in every if known(item) is None]
        for file in erased[:_AT_ONCE]:
            with suppress(ApiError):
                answer, _ = await self._ask(exchange, principal, department, file, method="DELETE")
                if answer.response.status in {200, 404}:
                    await available(self.store.apply(Remove(file_key(department.id, file.id), {})))

    async def _described(
        self, exchange: Exchange, principal: Principal, department: Department, files: list[OwnFile]
    ) -> list[dict[str, Any]]:
        """Return the provider's metadata of each file. For those that code created it is fetched once."""
        turn = asyncio.Semaphore(_AT_ONCE)

        async def describe(file: OwnFile) -> dict[str, Any] | None:
            if "metadata" in file.item:
                return json.loads(file.item["metadata"])
            async with turn:
                answer, data = await self._ask(exchange, principal, department, file)
            metadata = _metadata(data) if answer.response.status == 200 else None
            if metadata is not None:
                await self._remember(department, file, metadata)
            return metadata

        found = await asyncio.gather(*(describe(one) for one in files))
        return [one for one in found if one is not None]

    async def _remember(self, department: Department, file: OwnFile, metadata: dict[str, Any]) -> None:
        values = {"metadata": json.dumps(metadata)}
        try:
            change = Change(file_key(department.id, file.id), values, {"request_id": file.item["request_id"]})
            await self.store.apply(change)
        except Exception:  # deleted meanwhile, or unavailable: the provider is asked again
            return

    async def _retrieve(
        self, exchange: Exchange, entry: AccessEntry, principal: Principal, file_id: str
    ) -> None:
        department = await self._admitted(exchange, principal)
        file = await self._of_department(principal, file_id)
        await self._record(exchange, entry, principal, file, "retrieve")
        answer, data = await self._ask(exchange, principal, department, file)
        await exchange.answer(answer.response.status, response_headers(answer.response.headers), data)

    async def _download(
        self, exchange: Exchange, entry: AccessEntry, principal: Principal, file_id: str
    ) -> None:
        department = await self._admitted(exchange, principal)
        file = await self._own(principal, file_id)
        await self._record(exchange, entry, principal, file, "content")
        answer, data = await self._ask(exchange, principal, department, file, "/content")
        headers = response_headers(answer.response.headers)
        if answer.response.status == 200 and department.redact_output:
            media_type = answer.response.header(b"content-type") or b""
            made = UploadedFile("", media_type.decode("latin-1").partition(";")[0], data)
            findings = {**department.findings, **_UNREADABLE_PASSES}
            verdict = await self._verdict(
                made, replace(department, findings=findings), principal, Declaration()
            )
            if not verdict.allowed:
                await self.recorder.refusal(
                    self._as_call(exchange, entry, principal, department, made, verdict)
                )
                raise errors.policy_refusal(
                    f"The file {file_id} holds what does not leave: {verdict.message} Ask Claude to make it "
                    "again without that.",
                    verdict.reason,
                )
        await exchange.answer(answer.response.status, headers, data)

    async def _delete(
        self, exchange: Exchange, entry: AccessEntry, principal: Principal, file_id: str
    ) -> None:
        """Delete a file. Deleting one that no longer exists at the provider succeeds."""
        department = await self._admitted(exchange, principal)
        file = await self._own(principal, file_id, leads=LEAD in principal.roles)
        await self._record(exchange, entry, principal, file, "delete")
        answer, data = await self._ask(exchange, principal, department, file, method="DELETE")
        status = answer.response.status
        if status in {200, 404}:
            await available(self.store.apply(Remove(file_key(department.id, file_id), {})))
        if status == 404:
            data = json.dumps({"id": file_id, "type": "file_deleted"}).encode()
            await exchange.answer(200, _JSON, data)
            return
        await exchange.answer(status, response_headers(answer.response.headers), data)

    # -- owning ----------------------------------------------------------------------------------------------

    async def _admitted(self, exchange: Exchange, principal: Principal) -> Department:
        """Return the caller's department, after the gate common to all routes and the contract."""
        department = await self.gate.admit(principal, exchange.headers)
        self.rules.hold(department, principal, exchange, {}, Survey())
        return department

    async def _of_department(self, principal: Principal, file_id: str, *, erased: bool = False) -> OwnFile:
        if not 0 < len(file_id) <= _LONGEST_ID:
            raise not_yours(file_id)
        (item,) = await available(self.store.get([file_key(principal.department, file_id)]))
        if item is None or not (erased or known(item)):
            raise not_yours(file_id)
        return OwnFile(file_id, item)

    async def _own(self, principal: Principal, file_id: str, *, leads: bool = False) -> OwnFile:
        file = await self._of_department(principal, file_id, erased=leads)
        if file.item["principal"] != principal.id and not leads:
            raise not_yours(file_id)
        return file

    async def _record(
        self, exchange: Exchange, entry: AccessEntry, principal: Principal, file: OwnFile, what: str
    ) -> None:
        await self.recorder.file_access(
            exchange.request_id, principal, file.item["request_id"], file.id, what, {}
        )
        entry.recorded = True

    # -- the provider ----------------------------------------------------------------------------------------

    def _with_files(self, providers: tuple[ClaudeProvider, ...]) -> list[ClaudeProvider]:
        able = [one for one in providers if one.files]
        if not able:
            raise not_found(
                "No configured provider has the Files API (Amazon Bedrock has none): send the document in "
                "the message, as base64 in its source.",
                reason="no_files",
            )
        return able

    async def _ask(
        self,
        exchange: Exchange,
        principal: Principal,
        department: Department,
        file: OwnFile,
        suffix: str = "",
        method: str = "GET",
    ) -> tuple[Answer, bytes]:
        """Return the provider's response about a file. Raises `ApiError`."""
        name = file.item["provider"]
        able = [one for one in self.providers.of(self.policy.current()) if one.name == name]
        if not able:
            raise not_found(
                f"The provider {name}, which holds this file, is no longer configured.",
                reason="provider_gone",
            )
        upstream = UpstreamCall(
            method,
            _target(exchange, f"/{file.id}{suffix}"),
            exchange.raw_headers,
            attribution_of(principal, department),
            lambda _: b"",
            self.deadlines.first_byte_stream,
        )
        answer = await self.caller.call(upstream, able)
        return answer, await read_answer(answer, self.deadlines, exchange.request_id)


def _target(exchange: Exchange, suffix: str = "") -> str:
    """Return the route at the provider. Of the query, only the beta flag is forwarded."""
    beta = "?beta=true" if b"beta=true" in exchange.query.split(b"&") else ""
    return f"/v1/files{suffix}{beta}"


def _as_message(file: UploadedFile) -> JsonBody:
    """Return the file as inspection reads it: a document by others, with its name."""
    source = {"type": "base64", "media_type": file.media_type, "data": base64.b64encode(file.data).decode()}
    block = {"type": "document", "title": file.filename, "source": source}
    fields = {"messages": [{"role": "user", "content": [block]}]}
    text = json.dumps(fields, ensure_ascii=False)
    return JsonBody(text.encode(), text, fields, {})


def _metadata(data: bytes) -> dict[str, Any] | None:
    try:
        metadata = json.loads(data)
    except (ValueError, RecursionError):
        return None
    named = isinstance(metadata, dict) and isinstance(metadata.get("id"), str) and metadata["id"]
    return metadata if named else None


def _expiry(metadata: dict[str, Any]) -> datetime | None:
    given = metadata.get("expires_at")
    try:
        return datetime.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        return None

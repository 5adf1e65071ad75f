"""The Files API through the HTTP door, with the real SDK against a provider that keeps files (L1.1, L1.5,
L1.10, L2.3, L2.5, G.1).
"""

import email.parser
import email.policy
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic

from lambdas.common.identities import Principal

from .harness import FINANCE_KEY, KEY, OTHER_KEY, Harness, department, make
from .upstream import FakeUpstream, Received, Reply, json_reply, ordinary_claude

SECRET = "The card 4539 5787 6362 1486 of SSN 536-22-8714 was charged."
LEAD_KEY = "vk_marketing_lead_secret"
BETA = "files-api-2025-04-14"


class FilesApi:
    """A provider with files: keeps what is uploaded, by what Python's own parser reads in the form."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, bytes] = {}
        self.down = False

    def __call__(self, received: Received) -> Reply:
        path, _, _ = received.target.partition("?")
        parts = path.split("/")[1:]
        if parts[:2] != ["v1", "files"]:
            return ordinary_claude(received)
        if self.down:
            return json_reply({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, 529)
        if received.method == "POST":
            return json_reply(self._upload(received))
        file_id = parts[2]
        if file_id not in self.files:
            error = {"type": "not_found_error", "message": f"File not found: {file_id}"}
            return json_reply({"type": "error", "error": error}, 404)
        if received.method == "DELETE":
            del self.files[file_id]
            return json_reply({"id": file_id, "type": "file_deleted"})
        if parts[3:] == ["content"]:
            return Reply(200, [("content-type", "text/csv")], [self.contents[file_id]])
        return json_reply(self.files[file_id])

    def _upload(self, received: Received) -> dict[str, Any]:
        head = f"Content-Type: {received.header('content-type')}\r\n\r\n".encode()
        form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + received.body)
        parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
        file = parts["file"]
        file_id = f"file_{len(self.contents) + 1}"
        content = file.get_payload(decode=True)
        assert isinstance(content, bytes)
        self.contents[file_id] = content
        return self.keep(file_id, str(file.get_filename()), file.get_content_type())

    def keep(self, file_id: str, name: str, mime_type: str, **more: Any) -> dict[str, Any]:
        self.files[file_id] = {
            "id": file_id,
            "type": "file",
            "filename": name,
            "mime_type": mime_type,
            "size_bytes": len(self.contents[file_id]),
            "created_at": datetime.now(UTC).isoformat(),
            "downloadable": False,
            **more,
        }
        return self.files[file_id]


@pytest.fixture(scope="module")
def running() -> Iterator[Harness]:
    upstream = FakeUpstream().start()
    departments = [
        department("marketing", tools=["code-execution"], redact_output=True),
        department("finance"),
        department("legal", registered_prompts_only=True),
        department("redacting", findings={"restricted": "redact"}),
        department("withholding", findings={"restricted-in-tools": "withhold"}),
        department("lenient", findings={"uninspectable": "flag"}),
    ]
    harness = make([upstream], departments=departments)
    harness.keys.principals[LEAD_KEY] = Principal(
        "person", "lea", "marketing", "USER#lea", "issuer", roles=("department-lead",)
    )
    for name in ("legal", "redacting", "withholding", "lenient"):
        harness.keys.principals[name] = Principal("person", name, name, f"USER#{name}", "issuer")
    yield harness
    harness.stop()
    upstream.stop()


@pytest.fixture
def api(running: Harness) -> FilesApi:
    running.reset()
    api = running.upstream.script = FilesApi()
    return api


def sdk(gateway: Harness, key: str = KEY) -> Anthropic:
    return Anthropic(api_key=key, base_url=gateway.url, max_retries=0)


def upload(gateway: Harness, name: str, content: bytes, mime_type: str = "text/plain", key: str = KEY) -> Any:
    return sdk(gateway, key).beta.files.upload(file=(name, io.BytesIO(content), mime_type), betas=[BETA])


def recorded(gateway: Harness) -> list[str]:
    return [one["what"] for one in gateway.audit.records if one["kind"] == "file_access"]


def test_a_file_goes_its_way_with_the_sdk(running: Harness, api: FilesApi) -> None:
    text = "Größe;Straße\r\n--boundary\r\n1;2\r\n".encode()
    client = sdk(running)
    made = upload(running, "C:\\daten\\Größen.csv", text, "text/csv; charset=utf-8")
    assert (made.filename, made.mime_type, api.contents[made.id]) == ("Größen.csv", "text/csv", text)
    assert [one.id for one in client.beta.files.list()] == [made.id]
    assert client.beta.files.retrieve_metadata(made.id).size_bytes == len(text)
    source = {"type": "file", "file_id": made.id}
    message = client.beta.messages.create(
        model="fast",
        max_tokens=64,
        messages=[{"role": "user", "content": [{"type": "document", "source": source}]}],  # pyright: ignore
        betas=[BETA],
    )
    assert message.content[0].type == "text"
    assert client.beta.files.delete(made.id).type == "file_deleted"
    assert list(client.beta.files.list()) == []
    assert recorded(running) == ["upload", "uploaded", "list", "retrieve", "delete", "list"]
    first = next(one for one in running.audit.records if one["kind"] == "file_access")
    assert (first["data_class"], first["request_bytes"]) == ("public", len(text))
    assert "Größen" not in str([{**record, "bodies": ""} for record in running.audit.records]), (
        "names may be personal"
    )


def test_a_client_of_the_openai_api_names_a_file(running: Harness, api: FilesApi) -> None:
    made = upload(running, "plan.txt", b"We open at nine.")
    part = {"type": "file", "file": {"file_id": made.id}}
    question = {"model": "fast", "messages": [{"role": "user", "content": [part]}]}
    assert running.post("/v1/chat/completions", question).status == 200
    asked = running.upstream.received[-1]
    assert (asked.header("anthropic-beta"), made.id in asked.body.decode()) == (BETA, True)
    assert running.post("/v1/chat/completions", question, key=FINANCE_KEY).status == 404


def test_a_file_is_the_departments_and_its_owners(running: Harness, api: FilesApi) -> None:
    made = upload(running, "plan.txt", b"We open at nine.")
    question = {
        "model": "fast",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": [{"type": "container_upload", "file_id": made.id}]}],
    }
    seen = {}
    for key in (KEY, OTHER_KEY, LEAD_KEY, FINANCE_KEY):
        client = sdk(running, key)
        seen[key] = (
            [one.id for one in client.beta.files.list()] == [made.id],
            running.request("GET", f"/v1/files/{made.id}", key=key).status,
            running.request("GET", f"/v1/files/{made.id}/content", key=key).status,
            running.post("/v1/messages", question, key=key).status,
        )
    assert seen == {
        KEY: (True, 200, 200, 200),
        OTHER_KEY: (False, 200, 404, 200),
        LEAD_KEY: (True, 200, 404, 200),
        FINANCE_KEY: (False, 404, 404, 404),
    }
    for key in (OTHER_KEY, FINANCE_KEY):
        assert running.request("DELETE", f"/v1/files/{made.id}", key=key).status == 404
    assert running.request("DELETE", f"/v1/files/{made.id}", key=LEAD_KEY).status == 200
    assert running.post("/v1/messages", question).status == 404
    with pytest.raises(anthropic.NotFoundError, match=f"You have no file {made.id}"):
        sdk(running).beta.files.retrieve_metadata(made.id)
    assert api.files == {}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("payroll.txt", SECRET.encode(), "class-restricted"),
        ("SSN 536-22-8714.txt", b"Nothing.", "class-restricted"),
        ("a.zip", b"PK\x03\x04" + bytes(100), "uninspectable"),
        ("a.bin", bytes(range(256)), "uninspectable"),
    ],
)
def test_what_may_not_leave_is_not_uploaded(
    running: Harness, api: FilesApi, name: str, content: bytes, reason: str
) -> None:
    for key in (KEY, "redacting", "withholding"):
        with pytest.raises(anthropic.APIStatusError) as refused:
            upload(running, name, content, key=key)
        assert refused.value.status_code == 451
        assert refused.value.response.headers["x-kit-reason"] == reason
        assert refused.value.response.headers["x-should-retry"] == "false"
    assert api.files == {}
    assert {one["kind"] for one in running.audit.records} == {"refusal"}


def test_what_could_not_be_read_is_decided_again_in_each_message(running: Harness, api: FilesApi) -> None:
    made = upload(running, "a.bin", bytes(range(256)), "application/octet-stream", key="lenient")
    block = {"type": "container_upload", "file_id": made.id}
    question = {"model": "fast", "max_tokens": 9, "messages": [{"role": "user", "content": [block]}]}
    assert running.post("/v1/messages", question, key="lenient").status == 200
    findings = running.policy_source.document["departments"][-1]["findings"]
    findings["uninspectable"] = "block"
    try:
        eventually(lambda: running.post("/v1/messages", question, key="lenient").status == 451)
    finally:
        findings["uninspectable"] = "flag"
    eventually(lambda: running.post("/v1/messages", question, key="lenient").status == 200)


def eventually(holds: Callable[[], bool]) -> None:
    """Once the gateway has read its policy again."""
    deadline = monotonic() + 20
    while not holds():
        assert monotonic() < deadline
        sleep(0.02)


FORM = b'--b\r\nContent-Disposition: form-data; name="%b"; filename="%b"\r\n%b\r\n%b\r\n--b--\r\n'
GOOD = FORM % (b"file", b"a.txt", b"", b"Hello.")


@pytest.mark.parametrize(
    ("content_type", "body", "status", "says"),
    [
        ("multipart/form-data; boundary=b", GOOD, 200, ""),
        ('multipart/form-data; boundary="b"; charset=utf-8', GOOD, 200, ""),
        ("multipart/form-data", GOOD, 400, "boundary"),
        ("multipart/mixed; boundary=b", GOOD, 400, "multipart/form-data"),
        ("application/json", b"{}", 400, "multipart/form-data"),
        ("multipart/form-data; boundary=c", GOOD, 400, "form"),
        ("multipart/form-data; boundary=b", GOOD[:-4], 400, "end is missing"),
        ("multipart/form-data; boundary=b", GOOD[:40], 400, "form"),
        ("multipart/form-data; boundary=b", b"", 400, "form"),
        ("multipart/form-data; boundary=b", GOOD[:-7] + b"\r\n" + GOOD, 400, "exactly one"),
        ("multipart/form-data; boundary=b", FORM % (b"purpose", b"a", b"", b"x"), 400, "purpose"),
        ("multipart/form-data; boundary=b", FORM % (b"file", b"a", b"", b""), 400, "empty"),
        ("multipart/form-data; boundary=b", FORM % (b"file", b"", b"", b"x"), 200, ""),
        ("multipart/form-data; boundary=b", FORM % (b"file", b"a<b>.txt", b"", b"x"), 400, "filename"),
        ("multipart/form-data; boundary=b", FORM % (b"file", b"\xff.txt", b"", b"x"), 400, "filename"),
        ("multipart/form-data; boundary=b", FORM % (b"file", b"a" * 256, b"", b"x"), 400, "filename"),
        (
            "multipart/form-data; boundary=b",
            FORM % (b"file", b"a", b"Content-Type: text\r\n", b"x"),
            400,
            "media type",
        ),
        (
            "multipart/form-data; boundary=b",
            FORM % (b"file", b"a", b"Content-Disposition: form-data\r\n", b"x"),
            400,
            "twice",
        ),
        ("multipart/form-data; boundary=b", b"x" * 250_000, 413, "larger than"),
    ],
)
def test_forms_are_read_or_refused_by_name(
    running: Harness, api: FilesApi, content_type: str, body: bytes, status: int, says: str
) -> None:
    answer = running.request("POST", "/v1/files", body, {"content-type": content_type})
    assert answer.status == status, answer.body
    if status != 200:
        assert answer.json()["type"] == "error"
        assert says in answer.json()["error"]["message"]
        assert api.files == {}


@pytest.mark.parametrize(("seconds", "status"), [("3600", 200), ("60", 400), ("1e9", 400), ("-1", 400)])
def test_a_file_may_expire(running: Harness, api: FilesApi, seconds: str, status: int) -> None:
    head = b'--b\r\nContent-Disposition: form-data; name="expires_in_seconds"\r\n\r\n'
    field = head + seconds.encode() + b"\r\n"
    answer = running.request(
        "POST", "/v1/files", field + GOOD, {"content-type": "multipart/form-data; boundary=b"}
    )
    assert answer.status == status
    assert (seconds.encode() in running.upstream.received[-1].body) if status == 200 else not api.files


def test_lists_have_pages_for_new_and_older_sdks(running: Harness, api: FilesApi) -> None:
    made = {upload(running, f"{number}.txt", b"x").id for number in range(5)}
    client = sdk(running)
    assert {one.id for one in client.beta.files.list(limit=2)} == made
    ids: list[str] = []
    more = True
    while more:
        after = f"&after_id={ids[-1]}" if ids else ""
        page = running.request("GET", f"/v1/files?limit=2{after}").json()
        ids += [one["id"] for one in page["data"]]
        assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][-1]["id"])
        more = page["has_more"]
    assert set(ids) == made
    assert len(ids) == 5
    back = running.request("GET", f"/v1/files?limit=2&before_id={ids[3]}").json()
    assert ([one["id"] for one in back["data"]], back["has_more"]) == (ids[1:3], True)
    chosen = [ids[0], "file_of_others"]
    assert [one.id for one in client.beta.files.list(ids=chosen)] == [ids[0]]
    assert list(client.beta.files.list(scope_id="session_1")) == []
    for query in ("limit=0", "limit=1001", "limit=x", "after_id=file_none", "page=page_none"):
        assert running.request("GET", f"/v1/files?{query}").status == 400, query
    for path in ("/v1/files", "/v1/messages/batches", "/v1/models"):
        for limit in ("%C2%B2", "%D9%A3", "9" * 5_000, "-1", "1.0"):  # a superscript, an Arabic digit, …
            assert running.request("GET", f"{path}?limit={limit}").status == 400, (path, limit[:9])
    assert all(one.method == "POST" for one in running.upstream.received), "known without asking the provider"


def test_what_code_made_is_downloaded_by_its_caller_and_filtered(running: Harness, api: FilesApi) -> None:
    from .test_belongings import code_execution

    picture = b"\x89PNG\r\n" + bytes(9)
    for content, status in ((b"month;sales\n1;2\n", 200), (SECRET.encode(), 451), (picture, 200)):
        running.upstream.script = code_execution
        running.post("/v1/messages", {"model": "fast", "max_tokens": 9, "messages": []})
        running.upstream.script = api
        api.contents["file_made"] = content
        api.keep("file_made", "chart.csv", "text/csv", downloadable=True)
        client = sdk(running)
        (listed,) = client.beta.files.list()
        assert (listed.id, listed.downloadable) == ("file_made", True)
        if status == 200:
            assert client.beta.files.download("file_made").read() == content
        else:
            with pytest.raises(anthropic.APIStatusError, match="holds what does not leave") as refused:
                client.beta.files.download("file_made")
            assert refused.value.status_code == status
        assert running.request("GET", "/v1/files/file_made/content", key=OTHER_KEY).status == 404


def test_every_control_of_a_message_holds_for_files(running: Harness, api: FilesApi) -> None:
    made = upload(running, "a.txt", b"x")
    with pytest.raises(anthropic.APIStatusError) as refused:
        upload(running, "a.txt", b"x", key="legal")
    assert refused.value.status_code == 451
    with pytest.raises(anthropic.AuthenticationError):
        upload(running, "a.txt", b"x", key="vk_none")
    stopped = running.keys.principals[OTHER_KEY]
    running.ledger.admit(stopped.access_key, stopped.department, active=False)
    one = f"/v1/files/{made.id}"
    for method, path in (("GET", "/v1/files"), ("GET", one), ("DELETE", one)):
        assert running.request(method, path, key=OTHER_KEY).status == 403, path
    running.audit.refuse = ConnectionError()
    for method, path in (("GET", "/v1/files"), ("GET", one), ("DELETE", one)):
        assert running.request(method, path).status == 503, "without a record nothing happens"
    with pytest.raises(anthropic.InternalServerError):
        upload(running, "b.txt", b"x")
    running.audit.refuse = None
    assert list(api.files) == [made.id]
    for method, path in (("PUT", one), ("POST", one), ("GET", "/v1/files/a/b/c")):
        assert running.request(method, path).status == 404


def test_a_file_whose_owner_cannot_be_kept_is_deleted_again(
    running: Harness, api: FilesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = running.ledger.store.apply

    async def failing(operation: Any) -> None:
        if operation.key.pk.startswith("FILES#"):
            raise ConnectionError
        await apply(operation)

    monkeypatch.setattr(running.ledger.store, "apply", failing)
    with pytest.raises(anthropic.InternalServerError):
        upload(running, "a.txt", b"x")
    assert (api.files, len(api.contents)) == ({}, 1)


def test_the_files_of_an_erased_person_are_gone_for_all_and_deleted_at_the_next_list(
    running: Harness, api: FilesApi
) -> None:
    theirs, others = (
        upload(running, "cv.txt", b"Born in Graz."),
        upload(running, "b.txt", b"x", key=OTHER_KEY),
    )
    key = next(one for one in running.ledger.store.items if one.sk == theirs.id)
    running.ledger.store.items[key] = {**running.ledger.store.items[key], "erased": "yes"}
    block = {"type": "container_upload", "file_id": theirs.id}
    question = {"model": "fast", "max_tokens": 9, "messages": [{"role": "user", "content": [block]}]}
    for caller in (KEY, OTHER_KEY):
        assert running.request("GET", f"/v1/files/{theirs.id}", key=caller).status == 404
        assert running.post("/v1/messages", question, key=caller).status == 404
    assert set(api.files) == {theirs.id, others.id}
    assert [one.id for one in sdk(running, OTHER_KEY).beta.files.list()] == [others.id]
    assert set(api.files) == {others.id}
    assert key not in running.ledger.store.items


def test_a_provider_that_fails_is_said_and_recorded(running: Harness, api: FilesApi) -> None:
    api.down = True
    with pytest.raises(anthropic.APIStatusError) as failed:
        upload(running, "a.txt", b"x")
    assert failed.value.status_code == 529
    assert recorded(running) == ["upload", "not uploaded"]
    api.down = False
    made = upload(running, "a.txt", b"x")
    api.files.clear()
    assert running.request("GET", f"/v1/files/{made.id}").status == 404
    assert sdk(running).beta.files.delete(made.id).id == made.id, "gone, as asked"
    assert list(sdk(running).beta.files.list()) == []


def test_where_no_provider_has_files_the_refusal_says_what_to_do(running: Harness, api: FilesApi) -> None:
    def refused() -> bool:
        try:
            upload(running, "a.txt", b"x")
        except anthropic.NotFoundError as error:
            return "base64 in its source" in error.message
        return False

    provider = running.policy_source.document["providers"][0]
    before = dict(provider)
    provider.update(kind="bedrock", auth={"kind": "aws", "region": "eu-central-1"})
    try:
        eventually(refused)
    finally:
        provider.clear()
        provider.update(before)
    eventually(lambda: not refused())

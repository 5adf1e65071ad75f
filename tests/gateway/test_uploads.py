"""Files that are larger than the front door takes: put into quarantine by the caller, inspected before they
get an id (L1.1, L1.7, L2.3).
"""

import asyncio
import http.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import botocore.session
import pytest
from botocore.config import Config

from lambdas.gateway.files.quarantine import S3Quarantine
from tests.docs.blocks import fenced

from .harness import FINANCE_KEY, KEY, OTHER_KEY, Answer, Harness, make
from .test_files import BETA, FilesApi, recorded, upload
from .upstream import FakeUpstream, Received, Reply

LARGE = b"Rivers of Europe: Danube, Rhine, Elbe.\n" * 8_000
SECRET = b"The card of SSN 536-22-8714 is lost.\n" + LARGE


class Bucket:
    """S3 as far as it is used here: keeps objects by key, and what is put must have the signed headers."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.down = False

    def __call__(self, received: Received) -> Reply:
        path, _, query = received.target.partition("?")
        if self.down:
            return Reply(503, [], [b""])
        if received.method == "PUT":
            if query and "X-Amz-Signature" in query:
                assert {"content-length", "content-type", "host"} <= set(
                    parse_qs(query)["X-Amz-SignedHeaders"][0].split(";")
                )
            self.objects[path] = received.body
            return Reply(200, [("etag", '"1"')], [])
        if path not in self.objects:
            body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
            return Reply(403, [("content-type", "application/xml")], [body])
        return Reply(200, [("content-type", "text/plain")], [self.objects[path]])


def quarantine(url: str) -> S3Quarantine:
    session = botocore.session.get_session()
    session.set_credentials("AKIDEXAMPLE", "secret", "token")
    config = Config(
        signature_version="s3v4", s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}
    )
    client = session.create_client("s3", region_name="eu-central-1", endpoint_url=url, config=config)
    return S3Quarantine(client, "acme-quarantine", asyncio.to_thread)


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Harness, FakeUpstream]]:
    upstream, s3 = FakeUpstream().start(), FakeUpstream().start()
    harness = make([upstream], quarantine=quarantine(s3.url))
    yield harness, s3
    harness.stop()
    upstream.stop()
    s3.stop()


@pytest.fixture
def parts(running: tuple[Harness, FakeUpstream]) -> tuple[Harness, FilesApi, Bucket]:
    harness, s3 = running
    harness.reset()
    api, bucket = FilesApi(), Bucket()
    harness.upstream.script, s3.script = api, bucket
    return harness, api, bucket


def announce(gateway: Harness, size: int = len(LARGE), key: str = KEY, **more: Any) -> Answer:
    body = {"filename": "rivers.txt", "mime_type": "text/plain", "size_bytes": size, **more}
    return gateway.post("/v1/files/uploads", body, {"anthropic-beta": BETA}, key)


def put(announced: dict[str, Any], data: bytes) -> int:
    url = urlsplit(announced["url"])
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=20)
    connection.request("PUT", f"{url.path}?{url.query}", data, announced["headers"])
    return connection.getresponse().status


def complete(gateway: Harness, announced: dict[str, Any], key: str = KEY) -> Answer:
    return gateway.post(f"/v1/files/uploads/{announced['id']}", {}, {"anthropic-beta": BETA}, key)


def test_a_large_file_waits_until_it_is_inspected(parts: tuple[Harness, FilesApi, Bucket]) -> None:
    gateway, api, bucket = parts
    too_large = gateway.request(
        "POST", "/v1/files", LARGE, {"content-type": "multipart/form-data; boundary=b"}
    )
    assert too_large.status == 413
    assert "POST /v1/files/uploads" in too_large.json()["error"]["message"]
    announced = announce(gateway).json()
    assert complete(gateway, announced).status == 404, "nothing is there yet"
    assert put(announced, LARGE) == 200
    for key in (OTHER_KEY, FINANCE_KEY):
        assert complete(gateway, announced, key).status == 404
    made = complete(gateway, announced)
    assert (made.status, made.json()["filename"]) == (200, "rivers.txt")
    assert api.contents[made.json()["id"]] == LARGE
    assert set(bucket.objects.values()) == {b""}
    assert complete(gateway, announced).status == 404, "once"
    assert recorded(gateway) == ["upload-address", "upload", "uploaded"]
    block = {"type": "container_upload", "file_id": made.json()["id"]}
    question = {"model": "fast", "max_tokens": 9, "messages": [{"role": "user", "content": [block]}]}
    assert gateway.post("/v1/messages", question).status == 200


def test_what_may_not_leave_gets_no_id_and_does_not_stay(parts: tuple[Harness, FilesApi, Bucket]) -> None:
    gateway, api, bucket = parts
    announced = announce(gateway, len(SECRET)).json()
    put(announced, SECRET)
    refused = complete(gateway, announced)
    assert (refused.status, refused.header("x-kit-reason")) == (451, "class-restricted")
    assert api.files == {}
    assert set(bucket.objects.values()) == {b""}
    assert complete(gateway, announced).status == 404


def test_a_provider_that_fails_leaves_the_upload_for_another_try(
    parts: tuple[Harness, FilesApi, Bucket],
) -> None:
    gateway, api, bucket = parts
    announced = announce(gateway, expires_in_seconds=3600).json()
    put(announced, LARGE)
    api.down = True
    assert complete(gateway, announced).status == 529
    api.down = False
    assert complete(gateway, announced).status == 200
    assert b"3600" in gateway.upstream.received[-1].body
    bucket.down = True
    assert complete(gateway, announce(gateway).json()).status == 503


def test_another_size_than_was_announced_is_refused(parts: tuple[Harness, FilesApi, Bucket]) -> None:
    gateway, api, bucket = parts
    announced = announce(gateway).json()
    put(announced, LARGE)
    path = next(iter(bucket.objects))
    bucket.objects[path] = LARGE[1:]
    refused = complete(gateway, announced)
    assert (refused.status, refused.json()["error"]["message"][:11]) == (400, "size_bytes:")
    assert api.files == {}


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"size_bytes": 0}, 400, "size_bytes"),
        ({"size_bytes": True}, 400, "size_bytes"),
        ({"size_bytes": 1.5}, 400, "size_bytes"),
        ({"size_bytes": 33 << 20}, 413, "size_bytes"),
        ({"filename": ""}, 400, "filename"),
        ({"filename": "a<b"}, 400, "filename"),
        ({"filename": 7}, 400, "filename"),
        ({"mime_type": "text"}, 400, "mime_type"),
        ({"mime_type": None}, 400, "mime_type"),
        ({"expires_in_seconds": 5}, 400, "expires_in_seconds"),
        ({"purpose": "x"}, 400, "purpose"),
    ],
)
def test_an_announcement_is_read_or_refused_by_name(
    parts: tuple[Harness, FilesApi, Bucket], body: dict[str, Any], status: int, says: str
) -> None:
    fields = {"filename": "a.txt", "mime_type": "text/plain", "size_bytes": 1, **body}
    answer = parts[0].post("/v1/files/uploads", fields)
    assert (answer.status, answer.json()["error"]["message"].startswith(says)) == (status, True)


def test_small_files_go_the_short_way(parts: tuple[Harness, FilesApi, Bucket]) -> None:
    gateway, api, bucket = parts
    made = upload(gateway, "a.txt", b"x")
    assert (list(api.files), bucket.objects) == ([made.id], {})


def test_the_pages_program_for_large_files_runs_as_printed(
    parts: tuple[Harness, FilesApi, Bucket], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway, api, _ = parts
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", gateway.url)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", KEY)
    Path("minutes.txt").write_bytes(LARGE)
    program: dict[str, Any] = {}
    exec(fenced("docs/callers.md", "python")[1], program)
    assert api.contents[program["file"]["id"]] == LARGE

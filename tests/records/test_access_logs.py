"""Both access logs are held against the records: the gateway's own and API Gateway's, joined by API Gateway's
request id (L1.4, L2.5).
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from typer.testing import CliRunner

from components.api.rest_api import ACCESS_LOG_FIELDS
from kit.audit.access_logs import AccessLine, EdgeLine, read_edge_bucket, read_edge_text, read_line
from kit.audit.sources import Entry
from kit.audit.verification import Report, span_of, verify
from kit.cli import app
from lambdas.common.ids import new_id
from tests.gateway.harness import Harness, chat, make
from tests.gateway.upstream import FakeUpstream
from tests.records.audit_fixtures import Organisation, intent, outcome
from tests.support.stages import plan_of

AT = datetime(2026, 11, 24, 10, 15, tzinfo=UTC)


def edge_text(edge_id: str, at: datetime = AT, said: Mapping[str, str] = MappingProxyType({})) -> str:
    """A line as API Gateway writes it by the format in the plan: every value a text, `-` for none."""
    stage = plan_of("integration").of_type("aws:apigateway/stage:Stage")[0]
    form = json.loads(stage.inputs["accessLogSettings"]["format"])
    values = {
        "$context.requestId": edge_id,
        "$context.requestTimeEpoch": str(int(at.timestamp() * 1000)),
        "$context.httpMethod": "POST",
        "$context.path": "/live/v1/messages",
        "$context.status": "200",
        "$context.responseLatency": "40",
        "$context.integration.status": "200",
        **{ACCESS_LOG_FIELDS[name]: value for name, value in said.items()},
    }
    return json.dumps({name: values.get(variable, "-") for name, variable in form.items()})


def edge_lines(*texts: str) -> list[EdgeLine]:
    return list(read_edge_text("\n".join(texts)))


# -- reading -------------------------------------------------------------------------------------------------


def test_a_line_that_is_none_is_skipped_whatever_it_holds() -> None:
    line = {"type": "access", "request_id": "req_1", "route": "messages", "recorded": True, "status": 200,
            "reason": "", "client_gone": False}  # fmt: skip
    times: list[Any] = [None, "1", [], float("inf"), float("nan"), -1e30, 10**30]
    assert [read_line(json.dumps({**line, "_aws": {"Timestamp": at}})) for at in times] == [None] * len(times)
    assert read_line(json.dumps({**line, "_aws": {"Timestamp": 1}})) is not None
    deep = "[" * 100_000
    assert read_line('{"a":' + deep) is None
    (found,) = read_edge_text('{"a":' + deep + edge_text("e-1"))
    assert found.edge_id == "e-1"


def test_a_line_is_read_as_the_plan_has_it_written() -> None:
    (line,) = edge_lines(edge_text("e-1"))
    assert line == EdgeLine("e-1", "POST /live/v1/messages", AT, AT + timedelta(milliseconds=40), True)


@pytest.mark.parametrize(
    ("said", "call"),
    [
        ({"path": "/v1/messages"}, True),
        ({"path": "/live/iam/v1/messages"}, True),
        ({"path": "/v1/embeddings"}, True),
        ({"path": "/v1/messages/batches"}, True),
        ({"path": "/v1/prompts/campaign-copy/messages"}, True),
        ({"path": "/v1/messages/count_tokens"}, False),
        ({"path": "/v1/models", "httpMethod": "GET"}, False),
        ({"path": "/v1/messages/batches", "httpMethod": "GET"}, False),
        ({"status": "403", "integrationStatus": "403"}, False),
        ({"status": "429", "integrationStatus": "429"}, False),
    ],
)
def test_an_answer_of_claude_is_told_from_the_rest(said: dict[str, str], call: bool) -> None:
    (line,) = edge_lines(edge_text("e-1", said=said))
    assert line.call is call


@pytest.mark.parametrize(
    "said",
    [
        {"status": "401", "integrationStatus": "-"},  # the authorizer let it not pass
        {"status": "403", "integrationStatus": "-", "wafStatus": "403"},
        {"status": "429", "integrationStatus": "-"},
        {"status": "504", "integrationStatus": "-", "integrationError": "timed out"},
        {"status": "502", "integrationStatus": "502"},
        {"path": "/scim/v2/Users"},
        {"path": "/healthz", "httpMethod": "GET"},
    ],
)
def test_what_the_gateway_did_not_answer_is_not_asked_of_it(said: dict[str, str]) -> None:
    assert edge_lines(edge_text("e-1", said=said)) == []


@pytest.mark.parametrize("between", ["\n", "", "\r\n", " noise {broken} "])
def test_lines_are_found_however_they_are_put_together(between: str) -> None:
    text = between.join(edge_text(f"e-{number}") for number in range(5))
    assert [line.edge_id for line in read_edge_text(text)] == [f"e-{number}" for number in range(5)]


class Delivered:
    """A bucket with what Firehose delivered."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = objects
        self.listed: list[str] = []

    def folders(self, prefix: str) -> list[str]:
        raise AssertionError(prefix)

    def entries(self, prefix: str) -> list[Entry]:
        self.listed.append(prefix)
        return [Entry(key, len(data)) for key, data in self.objects.items() if key.startswith(prefix)]

    def get(self, key: str) -> bytes | None:
        return self.objects.get(key)


def test_what_was_delivered_after_midnight_belongs_to_the_day_before_too() -> None:
    late = AT.replace(hour=23, minute=59)
    bucket = Delivered(
        {
            "api/dt=2026-11-24/1.gz": gzip.compress(edge_text("e-1").encode()),
            "api/dt=2026-11-25/2": edge_text("e-2", late).encode(),
            "api/dt=2026-11-27/3.gz": gzip.compress(edge_text("e-3").encode()),
        }
    )
    end = AT.replace(hour=0, minute=0) + timedelta(days=1)
    found = read_edge_bucket(bucket, AT.replace(minute=0), end)
    assert [line.edge_id for line in found] == ["e-1", "e-2"]
    assert bucket.listed == ["api/dt=2026-11-24/", "api/dt=2026-11-25/"]


# -- holding them against the records ------------------------------------------------------------------------


@pytest.fixture
def organisation() -> Organisation:
    return Organisation()


def served(organisation: Organisation, edge_id: str) -> str:
    """A call through API Gateway, with its records and its line in the gateway's log; the edge's line."""
    writer = organisation.writer()
    request_id = new_id("req_", clock=organisation.time)
    for record in (intent(request_id), outcome(request_id)):
        writer.append_now({**record, "edge_id": edge_id}, bodies={})
    line = AccessLine(request_id, "messages", organisation.time.now, True, True, edge_id)
    organisation.access.append(line)
    return edge_text(edge_id, organisation.time.now)


def verified(organisation: Organisation, *edge: str, access: list[AccessLine] | None = None) -> Report:
    now = organisation.time.now + timedelta(minutes=5)
    span = span_of(organisation.bucket, None, None, now=now)
    assert span is not None
    lines = organisation.access if access is None else access
    return verify(organisation.bucket, organisation.trust(), span, lines, edge_lines(*edge))


def codes(report: Report) -> list[tuple[str, str]]:
    return [(one.code, one.where) for one in report.findings]


def test_both_logs_and_the_records_agree(organisation: Organisation) -> None:
    lines = [served(organisation, f"e-{number}") for number in range(5)]
    report = verified(organisation, *lines, *lines)  # delivered twice, as Firehose may
    assert codes(report) == []
    assert (report.access_lines, report.calls) == (5, 5)


def test_an_answer_that_only_api_gateway_knows_of_is_found(organisation: Organisation) -> None:
    """A gateway that neither records nor logs a call is still found out: API Gateway writes its own log."""
    lines = [served(organisation, "e-1"), edge_text("e-2", organisation.time.now)]
    assert codes(verified(organisation, *lines)) == [("call-unrecorded", "e-2")]
    assert codes(verified(organisation, *lines, access=[])) == [("call-unrecorded", "e-2")]


def test_an_answer_that_was_logged_and_not_recorded_is_found_by_either_log(
    organisation: Organisation,
) -> None:
    lines = [served(organisation, "e-1"), edge_text("e-2", organisation.time.now)]
    request_id = new_id("req_", clock=organisation.time)
    ghost = AccessLine(request_id, "messages", organisation.time.now, True, True, "e-2")
    report = verified(organisation, *lines, access=[*organisation.access, ghost])
    assert sorted(codes(report)) == [("call-unrecorded", "e-2"), ("call-unrecorded", request_id)]


def test_a_request_that_the_gateways_log_does_not_have_is_found(organisation: Organisation) -> None:
    other = edge_text("e-2", organisation.time.now, {"path": "/v1/models", "httpMethod": "GET"})
    assert codes(verified(organisation, served(organisation, "e-1"), other)) == [("call-unlogged", "e-2")]
    other_id = new_id("req_", clock=organisation.time)
    models = AccessLine(other_id, "models", organisation.time.now, False, True, "e-2")
    report = verified(organisation, other, access=[*organisation.access, models])
    assert codes(report) == []


def test_a_killed_gateway_that_logged_nothing_is_known_by_its_intent(organisation: Organisation) -> None:
    line = served(organisation, "e-1")
    assert codes(verified(organisation, line, access=[])) == []


def test_a_deleted_record_is_found_by_api_gateways_log_alone(organisation: Organisation) -> None:
    line = served(organisation, "e-1")
    organisation.time.forward(hours=1)
    later = served(organisation, "e-2")
    for key in list(organisation.bucket.objects):
        if "hour=09" in key:
            del organisation.bucket.objects[key]
    assert codes(verified(organisation, line, later, access=[])) == [("call-unrecorded", "e-2")]


def test_a_request_outside_the_span_is_not_asked_for(organisation: Organisation) -> None:
    line = served(organisation, "e-1")
    before = edge_text("e-0", organisation.time.now - timedelta(days=2))
    after = edge_text("e-9", organisation.time.now + timedelta(hours=5))
    assert codes(verified(organisation, before, line, after)) == []


def test_the_command_reads_both_logs_from_files(organisation: Organisation, tmp_path: Path) -> None:
    line = served(organisation, "e-1")
    organisation.bucket.write_to(tmp_path)
    (tmp_path / "key.pem").write_bytes(organisation.signing.pem())
    edge = tmp_path / "api-gateway.gz"
    command = [
        "audit", "verify", "--json", "--records", str(tmp_path / "records"), "--public-key",
        str(tmp_path / "key.pem"), "--edge-log", str(edge),
    ]  # fmt: skip
    edge.write_bytes(gzip.compress(line.encode()))
    done = CliRunner().invoke(app, command)
    assert (done.exit_code, json.loads(done.stdout)["edge_lines"]) == (0, 1), done.output
    ghost = edge_text("e-2", organisation.time.now - timedelta(seconds=1))
    edge.write_bytes(gzip.compress((line + ghost).encode()))
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 5
    assert [one["code"] for one in json.loads(done.stdout)["findings"]] == ["call-unrecorded"]


# -- the gateway writes what joins them ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    upstream = FakeUpstream().start()
    yield upstream
    upstream.stop()


def behind(upstream: FakeUpstream, *, api_gateway: bool) -> Harness:
    harness = make([upstream])
    harness.stop()
    harness.settings = replace(harness.settings, behind_api_gateway=api_gateway)
    harness.start()
    harness.reset()
    return harness


def context(edge_id: Any) -> dict[str, str]:
    return {"x-amzn-request-context": json.dumps({"requestId": edge_id, "stage": "live"})}


@pytest.mark.parametrize("stream", [False, True])
def test_behind_api_gateway_line_and_records_name_its_request(upstream: FakeUpstream, stream: bool) -> None:
    harness = behind(upstream, api_gateway=True)
    try:
        edge_id = "0f9c1a66-1d1c-4f6e-9f0a-2f6f0c6f2c11"
        assert harness.post("/v1/messages", chat(stream=stream), context(edge_id)).status == 200
        assert [record["edge_id"] for record in harness.audit.records] == [edge_id] * 2
        line = read_line(json.dumps(harness.lines()[-1]))
        assert line is not None
        assert line.edge_id == edge_id
        for forged in ("x" * 65, "a\nb", {"a": 1}, None, 5):
            assert harness.post("/v1/messages", chat(), context(forged)).status == 200
            assert harness.lines()[-1]["edge_id"] == ""
    finally:
        harness.stop()


def test_elsewhere_a_caller_cannot_write_it(upstream: FakeUpstream) -> None:
    harness = behind(upstream, api_gateway=False)
    try:
        assert harness.post("/v1/messages", chat(), context("e-1")).status == 200
        assert harness.lines()[-1]["edge_id"] == ""
        assert not [record for record in harness.audit.records if "edge_id" in record]
    finally:
        harness.stop()

"""The records beside the provider's Usage and Cost reports: every difference is named (C.2, L1.6)."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from kit.cli import app
from kit.errors import KitError
from kit.measurement.reconcile import Bucket, PaidCall, resolutions

from .rows import row, write_rows

DAY = "2026-11-10"
SONNET = "claude-sonnet-5-5"
OWN = "wrkspc_example"  # of the example client's provider


def cost_report(*amounts: tuple[str, str, str], **page: Any) -> dict[str, Any]:
    """A page of `/v1/organizations/cost_report`, as its documentation shows one; amounts in cents."""
    results = [
        {
            "currency": "USD", "amount": amount, "workspace_id": workspace, "description": "Usage",
            "cost_type": "tokens", "context_window": "0-200k", "model": model, "service_tier": "standard",
            "token_type": "uncached_input_tokens",
        }
        for workspace, model, amount in amounts
    ]  # fmt: skip
    bucket = {"starting_at": f"{DAY}T00:00:00Z", "ending_at": "2026-11-11T00:00:00Z", "results": results}
    return {"data": [bucket], "has_more": False, "next_page": None, **page}


def usage_report(model: str, fresh: int, output: int, tier: str = "standard") -> dict[str, Any]:
    """A page of `/v1/organizations/usage_report/messages` with one hour."""
    result = {
        "uncached_input_tokens": fresh, "output_tokens": output, "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
        "server_tool_use": {"web_search_requests": 0}, "api_key_id": None, "workspace_id": OWN,
        "model": model, "service_tier": tier, "context_window": "0-200k",
    }  # fmt: skip
    bucket = {"starting_at": f"{DAY}T09:00:00Z", "ending_at": f"{DAY}T10:00:00Z", "results": [result]}
    return {"data": [bucket], "has_more": False, "next_page": None}


def paid(number: int, microusd: int, uncertain: int = 0, **fields: Any) -> dict[str, Any]:
    fields = {"model": SONNET, "provider": "claude-platform", "at": f"{DAY}T09:30:00.000+00:00", **fields}
    return row(number, cost_microusd=microusd, details={"uncertain_microusd": uncertain}, **fields)


def reconciled(
    folder: Path, rows: list[dict[str, Any]], *reports: Any, arguments: tuple[str, ...] = ()
) -> tuple[int, Any, str]:
    write_rows(folder, DAY, rows)
    given = []
    for number, report in enumerate(reports):
        file = folder / f"report-{number}.json"
        file.write_text(report if isinstance(report, str) else json.dumps(report))
        given += ["--report", str(file)]
    command = ["chargeback", "reconcile", "--month", "2026-11", "--records", str(folder), "--json", *given]
    result = CliRunner().invoke(app, [*command, *arguments])
    document = json.loads(result.stdout) if result.stdout.startswith("{") else None
    if isinstance(result.exception, KitError):
        return int(result.exception.exit_code), document, str(result.exception)
    return result.exit_code, document, result.output


@pytest.mark.parametrize(
    ("rows", "cents", "difference"),
    [
        ([paid(1, 20_000), paid(2, 5_000)], "2.5", 0),
        ([paid(1, 20_000), paid(1, 20_000)], "2", 0),  # a copy and its record are one call
        ([paid(1, 20_000)], "2.5", 4_999),
        ([paid(1, 20_000)], "1.5", -4_999),
        ([paid(1, 20_000, uncertain=15_000)], "0.5", 0),
        ([paid(1, 20_000, uncertain=15_000)], "1.37", 0),
        ([paid(1, 20_000, uncertain=15_000)], "0.3", -1_999),
        ([paid(1, 20_000, provider="bedrock")], "2", 20_000),
        ([], "2", 20_000),
    ],
    ids=(
        "agrees",
        "copy",
        "more",
        "less",
        "not charged",
        "in between",
        "below",
        "another provider",
        "no call",
    ),
)
def test_a_day_agrees_where_the_records_can_explain_it(
    tmp_path: Path, rows: list[dict[str, Any]], cents: str, difference: int
) -> None:
    code, document, _ = reconciled(tmp_path, rows, cost_report((OWN, SONNET, cents)))
    assert [one["difference_microusd"] for one in document["lines"]] == [difference]
    assert code == (5 if difference else 0)


def test_workspaces_and_models_are_lines_of_their_own(tmp_path: Path) -> None:
    report = cost_report(("wrkspc_01", SONNET, "2"), ("wrkspc_01", "claude-opus-5-5", "1"))
    rows = [paid(1, 20_000), paid(2, 7, model="claude-haiku-5-5")]
    workspace = ("--workspace", "claude-platform=wrkspc_01")
    code, document, _ = reconciled(tmp_path, rows, report, arguments=workspace)
    found = {(one["workspace"], one["model"]): one["difference_microusd"] for one in document["lines"]}
    assert found == {
        ("wrkspc_01", SONNET): 0,
        ("wrkspc_01", "claude-opus-5-5"): 10_000,
        ("wrkspc_01", "claude-haiku-5-5"): -6,
    }
    assert code == 5


def test_a_report_of_tokens_is_priced_and_explains_an_uncertain_call(tmp_path: Path) -> None:
    rows = [paid(1, 2_000 + 100_000), paid(2, 52_000, uncertain=50_000)]
    report = usage_report(SONNET, 2_000, 11_000)  # 4,000 + 110,000 micro-dollars
    code, document, _ = reconciled(tmp_path, rows, report)
    assert code == 0
    (explained,) = document["explained"]
    assert explained == {"request_id": rows[1]["request_id"], "microusd": 12_000}
    assert document["resolved"] == []


def test_a_price_that_depends_on_the_size_of_a_call_is_a_range(tmp_path: Path) -> None:
    rows = [paid(number, 30, model="claude-haiku-5-5") for number in range(1000)]
    code, document, _ = reconciled(tmp_path, rows, usage_report("claude-haiku-5-5", 300_000, 0))
    assert document["lines"][0]["provider_microusd"] == [30_000, 150_000]
    assert code == 0


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ("{", "not JSON"),
        ({"pages": []}, "without data"),
        (cost_report(("w", SONNET, "two")), "data[0]"),
        (cost_report(("w", SONNET, "2"), has_more=True), "has_more"),
        (usage_report("claude-unheard-of", 1, 1), "no price"),
    ],
    ids=("text", "no data", "no amount", "pages are missing", "no price"),
)
def test_a_report_that_cannot_be_compared_is_refused_by_name(tmp_path: Path, report: Any, said: str) -> None:
    code, _, output = reconciled(tmp_path, [paid(1, 5)], report)
    assert code == 2
    assert said in output
    assert "report-0.json" in output


START = datetime(2026, 11, 10, 9, tzinfo=UTC)


@given(
    known=st.lists(st.integers(1, 10**6), max_size=5),
    unsure=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 10**6), st.floats(0, 1)), max_size=4),
)
def test_what_is_resolved_never_adds_up_to_more_than_the_provider_charged(
    known: list[int], unsure: list[tuple[int, int, float]]
) -> None:
    at = START + timedelta(minutes=30)
    calls = [PaidCall(f"k{number}", at, "w", SONNET, cost, 0) for number, cost in enumerate(known)]
    calls += [
        PaidCall(f"u{number}", at, "w", SONNET, part + doubt, doubt)
        for number, (part, doubt, _) in enumerate(unsure)
    ]
    true = sum(known) + sum(part + round(doubt * share) for part, doubt, share in unsure)
    bucket = Bucket(START, START + timedelta(hours=1), "w", SONNET, true, true)
    found = {one.request_id: one.microusd for one in resolutions([bucket], calls)}
    if found:
        assert len(found) == len(unsure), "all of a bucket, or none"
        total = sum(found.get(one.request_id, one.microusd) for one in calls)
        assert abs(total - true) <= len(calls)
    elif len(unsure) == 1:
        pytest.fail("one call is always explained")


def test_a_call_at_the_edge_of_a_bucket_is_not_explained() -> None:
    calls = [PaidCall("u", START + timedelta(seconds=30), "w", SONNET, 100, 50)]
    assert not resolutions([Bucket(START, START + timedelta(hours=1), "w", SONNET, 100, 100)], calls)

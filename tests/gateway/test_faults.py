"""Thousands of calls while everything fails: served = recorded, nothing leaves unrecorded, no reservation is
lost (L1.6, L1.8, L2.5).
"""

import gc
import random
from collections import Counter

import pytest

from bench import kills
from kit.audit.examination import Finding
from kit.audit.verification import Report

from .faults import Seen, World, check, survive
from .harness import make
from .upstream import FakeUpstream

CALLS = 2_000


def test_whatever_fails_served_is_recorded_and_no_reservation_is_lost(
    provider_servers: list[FakeUpstream], caplog: pytest.LogCaptureFixture
) -> None:
    provider_servers[0].reset()
    try:
        results = survive(World(provider_servers[0], random.Random(1)), CALLS)
    finally:
        provider_servers[0].reset()
    gc.collect()
    assert "never retrieved" not in caplog.text  # what failed is said in the log's own format
    assert {200, 400, 502, 503, 529} <= results.keys(), results


def test_the_check_would_find_an_answer_without_a_record() -> None:
    world = World(FakeUpstream(), random.Random(0))
    world.audit.records.append({"kind": "outcome", "request_id": "b", "result": "x", "cost_microusd": 1})
    with pytest.raises(AssertionError):
        check(world, [Seen("call-1", False, 200, "a", b"{}", ended=True)])


def test_the_check_after_kills_would_find_what_is_missing() -> None:
    answered = {"call": 1, "id": "a", "whole": True}
    ended = {"a": Counter({"intent": 1, "outcome": 1})}
    scopes: tuple[str, ...] = ("ORG", "DEPT", "USER")
    counted: dict[str, int] = dict.fromkeys(scopes, 10)
    for seen, kinds, committed, left, expected in (
        ([answered], ended, counted, 0, []),
        ([answered], {"a": Counter({"intent": 1})}, counted, 0, ["answered"]),
        ([answered], {}, counted, 0, ["answered"]),
        ([], ended, counted, 2, ["reservations are left"]),
        ([], ended, counted | {"USER": 3}, 0, ["USER: 3 committed"]),
        ([], ended, counted | {"ORG": 30}, 0, ["ORG: 30 committed"]),
    ):
        books = kills.Books(kinds, 12, 10, committed, dict.fromkeys(scopes, 3), left)
        found = list(kills.faults(seen, Report(), books))
        assert len(found) == len(expected), found
        assert all(part in one for part, one in zip(expected, found, strict=True))
    missing = Report(findings=[Finding("call-unended", "b", "no outcome")])
    assert list(kills.faults([], missing, kills.Books({}, 0, 0, {}, {}, 0)))


def test_a_gateway_that_stops_sends_the_copies_of_records_that_wait() -> None:
    upstream = FakeUpstream().start()
    harness = make([upstream])
    assert not harness.audit.closed
    harness.stop()
    upstream.stop()
    assert harness.audit.closed

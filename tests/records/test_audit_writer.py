"""What a writer of audit records promises: returning means durable, a refusal moves nothing (L2.5, G.3)."""

import asyncio
import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from components.api.analytics import COLUMNS as TABLE
from lambdas.common.audit import AuditUnavailable, AuditWriter, MetadataCopies
from lambdas.common.audit.bodies import BodyDamaged, seal, unseal
from lambdas.common.audit.metadata import COLUMNS, row_of
from lambdas.common.subject_keys import SubjectErased
from tests.records.audit_fixtures import Organisation, aws_error, intent, lines_of, outcome

on_loop_or_in_threads = pytest.mark.parametrize("on_loop", [True, False], ids=["on the loop", "in threads"])


def run(work: Callable[[], Any]) -> Any:
    return asyncio.run(work())


def chain_holds(organisation: Organisation) -> None:
    """Every line of every writer carries the hash of the one before it."""
    chains: dict[str, tuple[int, str]] = {}
    keys = sorted(organisation.bucket.objects, key=lambda key: key.split("/")[3:])
    for key in keys:
        for line in organisation.bucket.objects[key].splitlines():
            record = json.loads(line)
            writer = record["writer"]
            sequence, head = chains.get(writer, (0, hashlib.sha256(writer.encode()).hexdigest()))
            assert (record["sequence"], record["previous"]) == (sequence, head)
            chains[writer] = (sequence + 1, hashlib.sha256(line).hexdigest())


@on_loop_or_in_threads
def test_a_record_is_in_the_bucket_when_append_returns(on_loop: bool) -> None:
    organisation = Organisation(introduced=False, on_loop=on_loop)

    async def work() -> None:
        writer = organisation.writer()
        await writer.append(intent("req_1"), bodies={"request": b"hello"})
        assert [record["request_id"] for record in organisation.bucket.records()] == ["req_1"]

    run(work)
    (key,) = organisation.bucket.objects
    assert key.startswith("records/dt=2026-11-24/hour=08/gateway-")
    assert key.endswith("/000000000000.jsonl")


@on_loop_or_in_threads
def test_no_body_is_in_clear_and_each_opens_only_in_its_own_place(on_loop: bool) -> None:
    organisation = Organisation(introduced=False, on_loop=on_loop)
    run(lambda: organisation.writer().append(intent("req_1"), bodies={"request": b"a secret of ada"}))
    (record,) = organisation.bucket.records()
    assert b"secret" not in b"".join(organisation.bucket.objects.values())
    key, body = organisation.keys.made["marketing", "ada"], record["bodies"]["request"]
    assert unseal(key, record["record_id"], "request", body) == b"a secret of ada"
    for place in (("rec_other", "request"), (record["record_id"], "response")):
        with pytest.raises(BodyDamaged):
            unseal(key, *place, body)


def test_departments_and_subjects_have_keys_of_their_own() -> None:
    organisation = Organisation(introduced=False)
    writer = organisation.writer()
    for department, person in (("marketing", "ada"), ("finance", "ada"), ("marketing", "bob")):
        writer.append_now({**intent("r", person), "department": department}, bodies={"request": b"x"})
    assert len({record["bodies"]["request"]["key"] for record in organisation.bucket.records()}) == 3


@on_loop_or_in_threads
def test_what_waits_while_a_put_is_under_way_goes_together_into_the_next(on_loop: bool) -> None:
    organisation = Organisation(introduced=False, on_loop=on_loop)
    gate = threading.Event()

    def slow(_key: str, _arrive: Callable[[], None]) -> None:
        gate.wait(5)

    async def work() -> None:
        writer = organisation.writer()
        organisation.bucket.before_put = slow
        first = asyncio.create_task(writer.append(intent("req_0"), bodies={}))
        await asyncio.sleep(0.05)
        rest = [asyncio.create_task(writer.append(intent(f"req_{n}"), bodies={})) for n in range(1, 40)]
        await asyncio.sleep(0.05)
        assert not first.done(), "nobody is told before the put is done"
        gate.set()
        await asyncio.gather(first, *rest)

    run(work)
    assert organisation.bucket.puts == 2
    assert lines_of(organisation.bucket.records()) == list(range(40))
    chain_holds(organisation)


@on_loop_or_in_threads
def test_an_object_takes_no_more_than_it_should(on_loop: bool) -> None:
    organisation = Organisation(introduced=False, on_loop=on_loop)

    async def work() -> None:
        writer = organisation.writer()
        big = b"x" * 1_500_000
        await asyncio.gather(*(writer.append(intent(f"r{n}"), bodies={"request": big}) for n in range(8)))

    run(work)
    assert max(len(data) for data in organisation.bucket.objects.values()) < 9_000_000
    assert len(organisation.bucket.records()) == 8
    chain_holds(organisation)


@on_loop_or_in_threads
def test_a_refused_put_fails_all_its_records_and_moves_nothing(on_loop: bool) -> None:
    organisation = Organisation(introduced=False, on_loop=on_loop)

    def refuse(_key: str, _arrive: Callable[[], None]) -> None:
        raise aws_error("AccessDenied", 403)

    async def work() -> None:
        writer = organisation.writer()
        await writer.append(intent("req_a"), bodies={})
        organisation.bucket.before_put = refuse
        failed = await asyncio.gather(
            *(writer.append(outcome(f"req_{n}"), bodies={}) for n in range(5)), return_exceptions=True
        )
        assert [type(one) for one in failed] == [AuditUnavailable] * 5
        assert len(organisation.bucket.records()) == 1
        organisation.bucket.before_put = None
        await writer.append(intent("req_b"), bodies={})

    run(work)
    first, told, last = organisation.bucket.records()
    assert (first["sequence"], told["sequence"], last["sequence"]) == (0, 1, 2)
    assert told["kind"] == "unconfirmed"
    assert told["reason"] == "AccessDenied"
    assert told["requests"] == [f"req_{n}" for n in range(5)]
    assert told["in_doubt"] == []
    chain_holds(organisation)


def losing_the_first_answer(arrives: bool) -> Callable[[str, Callable[[], None]], None]:
    """A bucket whose first put gets no answer, whether the object had arrived or not."""
    lost = iter([True])

    def lose(_key: str, arrive: Callable[[], None]) -> None:
        if next(lost, False):
            if arrives:
                arrive()
            raise ReadTimeoutError(endpoint_url="s3")

    return lose


@pytest.mark.parametrize("arrives", [True, False], ids=["it had arrived", "it never arrived"])
def test_a_put_whose_answer_is_lost_is_asked_again_and_written_once(arrives: bool) -> None:
    organisation = Organisation(introduced=False)
    organisation.bucket.before_put = losing_the_first_answer(arrives)
    organisation.writer().append_now(intent("req_1"), bodies={})
    assert [record["request_id"] for record in organisation.bucket.records()] == ["req_1"]
    chain_holds(organisation)


@pytest.mark.parametrize("arrives", [True, False], ids=["it had arrived", "it never arrived"])
def test_on_the_loop_too_a_put_whose_answer_is_lost_is_asked_again_and_written_once(arrives: bool) -> None:
    organisation = Organisation(introduced=False, on_loop=True)
    organisation.bucket.before_put = losing_the_first_answer(arrives)
    run(lambda: organisation.writer().append(intent("req_1"), bodies={}))
    assert [record["request_id"] for record in organisation.bucket.records()] == ["req_1"]
    chain_holds(organisation)


def test_on_the_loop_too_a_put_in_doubt_ends_its_chain_and_the_next_chain_says_so() -> None:
    organisation = Organisation(introduced=False, on_loop=True)
    writer = organisation.writer()

    def arrive_and_be_silent(key: str, arrive: Callable[[], None]) -> None:
        if key not in organisation.bucket.objects:
            arrive()
        raise ReadTimeoutError(endpoint_url="s3")

    async def work() -> None:
        await writer.append(intent("req_1"), bodies={})
        organisation.bucket.before_put = arrive_and_be_silent
        with pytest.raises(AuditUnavailable):
            await writer.append(outcome("req_1"), bodies={})
        organisation.bucket.before_put = None
        await writer.append(intent("req_2"), bodies={})

    run(work)
    told, _ = [one for one in organisation.bucket.records() if one["writer"].endswith(last_of(writer))]
    assert [one["from_sequence"] for one in told["in_doubt"]] == [1]
    assert told["requests"] == ["req_1"]
    chain_holds(organisation)


@on_loop_or_in_threads
def test_a_caller_that_gives_up_takes_nothing_of_the_others_with_it(on_loop: bool) -> None:
    organisation = Organisation(introduced=False, on_loop=on_loop)
    gate = threading.Event()

    def slow(_key: str, _arrive: Callable[[], None]) -> None:
        gate.wait(5)

    organisation.bucket.before_put = slow

    async def work() -> None:
        writer = organisation.writer()
        leaving = asyncio.create_task(writer.append(intent("req_1"), bodies={}))
        await asyncio.sleep(0.02)
        staying = asyncio.create_task(writer.append(intent("req_2"), bodies={}))
        await asyncio.sleep(0)
        leaving.cancel()
        gate.set()
        await staying

    run(work)
    assert [record["request_id"] for record in organisation.bucket.records()] == ["req_1", "req_2"]
    chain_holds(organisation)


def test_a_loop_that_ends_during_a_put_leaves_the_put_in_doubt() -> None:
    organisation = Organisation(introduced=False, on_loop=True)
    writer = organisation.writer()

    def slow(_key: str, _arrive: Callable[[], None]) -> None:
        threading.Event().wait(0.2)

    async def begin_and_leave() -> None:
        await writer.append(intent("req_1"), bodies={})
        organisation.bucket.before_put = slow
        put = asyncio.create_task(writer.append(outcome("req_1"), bodies={}))
        await asyncio.sleep(0.05)
        assert not put.done()

    run(begin_and_leave)
    organisation.bucket.before_put = None
    run(lambda: writer.append(intent("req_2"), bodies={}))
    told, _ = [one for one in organisation.bucket.records() if one["writer"].endswith(last_of(writer))]
    assert (told["kind"], told["requests"], told["reason"]) == ("unconfirmed", ["req_1"], "cancelled")
    assert [one["from_sequence"] for one in told["in_doubt"]] == [1]
    chain_holds(organisation)


def last_of(writer: AuditWriter) -> str:
    """The name of the chain that a writer is at."""
    return writer._journal._chain.writer  # type: ignore[union-attr]


def test_a_put_in_doubt_ends_its_chain_and_the_next_chain_says_so() -> None:
    organisation = Organisation(introduced=False)
    writer = organisation.writer()
    writer.append_now(intent("req_1"), bodies={})

    def arrive_and_be_silent(key: str, arrive: Callable[[], None]) -> None:
        if key not in organisation.bucket.objects:
            arrive()
        raise ReadTimeoutError(endpoint_url="s3")

    organisation.bucket.before_put = arrive_and_be_silent
    with pytest.raises(AuditUnavailable):
        writer.append_now(outcome("req_1"), bodies={})
    organisation.bucket.before_put = None
    writer.append_now(intent("req_2"), bodies={})
    told, after = [one for one in organisation.bucket.records() if one["writer"].endswith(last_of(writer))]
    before, doubtful = [one for one in organisation.bucket.records() if one not in (told, after)]
    assert (before["request_id"], doubtful["kind"]) == ("req_1", "outcome")
    assert told["in_doubt"] == [{"writer": before["writer"], "from_sequence": 1}]
    assert told["requests"] == ["req_1"]
    chain_holds(organisation)


def test_a_writer_killed_in_the_middle_of_a_put_leaves_a_chain_that_holds() -> None:
    """Whether the object arrived or not; the next process begins a chain of its own."""
    for arrives in (True, False):
        organisation = Organisation(introduced=False)
        organisation.writer().append_now(intent("req_1"), bodies={})

        def die(_key: str, arrive: Callable[[], None], arrives: bool = arrives) -> None:
            if arrives:
                arrive()
            raise KeyboardInterrupt  # nothing of the writer runs after this

        organisation.bucket.before_put = die
        with pytest.raises(KeyboardInterrupt):
            organisation.writer().append_now(intent("req_2"), bodies={})
        organisation.bucket.before_put = None
        organisation.writer().append_now(intent("req_3"), bodies={})
        chain_holds(organisation)
        assert len({record["writer"] for record in organisation.bucket.records()}) == 2 + arrives


def test_processes_that_come_of_one_snapshot_write_chains_of_their_own() -> None:
    organisation = Organisation(introduced=False)
    one, twin = organisation.writer(), organisation.writer()
    one.append_now(intent("req_1"), bodies={})
    twin._journal._chain = one._journal._chain  # type: ignore[attr-defined]
    one.append_now(intent("req_2"), bodies={})
    twin.append_now(intent("req_3"), bodies={})
    assert len(organisation.bucket.records()) == 3
    chain_holds(organisation)


@on_loop_or_in_threads
def test_a_subject_key_that_cannot_be_had_refuses_the_record_and_is_told_later(on_loop: bool) -> None:
    organisation = Organisation(introduced=False, on_loop=on_loop)

    async def work() -> None:
        writer = organisation.writer()
        organisation.keys.refuse = aws_error("Throttling", 400)
        with pytest.raises(ClientError):
            await writer.append(outcome("req_1"), bodies={"response": b"x"})
        organisation.keys.refuse = None
        await writer.append(intent("req_2"), bodies={})

    run(work)
    told, _ = organisation.bucket.records()
    assert (told["kind"], told["requests"], told["reason"]) == ("unconfirmed", ["req_1"], "ClientError")


@on_loop_or_in_threads
def test_an_erased_subject_refuses_the_record_and_nothing_is_left_unconfirmed(on_loop: bool) -> None:
    organisation = Organisation(introduced=False, on_loop=on_loop)

    async def work() -> None:
        writer = organisation.writer()
        organisation.keys.refuse = SubjectErased("gone")
        with pytest.raises(SubjectErased):
            await writer.append(outcome("req_1"), bodies={"response": b"x"})
        await writer.append(outcome("req_1"), bodies={})

    run(work)
    assert [record["kind"] for record in organisation.bucket.records()] == ["outcome"]


@pytest.mark.parametrize("name", ["sequence", "previous", "writer", "record_id", "at", "bodies", "v"])
def test_a_record_cannot_say_what_the_chain_says(name: str) -> None:
    organisation = Organisation(introduced=False)
    with pytest.raises(ValueError, match=name):
        organisation.writer().append_now({**intent("r"), name: "x"}, bodies={})
    assert not organisation.bucket.objects


def test_a_body_of_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="subject"):
        Organisation(introduced=False).writer().append_now(
            {"kind": "scim", "department": "x"}, bodies={"request": b"x"}
        )


@on_loop_or_in_threads
def test_the_event_loop_is_never_blocked_by_a_slow_bucket(on_loop: bool) -> None:
    organisation = Organisation(introduced=False, on_loop=on_loop)

    def slow(_key: str, _arrive: Callable[[], None]) -> None:
        threading.Event().wait(0.3)

    async def work() -> float:
        writer = organisation.writer()
        organisation.bucket.before_put = slow
        appending = asyncio.create_task(writer.append(intent("req_1"), bodies={"request": b"x" * 500_000}))
        loop, longest = asyncio.get_running_loop(), 0.0
        while not appending.done():
            started = loop.time()
            await asyncio.sleep(0.001)
            longest = max(longest, loop.time() - started)
        return longest

    assert run(work) < 0.15


@on_loop_or_in_threads
def test_two_writers_interleaved_keep_two_chains(on_loop: bool) -> None:
    organisation = Organisation(introduced=False, on_loop=on_loop)

    async def work() -> None:
        writers = [organisation.writer(), organisation.writer()]
        await asyncio.gather(
            *(writers[n % 2].append(intent(f"req_{n}"), bodies={"request": b"x"}) for n in range(200))
        )

    run(work)
    records = organisation.bucket.records()
    assert len(records) == 200
    assert len({record["writer"] for record in records}) == 2
    chain_holds(organisation)


# -- metadata copies -----------------------------------------------------------------------------------------


class Stream:
    """The part of Firehose that copies use. `refuse`: how many of the records of each successive request it
    throttles, every second one first, as API_PutRecordBatch describes.
    """

    def __init__(self, *, fail: Exception | None = None, refuse: Sequence[int] = ()) -> None:
        self.rows: list[dict[str, Any]] = []
        self.fail = fail
        self.refuse = list(refuse)

    def put_record_batch(self, *, DeliveryStreamName: str, Records: list[dict[str, bytes]]) -> dict[str, Any]:  # noqa: N803
        if self.fail:
            raise self.fail
        assert len(Records) <= 500
        assert sum(len(one["Data"]) for one in Records) <= 4 * 1024 * 1024
        places = [*range(1, len(Records), 2), *range(0, len(Records), 2)]
        refused = set(places[: self.refuse.pop(0) if self.refuse else 0])
        self.rows += [json.loads(one["Data"]) for n, one in enumerate(Records) if n not in refused]
        throttled = {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."}
        return {
            "FailedPutCount": len(refused),
            "RequestResponses": [
                throttled if n in refused else {"RecordId": str(n)} for n in range(len(Records))
            ],
        }


def test_the_copy_of_a_record_has_its_metadata_and_no_body() -> None:
    organisation, stream = Organisation(introduced=False), Stream()
    writer = organisation.writer(copies=MetadataCopies(stream, "s"))
    writer.append_now({**outcome("req_1"), "novelty": 3}, bodies={"response": b"a secret"})
    writer.close()
    (record,) = organisation.bucket.records()
    (row,) = stream.rows
    assert row["record_id"] == record["record_id"]
    assert (row["writer"], row["at"], row["cost_microusd"]) == (record["writer"], record["at"], 7)
    assert json.loads(row["details"]) == {"novelty": 3}
    assert "sealed" not in json.dumps(row)


def test_a_record_that_is_not_durable_is_not_copied() -> None:
    organisation, stream = Organisation(introduced=False), Stream()
    writer = organisation.writer(copies=MetadataCopies(stream, "s"))

    def refuse(_key: str, _arrive: Callable[[], None]) -> None:
        raise aws_error("AccessDenied", 403)

    organisation.bucket.before_put = refuse
    with pytest.raises(AuditUnavailable):
        writer.append_now(outcome("req_1"), bodies={})
    writer.close()
    assert stream.rows == []


@pytest.mark.parametrize(
    ("stream", "expected"),
    [(Stream(fail=aws_error("Throttled", 400, "PutRecordBatch")), 3), (Stream(refuse=[500] * 20), 3)],
    ids=["refused as a whole", "each refused again and again"],
)
def test_lost_copies_are_counted_and_disturb_nobody(stream: Stream, expected: int) -> None:
    organisation, lost = Organisation(introduced=False), list[int]()
    copies = MetadataCopies(stream, "s", lost=lambda count, _: lost.append(count), waits=(0.0, 0.0))
    writer = organisation.writer(copies=copies)
    for number in range(3):
        writer.append_now(outcome(f"req_{number}"), bodies={})
    writer.close()
    assert len(organisation.bucket.records()) == 3
    assert (sum(lost), stream.rows) == (expected, [])


@pytest.mark.parametrize("refuse", [(1,), (7, 3, 1), (10, 10, 9)])
def test_copies_that_are_refused_in_part_are_sent_again_and_once(refuse: tuple[int, ...]) -> None:
    lost, stream = list[int](), Stream(refuse=refuse)
    copies = MetadataCopies(stream, "s", lost=lambda count, _: lost.append(count), waits=(0.0, 0.0, 0.0))
    for number in range(10):
        copies.offer(outcome(f"req_{number}"))
    copies.close()
    assert sorted(row["request_id"] for row in stream.rows) == [f"req_{number}" for number in range(10)]
    assert lost == []


def test_the_columns_of_the_table_are_those_of_the_copies() -> None:
    """(L1.4, L5.1)"""
    glue = {str: {"string"}, bool: {"boolean"}, int: {"int", "bigint"}}
    assert [name for name, _ in TABLE] == list(COLUMNS)
    for name, kind in TABLE:
        assert kind in glue[COLUMNS[name]], name


def test_everything_that_a_record_says_is_in_its_row() -> None:
    record = {
        **outcome("req_1"),
        "usage": {"input_tokens": 1, "cache_read_input_tokens": 5},
        "attempts": [{"provider": "anthropic"}],
        "decisions": [{"rule": "x"}],
        "status": "a text where a number belongs",
        "prompt": None,
        "bodies": {"response": {"sealed": "…"}},
        "sequence": 3,
        "previous": "…",
        "v": 1,
    }
    row = row_of(record)
    assert (row["cache_read_input_tokens"], row["attempts"]) == (5, 1)
    assert json.loads(row["decisions"]) == [{"rule": "x"}]
    assert json.loads(row["details"]) == {"status": "a text where a number belongs"}
    assert set(row) <= set(COLUMNS)
    assert all(type(value) is COLUMNS[name] for name, value in row.items())


# -- figures -------------------------------------------------------------------------------------------------


def test_a_small_body_is_sealed_within_a_fraction_of_a_millisecond() -> None:
    from time import perf_counter

    organisation = Organisation(introduced=False)
    key = organisation.keys.load("marketing", "ada")
    times = []
    for number in range(300):
        started = perf_counter()
        seal(key, f"rec_{number}", {"request": b"x" * 2_000})
        times.append(perf_counter() - started)
    assert sorted(times)[150] < 0.0005


@on_loop_or_in_threads
def test_sixty_four_callers_share_their_puts(on_loop: bool) -> None:
    """The bucket takes 20 ms; alone each caller would wait for all the others."""
    organisation = Organisation(introduced=False, on_loop=on_loop)

    def slow(_key: str, _arrive: Callable[[], None]) -> None:
        threading.Event().wait(0.02)

    async def work() -> None:
        writer = AuditWriter(organisation.journal(), keys=None, pool=ThreadPoolExecutor(2))

        async def caller(name: int) -> None:
            for number in range(10):
                await writer.append(intent(f"req_{name}_{number}"), bodies={})

        organisation.bucket.before_put = slow
        await asyncio.gather(*(caller(name) for name in range(64)))

    run(work)
    assert len(organisation.bucket.records()) == 640
    assert organisation.bucket.puts <= 12

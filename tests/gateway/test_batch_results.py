"""Results of batches: of any size, settled line by line, resumable (L1.1, L1.6)."""

import http.client
import json
from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest

from lambdas.common.prices import load_prices

from .harness import KEY, OTHER_KEY, Harness
from .test_sdk import BatchApi
from .upstream import BREAK, Received, Reply, message

USAGE = {"input_tokens": 1000, "output_tokens": 5}
COST = load_prices().cost("claude-haiku-5-5", USAGE, batch=True)


def line(number: int, text: str = "Hello.", **usage: Any) -> bytes:
    made = message(text, **{**USAGE, **usage})
    return (
        json.dumps({"custom_id": f"c{number}", "result": {"type": "succeeded", "message": made}}).encode()
        + b"\n"
    )


def create(gateway: Harness, number: int, results: Callable[[], list[Any]]) -> str:
    """A batch of so many requests that has ended with these `results`; its id."""
    api = BatchApi()
    api.ended = True
    gone: list[str] = []

    def script(received: Received) -> Reply:
        path = received.target.partition("?")[0]
        if received.method == "DELETE":
            gone.append(path.rsplit("/", 1)[1])
            return Reply(200, [], [b'{"id": "x", "type": "message_batch_deleted"}'])
        if path.endswith("/results"):
            return Reply(200, [("content-type", "application/x-jsonl")], results(), chunked=True)
        return api(received)

    gateway.upstream.script = script
    params = {"model": "fast", "max_tokens": 64, "messages": [{"role": "user", "content": "Hi"}]}
    requests = [{"custom_id": f"c{one}", "params": params} for one in range(number)]
    return gateway.post("/v1/messages/batches", {"requests": requests}).json()["id"]


def fetch(gateway: Harness, batch: str, after: int = 0) -> list[Any] | None:
    """The lines that came; None where the answer broke off."""
    path = f"/v1/messages/batches/{batch}/results" + (f"?after_line={after}" if after else "")
    try:
        answer = gateway.request("GET", path)
    except http.client.IncompleteRead:
        return None
    return [json.loads(one) for one in answer.body.splitlines()] if answer.status == 200 else None


def recorded(gateway: Harness) -> list[dict[str, Any]]:
    return [one for one in gateway.audit.records if one["kind"] == "batch_results"]


def test_results_of_any_size_come_in_parts_each_recorded_before_it_leaves(
    gateway: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    append = gateway.audit.append

    async def measured(record: dict[str, Any], *, bodies: dict[str, bytes]) -> None:
        if record["kind"] == "batch_results":
            sizes.append(len(bodies["response"]))
        await append(record, bodies={})

    monkeypatch.setattr(gateway.audit, "append", measured)
    one = line(0, "x" * (1 << 20))
    batch = create(gateway, 70, lambda: [one, 0.3, *[one] * 69])
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    started = monotonic()
    connection.request("GET", f"/v1/messages/batches/{batch}/results", headers={"x-api-key": KEY})
    response = connection.getresponse()
    response.read(1000)
    assert monotonic() - started < 0.3, "the first part leaves while the provider still sends"
    got = 1000
    while piece := response.read(1 << 20):
        got += len(piece)
    connection.close()
    assert got == 70 * len(one) > 64 << 20
    assert sum(sizes) == got
    assert max(sizes) < 3 << 20
    assert gateway.spent() == 70 * COST


def test_a_reading_that_breaks_off_anywhere_goes_on_there_and_charges_once(
    gateway: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdas.gateway.batch_results.PART_BYTES", 1)
    lines = [line(number) for number in range(5)]
    for cut in range(5):
        gateway.reset()
        ends: list[Any] = [BREAK]
        batch = create(gateway, 5, lambda cut=cut, ends=ends: [*lines[:cut], *(ends or lines[cut:])])
        reserved = gateway.spent()
        assert fetch(gateway, batch) is None
        assert gateway.spent() == reserved, "the money stays reserved"
        assert sum(one["cost_microusd"] for one in recorded(gateway)) == cut * COST
        ends.clear()
        rest = fetch(gateway, batch, after=cut)
        assert rest is not None
        assert [one["custom_id"] for one in rest] == [f"c{number}" for number in range(cut, 5)]
        assert gateway.spent() == 5 * COST
        assert b"".join(one["bodies"]["response"] for one in recorded(gateway)) == b"".join(lines)
        whole = fetch(gateway, batch)
        assert whole is not None
        assert len(whole) == 5
        assert len(recorded(gateway)) == 5, "what was recorded is not recorded again"


@pytest.mark.parametrize(
    "odd",
    [
        b"It is no JSON\n",
        b"[1, 2]\n",
        line(1, input_tokens=-5),
        line(1, output_tokens=1.5),
        b'{"custom_id": "c1", "result": {"type": "succeeded", "message": {"content": []}}}\n',
        b'{"custom_id": "c1", "result": {"type": "brand_new"}}\n',
    ],
    ids=("text", "list", "negative", "fraction", "no usage", "unknown type"),
)
def test_a_result_without_figures_that_can_be_believed_costs_what_was_reserved(
    gateway: Harness, odd: bytes
) -> None:
    batch = create(gateway, 3, lambda: [line(0), odd, line(2)])
    reserved = gateway.spent()
    lines = fetch(gateway, batch)
    assert lines is not None
    assert len(lines) == 3
    assert gateway.spent() >= max(reserved, 2 * COST)
    assert b"no JSON" not in json.dumps(lines).encode()


def test_what_a_result_says_of_its_message_counts_whatever_it_is_called(gateway: Harness) -> None:
    dear = line(1).replace(b"claude-haiku-5-5", b"claude-opus-5-5-20260801")
    ended = line(2).replace(b"succeeded", b"expired")
    batch = create(gateway, 3, lambda: [line(0), dear, ended])
    assert fetch(gateway, batch) is not None
    assert gateway.spent() == 2 * COST + load_prices().cost("claude-opus-5-5", USAGE, batch=True)


def test_results_that_are_not_all_there_are_not_settled(gateway: Harness) -> None:
    batch = create(gateway, 3, lambda: [line(0), line(1)])
    reserved = gateway.spent()
    answer = gateway.request("GET", f"/v1/messages/batches/{batch}/results")
    assert (answer.status, gateway.spent()) == (502, reserved)


def test_a_batch_is_deleted_once_it_is_settled_and_by_its_caller_only(gateway: Harness) -> None:
    ready: list[bytes] = []
    batch = create(gateway, 2, lambda: list(ready))
    path = f"/v1/messages/batches/{batch}"
    early = gateway.request("DELETE", path)
    assert early.status in {400, 502}
    ready += [line(0), line(1)]
    assert gateway.request("DELETE", path, key=OTHER_KEY).status == 404
    assert gateway.request("DELETE", path).status == 200
    assert gateway.spent() == 2 * COST, "settled first: nobody could say later what it cost"
    assert [one["what"] for one in gateway.audit.records if one["kind"] == "batch_access"] == ["delete"] * 2
    assert gateway.request("GET", path).status == 404

"""Compares the ledger with the provider's Usage and Cost reports: every difference by day, workspace and
model (C.2, L1.6).

The reports have no request ids. Calls with an uncertain cost are therefore explained by the remainder of a
bucket after everything certain is subtracted, and only if that leaves one answer.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from lambdas.common.prices import PriceList, UnknownModel

DEFAULT_WORKSPACE = "default"  # null in the reports
_MICROUSD_A_CENT = 10_000
_EDGE = timedelta(minutes=2)  # a call this close to the edge of a bucket may be counted in the next one
_PAID = frozenset(("outcome", "batch_results"))


class ReportError(ValueError):
    """An unreadable report; the message says where."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """What the provider reports for one model in one workspace over a span: micro-dollars between `least`
    and `most`. They differ if a token report does not say how large each call was.
    """

    start: datetime
    end: datetime
    workspace: str
    model: str
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class PaidCall:
    """A recorded call: `uncertain_microusd` of its `microusd` may not have been charged."""

    request_id: str
    at: datetime
    workspace: str
    model: str
    microusd: int
    uncertain_microusd: int


@dataclass(frozen=True, slots=True)
class Line:
    """One day, workspace and model. Amounts are in micro-dollars."""

    day: str
    workspace: str
    model: str
    calls: int
    ours: int
    uncertain: int
    least: int
    most: int

    @property
    def difference(self) -> int:
        """What the provider charged beyond (negative: below) every explanation."""
        low, high = self.ours - self.uncertain - self.calls, self.ours + self.calls  # each call is rounded up
        if self.least > high:
            return self.least - high
        return min(0, self.most - low)


@dataclass(frozen=True, slots=True)
class Resolution:
    """The actual cost of an uncertain call, as derived from its bucket."""

    request_id: str
    microusd: int


def read_report(text: str, prices: PriceList) -> list[Bucket]:
    """Parse a report: a page of the API, or a list of pages. Raises `ReportError`."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ReportError(f"not JSON: {error}") from None
    pages = document if isinstance(document, list) else [document]
    cheap, dear = _one_band(prices, 0), _one_band(prices, -1)
    found: list[Bucket] = []
    for page in pages:
        data = page.get("data") if isinstance(page, Mapping) else None
        if not isinstance(data, list):
            raise ReportError("a page without data")
        for number, bucket in enumerate(data):
            try:
                start, end = _time(bucket["starting_at"]), _time(bucket["ending_at"])
                results = bucket["results"]
                found += [_bucket(start, end, one, cheap, dear) for one in results]
            except (KeyError, TypeError, ValueError, InvalidOperation, AttributeError) as error:
                raise ReportError(f"data[{number}]: {type(error).__name__}: {error}") from None
        if page.get("has_more") and page is pages[-1]:
            raise ReportError("the last page says has_more: fetch the others, too")
    return found


def calls_of(rows: Iterable[Mapping[str, Any]], workspaces: Mapping[str, str]) -> Iterator[PaidCall]:
    """Yield each call in these metadata rows that went to a provider in `workspaces`, once."""
    seen: set[str] = set()
    for row in rows:
        details = json.loads(row["details"]) if "details" in row else {}
        provider = row.get("provider") or details.get("provider") or ""
        if row.get("kind") not in _PAID or row["record_id"] in seen:
            continue
        seen.add(row["record_id"])
        if row["kind"] == "outcome" and provider not in workspaces:
            continue
        workspace = workspaces.get(provider, DEFAULT_WORKSPACE)
        model, cost = row.get("model") or details.get("model") or "", int(row.get("cost_microusd") or 0)
        uncertain = int(details.get("uncertain_microusd") or 0)
        if cost:
            yield PaidCall(row.get("request_id", ""), _time(row["at"]), workspace, model, cost, uncertain)


def compare(buckets: Sequence[Bucket], calls: Sequence[PaidCall]) -> list[Line]:
    """Return a line for each day, workspace and model known to either side, for the days that the report
    covers.
    """
    sides: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0] * 5)
    covered = {f"{one.start:%Y-%m-%d}" for one in buckets}
    for bucket in buckets:
        side = sides[f"{bucket.start:%Y-%m-%d}", bucket.workspace, bucket.model]
        side[3] += bucket.least
        side[4] += bucket.most
    for call in calls:
        day = f"{call.at:%Y-%m-%d}"
        if day in covered:
            side = sides[day, call.workspace, call.model]
            for place, amount in enumerate((1, call.microusd, call.uncertain_microusd)):
                side[place] += amount
    return [Line(*key, *side) for key, side in sorted(sides.items())]


def resolutions(buckets: Sequence[Bucket], calls: Sequence[PaidCall]) -> list[Resolution]:
    """Resolve uncertain calls from the buckets. A bucket with more than one possible answer resolves
    nothing.
    """
    found: list[Resolution] = []
    for bucket in buckets:
        inside = [
            one
            for one in calls
            if (one.workspace, one.model) == (bucket.workspace, bucket.model)
            and bucket.start <= one.at < bucket.end
        ]
        unsure = [one for one in inside if one.uncertain_microusd]
        near = any(abs(one.at - edge) < _EDGE for one in inside for edge in (bucket.start, bucket.end))
        if not unsure or near or bucket.least != bucket.most:
            continue
        rest = bucket.least - sum(one.microusd - one.uncertain_microusd for one in inside)
        rounding = len(inside)
        if abs(rest) <= rounding:
            found += [Resolution(one.request_id, one.microusd - one.uncertain_microusd) for one in unsure]
        elif len(unsure) == 1 and 0 < rest <= unsure[0].uncertain_microusd + rounding:
            (one,) = unsure
            known = one.microusd - one.uncertain_microusd
            found.append(Resolution(one.request_id, min(one.microusd, known + rest)))
        elif abs(rest - sum(one.uncertain_microusd for one in unsure)) <= rounding:
            found += [Resolution(one.request_id, one.microusd) for one in unsure]
    return found


def _one_band(prices: PriceList, place: int) -> PriceList:
    """Return the prices with one band for all call sizes, because the report aggregates calls."""
    return replace(
        prices,
        models={
            name: replace(one, bands=(replace(one.bands[place], up_to=None),))
            for name, one in prices.models.items()
        },
    )


def _bucket(
    start: datetime, end: datetime, result: Mapping[str, Any], cheap: PriceList, dear: PriceList
) -> Bucket:
    workspace, model = result.get("workspace_id") or DEFAULT_WORKSPACE, result.get("model") or ""
    if "amount" in result:
        if result.get("currency", "USD") != "USD":
            raise ReportError(f"currency {result['currency']}: only USD can be compared")
        microusd = round(Decimal(str(result["amount"])) * _MICROUSD_A_CENT)
        return Bucket(start, end, workspace, model, microusd, microusd)
    written = result.get("cache_creation") or {}
    usage = {
        "input_tokens": result["uncached_input_tokens"],
        "output_tokens": result["output_tokens"],
        "cache_read_input_tokens": result.get("cache_read_input_tokens", 0),
        "cache_creation_input_tokens": sum(written.values()),
        "cache_creation": written,
        "server_tool_use": result.get("server_tool_use") or {},
    }
    batch = result.get("service_tier") == "batch"
    try:
        least, most = (one.charge(model, usage, batch=batch).microusd for one in (cheap, dear))
    except UnknownModel:
        raise ReportError(f"no price is known for the model {model!r}") from None
    return Bucket(start, end, workspace, model, least, most)


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)

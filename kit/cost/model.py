"""The cost model before deployment: API, infrastructure, organisation; every sum with its arithmetic (Z.2,
L5.4).

Each line is a quantity times a unit price, rounded once to a micro-dollar. The programme's planning values
are compared with the result, and a difference is explained.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Literal

from contract.sizes import Sizing, sizing
from kit.cost.price_file import Assumption, PriceFile, read_assumptions, read_prices
from kit.cost.resources import VCPU_PER_REPLICA, standing_costs
from kit.errors import ExitCode, KitError
from kit.evaluation.graph import Graph
from lambdas.common.prices import PriceList, load_prices
from lambdas.measurement.handler import METRICS
from stacks.settings import Settings

Group = Literal["api", "infrastructure", "organisation"]
Rhythm = Literal["monthly", "once", "yearly"]
_MICRO = Decimal(1_000_000)
_MILLION = Decimal(1_000_000)
_GIB = Decimal(1024**3)
_AUTHORIZER_SECONDS = Decimal("0.02")
_GATEWAY_METRICS = 7  # lambdas/gateway/access_log.py `request`
# Two for findings, in total and by each of 14 kinds; tools called in total and by 3 kinds; unlisted fields
# in total; 3 of provisioning; 4 of registers; audit failures, foreign subjects, silence, differences in
# access.
_OTHER_METRICS = 2 * (1 + 14) + (1 + 3) + 1 + 3 + 4 + 4


@dataclass(frozen=True)
class Line:
    """`microusd` = quantity x unit price. `source` is the source of the price, `why` the reason for the
    quantity.
    """

    group: Group
    rhythm: Rhythm
    item: str
    quantity: Decimal
    unit: str
    unit_usd: Decimal
    microusd: int
    source: str
    why: str

    def as_document(self) -> dict[str, Any]:
        """Return plain data; quantities and prices are strings because they are exact."""
        return {
            "group": self.group,
            "rhythm": self.rhythm,
            "item": self.item,
            "quantity": _text(self.quantity),
            "unit": self.unit,
            "unit_usd": _text(self.unit_usd),
            "microusd": self.microusd,
            "source": self.source,
            "why": self.why,
        }


@dataclass(frozen=True)
class Comparison:
    """A planning value and the model's value. `verdict`: within, below or above the planning range."""

    item: str
    low_usd: Decimal
    high_usd: Decimal
    model_usd: Decimal
    verdict: Literal["within", "below", "above"]
    why: str

    def as_document(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "item": self.item,
            "planning_usd": [_text(self.low_usd), _text(self.high_usd)],
            "model_usd": _text(self.model_usd),
            "verdict": self.verdict,
            "why": self.why,
        }


@dataclass(frozen=True)
class PersonBudget:
    """What a person with a profile uses per month, and whether the configured budget per person covers it."""

    profile: str
    needed_usd: Decimal
    configured_usd: Decimal

    def as_document(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "profile": self.profile,
            "needed_usd": _text(self.needed_usd),
            "configured_usd": _text(self.configured_usd),
            "fits": self.fits,
        }

    @property
    def fits(self) -> bool:
        """Return whether the budget covers the use."""
        return self.configured_usd >= self.needed_usd


@dataclass(frozen=True)
class CostModel:
    """All lines for one size, their totals and the comparisons."""

    size: str
    people: int
    prices_as_of: tuple[str, str]  # Claude, AWS
    assumptions: Mapping[str, Assumption]
    usage: Mapping[str, Decimal]
    lines: Sequence[Line]
    comparisons: Sequence[Comparison]
    unpriced: Sequence[str]
    per_million_calls: Mapping[str, int]  # by profile: micro-dollars in AWS
    budgets: Sequence[PersonBudget]

    def total(self, group: Group | None, rhythm: Rhythm) -> int:
        """Return the micro-dollars of the lines of a group (None: all groups) and a rhythm."""
        return sum(
            line.microusd for line in self.lines if group in (None, line.group) and line.rhythm == rhythm
        )

    def first_year(self, group: Group | None = None) -> int:
        """Return the micro-dollars of the first twelve months."""
        return self.total(group, "once") + 12 * self.total(group, "monthly") + self.total(group, "yearly")

    def as_document(self) -> dict[str, Any]:
        """Return plain data for `--json`."""
        groups: tuple[Group, ...] = ("api", "infrastructure", "organisation")
        return {
            "size": self.size,
            "people": self.people,
            "prices_as_of": {"claude": self.prices_as_of[0], "aws": self.prices_as_of[1]},
            "assumptions": {
                name: {"value": _text(one.value), "why": one.why, "given": one.given}
                for name, one in self.assumptions.items()
            },
            "usage_a_month": {name: _text(value) for name, value in self.usage.items()},
            "lines": [line.as_document() for line in self.lines],
            "totals_microusd": {
                **{
                    group: {
                        "once": self.total(group, "once"),
                        "monthly": self.total(group, "monthly"),
                        "yearly": self.total(group, "yearly"),
                        "first_year": self.first_year(group),
                    }
                    for group in groups
                },
                "programme_first_year": self.first_year(),
            },
            "compared_with_planning": [each.as_document() for each in self.comparisons],
            "infrastructure_per_million_calls_microusd": dict(self.per_million_calls),
            "budgets_of_a_person": [each.as_document() for each in self.budgets],
            "not_priced": list(self.unpriced),
        }


def build_model(
    settings: Settings,
    graphs: Sequence[Graph],
    given: Mapping[str, str] | None = None,
    prices: PriceFile | None = None,
) -> CostModel:
    """Build the model of a configuration and its evaluated plan; `prices` replace the dated file's.

    Raises KitError on an invalid assumption.
    """
    builder = _Builder(
        settings, graphs, prices or read_prices(), load_prices(), read_assumptions(given or {})
    )
    return builder.build()


@dataclass(frozen=True)
class Profile:
    """A usage profile: calls per month, and what a call is like. Shares are from 0 to 1."""

    name: str
    people: Decimal | None  # None where people do not use it
    calls: Decimal
    calls_each: Decimal  # a month of one person
    tokens_per_call: Decimal
    output: Decimal
    cached: Decimal
    seconds: Decimal
    request_bytes: Decimal
    record_bytes: Decimal
    answer_bytes: Decimal

    @property
    def tokens(self) -> Decimal:
        """Return tokens per month."""
        return self.calls * self.tokens_per_call


class _Builder:
    def __init__(
        self,
        settings: Settings,
        graphs: Sequence[Graph],
        prices: PriceFile,
        claude: PriceList,
        assumptions: Mapping[str, Assumption],
    ) -> None:
        self._settings, self._graphs = settings, graphs
        self._plan = settings.sizing
        self._prices, self._claude, self._assumed = prices, claude, assumptions
        self._lines: list[Line] = []
        self._share_standing = True  # pods of the minimum carry load before others are counted
        self._profiles = profiles_of(assumptions, self._plan)

    def build(self) -> CostModel:
        usage = self._usage()
        self._api()
        unpriced = self._standing()
        self._by_call(self._profiles)
        self._by_month(usage)
        self._organisation()
        model = CostModel(
            self._plan.size,
            self._plan.people,
            (self._claude.as_of, self._prices.as_of),
            self._assumed,
            usage,
            tuple(self._lines),
            (),
            unpriced,
            {one.name: self.per_million_calls(one.name) for one in self._profiles},
            tuple(self._budgets()),
        )
        comparisons = _compared(model, self._plan)
        return CostModel(**{**model.__dict__, "comparisons": comparisons})

    def _value(self, name: str) -> Decimal:
        return self._assumed[name].value

    def _usage(self) -> dict[str, Decimal]:
        active = Decimal(self._plan.people) * self._value("active_percent") / 100
        return {
            "active_people": active,
            "tokens": sum((one.tokens for one in self._profiles), Decimal(0)),
            "calls": sum((one.calls for one in self._profiles), Decimal(0)),
            **{f"{one.name}_calls": one.calls for one in self._profiles},
        }

    def _line(self, group: Group, rhythm: Rhythm, item: str, quantity: Decimal, price: str, why: str) -> None:
        found = self._prices.prices[price]
        source = f"AWS, {found.source}" + (f": {found.page}" if found.page else "")
        self._add(group, rhythm, item, quantity, found.unit, found.usd, source, why)

    def _add(
        self,
        group: Group,
        rhythm: Rhythm,
        item: str,
        quantity: Decimal,
        unit: str,
        usd: Decimal,
        source: str,
        why: str,
    ) -> None:
        microusd = int((quantity * usd * _MICRO).to_integral_value(ROUND_HALF_EVEN))
        self._lines.append(Line(group, rhythm, item, quantity, unit, usd, microusd, source, why))

    def _api(self) -> None:
        """Add the tokens of each profile and model, from the cheapest model to the most expensive."""
        for profile in (one for one in self._profiles if one.calls):
            output, cached = profile.output, profile.cached
            for model, share in self._shares().items():
                band = self._claude.models[model].bands[0]
                parts = [
                    ("input", (1 - output) * (1 - cached), band.input),
                    ("cache read", (1 - output) * cached, band.cache_read),
                    ("output", output, band.output),
                ]
                for what, part, nano in (one for one in parts if one[1]):
                    self._add(
                        "api",
                        "monthly",
                        f"{profile.name}: {model} {what}",
                        profile.tokens * share * part,
                        "token",
                        Decimal(nano).scaleb(-9),
                        f"Claude price list of {self._claude.as_of}",
                        f"{profile.tokens:,.0f} tokens x {share:.0%} of calls x {part:.1%} {what}",
                    )

    def _shares(self) -> dict[str, Decimal]:
        """Return each configured model's share of the tokens."""
        models = sorted({one.model for one in self._settings.claude.models.values()}, key=self._input_price)
        fast, balanced = self._value("fast_percent") / 100, self._value("balanced_percent") / 100
        if fast + balanced > 1:
            raise KitError(
                "--assume: fast_percent and balanced_percent are more than 100 together",
                exit_code=ExitCode.USAGE,
            )
        if len(models) == 1:
            return {models[0]: Decimal(1)}
        if len(models) == 2:
            return {models[0]: fast, models[1]: 1 - fast}
        return {models[0]: fast, models[1]: balanced, models[-1]: 1 - fast - balanced}

    def _input_price(self, model: str) -> int:
        if model not in self._claude.models:
            raise KitError(
                f"there is no price for model {model}",
                hint="add it to lambdas/common/prices/prices.json",
                exit_code=ExitCode.USAGE,
            )
        return self._claude.models[model].bands[0].input

    def _standing(self) -> list[str]:
        quantities, unpriced = standing_costs(self._graphs, self._prices)
        for price in sorted(quantities):
            quantity = Decimal(quantities[price])
            item = self._prices.prices[price].unit.partition(",")[0]  # "interface endpoint-hour in one zone"
            self._line("infrastructure", "monthly", item, quantity, price, "resources in the evaluated plan")
        return unpriced

    def _by_call(self, profiles: Sequence[Profile]) -> None:
        """Add what calls cause: quantities per call as the gateway is built."""
        plan, value = self._plan, self._value
        runtime = plan.capacity.runtime
        calls = sum((one.calls for one in profiles), Decimal(0))
        seconds = sum((one.calls * one.seconds for one in profiles), Decimal(0))
        stored = sum((one.calls * one.record_bytes for one in profiles), Decimal(0)) / _GIB
        asked = sum((one.calls * one.request_bytes for one in profiles), Decimal(0)) / _GIB
        answered = sum((one.calls * one.answer_bytes for one in profiles), Decimal(0)) / _GIB

        def line(item: str, quantity: Decimal, price: str, why: str) -> None:
            if quantity:
                self._line("infrastructure", "monthly", item, quantity, price, why)

        self._compute(calls, seconds, asked + answered, line)
        writes, reads = value("ledger_writes_per_call"), value("ledger_reads_per_call")
        line(
            "ledger writes", calls * writes, "dynamodb.write", f"calls x {writes} units, none of them shared"
        )
        line("ledger reads", calls * reads, "dynamodb.read", f"calls x {reads} units")
        objects = calls * value(f"objects_per_call_{runtime}")
        line("records", objects, "s3.put", "objects of intents and outcomes")
        line("sealing: reading", objects, "s3.get", "the notary reads each object once")
        line("sealing: tagging", objects, "s3.put", "and tags it as contained in a sealed segment")
        line("records for a month", stored, "s3.gb_month", "until they are sealed and expire")
        kept = stored * min(Decimal(plan.retention.audit_days) / 30, 12)
        line("segments kept", kept, "s3.gb_month", "a month's records x months kept, at the end of year 1")
        if plan.redundancy.replica_region:
            line("second region: transfer", stored, "s3.replication_gb", "segments, within 15 minutes")
            line("second region: kept", kept, "s3.gb_month", "segments, billed at their size")
        kms = value(f"kms_requests_per_call_{runtime}")
        line("key use", calls * kms, "kms.request", f"calls x {kms}: data keys of people, by process")
        line(
            "metadata copies",
            calls * 10 * 1024 / _GIB,
            "firehose.gb",
            "two copies a call, each counted as 5 KB",
        )
        logged = value("log_bytes_per_call")
        line("logs", calls * logged / _GIB, "cloudwatch.log_gb", "bytes of log a call")
        line("traces", calls / 20, "xray.trace", "one call in twenty")
        if self._settings.guardrail:
            units = (asked + answered) * _GIB / 1000
            line("guardrail", units, "bedrock.guardrail_unit", "requests and answers, in units of 1,000")
        if plan.detection.web_acl:
            line("firewall requests", calls, "waf.request", "calls")
        if plan.detection.trail_data_events:
            written = value("ledger_write_requests_per_call")
            line(
                "data events",
                objects * 3 + calls * written,
                "cloudtrail.data_event",
                f"objects put, read and tagged; {written} writes of the ledger a call",
            )
        line("answers to callers", answered, "transfer.gb", "bytes of answers")

    def _compute(
        self,
        calls: Decimal,
        seconds: Decimal,
        through: Decimal,
        line: Callable[[str, Decimal, str, str], None],
    ) -> None:
        """Add the gateway's compute: a function is paid for while a stream waits, a pod is shared by many
        streams.
        """
        capacity = self._plan.capacity
        if capacity.runtime == "lambda":
            memory = Decimal(capacity.gateway_memory_mb) / 1024
            line(
                "gateway time", seconds * memory, "lambda.gb_second",
                f"seconds of stream x {capacity.gateway_memory_mb} MB",
            )  # fmt: skip
            line("gateway requests", calls, "lambda.request", "calls")
            line("authorizer requests", calls, "lambda.request", "calls")
            line("authorizer time", calls * _AUTHORIZER_SECONDS / 2, "lambda.gb_second", "20 ms of 512 MB")
            line("API requests", calls, "apigateway.request", "calls")
            line("API access log", calls * 5 * 1024 / _GIB, "firehose.gb", "a line a call, counted as 5 KB")
            return
        idle = 1 + self._value("pods_idle_percent") / 100
        pod_hours = seconds / self._value("streams_per_pod") * idle / 3600
        standing = Decimal(capacity.gateway_replicas_minimum * self._prices.hours_per_month)
        more = max(pod_hours - standing, Decimal(0)) if self._share_standing else pod_hours
        line(
            "pods by load", more * VCPU_PER_REPLICA, "ec2.vcpu_hour",
            f"seconds of stream / {self._value('streams_per_pod')} streams a pod x {idle}, above the minimum",
        )  # fmt: skip
        line("to Claude through NAT", through, "ec2.nat_gb", "requests and answers")
        line(
            "through endpoints",
            calls * 12 * 1024 / _GIB,
            "ec2.endpoint_gb",
            "keys, copies, logs: 12 KB a call",
        )

    def _by_month(self, usage: Mapping[str, Decimal]) -> None:
        """Add what people and metrics cause, regardless of the number of calls."""
        plan = self._plan
        departments, claude = len(self._settings.departments), self._settings.claude
        by_call = 1 + (len(claude.models) + 1) + (len(claude.providers) + 1)  # each also has "none"
        self._line(
            "infrastructure", "monthly", "metrics",
            Decimal(_GATEWAY_METRICS * by_call + len(METRICS) * (1 + departments) + departments)
            + _OTHER_METRICS,
            "cloudwatch.metric_month",
            f"{_GATEWAY_METRICS} of the gateway by model and by provider, {len(METRICS)} of measurement by "
            f"department, unlisted fields by department, {_OTHER_METRICS} others",
        )  # fmt: skip
        tier = "cognito.plus_user" if plan.detection.cognito_tier == "PLUS" else "cognito.essentials_user"
        self._line("infrastructure", "monthly", "sign-in", usage["active_people"], tier, "active people")

    def per_million_calls(self, profile: str) -> int:
        """Return the micro-dollars that a million calls of one profile cause in AWS, without standing
        costs.
        """
        (chosen,) = [one for one in self._profiles if one.name == profile]
        kept, self._lines, self._share_standing = self._lines, [], False
        self._by_call([replace(chosen, calls=_MILLION)])
        total = sum(line.microusd for line in self._lines)
        self._lines, self._share_standing = kept, True
        return total

    def _budgets(self) -> Iterator[PersonBudget]:
        """Yield the budget per person beside the use of each profile."""
        configured = _usd(self._plan.budgets.user_microusd)
        for profile in self._profiles:
            if profile.people is not None:
                yield PersonBudget(profile.name, self.api_per_person(profile), configured)

    def api_per_person(self, profile: Profile) -> Decimal:
        """Return US dollars of tokens per month of one person with this profile."""
        kept, self._lines, profiles = self._lines, [], self._profiles
        self._profiles = (replace(profile, calls=profile.calls_each),)
        self._api()
        total = sum(line.microusd for line in self._lines)
        self._lines, self._profiles = kept, profiles
        return _usd(total)

    def _organisation(self) -> None:
        value, staff = self._value, self._plan.staffing.people
        self._add(
            "infrastructure", "once", "set-up", value("setup_days") * _setup_factor(self._plan.size), "day",
            value("setup_day_usd"), "assumption", "engineers' days; more for bigger sizes",
        )  # fmt: skip
        self._add(
            "organisation", "once", "training and change", Decimal(self._plan.adoption.live_people), "person",
            value("training_usd_per_person"), "assumption", "people who are to be live after 12 weeks",
        )  # fmt: skip
        self._add(
            "organisation", "yearly", "Center of Excellence",
            Decimal(staff) * value("coe_time_percent") / 100, "full-time person",
            value("coe_yearly_usd"), "assumption",
            f"{staff} people x {value('coe_time_percent')} % of their time",
        )  # fmt: skip


def profiles_of(assumed: Mapping[str, Assumption], plan: Sizing) -> tuple[Profile, ...]:
    """Return the usage profiles with their calls per month."""

    def value(name: str) -> Decimal:
        return assumed[name].value

    def profile(prefix: str, name: str, people: Decimal | None, calls: Decimal, each: Decimal) -> Profile:
        return Profile(
            name=name,
            people=people,
            calls=calls,
            calls_each=each,
            tokens_per_call=value(f"{prefix}tokens_per_call"),
            output=value(f"{prefix}output_percent") / 100,
            cached=value("agent_cached_percent") / 100 if prefix == "agent_" else Decimal(0),
            seconds=value(f"{prefix}seconds_per_call"),
            request_bytes=value(f"{prefix}request_bytes_per_call"),
            record_bytes=value(f"{prefix}record_bytes_per_call"),
            answer_bytes=value(f"{prefix}answer_bytes_per_call"),
        )

    people = Decimal(plan.people) * value("active_percent") / 100
    chat_each = Decimal(plan.budgets.tokens_per_person) / value("tokens_per_call")
    agents = value("agent_people")
    return (
        profile("", "chat", people, (people * chat_each).to_integral_value(), chat_each),
        profile(
            "agent_", "coding agents", agents, agents * value("agent_calls_per_person"),
            value("agent_calls_per_person"),
        ),
        profile("application_", "applications", None, value("application_calls"), Decimal(1)),
    )  # fmt: skip


def _setup_factor(size: str) -> Decimal:
    return {"small": Decimal("0.8"), "medium": Decimal(1), "large": Decimal("1.2")}.get(size, Decimal("1.6"))


def _compared(model: CostModel, plan: Sizing) -> list[Comparison]:
    """Return the planning values of Z.2 beside the model's."""
    staff, planned_price = plan.staffing.people, _usd(plan.budgets.per_1000_tokens_microusd)
    usd = {
        "api": _usd(model.total("api", "monthly")),
        "infra_once": _usd(model.total("infrastructure", "once")),
        "infra_year": _usd(12 * model.total("infrastructure", "monthly")),
        "organisation": _usd(model.total("organisation", "once")),
        "programme": _usd(model.first_year()),
    }
    tokens = model.usage["tokens"]
    per_1000 = usd["api"] * 1000 / tokens if tokens else Decimal(0)
    planned_most = tokens / 1000 * planned_price
    growth = 1 + model.assumptions["growth_percent"].value / 100
    standard = sizing("large")
    per_head = (
        f"{model.people:,} people x {tokens / max(model.people, 1):,.0f} tokens = {tokens / 1_000_000:,.1f} M"
    )
    use = (
        f"{per_head} tokens a month; even at {_text(planned_price)} USD per 1,000 that is "
        f"{planned_most:,.0f} USD: "
        "the planning value assumes heavier use, agents or documents"
    )
    year_2 = 12 * usd["api"] * growth
    costliest = sorted(
        (line for line in model.lines if (line.group, line.rhythm) == ("infrastructure", "monthly")),
        key=lambda line: -line.microusd,
    )[:3]
    infra = "12 months; the most expensive lines are " + ", ".join(
        f"{line.item} ({_usd(line.microusd):,.0f} USD a month)" for line in costliest
    )
    rows: list[tuple[str, str, str, Decimal, str]] = [
        (
            "price of 1,000 tokens", "0.003", str(planned_price), per_1000,
            "list prices of the date above, with the share of each model and of output assumed here",
        ),
        ("API a month in weeks 5-12", "5000", "20000", usd["api"], use),
        (
            "API in year 2", "50000", "200000", year_2,
            f"12 x {usd['api']:,.0f} USD x {growth} for growth; {per_head} tokens a month",
        ),
        (
            "infrastructure, set-up", "20000", "50000", usd["infra_once"],
            "days x day rate; the kit does what is usually built by hand",
        ),
        ("infrastructure a year", "10000", "15000", usd["infra_year"], infra),
        (
            "organisation", "30000", "100000", usd["organisation"],
            "training and change for the people of the first 12 weeks; salaries are a line of their own",
        ),
        (
            "programme, first year", "500000", "2000000", usd["programme"],
            f"with {staff} people in the Center of Excellence at the assumed share of their time "
            f"({standard.staffing.people} for {standard.people:,} employees)",
        ),
    ]  # fmt: skip
    return [
        Comparison(
            item, Decimal(low), Decimal(high), value, _verdict(value, Decimal(low), Decimal(high)), why
        )
        for item, low, high, value, why in rows
    ]


def _verdict(value: Decimal, low: Decimal, high: Decimal) -> Literal["within", "below", "above"]:
    return "below" if value < low else "above" if value > high else "within"


def _usd(microusd: int) -> Decimal:
    return Decimal(microusd).scaleb(-6)


def _text(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

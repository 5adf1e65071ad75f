"""The cost model before deployment: API, infrastructure, organisation; every sum with its arithmetic (Z.2,
L5.4).

Each line is a quantity times a price of one unit, rounded once to a micro-dollar. Planning values of the
programme are compared with what comes out, and a difference says what makes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Literal

from contract.sizes import Sizing, sizing
from kit.cost.price_file import Assumption, PriceFile, read_assumptions, read_prices
from kit.cost.resources import standing_costs
from kit.errors import ExitCode, KitError
from kit.evaluation.graph import Graph
from lambdas.common.prices import PriceList, load_prices
from stacks.settings import Settings

Group = Literal["api", "infrastructure", "organisation"]
Rhythm = Literal["monthly", "once", "yearly"]
_MICRO = Decimal(1_000_000)
_GIB = Decimal(1024**3)


@dataclass(frozen=True)
class Line:
    """`microusd` = quantity x unit price. `source` says where the price comes from, `why` the quantity."""

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
        """Plain data; quantities and prices as texts, because they are exact."""
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
    """One planning value and what the model says. `verdict`: within, below or above the planning range."""

    item: str
    low_usd: Decimal
    high_usd: Decimal
    model_usd: Decimal
    verdict: Literal["within", "below", "above"]
    why: str

    def as_document(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "item": self.item,
            "planning_usd": [_text(self.low_usd), _text(self.high_usd)],
            "model_usd": _text(self.model_usd),
            "verdict": self.verdict,
            "why": self.why,
        }


@dataclass(frozen=True)
class CostModel:
    """All lines for one size, their totals and the comparison."""

    size: str
    people: int
    prices_as_of: tuple[str, str]  # Claude, AWS
    assumptions: Mapping[str, Assumption]
    usage: Mapping[str, Decimal]
    lines: Sequence[Line]
    comparisons: Sequence[Comparison]
    unpriced: Sequence[str]

    def total(self, group: Group | None, rhythm: Rhythm) -> int:
        """Micro-dollars of the lines of a group (None: of all) and a rhythm."""
        return sum(
            line.microusd for line in self.lines if group in (None, line.group) and line.rhythm == rhythm
        )

    def first_year(self, group: Group | None = None) -> int:
        """Micro-dollars of the first twelve months."""
        return self.total(group, "once") + 12 * self.total(group, "monthly") + self.total(group, "yearly")

    def as_document(self) -> dict[str, Any]:
        """Plain data for machines."""
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
            "not_priced": list(self.unpriced),
        }


def build_model(
    settings: Settings, graphs: Sequence[Graph], given: Mapping[str, str] | None = None
) -> CostModel:
    """The model of a configuration and of its evaluated plan. Raises KitError on a wrong assumption."""
    builder = _Builder(settings, graphs, read_prices(), load_prices(), read_assumptions(given or {}))
    return builder.build()


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

    def build(self) -> CostModel:
        usage = self._usage()
        self._api(usage)
        unpriced = self._standing()
        self._by_use(usage)
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
        )
        comparisons = _compared(model, self._plan)
        return CostModel(**{**model.__dict__, "comparisons": comparisons})

    def _value(self, name: str) -> Decimal:
        return self._assumed[name].value

    def _usage(self) -> dict[str, Decimal]:
        active = Decimal(self._plan.people) * self._value("active_percent") / 100
        tokens = active * self._plan.budgets.tokens_per_person
        calls = (tokens / self._value("tokens_per_call")).to_integral_value()
        return {"active_people": active, "tokens": tokens, "calls": calls}

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

    def _api(self, usage: Mapping[str, Decimal]) -> None:
        """Tokens of each model alias, from the cheapest to the dearest."""
        output = self._value("output_percent") / 100
        shares = self._shares()
        for model, share in shares.items():
            band = self._claude.models[model][0]
            for what, part, nano in (("input", 1 - output, band.input), ("output", output, band.output)):
                self._add(
                    "api",
                    "monthly",
                    f"{model} {what}",
                    usage["tokens"] * share * part,
                    "token",
                    Decimal(nano).scaleb(-9),
                    f"Claude price list of {self._claude.as_of}",
                    f"{usage['tokens']:,.0f} tokens x {share:.0%} of calls x {part:.0%} {what}",
                )

    def _shares(self) -> dict[str, Decimal]:
        """Which share of the tokens each configured model has."""
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
                way_out="add it to lambdas/common/prices/prices.json",
                exit_code=ExitCode.USAGE,
            )
        return self._claude.models[model][0].input

    def _standing(self) -> list[str]:
        quantities, unpriced = standing_costs(self._graphs, self._prices)
        for price in sorted(quantities):
            quantity = Decimal(quantities[price])
            item = self._prices.prices[price].unit.partition(",")[0]  # "interface endpoint-hour in one zone"
            self._line("infrastructure", "monthly", item, quantity, price, "resources in the evaluated plan")
        return unpriced

    def _by_use(self, usage: Mapping[str, Decimal]) -> None:
        """What a call causes: quantities per call as the gateway is built."""
        calls, plan = usage["calls"], self._plan
        retained = Decimal(plan.retention.audit_days) / 30
        stored = calls * self._value("record_bytes_per_call") / _GIB
        per_call = self._value("seconds_per_call") * plan.capacity.gateway_memory_mb / 1024
        departments, models = len(self._settings.departments), len(self._settings.claude.models)
        line = self._line
        if plan.capacity.runtime == "lambda":
            line(
                "infrastructure", "monthly", "gateway time", calls * per_call, "lambda.gb_second",
                f"calls x {self._value('seconds_per_call')} s x {plan.capacity.gateway_memory_mb} MB",
            )  # fmt: skip
            line("infrastructure", "monthly", "gateway requests", calls, "lambda.request", "calls")
            line("infrastructure", "monthly", "API requests", calls, "apigateway.request", "calls")
        line(
            "infrastructure", "monthly", "ledger writes", calls * 26, "dynamodb.write",
            "two transactions a call: 8 items reserved, 5 settled, 2 units each",
        )  # fmt: skip
        line("infrastructure", "monthly", "ledger reads", calls * 4, "dynamodb.read", "rate windows, access")
        line(
            "infrastructure", "monthly", "records", calls * 2, "s3.put", "intent and outcome, at worst alone"
        )
        line(
            "infrastructure", "monthly", "records kept", stored * min(retained, 12), "s3.gb_month",
            "a month's records x months kept, at the end of year 1",
        )  # fmt: skip
        line(
            "infrastructure", "monthly", "metadata copies", calls * 10 * 1024 / _GIB, "firehose.gb",
            "two copies a call, each counted as 5 KB",
        )  # fmt: skip
        line("infrastructure", "monthly", "key use", calls / 10, "kms.request", "data keys are cached")
        line(
            "infrastructure", "monthly", "logs", calls * self._value("log_bytes_per_call") / _GIB,
            "cloudwatch.log_gb", "bytes of log a call",
        )  # fmt: skip
        line(
            "infrastructure", "monthly", "metrics",
            Decimal(7 * (2 + departments * models) + 8 * (1 + departments)), "cloudwatch.metric_month",
            "7 of the gateway by department and model, 8 of measurement by department",
        )  # fmt: skip
        line("infrastructure", "monthly", "traces", calls / 20, "xray.trace", "one call in twenty")
        if plan.detection.web_acl:
            line("infrastructure", "monthly", "firewall requests", calls, "waf.request", "calls")
        if plan.detection.trail_data_events:
            line(
                "infrastructure", "monthly", "data events", calls * 4, "cloudtrail.data_event",
                "reads and writes of the evidence",
            )  # fmt: skip
        tier = "cognito.plus_user" if plan.detection.cognito_tier == "PLUS" else "cognito.essentials_user"
        line("infrastructure", "monthly", "sign-in", usage["active_people"], tier, "active people")
        line(
            "infrastructure", "monthly", "answers to callers", calls * 8192 / _GIB, "transfer.gb", "8 KB each"
        )

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


def _setup_factor(size: str) -> Decimal:
    return {"small": Decimal("0.8"), "medium": Decimal(1), "large": Decimal("1.2")}.get(size, Decimal("1.6"))


def _compared(model: CostModel, plan: Sizing) -> list[Comparison]:
    """The planning values of Z.2 beside the model."""
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
    dearest = sorted(
        (line for line in model.lines if (line.group, line.rhythm) == ("infrastructure", "monthly")),
        key=lambda line: -line.microusd,
    )[:3]
    infra = "12 months; the dearest lines are " + ", ".join(
        f"{line.item} ({_usd(line.microusd):,.0f} USD a month)" for line in dearest
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

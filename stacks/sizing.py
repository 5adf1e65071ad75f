"""The four sizes, and all that follows from an organisation's size (Z.1, Z.2, C.1).

Plain data. Each field carries a rule: its bounds, and how it may move from a smaller size to a bigger one,
so that a test can prove for every pair of sizes that the bigger one never loses a control. Every value can
be overridden under `sizing:` in the configuration, within the bounds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_type_hints

from stacks.money import MoneyError, microusd_from_usd
from stacks.problems import Problem, nearest, shown

Size = Literal["small", "medium", "large", "enterprise"]
SIZES: tuple[Size, ...] = get_args(Size)
Order = Literal["more", "less", "same", "free"]
Runtime = Literal["lambda", "kubernetes"]
CognitoTier = Literal["ESSENTIALS", "PLUS"]

# Retention periods that CloudWatch Logs accepts, in days.
LOG_RETENTION_DAYS = (90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
AUDIENCES = ("executive", "department", "operations", "governance")
_KEPT_AUDIENCES = {"operations", "governance"}  # the dashboards that are controls


@dataclass(frozen=True, slots=True)
class Rule:
    """How a field may be set, and how it moves when the organisation grows.

    `order`: from a smaller size to a bigger one the value stays or grows (more), stays or shrinks (less),
    stays (same), or is no control and may do either (free). Choices are ordered as listed.
    """

    order: Order
    minimum: int = 0
    maximum: int = 0
    choices: tuple[Any, ...] = ()
    control: bool = False
    money: bool = False


def _whole(order: Order, minimum: int, maximum: int, *, control: bool = False) -> Rule:
    return Rule(order, minimum, maximum, control=control)


def _money(order: Order, minimum_usd: int, maximum_usd: int) -> Rule:
    return Rule(order, minimum_usd * 1_000_000, maximum_usd * 1_000_000, money=True)


def _switch(order: Order, *, control: bool = False) -> Rule:
    return Rule(order, choices=(False, True), control=control)


def _choice(order: Order, choices: tuple[Any, ...], *, control: bool = False) -> Rule:
    return Rule(order, choices=choices, control=control)


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much the deployment can carry. Memory in MB, rates per second.

    SnapStart and provisioned concurrency exclude each other on AWS; the sizes use SnapStart.
    """

    runtime: Annotated[Runtime, _choice("free", ("lambda", "kubernetes"))]
    gateway_memory_mb: Annotated[int, _whole("more", 512, 10_240)]
    gateway_snap_start: Annotated[bool, _switch("free")]
    gateway_provisioned_concurrency: Annotated[int, _whole("free", 0, 1_000)]
    gateway_reserved_concurrency: Annotated[int, _whole("more", 10, 5_000)]
    gateway_replicas_minimum: Annotated[int, _whole("more", 2, 500)]  # Kubernetes only
    gateway_replicas_maximum: Annotated[int, _whole("more", 2, 2_000)]  # Kubernetes only
    function_memory_mb: Annotated[int, _whole("more", 256, 10_240)]
    api_requests_per_second: Annotated[int, _whole("more", 5, 20_000)]
    api_burst: Annotated[int, _whole("more", 10, 40_000)]
    # of one address within five minutes, where there is a firewall; an office may stand behind one address
    api_requests_per_address: Annotated[int, _whole("more", 100, 10_000_000)]
    scim_requests_per_address: Annotated[int, _whole("more", 100, 10_000_000)]
    budget_shards: Annotated[
        int, _whole("more", 1, 64)
    ]  # counters over which the organisation's budget is spread


@dataclass(frozen=True, slots=True)
class Limits:
    """Default rate limits per minute (L1.5); a department may set its own. Those of `user` hold for a person
    in a chat, the others for one coding agent and one application: none of them takes more than a fifth of
    what its department has.
    """

    user_requests_per_minute: Annotated[int, _whole("free", 1, 10_000)]
    user_tokens_per_minute: Annotated[int, _whole("free", 1_000, 50_000_000)]
    user_concurrent_calls: Annotated[int, _whole("free", 1, 1_000)]
    agent_requests_per_minute: Annotated[int, _whole("free", 1, 10_000)]
    agent_tokens_per_minute: Annotated[int, _whole("free", 1_000, 50_000_000)]
    agent_concurrent_calls: Annotated[int, _whole("free", 1, 1_000)]
    application_requests_per_minute: Annotated[int, _whole("free", 1, 100_000)]
    application_tokens_per_minute: Annotated[int, _whole("free", 1_000, 500_000_000)]
    application_concurrent_calls: Annotated[int, _whole("free", 1, 10_000)]
    department_requests_per_minute: Annotated[int, _whole("free", 1, 200_000)]
    department_tokens_per_minute: Annotated[int, _whole("free", 10_000, 1_000_000_000)]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept, in days. The minimum of each rule is the floor in production."""

    audit_days: Annotated[int, _whole("more", 365, 36_500, control=True)]
    audit_cold_after_days: Annotated[int, _whole("free", 30, 3_650)]
    log_days: Annotated[int, _choice("more", LOG_RETENTION_DAYS, control=True)]
    trail_days: Annotated[int, _whole("more", 365, 36_500, control=True)]
    governance_versions_days: Annotated[int, _whole("more", 365, 36_500, control=True)]
    table_recovery_days: Annotated[int, _whole("more", 7, 35, control=True)]
    key_deletion_days: Annotated[int, _whole("more", 7, 30, control=True)]
    secret_recovery_days: Annotated[int, _whole("more", 7, 30, control=True)]


@dataclass(frozen=True, slots=True)
class Redundancy:
    """What is there twice, and what stays off the public network."""

    replica_region: Annotated[bool, _switch("more", control=True)]
    vpc_endpoints: Annotated[bool, _switch("more", control=True)]
    availability_zones: Annotated[int, _whole("more", 2, 6, control=True)]
    table_deletion_protection: Annotated[bool, _switch("more", control=True)]


@dataclass(frozen=True, slots=True)
class Detection:
    """What watches over the deployment; the edge in front of it."""

    web_acl: Annotated[bool, _switch("more", control=True)]
    trail_data_events: Annotated[bool, _switch("more", control=True)]
    contributor_insights: Annotated[bool, _switch("more", control=True)]
    cognito_tier: Annotated[CognitoTier, _choice("more", ("ESSENTIALS", "PLUS"), control=True)]


@dataclass(frozen=True, slots=True)
class Alarms:
    """Thresholds. A bigger organisation is told sooner, so most of them shrink."""

    gateway_error_percent: Annotated[int, _whole("less", 1, 50, control=True)]
    gateway_overhead_p95_ms: Annotated[int, _whole("less", 50, 10_000, control=True)]
    audit_write_failures: Annotated[int, _whole("less", 1, 10, control=True)]
    evaluation_minutes: Annotated[int, _whole("less", 1, 60, control=True)]
    budget_warning_percent: Annotated[int, _whole("less", 10, 100, control=True)]
    cost_anomaly_percent: Annotated[int, _whole("less", 5, 100, control=True)]


@dataclass(frozen=True, slots=True)
class Budgets:
    """Planning values and default caps a month in micro-dollars; `_usd` in the configuration (Z.2, L1.6)."""

    tokens_per_person: Annotated[int, _whole("more", 1_000, 1_000_000_000)]
    per_1000_tokens_microusd: Annotated[int, _money("free", 0, 10)]
    organization_microusd: Annotated[int, _money("more", 1, 1_000_000_000)]
    department_microusd: Annotated[int, _money("more", 1, 1_000_000_000)]
    user_microusd: Annotated[int, _money("free", 1, 1_000_000)]
    infrastructure_microusd: Annotated[int, _money("more", 1, 100_000_000)]


@dataclass(frozen=True, slots=True)
class Staffing:
    """The Center of Excellence, in people (C.1: 20 to 30 for 5,000 employees)."""

    director: Annotated[int, _whole("more", 1, 10)]
    enablement_lead: Annotated[int, _whole("more", 1, 100)]
    ai_engineer: Annotated[int, _whole("more", 1, 200)]
    training_lead: Annotated[int, _whole("more", 1, 200)]
    governance_lead: Annotated[int, _whole("more", 1, 100)]
    data_science_lead: Annotated[int, _whole("more", 1, 100)]

    @property
    def people(self) -> int:
        """Everybody in the Center of Excellence."""
        return sum(getattr(self, item.name) for item in fields(self))


@dataclass(frozen=True, slots=True)
class Adoption:
    """What the rollout has to reach (S.2, S.3)."""

    live_people: Annotated[int, _whole("more", 10, 1_000_000)]
    champions: Annotated[int, _whole("more", 1, 100_000)]
    trained_percent: Annotated[int, _whole("more", 50, 100)]
    dashboards: Annotated[tuple[str, ...], Rule("more", choices=AUDIENCES, control=True)]


@dataclass(frozen=True, slots=True)
class Sizing:
    """All that follows from a size. `people` is the head count of the size, or the configured one."""

    size: Size
    people: int
    capacity: Capacity
    limits: Limits
    retention: Retention
    redundancy: Redundancy
    detection: Detection
    alarms: Alarms
    budgets: Budgets
    staffing: Staffing
    adoption: Adoption


GROUPS: tuple[str, ...] = tuple(item.name for item in fields(Sizing) if item.name not in ("size", "people"))
_PEOPLE = Rule("more", 1, 10_000_000)


def _usd(amount: int) -> int:
    return amount * 1_000_000


_SMALL = Sizing(
    size="small",
    people=500,
    capacity=Capacity(
        runtime="lambda",
        gateway_memory_mb=1_024,
        gateway_snap_start=True,
        gateway_provisioned_concurrency=0,
        gateway_reserved_concurrency=50,
        gateway_replicas_minimum=2,
        gateway_replicas_maximum=4,
        function_memory_mb=512,
        api_requests_per_second=20,
        api_burst=40,
        api_requests_per_address=4_000,
        scim_requests_per_address=5_000,
        budget_shards=1,
    ),
    limits=Limits(
        user_requests_per_minute=60,
        user_tokens_per_minute=1_000_000,
        user_concurrent_calls=8,
        agent_requests_per_minute=200,
        agent_tokens_per_minute=2_000_000,
        agent_concurrent_calls=32,
        application_requests_per_minute=200,
        application_tokens_per_minute=2_000_000,
        application_concurrent_calls=50,
        department_requests_per_minute=1_000,
        department_tokens_per_minute=10_000_000,
    ),
    retention=Retention(
        audit_days=1_825,
        audit_cold_after_days=90,
        log_days=180,
        trail_days=1_825,
        governance_versions_days=1_825,
        table_recovery_days=35,
        key_deletion_days=30,
        secret_recovery_days=30,
    ),
    redundancy=Redundancy(
        replica_region=False, vpc_endpoints=False, availability_zones=2, table_deletion_protection=True
    ),
    detection=Detection(
        web_acl=True, trail_data_events=True, contributor_insights=False, cognito_tier="ESSENTIALS"
    ),
    alarms=Alarms(
        gateway_error_percent=5,
        gateway_overhead_p95_ms=500,
        audit_write_failures=1,
        evaluation_minutes=10,
        budget_warning_percent=80,
        cost_anomaly_percent=40,
    ),
    budgets=Budgets(
        tokens_per_person=50_000,
        per_1000_tokens_microusd=30_000,
        organization_microusd=_usd(750),
        department_microusd=_usd(150),
        user_microusd=_usd(20),
        infrastructure_microusd=_usd(400),
    ),
    staffing=Staffing(
        director=1, enablement_lead=1, ai_engineer=1, training_lead=1, governance_lead=1, data_science_lead=1
    ),
    adoption=Adoption(live_people=200, champions=5, trained_percent=80, dashboards=AUDIENCES),
)

_MEDIUM = replace(
    _SMALL,
    size="medium",
    people=2_000,
    capacity=replace(
        _SMALL.capacity,
        gateway_reserved_concurrency=100,
        api_requests_per_second=50,
        api_burst=100,
        api_requests_per_address=10_000,
        scim_requests_per_address=12_000,
        gateway_replicas_maximum=8,
    ),
    limits=replace(
        _SMALL.limits,
        application_requests_per_minute=600,
        application_tokens_per_minute=6_000_000,
        department_requests_per_minute=3_000,
        department_tokens_per_minute=30_000_000,
    ),
    retention=replace(
        _SMALL.retention, audit_days=2_555, log_days=365, trail_days=2_555, governance_versions_days=2_555
    ),
    redundancy=replace(_SMALL.redundancy, vpc_endpoints=True),
    alarms=replace(_SMALL.alarms, gateway_error_percent=3, gateway_overhead_p95_ms=400, evaluation_minutes=5),
    budgets=replace(
        _SMALL.budgets,
        organization_microusd=_usd(3_000),
        department_microusd=_usd(600),
        infrastructure_microusd=_usd(800),
    ),
    staffing=Staffing(
        director=1, enablement_lead=2, ai_engineer=3, training_lead=2, governance_lead=2, data_science_lead=1
    ),
    adoption=replace(_SMALL.adoption, live_people=300, champions=20),
)

_LARGE = replace(
    _MEDIUM,
    size="large",
    people=5_000,
    capacity=replace(
        _MEDIUM.capacity,
        gateway_memory_mb=2_048,
        gateway_reserved_concurrency=300,
        gateway_replicas_minimum=3,
        gateway_replicas_maximum=20,
        function_memory_mb=1_024,
        api_requests_per_second=150,
        api_burst=300,
        api_requests_per_address=30_000,
        scim_requests_per_address=40_000,
        budget_shards=4,
    ),
    limits=replace(
        _MEDIUM.limits,
        application_requests_per_minute=2_000,
        application_tokens_per_minute=15_000_000,
        application_concurrent_calls=100,
        department_requests_per_minute=10_000,
        department_tokens_per_minute=75_000_000,
    ),
    redundancy=replace(_MEDIUM.redundancy, replica_region=True, availability_zones=3),
    detection=replace(_MEDIUM.detection, contributor_insights=True, cognito_tier="PLUS"),
    alarms=replace(
        _MEDIUM.alarms,
        gateway_error_percent=2,
        gateway_overhead_p95_ms=300,
        budget_warning_percent=75,
        cost_anomaly_percent=30,
    ),
    budgets=replace(
        _MEDIUM.budgets,
        organization_microusd=_usd(7_500),
        department_microusd=_usd(1_500),
        infrastructure_microusd=_usd(1_250),
    ),
    staffing=Staffing(
        director=1, enablement_lead=5, ai_engineer=7, training_lead=5, governance_lead=4, data_science_lead=3
    ),
    adoption=replace(_MEDIUM.adoption, live_people=500, champions=50),
)

_ENTERPRISE = replace(
    _LARGE,
    size="enterprise",
    people=50_000,
    capacity=replace(
        _LARGE.capacity,
        runtime="kubernetes",
        gateway_reserved_concurrency=800,
        gateway_replicas_minimum=6,
        gateway_replicas_maximum=120,
        api_requests_per_second=1_500,
        api_burst=3_000,
        api_requests_per_address=300_000,
        scim_requests_per_address=300_000,
        budget_shards=16,
    ),
    limits=replace(
        _LARGE.limits,
        application_requests_per_minute=8_000,
        application_tokens_per_minute=60_000_000,
        application_concurrent_calls=400,
        department_requests_per_minute=40_000,
        department_tokens_per_minute=300_000_000,
    ),
    retention=replace(
        _LARGE.retention, audit_days=3_650, log_days=400, trail_days=3_650, governance_versions_days=3_650
    ),
    alarms=replace(
        _LARGE.alarms,
        gateway_error_percent=1,
        gateway_overhead_p95_ms=250,
        evaluation_minutes=3,
        budget_warning_percent=70,
        cost_anomaly_percent=20,
    ),
    budgets=replace(
        _LARGE.budgets,
        organization_microusd=_usd(75_000),
        department_microusd=_usd(15_000),
        infrastructure_microusd=_usd(12_500),
    ),
    staffing=Staffing(
        director=1,
        enablement_lead=15,
        ai_engineer=20,
        training_lead=18,
        governance_lead=12,
        data_science_lead=9,
    ),
    adoption=replace(_LARGE.adoption, champions=500),
)

_BY_SIZE: dict[Size, Sizing] = {
    "small": _SMALL,
    "medium": _MEDIUM,
    "large": _LARGE,
    "enterprise": _ENTERPRISE,
}


def sizing(size: Size) -> Sizing:
    """What follows from a size, without overrides."""
    return _BY_SIZE[size]


def rules() -> dict[str, Rule]:
    """The rule of every field, by its dotted name (`retention.audit_days`)."""
    found = {"people": _PEOPLE}
    for group in GROUPS:
        for name, rule in _rules_of(type(getattr(_SMALL, group))).items():
            found[f"{group}.{name}"] = rule
    return found


@cache
def _rules_of(group: type) -> dict[str, Rule]:
    """The rules of a group's fields, from their annotations."""
    hints = get_type_hints(group, include_extras=True)
    return {item.name: get_args(hints[item.name])[1] for item in fields(group)}


def value(plan: Sizing, name: str) -> Any:
    """The value of a field by its dotted name."""
    found: Any = plan
    for part in name.split("."):
        found = getattr(found, part)
    return found


def controls(plan: Sizing) -> dict[str, Any]:
    """Every value that is a security or evidence control, by its dotted name."""
    return {name: value(plan, name) for name, rule in rules().items() if rule.control}


def weakened(before: Sizing, after: Sizing, *, only_controls: bool = True) -> list[str]:
    """The names of the fields that are weaker in `after` than in `before`, by the order of their rules."""
    return [
        name
        for name, rule in rules().items()
        if (rule.control or not only_controls) and not _keeps(rule, value(before, name), value(after, name))
    ]


def resolve(size: Size, overrides: Mapping[str, Any], *, floors: bool = True) -> tuple[Sizing, list[Problem]]:
    """The sizing of `size` with the overrides of the configuration's `sizing:` applied.

    Returns the sizing and every problem found, each with its key; a value with a problem keeps its default.
    `floors` is false in non-production environments, where retention may go down to one day.
    """
    base = _BY_SIZE[size]
    problems: list[Problem] = []
    changed: dict[str, Any] = {}
    for key, given in overrides.items():
        if key == "people":
            _take("sizing.people", _PEOPLE, given, changed, "people", problems)
        elif key in GROUPS:
            changed[key] = _resolve_group(key, getattr(base, key), given, problems, floors=floors)
        else:
            hint = nearest(str(key), ["people", *GROUPS])
            problems.append(Problem(f"sizing.{key}", "is not a key", hint))
    plan = replace(base, **changed)
    problems.extend(_contradictions(plan, floors=floors))
    return plan, problems


def _resolve_group(group: str, base: Any, given: Any, problems: list[Problem], *, floors: bool) -> Any:
    if not isinstance(given, Mapping):
        problems.append(Problem(f"sizing.{group}", f"{shown(given)} is not a mapping of names to values"))
        return base
    known = {_key_of(name, rule): (name, rule) for name, rule in _rules_of(type(base)).items()}
    changed: dict[str, Any] = {}
    for key, each in given.items():
        path = f"sizing.{group}.{key}"
        if key not in known:
            problems.append(Problem(path, "is not a key", nearest(str(key), list(known))))
            continue
        name, rule = known[key]
        if not floors and group == "retention":
            rule = _without_floor(rule)
        _take(path, rule, each, changed, name, problems)
    return replace(base, **changed)


def _key_of(name: str, rule: Rule) -> str:
    return name.removesuffix("_microusd") + "_usd" if rule.money else name


def _without_floor(rule: Rule) -> Rule:
    if rule.choices:
        return replace(rule, choices=(1, 3, 5, 7, 14, 30, 60, *rule.choices))
    return replace(rule, minimum=min(rule.minimum, 7 if rule.maximum <= 35 else 1))


def _take(
    path: str, rule: Rule, given: Any, changed: dict[str, Any], name: str, problems: list[Problem]
) -> None:
    if rule.choices == AUDIENCES:
        _take_audiences(path, given, changed, name, problems)
    elif rule.choices:
        if any(
            given is choice or (type(given) is type(choice) and given == choice) for choice in rule.choices
        ):
            changed[name] = given
        else:
            allowed = " | ".join(str(choice).lower() for choice in rule.choices)
            problems.append(Problem(path, f"{shown(given)} is not allowed", f"allowed: {allowed}"))
    elif rule.money:
        try:
            amount = microusd_from_usd(given)
        except MoneyError as error:
            problems.append(Problem(path, f"{shown(given)} {error}"))
            return
        if rule.minimum <= amount <= rule.maximum:
            changed[name] = amount
        else:
            low, high = (str(Decimal(bound).scaleb(-6).normalize()) for bound in (rule.minimum, rule.maximum))
            problems.append(
                Problem(path, f"{shown(given)} is out of bounds", f"allowed: {low} to {high} USD")
            )
    elif isinstance(given, int) and not isinstance(given, bool) and rule.minimum <= given <= rule.maximum:
        changed[name] = given
    else:
        allowed = f"allowed: whole numbers from {rule.minimum} to {rule.maximum}"
        problems.append(Problem(path, f"{shown(given)} is not allowed", allowed))


def _take_audiences(
    path: str, given: Any, changed: dict[str, Any], name: str, problems: list[Problem]
) -> None:
    whole = isinstance(given, list | tuple) and all(each in AUDIENCES for each in given)
    if whole and set(given) >= _KEPT_AUDIENCES:
        changed[name] = tuple(each for each in AUDIENCES if each in given)
        return
    problems.append(
        Problem(
            path,
            f"{shown(given)} is not allowed",
            f"a list of {', '.join(AUDIENCES)}; governance and operations stay",
        )
    )


def _contradictions(plan: Sizing, *, floors: bool) -> list[Problem]:
    capacity = plan.capacity
    checks = [
        (
            capacity.gateway_snap_start and capacity.gateway_provisioned_concurrency > 0,
            "sizing.capacity.gateway_provisioned_concurrency",
            "Lambda allows either SnapStart or provisioned concurrency; set gateway_snap_start: false",
        ),
        (
            capacity.gateway_provisioned_concurrency > capacity.gateway_reserved_concurrency,
            "sizing.capacity.gateway_provisioned_concurrency",
            "is more than gateway_reserved_concurrency",
        ),
        (
            capacity.gateway_replicas_minimum > capacity.gateway_replicas_maximum,
            "sizing.capacity.gateway_replicas_minimum",
            "is more than gateway_replicas_maximum",
        ),
        (
            capacity.api_requests_per_second > capacity.api_burst,
            "sizing.capacity.api_burst",
            "is less than api_requests_per_second",
        ),
        (
            floors and plan.retention.audit_cold_after_days >= plan.retention.audit_days,
            "sizing.retention.audit_cold_after_days",
            "is not before the end of retention (audit_days)",
        ),
        (
            plan.adoption.live_people > plan.people,
            "sizing.adoption.live_people",
            f"is more than the organisation has people ({plan.people})",
        ),
    ]
    return [Problem(key, message) for wrong, key, message in checks if wrong]


def _keeps(rule: Rule, before: Any, after: Any) -> bool:
    if isinstance(before, tuple):
        return set(after) >= set(before)
    if rule.choices:
        before, after = rule.choices.index(before), rule.choices.index(after)
    orders = {"more": after >= before, "less": after <= before, "same": after == before, "free": True}
    return orders[rule.order]

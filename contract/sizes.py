"""The four sizes and every value that depends on the organisation's size (Z.1, Z.2, C.1).

Each value is a key with bounds and the direction in which it may change from a smaller size to a larger
one, so that a test can prove for every pair of sizes that the larger never loses a control. Every value can
be overridden under `sizing:` in a client file, within its bounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import cache
from typing import Any, Literal, cast, get_args

from contract.keys import Declaration, Key, class_of, declared, key, keys_of
from contract.kinds import Size
from contract.problems import Problem, nearest, shown
from contract.reading import Reading

# Retention periods that CloudWatch Logs accepts, in days.
LOG_RETENTION_DAYS = (90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
Audience = Literal["executive", "department", "operations", "governance"]
AUDIENCES: tuple[Audience, ...] = get_args(Audience)
_KEPT_AUDIENCES = {"operations", "governance"}  # audiences whose dashboards are controls


@declared
class Capacity:
    """Capacity of the deployment. Memory in MB, rates per second.

    Lambda does not combine SnapStart with provisioned concurrency; all sizes use SnapStart.
    """

    runtime: Literal["lambda", "kubernetes"] = key(
        "where the gateway runs", grows="free", choices=("lambda", "kubernetes")
    )
    gateway_memory_mb: int = key("the gateway's memory in MB", grows="more", least=512, most=10_240)
    gateway_snap_start: bool = key("use Lambda SnapStart for the gateway", grows="free")
    gateway_provisioned_concurrency: int = key(
        "the gateway's provisioned concurrency; excludes SnapStart", grows="free", least=0, most=1_000
    )
    gateway_reserved_concurrency: int = key(
        "the gateway's reserved concurrency", grows="more", least=10, most=5_000
    )
    gateway_replicas_minimum: int = key(
        "minimum number of pods; Kubernetes only", grows="more", least=2, most=500
    )
    gateway_replicas_maximum: int = key(
        "maximum number of pods; Kubernetes only", grows="more", least=2, most=2_000
    )
    function_memory_mb: int = key("memory of the other functions in MB", grows="more", least=256, most=10_240)
    api_requests_per_second: int = key(
        "rate limit of the API in requests per second", grows="more", least=5, most=20_000
    )
    api_burst: int = key("burst limit of the API in requests", grows="more", least=10, most=40_000)
    api_requests_per_address: int = key(
        "requests per IP address in five minutes; a whole office may share one address",
        grows="more",
        least=100,
        most=10_000_000,
    )
    scim_requests_per_address: int = key(
        "SCIM requests per IP address in five minutes", grows="more", least=100, most=10_000_000
    )
    measurement_engine: Literal["lambda", "athena"] = key(
        "engine for usage figures: a function over JSON rows, or Athena over Parquet",
        grows="free",
        choices=("lambda", "athena"),
    )
    budget_shards: int = key(
        "number of counters that the organisation's budget is sharded over", grows="more", least=1, most=64
    )


@declared
class Limits:
    """Default rate limits per minute (L1.5), which a department may override.

    `user` limits apply to a person in a chat, the others to one coding agent and one application. None
    exceeds a fifth of the department's limit.
    """

    user_requests_per_minute: int = key(
        "requests per minute, each person", grows="free", least=1, most=10_000
    )
    user_tokens_per_minute: int = key(
        "tokens per minute, each person", grows="free", least=1_000, most=50_000_000
    )
    user_concurrent_calls: int = key("concurrent calls, each person", grows="free", least=1, most=1_000)
    agent_requests_per_minute: int = key(
        "requests per minute, each coding agent", grows="free", least=1, most=10_000
    )
    agent_tokens_per_minute: int = key(
        "tokens per minute, each coding agent", grows="free", least=1_000, most=50_000_000
    )
    agent_concurrent_calls: int = key(
        "concurrent calls, each coding agent", grows="free", least=1, most=1_000
    )
    application_requests_per_minute: int = key(
        "requests per minute, each application", grows="free", least=1, most=100_000
    )
    application_tokens_per_minute: int = key(
        "tokens per minute, each application", grows="free", least=1_000, most=500_000_000
    )
    application_concurrent_calls: int = key(
        "concurrent calls, each application", grows="free", least=1, most=10_000
    )
    department_requests_per_minute: int = key(
        "requests per minute, each department", grows="free", least=1, most=200_000
    )
    department_tokens_per_minute: int = key(
        "tokens per minute, each department", grows="free", least=10_000, most=1_000_000_000
    )


@declared
class Retention:
    """Retention periods in days. The lower bound of each is the minimum in production."""

    audit_days: int = key(
        "retention and lock of audit records, in days", grows="more", least=365, most=36_500, control=True
    )
    audit_cold_after_days: int = key(
        "days until audit records move to a cheaper storage class", grows="free", least=30, most=3_650
    )
    log_days: int = key("retention of logs, in days", grows="more", choices=LOG_RETENTION_DAYS, control=True)
    trail_days: int = key(
        "retention and lock of CloudTrail events, in days", grows="more", least=365, most=36_500, control=True
    )
    governance_versions_days: int = key(
        "retention of earlier document versions, in days", grows="more", least=365, most=36_500, control=True
    )
    table_recovery_days: int = key(
        "point-in-time recovery window of tables, in days", grows="more", least=7, most=35, control=True
    )
    key_deletion_days: int = key(
        "waiting period before a KMS key is deleted, in days", grows="more", least=7, most=30, control=True
    )
    secret_recovery_days: int = key(
        "recovery window of deleted secrets, in days", grows="more", least=7, most=30, control=True
    )


@declared
class Redundancy:
    """Redundant components, and what stays off the public network."""

    replica_region: bool = key("replicate audit records to a second region", grows="more", control=True)
    vpc_endpoints: bool = key(
        "keep traffic to AWS off the public network with VPC endpoints", grows="more", control=True
    )
    availability_zones: int = key(
        "availability zones of the kit's own network", grows="more", least=2, most=6, control=True
    )
    table_deletion_protection: bool = key("deletion protection of tables", grows="more", control=True)


@declared
class Detection:
    """Detective controls, and protection at the edge."""

    web_acl: bool = key("AWS WAF web ACL in front of the API", grows="more", control=True)
    trail_data_events: bool = key(
        "log every read and write of the evidence in CloudTrail", grows="more", control=True
    )
    contributor_insights: bool = key(
        "CloudWatch Contributor Insights for throttled keys of the ledger", grows="more", control=True
    )
    cognito_tier: Literal["ESSENTIALS", "PLUS"] = key(
        "feature plan of the user pool; PLUS adds threat protection",
        grows="more",
        choices=("ESSENTIALS", "PLUS"),
        control=True,
    )


@declared
class Alarms:
    """Alarm thresholds. Most are lower for a larger organisation, which is notified sooner."""

    gateway_error_percent: int = key(
        "error rate that raises an alarm, in percent", grows="less", least=1, most=50, control=True
    )
    gateway_overhead_p95_ms: int = key(
        "p95 of added latency that raises an alarm, in ms", grows="less", least=50, most=10_000, control=True
    )
    audit_write_failures: int = key(
        "failed audit writes per minute that raise an alarm", grows="less", least=1, most=10, control=True
    )
    evaluation_minutes: int = key(
        "how long a condition must last before it raises an alarm, in minutes",
        grows="less",
        least=1,
        most=60,
        control=True,
    )
    budget_warning_percent: int = key(
        "share of a budget that raises an alarm, in percent", grows="less", least=10, most=100, control=True
    )
    cost_anomaly_percent: int = key(
        "unexpected cost that raises an alarm, in percent", grows="less", least=5, most=100, control=True
    )


@declared
class Budgets:
    """Planning values and default monthly caps in micro-dollars; `_usd` in the configuration (Z.2, L1.6)."""

    tokens_per_person: int = key(
        "planned tokens per active person and month",
        grows="more",
        least=1_000,
        most=1_000_000_000,
        changes="cost",
    )
    per_1000_tokens_microusd: int = key(
        "planned price of 1,000 tokens", grows="free", least=0, most=10_000_000, changes="cost"
    )
    organization_microusd: int = key(
        "monthly budget of the organisation", grows="more", least=1_000_000, most=1_000_000_000_000_000
    )
    department_microusd: int = key(
        "default monthly budget of a department", grows="more", least=1_000_000, most=1_000_000_000_000_000
    )
    user_microusd: int = key(
        "default monthly budget of a person", grows="free", least=1_000_000, most=1_000_000_000_000
    )
    infrastructure_microusd: int = key(
        "monthly AWS cost above which a notification is sent",
        grows="more",
        least=1_000_000,
        most=100_000_000_000_000,
    )


@declared
class Staffing:
    """Headcount of the Center of Excellence (C.1: 20 to 30 for 5,000 employees)."""

    director: int = key("number of directors", grows="more", least=1, most=10, changes="cost")
    enablement_lead: int = key("number of enablement leads", grows="more", least=1, most=100, changes="cost")
    ai_engineer: int = key("number of AI engineers", grows="more", least=1, most=200, changes="cost")
    training_lead: int = key("number of training leads", grows="more", least=1, most=200, changes="cost")
    governance_lead: int = key("number of governance leads", grows="more", least=1, most=100, changes="cost")
    data_science_lead: int = key(
        "number of data science leads", grows="more", least=1, most=100, changes="cost"
    )

    @property
    def people(self) -> int:
        """Return the total headcount."""
        return sum(getattr(self, item.name) for item in fields(self))


@declared
class Adoption:
    """Targets of the rollout (S.2, S.3)."""

    live_people: int = key(
        "active people required after twelve weeks", grows="more", least=10, most=1_000_000, changes="command"
    )
    champions: int = key("champions required", grows="more", least=1, most=100_000, changes="command")
    trained_percent: int = key(
        "share of the pilots' people who must be trained, in percent",
        grows="more",
        least=50,
        most=100,
        changes="command",
    )
    dashboards: tuple[Audience, ...] = key(
        "audiences with a dashboard; operations and governance always have one", grows="more", control=True,
        choices=AUDIENCES,
    )  # fmt: skip


@declared
class Sizing:
    """All values of one size. `people` is the size's headcount, or the configured one."""

    size: Size
    people: int = key("headcount of the organisation", grows="more", least=1, most=10_000_000, changes="cost")
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
        measurement_engine="lambda",
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
        user_microusd=_usd(75),  # the monthly cost of a coding agent according to `kit cost`, with headroom
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
        measurement_engine="athena",
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
    """Return the values of a size without overrides."""
    return _BY_SIZE[size]


@cache
def rules() -> dict[str, Declaration]:
    """Return the key of every sizing value, by dotted name (`retention.audit_days`)."""
    found = {one.name: one for one in keys_of(Sizing)}
    for group in GROUPS:
        found |= {f"{group}.{one.name}": one for one in keys_of(class_of(getattr(_SMALL, group)))}
    return found


def value(plan: Sizing, name: str) -> Any:
    """Return a sizing value by its dotted name."""
    found: Any = plan
    for part in name.split("."):
        found = getattr(found, part)
    return found


def controls(plan: Sizing) -> dict[str, Any]:
    """Return every value that is a security or evidence control, by dotted name."""
    return {name: value(plan, name) for name, rule in rules().items() if rule.key.control}


def weakened(before: Sizing, after: Sizing, *, only_controls: bool = True) -> list[str]:
    """Return the names of values that change in a direction that a larger size does not allow."""
    return [
        name
        for name, rule in rules().items()
        if (rule.key.control or not only_controls)
        and not _keeps(rule.key, value(before, name), value(after, name))
    ]


def resolve(size: Size, overrides: Mapping[str, Any], *, floors: bool = True) -> tuple[Sizing, list[Problem]]:
    """Return the values of `size` with the configuration's `sizing:` overrides applied, and all errors
    found.

    A value with an error keeps its default. `floors` is false in non-production environments, where
    retention may be as short as one day.
    """
    base, reading, changed = _BY_SIZE[size], Reading(), dict[str, Any]()
    (people,) = keys_of(Sizing)
    for name, given in overrides.items():
        if name == "people":
            found = reading.read_key(people, given, "sizing.people")
            changed |= {} if found is None else {name: found}
        elif name in GROUPS:
            changed[name] = _resolve_group(name, getattr(base, name), given, reading, floors=floors)
        else:
            reading.wrong(f"sizing.{name}", "is not a key", nearest(str(name), ["people", *GROUPS]))
    plan = replace(base, **changed)
    return plan, [*reading.problems, *_contradictions(plan, floors=floors)]


def _resolve_group(group: str, base: Any, given: Any, reading: Reading, *, floors: bool) -> Any:
    if not isinstance(given, Mapping):
        reading.wrong(f"sizing.{group}", f"{shown(given)} is not a mapping of names to values")
        return base
    entries = cast("Mapping[Any, Any]", given)
    known = {one.file_name: one for one in keys_of(class_of(base))}
    changed: dict[str, Any] = {}
    for name, each in entries.items():
        path = f"sizing.{group}.{name}"
        if name not in known:
            reading.wrong(path, "is not a key", nearest(str(name), list(known)))
            continue
        one = known[name]
        if not floors and group == "retention":
            one = one._replace(key=_without_floor(one.key))
        found = _taken(one, each, path, reading)
        if found is not None:
            changed[one.name] = found
    return replace(base, **changed)


def _without_floor(one: Key) -> Key:
    if one.choices:
        return one._replace(choices=(1, 3, 5, 7, 14, 30, 60, *one.choices))
    return one._replace(least=min(one.least or 0, 7 if (one.most or 0) <= 35 else 1))


def _taken(one: Declaration, given: Any, path: str, reading: Reading) -> Any:
    """Return the parsed override, or None if it is invalid."""
    if one.key.choices == AUDIENCES:
        chosen = cast("Sequence[Any]", given) if isinstance(given, list | tuple) else ()
        if all(each in AUDIENCES for each in chosen) and set(chosen) >= _KEPT_AUDIENCES:
            return tuple(each for each in AUDIENCES if each in chosen)
        hint = f"a list of {', '.join(AUDIENCES)}; governance and operations stay"
        reading.wrong(path, f"{shown(given)} is not allowed", hint)
        return None
    if one.key.choices and one.annotation is int:
        if given in one.key.choices and not isinstance(given, bool):
            return given
        allowed = " | ".join(str(each) for each in one.key.choices)
        reading.wrong(path, f"{shown(given)} is not allowed", f"allowed: {allowed}")
        return None
    return reading.read_key(one, given, path)


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


def _keeps(one: Key, before: Any, after: Any) -> bool:
    if isinstance(before, tuple):
        return set(after) >= set(cast("tuple[Any, ...]", before))
    if one.choices:
        before, after = one.choices.index(before), one.choices.index(after)
    orders = {"more": after >= before, "less": after <= before, "same": after == before, "free": True}
    return orders[one.grows or "free"]

"""Inputs to the gateway's decisions: departments' rights, models, providers, issuers, inspection.

The client file says more about a department than the gateway needs (`contract/client.py` adds the rest).
The gateway policy holds exactly these classes, so a right declared here is in the settings, in the
published policy and in the gateway.
"""

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

from contract.keys import declared, key
from contract.kinds import (
    Algorithm,
    Alias,
    BudgetModel,
    CallerKind,
    Canary,
    DataClass,
    FindingAction,
    GovernanceMode,
    Host,
    HttpsUrl,
    IdentityRegion,
    LabelId,
    McpServer,
    ModelId,
    Permission,
    PrincipalKind,
    ProviderKind,
    ReviewTrigger,
    RolePermission,
    RouteUrl,
    Scope,
    Sha256,
    Skill,
    Slug,
    UnknownAction,
    Words,
)

CONCURRENT_CALLS = 32  # per caller, if the policy does not set it
_ADDED = r"(?:[-@]20\d{6}|-latest)$"
_DATA_ACTIONS = ("allow", "flag", "redact", "block")
_TOOL_ACTIONS = ("allow", "flag", "redact", "withhold", "block")
_USE_ACTIONS = ("allow", "flag", "review", "block")
_PASS_ACTIONS = ("allow", "flag", "block")
_IMAGE_ACTIONS = ("allow", "flag", "ask", "block")


@declared
class Findings:
    """Actions that inspection takes for each kind of finding (G.1, G.2, L2.3)."""

    restricted: Literal["allow", "flag", "redact", "block"] = key(
        "action on restricted data", default="block", stricter="more", choices=_DATA_ACTIONS,
        control=True, changes="gateway",
    )  # fmt: skip
    confidential: Literal["allow", "flag", "redact", "block"] = key(
        "action on confidential data", default="block", stricter="more", choices=_DATA_ACTIONS,
        control=True, changes="gateway",
    )  # fmt: skip
    restricted_in_tools: Literal["allow", "flag", "redact", "withhold", "block"] = key(
        "action on restricted data in a tool result, a document or an earlier turn",
        default="withhold", stricter="more", choices=_TOOL_ACTIONS, control=True, changes="gateway",
        name="restricted-in-tools",
    )  # fmt: skip
    confidential_in_tools: Literal["allow", "flag", "redact", "withhold", "block"] = key(
        "action on confidential data in a tool result, a document or an earlier turn",
        default="withhold", stricter="more", choices=_TOOL_ACTIONS, control=True, changes="gateway",
        name="confidential-in-tools",
    )  # fmt: skip
    injection_order: Literal["allow", "flag", "block"] = key(
        "action on a direct order, in a person's own text, to ignore or reveal the instructions",
        default="block", stricter="more", choices=_PASS_ACTIONS, control=True, changes="gateway",
        name="injection-order",
    )  # fmt: skip
    image: Literal["allow", "flag", "ask", "block"] = key(
        "action on an image, whose text is not inspected; ask: the caller confirms that a person "
"has looked at it", default="flag", stricter="more", choices=_IMAGE_ACTIONS, control=True,
        changes="gateway",
    )  # fmt: skip
    injection: Literal["allow", "flag", "block"] = key(
        "action on hidden instructions", default="flag", stricter="more",
        choices=_PASS_ACTIONS, control=True, changes="gateway",
    )  # fmt: skip
    uninspectable: Literal["allow", "flag", "block"] = key(
        "action on content that cannot be inspected", default="block", stricter="more",
        choices=_PASS_ACTIONS, control=True, changes="gateway",
    )  # fmt: skip
    personnel_decision: Literal["allow", "flag", "review", "block"] = key(
        "action on a decision about an employee", default="block", stricter="more",
        choices=_USE_ACTIONS, control=True, changes="gateway", name="personnel-decision",
    )  # fmt: skip
    health_information: Literal["allow", "flag", "review", "block"] = key(
        "action on a person's health information", default="block", stricter="more",
        choices=_USE_ACTIONS, control=True, changes="gateway", name="health-information",
    )  # fmt: skip
    customer_contact: Literal["allow", "flag", "review", "block"] = key(
        "action on a text to a customer; review: a person reads it first", default="review",
        stricter="more", choices=_USE_ACTIONS, control=True, changes="gateway", name="customer-contact",
    )  # fmt: skip
    unreviewed_decision: Literal["allow", "flag", "review", "block"] = key(
        "action on a material decision; review: a person decides", default="review", stricter="more",
        choices=_USE_ACTIONS, control=True, changes="gateway", name="unreviewed-decision",
    )  # fmt: skip


@declared
class SignInRule:
    """Requirements on a person's sign-in (G.4), as asserted by the identity provider."""

    methods: tuple[Words, ...] = key(
        "accepted authentication methods (`amr`), such as mfa; empty: any",
        default=(), most=20, changes="gateway",
    )  # fmt: skip
    contexts: tuple[Words, ...] = key(
        "accepted authentication contexts (`acr`); empty: any", default=(), most=20,
        changes="gateway",
    )  # fmt: skip
    max_age_minutes: int | None = key(
        "maximum age of the sign-in in minutes, not counting token refreshes; default: any",
        default=None, least=5, most=43_200, stricter="less", changes="gateway",
    )  # fmt: skip


@declared
class Department:
    """What a department may do, with which data, and at what cost (L1.5, L1.6, G.1).

    Amounts are micro-dollars per calendar month (UTC), limits are per minute. A limit of 0, which a client
    file cannot state, allows nothing.
    """

    id: Slug = key("id in keys, tags and reports")
    cost_center: Words = key("cost center that is charged")
    data_classes: tuple[DataClass, ...] = key(
        "data classes the department may use", default=("public", "internal"), least=1, stricter="less",
        control=True, changes="gateway",
    )  # fmt: skip
    models: tuple[Alias, ...] = key(
        "model aliases the department may call", least=1, stricter="less", changes="gateway"
    )
    monthly_budget_microusd: int = key(
        "monthly budget", size="budgets.department_microusd", least=0, stricter="less",
        changes="gateway",
    )  # fmt: skip
    user_monthly_budget_microusd: int = key(
        "monthly budget of each person", size="budgets.user_microusd", least=0, stricter="less",
        changes="gateway",
    )  # fmt: skip
    batch_monthly_budget_microusd: int | None = key(
        "share of the monthly budget available to batches; default: all of it", default=None, least=0,
        stricter="less", changes="gateway",
    )  # fmt: skip
    session_budget_microusd: int | None = key(
        "budget of one coding agent session; default: half of the caller's monthly budget",
        default=None, least=10_000, stricter="less", changes="gateway",
    )  # fmt: skip
    requests_per_minute: int = key(
        "requests per minute, whole department", size="limits.department_requests_per_minute",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    tokens_per_minute: int = key(
        "tokens per minute, whole department", size="limits.department_tokens_per_minute",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    user_requests_per_minute: int = key(
        "requests per minute, each person", size="limits.user_requests_per_minute",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    user_tokens_per_minute: int = key(
        "tokens per minute, each person", size="limits.user_tokens_per_minute",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    user_concurrent_calls: int | None = key(
        "concurrent calls, each person", default=None, size="limits.user_concurrent_calls",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    agent_requests_per_minute: int | None = key(
        "requests per minute, each coding agent", default=None, size="limits.agent_requests_per_minute",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    agent_tokens_per_minute: int | None = key(
        "tokens per minute, each coding agent", default=None, size="limits.agent_tokens_per_minute",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    agent_concurrent_calls: int | None = key(
        "concurrent calls, each coding agent", default=None, size="limits.agent_concurrent_calls",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    application_requests_per_minute: int | None = key(
        "requests per minute, each application", default=None, size="limits.application_requests_per_minute",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    application_tokens_per_minute: int | None = key(
        "tokens per minute, each application", default=None, size="limits.application_tokens_per_minute",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    application_concurrent_calls: int | None = key(
        "concurrent calls, each application", default=None, size="limits.application_concurrent_calls",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    public_declarations_per_day: int = key(
        "how many texts each person may declare public per day, on record; 0: none", default=20,
        least=0, most=10_000, stricter="less", control=True, changes="gateway",
    )  # fmt: skip
    findings: Annotated[Mapping[str, FindingAction], Findings] = key(
        "actions on inspection findings", default={}
    )
    redact_output: bool = key(
        "redact protected data in answers",
        default=True,
        stricter="more",
        control=True,
        changes="gateway",
    )
    registered_prompts_only: bool = key(
        "accept only approved prompts", default=False, stricter="more", control=True, changes="gateway"
    )
    embeddings: bool = key("allow /v1/embeddings", default=True, stricter="less", changes="gateway")
    unknown: UnknownAction = key(
        "action on a field, tool, block or beta of the API that the request contract does not "
"list",
        default="refuse", choices=("pass-and-record", "refuse"), stricter="more", control=True,
        changes="gateway",
    )  # fmt: skip
    agent_unknown: UnknownAction | None = key(
        "the same for coding agents, whose new versions may send something new; default: as "
"`unknown`",
        default=None, choices=("pass-and-record", "refuse"), stricter="more", control=True,
        changes="gateway",
    )  # fmt: skip
    application_unknown: UnknownAction | None = key(
        "the same for applications; default: as `unknown`", default=None,
        choices=("pass-and-record", "refuse"), stricter="more", control=True, changes="gateway",
    )  # fmt: skip
    contact: Words | None = key(
        "contact for people whose request is refused for a capability it uses",
        default=None,
        changes="gateway",
    )
    tool_governance: GovernanceMode = key(
        "action on tools and servers without a permission: record, also count, or refuse",
        default="enforce", choices=("observe", "warn", "enforce"), stricter="more", control=True,
        changes="gateway",
    )  # fmt: skip
    tools: tuple[Permission, ...] = key(
        "tools Claude may use beyond the caller's own", default=(), stricter="less", changes="gateway"
    )
    role_tools: tuple[RolePermission, ...] = key(
        "additional tools for people with a role", default=(), stricter="less", changes="gateway"
    )
    statement_roles: tuple[Slug, ...] = key(
        "roles whose members may give feedback and outcomes on other people's answers in the "
"department",
        default=(), stricter="less", changes="gateway",
    )  # fmt: skip
    mcp_servers: tuple[McpServer, ...] = key(
        "MCP servers Claude may reach: an origin for all of its tools, origin#tool for one",
        default=(), stricter="less", changes="gateway",
    )  # fmt: skip
    skills: tuple[Skill, ...] = key(
        "approved Skills as type:id, or type:id@version for one version; the tool permission "
"`skills` allows all",
        default=(), stricter="less", changes="gateway",
    )  # fmt: skip
    web_domains: tuple[Host, ...] = key(
        "domains, including subdomains, that web search and fetch must be limited to; empty: any",
        default=(), stricter="less", changes="gateway", empty_is_any=True,
    )  # fmt: skip
    sign_in: SignInRule | None = key(
        "sign-in requirements for calling Claude", default=None,
        changes="gateway",
    )  # fmt: skip
    human_review: tuple[ReviewTrigger, ...] = key(
        "kinds of answers that a person reviews before use",
        default=("material-decision", "personnel-decision", "customer-facing"), stricter="more", control=True,
    )  # fmt: skip

    def unknown_of(self, kind: CallerKind) -> UnknownAction:
        """Return how to treat anything outside the request contract in a call by this kind of caller."""
        own = self.agent_unknown if kind == "agent" else self.application_unknown
        return self.unknown if own is None or kind == "person" else own

    def rates_of(self, kind: CallerKind) -> "Rates":
        """Return the rate limits of one caller of this kind.

        A policy published before caller kinds existed applies a person's limits to every kind.
        """
        prefix = "user" if kind == "person" else kind
        requests = getattr(self, f"{prefix}_requests_per_minute")
        tokens = getattr(self, f"{prefix}_tokens_per_minute")
        concurrent = getattr(self, f"{prefix}_concurrent_calls")
        return Rates(
            requests_per_minute=self.user_requests_per_minute if requests is None else requests,
            tokens_per_minute=self.user_tokens_per_minute if tokens is None else tokens,
            concurrent_calls=CONCURRENT_CALLS if concurrent is None else concurrent,
        )


@declared
class Rates:
    """Rate and concurrency limits of one caller."""

    requests_per_minute: int
    tokens_per_minute: int
    concurrent_calls: int


@declared
class RoleLimits:
    """Limits of one person with a role, in place of the department's."""

    requests_per_minute: int | None = key(
        "requests per minute", default=None, least=1, most=1_000_000_000, stricter="less", changes="gateway"
    )
    tokens_per_minute: int | None = key(
        "tokens per minute", default=None, least=1, most=1_000_000_000, stricter="less", changes="gateway"
    )
    concurrent_calls: int | None = key(
        "concurrent calls", default=None, least=1, most=1_000_000_000, stricter="less", changes="gateway"
    )


@declared
class Model:
    """The model behind an alias (L1.2)."""

    alias: str = ""  # key of the alias in the file
    display_name: Words = key("display name", changes="gateway")
    model: ModelId = key("Claude model id", changes="gateway")
    roles: tuple[Slug, ...] = key(
        "restricts the model to people with one of these roles, such as champions with early access",
        default=(),
        changes="gateway",
    )

    def answers_to(self, name: str) -> bool:
        """Return whether callers mean this model by `name`.

        Accepted are the alias, `claude-` and the alias (some clients accept no other names), and the Claude
        model id, each with an optional date or `[1m]` suffix, which some clients append.
        """
        return _plain(name) in {self.alias, f"claude-{self.alias}", self.model} or name == self.model


def _plain(name: str) -> str:
    """Strip what clients append to a model's name: a date, `-latest`, or the long-context suffix."""
    return re.sub(_ADDED, "", name.removesuffix("[1m]"))


@declared
class Route:
    """A route to Claude; routes are tried in order of preference.

    `auth` is {"kind": ...} with the fields of that kind. `models` maps a Claude model id to the provider's
    name for it. `inference_geo` is sent with every message.
    """

    name: str = key("name in records and reports")
    kind: ProviderKind = key("the provider's API")
    base_url: RouteUrl = key("endpoint")
    auth: Mapping[str, str] = key("how the gateway authenticates")
    models: Mapping[str, str] = key("the provider's model ids, where they differ", default={})
    inference_geo: str | None = key("where inference must run", default=None)


@declared
class Embeddings:
    """The model behind /v1/embeddings (L1.1): Amazon Bedrock's or, with `url`, another provider's."""

    model: str = key("embeddings model")
    base_url: str | None = key("endpoint, if not the region's default", default=None)
    region: str | None = key("region, if not the gateway's", default=None)
    url: RouteUrl | None = key("endpoint of a provider other than Amazon Bedrock", default=None)


LONGEST_LIFETIME_MINUTES = 25 * 60  # tokens of Azure managed identities are valid for 24 hours and 5 minutes


@declared
class Issuer:
    """A rule for accepting tokens (L1.3).

    An issuer may have several rules, distinguished by audience and claims. The first match decides; an
    identity accepted by one rule is unknown to the others.
    """

    name: Slug | None = key("name of the rule: kit key create --issuer NAME", default=None, changes="gateway")
    issuer: HttpsUrl = key("the tokens' issuer (`iss`)", changes="gateway")
    audience: Words = key("the tokens' audience (`aud`)", changes="gateway")
    algorithms: tuple[Algorithm, ...] = key(
        "accepted signing algorithms", default=("RS256",), least=1, stricter="less",
        changes="gateway",
    )  # fmt: skip
    jwks_uri: HttpsUrl = key("URL of the issuer's keys (JWKS)", changes="gateway")
    principal: PrincipalKind = key(
        "kind of principal the token identifies", default="application", changes="gateway"
    )
    claims: Mapping[str, Words] = key(
        "claims that identify the caller, such as {application: repository}", default={}, changes="gateway"
    )
    required_claims: Mapping[str, Any] = key(
        "required claim values, such as {ref: refs/heads/main}; of a list, any one value; true, "
"false and numbers match literally; a final * after a delimiter such as / matches a "
"prefix; 'outer inner' addresses a nested claim",
        default={}, stricter="more", changes="gateway",
    )  # fmt: skip
    required_scopes: tuple[Scope, ...] = key(
        "required scopes, such as claude/messages",
        default=(),
        stricter="more",
        changes="gateway",
    )
    single_use: bool = key(
        "accept each token for one request only; requires a jti", default=False, stricter="more",
        changes="gateway",
    )  # fmt: skip
    max_lifetime_minutes: int = key(
        "reject tokens with a longer lifetime, in minutes", default=LONGEST_LIFETIME_MINUTES, least=1,
        most=LONGEST_LIFETIME_MINUTES, stricter="less", changes="gateway",
    )  # fmt: skip

    @property
    def identity(self) -> str:
        """Return the name that identifies this issuer's workloads."""
        return f"{self.issuer} {self.name}" if self.name else self.issuer


@declared
class ApprovedDictionary:
    """The dictionary of protected terms in force (L2.3, G.1), as `kit dictionary publish` prints it.

    The terms themselves are confidential and stay in the governance bucket. This is the approval, which
    shows up in a diff.
    """

    version: int = key("version number of the document", least=1, changes="gateway")
    sha256: Sha256 = key(
        "SHA-256 of the published document; the gateway refuses any other", changes="gateway"
    )
    approved_by: Words = key("person accountable for the terms", changes="gateway")

    @property
    def object_key(self) -> str:
        """Return the object key in the governance bucket. The key contains the hash, so the object is
        immutable.
        """
        return dictionary_key(self.sha256)


def dictionary_key(sha256: str) -> str:
    """Return the object key of the dictionary with this hash."""
    return f"dictionaries/{sha256}.json"


@declared
class InspectionRules:
    """Client-specific inspection rules in addition to the dictionary (L2.3, L2.4)."""

    labels: Mapping[LabelId, DataClass] = key(
        "data class of each sensitivity label, by label id", default={}, changes="gateway"
    )
    identity_regions: tuple[IdentityRegion, ...] = key(
        "countries whose identity numbers are detected; empty: all", default=(),
        stricter="more", changes="gateway", empty_is_any=True,
    )  # fmt: skip
    canaries: tuple[Canary, ...] = key(
        "markers placed in system prompts; an answer that contains one is cut off", default=(),
        stricter="more", changes="gateway",
    )  # fmt: skip
    allowed_hosts: tuple[Host, ...] = key(
        "hosts, including subdomains, that answers may link to with data in the URL", default=(),
        stricter="less", changes="gateway",
    )  # fmt: skip
    case_after_refusals: int | None = key(
        "number of a person's requests refused by inspection in a calendar month that opens a "
"case for the governance lead; default: no cases and no count", default=None, least=3, most=1000,
        changes="gateway",
    )  # fmt: skip
    longest_event_kib: int = key(
        "maximum size of one event of a streamed answer, in KiB; a larger event ends the stream",
        default=1024, least=64, most=16384, stricter="less", changes="gateway",
    )  # fmt: skip


@declared
class Organization:
    """Organisation-wide settings. Amounts are micro-dollars per calendar month (UTC)."""

    monthly_budget_microusd: int = key("monthly budget of the whole organisation", least=0)
    budget_model: BudgetModel = key("who pays, and on what basis")
    budget_shards: int = key("number of counters that the budget is sharded over", least=1)


@declared
class GatewayPolicy:
    """Everything the gateway decides by. `models` is keyed by alias, `departments` by id."""

    version: int
    client: str
    environment: str
    organization: Organization
    departments: Mapping[str, Department]
    models: Mapping[str, Model]
    embeddings: Embeddings | None
    providers: tuple[Route, ...]
    issuers: tuple[Issuer, ...]
    dictionary: ApprovedDictionary | None = None  # without one, the client protects no terms of its own
    inspection: InspectionRules = InspectionRules()
    role_limits: Mapping[str, RoleLimits] = field(default_factory=dict[str, RoleLimits])
    role_sign_in: Mapping[str, SignInRule] = field(default_factory=dict[str, SignInRule])
    help_url: str | None = None  # page that explains to people what to do about a refused call

    def model_named(self, name: str) -> Model | None:
        """Return the model with this alias or Claude model id, or None if the policy has neither."""
        by_alias = self.models.get(name)
        if by_alias is not None:
            return by_alias
        return next((model for model in self.models.values() if model.answers_to(name)), None)

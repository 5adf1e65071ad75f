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
        "what happens to restricted data", default="block", stricter="more", choices=_DATA_ACTIONS,
        control=True, changes="gateway",
    )  # fmt: skip
    confidential: Literal["allow", "flag", "redact", "block"] = key(
        "what happens to confidential data", default="block", stricter="more", choices=_DATA_ACTIONS,
        control=True, changes="gateway",
    )  # fmt: skip
    restricted_in_tools: Literal["allow", "flag", "redact", "withhold", "block"] = key(
        "what happens to restricted data that a tool or a document brought, or that an earlier turn holds",
        default="withhold", stricter="more", choices=_TOOL_ACTIONS, control=True, changes="gateway",
        name="restricted-in-tools",
    )  # fmt: skip
    confidential_in_tools: Literal["allow", "flag", "redact", "withhold", "block"] = key(
        "what happens to confidential data that a tool or a document brought, or that an earlier turn holds",
        default="withhold", stricter="more", choices=_TOOL_ACTIONS, control=True, changes="gateway",
        name="confidential-in-tools",
    )  # fmt: skip
    injection_order: Literal["allow", "flag", "block"] = key(
        "what happens to a direct order to ignore the instructions or to reveal them, in a person's own text",
        default="block", stricter="more", choices=_PASS_ACTIONS, control=True, changes="gateway",
        name="injection-order",
    )  # fmt: skip
    image: Literal["allow", "flag", "ask", "block"] = key(
        "what happens to an image, whose text nobody reads before it leaves; ask: the caller confirms that a "
        "person has looked at it", default="flag", stricter="more", choices=_IMAGE_ACTIONS, control=True,
        changes="gateway",
    )  # fmt: skip
    injection: Literal["allow", "flag", "block"] = key(
        "what happens to instructions that are hidden in a text", default="flag", stricter="more",
        choices=_PASS_ACTIONS, control=True, changes="gateway",
    )  # fmt: skip
    uninspectable: Literal["allow", "flag", "block"] = key(
        "what happens to content that cannot be read", default="block", stricter="more",
        choices=_PASS_ACTIONS, control=True, changes="gateway",
    )  # fmt: skip
    personnel_decision: Literal["allow", "flag", "review", "block"] = key(
        "what happens to a decision about an employee", default="block", stricter="more",
        choices=_USE_ACTIONS, control=True, changes="gateway", name="personnel-decision",
    )  # fmt: skip
    health_information: Literal["allow", "flag", "review", "block"] = key(
        "what happens to health information of a person", default="block", stricter="more",
        choices=_USE_ACTIONS, control=True, changes="gateway", name="health-information",
    )  # fmt: skip
    customer_contact: Literal["allow", "flag", "review", "block"] = key(
        "what happens to a text that goes to a customer; review: a person reads it first", default="review",
        stricter="more", choices=_USE_ACTIONS, control=True, changes="gateway", name="customer-contact",
    )  # fmt: skip
    unreviewed_decision: Literal["allow", "flag", "review", "block"] = key(
        "what happens to a material decision; review: a person makes it", default="review", stricter="more",
        choices=_USE_ACTIONS, control=True, changes="gateway", name="unreviewed-decision",
    )  # fmt: skip


@declared
class SignInRule:
    """Requirements on a person's sign-in (G.4), as asserted by the identity provider."""

    methods: tuple[Words, ...] = key(
        "methods (`amr`) of which the sign-in must have used one, such as mfa; any if empty",
        default=(), most=20, changes="gateway",
    )  # fmt: skip
    contexts: tuple[Words, ...] = key(
        "contexts (`acr`) of which the sign-in must have been one; any if empty", default=(), most=20,
        changes="gateway",
    )  # fmt: skip
    max_age_minutes: int | None = key(
        "how long ago a person may have signed in, renewals not counted; any time if nothing is said",
        default=None, least=5, most=43_200, stricter="less", changes="gateway",
    )  # fmt: skip


@declared
class Department:
    """What a department may do, with which data, and at what cost (L1.5, L1.6, G.1).

    Amounts are micro-dollars per calendar month (UTC), limits are per minute. A limit of 0, which a client
    file cannot state, allows nothing.
    """

    id: Slug = key("its name in keys, tags and reports")
    cost_center: Words = key("the cost centre that pays")
    data_classes: tuple[DataClass, ...] = key(
        "the classes of data that it may use", default=("public", "internal"), least=1, stricter="less",
        control=True, changes="gateway",
    )  # fmt: skip
    models: tuple[Alias, ...] = key(
        "the model aliases that it may call", least=1, stricter="less", changes="gateway"
    )
    monthly_budget_microusd: int = key(
        "what it may spend a month", size="budgets.department_microusd", least=0, stricter="less",
        changes="gateway",
    )  # fmt: skip
    user_monthly_budget_microusd: int = key(
        "what each of its people may spend a month", size="budgets.user_microusd", least=0, stricter="less",
        changes="gateway",
    )  # fmt: skip
    batch_monthly_budget_microusd: int | None = key(
        "what of its budget may go to overnight work; all of it if nothing is said", default=None, least=0,
        stricter="less", changes="gateway",
    )  # fmt: skip
    session_budget_microusd: int | None = key(
        "what one session of a coding agent may cost; half of its caller's month if nothing is said",
        default=None, least=10_000, stricter="less", changes="gateway",
    )  # fmt: skip
    requests_per_minute: int = key(
        "requests a minute of the whole department", size="limits.department_requests_per_minute",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    tokens_per_minute: int = key(
        "tokens a minute of the whole department", size="limits.department_tokens_per_minute",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    user_requests_per_minute: int = key(
        "requests a minute of each of its people", size="limits.user_requests_per_minute",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    user_tokens_per_minute: int = key(
        "tokens a minute of each of its people", size="limits.user_tokens_per_minute",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    user_concurrent_calls: int | None = key(
        "calls at once of each of its people", default=None, size="limits.user_concurrent_calls",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    agent_requests_per_minute: int | None = key(
        "requests a minute of one coding agent", default=None, size="limits.agent_requests_per_minute",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    agent_tokens_per_minute: int | None = key(
        "tokens a minute of one coding agent", default=None, size="limits.agent_tokens_per_minute",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    agent_concurrent_calls: int | None = key(
        "calls at once of one coding agent", default=None, size="limits.agent_concurrent_calls",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    application_requests_per_minute: int | None = key(
        "requests a minute of one application", default=None, size="limits.application_requests_per_minute",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    application_tokens_per_minute: int | None = key(
        "tokens a minute of one application", default=None, size="limits.application_tokens_per_minute",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    application_concurrent_calls: int | None = key(
        "calls at once of one application", default=None, size="limits.application_concurrent_calls",
        least=1, most=1_000_000_000, stricter="less", changes="gateway",
    )  # fmt: skip
    public_declarations_per_day: int = key(
        "how many texts a day each of its people may declare public, on record; 0: none", default=20,
        least=0, most=10_000, stricter="less", control=True, changes="gateway",
    )  # fmt: skip
    findings: Annotated[Mapping[str, FindingAction], Findings] = key(
        "what follows from what inspection finds", default={}
    )
    redact_output: bool = key(
        "protected data is redacted in answers",
        default=True,
        stricter="more",
        control=True,
        changes="gateway",
    )
    registered_prompts_only: bool = key(
        "only approved prompts may be sent", default=False, stricter="more", control=True, changes="gateway"
    )
    embeddings: bool = key("it may turn texts into vectors", default=True, stricter="less", changes="gateway")
    unknown: UnknownAction = key(
        "what happens to a field, tool, block or beta of the API that the request contract does not list",
        default="refuse", choices=("pass-and-record", "refuse"), stricter="more", control=True,
        changes="gateway",
    )  # fmt: skip
    agent_unknown: UnknownAction | None = key(
        "the same for coding agents, whose new version may bring something new; as `unknown` if nothing is "
        "said",
        default=None, choices=("pass-and-record", "refuse"), stricter="more", control=True,
        changes="gateway",
    )  # fmt: skip
    application_unknown: UnknownAction | None = key(
        "the same for applications; as `unknown` if nothing is said", default=None,
        choices=("pass-and-record", "refuse"), stricter="more", control=True, changes="gateway",
    )  # fmt: skip
    contact: Words | None = key(
        "whom its people ask when a request is refused for what it uses", default=None, changes="gateway"
    )
    tool_governance: GovernanceMode = key(
        "what happens to tools and servers without a permission: recorded, also counted, or refused",
        default="enforce", choices=("observe", "warn", "enforce"), stricter="more", control=True,
        changes="gateway",
    )  # fmt: skip
    tools: tuple[Permission, ...] = key(
        "what Claude may use beyond the caller's own tools", default=(), stricter="less", changes="gateway"
    )
    role_tools: tuple[RolePermission, ...] = key(
        "what people with a role may use in addition", default=(), stricter="less", changes="gateway"
    )
    statement_roles: tuple[Slug, ...] = key(
        "roles whose people may give feedback and outcomes on answers that others of the department got",
        default=(), stricter="less", changes="gateway",
    )  # fmt: skip
    mcp_servers: tuple[McpServer, ...] = key(
        "the MCP servers that Claude may reach: an origin for all of its tools, origin#tool for one of them",
        default=(), stricter="less", changes="gateway",
    )  # fmt: skip
    skills: tuple[Skill, ...] = key(
        "the approved Skills, also without the permission `skills`, which allows every one: type:id, with "
        "@version for that version only",
        default=(), stricter="less", changes="gateway",
    )  # fmt: skip
    web_domains: tuple[Host, ...] = key(
        "the domains, with their subdomains, to which a web search or fetch must limit itself; all if empty",
        default=(), changes="gateway",
    )  # fmt: skip
    sign_in: SignInRule | None = key(
        "what a sign-in of its people must have been before they call Claude", default=None,
        changes="gateway",
    )  # fmt: skip
    human_review: tuple[ReviewTrigger, ...] = key(
        "the kinds of answer that a person reviews before they are used",
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
        "requests a minute", default=None, least=1, most=1_000_000_000, stricter="less", changes="gateway"
    )
    tokens_per_minute: int | None = key(
        "tokens a minute", default=None, least=1, most=1_000_000_000, stricter="less", changes="gateway"
    )
    concurrent_calls: int | None = key(
        "calls at once", default=None, least=1, most=1_000_000_000, stricter="less", changes="gateway"
    )


@declared
class Model:
    """The model behind an alias (L1.2)."""

    alias: str = ""  # key of the alias in the file
    display_name: Words = key("its name as people see it", changes="gateway")
    model: ModelId = key("the Claude model that answers", changes="gateway")
    roles: tuple[Slug, ...] = key(
        "keeps it for people with one of these roles: early access for champions",
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

    name: str = key("its name in records and figures")
    kind: ProviderKind = key("which API it has")
    base_url: RouteUrl = key("where it answers")
    auth: Mapping[str, str] = key("how the gateway proves who it is")
    models: Mapping[str, str] = key("the provider's names of models, where they differ", default={})
    inference_geo: str | None = key("where inference must happen", default=None)


@declared
class Embeddings:
    """The model behind /v1/embeddings (L1.1): Amazon Bedrock's or, with `url`, another provider's."""

    model: str = key("the model that makes vectors")
    base_url: str | None = key("where it answers, if not at its region's endpoint", default=None)
    region: str | None = key("its region, if not the gateway's", default=None)
    url: RouteUrl | None = key("the endpoint of a provider other than Amazon Bedrock", default=None)


LONGEST_LIFETIME_MINUTES = 25 * 60  # tokens of Azure managed identities are valid for 24 hours and 5 minutes


@declared
class Issuer:
    """A rule for accepting tokens (L1.3).

    An issuer may have several rules, distinguished by audience and claims. The first match decides; an
    identity accepted by one rule is unknown to the others.
    """

    name: Slug | None = key("the rule's name: kit key create --issuer NAME", default=None, changes="gateway")
    issuer: HttpsUrl = key("who issues the tokens: their `iss`", changes="gateway")
    audience: Words = key("for whom they are issued: their `aud`", changes="gateway")
    algorithms: tuple[Algorithm, ...] = key(
        "the algorithms with which they may be signed", default=("RS256",), least=1, stricter="less",
        changes="gateway",
    )  # fmt: skip
    jwks_uri: HttpsUrl = key("where the issuer publishes its keys", changes="gateway")
    principal: PrincipalKind = key("whom a token names", default="application", changes="gateway")
    claims: Mapping[str, Words] = key(
        "which claim names the caller, such as {application: repository}", default={}, changes="gateway"
    )
    required_claims: Mapping[str, Any] = key(
        "what claims must say, such as {ref: refs/heads/main}; one of a list will do; true, false and "
        "numbers are themselves; a final * after a / or the like is a beginning; 'outer inner' is a claim in "
        "a claim",
        default={}, stricter="more", changes="gateway",
    )  # fmt: skip
    required_scopes: tuple[Scope, ...] = key(
        "scopes that a token must have, such as claude/messages",
        default=(),
        stricter="more",
        changes="gateway",
    )
    single_use: bool = key(
        "each token is good for one request; it then needs a jti", default=False, stricter="more",
        changes="gateway",
    )  # fmt: skip
    max_lifetime_minutes: int = key(
        "tokens made for longer are refused", default=LONGEST_LIFETIME_MINUTES, least=1,
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

    version: int = key("the number of the document", least=1, changes="gateway")
    sha256: Sha256 = key("of the published document; the gateway refuses any other", changes="gateway")
    approved_by: Words = key("who answers for the terms", changes="gateway")

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
        "the class of each sensitivity label, by the label's id", default={}, changes="gateway"
    )
    identity_regions: tuple[IdentityRegion, ...] = key(
        "countries whose identity numbers are looked for; all if none is named", default=(),
        changes="gateway",
    )  # fmt: skip
    canaries: tuple[Canary, ...] = key(
        "marks put into system prompts; an answer that holds one is cut off", default=(), stricter="more",
        changes="gateway",
    )  # fmt: skip
    allowed_hosts: tuple[Host, ...] = key(
        "hosts, with subdomains, that answers may link to with data in the URL", default=(), stricter="less",
        changes="gateway",
    )  # fmt: skip
    case_after_refusals: int | None = key(
        "how many requests of one person inspection refuses in a calendar month before the governance lead"
        " sees a case; no case and no count where it is left out", default=None, least=3, most=1000,
        changes="gateway",
    )  # fmt: skip
    longest_event_kib: int = key(
        "how long one event of a streamed answer may be, in KiB; a longer one ends the stream", default=1024,
        least=64, most=16384, stricter="less", changes="gateway",
    )  # fmt: skip


@declared
class Organization:
    """Organisation-wide settings. Amounts are micro-dollars per calendar month (UTC)."""

    monthly_budget_microusd: int = key("what the whole organisation may spend a month", least=0)
    budget_model: BudgetModel = key("who pays, and by what")
    budget_shards: int = key("counters over which its budget is spread", least=1)


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
    role_limits: Mapping[str, RoleLimits] = field(default_factory=dict)
    role_sign_in: Mapping[str, SignInRule] = field(default_factory=dict)
    help_url: str | None = None  # page that explains to people what to do about a refused call

    def model_named(self, name: str) -> Model | None:
        """Return the model with this alias or Claude model id, or None if the policy has neither."""
        by_alias = self.models.get(name)
        if by_alias is not None:
            return by_alias
        return next((model for model in self.models.values() if model.answers_to(name)), None)

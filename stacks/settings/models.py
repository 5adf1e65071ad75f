"""The configuration of one organisation as typed, frozen data.

Field names are the keys of `stacks/config/clients/<client>.yaml`, but for amounts of money: those are
written in US dollars (`monthly_budget_usd`) and held in micro-dollars (`monthly_budget_microusd`). What a
single field cannot say (a region lies in its residency, a department names known models) is checked in
`stacks/settings/consistency.py`.
"""

from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from stacks.money import microusd_from_usd
from stacks.sizing import Size, Sizing, resolve

Stage = Literal["foundation", "integration", "rollout"]
STAGES: tuple[Stage, ...] = ("foundation", "integration", "rollout")
DataClass = Literal["public", "internal", "restricted", "confidential"]
DataAction = Literal["allow", "flag", "redact", "block"]
UseAction = Literal["allow", "flag", "review", "block"]
PassAction = Literal["allow", "flag", "block"]
ReviewTrigger = Literal["material-decision", "personnel-decision", "customer-facing"]
BudgetModel = Literal["per-call", "per-user-month", "central"]
RetentionMode = Literal["COMPLIANCE", "GOVERNANCE"]
CoeRole = Literal[
    "director", "enablement-lead", "ai-engineer", "training-lead", "governance-lead", "data-science-lead"
]
Residency = Literal["eu", "us", "uk", "ch", "ca", "jp", "au", "in", "sg", "kr", "br", "ae", "il", "za"]

# Which AWS regions keep data in which jurisdiction. Two regions are needed for a replica (sizes large and
# up).
REGIONS: dict[Residency, tuple[str, ...]] = {
    "eu": ("eu-central-1", "eu-west-1", "eu-west-3", "eu-north-1", "eu-south-1", "eu-south-2"),
    "us": ("us-east-1", "us-east-2", "us-west-2", "us-west-1"),
    "uk": ("eu-west-2",),
    "ch": ("eu-central-2",),
    "ca": ("ca-central-1", "ca-west-1"),
    "jp": ("ap-northeast-1", "ap-northeast-3"),
    "au": ("ap-southeast-2", "ap-southeast-4"),
    "in": ("ap-south-1", "ap-south-2"),
    "sg": ("ap-southeast-1",),
    "kr": ("ap-northeast-2",),
    "br": ("sa-east-1",),
    "ae": ("me-central-1",),
    "il": ("il-central-1",),
    "za": ("af-south-1",),
}

SLUG = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
ALIAS = r"^[a-z][a-z0-9]*([.-][a-z0-9]+)*$"
MODEL_ID = r"^[A-Za-z0-9][A-Za-z0-9.:/_-]*$"
EMAIL = r"^[^@\s,;<>]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"
REGION = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"
ACCOUNT_ID = r"^[0-9]{12}$"
ARN = r"^arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]*:\S+$"
HTTPS_URL = r"^https://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?(/[^\s?#]*)?$"
# Of a provider: not encrypted only where nothing leaves the machine.
PROVIDER_URL = (
    r"^(https://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|http://127\.0\.0\.1)(:[0-9]{1,5})?(/[^\s?#]*)?$"
)
DOMAIN_NAME = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$"
CIDR = r"^([0-9]{1,3}\.){3}[0-9]{1,3}/(1[6-9]|2[0-4])$"
METADATA_URL = r"^https://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?(/[^\s#]*)?$"
INSTANCE_ARN = r"^arn:aws[a-z-]*:sso:::instance/(sso)?ins-[a-zA-Z0-9-.]{16}$"
DIRECTORY_GROUP = r"^([0-9a-f]{10}-)?[A-Fa-f0-9]{8}(-[A-Fa-f0-9]{4}){3}-[A-Fa-f0-9]{12}$"
SCOPE = r"^[\x21\x23-\x5B\x5D-\x7E]+$"
TAG_KEY = r"^[A-Za-z0-9 _.:/=+@-]{1,120}$"
ANOMALY_MONITOR = r"^(none|create|arn:aws[a-z-]*:ce::[0-9]{12}:anomalymonitor/[0-9a-f-]{36})$"
S3_URI = r"^s3://[a-z0-9.-]{3,63}/\S+$"

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Slug = Annotated[str, StringConstraints(pattern=SLUG, max_length=20)]
EnvironmentName = Annotated[str, StringConstraints(pattern=SLUG, max_length=15)]
Alias = Annotated[str, StringConstraints(pattern=ALIAS, max_length=64)]
ModelId = Annotated[str, StringConstraints(pattern=MODEL_ID, max_length=200)]
Email = Annotated[str, StringConstraints(pattern=EMAIL, max_length=254)]
Region = Annotated[str, StringConstraints(pattern=REGION)]
AccountId = Annotated[str, StringConstraints(pattern=ACCOUNT_ID)]
Arn = Annotated[str, StringConstraints(pattern=ARN, max_length=2048)]
HttpsUrl = Annotated[
    str,
    StringConstraints(
        pattern=HTTPS_URL,
        max_length=2000,
    ),
]
MetadataUrl = Annotated[str, StringConstraints(pattern=METADATA_URL, max_length=2000)]
InstanceArn = Annotated[str, StringConstraints(pattern=INSTANCE_ARN)]
DirectoryGroup = Annotated[str, StringConstraints(pattern=DIRECTORY_GROUP)]
Scope = Annotated[str, StringConstraints(pattern=SCOPE, max_length=200)]
DomainName = Annotated[str, StringConstraints(pattern=DOMAIN_NAME, max_length=253)]
Usd = Annotated[int, BeforeValidator(microusd_from_usd)]
Rate = Annotated[int, Field(ge=1, le=1_000_000_000)]


def _one_or_many(given: Any) -> Any:
    return [given] if isinstance(given, str) else given


class Frozen(BaseModel):
    """Settings never change after they were read, and know no key that is not theirs."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False, hide_input_in_errors=True)


class Contacts(Frozen):
    """Whom alarms, budgets and reviews are sent to: at least one address that people read."""

    owner: Email = Field(description="who answers for the deployment")
    help_url: HttpsUrl | None = Field(
        default=None, description="where people read what to do when a call is refused; it ends the message"
    )
    alarms: tuple[Email, ...] = Field(
        min_length=1, max_length=10, description="who is told when an alarm goes off"
    )
    budgets: tuple[Email, ...] = Field(
        default=(), max_length=10, description="who is told about costs; the alarm addresses if empty"
    )


class Findings(Frozen):
    """What happens when inspection finds something in a text (G.1, G.2, L2.3).

    Written with hyphens, as inspection names the kinds. `review`: only with a person's review.
    """

    model_config = ConfigDict(serialize_by_alias=True, alias_generator=lambda name: name.replace("_", "-"))

    restricted: DataAction = "block"
    confidential: DataAction = "block"
    injection: PassAction = "flag"
    uninspectable: PassAction = "block"
    personnel_decision: UseAction = "block"
    health_information: UseAction = "block"
    customer_contact: UseAction = "review"
    unreviewed_decision: UseAction = "review"


class Department(Frozen):
    """One department: what it may do, with which data and at what cost (L1.5, L1.6, L3.1-L3.4).

    Limits and budgets that are not set follow from the size; after loading none is missing.
    """

    id: Slug
    name: Text
    cost_center: Text = Field(description="the cost centre that pays")
    pilot: bool = Field(default=False, description="stood up in the integration stage, before the others")
    data_classes: tuple[DataClass, ...] = Field(default=("public", "internal"), min_length=1)
    models: tuple[Alias, ...] = Field(min_length=1, description="model aliases that it may call")
    monthly_budget_microusd: Usd = Field(default=0, alias="monthly_budget_usd")
    user_monthly_budget_microusd: Usd = Field(default=0, alias="user_monthly_budget_usd")
    batch_monthly_budget_microusd: Usd | None = Field(
        default=None,
        alias="batch_monthly_budget_usd",
        description="bounds overnight work within the monthly budget",
    )
    requests_per_minute: Rate = 1
    tokens_per_minute: Rate = 1
    user_requests_per_minute: Rate = 1
    user_tokens_per_minute: Rate = 1
    user_concurrent_calls: Rate = 1
    agent_requests_per_minute: Rate = 1
    agent_tokens_per_minute: Rate = 1
    agent_concurrent_calls: Rate = 1
    application_requests_per_minute: Rate = 1
    application_tokens_per_minute: Rate = 1
    application_concurrent_calls: Rate = 1
    findings: Findings = Findings()
    redact_output: bool = True
    registered_prompts_only: bool = False
    embeddings: bool = Field(default=True, description="it may turn texts into vectors")
    human_review: tuple[ReviewTrigger, ...] = ("material-decision", "personnel-decision", "customer-facing")
    training_required: bool = Field(
        default=False, description="whoever asks for a workflow must have completed its course"
    )


class RoleLimits(Frozen):
    """What one person with a role may do, in place of the limits of its department."""

    requests_per_minute: Rate | None = None
    tokens_per_minute: Rate | None = None
    concurrent_calls: Rate | None = None


class Reviews(Frozen):
    """How long a draft waits for its reviewer, and then after the escalation, before it expires (L3.4)."""

    hours: float = Field(default=24, gt=0, le=720)
    escalation_hours: float = Field(default=24, gt=0, le=720)


class GroupRule(Frozen):
    """What membership of a group of the identity provider gives (G.4, C.1). The first rule that gives a
    department decides; roles of all rules add up.
    """

    group: Text = Field(description="its display name, or its id at the identity provider")
    department: Slug | None = None
    roles: tuple[Slug, ...] = ()
    data_classes: tuple[DataClass, ...] | None = Field(
        default=None, description="narrows what the department may use"
    )


class SamlConsoleAccess(Frozen):
    """The Center of Excellence takes its roles in AWS by SAML (C.1)."""

    kind: Literal["saml"]
    metadata_file: Text = Field(
        description="the identity provider's document for AWS, in the folder of the configuration"
    )
    session_hours: int = Field(default=4, ge=1, le=12)


class IdentityCenterAccess(Frozen):
    """The Center of Excellence takes its roles in AWS by IAM Identity Center (C.1)."""

    kind: Literal["identity-center"]
    instance_arn: InstanceArn
    groups: dict[CoeRole, DirectoryGroup] = Field(
        min_length=1, description="ids of groups in the directory of Identity Center, by role"
    )
    region: Region | None = Field(default=None, description="where the instance lives, if elsewhere")
    session_hours: int = Field(default=4, ge=1, le=12)


ConsoleAccess = Annotated[SamlConsoleAccess | IdentityCenterAccess, Field(discriminator="kind")]


class SamlAttributes(Frozen):
    """What the identity provider calls the attributes that name a person."""

    user_name: Text = Field(
        default="http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
        description="the name under which the person is provisioned (userName of SCIM)",
    )
    email: Text = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress"


class OidcIdentity(Frozen):
    """People sign in by OpenID Connect. The client secret is put into Secrets Manager by the operator
    (G.4).
    """

    kind: Literal["oidc"]
    issuer: HttpsUrl
    client_id: Annotated[str, StringConstraints(pattern=r"^\S+$", max_length=200)]
    scopes: tuple[Text, ...] = ("openid", "email", "profile")
    department_claim: Text = Field(
        default="department", description="claim or attribute that carries the department's id"
    )
    email_domains: tuple[DomainName, ...] = Field(
        default=(), max_length=100, description="people with other e-mail addresses cannot sign in"
    )
    machine_clients: tuple[Slug, ...] = Field(
        default=(),
        max_length=50,
        description="clients that get tokens of the user pool with their own secret",
    )
    groups: tuple[GroupRule, ...] = Field(default=(), max_length=1_000)
    onboarding_required: bool = Field(
        default=False, description="a new person gets access only when onboarding is finished"
    )


class SamlIdentity(Frozen):
    """People sign in by SAML 2.0 (G.4)."""

    kind: Literal["saml"]
    metadata_url: MetadataUrl | None = Field(
        default=None, description="where the identity provider publishes its document"
    )
    metadata_file: Text | None = Field(
        default=None, description="the document itself, in the folder of the configuration"
    )
    attributes: SamlAttributes = SamlAttributes()
    signed_requests: bool = Field(default=True, description="requests to the identity provider are signed")
    encrypted_assertions: bool = Field(
        default=False, description="only assertions that are encrypted for the user pool are taken"
    )
    department_claim: Text = Field(
        default="department", description="claim or attribute that carries the department's id"
    )
    email_domains: tuple[DomainName, ...] = Field(
        default=(), max_length=100, description="people with other e-mail addresses cannot sign in"
    )
    machine_clients: tuple[Slug, ...] = Field(
        default=(),
        max_length=50,
        description="clients that get tokens of the user pool with their own secret",
    )
    groups: tuple[GroupRule, ...] = Field(default=(), max_length=1_000)
    onboarding_required: bool = Field(
        default=False, description="a new person gets access only when onboarding is finished"
    )


class TrustedIssuer(Frozen):
    """An issuer of tokens for applications and CI: workload identity instead of keys (L1.3)."""

    name: Slug
    issuer: HttpsUrl
    audience: Text
    algorithms: tuple[Literal["RS256", "RS384", "RS512", "ES256", "ES384", "PS256", "EdDSA"], ...] = Field(
        default=("RS256",), min_length=1
    )
    jwks_uri: HttpsUrl
    principal: Literal["person", "application"] = "application"
    claims: dict[str, Text] = Field(
        default={}, description="which claim names the caller, such as {application: repository}"
    )
    required_claims: dict[str, Text] = Field(
        default={},
        description="what claims must say, such as {ref: refs/heads/main}; a final * is a beginning",
    )
    required_scopes: tuple[Scope, ...] = Field(
        default=(), description="scopes that a token must have, such as claude/messages"
    )
    single_use: bool = Field(
        default=False, description="each token is good for one request; it then needs a jti"
    )


class WorkloadIdentityAuth(Frozen):
    """Anthropic workload identity federation: no static key anywhere (decision: no static provider key)."""

    kind: Literal["workload-identity"]
    organization_id: Text
    federation_rule_id: Annotated[str, StringConstraints(pattern=r"^fdrl_[A-Za-z0-9]+$")]
    service_account_id: Annotated[str, StringConstraints(pattern=r"^svac_[A-Za-z0-9]+$")] | None = None
    workspace_id: Annotated[str, StringConstraints(pattern=r"^wrkspc_[A-Za-z0-9]+$")] | None = None
    audience: Text = "https://api.anthropic.com"
    signing_algorithm: Literal["RS256", "ES384"] = "RS256"


class SecretAuth(Frozen):
    """A key in Secrets Manager: created empty, filled by the operator, never in state."""

    kind: Literal["secret"]


class AnthropicProvider(Frozen):
    """The Anthropic API."""

    kind: Literal["anthropic"]
    name: Slug = "anthropic"
    base_url: Annotated[str, StringConstraints(pattern=PROVIDER_URL, max_length=2000)] = (
        "https://api.anthropic.com"
    )
    auth: Annotated[WorkloadIdentityAuth | SecretAuth, Field(discriminator="kind")]
    inference_geo: Literal["global", "us"] = Field(
        default="global", description="where inference happens; us costs a tenth more"
    )
    models: dict[ModelId, ModelId] = Field(
        default={}, description="Claude model to this provider's name of it, where they differ"
    )


class ClaudePlatformProvider(Frozen):
    """Claude Platform on AWS, signed with SigV4."""

    kind: Literal["claude-platform-aws"]
    name: Slug = "claude-platform"
    region: Region
    workspace_id: Annotated[str, StringConstraints(pattern=r"^wrkspc_[A-Za-z0-9]+$")]
    models: dict[ModelId, ModelId] = Field(
        default={}, description="Claude model to this provider's name of it, where they differ"
    )


class BedrockProvider(Frozen):
    """Claude on Amazon Bedrock through its Messages endpoint (bedrock-mantle), signed with SigV4."""

    kind: Literal["bedrock"]
    name: Slug = "bedrock"
    region: Region
    models: dict[ModelId, ModelId] = Field(
        default={}, description="Claude model to this provider's name of it, where they differ"
    )


Provider = Annotated[
    AnthropicProvider | ClaudePlatformProvider | BedrockProvider, Field(discriminator="kind")
]


class Model(Frozen):
    """What a model alias stands for (L1.2)."""

    display_name: Text
    model: ModelId
    roles: tuple[Slug, ...] = Field(
        default=(), description="kept for people with one of these roles: early access for champions"
    )


class Claude(Frozen):
    """Where Claude is reached, in order of preference, and under which names."""

    providers: tuple[Provider, ...] = Field(min_length=1, description="tried in this order")
    models: dict[Alias, Model] = Field(min_length=1)
    embeddings_model: ModelId = "amazon.titan-embed-text-v2:0"
    outbound_identity: Literal["create", "existing", "none"] = Field(
        default="create",
        description="the account's issuer of identity tokens: existing where it is enabled already, none"
        " where no way to Claude rests on it",
    )
    in_callers_names: bool = Field(
        default=True,
        description="calls to models on AWS run in a role session named after each caller",
    )


class Audit(Frozen):
    """The audit store. How long it keeps records is `sizing.retention.audit_days`."""

    mode: RetentionMode = "COMPLIANCE"
    # A bucket of a second account, which takes the hash of each manifest: against a roll-back of the store.
    anchor_bucket: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")] | None = (
        None
    )


class Budget(Frozen):
    """How use is paid for (C.2) and what the organisation as a whole may spend a month (L1.6)."""

    model: BudgetModel = "per-call"
    organization_monthly_microusd: Usd = Field(default=0, alias="organization_monthly_usd")
    infrastructure_monthly_microusd: Usd = Field(default=0, alias="infrastructure_monthly_usd")
    anomaly_monitor: Annotated[str, StringConstraints(pattern=ANOMALY_MONITOR)] = Field(
        default="none",
        description="whom cost anomalies are read from: the ARN of the account's monitor of all services, of"
        " which AWS allows one; create where there is none yet; none",
    )


class CustomDomain(Frozen):
    """The gateway's own name. The certificate lies in the same region as the API; in the hosted zone the kit
    makes the record for the name.
    """

    name: DomainName
    certificate_arn: Arn
    hosted_zone_id: Annotated[str, StringConstraints(pattern=r"^Z[A-Z0-9]{5,32}$")] | None = None


class MutualTls(Frozen):
    """Clients show a certificate of a trust store in S3, of one version of it where that is named."""

    truststore_uri: Annotated[str, StringConstraints(pattern=S3_URI)]
    truststore_version: Text | None = None


class Api(Frozen):
    """How the gateway is reached."""

    exposure: Literal["regional", "private"] = "regional"
    custom_domain: CustomDomain | None = None
    mutual_tls: MutualTls | None = None
    vpc_endpoint_ids: tuple[Annotated[str, StringConstraints(pattern=r"^vpce-[0-9a-f]{8,17}$")], ...] = ()


class Portal(Frozen):
    """The people's web application, on a name of its own."""

    custom_domain: CustomDomain


class Network(Frozen):
    """Where functions run. `none`: outside a VPC; `managed`: in a VPC of the kit; `existing`: in the
    client's own. `cidr` is the range of the network, the client's own as well: there it says whose word
    about a caller's address counts on Kubernetes.
    """

    mode: Literal["none", "managed", "existing"] = "none"
    cidr: Annotated[str, StringConstraints(pattern=CIDR)] | None = None
    subnet_ids: tuple[Annotated[str, StringConstraints(pattern=r"^subnet-[0-9a-f]{8,17}$")], ...] = ()
    security_group_ids: tuple[Annotated[str, StringConstraints(pattern=r"^sg-[0-9a-f]{8,17}$")], ...] = ()


class ApprovedDictionary(Frozen):
    """The dictionary of protected terms in force (L2.3, G.1), as `kit dictionary publish` prints it.

    The terms are confidential and stay in the governance bucket; this is the approval that a diff shows.
    """

    version: Annotated[int, Field(ge=1)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="of the published document; the gateway refuses any other"
    )
    approved_by: Text = Field(description="who answers for the terms")


class Inspection(Frozen):
    """What inspection knows of the client besides its dictionary (L2.3, L2.4)."""

    labels: dict[
        Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")],
        DataClass,
    ] = Field(default={}, description="the class of each sensitivity label, by the label's id")
    canaries: tuple[Annotated[str, StringConstraints(pattern=r"^[\w-]{12,80}$")], ...] = Field(
        default=(), description="marks put into system prompts; an answer that holds one is cut off"
    )
    allowed_hosts: tuple[
        Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", to_lower=True)], ...
    ] = Field(default=(), description="hosts, with subdomains, that answers may link to with data in the URL")


class Guardrail(Frozen):
    """Bedrock Guardrails as a second opinion after the gateway's own inspection (L2.3). Off unless it is
    configured; costs money for each text, and sends what the first inspection let pass to Bedrock.
    """

    prompt_attack_strength: Literal["LOW", "MEDIUM", "HIGH"] = "HIGH"


class GateOverride(Frozen):
    """Opens a gate that its criteria keep closed; becomes part of the stage's record (S.1-S.3)."""

    stage: Literal["integration", "rollout"] = Field(
        description="the stage that may be evaluated all the same"
    )
    approver: Text = Field(description="the person who answers for it")
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=20, max_length=1000)]
    criteria: tuple[Text, ...] = Field(min_length=1, description="the criteria that are waived, by name")


class Settings(Frozen):
    """Everything that a client chooses, and the stage that is being evaluated."""

    stage: Stage
    client: Slug
    organization: Text = Field(description="the organisation's name, as people know it")
    account: AccountId = Field(description="the AWS account, twelve digits in quotes")
    environment: EnvironmentName = Field(
        description="production, or the name of a non-production environment"
    )
    region: Region
    replica_region: Region | None = None
    data_residency: Annotated[tuple[Residency, ...], BeforeValidator(_one_or_many), Field(min_length=1)]
    size: Size
    rollout_started: date | None = None
    contacts: Contacts
    coe: dict[CoeRole, tuple[Arn, ...]] = Field(
        default={}, description="who may assume the roles of the Center of Excellence; IAM decides if empty"
    )
    console_access: (
        Annotated[SamlConsoleAccess | IdentityCenterAccess, Field(discriminator="kind")] | None
    ) = None
    identity: Annotated[OidcIdentity | SamlIdentity, Field(discriminator="kind")]
    trusted_issuers: tuple[TrustedIssuer, ...] = ()
    claude: Claude
    departments: tuple[Department, ...] = Field(min_length=1, max_length=200)
    role_limits: dict[Slug, RoleLimits] = Field(
        default={}, description="limits of one person with a role, in place of those of its department"
    )
    audit: Audit = Audit()
    budget: Budget = Budget()
    reviews: Reviews = Reviews()
    api: Api = Api()
    portal: Portal | None = None
    network: Network = Network()
    dictionary: ApprovedDictionary | None = None
    inspection: Inspection = Inspection()
    guardrail: Guardrail | None = None
    gate_override: GateOverride | None = None
    sizing_overrides: dict[str, Any] = Field(default={}, alias="sizing")
    tags: dict[Annotated[str, StringConstraints(pattern=TAG_KEY)], Text] = {}
    # Set by `kit up` and by tests through the stack's configuration, never in a client's file.
    emulated: bool = False
    portal_url: str = Field(default="", description="where the portal is reached on the emulated AWS")
    evidence_file: str = Field(
        default="", description="the gates' evidence; <config folder>/evidence/<client>.yaml"
    )
    demonstration_evidence: str | None = None

    @property
    def production(self) -> bool:
        """Whether this is production; every other environment is a named non-production one."""
        return self.environment == "production"

    @cached_property
    def sizing(self) -> Sizing:
        """What follows from the size, with the overrides applied (Z.1)."""
        return resolve(self.size, self.sizing_overrides, floors=self.production)[0]

    @property
    def pilots(self) -> tuple[Department, ...]:
        """The departments of the integration stage (S.2)."""
        return tuple(department for department in self.departments if department.pilot)

    @property
    def followers(self) -> tuple[Department, ...]:
        """The departments of the rollout stage (S.3)."""
        return tuple(department for department in self.departments if not department.pilot)

"""Schema of the client file, in the order of its keys.

Each field is the key of the same name, except for amounts: the file states US dollars
(`monthly_budget_usd`), the code holds micro-dollars (`monthly_budget_microusd`). Rules that span several
keys (a region must match the residency, a department must name known models) are checked in
`stacks/settings/consistency.py`.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from contract import rights
from contract.keys import declared, key
from contract.kinds import (
    AccountId,
    Alias,
    AnomalyMonitor,
    Arn,
    Bucket,
    BudgetModel,
    Cidr,
    ClientId,
    CoeRole,
    DataClass,
    DirectoryGroup,
    DomainName,
    Email,
    EndpointId,
    EnvironmentName,
    FederationRule,
    GroupId,
    HostedZone,
    HttpsUrl,
    InstanceArn,
    MetadataUrl,
    MicrosoftId,
    ModelId,
    Name,
    ProviderUrl,
    Reason,
    Region,
    Residency,
    S3Uri,
    ServiceAccount,
    Size,
    SlackChannelId,
    SlackWorkspace,
    Slug,
    SubnetId,
    TagKey,
    TeamsChannelId,
    Words,
    Workspace,
)
from contract.writing import published

SCHEMA = 2  # version of the client file; 1 was a single file, with documents shared by all clients of a fork


@declared
class Slack:
    """Slack channels to which Amazon Q Developer in chat applications delivers. Authorize the workspace in
    its console once, and invite the application to each channel.
    """

    workspace_id: SlackWorkspace = key("the workspace")
    champions_channel_id: SlackChannelId | None = key("channel of the champions", default=None)
    questions_channel_id: SlackChannelId | None = key(
        "channel that is notified of each question asked in the portal, without its text", default=None
    )


@declared
class Teams:
    """Microsoft Teams channels to which Amazon Q Developer in chat applications delivers. Authorize the team
    in its console once, and add the application to the team.
    """

    tenant_id: MicrosoftId = key("the tenant")
    team_id: MicrosoftId = key("the team")
    champions_channel_id: TeamsChannelId | None = key("channel of the champions", default=None)
    questions_channel_id: TeamsChannelId | None = key(
        "channel that is notified of each question asked in the portal, without its text", default=None
    )


@declared
class Contacts:
    """Recipients of alarms, budget notifications and review notifications: at least one monitored address."""

    owner: Email = key("accountable owner of the deployment")
    help_url: HttpsUrl | None = key(
        "page to link to at the end of every refusal message, explaining what to do", default=None,
        changes="gateway",
    )  # fmt: skip
    alarms: tuple[Email, ...] = key("recipients of alarm notifications", least=1, most=10)
    budgets: tuple[Email, ...] = key(
        "recipients of cost notifications; empty: the alarm recipients", default=(), most=10
    )
    champions: tuple[Email, ...] = key(
        "subscribers to the champions' newsletter (`kit champions --write`): people, or the email"
" address of a Slack or Teams channel; each confirms the subscription once", default=(), most=50,
    )  # fmt: skip
    slack: Slack | None = key("delivery to Slack channels", default=None)
    teams: Teams | None = key("delivery to Microsoft Teams channels", default=None)


@declared
class Department(rights.Department):
    """A department: the rights that the gateway enforces, and the resources the kit builds for it
    (L3.1-L3.4).
    """

    name: Words = key("display name")
    pilot: bool = key("deployed in the integration stage, before the other departments", default=False)
    like: Slug | None = key(
        "department of the kit's library whose workflows and prompts this one uses, if its id differs",
        default=None,
    )
    workflows: tuple[Name, ...] | None = key(
        "workflows its people can start; default: the library's workflows for this department",
        default=None,
    )
    training_required: bool = key(
        "people must complete a workflow's course before they can request it", default=False, stricter="more"
    )


@declared
class Reviews:
    """How long a draft waits for its reviewer, and after escalation, before it expires (L3.4)."""

    hours: float = key("hours until a review is escalated", default=24, least=0.01, most=720)
    escalation_hours: float = key(
        "hours from escalation until the draft expires", default=24, least=0.01, most=720
    )


@declared
class GroupRule:
    """What membership in a group of the identity provider grants (G.4, C.1).

    The first rule that grants a department decides the department; the roles of all matching rules add up.
    """

    group: Words = key("the group's display name, or its id at the identity provider")
    department: Slug | None = key("department that members belong to", default=None)
    roles: tuple[Slug, ...] = key("roles that members get", default=())
    data_classes: tuple[DataClass, ...] | None = key(
        "restricts members to these of the department's data classes", default=None, stricter="less"
    )


@declared
class SamlConsoleAccess:
    """Center of Excellence members assume their AWS roles through SAML (C.1)."""

    kind: Literal["saml"] = key("how AWS roles are assumed")
    metadata_file: Words = key("the identity provider's SAML metadata for AWS, in the configuration folder")
    session_hours: int = key("session duration in hours", default=4, least=1, most=12, stricter="less")


@declared
class IdentityCenterAccess:
    """Center of Excellence members assume their AWS roles through IAM Identity Center (C.1)."""

    kind: Literal["identity-center"] = key("how AWS roles are assumed")
    instance_arn: InstanceArn = key("ARN of the IAM Identity Center instance")
    groups: Mapping[CoeRole, DirectoryGroup] = key("ids of Identity Center groups, by role", least=1)
    region: Region | None = key("region of the instance, if different", default=None)
    session_hours: int = key("session duration in hours", default=4, least=1, most=12, stricter="less")


@declared
class SamlAttributes:
    """Names of the identity provider's attributes that identify a person."""

    user_name: Words = key(
        "attribute with the user name under which the person is provisioned (SCIM userName)",
        default="http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
    )
    email: Words = key(
        "attribute with the person's email address",
        default="http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    )


@declared
class SignIn:
    """Settings common to OpenID Connect and SAML sign-in (G.4)."""

    department_claim: Words = key(
        "claim or attribute that contains the department's id", default="department"
    )
    email_domains: tuple[DomainName, ...] = key(
        "only people with email addresses in these domains can sign in; empty: any",
        default=(),
        most=100,
        stricter="less",
        control=True,
        empty_is_any=True,
    )
    addresses_verified: bool = key(
        "the identity provider asserts only verified email addresses but does not send "
        "email_verified (Microsoft Entra ID)",
        default=False,
        stricter="less",
        control=True,
    )
    external_id_claim: Words | None = key(
        "claim with the value of SCIM externalId, such as oid; default: the subject", default=None
    )
    machine_clients: tuple[Slug, ...] = key(
        "app clients of the user pool that get tokens with a client secret",
        default=(),
        most=50,
        stricter="less",
    )
    groups: tuple[GroupRule, ...] = key(
        "what membership in groups of the identity provider grants", default=(), most=1_000
    )
    onboarding_required: bool = key(
        "a new person gets access only after completing onboarding", default=False, stricter="more"
    )
    groups_claim: Words | None = key(
        "claim or attribute with the person's groups; memberships that rules mention are updated "
        "at every sign-in",
        default=None,
    )
    people_from_claims: bool = key(
        "create the person at the first sign-in with a verified address and a group that grants a"
" department, without provisioning",
        default=False, stricter="less", control=True,
    )  # fmt: skip
    session_hours: int = key(
        "maximum duration of a sign-in in hours, including token refreshes, before the identity "
"provider is asked again", default=720,
        least=1, most=8_760, stricter="less",
    )  # fmt: skip


@declared
class OidcIdentity(SignIn):
    """Sign-in with OpenID Connect. The operator stores the client secret in Secrets Manager (G.4)."""

    kind: Literal["oidc"] = key("sign-in protocol")
    issuer: HttpsUrl = key("issuer URL of the identity provider")
    client_id: ClientId = key("client id of the user pool at the identity provider")
    scopes: tuple[Words, ...] = key(
        "scopes requested from the identity provider", default=("openid", "email", "profile")
    )


@declared
class SamlIdentity(SignIn):
    """Sign-in with SAML 2.0 (G.4)."""

    kind: Literal["saml"] = key("sign-in protocol")
    metadata_url: MetadataUrl | None = key("URL of the identity provider's SAML metadata", default=None)
    metadata_file: Words | None = key(
        "file with the SAML metadata, in the configuration folder", default=None
    )
    attributes: SamlAttributes = key(
        "names of the attributes that identify a person", default=SamlAttributes()
    )
    signed_requests: bool = key(
        "sign requests to the identity provider", default=True, stricter="more", control=True
    )
    encrypted_assertions: bool = key(
        "accept only assertions encrypted for the user pool", default=False, stricter="more"
    )


@declared
class TrustedIssuer(rights.Issuer):
    """Token issuer for applications and CI: workload identity instead of keys (L1.3)."""

    name: Slug = key("name of the rule: kit key create --issuer NAME", changes="gateway")


@declared
class WorkloadIdentityAuth:
    """Anthropic workload identity federation, without any static key."""

    kind: Literal["workload-identity"] = key("how the gateway authenticates")
    organization_id: Words = key("Anthropic organization id")
    federation_rule_id: FederationRule = key("federation rule that trusts the AWS account")
    service_account_id: ServiceAccount | None = key("service account to act as", default=None)
    workspace_id: Workspace | None = key("workspace to act in", default=None)
    audience: Words = key("audience of the account's tokens", default="https://api.anthropic.com")
    signing_algorithm: Literal["RS256", "ES384"] = key(
        "signing algorithm of the account's tokens", default="RS256"
    )


@declared
class SecretAuth:
    """API key in Secrets Manager. The secret is created empty and filled by the operator; its value is
    never in state.
    """

    kind: Literal["secret"] = key("how the gateway authenticates")


@declared
class AnthropicProvider:
    """The Anthropic API."""

    kind: Literal["anthropic"] = key("the provider's API")
    name: Slug = key("name in records and reports", default="anthropic")
    base_url: ProviderUrl = key("endpoint", default="https://api.anthropic.com")
    auth: WorkloadIdentityAuth | SecretAuth = key("how the gateway authenticates")
    inference_geo: Literal["us", "global"] = key(
        "where inference runs; us costs 10 % more", default="global", stricter="less",
        choices=("us", "global"), changes="check",
    )  # fmt: skip
    models: Mapping[ModelId, ModelId] = key(
        "the provider's model ids by Claude model id, where they differ", default={}
    )

    @property
    def route(self) -> rights.Route:
        """Return the gateway's route to this provider."""
        return rights.Route(
            name=self.name,
            kind=self.kind,
            base_url=self.base_url,
            auth=published(self.auth),
            models=self.models,
            inference_geo="us" if self.inference_geo == "us" else None,
        )


@declared
class ClaudePlatformProvider:
    """Claude Platform on AWS, signed with SigV4."""

    kind: Literal["claude-platform-aws"] = key("the provider's API")
    name: Slug = key("name in records and reports", default="claude-platform")
    region: Region = key("region of the endpoint")
    workspace_id: Workspace = key("workspace that is billed")
    models: Mapping[ModelId, ModelId] = key(
        "the provider's model ids by Claude model id, where they differ", default={}
    )

    @property
    def route(self) -> rights.Route:
        """Return the gateway's route to this provider."""
        return rights.Route(
            name=self.name,
            kind=self.kind,
            base_url=f"https://aws-external-anthropic.{self.region}.api.aws",
            auth={"kind": "aws", "region": self.region, "workspace_id": self.workspace_id},
            models=self.models,
        )


@declared
class BedrockProvider:
    """Claude on Amazon Bedrock through its Messages endpoint (bedrock-mantle), signed with SigV4."""

    kind: Literal["bedrock"] = key("the provider's API")
    name: Slug = key("name in records and reports", default="bedrock")
    region: Region = key("region of the endpoint")
    models: Mapping[ModelId, ModelId] = key(
        "the provider's model ids by Claude model id, where they differ", default={}
    )

    @property
    def route(self) -> rights.Route:
        """Return the gateway's route to this provider."""
        return rights.Route(
            name=self.name,
            kind=self.kind,
            base_url=f"https://bedrock-mantle.{self.region}.api.aws/anthropic",
            auth={"kind": "aws", "region": self.region},
            models=self.models,
        )


Provider = AnthropicProvider | ClaudePlatformProvider | BedrockProvider


@declared
class Claude:
    """Providers of Claude in order of preference, and the model aliases."""

    providers: tuple[AnthropicProvider | ClaudePlatformProvider | BedrockProvider, ...] = key(
        "providers, tried in this order", least=1
    )
    models: Mapping[Alias, rights.Model] = key("model aliases that callers use", least=1)
    embeddings_model: ModelId = key("model behind /v1/embeddings", default="amazon.titan-embed-text-v2:0")
    embeddings_url: ProviderUrl | None = key(
        "endpoint for embeddings other than Amazon Bedrock, with the API of Voyage AI or OpenAI, "
        "such as https://api.voyageai.com/v1/embeddings; its key is the secret embeddings-api-key",
        default=None,
    )
    outbound_identity: Literal["create", "existing", "none"] = key(
        "the account's outbound identity federation: existing if it is already enabled, none if "
        "no provider relies on it",
        default="create",
    )
    in_callers_names: bool = key(
        "call models on AWS in a role session named after each caller", default=True, stricter="more"
    )


@declared
class Audit:
    """The audit store. Its retention is `sizing.retention.audit_days`."""

    mode: Literal["GOVERNANCE", "COMPLIANCE"] = key(
        "Object Lock mode: in COMPLIANCE, nobody can shorten the retention of a record", default="COMPLIANCE",
        stricter="more", choices=("GOVERNANCE", "COMPLIANCE"), control=True,
    )  # fmt: skip
    anchor_bucket: Bucket | None = key(
        "bucket in a second account that receives the hash of each manifest, to detect a rollback"
        " of the store",
        default=None, stricter="more", control=True,
    )  # fmt: skip


@declared
class Budget:
    """How usage is paid for (C.2), and the organisation's monthly spending limit (L1.6)."""

    model: BudgetModel = key("who pays, and on what basis", default="per-call")
    organization_monthly_microusd: int = key(
        "monthly limit of the whole organisation's spending on Claude", size="budgets.organization_microusd",
        least=0, stricter="less",
    )  # fmt: skip
    infrastructure_monthly_microusd: int = key(
        "monthly AWS cost above which a notification is sent", size="budgets.infrastructure_microusd",
        least=0, stricter="less",
    )  # fmt: skip
    anomaly_monitor: AnomalyMonitor = key(
        "source of cost anomalies: the ARN of the account's monitor of all services (AWS allows "
        "one per account); create if there is none yet; none",
        default="none",
    )


@declared
class CustomDomain:
    """Custom domain name of the gateway. The certificate must be in the API's region."""

    name: DomainName = key("domain name")
    certificate_arn: Arn = key("ARN of its ACM certificate")
    hosted_zone_id: HostedZone | None = key(
        "Route 53 hosted zone in which its record is created", default=None
    )


@declared
class MutualTls:
    """Clients present a certificate that a trust store in S3 verifies."""

    truststore_uri: S3Uri = key("S3 URI of the trust store: certificates in PEM")
    truststore_version: Words | None = key("object version of the trust store to use", default=None)


@declared
class Api:
    """How clients reach the gateway."""

    exposure: Literal["private", "regional"] = key(
        "private: reachable only from a VPC",
        default="regional",
        stricter="less",
        choices=("private", "regional"),
    )
    custom_domain: CustomDomain | None = key("the gateway's custom domain name", default=None)
    mutual_tls: MutualTls | None = key(
        "require client certificates", default=None, stricter="more", control=True
    )
    vpc_endpoint_ids: tuple[EndpointId, ...] = key(
        "VPC endpoints from which a private API is reachable", default=()
    )


@declared
class Reminders:
    """Email reminders, sent through SES on working days in plain text, of courses and policies a person has
    yet to complete; and, to the person and the governance leads, of a new case of repeated refusals
    (`inspection.case_after_refusals`).
    """

    sender: Email = key("sender address")
    identity_arn: Arn = key("ARN of the verified SES identity (domain or address) of the sender")
    every_days: int = key(
        "minimum number of days between two reminders to the same person", default=7, least=1, most=60
    )
    most_a_day: int = key(
        "maximum number of reminders per day, earliest due date first", default=1000, least=1, most=50_000
    )


@declared
class Portal:
    """The web portal, under a domain name of its own."""

    custom_domain: CustomDomain = key("the portal's domain name")
    reminders: Reminders | None = key("email reminders; default: none", default=None)


@declared
class Network:
    """Where functions run: `none` (outside a VPC), `managed` (a VPC of the kit) or `existing` (the client's
    VPC).
    """

    mode: Literal["none", "managed", "existing"] = key("where functions run", default="none")
    cidr: Cidr | None = key(
        "address range of the network; of an existing network, the range whose proxies are "
        "trusted to report a caller's address to the gateway on Kubernetes",
        default=None,
    )
    subnet_ids: tuple[SubnetId, ...] = key("subnets of the client's VPC", default=())
    security_group_ids: tuple[GroupId, ...] = key("security groups of the client's VPC", default=())


@declared
class CertifiedName:
    """A domain name and its ACM certificate, in the API's region."""

    name: DomainName = key("domain name")
    certificate_arn: Arn = key("ARN of its ACM certificate")


@declared
class Cluster:
    """The gateway's pods, for the `kubernetes` runtime.

    API Gateway stays the entry point and calls the pods under a name for which their load balancer has a
    certificate. Until that name is configured, the gateway's function answers.
    """

    certified: CertifiedName | None = key(
        "name under which API Gateway calls the pods; default: `api.custom_domain`", default=None
    )
    workloads: bool = key(
        "false: create only the cluster, until its image is pushed and its API server is reachable",
        default=True,
    )
    reached_from: tuple[Cidr, ...] = key(
        "address ranges that can reach the API server over the internet; empty: only from inside the network",
        default=(),
        stricter="less",
    )
    administrators: tuple[Arn, ...] = key(
        "roles that may use kubectl, in addition to the deploying role", default=()
    )
    direct_door: CustomDomain | None = key(
        "a second entry point to the pods that bypasses API Gateway, for bodies over 10 MB, under"
        " its own name",
        default=None,
    )


@declared
class Guardrail:
    """Bedrock Guardrails as a second check after the gateway's own inspection (L2.3).

    Off unless configured. Each text costs money and, once the first inspection has passed it, is sent to
    Bedrock.
    """

    prompt_attack_strength: Literal["LOW", "MEDIUM", "HIGH"] = key(
        "sensitivity of the prompt attack filter",
        default="HIGH",
        stricter="more",
        control=True,
        choices=("LOW", "MEDIUM", "HIGH"),
    )


@declared
class GateOverride:
    """Opens a gate whose criteria are not met. The override becomes part of the stage's record (S.1-S.3)."""

    stage: Literal["integration", "rollout"] = key("stage to open")
    approver: Words = key("person accountable for the override")
    reason: Reason = key("reason for the override")
    criteria: tuple[Words, ...] = key("names of the waived criteria", least=1)


@declared
class Client:
    """The client file."""

    schema: int = key(
        "version of the client file; `kit client migrate` writes the newest", default=1, least=1,
        most=SCHEMA, changes="check",
    )  # fmt: skip
    client: Slug = key("short name, part of every physical name")
    organization: Words = key("display name of the organisation")
    account: AccountId = key("AWS account id: twelve digits in quotes")
    environment: EnvironmentName = key("production, or the name of a non-production environment")
    region: Region = key("AWS region of the deployment")
    replica_region: Region | None = key(
        "region of the audit store's replica, from size large on", default=None
    )
    data_residency: tuple[Residency, ...] = key(
        "jurisdiction that regions, replicas and providers must be in",
        least=1,
        stricter="less",
        control=True,
        changes="check",
        one_or_many=True,
    )
    size: Size = key("size of the organisation; determines everything under `sizing`")
    rollout_started: date | None = key("first day of week 1 of the rollout", default=None, changes="command")
    contacts: Contacts = key("recipients of alarms, budget and review notifications")
    coe: Mapping[CoeRole, tuple[Arn, ...]] = key(
        "principals that may assume the Center of Excellence roles; empty: IAM policies decide", default={}
    )
    console_access: SamlConsoleAccess | IdentityCenterAccess | None = key(
        "how the Center of Excellence assumes its AWS roles", default=None
    )
    identity: OidcIdentity | SamlIdentity = key("how people sign in")
    trusted_issuers: tuple[TrustedIssuer, ...] = key(
        "token issuers accepted for applications and CI", default=()
    )
    claude: Claude = key("providers of Claude, and model aliases")
    departments: tuple[Department, ...] = key("at least one department", least=1, most=200)
    role_limits: Mapping[Slug, rights.RoleLimits] = key(
        "limits of one person with a role, in place of the department's", default={}
    )
    role_sign_in: Mapping[Slug, rights.SignInRule] = key(
        "sign-in requirements for people with a role, in addition to the department's",
        default={},
    )
    audit: Audit = key("the audit store", default=Audit())
    budget: Budget = key("how usage is paid for", default={})
    reviews: Reviews = key("how long drafts wait for a reviewer", default=Reviews())
    api: Api = key("how clients reach the gateway", default=Api())
    portal: Portal | None = key("the web portal", default=None)
    network: Network = key("where functions run", default=Network())
    cluster: Cluster = key("the gateway's pods, for runtime kubernetes", default=Cluster())
    lambda_concurrency: int = key(
        "Lambda concurrency limit of the account in this region (`kit doctor` prints it), from "
        "which the kit's functions reserve; a new account has 10, which allows no reservation",
        default=10,
        least=10,
        most=1_000_000,
    )
    dictionary: rights.ApprovedDictionary | None = key(
        "the dictionary of protected terms in force", default=None
    )
    inspection: rights.InspectionRules = key(
        "client-specific inspection rules", default=rights.InspectionRules()
    )
    guardrail: Guardrail | None = key(
        "Bedrock Guardrails as a second check", default=None, stricter="more", control=True
    )
    gate_override: GateOverride | None = key("opens a gate whose criteria are not met", default=None)
    sizing_overrides: Any = key(
        "overrides of single values that follow from the size", default={}, name="sizing"
    )
    tags: Mapping[TagKey, Words] = key("tags of every resource", default={})

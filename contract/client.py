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
    ModelId,
    Name,
    ProviderUrl,
    Reason,
    Region,
    Residency,
    S3Uri,
    ServiceAccount,
    Size,
    Slug,
    SubnetId,
    TagKey,
    Words,
    Workspace,
)
from contract.writing import published

SCHEMA = 2  # version of the client file; 1 was a single file, with documents shared by all clients of a fork


@declared
class Contacts:
    """Recipients of alarms, budget notifications and review notifications: at least one monitored address."""

    owner: Email = key("who answers for the deployment")
    help_url: HttpsUrl | None = key(
        "where people read what to do when a call is refused; it ends the message", default=None,
        changes="gateway",
    )  # fmt: skip
    alarms: tuple[Email, ...] = key("who is notified when an alarm goes off", least=1, most=10)
    budgets: tuple[Email, ...] = key(
        "who is notified about costs; the alarm addresses if empty", default=(), most=10
    )
    champions: tuple[Email, ...] = key(
        "who reads the champions' channel (`kit champions --write`): people, or the mail address of a channel"
        " in Slack or Teams; each confirms it once", default=(), most=50,
    )  # fmt: skip


@declared
class Department(rights.Department):
    """A department: the rights that the gateway enforces, and the resources the kit builds for it
    (L3.1-L3.4).
    """

    name: Words = key("its name as people see it")
    pilot: bool = key("it is stood up in the integration stage, before the others", default=False)
    like: Slug | None = key(
        "the department of the kit's library whose workflows and prompts it has, where its id is another",
        default=None,
    )
    workflows: tuple[Name, ...] | None = key(
        "the workflows that its people start; those of the library that are for it if nothing is said",
        default=None,
    )
    training_required: bool = key(
        "who asks for a workflow must have completed its course", default=False, stricter="more"
    )


@declared
class Reviews:
    """How long a draft waits for its reviewer, and after escalation, before it expires (L3.4)."""

    hours: float = key("hours until a review is escalated", default=24, least=0.01, most=720)
    escalation_hours: float = key(
        "hours after the escalation until it expires", default=24, least=0.01, most=720
    )


@declared
class GroupRule:
    """What membership in a group of the identity provider grants (G.4, C.1).

    The first rule that grants a department decides the department; the roles of all matching rules add up.
    """

    group: Words = key("its display name, or its id at the identity provider")
    department: Slug | None = key("the department that it gives", default=None)
    roles: tuple[Slug, ...] = key("the roles that it gives", default=())
    data_classes: tuple[DataClass, ...] | None = key(
        "narrows what the department may use", default=None, stricter="less"
    )


@declared
class SamlConsoleAccess:
    """Center of Excellence members assume their AWS roles through SAML (C.1)."""

    kind: Literal["saml"] = key("how the roles are taken")
    metadata_file: Words = key("the identity provider's document for AWS, in the folder of the configuration")
    session_hours: int = key("how long a session lasts", default=4, least=1, most=12, stricter="less")


@declared
class IdentityCenterAccess:
    """Center of Excellence members assume their AWS roles through IAM Identity Center (C.1)."""

    kind: Literal["identity-center"] = key("how the roles are taken")
    instance_arn: InstanceArn = key("the instance")
    groups: Mapping[CoeRole, DirectoryGroup] = key(
        "ids of groups in the directory of Identity Center, by role", least=1
    )
    region: Region | None = key("where the instance lives, if elsewhere", default=None)
    session_hours: int = key("how long a session lasts", default=4, least=1, most=12, stricter="less")


@declared
class SamlAttributes:
    """Names of the identity provider's attributes that identify a person."""

    user_name: Words = key(
        "the name under which the person is provisioned (userName of SCIM)",
        default="http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
    )
    email: Words = key(
        "the person's e-mail address",
        default="http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
    )


@declared
class SignIn:
    """Settings common to OpenID Connect and SAML sign-in (G.4)."""

    department_claim: Words = key("claim or attribute that carries the department's id", default="department")
    email_domains: tuple[DomainName, ...] = key(
        "people with other e-mail addresses cannot sign in", default=(), most=100, stricter="less"
    )
    addresses_verified: bool = key(
        "the identity provider asserts verified addresses only, and sends no email_verified (Entra)",
        default=False,
        stricter="less",
    )
    external_id_claim: Words | None = key(
        "what holds SCIM's externalId at sign-in, such as oid; without it the subject itself", default=None
    )
    machine_clients: tuple[Slug, ...] = key(
        "clients that get tokens of the user pool with their own secret", default=(), most=50, stricter="less"
    )
    groups: tuple[GroupRule, ...] = key("what groups of the identity provider give", default=(), most=1_000)
    onboarding_required: bool = key(
        "a new person gets access only when onboarding is finished", default=False, stricter="more"
    )
    groups_claim: Words | None = key(
        "claim or attribute with a person's groups: at each sign-in they follow it, where rules mention them",
        default=None,
    )
    people_from_claims: bool = key(
        "a first sign-in with a verified address and a group that gives a department lets the person in,"
        " without provisioning",
        default=False, stricter="less",
    )  # fmt: skip
    session_hours: int = key(
        "how long a sign-in lasts, renewals counted; then the identity provider decides again", default=720,
        least=1, most=8_760, stricter="less",
    )  # fmt: skip


@declared
class OidcIdentity(SignIn):
    """Sign-in with OpenID Connect. The operator stores the client secret in Secrets Manager (G.4)."""

    kind: Literal["oidc"] = key("how people sign in")
    issuer: HttpsUrl = key("the identity provider")
    client_id: ClientId = key("what the identity provider calls the user pool")
    scopes: tuple[Words, ...] = key("what is asked of it", default=("openid", "email", "profile"))


@declared
class SamlIdentity(SignIn):
    """Sign-in with SAML 2.0 (G.4)."""

    kind: Literal["saml"] = key("how people sign in")
    metadata_url: MetadataUrl | None = key("where the identity provider publishes its document", default=None)
    metadata_file: Words | None = key("the document itself, in the folder of the configuration", default=None)
    attributes: SamlAttributes = key(
        "what it calls the attributes that name a person", default=SamlAttributes()
    )
    signed_requests: bool = key(
        "requests to the identity provider are signed", default=True, stricter="more", control=True
    )
    encrypted_assertions: bool = key(
        "only assertions that are encrypted for the user pool are taken", default=False, stricter="more"
    )


@declared
class TrustedIssuer(rights.Issuer):
    """Token issuer for applications and CI: workload identity instead of keys (L1.3)."""

    name: Slug = key("the rule's name: kit key create --issuer NAME", changes="gateway")


@declared
class WorkloadIdentityAuth:
    """Anthropic workload identity federation, without any static key."""

    kind: Literal["workload-identity"] = key("how the gateway proves who it is")
    organization_id: Words = key("the organisation at Anthropic")
    federation_rule_id: FederationRule = key("the rule that trusts the account")
    service_account_id: ServiceAccount | None = key("as whom it acts", default=None)
    workspace_id: Workspace | None = key("in which workspace", default=None)
    audience: Words = key("for whom the account's tokens are made", default="https://api.anthropic.com")
    signing_algorithm: Literal["RS256", "ES384"] = key("how they are signed", default="RS256")


@declared
class SecretAuth:
    """API key in Secrets Manager. The secret is created empty and filled by the operator; its value is
    never in state.
    """

    kind: Literal["secret"] = key("how the gateway proves who it is")


@declared
class AnthropicProvider:
    """The Anthropic API."""

    kind: Literal["anthropic"] = key("which API it has")
    name: Slug = key("its name in records and figures", default="anthropic")
    base_url: ProviderUrl = key("where it answers", default="https://api.anthropic.com")
    auth: WorkloadIdentityAuth | SecretAuth = key("how the gateway proves who it is")
    inference_geo: Literal["us", "global"] = key(
        "where inference happens; us costs a tenth more", default="global", stricter="less",
        choices=("us", "global"), changes="check",
    )  # fmt: skip
    models: Mapping[ModelId, ModelId] = key(
        "Claude model to this provider's name of it, where they differ", default={}
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

    kind: Literal["claude-platform-aws"] = key("which API it has")
    name: Slug = key("its name in records and figures", default="claude-platform")
    region: Region = key("where it answers")
    workspace_id: Workspace = key("the workspace that is billed")
    models: Mapping[ModelId, ModelId] = key(
        "Claude model to this provider's name of it, where they differ", default={}
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

    kind: Literal["bedrock"] = key("which API it has")
    name: Slug = key("its name in records and figures", default="bedrock")
    region: Region = key("where it answers")
    models: Mapping[ModelId, ModelId] = key(
        "Claude model to this provider's name of it, where they differ", default={}
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
        "tried in this order", least=1
    )
    models: Mapping[Alias, rights.Model] = key("the names under which callers ask for a model", least=1)
    embeddings_model: ModelId = key("the model behind /v1/embeddings", default="amazon.titan-embed-text-v2:0")
    embeddings_url: ProviderUrl | None = key(
        "where embeddings are made, if not by Amazon Bedrock: an endpoint with Voyage AI's or OpenAI's API,"
        " such as https://api.voyageai.com/v1/embeddings; its key is the secret embeddings-api-key",
        default=None,
    )
    outbound_identity: Literal["create", "existing", "none"] = key(
        "the account's issuer of identity tokens: existing where it is enabled already, none where no way to"
        " Claude rests on it",
        default="create",
    )
    in_callers_names: bool = key(
        "calls to models on AWS run in a role session named after each caller", default=True, stricter="more"
    )


@declared
class Audit:
    """The audit store. Its retention is `sizing.retention.audit_days`."""

    mode: Literal["GOVERNANCE", "COMPLIANCE"] = key(
        "who may shorten the retention of a record: in COMPLIANCE nobody", default="COMPLIANCE",
        stricter="more", choices=("GOVERNANCE", "COMPLIANCE"), control=True,
    )  # fmt: skip
    anchor_bucket: Bucket | None = key(
        "a bucket of a second account, which takes the hash of each manifest: against a roll-back of the"
        " store",
        default=None,
    )


@declared
class Budget:
    """How usage is paid for (C.2), and the organisation's monthly spending limit (L1.6)."""

    model: BudgetModel = key("who pays, and by what", default="per-call")
    organization_monthly_microusd: int = key(
        "what the whole organisation may spend on Claude a month", size="budgets.organization_microusd",
        least=0, stricter="less",
    )  # fmt: skip
    infrastructure_monthly_microusd: int = key(
        "what AWS may cost a month before people are notified", size="budgets.infrastructure_microusd",
        least=0, stricter="less",
    )  # fmt: skip
    anomaly_monitor: AnomalyMonitor = key(
        "whom cost anomalies are read from: the ARN of the account's monitor of all services, of which AWS"
        " allows one; create where there is none yet; none",
        default="none",
    )


@declared
class CustomDomain:
    """Custom domain name of the gateway. The certificate must be in the API's region."""

    name: DomainName = key("the name")
    certificate_arn: Arn = key("its certificate in ACM")
    hosted_zone_id: HostedZone | None = key("the Route 53 zone that gets the record for it", default=None)


@declared
class MutualTls:
    """Clients present a certificate that a trust store in S3 verifies."""

    truststore_uri: S3Uri = key("the trust store: certificates in PEM")
    truststore_version: Words | None = key("the one version of it that counts", default=None)


@declared
class Api:
    """How clients reach the gateway."""

    exposure: Literal["private", "regional"] = key(
        "private: only through a VPC", default="regional", stricter="less", choices=("private", "regional")
    )
    custom_domain: CustomDomain | None = key("the gateway's own name", default=None)
    mutual_tls: MutualTls | None = key("clients show a certificate", default=None)
    vpc_endpoint_ids: tuple[EndpointId, ...] = key(
        "the endpoints through which a private API is reached", default=()
    )


@declared
class Reminders:
    """Email reminders, sent through SES on working days in plain text, of courses and policies a person has
    yet to complete.
    """

    sender: Email = key("the address that they come from")
    identity_arn: Arn = key("the verified SES identity (domain or address) that the sender belongs to")
    every_days: int = key(
        "how many days lie between two reminders of one person at least", default=7, least=1, most=60
    )
    most_a_day: int = key(
        "how many leave on one day at most, the earliest due first", default=1000, least=1, most=50_000
    )


@declared
class Portal:
    """The web portal, under a domain name of its own."""

    custom_domain: CustomDomain = key("its name")
    reminders: Reminders | None = key("reminders by mail; none where it is left out", default=None)


@declared
class Network:
    """Where functions run: `none` (outside a VPC), `managed` (a VPC of the kit) or `existing` (the client's
    VPC).
    """

    mode: Literal["none", "managed", "existing"] = key("where functions run", default="none")
    cidr: Cidr | None = key(
        "the range of the network; of an existing one it says whose word about a caller's address counts on"
        " Kubernetes",
        default=None,
    )
    subnet_ids: tuple[SubnetId, ...] = key("the client's own subnets", default=())
    security_group_ids: tuple[GroupId, ...] = key("the client's own security groups", default=())


@declared
class CertifiedName:
    """A domain name and its ACM certificate, in the API's region."""

    name: DomainName = key("the name")
    certificate_arn: Arn = key("its certificate in ACM")


@declared
class Cluster:
    """The gateway's pods, for the `kubernetes` runtime.

    API Gateway stays the entry point and calls the pods under a name for which their load balancer has a
    certificate. Until that name is configured, the gateway's function answers.
    """

    certified: CertifiedName | None = key(
        "the name under which API Gateway calls the pods; `api.custom_domain` if none", default=None
    )
    workloads: bool = key(
        "false: only the cluster, until its image is pushed and its API server can be reached", default=True
    )
    reached_from: tuple[Cidr, ...] = key(
        "address ranges that reach the API server over the internet; none: it is reached from inside the"
        " network only",
        default=(),
    )
    administrators: tuple[Arn, ...] = key(
        "roles that may use kubectl, in addition to the one that deploys", default=()
    )
    direct_door: CustomDomain | None = key(
        "a second way to the pods past API Gateway, for bodies over 10 MB, under a name of its own",
        default=None,
    )


@declared
class Guardrail:
    """Bedrock Guardrails as a second check after the gateway's own inspection (L2.3).

    Off unless configured. Each text costs money and, once the first inspection has passed it, is sent to
    Bedrock.
    """

    prompt_attack_strength: Literal["LOW", "MEDIUM", "HIGH"] = key(
        "how sure it must be of an attack", default="HIGH", stricter="more", choices=("LOW", "MEDIUM", "HIGH")
    )


@declared
class GateOverride:
    """Opens a gate whose criteria are not met. The override becomes part of the stage's record (S.1-S.3)."""

    stage: Literal["integration", "rollout"] = key("the stage that may be evaluated all the same")
    approver: Words = key("the person who answers for it")
    reason: Reason = key("why")
    criteria: tuple[Words, ...] = key("the criteria that are waived, by name", least=1)


@declared
class Client:
    """The client file."""

    schema: int = key(
        "the version of this file's shape; `kit client migrate` writes the newest", default=1, least=1,
        most=SCHEMA, changes="check",
    )  # fmt: skip
    client: Slug = key("its name in every physical name")
    organization: Words = key("the organisation's name, as people know it")
    account: AccountId = key("the AWS account, twelve digits in quotes")
    environment: EnvironmentName = key("production, or the name of a non-production environment")
    region: Region = key("where it is deployed")
    replica_region: Region | None = key(
        "where the copy of the audit store lies, from size large on", default=None
    )
    data_residency: tuple[Residency, ...] = key(
        "where data may be: regions, replicas and providers lie in it",
        least=1,
        stricter="less",
        control=True,
        changes="check",
        one_or_many=True,
    )
    size: Size = key("how many people it is for; everything under `sizing` follows from it")
    rollout_started: date | None = key(
        "the first day of week 1 of the programme", default=None, changes="command"
    )
    contacts: Contacts = key("whom alarms, budgets and reviews are sent to")
    coe: Mapping[CoeRole, tuple[Arn, ...]] = key(
        "who may assume the roles of the Center of Excellence; IAM decides if empty", default={}
    )
    console_access: SamlConsoleAccess | IdentityCenterAccess | None = key(
        "how the Center of Excellence takes its roles in AWS", default=None
    )
    identity: OidcIdentity | SamlIdentity = key("how people sign in")
    trusted_issuers: tuple[TrustedIssuer, ...] = key("whose tokens applications and CI may bring", default=())
    claude: Claude = key("where Claude is reached, and under which names")
    departments: tuple[Department, ...] = key("the departments", least=1, most=200)
    role_limits: Mapping[Slug, rights.RoleLimits] = key(
        "limits of one person with a role, in place of those of its department", default={}
    )
    role_sign_in: Mapping[Slug, rights.SignInRule] = key(
        "what a sign-in of a person with a role must have been, in addition to what its department asks",
        default={},
    )
    audit: Audit = key("the audit store", default=Audit())
    budget: Budget = key("how use is paid for", default={})
    reviews: Reviews = key("how long drafts wait for a person", default=Reviews())
    api: Api = key("how the gateway is reached", default=Api())
    portal: Portal | None = key("the people's web application", default=None)
    network: Network = key("where functions run", default=Network())
    cluster: Cluster = key("the gateway's pods, with runtime kubernetes", default=Cluster())
    lambda_concurrency: int = key(
        "how many functions may run at once in the account and region (`kit doctor` says): what the gateway"
        " and the keepers reserve comes out of it; a new account has 10, which allows no reservation",
        default=10,
        least=10,
        most=1_000_000,
    )
    dictionary: rights.ApprovedDictionary | None = key("the protected terms in force", default=None)
    inspection: rights.InspectionRules = key(
        "what inspection knows of the client", default=rights.InspectionRules()
    )
    guardrail: Guardrail | None = key("a second opinion of Bedrock Guardrails", default=None)
    gate_override: GateOverride | None = key("opens a gate that its criteria keep closed", default=None)
    sizing_overrides: Any = key("changes single values that follow from the size", default={}, name="sizing")
    tags: Mapping[TagKey, Words] = key("tags on every resource", default={})

"""The Center of Excellence: seven roles, each with least privilege for its work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_aws import iam

from components.base import KitComponent, Names, refuse
from components.permissions import Statement, canonical_json, document, put_copies, via
from lambdas.common.bindings import ATTRIBUTES as BINDING_ATTRIBUTES
from lambdas.measurement.queries import PARQUET_PREFIX

ROLES = (
    "director",
    "enablement-lead",
    "ai-engineer",
    "training-lead",
    "governance-lead",
    "data-science-lead",
    "key-operator",
)


@dataclass(frozen=True)
class RolesArgs:
    """Keys of the foundation, and who may assume a role.

    `principals` by role are ARNs of a SAML provider, of an IAM role, or of an IAM Identity Center role
    (which may end in `*`, because its name contains a random part). All roles trust the SAML provider
    `saml_provider_arn`. A role without any principal can be assumed by IAM principals of the account that
    signed in with MFA.
    """

    names: Names
    boundary_arn: pulumi.Input[str]
    governance_key_arn: pulumi.Input[str]
    audit_key_arn: pulumi.Input[str]
    subject_key_arn: pulumi.Input[str]
    signing_key_arn: pulumi.Input[str]
    writer_key_arn: pulumi.Input[str]
    operator_key_arn: pulumi.Input[str]
    evidence_key_arn: pulumi.Input[str]
    analytics_key_arn: pulumi.Input[str]
    secrets_key_arn: pulumi.Input[str]
    principals: Mapping[Any, Sequence[str]] = field(default_factory=dict)
    session_hours: int = 4
    saml_provider_arn: pulumi.Input[str] | None = None


class Roles(KitComponent):
    """Roles of the Center of Excellence (C.1, G.3).

    Creates: roles `director`, `enablement-lead`, `ai-engineer`, `training-lead`, `governance-lead`,
    `data-science-lead`, `key-operator`, each with one inline policy.
    Default posture: permissions boundary, sessions of four hours, federated trust. Prompts and answers are
    readable by the governance lead alone; kill switches and erasure are that role's too. Nobody may write
    audit records, but for that role's own of what it opened and erased, and the training lead's of completed
    courses, and the key operator's of keys. No role may write a person's access, a budget or an approval:
    what it may write is bounded by key and attribute, and what is written is in the trail. The name of a
    session is the person's, as the identity provider or AWS itself says it.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: RolesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        unknown = sorted(set(args.principals) - set(ROLES))
        refuse(
            f"Roles {name}",
            [
                (not unknown, f"principals: {unknown} are not roles; roles are {list(ROLES)}"),
                (1 <= args.session_hours <= 12, f"session_hours: {args.session_hours} is not in 1..12"),
            ],
        )
        super().__init__(name, opts)
        statements = statements_of(args)
        self.roles = {role: self._role(name, role, statements[role], args) for role in ROLES}
        self.arns = {role: made.arn for role, made in self.roles.items()}
        self.register_outputs({"arns": self.arns})

    def _role(self, name: str, role: str, statements: Sequence[Statement], args: RolesArgs) -> iam.Role:
        made = iam.Role(
            f"{name}-{role}",
            name=args.names.of(role),
            description=f"Center of Excellence: {role.replace('-', ' ')}",
            assume_role_policy=_trust(role, args),
            permissions_boundary=args.boundary_arn,
            max_session_duration=args.session_hours * 3600,
            opts=self.child(),
        )
        iam.RolePolicy(
            f"{name}-{role}-permissions",
            name="permissions",
            role=made.name,
            policy=document(statements),
            opts=self.child(),
        )
        return made


def _trust(role: str, args: RolesArgs) -> pulumi.Input[str]:
    named = args.principals.get(role, ())
    if args.saml_provider_arn is None:
        return canonical_json(_trust_document(named, args.names))
    return pulumi.Output.from_input(args.saml_provider_arn).apply(
        lambda provider: canonical_json(_trust_document([*named, provider], args.names))
    )


def _trust_document(named: Sequence[str], names: Names) -> dict[str, Any]:
    principals = sorted(set(named))
    providers = [arn for arn in principals if ":saml-provider/" in arn]
    patterns = [arn for arn in principals if ":saml-provider/" not in arn]
    statements: list[dict[str, Any]] = []
    if providers:
        statements.append(
            {
                "Sid": "FederatedPerson",
                "Effect": "Allow",
                "Action": ["sts:AssumeRoleWithSAML", "sts:SetSourceIdentity", "sts:TagSession"],
                "Principal": {"Federated": providers},
                "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
            }
        )
    # Sessions must have the person's own name: approvals count people, not sessions.
    person: dict[str, Any] = {
        "ArnLike": {"aws:PrincipalArn": patterns},
        "StringEquals": {"sts:RoleSessionName": "${aws:PrincipalTag/kit-person}"},
    }
    if not principals:
        person = {
            "Bool": {"aws:MultiFactorAuthPresent": "true"},
            "StringEquals": {"sts:RoleSessionName": "${aws:username}"},
        }
    if patterns or not principals:
        statements.append(
            {
                "Sid": "PersonOfThisAccount",
                "Effect": "Allow",
                "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
                "Principal": {"AWS": names.root_principal},
                "Condition": person,
            }
        )
    return {"Version": "2012-10-17", "Statement": statements}


def statements_of(args: RolesArgs) -> dict[str, list[Statement]]:
    """Return the permissions of each role."""
    names = args.names
    read_documents = _read(names, "Documents", "governance", ["documents/*"], args.governance_key_arn)
    read_prompts = _read(names, "Prompts", "governance", ["prompts/*"], args.governance_key_arn)
    here = {"StringEquals": {"aws:RequestedRegion": names.region}}
    attest = [
        Statement("Attest", ["s3:PutObject"], [_objects(names, "governance", "evidence/*")]),
        _use_key("EncryptEvidence", ["kms:GenerateDataKey"], args.governance_key_arn, names),
    ]
    # the client's protected terms: written by the person accountable for the data, read by the gateway
    protect_terms = [
        Statement(
            "PublishTerms",
            ["s3:GetObject", "s3:PutObject"],
            [_objects(names, "governance", "dictionaries/*")],
        ),
        # what the organisation allows beyond the shipped request contract (`kit contract allow`)
        Statement(
            "AllowRequests", ["s3:PutObject"], [_objects(names, "governance", "policy/request-contract.json")]
        ),
        # findings that are excepted (`kit inspection except`)
        Statement(
            "ExceptFindings",
            ["s3:PutObject"],
            [_objects(names, "governance", "policy/inspection-exceptions.json")],
        ),
    ]
    watch = [
        Statement("Watch", ["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"], ["*"], conditions=here)
    ]
    dashboards = [
        Statement(
            "Dashboards",
            ["cloudwatch:GetDashboard"],
            [names.arn("cloudwatch", f"dashboard/{names.of('*')}", regional=False)],
        )
    ]
    money = [
        Statement(
            "Budgets",
            ["budgets:ViewBudget"],
            [names.arn("budgets", f"budget/{names.of('*')}", regional=False)],
        )
    ]
    query = _query_analytics(args)
    return _granted(
        args,
        {
            "director": [*read_documents, *attest, *money, *dashboards, *query],
            "enablement-lead": [*read_documents, *read_prompts, *dashboards, *query],
            "ai-engineer": [
                *read_prompts,
                *watch,
                *dashboards,
                Statement(
                    "FunctionLogs",
                    ["logs:FilterLogEvents", "logs:GetLogEvents", "logs:StartQuery"],
                    [names.arn("logs", f"log-group:/aws/lambda/{names.of('*')}")],
                ),
                Statement(
                    "LogResults", ["logs:DescribeLogGroups", "logs:GetQueryResults"], ["*"], conditions=here
                ),
                Statement(
                    "Traces", ["xray:BatchGetTraces", "xray:GetTraceSummaries"], ["*"], conditions=here
                ),
            ],
            "training-lead": [*read_documents, *read_prompts, *dashboards, *_train(args)],
            "governance-lead": [
                *_read_evidence(args),
                *attest,
                *protect_terms,
                *_investigate(args),
                *_intervene(args),
            ],
            "data-science-lead": [*read_prompts, *dashboards, *query],
            "key-operator": _operate_keys(args),
        },
    )


def session_beginnings(names: Names) -> list[str]:
    """Return the ARN prefixes of Center of Excellence sessions; the session name, the person's, follows
    after a slash.

    IAM Identity Center sessions are of the roles that it creates for its permission sets.
    """
    sessions = f"arn:{names.partition}:sts::{names.account}:assumed-role/"
    return [
        beginning
        for role in ROLES
        for beginning in (
            f"{sessions}{names.of(role)}/",
            f"{sessions}AWSReservedSSO_{names.brief(role)}_",
        )
    ]


def _granted(args: RolesArgs, statements: dict[str, list[Statement]]) -> dict[str, list[Statement]]:
    """Add what every role has: access to the break-glass function, which decides."""
    names = args.names
    glass = Statement(
        "AskForEmergencyAccess",
        ["lambda:InvokeFunction"],
        [
            names.arn("lambda", f"function:{names.of('break-glass')}"),
            names.arn("lambda", f"function:{names.of('break-glass')}:live"),
        ],
    )
    return {role: [*own, glass] for role, own in statements.items()}


def _table(names: Names, what: str) -> list[str]:
    return [names.arn("dynamodb", f"table/{names.of(what)}")]


def _only(keys: Sequence[str], attributes: Sequence[str] = ()) -> dict[str, dict[str, list[str]]]:
    """Return a condition for items under these partition keys only and, if attributes are given, only those
    attributes.
    """
    bounds = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(keys)}}
    if attributes:
        bounds["ForAllValues:StringEquals"] = {"dynamodb:Attributes": list(attributes)}
    return bounds


def _operate_keys(args: RolesArgs) -> list[Statement]:
    """Return permissions for applications' keys and workloads, SCIM tokens, and the identity provider's
    secret.
    """
    names = args.names
    secret = names.arn("secretsmanager", f"secret:{names.of('key-pepper')}-*")
    token = names.arn("secretsmanager", f"secret:{names.of('scim-token')}-*")
    return [
        Statement(
            "KeepKeys",
            [
                "dynamodb:DeleteItem",
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:Query",
                "dynamodb:UpdateItem",
            ],
            _table(names, "access"),
            conditions=_only(["KEY#*", "KEYS"]),
        ),
        Statement(
            "BindAccounts",
            ["dynamodb:PutItem"],
            _table(names, "access"),
            conditions=_only(["SUBJECT#*", "USER#*"], BINDING_ATTRIBUTES),
        ),
        Statement(
            "ReleaseAccounts",
            ["dynamodb:DeleteItem"],
            _table(names, "access"),
            conditions=_only(["SUBJECT#*"]),
        ),
        Statement("FindAccess", ["dynamodb:GetItem"], _table(names, "access")),
        Statement(
            "FindByAddress", ["dynamodb:Query"], _table(names, "directory"), conditions=_only(["EMAIL#*"])
        ),
        Statement(
            "KeepProvisioningTokens",
            ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
            _table(names, "directory"),
            conditions=_only(["TOKEN#*", "TOKENS"]),
        ),
        Statement("ReadPepper", ["secretsmanager:GetSecretValue"], [secret]),
        Statement("RotateScimToken", ["secretsmanager:PutSecretValue"], [token]),
        Statement(
            "UseSecretsKey",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            [args.secrets_key_arn],
            conditions=via("secretsmanager", names.region),
        ),
        Statement("ReadPolicy", ["s3:GetObject"], [_objects(names, "governance", "policy/*")]),
        _use_key("DecryptPolicy", ["kms:Decrypt"], args.governance_key_arn, names),
        Statement(
            "ConnectProvider",
            [
                "cognito-idp:DescribeIdentityProvider",
                "cognito-idp:DescribeUserPoolClient",
                "cognito-idp:ListUserPoolClients",
                "cognito-idp:UpdateIdentityProvider",
            ],
            [names.arn("cognito-idp", "userpool/*")],
            conditions={"StringEquals": {"aws:ResourceTag/kit:client": names.client}},
        ),
        *_record(args),
    ]


def _record(args: RolesArgs) -> list[Statement]:
    """Return permission to record an operator's action."""
    return [
        Statement(
            "RecordWhatIsDone",
            ["s3:PutObject"],
            [_objects(args.names, "audit", "records/dt=*/hour=*/operator-*/*")],
        ),
        _use_key("EncryptWhatIsDone", ["kms:GenerateDataKey"], args.audit_key_arn, args.names),
        Statement("IntroduceOperator", ["kms:Sign"], [args.operator_key_arn]),
    ]


def _objects(names: Names, bucket: str, pattern: str = "*") -> str:
    return f"arn:{names.partition}:s3:::{names.everywhere(bucket)}/{pattern}"


def _use_key(sid: str, actions: Sequence[str], key_arn: pulumi.Input[str], names: Names) -> Statement:
    return Statement(sid, actions, [key_arn], conditions=via("s3", names.region))


def _read(
    names: Names, what: str, bucket: str, patterns: Sequence[str], key_arn: pulumi.Input[str] | None
) -> list[Statement]:
    """Return permission to list and read objects; without a key, another statement decrypts them."""
    decrypt = [_use_key(f"Decrypt{what}", ["kms:Decrypt"], key_arn, names)] if key_arn is not None else []
    return [
        Statement(
            f"List{what}",
            ["s3:ListBucket", "s3:ListBucketVersions"],
            [f"arn:{names.partition}:s3:::{names.everywhere(bucket)}"],
            conditions={"StringLike": {"s3:prefix": list(patterns)}},
        ),
        Statement(
            f"Read{what}",
            ["s3:GetObject", "s3:GetObjectVersion"],
            [_objects(names, bucket, pattern) for pattern in patterns],
        ),
        *decrypt,
    ]


def _query_analytics(args: RolesArgs) -> list[Statement]:
    """Return permission to query the metadata copies, which contain no bodies; the workgroup limits each
    scan.
    """
    names = args.names
    return [
        Statement(
            "Query",
            [
                "athena:GetQueryExecution",
                "athena:GetQueryResults",
                "athena:GetWorkGroup",
                "athena:StartQueryExecution",
                "athena:StopQueryExecution",
            ],
            [names.arn("athena", f"workgroup/{names.of('analytics')}")],
        ),
        # Athena stores results under the data's key, in the name of the person who asks
        Statement(
            "UseResults",
            ["kms:Decrypt", "kms:GenerateDataKey"],
            [args.analytics_key_arn],
            conditions=via("athena", names.region),
        ),
        Statement(
            "ReadCatalog",
            ["glue:GetDatabase", "glue:GetPartition", "glue:GetPartitions", "glue:GetTable"],
            [
                names.arn("glue", "catalog"),
                names.arn("glue", f"database/{glue_name(names)}"),
                names.arn("glue", f"table/{glue_name(names)}/*"),
            ],
        ),
        *_read(names, "Metadata", "analytics", _COPIES, args.analytics_key_arn),
    ]


# Copies of records without bodies, and the figures computed from them.
_COPIES = ("aggregates/*", "records/*", f"{PARQUET_PREFIX}/*")


def glue_name(names: Names) -> str:
    """Return the name of the Glue database. Athena requires underscores."""
    return names.of("analytics").replace("-", "_")


def _investigate(args: RolesArgs) -> list[Statement]:
    names = args.names
    return [
        Statement("ReadLock", ["s3:GetObjectRetention"], [_objects(names, "audit")]),
        # what a pack of evidence says of the store's retention
        Statement(
            "ReadRetention",
            ["s3:GetBucketObjectLockConfiguration", "s3:GetLifecycleConfiguration"],
            [f"arn:{names.partition}:s3:::{names.everywhere('audit')}"],
        ),
        Statement(
            "VerifySignatures",
            ["kms:GetPublicKey", "kms:Verify"],
            [args.signing_key_arn, args.writer_key_arn, args.operator_key_arn],
        ),
        Statement("SignEvidence", ["kms:GetPublicKey", "kms:Sign"], [args.evidence_key_arn]),
        Statement("UnwrapSubjectKeys", ["kms:Decrypt"], [args.subject_key_arn]),
        Statement("ReadLedger", ["dynamodb:Scan"], _table(names, "ledger")),
        Statement(
            "ReadGatewayLog",
            ["logs:FilterLogEvents"],
            [names.arn("logs", f"log-group:/aws/lambda/{names.of('gateway')}:*")],
        ),
    ]


def _read_evidence(args: RolesArgs) -> list[Statement]:
    """Return permission to read records, copies, logs and what governs: for investigations, packs of
    evidence, reports and measured gates. Few statements: a role's policies have 10,240 characters at most.
    """
    names = args.names
    governance = [f"{one}/*" for one in (*_GOVERNS, "access-reviews", "change-reviews", "registers")]
    return [
        *_read(names, "Governance", "governance", governance, None),
        *_read(names, "Records", "audit", ["manifests/*", "records/*", "segments/*"], None),
        *_read(names, "Copies", "analytics", _COPIES, None),
        *_read(names, "AccessLog", "access-logs", ["api/*"], None),
        Statement(
            "DecryptWhatIsRead",
            ["kms:Decrypt"],
            [args.governance_key_arn, args.audit_key_arn, args.analytics_key_arn],
            conditions=via("s3", names.region),
        ),
    ]


def _train(args: RolesArgs) -> list[Statement]:
    """Return permission to record completed courses, and to look up a person by name (L3.5, L4.1)."""
    names = args.names
    people = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["NAME#user-name#*", "USER#*"]}}
    return [
        Statement(
            "FindPeople",
            ["dynamodb:GetItem"],
            [names.arn("dynamodb", f"table/{names.of('access')}")],
            conditions=people,
        ),
        Statement(
            "RecordTraining",
            ["s3:PutObject"],
            [_objects(names, "audit", "records/dt=*/hour=*/training-*/*")],
        ),
        _use_key("EncryptTraining", ["kms:GenerateDataKey"], args.audit_key_arn, names),
        Statement("IntroduceTraining", ["kms:Sign"], [args.operator_key_arn]),
        *put_copies(_records_stream(names), args.analytics_key_arn, names.region),
        Statement("KeepCompletions", ["s3:PutObject"], [_objects(names, "governance", "training/*")]),
        _use_key("EncryptCompletions", ["kms:GenerateDataKey"], args.governance_key_arn, names),
    ]


def _records_stream(names: Names) -> str:
    return names.arn("firehose", f"deliverystream/{names.of('records')}")


def _review_access(args: RolesArgs) -> list[Statement]:
    """Return permission to read who has which access, by which group or rule and when last used, and to
    store sign-offs.
    """
    names = args.names
    return [
        Statement("ReadAccess", ["dynamodb:Scan"], _table(names, "access")),
        Statement(
            "ReadPeopleAndGroups",
            ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"],
            _table(names, "directory"),
            conditions=_only(["GROUP#*", "TOKEN#*", "TOKENS", "USER#*"]),
        ),
        Statement(
            "ReadUses", ["dynamodb:BatchGetItem"], _table(names, "ledger"), conditions=_only(["USER#*"])
        ),
        Statement(
            "ReadRoles",
            ["iam:GetRole"],
            [names.arn("iam", f"role/{names.of('*')}", regional=False)],
        ),
        Statement(
            "KeepReviews",
            ["s3:PutObject"],
            [_objects(names, "governance", f"{one}/*") for one in _KEPT_BY_GOVERNANCE],
        ),
        Statement(
            "AlarmsThatRang",
            ["cloudwatch:DescribeAlarmHistory"],
            [names.arn("cloudwatch", f"alarm:{names.of('*')}")],
        ),
    ]


# Prefixes of the governance bucket: what others decide, and what the governance lead keeps.
_GOVERNS = ("departments", "documents", "gates", "policy", "prompts")
_KEPT_BY_GOVERNANCE = ("access-reviews", "change-reviews", "gates/measured", "registers")


def _intervene(args: RolesArgs) -> list[Statement]:
    """Return permission for kill switches, and for erasure by destroying a person's wrapped key; both are
    recorded.
    """
    names = args.names
    return [
        # In the ledger, only switches: neither spending, nor limits, nor approvals.
        Statement(
            "Switch",
            ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem"],
            _table(names, "ledger"),
            conditions=_only(["SWITCH#*", "SWITCHES"]),
        ),
        Statement("FindAccess", ["dynamodb:GetItem", "dynamodb:Query"], _table(names, "access")),
        Statement(
            "FindByAddress", ["dynamodb:Query"], _table(names, "directory"), conditions=_only(["EMAIL#*"])
        ),
        # In an access record, only whether it is active and until when sessions are revoked: no rights.
        Statement(
            "Revoke",
            ["dynamodb:UpdateItem"],
            _table(names, "access"),
            conditions=_only(["KEY#*", "USER#*"], ("pk", "sk", "active", "signed_out_at", "version")),
        ),
        # A person's files are marked as erased; the gateway deletes them at the provider.
        Statement(
            "EraseFiles",
            ["dynamodb:Query", "dynamodb:UpdateItem"],
            _table(names, "ledger"),
            conditions=_only(["FILES#*"]),
        ),
        *_review_access(args),
        # A key is destroyed by overwriting its item, which then prevents a new one.
        Statement(
            "Erase",
            ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
            [names.arn("dynamodb", f"table/{names.of('subject-keys')}")],
        ),
        Statement(
            "ForgetInPortal",
            ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
            [names.arn("dynamodb", f"table/{names.of('portal')}")],
        ),
        *_record(args),
    ]

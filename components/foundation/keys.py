"""Customer-managed KMS keys, one per purpose, so that access to one gives access to nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_aws import kms

from components.base import KitComponent, Names, refuse
from components.permissions import Statement, document

_ADMINISTRATION = (
    "kms:CreateAlias",
    "kms:DeleteAlias",
    "kms:DescribeKey",
    "kms:EnableKeyRotation",
    "kms:GetKeyPolicy",
    "kms:GetKeyRotationStatus",
    "kms:GetPublicKey",
    "kms:ListAliases",
    "kms:ListGrants",
    "kms:ListKeyPolicies",
    "kms:ListKeyRotations",
    "kms:ListResourceTags",
    "kms:PutKeyPolicy",
    "kms:RetireGrant",
    "kms:RevokeGrant",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:UpdateAlias",
    "kms:UpdateKeyDescription",
)
# Withheld from keys of evidence: they can be destroyed only after a change of the key policy, which the
# trail records.
_DESTRUCTION = ("kms:CancelKeyDeletion", "kms:DisableKey", "kms:EnableKey", "kms:ScheduleKeyDeletion")
_SYMMETRIC_USE = ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")
_SERVICE_USE = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
)
# Documented by CloudWatch Logs for a log group with a customer-managed key.
_LOGS_USE = (*_SERVICE_USE, "kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo")


@dataclass(frozen=True)
class Purpose:
    """What a key is for and who may use it, in addition to what IAM policies of the account allow.

    `via` limits use to requests that AWS services (`s3`, `dynamodb`) make for the caller. `services` are
    service principals that use the key themselves, each with the condition keys that restrict it to this
    account. `linked_roles` are paths of service-linked roles, each with the service through which it uses
    the key: AWS defines their permissions, so only the key policy can grant them access.
    """

    description: str
    via: Sequence[str] = ()
    open_to_account: bool = False  # callers of the services in `via` may use the key through them
    services: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    linked_roles: Mapping[str, str] = field(default_factory=dict)
    signing: bool = False
    evidence: bool = False
    only_roles: Sequence[str] = ()  # ARNs of the only roles that may use it; empty: whatever IAM allows


def purposes(names: Names) -> dict[str, Purpose]:
    """Return the kit's keys by purpose (L1.7, L2.5)."""
    this_account = {"StringEquals": {"aws:SourceAccount": names.account}}
    log_groups = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": names.arn("logs", "log-group:*")}}
    trail = {"StringEquals": {"aws:SourceArn": names.arn("cloudtrail", f"trail/{names.of('trail')}")}}
    return {
        "audit": Purpose("Audit records and manifests", via=["s3"], evidence=True),
        "subject": Purpose("Wraps the data key of each department and person", evidence=True),
        "signing": Purpose("Signs the hourly manifests", signing=True, evidence=True),
        "writer": Purpose("Introduces the functions that write records", signing=True, evidence=True),
        "operator": Purpose("Introduces people who leave records", signing=True, evidence=True),
        "evidence": Purpose("Signs packs of evidence", signing=True, evidence=True),
        "ledger": Purpose("Ledger, access and subject-key tables", via=["dynamodb"], open_to_account=True),
        "governance": Purpose("Governance documents, gateway policy, prompts", via=["bedrock", "s3"]),
        "analytics": Purpose(
            "Metadata copies and access logs",
            via=["athena", "firehose", "s3"],
            services={
                "encryption.athena.amazonaws.com": this_account,  # managed query results
                "firehose.amazonaws.com": this_account,
            },
            # API Gateway writes its access log to a stream
            linked_roles={"ops.apigateway.amazonaws.com/AWSServiceRoleForAPIGateway": "firehose"},
        ),
        "secrets": Purpose("Secrets Manager", via=["secretsmanager"]),
        "functions": Purpose("Functions, images and secrets of the cluster", via=["ecr", "eks", "lambda"]),
        "logs": Purpose("Log groups", services={f"logs.{names.region}.amazonaws.com": log_groups}),
        "messages": Purpose(
            "Alarm topic and dead letters",
            services={
                "cloudwatch.amazonaws.com": this_account,
                "budgets.amazonaws.com": this_account,
                "costalerts.amazonaws.com": this_account,
                "events.amazonaws.com": this_account,
            },
        ),
        "trail": Purpose("CloudTrail log files", services={"cloudtrail.amazonaws.com": trail}, evidence=True),
    }


@dataclass(frozen=True)
class KeyRingArgs:
    """`deletion_window_days` is the waiting period of a scheduled deletion (7-30)."""

    names: Names
    deletion_window_days: int = 30
    rotation_days: int = 365


class KeyRing(KitComponent):
    """One KMS key and one alias per purpose (L1.7, G.3).

    Creates: keys `audit`, `subject`, `signing`, `writer`, `operator`, `evidence`, `ledger`, `governance`,
    `analytics`, `secrets`, `functions`, `logs`, `messages`, `trail`, each with an alias
    `<client>-<environment>-<purpose>`.
    Default posture: yearly rotation (keys that sign are asymmetric, which KMS does not rotate: a new one is
    a new key, and what is signed names the key that signed it), 30 days to take a deletion back, key
    policies that name actions and tie service principals to this account. Keys of evidence cannot be
    disabled or scheduled for deletion by anybody until their policy is changed. Protected and retained.
    Replaced when changed: the kind of a key (symmetric, signing).
    """

    def __init__(self, name: str, args: KeyRingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(
            f"KeyRing {name}",
            [
                (
                    7 <= args.deletion_window_days <= 30,
                    f"deletion_window_days: {args.deletion_window_days} not in 7..30",
                ),
                (90 <= args.rotation_days <= 2560, f"rotation_days: {args.rotation_days} not in 90..2560"),
            ],
        )
        super().__init__(name, opts)
        self.keys = {
            label: self._key(f"{name}-{label}", label, purpose, args)
            for label, purpose in sorted(purposes(args.names).items())
        }
        self.arns = {label: key.arn for label, key in self.keys.items()}
        self.register_outputs({"arns": self.arns})

    def _key(self, name: str, label: str, purpose: Purpose, args: KeyRingArgs) -> kms.Key:
        key = kms.Key(
            name,
            description=f"{args.names.of(label)}: {purpose.description}",
            key_usage="SIGN_VERIFY" if purpose.signing else "ENCRYPT_DECRYPT",
            customer_master_key_spec="ECC_NIST_P256" if purpose.signing else "SYMMETRIC_DEFAULT",
            enable_key_rotation=not purpose.signing,
            rotation_period_in_days=None if purpose.signing else args.rotation_days,
            deletion_window_in_days=args.deletion_window_days,
            policy=document(key_statements(purpose, args.names)),
            opts=self.kept(),
        )
        kms.Alias(
            f"{name}-alias", name=f"alias/{args.names.of(label)}", target_key_id=key.key_id, opts=self.child()
        )
        return key


def key_statements(purpose: Purpose, names: Names) -> list[Statement]:
    """Return the key policy of one purpose. In a key policy, the resource `*` is the key itself."""
    account = {"AWS": [names.root_principal]}
    administration = _ADMINISTRATION if purpose.evidence else (*_ADMINISTRATION, *_DESTRUCTION)
    statements = [Statement("AdministrationByThisAccount", administration, ["*"], principals=account)]
    if purpose.signing:
        use = ("kms:Sign", "kms:Verify")
        return [*statements, Statement("UseThroughIam", use, ["*"], principals=account)]
    through = {"kms:ViaService": _services(purpose.via, names)} if purpose.via else {}
    statements.append(_use_by_account(purpose, names, through))
    if purpose.via:
        statements.append(_grants(names, through))
    statements += _service_statements(purpose)
    statements += _linked_role_statements(purpose, names)
    return statements


def _services(via: Sequence[str], names: Names) -> str | list[str]:
    services = [f"{service}.{names.region}.amazonaws.com" for service in sorted(via)]
    return services[0] if len(services) == 1 else services


def _use_by_account(purpose: Purpose, names: Names, through: Mapping[str, str | Sequence[str]]) -> Statement:
    if purpose.open_to_account:
        return Statement(
            "UseThroughService",
            (*_SYMMETRIC_USE, "kms:DescribeKey"),
            ["*"],
            principals={"AWS": ["*"]},
            conditions={"StringEquals": {"kms:CallerAccount": names.account, **through}},
        )
    conditions: dict[str, Mapping[str, str | Sequence[str]]] = {"StringEquals": through} if through else {}
    if purpose.only_roles:
        conditions["ArnEquals"] = {"aws:PrincipalArn": list(purpose.only_roles)}
    return Statement(
        "UseThroughIam",
        _SYMMETRIC_USE,
        ["*"],
        principals={"AWS": [names.root_principal]},
        conditions=conditions,
    )


def _grants(names: Names, through: Mapping[str, str | Sequence[str]]) -> Statement:
    """Let a service keep a grant for the resource that it encrypts, and nobody create grants for people."""
    return Statement(
        "GrantsForAwsResources",
        ["kms:CreateGrant"],
        ["*"],
        principals={"AWS": [names.root_principal]},
        conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}, "StringEquals": dict(through)},
    )


def _service_statements(purpose: Purpose) -> Sequence[Statement]:
    return [
        Statement(
            "Service" + "".join(part.title() for part in service.split(".")[0].split("-")),
            _LOGS_USE if service.startswith("logs.") else _SERVICE_USE,
            ["*"],
            principals={"Service": [service]},
            conditions=conditions,
        )
        for service, conditions in sorted(purpose.services.items())
    ]


def _linked_role_statements(purpose: Purpose, names: Names) -> Sequence[Statement]:
    """Allow service-linked roles by a condition: KMS rejects a principal that does not exist yet."""
    roles = f"arn:{names.partition}:iam::{names.account}:role/aws-service-role"
    return [
        Statement(
            path.rpartition("/")[2],
            ("kms:Decrypt", "kms:GenerateDataKey"),
            ["*"],
            principals={"AWS": ["*"]},
            conditions={
                "StringEquals": {
                    "kms:CallerAccount": names.account,
                    "kms:ViaService": _services([service], names),
                },
                "ArnEquals": {"aws:PrincipalArn": f"{roles}/{path}"},
            },
        )
        for path, service in sorted(purpose.linked_roles.items())
    ]

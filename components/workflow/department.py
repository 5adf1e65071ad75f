"""One department: key, data area, roles of its people, credential and profile."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import cognito, iam, kms, secretsmanager

from components.base import KitComponent, Names, refuse
from components.foundation.governance_store import PublishedText, PublishedTextArgs
from components.foundation.keys import Purpose, key_statements
from components.permissions import Statement, canonical_json, document, via
from components.storage import Lifecycle, PrivateBucket, PrivateBucketArgs

_LONGEST_BUCKET = 63
STEPS = ("drafter", "releaser")


@dataclass(frozen=True)
class DepartmentArgs:
    """A department as configured. `profile` is its plain data for the governance bucket: rights, limits,
    budget, prompts, workflows. `people_tag` is the session tag with a person's department.
    """

    names: Names
    id: str
    title: str
    people_tag: str
    profile: Mapping[str, Any]
    boundary_arn: pulumi.Input[str]
    secrets_key_arn: pulumi.Input[str]
    governance_bucket_name: pulumi.Input[str]
    governance_key_arn: pulumi.Input[str]
    reviews_table_arn: pulumi.Input[str]
    ledger_key_arn: pulumi.Input[str]
    user_pool_id: pulumi.Input[str] | None = None
    versions_days: int = 3650
    deletion_window_days: int = 30
    secret_recovery_days: int = 30


class Department(KitComponent):
    """A department with a data area that no other department reaches (L3.1, L3.2, C.2).

    Creates: a KMS key with its alias, a private bucket, the roles `<id>-member` and `<id>-reviewer` for its
    people, an empty secret for its workflow's credential, its profile in the governance bucket, and a Cognito
    group where there is a user pool.
    Default posture: the key may be used by the department's own roles only, whatever IAM policy another role
    is given; the bucket denies everybody else its objects and every other role of the kit its listing.
    Members read and bring documents; only reviewers read drafts and decide; either session bears the name
    that the identity provider gives its person (session tag `kit-person`), or is refused. What either writes
    counts as that person's only, because its session signs it. Key, bucket and
    secret are protected and retained. Everything carries the department's cost-allocation tags by its
    provider.
    Replaced when changed: client, environment, account, region, the department's id.
    """

    def __init__(self, name: str, args: DepartmentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(f"Department {name}", [(bool(args.id), "id: is empty"), (bool(args.title), "title: is empty")])
        super().__init__(name, opts)
        self._args = args
        self.key = self._key(name)
        self.area = PrivateBucket(f"{name}-data", self._bucket(), self.child())
        self.credential = secretsmanager.Secret(
            f"{name}-credential",
            name=args.names.of(f"{args.id}-workflow-key"),
            description=f"The gateway credential of {args.title}'s workflows; filled by the operator",
            kms_key_id=args.secrets_key_arn,
            recovery_window_in_days=args.secret_recovery_days,
            opts=self.kept(),
        )
        self.roles = {
            "member": self._role(name, "member", self._member_statements()),
            "reviewer": self._role(name, "reviewer", self._reviewer_statements()),
        }
        PublishedText(
            f"{name}-profile",
            PublishedTextArgs(
                args.governance_bucket_name,
                args.governance_key_arn,
                f"departments/{args.id}.json",
                canonical_json(args.profile),
            ),
            self.child(),
        )
        if args.user_pool_id is not None:
            cognito.UserGroup(
                f"{name}-group",
                name=args.id,
                description=args.title,
                user_pool_id=args.user_pool_id,
                opts=self.child(),
            )
        self.register_outputs({"bucket": self.area.bucket.id, "keyArn": self.key.arn})

    def _key(self, name: str) -> kms.Key:
        args = self._args
        purpose = Purpose(
            f"Data of {args.title}", via="s3", only_roles=department_role_arns(args.names, args.id)
        )
        key = kms.Key(
            f"{name}-key",
            description=f"{args.names.of(args.id)}: {purpose.description}",
            enable_key_rotation=True,
            rotation_period_in_days=365,
            deletion_window_in_days=args.deletion_window_days,
            policy=document(key_statements(purpose, args.names)),
            opts=self.kept(),
        )
        kms.Alias(
            f"{name}-key-alias",
            name=f"alias/{args.names.of(f'{args.id}-data')}",
            target_key_id=key.key_id,
            opts=self.child(),
        )
        return key

    def _bucket(self) -> PrivateBucketArgs:
        args = self._args
        what = bucket_what(args.names, args.id)
        arn = f"arn:{args.names.partition}:s3:::{args.names.everywhere(what)}"
        own = department_role_arns(args.names, args.id)
        kit_roles = args.names.arn("iam", f"role/{args.names.of('*')}", regional=False)
        return PrivateBucketArgs(
            names=args.names,
            what=what,
            key_arn=self.key.arn,
            lifecycle=Lifecycle(expire_noncurrent_after_days=args.versions_days),
            statements=[
                Statement(
                    "OnlyThisDepartment",
                    ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:GetObjectVersion",
                     "s3:PutObject"],
                    [f"{arn}/*"],
                    effect="Deny",
                    principals="*",
                    conditions={"ArnNotEquals": {"aws:PrincipalArn": own}},
                ),
                Statement(
                    "NoListForOthersOfTheKit",
                    ["s3:ListBucket", "s3:ListBucketVersions"],
                    [arn],
                    effect="Deny",
                    principals="*",
                    conditions={
                        "ArnLike": {"aws:PrincipalArn": kit_roles},
                        "ArnNotEquals": {"aws:PrincipalArn": own},
                    },
                ),
            ],
        )  # fmt: skip

    def _role(self, name: str, part: str, statements: Sequence[Statement]) -> iam.Role:
        args = self._args
        tags: dict[str, str] = {
            f"aws:PrincipalTag/{args.people_tag}": args.id,
            "sts:RoleSessionName": "${aws:PrincipalTag/kit-person}",
        }
        if part == "reviewer":
            tags["aws:PrincipalTag/kit-reviewer"] = "true"
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "PersonOfThisDepartment",
                    "Effect": "Allow",
                    "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
                    "Principal": {"AWS": args.names.root_principal},
                    "Condition": {"StringEquals": tags},
                }
            ],
        }
        role = iam.Role(
            f"{name}-{part}",
            name=args.names.of(f"{args.id}-{part}"),
            description=f"{args.title}: {part}",
            assume_role_policy=canonical_json(trust),
            permissions_boundary=args.boundary_arn,
            max_session_duration=4 * 3600,
            opts=self.child(),
        )
        iam.RolePolicy(
            f"{name}-{part}-permissions",
            name="permissions",
            role=role.name,
            policy=document(statements),
            opts=self.child(),
        )
        return role

    def _member_statements(self) -> list[Statement]:
        return [
            *area_statements(
                self,
                read=("batches", "released", "requests", "sources"),
                write=("batches", "requests", "sources"),
            ),
            Statement("StartWorkflows", ["states:StartExecution"], [self._machines("stateMachine")]),
            Statement("FollowWorkflows", ["states:DescribeExecution"], [self._machines("execution", ":*")]),
        ]

    def _reviewer_statements(self) -> list[Statement]:
        args = self._args
        own = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [f"DEPT#{args.id}", args.id]}}
        return [
            *area_statements(self, read=("decisions", "drafts", "edits", "released", "requests", "sources"),
                             write=("decisions",)),
            Statement(
                "ReadReviews",
                ["dynamodb:GetItem", "dynamodb:Query"],
                [args.reviews_table_arn, pulumi.Output.concat(args.reviews_table_arn, "/index/queue")],
                conditions=own,
            ),
            Statement(
                "DecryptReviews",
                ["kms:Decrypt"],
                [args.ledger_key_arn],
                conditions=via("dynamodb", args.names.region),
            ),
            Statement(
                "TellTheWorkflow",
                ["states:SendTaskSuccess"],
                ["*"],  # AWS supports no narrower resource; the token itself identifies the one task
                conditions={"StringEquals": {"aws:RequestedRegion": args.names.region}},
            ),
        ]  # fmt: skip

    def _machines(self, kind: str, rest: str = "") -> str:
        args = self._args
        return args.names.arn("states", f"{kind}:{args.names.of(f'{args.id}-*')}{rest}")


def area_statements(
    department: Department, *, read: Sequence[str] = (), write: Sequence[str] = ()
) -> list[Statement]:
    """Return the permissions to read and write folders of a department's data area."""
    args, arn, key = department._args, department.area.arn, department.key.arn

    def folders(names: Sequence[str]) -> list[pulumi.Input[str]]:
        return [pulumi.Output.concat(arn, f"/{folder}/*") for folder in sorted(names)]

    statements = []
    if read:
        statements += [
            Statement(
                "ListData",
                ["s3:ListBucket"],
                [arn],
                conditions={"StringLike": {"s3:prefix": [f"{folder}/*" for folder in sorted(read)]}},
            ),
            Statement("ReadData", ["s3:GetObject"], folders(read)),
            Statement("DecryptData", ["kms:Decrypt"], [key], conditions=via("s3", args.names.region)),
        ]
    if write:
        statements += [
            Statement("WriteData", ["s3:PutObject"], folders(write)),
            Statement("EncryptData", ["kms:GenerateDataKey"], [key], conditions=via("s3", args.names.region)),
        ]
    return statements


def department_role_arns(names: Names, department: str) -> list[str]:
    """Return every role that may ever read a department's data: those of its people and of its workflows."""
    parts = ("member", "reviewer", *STEPS)
    return [names.arn("iam", f"role/{names.of(f'{department}-{part}')}", regional=False) for part in parts]


def bucket_what(names: Names, department: str) -> str:
    """Return the last part of the bucket's name: the department's id, or its digest if the name would be
    too long.
    """
    rest = len(f"{names.client}-{names.environment}--{names.account}-{names.region}")
    plain = f"data-{department}"
    if rest + len(plain) <= _LONGEST_BUCKET:
        return plain
    return f"d-{hashlib.sha256(department.encode()).hexdigest()[:8]}"

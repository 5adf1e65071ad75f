"""The six roles of the Center of Excellence; one of them is taken by a role of IAM Identity Center."""

import pulumi

from components.base import Names, aws_provider
from components.foundation.boundary import Boundary, BoundaryArgs
from components.foundation.keys import KeyRing, KeyRingArgs
from components.foundation.roles import Roles, RolesArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)
boundary = Boundary("boundary", BoundaryArgs(names, ["eu-central-1"]), options)
signed_in = "role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_Governance_*"

Roles(
    "coe",
    RolesArgs(
        names,
        boundary.arn,
        governance_key_arn=keys.arns["governance"],
        audit_key_arn=keys.arns["audit"],
        subject_key_arn=keys.arns["subject"],
        signing_key_arn=keys.arns["signing"],
        writer_key_arn=keys.arns["writer"],
        operator_key_arn=keys.arns["operator"],
        evidence_key_arn=keys.arns["evidence"],
        analytics_key_arn=keys.arns["analytics"],
        secrets_key_arn=keys.arns["secrets"],
        principals={"governance-lead": [names.arn("iam", signed_in, regional=False)]},
    ),
    options,
)

"""One group of IAM Identity Center that takes a console role."""

import pulumi

from components.base import Names, aws_provider
from components.foundation.boundary import Boundary, BoundaryArgs
from components.foundation.keys import KeyRing, KeyRingArgs
from components.foundation.roles import RolesArgs
from components.identity.identity_center import IdentityCenter, IdentityCenterArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)
boundary = Boundary("boundary", BoundaryArgs(names, ["eu-central-1"]), options)
roles = RolesArgs(
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
)

IdentityCenter(
    "console",
    IdentityCenterArgs(
        roles,
        boundary.policy.name,
        instance_arn="arn:aws:sso:::instance/ssoins-6987e1d2a3b4c5f6",
        groups={"governance-lead": "a3b4c5d6-1111-2222-3333-444455556666"},
    ),
    options,
)

"""A web ACL in front of the stage of an API that exists."""

import pulumi

from components.api.web_acl import WebAcl, WebAclArgs
from components.base import Names, aws_provider
from components.foundation.keys import KeyRing, KeyRingArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)

WebAcl(
    "web-acl",
    WebAclArgs(
        names,
        resource_arn="arn:aws:apigateway:eu-central-1::/restapis/a1b2c3d4e5/stages/api",
        logs_key_arn=keys.arns["logs"],
        log_retention_days=90,
        requests_per_address=2_000,
        scim_requests_per_address=20_000,
    ),
    options,
)

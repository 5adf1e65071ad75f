"""What a program takes from the kit where it is deployed: one client's stages `foundation` and `integration`.

Put your client, environment, account and region here, and the suffix of its stacks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.api.gateway import Stores
from components.base import Names, aws_provider
from components.functions import FunctionContext
from stacks.contracts import CONTRACTS, taken

ORGANIZATION = "organization"  # what Pulumi calls it where the state is in a bucket of one's own
SUFFIX = ""  # of the stages' stacks: ".acme" where they are `foundation.acme` and `integration.acme`


@dataclass(frozen=True)
class Deployed:
    """The physical names of the deployment, options with its provider, what its stages export
    (stacks/contracts.py), and of that what functions share and what they read and write.
    """

    names: Names
    options: pulumi.ResourceOptions
    exports: Mapping[str, pulumi.Output[Any]]
    context: FunctionContext
    stores: Stores


def deployed() -> Deployed:
    """Read the stages' stacks; once in a program."""
    names = Names("example", "production", "111122223333", "eu-central-1")
    exports: dict[str, pulumi.Output[Any]] = {}
    for stage in ("foundation", "integration"):
        stack = pulumi.StackReference(f"{ORGANIZATION}/claude-enterprise-kit/{stage}{SUFFIX}")
        exports |= {name: stack.get_output(name) for name in CONTRACTS[stage]}
    records = names.of("records")  # the stream of copies
    return Deployed(
        names,
        pulumi.ResourceOptions(providers=[aws_provider(names, "trial")]),
        exports,
        taken(
            FunctionContext,
            exports,
            names=names,
            boundary_arn=exports["permissions_boundary_arn"],
            log_retention_days=90,
        ),
        taken(
            Stores,
            exports,
            analytics_stream_name=records,
            analytics_stream_arn=names.arn("firehose", f"deliverystream/{records}"),
        ),
    )

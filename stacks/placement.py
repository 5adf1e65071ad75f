"""Where a deployment lives: its physical names and the provider that all its components are given."""

import pulumi

from components.base import Names, aws_provider
from stacks.settings import Settings


def names_of(settings: Settings) -> Names:
    """The physical names of a deployment."""
    partition = "aws-cn" if settings.region.startswith("cn-") else "aws"
    return Names(settings.client, settings.environment, settings.account, settings.region, partition)


def stage_options(settings: Settings) -> pulumi.ResourceOptions:
    """Options of every component of the running stage: its explicit provider, which tags and guards."""
    provider = aws_provider(
        names_of(settings), settings.stage, emulated=settings.emulated, extra_tags=settings.tags
    )
    return pulumi.ResourceOptions(providers=[provider])

"""Where a deployment lives: its physical names and the provider that all its components are given."""

import pulumi
import pulumi_aws as aws

from components.base import Names, aws_provider
from contract.client import Department
from stacks.settings import Settings


def names_of(settings: Settings) -> Names:
    """The physical names of a deployment."""
    partition = "aws-cn" if settings.region.startswith("cn-") else "aws"
    return Names(settings.client, settings.environment, settings.account, settings.region, partition)


def stage_options(settings: Settings) -> pulumi.ResourceOptions:
    """Options of every component of the running stage: its explicit provider, which tags and guards."""
    provider = aws_provider(
        names_of(settings), settings.stage, emulated=settings.emulated, extra_tags=_tags(settings)
    )
    return pulumi.ResourceOptions(providers=[provider])


def department_options(settings: Settings, department: Department) -> pulumi.ResourceOptions:
    """Options of what belongs to one department: its provider tags for cost allocation (C.2)."""
    own = {"kit:cost-center": department.cost_center, "kit:department": department.id}
    provider = aws_provider(
        names_of(settings),
        settings.stage,
        emulated=settings.emulated,
        extra_tags={**_tags(settings), **own},
        suffix=f"-{department.id}",
    )
    return pulumi.ResourceOptions(providers=[provider])


def _tags(settings: Settings) -> dict[str, str]:
    """Tags of every resource in addition to the kit's own: who answers for it."""
    return {"kit:owner": settings.contacts.owner, **settings.tags}


def zones_of(settings: Settings, options: pulumi.ResourceOptions) -> list[pulumi.Output[str]]:
    """As many availability zones of the region as the size asks for."""
    provider = options.providers[0] if isinstance(options.providers, list) else None
    found = aws.get_availability_zones_output(
        state="available", opts=pulumi.InvokeOutputOptions(provider=provider)
    )
    return [found.names[number] for number in range(settings.sizing.redundancy.availability_zones)]

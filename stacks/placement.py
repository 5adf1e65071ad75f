"""Physical names of a deployment, and the provider passed to all its components."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from components.base import Names, aws_provider, refuse
from contract.client import Department
from stacks.settings import Settings


def names_of(settings: Settings) -> Names:
    """Return the physical names of the deployment."""
    partition = "aws-cn" if settings.region.startswith("cn-") else "aws"
    return Names(settings.client, settings.environment, settings.account, settings.region, partition)


def stage_options(settings: Settings) -> pulumi.ResourceOptions:
    """Return the resource options of every component of the stage: an explicit provider with tags and
    account check.
    """
    provider = aws_provider(
        names_of(settings), settings.stage, emulated=settings.emulated, extra_tags=_tags(settings)
    )
    return pulumi.ResourceOptions(providers=[provider])


def department_options(settings: Settings, department: Department) -> pulumi.ResourceOptions:
    """Return the resource options of one department, whose provider adds cost allocation tags (C.2)."""
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
    """Return the tags of every resource in addition to the kit's own: the accountable owner."""
    return {"kit:owner": settings.contacts.owner, **settings.tags}


# Zones that pods cannot use, by zone id, which is the same in every account: EKS has no control plane there
# (EKS User Guide, "Amazon EKS networking requirements for VPC and subnets", read in November 2026), or API
# Gateway has no VPC link (its Developer Guide, "Set up VPC links V2 in API Gateway", read in December
# 2026).
_WITHOUT_CONTROL_PLANE = ("cac1-az3", "use1-az3", "usw1-az2")
_WITHOUT_VPC_LINK = ("apne1-az3", "apne2-az4", "cac1-az4", "euw3-az2", "use1-az3", "usw1-az2")

# Regions of which the same table named no zone at all.
WITHOUT_VPC_LINKS = (
    "af-south-1", "ap-northeast-3", "ap-south-2", "ap-southeast-4", "ca-west-1", "eu-central-2", "eu-south-1",
    "il-central-1", "me-central-1",
)  # fmt: skip


def zones_of(settings: Settings, options: pulumi.ResourceOptions) -> list[pulumi.Output[str]]:
    """Return as many availability zones of the region as the size asks for, excluding Local and Wavelength
    Zones.

    Fails, naming the key to set, if the region has too few.
    """
    provider = options.providers[0] if isinstance(options.providers, list) else None
    pods = settings.sizing.capacity.runtime == "kubernetes"
    found = aws.get_availability_zones_output(
        state="available",
        filters=[{"name": "opt-in-status", "values": ["opt-in-not-required"]}],
        exclude_zone_ids=sorted({*_WITHOUT_CONTROL_PLANE, *_WITHOUT_VPC_LINK}) if pods else None,
        opts=pulumi.InvokeOutputOptions(provider=provider),
    )
    wanted = settings.sizing.redundancy.availability_zones

    def enough(names: Sequence[str]) -> Sequence[str]:
        few = (
            f"region {settings.region} has {len(names)} zones for this account, size {settings.size} asks for"
        )
        fix = "set sizing.redundancy.availability_zones, or choose another region"
        refuse("network", [(len(names) >= wanted, f"{few} {wanted}: {fix}")])
        return names

    names = found.names.apply(enough)
    return [names[number] for number in range(wanted)]

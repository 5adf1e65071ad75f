"""Where functions run: outside a VPC, in a VPC of the kit, or in the client's own (L1.7)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pulumi

from components.functions import Network as FunctionNetwork
from stacks import pods
from stacks.placement import names_of, zones_of
from stacks.settings import Settings

DEFAULT_CIDR = "10.40.0.0/20"
Outputs = Mapping[str, pulumi.Output[Any]]


@dataclass(frozen=True)
class Placed:
    """The functions' network, and the endpoints of a private API. Empty outside a VPC."""

    functions: FunctionNetwork | None = None
    subnet_ids: Sequence[pulumi.Input[str]] = ()
    api_endpoints: tuple[pulumi.Input[str], ...] = ()
    home: pods.PodsPlace | None = None

    def exports(self) -> dict[str, pulumi.Output[str]]:
        """Return the network's exports for the next stage. Exports are flat, so lists are joined to text."""
        if self.functions is None:
            return {}
        groups, subnets = self.functions.security_group_ids, self.functions.subnet_ids
        return {
            "function_security_group_ids": pulumi.Output.all(*groups).apply(",".join),
            "function_subnet_ids": pulumi.Output.all(*subnets).apply(",".join),
        }


def own_network(settings: Settings) -> bool:
    """Return whether the kit creates a network."""
    mode = settings.network.mode
    return mode == "managed" or (mode == "none" and settings.sizing.redundancy.vpc_endpoints)


def place(settings: Settings, base: Outputs, options: pulumi.ResourceOptions) -> Placed:
    """Return the client's own network, a network of the kit (from size medium on), or none."""
    given, private = settings.network, settings.api.exposure == "private"
    endpoints = tuple(settings.api.vpc_endpoint_ids) if private else ()
    if given.mode == "existing":
        functions = FunctionNetwork(given.subnet_ids, given.security_group_ids)
        return Placed(functions, given.subnet_ids, endpoints, _pods_in_own_network(settings, options))
    if not own_network(settings):
        return Placed(api_endpoints=endpoints)
    from components.api.network import Network, NetworkArgs  # slow to import, so only where needed

    network = Network(
        "network",
        NetworkArgs(
            names=names_of(settings),
            zones=zones_of(settings, options),
            cidr=given.cidr or DEFAULT_CIDR,
            domains=egress_domains(settings),
            logs_key_arn=base["logs_key_arn"],
            log_retention_days=settings.sizing.retention.log_days,
            boundary_arn=base["permissions_boundary_arn"],
            private_api=private and not endpoints,
            anchor_bucket=settings.audit.anchor_bucket or "",
            images=pods.certified_name(settings) is not None,
        ),
        options,
    )
    if network.api_endpoint:
        endpoints = (network.api_endpoint.id,)
    functions = FunctionNetwork(network.subnet_ids, [network.functions_group.id], [network])
    place = pods.PodsPlace(
        network.vpc.id,
        network.subnet_ids,
        network.public_subnet_ids,
        network.public_cidrs,
        network.endpoints_group.id,
    )
    return Placed(functions, network.subnet_ids, endpoints, place)


def _pods_in_own_network(settings: Settings, options: pulumi.ResourceOptions) -> pods.PodsPlace | None:
    """Return the pods' place in the client's network, whose range is configured and whose VPC AWS reports."""
    given = settings.network
    if pods.certified_name(settings) is None or not given.cidr:
        return None
    from pulumi_aws import ec2  # slow to import, so only where needed

    provider = options.providers[0] if isinstance(options.providers, list) else None
    found = ec2.get_subnet_output(id=given.subnet_ids[0], opts=pulumi.InvokeOutputOptions(provider=provider))
    return pods.PodsPlace(found.vpc_id, given.subnet_ids, given.subnet_ids, [given.cidr])


def egress_domains(settings: Settings) -> list[str]:
    """Return the domain names functions must resolve in addition to AWS's own in the region.

    These are providers in any region, token issuers, and the API's custom domain, which workflows call.
    """
    urls = [one.route.base_url for one in settings.claude.providers]
    urls += [settings.claude.embeddings_url] if settings.claude.embeddings_url else []
    urls += [one.jwks_uri for one in settings.trusted_issuers]
    urls.append(f"https://cognito-idp.{settings.region}.amazonaws.com")  # keys of the user pool
    if settings.api.custom_domain:
        urls.append(f"https://{settings.api.custom_domain.name}")
    sign_in = f"*.auth.{settings.region}.amazoncognito.com"  # of the user pool, where the portal gets tokens
    return sorted({sign_in, *(host for url in urls if (host := urlsplit(url).hostname))})

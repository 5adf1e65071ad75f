"""The gateway on Kubernetes, from size enterprise on: cluster, load balancers, pods (L1.1, L1.8, Z.1).

API Gateway stays the entry point and calls the pods through a VPC link, with the gateway's function as
fallback. Deployment has two phases: the cluster with its image repository and load balancers first, the
workloads once the image is pushed and the API server is reachable (`cluster.workloads`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pulumi

from components.api.gateway import GATEWAY_PACKAGES, GatewayArgs
from components.api.rest_api import Pods
from components.layers import image_tag
from contract.client import CertifiedName, CustomDomain
from stacks.placement import names_of
from stacks.settings import Settings

DIRECT_PATHS = ("/v1/*",)  # paths served by the direct entry point
_INTERNET, _PRIVATE = ("0.0.0.0/0",), ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")


@dataclass(frozen=True)
class PodsPlace:
    """The network of the pods and their load balancers.

    Load balancers are in `front_subnet_ids`, with addresses in `front_cidrs`.
    """

    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    front_subnet_ids: Sequence[pulumi.Input[str]]
    front_cidrs: Sequence[str]
    endpoints_group_id: pulumi.Input[str] | None = None


@dataclass(frozen=True)
class Housed:
    """What the rest of the stage needs: the pods that the API calls (None: its function), the pods' roles,
    and the load balancer of the direct entry point.
    """

    pods: Pods | None = None
    role_arns: Sequence[pulumi.Input[str]] = ()
    direct_arn: pulumi.Input[str] | None = None
    exports: Mapping[str, pulumi.Input[str]] | None = None


def certified_name(settings: Settings) -> CertifiedName | None:
    """Return the name under which API Gateway calls the pods, or None if there are no pods."""
    if settings.sizing.capacity.runtime != "kubernetes":
        return None
    if settings.cluster.certified:
        return settings.cluster.certified
    domain = settings.api.custom_domain
    return CertifiedName(name=domain.name, certificate_arn=domain.certificate_arn) if domain else None


def warn_without_a_certified_name(settings: Settings) -> None:
    """Warn in the plan that a size with pods gets none, naming the key that changes that."""
    if settings.sizing.capacity.runtime == "kubernetes" and certified_name(settings) is None:
        pulumi.log.warn(
            f"size {settings.size} is made for pods, but no cluster is planned: API Gateway needs a "
            "certified name to call them, so the gateway's function answers. Set cluster.certified (name, "
            "certificate_arn) or api.custom_domain; to keep the function, set sizing.capacity.runtime: lambda"
        )


def stand_up(
    settings: Settings,
    base: Mapping[str, pulumi.Output[Any]],
    gateway: GatewayArgs,
    place: PodsPlace,
    options: pulumi.ResourceOptions,
) -> Housed:
    """Create the cluster and load balancers, and with `cluster.workloads` the pods."""
    certified = certified_name(settings)
    if certified is None:
        return Housed()
    from components.api.cluster import Cluster, ClusterArgs
    from components.api.kubernetes_gateway import API_PORT, DIRECT_PORT, PodsDoor

    cluster = Cluster(
        "cluster",
        ClusterArgs(
            names=names_of(settings),
            subnet_ids=place.subnet_ids,
            key_arn=base["functions_key_arn"],
            logs_key_arn=base["logs_key_arn"],
            log_retention_days=settings.sizing.retention.log_days,
            administrators=settings.cluster.administrators,
            reached_from=settings.cluster.reached_from,
            endpoints_group_id=place.endpoints_group_id,
        ),
        options,
    )
    front = _load_balancer(settings, place, cluster, certified, API_PORT, options)
    doors = [PodsDoor("api", API_PORT, front.target_group_arn)]
    direct, door = None, settings.cluster.direct_door
    if door:
        direct = _load_balancer(settings, place, cluster, door, DIRECT_PORT, options)
        doors.append(PodsDoor("direct", DIRECT_PORT, direct.target_group_arn))
        if door.hosted_zone_id:
            direct.record(door.name, door.hosted_zone_id)
    exports: dict[str, pulumi.Input[str]] = {
        "cluster_name": cluster.name,
        "image_repository": cluster.image_repository,
        "image_signing_profile_arn": cluster.signing_profile.arn,
    }
    if not settings.cluster.workloads or front.link is None:
        return Housed(direct_arn=direct.arn if direct else None, exports=exports)
    home = _workloads(settings, gateway, cluster, doors, place, options)
    return Housed(
        Pods(certified.name, front.link.id, front.arn, [home.deployment, *home.bindings]),
        [home.role.arn],
        direct.arn if direct else None,
        exports,
    )


def _load_balancer(
    settings: Settings,
    place: PodsPlace,
    cluster: Any,
    named: CertifiedName | CustomDomain,
    port: int,
    options: pulumi.ResourceOptions,
) -> Any:
    from components.api.load_balancer import LoadBalancer, LoadBalancerArgs, Trust

    direct, private = named == settings.cluster.direct_door, settings.api.exposure == "private"
    what = "direct" if direct else "api"
    mutual = settings.api.mutual_tls if direct else None
    trust = None
    if mutual:
        store = urlsplit(mutual.truststore_uri)
        trust = Trust(store.netloc, store.path.lstrip("/"), mutual.truststore_version)
    return LoadBalancer(
        f"{what}-load-balancer",
        LoadBalancerArgs(
            names=names_of(settings),
            what=f"{what}-pods",
            vpc_id=place.vpc_id,
            subnet_ids=place.front_subnet_ids,
            certificate_arn=named.certificate_arn,
            port=port,
            pods_group_id=cluster.security_group_id,
            cluster_name=cluster.name,
            link_subnet_ids=() if direct else place.subnet_ids,
            internal=private or not direct,
            from_cidrs=(_PRIVATE if private else _INTERNET) if direct else (),
            host=named.name if direct else "",
            paths=DIRECT_PATHS if direct else (),
            trust=trust,
        ),
        options,
    )


def _workloads(
    settings: Settings,
    gateway: GatewayArgs,
    cluster: Any,
    doors: Sequence[Any],
    place: PodsPlace,
    options: pulumi.ResourceOptions,
) -> Any:
    from pulumi_aws import ecr

    from components.api.kubernetes_gateway import KubernetesGateway, KubernetesGatewayArgs

    provider = options.providers[0] if isinstance(options.providers, list) else None
    found = ecr.get_image_output(
        repository_name=cluster.repository.name,
        image_tag=image_tag("gateway", GATEWAY_PACKAGES),
        opts=pulumi.InvokeOutputOptions(provider=provider),
    )
    return KubernetesGateway(
        "kubernetes-gateway",
        KubernetesGatewayArgs(
            gateway=gateway,
            cluster=cluster,
            image=pulumi.Output.concat(cluster.image_repository, "@", found.image_digest),
            doors=doors,
            load_balancer_cidrs=place.front_cidrs,
            replicas_minimum=settings.sizing.capacity.gateway_replicas_minimum,
            replicas_maximum=settings.sizing.capacity.gateway_replicas_maximum,
        ),
        options,
    )

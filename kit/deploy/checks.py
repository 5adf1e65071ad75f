"""Preconditions of a deployment in an account, each checked separately (S.1).

A check asks AWS and never changes anything. What it may not ask is reported as unknown, not as missing.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

import botocore.exceptions

from contract.client import BedrockProvider
from stacks.concurrency import UNRESERVED, wanted
from stacks.network import own_network
from stacks.placement import WITHOUT_VPC_LINKS, names_of
from stacks.pods import certified_name
from stacks.settings import Settings

State = Literal["ok", "warning", "failed", "unknown"]
# Tags of every resource, by which costs are distinguished; AWS shows them in costs only once they are
# activated.
COST_TAGS = ("kit:client", "kit:environment")
_CERTIFICATE_DAYS = 30
_CONCURRENCY_QUOTA = "L-B99A9384"
_SIGNING_PLATFORM = "Notation-OCI-SHA384-ECDSA"
_ADDRESS_QUOTA = "L-0263D0A3"  # elastic addresses of a region; a new account has five
_SECRET_DAYS = 365
_ERRORS = (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError)


class Clients(Protocol):
    """Gives the boto3 client of a service."""

    def __call__(self, service: str) -> Any: ...


@dataclass(frozen=True)
class Check:
    """What was checked, its result, and how to fix it."""

    name: str
    state: State
    detail: str
    fix: str = ""

    def to_dict(self) -> dict[str, str]:
        return asdict(self)


def account_checks(settings: Settings, clients: Clients, *, now: datetime | None = None) -> Iterator[Check]:
    """Yield all checks in order; without credentials the first is the only one."""
    identity = _identity(settings, clients)
    yield identity
    if identity.state == "failed":
        return
    at = now or datetime.now(UTC)
    checks: dict[str, Callable[[], Check]] = {
        "region": lambda: _region(settings, clients),
        "Lambda concurrency": lambda: _concurrency(settings, clients),
        "cost anomaly monitor": lambda: _anomaly_monitor(settings, clients),
        "identity tokens": lambda: _outbound_identity(settings, clients),
        "cost allocation tags": lambda: _cost_tags(clients),
        "certificate": lambda: _certificate(settings, clients, at),
        "models": lambda: _models(settings, clients),
        "API throttling": lambda: _throttling(settings, clients),
        "secrets": lambda: _secrets(settings, clients, at),
    }
    if own_network(settings):
        checks |= {
            "endpoints": lambda: _endpoints(settings, clients),
            "addresses": lambda: _addresses(settings, clients),
        }
    if certified_name(settings):
        checks |= {
            "VPC links": lambda: _vpc_links(settings),
            "image signing": lambda: _signing(settings, clients),
        }
    for name, check in checks.items():
        try:
            yield check()
        except _ERRORS as error:
            yield Check(
                name, "unknown", _reason(error), "give the credentials leave to ask, or look yourself"
            )


def _reason(error: Exception) -> str:
    if isinstance(error, botocore.exceptions.ClientError):
        return str(error.response["Error"].get("Code", "refused"))
    return type(error).__name__


def _identity(settings: Settings, clients: Clients) -> Check:
    try:
        found = clients("sts").get_caller_identity()
    except _ERRORS as error:
        return Check(
            "credentials", "failed", f"AWS gives no identity: {_reason(error)}", "sign in: aws sso login"
        )
    if found["Account"] != settings.account:
        return Check(
            "credentials",
            "failed",
            f"they are of account {found['Account']}, the configuration is for {settings.account}",
            f"choose a profile of {settings.account} (AWS_PROFILE), or correct `account`",
        )
    return Check("credentials", "ok", found["Arn"])


def _region(settings: Settings, clients: Clients) -> Check:
    wanted_regions = sorted({settings.region, settings.replica_region} - {None})
    shown = clients("ec2").describe_regions(AllRegions=True, RegionNames=wanted_regions)["Regions"]
    closed = sorted(one["RegionName"] for one in shown if one["OptInStatus"] == "not-opted-in")
    if closed:
        fix = "; ".join(f"aws account enable-region --region-name {name}" for name in closed)
        return Check("region", "failed", f"not enabled in the account: {', '.join(closed)}", fix)
    return Check("region", "ok", ", ".join(str(one) for one in wanted_regions))


def _concurrency(settings: Settings, clients: Clients) -> Check:
    name = "Lambda concurrency"
    has = clients("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    needs = wanted(settings)
    request = (
        "aws service-quotas request-service-quota-increase --service-code lambda"
        f" --quota-code {_CONCURRENCY_QUOTA} --desired-value {max(1_000, needs)} --region {settings.region}"
    )
    if has < settings.lambda_concurrency:
        return Check(
            name,
            "failed",
            f"the account has {has}, the configuration says {settings.lambda_concurrency}",
            f"set lambda_concurrency: {has}; or ask for more: {request}",
        )
    if has < needs:
        detail = (
            f"the account has {has}; size {settings.size} asks for {needs}, {UNRESERVED} of them unreserved"
        )
        return Check(name, "warning", detail, request)
    if settings.lambda_concurrency < needs:
        detail = f"the account has {has}, the configuration says {settings.lambda_concurrency}"
        return Check(name, "warning", detail, f"set lambda_concurrency: {has}")
    return Check(name, "ok", f"{has}, of which {needs - UNRESERVED} are reserved")


def _anomaly_monitor(settings: Settings, clients: Clients) -> Check:
    name, chosen = "cost anomaly monitor", settings.budget.anomaly_monitor
    monitors = clients("ce").get_anomaly_monitors()["AnomalyMonitors"]
    found = [one["MonitorArn"] for one in monitors if one.get("MonitorDimension") == "SERVICE"]
    if chosen == "create" and found:
        return Check(
            name,
            "failed",
            "the account has one of all services already, and AWS allows no second",
            f"set budget.anomaly_monitor: {found[0]}",
        )
    if chosen.startswith("arn:") and chosen not in {one["MonitorArn"] for one in monitors}:
        return Check(name, "failed", "the account has no such monitor", "set budget.anomaly_monitor: create")
    if chosen == "none":
        use = found[0] if found else "create"
        return Check(
            name, "warning", "nobody is notified of cost anomalies", f"set budget.anomaly_monitor: {use}"
        )
    return Check(name, "ok", chosen)


def _outbound_identity(settings: Settings, clients: Clients) -> Check:
    name, chosen = "identity tokens", settings.claude.outbound_identity
    if chosen == "none":
        return Check(name, "ok", "not needed")
    try:
        clients("iam").get_outbound_web_identity_federation_info()
        enabled = True
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in {"FeatureDisabled", "FeatureDisabledException"}:
            raise
        enabled = False
    if enabled and chosen == "create":
        return Check(
            name,
            "warning",
            "the account issues them already; a deployment that enables them ends them when it leaves",
            "set claude.outbound_identity: existing",
        )
    if not enabled and chosen == "existing":
        return Check(
            name, "failed", "the account does not issue them", "set claude.outbound_identity: create"
        )
    return Check(name, "ok", "issued" if enabled else "will be enabled")


def _cost_tags(clients: Clients) -> Check:
    name = "cost allocation tags"
    found = clients("ce").list_cost_allocation_tags(TagKeys=list(COST_TAGS), Type="UserDefined")
    states = {one["TagKey"]: one["Status"] for one in found["CostAllocationTags"]}
    inactive = [tag for tag in COST_TAGS if states.get(tag) == "Inactive"]
    if inactive:
        return Check(
            name,
            "warning",
            f"not active, so budgets of this deployment see nothing: {', '.join(inactive)}",
            "kit doctor --activate-tags, in the account that pays",
        )
    unseen = [tag for tag in COST_TAGS if tag not in states]
    if unseen:
        return Check(
            name,
            "warning",
            f"AWS has not seen them yet: {', '.join(unseen)}",
            "a day after the first deployment: kit doctor --activate-tags, in the account that pays",
        )
    return Check(name, "ok", "active")


def activate_tags(clients: Clients) -> list[str]:
    """Activate the tags that AWS has seen, and return them. Only the paying account may."""
    found = clients("ce").list_cost_allocation_tags(TagKeys=list(COST_TAGS), Type="UserDefined")
    inactive = [one["TagKey"] for one in found["CostAllocationTags"] if one["Status"] == "Inactive"]
    if inactive:
        status = [{"TagKey": tag, "Status": "Active"} for tag in inactive]
        clients("ce").update_cost_allocation_tags_status(CostAllocationTagsStatus=status)
    return inactive


def _certificate(settings: Settings, clients: Clients, now: datetime) -> Check:
    name, domain = "certificate", settings.api.custom_domain
    if domain is None:
        return Check(name, "ok", "not needed: no domain of one's own")
    found = clients("acm").describe_certificate(CertificateArn=domain.certificate_arn)["Certificate"]
    if found["Status"] != "ISSUED":
        return Check(
            name, "failed", f"{found['Status'].lower()}", "finish its validation, which ACM shows as a record"
        )
    if not _covers([found["DomainName"], *found.get("SubjectAlternativeNames", ())], domain.name):
        return Check(name, "failed", f"it is not for {domain.name}", "ask ACM for one that is")
    left = (found["NotAfter"] - now).days
    if left < _CERTIFICATE_DAYS:
        return Check(
            name, "warning", f"ends in {left} days", "ACM renews what DNS validates: restore its record"
        )
    return Check(name, "ok", f"{left} days left")


def _covers(names: list[str], wanted_name: str) -> bool:
    parent = wanted_name.partition(".")[2]
    return wanted_name in names or f"*.{parent}" in names


def _models(settings: Settings, clients: Clients) -> Check:
    name = "models"
    bedrock = [one for one in settings.claude.providers if isinstance(one, BedrockProvider)]
    if not bedrock:
        return Check(name, "ok", "none on Bedrock")
    missing = []
    for model in sorted({one for provider in bedrock for one in provider.models.values()}):
        found = clients("bedrock").get_foundation_model_availability(modelId=model)
        if found["authorizationStatus"] != "AUTHORIZED" or found["regionAvailability"] != "AVAILABLE":
            missing.append(model)
    if missing:
        return Check(
            name,
            "warning",
            f"not open to the account: {', '.join(missing)}",
            "submit the use case form for Anthropic models in the Bedrock console",
        )
    return Check(name, "ok", "open to the account")


def _throttling(settings: Settings, clients: Clients) -> Check:
    """Check the account's own limit in the region, which precedes ours; in newer regions it is a quarter."""
    name, capacity = "API throttling", settings.sizing.capacity
    limits = clients("apigateway").get_account().get("throttleSettings", {})
    rate, burst = limits.get("rateLimit"), limits.get("burstLimit")
    if rate is None or burst is None:
        return Check(name, "unknown", "API Gateway does not say", "look in Service Quotas")
    if rate < capacity.api_requests_per_second or burst < capacity.api_burst:
        return Check(
            name,
            "warning",
            f"the account has {rate:g} requests a second and a burst of {burst}, size {settings.size} is made"
            f" for {capacity.api_requests_per_second} and {capacity.api_burst}",
            "ask for more in Service Quotas: Amazon API Gateway, Throttle rate and Throttle burst rate",
        )
    return Check(name, "ok", f"{rate:g} requests a second, burst {burst}")


def _secrets(settings: Settings, clients: Clients, now: datetime) -> Check:
    """Check this deployment's secrets by age, except the pepper: a new one would invalidate every key."""
    name, prefix = "secrets", names_of(settings).of("")
    pages = clients("secretsmanager").get_paginator("list_secrets")
    found = [
        one
        for page in pages.paginate(Filters=[{"Key": "name", "Values": [prefix]}])
        for one in page["SecretList"]
        if one["Name"] != f"{prefix}key-pepper"
    ]
    due = sorted(
        one["Name"]
        for one in found
        if "LastChangedDate" in one and (now - one["LastChangedDate"]).days > _SECRET_DAYS
    )
    if due:
        return Check(
            name,
            "warning",
            f"older than {_SECRET_DAYS} days: {', '.join(due)}",
            "runbooks/rotate-a-secret.md",
        )
    return Check(name, "ok", f"{len(found)}, none older than {_SECRET_DAYS} days")


def _endpoints(settings: Settings, clients: Clients) -> Check:
    """Check that the region has every endpoint of the network, in as many zones as the size asks for."""
    from components.api.network import GATEWAYS, INTERFACES  # slow to load

    name, zones = "endpoints", settings.sizing.redundancy.availability_zones
    wanted = [f"com.amazonaws.{settings.region}.{one}" for one in (*GATEWAYS, *INTERFACES)]
    answer = clients("ec2").describe_vpc_endpoint_services(
        Filters=[{"Name": "service-name", "Values": wanted}]
    )
    there = {one["ServiceName"]: len(one.get("AvailabilityZones", ())) for one in answer["ServiceDetails"]}
    missing = [one for one in wanted if one not in there]
    if missing:
        return Check(
            name,
            "failed",
            f"region {settings.region} has no {', '.join(missing)}",
            "choose a region that has them, or network.mode: existing with ways of your own",
        )
    few = [one for one in wanted if there[one] < zones]
    if few:
        return Check(
            name,
            "warning",
            f"in fewer than {zones} zones: {', '.join(few)}",
            "the deployment may stop at a subnet: lower sizing.redundancy.availability_zones",
        )
    return Check(name, "ok", f"{len(wanted)} in {zones} zones or more")


def _addresses(settings: Settings, clients: Clients) -> Check:
    """Check for one Elastic IP address per zone, for its NAT gateway."""
    name, needs = "addresses", settings.sizing.redundancy.availability_zones
    used = clients("ec2").describe_addresses()["Addresses"]
    own = names_of(settings)
    ours = [
        one
        for one in used
        if {"Key": "kit:client", "Value": own.client} in one.get("Tags", ())
        and {"Key": "kit:environment", "Value": own.environment} in one.get("Tags", ())
    ]
    quota = clients("service-quotas").get_service_quota(ServiceCode="ec2", QuotaCode=_ADDRESS_QUOTA)
    room = int(quota["Quota"]["Value"]) - len(used) + len(ours)
    if room < needs:
        return Check(
            name,
            "failed",
            f"the region has room for {room} elastic addresses, size {settings.size} needs {needs}",
            "aws service-quotas request-service-quota-increase --service-code ec2"
            f" --quota-code {_ADDRESS_QUOTA} --desired-value {len(used) - len(ours) + needs}"
            f" --region {settings.region}",
        )
    return Check(name, "ok", f"room for {room}, {needs} needed")


def _vpc_links(settings: Settings) -> Check:
    """Check that API Gateway can reach pods in the region. No operation of AWS answers it: its table does."""
    if settings.region in WITHOUT_VPC_LINKS:
        return Check(
            "VPC links",
            "failed",
            f"AWS's table of VPC links V2 (December 2026) has no zone of {settings.region}, so API Gateway"
            " cannot reach pods",
            "sizing.capacity.runtime: lambda keeps the function; if the table names the region now, remove it"
            " from stacks/placement.py",
        )
    return Check("VPC links", "ok", f"API Gateway has them in {settings.region}")


def _signing(settings: Settings, clients: Clients) -> Check:
    """Check that AWS Signer signs images in the region, which not all regions support."""
    name = "image signing"
    try:
        found = clients("signer").get_signing_platform(platformId=_SIGNING_PLATFORM)
    except botocore.exceptions.EndpointConnectionError:
        return Check(
            name,
            "failed",
            f"AWS Signer is not in {settings.region}, so images of pods cannot be signed",
            "choose another region for pods, or sizing.capacity.runtime: lambda",
        )
    return Check(name, "ok", str(found["platformId"]))

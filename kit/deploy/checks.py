"""What an account must have before a deployment, each thing checked by itself (S.1).

A check asks AWS and never changes anything. What it may not ask is reported as unknown, not as missing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

import botocore.exceptions

from contract.client import BedrockProvider
from stacks.concurrency import UNRESERVED, wanted
from stacks.settings import Settings

State = Literal["ok", "warning", "failed", "unknown"]
# Tags of every resource, by which costs are distinguished; AWS shows them in costs only once they are
# activated.
COST_TAGS = ("kit:client", "kit:environment")
_CERTIFICATE_DAYS = 30
_CONCURRENCY_QUOTA = "L-B99A9384"
_ERRORS = (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError)


class Clients(Protocol):
    """Gives the boto3 client of a service."""

    def __call__(self, service: str) -> Any: ...


@dataclass(frozen=True)
class Check:
    """What was looked at, how it is, and what to do where it is not as it should be."""

    name: str
    state: State
    detail: str
    fix: str = ""

    def to_dict(self) -> dict[str, str]:
        return asdict(self)


def account_checks(settings: Settings, clients: Clients, *, now: datetime | None = None) -> Iterator[Check]:
    """All checks, in order; without credentials the first is the only one."""
    identity = _identity(settings, clients)
    yield identity
    if identity.state == "failed":
        return
    at = now or datetime.now(UTC)
    checks: Mapping[str, Callable[[], Check]] = {
        "region": lambda: _region(settings, clients),
        "Lambda concurrency": lambda: _concurrency(settings, clients),
        "cost anomaly monitor": lambda: _anomaly_monitor(settings, clients),
        "identity tokens": lambda: _outbound_identity(settings, clients),
        "cost allocation tags": lambda: _cost_tags(clients),
        "certificate": lambda: _certificate(settings, clients, at),
        "models": lambda: _models(settings, clients),
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
    """Activate those that AWS has seen, and say which. Only the account that pays may."""
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

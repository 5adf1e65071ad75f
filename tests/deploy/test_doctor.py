"""`kit doctor` says before a deployment what would stop it, and how to put it right (S.1). AWS's answers are
held against botocore's models of its services, so that no answer is made up that AWS cannot give.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber

from components.api.network import GATEWAYS, INTERFACES
from kit.deploy.checks import Check, account_checks, activate_tags
from stacks.settings import Settings
from stacks.settings.loading import RawConfig, as_config, read_settings

NOW = datetime(2026, 11, 30, tzinfo=UTC)
ACCOUNT = "111122223333"
MONITOR = f"arn:aws:ce::{ACCOUNT}:anomalymonitor/0a1b2c3d-1111-2222-3333-444455556666"
CERTIFICATE = f"arn:aws:acm:eu-central-1:{ACCOUNT}:certificate/0a1b2c3d-1111-2222-3333-444455556666"
DOMAIN = {"custom_domain": {"name": "api.example.com", "certificate_arn": CERTIFICATE}}


def settings(**changes: Any) -> Settings:
    chosen = {"stage": "foundation", "client": "example", "size": "small", **changes}
    return read_settings(RawConfig(as_config(chosen)))


# What a sound account answers: service, operation, answer or the code of an error.
SOUND: Mapping[str, tuple[str, Any]] = {
    "sts": ("get_caller_identity", {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/one"}),
    "ec2": ("describe_regions", {"Regions": [{"RegionName": "eu-central-1", "OptInStatus": "opted-in"}]}),
    "lambda": ("get_account_settings", {"AccountLimit": {"ConcurrentExecutions": 1_000}}),
    "ce": ("get_anomaly_monitors", {"AnomalyMonitors": []}),
    "iam": ("get_outbound_web_identity_federation_info", "FeatureDisabled"),
    "apigateway": ("get_account", {"throttleSettings": {"rateLimit": 10_000.0, "burstLimit": 5_000}}),
    "secretsmanager": ("list_secrets", {"SecretList": []}),
    "bedrock": (
        "get_foundation_model_availability",
        {
            "modelId": "m",
            "agreementAvailability": {"status": "AVAILABLE"},
            "authorizationStatus": "AUTHORIZED",
            "entitlementAvailability": "AVAILABLE",
            "regionAvailability": "AVAILABLE",
        },
    ),
    "acm": (
        "describe_certificate",
        {
            "Certificate": {
                "DomainName": "*.example.com",
                "Status": "ISSUED",
                "NotAfter": NOW + timedelta(days=200),
            }
        },
    ),
}
TAGS = {
    "CostAllocationTags": [
        {"TagKey": key, "Type": "UserDefined", "Status": "Active"}
        for key in ("kit:client", "kit:environment")
    ]
}


class Account:
    """Clients whose answers are stubbed, each checked against the service's own model."""

    def __init__(self, stack: ExitStack, **changes: Any) -> None:
        self._stack = stack
        self._answers = {
            service: (call, changes.get(service, told)) for service, (call, told) in SOUND.items()
        }
        self._tags = changes.get("tags", TAGS)
        self._made: dict[str, Any] = {}
        self.stubs: dict[str, Stubber] = {}

    def __call__(self, service: str) -> Any:
        if service not in self._made:
            client = self.client(service)
            stub = self.stubs[service] = Stubber(client)
            operation, answer = self._answers[service]
            for _ in range(4 if service == "bedrock" else 1):
                self._add(stub, operation, answer)
            if service == "ce":
                self._add(stub, "list_cost_allocation_tags", self._tags)
            self._stack.enter_context(stub)
            self._made[service] = client
        return self._made[service]

    @staticmethod
    @cache
    def client(service: str) -> Any:
        """One for all tests: to read a service's model takes longer than the tests."""
        return botocore.session.get_session().create_client(
            service, region_name="eu-central-1", aws_access_key_id="none", aws_secret_access_key="none"
        )

    @staticmethod
    def _add(stub: Stubber, operation: str, answer: Any) -> None:
        if isinstance(answer, str):
            stub.add_client_error(operation, service_error_code=answer)
        else:
            stub.add_response(operation, answer)


def checked(chosen: Settings, **changes: Any) -> dict[str, Check]:
    with ExitStack() as stack:
        return {one.name: one for one in account_checks(chosen, Account(stack, **changes), now=NOW)}


def test_a_sound_account_is_ready() -> None:
    found = checked(settings(budget={"anomaly_monitor": "create"}, api=DOMAIN))
    assert {one.name: one.state for one in found.values()} == dict.fromkeys(found, "ok")
    assert len(found) == 10


def test_credentials_of_another_account_end_it() -> None:
    (only,) = checked(
        settings(), sts={"Account": "9" * 12, "Arn": "arn:aws:iam::999999999999:user/one"}
    ).values()
    assert only.state == "failed"
    assert ACCOUNT in only.detail


def test_a_new_accounts_quota_is_reported_with_the_request_that_raises_it() -> None:
    new = {"AccountLimit": {"ConcurrentExecutions": 10}}
    found = checked(settings(lambda_concurrency=1_000), **{"lambda": new})["Lambda concurrency"]
    assert found.state == "failed"
    assert "aws service-quotas request-service-quota-increase --service-code lambda" in found.fix
    assert "lambda_concurrency: 10" in found.fix


def test_it_deploys_with_the_quota_of_a_new_account_and_says_what_is_missing() -> None:
    new = {"AccountLimit": {"ConcurrentExecutions": 10}}
    found = checked(settings(lambda_concurrency=10), **{"lambda": new})["Lambda concurrency"]
    assert found.state == "warning"


@pytest.mark.parametrize(
    ("chosen", "state", "fix"),
    [("create", "failed", MONITOR), ("none", "warning", MONITOR), (MONITOR, "ok", "")],
)
def test_the_accounts_own_anomaly_monitor_is_found(chosen: str, state: str, fix: str) -> None:
    own = {
        "MonitorArn": MONITOR,
        "MonitorName": "Default-Services-Monitor",
        "MonitorType": "DIMENSIONAL",
        "MonitorDimension": "SERVICE",
    }
    found = checked(settings(budget={"anomaly_monitor": chosen}), ce={"AnomalyMonitors": [own]})
    assert found["cost anomaly monitor"].state == state
    assert fix in found["cost anomaly monitor"].fix


def test_tags_that_are_not_active_are_reported_and_activated() -> None:
    inactive = {
        "CostAllocationTags": [
            {"TagKey": key, "Type": "UserDefined", "Status": "Inactive"}
            for key in ("kit:client", "kit:environment")
        ]
    }
    assert checked(settings(), tags=inactive)["cost allocation tags"].state == "warning"
    assert checked(settings(), tags={"CostAllocationTags": []})["cost allocation tags"].fix.startswith(
        "a day after"
    )
    client = Account.client("ce")
    stub = Stubber(client)
    stub.add_response("list_cost_allocation_tags", inactive)
    stub.add_response(
        "update_cost_allocation_tags_status",
        {"Errors": []},
        {
            "CostAllocationTagsStatus": [
                {"TagKey": "kit:client", "Status": "Active"},
                {"TagKey": "kit:environment", "Status": "Active"},
            ]
        },
    )
    with stub:
        assert activate_tags(Account.client) == ["kit:client", "kit:environment"]
    stub.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"Status": "PENDING_VALIDATION"}, "failed"),
        ({"DomainName": "other.example.org"}, "failed"),
        ({"NotAfter": NOW + timedelta(days=7)}, "warning"),
    ],
)
def test_a_certificate_that_is_not_good_is_reported(changes: dict[str, Any], state: str) -> None:
    certificate = {**SOUND["acm"][1]["Certificate"], **changes}
    found = checked(settings(api=DOMAIN), acm={"Certificate": certificate})
    assert found["certificate"].state == state


def test_what_may_not_be_asked_is_unknown_and_stops_nothing() -> None:
    found = checked(settings(), ce="AccessDeniedException", bedrock="AccessDeniedException")
    assert found["cost anomaly monitor"].state == "unknown"
    assert found["models"].state == "unknown"


def test_a_closed_region_is_reported() -> None:
    closed = {"Regions": [{"RegionName": "eu-central-1", "OptInStatus": "not-opted-in"}]}
    found = checked(settings(), ec2=closed)["region"]
    assert found.state == "failed"
    assert "enable-region" in found.fix


ENDPOINTS = [f"com.amazonaws.eu-central-1.{one}" for one in (*GATEWAYS, *INTERFACES)]
ZONES = ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
OURS = [{"Key": "kit:client", "Value": "example"}, {"Key": "kit:environment", "Value": "production"}]


def of_network(size: str, zones: Mapping[str, list[str]], addresses: list[Any]) -> Any:
    """What is said of endpoints and addresses where the region answers so; the quota is a new account's."""
    clients = {name: Account.client(name) for name in ("ec2", "service-quotas", "signer")}
    with ExitStack() as stubs:
        account = Account(stubs)
        for name, answers in {
            "ec2": [
                SOUND["ec2"],
                (
                    "describe_vpc_endpoint_services",
                    {
                        "ServiceDetails": [
                            {"ServiceName": k, "AvailabilityZones": v} for k, v in zones.items()
                        ]
                    },
                ),
                ("describe_addresses", {"Addresses": addresses}),
            ],
            "service-quotas": [("get_service_quota", {"Quota": {"Value": 5.0}})],
            "signer": [("get_signing_platform", {"platformId": "Notation-OCI-SHA384-ECDSA"})],
        }.items():
            stub = Stubber(clients[name])
            for operation, answer in answers:
                stub.add_response(operation, answer)
            stubs.enter_context(stub)
        asked = account_checks(
            settings(size=size, api=DOMAIN), lambda service: clients.get(service) or account(service), now=NOW
        )
        return {one.name: one for one in asked}


def test_a_region_with_all_that_a_network_needs_is_ready() -> None:
    found = of_network("enterprise", dict.fromkeys(ENDPOINTS, ZONES), [{"Tags": OURS}] * 3)
    assert {found[one].state for one in ("endpoints", "addresses", "image signing")} == {"ok"}


def test_a_region_in_which_api_gateway_cannot_reach_pods_is_reported() -> None:
    certificate = DOMAIN["custom_domain"]["certificate_arn"].replace("eu-central-1", "eu-south-1")
    there, portal = (
        {"custom_domain": {"name": name, "certificate_arn": certificate}}
        for name in ("api.example.com", "portal.example.com")
    )
    chosen = settings(size="enterprise", region="eu-south-1", api=there, portal=portal)
    with ExitStack() as stubs:
        asked = account_checks(chosen, Account(stubs), now=NOW)
        found = next(one for one in asked if one.name == "VPC links")
    assert found.state == "failed"
    assert "sizing.capacity.runtime: lambda" in found.fix
    assert of_network("enterprise", dict.fromkeys(ENDPOINTS, ZONES), [])["VPC links"].state == "ok"


def test_a_region_that_lacks_an_endpoint_or_has_it_in_too_few_zones_is_reported() -> None:
    lacking = {one: ZONES for one in ENDPOINTS if "bedrock" not in one}
    found = of_network("medium", lacking, [])["endpoints"]
    assert found.state == "failed"
    assert "com.amazonaws.eu-central-1.bedrock-runtime" in found.detail
    few = dict.fromkeys(ENDPOINTS, ZONES) | {"com.amazonaws.eu-central-1.kms": ZONES[:1]}
    assert of_network("medium", few, [])["endpoints"].state == "warning"


def test_an_account_whose_addresses_others_use_is_told_how_many_to_ask_for() -> None:
    others = [{"Tags": [{"Key": "Name", "Value": "other"}]}] * 4
    found = of_network("medium", dict.fromkeys(ENDPOINTS, ZONES), [*others, {"Tags": OURS}])
    assert found["addresses"].state == "failed"
    assert "--desired-value 6" in found["addresses"].fix


def test_an_account_that_throttles_before_the_size_is_reported() -> None:
    slow = {"throttleSettings": {"rateLimit": 1.0, "burstLimit": 1}}
    found = checked(settings(), apigateway=slow)["API throttling"]
    assert found.state == "warning"
    assert "Throttle rate" in found.fix


def test_a_secret_that_is_due_is_reported_and_the_pepper_is_not() -> None:
    old = NOW - timedelta(days=400)
    listed = {
        "SecretList": [
            {"Name": f"example-production-{what}", "LastChangedDate": changed}
            for what, changed in {"key-pepper": old, "scim-token": old, "marketing-workflow-key": NOW}.items()
        ]
    }
    found = checked(settings(), secretsmanager=listed)["secrets"]
    assert found.state == "warning"
    assert "example-production-scim-token" in found.detail
    assert "pepper" not in found.detail
    assert "marketing" not in found.detail

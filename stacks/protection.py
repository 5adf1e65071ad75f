"""Web ACL and alarms of the API (L1.6, L1.8)."""

from collections.abc import Mapping
from typing import Any

import pulumi

from components.api.alarms import ApiAlarms, ApiAlarmsArgs
from components.api.analytics import Analytics
from components.api.rest_api import BODY_LIMIT, PODS_BODY_LIMIT, RestApi
from lambdas.gateway.settings import OPEN_BODY_LIMIT
from stacks import pods
from stacks.placement import names_of
from stacks.settings import Settings

Outputs = Mapping[str, pulumi.Output[Any]]


def guard(
    settings: Settings,
    base: Outputs,
    api: RestApi,
    analytics: Analytics,
    housed: pods.Housed,
    options: pulumi.ResourceOptions,
) -> None:
    """Create the API's web ACL, which also protects its direct entry point, and the API's alarms."""
    names, plan = names_of(settings), settings.sizing
    doors: list[tuple[str, str, pulumi.Input[str], int]] = []
    if plan.detection.web_acl:
        limit = PODS_BODY_LIMIT if housed.pods else BODY_LIMIT
        doors.append(("web-acl", "api", api.stage.arn, limit))
    if plan.detection.web_acl and housed.direct_arn is not None:
        doors.append(("direct-web-acl", "direct", housed.direct_arn, OPEN_BODY_LIMIT))
    for name, what, arn, limit in doors:
        from components.api.web_acl import WebAcl, WebAclArgs  # slow to import, so only where needed

        WebAcl(
            name,
            WebAclArgs(
                names,
                arn,
                base["logs_key_arn"],
                plan.retention.log_days,
                requests_per_address=plan.capacity.api_requests_per_address,
                scim_requests_per_address=plan.capacity.scim_requests_per_address,
                what=what,
                body_limit=limit,
            ),
            options,
        )
    ApiAlarms(
        "api-alarms",
        ApiAlarmsArgs(
            names=names,
            topic_arn=base["alarm_topic_arn"],
            api_name=names.of("api"),
            alarms=plan.alarms,
            monthly_budget_microusd=settings.budget.organization_monthly_microusd,
            delivery_streams={"records": analytics.stream.name, "access-log": analytics.access_log.name},
        ),
        options,
    )

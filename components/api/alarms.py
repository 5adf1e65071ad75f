"""Alarms over the API as a whole. Each function has its own in addition."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_aws import cloudwatch

from components.base import KitComponent, Names, refuse
from contract.sizes import Alarms

# Namespace of the metrics in the gateway's access log (lambdas/gateway/access_log.py).
NAMESPACE = "ClaudeEnterpriseKit"
_PERIOD = 60


@dataclass(frozen=True)
class ApiAlarmsArgs:
    """`alarms` are the thresholds of the size or the client. `monthly_budget_microusd` is the
    organisation's; an alarm is raised if spending runs ahead of it.
    """

    names: Names
    topic_arn: pulumi.Input[str]
    api_name: str
    alarms: Alarms
    monthly_budget_microusd: int
    delivery_streams: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)


class ApiAlarms(KitComponent):
    """Alarms on errors, latency, throttling, spending and delivery (L1.6, L1.8).

    Creates: alarms on the share of 5xx answers, the latency that API Gateway adds, throttled requests,
    requests that inspection stopped, records that were lost, spending within a day, and late delivery of
    each Firehose stream; one composite alarm that is on while any of the first two is, for the people on
    call.
    Default posture: all go to the alarm topic, also when they end; silence is not an alarm, because a quiet
    night is none.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: ApiAlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(
            f"ApiAlarms {name}",
            [
                (
                    0 < args.alarms.gateway_error_percent <= 100,
                    f"error_percent: {args.alarms.gateway_error_percent} is not in 1..100",
                ),
                (
                    args.alarms.evaluation_minutes > 0,
                    f"evaluation_minutes: {args.alarms.evaluation_minutes} is not over 0",
                ),
                (
                    args.alarms.gateway_overhead_p95_ms > 0,
                    f"overhead_p95_ms: {args.alarms.gateway_overhead_p95_ms} is not over 0",
                ),
            ],
        )
        super().__init__(name, opts)
        self._name, self._args = name, args
        api = {"ApiName": args.api_name}
        errors = self._share_of_errors(api)
        overhead = self._overhead(api)
        throttled = self._metric_alarm(
            "throttled",
            "Refusals",
            NAMESPACE,
            {"environment": args.names.environment},
            threshold=max(100, 10 * args.alarms.evaluation_minutes),
            statistic="Sum",
            description="Many refusals: a limit is too low, a budget is used up, or somebody probes",
        )
        blocked = self._metric_alarm(
            "blocked",
            "Blocked",
            NAMESPACE,
            {"environment": args.names.environment},
            threshold=max(20, 5 * args.alarms.evaluation_minutes),
            statistic="Sum",
            description="Inspection stops many requests: somebody tries to send what may not leave, or the "
            "inspection is wrong about a new kind of text",
        )
        unlisted = self._metric_alarm(
            "unlisted",
            "Unlisted",
            NAMESPACE,
            {"environment": args.names.environment},
            threshold=0,
            statistic="Sum",
            description="A client uses a field, tool or beta that the request contract does not list. Lines "
            "of type unlisted in the gateway's log hold the command that allows it: kit contract allow KIND "
            "NAME --approved-by NAME --reason WHY",
        )
        unrecorded = self._unrecorded()
        spending = self._spending()
        late = [self._late(label, stream) for label, stream in args.delivery_streams.items()]
        cloudwatch.CompositeAlarm(
            f"{name}-impaired",
            alarm_name=args.names.of("api-impaired"),
            alarm_description="Callers of Claude see errors or delays",
            alarm_rule=pulumi.Output.concat('ALARM("', errors.name, '") OR ALARM("', overhead.name, '")'),
            alarm_actions=[args.topic_arn],
            ok_actions=[args.topic_arn],
            opts=self.child(),
        )
        self.alarms = [errors, overhead, throttled, blocked, unlisted, unrecorded, spending, *late]
        self.register_outputs({"count": len(self.alarms)})

    def _share_of_errors(self, api: Mapping[str, str]) -> cloudwatch.MetricAlarm:
        def metric(label: str, metric_name: str) -> Any:
            return {
                "id": label,
                "metric": {
                    "namespace": "AWS/ApiGateway",
                    "metric_name": metric_name,
                    "dimensions": dict(api),
                    "period": _PERIOD,
                    "stat": "Sum",
                },
            }

        share: Any = {
            "id": "share",
            "expression": "100 * errors / MAX([requests, 1])",
            "label": "5xx answers in per cent",
            "return_data": True,
        }
        return cloudwatch.MetricAlarm(
            f"{self._name}-errors",
            name=self._args.names.of("api-errors"),
            alarm_description="5xx rate above its threshold",
            metric_queries=[share, metric("errors", "5XXError"), metric("requests", "Count")],
            threshold=self._args.alarms.gateway_error_percent,
            **self._common(),
        )

    def _overhead(self, api: Mapping[str, str]) -> cloudwatch.MetricAlarm:
        def metric(label: str, metric_name: str) -> Any:
            return {
                "id": label,
                "metric": {
                    "namespace": "AWS/ApiGateway",
                    "metric_name": metric_name,
                    "dimensions": dict(api),
                    "period": _PERIOD,
                    "stat": "p95",
                },
            }

        added: Any = {"id": "added", "expression": "total - behind", "label": "added ms", "return_data": True}
        return cloudwatch.MetricAlarm(
            f"{self._name}-overhead",
            name=self._args.names.of("api-overhead"),
            alarm_description="The API itself has become slow; Claude's own time is not counted",
            metric_queries=[added, metric("total", "Latency"), metric("behind", "IntegrationLatency")],
            threshold=self._args.alarms.gateway_overhead_p95_ms,
            **self._common(),
        )

    def _spending(self) -> cloudwatch.MetricAlarm:
        """Return the spending alarm: usage is uneven, so it tolerates a day at three times its share of the
        month.
        """
        args = self._args
        share = args.monthly_budget_microusd * args.alarms.budget_warning_percent // 100
        return cloudwatch.MetricAlarm(
            f"{self._name}-spending",
            name=args.names.of("api-spending"),
            alarm_description="Daily spend exceeds the run rate of the monthly budget",
            namespace=NAMESPACE,
            metric_name="CostMicroUSD",
            dimensions={"environment": args.names.environment},
            statistic="Sum",
            period=24 * 3600,
            evaluation_periods=1,
            comparison_operator="GreaterThanThreshold",
            threshold=max(1, share // 10),
            treat_missing_data="notBreaching",
            alarm_actions=[args.topic_arn],
            ok_actions=[args.topic_arn],
            opts=self.child(),
        )

    def _unrecorded(self) -> cloudwatch.MetricAlarm:
        return cloudwatch.MetricAlarm(
            f"{self._name}-unrecorded",
            name=self._args.names.of("api-unrecorded"),
            alarm_description="The audit store does not take records, so the gateway refuses calls",
            namespace=NAMESPACE,
            metric_name="AuditFailures",
            dimensions={"environment": self._args.names.environment},
            statistic="Sum",
            period=_PERIOD,
            threshold=self._args.alarms.audit_write_failures,
            **{
                **self._common(),
                "comparison_operator": "GreaterThanOrEqualToThreshold",
                "evaluation_periods": 1,
            },
        )

    def _late(self, label: str, stream: pulumi.Input[str]) -> cloudwatch.MetricAlarm:
        return self._metric_alarm(
            f"late-{label}",
            "DeliveryToS3.DataFreshness",
            "AWS/Firehose",
            {"DeliveryStreamName": stream},
            threshold=900,
            statistic="Maximum",
            description="Copies wait for more than 15 minutes; the bucket of record is not affected",
        )

    def _metric_alarm(
        self,
        what: str,
        metric: str,
        namespace: str,
        dimensions: Mapping[str, pulumi.Input[str]],
        *,
        threshold: int,
        statistic: str,
        description: str,
    ) -> cloudwatch.MetricAlarm:
        return cloudwatch.MetricAlarm(
            f"{self._name}-{what}",
            name=self._args.names.of(f"api-{what}"),
            alarm_description=description,
            namespace=namespace,
            metric_name=metric,
            dimensions=dict(dimensions),
            statistic=statistic,
            period=_PERIOD,
            threshold=threshold,
            **self._common(),
        )

    def _common(self) -> dict[str, Any]:
        return {
            "comparison_operator": "GreaterThanThreshold",
            "evaluation_periods": self._args.alarms.evaluation_minutes,
            "treat_missing_data": "notBreaching",
            "alarm_actions": [self._args.topic_arn],
            "ok_actions": [self._args.topic_arn],
            "opts": self.child(),
        }

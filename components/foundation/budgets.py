"""AWS budgets and cost anomaly detection: the backstop behind the gateway's own ledger, which enforces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import budgets, costexplorer

from components.base import KitComponent, Names, refuse

_MICROUSD = 1_000_000


@dataclass(frozen=True)
class BudgetsArgs:
    """Amounts in micro-dollars per month. `emails` are notified in addition to the alarm topic (AWS allows
    ten).
    """

    names: Names
    topic_arn: pulumi.Input[str]
    claude_microusd: int
    infrastructure_microusd: int
    warning_percent: int = 80
    anomaly_percent: int = 40
    anomaly_monitor: str = "none"  # `none`, `create`, or the ARN of the account's existing monitor
    emails: Sequence[str] = ()


class Budgets(KitComponent):
    """AWS budgets with notices, and cost anomaly detection (L1.6, Z.2).

    Creates: a monthly budget of the kit's infrastructure and one of Claude through AWS (Bedrock, Claude
    Platform on AWS), each with notices at the warning share, at 100 per cent and at 100 per cent forecast;
    where the account's monitor of all services is named, a subscription to it, or else the monitor as well.
    Default posture: notices go to the alarm topic. AWS budgets lag by hours and never see invoices of the
    Anthropic API itself: the ledger refuses, these only tell.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: BudgetsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(
            f"Budgets {name}",
            [
                (
                    args.claude_microusd >= _MICROUSD,
                    f"claude_microusd: {args.claude_microusd} is under one dollar",
                ),
                (
                    args.infrastructure_microusd >= _MICROUSD,
                    f"infrastructure_microusd: {args.infrastructure_microusd} is under one dollar",
                ),
                (
                    0 < args.warning_percent <= 100,
                    f"warning_percent: {args.warning_percent} is not in 1..100",
                ),
                (
                    0 < args.anomaly_percent <= 100,
                    f"anomaly_percent: {args.anomaly_percent} is not in 1..100",
                ),
            ],
        )
        super().__init__(name, opts)
        tagged = {"TagKeyValue": [f"user:kit:client${args.names.client}"]}
        claude = {"Service": ["Amazon Bedrock", "Claude Platform on AWS"]}
        self.infrastructure = self._budget(name, "infrastructure", args.infrastructure_microusd, tagged, args)
        self.claude = self._budget(name, "claude", args.claude_microusd, claude, args)
        if args.anomaly_monitor != "none":
            self._watch_anomalies(name, args)
        self.register_outputs({"infrastructure": self.infrastructure.name, "claude": self.claude.name})

    def _watch_anomalies(self, name: str, args: BudgetsArgs) -> None:
        """Subscribe to anomalies. An account has at most one monitor of its services; AWS creates it for
        new accounts.
        """
        monitor_arn: pulumi.Input[str] = args.anomaly_monitor
        if args.anomaly_monitor == "create":
            monitor_arn = costexplorer.AnomalyMonitor(
                f"{name}-anomalies",
                name=args.names.of("anomalies"),
                monitor_type="DIMENSIONAL",
                monitor_dimension="SERVICE",
                opts=self.child(),
            ).arn
        costexplorer.AnomalySubscription(
            f"{name}-anomaly-notices",
            name=args.names.of("anomaly-notices"),
            frequency="IMMEDIATE",  # the only frequency that SNS supports
            monitor_arn_lists=[monitor_arn],
            subscribers=[{"type": "SNS", "address": args.topic_arn}],
            threshold_expression={
                "dimension": {
                    "key": "ANOMALY_TOTAL_IMPACT_PERCENTAGE",
                    "match_options": ["GREATER_THAN_OR_EQUAL"],
                    "values": [str(args.anomaly_percent)],
                }
            },
            opts=self.child(),
        )

    def _budget(
        self, name: str, what: str, microusd: int, filters: Mapping[str, list[str]], args: BudgetsArgs
    ) -> budgets.Budget:
        def notice(kind: str, percent: int) -> budgets.BudgetNotificationArgsDict:
            return {
                "comparison_operator": "GREATER_THAN",
                "notification_type": kind,
                "threshold": percent,
                "threshold_type": "PERCENTAGE",
                "subscriber_sns_topic_arns": [args.topic_arn],
                "subscriber_email_addresses": list(args.emails),
            }

        notices = [notice("ACTUAL", 100), notice("FORECASTED", 100)]
        if args.warning_percent != 100:
            notices.insert(0, notice("ACTUAL", args.warning_percent))
        return budgets.Budget(
            f"{name}-{what}",
            name=args.names.of(what),
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=f"{microusd // _MICROUSD}.{microusd % _MICROUSD // 10_000:02d}",
            limit_unit="USD",
            cost_filters=[{"name": key, "values": values} for key, values in filters.items()],
            notifications=notices,
            opts=self.child(),
        )

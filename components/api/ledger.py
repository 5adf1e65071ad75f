"""The three tables that say who may call and how much budget is left."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import dynamodb

from components.base import KitComponent, Names
from contract.sizes import Sizing


@dataclass(frozen=True)
class LedgerArgs:
    """`key_arn` encrypts all three tables. `plan` sets point-in-time recovery, deletion protection and
    whether throttled keys of `ledger` are reported.
    """

    names: Names
    key_arn: pulumi.Input[str]
    plan: Sizing


class Ledger(KitComponent):
    """Budgets and rates, access records, wrapped subject keys (L1.5, L1.6, G.4, L2.5).

    Creates: tables `ledger`, `access`, `subject-keys`, each with string keys `pk` and `sk`; optionally
    a report of the keys of `ledger` that are throttled, which hold the counters of whom or what is busiest.
    Default posture: on demand, customer-managed key, 35 days of point-in-time recovery, deletion
    protection; protected and retained. Items of `ledger` may carry `ttl` (epoch seconds) and then go by
    themselves; subject keys never do, because a lost key is an erased person. The recovery window of
    `subject-keys` is one day only, and `kit audit erase` waits it out before it calls a person erased.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: LedgerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        days = args.plan.retention.table_recovery_days
        self.ledger = self._table(name, "ledger", args, expires=True, recovery_days=days)
        self.access = self._table(name, "access", args, recovery_days=days)
        self.subject_keys = self._table(name, "subject-keys", args, recovery_days=1)
        if args.plan.detection.contributor_insights:
            dynamodb.ContributorInsights(
                f"{name}-ledger-insights",
                table_name=self.ledger.name,
                mode="THROTTLED_KEYS",
                opts=self.child(),
            )
        self.register_outputs(
            {"ledger": self.ledger.name, "access": self.access.name, "subjectKeys": self.subject_keys.name}
        )

    def exports(self) -> dict[str, pulumi.Output[str]]:
        """Return name and ARN of each table, as stages export them and functions take them."""
        return {
            "ledger_table_name": self.ledger.name,
            "ledger_table_arn": self.ledger.arn,
            "access_table_name": self.access.name,
            "access_table_arn": self.access.arn,
            "subject_keys_table_name": self.subject_keys.name,
            "subject_keys_table_arn": self.subject_keys.arn,
        }

    def _table(
        self, name: str, what: str, args: LedgerArgs, *, expires: bool = False, recovery_days: int
    ) -> dynamodb.Table:
        return dynamodb.Table(
            f"{name}-{what}",
            name=args.names.of(what),
            billing_mode="PAY_PER_REQUEST",
            hash_key="pk",
            range_key="sk",
            attributes=[{"name": "pk", "type": "S"}, {"name": "sk", "type": "S"}],
            server_side_encryption={"enabled": True, "kms_key_arn": args.key_arn},
            point_in_time_recovery={"enabled": True, "recovery_period_in_days": recovery_days},
            deletion_protection_enabled=args.plan.redundancy.table_deletion_protection,
            ttl={"enabled": True, "attribute_name": "ttl"} if expires else None,
            opts=self.kept(),
        )

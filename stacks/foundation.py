"""Stage `foundation`: keys, evidence, secrets, budgets, roles, and documents for approval (S.1)."""

from dataclasses import replace
from pathlib import Path

import pulumi

from components.foundation.audit_store import AuditStore, AuditStoreArgs
from components.foundation.boundary import Boundary, BoundaryArgs
from components.foundation.budgets import Budgets, BudgetsArgs
from components.foundation.governance_store import (
    GovernanceStore,
    GovernanceStoreArgs,
    PublishedText,
    PublishedTextArgs,
)
from components.foundation.keys import KeyRing, KeyRingArgs
from components.foundation.notifications import Notifications, NotificationsArgs
from components.foundation.outbound_identity import OutboundIdentity
from components.foundation.roles import Roles, RolesArgs
from components.foundation.secrets import Secrets, SecretsArgs
from components.foundation.tampering import Tampering, TamperingArgs
from components.foundation.trail import Trail, TrailArgs
from components.identity.identity_center import IdentityCenter, IdentityCenterArgs
from components.identity.saml_console import SamlConsole, SamlConsoleArgs
from components.permissions import canonical_json
from components.storage import Lifecycle, PrivateBucket, PrivateBucketArgs
from components.workflow.department import bucket_what
from contract.client import IdentityCenterAccess, SamlConsoleAccess
from contract.in_force import in_force, key_in_force
from stacks import contracts, gates
from stacks.library import documents_of
from stacks.placement import names_of, stage_options
from stacks.settings import Settings

GATE_RECORD_KEY = "gates/foundation.json"


def main(settings: Settings) -> None:
    """Create the foundation and export its contract."""
    record = gates.require_open("foundation", settings)
    names, options, plan = names_of(settings), stage_options(settings), settings.sizing
    keys = KeyRing("keys", KeyRingArgs(names, deletion_window_days=plan.retention.key_deletion_days), options)
    boundary = Boundary("boundary", BoundaryArgs(names, regions_of(settings)), options)
    audit = AuditStore("audit", _audit(settings, keys, boundary), options)
    governance = GovernanceStore(
        "governance",
        GovernanceStoreArgs(
            names,
            keys.arns["governance"],
            plan.retention.governance_versions_days,
            documents_of(settings),
        ),
        options,
    )
    PublishedText(
        "gate-record",
        PublishedTextArgs(
            governance.bucket_name, keys.arns["governance"], GATE_RECORD_KEY, canonical_json(record)
        ),
        options,
    )
    PublishedText(
        "in-force",
        PublishedTextArgs(
            governance.bucket_name,
            keys.arns["governance"],
            key_in_force("foundation"),
            canonical_json(in_force(settings, plan, "foundation")),
        ),
        options,
    )
    analytics = PrivateBucket("analytics", _copies(settings, keys, "analytics"), options)
    access_logs = PrivateBucket("access-logs", _copies(settings, keys, "access-logs"), options)
    secrets = Secrets(
        "secrets",
        SecretsArgs(
            names,
            keys.arns["secrets"],
            plan.retention.secret_recovery_days,
            embeddings=settings.claude.embeddings_url is not None,
        ),
        options,
    )
    notifications = Notifications(
        "notifications", NotificationsArgs(names, keys.arns["messages"], settings.contacts.alarms), options
    )
    _watch(settings, keys, audit, governance, notifications, options)
    saml = _console(settings, options)
    roles = replace(_roles(settings, keys, boundary), saml_provider_arn=saml.arn if saml else None)
    Roles("coe", roles, options)
    _identity_center(settings, roles, boundary, options)
    create = settings.claude.outbound_identity == "create"
    outbound = OutboundIdentity("outbound-identity", options) if create else None
    contracts.export(
        "foundation",
        {
            **contracts.identity(settings),
            **{f"{purpose.replace('-', '_')}_key_arn": keys.arns[purpose] for purpose in _EXPORTED_KEYS},
            "gate_record_key": GATE_RECORD_KEY,
            "audit_bucket_name": audit.bucket_name,
            "audit_bucket_arn": audit.bucket_arn,
            "audit_replica_bucket_arn": audit.replica.arn if audit.replica else None,
            "governance_bucket_name": governance.bucket_name,
            "governance_bucket_arn": governance.bucket_arn,
            "analytics_bucket_name": analytics.bucket.id,
            "analytics_bucket_arn": analytics.arn,
            "access_logs_bucket_name": access_logs.bucket.id,
            "access_logs_bucket_arn": access_logs.arn,
            **{f"{what.replace('-', '_')}_secret_arn": arn for what, arn in secrets.arns.items()},
            "permissions_boundary_arn": boundary.arn,
            "alarm_topic_arn": notifications.topic_arn,
            "console_saml_provider_arn": saml.arn if saml else None,
            "outbound_identity_issuer": outbound.issuer if outbound else None,
        },
    )


_EXPORTED_KEYS = (
    "analytics",
    "audit",
    "evidence",
    "functions",
    "governance",
    "ledger",
    "logs",
    "messages",
    "operator",
    "secrets",
    "signing",
    "subject",
    "writer",
)


def regions_of(settings: Settings) -> list[str]:
    """Return every region in which a role of the kit may act: the deployment's, its replica's, its
    providers'.
    """
    providers = [getattr(provider, "region", None) for provider in settings.claude.providers]
    return sorted({region for region in (settings.region, settings.replica_region, *providers) if region})


def _audit(settings: Settings, keys: KeyRing, boundary: Boundary) -> AuditStoreArgs:
    plan = settings.sizing
    cold = plan.retention.audit_cold_after_days
    return AuditStoreArgs(
        names=names_of(settings),
        key_arn=keys.arns["audit"],
        boundary_arn=boundary.arn,
        production=settings.production,
        mode=settings.audit.mode,
        retention_days=settings.sizing.retention.audit_days,
        infrequent_after_days=cold,
        archive_after_days=cold + 275,
        replica_region=settings.replica_region if plan.redundancy.replica_region else None,
    )


def _copies(settings: Settings, keys: KeyRing, what: str) -> PrivateBucketArgs:
    """Return a bucket for copies and logs, which are retained as long as the records they belong to."""
    days = settings.sizing.retention.audit_days
    cold = 30 if days > 60 else 0
    return PrivateBucketArgs(
        names=names_of(settings),
        what=what,
        key_arn=keys.arns["analytics"],
        lifecycle=Lifecycle(
            infrequent_after_days=cold, expire_after_days=days, expire_noncurrent_after_days=30
        ),
    )


def _department_buckets(settings: Settings) -> list[str]:
    """Return the names of the buckets that later stages create, so that their data events are logged from
    day one.
    """
    names = names_of(settings)
    return [
        f"arn:{names.partition}:s3:::{names.everywhere(bucket_what(names, department.id))}"
        for department in settings.departments
    ]


def _watch(
    settings: Settings,
    keys: KeyRing,
    audit: AuditStore,
    governance: GovernanceStore,
    notifications: Notifications,
    options: pulumi.ResourceOptions,
) -> None:
    """Create the trail over the evidence, and the budgets."""
    names, plan = names_of(settings), settings.sizing
    Trail(
        "trail",
        TrailArgs(
            names,
            keys.arns["trail"],
            [audit.bucket_arn, governance.bucket_arn, *_department_buckets(settings)],
            [
                names.arn("dynamodb", f"table/{names.of(what)}")
                for what in ("access", "directory", "ledger", "subject-keys")
            ],
            mode=settings.audit.mode,
            retention_days=plan.retention.trail_days,
            data_events=plan.detection.trail_data_events,
        ),
        options,
    )
    Tampering("tampering", TamperingArgs(names, notifications.topic_arn), options)
    Budgets(
        "budgets",
        BudgetsArgs(
            names,
            notifications.topic_arn,
            claude_microusd=settings.budget.organization_monthly_microusd,
            infrastructure_microusd=settings.budget.infrastructure_monthly_microusd,
            warning_percent=plan.alarms.budget_warning_percent,
            anomaly_percent=plan.alarms.cost_anomaly_percent,
            anomaly_monitor=settings.budget.anomaly_monitor,
            emails=settings.contacts.budgets or settings.contacts.alarms,
        ),
        options,
    )


def _roles(settings: Settings, keys: KeyRing, boundary: Boundary) -> RolesArgs:
    return RolesArgs(
        names_of(settings),
        boundary.arn,
        governance_key_arn=keys.arns["governance"],
        audit_key_arn=keys.arns["audit"],
        subject_key_arn=keys.arns["subject"],
        signing_key_arn=keys.arns["signing"],
        writer_key_arn=keys.arns["writer"],
        operator_key_arn=keys.arns["operator"],
        evidence_key_arn=keys.arns["evidence"],
        analytics_key_arn=keys.arns["analytics"],
        secrets_key_arn=keys.arns["secrets"],
        principals=settings.coe,
        session_hours=settings.console_access.session_hours if settings.console_access else 4,
    )


def _console(settings: Settings, options: pulumi.ResourceOptions) -> SamlConsole | None:
    """Return the identity provider of the console roles, if they are assumed through SAML."""
    given = settings.console_access
    if not isinstance(given, SamlConsoleAccess):
        return None
    metadata = Path(given.metadata_file).read_text("utf-8")
    return SamlConsole("console", SamlConsoleArgs(names_of(settings), metadata), options)


def _identity_center(
    settings: Settings, roles: RolesArgs, boundary: Boundary, options: pulumi.ResourceOptions
) -> None:
    """Create the permission sets of the console roles, if they are assumed through IAM Identity Center."""
    given = settings.console_access
    if not isinstance(given, IdentityCenterAccess):
        return
    IdentityCenter(
        "console",
        IdentityCenterArgs(roles, boundary.policy.name, given.instance_arn, given.groups, given.region),
        options,
    )

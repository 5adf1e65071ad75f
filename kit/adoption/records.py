"""Whether every answer of the last week has its records (L2.5), as found by `kit audit verify`."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from kit.audit.access_logs import read_files, read_log_group
from kit.audit.keyring import deployed_keys
from kit.audit.sources import BucketSource
from kit.audit.verification import HOUR, Trust, span_of, verify

if TYPE_CHECKING:
    from kit.target import Target

_DAYS = 7


def verified_week(target: "Target") -> tuple[int, int]:
    """Return calls of the last seven days, and findings about them. Raises AWS errors."""
    source = BucketSource(target.client("s3"), target.require("audit_bucket_name"))
    now = datetime.now(UTC)
    span = span_of(source, now - timedelta(days=_DAYS), None, now=now)
    if span is None:
        return 0, 0
    ring = deployed_keys(target)
    if target.local:
        from kit.home import find_home

        log = find_home().log("gateway")
        lines = read_files([log] if log.is_file() else [])
    else:
        group = target.require("gateway_log_group_name")
        lines = read_log_group(target.client("logs"), group, span.first, span.last + HOUR)
    report = verify(source, Trust(ring.manifests, ring.writers), span, lines)
    return report.calls, len(report.findings)

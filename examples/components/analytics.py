"""Copies of the records as JSON lines, and a bucket for the API's access log."""

import pulumi

from components.api.analytics import Analytics, AnalyticsArgs
from components.base import Names, aws_provider
from components.foundation.boundary import Boundary, BoundaryArgs
from components.foundation.keys import KeyRing, KeyRingArgs
from components.storage import PrivateBucket, PrivateBucketArgs

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])
keys = KeyRing("keys", KeyRingArgs(names), options)
boundary = Boundary("boundary", BoundaryArgs(names, ["eu-central-1"]), options)
copies = PrivateBucket("copies", PrivateBucketArgs(names, "analytics", keys.arns["analytics"]), options)
access_logs = PrivateBucket(
    "access-logs", PrivateBucketArgs(names, "access-logs", keys.arns["analytics"]), options
)

Analytics(
    "analytics",
    AnalyticsArgs(
        names,
        boundary_arn=boundary.arn,
        analytics_bucket_name=copies.bucket.id,
        analytics_bucket_arn=copies.arn,
        access_logs_bucket_arn=access_logs.arn,
        key_arn=keys.arns["analytics"],
        logs_key_arn=keys.arns["logs"],
        log_retention_days=90,
        parquet=False,
    ),
    options,
)

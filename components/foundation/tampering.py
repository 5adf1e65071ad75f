"""Immediate notification of changes to what protects the evidence, whether permitted or not."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import cloudwatch

from components.base import KitComponent, Names
from components.permissions import canonical_json

_CALL = "AWS API Call via CloudTrail"
# Calls, by service, that weaken the trail, a key, or the protection of a bucket.
_TRAIL = ("DeleteTrail", "PutEventSelectors", "StopLogging", "UpdateTrail")
_KEYS = ("DisableKey", "DisableKeyRotation", "PutKeyPolicy", "ScheduleKeyDeletion")
_BUCKETS = (
    "DeleteBucket",
    "DeleteBucketEncryption",
    "DeleteBucketPolicy",
    "DeleteBucketPublicAccessBlock",
    "PutBucketEncryption",
    "PutBucketLifecycle",
    "PutBucketLifecycleConfiguration",
    "PutBucketObjectLockConfiguration",
    "PutBucketPolicy",
    "PutBucketPublicAccessBlock",
    "PutBucketVersioning",
)


@dataclass(frozen=True)
class TamperingArgs:
    """`topic_arn` is the topic that people subscribe to."""

    names: Names
    topic_arn: pulumi.Input[str]


def watched(names: Names) -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    """Return what is reported: a sentence and an event pattern, by name.

    EventBridge sees the calls of its own region; the trail covers all regions.
    """

    def calls(service: str, actions: tuple[str, ...], **more: Any) -> Mapping[str, Any]:
        detail = {"eventSource": [f"{service}.amazonaws.com"], "eventName": list(actions), **more}
        return {"detail-type": [_CALL], "source": [f"aws.{service}"], "detail": detail}

    own = [{"prefix": f"{names.client}-{names.environment}-"}]
    return {
        "trail": ("The trail was stopped or changed", calls("cloudtrail", _TRAIL)),
        "keys": ("A key was disabled, scheduled for deletion, or opened to others", calls("kms", _KEYS)),
        "buckets": (
            "A bucket's policy, lock, versions or encryption was changed",
            calls("s3", _BUCKETS, requestParameters={"bucketName": own}),
        ),
        "root": (
            "The account's root user did something",
            {
                "detail-type": [_CALL, "AWS Console Sign In via CloudTrail"],
                "detail": {
                    "userIdentity": {"type": ["Root"]},
                    "eventType": [{"anything-but": ["AwsServiceEvent"]}],
                },
            },
        ),
    }


class Tampering(KitComponent):
    """Reports of changes to trail, keys and buckets, and of the root user (G.3, L1.7).

    Creates: an EventBridge rule per kind of event and its target, the alarm topic; the text says who did
    what, from where and when.
    Default posture: every attempt is reported, refused ones too (they carry an error code); read-only calls
    are not. Changes of a deployment are reported as well: anyone who runs one expects them.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: TamperingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        for what, (sentence, pattern) in watched(args.names).items():
            rule = cloudwatch.EventRule(
                f"{name}-{what}",
                name=args.names.of(f"tampering-{what}"),
                description=sentence,
                event_pattern=canonical_json(pattern),
                opts=self.child(),
            )
            cloudwatch.EventTarget(
                f"{name}-{what}-target",
                rule=rule.name,
                arn=args.topic_arn,
                input_transformer={
                    "input_paths": {
                        "call": "$.detail.eventName",
                        "error": "$.detail.errorCode",
                        "from": "$.detail.sourceIPAddress",
                        "region": "$.detail.awsRegion",
                        "time": "$.time",
                        "who": "$.detail.userIdentity.arn",
                    },
                    "input_template": (
                        f'"{sentence}: <call> by <who> from <from> in <region> at <time>. Refused: <error>"'
                    ),
                },
                opts=self.child(),
            )
        self.register_outputs({})

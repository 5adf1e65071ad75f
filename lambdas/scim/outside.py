"""State outside the tables that must agree with them: user pool accounts, AWS role sessions, and operators'
records (G.4, C.1). Read once a night; calls block and raise botocore's errors.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

RECORDED_HOURS = 26  # a night and what a run that was late leaves
_EVENTS = ("AssumeRole", "AssumeRoleWithSAML")
_FEDERATED = "EXTERNAL_PROVIDER"


@dataclass(frozen=True, slots=True)
class PoolAccount:
    """An account of the user pool. `federated`: created by an identity provider, without a password."""

    username: str
    enabled: bool
    federated: bool


@dataclass(frozen=True, slots=True)
class RoleSession:
    """A session of a Center of Excellence role. `name` is the session name: the person's."""

    role: str
    name: str
    event: str


class Outside:
    """Reads that state. Each client is botocore's; without `user_pool` nobody signs in through one. `roles`
    are role names, or prefixes ending in `*`.
    """

    def __init__(
        self,
        *,
        cognito: Any,
        user_pool: str,
        cloudtrail: Any,
        roles: Sequence[str],
        s3: Any,
        audit_bucket: str,
    ) -> None:
        self._cognito = cognito
        self._pool = user_pool
        self._cloudtrail = cloudtrail
        self._roles = tuple(roles)
        self._s3 = s3
        self._bucket = audit_bucket

    def accounts(self) -> Iterator[PoolAccount]:
        """Yield every account of the user pool."""
        if not self._pool:
            return
        query: dict[str, Any] = {"UserPoolId": self._pool, "Limit": 60, "AttributesToGet": []}
        while True:
            page = self._cognito.list_users(**query)
            for one in page["Users"]:
                yield PoolAccount(one["Username"], one["Enabled"], one.get("UserStatus") == _FEDERATED)
            if "PaginationToken" not in page:
                return
            query["PaginationToken"] = page["PaginationToken"]

    def sessions(self, now: datetime) -> Iterator[RoleSession]:
        """Yield sessions of the Center's roles since yesterday, as recorded by CloudTrail in this region."""
        if not self._roles:
            return
        for event in _EVENTS:
            query: dict[str, Any] = {
                "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": event}],
                "StartTime": now - timedelta(hours=RECORDED_HOURS),
                "EndTime": now,
            }
            while True:
                page = self._cloudtrail.lookup_events(**query)
                for one in page["Events"]:
                    session = self._session(json.loads(one["CloudTrailEvent"]))
                    if session is not None:
                        yield session
                if "NextToken" not in page:
                    break
                query["NextToken"] = page["NextToken"]

    def _session(self, event: dict[str, Any]) -> RoleSession | None:
        asked = event.get("requestParameters") or {}
        role = str(asked.get("roleArn", "")).rpartition("/")[2]
        if event.get("errorCode") or not any(_fits(role, one) for one in self._roles):
            return None
        return RoleSession(role, str(asked.get("roleSessionName", "")), str(event.get("eventID", "")))

    def recorded_keys(self, now: datetime) -> set[str]:
        """Return ids of keys that operators recorded as created since yesterday."""
        found: set[str] = set()
        for hours in range(RECORDED_HOURS + 1):
            at = now - timedelta(hours=hours)
            prefix = f"records/{at:dt=%Y-%m-%d/hour=%H}/operator-"
            for page in self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix
            ):
                for one in page.get("Contents", ()):
                    found.update(self._made(one["Key"]))
        return found

    def _made(self, object_key: str) -> Iterator[str]:
        body = self._s3.get_object(Bucket=self._bucket, Key=object_key)["Body"].read()
        for line in body.splitlines():
            record = json.loads(line)
            if record.get("kind") == "key" and record.get("event") in {"created", "renewed"}:
                yield record["subject"]


def _fits(role: str, wanted: str) -> bool:
    return role.startswith(wanted[:-1]) if wanted.endswith("*") else role == wanted

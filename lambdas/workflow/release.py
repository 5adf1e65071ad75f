"""Steps `release` and `record` of a department's workflow (L3.4, G.3).

Event: {"step": "release" | "record", "department", "request", "workflow", "material_decision"}. This is the
only role that may write released texts, and it writes only what its review allows: the very bytes whose hash
the reviewer has approved.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from lambdas.common.clock import Clock, utc_now
from lambdas.workflow.area import DepartmentArea, released_key
from lambdas.workflow.aws import client
from lambdas.workflow.gateway_client import GatewayClient, Refused
from lambdas.workflow.reviews import Review, Reviews


class NotWhatWasApproved(Exception):
    """The text differs from the one that was reviewed: nothing is released."""


@dataclass(frozen=True, slots=True)
class Release:
    """The two steps over one department's data area."""

    reviews: Reviews
    area: DepartmentArea
    gateway: GatewayClient
    clock: Clock = utc_now

    def release(self, department: str, workflow: str, request: str) -> dict[str, Any]:
        """Release the approved text, once. Returns {"released_key"}.

        Raises:
            ReviewConflict: no review allows it.
            NotWhatWasApproved: the bytes are others than those approved.
        """
        review = self.reviews.begin_release(department, request)
        key = released_key(workflow, request)
        if review.state != "released":
            approved = self.area.read(review.release_key)
            if approved.sha256 != review.release_sha256:
                raise NotWhatWasApproved(request)
            # A second attempt finds the first one's object and leaves it.
            self.area.put_once(key, approved.body)
            if self.area.read(key).sha256 != review.release_sha256:
                raise NotWhatWasApproved(request)
            self.reviews.end_release(department, request, key)
        return {"released_key": key}

    def record(self, department: str, request: str, *, material_decision: bool) -> dict[str, Any]:
        """Append to the call's audit records what came of the draft; once, unless a crash comes between."""
        review = self.reviews.get(department, request)
        if not review.recorded:
            try:
                self.gateway.record_outcome(review.call, _outcome(review, material_decision))
            except Refused as refused:
                return {"recorded": False, "reason": str(refused)}
            self.reviews.recorded(department, request)
        return {"recorded": True}


def _outcome(review: Review, material_decision: bool) -> dict[str, Any]:
    said = f"{review.state}" + (f" after {', '.join(review.because)}" if review.because else "")
    result = {"result": review.reason} if review.reason else {}
    reviewer = {"reviewed_by": review.decided_by} if review.decided_by else {}
    use = f"workflow {review.workflow}, request {review.request}: {said}"
    return {"use": use, "material_decision": material_decision, **result, **reviewer}


@cache
def _release() -> Release:
    area = DepartmentArea(client("s3"), os.environ["DATA_BUCKET"], os.environ["DATA_KEY_ARN"])
    gateway = GatewayClient(
        os.environ["GATEWAY_URL"], os.environ["GATEWAY_CREDENTIAL_SECRET_ARN"], client("secretsmanager")
    )
    return Release(Reviews(client("dynamodb"), os.environ["REVIEWS_TABLE"]), area, gateway)


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry."""
    del context
    department, request = event["department"], event["request"]
    if event["step"] == "release":
        return _release().release(department, event["workflow"], request)
    return _release().record(department, request, material_decision=event["material_decision"])

"""Results of the provider functions that the stacks call, for an account that does not exist."""

import hashlib
from collections.abc import Mapping
from typing import Any

from kit.aws_facts.prediction import Account
from kit.evaluation.errors import EvaluationError

# Number of zones that an account sees, where it is not three (AWS Global Infrastructure, November 2026).
_ZONES: Mapping[str, str] = {
    "ap-northeast-2": "abcd",
    "us-east-1": "abcdef",
    "us-west-1": "ac",
    "us-west-2": "abcd",
}


def answer(token: str, args: Mapping[str, Any], account: Account) -> dict[str, Any]:
    """Return what AWS would return. Raises EvaluationError for a function that no stage is known to call."""
    region = str(args.get("region") or account.region)
    match token:
        case "aws:index/getCallerIdentity:getCallerIdentity":
            return {
                "accountId": account.id,
                "arn": f"arn:{account.partition}:sts::{account.id}:assumed-role/planner/planner",
                "userId": "AROAPLANNEDPLANNEDPLA:planner",
                "id": account.id,
            }
        case "aws:index/getRegion:getRegion":
            return {"region": region, "name": region, "id": region, "endpoint": f"ec2.{region}.amazonaws.com",
                    "description": region}  # fmt: skip
        case "aws:index/getPartition:getPartition":
            suffix = "amazonaws.com.cn" if account.partition == "aws-cn" else "amazonaws.com"
            return {"partition": account.partition, "dnsSuffix": suffix, "id": account.partition,
                    "reverseDnsPrefix": ".".join(reversed(suffix.split(".")))}  # fmt: skip
        case "aws:index/getAvailabilityZones:getAvailabilityZones":
            zones = _ZONES.get(region, "abc")
            return {
                "id": region,
                "region": region,
                "names": [f"{region}{zone}" for zone in zones],
                "zoneIds": [f"{region}-az{number}" for number, _ in enumerate(zones, 1)],
                "groupNames": [region],
            }
        case "aws:ec2/getSubnet:getSubnet":
            return {"id": args["id"], "vpcId": f"vpc-{_digest(account.id, account.region)[:17]}"}
        case "aws:ecr/getImage:getImage":
            named = _digest(args["repositoryName"], args["imageTag"])
            return {**args, "id": f"sha256:{named}", "imageDigest": f"sha256:{named}"}
        case _:
            raise EvaluationError(
                f"the program calls {token}, which has no answer without an AWS account",
                hint="pass the value in as configuration, or teach kit/aws_facts/lookups.py the answer",
            )


def _digest(*parts: str) -> str:
    return hashlib.sha256("/".join(parts).encode()).hexdigest()

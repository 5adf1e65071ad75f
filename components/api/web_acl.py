"""AWS WAF web ACL in front of the API. Only this module imports wafv2, which is slow to load."""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import cloudwatch, wafv2

from components.api.rest_api import BODY_LIMIT, STAGE
from components.base import KitComponent, Names, refuse

_BY_ADDRESS = 300  # seconds over which requests per address are counted


def _below(*roots: str) -> str:
    """Return a pattern for paths below the roots, at the start of the path or after the stage name.

    API Gateway's own address includes the stage name, a custom domain does not. Paths with an empty,
    encoded or dot segment do not match, because another parser could read them as a different path.
    """
    segment = "[A-Za-z0-9_:~@=,+-][A-Za-z0-9_:~@=,+.-]*"
    return f"^/(?:{STAGE}/)?(?:{'|'.join(roots)})(?:/{segment})+$"


def number_above(limit: int) -> str:
    """Return a pattern for decimal numbers above `limit`, with or without leading zeros: WAF cannot compare
    numbers.
    """
    digits = str(limit)
    longer = f"[1-9][0-9]{{{len(digits)},}}"
    greater = [
        f"{digits[:place]}[{int(digit) + 1}-9][0-9]{{{len(digits) - place - 1}}}"
        for place, digit in enumerate(digits)
        if digit != "9"
    ]
    return f"^0*(?:{'|'.join([*greater, longer])})$"


UNREAD_BODIES = _below("v1", "scim")
SCIM = _below("scim")
# Responses of the firewall itself, in the shape that Anthropic's clients expect; it knows no request id.
RESPONSES = {
    "too-large": (
        413,
        "request_too_large",
        "The request is larger than {limit} bytes, the most that this gateway takes.",
    ),
    "too-many": (429, "rate_limit_error", "Too many requests from this address; try again in five minutes."),
}
_SECRET_HEADERS = ("authorization", "x-api-key", "cookie")


@dataclass(frozen=True)
class WebAclArgs:
    """Request limits per IP address in five minutes; an office behind one address needs a generous one.

    `scim_requests_per_address` counts `/scim/...` separately: an identity provider imports 10,000 people in
    at least as many requests, mostly from one address. `resource_arn` is the protected API stage or load
    balancer; `what` is its part of the physical name; `body_limit` is in bytes.
    """

    names: Names
    resource_arn: pulumi.Input[str]
    logs_key_arn: pulumi.Input[str]
    log_retention_days: int
    requests_per_address: int
    scim_requests_per_address: int
    what: str = "api"
    body_limit: int = BODY_LIMIT


class WebAcl(KitComponent):
    """A regional web ACL in front of one door (L1.1, L1.7).

    Creates: the web ACL with AWS's managed rules (known bad addresses, known bad inputs, common attacks),
    a limit per address, and an answer to requests whose `content-length` is above what the door bears
    (API Gateway would call that an error of its own, and clients would repeat it); its association,
    and a log group with its logging configuration.
    Default posture: allow what no rule blocks, because the gateway authenticates every request itself.
    Rules that read bodies are kept off `/v1/…`, where bodies are prose and code that looks like an attack on
    every page and are the gateway's inspection to judge, and off `/scim/…`, where a group is larger than the
    8 KB that those rules bear; only where the path begins so. Credentials are blinded in the log, query
    strings too.
    Replaced when changed: client, environment.
    """

    def __init__(self, name: str, args: WebAclArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        refuse(
            f"WebAcl {name}",
            [
                (limit >= 10, f"{what}: {limit} is under 10")
                for what, limit in (
                    ("requests_per_address", args.requests_per_address),
                    ("scim_requests_per_address", args.scim_requests_per_address),
                )
            ],
        )
        super().__init__(name, opts)
        self._args, self._names = args, args.names
        self.acl = wafv2.WebAcl(
            f"{name}-acl",
            name=args.names.of(args.what),
            scope="REGIONAL",
            default_action={"allow": {}},
            rules=[
                self._managed(0, "AWSManagedRulesAmazonIpReputationList"),
                self._managed(1, "AWSManagedRulesKnownBadInputsRuleSet", reads_bodies=True),
                self._managed(2, "AWSManagedRulesCommonRuleSet", reads_bodies=True),
                self._per_address(3, "per-address", args.requests_per_address, _not(_path_matches(SCIM))),
                self._per_address(4, "per-address-scim", args.scim_requests_per_address, _path_matches(SCIM)),
                self._too_large(5),
            ],
            custom_response_bodies=[
                {
                    "key": key,
                    "content": _said(kind, message.format(limit=args.body_limit)),
                    "content_type": "APPLICATION_JSON",
                }
                for key, (_, kind, message) in sorted(RESPONSES.items())
            ],
            visibility_config=self._seen_as(args.what),
            data_protection_config={
                "data_protections": [
                    {
                        "action": "SUBSTITUTION",
                        "field": {"field_type": "SINGLE_HEADER", "field_keys": list(_SECRET_HEADERS)},
                    },
                    {"action": "SUBSTITUTION", "field": {"field_type": "QUERY_STRING"}},
                    {"action": "SUBSTITUTION", "field": {"field_type": "BODY"}},
                ]
            },
            opts=self.child(),
        )
        wafv2.WebAclAssociation(
            f"{name}-association",
            resource_arn=args.resource_arn,
            web_acl_arn=self.acl.arn,
            # a resource has one ACL: created first, the new association would end with the old one
            opts=self.child(delete_before_replace=True),
        )
        self._log(name, args)
        self.register_outputs({"arn": self.acl.arn})

    def _seen_as(self, what: str) -> Any:
        return {
            "cloudwatch_metrics_enabled": True,
            "metric_name": self._names.of(what),
            "sampled_requests_enabled": False,  # samples would keep requests outside the bucket of record
        }

    def _managed(self, priority: int, group: str, *, reads_bodies: bool = False) -> Any:
        statement: dict[str, Any] = {"vendor_name": "AWS", "name": group}
        if reads_bodies:
            statement["scope_down_statement"] = _not(_path_matches(UNREAD_BODIES))
        return {
            "name": group,
            "priority": priority,
            "statement": {"managed_rule_group_statement": statement},
            "override_action": {"none": {}},
            "visibility_config": self._seen_as(group),
        }

    def _too_large(self, priority: int) -> Any:
        return {
            "name": "too-large",
            "priority": priority,
            "statement": {
                "regex_match_statement": {
                    "regex_string": number_above(self._args.body_limit),
                    "field_to_match": {"single_header": {"name": "content-length"}},
                    "text_transformations": [{"priority": 0, "type": "NONE"}],
                }
            },
            "action": _answer("too-large", {"x-should-retry": "false"}),
            "visibility_config": self._seen_as("too-large"),
        }

    def _per_address(self, priority: int, name: str, limit: int, of: Any) -> Any:
        return {
            "name": name,
            "priority": priority,
            "statement": {
                "rate_based_statement": {
                    "limit": limit,
                    "aggregate_key_type": "IP",
                    "evaluation_window_sec": _BY_ADDRESS,
                    "scope_down_statement": of,
                }
            },
            "action": _answer("too-many", {"retry-after": str(_BY_ADDRESS)}),
            "visibility_config": self._seen_as(name),
        }

    def _log(self, name: str, args: WebAclArgs) -> None:
        group = cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"aws-waf-logs-{args.names.of(args.what)}",  # WAF requires this prefix
            retention_in_days=args.log_retention_days,
            kms_key_id=args.logs_key_arn,
            opts=self.kept(),
        )
        wafv2.WebAclLoggingConfiguration(
            f"{name}-logging",
            resource_arn=self.acl.arn,
            log_destination_configs=[group.arn],
            redacted_fields=[
                {"query_string": {}},
                *({"single_header": {"name": header}} for header in _SECRET_HEADERS),
            ],
            opts=self.child(),
        )


def _answer(key: str, headers: dict[str, str]) -> dict[str, Any]:
    return {
        "block": {
            "custom_response": {
                "response_code": RESPONSES[key][0],
                "custom_response_body_key": key,
                "response_headers": [{"name": name, "value": value} for name, value in headers.items()],
            }
        }
    }


def _said(kind: str, message: str) -> str:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}})


def _path_matches(pattern: str) -> dict[str, Any]:
    return {
        "regex_match_statement": {
            "regex_string": pattern,
            "field_to_match": {"uri_path": {}},
            "text_transformations": [{"priority": 0, "type": "NONE"}],
        }
    }


def _not(statement: dict[str, Any]) -> dict[str, Any]:
    return {"not_statement": {"statement": statement}}

"""Every IAM document of every plan says what AWS understands: actions that exist, on resources that they act
on, under conditions that they evaluate (L1.7). The data of all AWS services comes from policy-sentry.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import pytest
from policy_sentry.querying.actions import get_action_data

from tests.support.stages import SIZES, STAGES, plan_of

_DOCUMENTS = ("policy", "assumeRolePolicy", "accessPolicy")
_GLOBAL_KEYS = re.compile(r"^(aws|saml|cognito-identity\.amazonaws\.com|sts):", re.IGNORECASE)
# Newer than the data: actions of Claude Platform on AWS as its user guide lists them (November 2026).
_NEWER_ACTIONS = {
    "aws-external-anthropic:CountTokens",
    "aws-external-anthropic:CreateBatchInference",
    "aws-external-anthropic:CreateFile",
    "aws-external-anthropic:CreateInference",
    "aws-external-anthropic:DeleteFile",
    "aws-external-anthropic:GetBatchInference",
    "aws-external-anthropic:GetFile",
    "aws-external-anthropic:GetSkill",
    "aws-external-anthropic:ListSkills",
}
# A key that Lambda sets on every call of an execution role, whatever the service.
_LAMBDA_KEY = "lambda:sourcefunctionarn"


def _statements(stage: str, size: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for resource in plan_of(stage, size):
        for name in _DOCUMENTS:
            text = resource.inputs.get(name)
            if not isinstance(text, str) or '"Statement"' not in text:
                continue
            found = json.loads(text)["Statement"]
            for statement in [found] if isinstance(found, dict) else found:
                yield resource.name, name, statement


def _many(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


@lru_cache(maxsize=4096)
def _formats(action: str) -> tuple[tuple[str, tuple[str, ...]], ...] | None:
    """ARN formats that an action takes, each with its condition keys; None where there is no such action."""
    service, name = action.split(":", 1)
    data = get_action_data(service, name)
    if not data:
        return None
    rows = next(iter(data.values()))
    return tuple((row["resource_arn_format"], tuple(row["condition_keys"])) for row in rows)


def _matches(given: str, wanted: str) -> bool:
    """Whether an ARN (which may hold wildcards) can name a resource of this format."""
    if given == "*":
        return wanted == "*"
    pattern = re.escape(wanted).replace(r"\$\{", "${").replace(r"\}", "}")
    head, _, last = pattern.rpartition(":")
    pattern = re.sub(r"\$\{[^}]+\}", "[^:]*", head) + ":" + re.sub(r"\$\{[^}]+\}", ".*", last)
    return re.fullmatch(pattern + r"(/\*|:\*|\*)?", given) is not None or _wild(given, wanted)


def _wild(given: str, wanted: str) -> bool:
    mine, theirs = given.split(":", 5), wanted.split(":", 5)
    return len(mine) == 6 and len(theirs) == 6 and mine[2] == theirs[2] and mine[5].endswith("*")


def _faults(where: str, key: str, statement: Mapping[str, Any]) -> Iterator[str]:
    place = f"{where} {statement.get('Sid', '')}"
    for action in _many(statement.get("Action")):
        if "*" in action or action in _NEWER_ACTIONS:
            continue  # wildcards are a law of their own; they occur in denials only
        formats = _formats(action)
        if formats is None:
            yield f"{place}: {action} does not exist"
            continue
        if key == "policy" and "Principal" not in statement:
            resources = _many(statement.get("Resource"))
            for resource in resources:
                if resource != "*" and not any(_matches(resource, wanted) for wanted, _ in formats):
                    yield f"{place}: {action} does not act on {resource}"
        known = {one.split("/${")[0].lower() for _, keys in formats for one in keys}
        for operator, pairs in (statement.get("Condition") or {}).items():
            for name in pairs:
                if (
                    not _GLOBAL_KEYS.match(name)
                    and name.split("/")[0].lower() not in known
                    and not _context(name)
                ):
                    yield f"{place}: {operator} {name} is not a condition of {action}"


def _context(name: str) -> bool:
    """Keys of the caller's own: an encryption context, a claim of a trusted issuer, Lambda's key."""
    return name.lower().startswith(("kms:encryptioncontext", _LAMBDA_KEY)) or (
        name.count(":") == 1 and "/" in name
    )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("stage", STAGES)
def test_every_statement_means_something_to_aws(stage: str, size: str) -> None:
    found = {fault for where, key, one in _statements(stage, size) for fault in _faults(where, key, one)}
    assert sorted(found) == []


def test_a_misspelt_action_a_wrong_resource_and_an_unknown_condition_are_found() -> None:
    misspelt = {"Effect": "Allow", "Action": "dynamodb:UpdateItems", "Resource": "*"}
    wrong = {"Effect": "Allow", "Action": "dynamodb:UpdateItem", "Resource": "arn:aws:s3:::bucket"}
    unknown = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::bucket/key",
        "Condition": {"StringEquals": {"s3:NoSuchKey": "x"}},
    }
    for statement in (misspelt, wrong, unknown):
        assert len(list(_faults("example", "policy", statement))) == 1

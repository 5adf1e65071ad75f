"""What each role of the Center of Excellence could do alone to a right, a budget, an approval or evidence:
the table of docs/rights.md, computed from the plan. `python -m tests.identity.attacks` writes it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.foundation.roles import ROLES
from tests.support.stages import plan_of

from .evaluator import Asked, allowed

PAGE = Path(__file__).parents[2] / "docs" / "rights.md"
BEGIN, END = "<!-- attacks -->\n", "<!-- /attacks -->\n"
ALL = "everybody of the Center"


@dataclass(frozen=True)
class Attack:
    """`requests` would all be needed. `by` are the roles whose work it is, `found` what shows it to others,
    `rests` what the denial of all others rests on.
    """

    what: str
    requests: tuple[Asked, ...]
    rests: str
    by: tuple[str, ...] = ()
    found: str = ""


def _dynamodb(action: str, table: str, pk: str, *attributes: str) -> Asked:
    context = {"dynamodb:LeadingKeys": [pk]}
    if attributes:
        context["dynamodb:Attributes"] = ["pk", "sk", *attributes]
    return Asked(f"dynamodb:{action}", f"table:{table}", context)


def _s3(action: str, bucket: str, key: str) -> Asked:
    return Asked(f"s3:{action}", f"bucket:{bucket}/{key}")


_KEYS = "dynamodb:LeadingKeys"
_ATTRIBUTES = "dynamodb:LeadingKeys and dynamodb:Attributes"
_NOTHING = "no role has the action on this resource"
_NIGHT = "the nightly reconciliation, which alarms; data events in the trail"
ATTACKS = (
    Attack(
        "give somebody other roles, a department, wider data classes",
        (_dynamodb("UpdateItem", "access", "USER#me", "roles", "department", "data_classes"),),
        _ATTRIBUTES,
    ),
    Attack(
        "write somebody a new access record",
        (_dynamodb("PutItem", "access", "USER#me", "subject", "active", "department", "roles"),),
        _ATTRIBUTES,
    ),
    Attack(
        "let in again who was put out",
        (_dynamodb("UpdateItem", "access", "USER#leaver", "active", "version"),),
        _ATTRIBUTES,
        ("governance-lead",),
        _NIGHT,
    ),
    Attack(
        "sign off an access review that nobody looked at",
        (_s3("PutObject", "governance", "access-reviews/everybody/x.json"),),
        _NOTHING,
        ("governance-lead",),
        "the record of kit access review, which names who signed and the hash of what",
    ),
    Attack(
        "rewrite the settings that are published as in force",
        (_s3("PutObject", "governance", "policy/in-force-integration.json"),),
        _NOTHING,
    ),
    Attack(
        "rewrite the record of a stage's gate",
        (_s3("PutObject", "governance", "gates/rollout.json"),),
        _NOTHING,
    ),
    Attack("delete somebody's access record", (_dynamodb("DeleteItem", "access", "USER#somebody"),), _KEYS),
    Attack(
        "point a colleague's name at oneself",
        (_dynamodb("UpdateItem", "access", "NAME#user-name#x", "id"),),
        _KEYS,
    ),
    Attack("rewrite a colleague's name", (_dynamodb("PutItem", "access", "NAME#user-name#x", "id"),), _KEYS),
    Attack(
        "bind one's account to somebody",
        (_dynamodb("PutItem", "access", "SUBJECT#x", "id", "how"),),
        _KEYS,
        ("key-operator",),
        "the record of kit people bind; data events in the trail",
    ),
    Attack(
        "make a key",
        (_dynamodb("PutItem", "access", "KEY#x", "active", "department"),),
        _KEYS,
        ("key-operator",),
        _NIGHT,
    ),
    Attack(
        "give a key other rights",
        (_dynamodb("UpdateItem", "access", "KEY#x", "department", "models"),),
        _ATTRIBUTES,
        ("key-operator",),
        "the record of kit key; data events in the trail",
    ),
    Attack(
        "lower what a department has spent",
        (_dynamodb("UpdateItem", "ledger", "DEPT#finance", "committed_microusd"),),
        _KEYS,
    ),
    Attack(
        "raise what the organisation may spend",
        (_dynamodb("UpdateItem", "ledger", "ORG#0", "committed_microusd"),),
        _KEYS,
    ),
    Attack("release a reservation", (_dynamodb("DeleteItem", "ledger", "RESERVATION#x"),), _NOTHING),
    Attack(
        "approve a break-glass in others' names",
        (_dynamodb("UpdateItem", "ledger", "BREAK-GLASS", "approvers"),),
        _KEYS,
    ),
    Attack(
        "turn a kill switch",
        (_dynamodb("UpdateItem", "ledger", "SWITCH#department#x", "off"),),
        _KEYS,
        ("governance-lead",),
        "the record of kit switch; data events in the trail; kit switch list",
    ),
    Attack("provision a person", (_dynamodb("PutItem", "directory", "USER#x"),), _KEYS),
    Attack(
        "make a token of provisioning",
        (_dynamodb("PutItem", "directory", "TOKEN#x", "name"),),
        _KEYS,
        ("key-operator",),
        "the record of kit scim token; data events in the trail; kit scim token list",
    ),
    Attack("leave word that nothing happened", (_dynamodb("DeleteItem", "directory", "OUTBOX"),), _KEYS),
    Attack(
        "erase somebody's bodies",
        (_dynamodb("PutItem", "subject-keys", "x"),),
        _NOTHING,
        ("governance-lead",),
        "the record of kit audit erase; data events in the trail",
    ),
    Attack(
        "change what everybody may do", (_s3("PutObject", "governance", "policy/gateway.json"),), _NOTHING
    ),
    Attack("change what groups give", (_s3("PutObject", "governance", "policy/scim.json"),), _NOTHING),
    Attack("delete a record", (_s3("DeleteObject", "audit", "records/dt=2026-11-30/x"),), _NOTHING),
    Attack("delete a version of a record", (_s3("DeleteObjectVersion", "audit", "records/x"),), _NOTHING),
    Attack(
        "write a record of the gateway",
        (_s3("PutObject", "audit", "records/dt=2026-11-30/hour=12/gateway-1/1.jsonl"),),
        _NOTHING,
    ),
    Attack("write a manifest", (_s3("PutObject", "audit", "manifests/dt=2026-11-30/x.json"),), _NOTHING),
    Attack(
        "change a person in the user pool",
        (Asked("cognito-idp:AdminUpdateUserAttributes", "pool"),),
        _NOTHING,
    ),
    Attack(
        "be let in as by a sign-in with any group",
        (Asked("lambda:InvokeFunction", "function:enrolment"),),
        _NOTHING,
    ),
    Attack(
        "ask for emergency access",
        (Asked("lambda:InvokeFunction", "function:break-glass"),),
        "the function: two others must approve, each by a signature of their own session",
        (ALL,),
        "each step's record and message to the alarm topic",
    ),
)


def statements() -> dict[str, list[dict[str, Any]]]:
    """The statements of each role, from the plan of the example client."""
    policies = {one.name: one.inputs["policy"] for one in plan_of("foundation") if "policy" in one.inputs}
    return {role: json.loads(policies[f"coe-{role}-permissions"])["Statement"] for role in ROLES}


def may(role_statements: Sequence[Mapping[str, Any]], attack: Attack) -> bool:
    """Whether a role could do it alone."""
    return all(allowed(role_statements, _named(one)) for one in attack.requests)


def _named(asked: Asked) -> Asked:
    kind, _, name = asked.resource.partition(":")
    of, region, account = "example-production", "eu-central-1", "111122223333"
    resources = {
        "table": f"arn:aws:dynamodb:{region}:{account}:table/{of}-{name}",
        "function": f"arn:aws:lambda:{region}:{account}:function:{of}-{name}:live",
        "pool": f"arn:aws:cognito-idp:{region}:{account}:userpool/{region}_x",
    }
    if kind == "bucket":
        bucket, _, key = name.partition("/")
        return Asked(asked.action, f"arn:aws:s3:::{of}-{bucket}-{account}-{region}/{key}", asked.context)
    return Asked(asked.action, resources[kind], asked.context)


def table() -> str:
    """The table as Markdown, computed."""
    of = statements()
    lines = ["| what | who could, alone | what shows it to others | the denial of all others rests on |",
             "|---|---|---|---|"]  # fmt: skip
    for attack in ATTACKS:
        able = [role for role in ROLES if may(of[role], attack)]
        who = ALL if len(able) == len(ROLES) else ", ".join(able) or "nobody"
        lines.append(f"| {attack.what} | {who} | {attack.found or '-'} | {attack.rests} |")
    return "\n".join(lines) + "\n"


def written(page: str) -> str:
    """The page with the table as it is now."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + table() + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")

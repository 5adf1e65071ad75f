"""Clients' files in which every key of the contract occurs, and another valid value for each key."""

import copy
import json
from collections.abc import Iterator
from dataclasses import MISSING
from datetime import date
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from contract.client import Client
from contract.keys import Declaration, Text, is_declared, keys_of
from stacks.settings import CONFIG_FOLDER
from stacks.settings.documents import read_yaml

Path = tuple[str | int, ...]
IDENTITY = "arn:aws:ses:eu-central-1:111122223333:identity/example.com"
CERTIFICATE = "arn:aws:acm:eu-central-1:111122223333:certificate/0a1b2c3d-1111-2222-3333-444455556666"
LABEL = "11111111-2222-3333-4444-555555555555"
EXAMPLE: dict[str, Any] = read_yaml(CONFIG_FOLDER / "clients" / "example.yaml")


def _rich() -> dict[str, Any]:
    """The example client with every optional part that goes with its own."""
    document = copy.deepcopy(EXAMPLE)
    document["contacts"] |= {
        "help_url": "https://help.example.com",
        "slack": {"workspace_id": "T0", "champions_channel_id": "C1", "questions_channel_id": "C2"},
        "teams": {
            "tenant_id": "11111111-2222-3333-4444-555555555550",
            "team_id": "11111111-2222-3333-4444-555555555551",
            "champions_channel_id": "19%3aa%40thread.tacv2",
            "questions_channel_id": "19%3ab%40thread.tacv2",
        },
    }
    document |= {
        "coe": {"director": ["arn:aws:iam::111122223333:role/director"]},
        "console_access": {
            "kind": "identity-center",
            "instance_arn": "arn:aws:sso:::instance/ssoins-0123456789abcdef",
            "groups": {"director": LABEL},
        },
        "audit": {"mode": "COMPLIANCE"},
        "reviews": {"hours": 24},
        "api": {
            "custom_domain": {"name": "claude.example.com", "certificate_arn": CERTIFICATE},
            "mutual_tls": {"truststore_uri": "s3://bucket/ca.pem"},
        },
        "portal": {
            "custom_domain": {"name": "portal.example.com", "certificate_arn": CERTIFICATE},
            "reminders": {"sender": "claude@example.com", "identity_arn": IDENTITY},
        },
        "dictionary": {"version": 1, "sha256": "0" * 64, "approved_by": "Ana Owner"},
        "inspection": {"labels": {LABEL: "restricted"}},
        "guardrail": {"prompt_attack_strength": "HIGH"},
        "role_limits": {"champions": {"requests_per_minute": 90}},
        "role_sign_in": {"champions": {"methods": ["mfa"], "contexts": ["gold"], "max_age_minutes": 60}},
        "gate_override": {
            "stage": "integration", "approver": "Ana Owner", "reason": "because it must be so",
            "criteria": ["coe-staffed"],
        },
    }  # fmt: skip
    document["identity"] |= {"groups_claim": "groups", "session_hours": 12}
    document["departments"][0]["findings"] = {}
    del document["departments"][-1]["monthly_budget_usd"]  # it follows from the size
    document["budget"]["anomaly_monitor"] = "create"
    return document


def _saml() -> dict[str, Any]:
    """People sign in by SAML; nothing is on a name of its own; a private API in the client's network."""
    document = _rich() | {
        "identity": {
            "kind": "saml",
            "metadata_url": "https://login.example.com/metadata",
            "attributes": {},
            "groups_claim": "groups",
            "session_hours": 12,
        },
        "api": {"exposure": "private", "vpc_endpoint_ids": ["vpce-01234567"]},
        "network": {
            "mode": "existing",
            "subnet_ids": ["subnet-01234567"],
            "security_group_ids": ["sg-01234567"],
        },
    }
    del document["portal"]
    return document


def _anthropic() -> dict[str, Any]:
    """The Anthropic API, with a key and with workload identity; a managed network."""
    document = _rich() | {
        "data_residency": ["eu", "us"],
        "network": {"mode": "managed", "cidr": "10.40.0.0/20"},
    }
    identity = {"kind": "workload-identity", "organization_id": "o", "federation_rule_id": "fdrl_x"}
    document["claude"]["providers"] = [
        {"kind": "anthropic", "inference_geo": "us", "auth": identity},
        {"kind": "anthropic", "name": "second", "inference_geo": "us", "auth": {"kind": "secret"}},
    ]
    return document


def _kubernetes() -> dict[str, Any]:
    """Pods behind a private API, with a second door."""
    return _saml() | {
        "size": "enterprise",
        "network": {"mode": "managed", "cidr": "10.40.0.0/20"},
        "cluster": {
            "certified": {"name": "pods.example.com", "certificate_arn": CERTIFICATE},
            "reached_from": ["198.51.100.0/24"],
            "administrators": ["arn:aws:iam::111122223333:role/platform"],
            "direct_door": {"name": "direct.example.com", "certificate_arn": CERTIFICATE},
        },
    }


SCENARIOS = {
    "rich": _rich(),
    "saml": _saml(),
    "anthropic": _anthropic(),
    "sandbox": _rich() | {"environment": "sandbox"},
    "large": _saml() | {"size": "large"},
    "kubernetes": _kubernetes(),
}
_SANDBOX = {
    f"departments[].findings.{kind}": ("sandbox", ("departments", 0, "findings", kind), "allow")
    for kind in (
        "restricted", "confidential", "personnel-decision", "health-information", "customer-contact",
        "unreviewed-decision",
    )
}  # fmt: skip
# Keys whose other value needs a scenario or a place of its own.
SPECIAL: dict[str, tuple[str, Path, Any]] = _SANDBOX | {
    "schema": ("rich", ("schema",), 3),
    "account": ("saml", ("account",), "444455556666"),
    "region": ("saml", ("region",), "eu-west-3"),
    "replica_region": ("large", ("replica_region",), "eu-west-3"),
    "data_residency": ("rich", ("data_residency",), ["us"]),
    "identity(oidc).groups[].department": ("rich", ("identity", "groups", 0, "department"), "finance"),
    "claude.models.*.model": ("rich", ("claude", "models", "early", "model"), "claude-sonnet-5-5"),
    "departments[].id": (
        "rich", ("departments", 2), {**EXAMPLE["departments"][2], "id": "another", "like": "legal"},
    ),
    "departments[].like": ("rich", ("departments", 0, "like"), "finance"),
    "departments[].workflows": ("rich", ("departments", 0, "workflows"), ["scenarios"]),
    "departments[].human_review": ("sandbox", ("departments", 0, "human_review"), []),
    "audit.mode": ("sandbox", ("audit", "mode"), "GOVERNANCE"),
    "api.exposure": ("saml", ("api",), {}),
    "cluster.workloads": ("kubernetes", ("cluster", "workloads"), False),
    "cluster.reached_from": ("kubernetes", ("cluster", "reached_from"), ["203.0.113.0/24"]),
    "cluster.administrators": ("kubernetes", ("cluster", "administrators"), []),
    **{
        f"cluster.{name}.certificate_arn": (
            "kubernetes", ("cluster", name, "certificate_arn"), CERTIFICATE.replace("0a1b", "1a1b"),
        )
        for name in ("certified", "direct_door")
    },
    "api.custom_domain.certificate_arn": (
        "rich", ("api", "custom_domain", "certificate_arn"), CERTIFICATE.replace("0a1b", "1a1b"),
    ),
    "portal.custom_domain.certificate_arn": (
        "rich", ("portal", "custom_domain", "certificate_arn"), CERTIFICATE.replace("0a1b", "1a1b"),
    ),
    "api.vpc_endpoint_ids": ("saml", ("api", "vpc_endpoint_ids"), ["vpce-11234567"]),
    "network.mode": ("saml", ("network",), {"mode": "managed", "cidr": "10.40.0.0/20"}),
    "console_access(identity-center).groups": (
        "rich", ("console_access", "groups"), {"director": LABEL.replace("1111", "2111")},
    ),
    "gate_override.criteria": ("rich", ("gate_override", "criteria"), ["budget-secured"]),
    "network.cidr": ("anthropic", ("network", "cidr"), "10.50.0.0/20"),
    "network.subnet_ids": ("saml", ("network", "subnet_ids"), ["subnet-11234567"]),
    "network.security_group_ids": ("saml", ("network", "security_group_ids"), ["sg-11234567"]),
    "claude.providers[](anthropic).inference_geo": (
        "anthropic", ("claude", "providers", 0, "inference_geo"), "global",
    ),
}  # fmt: skip


def keys() -> Iterator[tuple[str, str, Path, Declaration]]:
    """Every key of a client's file that holds a value: its dotted name, a scenario in which it is, its place
    there, its declaration.
    """
    seen: set[str] = set()
    for scenario, document in SCENARIOS.items():
        for name, place, one in _below("", (), Client, document):
            if name not in seen:
                seen.add(name)
                yield name, scenario, place, one


def unseen() -> set[str]:
    """Classes of the contract that no scenario reaches."""
    reached = {name for scenario in SCENARIOS.values() for name in _reached(Client, scenario)}
    return {cls.__name__ for cls in _classes(Client)} - reached


def _below(name: str, place: Path, cls: type, given: Any) -> Iterator[tuple[str, Path, Declaration]]:
    for one in keys_of(cls):
        if one.file_name in ("sizing", "kind"):
            continue
        dotted = f"{name}.{one.file_name}" if name else one.file_name
        inner = list(_inside(one.annotation, given.get(one.file_name)))
        for suffix, way, inner_cls, below in inner:
            yield from _below(f"{dotted}{suffix}", (*place, one.file_name, *way), inner_cls, below)
        if not inner and not _holds_classes(one.annotation):
            yield dotted, (*place, one.file_name), one


def _inside(annotation: Any, given: Any) -> Iterator[tuple[str, Path, type, Any]]:
    """The declared classes that a value is made of: a suffix of the name, the way to it, the class, the
    value.
    """
    origin, arguments = get_origin(annotation), get_args(annotation)
    if is_declared(annotation):
        yield "", (), annotation, given or {}
    elif origin is Annotated and is_declared(arguments[1]):
        yield "", (), arguments[1], given or {}
    elif origin in (Union, UnionType) and given is not None:
        classes = [each for each in arguments if is_declared(each)]
        of_kind = [each for each in classes if len(classes) == 1 or _kind(each) == given.get("kind")]
        yield from (("" if len(classes) == 1 else f"({_kind(each)})", (), each, given) for each in of_kind)
    elif origin is tuple:
        for position, each in enumerate(given or ()):
            for suffix, way, cls, below in _inside(arguments[0], each):
                yield f"[]{suffix}", (position, *way), cls, below
    elif origin not in (None, Annotated, Literal) and len(arguments) == 2:
        for key, each in (given or {}).items():
            for suffix, way, cls, below in _inside(arguments[1], each):
                yield f".*{suffix}", (key, *way), cls, below


def _holds_classes(annotation: Any) -> bool:
    if is_declared(annotation):
        return True
    if get_origin(annotation) is Annotated and isinstance(get_args(annotation)[1], Text):
        return False
    return any(_holds_classes(each) for each in get_args(annotation))


def _classes(annotation: Any) -> Iterator[type]:
    if is_declared(annotation):
        yield annotation
        for one in keys_of(annotation):
            yield from _classes(one.annotation)
    else:
        for each in get_args(annotation):
            yield from _classes(each)


def _reached(cls: type, given: Any) -> Iterator[str]:
    yield cls.__name__
    for one in keys_of(cls):
        for _, _, inner, below in _inside(one.annotation, given.get(one.file_name)):
            yield from _reached(inner, below)


def _kind(cls: type) -> str:
    return get_args(next(one for one in keys_of(cls) if one.name == "kind").annotation)[0]


def another(one: Declaration, current: Any) -> Any:
    """Another valid value of a key, in the form of a client's file."""
    if one.money:
        return "123.45"
    if current is None and one.default is not MISSING:
        current = one.default
    return _other(one.annotation, one, current)


def _other(annotation: Any, one: Declaration, current: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return next(example for example in arguments[1].examples if example != current)
    if origin is Literal:
        return next(each for each in arguments if each != current)
    if origin in (Union, UnionType):
        return _other(next(each for each in arguments if each is not NoneType), one, current)
    if origin is tuple:
        entry = _other(arguments[0], one, (current or [None])[0])
        return [entry] if not current or len(current) < 2 else list(current)[1:]
    if origin is not None:
        return {_other(arguments[0], one, None): _other(arguments[1], one, None)}
    if annotation is bool:
        return not current
    if annotation in (int, float):
        low = one.key.least or 0
        return int(low) + 1 if current != int(low) + 1 else int(low) + 2
    return date(2026, 11, 9).isoformat() if annotation is date else "another"


def changed(document: dict[str, Any], place: Path, value: Any) -> dict[str, Any]:
    """The document with another value at a place."""
    copied = copy.deepcopy(document)
    at: Any = copied
    for step in place[:-1]:
        at = at.setdefault(step, {}) if isinstance(at, dict) else at[step]
    at[place[-1]] = value
    return copied


def as_config(document: dict[str, Any]) -> dict[str, Any]:
    """A document as overrides of a stack's configuration. Where it has no portal the example's stays, with a
    certificate of the document's account and region.
    """
    example = EXAMPLE["account"], EXAMPLE["region"]
    ours = document.get("account", example[0]), document.get("region", example[1])
    portal = json.dumps(EXAMPLE["portal"]).replace(f"{example[1]}:{example[0]}", f"{ours[1]}:{ours[0]}")
    return json.loads(json.dumps({"portal": json.loads(portal), **document}, default=str))

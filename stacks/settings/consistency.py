"""Checks that span several configuration keys.

They run on the raw document, so that one run reports these errors together with those of single keys. A
section that is missing or has the wrong type is skipped here, because its own key's check reports it.
"""

import ipaddress
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast, get_args

from contract.kinds import REGIONS, ReviewTrigger
from contract.problems import Problem, nearest, shown
from contract.sizes import Sizing
from lambdas.common import claim_rules

# Data classes that must not reach Claude (G.1).
_PROTECTED_CLASSES = ("restricted", "confidential")
# Minimum action on a finding in production (G.1, G.2), and the reason.
_PRODUCTION_ACTIONS = {
    "restricted": (("block", "redact"), "restricted data must not reach Claude"),
    "confidential": (("block", "redact"), "confidential data must not reach Claude"),
    "personnel-decision": (("block",), "Claude takes no part in personnel decisions"),
    "health-information": (("block",), "no personal health information"),
    "customer-contact": (("block", "review"), "no unsupervised contact with customers"),
    "unreviewed-decision": (("block", "review"), "no decision without human review"),
}
_ACTIONS = ("allow", "flag", "redact", "review", "block")


# Longest bucket name suffix that every deployment has, after client, environment, account and region.
LONGEST_BUCKET = "access-logs"
_DEFAULT_SESSION_HOURS = 720
# Keys of custom domains. The last is known only inside the network: the pods present its certificate to API
# Gateway, and no DNS record points to it.
_DOMAINS = (
    ("api", "custom_domain"),
    ("portal", "custom_domain"),
    ("cluster", "direct_door"),
    ("cluster", "certified"),
)
_CALLED_INSIDE = _DOMAINS[-1]
# Lists whose entries AWS requires to be unique.
_DISTINCT = (
    ("api", "vpc_endpoint_ids"),
    ("cluster", "administrators"),
    ("network", "security_group_ids"),
    ("network", "subnet_ids"),
)
# RFC 1918 and RFC 6598: ranges a VPC may use and nobody on the internet has.
_PRIVATE = tuple(
    map(ipaddress.IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
)
_SMALLEST_NETWORK = 22
_ACCOUNT_DIGITS = 12
_MOST_HOURS_FROM_CLAIMS = 24


def consistency_problems(document: Mapping[str, Any], sizing: Sizing | None) -> list[Problem]:
    """Return every contradiction in the document. `sizing` is None if the size itself is invalid."""
    checks = [
        _names,
        _residency,
        _inference,
        _departments,
        _groups,
        _models,
        _issuers,
        _saml,
        _people_from_claims,
        _providers,
        _audit,
        _api,
        _domains,
        _lists,
        _network,
        _deployment,
    ]
    found = [problem for check in checks for problem in check(document)]
    return found + ([*_replica(document, sizing), *_cluster(document, sizing)] if sizing else [])


def _production(document: Mapping[str, Any]) -> bool:
    return document.get("environment") == "production"


def _names(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Check that bucket names, which contain client, environment, account and region, fit 63 characters."""
    client, environment, region = (as_text(document.get(key)) for key in ("client", "environment", "region"))
    if not (client and environment and region):
        return
    most = 63 - len(f"-{environment}-{LONGEST_BUCKET}-{'0' * 12}-{region}")
    if len(client) > most:
        yield Problem(
            "client",
            f"{shown(client)} makes names of buckets too long in {environment}, {region}",
            f"{most} characters at most, or a shorter name of the environment",
        )


def _texts(value: Any) -> list[str]:
    return [each for each in _entries(value) if isinstance(each, str)]


def _entries(value: Any) -> Sequence[Any]:
    return cast("Sequence[Any]", value) if isinstance(value, list | tuple) else ()


def _residency_regions(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the regions that the residency allows, or none if the residency itself is invalid."""
    given = document.get("data_residency")
    names = [given] if isinstance(given, str) else _texts(given)
    known: dict[str, tuple[str, ...]] = {str(name): regions for name, regions in REGIONS.items()}
    return tuple(region for name in names for region in known.get(name, ()))


def _residency(document: Mapping[str, Any]) -> Iterator[Problem]:
    regions = _residency_regions(document)
    if not regions:
        return
    allowed = f"data_residency allows: {', '.join(regions)}"
    places = [("region", document.get("region")), ("replica_region", document.get("replica_region"))]
    for position, provider in enumerate(_mappings(mapping(document.get("claude")).get("providers"))):
        places.append((f"claude.providers[{position}].region", provider.get("region")))
    for key, region in places:
        if isinstance(region, str) and region not in regions:
            yield Problem(key, f"{shown(region)} is outside the data residency", allowed)
    if document.get("replica_region") and document.get("replica_region") == document.get("region"):
        yield Problem(
            "replica_region", "is the same as region", "choose another region of the data residency"
        )


def _inference(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Check where the Anthropic API may run inference: it can only guarantee the United States.

    The key of a local run is the one exception, which `kit up` prints.
    """
    given = document.get("data_residency")
    names = [given] if isinstance(given, str) else _texts(given)
    if not names:
        return
    local = document.get("emulated") in (True, "true")
    for position, provider in enumerate(_mappings(mapping(document.get("claude")).get("providers"))):
        by_key = mapping(provider.get("auth")).get("kind") == "secret"
        if provider.get("kind") != "anthropic" or (local and by_key):
            continue
        key = f"claude.providers[{position}]"
        if "us" not in names:
            yield Problem(
                f"{key}.kind",
                f"the Anthropic API answers in the US or anywhere: outside data_residency {', '.join(names)}",
                "use kind: bedrock or claude-platform-aws with a region of the residency",
            )
        elif provider.get("inference_geo", "global") == "global":
            yield Problem(
                f"{key}.inference_geo",
                "global may answer outside the data residency",
                "set inference_geo: us",
            )


def _replica(document: Mapping[str, Any], sizing: Sizing) -> Iterator[Problem]:
    if sizing.redundancy.replica_region and not document.get("replica_region"):
        others = [region for region in _residency_regions(document) if region != document.get("region")]
        hint = f"choose one of {', '.join(others)}" if others else "add a residency that has a second region"
        yield Problem(
            "replica_region", f"is required: size {sizing.size} keeps a copy of the audit store", hint
        )


def _cluster(document: Mapping[str, Any], sizing: Sizing) -> Iterator[Problem]:
    cluster, network = mapping(document.get("cluster")), mapping(document.get("network"))
    if sizing.capacity.runtime != "kubernetes":
        if cluster:
            yield Problem("cluster", "is for runtime kubernetes", "remove it, or set sizing.capacity.runtime")
        return
    certified = cluster.get("certified") or mapping(document.get("api")).get("custom_domain")
    if cluster.get("direct_door") and not certified:
        yield Problem(
            "cluster.direct_door",
            "needs pods",
            "set api.custom_domain or cluster.certified: pods then answer",
        )
    if not certified:
        if mapping(mapping(document.get("sizing")).get("capacity")).get("runtime") == "kubernetes":
            yield Problem(
                "sizing.capacity.runtime",
                "kubernetes needs a certified name, under which API Gateway calls the pods",
                "set cluster.certified or api.custom_domain",
            )
        return
    mode = network.get("mode", "none")
    if mode == "none" and not sizing.redundancy.vpc_endpoints:
        yield Problem("network.mode", "none has no room for pods", "set network.mode: managed")
    if mode == "existing" and not network.get("cidr"):
        yield Problem(
            "network.cidr", "is required where pods run in a network of your own",
            "the range that its load balancers lie in: nothing else reaches the pods",
        )  # fmt: skip
    for position, cidr in enumerate(_texts(cluster.get("reached_from"))):
        block = _block(cidr)
        if block is not None and _private(block):
            yield Problem(
                f"cluster.reached_from[{position}]",
                f"{shown(cidr)} is not a range of the internet",
                "EKS refuses it; from inside the network the API server is reached without being named here",
            )


def _departments(document: Mapping[str, Any]) -> Iterator[Problem]:
    departments = _mappings(document.get("departments"))
    counts = Counter(as_text(department.get("id")) for department in departments)
    aliases = list(mapping(mapping(document.get("claude")).get("models")))
    for position, department in enumerate(departments):
        key = f"departments[{position}]"
        if counts[as_text(department.get("id"))] > 1 and department.get("id"):
            yield Problem(f"{key}.id", f"{shown(department['id'])} is given more than once")
        for alias in _texts(department.get("models")):
            if aliases and alias not in aliases:
                yield Problem(
                    f"{key}.models", f"{shown(alias)} is not a model", nearest(alias, map(str, aliases))
                )
        if _production(document):
            yield from _protected_data(key, department)
        yield from _reviews(key, department, production=_production(document))
    if departments and not any(department.get("pilot") is True for department in departments):
        yield Problem("departments", "none is a pilot", "set pilot: true for two or three departments")


def _groups(document: Mapping[str, Any]) -> Iterator[Problem]:
    departments = [as_text(one.get("id")) for one in _mappings(document.get("departments"))]
    for position, rule in enumerate(_mappings(mapping(document.get("identity")).get("groups"))):
        key, department = f"identity.groups[{position}]", rule.get("department")
        if departments and isinstance(department, str) and department not in departments:
            yield Problem(
                f"{key}.department",
                f"{shown(department)} is not a department",
                nearest(department, departments),
            )
        if not any(rule.get(given) for given in ("department", "roles", "data_classes")):
            yield Problem(key, "gives nothing", "name a department, roles or data_classes")


def _protected_data(key: str, department: Mapping[str, Any]) -> Iterator[Problem]:
    for name in _PROTECTED_CLASSES:
        if name in _texts(department.get("data_classes")):
            yield Problem(
                f"{key}.data_classes",
                f"{name} data must not reach Claude in production",
                "allowed: public, internal",
            )
    for name, (allowed, reason) in _PRODUCTION_ACTIONS.items():
        given = mapping(department.get("findings")).get(name)
        if isinstance(given, str) and given in _ACTIONS and given not in allowed:
            yield Problem(
                f"{key}.findings.{name}",
                f"{given} is not for production: {reason}",
                f"allowed: {', '.join(allowed)}",
            )


def _reviews(key: str, department: Mapping[str, Any], *, production: bool) -> Iterator[Problem]:
    given = department.get("human_review")
    if production and isinstance(given, list | tuple):
        missing = [trigger for trigger in get_args(ReviewTrigger) if trigger not in given]
        if missing:
            yield Problem(
                f"{key}.human_review",
                f"lacks {', '.join(missing)}",
                "production reviews all of them; leave the key out",
            )


def _models(document: Mapping[str, Any]) -> Iterator[Problem]:
    models = mapping(mapping(document.get("claude")).get("models"))
    known = {str(mapping(model).get("model")) for model in models.values()}
    for position, provider in enumerate(_mappings(mapping(document.get("claude")).get("providers"))):
        for name in mapping(provider.get("models")):
            if known and name not in known:
                yield Problem(
                    f"claude.providers[{position}].models",
                    f"{shown(name)} is not the model of any alias",
                    nearest(str(name), known),
                )


def _providers(document: Mapping[str, Any]) -> Iterator[Problem]:
    providers = _mappings(mapping(document.get("claude")).get("providers"))
    names = Counter(str(provider.get("name", provider.get("kind"))) for provider in providers)
    for name, count in sorted(names.items()):
        if count > 1:
            yield Problem(
                "claude.providers", f"{shown(name)} names {count} providers", "give each its own name"
            )
    tokens = mapping(document.get("claude")).get("outbound_identity")
    for position, provider in enumerate(providers):
        if tokens == "none" and mapping(provider.get("auth")).get("kind") == "workload-identity":
            yield Problem(
                f"claude.providers[{position}].auth",
                "workload-identity needs identity tokens of the account",
                "set claude.outbound_identity to create or existing",
            )


def _issuers(document: Mapping[str, Any]) -> Iterator[Problem]:
    entries = _mappings(document.get("trusted_issuers"))
    names = Counter(as_text(entry.get("name")) for entry in entries)
    key_sets: dict[str, Any] = {}
    seen: dict[tuple[str, str, str], int] = {}
    for position, entry in enumerate(entries):
        where = f"trusted_issuers[{position}]"
        if entry.get("name") and names[as_text(entry.get("name"))] > 1:
            yield Problem(f"{where}.name", f"{shown(entry['name'])} is given more than once")
        issuer, address = as_text(entry.get("issuer")), entry.get("jwks_uri")
        if issuer and key_sets.setdefault(issuer, address) != address:
            yield Problem(f"{where}.jwks_uri", "is another than in a rule before for the same issuer")
        claims = mapping(entry.get("required_claims"))
        rule = (issuer, as_text(entry.get("audience")), json.dumps(claims, sort_keys=True, default=str))
        if issuer and rule in seen:
            yield Problem(
                where,
                f"can never hold: trusted_issuers[{seen[rule]}] has the same issuer, audience and claims",
                "tell them apart by audience or required_claims",
            )
        seen.setdefault(rule, position)
        for name, value in claims.items():
            if complaint := claim_rules.wrong(value):
                yield Problem(f"{where}.required_claims.{name}", complaint)
    for position, entry in enumerate(entries):
        if not entry.get("claims") and entry.get("principal", "application") == "person":
            yield Problem(
                f"trusted_issuers[{position}].claims",
                "is required for people",
                "for example {department: department}",
            )


def _saml(document: Mapping[str, Any]) -> Iterator[Problem]:
    identity = mapping(document.get("identity"))
    given = [key for key in ("metadata_url", "metadata_file") if identity.get(key)]
    if identity.get("kind") == "saml" and len(given) != 1:
        wrong = "both are given" if given else "is required, or identity.metadata_file"
        yield Problem("identity.metadata_url", wrong, "the identity provider's document, by one of the two")


def _people_from_claims(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Require a maximum sign-in duration: without provisioning, leavers are noticed only at the next
    sign-in.
    """
    identity = mapping(document.get("identity"))
    if not identity.get("people_from_claims"):
        return
    if not identity.get("groups_claim"):
        yield Problem("identity.groups_claim", "is required by people_from_claims", "such as groups")
    hours = identity.get("session_hours", _DEFAULT_SESSION_HOURS)
    if isinstance(hours, int) and hours > _MOST_HOURS_FROM_CLAIMS:
        yield Problem(
            "identity.session_hours",
            f"is more than {_MOST_HOURS_FROM_CLAIMS}, and leavers are noticed at the next sign-in only",
            "12, or provision by SCIM",
        )


def _audit(document: Mapping[str, Any]) -> Iterator[Problem]:
    if not _production(document):
        return
    audit = mapping(document.get("audit"))
    if audit.get("mode") == "GOVERNANCE":
        yield Problem(
            "audit.mode", "GOVERNANCE is for named non-production environments", "allowed: COMPLIANCE"
        )


def _api(document: Mapping[str, Any]) -> Iterator[Problem]:
    api = mapping(document.get("api"))
    if api.get("mutual_tls") and not api.get("custom_domain"):
        yield Problem(
            "api.mutual_tls",
            "needs api.custom_domain",
            "AWS checks client certificates on custom domains only",
        )
    mode = mapping(document.get("network")).get("mode", "none")
    if api.get("exposure") == "private" and mode == "none" and not api.get("vpc_endpoint_ids"):
        yield Problem(
            "api.exposure",
            "private needs a way in",
            "set network.mode, or api.vpc_endpoint_ids of an existing endpoint",
        )
    if api.get("exposure", "regional") == "regional" and api.get("vpc_endpoint_ids"):
        yield Problem("api.vpc_endpoint_ids", "is for exposure: private")


def _domains(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Check custom domains: each name once, with a certificate in the same region and account."""
    region, account = as_text(document.get("region")), as_text(document.get("account"))
    taken: dict[str, str] = {}
    for part, field in _DOMAINS:
        key, domain = f"{part}.{field}", mapping(mapping(document.get(part)).get(field))
        name, arn = as_text(domain.get("name")), as_text(domain.get("certificate_arn"))
        if name in taken and (part, field) != _CALLED_INSIDE:
            yield Problem(
                f"{key}.name", f"{shown(name)} is {taken[name]}.name, too", "each needs a name of its own"
            )
        elif name:
            taken[name] = key
        elsewhere = arn.startswith("arn:") and f":acm:{region}:{account}:" not in arn
        if region and len(account) == _ACCOUNT_DIGITS and elsewhere:
            yield Problem(
                f"{key}.certificate_arn",
                f"is not an ACM certificate of account {account} in region {region}",
                "request it there; AWS takes no other",
            )


def _lists(document: Mapping[str, Any]) -> Iterator[Problem]:
    for part, field in _DISTINCT:
        given = _texts(mapping(document.get(part)).get(field))
        for position, each in enumerate(given):
            if each in given[:position]:
                yield Problem(f"{part}.{field}[{position}]", f"{shown(each)} occurs more than once")


def _private(block: ipaddress.IPv4Network) -> bool:
    return any(block.subnet_of(private) for private in _PRIVATE)


def _block(cidr: Any) -> ipaddress.IPv4Network | None:
    """Return the network of a CIDR, or None if the value is not a CIDR."""
    try:
        return ipaddress.IPv4Network(cidr) if isinstance(cidr, str) and "/" in cidr else None
    except ValueError:
        return None


def _network(document: Mapping[str, Any]) -> Iterator[Problem]:
    network = mapping(document.get("network"))
    mode = network.get("mode", "none")
    required = {"existing": ("subnet_ids", "security_group_ids"), "managed": ("cidr",)}
    for owner, keys in required.items():
        for key in keys:
            if mode == owner and not network.get(key):
                yield Problem(f"network.{key}", f"is required when network.mode is {owner}")
    allowed = {
        "subnet_ids": ("existing",),
        "security_group_ids": ("existing",),
        "cidr": ("managed", "existing"),
    }
    for key, owners in allowed.items():
        if mode in ("none", "managed", "existing") and mode not in owners and network.get(key):
            yield Problem(f"network.{key}", f"is for network.mode: {' or '.join(owners)}")
    cidr = network.get("cidr")
    if isinstance(cidr, str) and cidr.count("/") == 1:
        block = _block(cidr)
        if block is None:
            yield Problem("network.cidr", f"{shown(cidr)} is not a network", "for example 10.40.0.0/20")
        elif not _private(block):
            yield Problem(
                "network.cidr",
                f"{shown(cidr)} is not a private range",
                f"choose one within {', '.join(map(str, _PRIVATE))}",
            )
        elif mode == "managed" and block.prefixlen > _SMALLEST_NETWORK:
            yield Problem(
                "network.cidr",
                f"{shown(cidr)} is too small for subnets in each zone",
                f"choose a network of /16 to /{_SMALLEST_NETWORK}",
            )


def _deployment(document: Mapping[str, Any]) -> Iterator[Problem]:
    if document.get("demonstration_evidence") and document.get("emulated") not in (True, "true"):
        yield Problem("demonstration_evidence", "is accepted on the emulated AWS only (emulated: true)")


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    """Return the entries of a list, with an empty mapping in place of any entry that is not a mapping."""
    return [mapping(each) for each in _entries(value)]


def as_text(value: Any) -> str:
    """Return the value if it is text, or else an empty text."""
    return value if isinstance(value, str) else ""


def mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is a mapping, or else an empty mapping."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}

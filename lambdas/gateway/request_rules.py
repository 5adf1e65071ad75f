"""What a request may use: the request contract, and the department's permissions (L1.10, G.9).

What the contract does not list is refused, naming its place, or allowed and recorded, according to the
department's policy. What it lists may need a permission: web searches, MCP servers, code execution at the
provider. Both are decided before the body is inspected, from one survey of it, and both are recorded and
counted.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lambdas.common.documents import DocumentSource, WideningDocument
from lambdas.common.identities import Principal
from lambdas.common.limits import kind_of
from lambdas.common.policy import Department
from lambdas.common.request_contract import Entry, RequestContract, parse_additions, shipped
from lambdas.gateway import errors
from lambdas.gateway.access_log import AccessLog
from lambdas.gateway.errors import Header, invalid_request
from lambdas.gateway.exchange import Exchange
from lambdas.gateway.made import skill_name
from lambdas.gateway.survey import MCP_TOOLSET, Survey, tool_type

_BETA_HEADER = b"anthropic-beta"
_PAYERS = (b"anthropic-workspace-id", b"anthropic-user-profile-id")
_DOMAIN_TOOLS = ("web_search", "web_fetch")
_LIMITS = ("max_uses", "max_content_tokens", "max_tokens")
_PRICED: Mapping[str, tuple[Any, ...]] = {  # fields whose values determine the price
    "speed": (None, "standard", "fast"),
    "service_tier": (None, "auto", "standard_only"),
}
_CLOSED = ("fallbacks", "mcp_servers", "container", "thread", "compaction", "billing_policy")


class ContractWatch(WideningDocument[RequestContract]):
    """The shipped contract with the organisation's additions."""

    def __init__(self, source: DocumentSource | None, report: Any = lambda _: None) -> None:
        super().__init__(
            source,
            lambda document: shipped().with_additions(parse_additions(document)),
            shipped(),
            lambda why: report(f"additions to the request contract refused: {why}"),
        )


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Something that the contract does not know. `kind` is a field, tool, block or beta."""

    kind: str
    name: str
    place: str


@dataclass(frozen=True, slots=True)
class Denied:
    """Something that the department has no permission for. `permission` names what it lacks."""

    permission: str
    place: str
    detail: str = ""
    tools: frozenset[str] | None = None  # of an MCP server; None: all of them


@dataclass(frozen=True, slots=True)
class RequestRules:
    """Checks requests against contract and permissions."""

    contract: ContractWatch
    log: AccessLog

    def hold(
        self,
        department: Department,
        principal: Principal,
        exchange: Exchange,
        fields: Mapping[str, Any],
        seen: Survey,
        path: str = "",
    ) -> dict[str, Any]:
        """Return the record of the decision.

        Raises `ApiError` 400 for what is unknown, 451 for what is not permitted.
        """
        contract = self.contract.current()
        raw_headers = exchange.raw_headers
        unknown = department.unknown_of(kind_of(principal, exchange.headers))
        betas = list(_betas(raw_headers, fields))
        unlisted = list(_unlisted(contract, fields, seen, betas, path))
        denied = [
            one
            for one in _needed(contract, raw_headers, fields, seen, betas, path)
            if not _permits(department, principal.roles, one)
        ]
        for one in unlisted:
            self.log.unlisted(department.id, one.kind, one.name, unknown)
        for one in {one.permission: one for one in denied}.values():
            self.log.finding(department.id, f"tool-{one.permission}", _ACTIONS[department.tool_governance])
        if unlisted and unknown == "refuse":
            raise _unknown(unlisted[0], contract, department.contact)
        if denied and department.tool_governance == "enforce":
            raise _not_permitted(denied[0], department.contact)
        return {
            "step": "request-contract",
            "version": contract.version,
            "unlisted": [f"{one.kind} {one.name[:64]}" for one in unlisted],
            "denied": sorted({one.permission for one in denied}),
            "mode": department.tool_governance,
            "tools": sorted({tool_type(tool) for _, tool in seen.tools})[:50],
            "servers": sorted({_origin(server) for _, server in seen.servers})[:20],
        }


_ACTIONS = {"observe": "allow", "warn": "flag", "enforce": "block"}


def _betas(raw_headers: Iterable[Header], fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every requested beta, in whichever header or field, with its place."""
    for name, value in raw_headers:
        if name == _BETA_HEADER:
            yield from ((one.strip(), "anthropic-beta") for one in value.decode("latin-1").split(","))
    for key in ("betas", "anthropic_beta"):
        given = fields.get(key)
        if isinstance(given, list):
            yield from ((str(one), key) for one in given)


def _unlisted(
    contract: RequestContract,
    fields: Mapping[str, Any],
    seen: Survey,
    betas: Iterable[tuple[str, str]],
    path: str,
) -> Iterator[Unlisted]:
    for name, value in fields.items():
        entry = contract.fields.get(name)
        if entry is None:
            yield Unlisted("field", name, f"{path}{name}")
        elif entry.parameters and name in _CLOSED:
            yield from _parameters(entry, value, f"{path}{name}", "field")
        if entry is not None and entry.edits and isinstance(value, Mapping):
            yield from _edits(entry, value, f"{path}{name}")
        if name in _PRICED and value not in _PRICED[name] and f"{name}.{value}" not in contract.fields:
            yield Unlisted("field", f"{name}.{value}", f"{path}{name}")
    for place, tool in seen.tools:
        kind = tool_type(tool)
        entry = contract.tools.get(kind)
        if entry is None:
            yield Unlisted("tool", kind, f"{place}.type")
        else:
            yield from _parameters(entry, tool, place, "tool")
    for kind, place in seen.blocks.items():
        if kind not in contract.blocks:
            yield Unlisted("block", kind, f"{place}.type")
    for name, place in betas:
        if name and name not in contract.betas:
            yield Unlisted("beta", name, place)


def _parameters(entry: Entry, value: Any, path: str, kind: str) -> Iterator[Unlisted]:
    for place, one in _objects(value, path):
        for name, given in one.items():
            if entry.parameters and name not in entry.parameters:
                yield Unlisted(kind, f"{entry.name}.{name}", f"{place}.{name}")
            elif name in _LIMITS and given is not None and not _is_count(given):
                raise invalid_request(f"{place}.{name}: must be a positive whole number")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _edits(entry: Entry, value: Mapping[str, Any], path: str) -> Iterator[Unlisted]:
    edits = value.get("edits")
    for index, edit in enumerate(edits if isinstance(edits, list) else ()):
        kind = edit.get("type") if isinstance(edit, Mapping) else None
        if kind not in entry.edits:
            yield Unlisted("field", f"{entry.name}.{kind}", f"{path}.edits[{index}].type")


def _objects(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        yield path, value
    elif isinstance(value, list):
        for index, one in enumerate(value):
            if isinstance(one, Mapping):
                yield f"{path}[{index}]", one


def _needed(
    contract: RequestContract,
    raw_headers: Iterable[Header],
    fields: Mapping[str, Any],
    seen: Survey,
    betas: Iterable[tuple[str, str]],
    path: str,
) -> Iterator[Denied]:
    """Yield everything that needs a permission, as what is denied without it."""
    for name, value in fields.items():
        entry = contract.fields.get(name)
        if entry is None or value is None:
            continue
        need = entry.needs or (entry.needs_of or {}).get(str(value), "")
        if need and need != "mcp":
            yield Denied(need, f"{path}{name}")
        if name == "fallbacks" and not isinstance(value, list):
            raise invalid_request(
                f"{path}{name}: name the models, so that each can be held against the grant"
            )
        if name == "container" and isinstance(value, Mapping) and value.get("skills"):
            yield from _skills(value["skills"], f"{path}{name}.skills")
    for place, server in seen.servers:
        yield Denied("mcp", place, _origin(server), _tools_of(server, seen))
    for place, tool in seen.tools:
        entry = contract.tools.get(tool_type(tool))
        if entry is None or not entry.needs:
            continue
        if tool_type(tool) == MCP_TOOLSET:  # its server determines what it reaches
            if all(server.get("name") != tool.get("mcp_server_name") for _, server in seen.servers):
                yield Denied("mcp", place)
            continue
        yield Denied(entry.needs, place)
        if entry.name.startswith(_DOMAIN_TOOLS):
            yield from _domains(tool, place)
    for name, place in betas:
        entry = contract.betas.get(name)
        if entry is not None and entry.needs:
            yield Denied(entry.needs, place, "" if entry.needs == "skills" else name)
    for name, _ in raw_headers:
        if name in _PAYERS:
            yield Denied("other-payer", name.decode())


def _skills(given: Any, place: str) -> Iterator[Denied]:
    """Yield each Skill as a policy names it; an invalid one is not approved either."""
    for index, one in enumerate(given if isinstance(given, list) else [given]):
        yield Denied("skills", f"{place}[{index}]", skill_name(one))


def _domains(tool: Mapping[str, Any], place: str) -> Iterator[Denied]:
    given = tool.get("allowed_domains")
    domains = [str(one) for one in given] if isinstance(given, list) and given else [""]
    yield from (Denied("web-domain", f"{place}.allowed_domains", one) for one in domains)


def _permits(department: Department, roles: Iterable[str], one: Denied) -> bool:
    if one.permission == "web-domain":
        allowed = department.web_domains
        return not allowed or any(_within(one.detail, domain) for domain in allowed)
    if one.permission == "mcp":
        if one.detail in department.mcp_servers:
            return True
        tools = {name for origin, _, name in (each.partition("#") for each in department.mcp_servers)
                 if name and origin == one.detail}  # fmt: skip
        return bool(tools) and one.tools is not None and one.tools <= tools
    if one.permission == "skills" and _approves(department.skills, one.detail):
        return True
    return one.permission in department.tools or any(
        f"{role}:{one.permission}" in department.role_tools for role in roles
    )


def permits_skill(department: Department, roles: Iterable[str], name: str) -> bool:
    """Return whether a Skill, as a policy names it, may be loaded."""
    return department.tool_governance != "enforce" or _permits(department, roles, Denied("skills", "", name))


def lists_skill(department: Department, roles: Iterable[str], skill: str, version: str) -> bool:
    """Return whether the department may see a Skill, by its id alone, and this version if given."""
    if _permits(department, roles, Denied("skills", "", f"any:{skill}")):
        return True
    escaped = skill.replace("@", "%40")
    for one in department.skills:
        name, _, approved = one.partition(":")[2].partition("@")
        if name == escaped and (not version or not approved or approved == version):
            return True
    return False


def skill_not_permitted(place: str, name: str, contact: str | None) -> errors.ApiError:
    """Return a 451: the department has no approval for the Skill."""
    return _not_permitted(Denied("skills", place, name), contact)


def _approves(skills: Iterable[str], asked: str) -> bool:
    """Return whether a Skill is approved, in this version or in all; with `asked` empty, whether any is."""
    if not asked:
        return bool(tuple(skills))
    return asked in skills or asked.partition("@")[0] in skills


def _tools_of(server: Mapping[str, Any], seen: Survey) -> frozenset[str] | None:
    """Return the tools of an MCP server that a request allows, or None for all of them."""
    sets = [
        one
        for _, one in seen.tools
        if tool_type(one) == MCP_TOOLSET and one.get("mcp_server_name") == server.get("name")
    ]
    enabled: set[str] = set()
    for one in sets:
        default, configs = one.get("default_config"), one.get("configs")
        if not isinstance(default, Mapping) or default.get("enabled") is not False:
            return None
        for name, config in configs.items() if isinstance(configs, Mapping) else ():
            if isinstance(config, Mapping) and config.get("enabled") is not False:
                enabled.add(str(name))
    configuration = server.get("tool_configuration")  # used before toolsets existed
    named = configuration.get("allowed_tools") if isinstance(configuration, Mapping) else None
    if not sets and isinstance(named, list):
        return frozenset(str(one) for one in named)
    return frozenset(enabled) if sets else None


def _within(host: str, domain: str) -> bool:
    """Return whether a host is the domain or one of its subdomains. A request that names none reaches all."""
    plain = host.lower().partition("/")[0]
    return plain == domain or plain.endswith(f".{domain}")


def _origin(server: Mapping[str, Any]) -> str:
    """Return scheme, host and port of a server, as a policy names it."""
    try:
        url = urlsplit(str(server.get("url", "")))
        port = f":{url.port}" if url.port not in (None, 443) else ""
    except ValueError:
        return ""
    return f"{url.scheme}://{(url.hostname or '').lower()}{port}"


def _unknown(one: Unlisted, contract: RequestContract, contact: str | None) -> errors.ApiError:
    asked = f" Ask {contact} to allow it" if contact else " Ask your Center of Excellence to allow it"
    return invalid_request(
        f"{one.place[:200]}: the {one.kind} {one.name[:100]} is not in the request contract of this "
        f"organisation (version {contract.version}).{asked}: "
        f"`kit contract allow {one.kind} {one.name[:100]}`.",
        reason="unlisted",
    )


def _not_permitted(one: Denied, contact: str | None) -> errors.ApiError:
    what = f" ({one.detail[:100]})" if one.detail else ""
    return errors.policy_refusal(
        f"{one.place[:200]}: your department has no permission for {one.permission}{what}. "
        f"Ask {contact or 'your Center of Excellence'}.",
        "tool_not_permitted",
    )

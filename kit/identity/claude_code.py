"""Which of the granted models Claude Code uses for which of its roles (L1.1, L1.11).

Claude Code asks by itself for models of several families: for the conversation, for small background work,
for subagents, and for what a person picks. A role whose model is not granted ends in a refusal, so every role
gets one that is.
"""

import json
import shlex
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from kit.errors import ExitCode, KitError
from lambdas.common.policy import Department, GatewayPolicy

FAMILIES = ("haiku", "sonnet", "opus", "fable")  # in the order of their strength and price
_TIMEOUT = 10


def model_environment(models: Sequence[str]) -> dict[str, str]:
    """The variables that name a model for every role of Claude Code. `models` are ids that are granted; empty
    without any.

    A family that is not granted is served by the nearest weaker one, else by the weakest that is granted. The
    conversation and its subagents use Sonnet or what stands in for it.
    """
    ranked = sorted((model for model in models if _rank(model) is not None), key=lambda one: _rank(one) or 0)
    if not ranked:
        return {}

    def of(family: str) -> str:
        rank = FAMILIES.index(family)
        return next((model for model in reversed(ranked) if (_rank(model) or 0) <= rank), ranked[0])

    main = of("sonnet")
    return {
        "ANTHROPIC_MODEL": main,
        **{f"ANTHROPIC_DEFAULT_{family.upper()}_MODEL": of(family) for family in FAMILIES},
        "ANTHROPIC_SMALL_FAST_MODEL": of("haiku"),  # of Claude Code before ANTHROPIC_DEFAULT_HAIKU_MODEL
        "CLAUDE_CODE_SUBAGENT_MODEL": main,
    }


def tool_settings(policy: GatewayPolicy, department: str, helper: str) -> dict[str, Any]:
    """What managed settings say of tools and MCP servers, from the lists that the gateway enforces; nothing
    where the department only observes or warns.

    What Claude Code does by itself passes no gateway: its own web search and fetches, and the servers that
    people connect. Its permission rules cannot limit a server to single tools, because they name a server by
    what its user calls it: the token helper does that, as a hook before each call. With another `helper`,
    servers of which the department lists single tools are left out.
    """
    rights = _rights(policy, department)
    if rights.tool_governance != "enforce":
        return {}
    granted = {*rights.tools, *(one.partition(":")[2] for one in rights.role_tools)}
    limits_tools = _is_ours(helper) and any("#" in one for one in rights.mcp_servers)
    origins = dict.fromkeys(
        one.partition("#")[0] for one in rights.mcp_servers if limits_tools or "#" not in one
    )
    fetches = "web-fetch" in granted
    return {
        "allowManagedMcpServersOnly": True,
        "allowedMcpServers": [{"serverUrl": url} for one in origins for url in (one, f"{one}/*")],
        "permissions": {
            "allow": [
                f"WebFetch(domain:{pattern})"
                for domain in (rights.web_domains if fetches else ())
                for pattern in (domain, f"*.{domain}")
            ],
            "deny": [
                *([] if "web-search" in granted else ["WebSearch"]),
                *([] if fetches else ["WebFetch"]),
            ],
            "disableBypassPermissionsMode": "disable",
        },
        **({"hooks": _tool_hooks(helper, rights.mcp_servers)} if limits_tools else {}),
    }


def _tool_hooks(helper: str, servers: Sequence[str]) -> dict[str, Any]:
    """What makes Claude Code ask the helper before each call of an MCP server, which a failure stops."""
    command = f"{helper} tools {' '.join(shlex.quote(one) for one in servers)}"
    hook = {"type": "command", "command": command, "timeout": 10, "onFailure": "block"}
    return {"PreToolUse": [{"matcher": "mcp__.*", "hooks": [hook]}]}


def _is_ours(helper: str) -> bool:
    return PurePath(helper).name == "claude-kit-token"


def warning_hooks(helper: str) -> dict[str, Any]:
    """The hooks that show people when a budget comes to its end; none for a helper that is not ours."""
    if not _is_ours(helper):
        return {}
    warn = [{"hooks": [{"type": "command", "command": f"{helper} warn", "timeout": 5}]}]
    return {"UserPromptSubmit": warn, "Stop": warn}


def _rights(policy: GatewayPolicy, department: str) -> Department:
    rights = policy.departments.get(department)
    if rights is None:
        raise KitError(
            f"there is no department {department}",
            hint=f"one of: {', '.join(sorted(policy.departments))}",
            exit_code=ExitCode.USAGE,
        )
    return rights


def models_of_department(policy: GatewayPolicy, department: str) -> list[str]:
    """Ids of the Claude models that everybody in a department may use. Raises KitError for an unknown one."""
    rights = _rights(policy, department)
    return [policy.models[alias].model for alias in rights.models if not policy.models[alias].roles]


def models_of_caller(gateway_url: str, token: str) -> list[str]:
    """Ids of the models that the gateway grants to the holder of `token`. Raises KitError."""
    request = urllib.request.Request(  # noqa: S310 - the address of the session, which `kit login` checked
        f"{gateway_url}/v1/models?limit=1000", headers={"authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            page = json.loads(answer.read(1 << 20))
        return [str(entry["id"]) for entry in page["data"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        refused = f"refused with {error.code}" if isinstance(error, urllib.error.HTTPError) else "no answer"
        raise KitError(
            f"the gateway at {gateway_url} does not say which models are granted: {refused}",
            hint="kit login, or name a department: kit claude-code --department NAME",
            exit_code=ExitCode.ENVIRONMENT,
        ) from None


def _rank(model: str) -> int | None:
    """Where a model's family stands; None for a name that shows no family."""
    return next((rank for rank, family in enumerate(FAMILIES) if family in model), None)

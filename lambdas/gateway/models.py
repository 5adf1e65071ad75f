"""GET /v1/models: the aliases and models that the caller may use, in the format of the Claude API (L1.1)."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from lambdas.common.claude_models import facts_of
from lambdas.common.identities import Principal
from lambdas.common.policy import GatewayPolicy, Model
from lambdas.gateway.authorise import granted_models
from lambdas.gateway.errors import not_found
from lambdas.gateway.pages import page_of

_UNKNOWN_DATE = "1970-01-01T00:00:00Z"  # the API's own convention for an unknown release date
_LARGEST_PAGE = 1_000


def models_page(policy: GatewayPolicy, principal: Principal, query: bytes = b"") -> bytes:
    """Return a page: first the aliases, then the models behind them, each once.

    `query` has `limit`, `after_id` and `before_id` as in the Claude API. Raises `ApiError` 400.
    """
    entries = _entries(policy, principal)
    given = parse_qs(query.decode("latin-1"))
    page = page_of([entry["id"] for entry in entries], given, what="model", largest=_LARGEST_PAGE)
    by_id = {entry["id"]: entry for entry in entries}
    return json.dumps(page.body([by_id[one] for one in page.ids])).encode()


def one_model(policy: GatewayPolicy, principal: Principal, model_id: str) -> bytes:
    """Return one entry, by any name that a call may use. Raises `ApiError` 404."""
    for model in granted_models(policy, principal):
        if model.answers_to(model_id):
            return json.dumps(_entry(model_id, model)).encode()
    raise not_found(f"model: {model_id[:100]}", reason="unknown_model")


def _entries(policy: GatewayPolicy, principal: Principal) -> list[dict[str, Any]]:
    models = granted_models(policy, principal)
    entries = {model.alias: _entry(model.alias, model) for model in models}
    for model in models:
        entries.setdefault(model.model, _entry(model.model, model))
    return list(entries.values())


def _entry(model_id: str, model: Model) -> dict[str, Any]:
    facts = facts_of(model.model)
    return {
        "type": "model",
        "id": model_id,
        "display_name": facts.display_name if facts and model_id == model.model else model.display_name,
        "created_at": facts.created_at if facts else _UNKNOWN_DATE,
        "lifecycle": "active",
        "line": facts.line if facts else None,
        "max_input_tokens": facts.window if facts else None,
        "max_tokens": facts.max_output if facts else None,
        "capabilities": _capabilities() if facts else None,
    }


def _capabilities() -> Mapping[str, Any]:
    """Return the capabilities of the catalogue's models; the policy says what a department may use."""
    yes, no = {"supported": True}, {"supported": False}
    return {
        "batch": yes,
        "citations": yes,
        "code_execution": yes,
        "context_management": {
            "supported": True,
            "clear_thinking_20251015": yes,
            "clear_tool_uses_20250919": yes,
            "compact_20260112": yes,
        },
        "effort": {"supported": True, "low": yes, "medium": yes, "high": yes, "max": yes, "xhigh": yes},
        "image_input": yes,
        "pdf_input": yes,
        "server_tools": {"supported": True, "code_execution": yes, "web_search": yes},
        "structured_outputs": yes,
        "thinking": {
            "supported": True,
            "types": {"adaptive": yes, "between_tools": yes, "disabled": no, "enabled": yes},
        },
    }

"""GET /v1/models: the aliases and models that the caller may use, in the shape of the Claude API (L1.1)."""

import json
from typing import Any

from lambdas.common.identities import Principal
from lambdas.common.policy import GatewayPolicy
from lambdas.gateway.authorise import granted_models
from lambdas.gateway.errors import not_found

_UNKNOWN_DATE = "1970-01-01T00:00:00Z"  # the API's own convention where a release date is not known


def models_page(policy: GatewayPolicy, principal: Principal) -> bytes:
    """One page with all of them: first the aliases, then the models that they stand for today, each once."""
    entries = list(_entries(policy, principal).values())
    page = {
        "data": entries,
        "has_more": False,
        "first_id": entries[0]["id"] if entries else None,
        "last_id": entries[-1]["id"] if entries else None,
    }
    return json.dumps(page).encode()


def one_model(policy: GatewayPolicy, principal: Principal, model_id: str) -> bytes:
    """One entry. Raises `ApiError` 404."""
    entry = _entries(policy, principal).get(model_id)
    if entry is None:
        raise not_found(f"model: {model_id[:100]}", reason="unknown_model")
    return json.dumps(entry).encode()


def _entries(policy: GatewayPolicy, principal: Principal) -> dict[str, dict[str, Any]]:
    models = granted_models(policy, principal)
    entries = {model.alias: _entry(model.alias, model.display_name) for model in models}
    for model in models:
        entries.setdefault(model.model, _entry(model.model, model.display_name))
    return entries


def _entry(model_id: str, display_name: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": model_id,
        "display_name": display_name,
        "created_at": _UNKNOWN_DATE,
        "lifecycle": "active",
    }

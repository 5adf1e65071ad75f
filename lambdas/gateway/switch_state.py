"""GET /v1/switches/{scope}[/{subject}]: whether a kill switch is off, as seen by this gateway's calls.

`kit switch` asks after turning one, so that its effect is verified and not assumed. Any caller may ask: the
callers that a switch refuses learn it anyway (G.4).
"""

import json
from dataclasses import dataclass

from lambdas.common.ledger.items import Store
from lambdas.common.ledger.switches import SCOPES, Switch, first_off
from lambdas.gateway.errors import available, not_found
from lambdas.gateway.exchange import Exchange


@dataclass(frozen=True, slots=True)
class SwitchState:
    """Serves the route."""

    store: Store

    async def answer(self, exchange: Exchange, scope: str, subject: str) -> None:
        """Return the state of one switch. Raises `ApiError` 404 for an unknown scope, 503."""
        named = next((Switch(one, subject) for one in SCOPES if one == scope), None)
        if named is None or (scope == "organization") == bool(subject):
            raise not_found(f"Scopes of switches are {', '.join(SCOPES)}; all but the first have a subject.")
        items = await available(self.store.get([named.key]))
        off = first_off([named], items) is not None
        document = {"type": "switch", "scope": named.scope, "subject": named.subject or None, "off": off}
        await exchange.answer(200, [(b"content-type", b"application/json")], json.dumps(document).encode())

"""POST /v1/sign-out: ends the caller's sign-in, and with it every token from it (L1.3, G.4).

No body. The sign-in service refreshes nothing for a session that ended there, but an existing access token
would be valid for up to another hour, so the gateway is notified as well. Priced calls are refused from the
next one on, everything else within seconds.
"""

from dataclasses import dataclass

from lambdas.common.identities import Principal
from lambdas.common.ledger import LedgerUnavailable
from lambdas.common.ledger.token_uses import TokenUses
from lambdas.gateway.errors import control_unavailable, invalid_request
from lambdas.gateway.exchange import Exchange


@dataclass(frozen=True, slots=True)
class SignOut:
    """Ends sign-ins."""

    uses: TokenUses

    async def answer(self, exchange: Exchange, principal: Principal) -> None:
        """End the caller's sign-in. Raises `ApiError` 400 for a credential without one, 503."""
        if not principal.session:
            raise invalid_request("API keys cannot sign out; ask an operator to revoke the key.")
        try:
            await self.uses.end(principal.session)
        except LedgerUnavailable:
            raise control_unavailable("ledger") from None
        await exchange.answer(200, [(b"content-type", b"application/json")], b'{"type": "signed_out"}')

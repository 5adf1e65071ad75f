"""POST /v1/sign-out: the caller's sign-in ends, and with it every token that came from it (L1.3, G.4).

No body. The sign-in service renews nothing for a session that was ended there, but an access token in hand
would be good for up to an hour more; so the gateway is informed as well. What spends money is refused at the
next call, all else within seconds.
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
        """End the caller's sign-in. Raises `ApiError` 400 for a credential that came from none, 503."""
        if not principal.session:
            raise invalid_request("API keys cannot sign out; ask an operator to revoke the key.")
        try:
            await self.uses.end(principal.session)
        except LedgerUnavailable:
            raise control_unavailable("ledger") from None
        await exchange.answer(200, [(b"content-type", b"application/json")], b'{"type": "signed_out"}')

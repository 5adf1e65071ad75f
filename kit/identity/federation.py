"""The client secret of the identity provider: from the operator to Cognito, past Pulumi (G.4)."""

from kit.errors import KitError
from kit.identity.operator import record_event, usage
from kit.target import Target

PROVIDER = "organization"


def connect_provider(target: Target, secret: str) -> None:
    """Give the user pool the provider's client secret. Idempotent. Raises KitError for a SAML provider."""
    if not secret or len(secret) > 2048 or not secret.isascii() or not secret.isprintable():
        raise usage("that is not a client secret", "pipe it in: kit connect-provider < secret-file")
    cognito, pool = target.client("cognito-idp"), target.require("user_pool_id")
    names = {"UserPoolId": pool, "ProviderName": PROVIDER}
    provider = cognito.describe_identity_provider(**names)["IdentityProvider"]
    if provider["ProviderType"] != "OIDC":
        raise KitError("this deployment signs people in by SAML, which needs no client secret")
    record_event(target, {"kind": "identity-provider", "event": "connected"})
    details = {**provider["ProviderDetails"], "client_secret": secret}
    cognito.update_identity_provider(**names, ProviderDetails=details)

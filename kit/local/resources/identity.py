"""Cognito: user pools, their clients, domains, identity providers and scopes."""

from typing import Any

from kit.local.resources.handler import Handler, Inputs, Made, Place, api_names, found, given, whole, without

_SERVICE = "cognito-idp"
_SPECIAL = {"lambdaArn": "LambdaArn", "lambdaVersion": "LambdaVersion"}


def _paged(call: Any, key: str, token: str, **arguments: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        page = call(**arguments)
        rows += page.get(key, [])
        if not page.get(token):
            return rows
        arguments[token] = page[token]


def _ensure_pool(place: Place, inputs: Inputs, known: str | None) -> Made:
    cognito, name = place.client(_SERVICE), inputs["name"]
    pools = _paged(cognito.list_user_pools, "UserPools", "NextToken", MaxResults=60)
    pool_id = known or next((pool["Id"] for pool in pools if pool["Name"] == name), None)
    settings = given(
        AdminCreateUserConfig=api_names(inputs.get("adminCreateUserConfig")),
        MfaConfiguration=inputs.get("mfaConfiguration"),
        LambdaConfig=api_names(inputs.get("lambdaConfig"), _SPECIAL),
        DeletionProtection=inputs.get("deletionProtection"),
        UserPoolTier=inputs.get("userPoolTier"),
    )
    if pool_id is None:
        folded = given(UsernameConfiguration=api_names(inputs.get("usernameConfiguration")))
        pool_id = cognito.create_user_pool(PoolName=name, **settings, **folded)["UserPool"]["Id"]
    else:
        cognito.update_user_pool(UserPoolId=pool_id, **settings)
    arn = place.arn(_SERVICE, f"userpool/{pool_id}")
    return pool_id, {"arn": arn, "endpoint": f"cognito-idp.{place.region}.amazonaws.com/{pool_id}"}


def _pool_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del inputs
    return found(place.client(_SERVICE).describe_user_pool, UserPoolId=id_) is not None


def _delete_pool(place: Place, id_: str, inputs: Inputs) -> None:
    del inputs
    without(place.client(_SERVICE).update_user_pool, UserPoolId=id_, DeletionProtection="INACTIVE")
    without(place.client(_SERVICE).delete_user_pool, UserPoolId=id_)


def _ensure_client(place: Place, inputs: Inputs, known: str | None) -> Made:
    cognito, pool_id, name = place.client(_SERVICE), inputs["userPoolId"], inputs["name"]
    if known is None:
        clients = _paged(
            cognito.list_user_pool_clients, "UserPoolClients", "NextToken", UserPoolId=pool_id, MaxResults=60
        )
        known = next((client["ClientId"] for client in clients if client["ClientName"] == name), None)
    settings = given(
        AllowedOAuthFlows=inputs.get("allowedOauthFlows"),
        AllowedOAuthScopes=inputs.get("allowedOauthScopes"),
        AllowedOAuthFlowsUserPoolClient=inputs.get("allowedOauthFlowsUserPoolClient"),
        CallbackURLs=inputs.get("callbackUrls"),
        SupportedIdentityProviders=inputs.get("supportedIdentityProviders"),
        EnableTokenRevocation=inputs.get("enableTokenRevocation"),
        PreventUserExistenceErrors=inputs.get("preventUserExistenceErrors"),
        AccessTokenValidity=whole(inputs.get("accessTokenValidity")),
        IdTokenValidity=whole(inputs.get("idTokenValidity")),
        RefreshTokenValidity=whole(inputs.get("refreshTokenValidity")),
        TokenValidityUnits=api_names(inputs.get("tokenValidityUnits")),
    )
    if known is None:
        made = cognito.create_user_pool_client(
            UserPoolId=pool_id, ClientName=name, GenerateSecret=bool(inputs.get("generateSecret")), **settings
        )
    else:
        made = cognito.update_user_pool_client(
            UserPoolId=pool_id, ClientId=known, ClientName=name, **settings
        )
    client = made["UserPoolClient"]
    secret = {"clientSecret": client["ClientSecret"]} if client.get("ClientSecret") else {}
    return client["ClientId"], secret


def _client_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    describe = place.client(_SERVICE).describe_user_pool_client
    return found(describe, UserPoolId=inputs["userPoolId"], ClientId=id_) is not None


def _delete_client(place: Place, id_: str, inputs: Inputs) -> None:
    without(place.client(_SERVICE).delete_user_pool_client, UserPoolId=inputs["userPoolId"], ClientId=id_)


def _domain_is_there(place: Place, domain: str) -> bool:
    described = found(place.client(_SERVICE).describe_user_pool_domain, Domain=domain)
    return bool(described and described.get("DomainDescription", {}).get("UserPoolId"))


def _ensure_domain(place: Place, inputs: Inputs, known: str | None) -> Made:
    del known
    domain = inputs["domain"]
    if not _domain_is_there(place, domain):
        place.client(_SERVICE).create_user_pool_domain(Domain=domain, UserPoolId=inputs["userPoolId"])
    return domain, {}


def _domain_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del inputs
    return _domain_is_there(place, id_)


def _delete_domain(place: Place, id_: str, inputs: Inputs) -> None:
    without(place.client(_SERVICE).delete_user_pool_domain, Domain=id_, UserPoolId=inputs["userPoolId"])


def _names_of(inputs: Inputs) -> dict[str, str]:
    return {"UserPoolId": inputs["userPoolId"], "ProviderName": inputs["providerName"]}


def _ensure_provider(place: Place, inputs: Inputs, known: str | None) -> Made:
    del known
    cognito, names = place.client(_SERVICE), _names_of(inputs)
    details = dict(inputs["providerDetails"])
    settings = {"ProviderDetails": details, "AttributeMapping": dict(inputs.get("attributeMapping") or {})}
    there = found(cognito.describe_identity_provider, **names)
    if there is None:
        cognito.create_identity_provider(**names, ProviderType=inputs["providerType"], **settings)
    else:
        # the operator's, as in the plan: it ignores changes of the secret
        secret = there["IdentityProvider"].get("ProviderDetails", {}).get("client_secret")
        if secret:
            details["client_secret"] = secret
        cognito.update_identity_provider(**names, **settings)
    return f"{names['UserPoolId']}:{names['ProviderName']}", {}


def _provider_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del id_
    return found(place.client(_SERVICE).describe_identity_provider, **_names_of(inputs)) is not None


def _delete_provider(place: Place, id_: str, inputs: Inputs) -> None:
    del id_
    without(place.client(_SERVICE).delete_identity_provider, **_names_of(inputs))


def _server_names(inputs: Inputs) -> dict[str, str]:
    return {"UserPoolId": inputs["userPoolId"], "Identifier": inputs["identifier"]}


def _ensure_server(place: Place, inputs: Inputs, known: str | None) -> Made:
    del known
    cognito, names = place.client(_SERVICE), _server_names(inputs)
    settings = {"Name": inputs["name"], "Scopes": api_names(inputs.get("scopes") or [])}
    if found(cognito.describe_resource_server, **names) is None:
        cognito.create_resource_server(**names, **settings)
    else:
        cognito.update_resource_server(**names, **settings)
    return f"{names['UserPoolId']}|{names['Identifier']}", {}


def _server_exists(place: Place, id_: str, inputs: Inputs) -> bool:
    del id_
    return found(place.client(_SERVICE).describe_resource_server, **_server_names(inputs)) is not None


def _delete_server(place: Place, id_: str, inputs: Inputs) -> None:
    del id_
    without(place.client(_SERVICE).delete_resource_server, **_server_names(inputs))


HANDLERS = {
    "aws:cognito/userPool:UserPool": Handler(_ensure_pool, _pool_exists, _delete_pool),
    "aws:cognito/userPoolClient:UserPoolClient": Handler(_ensure_client, _client_exists, _delete_client),
    "aws:cognito/userPoolDomain:UserPoolDomain": Handler(_ensure_domain, _domain_exists, _delete_domain),
    "aws:cognito/identityProvider:IdentityProvider": Handler(
        _ensure_provider, _provider_exists, _delete_provider
    ),
    "aws:cognito/resourceServer:ResourceServer": Handler(_ensure_server, _server_exists, _delete_server),
}

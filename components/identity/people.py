"""Sign-in of people: a Cognito user pool in front of the organisation's identity provider."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pulumi
from pulumi_aws import cognito

from components.base import KitComponent, refuse
from components.functions import Function, FunctionArgs, FunctionContext, log_alarm
from components.permissions import Statement
from contract.client import OidcIdentity, SamlIdentity
from lambdas.common.bindings import ATTRIBUTES as BINDING_ATTRIBUTES

PROVIDER = "organization"
RESOURCE_SERVER = "claude"
SCOPE = "messages"
MACHINE_SCOPE = f"{RESOURCE_SERVER}/{SCOPE}"
# Where `kit login` listens. A pool accepts exact addresses only, so there are two in case one is in use.
LOOPBACK = ("http://localhost:8976/callback", "http://localhost:18976/callback")
# Set when the pool is created and replaced by `kit connect-provider`: no secret passes through Pulumi.
UNSET = "not-set-yet"
_ACCESS_MINUTES = 60
_PORTAL_REFRESH_HOURS = 12
# A client without explicit flows gets those with passwords. This flow ends at a trigger that the pool does
# not have, so people can only sign in through their identity provider. With refresh token rotation, the
# flow that refreshes without rotation must not be listed.
_NO_PASSWORDS = ["ALLOW_CUSTOM_AUTH"]


@dataclass(frozen=True)
class PeopleArgs:
    """`identity` is the sign-in configuration of the client file. `portal_url` is the portal's URL, or
    empty. `directory_table` is the table whose outbox receives sign-in events. If groups come from
    sign-ins, the function `enrolment` updates the directory. A sign-in lasts for the identity's
    `session_hours`, including refreshes: rotated refresh tokens expire with the first one.
    """

    context: FunctionContext
    identity: OidcIdentity | SamlIdentity
    access_table_name: pulumi.Input[str]
    access_table_arn: pulumi.Input[str]
    directory_table: str
    layer_arn: pulumi.Input[str]
    tier: Literal["ESSENTIALS", "PLUS"] = "ESSENTIALS"
    portal_url: str = ""


class People(KitComponent):
    """Sign-in for people, and for machines that have nothing better (G.4, L1.3).

    Creates: a user pool, its identity provider, its sign-in domain with managed login, an app client for
    people and one for the portal (authorization code with PKCE, no secret), one with client credentials per
    machine, the scope `claude/messages`, and the trigger `pretoken`, which refuses tokens to who has no
    active access record.
    Default posture: nobody signs up or has a password here; deletion protection, protected and retained;
    access tokens for an hour, refresh tokens rotate and can be revoked; people cannot change attributes of
    their own, because no client has the scope for it. Tier ESSENTIALS, which claims in access tokens need;
    PLUS adds threat protection in enforced mode.
    Replaced when changed: client, environment; the pool also when its schema changes.
    """

    def __init__(self, name: str, args: PeopleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        machines = args.identity.machine_clients
        refuse(
            f"People {name}",
            [(len(set(machines)) == len(machines), f"machine_clients: {list(machines)} repeat")],
        )
        super().__init__(name, opts)
        self._args = args
        names = args.context.names
        self.trigger = self._trigger(name)
        log_alarm(
            self,
            f"{name}-foreign-subject",
            args.context,
            "sign-in-foreign-subject",
            "ForeignSubjects",
            "Another account at the identity provider claims to be somebody who has one",
        )
        self.pool = self._pool(name)
        self.arn = self.pool.arn
        self.trigger.allow(f"{name}-invoke-trigger", "cognito-idp.amazonaws.com", self.pool.arn)
        provider = self._federation(name)
        self.domain = cognito.UserPoolDomain(
            f"{name}-domain",
            domain=names.sign_in(),
            user_pool_id=self.pool.id,
            managed_login_version=2,
            opts=self.child(),
        )
        server = cognito.ResourceServer(
            f"{name}-scopes",
            user_pool_id=self.pool.id,
            identifier=RESOURCE_SERVER,
            name="Claude",
            scopes=[{"scope_name": SCOPE, "scope_description": "Call Claude"}],
            opts=self.child(),
        )
        self.client = self._people_client(name, provider, server)
        self.portal_client = self._portal_client(name, provider, server) if args.portal_url else None
        self.machine_clients = {machine: self._machine_client(name, machine, server) for machine in machines}
        cognito.ManagedLoginBranding(
            f"{name}-branding",
            user_pool_id=self.pool.id,
            client_id=self.client.id,
            use_cognito_provided_values=True,
            opts=self.child(depends_on=[self.domain]),
        )
        self.issuer = pulumi.Output.concat(f"https://cognito-idp.{names.region}.amazonaws.com/", self.pool.id)
        self.sign_in_url = pulumi.Output.concat(
            "https://", self.domain.domain, f".auth.{names.region}.amazoncognito.com"
        )
        self.register_outputs({"userPoolId": self.pool.id, "clientId": self.client.id})

    def token_issuers(self) -> list[dict[str, Any]]:
        """Return the issuers of the pool's access tokens for the gateway policy: one per client of people,
        one per machine.

        Cognito identifies the sign-in behind a person's token in `origin_jti`.
        """
        person = {
            "person": "kit_person",
            "session": "origin_jti",
            "methods": "kit_amr",
            "context": "kit_acr",
        }
        signed_in = [one for one in (self.client, self.portal_client) if one is not None]
        application = {"application": "client_id"}
        machines = self.machine_clients.values()
        return [
            *(self._issuer(one, "person", person, []) for one in signed_in),
            *(self._issuer(one, "application", application, [MACHINE_SCOPE]) for one in machines),
        ]

    def _issuer(
        self, client: cognito.UserPoolClient, principal: str, claims: dict[str, str], scopes: list[str]
    ) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "audience": client.id,
            "algorithms": ["RS256"],
            "jwks_uri": pulumi.Output.concat(self.issuer, "/.well-known/jwks.json"),
            "principal": principal,
            "claims": claims,
            "required_claims": {"token_use": "access"},
            "required_scopes": scopes,
            "single_use": False,
        }

    def _trigger(self, name: str) -> Function:
        args = self._args
        return Function(
            f"{name}-pretoken",
            FunctionArgs(
                context=args.context,
                what="pretoken",
                description="Says in a person's token who they are to us",
                packages=("common", "pretoken"),
                handler="lambdas.pretoken.handler.handler",
                statements=self._trigger_statements(),
                environment={
                    "ACCESS_TABLE": args.access_table_name,
                    "DIRECTORY_TABLE": args.directory_table,
                    "KIT_ENVIRONMENT": args.context.names.environment,
                    "IDENTITY_ISSUER": _issuer(args.identity),
                    "EMAIL_DOMAINS": ",".join(args.identity.email_domains),
                    "ADDRESSES_VERIFIED": "true" if args.identity.addresses_verified else "false",
                    "EXTERNAL_ID": "custom:external_id" if args.identity.external_id_claim else "",
                    **({"ENROLMENT_FUNCTION": self._enrolment()} if args.identity.groups_claim else {}),
                },
                layers=[args.layer_arn],
                memory=512,
                timeout=5,  # Cognito waits no longer
            ),
            self.child(),
        )

    def _enrolment(self) -> str:
        """Return the ARN of the function that updates the directory at a sign-in, which is created later
        with the directory.
        """
        names = self._args.context.names
        return names.arn("lambda", f"function:{names.of('enrolment')}:live")

    def _trigger_statements(self) -> list[Statement]:
        """Return the trigger's permissions: read access records, bind an account to a person, and append
        sign-in events.
        """
        args = self._args
        directory = args.context.names.arn("dynamodb", f"table/{args.directory_table}")
        keys = "ForAllValues:StringLike"
        return [
            Statement("ReadAccess", ["dynamodb:GetItem"], [args.access_table_arn]),
            Statement(
                "BindAccount",
                ["dynamodb:PutItem"],
                [args.access_table_arn],
                conditions={
                    keys: {"dynamodb:LeadingKeys": ["SUBJECT#*", "USER#*"]},
                    "ForAllValues:StringEquals": {"dynamodb:Attributes": list(BINDING_ATTRIBUTES)},
                },
            ),
            Statement(
                "LeaveWord",
                ["dynamodb:PutItem"],
                [directory],
                conditions={keys: {"dynamodb:LeadingKeys": ["OUTBOX"]}},
            ),
            *(
                [Statement("FollowSignIn", ["lambda:InvokeFunction"], [self._enrolment()])]
                if args.identity.groups_claim
                else []
            ),
        ]

    def _pool(self, name: str) -> cognito.UserPool:
        args = self._args
        return cognito.UserPool(
            f"{name}-pool",
            name=args.context.names.of("people"),
            user_pool_tier=args.tier,
            deletion_protection="ACTIVE",
            admin_create_user_config={"allow_admin_create_user_only": True},
            account_recovery_setting={"recovery_mechanisms": [{"name": "admin_only", "priority": 1}]},
            # attributes that the identity provider asserts at each sign-in
            schemas=[
                {
                    "name": attribute,
                    "attribute_data_type": "String",
                    "mutable": True,
                    "string_attribute_constraints": {"min_length": "0", "max_length": "2048"},
                }
                for attribute in (
                    "external_id",
                    "amr",
                    "acr",
                    *(["groups"] if args.identity.groups_claim else []),
                )
            ],
            mfa_configuration="OFF",  # nobody has a password here; the identity provider enforces MFA
            username_configuration={"case_sensitive": False},
            user_pool_add_ons={"advanced_security_mode": "ENFORCED" if args.tier == "PLUS" else "OFF"},
            lambda_config={
                "pre_token_generation_config": {
                    "lambda_arn": self.trigger.alias.arn,
                    "lambda_version": "V2_0",
                }
            },
            opts=self.kept(),
        )

    def _federation(self, name: str) -> cognito.IdentityProvider:
        provider = self._args.identity
        if isinstance(provider, OidcIdentity):
            kind, details, mapping = "OIDC", _oidc_details(provider), {**_OIDC_ATTRIBUTES}
        else:
            kind, details = "SAML", _saml_details(provider)
            names = provider.attributes
            mapping = {"email": names.email, "preferred_username": names.user_name}
        if provider.external_id_claim:
            mapping["custom:external_id"] = provider.external_id_claim
        if provider.groups_claim:
            mapping["custom:groups"] = provider.groups_claim
        return cognito.IdentityProvider(
            f"{name}-provider",
            user_pool_id=self.pool.id,
            provider_name=PROVIDER,
            provider_type=kind,
            provider_details=dict(details),
            attribute_mapping=dict(mapping),
            opts=self.child(ignore_changes=["providerDetails.client_secret"] if kind == "OIDC" else None),
        )

    def _people_client(
        self, name: str, provider: cognito.IdentityProvider, server: cognito.ResourceServer
    ) -> cognito.UserPoolClient:
        url = self._args.portal_url  # where a device's sign-in ends (RFC 8628)
        callbacks = [*LOOPBACK, *([f"{url}/device/callback"] if url else [])]
        return self._client_of_people(
            f"{name}-client",
            "people",
            provider,
            server,
            callbacks,
            None,
            (self._args.identity.session_hours, "hours"),
        )

    def _portal_client(
        self, name: str, provider: cognito.IdentityProvider, server: cognito.ResourceServer
    ) -> cognito.UserPoolClient:
        """Create the portal's app client. Its refresh tokens last half a day, as long as a portal session."""
        url, refresh = (
            self._args.portal_url,
            (min(_PORTAL_REFRESH_HOURS, self._args.identity.session_hours), "hours"),
        )
        return self._client_of_people(
            f"{name}-portal-client", "portal", provider, server, [f"{url}/callback"], [url], refresh
        )

    def _client_of_people(
        self,
        resource: str,
        name: str,
        provider: cognito.IdentityProvider,
        server: cognito.ResourceServer,
        callbacks: list[str],
        logouts: list[str] | None,
        refresh: tuple[int, str],
    ) -> cognito.UserPoolClient:
        """Create an app client for people: authorization code with PKCE, no secret, rotating refresh
        tokens.
        """
        validity, unit = refresh
        return cognito.UserPoolClient(
            resource,
            user_pool_id=self.pool.id,
            name=name,
            generate_secret=False,
            allowed_oauth_flows_user_pool_client=True,
            allowed_oauth_flows=["code"],
            allowed_oauth_scopes=["openid", "email", f"{RESOURCE_SERVER}/{SCOPE}"],
            callback_urls=callbacks,
            logout_urls=logouts,
            supported_identity_providers=[provider.provider_name],
            explicit_auth_flows=_NO_PASSWORDS,
            enable_token_revocation=True,
            prevent_user_existence_errors="ENABLED",
            access_token_validity=_ACCESS_MINUTES,
            id_token_validity=_ACCESS_MINUTES,
            refresh_token_validity=validity,
            token_validity_units={"access_token": "minutes", "id_token": "minutes", "refresh_token": unit},
            refresh_token_rotation={"feature": "ENABLED", "retry_grace_period_seconds": 30},
            opts=self.child(depends_on=[provider, server]),
        )

    def _machine_client(
        self, name: str, machine: str, server: cognito.ResourceServer
    ) -> cognito.UserPoolClient:
        return cognito.UserPoolClient(
            f"{name}-machine-{machine}",
            user_pool_id=self.pool.id,
            name=f"machine-{machine}",
            generate_secret=True,
            allowed_oauth_flows_user_pool_client=True,
            allowed_oauth_flows=["client_credentials"],
            explicit_auth_flows=_NO_PASSWORDS,
            allowed_oauth_scopes=[MACHINE_SCOPE],
            enable_token_revocation=True,
            access_token_validity=_ACCESS_MINUTES,
            token_validity_units={"access_token": "minutes"},
            opts=self.child(depends_on=[server]),
        )


_OIDC_ATTRIBUTES: Mapping[str, str] = {
    "username": "sub",
    "email": "email",
    "email_verified": "email_verified",
    "preferred_username": "preferred_username",
    "custom:amr": "amr",
    "custom:acr": "acr",
}


def _issuer(provider: OidcIdentity | SamlIdentity) -> str:
    """Return the issuer of the provider's subjects. SAML metadata may be renewed without changing it."""
    return provider.issuer if isinstance(provider, OidcIdentity) else f"saml:{PROVIDER}"


def _oidc_details(provider: OidcIdentity) -> Mapping[str, str]:
    return {
        "oidc_issuer": provider.issuer,
        "client_id": provider.client_id,
        "client_secret": UNSET,
        "authorize_scopes": " ".join(provider.scopes),
        "attributes_request_method": "GET",
    }


def _saml_details(provider: SamlIdentity) -> Mapping[str, str]:
    """Return the SAML settings. Never `IDPInit`: unsolicited assertions are rejected."""
    details = {"IDPSignout": "true"}
    if provider.metadata_file:
        details["MetadataFile"] = Path(provider.metadata_file).read_text("utf-8")
    else:
        details["MetadataURL"] = provider.metadata_url or ""
    if provider.signed_requests:
        details["RequestSigningAlgorithm"] = "rsa-sha256"
    if provider.encrypted_assertions:
        details["EncryptedResponses"] = "true"
    return details

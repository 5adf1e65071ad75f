"""Resources of the service: User and Group, and its description of itself (RFC 7643).

Models, filters and PATCH come from scim2-models; this module contains only what the service decides itself.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from scim2_models import (
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    ETag,
    Filter,
    Group,
    Mutability,
    Pagination,
    Patch,
    Reference,
    Resource,
    ResourceType,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
)
from scim2_models import Email as _Email
from scim2_models import EnterpriseUser as _EnterpriseUser
from scim2_models import Photo as _Photo
from scim2_models import User as _User
from scim2_models import X509Certificate as _Certificate
from scim2_models.resources.resource import AnyExtension

DEFAULT_PAGE = 100
LARGEST_PAGE = 200
TypeName = Literal["User", "Group"]


class Manager(ComplexAttribute):
    """The person's manager. Identity providers send only the id, so `$ref` is not required."""

    value: Annotated[str | None, CaseExact.true] = None
    ref: Annotated[Reference["User"] | None, CaseExact.true] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    display_name: Annotated[str | None, Mutability.read_only] = None


class EnterpriseUser(_EnterpriseUser):
    """The enterprise extension."""

    manager: Manager | None = None  # pyright: ignore[reportIncompatibleVariableOverride]

    @field_validator("manager", mode="before")
    @classmethod
    def _id_alone(cls, value: Any) -> Any:
        """Accept a manager as an id, or a list of one, as Microsoft Entra ID sends it."""
        if isinstance(value, list) and len(value) == 1:
            (value,) = value
        return {"value": value} if isinstance(value, str) else value


class Email(_Email):
    """An address, stored as sent: directories contain addresses at `corp.local`."""

    value: str | None = None  # pyright: ignore[reportIncompatibleVariableOverride]


class Photo(_Photo):
    """A photo, whose address is stored as sent."""

    value: str | None = None  # pyright: ignore[reportIncompatibleVariableOverride]


class X509Certificate(_Certificate):
    """A certificate, stored as sent."""

    value: str | None = None  # pyright: ignore[reportIncompatibleVariableOverride]


class User(_User[AnyExtension]):
    """A person. Addresses are not validated, because nothing here follows them."""

    profile_url: str | None = None  # pyright: ignore[reportIncompatibleVariableOverride]
    emails: list[Email] | None = None  # pyright: ignore[reportIncompatibleVariableOverride]
    photos: list[Photo] | None = None  # pyright: ignore[reportIncompatibleVariableOverride]
    x509_certificates: list[X509Certificate] | None = None  # pyright: ignore[reportIncompatibleVariableOverride]


UserResource = User[EnterpriseUser]
MODELS: dict[TypeName, type[Resource[Any]]] = {"User": UserResource, "Group": Group}
ENDPOINTS: dict[TypeName, str] = {"User": "Users", "Group": "Groups"}

# As Okta and Microsoft Entra really speak: attributes that we do not know are let go, a remove may say in its
# value what goes, and an address that is not there yet is made when one of its parts is written.
POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)

CONFIG = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
    filter=Filter(supported=True, max_results=LARGEST_PAGE),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=True),
    etag=ETag(supported=True),
    pagination=Pagination(
        cursor=False,
        index=True,
        default_pagination_method=Pagination.DefaultPaginationMethod.index,
        default_page_size=DEFAULT_PAGE,
        max_page_size=LARGEST_PAGE,
    ),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="OAuth bearer token",
            description="A named token with an end (kit scim token create), or an hour's access token for "
            "client credentials at /oauth/token",
            primary=True,
        ),
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauth2,
            name="OAuth 2.0 client credentials",
            description="client_id and client_secret are name and token of a named token",
        ),
    ],
)

PROVIDER = ScimProvider(
    models=[User, EnterpriseUser, Group],
    resource_types=[ResourceType.from_resource(UserResource), ResourceType.from_resource(Group)],
    config=CONFIG,
    policy=POLICY,
)

"""The endpoints of RFC 7644, as functions from a request to an answer. They block, and run in threads."""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError
from scim2_models import (
    Context,
    Error,
    ForbiddenException,
    Group,
    InvalidFilterException,
    InvalidSyntaxException,
    InvalidValueException,
    ListResponse,
    Meta,
    NotFoundException,
    NotImplementedException,
    PatchOp,
    PreconditionFailedException,
    ResponseParameters,
    SCIMException,
    SearchRequest,
)

from lambdas.scim import groups as stored_groups
from lambdas.scim import people as stored_people
from lambdas.scim.acting import acting
from lambdas.scim.edits import members_of, patched, replacement
from lambdas.scim.groups import Groups, Member, StoredGroup
from lambdas.scim.leniency import Active, read_patch, read_person, says_active
from lambdas.scim.people import GroupNames, People, Person, Versions, etag
from lambdas.scim.resources import CONFIG, ENDPOINTS, POLICY, PROVIDER, TypeName, UserResource
from lambdas.scim.search import Search, wants

_TYPES: dict[str, TypeName] = {endpoint: name for name, endpoint in ENDPOINTS.items()}
_LONGEST_FILTER = 4_096
_ETAG = re.compile(r'(?:W/)?"(\d{1,18})"')
_QUERY = ("attributes", "excludedAttributes", "filter", "sortBy", "sortOrder", "startIndex", "count")
_SEARCHES: dict[tuple[TypeName, ...], Any] = {
    ("User",): SearchRequest[UserResource],
    ("Group",): SearchRequest[Group],
    ("User", "Group"): SearchRequest[UserResource | Group],
}
_LIST_SCHEMA = str(ListResponse.__schema__)


@dataclass(frozen=True, slots=True)
class Request:
    """One authenticated request. `parts` is the path after `/scim/v2`; `query` has the last value of each
    name; `actor` is the name of the token.
    """

    method: str
    parts: tuple[str, ...]
    base_url: str
    query: Mapping[str, str] = field(default_factory=dict)
    actor: str = "provisioning"
    if_match: str = ""
    if_none_match: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, JSON content (None: no body) and headers. `leaver`: the request was to deactivate somebody."""

    status: int
    content: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    leaver: bool = False


class Endpoints:
    """Answers requests from a directory."""

    def __init__(self, people: People, groups: Groups) -> None:
        self._people = people
        self._groups = groups
        self._search = Search(people, groups)

    def answer(self, request: Request) -> Answer:
        """Return the answer, also for the caller's errors. Raises `DirectoryUnavailable`."""
        try:
            with acting(request.actor):
                return self._route(request)
        except SCIMException as error:
            answer = refused(error)
        except ValidationError as error:
            answer = _invalid(error)
        except RecursionError:
            answer = refused(InvalidSyntaxException(detail="The request is nested too deeply."))
        return replace(answer, leaver=_names_a_leaver(request))

    def _route(self, request: Request) -> Answer:
        match request.method, request.parts:
            case _, ("ServiceProviderConfig" | "ResourceTypes" | "Schemas", *_) as parts:
                if request.method != "GET" or len(parts) > 2:
                    return _not_allowed("GET") if len(parts) <= 2 else refused(NotFoundException())
                return _discovery(request)
            case _, ("Bulk",) | ("Me",):
                raise NotImplementedException
            case "POST", (".search",):
                return self._query(("User", "Group"), _content(request), request.base_url)
            case "POST", (endpoint, ".search") if endpoint in _TYPES:
                return self._query((_TYPES[endpoint],), _content(request), request.base_url)
            case _, (endpoint, ".search") if endpoint in _TYPES:
                return _not_allowed("POST")
            case "GET", (endpoint,) if endpoint in _TYPES:
                return self._query((_TYPES[endpoint],), _query_of(request), request.base_url)
            case "POST", (endpoint,) if endpoint in _TYPES:
                return self._create(_TYPES[endpoint], request)
            case _, (endpoint,) if endpoint in _TYPES:
                return _not_allowed("GET, POST")
            case _, (endpoint, identifier) if endpoint in _TYPES:
                return self._one(_TYPES[endpoint], identifier, request)
            case _:
                raise NotFoundException

    def _one(self, kind: TypeName, identifier: str, request: Request) -> Answer:
        match request.method:
            case "GET":
                return self._read(kind, identifier, request)
            case "PUT" | "PATCH" if kind == "User":
                return self._change_person(identifier, request)
            case "PUT":
                return self._replace_group(identifier, request)
            case "PATCH":
                return self._patch_group(identifier, request)
            case "DELETE":
                return self._delete(kind, identifier, request)
            case _:
                return _not_allowed("GET, PUT, PATCH, DELETE")

    # -- resources -----------------------------------------------------------------------------------------

    def _create(self, kind: TypeName, request: Request) -> Answer:
        content = _content(request)
        if kind == "User":
            resource = read_person(content, Context.RESOURCE_CREATION_REQUEST)
            resource.active = says_active(request.method, request.body).stored(True)
            created: Person | StoredGroup = self._people.create(resource)
        else:
            resource = Group.model_validate(
                content, scim_ctx=Context.RESOURCE_CREATION_REQUEST, scim_policy=POLICY
            )
            members = members_of(resource.members or ())
            resource.members = None
            created = self._groups.create(resource, members)
        return self._shown(created, request, Context.RESOURCE_CREATION_RESPONSE, status=201)

    def _read(self, kind: TypeName, identifier: str, request: Request) -> Answer:
        stored = self._people.get(identifier) if kind == "User" else self._groups.get(identifier)
        if request.if_none_match and stored.version in (_versions(request.if_none_match) or {stored.version}):
            return Answer(304, headers={"etag": etag(stored.version)})
        return self._shown(stored, request, Context.RESOURCE_QUERY_RESPONSE)

    def _change_person(self, identifier: str, request: Request) -> Answer:
        """Serve PUT or PATCH of a person. A deactivation takes effect even if the rest is refused."""
        active = says_active(request.method, request.body)
        try:
            stored = self._changed_person(identifier, request, active)
        except Exception:
            if active.is_out:
                self._put_out(identifier)
            raise
        put = request.method == "PUT"
        context = Context.RESOURCE_REPLACEMENT_RESPONSE if put else Context.RESOURCE_PATCH_RESPONSE
        return self._shown(stored, request, context)

    def _changed_person(self, identifier: str, request: Request, active: Active) -> Person:
        content = _content(request)
        if request.method == "PUT":
            if content.get("id", identifier) != identifier:
                raise InvalidValueException(detail="id is another than that of the path", attribute="id")
            sent = read_person(content, Context.RESOURCE_REPLACEMENT_REQUEST)

            def change(person: Any) -> Any:
                after = sent.model_copy(deep=True)
                after.replace(person)
                # A PUT that does not speak of it leaves who is in in, and who is out out.
                after.active = active.stored(person.active)
                return after
        else:
            patch = read_patch(content)

            def change(person: Any) -> Any:
                person.id = identifier  # some providers send it along
                patch(person)
                person.active = active.stored(person.active)
                return person

        return self._people.update(identifier, change, versions=_expected(request))

    def _put_out(self, identifier: str) -> None:
        """Deactivate a person whose other changes were refused."""

        def change(person: Any) -> Any:
            person.active = False
            return person

        with suppress(NotFoundException):
            self._people.update(identifier, change)

    def _replace_group(self, identifier: str, request: Request) -> Answer:
        content = _content(request)
        if content.get("id", identifier) != identifier:
            raise InvalidValueException(detail="id is another than that of the path", attribute="id")
        resource = Group.model_validate(
            content, scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST, scim_policy=POLICY
        )
        edit = replacement(resource, lambda: self._groups.changed_members(identifier))
        stored = self._groups.update(identifier, edit, versions=_expected(request))
        return self._shown(stored, request, Context.RESOURCE_REPLACEMENT_RESPONSE)

    def _patch_group(self, identifier: str, request: Request) -> Answer:
        patch = PatchOp[Group].model_validate(
            _content(request), scim_ctx=Context.RESOURCE_PATCH_REQUEST, scim_policy=POLICY
        )
        edit = patched(patch, identifier, lambda: self._groups.changed_members(identifier))
        stored = self._groups.update(identifier, edit, versions=_expected(request))
        if not request.query:
            # A group may have 50,000 members: anyone who adds one must not be sent all of them.
            return Answer(204, headers={"etag": etag(stored.version)})
        return self._shown(stored, request, Context.RESOURCE_PATCH_RESPONSE)

    def _shown(
        self, stored: Person | StoredGroup, request: Request, context: Context, *, status: int = 200
    ) -> Answer:
        model: Any = (
            ResponseParameters[UserResource] if isinstance(stored, Person) else ResponseParameters[Group]
        )
        chosen = model.model_validate(
            {name: value for name, value in request.query.items() if "ttributes" in name}, scim_policy=POLICY
        )
        if isinstance(stored, Person):
            names: GroupNames = {}
            self._people.know_groups(stored, names)
            resource = stored_people.shown(stored, request.base_url, names)
        else:
            members = self._members(stored.id, context) if wants(chosen, "members") else None
            resource = stored_groups.shown(stored, request.base_url, members)
        headers = {"etag": etag(stored.version), "content-location": resource.meta.location}
        if status == 201:
            headers["location"] = resource.meta.location
        return Answer(status, resource.model_dump(scim_ctx=context, response_parameters=chosen), headers)

    def _members(self, identifier: str, context: Context) -> Sequence[Member] | None:
        """Return the members to show. A change that succeeded is not answered with an error because they
        are many.
        """
        if context == Context.RESOURCE_QUERY_RESPONSE:
            return self._groups.shown_members(identifier, stored_groups.SHOWN_MEMBERS)
        return self._groups.members(identifier, stored_groups.SHOWN_MEMBERS)

    def _delete(self, kind: TypeName, identifier: str, request: Request) -> Answer:
        """Delete a resource. A person to be deleted is deactivated even if the version does not match."""
        stored: People | Groups = self._people if kind == "User" else self._groups
        try:
            stored.delete(identifier, versions=_expected(request))
        except Exception:
            if kind == "User":
                self._put_out(identifier)
            raise
        return Answer(204)

    # -- queries -------------------------------------------------------------------------------------------

    def _query(self, kinds: tuple[TypeName, ...], content: Mapping[str, Any], base_url: str) -> Answer:
        if len(str(content.get("filter") or "")) > _LONGEST_FILTER:
            raise InvalidFilterException(detail=f"A filter has at most {_LONGEST_FILTER} characters.")
        model: Any = _SEARCHES[kinds]
        try:
            search = model.model_validate(content, scim_ctx=Context.SEARCH_REQUEST, scim_policy=POLICY)
        except RecursionError:
            raise InvalidFilterException(detail="The filter is nested too deeply.") from None
        page = self._search.page(kinds, search, base_url)
        shown = [
            resource.model_dump(scim_ctx=Context.SEARCH_RESPONSE, response_parameters=search)
            for resource in page.resources
        ]
        return _list(shown, total=page.total, start=page.start_index)


def refused(error: SCIMException) -> Answer:
    """Return the answer to the caller's error."""
    return Answer(error.status, error.to_error().model_dump())


def _invalid(error: ValidationError) -> Answer:
    first = Error.from_validation_errors(error)[0]
    return Answer(first.status or 400, first.model_dump())


def _names_a_leaver(request: Request) -> bool:
    """Return whether a request about one person deactivates somebody."""
    if request.parts[:1] != (ENDPOINTS["User"],):
        return False
    return request.method == "DELETE" or says_active(request.method, request.body).is_out


def _not_allowed(allowed: str) -> Answer:
    error = Error(status=405, detail="The method is not allowed here.")
    return Answer(405, error.model_dump(), {"allow": allowed})


def _content(request: Request) -> dict[str, Any]:
    """Return the body. Raises InvalidSyntaxException unless it is a JSON object of characters that can be
    stored.

    In a deactivation, an unpaired surrogate becomes a question mark and keeps nobody active.
    """
    try:
        content = json.loads(request.body, parse_constant=_no_constant)
        leaves = says_active(request.method, request.body).is_out
        content = json.loads(
            json.dumps(content, ensure_ascii=False).encode("utf-8", "replace" if leaves else "strict")
        )
    except (ValueError, RecursionError):
        raise InvalidSyntaxException(detail="The body is not JSON in UTF-8.") from None
    if not isinstance(content, dict):
        raise InvalidSyntaxException(detail="The body is not a JSON object.")
    return content


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _query_of(request: Request) -> dict[str, Any]:
    return {name: request.query[name] for name in _QUERY if request.query.get(name)}


def _expected(request: Request) -> Versions:
    """Return the versions that If-Match allows. Raises PreconditionFailedException if none can match."""
    if not request.if_match:
        return None
    versions = _versions(request.if_match)
    if versions == frozenset():
        raise PreconditionFailedException
    return versions


def _versions(header: str) -> Versions:
    """Return the versions in a header of entity tags; None for `*`."""
    if header.strip() == "*":
        return None
    return frozenset(int(number) for number in _ETAG.findall(header))


def _list(resources: list[Any], *, total: int, start: int) -> Answer:
    content = {
        "schemas": [_LIST_SCHEMA],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }
    return Answer(200, content)


def _discovery(request: Request) -> Answer:
    """Serve the service's description of itself (RFC 7644, 4)."""
    if "filter" in request.query:
        raise ForbiddenException(detail="Discovery cannot be filtered.")
    name, *rest = request.parts
    if name == "ServiceProviderConfig":
        if rest:
            raise NotFoundException
        return Answer(200, _described(CONFIG, name, "", request.base_url))
    known = PROVIDER.schemas if name == "Schemas" else PROVIDER.resource_types
    shown = {
        str(one.id): _described(one, name.removesuffix("s"), f"/{one.id}", request.base_url) for one in known
    }
    if not rest:
        return _list(list(shown.values()), total=len(shown), start=1)
    if rest[0] not in shown:
        raise NotFoundException
    return Answer(200, shown[rest[0]])


def _described(resource: Any, kind: str, suffix: str, base_url: str) -> dict[str, Any]:
    shown = resource.model_copy()
    plural = kind if kind == "ServiceProviderConfig" else f"{kind}s"
    shown.meta = Meta(resource_type=kind, location=f"{base_url}/{plural}{suffix}")
    return shown.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)

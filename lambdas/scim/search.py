"""Queries: filter, sort, page (RFC 7644, 3.4.2).

A filter that identifies a person or a group (`userName eq`, `externalId eq`, `emails eq`, `id eq`,
`displayName eq`, `members eq`, also as `emails[type eq "work"].value eq`, alone, joined with others by
`and`, several by `or`) is answered from an index; the whole filter is then checked on the few that were
found. At most the members that the filter names are read; one that needs all of them (`pr`, `type eq`) is
refused if groups have too many. A page without a filter reads only its own ids. Any other filter, and
sorting, examine everybody in batches and keep only ids; a query that takes longer than API Gateway would
wait is refused as `tooMany`. A filter is data: it is parsed, compared in memory, and never becomes part of
a database expression.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Literal

from scim2_models import ScimFilter, SearchRequest, TooManyException
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)

from lambdas.scim import groups as stored_groups
from lambdas.scim import people as stored_people
from lambdas.scim.groups import Groups
from lambdas.scim.listing import Listing
from lambdas.scim.people import GroupNames, People
from lambdas.scim.resources import DEFAULT_PAGE, LARGEST_PAGE, MODELS, TypeName

_BATCH = 400  # resources in memory at a time
_SECONDS = 20.0  # of looking at everybody; API Gateway waits for 29
_NARROWER = (
    "The query looks at everybody, which takes too long here. Name a userName, externalId, emails.value or "
    "id with eq (a group: displayName, externalId, members or id), or take pages without filter and sortBy."
)
_MEMBERS = ("members", "members.value")
_NAMING = (
    f"The query looks at every member of groups that have more than {stored_groups.SHOWN_MEMBERS:,}. "
    "Name one: members.value eq."
)
Lookup = Callable[[str], list[str] | None]  # None: no index has it


@dataclass(frozen=True, slots=True)
class Page:
    """Result of a query. `start_index` counts from 1."""

    total: int
    start_index: int
    resources: list[Any]


@dataclass(frozen=True, slots=True)
class _Found:
    id: str
    kind: TypeName
    order: tuple[bool, Any] = (True, "")


class Search:
    """Answers queries over one or several types of resource."""

    def __init__(self, people: People, groups: Groups, *, seconds: float = _SECONDS) -> None:
        self._people = people
        self._groups = groups
        self._seconds = seconds
        self._lookups: dict[TypeName, dict[str, Lookup]] = {
            "User": {
                "id": lambda value: [value],
                "username": lambda value: people.ids_by_name("user-name", value),
                "externalid": lambda value: people.ids_by_name("external-id", value),
                "emails": people.ids_by_email,
                "emails.value": people.ids_by_email,
            },
            "Group": {
                "id": lambda value: [value],
                "displayname": lambda value: groups.ids_by_name("display-name", value),
                "externalid": lambda value: groups.ids_by_name("external-id", value),
                **dict.fromkeys(_MEMBERS, self._groups_of),
            },
        }

    def page(self, kinds: Sequence[TypeName], request: SearchRequest[Any], base_url: str) -> Page:
        """Return one page of matching resources. `request` is bound to the types.

        Raises TooManyException if examining everybody takes too long.
        """
        start = request.start_index or 1
        count = min(DEFAULT_PAGE if request.count is None else request.count, LARGEST_PAGE)
        if len(kinds) == 1 and request.filter is None and request.sort_by is None:
            (kind,) = kinds
            total, ids = self._listing(kind).page(start - 1, count)
            return Page(total, start, list(self._load(kind, ids, base_url, request, members="shown")))
        found = [one for kind in kinds for one in self._matching(kind, request, base_url)]
        if request.sort_by is not None:
            descending = request.sort_order == SearchRequest.SortOrder.descending
            found.sort(key=lambda one: one.order, reverse=descending)
        wanted = found[start - 1 : start - 1 + count]
        loaded = {
            resource.id: resource
            for kind in kinds
            for resource in self._load(
                kind, [one.id for one in wanted if one.kind == kind], base_url, request, members="shown"
            )
        }
        return Page(len(found), start, [loaded[one.id] for one in wanted if one.id in loaded])

    def _matching(self, kind: TypeName, request: SearchRequest[Any], base_url: str) -> list[_Found]:
        """Return all that match."""
        model: Any = ScimFilter[MODELS[kind]]  # pyright: ignore[reportInvalidTypeArguments]
        condition = model(str(request.filter)) if request.filter is not None else None
        ids = self._candidates(kind, condition.ast) if condition is not None else None
        deadline = None if ids is not None else monotonic() + self._seconds
        if ids is None:
            ids = self._listing(kind).ids()
        if condition is None and request.sort_by is None:
            return [_Found(one, kind) for one in ids]
        naming = _must_name(condition.ast) if condition is not None and kind == "User" else ""
        among = _members_named(condition.ast) if condition is not None else frozenset()
        kept: list[_Found] = []
        for resource in self._load(
            kind, ids, base_url, request, members="all" if among is None else among, naming=naming,
            deadline=deadline,
        ):  # fmt: skip
            if condition is None or condition.match(resource):
                value = request.sort_value(resource)
                order = (value is None, value if value is not None else "")  # nothing comes last
                kept.append(_Found(resource.id, kind, order))
        return kept

    def _candidates(self, kind: TypeName, node: FilterNode) -> list[str] | None:
        """Return ids among which all matches are; None if no index helps."""
        match node:
            case LogicalExpr(op=LogicalOperator.and_):
                found = [one for term in node.terms if (one := self._candidates(kind, term)) is not None]
                return min(found, key=len) if found else None
            case LogicalExpr():
                each = [self._candidates(kind, term) for term in node.terms]
                if any(one is None for one in each):
                    return None
                return list(dict.fromkeys(one for found in each for one in found or ()))
            case ValuePath():
                return self._candidates(kind, _said_plainly(node))
            case Comparison(op=CompareOperator.eq, value=str(value)):
                lookup = self._lookups[kind].get(_plain_name(node.attr_path))
                found = lookup(value) if lookup else None
                return None if found is None else list(dict.fromkeys(found))
            case _:
                return None

    def _listing(self, kind: TypeName) -> Listing:
        return self._people.listing if kind == "User" else self._groups.listing

    def _groups_of(self, member: str) -> list[str] | None:
        """Return the groups of a person. None for a group, whose groups are not indexed."""
        found = self._people.get_many([member])
        if found:
            return list(found[0].groups)
        return None if self._groups.get_many([member]) else []

    def _load(
        self,
        kind: TypeName,
        ids: Sequence[str],
        base_url: str,
        request: SearchRequest[Any],
        *,
        members: Literal["shown", "all"] | frozenset[str],
        naming: str = "",
        deadline: float | None = None,
    ) -> Iterator[Any]:
        """Yield the resources of `ids` in batches, in that order, as shown; people as in `get_many`.

        `members` of groups: those to show, all, or which of these are members. Raises TooManyException at
        the deadline, in seconds of the monotonic clock, and for more members than one answer may examine.
        """
        cache: GroupNames = {}
        left = stored_groups.SHOWN_MEMBERS
        for start in range(0, len(ids), _BATCH):
            if deadline is not None and monotonic() > deadline:
                raise TooManyException(detail=_NARROWER)
            part = ids[start : start + _BATCH]
            if kind == "User":
                for person in self._people.get_many(part, naming=naming):
                    self._people.know_groups(person, cache)
                    yield stored_people.shown(person, base_url, cache)
            else:
                stored = self._groups.get_many(part)
                named = isinstance(members, frozenset) and self._groups.among(
                    [one.id for one in stored], members
                )
                for group in stored:
                    found = named[group.id] if named else None
                    if members == "all":
                        found = self._groups.members(group.id, left)
                        if found is None:
                            raise TooManyException(detail=_NAMING)
                    elif members == "shown" and wants(request, "members"):
                        found = self._groups.shown_members(group.id, left)
                    if not named:
                        left -= len(found or ())
                    yield stored_groups.shown(group, base_url, found)


def wants(parameters: Any, attribute: str) -> bool:
    """Return whether an attribute that is returned by default is requested."""
    included, excluded = parameters.attributes, parameters.excluded_attributes
    if included:
        return any(_head(path) == attribute for path in included)
    return not any(_head(path) == attribute for path in excluded or ())


# Attributes whose stored text is not what they are compared by: made by the service, encoded, or addresses.
_MADE = frozenset({"id", "meta", "groups", "schemas", "password", "x509certificates", "photos", "profileurl"})
_CONTAINED = frozenset({CompareOperator.eq, CompareOperator.co, CompareOperator.sw, CompareOperator.ew})


def _must_name(node: FilterNode) -> str:
    """Return a text contained in every matching person, in lower case; empty if none is known."""
    if isinstance(node, LogicalExpr) and node.op == LogicalOperator.and_:
        return max((_must_name(term) for term in node.terms), key=len, default="")
    if (
        isinstance(node, Comparison)
        and isinstance(node.value, bool)
        and _plain_name(node.attr_path) == "active"
    ):
        return f'"active":{str(node.value).lower()}' if node.op == CompareOperator.eq else ""
    if not isinstance(node, Comparison) or node.op not in _CONTAINED or not isinstance(node.value, str):
        return ""
    text = node.value
    if node.attr_path.attr.casefold() in _MADE or not text.isascii() or not text.isprintable():
        return ""
    return "" if '"' in text or "\\" in text else text.lower()


def _members_named(node: FilterNode) -> frozenset[str] | None:
    """Return the only members on whom a match of the group depends; None: any."""
    match node:
        case LogicalExpr():
            return _together([_members_named(term) for term in node.terms])
        case Not():
            return _members_named(node.expr)
        case Comparison() | Present() | ValuePath() if _head(node.attr_path.attr) != "members":
            return frozenset()
        case ValuePath():
            return _member_of(node.val_filter)
        case Comparison(op=CompareOperator.eq, value=str(value)) if _plain_name(node.attr_path) in _MEMBERS:
            return frozenset([value])
        case _:
            return None


def _member_of(inner: FilterNode) -> frozenset[str] | None:
    """Return the members that the filter in `members[…]` can mean; None: any."""
    match inner:
        case LogicalExpr(op=LogicalOperator.and_):
            found = [one for term in inner.terms if (one := _member_of(term)) is not None]
            return min(found, key=len) if found else None
        case LogicalExpr():
            return _together([_member_of(term) for term in inner.terms])
        case Comparison(op=CompareOperator.eq, value=str(value)) if (
            inner.attr_path.attr.casefold() == "value"
        ):
            return frozenset([value])
        case _:
            return None


def _together(parts: Sequence[frozenset[str] | None]) -> frozenset[str] | None:
    known = [part for part in parts if part is not None]
    return frozenset[str]().union(*known) if len(known) == len(parts) else None


def _head(path: Any) -> str:
    """Return the first attribute of a path, without schema, sub-attribute and filter."""
    return str(path).rsplit(":", 1)[-1].split(".", 1)[0].split("[", 1)[0].casefold()


def _said_plainly(node: ValuePath) -> FilterNode:
    """Return `emails[type eq "a" and value eq "b"]` as `emails.type eq "a" and emails.value eq "b"`, which
    every match of the former also matches.
    """

    def within(inner: FilterNode) -> FilterNode:
        if isinstance(inner, LogicalExpr):
            return replace(inner, terms=tuple(within(term) for term in inner.terms))
        if isinstance(inner, Comparison) and not inner.attr_path.sub_attr:
            return replace(inner, attr_path=replace(node.attr_path, sub_attr=inner.attr_path.attr))
        return inner

    return within(node.val_filter)


def _plain_name(path: AttrPath) -> str:
    """Return `emails.value` for `urn:…:User:emails.value`; only core schemas have an index."""
    if path.uri and ":core:2.0:" not in path.uri:
        return ""
    return f"{path.attr}.{path.sub_attr}".casefold() if path.sub_attr else path.attr.casefold()

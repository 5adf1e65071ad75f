"""Ownership of files and containers at a provider, and what a request may name of them (L1.5, L1.10, G.1).

A provider knows only the organisation; any of its keys may use any file and any container. Here a file
belongs to the department of its uploader, or of the caller in whose call it was created, and the whole
department may use it by its id. A container holds intermediate results of code, and belongs to one caller.
Whatever belongs to others does not exist. A request that names one goes to the provider that holds it and
to no other.

A file keeps the class that inspection gave it, which counts in every request that names it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from lambdas.common.clock import Clock
from lambdas.common.identities import Principal
from lambdas.common.ledger.items import TTL, Cancelled, Change, Create, Key, Store
from lambdas.common.policy import Department
from lambdas.gateway.errors import ApiError, available, invalid_request, not_found
from lambdas.gateway.made import Made
from lambdas.gateway.providers.provider import ClaudeProvider
from lambdas.gateway.request_rules import permits_skill, skill_not_permitted
from lambdas.gateway.survey import Survey
from lambdas.inspection import DataClass, KnownFile

MADE, UPLOADED = "made", "uploaded"
ERASED = "erased"  # attribute of a file whose owner was erased and which must be deleted
_CONTAINERS_KEPT = timedelta(days=31)  # a provider keeps them for 30 days
_LONGEST_ID = 128
_MOST_NAMED = 100  # files per request


def file_key(department: str, file_id: str) -> Key:
    """Return the key of a department's file in the ledger's table."""
    return Key("ledger", f"FILES#{department}", file_id)


def _container_key(department: str, container: str) -> Key:
    return Key("ledger", f"CONTAINERS#{department}", container)


@dataclass(frozen=True, slots=True)
class Named:
    """What a request names at a provider: the provider that holds it (empty: any), and its files as
    inspection knows them.
    """

    provider: str = ""
    files: tuple[KnownFile, ...] = ()

    def among(self, providers: Sequence[ClaudeProvider]) -> Sequence[ClaudeProvider]:
        """Return those of the providers that can answer. Raises `ApiError` 404."""
        if not self.provider:
            return providers
        able = [one for one in providers if one.name == self.provider]
        if not able:
            raise not_found(
                f"The provider {self.provider}, which holds the files or the container of this request, is "
                "no longer configured: upload the files again, or send their content in the message.",
                reason="provider_gone",
            )
        return able


_NOTHING = Named()


@dataclass(frozen=True, slots=True)
class Owner:
    """Owner of what an answer created: the caller and its department, the provider, the call, and the class
    of what the call contained.
    """

    principal: str
    department: str
    provider: str
    request_id: str
    data_class: str


@dataclass(frozen=True, slots=True)
class Belongings:
    """Knows who owns what. `store` is the ledger's."""

    store: Store
    clock: Clock

    async def named(self, principal: Principal, department: Department, seen: Sequence[Survey]) -> Named:
        """Return what a request names.

        Raises `ApiError` 404 for what is not the caller's, 451 for a container with a Skill that is no
        longer approved, 400 if no single provider holds everything, 503.
        """
        files = [one for each in seen for one in each.files]
        containers = [one for each in seen for one in each.containers]
        if not files and not containers:
            return _NOTHING
        if len({file_id for _, file_id in files}) > _MOST_NAMED:
            raise invalid_request(f"A request may name {_MOST_NAMED} files at most.", reason="too_many_files")
        keys = {
            **{place: file_key(department.id, file_id) for place, file_id in files},
            **{place: _container_key(department.id, one) for place, one in containers},
        }
        found = await self._found(keys)
        for place, container in containers:
            item = found[place]
            if item is None or item["principal"] != principal.id:
                raise not_found(
                    f"{place}: you have no container {container[:_LONGEST_ID]}. Leave `container` out, or "
                    "name one that an answer to you has named.",
                    reason="unknown_container",
                )
            for skill in json.loads(item["skills"]):
                if not permits_skill(department, principal.roles, skill):
                    raise skill_not_permitted(place, skill, department.contact)
        known: list[KnownFile] = []
        for place, file_id in files:
            item = found[place]
            if item is None:
                raise not_found(
                    f"{place}: your department has no file {file_id[:_LONGEST_ID]}. Upload it with POST "
                    "/v1/files, or send its content in the message.",
                    reason="unknown_file",
                )
            unread = tuple(json.loads(item["unread"]))
            known.append(KnownFile(place, DataClass(item["data_class"]), unread))
        providers = {item["provider"] for item in found.values() if item is not None}
        if len(providers) > 1:
            raise invalid_request(
                f"The files and containers of this request lie at different providers "
                f"({', '.join(sorted(providers))}): upload the files again, so that one provider has all.",
                reason="several_providers",
            )
        return Named(providers.pop(), tuple(known))

    async def _found(self, keys: dict[str, Key]) -> dict[str, dict[str, Any] | None]:
        distinct = list(dict.fromkeys(keys.values()))
        short = [one for one in distinct if 0 < len(one.sk) <= _LONGEST_ID]
        items = dict(zip(short, await available(self.store.get(short)), strict=True)) if short else {}
        return {place: known(items.get(key)) for place, key in keys.items()}

    async def keep(self, owner: "Owner", made: Made) -> None:
        """Store the owner of an answer's container and files. Never raises: what has no owner is
        inaccessible.
        """
        by = {"principal": owner.principal, "provider": owner.provider, "request_id": owner.request_id}
        now = self.clock()
        try:
            if made.container:
                key = _container_key(owner.department, made.container)
                loaded = {
                    "skills": json.dumps(made.skills),
                    TTL: int((now + _CONTAINERS_KEPT).timestamp()),
                }
                if not await self._created(Create(key, {**by, **loaded})):
                    await self.store.apply(Change(key, loaded, {"principal": owner.principal}))
            for file_id in made.files:
                item = {
                    **by,
                    "origin": MADE,
                    "created_at": now.isoformat(timespec="seconds"),
                    "data_class": owner.data_class,
                    "unread": "[]",
                }
                await self._created(Create(file_key(owner.department, file_id), item))
        except Exception:  # whatever the store raises
            return

    async def _created(self, item: Create) -> bool:
        """Create the item. Return False if an earlier answer has named it."""
        try:
            await self.store.apply(item)
        except Cancelled:
            return False
        return True


def known(item: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the item of a file or container; None if its owner's data were erased."""
    return None if item is None or ERASED in item else item


def not_yours(file_id: str) -> ApiError:
    """Return a 404: no such file, or none that this caller may access."""
    return not_found(f"You have no file {file_id[:_LONGEST_ID]}.", reason="unknown_file")

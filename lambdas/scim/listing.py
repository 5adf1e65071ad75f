"""Every id of one type of resource, by position: a page costs the same in the middle of any number.

    pk                      sk          what
    LIST#User#<part>, …     <id>        an id, in one of 256 parts, which a hash of the id chooses
    COUNT#User, …           <part>      how many ids are in the part: `n`

A resource, its entry and the count of its part change in one transaction, so a count is never wrong. Two
writers of one part at a time conflict; with 256 parts that is rare, and the transaction is tried again.
"""

from collections.abc import Mapping

from lambdas.scim.resources import TypeName
from lambdas.scim.store import DirectoryStore, Write, hashed


class Listing:
    """The ids of all resources of `kind`. Raises `DirectoryUnavailable`."""

    def __init__(self, store: DirectoryStore, kind: TypeName) -> None:
        self._store = store
        self._list = f"LIST#{kind}"
        self._count = f"COUNT#{kind}"

    def ids(self, after: str = "") -> list[str]:
        """Every id, in the order of creation; those after one of them. Reads all of them."""
        parts = [self._part(part) for part, held in self._counts().items() if held]
        return sorted(one for names in self._store.names_under_each(parts) for one in names if one > after)

    def page(self, start: int, count: int) -> tuple[int, list[str]]:
        """How many ids there are, and `count` of them from position `start`, which counts from 0.

        The order is the same at each call; who is new may come anywhere in it.
        """
        counts = self._counts()
        ids: list[str] = []
        skipped = start
        for part, held in sorted(counts.items()):
            if len(ids) >= count:
                break
            if skipped >= held:
                skipped -= held
                continue
            ids += self._store.names_under(self._part(part))[skipped:]
            skipped = 0
        return sum(counts.values()), ids[:count]

    def addition(self, identifier: str) -> list[Write]:
        """What the transaction that creates a resource writes here."""
        return [
            Write(self._store.put(self._part(_part_of(identifier)), identifier, {})),
            Write(self._store.add(self._count, _part_of(identifier), "n", 1)),
        ]

    def removal(self, identifier: str) -> list[Write]:
        """What the transaction that deletes a resource writes here."""
        return [
            Write(self._store.delete(self._part(_part_of(identifier)), identifier)),
            Write(self._store.add(self._count, _part_of(identifier), "n", -1)),
        ]

    def _counts(self) -> Mapping[str, int]:
        return {item["sk"]["S"]: int(item["n"]["N"]) for item in self._store.pages(self._count)}

    def _part(self, part: str) -> str:
        return f"{self._list}#{part}"


def _part_of(identifier: str) -> str:
    return hashed(identifier)[:2]

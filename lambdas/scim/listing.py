"""Every id of one type of resource, by position: a page costs the same in the middle of any number.

    pk                      sk          what
    LIST#User#<part>, …     <id>        an id, in one of 256 parts, which a hash of the id chooses
    COUNT#User, …           <part>      how many ids are in the part: `n`

A resource, its entry and the count of its part change in one transaction, so a count is never wrong. Two
writers of one part at a time conflict; with 256 parts that is rare, and the transaction is tried again.

Earlier, every entry was under `LIST#User` or `LIST#Group` itself, uncounted. Entries of then are read as one
more part until `adopt`, which the worker calls each minute, has moved them.
"""

from collections.abc import Callable, Mapping

from lambdas.scim.resources import TypeName
from lambdas.scim.store import MOST_WRITES, RESOURCE, DirectoryStore, Stale, Write, hashed

_MOVED_AT_ONCE = (MOST_WRITES - 1) // 2  # each is put and deleted; one write counts them


class Listing:
    """The ids of all resources of `kind`. Raises `DirectoryUnavailable`."""

    def __init__(self, store: DirectoryStore, kind: TypeName) -> None:
        self._store = store
        self._resources = f"{kind.upper()}#"
        self._list = f"LIST#{kind}"
        self._count = f"COUNT#{kind}"

    def ids(self, after: str = "") -> list[str]:
        """Return every id in order of creation, after a given one. Reads all of them."""
        parts = [part for part, held in self._held().items() if held]
        return sorted(one for names in self._store.names_under_each(parts) for one in names if one > after)

    def page(self, start: int, count: int) -> tuple[int, list[str]]:
        """Return the number of ids, and `count` of them from position `start`, counted from 0.

        The order is the same at each call; new ids may appear anywhere in it.
        """
        parts = self._held()
        ids: list[str] = []
        skipped = start
        for part, held in sorted(parts.items()):
            if len(ids) >= count:
                break
            if skipped >= held:
                skipped -= held
                continue
            ids += self._store.names_under(part)[skipped:]
            skipped = 0
        return sum(parts.values()), ids[:count]

    def addition(self, identifier: str) -> list[Write]:
        """Return what the transaction that creates a resource writes here."""
        return [
            Write(self._store.put(self._part(_part_of(identifier)), identifier, {})),
            Write(self._store.add(self._count, _part_of(identifier), "n", 1)),
        ]

    def removal(self, identifier: str) -> list[Write]:
        """Return what the transaction that deletes a resource writes here. Stale if the entry is moved
        meanwhile.
        """
        if self._store.get(self._list, identifier) is not None:
            return [Write(self._store.delete(self._list, identifier, "attribute_exists(pk)"))]
        return [
            Write(self._store.delete(self._part(_part_of(identifier)), identifier)),
            Write(self._store.add(self._count, _part_of(identifier), "n", -1)),
        ]

    def adopt(self, has_time: Callable[[], bool]) -> int:
        """Move entries of an earlier version into the parts, and return how many.

        What there was no time for, and what changed meanwhile, is left for the next call.
        """
        of_part: dict[str, list[str]] = {}
        for identifier in self._store.names_under(self._list):
            of_part.setdefault(_part_of(identifier), []).append(identifier)
        moved = 0
        for part, ids in of_part.items():
            for start in range(0, len(ids), _MOVED_AT_ONCE):
                if not has_time():
                    return moved
                moved += self._move(part, ids[start : start + _MOVED_AT_ONCE])
        return moved

    def _move(self, part: str, ids: list[str]) -> int:
        """Move the entries of one part with their count, atomically.

        A deletion by a version that did not know the old place was already counted, so the count is
        corrected without an entry.
        """
        there = self._store.get_many([(self._resources + one, RESOURCE) for one in ids])
        writes = [Write(self._store.add(self._count, part, "n", len(ids)))]
        for one in ids:
            writes.append(Write(self._store.delete(self._list, one, "attribute_exists(pk)")))
            if self._resources + one in there:
                writes.append(Write(self._store.put(self._part(part), one, {})))
        try:
            self._store.transact(writes)
        except Stale:
            return 0
        return len(ids)

    def _held(self) -> Mapping[str, int]:
        """Return the number of ids by partition key."""
        held = {self._part(item["sk"]["S"]): int(item["n"]["N"]) for item in self._store.pages(self._count)}
        unmoved = self._store.names_under(self._list)
        return {**held, self._list: len(unmoved)} if unmoved else held

    def _part(self, part: str) -> str:
        return f"{self._list}#{part}"


def _part_of(identifier: str) -> str:
    return hashed(identifier)[:2]

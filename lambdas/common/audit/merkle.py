"""Merkle trees as defined by RFC 9162 (section 2.1), with SHA-256, over the hashes of records (L2.5, G.3).

A leaf is a block: the hashes of consecutive records, as in the chain, 32 bytes each, so that a record is
hashed once and the tree costs a fraction of that. Segments from before blocks existed have one hash per
leaf.
"""

from collections.abc import Sequence
from hashlib import sha256

EMPTY = sha256(b"").digest()
HASH_BYTES = 32


def blocks_of(hashes: bytes, block: int) -> list[bytes]:
    """Return the leaves of a tree: consecutive hashes, `block` of them per leaf."""
    step = HASH_BYTES * block
    return [hashes[at : at + step] for at in range(0, len(hashes), step)]


def root_of(entries: Sequence[bytes]) -> bytes:
    """Return the root hash of the tree."""
    if not entries:
        return EMPTY
    hashed = sha256
    level = [hashed(b"\0" + entry).digest() for entry in entries]
    while len(level) > 1:
        paired = [hashed(b"\1" + left + right).digest() for left, right in zip(level[::2], level[1::2])]  # noqa: B905
        # The last node of an odd level moves up unchanged, which is equivalent to the recursive definition.
        level = [*paired, level[-1]] if len(level) % 2 else paired
    return level[0]


def inclusion_proof(entries: Sequence[bytes], index: int) -> list[bytes]:
    """Return the audit path of one leaf, from the leaf up. Raises IndexError."""
    if not 0 <= index < len(entries):
        raise IndexError(index)
    path: list[bytes] = []
    level = [sha256(b"\0" + entry).digest() for entry in entries]
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        paired = [sha256(b"\1" + level[at] + level[at + 1]).digest() for at in range(0, len(level) - 1, 2)]
        level = [*paired, level[-1]] if len(level) % 2 else paired
        index //= 2
    return path


def holds(entry: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Return whether the path proves that the tree of `size` leaves has this leaf at `index` (RFC 9162,
    2.1.3.2).
    """
    if not 0 <= index < size:
        return False
    first, last = index, size - 1
    found = sha256(b"\0" + entry).digest()
    for part in path:
        if last == 0:
            return False
        if first & 1 or first == last:
            found = sha256(b"\1" + part + found).digest()
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            found = sha256(b"\1" + found + part).digest()
        first, last = first >> 1, last >> 1
    return last == 0 and found == root

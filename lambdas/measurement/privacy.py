"""Small groups are not shown (L5.1): nobody can read one person's habits off a table, not even by taking
shown cells from a shown total.
"""

from collections.abc import Collection, Mapping

SMALLEST_GROUP = 5


def hidden(cells: Mapping[str, Collection[str]], smallest: int = SMALLEST_GROUP) -> frozenset[str]:
    """Which cells of one table may not be shown, given the people behind each.

    A cell with fewer than `smallest` people is hidden; one without people (applications only) is not. As the
    total of the table is shown, the hidden cells together must not be a small group either: the smallest
    shown ones are hidden too until there are two and `smallest` people behind them. Where that cannot be,
    all are hidden, and then `total_shown` says whether the total may be.
    """
    groups = {name: frozenset(people) for name, people in cells.items() if people}
    small = {name for name, people in groups.items() if len(people) < smallest}
    if not small:
        return frozenset()
    rest = sorted(groups.keys() - small, key=lambda name: (len(groups[name]), name))
    while rest and not _covered(small, groups, smallest):
        small.add(rest.pop(0))
    return frozenset(small)


def total_shown(cells: Mapping[str, Collection[str]], smallest: int = SMALLEST_GROUP) -> bool:
    """Whether the total of a table may be shown: not when it, or what hides behind it, is a small group."""
    everyone = frozenset().union(*(frozenset(people) for people in cells.values()))
    if not everyone:
        return True
    if len(everyone) < smallest:
        return False
    names = hidden(cells, smallest)
    groups = {name: frozenset(people) for name, people in cells.items()}
    return not names or _covered(set(names), groups, smallest)


def _covered(names: set[str], groups: Mapping[str, frozenset[str]], smallest: int) -> bool:
    union = frozenset().union(*(groups[name] for name in names))
    return len(names) >= 2 and len(union) >= smallest

"""Small groups are not shown (L5.1): nobody can read one person's habits off a table, not even by taking
shown cells from a shown total, or one day from another.

What is shown by day is made of atoms: a department's days, put together until `SMALLEST_GROUP` people are
behind them. Every figure by day is an atom or a sum of whole atoms, and each event is in one atom only, so
that no sum or difference of such figures speaks of fewer people. Numbers of people are shown in steps of
five: six on one day and five on the next would tell that one person stayed away.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from datetime import date, timedelta

from lambdas.measurement.aggregates import Aggregate, DepartmentAggregate

SMALLEST_GROUP = 5


def coarse(people: int) -> int:
    """A number of people as it is shown by day or week: rounded down to a whole multiple of the group."""
    return people - people % SMALLEST_GROUP


def quarter_start(day: date) -> date:
    """The first day of a day's quarter, with which atoms begin: every reader puts the same days together."""
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def days_until(day: date) -> Iterator[str]:
    """The days of the quarter up to `day`: what its atoms are made of."""
    first = quarter_start(day)
    for number in range((day - first).days + 1):
        yield (first + timedelta(days=number)).isoformat()


def shown_by_day(
    days: Iterable[tuple[str, Aggregate]], smallest: int = SMALLEST_GROUP
) -> Iterator[tuple[str, dict[str, DepartmentAggregate]]]:
    """What may be shown of each day, by department: an atom that ends on it, or nothing. Days come in order.

    A day of too few people is shown together with the next ones, in the same quarter, that make them enough.
    Figures of applications alone speak of nobody and are shown at once. The first day must be that of a
    quarter, or the first atoms are others than those of a reader who began there.
    """
    waiting: dict[str, DepartmentAggregate] = {}
    start = None
    for day, aggregate in days:
        if quarter_start(date.fromisoformat(day)) != start:
            start, waiting = quarter_start(date.fromisoformat(day)), {}
        shown: dict[str, DepartmentAggregate] = {}
        for name, department in sorted(aggregate.departments.items()):
            atom = department
            if name in waiting:
                atom = waiting.pop(name)
                atom.add(department)
            if not atom.behind or len(atom.behind) >= smallest:
                shown[name] = atom
            else:
                waiting[name] = deepcopy(atom)
        yield day, shown


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

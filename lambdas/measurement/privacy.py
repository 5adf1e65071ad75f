"""Small groups are not shown (L5.1): nobody can read one person's habits off a table, not even by taking
shown cells from a shown total, or one day from another.

What is shown by day is made of atoms: a department's days, put together until `SMALLEST_GROUP` people are
behind them. Every figure by day is an atom or a sum of whole atoms, and each event is in one atom only, so
that no sum or difference of such figures speaks of fewer people. Numbers of people are disclosed in steps of
five: six on one day and five on the next would tell that one person stayed away.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby

from lambdas.measurement.aggregates import OTHER, Aggregate, Cell, DepartmentAggregate

SMALLEST_GROUP = 5


def coarse(people: int) -> int:
    """Return a number of people as shown by day or week: rounded down to a multiple of the group size."""
    return people - people % SMALLEST_GROUP


def month_start(day: date) -> date:
    """Return the first day of the month, with which atoms begin, so that every reader combines the same
    days.
    """
    return day.replace(day=1)


def days_until(day: date) -> Iterator[str]:
    """Yield the days of the month up to `day`, from which its atoms are made."""
    first = month_start(day)
    for number in range((day - first).days + 1):
        yield (first + timedelta(days=number)).isoformat()


def shown_by_day(
    days: Iterable[tuple[str, Aggregate]], smallest: int = SMALLEST_GROUP
) -> Iterator[tuple[str, dict[str, DepartmentAggregate]]]:
    """What may be shown of each day, by department: an atom that ends on it, or nothing. Days come in order.

    A day of too few people is disclosed together with the next ones, in the same month, that make them
    enough. Figures of applications alone speak of nobody and are shown at once. The first day must be that
    of a month, or the first atoms are others than those of a reader who began there.
    """
    waiting: dict[str, DepartmentAggregate] = {}
    start = None
    for day, aggregate in days:
        if month_start(date.fromisoformat(day)) != start:
            start, waiting = month_start(date.fromisoformat(day)), {}
        yield day, _closed(aggregate, waiting, smallest)


def _closed(
    aggregate: Aggregate, waiting: dict[str, DepartmentAggregate], smallest: int
) -> dict[str, DepartmentAggregate]:
    """Return the atoms that a day closes; what it leaves open stays in `waiting`."""
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
    return shown


@dataclass(frozen=True)
class Released:
    """What may be disclosed of a month: by department the sum of its atoms, and what is left of all
    departments together (`rest`; None where it is a small group: then it is not shown, nor a total with it).
    `over`: whether the month is. Before that, only whole atoms are disclosed and nothing by use case or
    model: the figures of one evening less those of the evening before would speak of one person.
    """

    departments: Mapping[str, DepartmentAggregate]
    rest: DepartmentAggregate | None
    over: bool
    secret: frozenset[str] = frozenset()  # departments of which something is in the rest


def released(
    days: Iterable[tuple[str, Aggregate]], last: date, smallest: int = SMALLEST_GROUP
) -> dict[str, Released]:
    """What may be disclosed of each month (YYYY-MM), given all its days in order up to `last`, which is over.

    Everything that is ever disclosed of a department is a sum of atoms or, once a month is over, the rest of
    all departments together; so no sum or difference of statements, reports, maturity, dashboards and metrics
    speaks of fewer than `smallest` people.
    """
    disclosed: dict[str, Released] = {}
    for month, of_month in groupby(days, key=lambda one: one[0][:7]):
        waiting: dict[str, DepartmentAggregate] = {}
        sums: dict[str, DepartmentAggregate] = {}
        for _, aggregate in of_month:
            for name, atom in _closed(aggregate, waiting, smallest).items():
                sums.setdefault(name, DepartmentAggregate()).add(atom)
        over = (last + timedelta(days=1)).isoformat()[:7] > month
        disclosed[month] = Released(
            {name: _detailed(one, smallest) if over else _plain(one) for name, one in sorted(sums.items())},
            _rest(waiting, smallest) if over else None,
            over,
            frozenset(waiting),
        )
    return disclosed


def _rest(waiting: Mapping[str, DepartmentAggregate], smallest: int) -> DepartmentAggregate | None:
    rest = DepartmentAggregate()
    for department in waiting.values():
        rest.add(department)
    if waiting and (len(waiting) < 2 or len(rest.behind) < smallest):
        return None
    return _plain(rest)


def _plain(department: DepartmentAggregate) -> DepartmentAggregate:
    """Return it without figures of use cases and models."""
    return replace(department, use_cases={}, models={})


def _detailed(department: DepartmentAggregate, smallest: int) -> DepartmentAggregate:
    """Return it with the use cases and models that have enough people; the others together are OTHER."""
    return replace(
        department,
        use_cases=_grouped(department.use_cases, smallest),
        models=_grouped(department.models, smallest),
    )


def _grouped(cells: Mapping[str, Cell], smallest: int) -> dict[str, Cell]:
    secret = hidden({name: cell.behind for name, cell in cells.items()}, smallest)
    kept = {name: cell for name, cell in cells.items() if name not in secret and name != OTHER}
    left = Cell()
    for name in sorted(cells.keys() - kept.keys()):
        left.add(cells[name])
    return kept | ({OTHER: left} if left.counts or left.people else {})


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
    """Return whether the total of a table may be shown: not if it, or what hides behind it, is a small
    group.
    """
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

"""Files that a request references by id: inspected at upload, with the class they were given (G.1, L2.3)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lambdas.inspection.findings import DataClass, Finding, Inspection, Uninspectable
from lambdas.inspection.policy import level_of

_FILE = "file"
_SOURCE = ".source"


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file: its `place` in the request, its `level`, and the kinds of unreadable content in it."""

    place: str
    level: DataClass
    unread: tuple[str, ...] = ()


def with_known_files(inspection: Inspection, files: Iterable[KnownFile]) -> Inspection:
    """Return the inspection with the files' known content in place of "cannot be read"."""
    known = {place: one for one in files for place in (one.place, one.place.removesuffix(_SOURCE))}
    if not known:
        return inspection
    findings = list(inspection.findings)
    uninspectable: list[Uninspectable] = []
    for one in inspection.uninspectable:
        file = known.get(one.field) if one.kind == _FILE else None
        if file is None:
            uninspectable.append(one)
            continue
        uninspectable += [Uninspectable(kind, one.field) for kind in file.unread]
        if file.level is not DataClass.PUBLIC:
            findings.append(Finding("FILE", file.level, 1.0, one.field, 0, 0, "inspected-file", ""))
    level = max(inspection.level, level_of(findings, None), key=lambda each: each.rank)
    return replace(
        inspection,
        findings=tuple(findings),
        uninspectable=tuple(dict.fromkeys(uninspectable)),
        level=level,
    )
